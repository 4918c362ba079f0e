"""Probability of causation: the bounds are those of every joint distribution with the two margins."""

import numpy as np
import pytest

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.causation import probability_of_causation


@pytest.mark.parametrize(("m0", "ma"), [(0.3, 0.4), (0.5, 0.2), (0.9, 0.95), (0.0, 0.5), (1.0, 0.7)])
def test_bounds_are_those_of_all_joint_distributions(m0: float, ma: float) -> None:
    both = np.linspace(max(0.0, m0 + ma - 1), min(m0, ma), 1_001)  # P(good without and with)
    caused = (ma - both) / ma
    np.testing.assert_allclose(probability_of_causation(m0, ma), [caused.min(), caused.max()], atol=1e-12)
    if m0 <= ma:
        np.testing.assert_allclose(probability_of_causation(m0, ma, monotone=True), 1 - m0 / ma, atol=1e-12)


def test_many_clients_and_refusals() -> None:
    assert probability_of_causation([0.1, 0.2], 0.5).shape == (2, 2)
    with pytest.raises(CounterfoilError, match="IDENT-012"):
        probability_of_causation([0.1, 0.6], 0.5, monotone=True)
    for m0, ma in ((0.1, 0.0), (-0.1, 0.5), (0.5, 1.1), (np.nan, 0.5)):
        with pytest.raises(ValueError, match="chances"):
            probability_of_causation(m0, ma)
