"""Bounds of comparisons are exact in a population that is enumerated, and agree with the linear ones where both apply."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from counterfoil.errors import CounterfoilError, Problem
from counterfoil.estimators import Estimate, Experiment
from counterfoil.estimators.comparisons.compared import Compared, ComparisonFit, as_estimate
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign, Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.score import Score, fit_score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.sensitivity.benchmarks import benchmarks, mean_square_weight
from counterfoil.estimators.sensitivity.contours import contours, plot_contours
from counterfoil.estimators.sensitivity.e_value import e_value, of_comparison
from counterfoil.estimators.sensitivity.linear_confounder import linear_confounder
from counterfoil.estimators.sensitivity.omitted_confounder import (
    Confoundable,
    confoundable,
    confoundable_estimate,
    omitted_confounder,
    regression_residuals,
)
from counterfoil.estimators.sensitivity.strength import Benchmark, nearest, tidy_benchmarks


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A comparison made by hand."""

    sample: ComparisonSample
    estimand: Estimand
    score: Score | None
    balancing: FloatArray
    warnings: tuple[Problem, ...] = ()


TILTS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "ate": np.ones_like,
    "att": lambda chance: chance,
    "atc": lambda chance: 1 - chance,
    "ato": lambda chance: chance * (1 - chance),
}


def weighted(
    frame: pd.DataFrame, covariates: tuple[str, ...], estimand: Estimand = "att", weights: str | None = None
) -> ComparisonFit:
    """Return weighted means of the two groups, with the chances of a logit."""
    spec = ComparisonDesign(treated="d", outcome="y", covariates=covariates, weights=weights)
    sample = draw_comparison(spec, frame)
    score = fit_score(sample.codes, sample.adjusting.values, sample.weights)
    chance, treated = score.treated, sample.codes == 1
    tilt = TILTS[estimand](chance)
    balancing = (sample.weights * tilt / np.where(treated, chance, 1 - chance))[:, None]
    made = Made(sample, estimand, score, balancing)
    assert isinstance(made, Compared)
    riesz = np.where(treated, balancing[:, 0] / balancing[treated].sum(), -balancing[:, 0] / balancing[~treated].sum())
    riesz = riesz * sample.n
    outcome = sample.study.outcome("y")
    residuals = regression_residuals(outcome, sample.codes, sample.adjusting.values, sample.weights)
    value = float((riesz * outcome).mean())
    return ComparisonFit(
        made,
        as_estimate(
            sample,
            estimand,
            np.array([value]),
            (riesz * residuals)[:, None],
            outcome="y",
            parameters=4,
            warnings=(),
            riesz=riesz[:, None],
        ),
    )


def enumerated() -> pd.DataFrame:
    """Every person of a population with a covariate and a hidden factor; noise sums to nothing in each cell."""
    rows = []
    counts = {
        (0, 0, 0): 12, (1, 0, 0): 6, (0, 1, 0): 8, (1, 1, 0): 4, (0, 0, 1): 4, (1, 0, 1): 10, (0, 1, 1): 6, (1, 1, 1): 14,
    }  # fmt: skip
    for (d, x, z), times in counts.items():
        mean = 1 + 0.8 * d + 0.5 * x + z * (0.7 + 0.3 * d)
        rows += [(d, x, f"{x}{z}", mean + (-1) ** k * 0.6) for k in range(times)]
    return pd.DataFrame(rows, columns=["d", "x", "cell", "y"])


@pytest.mark.parametrize("estimand", ["att", "ate", "atc"])
def test_bias_is_within_the_bound_and_reaches_it_at_its_own_correlation(estimand: Estimand) -> None:
    frame = enumerated()
    short, long = weighted(frame, ("x",), estimand), weighted(frame, ("cell",), estimand)
    base, full = confoundable(short), confoundable(long)
    assert base.riesz.shape == (len(frame), 1)
    bias = float(short.effects.values[0] - long.effects.values[0])
    shift_a, n = (full.riesz - base.riesz)[:, 0], len(frame)
    # Cell means, without the enlargement for columns that were fitted.
    means = [frame.groupby(["d", *by])["y"].transform("mean").to_numpy() for by in (["x"], ["cell"])]
    shift_m, noise = means[1] - means[0], frame["y"].to_numpy() - means[0]
    r2_outcome = float((shift_m**2).mean() / (noise**2).mean())
    r2_treatment = float(1 - (base.riesz**2).mean() / (full.riesz**2).mean())
    rho = float((shift_m * shift_a).mean() / np.sqrt((shift_m**2).mean() * (shift_a**2).mean()))
    plain = Confoundable(short.effects, noise[:, None], base.riesz, np.ones(n))
    found = omitted_confounder(plain)
    assert abs(bias) == pytest.approx(found.bound(r2_outcome, r2_treatment, rho)[0], rel=1e-6)
    wide = omitted_confounder(short).bound(r2_outcome, r2_treatment)[0]
    assert abs(bias) < wide
    # Enlarged for two columns in each group.
    assert omitted_confounder(short).scale[0] == pytest.approx(found.scale[0], rel=0.06)
    assert omitted_confounder(short).scale[0] > found.scale[0]


