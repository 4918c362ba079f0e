"""Rosenbaum's bounds for matched sets of one treated person and several others, or the reverse, by Huber's M-statistic.

Each person's score is the sum of ψ((y − y′)/s) over the others of the set, divided by the set's size, where s is the median of
absolute differences within sets (of those that are not nothing, where most are) and ψ is level beyond ``trim``. Within a set, a hidden cause that makes the odds of treatment
unequal by up to Γ gives the largest expected score of the treated person when it is present for those with the highest outcomes;
of the numbers of these, the one with the largest expectation, and among such with the largest variance, is taken in each set.

Sources: Rosenbaum (2007), *Sensitivity analysis for m-estimates, tests, and confidence intervals in matched observational
studies*, Biometrics 63(2), 456-464, equation 8 and section 4; Gastwirth, Krieger and Rosenbaum (2000), *Asymptotic separability in
sensitivity analysis*, Journal of the Royal Statistical Society B 62(3), 545-555.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.sensitivity.rosenbaum_bounds import GAMMAS, checked_gamma, critical_gamma

TRIM: Final = 2.5
"""Medians of absolute differences beyond which a difference counts no more."""


@dataclass(frozen=True, slots=True, eq=False)
class SetBounds:
    """Bounds of a one-sided test of matched sets.

    Parameters
    ----------
    gammas : tuple of float
    p_upper, deviate : ndarray, shape (g,)
        Largest P-value, and the standardised statistic behind it.
    critical : float
        The largest Γ at which the test still rejects at ``level``; 0 where it never does, infinite where it always does.
    level : float
    sets : int
    """

    gammas: tuple[float, ...]
    p_upper: FloatArray
    deviate: FloatArray
    critical: float
    level: float
    sets: int

    def tidy(self) -> pd.DataFrame:
        """Return one row a Γ: gamma, p_upper, deviate."""
        return pd.DataFrame({"gamma": self.gammas, "p_upper": self.p_upper, "deviate": self.deviate})

    def __repr__(self) -> str:
        return f"{self._header}\n{self.tidy().to_string(index=False, float_format=lambda x: f'{x:.4g}')}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)

    @property
    def _header(self) -> str:
        return f"{self.sets:,} matched sets, M-statistic: rejects at {self.level:.0%} up to gamma {self.critical:.3g}"


def set_bounds(
    outcome: ArrayLike,
    treated: ArrayLike,
    sets: ArrayLike,
    gammas: Sequence[float] = GAMMAS,
    *,
    effect: float = 0.0,
    trim: float = TRIM,
    level: float = 0.05,
) -> SetBounds:
    """Return the bounds of the test that treatment raises the outcome by more than ``effect``.

    Parameters
    ----------
    outcome : array, shape (n,)
        Oriented so that higher is better.
    treated : array of 0 and 1, shape (n,)
    sets : array, shape (n,)
        The matched set of each person; each holds one treated person and others, or one other and treated people.
    gammas : sequence of float
    effect : float
    trim : float
        ψ is level beyond so many medians of absolute differences; infinite counts differences as they are.
    level : float

    Raises
    ------
    EstimationError
        EST-051 for Γ below 1, a level that is no chance, or a trim that is not positive; EST-015 when nobody differs within a
        set.
    DataError
        DATA-014 for an outcome that is not finite.
    IdentificationError
        IDENT-020 for a set that holds several of both, or only one kind.

    Examples
    --------
    >>> outcome = [9, 4, 3, 8, 2, 5, 7, 1, 6, 3, 4, 1]
    >>> found = set_bounds(outcome, [1, 0, 0] * 4, np.repeat(range(4), 3), [1.0, 3.0])
    >>> found.p_upper.round(3)
    array([0.022, 0.118])
    """
    had = np.asarray(treated).astype(bool)
    y = np.asarray(outcome, dtype=np.float64) - effect * had
    if not np.isfinite(y).all():
        raise refusal("DATA-014", "outcomes of matched sets are finite numbers", "outcome")
    if not (0 < level < 1 and trim > 0):
        raise refusal("EST-051", f"a level of {level:g} is no chance, or a trim of {trim:g} is not above 0")
    asked = tuple(checked_gamma(gamma) for gamma in gammas)
    places = _members(np.unique(np.asarray(sets), return_inverse=True)[1], had)
    stacked = _stacked(_scores(y, places, trim), [had[members] for members in places])
    seen = sum(float(scores[:, 0].sum()) for scores in stacked)
    # Sorted once; the one who was drawn stands first no longer.
    ordered = [np.sort(scores, axis=1) for scores in stacked]

    def deviate(gamma: float) -> float:
        found = [_largest(scores, gamma) for scores in ordered]
        return (seen - sum(mean for mean, _ in found)) / math.sqrt(sum(variance for _, variance in found))

    deviates = np.array([deviate(gamma) for gamma in asked])
    return SetBounds(
        gammas=asked,
        p_upper=ndtr(-deviates),
        deviate=deviates,
        critical=critical_gamma(lambda gamma: float(ndtr(-deviate(gamma))), level),
        level=level,
        sets=len(places),
    )


def _members(codes: NDArray[np.intp], treated: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    order = np.argsort(codes, kind="stable")
    places = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    wrong = sum(min(int(treated[one].sum()), int((~treated[one]).sum())) != 1 for one in places)
    if wrong:
        what = f"{wrong} matched sets do not hold one treated person and others, or one other and treated people"
        raise refusal("IDENT-020", what, "sets")
    return places


def _scores(y: FloatArray, places: list[NDArray[np.intp]], trim: float) -> list[FloatArray]:
    """Return each person's score, set by set."""
    gaps: list[Any] = [y[members][:, None] - y[members] for members in places]
    # Every ordered pair of different people of a set.
    sizes = np.concatenate([np.abs(gap[~np.eye(len(gap), dtype=bool)]) for gap in gaps])
    if not sizes.any():
        raise refusal("EST-015", "nobody differs from the others of a matched set, so that there is nothing to test")
    median = float(np.median(sizes))
    unit = median if median > 0 else float(np.median(sizes[sizes > 0]))
    return [(np.clip(gap / unit, -trim, trim)).sum(axis=1) / len(gap) for gap in gaps]


