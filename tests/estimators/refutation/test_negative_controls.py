"""Declared negative controls: they see a hidden reason for the difference that the other tests cannot see."""

import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from causaldata import cps_mixtape, nsw_mixtape
from pydantic import ValidationError

import counterfoil as cf
from calibration.by_odds import Weighted
from calibration.refutation import ADJUSTED, NONE, confounded
from counterfoil.attribution import Shapley
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, Experiment, InstrumentalVariable, stack
from counterfoil.estimators.joint_test import joint_test
from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.control_tests import on_outcome, on_treatment
from counterfoil.estimators.refutation.negative_controls import NegativeControls, NegativeOutcome, NegativeTreatment
from counterfoil.estimators.refutation.refuters import Refuters, refute

CONTROLS = NegativeControls.model_validate({"outcomes": ["before", "earlier"], "treatments": ["later"]})


def over_time() -> Study:
    frame = confounded(300, 1)
    long = pd.concat(
        pd.DataFrame({"person": frame.index, "outcome": "jobs", "period": period, "value": frame[name]})
        for period, name in (("2022", "earlier"), ("2023", "before"), ("2024", "y"))
    )
    return Study.from_tables(frame[["x", "d", "later"]].assign(person=frame.index), outcomes=long)


def test_a_hidden_cause_is_seen_and_its_absence_is_not() -> None:
    hidden = refute(ADJUSTED, confounded(2_000, 2, hidden=1.0), NONE, controls=CONTROLS)
    sound = refute(ADJUSTED, confounded(2_000, 2), NONE, controls=CONTROLS)
    assert [one.consistent for one in hidden.tests] == [False] * 4
    assert [one.consistent for one in sound.tests] == [True] * 4
    assert {one.test for one in sound.tests} == {"negative_outcome", "negative_outcomes_joint", "negative_treatment"}


def test_no_other_test_sees_it() -> None:
    """The estimate is 0.9 too high, and every test but the negative controls passes: passing is no proof."""
    frame = confounded(2_000, 2, hidden=1.0)
    assert ADJUSTED.fit(frame).values[0] > 1.5
    assert not refute(ADJUSTED, frame, Refuters(draws=40)).inconsistent


def test_what_a_control_shows_is_the_design_on_another_outcome() -> None:
    frame = confounded(600, 3, hidden=0.5)
    spec = Weighted(outcome="y", treated="d", covariates=("x",))
    found = refute(spec, frame, NONE, controls=CONTROLS).tests
    alone = spec.model_copy(update={"outcome": "before"}).fit(frame).total()
    first = found[0]
    assert (first.estimate, first.conf_low, first.conf_high) == pytest.approx((alone.values[0], *alone.interval()[0]))
    later = Weighted(outcome="y", treated="later", covariates=("x", "d")).fit(frame).total()
    assert found[3].estimate == pytest.approx(later.values[0])
    assert "(with d adjusted for)" in found[3].sentence


def test_together_they_are_one_test() -> None:
    frame = confounded(500, 5)
    found = refute(ADJUSTED, frame, NONE, controls=CONTROLS).tests[2]
    both = stack(
        [ADJUSTED.model_copy(update={"outcome": name}).fit(frame) for name in ("before", "earlier")], ["a", "b"]
    )
    assert (found.estimate, found.p_value) == pytest.approx((joint_test(both).statistic, joint_test(both).p_value))
    assert found.conf_low is None
    classical = ADJUSTED.model_copy(update={"vcov": "classical"})
    rows = refute(classical, frame, NONE, controls=CONTROLS).tests
    assert rows[2].p_value == pytest.approx(min(1.0, 2 * min(rows[0].p_value, rows[1].p_value)))


def test_what_a_control_would_have_seen() -> None:
    """With the detectable difference as its truth, four tests in five fail: 1.96 + 0.84 errors."""
    found = refute(ADJUSTED, confounded(800, 1), NONE, controls=CONTROLS).tests[0]
    assert found.conf_high is not None
    error = (found.conf_high - found.estimate) / 1.963
    seen = re.search(r"a difference of ([\d.]+) would be seen", found.sentence)
    assert seen is not None
    assert float(seen[1]) == pytest.approx(2.804 * error, rel=5e-3)


