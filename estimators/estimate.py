"""The currency of the house: an estimate and what its uncertainty is carried by.

Everything smooth that follows an estimator (intervals, bands, contrasts, joint covariances, other error types) is a
function of the estimate; nothing is refitted. Exactly one of three carries the uncertainty: influence values, one per
person; replicates, for designs that have none; or a covariance, for published figures. A figure that was published without
its error carries none of them and has the error type ``unknown``: whatever asks for its error is refused.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from counterfoil.datasets.display import titled_table
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.bands import simultaneous_critical
from counterfoil.estimators.covariance import (
    BY_CLUSTER,
    BY_PERSON,
    LEVERAGE_ONE,
    LEVERAGE_POWER,
    ErrorType,
    FloatArray,
    adjust_scores,
    cluster_sums,
    factor,
    sandwich,
)
from counterfoil.estimators.fieller import FiellerSet, fieller
from counterfoil.estimators.forest import plot_forest

# Beyond this many degrees of freedom t is the normal distribution to twelve digits.
MANY: Final = 1e10

MatchedType = Literal["abadie_imbens", "matched_sets"]
StatedType = (
    ErrorType
    | MatchedType
    | Literal["autocorrelated", "imputed", "placebo", "published", "replicates", "stacked", "unknown"]
)
AS_STATED: Final = ("abadie_imbens", "classical", "matched_sets")
"""Error types whose covariance is stated as a whole and is no sum over people."""
OWN_NAME: Final = ("autocorrelated", "imputed", "placebo", "published", "replicates", "stacked", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """Values, what carries their uncertainty, and how the error is computed.

    Parameters
    ----------
    terms : tuple of str
        What each value estimates: names of providers, or words such as ``gain``.
    label : {"term", "provider"}
        Which column of a tidy frame the terms belong to.
    values : ndarray, shape (k,)
        In the outcome's own units and sign.
    influence : ndarray, shape (n, k), or None
        Centred: ``values − truth ≈ mean(influence)``.
    replicates : ndarray, shape (r, k), or None
        Draws of the values, for designs without influence values.
    covariance : ndarray, shape (k, k), or None
        Of published values, of independent blocks, or of designs whose error is no sum over people.
    ids : ndarray, shape (n,), or None
        Person ids, aligned with the influence values.
    spread : ndarray, shape (n, k), or None
        The part of the influence that is not proportional to a residual; None when there is none.
    riesz : ndarray, shape (n, k), or None
        Weight of each person's residual in the values: known before outcomes are.
    leverage : ndarray, shape (n,), or None
        Of the mean model, where the estimate is linear in the outcome.
    classical : ndarray, shape (k, k), or None
        The textbook covariance, where there is one.
    matched : ndarray, shape (k, k), or None
        A covariance of matched comparisons.
    matched_by : {"abadie_imbens", "matched_sets"}
        Which: that of Abadie and Imbens (2006), or clustered by matched set (Abadie and Spiess 2022).
    clusters : ndarray of int, shape (n,), or None
        Cluster codes 0..G-1.
    reduced : ndarray, shape (n, k), or None
        Influence values with bias-reduced residuals, for CR2 errors.
    reduced_df : ndarray, shape (k,), or None
        Their degrees of freedom; t takes the smallest of the terms.
    cluster_names : ndarray, shape (G,), or None
        What each cluster is called in the study, so that estimates on different people can be joined.
    cluster_by : str or None
        The column that the clusters come from.
    parameters : int
        Fitted mean parameters.
    observations : int
        Rows behind the fit where people have several, for factors that count rows; 0 where each person is one.
    error_type : str
        Which covariance `cov` returns; see ``counterfoil.estimators.covariance``. ``autocorrelated`` (of one series over
        time), ``imputed`` (over completed copies of a study), ``placebo`` (as much as untreated places vary), ``published``, ``replicates``, ``stacked`` and ``unknown``
        name themselves.
    degrees : float or None
        Degrees of freedom where they do not follow from people, parameters and clusters.
    target : {"sample", "population", "either"}
        Whose effect the error is for: the people of this study, or future people like them.
    outcome : str or tuple of str
        What was measured; one a term in a stack.
    estimand : str
        What the values stand for, in words.
    people : int
        Over how many people a value per person counts, when a contract prices it.
    population : str
        Who those people are, in words.
    sample_size : int
        People behind an estimate that carries no person ids.
    warnings : tuple of Problem
        Whatever a reader must know before using the values.
    diagnostics : mapping
        Counts and the like.

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
    error_type: StatedType
    outcome: str | tuple[str, ...]
    estimand: str
    people: int
    population: str
    influence: FloatArray | None = None
    replicates: FloatArray | None = None
    covariance: FloatArray | None = None
    ids: NDArray[Any] | None = None
    label: Literal["term", "provider"] = "term"
    spread: FloatArray | None = None
    riesz: FloatArray | None = None
    leverage: FloatArray | None = None
    classical: FloatArray | None = None
    matched: FloatArray | None = None
    matched_by: MatchedType = "abadie_imbens"
    clusters: NDArray[np.intp] | None = None
    reduced: FloatArray | None = None
    reduced_df: FloatArray | None = None
    cluster_names: NDArray[Any] | None = None
    cluster_by: str | None = None
    parameters: int = 0
    observations: int = 0
    degrees: float | None = None
    target: Literal["sample", "population", "either"] = "either"
    sample_size: int = 0
    warnings: tuple[Problem, ...] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        carriers = [self.influence is not None, self.replicates is not None, self.covariance is not None]
        if sum(carriers) != (self.error_type != "unknown") or (self.influence is None) != (self.ids is None):
            raise ValueError(
                "an estimate carries influence values with ids, or replicates, or a covariance, unless unknown"
            )

    @classmethod
    def published(
        cls,
        values: ArrayLike,
        std_error: ArrayLike | None = None,
        *,
        covariance: ArrayLike | None = None,
        terms: Sequence[str],
        outcome: str,
        estimand: str,
        people: int,
        df: float = math.inf,
    ) -> "Estimate":
        """Return an estimate made of published figures, for replaying a contract.

        Parameters
        ----------
        values : array, shape (k,)
        std_error : array, shape (k,), optional
            Of independent values; give a covariance otherwise.
        covariance : array, shape (k, k), optional
        terms, outcome, estimand : str
            What the values are.
        people : int
            Over how many people a value counts.
        df : float
            Degrees of freedom of t; infinite for the normal distribution.

        Examples
        --------
        >>> Estimate.published([-0.06], [0.01], terms=["gain"], outcome="bmi_z", estimand="ITT", people=1028).interval()
        array([[-0.07959964, -0.04040036]])
        """
        if (std_error is None) == (covariance is None):
            raise ValueError("give either std_error or covariance")
        given = np.atleast_2d(np.asarray(covariance, dtype=np.float64)) if covariance is not None else None
        if given is None:
            given = np.diag(np.atleast_1d(np.asarray(std_error, dtype=np.float64)) ** 2)
        if not np.isfinite(given).all() or np.linalg.eigvalsh(given).min() < -1e-9 * np.abs(given).max():
            raise ValueError("the covariance is not finite and non-negative")
        return cls(
            terms=tuple(terms),
            values=np.atleast_1d(np.asarray(values, dtype=np.float64)),
            covariance=given,
            error_type="published",
            outcome=outcome,
            estimand=estimand,
            people=people,
            population="people as published",
            degrees=df,
            sample_size=people,
        )

    @property
    def n(self) -> int:
        """People whose data entered the estimate."""
        return self.sample_size if self.ids is None else len(self.ids)

    @property
    def n_clusters(self) -> int:
        """Number of clusters; the number of people when they are not clustered."""
        return self.n if self.clusters is None else int(self.clusters.max()) + 1

    @property
    def df(self) -> float:
        """Degrees of freedom of t: as stated, or clusters less one, or people less parameters."""
        if self.degrees is not None:
            return self.degrees
        if self.influence is None:
            return math.inf
        if self.error_type == "CR2" and self.reduced_df is not None:
            return float(self.reduced_df.min())
        return float(self.n - self.parameters if self.clusters is None else self.n_clusters - 1)

    @property
    def error_types(self) -> tuple[StatedType, ...]:
        """Error types that the estimate can state; `using` switches between them."""
        if self.error_type in OWN_NAME:
            return (self.error_type,)
        alone = self.leverage is not None and self.leverage.max() > LEVERAGE_ONE
        if self.clusters is not None:
            if self.error_type == "classical":
                return ("classical",)  # stated for means of clusters, and its clusters are in it
            return () if alone else tuple(name for name in BY_CLUSTER if name != "CR2" or self.reduced is not None)
        usable = {"classical"} if self.classical is not None else set()
        usable |= set() if alone else {"HC0", "HC1"}
        usable |= set() if alone or self.leverage is None else {"HC2", "HC3"}
        matched: tuple[StatedType, ...] = () if self.matched is None else (self.matched_by,)
        return (*matched, *(name for name in BY_PERSON if name in usable))

    def using(self, error_type: StatedType) -> "Estimate":
        """Return the same estimate with another error type; nothing is refitted.

        Raises
        ------
        EstimationError
            EST-001 when the data or the design do not define that error type.
        """
        if error_type not in self.error_types:
            there = f"there are {listed(self.error_types)}" if self.error_types else "no other is either"
            raise refusal("EST-001", f"{error_type} errors are not defined here; {there}")
        return replace(self, error_type=error_type)

    def scores(self) -> FloatArray:
        """Return influence values with the error type's corrections, (n, k): their plain cross-product is the covariance.

        Raises
        ------
        EstimationError
            EST-008 when the estimate has no influence values or its errors are classical.
        """
        if self.influence is None or self.error_type in AS_STATED:
            raise refusal("EST-008", f"{self.error_type} errors are no sum over people")
        scores = self.reduced if self.error_type == "CR2" and self.reduced is not None else self.influence
        power = LEVERAGE_POWER.get(self.error_type)
        if power is not None and self.leverage is not None:
            scores = adjust_scores(scores, self.spread, self.leverage, power)
        return np.asarray(scores) * math.sqrt(
            factor(self.error_type, self.observations or self.n, self.parameters, self.n_clusters)
        )

    def cov(self) -> FloatArray:
        """Return the covariance of the values, shape (k, k).

        Raises
        ------
        EstimationError
            EST-018 when no error is known.
        """
        if self.error_type == "unknown":
            raise refusal("EST-018", f"the {self.estimand} on {self._measured} has no standard error")
        if self.covariance is not None:
            return self.covariance
        if self.replicates is not None:
            return np.atleast_2d(np.cov(self.replicates, rowvar=False))
        if self.error_type == "classical" and self.classical is not None:
            return self.classical
        if self.error_type == self.matched_by and self.matched is not None:
            return self.matched
        return sandwich(self.scores(), self.clusters)

    @property
    def std_error(self) -> FloatArray:
        """Standard errors, shape (k,)."""
        return np.sqrt(np.maximum(np.diagonal(self.cov()), 0.0))

    def critical(self, conf_level: float = 0.95, bound: Literal["one_sided", "two_sided"] = "two_sided") -> float:
        """Return the critical value of t for an interval, or for a one-sided bound."""
        tail = 1.0 - conf_level
        return float(stdtrit(min(self.df, MANY), 1.0 - (tail / 2 if bound == "two_sided" else tail)))

    def interval(self, conf_level: float = 0.95, *, simultaneous: bool = False) -> FloatArray:
        """Return confidence intervals, shape (k, 2).

        Parameters
        ----------
        conf_level : float
        simultaneous : bool
            True makes all intervals hold together (sup-t bands).
        """
        cov = self.cov()
        critical = simultaneous_critical(cov, self.df, conf_level) if simultaneous else self.critical(conf_level)
        half = critical * np.sqrt(np.maximum(np.diagonal(cov), 0.0))
        return np.column_stack([self.values - half, self.values + half])

    def contrast(self, matrix: ArrayLike, terms: Sequence[str]) -> "Estimate":
        """Return linear combinations of the values, with their errors.

        Parameters
        ----------
        matrix : array, shape (m, k)
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
        rows = np.atleast_2d(np.asarray(matrix, dtype=np.float64))
        return self._linear(rows, rows @ self.values, terms)

    def map(self, function: Callable[[FloatArray], ArrayLike], terms: Sequence[str]) -> "Estimate":
        """Return a smooth function of the values, with errors by the delta method.

        Parameters
        ----------
        function : callable
            From the values (k,) to a number or an array (m,); its derivative is taken numerically.
        terms : sequence of str
            What the results are called.

        Examples
        --------
        >>> odds = Estimate.published([0.2], [0.02], terms=["p"], outcome="y", estimand="rate", people=400)
        >>> odds.map(lambda p: np.log(p / (1 - p)), ["log odds"]).std_error.round(3)
        array([0.125])
        """
        centre = np.atleast_1d(np.asarray(function(self.values), dtype=np.float64))
        error = 0.0 if self.error_type == "unknown" else self.std_error
        step = np.cbrt(np.finfo(float).eps) * np.maximum(np.abs(self.values), np.maximum(error, 1e-8))
        columns = [
            (np.atleast_1d(function(self.values + shift)) - np.atleast_1d(function(self.values - shift))) / (2 * h)
            for h, shift in zip(step, np.diag(step), strict=True)
        ]
        return self._linear(np.column_stack(columns), centre, terms)

    def ratio(self, numerator: int, denominator: int, conf_level: float = 0.95) -> FiellerSet:
        """Return one value over another, with its Fieller set, which may be unbounded.

        Parameters
        ----------
        numerator, denominator : int
            Positions among the terms.
        """
        return self.ratios([numerator], denominator, conf_level)[0]

    def ratios(self, numerators: Sequence[int], denominator: int, conf_level: float = 0.95) -> list[FiellerSet]:
        """Return several values over one other, each with its Fieller set; see `ratio`."""
        cov, j, critical = self.cov(), denominator, self.critical(conf_level)
        return [
            fieller(float(self.values[i]), float(self.values[j]), cov[i, i], cov[i, j], cov[j, j], critical)
            for i in numerators
        ]

    def select(self, positions: Sequence[int], label: Literal["term", "provider"] | None = None) -> "Estimate":
        """Return some of the terms."""
        rows = np.eye(len(self.terms))[list(positions)]
        chosen = self._linear(rows, rows @ self.values, [self.terms[position] for position in positions])
        outcome = self.outcome if isinstance(self.outcome, str) else tuple(self.outcome[p] for p in positions)
        return replace(chosen, label=label or self.label, outcome=outcome)

    def _linear(self, rows: FloatArray, values: FloatArray, terms: Sequence[str]) -> "Estimate":
        mixed = self.outcome if isinstance(self.outcome, str) else " and ".join(dict.fromkeys(self.outcome))
        return replace(
            self,
            terms=tuple(terms),
            label="term",
            values=values,
            outcome=mixed,
            influence=None if self.influence is None else self.influence @ rows.T,
            replicates=None if self.replicates is None else self.replicates @ rows.T,
            covariance=None if self.covariance is None else rows @ self.covariance @ rows.T,
            spread=None if self.spread is None else self.spread @ rows.T,
            riesz=None if self.riesz is None else self.riesz @ rows.T,
            reduced=None if self.reduced is None else self.reduced @ rows.T,
            reduced_df=self._reduced_df(rows),
            classical=None if self.classical is None else rows @ self.classical @ rows.T,
            matched=None if self.matched is None else rows @ self.matched @ rows.T,
        )

    def _reduced_df(self, rows: FloatArray) -> FloatArray | None:
        """Return degrees of freedom of combinations: a term's own for a multiple of it, else the smallest involved."""
        if self.reduced_df is None:
            return None
        return np.array([self.reduced_df[np.abs(row) > 0].min(initial=self.reduced_df.max()) for row in rows])

    def draws(self, size: int, seed: int) -> FloatArray:
        """Return draws of the values, shape (size, k), for whatever is kinked: caps, tiers, gates.

        Influence values are drawn with one random sign a person, or a cluster (multiplier bootstrap); replicates are
        drawn with replacement; a covariance gives normal draws.

        Parameters
        ----------
        size : int
        seed : int
            Same seed, same draws.
        """
        rng = np.random.default_rng(seed)
        if self.replicates is not None:
            centred = self.replicates - self.replicates.mean(axis=0)
            return np.asarray(self.values + centred[rng.integers(0, len(centred), size)])
        if self.influence is None or self.error_type in AS_STATED:
            values, vectors = np.linalg.eigh(self.cov())
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            return np.asarray(self.values + rng.standard_normal((size, len(values))) @ root.T)
        sums = self.scores() / self.n
        if self.clusters is not None:
            sums = cluster_sums(sums, self.clusters, self.n_clusters)
        drawn = np.empty((size, sums.shape[1]))
        block = max(1, 20_000_000 // len(sums))
        for first in range(0, size, block):
            signs = rng.integers(0, 2, (min(block, size - first), len(sums)), dtype=np.int8) * 2.0 - 1.0
            drawn[first : first + block] = signs @ sums
        return np.asarray(self.values + drawn)

    def tidy(self, conf_level: float = 0.95, *, simultaneous: bool = False) -> pd.DataFrame:
        """Return one row a term, in the columns of the house vocabulary.

        Parameters
        ----------
        conf_level : float
        simultaneous : bool
            True makes all intervals hold together (sup-t bands).

        Returns
        -------
        DataFrame
            Columns provider or nothing, outcome, term, estimate, std_error, statistic, p_value (two-sided, t),
            conf_low, conf_high; in the outcome's units. ``attrs`` names conf_level, estimand and error type.
        """
        error = self.std_error
        statistic = np.divide(self.values, error, out=np.full(len(self.values), math.nan), where=error > 0)
        low, high = self.interval(conf_level, simultaneous=simultaneous).T
        columns: dict[str, Any] = {"provider": self.terms} if self.label == "provider" else {}
        columns |= {
            "outcome": self.outcome,
            "term": "contribution" if self.label == "provider" else self.terms,
            "estimate": self.values,
            "std_error": error,
            "statistic": statistic,
            "p_value": 2.0 * stdtr(min(self.df, MANY), -np.abs(statistic)),
            "conf_low": low,
            "conf_high": high,
        }
        frame = pd.DataFrame(columns)
        frame.attrs = {
            "conf_level": conf_level,
            "simultaneous": simultaneous,
            "estimand": self.estimand,
            "error_type": self.error_type,
            "df": self.df,
        }
        return frame

    @property
    def _measured(self) -> str:
        return self.outcome if isinstance(self.outcome, str) else ", ".join(dict.fromkeys(self.outcome))

    @property
    def _header(self) -> str:
        if self.error_type == "unknown":
            return f"{self.estimand} on {self._measured}: {self.n:,} people, no standard error"
        clustered = "" if self.clusters is None else f" by {self.n_clusters} clusters"
        return (
            f"{self.estimand} on {self._measured}: {self.n:,} people, {self.error_type} errors{clustered}, "
            f"t with {self.df:g} degrees of freedom"
        )

    def summary(self) -> str:
        """Return the tidy table under a header that names estimand, people and error type."""
        table = self.tidy().drop(columns="outcome") if isinstance(self.outcome, str) else self.tidy()
        return f"{self._header}\n{table.to_string(index=False, float_format=lambda x: f'{x:.6g}')}"

    def plot(self, ax: Any = None, *, simultaneous: bool = False) -> Any:
        """Draw the terms and their intervals as a forest plot; return the matplotlib Axes."""
        return plot_forest(self.tidy(simultaneous=simultaneous), ax, unit=f"{self.estimand}")

    def __repr__(self) -> str:
        return (
            self.summary() if self.error_type != "unknown" else f"{self._header}\n{self._known.to_string(index=False)}"
        )

    def _repr_html_(self) -> str:
        return titled_table(self.tidy() if self.error_type != "unknown" else self._known, self._header)

    @property
    def _known(self) -> pd.DataFrame:
        return pd.DataFrame({"outcome": self.outcome, "term": self.terms, "estimate": self.values})

    def to_json(self, *, people: bool = False) -> str:
        """Return the estimate as JSON.

        Parameters
        ----------
        people : bool
            False, the default, writes the covariance and no person's record: what comes back has the same values,
            errors and degrees of freedom. True writes ids and influence values, so that what comes back can be stacked.
        """
        kept: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "cluster_by",
                "terms",
                "label",
                "outcome",
                "estimand",
                "people",
                "population",
                "target",
                "parameters",
                "observations",
            )
        }
        kept |= {
            "values": self.values.tolist(),
            "error_type": self.error_type,
            "degrees": None if self.degrees is None or math.isinf(self.degrees) else self.degrees,
            "sample_size": self.n,
            "warnings": [problem.to_dict() for problem in self.warnings],
        }
        arrays = (
            (
                "influence",
                "ids",
                "spread",
                "riesz",
                "leverage",
                "classical",
                "matched",
                "clusters",
                "reduced",
                "reduced_df",
                "cluster_names",
            )
            if people
            else ()
        )
        if people and self.influence is not None:
            kept["matched_by"] = self.matched_by
            kept |= {name: None if getattr(self, name) is None else getattr(self, name).tolist() for name in arrays}
        elif self.replicates is not None:
            kept["replicates"] = self.replicates.tolist()
        elif self.error_type != "unknown":
            kept |= {"covariance": self.cov().tolist(), "degrees": None if math.isinf(self.df) else self.df}
            kept["error_type"] = self.error_type if self.covariance is not None else "published"
        return json.dumps(kept)

    @classmethod
    def from_json(cls, text: str) -> "Estimate":
        """Return the estimate that `to_json` wrote.

        Examples
        --------
        >>> import counterfoil as cf
        >>> from counterfoil.estimators import Experiment
        >>> gain = Experiment(outcome="earnings").fit(cf.datasets.load("nsw"))
        >>> bool(Estimate.from_json(gain.to_json()).std_error == gain.std_error)
        True
        """
        kept = json.loads(text)
        kept["terms"] = tuple(kept["terms"])
        kept["outcome"] = kept["outcome"] if isinstance(kept["outcome"], str) else tuple(kept["outcome"])
        kept["warnings"] = tuple(Problem(p["code"], p["what"], p["where"], p["fix"]) for p in kept["warnings"])
        for name in (
            "values",
            "influence",
            "replicates",
            "covariance",
            "spread",
            "riesz",
            "leverage",
            "classical",
            "matched",
            "reduced",
            "reduced_df",
        ):
            if kept.get(name) is not None:
                kept[name] = np.asarray(kept[name], dtype=np.float64)
        if kept.get("clusters") is not None:
            kept["clusters"] = np.asarray(kept["clusters"], dtype=np.intp)
        if kept.get("ids") is not None:
            kept["ids"] = np.asarray(kept["ids"])
        if kept.get("cluster_names") is not None:
            kept["cluster_names"] = np.asarray(kept["cluster_names"])
        return cls(**kept)
