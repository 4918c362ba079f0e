"""Components by hand and by brute force, and the detectable share held against a simulation of its error."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution import Shapley
from counterfoil.datasets.roster import Roster
from counterfoil.estimators import Contribution
from counterfoil.estimators.service_graph import detectable_share, service_graph

NAMES = ("a", "b", "c", "d")


def test_sites_join_what_people_do_not() -> None:
    served = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=bool)
    roster = Roster(np.arange(4), NAMES, served)
    graph = service_graph(roster, np.array([0, 0, 1, 1]))
    assert graph.by_people == (("a", "b"), ("c",), ("d",))
    assert graph.by_groups == (("a", "b", "c"), ("d",))
    assert not graph.connected
    assert service_graph(Roster(np.arange(1), NAMES, np.ones((1, 4), bool))).connected


@given(st.lists(st.integers(0, 15), min_size=1, max_size=6))
def test_components_are_those_of_walking_the_graph(masks: list[int]) -> None:
    served = np.array([[mask >> j & 1 for j in range(4)] for mask in masks], dtype=bool)
    reach = np.eye(4, dtype=bool) | (served.T.astype(int) @ served > 0)
    for _ in range(4):
        reach = (reach.astype(int) @ reach) > 0
    expected = {tuple(np.array(NAMES)[row].tolist()) for row in reach}
    assert set(service_graph(Roster(np.arange(len(masks)), NAMES, served)).by_people) == expected


def test_detectable_share_is_2_8_errors_of_the_share() -> None:
    """The planned error is the spread of the shares over outcomes drawn anew on the same rosters."""
    rng = np.random.default_rng(3)
    served = rng.random((800, 2)) < 0.5
    frame = pd.DataFrame(served.astype(int), columns=["a", "b"])
    spec = Contribution(outcome="y", providers=("a", "b"))
    mean = served @ [3.0, 1.0]
    truth = served.mean(axis=0) * [3.0, 1.0]
    design = spec.fit(frame.assign(y=rng.normal(size=800))).joint(Shapley())
    assert design.riesz is not None
    outcomes = mean + rng.normal(size=(4_000, 800))
    drawn = outcomes @ design.riesz / 800
    # The credits are linear in the outcome, so that one fit stands for all.
    np.testing.assert_allclose(drawn[0], spec.fit(frame.assign(y=outcomes[0])).joint(Shapley()).values, atol=1e-12)
    shares = drawn[:, :2] / drawn[:, [2]]
    planned = detectable_share(design, truth.sum(), truth / truth.sum())
    np.testing.assert_allclose(planned / np.std(shares, axis=0), 2.8, rtol=0.05)
    # Against no share at all, the total's own error does not enter.
    alone = detectable_share(design, truth.sum())
    assert alone[1] != pytest.approx(planned[1], rel=0.01)
    with pytest.raises(ValueError, match="not zero"):
        detectable_share(design, 0.0)
