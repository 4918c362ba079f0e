"""The counterfactual surface m(b, X) = E[Y | A = b, X]: controls, pattern effects, and who was served by whom.

Fitted once; every attribution rule is then a combination of its values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.roster import Roster
from counterfoil.errors import Problem, listed
from counterfoil.estimators.blocks import Block, make_blocks
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import LeastSquares, least_squares
from counterfoil.estimators.propensity import pattern_frequencies, pattern_propensity

OVERLAP_FLOOR: Final = 0.01
"""Propensities in denominators are floored at this over the number of patterns; chances of an outcome at this."""

LARGEST_DENSE: Final = 20_000_000
"""Numbers in a design beyond which it is kept sparse."""


class Asked(Protocol):
    """What a surface needs to know of a request; `Contribution` says it, with ``auto`` decided."""

    @property
    def design(self) -> Literal["randomized", "unconfounded"]:
        """How patterns came about."""
        ...

    @property
    def effects_by_covariates(self) -> bool:
        """Whether effects may differ with the covariates."""
        ...

    @property
    def min_pair(self) -> int:
        """Shared people below which a pair's joint effect is shrunk."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A fitted m(b, X): controls plus, for each term, a pattern indicator times the effect modifiers.

    Parameters
    ----------
    weights : ndarray, shape (n,)
        Observation weights, mean 1.
    answered : ndarray, shape (n,)
        1 for everybody; with missing outcomes 0 for those, and one over the chance of an outcome for the others.
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
    blocks : tuple of Block
        People by number of providers, and the terms of their coalitions.
    design : ndarray or sparse array, shape (n, n_columns), or None
        Controls and terms x modifiers, in that order; None for a learned surface.
    fit : LeastSquares or None
        Of the outcome on the design, rows scaled by the root of the weights.
    contrasts : ndarray, shape (n, n_terms), or None
        Of a learned surface: predicted outcome under each term's pattern less that under the first pattern.
    shrunk : bool
        Whether some pairs carry a penalty.
    residuals : ndarray, shape (n,)
        Outcome less the fitted surface; 0 for a missing outcome.
    propensity : ndarray, shape (n, n_patterns), or None
        Chance of each pattern given covariates, for the augmented path; None for the regression path.
    warnings : tuple of Problem
    """

    weights: FloatArray
    answered: FloatArray
    controls: FloatArray
    modifiers: FloatArray
    patterns: NDArray[np.bool_]
    pattern: NDArray[np.intp]
    terms: tuple[tuple[int, ...], ...]
    saturated: bool
    blocks: tuple[Block, ...]
    design: FloatArray | csr_array | None
    fit: LeastSquares | None
    contrasts: FloatArray | None
    shrunk: bool
    residuals: FloatArray
    propensity: FloatArray | None
    warnings: tuple[Problem, ...]

    @property
    def regression(self) -> tuple[FloatArray | csr_array, LeastSquares]:
        """The design and the fit of a surface that was not learned."""
        if self.design is None or self.fit is None:
            raise ValueError("a learned surface has no regression")
        return self.design, self.fit

    @property
    def slopes(self) -> FloatArray:
        """Effect of each term for each modifier, shape (n_terms, n_modifiers)."""
        design, fit = self.regression
        coefficients = np.zeros(design.shape[1])
        coefficients[fit.kept] = fit.coefficients
        return coefficients[self.controls.shape[1] :].reshape(len(self.terms), self.modifiers.shape[1])

    @property
    def rank(self) -> int:
        """Number of fitted mean parameters; none are counted for a learned surface."""
        return 0 if self.fit is None else self.fit.rank

    @property
    def leverage(self) -> FloatArray:
        """Leverage of each person, shape (n,); nobody has any out of the fold."""
        return np.zeros(len(self.weights)) if self.fit is None else self.fit.leverage


def fit_surface(
    asked: Asked,
    model: Literal["additive", "pairwise", "saturated"],
    roster: Roster,
    outcome: FloatArray,
    covariates: FloatArray,
    names: Sequence[str],
    weights: FloatArray,
) -> Surface:
    """Fit m(b, X) by least squares and, for an unconfounded saturated model, the propensity of each pattern.

    Outcomes that are NaN are missing at random given patterns and covariates: the others count for them.
    """
    patterns, pattern = roster.patterns()
    warnings: list[Problem] = []
    centred = covariates - np.average(covariates, axis=0, weights=weights)
    one = np.ones((len(outcome), 1))
    controls = np.hstack([one, centred])
    modifiers = controls if asked.effects_by_covariates else one
    saturated = model == "saturated"
    seen = ~np.isnan(outcome)
    answered = _answered(seen, roster.exposure, covariates, weights, warnings)
    counted = weights * answered
    # The intercept takes up any constant; without it, outcomes far from zero would lose digits.
    centre = np.average(outcome[seen], weights=counted[seen])
    root = np.sqrt(counted)
    scaled = np.where(seen, outcome - centre, 0.0) * root
    terms, sparse = _terms(asked, model, roster, patterns, seen)
    blocks = make_blocks(patterns, pattern, terms, saturated)
    design = _design(controls, modifiers, blocks, len(terms), saturated)
    penalty = None
    if sparse:
        penalty = np.zeros(design.shape[1])
        penalty[controls.shape[1] + modifiers.shape[1] * (len(terms) - sparse) :] = asked.min_pair
        warnings.append(_shrunk(terms[len(terms) - sparse :], roster, asked.min_pair))
    fit = least_squares(_scaled(design, root), scaled, penalty)
    idle = sorted({names[position - 1].partition("=")[0] for position in fit.dropped if 0 < position <= len(names)})
    if idle:
        warnings.append(Problem("EST-005", f"some of covariates {listed(idle)} carry no information", "estimator"))
    propensity = None
    if asked.design == "unconfounded":
        if covariates.shape[1] == 0:
            warnings.append(Problem("EST-006", "people are compared as they come, without covariates", "estimator"))
        if saturated:
            propensity = _propensity(pattern, len(patterns), covariates, weights, warnings)
    residuals = np.divide(fit.residuals, root, out=np.zeros_like(root), where=seen)
    return Surface(
        weights=weights,
        answered=answered,
        controls=controls,
        modifiers=modifiers,
        patterns=patterns,
        pattern=pattern,
        terms=terms,
        saturated=saturated,
        blocks=blocks,
        design=design,
        fit=fit,
        contrasts=None,
        shrunk=sparse > 0,
        residuals=residuals,
        propensity=propensity,
        warnings=tuple(warnings),
    )


def _answered(
    seen: NDArray[np.bool_],
    exposure: NDArray[np.bool_],
    covariates: FloatArray,
    weights: FloatArray,
    warnings: list[Problem],
) -> FloatArray:
    """Return one over the chance of an outcome for those who have one, 0 for the others (mean 1)."""
    if seen.all():
        return np.ones(len(seen))
    given = np.hstack([exposure.astype(np.float64), covariates])
    chance = pattern_propensity(seen.astype(np.intp), given, weights, of="who has an outcome")[:, 1]
    lost = shown(int((~seen).sum()))
    what = f"{lost} people have no outcome; people like them, with the same providers, count for them"
    warnings.append(Problem("EST-016", what, "outcomes"))
    rare = int((chance < OVERLAP_FLOOR).sum())
    if rare:
        what = f"{shown(rare)} people had almost no chance of an outcome; few who are like them count for them"
        warnings.append(Problem("EST-004", what, "outcomes"))
    answered = np.where(seen, 1.0 / np.maximum(chance, OVERLAP_FLOOR), 0.0)
    return np.asarray(answered / np.average(answered, weights=weights))


def _propensity(
    pattern: NDArray[np.intp], n_patterns: int, covariates: FloatArray, weights: FloatArray, warnings: list[Problem]
) -> FloatArray:
    chances = (
        pattern_propensity(pattern, covariates, weights)
        if covariates.shape[1] and n_patterns > 1
        else pattern_frequencies(pattern, n_patterns, weights)
    )
    chances, floored = floored_propensity(chances, pattern)
    if floored:
        what = f"{shown(floored)} people had almost no chance of the pattern they had; their weights are floored"
        warnings.append(Problem("EST-004", what, "estimator"))
    return chances


def _terms(
    asked: Asked, model: str, roster: Roster, patterns: NDArray[np.bool_], seen: NDArray[np.bool_]
) -> tuple[tuple[tuple[int, ...], ...], int]:
    """Return the model's sets of providers, pairs with few shared people last, and how many those are."""
    if model == "saturated":
        return tuple(tuple(np.flatnonzero(row).tolist()) for row in patterns if row.any()), 0
    singles = tuple((j,) for j in range(len(roster.providers)))
    if model == "additive":
        return singles, 0
    together, counted = shared_people(roster.exposure), shared_people(roster.exposure[seen])
    pairs = [pair for pair in combinations(range(len(roster.providers)), 2) if together[pair] > 0]
    firm = tuple(pair for pair in pairs if counted[pair] >= asked.min_pair)
    sparse = tuple(pair for pair in pairs if counted[pair] < asked.min_pair)
    return (*singles, *firm, *sparse), len(sparse)


