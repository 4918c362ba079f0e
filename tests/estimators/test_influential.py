"""Leaving a person out, held against doing so by hand; effective sample sizes; nothing printed points at a person."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution import Shapley, rule_named
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, ContributionFit
from counterfoil.estimators.influential import influential

NAMES = ("p0", "p1")


def drawn(seed: int, size: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    served = rng.random((size, 2)) < 0.5
    served[:8] = [[0, 0], [1, 0], [0, 1], [1, 1]] * 2
    data = pd.DataFrame(served.astype(int), columns=list(NAMES))
    data["y"] = served @ [1.0, 0.5] + 0.5 * served.all(axis=1) + rng.normal(size=size)
    return data.assign(w=rng.uniform(0.5, 2.0, size), site=np.arange(size) % 12)


def fitted(frame: pd.DataFrame, **terms: object) -> ContributionFit:
    return Contribution.model_validate({"outcome": "y", "providers": NAMES, **terms}).fit(frame)


def by_hand(frame: pd.DataFrame, weights: np.ndarray, name: str) -> np.ndarray:
    """Each person's uncentred value u, from cell means and cell frequencies alone."""
    kernel = rule_named(name, NAMES)
    key = frame["p0"].to_numpy() + 2 * frame["p1"].to_numpy()
    y = frame["y"].to_numpy()
    mean = np.array([np.average(y[key == c], weights=weights[key == c]) for c in range(4)])
    chance = np.array([weights[key == c].sum() for c in range(4)]) / weights.sum()
    members = {0: (), 1: (0,), 2: (1,), 3: (0, 1)}
    table = np.zeros((4, 4, 2))  # own pattern, pattern compared with, provider
    for own, inside in members.items():
        if inside:
            masks = [sum(1 << inside[r] for r in range(len(inside)) if b >> r & 1) for b in range(1 << len(inside))]
            table[own][np.ix_(masks, inside)] = kernel.weights(inside, None).T
    fixed = np.einsum("abj,b->aj", table, mean)
    alpha = np.array(
        [[sum(table[a, b, j] * chance[a] for a in range(4)) / chance[b] for j in range(2)] for b in range(4)]
    )
    return np.asarray(fixed[key] + alpha[key] * (y - mean[key])[:, None])


@given(
    seed=st.integers(0, 10_000),
    person=st.integers(0, 119),
    rule=st.sampled_from(["shapley", "last_in", "equal_split"]),
    target=st.sampled_from(["sample", "population", "realized"]),
    weighted=st.booleans(),
)
def test_leaving_a_person_out_is_the_mean_over_the_others(
    seed: int, person: int, rule: str, target: str, weighted: bool
) -> None:
    frame = drawn(seed)
    fit = fitted(frame, target=target, weights="w" if weighted else None)
    found = influential(fit, rule_named(rule, NAMES))
    weights = frame["w"].to_numpy() if weighted else np.ones(len(frame))
    u = by_hand(frame, weights, rule)
    others = np.arange(len(frame)) != person
    change = np.average(u[others], axis=0, weights=weights[others]) - np.average(u, axis=0, weights=weights)
    np.testing.assert_allclose(found.removal[person], change, atol=1e-12)


def test_effective_sample_is_that_of_a_difference_in_means() -> None:
    """With one provider the weights are constant on each side, so that half the people on each side give n."""
    frame = pd.DataFrame({"p0": [0, 1] * 100, "p1": 0, "y": np.arange(200.0)})
    found = influential(Contribution(outcome="y", providers=("p0",)).fit(frame), Shapley())
    assert found.effective_sample[0] == pytest.approx(200)
    assert found.flagged == ()


def test_one_extreme_person_is_heavy_and_first() -> None:
    frame = drawn(3, 400)
    place = int(np.flatnonzero((frame["p0"] == 1) & (frame["p1"] == 0))[5])
    frame.loc[place, "y"] = 200.0
    found = influential(fitted(frame), Shapley())
    assert found.heavy[0] == 1
    assert found.largest[0, 0] == place
    assert "p0" in found.flagged
    assert influential(fitted(drawn(3, 400)), Shapley()).heavy.tolist() == [0, 0]


def test_a_provider_of_few_people_is_flagged() -> None:
    frame = drawn(7, 400).assign(p1=0)
    frame.loc[:11, "p1"] = 1
    found = influential(Contribution(outcome="y", providers=NAMES, model="additive").fit(frame), Shapley())
    assert found.effective_sample[1] < 50 < found.effective_sample[0]
    assert found.tidy()["flagged"].tolist() == ["p0" in found.flagged, True]


def test_by_cluster_it_is_clusters_that_are_heavy() -> None:
    frame = drawn(4, 600)
    frame["y"] += 3.0 * (frame["site"] == 2)
    found = influential(fitted(frame, cluster="site"), Shapley())
    assert found.unit == "clusters"
    assert 1 <= found.heavy.min() <= found.heavy.max() <= 12
    assert influential(fitted(frame), Shapley()).heavy.max() == 0


def test_nothing_printed_points_at_a_person() -> None:
    frame = drawn(5, 400)
    place = 377
    frame.loc[place, "y"] = 812.5
    found = influential(fitted(frame), Shapley())
    assert place in found.largest
    for text in (found.summary(), repr(found), found._repr_html_(), found.tidy().to_string()):
        assert str(place) not in text
        assert "812" not in text
        assert "<11" in text or "&lt;11" in text


def test_a_credit_without_error_is_refused() -> None:
    frame = drawn(6)
    with pytest.raises(CounterfoilError) as caught:
        influential(fitted(frame.assign(y=0.0)), Shapley())
    assert caught.value.codes == ("EST-015",)
