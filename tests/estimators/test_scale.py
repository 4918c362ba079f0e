"""The sparse path of many providers is the dense one, coalitions are found by words, shrunk pairs stay nearly unbiased."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from counterfoil.attribution import RULES, attribute
from counterfoil.datasets import Study
from counterfoil.estimators import Contribution, surface
from counterfoil.estimators.coalition import Lookup, pattern_words, subset_words
from counterfoil.estimators.least_squares import least_squares

NAMES = tuple(f"p{j}" for j in range(7))
TERMS: dict[str, dict[str, Any]] = {
    "owen": {"unions": [NAMES[:3], NAMES[3:5]]},
    "stage_respecting": {"stages": [NAMES[:4], NAMES[4:]]},
    "fixed": {"fractions": dict.fromkeys(NAMES[:4], "0.25")},
    "plurality": {"ties": "equal"},
}


@pytest.fixture(scope="module")
def many() -> Study:
    """Seven providers with doses and days, two covariates."""
    rng = np.random.default_rng(3)
    n = 900
    x, served = rng.normal(size=(n, 2)), rng.random((n, 7)) < 0.25
    effect = served @ rng.normal(0.3, 0.2, 7) + 0.4 * served[:, 0] * served[:, 1]
    row, column = np.nonzero(served)
    services = pd.DataFrame({
        "person": row, "provider": np.array(NAMES)[column], "dose": rng.integers(1, 5, len(row)).astype(float),
        "start": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, len(row)), unit="D"),
    })  # fmt: skip
    people = pd.DataFrame({"person": np.arange(n), "x1": x[:, 0], "x2": x[:, 1], "site": np.arange(n) % 30})
    outcomes = pd.DataFrame({"person": np.arange(n), "outcome": "y", "value": x[:, 0] + effect + rng.normal(size=n)})
    return Study.from_tables(people, services=services, outcomes=outcomes)


def spec(**terms: Any) -> Contribution:
    base = {"providers": NAMES, "covariates": ("x1", "x2"), "model": "pairwise", "target": "population"}
    return Contribution.model_validate({**base, **terms})


@pytest.mark.parametrize(
    "terms", [{"vcov": "HC3"}, {"cluster": "site"}, {"effects_by_covariates": True, "min_pair": 60}]
)
def test_sparse_equals_dense(many: Study, monkeypatch: pytest.MonkeyPatch, terms: dict[str, Any]) -> None:
    dense = spec(**terms).fit(many)
    monkeypatch.setattr(surface, "LARGEST_DENSE", 0)
    sparse = spec(**terms).fit(many)
    assert isinstance(dense.surface.design, np.ndarray)
    assert isinstance(sparse.surface.design, csr_array)
    assert dense.surface.shrunk == sparse.surface.shrunk == ("min_pair" in terms)
    for rule in RULES:
        one, other = (attribute(fit, rule, **TERMS.get(rule, {})).joint for fit in (dense, sparse))
        np.testing.assert_allclose(one.values, other.values, atol=1e-11)
        np.testing.assert_allclose(one.cov(), other.cov(), atol=1e-11)


def test_sparse_regression_names_what_is_dependent() -> None:
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(50), rng.integers(0, 2, (50, 3)), np.zeros(50)]).astype(float)
    design = np.column_stack([design, design[:, 1] + design[:, 2]])
    outcome = rng.normal(size=50)
    dense, sparse = least_squares(design, outcome), least_squares(csr_array(design), outcome)
    assert sparse.rank == dense.rank == 4
    np.testing.assert_allclose(sparse.residuals, dense.residuals, atol=1e-12)
    np.testing.assert_allclose(sparse.leverage, dense.leverage, atol=1e-12)
    asked = np.array([[0, 1, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0]], dtype=float)
    assert sparse.estimable(asked).tolist() == dense.estimable(asked).tolist() == [True, False, True, False]


@pytest.mark.parametrize("players", [5, 70])
def test_words_find_every_coalition(players: int) -> None:
    rng = np.random.default_rng(1)
    patterns = np.unique(rng.random((40, players)) < 3 / players, axis=0)
    lookup = Lookup.of(pattern_words(patterns))
    position = {tuple(np.flatnonzero(row).tolist()): k for k, row in enumerate(patterns)}
    for row in patterns:
        members = np.flatnonzero(row)
        found = lookup.find(subset_words(members[None, :], np.arange(1 << len(members)), players))[0]
        for mask, place in enumerate(found.tolist()):
            cut = tuple(int(j) for r, j in enumerate(members) if mask >> r & 1)
            assert place == position.get(cut, -1)


def test_shrinking_rare_pairs_is_between_dropping_and_keeping_them(many: Study) -> None:
    kept, dropped = spec(min_pair=2).fit(many), spec(model="additive").fit(many)
    shrunk = spec(min_pair=1000).fit(many)
    pair = next(t for t, term in enumerate(shrunk.surface.terms) if term == (0, 1))
    own = next(t for t, term in enumerate(kept.surface.terms) if term == (0, 1))
    assert 0 < shrunk.surface.slopes[pair, 0] < 0.5 * kept.surface.slopes[own, 0]
    assert [problem.code for problem in shrunk.warnings] == ["IDENT-008"]
    # The one-step correction takes back most of what shrinking costs.
    gap = {name: fit.total().values[0] for name, fit in (("kept", kept), ("shrunk", shrunk), ("dropped", dropped))}
    assert abs(gap["shrunk"] - gap["kept"]) < abs(gap["dropped"] - gap["kept"])


def test_a_rare_pair_that_rosters_do_not_tell_apart_acts_additively() -> None:
    rng = np.random.default_rng(4)
    served = rng.random((400, 2)) < 0.5
    nested = np.column_stack([served[:, 0], served[:, 0] & (np.arange(400) < 40)])
    frame = pd.DataFrame(nested.astype(int), columns=["a", "b"]).assign(y=rng.normal(size=400))
    fit = Contribution(outcome="y", providers=("a", "b"), model="pairwise", min_pair=30).fit(frame)
    plain = Contribution(outcome="y", providers=("a", "b"), model="additive").fit(frame)
    assert fit.surface.slopes[-1, 0] == pytest.approx(0, abs=1e-12)
    ours, theirs = (attribute(one).credits.using("HC0") for one in (fit, plain))
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-12)
    np.testing.assert_allclose(ours.cov(), theirs.cov(), atol=1e-12)


def test_rare_pairs_of_the_same_people_are_credited_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of pairs that the same few people share none may be kept for the order of the providers.
    rng = np.random.default_rng(8)
    names = tuple(f"p{j}" for j in range(8))
    frame = pd.DataFrame((rng.random((400, 8)) < 0.08).astype(int), columns=list(names))
    frame["y"] = frame[list(names)].sum(axis=1) + rng.normal(size=400)
    fits = {}
    for way, order, largest in (("dense", names, 1e9), ("reversed", names[::-1], 1e9), ("sparse", names, 0)):
        monkeypatch.setattr(surface, "LARGEST_DENSE", largest)
        fits[way] = attribute(Contribution(outcome="y", providers=order, model="pairwise").fit(frame)).credits
    pairs = [frame[list(pair)].all(axis=1) for pair in combinations(names, 2)]
    assert len({tuple(np.flatnonzero(pair)) for pair in pairs}) < len(pairs)
    np.testing.assert_allclose(fits["reversed"].values[::-1], fits["dense"].values, atol=1e-12)
    np.testing.assert_allclose(fits["sparse"].values, fits["dense"].values, atol=1e-12)
    np.testing.assert_allclose(fits["sparse"].cov(), fits["dense"].cov(), atol=1e-12)
