"""The coefficient on a treatment that instruments move: two-stage least squares, or limited information maximum likelihood.

Both are k-class estimators, fitted by linearmodels. With the instruments' projection d̂ of the treatment d, residuals e and
the estimator's κ (1 for two-stage least squares), the influence of a person is ``n d̂ e / ((1 − κ) d'd + κ d̂'d̂)``, whose
plain cross-product is linearmodels' robust covariance. Sources: Wooldridge (2010), *Econometric Analysis of Cross Section
and Panel Data*, section 5.2; Anderson and Rubin (1949) and Nagar (1959) for κ.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import qr

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.instruments.partialled import ROUNDING, Partialled


@dataclass(frozen=True, slots=True, eq=False)
class KClass:
    """Shapes: influence and riesz (n,); ``variance`` is the classical one."""

    value: float
    influence: FloatArray
    riesz: FloatArray
    variance: float


def k_class(parts: Partialled, method: Literal["2sls", "liml"] = "2sls") -> KClass:
    """Fit the outcome on the treatment received, with the instruments as given in ``parts``.

    Before outcomes are known, when the outcome is nothing for everybody, the κ of maximum likelihood is not defined either;
    the weights of people are then those of two-stage least squares. With one instrument the two are the same.

    Raises
    ------
    EstimationError
        EST-029 when κ is not defined, because instruments and covariates explain the outcome or the treatment fully.
    """
    from linearmodels.iv import IV2SLS, IVLIML

    n = len(parts.outcome)
    basis = qr(parts.instruments, mode="economic", check_finite=False)[0]
    estimated = method == "liml" and basis.shape[1] > 1 and parts.outcome.any()
    if estimated and _explained(np.column_stack([parts.outcome, parts.received]), basis):
        what = "maximum likelihood has no solution: the instruments explain the treatment or the outcome fully"
        raise refusal("EST-029", what, fix="use `method: 2sls`")
    fit = (IVLIML if estimated else IV2SLS)(parts.outcome, None, parts.received, basis).fit(cov_type="unadjusted")
    value = float(fit.params.iloc[0])
    kappa = float(fit.kappa or 1.0)
    projected = basis @ (basis.T @ parts.received)
    moved = (1.0 - kappa) * float(parts.received @ parts.received) + kappa * float(projected @ projected)
    residuals = parts.outcome - value * parts.received
    return KClass(
        value=value,
        influence=n * projected * residuals / moved,
        riesz=n * projected / moved,
        variance=float(residuals @ residuals) / (n - parts.parameters - 1) / moved,
    )


def _explained(columns: FloatArray, basis: FloatArray) -> bool:
    """Tell whether a combination of the columns (n, 2) is one of the instruments, up to rounding."""
    columns = columns / np.linalg.norm(columns, axis=0)
    left = columns - basis @ (basis.T @ columns)
    return float(np.linalg.svd(left, compute_uv=False)[-1]) <= ROUNDING
