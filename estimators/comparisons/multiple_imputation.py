"""One estimate from several completed copies of a study in which some values were missing (multiple imputation).

The values are imputed elsewhere, m times, from their distribution given everything that is used, outcomes and treatment
included; each completed study is estimated as if it were complete, and the m estimates are joined:

    value      Q̄ = mean of Q_l
    covariance T = Ū + (1 + 1/m) B,        Ū = mean of U_l,   B = Σ (Q_l − Q̄)(Q_l − Q̄)′ / (m − 1).

B is no sum over people: what is uncertain about a missing value is not seen in anybody's influence. So the joined estimate
carries a covariance of error type ``imputed`` and no influence values. Effects that belong together are stacked within each
completed study first, and joined afterwards: then T holds their covariances as well.

Sources: Rubin (1987), *Multiple imputation for nonresponse in surveys*, section 3.1; Barnard and Rubin (1999), Biometrika 86(4),
948–955, for degrees of freedom.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate


class Fits(Protocol):
    """A design: whatever fits a study and returns an estimate, or a fit that has a total."""

    def fit(self, data: Any) -> Any:
        """Return an estimate, or a fit with ``total()``."""
        ...


def over_imputations(spec: Fits, studies: Sequence[Study], of: Callable[[Any], Estimate] | None = None) -> Estimate:
    """Fit a design on several completed studies of the same people, and join what it estimates.

    Parameters
    ----------
    spec : Design
        Any kind of estimator.
    studies : sequence of Study
        Completed copies, two or more; twenty or more where much is missing.
    of : callable, optional
        From a fit to the estimate wanted, such as ``lambda fit: fit.effects``; its total when omitted.

    Returns
    -------
    Estimate
        As `join_imputations` returns it.

    Raises
    ------
    EstimationError
        EST-050 for fewer than two studies, or studies of different people; whatever the design refuses.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Experiment
    >>> study = cf.datasets.load("nsw")
    >>> same = over_imputations(Experiment(), [study, study])
    >>> bool(same.std_error == Experiment().fit(study).std_error), same.diagnostics["fraction_missing"]
    (True, {'gain': 0.0})
    """
    if len(studies) < 2:
        raise refusal("EST-050", f"there are {len(studies)} completed studies; joining takes two or more", "studies")
    first = studies[0].ids
    if not all(np.array_equal(study.ids, first) for study in studies[1:]):
        raise refusal("EST-050", "the completed studies are not of the same people", "studies")
    fits = [spec.fit(study) for study in studies]
    return join_imputations([of(fit) if of else fit if isinstance(fit, Estimate) else fit.total() for fit in fits])


def join_imputations(estimates: Sequence[Estimate]) -> Estimate:
    """Join estimates of the same values on several completed studies by Rubin's rules.

    Parameters
    ----------
    estimates : sequence of Estimate
        One a completed study, with the same terms and people; `stack` effects within each first, to have their covariance.

    Returns
    -------
    Estimate
        Error type ``imputed``; t with Barnard and Rubin's degrees of freedom, the smallest of the terms'. Diagnostics have
        ``imputations``, ``error_within`` (the error type of each) and by term ``fraction_missing`` (the part of the information that
        the missing values cost) and ``imputation_df``.

    Raises
    ------
    EstimationError
        EST-050 for fewer than two estimates, or of different terms, outcomes, people, estimands or error types; EST-018 for one
        without an error.

    Examples
    --------
    >>> parts = [
    ...     Estimate.published([value], [0.3], terms=["gain"], outcome="y", estimand="ATT", people=90) for value in (1.0, 1.2, 1.4)
    ... ]
    >>> joined = join_imputations(parts)
    >>> joined.values.round(3), joined.std_error.round(4), round(joined.df, 1)
    (array([1.2]), array([0.3786]), 14.4)
    """
    _refuse(estimates)
    first, m = estimates[0], len(estimates)
    values = np.array([one.values for one in estimates])
    within = np.mean([one.cov() for one in estimates], axis=0)
    between = np.atleast_2d(np.cov(values, rowvar=False)) * (1.0 + 1.0 / m)
    total = within + between
    spread = np.diagonal(total)
    part = np.divide(np.diagonal(between), spread, out=np.zeros(len(spread)), where=spread > 0)
    degrees = barnard_rubin(part, m, min(one.df for one in estimates))
    ratio = np.divide(part, 1.0 - part, out=np.full(len(part), math.inf), where=part < 1)
    lost = np.where(part < 1, (ratio + 2.0 / (degrees + 3.0)) / (ratio + 1.0), 1.0)
    # Where the copies agree nothing is lost; the term with the degrees of freedom allows for a B that is estimated.
    lost = np.where(part > 0, lost, 0.0)
    terms = first.terms
    return Estimate(
        terms=terms,
        label=first.label,
        values=values.mean(axis=0),
        covariance=total,
        error_type="imputed",
        degrees=float(degrees.min()),
        outcome=first.outcome,
        estimand=first.estimand,
        people=first.people,
        population=first.population,
        target=first.target,
        sample_size=first.n,
        parameters=first.parameters,
        warnings=_together(estimates),
        diagnostics={
            **first.diagnostics,
            "imputations": m,
            "error_within": first.error_type,
            "fraction_missing": dict(zip(terms, lost.tolist(), strict=True)),
            "imputation_df": dict(zip(terms, degrees.tolist(), strict=True)),
        },
    )


def barnard_rubin(between_share: FloatArray, m: int, complete: float) -> FloatArray:
    """Return degrees of freedom of a joined value, one a term: never more than those of the complete data.

    Parameters
    ----------
    between_share : ndarray, shape (k,)
        (1 + 1/m) B / T, 0 to 1.
    m : int
        Imputations.
    complete : float
        Degrees of freedom without anything missing; may be infinite.

    Examples
    --------
    >>> barnard_rubin(np.array([0.0, 0.2]), 5, 100.0).round(2).tolist()
    [98.06, 43.96]
    """
    with np.errstate(divide="ignore"):
        few = (m - 1) / between_share**2
    if math.isinf(complete):
        return few
    seen = (complete + 1) / (complete + 3) * complete * (1 - between_share)
    return np.asarray(np.divide(seen, 1 + seen / few))


def _refuse(estimates: Sequence[Estimate]) -> None:
    if len(estimates) < 2:
        raise refusal(
            "EST-050", f"there are {len(estimates)} estimates of completed studies; joining takes two or more"
        )
    first = estimates[0]
    for what, of in (
        ("terms", lambda one: one.terms),
        ("outcome", lambda one: one.outcome),
        ("estimand", lambda one: one.estimand),
        ("error type", lambda one: one.error_type),
        ("number of people", lambda one: one.n),
        ("people", lambda one: () if one.ids is None else tuple(one.ids.tolist())),
    ):
        if any(of(one) != of(first) for one in estimates[1:]):
            raise refusal("EST-050", f"the estimates of the completed studies differ in their {what}")


def _together(estimates: Sequence[Estimate]) -> tuple[Problem, ...]:
    """Return every warning once: those that differ in numbers only are one warning, as the first has it."""
    kept: dict[tuple[str, str, str], Problem] = {}
    for one in estimates:
        for problem in one.warnings:
            kept.setdefault((problem.code, problem.where, re.sub(r"<?\d[\d.,]*", "#", problem.what)), problem)
    return tuple(kept.values())
