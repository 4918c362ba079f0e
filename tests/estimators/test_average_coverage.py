"""Critical values for average coverage: the paper's figures, a linear programme, and the chance that they bound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import ncx2, norm

from counterfoil.estimators.average_coverage import average_coverage_critical, worst_noncoverage


@pytest.mark.parametrize(("x", "value"), [(0.0, 1.960), (0.5, 2.523), (1.0, 3.259), (4.0, 7.216)])
def test_published_values(x: float, value: float) -> None:
    assert round(average_coverage_critical(x), 3) == value


def test_where_all_biases_are_alike_in_the_worst_case_it_is_the_noncentral_chi_square() -> None:
    """The value that the authors' R package ebci tests for m2 = 1, alpha = .2."""
    assert average_coverage_critical(1.0, 0.8) == pytest.approx(1.8494683, abs=5e-8)
    assert average_coverage_critical(1.0, 0.8) == pytest.approx(np.sqrt(ncx2.ppf(0.8, 1, 1.0)), abs=1e-7)


@pytest.mark.parametrize("x", [0.05, 0.5, 2.0, 9.0])
@pytest.mark.parametrize("conf_level", [0.9, 0.95])
def test_no_distribution_of_biases_is_missed_more_often(x: float, conf_level: float) -> None:
    """The worst distribution over a fine grid of biases, by linear programming, is missed at the error level."""
    cv = average_coverage_critical(x, conf_level)
    square = np.linspace(0.0, max(3.0 * cv**2, 2.0 * x), 6_001)
    miss = norm.cdf(-cv - np.sqrt(square)) + norm.cdf(-cv + np.sqrt(square))
    found = linprog(-miss, A_eq=np.vstack([np.ones_like(square), square]), b_eq=[1.0, x], bounds=(0, 1))
    assert -found.fun == pytest.approx(1 - conf_level, abs=2e-6)


@settings(max_examples=60, deadline=None)
@given(x=st.floats(1e-6, 1e6), conf_level=st.floats(0.4, 0.999))
def test_it_solves_its_equation_and_grows_with_the_biases(x: float, conf_level: float) -> None:
    cv = average_coverage_critical(x, conf_level)
    assert worst_noncoverage(x, cv) == pytest.approx(1 - conf_level, abs=1e-9)
    assert average_coverage_critical(1.1 * x, conf_level) > cv > norm.ppf(0.5 + conf_level / 2)


def test_the_normal_value_misses_too_often_where_there_is_bias() -> None:
    assert worst_noncoverage(1.0, 1.96) > 0.15


@pytest.mark.parametrize(("x", "conf_level"), [(-1.0, 0.95), (np.inf, 0.95), (np.nan, 0.95), (1.0, 1.0)])
def test_senseless_requests_are_refused(x: float, conf_level: float) -> None:
    with pytest.raises(ValueError, match="conf_level lies between"):
        average_coverage_critical(x, conf_level)
