"""Providers that the data cannot tell apart: alias sets, joint credit, backbones."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import attribute
from counterfoil.datasets.roster import Roster
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution
from counterfoil.estimators.aliases import alias_sets, null_projector


def test_public_vector() -> None:
    """Six providers: 1 and 2 twins, 3 and 4 twins, 5 serves all, 0 is free."""
    rng = np.random.default_rng(0)
    free = rng.random((200, 3)) < 0.5
    exposure = np.column_stack([free[:, 0], free[:, 1], free[:, 1], free[:, 2], free[:, 2], np.ones(200, bool)])
    roster = Roster(np.arange(200), tuple("012345"), exposure)
    sets = alias_sets(roster)
    assert [group.providers for group in sets] == [("1", "2"), ("3", "4"), ("5",)]
    assert [group.determined for group in sets] == [True, True, False]
    projector, _ = null_projector(exposure.astype(float), np.ones((200, 1)))
    size = []
    for group in ((1, 2), (3, 4), (5,)):
        shares = np.zeros(6)
        shares[list(group)] = exposure[:, list(group)].mean(axis=0)
        size.append(np.linalg.norm(projector @ shares))
    np.testing.assert_allclose(size, [0, 0, 1], atol=1e-12)


def test_a_roster_that_is_the_sum_of_two_others_and_one_of_three_for_everybody() -> None:
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 3, 300)
    a, b = kind == 1, kind == 2
    summed = alias_sets(Roster(np.arange(300), ("a", "b", "c"), np.column_stack([a, b, a | b])))
    assert [(group.providers, group.determined) for group in summed] == [(("a", "b", "c"), True)]
    one_each = alias_sets(Roster(np.arange(300), ("a", "b", "c"), np.column_stack([kind == k for k in range(3)])))
    assert [(group.providers, group.determined) for group in one_each] == [(("a", "b", "c"), False)]
    assert alias_sets(Roster(np.arange(300), ("a", "b"), np.column_stack([a, b]))) == ()


def initiative(seed: int = 0, size: int = 2_000) -> pd.DataFrame:
    """Design B6: 0 and 1 always together, 2 independent, 3 serves everybody."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    both = rng.random(size) < 1 / (1 + np.exp(0.3 + 0.4 * x[:, 0]))
    other = rng.random(size) < 1 / (1 + np.exp(0.2 - 0.3 * x[:, 1]))
    y = 1 + x[:, 0] + 0.5 * x[:, 1] + 0.4 * both + 0.3 * other + rng.normal(size=size)
    frame = pd.DataFrame({"p0": both, "p1": both, "p2": other, "p3": True}).astype(int)
    return frame.assign(x1=x[:, 0], x2=x[:, 1], y=y)


def fit(frame: pd.DataFrame, **terms: Any) -> Any:
    base = {"outcome": "y", "providers": ("p0", "p1", "p2", "p3"), "covariates": ("x1", "x2"), "design": "unconfounded"}
    return Contribution.model_validate({**base, **terms}).fit(frame)


@pytest.mark.parametrize("model", ["auto", "saturated", "pairwise", "additive"])
def test_twins_are_credited_together_over_the_backbone(model: str) -> None:
    found = fit(initiative(), model=model, aliases="joint")
    assert found.providers == ("p0 + p1", "p2")
    assert [problem.code for problem in found.notes] == ["IDENT-011", "IDENT-010"]
    credits = attribute(found).credits
    assert np.abs((credits.values - [0.1713, 0.1354]) / credits.std_error).max() < 3
    named = fit(initiative(), model=model, backbone=("p3",), together=(("p0", "p1"),), providers=("p0", "p1", "p2"))
    np.testing.assert_allclose(attribute(named).credits.values, credits.values, rtol=1e-12)


def test_without_the_declaration_it_is_refused() -> None:
    for terms in ({"model": "additive"}, {"model": "pairwise"}, {"model": "saturated"}, {"model": "auto"}):
        with pytest.raises(CounterfoilError) as caught:
            attribute(fit(initiative(), **terms))
        assert caught.value.codes[0] in {"IDENT-003", "IDENT-004"}
    with pytest.raises(CounterfoilError, match="p2 did not serve everybody"):
        fit(initiative(), backbone=("p2",), providers=("p0",))


def test_joint_credit_is_the_owen_total_of_the_union() -> None:
    """Where members can be told apart, crediting them together gives their Owen total, with the same error."""
    rng = np.random.default_rng(5)
    served = rng.random((3_000, 3)) < 0.5
    y = served @ [0.5, 0.3, 0.2] + 0.6 * served.all(axis=1) + rng.normal(size=3_000)
    frame = pd.DataFrame(served.astype(int), columns=["a", "b", "c"]).assign(y=y)
    plain = Contribution(outcome="y", providers=("a", "b", "c"), model="saturated").fit(frame)
    joint = Contribution(outcome="y", providers=("a", "b", "c"), model="saturated", together=(("a", "b"),)).fit(frame)
    owen = attribute(plain, "owen", unions=[["a", "b"]]).credits.contrast([[1, 1, 0], [0, 0, 1]], ["a + b", "c"])
    credits = attribute(joint).credits
    np.testing.assert_allclose(credits.values, owen.values, atol=1e-12)
    np.testing.assert_allclose(credits.cov(), owen.cov(), atol=1e-14)
    assert (
        np.abs(credits.values - attribute(plain).credits.contrast([[1, 1, 0], [0, 0, 1]], ["u", "c"]).values).max()
        > 0.01
    )


def test_credited_together_names_must_be_providers_and_distinct() -> None:
    for together in ((("p0", "pp1"),), (("p0", "p1"), ("p1", "p2"))):
        with pytest.raises(CounterfoilError) as caught:
            fit(initiative(), together=together)
        assert caught.value.codes == ("ATTR-005",)
