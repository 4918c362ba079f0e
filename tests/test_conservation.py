"""Random rosters, outcomes and prices, from frame to ledger: credits sum to the gain, payments to the pot."""

from decimal import Decimal

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import counterfoil as cf
from counterfoil.attribution import RULES, attribute
from counterfoil.contract import Contract
from counterfoil.errors import EstimationError, IdentificationError
from counterfoil.estimators import Contribution

NAMES = ("a", "b", "c")


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(30, 200))
    data = pd.DataFrame((rng.random((size, 3)) < draw(st.floats(0.1, 0.9))).astype(int), columns=NAMES)
    scale = 10.0 ** draw(st.integers(-6, 6))
    data["y"] = scale * (rng.normal(size=size) + data.to_numpy() @ rng.normal(size=3))
    return data.assign(dose=rng.integers(1, 9, size))


def terms(model: str, rule: str, price: Decimal) -> Contract:
    return Contract.model_validate(
        {
            "counterfoil": 1,
            "name": "drawn",
            "currency": "USD",
            "parties": {**{name: {"role": "provider"} for name in NAMES}, "city": {"role": "outcome_payer"}},
            "effects": {
                "y": {
                    "outcome": "y",
                    "better": "higher",
                    "estimator": {"kind": "contribution", "model": model},
                    "split": {"rule": rule},
                }
            },
            "payments": [{"effect": "y", "per": "person", "price": price}],
        }
    )


@given(
    frames(),
    st.sampled_from(["additive", "pairwise", "saturated"]),
    st.sampled_from([name for name, make in RULES.items() if make().efficient]),
    st.decimals(0, 1_000, places=2),
)
def test_credits_sum_to_the_gain_and_payments_to_the_pot(
    data: pd.DataFrame, model: str, rule: str, price: Decimal
) -> None:
    study = cf.Study.from_frame(data, providers=NAMES, outcomes=["y"], doses=dict.fromkeys(NAMES, "dose"))
    evaluation = cf.evaluate(terms(model, rule, price), study)
    result = evaluation.effects["y"]
    if not evaluation.answered or evaluation.settlement is None:
        assert evaluation.refused
        return
    assert result.shares is not None
    assert result.total is not None
    gap = result.shares.credits.values.sum() - result.total.values[0]
    assert abs(gap) <= 1e-12 * np.abs(data["y"]).max()
    pot = [step for step in evaluation.settlement.steps if step.action == "round"][-1].amount
    assert sum(line.amount for line in evaluation.settlement.lines) == evaluation.settlement.total == pot
    assert all(line.amount >= 0 for line in evaluation.settlement.lines)


@given(frames(), st.sampled_from(["additive", "pairwise", "saturated"]))
def test_every_rule_of_one_fit_has_the_same_total(data: pd.DataFrame, model: str) -> None:
    study = cf.Study.from_frame(data, providers=NAMES, outcomes=["y"], doses=dict.fromkeys(NAMES, "dose"))
    try:
        fit = Contribution.model_validate({"outcome": "y", "providers": NAMES, "model": model}).fit(study)
        sums = [attribute(fit, name).credits.values.sum() for name, make in RULES.items() if make().efficient]
    except (IdentificationError, EstimationError):
        return
    assert np.ptp(sums) <= 1e-12 * np.abs(data["y"]).max()
