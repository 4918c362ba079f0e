"""The currency of the house: an estimate and one influence value per person.

Everything smooth that follows an estimator (intervals, contrasts, joint covariances, other error types) is a function
of the estimate; nothing is refitted.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.covariance import (
    BY_CLUSTER,
    BY_PERSON,
    LEVERAGE_POWER,
    ErrorType,
    FloatArray,
    adjust_scores,
    factor,
    sandwich,
)

# A person who alone determines a coefficient; 1 - h is then rounding error.
LEVERAGE_ONE = 1.0 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """Values, their influence values, and how the error is computed.

    Parameters
    ----------
    terms : tuple of str
        What each value estimates: names of providers, or words such as ``gain``.
    label : {"term", "provider"}
        Which column of a tidy frame the terms belong to.
    values : ndarray, shape (k,)
        In the outcome's own units and sign.
    ids : ndarray, shape (n,)
        Person ids, aligned with the influence values.
    influence : ndarray, shape (n, k)
        Centred: ``values − truth ≈ mean(influence)``.
    spread : ndarray, shape (n, k), or None
        The part of the influence that is not proportional to a residual; None when there is none.
    leverage : ndarray, shape (n,), or None
        Of the mean model, where the estimate is linear in the outcome.
    classical : ndarray, shape (k, k), or None
        The textbook covariance, where there is one.
    clusters : ndarray of int, shape (n,), or None
        Cluster codes 0..G-1.
    parameters : int
        Fitted mean parameters.
    error_type : str
        Which covariance `cov` returns; see ``counterfoil.estimators.covariance``.
    outcome, estimand : str
        What was measured, and what the values stand for.
    people : int
        Over how many people a value per person counts, when a contract prices it.
    population : str
        Who those people are, in words.
    warnings : tuple of Problem
        Whatever a reader must know before using the values.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Experiment
    >>> gain = Experiment(outcome="earnings").fit(cf.datasets.load("nsw"))
    >>> gain.tidy().round(2).loc[0, ["estimate", "std_error"]].tolist()
    [1794.34, 671.0]
    """

    terms: tuple[str, ...]
    values: FloatArray
    ids: NDArray[Any]
    influence: FloatArray
    error_type: ErrorType
    outcome: str
    estimand: str
    people: int
    population: str
    parameters: int
    label: Literal["term", "provider"] = "term"
    spread: FloatArray | None = None
    leverage: FloatArray | None = None
    classical: FloatArray | None = None
    clusters: NDArray[np.intp] | None = None
    warnings: tuple[Problem, ...] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """People whose data entered the estimate."""
        return len(self.ids)

    @property
    def n_clusters(self) -> int:
        """Number of clusters; the number of people when they are not clustered."""
        return self.n if self.clusters is None else int(self.clusters.max()) + 1

    @property
    def df(self) -> float:
        """Degrees of freedom of t: clusters less one, or people less parameters."""
        return float(self.n - self.parameters if self.clusters is None else self.n_clusters - 1)

    @property
    def error_types(self) -> tuple[ErrorType, ...]:
        """Error types that the estimate can state; `using` switches between them."""
        if self.clusters is not None:
            return BY_CLUSTER
        usable = set(BY_PERSON)
        if self.classical is None:
            usable.discard("classical")
        if self.leverage is None or self.leverage.max() > LEVERAGE_ONE:
            usable -= {"HC2", "HC3"}
        return tuple(name for name in BY_PERSON if name in usable)

    def using(self, error_type: ErrorType) -> "Estimate":
        """Return the same estimate with another error type; nothing is refitted.

        Raises
        ------
        EstimationError
            EST-001 when the data or the design do not define that error type.
        """
        if error_type not in self.error_types:
            raise refusal("EST-001", f"{error_type} is not defined here; there are {listed(self.error_types)}")
        return replace(self, error_type=error_type)

    def cov(self) -> FloatArray:
        """Return the covariance of the values, shape (k, k)."""
        if self.error_type == "classical" and self.classical is not None:
            return self.classical
        scores = self.influence
        power = LEVERAGE_POWER.get(self.error_type)
        if power is not None and self.leverage is not None:
            scores = adjust_scores(scores, self.spread, self.leverage, power)
        return sandwich(scores, self.clusters) * factor(self.error_type, self.n, self.parameters, self.n_clusters)

    @property
    def std_error(self) -> FloatArray:
        """Standard errors, shape (k,)."""
        return np.sqrt(np.maximum(np.diagonal(self.cov()), 0.0))

    def critical(self, conf_level: float = 0.95, bound: Literal["one_sided", "two_sided"] = "two_sided") -> float:
        """Return the critical value of t for an interval, or for a one-sided bound."""
        tail = 1.0 - conf_level
        return float(stdtrit(self.df, 1.0 - (tail / 2 if bound == "two_sided" else tail)))

    def interval(self, conf_level: float = 0.95) -> FloatArray:
        """Return confidence intervals, shape (k, 2)."""
        half = self.critical(conf_level) * self.std_error
        return np.column_stack([self.values - half, self.values + half])

    def contrast(self, matrix: FloatArray, terms: Sequence[str]) -> "Estimate":
        """Return linear combinations of the values, with their errors.

        Parameters
        ----------
        matrix : ndarray, shape (m, k)
            One row a combination.
        terms : sequence of str
            What the combinations are called.

        Examples
        --------
        >>> import counterfoil as cf
        >>> from counterfoil.estimators import Experiment
        >>> gain = Experiment(outcome="earnings").fit(cf.datasets.load("nsw"))
        >>> float(gain.contrast([[0.001]], ["gain in thousands"]).values.round(4)[0])
        1.7943
        """
        rows = np.asarray(matrix, dtype=np.float64)
        return replace(
            self,
            terms=tuple(terms),
            label="term",
            values=rows @ self.values,
            influence=self.influence @ rows.T,
            spread=None if self.spread is None else self.spread @ rows.T,
            classical=None if self.classical is None else rows @ self.classical @ rows.T,
        )

    def beside(self, other: "Estimate") -> "Estimate":
        """Return both estimates as one with their joint covariance; both come from the same people and model."""
        together = [
            None if own is None or its is None else np.hstack([own, its])
            for own, its in ((self.influence, other.influence), (self.spread, other.spread))
        ]
        return replace(
            self,
            terms=(*self.terms, *other.terms),
            values=np.concatenate([self.values, other.values]),
            influence=together[0] if together[0] is not None else self.influence,
            spread=together[1],
            classical=None,
        )

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row a term, in the columns of the house vocabulary.

        Returns
        -------
        DataFrame
            Columns provider or nothing, outcome, term, estimate, std_error, statistic, p_value (two-sided, t),
            conf_low, conf_high; in the outcome's units. ``attrs`` names conf_level, estimand and error type.
        """
        error = self.std_error
        statistic = np.divide(self.values, error, out=np.full(len(self.values), math.nan), where=error > 0)
        low, high = self.interval(conf_level).T
        columns: dict[str, Any] = {"provider": self.terms} if self.label == "provider" else {}
        columns |= {
            "outcome": self.outcome,
            "term": "contribution" if self.label == "provider" else self.terms,
            "estimate": self.values,
            "std_error": error,
            "statistic": statistic,
            "p_value": 2.0 * stdtr(self.df, -np.abs(statistic)),
            "conf_low": low,
            "conf_high": high,
        }
        frame = pd.DataFrame(columns)
        frame.attrs = {
            "conf_level": conf_level,
            "estimand": self.estimand,
            "error_type": self.error_type,
            "df": self.df,
        }
        return frame

    def summary(self) -> str:
        """Return the tidy table under a header that names estimand, people and error type."""
        clustered = "" if self.clusters is None else f" by {self.n_clusters} clusters"
        head = (
            f"{self.estimand} on {self.outcome}: {self.n:,} people, {self.error_type} errors{clustered}, "
            f"t with {self.df:g} degrees of freedom"
        )
        return (
            f"{head}\n{self.tidy().drop(columns='outcome').to_string(index=False, float_format=lambda x: f'{x:.6g}')}"
        )

    def __repr__(self) -> str:
        return self.summary()
