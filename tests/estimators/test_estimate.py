import numpy as np
import pytest

from counterfoil.attribution import attribute
from counterfoil.datasets import Study
from counterfoil.errors import EstimationError
from counterfoil.estimators import Contribution, Experiment
from counterfoil.estimators.fieller import fieller
from counterfoil.estimators.least_squares import least_squares

VOCABULARY = [
    "provider", "outcome", "cohort", "period", "term", "estimate", "std_error", "statistic", "p_value", "conf_low",
    "conf_high", "share", "share_low", "share_high", "quantity", "price", "payment", "currency",
]  # fmt: skip


def test_contrast_carries_every_error_type(nsw: Study) -> None:
    gain = Experiment(outcome="earnings").fit(nsw)
    thousands = gain.contrast(np.array([[0.001]]), ["gain in thousands"])
    for name in gain.error_types:
        assert thousands.using(name).std_error[0] == pytest.approx(gain.using(name).std_error[0] / 1000, rel=1e-12)


def test_tidy_columns_are_the_vocabulary_in_order(rice: Study, nsw: Study) -> None:
    shares = attribute(Contribution(cluster="address").fit(rice))
    for frame in (shares.tidy(), shares.credits.tidy(), Experiment().fit(nsw).tidy()):
        assert list(frame.columns) == [name for name in VOCABULARY if name in frame.columns]


def test_undefined_error_type_is_refused(rice: Study) -> None:
    fit = Contribution(cluster="address").fit(rice)
    with pytest.raises(EstimationError, match="HC2 errors are not defined"):
        fit.total().using("HC2")


def test_summary_names_people_errors_and_degrees_of_freedom(nsw: Study) -> None:
    text = Experiment().fit(nsw).summary()
    assert all(word in text for word in ("445 people", "HC2", "443 degrees of freedom", "1794.34", "670.997"))


def test_least_squares_keeps_earlier_columns_and_knows_what_is_estimable() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    design = np.column_stack([np.ones(50), a, b, a + b, np.zeros(50), b])
    fit = least_squares(design, rng.normal(size=50))
    assert fit.kept.tolist() == [0, 1, 2]
    assert fit.dropped.tolist() == [3, 4, 5]
    functional = np.array([[0, 1, 1, 1, 0, 0], [0, 1, 0, 0, 0, 0], [0, 1, 2, 1, 0, 1]], dtype=float)
    assert fit.estimable(functional).tolist() == [False, False, False]
    assert fit.estimable(np.array([[0.0, 1, 1, 2, 0, 1], [1, 0, 0, 0, 0, 0]])).tolist() == [True, True]
    with pytest.raises(EstimationError):
        least_squares(design[:3], np.ones(3))


def test_fieller_is_the_set_of_shares_not_rejected() -> None:
    part, total, variance, covariance, total_variance, z = 1.2, 2.0, 0.09, 0.02, 0.16, 1.96
    found = fieller(part, total, variance, covariance, total_variance, z)
    shares = np.linspace(-1, 3, 40_001)
    kept = (part - shares * total) ** 2 <= z**2 * (variance - 2 * shares * covariance + shares**2 * total_variance)
    assert (found.low, found.high) == pytest.approx((shares[kept].min(), shares[kept].max()), abs=2e-4)
    assert not fieller(0.1, 0.1, 1.0, 0.0, 1.0, z).bounded
