"""A population with known selection gives its effect back; delta and beta invert each other; roots are the equation's."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.sensitivity.coefficient_stability import CoefficientStability, coefficient_stability


def population(delta: float, effect: float, hidden: float, seed: int) -> tuple[CoefficientStability, float]:
    """Return what regressions without the hidden index say in a population, and the R² with it.

    Y = effect·X + W₁ + W₂, with W₁ and W₂ uncorrelated and δ·Cov(X, W₁)/Var(W₁) = Cov(X, W₂)/Var(W₂). The measured index is
    one covariate, whose own coefficient need not be known.
    """
    rng = np.random.default_rng(seed)
    measured, noise, left = rng.uniform(0.5, 2), rng.uniform(0.5, 2), rng.uniform(0.5, 2)
    slope = rng.uniform(0.1, 0.6)
    # X = slope·W1 + delta·slope·W2 + own.
    variance_x = slope**2 * measured + (delta * slope) ** 2 * hidden + left
    cov_x1, cov_x2 = slope * measured, delta * slope * hidden
    variance_y = effect**2 * variance_x + measured + hidden + 2 * effect * (cov_x1 + cov_x2) + noise
    cov_xy = effect * variance_x + cov_x1 + cov_x2
    cov_1y = effect * cov_x1 + measured
    short = cov_xy / variance_x
    tau = variance_x - cov_x1**2 / measured
    long = (cov_xy - cov_x1 * cov_1y / measured) / tau
    explained = cov_1y**2 / measured + long**2 * tau
    found = CoefficientStability(
        short, long, cov_xy**2 / variance_x / variance_y, explained / variance_y, variance_y, variance_x, tau
    )
    return found, 1 - noise / variance_y


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([0.5, 1.0, 1.6]), st.floats(-2, 2), st.floats(0.05, 1.0), st.integers(0, 1000))
def test_known_selection_gives_the_effect_back(delta: float, effect: float, hidden: float, seed: int) -> None:
    found, r2_max = population(delta, effect, hidden, seed)
    assume(r2_max > found.r2_long + 1e-6)
    assert found.delta(effect, r2_max) == pytest.approx(delta, rel=1e-6)
    assert min(abs(beta - effect) for beta in found.betas(delta, r2_max)) < 1e-6


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 2.5))
def test_roots_solve_the_equation_and_the_first_goes_on_where_covariates_went(seed: int, delta: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(50, 2))
    d = x @ [0.5, 0.3] + rng.normal(size=50)
    frame = pd.DataFrame({"y": 0.5 * d + x @ [1, -0.5] + rng.normal(size=50), "d": d, "a": x[:, 0], "b": x[:, 1]})
    found = coefficient_stability(frame, "y", "d", ["a", "b"])
    assume(abs(found.short - found.long) > 0.02)
    betas = found.betas(delta)
    for beta in betas:
        assert found.delta(beta) == pytest.approx(delta, rel=1e-4)
    same = [beta for beta in betas if np.sign(beta - found.long) == np.sign(found.long - found.short)]
    if same:
        assert found.beta(delta) == betas[0] == min(same, key=lambda beta: abs(beta - found.long))
    else:
        with pytest.raises(CounterfoilError, match="EST-052"):
            found.beta(delta)


def test_an_independent_root_search_finds_the_same_effect() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=300)
    d = 0.6 * x + rng.normal(size=300)
    frame = pd.DataFrame({"y": 0.4 * d + x + rng.normal(size=300), "d": d, "x": x})
    found = coefficient_stability(frame, "y", "d", ["x"])
    assert found.short > found.long
    for delta in (0.5, 1.0, 1.5):
        searched = brentq(lambda beta, wanted=delta: found.delta(beta) - wanted, found.long - 0.8, found.long - 1e-6)
        assert found.beta(delta) == pytest.approx(searched, abs=1e-9)
    # Beyond 1.72 no effect goes with it; the one root that is left lies on the other side, for every delta.
    with pytest.raises(CounterfoilError, match="EST-052"):
        found.beta(2.0)
    assert found.r2_max == min(1, 1.3 * found.r2_long)
    row = found.tidy().iloc[0]
    assert row["delta"] == found.delta()
    assert row["beta"] == found.beta()
    # Covariates that are in both regressions take no part in the comparison.
    with_both = coefficient_stability(frame.assign(z=rng.normal(size=300)), "y", "d", ["x"], ["z"])
    assert with_both.short != found.short


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("EST-051", lambda: CoefficientStability(0.5, 0.4, 0.1, 0.3, 1, 1, 0.8).delta(r2_max=0.2)),
        ("EST-051", lambda: CoefficientStability(0.5, 0.4, 0.1, 0.3, 1, 1, 0.8).beta(r2_max=1.2)),
        ("EST-015", lambda: CoefficientStability(0.4, 0.4, 0.1, 0.3, 1, 1, 1).delta()),
        ("EST-015", lambda: coefficient_stability(pd.DataFrame({"y": [1.0, 2], "d": [0.0, 1]}), "y", "d", [])),
        (
            "EST-015",
            lambda: coefficient_stability(
                pd.DataFrame({"y": [1.0, 2, 4, 3], "d": [0.0, 1, 2, 3], "x": [0.0, 2, 4, 6]}), "y", "d", ["x"]
            ),
        ),
    ],
)
def test_bad_input_is_refused(code: str, asked: object) -> None:
    with pytest.raises(CounterfoilError) as caught:
        asked()  # type: ignore[operator]
    assert caught.value.codes == (code,)