@pytest.mark.parametrize("estimand", ["att", "ate", "atc"])
def test_benchmarks_are_what_leaving_the_covariate_out_does(estimand: Estimand) -> None:
    frame = enumerated()
    whole, without = weighted(frame, ("x",), estimand), weighted(frame.assign(one=1), ("one",), estimand)
    (found,) = benchmarks(whole)
    squares = [float((confoundable(fit).riesz ** 2).mean()) for fit in (whole, without)]
    # The treated rest on themselves in any case; what is added is the same either way.
    assert found.r2_treatment == pytest.approx(1 - squares[1] / squares[0], rel=1e-6)
    y, d = frame["y"].to_numpy(), frame["d"].to_numpy()
    errors = [
        (regression_residuals(y, d, columns, np.ones(len(y))) ** 2).mean()
        for columns in (frame[["x"]].to_numpy(float), np.empty((len(y), 0)))
    ]
    assert found.r2_outcome == pytest.approx(1 - errors[0] / errors[1])
    assert (found.covariate, found.term) == ("x", "gain")
    assert tidy_benchmarks([found]).loc[0, "r2_outcome"] == found.r2_outcome


def people(seed: int = 1, size: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    score, age, town = rng.normal(size=size), rng.normal(size=size), rng.choice(["n", "s", "w"], size)
    d = (rng.random(size) < 1 / (1 + np.exp(-0.7 * score - 0.2 * age))).astype(int)
    y = d + 1.5 * score + 0.2 * age + rng.normal(size=size)
    return pd.DataFrame({"d": d, "y": y, "score": score, "age": age, "town": town, "w": rng.uniform(0.5, 2, size)})


def test_the_covariate_that_matters_is_the_strongest_benchmark() -> None:
    fit = weighted(people(), ("score", "age", "town"))
    found = {one.covariate: one for one in benchmarks(fit)}
    assert list(found) == ["score", "age", "town"]
    assert found["score"].r2_outcome > 10 * found["age"].r2_outcome
    assert found["score"].r2_treatment > 3 * found["age"].r2_treatment
    assert found["town"].r2_outcome < 0.02
    bounds = omitted_confounder(fit)
    share = float(abs(bounds.values[0]) / bounds.scale[0])
    name, multiple = nearest(found.values(), share) or ("", 0.0)
    assert name == "score"
    assert found["score"].times(multiple).factor == pytest.approx(share)
    (only,) = benchmarks(fit, ["age"])
    assert only == found["age"]


def test_observation_weights_are_those_of_copies() -> None:
    frame = people(3, 240).assign(w=np.tile([1.0, 2.0], 120))
    copies = pd.concat([frame, frame[frame["w"] == 2]], ignore_index=True)
    once, twice = weighted(frame, ("score",), weights="w"), weighted(copies, ("score",))
    assert once.effects.values == pytest.approx(twice.effects.values)
    assert omitted_confounder(once).scale == pytest.approx(omitted_confounder(twice).scale, rel=0.01)
    assert benchmarks(once)[0].r2_treatment == pytest.approx(benchmarks(twice)[0].r2_treatment, rel=1e-6)


def test_weights_of_the_comparison_stand_in_where_effects_carry_none() -> None:
    fit = weighted(people(), ("score",))
    bare = replace(fit, effects=replace(fit.effects, riesz=None))
    assert omitted_confounder(bare).scale == pytest.approx(omitted_confounder(fit).scale)


def test_small_groups_share_their_slopes() -> None:
    rng = np.random.default_rng(4)
    covariates, codes = rng.normal(size=(60, 8)), np.r_[np.ones(10), np.zeros(50)].astype(np.intp)
    outcome = covariates.sum(axis=1) + codes + rng.normal(size=60)
    found = regression_residuals(outcome, codes, covariates, np.ones(60))
    design = np.column_stack([codes == 0, codes == 1, covariates]).astype(float)
    plain = outcome - design @ np.linalg.lstsq(design, outcome)[0]
    assert found == pytest.approx(plain * np.sqrt(60 / 50))


def test_a_lottery_without_covariates_has_the_scale_of_its_regression() -> None:
    frame = people().assign(assigned=lambda f: f["d"])
    gain = Experiment(outcome="y", vcov="classical").fit(frame)
    linear = linear_confounder(frame, "y", "d")
    assert omitted_confounder(gain).scale[0] == pytest.approx(linear.scale, rel=1e-9)
    assert omitted_confounder(gain).robustness[0] == pytest.approx(linear.robustness(), rel=1e-9)


@pytest.mark.parametrize("estimand", ["ate", "att", "atc", "ato", "atm"])
def test_mean_squares_grow_with_what_decides_treatment(estimand: Estimand) -> None:
    even = mean_square_weight(np.full(100, 0.4), np.ones(100), estimand)
    uneven = mean_square_weight(np.tile([0.1, 0.7], 50), np.ones(100), estimand)
    assert uneven > even > 0


def test_benchmarks_without_a_part_in_either_give_no_multiple() -> None:
    assert Benchmark("age", "gain", 0.0, 0.1).multiple(0.5) is None
    assert Benchmark("age", "gain", 0.1, 0.0).multiple(0.5) is None
    assert nearest([Benchmark("age", "gain", 0.1, 0.0)], 0.5) is None
    capped = Benchmark("all", "gain", 0.9, 0.01)
    factor = capped.times(5).factor
    assert capped.times(5).r2_outcome == 1
    assert capped.multiple(factor) == pytest.approx(5)
    assert capped.multiple(0.0) == 0


def test_contours_end_at_nothing_where_the_robustness_value_lies() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    fit = weighted(people(), ("score", "age"))
    bounds = omitted_confounder(fit)
    strength = float(bounds.robustness[0])
    table = contours(float(bounds.values[0]), float(bounds.scale[0]), strength, 3)
    assert table["estimate"].iloc[-1] == pytest.approx(0, abs=1e-12)
    assert table["estimate"].iloc[0] == bounds.values[0]
    ax = plot_contours(float(bounds.values[0]), float(bounds.scale[0]), benchmarks(fit))
    assert {text.get_text() for text in ax.texts} >= {"score (beyond)", "age"}


def test_e_values_of_a_comparison_take_risks_or_deviations() -> None:
    frame = people(6, 800)
    fit = weighted(frame, ("score",))
    found = of_comparison(fit)
    assert found.estimate > found.limit > 1
    untreated = frame["d"].to_numpy() == 0
    weights = fit.comparison.balancing[untreated, 0]
    y = frame["y"].to_numpy()[untreated]
    spread = np.sqrt(np.average((y - np.average(y, weights=weights)) ** 2, weights=weights))
    assert found.ratio == pytest.approx(np.exp(0.91 * fit.total().values[0] / spread))
    risk = frame.assign(y=(frame["y"] > 0).astype(int))
    binary = weighted(risk, ("score",))
    mean = np.average(risk["y"].to_numpy()[untreated], weights=weights)
    both = of_comparison(binary)
    assert both.ratio == pytest.approx((mean + binary.total().values[0]) / mean)
    assert both.estimate == pytest.approx(e_value(both.ratio))
    for flat in (risk.assign(y=risk["d"]), frame.assign(y=frame["d"] * 2.5)):
        with pytest.raises(CounterfoilError, match="EST-015"):
            of_comparison(weighted(flat, ("score",)))


def test_bad_input_is_refused() -> None:
    fit = weighted(people(), ("score",))
    published = Estimate.published([1.0], [0.1], terms=["gain"], outcome="y", estimand="ITT", people=10)
    exactly = people().assign(y=lambda f: f["score"] + f["d"])
    for code, asked in (
        ("EST-015", lambda: confoundable_estimate(published)),
        ("EST-015", lambda: omitted_confounder(weighted(exactly, ("score",)))),
        ("EST-015", lambda: benchmarks(weighted(people(), ()))),
        ("EST-015", lambda: benchmarks(fit, ["town"])),
        (
            "EST-015",
            lambda: confoundable(replace(fit, effects=replace(fit.effects, riesz=None), comparison=no_weight(fit))),
        ),
        ("EST-051", lambda: Benchmark("a", "gain", 0.1, 0.1).times(-1)),
        ("EST-052", lambda: Benchmark("a", "gain", 0.1, 0.4).times(2)),
        ("EST-051", lambda: contours(1.0, 1.0, 1.0)),
    ):
        with pytest.raises(CounterfoilError) as caught:
            asked()
        assert caught.value.codes == (code,)


def no_weight(fit: ComparisonFit) -> Made:
    made = fit.comparison
    return Made(made.sample, made.estimand, made.score, np.zeros_like(made.balancing))