def test_a_control_is_not_adjusted_for_in_its_own_test() -> None:
    """Lalonde's experiment: earnings of 1975 are a baseline of the design, and its outcome in this test."""
    nsw = cf.datasets.load("nsw")
    spec = Experiment(outcome="earnings", covariates=("re75", "age"))
    found = refute(spec, nsw, NONE, controls=NegativeControls.model_validate({"outcomes": ["re75"]})).tests[0]
    assert "(re75 not adjusted for)" in found.sentence
    frame = nsw.people.set_index("person")
    alone = Experiment(outcome="re75", covariates=("age",)).fit(frame)
    assert (found.estimate, found.p_value) == pytest.approx((alone.values[0], alone.tidy()["p_value"][0]))
    assert found.consistent  # it was a lottery


def test_periods() -> None:
    study = over_time()
    spec = Experiment(outcome="jobs", period="2024", assigned="d", before=("2022", "2023"), covariates=("x",))
    controls = NegativeControls.model_validate({"outcomes": [{"outcome": "jobs", "period": "2023", "why": "before"}]})
    found = refute(spec, study, NONE, controls=controls).tests[0]
    assert found.against == "jobs, 2023"
    changed, over, note = on_outcome(spec, study, controls.outcomes[0])
    assert (changed.before, changed.period, over) == (("2022",), "2023", study)  # type: ignore[attr-defined]
    assert note == " (2023 not adjusted for)"
    for period in ("2024", None):
        with pytest.raises(CounterfoilError, match="EST-014"):
            on_outcome(spec, study, NegativeOutcome(outcome="jobs", period=period))
    column, _, note = on_outcome(spec, study, NegativeOutcome(outcome="later"))
    assert (column.before, note) == ((), " (2022, 2023 not adjusted for)")  # type: ignore[attr-defined]


def test_squares_go_with_their_covariate() -> None:
    spec = Weighted(outcome="y", treated="d", covariates=("x", "before"), squares=("before",))
    study = Study.from_frame(confounded(100, 1), outcomes=("y",))
    changed, _, _ = on_outcome(spec, study, NegativeOutcome(outcome="before"))
    assert (changed.covariates, changed.squares) == (("x",), ())  # type: ignore[attr-defined]
    bare, _, note = on_outcome(spec, study, NegativeOutcome(outcome="before", without=("x",)))
    assert (bare.covariates, note) == ((), " (x, before not adjusted for)")


def test_services_are_adjusted_for_where_another_treatment_is_tried() -> None:
    frame = confounded(400, 1).rename(columns={"d": "north"})
    study = Study.from_frame(frame, providers=("north",), outcomes=("y",))
    changed, over, note = on_treatment(
        Weighted(outcome="y", covariates=("x",)), study, NegativeTreatment(column="later")
    )
    assert changed.covariates == ("x", "served by north")
    assert note == " (with served by north adjusted for)"
    assert over.people["served by north"].sum() == frame["north"].sum()
    assert "served by north" not in study.people


def test_a_provider_that_cannot_have_done_anything_gets_no_credit() -> None:
    frame = confounded(1_500, 4)
    study = Study.from_frame(frame, providers=("d", "later"), outcomes=("y",))
    controls = NegativeControls.model_validate({"treatments": ["later"]})
    spec = Contribution(outcome="y", providers=("d",), design="unconfounded", covariates=("x",), model="additive")
    found = refute(spec, study, NONE, controls=controls, kernel=Shapley()).tests
    assert [(one.provider, one.test) for one in found] == [("later", "negative_treatment")]
    assert found[0].consistent
    with pytest.raises(CounterfoilError, match="EST-053"):
        refute(spec, study, NONE, controls=controls)
    with pytest.raises(CounterfoilError, match="EST-014"):
        refute(spec.model_copy(update={"providers": ("later",)}), study, NONE, controls=controls, kernel=Shapley())


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ({"outcomes": ["befor"]}, "CONTRACT-026"),
        ({"treatments": ["latter"]}, "CONTRACT-026"),
        ({"outcomes": ["y"]}, "EST-014"),
        ({"treatments": ["d"]}, "EST-014"),
        ({"outcomes": ["word"]}, "DATA-013"),
        ({"outcomes": ["flat"]}, "EST-015"),
    ],
)
def test_refusals(declared: dict[str, object], code: str) -> None:
    frame = confounded(100, 1).assign(word=["a", "b"] * 50, flat=1.0)
    with pytest.raises(CounterfoilError, match=code):
        refute(ADJUSTED, frame, NONE, controls=NegativeControls.model_validate(declared))


