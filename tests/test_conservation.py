"""Random rosters, outcomes and prices, from frame to ledger: credits sum to the gain, payments to the pot."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import counterfoil as cf
from counterfoil.attribution import RULES, attribute
from counterfoil.attribution.payment import exact
from counterfoil.attribution.rules import is_efficient
from counterfoil.contract import Contract
from counterfoil.errors import EstimationError, IdentificationError
from counterfoil.estimators import Contribution

NAMES = ("a", "b", "c", "d")
TERMS: dict[str, Any] = {
    "owen": {"unions": [["a", "b"], ["c"]]},
    "stage_respecting": {"stages": [["b"], ["a", "c"]]},
    "plurality": {"ties": "equal"},
    "fixed": {"fractions": {"a": "0.6", "c": "0.4"}},
}
EFFICIENT = [name for name in RULES if is_efficient(name) and name != "order_of_service"]  # the frames have no dates


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(30, 200))
    data = pd.DataFrame((rng.random((size, 4)) < draw(st.floats(0.1, 0.9))).astype(int), columns=NAMES)
    scale = 10.0 ** draw(st.integers(-6, 6))
    data["y"] = scale * (rng.normal(size=size) + data.to_numpy() @ rng.normal(size=4))
    return data.assign(dose=rng.integers(1, 9, size), x=rng.normal(size=size))


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """Draw a design, a rule, a price, a carve-out, a cap, a currency and a rounding."""
    unconfounded = {"design": "unconfounded", "covariates": ["x"]} if draw(st.booleans()) else {}
    model = draw(st.sampled_from(["additive", "pairwise", "saturated"]))
    rule = draw(st.sampled_from(EFFICIENT))
    currency, places = draw(st.sampled_from([("USD", 2), ("JPY", 0), ("KWD", 3)]))
    carve_outs = {"hub": draw(st.decimals(0, 1, places=3))} if draw(st.booleans()) else {}
    price: dict[str, object] = {"effect": "y", "per": "person", "price": draw(st.decimals(0, 1_000, places=places))}
    cap = {"cap": draw(st.decimals(0, 5_000, places=places)), "scope": "contract"}
    return Contract.model_validate(
        {
            "counterfoil": 1,
            "name": "drawn",
            "currency": currency,
            "rounding": draw(st.sampled_from(["half_up", "half_even", "down"])),
            "parties": {
                **{name: {"role": "provider"} for name in NAMES},
                "hub": {"role": "backbone"},
                "city": {"role": "outcome_payer"},
            },
            "effects": {
                "y": {
                    "outcome": "y",
                    "better": draw(st.sampled_from(["higher", "lower"])),
                    "estimator": {"kind": "contribution", "model": model, **unconfounded},
                    "split": {"rule": rule, "carve_outs": carve_outs, **TERMS.get(rule, {})},
                }
            },
            "payments": [price, cap] if draw(st.booleans()) else [price],
        }
    )


@given(frames(), contracts())
def test_credits_sum_to_the_gain_and_payments_to_the_pot(data: pd.DataFrame, contract: Contract) -> None:
    study = cf.Study.from_frame(data, providers=NAMES, outcomes=["y"], doses=dict.fromkeys(NAMES, "dose"))
    evaluation = cf.evaluate(contract, study)
    result = evaluation.effects["y"]
    if not evaluation.answered or evaluation.settlement is None:
        assert evaluation.refused
        return
    assert result.shares is not None
    assert result.total is not None
    gap = result.shares.credits.values.sum() - result.total.values[0]
    assert abs(gap) <= 1e-12 * np.abs(data["y"]).max()
    pot = evaluation.settlement.steps[-1].amount
    assert sum(line.amount for line in evaluation.settlement.lines) == evaluation.settlement.total == pot
    assert all(line.amount >= 0 for line in evaluation.settlement.lines)


@given(frames(), contracts(), st.sampled_from(["identity", "precision"]), st.integers(0, 2**32 - 1))
def test_a_pot_of_another_design_is_divided_whole(
    data: pd.DataFrame, contract: Contract, weights: str, seed: int
) -> None:
    """A lottery that has nothing to do with the services fixes the pot; what it pays is divided to the cent."""
    terms = contract.model_dump()
    parts = terms["effects"]["y"]
    rule = parts["split"]["rule"]
    given = {**TERMS.get(rule, {}), "carve_outs": parts["split"]["carve_outs"], "projection_weights": weights}
    split = {"rule": rule, "credits_from": "parts", "otherwise": {"a": "0.7", "d": "0.3"}, **given}
    pot = {**parts, "estimator": {"kind": "experiment"}, "split": split}
    terms["effects"] = {"y": pot, "parts": {**parts, "split": None}}
    lots = np.random.default_rng(seed).integers(0, 2, len(data))
    study = cf.Study.from_frame(
        data.assign(assigned=lots), providers=NAMES, outcomes=["y"], doses=dict.fromkeys(NAMES, "dose")
    )
    evaluation = cf.evaluate(Contract.model_validate(terms), study)
    result = evaluation.effects["y"]
    if not evaluation.answered or evaluation.settlement is None:
        assert evaluation.refused or result.refused or evaluation.effects["parts"].refused
        return
    assert result.shares is not None
    assert result.total is not None
    pot_gain = result.sign * float(result.total.values[0])
    pots = [step for step in evaluation.settlement.steps if step.action in ("round", "cap")]
    assert sum(line.amount for line in evaluation.settlement.lines) == evaluation.settlement.total == pots[-1].amount
    assert all(line.amount >= 0 for line in evaluation.settlement.lines)
    assert evaluation.settlement.total == 0 or pot_gain > 0
    raw = result.sign * result.shares.credits.values
    agreed = any(step.action == "agreement" for step in evaluation.settlement.steps)
    assert agreed == (evaluation.settlement.total > 0 and sum(exact(float(credit)) for credit in raw) <= 0)


@given(frames(), st.sampled_from(["additive", "pairwise", "saturated"]))
def test_every_rule_of_one_fit_has_the_same_total(data: pd.DataFrame, model: str) -> None:
    study = cf.Study.from_frame(data, providers=NAMES, outcomes=["y"], doses=dict.fromkeys(NAMES, "dose"))
    try:
        fit = Contribution.model_validate({"outcome": "y", "providers": NAMES, "model": model}).fit(study)
        sums = [attribute(fit, name, **TERMS.get(name, {})).credits.values.sum() for name in EFFICIENT]
    except (IdentificationError, EstimationError):
        return
    assert np.ptp(sums) <= 1e-12 * np.abs(data["y"]).max()