def shared_people(exposure: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return how many people each two providers share, shape (K, K); the diagonal is how many each served."""
    served = csr_array(exposure.astype(np.int64))
    return np.asarray((served.T @ served).toarray(), dtype=np.intp)


def _shrunk(pairs: Sequence[tuple[int, ...]], roster: Roster, few: int) -> Problem:
    names = [" + ".join(roster.providers[j] for j in pair) for pair in pairs]
    what = f"{len(pairs)} pairs share fewer than {few} people; their joint effects are shrunk to none: {listed(names)}"
    return Problem("IDENT-008", what, "estimator")


def _design(
    controls: FloatArray, modifiers: FloatArray, blocks: Sequence[Block], n_terms: int, saturated: bool
) -> FloatArray | csr_array:
    """Return controls and terms x modifiers, sparse where a dense array would be large."""
    n, width = modifiers.shape
    people, columns = [], []
    for block in blocks:
        # A saturated model's only column for a person is the pattern itself: the last coalition.
        held = block.columns[:, -1:] if saturated else block.columns
        unit, place = np.nonzero(held >= 0)
        count = np.bincount(block.unit, minlength=len(held))
        order = np.argsort(block.unit, kind="stable")
        start = np.concatenate([[0], np.cumsum(count)])
        repeat = count[unit]
        ahead = np.repeat(np.cumsum(repeat) - repeat, repeat)
        people.append(block.people[order[np.repeat(start[unit], repeat) + np.arange(repeat.sum()) - ahead]])
        columns.append(np.repeat(held[unit, place], repeat))
    row = np.concatenate([np.empty(0, dtype=np.intp), *people])
    column = np.concatenate([np.empty(0, dtype=np.intp), *columns])
    spots = (column[:, None] * width + np.arange(width)).ravel()
    if n * (controls.shape[1] + n_terms * width) <= LARGEST_DENSE:
        products = np.zeros((n, n_terms * width))
        products[np.repeat(row, width), spots] = modifiers[row].ravel()
        return np.hstack([controls, products])
    rows = np.concatenate([np.repeat(np.arange(n), controls.shape[1]), np.repeat(row, width)])
    spots = np.concatenate([np.tile(np.arange(controls.shape[1]), n), controls.shape[1] + spots])
    entries = np.concatenate([controls.ravel(), modifiers[row].ravel()])
    return csr_array((entries, (rows, spots)), shape=(n, controls.shape[1] + n_terms * width))


def _scaled(design: FloatArray | csr_array, root: FloatArray) -> FloatArray | csr_array:
    if isinstance(design, csr_array):
        return csr_array(design.multiply(root[:, None]))
    return design * root[:, None]


def floored_propensity(propensity: FloatArray, pattern: NDArray[np.intp]) -> tuple[FloatArray, int]:
    """Floor each person's own propensity, the only one that stands in a denominator; count the people concerned."""
    floor = OVERLAP_FLOOR / propensity.shape[1]
    rows = np.arange(len(pattern))
    own = propensity[rows, pattern]
    raised = np.array(propensity)
    raised[rows, pattern] = np.maximum(own, floor)
    return raised, int((own < floor).sum())
