"""The counterfactual surface m(b, X) = E[Y | A = b, X]: controls, pattern effects, and who was served by whom.

Fitted once; every attribution rule is then a combination of its values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.roster import Roster
from counterfoil.errors import Problem, listed
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import LeastSquares, least_squares
from counterfoil.estimators.propensity import pattern_frequencies, pattern_propensity

OVERLAP_FLOOR: Final = 0.01
"""Propensities in denominators are floored at this over the number of patterns."""


class Asked(Protocol):
    """What a surface needs to know of a request; `Contribution` says it."""

    @property
    def design(self) -> Literal["randomized", "unconfounded"]:
        """How patterns came about."""
        ...

    @property
    def model(self) -> Literal["additive", "pairwise", "saturated"]:
        """Which pattern effects there are."""
        ...

    @property
    def effects_by_covariates(self) -> bool:
        """Whether effects may differ with the covariates."""
        ...

    @property
    def min_pair(self) -> int:
        """Shared people below which a pair has no joint effect."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A fitted m(b, X): controls plus, for each term, a pattern indicator times the effect modifiers.

    Parameters
    ----------
    weights : ndarray, shape (n,)
        Observation weights, mean 1.
    controls : ndarray, shape (n, n_controls)
        Intercept first.
    modifiers : ndarray, shape (n, n_modifiers)
        1 first, then centred covariates when effects differ with them.
    patterns, pattern : ndarray
        The observed patterns (n_patterns, K) and each person's (n,).
    terms : tuple of tuples of int
        Sets of providers: for a saturated model the patterns themselves, else single providers and pairs.
    saturated : bool
        Whether a term means "exactly these providers" rather than "at least these".
    design : ndarray, shape (n, n_columns)
        Controls and terms x modifiers, in that order.
    fit : LeastSquares
        Of the outcome on the design, rows scaled by the root of the weights.
    residuals : ndarray, shape (n,)
        Outcome less the fitted surface.
    propensity : ndarray, shape (n, n_patterns), or None
        Chance of each pattern given covariates, for the augmented path; None for the regression path.
    warnings : tuple of Problem
    """

    weights: FloatArray
    controls: FloatArray
    modifiers: FloatArray
    patterns: NDArray[np.bool_]
    pattern: NDArray[np.intp]
    terms: tuple[tuple[int, ...], ...]
    saturated: bool
    design: FloatArray
    fit: LeastSquares
    residuals: FloatArray
    propensity: FloatArray | None
    warnings: tuple[Problem, ...]


def fit_surface(
    asked: Asked,
    roster: Roster,
    outcome: FloatArray,
    covariates: FloatArray,
    names: Sequence[str],
    weights: FloatArray,
) -> Surface:
    """Fit m(b, X) by least squares and, for an unconfounded saturated model, the propensity of each pattern."""
    patterns, pattern = roster.patterns()
    warnings: list[Problem] = []
    centred = covariates - np.average(covariates, axis=0, weights=weights)
    one = np.ones((len(outcome), 1))
    controls = np.hstack([one, centred])
    modifiers = controls if asked.effects_by_covariates else one
    terms = _terms(asked, roster, patterns, warnings)
    saturated = asked.model == "saturated"
    held = [
        (patterns == _only(term, patterns)).all(axis=1) if saturated else patterns[:, term].all(axis=1)
        for term in terms
    ]
    indicator = np.array(held, dtype=np.float64).reshape(len(terms), len(patterns)).T
    products = (indicator[pattern][:, :, None] * modifiers[:, None, :]).reshape(len(outcome), -1)
    design = np.hstack([controls, products])
    propensity = None
    if asked.design == "unconfounded":
        if covariates.shape[1] == 0:
            warnings.append(Problem("EST-006", "people are compared as they come, without covariates", "estimator"))
        if saturated:
            propensity = (
                pattern_propensity(pattern, covariates, weights)
                if covariates.shape[1] and len(patterns) > 1
                else pattern_frequencies(pattern, len(patterns), weights)
            )
            propensity, floored = _floored(propensity, pattern)
            if floored:
                what = (
                    f"{shown(floored)} people had almost no chance of the pattern they had; their weights are floored"
                )
                warnings.append(Problem("EST-004", what, "estimator"))
    # The intercept takes up any constant; without it, outcomes far from zero would lose digits.
    centre = np.average(outcome, weights=weights)
    root = np.sqrt(weights)
    fit = least_squares(design * root[:, None], (outcome - centre) * root)
    idle = sorted({names[position - 1].partition("=")[0] for position in fit.dropped if 0 < position <= len(names)})
    if idle:
        warnings.append(Problem("EST-005", f"some of covariates {listed(idle)} carry no information", "estimator"))
    return Surface(
        weights,
        controls,
        modifiers,
        patterns,
        pattern,
        terms,
        saturated,
        design,
        fit,
        fit.residuals / root,
        propensity,
        tuple(warnings),
    )


def _only(term: tuple[int, ...], patterns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.isin(np.arange(patterns.shape[1]), term)


def _terms(
    asked: Asked, roster: Roster, patterns: NDArray[np.bool_], warnings: list[Problem]
) -> tuple[tuple[int, ...], ...]:
    if asked.model == "saturated":
        return tuple(tuple(int(j) for j in np.flatnonzero(row)) for row in patterns if row.any())
    singles = tuple((j,) for j in range(len(roster.providers)))
    if asked.model == "additive":
        return singles
    together = roster.exposure.astype(np.float64).T @ roster.exposure
    pairs = [pair for pair in combinations(range(len(roster.providers)), 2) if together[pair] > 0]
    sparse = [pair for pair in pairs if together[pair] < asked.min_pair]
    if sparse:
        names = [" + ".join(roster.providers[j] for j in pair) for pair in sparse]
        what = f"{len(sparse)} pairs share fewer than {asked.min_pair} people and act additively: {listed(names)}"
        warnings.append(Problem("IDENT-008", what, "estimator"))
    return (*singles, *(pair for pair in pairs if together[pair] >= asked.min_pair))


def _floored(propensity: FloatArray, pattern: NDArray[np.intp]) -> tuple[FloatArray, int]:
    """Floor each person's own propensity, the only one that stands in a denominator; count the people concerned."""
    floor = OVERLAP_FLOOR / propensity.shape[1]
    rows = np.arange(len(pattern))
    own = propensity[rows, pattern]
    raised = np.array(propensity)
    raised[rows, pattern] = np.maximum(own, floor)
    return raised, int((own < floor).sum())
