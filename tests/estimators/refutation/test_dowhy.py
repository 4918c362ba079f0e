"""What is asked of DoWhy: identification on textbook graphs, its refuters beside ours, and nothing of it that leaks.

All that imports DoWhy stands in this file, which takes seconds.
"""

import logging
import sys
from decimal import Decimal
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from calibration.by_odds import Weighted
from calibration.refutation import confounded
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, Experiment
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.instruments.instrumental_variable import InstrumentalVariable
from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.dowhy_refuters import dowhy_refuters, frame_of
from counterfoil.estimators.refutation.graph_identifier import ways
from counterfoil.estimators.refutation.identification import OPINION, Identification, identify
from counterfoil.estimators.refutation.quiet import quiet
from counterfoil.estimators.refutation.refuters import Refuters, refute
from counterfoil.estimators.refutation.roles import identify_design
from counterfoil.estimators.refutation.separation import carries, moves_alone


def graph(*edges: str, hidden: tuple[str, ...] = ()) -> CausalGraph:
    return CausalGraph(edges=edges, unobserved=hidden)


def kinds(found: Identification) -> dict[str, tuple[str, ...]]:
    return {one.finding: one.columns for one in found.findings}


BACK_DOOR = graph("need -> d", "need -> y", "d -> y")
M_BIAS = graph("u -> d", "u -> c", "v -> c", "v -> y", "d -> y", hidden=("u", "v"))
MEDIATOR = graph("d -> m -> y", "d -> y")
INSTRUMENT = graph("z -> d -> y", "u -> d", "u -> y", hidden=("u",))
FRONT_DOOR = graph("u -> d", "u -> y", "d -> m -> y", hidden=("u",))


def test_back_door() -> None:
    assert ways(BACK_DOOR, ["d"], "y").sets == (("need",),)
    assert identify(BACK_DOOR, "d", "y", ["need"]).identified
    left_open = identify(BACK_DOOR, "d", "y", [])
    assert not left_open.identified
    assert "adjusting for need would not" in left_open.warnings[0].what
    with pytest.raises(CounterfoilError, match="IDENT-041"):
        left_open.require()


def test_two_roads_to_one_end() -> None:
    """Either of two columns on the open path closes it, and both are found."""
    found = ways(graph("a -> d", "a -> b", "b -> y", "d -> y"), ["d"], "y")
    assert found.sets == (("a",), ("b",))
    assert found.all_sets


def test_m_bias_is_opened_by_adjusting() -> None:
    assert identify(M_BIAS, "d", "y", []).identified
    found = identify(M_BIAS, "d", "y", ["c"])
    assert not found.identified
    assert kinds(found)["collider"] == ("c",)
    assert "adjusting for nothing would not" in found.warnings[0].what


def test_a_mediator_is_a_bad_control() -> None:
    found = identify(MEDIATOR, "d", "y", ["m"])
    assert not found.identified
    assert kinds(found)["mediator"] == ("m",)
    assert "lies on the way from d to y" in found.summary()
    assert identify(MEDIATOR, "d", "y", []).identified


@pytest.mark.parametrize(
    ("edges", "control", "kind", "biases"),
    [
        (("d -> m -> y", "m -> c"), "c", "after the programme", True),
        (("d -> y -> c",), "c", "after the outcome", True),
        (("d -> y", "d -> c"), "c", "after the programme", False),
        (("d -> y", "d -> c", "y -> c"), "c", "after the outcome", True),
        (("z -> d -> y", "w -> d", "w -> y"), "z", "instrument", False),
    ],
)
def test_bad_controls(edges: tuple[str, ...], control: str, kind: str, biases: bool) -> None:
    drawn = graph(*edges)
    good = [name for name in drawn.names if name in {"w"}]
    found = identify(drawn, "d", "y", [*good, control])
    assert kinds(found)[kind] == (control,)
    assert found.identified is not biases


def test_instrument() -> None:
    found = identify(INSTRUMENT, "d", "y")
    assert kinds(found)["instrument"] == ("z",)
    assert not kinds(found)["adjustment set"]
    assert found.identified  # by what is there; a design that adjusts is not
    assert not identify(INSTRUMENT, "d", "y", ["z"]).identified
    assert "u may move both, and nobody recorded it" in found.summary()
    assert identify(INSTRUMENT, "d", "y", [], ["z"]).identified
    weak = identify(graph("z -> d -> y", "z -> y"), "d", "y", [], ["z"])
    assert not weak.identified


def test_front_door() -> None:
    found = identify(FRONT_DOOR, "d", "y")
    assert kinds(found)["front door"] == ("m",)
    two = graph("u -> d", "u -> y", "d -> m -> y", "d -> k -> y", "m -> side", hidden=("u",))
    assert ways(two, ["d"], "y").front_door == ("k", "m")
    assert identify(two, "d", "y", None).identified


def test_a_hidden_cause_without_a_way_out() -> None:
    bow = graph("u -> d", "u -> y", "d -> y", hidden=("u",))
    found = identify(bow, "d", "y")
    assert not found.identified
    assert set(found.tidy()["finding"]) == {"adjustment set"}
    assert repr(found).endswith(OPINION)