def _stacked(scores: list[FloatArray], treated: list[NDArray[np.bool_]]) -> list[FloatArray]:
    """Return scores of sets of equal size as rows, the one person of a kind first.

    Scores of a set sum to nothing, so that several treated people score what the one untreated person does with the other
    sign; that person was drawn by odds that are as unequal.
    """
    by_size: dict[int, list[FloatArray]] = {}
    for own, there in zip(scores, treated, strict=True):
        single, sign = (there, 1.0) if there.sum() == 1 else (~there, -1.0)
        by_size.setdefault(len(own), []).append(sign * np.concatenate([own[single], own[~single]]))
    return [np.array(rows) for rows in by_size.values()]


def _largest(ordered: FloatArray, gamma: float) -> tuple[float, float]:
    """Return the largest sum of expected scores of who is drawn, and its variance, over who has the hidden cause.

    Rows of ``ordered`` are sets of one size, from the lowest score.
    """
    size = ordered.shape[1]
    # Row a - 1: the a lowest without the cause, the others with it.
    odds = np.where(np.arange(size) < np.arange(1, size)[:, None], 1.0, gamma)
    chance = odds / odds.sum(axis=1, keepdims=True)
    mean = ordered @ chance.T
    variance = ordered**2 @ chance.T - mean**2
    largest = mean.max(axis=1, keepdims=True)
    best = mean >= largest - 1e-12 * np.abs(ordered).max(initial=0.0)
    return float(largest.sum()), float(np.where(best, variance, -np.inf).max(axis=1).sum())
