"""The identified cells of the game: what people with pattern a would have on average with sub-pattern b.

Estimand: C(a, b) = E[1{A = a} m(b, X)] for every observed pattern a and every sub-pattern b of it that people had. A
rule's credits are Σ_{a,b} κ_j(b; a) C(a, b) where every b that it asks for is identified; where some are not, the same
cells bound them (`bounds`). Influence values as in Robins, Rotnitzky and Zhao (1994): the regression's on the
regression path, augmented weighting's on the augmented one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from counterfoil.datasets.roster import Roster
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import LEVERAGE_ONE, FloatArray, leverage_that_matters
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.surface import Surface

Pattern = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells with their joint uncertainty.

    Parameters
    ----------
    estimate : Estimate
        One value a pair, C(a, b) in the outcome's own units and sign; after them, where the masses are estimated too
        (future people), one value a pattern: its mass.
    pairs : tuple of (pattern, pattern)
        (a, b): an observed pattern that is not empty and an identified sub-pattern; (a, a) is always there.
    mass : ndarray, shape (n_patterns,)
        Weighted share of people with each pattern, in the order in which patterns first stand in ``pairs``.
    """

    estimate: Estimate
    pairs: tuple[tuple[Pattern, Pattern], ...]
    mass: FloatArray

    def __post_init__(self) -> None:
        masses = len(self.estimate.terms) - len(self.pairs)
        if len(self.mass) != len(self.patterns) or masses not in (0, len(self.mass)):
            raise ValueError("cells have a value a pair and, if masses are estimated, one a pattern")
        if not set(self.pairs).issuperset((a, a) for a in self.patterns):
            raise ValueError("every pattern a comes with its own cell (a, a)")

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """The patterns a, in order."""
        return tuple(dict.fromkeys(a for a, _ in self.pairs))


def cells_of(
    surface: Surface,
    roster: Roster,
    outcome: FloatArray,
    /,
    *,
    population: bool = False,
    enough: int = 25,
    measured: str = "outcome",
    **about: Any,
) -> Cells:
    """Return the identified cells of a saturated surface.

    Parameters
    ----------
    surface : Surface
        Fitted with the saturated model.
    roster : Roster
    outcome : ndarray, shape (n,)
        What the surface was fitted to.
    population : bool
        True for future people like these: who has which pattern is then uncertain too.
    enough : int
        People with sub-pattern b from whom its mean counts as identified for others.
    measured : str
        Name of the outcome.

    **about
        Fields of `Estimate` that the surface does not know: clusters, error_type and the like.

    Raises
    ------
    EstimationError
        EST-001 when a single person makes up a pattern.
    """
    if not surface.saturated:
        raise ValueError("cells need the saturated model; smaller ones fill every cell in by their shape")
    n = len(outcome)
    design, fit = surface.regression
    own = [tuple(np.flatnonzero(row).tolist()) for row in surface.patterns]
    counts = np.bincount(surface.pattern[surface.answered > 0], minlength=len(own))
    mean = _means(surface, own, outcome)
    pairs, fixed, riesz, rows = [], [], [], []
    for position, a in enumerate(own):
        had = (surface.pattern == position).astype(np.float64)
        for other, b in enumerate(own):
            if not a or not set(b) <= set(a) or (a != b and counts[other] < enough):
                continue
            pairs.append((a, b))
            fixed.append(had * mean[other])
            rows.append(_row(surface, had, b))
            if surface.propensity is not None:
                ratio = surface.propensity[:, position] / surface.propensity[:, other]
                riesz.append((surface.pattern == other) * ratio)
    if surface.propensity is None:
        spread = np.zeros((design.shape[1], len(rows)))
        spread[fit.kept] = fit.bread @ np.array(rows)[:, fit.kept].T
        riesz = list(n * (design @ spread).T)
    weights = surface.weights[:, None]
    alpha, part = np.column_stack(riesz) * surface.answered[:, None], weights * np.column_stack(fixed)
    if leverage_that_matters(fit.leverage, alpha).max() > LEVERAGE_ONE:
        raise refusal("EST-001", "errors are not defined: a pattern has a single person")
    residual = weights * alpha * surface.residuals[:, None]
    values = (part + residual).mean(axis=0)
    patterns = list(dict.fromkeys(a for a, _ in pairs))
    held = weights * np.column_stack([surface.pattern == own.index(a) for a in patterns])
    mass = held.mean(axis=0)
    varies: FloatArray | None = None
    if population:
        part, residual = np.hstack([part, held]), np.hstack([residual, np.zeros_like(held)])
        values, alpha = np.append(values, mass), np.hstack([alpha, np.zeros_like(held)])
        varies = part - weights * part.mean(axis=0)
    names = [f"{roster_name(roster, a)} with {roster_name(roster, b)}" for a, b in pairs]
    if population:
        names += [f"share with {roster_name(roster, a)}" for a in patterns]
    estimate = Estimate(
        terms=tuple(names),
        values=values,
        ids=roster.ids,
        influence=residual if varies is None else part + residual - weights * values,
        spread=varies,
        riesz=weights * alpha,
        leverage=fit.leverage if surface.propensity is None else None,
        parameters=fit.rank,
        target="population" if population else "sample",
        estimand="mean outcome of people with a pattern, had they been served by a part of it, times their share",
        people=n,
        population="people in the study",
        warnings=surface.warnings,
        **{"outcome": measured, "error_type": "HC1", **about},
    )
    return Cells(estimate, tuple(pairs), mass)


def roster_name(roster: Roster, pattern: Pattern) -> str:
    """Name a pattern by its providers, or ``"nobody"``."""
    return " + ".join(roster.providers[j] for j in pattern) or "nobody"


def _means(surface: Surface, own: list[Pattern], outcome: FloatArray) -> FloatArray:
    """Return m(b, X) of everybody for each observed pattern b, shape (n_patterns, n)."""
    design, fit = surface.regression
    coefficients = np.zeros(design.shape[1])
    coefficients[fit.kept] = fit.coefficients
    first = surface.controls.shape[1]
    # The surface was fitted to the outcome less its mean.
    counted = surface.weights * surface.answered
    base = np.average(np.where(counted > 0, outcome, 0.0), weights=counted) + surface.controls @ coefficients[:first]
    effect = {term: surface.modifiers @ slope for term, slope in zip(surface.terms, surface.slopes, strict=True)}
    return np.array([base + effect.get(b, 0.0) for b in own])


def _row(surface: Surface, had: FloatArray, b: Pattern) -> FloatArray:
    """Return the combination of coefficients that C(a, b) is, shape (n_columns,)."""
    weight = surface.weights * had / len(had)
    blocks = [weight @ surface.controls]
    blocks += [
        weight @ surface.modifiers if term == b else np.zeros(surface.modifiers.shape[1]) for term in surface.terms
    ]
    return np.concatenate(blocks)