def test_no_way_to_the_outcome() -> None:
    found = identify(graph("need -> d", "need -> y"), "d", "y", ["need"])
    assert not found.identified
    assert "the effect is zero" in found.warnings[0].what


def test_several_providers_one_by_one_and_together() -> None:
    drawn = graph("need -> north", "need -> south", "need -> y", "north -> y", "south -> y")
    found = identify(drawn, ["north", "south"], "y", ["need"])
    frame = found.tidy()
    assert found.identified
    declared = frame[frame["finding"] == "covariates"]
    assert declared["provider"].tolist() == ["north", "south", ""]
    assert declared["columns"].tolist() == ["need, south", "need, north", "need"]
    assert list(frame) == ["provider", "outcome", "finding", "columns", "holds", "sentence"]
    alone = identify(drawn, ["north", "south"], "y", [])
    assert len(alone.warnings) == 3


def test_a_provider_that_sends_people_to_another() -> None:
    drawn = graph("north -> south -> y", "north -> y")
    found = identify(drawn, ["north", "south"], "y", [])
    assert kinds(found)["provider in between"] == ("south",)
    assert found.identified
    # What the first provider moves, and what moves the second besides, cannot be had by adjusting.
    stages = graph("a -> need -> b", "need -> y", "a -> y", "b -> y", "u -> need", "u -> y", hidden=("u",))
    assert not identify(stages, ["a", "b"], "y", ["need"]).identified
    assert not ways(stages, ["a", "b"], "y").sets


def test_what_the_graph_does_not_have() -> None:
    found = identify(BACK_DOOR, "d", "y", ["need", "age"])
    assert kinds(found)["not in the graph"] == ("age",)
    assert found.identified


def test_the_smallest_sets_are_all_and_right() -> None:
    """Against every subset, on random graphs, by the criterion that regressions confirm in test_separation."""
    several = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        names = [str(name) for name in rng.permutation(list("abcdefgh"))]
        edges = [f"{one} -> {other}" for one, other in combinations(names, 2) if rng.random() < 0.35]
        hidden = tuple(name for name in names[:2] if any(name in edge for edge in edges))
        drawn = graph(*edges, hidden=hidden)
        d, y = names[5], names[-1]
        if y not in drawn.downstream(d):
            continue
        found = ways(drawn, [d], y)
        free = sorted(set(drawn.observed) - {d, y})
        right = [one for k in range(7) for one in combinations(free, k) if carries(drawn, [d], y, one)]
        smallest = [one for one in right if len(one) == len(right[0])]
        assert [one for one in found.sets if len(one) == len(found.sets[0])] == smallest
        assert set(found.sets) <= set(right)
        assert all(moves_alone(drawn, name, d, y) for name in found.instruments)
        several += len(smallest) > 1
    assert several > 3


def test_many_columns_take_no_time() -> None:
    many = [f"x{k}" for k in range(25)]
    drawn = graph("d -> y", *(f"{name} -> d" for name in many), *(f"{name} -> y" for name in many))
    found = ways(drawn, ["d"], "y")
    assert set(found.sets[0]) == set(many)
    assert not found.all_sets
    long = graph(*(f"d -> m{k} -> y" for k in range(15)), "u -> d", "u -> y", hidden=("u",))
    assert "not looked for" in identify(long, "d", "y").summary()


def test_designs_are_read() -> None:
    nsw = cf.datasets.load("nsw")
    lottery = graph("assigned -> earnings", "age -> earnings")
    assert identify_design(lottery, Experiment(outcome="earnings", covariates=("age",)), nsw).identified
    assert identify_design(lottery, Experiment(), nsw.without_outcomes(), outcome="earnings").identified
    matched = graph("age -> assigned -> earnings", "age -> earnings")
    design = ComparisonDesign(outcome="earnings", treated="assigned")
    assert not identify_design(matched, design, nsw).identified
    assert identify_design(matched, design.model_copy(update={"covariates": ("age",)}), nsw).identified
    moved = graph("assigned -> nodegree -> earnings", "u -> nodegree", "u -> earnings", hidden=("u",))
    assert identify_design(moved, InstrumentalVariable(received="nodegree"), nsw, "earnings").identified
    with pytest.raises(CounterfoilError, match="CONTRACT-026"):
        identify_design(graph("age -> assigned", "age -> earnings", "wealth -> age"), design, nsw)
    rice = cf.datasets.load("rice")
    both = graph("default -> takeup", "intensive -> takeup")
    assert identify_design(both, Contribution(outcome="takeup"), rice).identified
    with pytest.raises(CounterfoilError, match="EST-053"):
        identify_design(both, cf.estimators.FixedBaseline(baseline="fixed_rate", rate=Decimal(1), source="s"), rice)


