"""How strong the first stage is, and what the t interval is worth.

- classical F: of all instruments together, with equal error variance;
- robust F: the same with the fit's error type, so robust or by cluster (HC1 where the fit's is classical);
- effective F: ``π̂'Qπ̂ / tr(V Q)``, Q the instruments' cross-product and V the covariance of the first stage π̂. It is compared
  with the value that a first stage would exceed in 5% of samples if the worst-case bias of two-stage least squares were 10% of
  its worst benchmark. With one instrument it is the robust F, and the value 23.1;
- the tF interval: t with a critical value that depends on F, for one instrument.

Sources: Montiel Olea and Pflueger (2013), *A robust test for weak instruments*, Journal of Business & Economic Statistics
31(3), section 4 (the simplified critical value, which is never too small); Lee, McCrary, Moreira and Porter (2022).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import chndtrix

from counterfoil.errors import Problem
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.instruments.linear_forms import invertible
from counterfoil.estimators.instruments.partialled import Partialled
from counterfoil.estimators.instruments.tf_ratio import tf_critical

BIAS: Final = 0.10
"""The worst-case bias, as a share of its benchmark, beyond which instruments are called weak."""
EXACT: Final = 1e-12
"""A first stage known better than this, relative to its size, leaves nobody's treatment unexplained."""


@dataclass(frozen=True, slots=True, eq=False)
class WeakInstrument:
    """Strength of the first stage.

    Parameters
    ----------
    classical_f, effective_f : float
        Infinite where everybody did as the instrument said.
    robust_f : float or None
        None where its covariance cannot be inverted, for lack of clusters or of people with a residual.
    critical_value : float
        Of the effective F.
    effective_df : float
        Degrees of freedom behind the critical value; the number of instruments at most.
    error_type : str
        Of the robust and the effective F.
    tf_critical : float or None
        Critical value that t needs at this F, for a 95% interval; None with several instruments.
    tf_interval : (float, float) or None
    """

    classical_f: float
    robust_f: float | None
    effective_f: float
    critical_value: float
    effective_df: float
    error_type: str
    tf_critical: float | None
    tf_interval: tuple[float, float] | None

    @property
    def weak(self) -> bool:
        """Whether the effective F is below its critical value."""
        return self.effective_f < self.critical_value

    def warnings(self) -> tuple[Problem, ...]:
        """Return the warning that a weak first stage needs, or none."""
        if not self.weak:
            return ()
        what = f"effective F of {self.effective_f:.1f} is below {self.critical_value:.1f}, so the t interval may miss the effect"
        return (Problem("EST-028", what, "first stage"),)

    def tidy(self) -> pd.DataFrame:
        """Return one row a statistic."""
        rows: dict[str, float] = {
            "classical F": self.classical_f,
            **({} if self.robust_f is None else {f"robust F ({self.error_type})": self.robust_f}),
            f"effective F ({self.error_type})": self.effective_f,
            "critical value of the effective F": self.critical_value,
        }
        if self.tf_critical is not None and self.tf_interval is not None:
            rows |= {
                "tF critical value of t": self.tf_critical,
                "tF interval, low": self.tf_interval[0],
                "tF interval, high": self.tf_interval[1],
            }
        return pd.DataFrame({"term": rows.keys(), "statistic": rows.values()})


def first_stage_strength(gain: Estimate, first: Estimate, parts: Partialled) -> WeakInstrument:
    """Return how strong the first stage is, with the errors that it states.

    Parameters
    ----------
    gain : Estimate
        The effect, for the tF interval.
    first : Estimate
        One term an instrument.
    parts : Partialled
    """
    own = first
    if first.error_type == "classical" and "HC1" in first.error_types:
        first = first.using("HC1")
    pi, covariance = first.values, first.cov()
    classical = _wald_f(pi, covariance if first.classical is None else first.classical)
    exact = _exact(pi, covariance)
    robust = _wald_f(pi, covariance) if exact or invertible(covariance) else None
    effective, critical, df = effective_f(pi, covariance, parts.instruments.T @ parts.instruments)
    t_value = interval = None
    if len(pi) == 1 and robust is not None:
        # t and F with the same errors.
        t_value = tf_critical(classical if own.error_type == "classical" else robust)
        half = t_value * float(gain.std_error[0]) if np.isfinite(t_value) else np.inf
        interval = (float(gain.values[0]) - half, float(gain.values[0]) + half)
    return WeakInstrument(classical, robust, effective, critical, df, str(first.error_type), t_value, interval)


def _exact(first: FloatArray, covariance: FloatArray) -> bool:
    return float(np.trace(covariance)) <= EXACT**2 * float(first @ first)


def _wald_f(first: FloatArray, covariance: FloatArray) -> float:
    if _exact(first, covariance):
        return np.inf
    return float(first @ np.linalg.solve(covariance, first)) / len(first)


def effective_f(
    first: FloatArray, covariance: FloatArray, cross: FloatArray, bias: float = BIAS, level: float = 0.05
) -> tuple[float, float, float]:
    """Return the effective F, its critical value and the degrees of freedom behind it.

    Parameters
    ----------
    first : ndarray, shape (L,)
    covariance : ndarray, shape (L, L)
        Of the first stage.
    cross : ndarray, shape (L, L)
        Cross-product of the instruments, partialled out.
    bias, level : float
        Share of the worst-case bias, and how often the critical value is exceeded at that share.

    Examples
    --------
    >>> one = np.eye(1)
    >>> [round(float(x), 2) for x in effective_f(np.array([3.0]), one, one)]
    [9.0, 23.11, 1.0]
    """
    if _exact(first, covariance):
        covariance, first = np.eye(len(first)), np.full(len(first), np.inf)
    root = np.linalg.cholesky(cross)
    spread = root.T @ covariance @ root
    total, square = float(np.trace(spread)), float((spread**2).sum())
    largest = float(np.linalg.eigvalsh(spread)[-1])
    centre = 1.0 / bias
    df = total**2 * (1.0 + 2.0 * centre) / (square + 2.0 * centre * total * largest)
    critical = float(chndtrix(1.0 - level, df, centre * df)) / df
    strength = np.inf if np.isinf(first).any() else float(first @ cross @ first) / total
    return strength, critical, df
