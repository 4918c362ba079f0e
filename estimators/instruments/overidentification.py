"""Whether several instruments agree on one effect: Sargan's statistic and Hansen's J.

Both are chi-square with L − 1 degrees of freedom where all instruments are valid and the effect is the same for everybody whom
any of them moves; a rejection says that one of the two fails, not which. Sources: Sargan (1958); Hansen (1982).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray, sandwich
from counterfoil.estimators.instruments.linear_forms import invertible
from counterfoil.estimators.instruments.partialled import Partialled


@dataclass(frozen=True, slots=True)
class OverIdentification:
    """Statistics with their p-values, on ``df`` degrees of freedom; ``hansen`` is robust, or by cluster."""

    sargan: float
    sargan_p_value: float
    hansen: float
    hansen_p_value: float
    df: int


def over_identification(
    parts: Partialled, residuals: FloatArray, clusters: NDArray[np.intp] | None
) -> OverIdentification:
    """Test the instruments on the residuals (n,) of two-stage least squares; J is that of two-step efficient GMM.

    Raises
    ------
    EstimationError
        EST-029 when the covariance of the moments cannot be inverted, for lack of clusters or of people with a residual.
    """
    n, size = parts.instruments.shape
    basis = np.linalg.qr(parts.instruments)[0]
    moments = basis.T @ residuals
    sargan = n * float(moments @ moments) / float(residuals @ residuals)
    spread = sandwich(basis * residuals[:, None], clusters) * n**2
    if not invertible(spread):
        what = f"a robust test of {size} instruments needs more clusters, or more people with a residual"
        raise refusal("EST-029", what)
    weight = np.linalg.inv(spread)
    outcome, received = basis.T @ parts.outcome, basis.T @ parts.received
    efficient = float(received @ weight @ outcome) / float(received @ weight @ received)
    gap = outcome - efficient * received
    hansen = float(gap @ weight @ gap)
    df = size - 1
    return OverIdentification(sargan, float(chdtrc(df, sargan)), hansen, float(chdtrc(df, hansen)), df)
