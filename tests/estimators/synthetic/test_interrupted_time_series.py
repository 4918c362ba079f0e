"""Segmented regression beside statsmodels and closed forms, seasons, controls, and what cannot be told from a series."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import GLS, OLS
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.stats.stattools import durbin_watson as their_durbin_watson

from counterfoil.datasets import Panel
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.synthetic.autocorrelation import (
    chosen_lag,
    cochrane_orcutt,
    durbin_watson,
    ljung_box,
    newey_west,
    restricted_likelihood,
    satterthwaite,
)
from counterfoil.estimators.synthetic.before_outcomes import reach
from counterfoil.estimators.synthetic.interrupted_time_series import InterruptedTimeSeries
from counterfoil.estimators.synthetic.segmented import segments
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl


def series(periods: int = 48, seed: int = 4, rho: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=periods)
    for place in range(1, periods):
        noise[place] += rho * noise[place - 1]
    time = np.arange(periods)
    return 20 + 0.3 * time - 4.0 * (time >= periods // 2) + noise


def panel(*columns: np.ndarray, start: int = 0) -> Panel:
    frame = pd.concat(
        [
            pd.DataFrame(
                {"city": f"c{place}", "month": start + np.arange(len(column)), "y": column, "served": 1 - min(place, 1)}
            )
            for place, column in enumerate(columns)
        ]
    )
    return Panel.from_frame(frame, unit="city", period="month")


def spec(**terms: Any) -> InterruptedTimeSeries:
    return InterruptedTimeSeries.model_validate({"outcome": "y", "starts": "24", **terms})


@pytest.mark.parametrize("lag", [0, 2, 5])
def test_newey_west_is_statsmodels(lag: int) -> None:
    design, outcome = segments(48, 24), series()
    found = newey_west(design.matrix, outcome, design.gain, lag)
    theirs = OLS(outcome, design.matrix).fit(cov_type="HAC", cov_kwds={"maxlags": lag, "use_correction": True})
    np.testing.assert_allclose(found.coefficients, theirs.params, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, theirs.cov_params(), rtol=1e-8)
    assert found.degrees == min(44, 72 / (lag + 1))


def test_the_lag_grows_with_dependence() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=4000)
    walk = noise.copy()
    for place in range(1, 4000):
        walk[place] += 0.8 * walk[place - 1]
    assert chosen_lag(noise) < 15 < chosen_lag(walk) < 100


def test_restricted_likelihood_is_generalized_least_squares_at_the_best_rho() -> None:
    design, outcome = segments(48, 24), series()
    found = restricted_likelihood(design.matrix, outcome, design.gain)
    apart = np.abs(np.subtract.outer(np.arange(48), np.arange(48)))

    def likelihood(rho: float) -> float:
        """Harville (1974), written out with the whole covariance."""
        inverse = np.linalg.inv(rho**apart)
        inner = design.matrix.T @ inverse @ design.matrix
        residuals = outcome - design.matrix @ np.linalg.solve(inner, design.matrix.T @ inverse @ outcome)
        dets = np.linalg.slogdet(rho**apart)[1] + np.linalg.slogdet(inner)[1]
        return float(-0.5 * (44 * np.log(residuals @ inverse @ residuals) + dets))

    assert found.rho is not None
    grid = np.linspace(-0.9, 0.97, 400)
    assert likelihood(found.rho) >= max(likelihood(rho) for rho in grid) - 1e-9
    theirs = GLS(outcome, design.matrix, sigma=found.rho**apart).fit()
    np.testing.assert_allclose(found.coefficients, theirs.params, rtol=1e-8)
    np.testing.assert_allclose(found.covariance, theirs.cov_params(), rtol=1e-8)


def test_satterthwaite_is_exact_for_independent_residuals_when_rho_is_known_to_be_harmless() -> None:
    """A mean of independent values: the variance depends on ρ, so fewer than T − 1 degrees are left, but most of them."""
    ones = np.ones((40, 1))
    assert 10 < satterthwaite(ones, 0.0, np.ones(1)) < 39
    assert satterthwaite(ones, 0.7, np.ones(1)) < satterthwaite(ones, 0.0, np.ones(1))


def test_diagnostics_are_statsmodels() -> None:
    residuals = series() - series().mean()
    assert durbin_watson(residuals) == pytest.approx(their_durbin_watson(residuals))
    p_value, lags = ljung_box(residuals, 0)
    theirs = acorr_ljungbox(residuals, lags=[lags], model_df=0)
    assert p_value == pytest.approx(float(theirs["lb_pvalue"].iloc[0]))


def test_the_gain_of_least_squares_is_the_mean_distance_from_the_earlier_line() -> None:
    outcome = series()
    fit = spec(errors="newey_west").fit(panel(outcome))
    slope, level = np.polyfit(np.arange(24), outcome[:24], 1)
    apart = outcome[24:] - (level + slope * np.arange(24, 48))
    assert fit.total().values[0] == pytest.approx(apart.mean())
    end = spec(errors="newey_west", gain="end").fit(panel(outcome))
    after = np.polyval(np.polyfit(np.arange(24, 48), outcome[24:], 1), 47)
    assert end.total().values[0] == pytest.approx(after - (level + slope * 47))


def test_glsar_converges_near_the_likelihood() -> None:
    design, outcome = segments(48, 24), series()
    one, other = cochrane_orcutt(design.matrix, outcome), restricted_likelihood(design.matrix, outcome, design.gain)
    assert one.rho is not None
    assert other.rho is not None
    assert abs(one.rho - other.rho) < 0.2
    total = spec(errors="glsar").fit(panel(outcome)).total()
    assert total.values[0] == pytest.approx(design.gain @ one.coefficients)
    assert "EST-039" in [problem.code for problem in total.warnings]


@pytest.mark.parametrize("harmonics", [None, 2])
def test_seasons_are_taken_out(harmonics: int | None) -> None:
    season = np.tile([3.0, 0.0, -3.0, 0.0], 12)
    plain, seasonal = series(), series() + season
    terms = {"season_length": 4, "harmonics": harmonics}
    one, other = (spec(**terms).fit(panel(column)).total() for column in (plain, seasonal))
    assert one.values[0] == pytest.approx(other.values[0], abs=1e-5)
    assert one.std_error[0] == pytest.approx(other.std_error[0], rel=1e-4)
    assert spec().fit(panel(seasonal)).diagnostics["ljung_box_p_value"] < 0.01
    later = spec(starts="26", **terms).fit(panel(seasonal, start=2)).total()
    assert later.values[0] == pytest.approx(other.values[0], abs=1e-5)


def test_a_control_takes_off_what_happened_to_both() -> None:
    shock = np.where(np.arange(48) >= 24, 9.0, 0.0)
    own, control = series(), series(seed=5)
    alone = spec().fit(panel(own + shock)).total()
    beside = spec(assigned="served").fit(panel(own + shock, control + shock + 4)).total()
    assert alone.values[0] - spec().fit(panel(own)).total().values[0] == pytest.approx(9, abs=1e-4)
    difference = spec().fit(panel(own - control)).total()
    assert beside.values[0] == pytest.approx(difference.values[0], abs=1e-6)
    assert "EST-040" in [problem.code for problem in alone.warnings]
    assert "EST-040" not in [problem.code for problem in beside.warnings]


def test_the_estimate_says_how_it_was_made() -> None:
    fit = spec().fit(panel(series(), series(seed=6)))
    total = fit.total()
    assert (total.error_type, total.people, total.n) == ("autocorrelated", 2, 2)
    assert total.df == fit.regression.degrees
    table = fit.coefficients()
    assert table["term"].tolist() == ["level", "trend", "level change", "slope change"]
    np.testing.assert_allclose(table["std_error"] ** 2, np.diagonal(fit.regression.covariance))
    path = fit.path()
    assert (path["fitted"][:24] == path["without"][:24]).all()
    assert (path["fitted"] - path["without"])[24:].mean() == pytest.approx(total.values[0])
    import matplotlib as mpl

    mpl.use("agg")
    ax = fit.plot()
    assert len(ax.get_xticks()) < 20
    assert fit.plot(ax) is ax
    assert type(total).from_json(total.to_json()).interval().tolist() == total.interval().tolist()


@pytest.mark.parametrize(
    ("terms", "rows", "code"),
    [
        ({"starts": "2"}, panel(series()), "IDENT-035"),
        ({"starts": "46"}, panel(series()), "IDENT-035"),
        ({"starts": "99"}, panel(series()), "DATA-032"),
        ({"starts": "4", "season_length": 12}, panel(series()), "IDENT-035"),
        ({"starts": "5", "season_length": 2}, panel(series(9)), None),
        ({"starts": "5", "season_length": 4}, panel(series(9)), "IDENT-035"),
        ({}, panel(np.full(48, 5.0)), "EST-015"),
        ({"assigned": "served"}, panel(series()), "IDENT-034"),
        ({"assigned": "city"}, panel(series()), "DATA-013"),
    ],
)
def test_what_cannot_be_told_is_refused(terms: dict[str, Any], rows: Panel, code: str | None) -> None:
    if code is None:
        spec(**terms).fit(rows)
        return
    with pytest.raises(CounterfoilError) as caught:
        spec(**terms).fit(rows)
    assert code in caught.value.codes


def test_missing_periods_and_places() -> None:
    whole = panel(series(), series(seed=6)).frame
    hole = whole[~((whole["city"] == "c1") & (whole["month"] == 30))]
    with pytest.raises(CounterfoilError, match="DATA-008"):
        spec().fit(Panel.from_frame(hole, unit="city", period="month"))
    left = spec(missing="drop").fit(Panel.from_frame(hole, unit="city", period="month"))
    assert left.total().values[0] == pytest.approx(spec().fit(panel(series())).total().values[0])
    assert left.diagnostics["places with an incomplete history"] == 1
    gap = whole[whole["month"] != 30]
    with pytest.raises(CounterfoilError, match="IDENT-035"):
        spec().fit(Panel.from_frame(gap, unit="city", period="month"))
    words = whole.assign(month=whole["month"].map(lambda month: f"month {chr(65 + month % 26)}{month // 26}"))
    with pytest.raises(CounterfoilError, match="DATA-032"):
        spec(starts="month A0").fit(Panel.from_frame(words, unit="city", period="month"))


def test_terms_that_contradict_each_other_are_refused() -> None:
    for terms in (
        {"lag": 2},
        {"harmonics": 1},
        {"season_length": 4, "harmonics": 3},
        {"covariates": ("x",)},
        {"vcov": "HC1"},
        {"period": "3"},
    ):
        with pytest.raises(ValueError, match="validation error"):
            spec(**terms)


def test_what_a_design_can_show_is_known_before_outcomes() -> None:
    blind = panel(series()).frame.drop(columns="y")
    found = reach(spec(), Panel.from_frame(blind, unit="city", period="month"))
    assert found.cohorts == (("24", 1, 24, 24),)
    assert found.smallest_p_value is None
    places = pd.DataFrame(
        [(place, year) for place in range(10) for year in range(2000, 2012)], columns=["place", "year"]
    )
    places["since"] = places["place"].map({0: 2006})
    without = Panel.from_frame(places, unit="place", period="year")
    asked = SyntheticControl(outcome="y", first_treated="since")
    few = reach(asked, without)
    assert (few.treated, few.donors, few.smallest_p_value) == (1, 9, 0.1)
    assert [problem.code for problem in few.warnings] == ["EST-039"]
    assert reach(asked.model_copy(update={"inference": "conformal"}), without).smallest_p_value == 1 / 12
    with pytest.raises(CounterfoilError, match="IDENT-036"):
        reach(asked.model_copy(update={"inference": "jackknife"}), without)


@pytest.mark.parametrize("errors", ["newey_west", "glsar"])
def test_a_series_too_short_for_its_errors_is_refused(errors: str) -> None:
    short = [0.0, 0, 0, 0, 0, 1, 0, 1, 0] if errors == "newey_west" else [1.0, 0, 0, 0, 1, 0, 1, 0, 1]
    with pytest.raises(CounterfoilError, match="EST-015"):
        spec(starts="5" if errors == "newey_west" else "3", errors=errors).fit(panel(np.array(short)))
