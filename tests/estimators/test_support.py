"""The support ledger adds up to the credits and says what the data carry."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import EqualSplit, Fixed, LastIn, Shapley
from counterfoil.datasets import Study
from counterfoil.estimators import Contribution, functional
from counterfoil.estimators.support import support


def studies(seed: int = 0, rare: int = 4) -> pd.DataFrame:
    """Draw three providers; only ``rare`` people have the third alone, which all who have it with others are compared with."""
    rng = np.random.default_rng(seed)
    served = rng.random((1_200, 3)) < 0.5
    alone = np.flatnonzero(served[:, 2] & ~served[:, :2].any(axis=1))[rare:]
    keep = np.setdiff1d(np.arange(1_200), alone)
    x = rng.normal(size=1_200)
    frame = pd.DataFrame(served.astype(int), columns=["a", "b", "c"])
    return frame.assign(x=x, y=x + served @ [0.4, 0.3, 0.2] + rng.normal(size=1_200)).iloc[keep]


def test_rice_is_supported(rice: Study) -> None:
    assert support(Contribution(outcome="takeup").fit(rice), Shapley()).fraction().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("design", ["randomized", "unconfounded"])
@pytest.mark.parametrize("model", ["saturated", "pairwise"])
def test_rows_add_up_to_the_credits(design: str, model: str) -> None:
    spec = {"outcome": "y", "providers": ("a", "b", "c"), "covariates": ("x",), "design": design, "model": model}
    fit = Contribution.model_validate(spec).fit(studies())
    for rule in (Shapley(), EqualSplit(), LastIn(), Fixed((0.5, 0.3, 0.2))):
        ledger = support(fit, rule).tidy()
        classes = ledger[["supported", "model-based", "joint", "by agreement"]].sum(axis=1)
        np.testing.assert_allclose(classes, ledger["estimate"], atol=1e-12)
        if model == "saturated":
            np.testing.assert_allclose(ledger["estimate"], functional(fit, rule).values, atol=1e-12)


def test_rows_add_up_where_rare_pairs_are_shrunk() -> None:
    spec = {"outcome": "y", "providers": ("a", "b", "c"), "covariates": ("x",), "model": "pairwise", "min_pair": 700}
    fit = Contribution.model_validate(spec).fit(studies())
    assert fit.surface.shrunk
    np.testing.assert_allclose(
        support(fit, Shapley()).tidy()["estimate"], functional(fit, Shapley()).values, atol=1e-12
    )


def test_rules_that_ask_for_less_rest_on_more() -> None:
    fit = Contribution(outcome="y", providers=("a", "b", "c"), covariates=("x",)).fit(studies())
    shapley, equal = support(fit, Shapley()), support(fit, EqualSplit())
    thin = shapley.by_pattern().query("support == 'model-based'")["pattern"].tolist()
    assert thin == ["c", "a + c", "b + c", "a + b + c"]
    assert equal.by_pattern().query("support == 'model-based'")["pattern"].tolist() == ["c"]
    assert (shapley.fraction() < equal.fraction()).all()
    # What rests on four people is hidden, with what it could be derived from.
    assert shapley.by_pattern()["rarest"].tolist()[4:] == ["<11"] * 3


def test_agreement_and_joint_credit_have_their_own_columns() -> None:
    frame = studies().assign(d=lambda data: data["a"])
    fit = Contribution(outcome="y", providers=("a", "b", "c", "d"), model="pairwise", aliases="joint").fit(frame)
    ledger = support(fit, Shapley()).tidy().set_index("provider")
    assert ledger.loc["a + d", "joint"] == ledger.loc["a + d", "estimate"] != 0
    assert ledger.loc["b", "joint"] == 0
    agreed = support(fit, Fixed((0.5, 0.25, 0.25))).tidy()
    assert (agreed[["supported", "model-based"]] == 0).all(axis=None)
