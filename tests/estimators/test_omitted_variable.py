"""The bound is exact in a population that is enumerated, monotone in both strengths, and says nothing about nothing."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution import EqualSplit, Shapley, rule_named
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, ContributionFit
from counterfoil.estimators.covariate_strength import covariate_strength
from counterfoil.estimators.omitted_variable import (
    bias_bound,
    bias_scale,
    omitted_variable,
    robustness_value,
)

NAMES = ("a", "b")


def enumerated() -> pd.DataFrame:
    """Every person of a population with two providers and a binary factor that nobody recorded."""
    rows = []
    for a, b, factor, times in (
        (0, 0, 0, 12), (1, 0, 0, 6), (0, 1, 0, 8), (1, 1, 0, 4), (0, 0, 1, 4), (1, 0, 1, 10), (0, 1, 1, 6), (1, 1, 1, 14)
    ):  # fmt: skip
        mean = 1 + 0.5 * a + 0.3 * b + 0.4 * a * b + factor * (0.7 + 0.2 * a - 0.3 * b)
        # Noise that is symmetric in each cell, so that the cell means are exact.
        rows += [(a, b, factor, mean + (-1) ** k * (0.5 + 0.1 * a)) for k in range(times)]
    return pd.DataFrame(rows, columns=["a", "b", "factor", "y"])


def long_and_short() -> tuple[ContributionFit, ContributionFit]:
    frame = enumerated()
    spec = {"outcome": "y", "providers": NAMES}
    long = Contribution.model_validate({**spec, "covariates": ("factor",), "effects_by_covariates": True})
    return long.fit(frame), Contribution.model_validate(spec).fit(frame)


@pytest.mark.parametrize("name", ["shapley", "last_in", "first_in", "banzhaf", "equal_split"])
def test_bias_is_rho_times_the_bound_in_an_enumerated_population(name: str) -> None:
    long, short = long_and_short()
    rule = rule_named(name, NAMES)
    with_factor, without = long.joint(rule), short.joint(rule)
    assert with_factor.riesz is not None
    assert without.riesz is not None
    shift_m = short.surface.residuals - long.surface.residuals
    shift_a = with_factor.riesz - without.riesz
    r2_outcome = float((shift_m**2).mean() / (short.surface.residuals**2).mean())
    for j in range(3):
        r2_riesz = float(1 - (without.riesz[:, j] ** 2).mean() / (with_factor.riesz[:, j] ** 2).mean())
        rho = float((shift_m * shift_a[:, j]).mean() / np.sqrt((shift_m**2).mean() * (shift_a[:, j] ** 2).mean()))
        scale = bias_scale(short.surface.residuals, without.riesz[:, [j]], np.ones(len(shift_m)))
        bias = without.values[j] - with_factor.values[j]
        assert abs(bias) > 0.01
        bound = bias_bound(scale, r2_outcome, r2_riesz, rho)[0]
        assert bias == pytest.approx(-np.copysign(bound, rho), abs=1e-12)


def test_every_row_of_the_result_is_bounded_at_the_true_strengths() -> None:
    long, short = long_and_short()
    found = omitted_variable(short, Shapley())
    truth = long.joint(Shapley())
    a, b, total = truth.values
    expected = {"a": a, "b": b, "gain": total, "a - b": a - b}
    assert truth.riesz is not None
    weights = short.joint(Shapley()).riesz
    assert weights is not None
    r2_outcome = 1 - float((long.surface.residuals**2).mean() / (short.surface.residuals**2).mean())
    rows = {"a": [1, 0, 0], "b": [0, 1, 0], "gain": [0, 0, 1], "a - b": [1, -1, 0]}
    for term, row in rows.items():
        place = found.terms.index(term)
        r2_riesz = 1 - float(((weights @ row) ** 2).mean() / ((truth.riesz @ row) ** 2).mean())
        gap = abs(found.values[place] - expected[term])
        assert 0.01 < gap <= found.bound(r2_outcome, r2_riesz)[place]
        low, high = found.under(r2_outcome, r2_riesz)[place]
        assert low < expected[term] < high


def test_vectors_by_hand() -> None:
    # χ = 1/4: (−.25 + √(.0625 + 1))/2 = .3903882; χ = 1: (−1 + √5)/2, the golden section.
    values = robustness_value(np.array([1.0, -2.0, 0.0, 1e9]), np.full(4, 2.0))
    np.testing.assert_allclose(values, [0.39038820320220757, (np.sqrt(5) - 1) / 2, 0.0, 1.0], atol=1e-12)
    # √.04·√(.2/.8) = .2·.5
    assert bias_bound(np.array([3.0]), 0.04, 0.2, -0.5)[0] == pytest.approx(0.15, abs=1e-15)
    assert robustness_value(np.array([0.0]), np.array([1.0]))[0] == 0.0


@given(
    value=st.floats(1e-3, 1e3),
    scale=st.floats(1e-3, 1e3),
)
def test_at_the_robustness_value_the_bound_is_the_value(value: float, scale: float) -> None:
    r = float(robustness_value(np.array([value]), np.array([scale]))[0])
    if r < 1 - 1e-6:  # nearer 1 the digits of 1 − r run out
        assert bias_bound(np.array([scale]), r, r)[0] == pytest.approx(value, rel=1e-6)


@given(one=st.floats(0.01, 0.98), other=st.floats(0.01, 0.98), more=st.floats(0.001, 0.01))
def test_the_bound_rises_in_both_strengths(one: float, other: float, more: float) -> None:
    scale = np.array([1.3])
    here = bias_bound(scale, one, other)[0]
    assert bias_bound(scale, one + more, other)[0] > here
    assert bias_bound(scale, one, other + more)[0] > here


def test_robustness_rises_with_value_over_scale() -> None:
    rising = robustness_value(np.linspace(0, 5, 50), np.ones(50))
    assert (np.diff(rising) > 0).all()


def test_intervals_that_hold_zero_need_no_factor() -> None:
    frame = enumerated()
    noisy = frame.assign(y=frame["y"] - 0.9 * frame["b"] + np.random.default_rng(1).normal(size=len(frame)))
    table = omitted_variable(Contribution(outcome="y", providers=NAMES).fit(noisy), Shapley()).tidy().set_index("term")
    assert (table["interval_robustness"] <= table["robustness"]).all()
    inside = (table["conf_low"] <= 0) & (table["conf_high"] >= 0)
    assert inside.any()
    assert not inside.all()
    assert (table["interval_robustness"][inside] == 0).all()
    assert (table["interval_robustness"][~inside] > 0).all()


def test_share_rows_are_the_delta_method() -> None:
    """The weights of a share are those of the numerical derivative of a ratio."""
    _, short = long_and_short()
    found = omitted_variable(short, Shapley())
    joint = short.joint(Shapley())
    place = found.terms.index("share of a")
    ratio = joint.map(lambda v: v[[0]] / v[2], ["share"])
    assert ratio.riesz is not None
    scale = bias_scale(short.surface.residuals, ratio.riesz, short.surface.weights)
    assert found.values[place] == pytest.approx(ratio.values[0], rel=1e-12)
    assert found.scale[place] == pytest.approx(scale[0], rel=1e-6)


def test_realized_luck_and_weights_do_not_change_the_bound() -> None:
    frame = enumerated().assign(w=1.0 + np.arange(64) % 3)
    scales = {}
    for target, weights in itertools.product(("sample", "population", "realized"), (None, "w")):
        terms = {"outcome": "y", "providers": NAMES, "target": target, "weights": weights}
        scales[target, weights] = omitted_variable(Contribution.model_validate(terms).fit(frame), Shapley()).scale[:4]
    for weights in (None, "w"):
        np.testing.assert_allclose(scales["realized", weights], scales["sample", weights], rtol=1e-12)
        np.testing.assert_allclose(scales["population", weights], scales["sample", weights], rtol=1e-12)
    # A weight of two counts as two people.
    doubled = frame.loc[frame.index.repeat(frame["w"].astype(int))].reset_index(drop=True)
    by_hand = omitted_variable(Contribution(outcome="y", providers=NAMES).fit(doubled), Shapley()).scale[:4]
    np.testing.assert_allclose(scales["sample", "w"], by_hand, rtol=1e-12)


def test_what_rests_on_no_residual_is_left_out_or_refused() -> None:
    frame = enumerated()
    frame = frame[frame["a"] == frame["b"]]
    twins = Contribution(outcome="y", providers=NAMES).fit(frame)
    assert "a - b" in omitted_variable(twins, EqualSplit()).left_out
    exact = frame.assign(y=frame["a"] * 1.0)
    with pytest.raises(CounterfoilError) as caught:
        omitted_variable(Contribution(outcome="y", providers=NAMES).fit(exact), EqualSplit())
    assert caught.value.codes == ("EST-015",)


def test_strengths_out_of_range() -> None:
    for wrong in ((1.1, 0.2, 1.0), (0.2, 1.0, 1.0), (-0.1, 0.2, 1.0), (0.1, 0.2, 1.2)):
        with pytest.raises(ValueError, match=re.escape("r2_outcome is from 0 to 1")):
            bias_bound(np.ones(1), *wrong)


def test_a_covariate_left_out_is_as_strong_as_it_is() -> None:
    """For a covariate that is the whole factor, the comparison gives the true strengths, which bound the true bias."""
    long, short = long_and_short()
    table = covariate_strength(long, Shapley(), enumerated()).set_index("term")
    found = omitted_variable(short, Shapley())
    for j, term in enumerate((*NAMES, "gain")):
        strength = table.loc[term]
        bias = abs(short.joint(Shapley()).values[j] - long.joint(Shapley()).values[j])
        assert bias <= found.bound(strength["r2_outcome"], strength["r2_riesz"])[j]
    with pytest.raises(CounterfoilError) as caught:
        covariate_strength(short, Shapley(), enumerated())
    assert caught.value.codes == ("EST-015",)


@pytest.mark.parametrize("terms", [{"design": "unconfounded", "covariates": ("factor",)}, {"scope": "everyone"}])
def test_augmented_and_factorial_weights_have_a_bound_too(terms: dict[str, object]) -> None:
    fit = Contribution.model_validate({"outcome": "y", "providers": NAMES, **terms}).fit(enumerated())
    joint = fit.joint(Shapley())
    found = omitted_variable(fit, Shapley())
    assert joint.riesz is not None
    by_hand = np.sqrt((fit.surface.residuals**2).mean() * (joint.riesz**2).mean(axis=0))
    np.testing.assert_allclose(found.scale[:3], by_hand, rtol=1e-12)


def test_one_provider_has_no_contrast_and_its_share_is_certain() -> None:
    fit = Contribution(outcome="y", providers=("a",)).fit(enumerated())
    found = omitted_variable(fit, Shapley())
    assert found.terms == ("a", "gain")
    assert found.left_out == ("share of a",)
    assert found.robustness[0] == pytest.approx(found.robustness[1], rel=1e-12)