def test_two_names_of_one_library_agree() -> None:
    """An additive regression is DoWhy's linear estimate, and both refuters come to the same."""
    study = cf.datasets.load("nsw")
    spec = Experiment(outcome="earnings", covariates=("age", "educ"), adjustment="additive")
    theirs = dowhy_refuters(spec, study, draws=40)
    ours = refute(spec, study, Refuters(tests=("placebo_treatment", "random_common_cause", "data_subset"), draws=40))
    both = ours.joined(theirs).tidy().set_index(["source", "test"])
    assert set(both.index.get_level_values("source")) == {"counterfoil", "dowhy 0.14"}
    value = spec.fit(study)
    for test in ("random_common_cause", "data_subset"):
        mine, other = both.loc[("counterfoil", test)], both.loc[("dowhy 0.14", test)]
        assert other["expected"] == pytest.approx(value.values[0], rel=1e-9) == mine["expected"]
        assert abs(mine["estimate"] - other["estimate"]) < 0.6 * value.std_error[0]
    placebo = both.loc[("dowhy 0.14", "placebo_treatment"), "estimate"]
    assert abs(placebo) < 4 * value.std_error[0] / np.sqrt(40)
    assert both["consistent"].all()
    again = dowhy_refuters(spec, study, ["random_common_cause"], draws=40).tidy()
    assert again.equals(theirs.tidy()[theirs.tidy()["test"] == "random_common_cause"].reset_index(drop=True))


def test_providers_are_taken_in_turn() -> None:
    found = dowhy_refuters(Contribution(outcome="takeup"), cf.datasets.load("rice"), ["random_common_cause"], draws=40)
    assert found.tidy()["provider"].tolist() == ["default", "intensive"]
    frame = cf.datasets.load("rice").roster().exposure.astype(float)
    outcome = cf.datasets.load("rice").outcome("takeup")
    slopes = np.linalg.lstsq(np.column_stack([np.ones(len(outcome)), frame]), outcome, rcond=None)[0][1:]
    assert [one.expected for one in found.tests] == pytest.approx(slopes)


def test_nothing_leaks(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Warnings are errors in this suite, so that none leaves; the caller's frame and generator stay as they were."""
    frame = confounded(400, 1)
    before, state = frame.copy(), repr(np.random.get_state())  # noqa: NPY002
    with caplog.at_level(logging.DEBUG):
        spec = Experiment(outcome="y", assigned="d", covariates=("x",), adjustment="additive")
        dowhy_refuters(spec, frame, draws=40)
        identify(graph("d -> y", "x -> d", "x -> y", "w -> x"), "d", "y", ["x"])
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.name.startswith("dowhy")]
    pd.testing.assert_frame_equal(frame, before)
    assert repr(np.random.get_state()) == state  # noqa: NPY002
    assert logging.root.manager.disable == 0


def test_how_python_shows_results_stays() -> None:
    """DoWhy's import alone would change it."""
    ways(BACK_DOOR, ["d"], "y")
    assert "dowhy.causal_model" in sys.modules
    assert sys.displayhook is sys.__displayhook__


def test_dowhys_placebo_after_propensity_is_wrong_and_ours_is_not() -> None:
    """DoWhy 0.14, issue 1728: the chances of the real treatment weigh the placebo, and the frame it is given grows."""
    frame = confounded(1_500, 3)
    handed = frame.copy()
    with quiet():
        from dowhy import CausalModel

        model = CausalModel(handed, "d", "y", common_causes=["x"])
        estimand = model.identify_effect(proceed_when_unidentifiable=True)
        weighting = model.estimate_effect(estimand, method_name="backdoor.propensity_score_weighting")
        theirs = model.refute_estimate(
            estimand, weighting, method_name="placebo_treatment_refuter", placebo_type="permute", num_simulations=40,
            random_state=np.random.RandomState(1),
        )  # fmt: skip
    spec = Weighted(outcome="y", treated="d", covariates=("x",))
    ours = refute(spec, frame, Refuters(tests=("placebo_treatment",), draws=100)).tests[0]
    assert abs(theirs.new_effect) > 0.5
    assert ours.conf_low is not None
    assert ours.conf_high is not None
    assert ours.conf_low < 0 < ours.conf_high
    assert ours.conf_high - ours.conf_low < 0.1
    assert list(handed) != list(frame)  # what a copy is for


def test_what_dowhy_is_handed() -> None:
    study = Study.from_frame(confounded(60, 1).assign(town=["a", "b", "c"] * 20), outcomes=("y",))
    spec = ComparisonDesign(outcome="y", treated="d", covariates=("x", "town"))
    frame, treatments, covariates = frame_of(spec, study)
    assert list(frame) == ["treatment_0", "covariate_0", "covariate_1", "covariate_2", "outcome"]
    assert (treatments, len(covariates)) == ([("treatment_0", "")], 3)
    with pytest.raises(CounterfoilError, match="EST-053"):
        frame_of(ComparisonDesign(outcome="y", treated=("d", "x")), study)
    with pytest.raises(CounterfoilError, match="at least 40"):
        dowhy_refuters(spec, study, draws=10)