def test_an_instrument_has_no_other_treatment() -> None:
    spec = InstrumentalVariable(outcome="y", received="d", instrument=("later",))
    with pytest.raises(CounterfoilError, match="EST-053"):
        on_treatment(spec, Study.from_frame(confounded(50, 1), outcomes=("y",)), NegativeTreatment(column="x"))


def test_the_graph_must_agree() -> None:
    graph = CausalGraph(edges=("x -> d -> y", "d -> mood", "later -> y", "x -> before"))
    with pytest.raises(CounterfoilError) as caught:
        NegativeControls.model_validate({"outcomes": ["mood"], "treatments": ["later"]}).check(graph, ["d"], "y")
    assert [problem.code for problem in caught.value.problems] == ["CONTRACT-026"] * 2
    NegativeControls.model_validate({"outcomes": ["before", {"outcome": "y", "period": "2020"}]}).check(
        graph, ["d"], "y"
    )


def test_how_they_are_written() -> None:
    plain = NegativeControls.model_validate({"outcomes": "before"})
    assert plain.outcomes == (NegativeOutcome(outcome="before"),)
    assert NegativeControls.model_validate_json(CONTROLS.model_dump_json()) == CONTROLS
    with pytest.raises(ValidationError, match="named twice"):
        NegativeControls.model_validate({"outcomes": ["a", "a"]})
    with pytest.raises(ValidationError, match="name outcomes or treatments"):
        NegativeControls()
    assert np.isclose(len(NegativeControls.model_json_schema()["examples"]), 2)


def test_lalondes_comparison_group_fails_and_his_lottery_does_not() -> None:
    """Earnings before the training, given everything else: the people of the survey earned some 1,100 dollars more already.

    An independent regression (statsmodels) gives the same figure; the design that fails puts the gain at 1,066 dollars, where
    the lottery found 1,794.
    """
    lottery = nsw_mixtape.load_pandas().data
    survey = cps_mixtape.load_pandas().data
    adjusted = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")
    spec = Experiment(outcome="re78", assigned="treat", covariates=adjusted, adjustment="additive", vcov="HC1")
    declared = {"outcomes": [{"outcome": "re75", "without": ["u75"], "why": "before the training"}]}
    controls = NegativeControls.model_validate(declared)
    frames = {"lottery": lottery, "survey": pd.concat([lottery[lottery["treat"] == 1], survey], ignore_index=True)}
    told = {}
    for name, frame in frames.items():
        data = frame.drop(columns="data_id").assign(u74=(frame["re74"] == 0) * 1.0, u75=(frame["re75"] == 0) * 1.0)
        told[name] = refute(spec, data, NONE, controls=controls).tests[0]
        columns = ["treat", *(column for column in adjusted if column not in {"re75", "u75"})]
        theirs = sm.OLS(data["re75"], sm.add_constant(data[columns])).fit(cov_type="HC1", use_t=True)
        assert told[name].estimate == pytest.approx(theirs.params["treat"], rel=1e-6)
        assert (told[name].conf_low, told[name].conf_high) == pytest.approx(
            tuple(theirs.conf_int().loc["treat"]), rel=1e-6
        )
    assert told["lottery"].consistent
    assert not told["survey"].consistent
    assert told["survey"].estimate == pytest.approx(-1134.8, abs=0.1)
