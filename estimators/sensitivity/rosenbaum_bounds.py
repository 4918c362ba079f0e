"""How unequal the odds of treatment within matched pairs would have to be to overturn a test: Rosenbaum's bounds.

Two people of a pair are alike in what was measured, but for a cause that nobody measured one may have up to Γ times the odds of the
other to be treated. The treated one then has the higher outcome by chance with at most Γ/(1 + Γ), and the P-value of the signed
rank, or sign, test is at most that of a sum of such chances. The Hodges-Lehmann estimate lies between the effects at which the
statistic meets its largest and smallest expectation. Differences of nothing count in the ranking and have no sign, as in the
source.

Source: Rosenbaum (2002), *Observational studies*, 2nd edition, sections 4.3.1 to 4.3.4, tables 4.1 to 4.4.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import bdtrc, ndtr
from scipy.stats import rankdata

from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal
from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.palette import GAIN

Statistic = Literal["signed_rank", "sign"]
Distribution = Literal["exact", "normal"]
GAMMAS: Final = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0)
EXACT_PAIRS: Final = 200
"""Pairs up to which the signed rank test is exact where nothing else is asked for."""
LARGEST_GAMMA: Final = 1e6


def checked_gamma(gamma: float) -> float:
    """Return odds Γ, at least 1.

    Raises
    ------
    EstimationError
        EST-051 when they are below 1.

    Examples
    --------
    >>> checked_gamma(2)
    2.0
    """
    if not 1 <= gamma < math.inf:
        raise refusal("EST-051", f"gamma is {gamma:g}: the odds of two people are unequal by a factor of at least 1")
    return float(gamma)


@dataclass(frozen=True, slots=True, eq=False)
class PairBounds:
    """Bounds of a one-sided test and of the estimate of pairs.

    Parameters
    ----------
    gammas : tuple of float
    p_upper, p_lower : ndarray, shape (g,)
        Largest and smallest P-value that a hidden cause allows.
    effect_low, effect_high : ndarray, shape (g,)
        Between which the Hodges-Lehmann estimate lies, in the outcome's units.
    critical : float
        The largest Γ at which the test still rejects at ``level``; 0 where it never does, infinite where it always does.
    level : float
    statistic, distribution : str
    pairs : int
    """

    gammas: tuple[float, ...]
    p_upper: FloatArray
    p_lower: FloatArray
    effect_low: FloatArray
    effect_high: FloatArray
    critical: float
    level: float
    statistic: Statistic
    distribution: Distribution
    pairs: int

    def tidy(self) -> pd.DataFrame:
        """Return one row a Γ: gamma, p_upper, p_lower, effect_low, effect_high."""
        return pd.DataFrame(
            {
                "gamma": self.gammas,
                "p_upper": self.p_upper,
                "p_lower": self.p_lower,
                "effect_low": self.effect_low,
                "effect_high": self.effect_high,
            }
        )

    def sentence(self) -> str:
        """Say what the critical Γ means."""
        if self.critical == 0:
            return f"the test does not reject at {self.level:.0%} even if nothing is hidden"
        if self.critical == math.inf:
            return f"the test rejects at {self.level:.0%} whatever is hidden"
        return (
            f"a hidden cause would have to make one of two matched people more than {self.critical:.2f} times as likely (in odds) "
            f"to be treated, and nearly decide who has the higher outcome, to bring the test beyond {self.level:.0%}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw between which values the estimate lies as Γ grows; return the matplotlib Axes."""
        ax = axes_of(ax)
        ax.fill_between(self.gammas, self.effect_low, self.effect_high, color=GAIN, alpha=0.2)
        ax.plot(self.gammas, self.effect_low, color=GAIN)
        ax.plot(self.gammas, self.effect_high, color=GAIN)
        ax.axhline(0, color="0.7", linewidth=1)
        ax.set_xlabel("odds of treatment within a pair, unequal by up to")
        ax.set_ylabel("effect lies between")
        ax.spines[["top", "right"]].set_visible(False)
        return ax

    def __repr__(self) -> str:
        return f"{self._header}\n{self.tidy().to_string(index=False, float_format=lambda x: f'{x:.4g}')}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)

    @property
    def _header(self) -> str:
        return f"{self.pairs:,} pairs, {self.statistic.replace('_', ' ')} test ({self.distribution}): {self.sentence()}"


def rosenbaum_bounds(
    differences: ArrayLike,
    gammas: Sequence[float] = GAMMAS,
    *,
    statistic: Statistic = "signed_rank",
    distribution: Distribution | None = None,
    level: float = 0.05,
) -> PairBounds:
    """Return the bounds of the test that treatment raises the outcome, and of the estimate.

    Parameters
    ----------
    differences : array, shape (n,)
        Treated less untreated of each pair, oriented so that higher is better.
    gammas : sequence of float
    statistic : {"signed_rank", "sign"}
        Ranks of the differences, or only their signs (of a binary outcome: McNemar's test).
    distribution : {"exact", "normal"}, optional
        Exact up to 200 pairs, and for the sign test always, when omitted.
    level : float
        Of the test whose critical Γ is sought.

    Raises
    ------
    EstimationError
        EST-051 for Γ below 1 or a level that is no chance; EST-015 when no pair differs.

    Examples
    --------
    >>> found = rosenbaum_bounds([9.0, 4.0, 7.0, 2.0, -1.0, 5.0, 3.0, 8.0], [1.0, 2.0])
    >>> found.p_upper.round(4), found.effect_low.round(2)
    (array([0.0078, 0.0585]), array([4.75, 3.5 ]))
    """
    own = np.asarray(differences, dtype=np.float64)
    asked = tuple(checked_gamma(gamma) for gamma in gammas)
    if not 0 < level < 1:
        raise refusal("EST-051", f"a level of {level:g} is no chance")
    if own.ndim != 1 or not np.isfinite(own).all():
        raise refusal("DATA-014", "differences of pairs are a list of finite numbers", "differences")
    if not own.any():
        raise refusal("EST-015", "no pair differs in its outcome, so that there is nothing to test", "pairs")
    law = distribution or ("exact" if statistic == "sign" or len(own) <= EXACT_PAIRS else "normal")
    tail = _sign_tail(own, law) if statistic == "sign" else _rank_tail(own, law)
    chances = np.array(asked) / (1 + np.array(asked))
    place = _sign_place if statistic == "sign" else _rank_place
    return PairBounds(
        gammas=asked,
        p_upper=np.array([tail(chance) for chance in chances]),
        p_lower=np.array([tail(1 - chance) for chance in chances]),
        effect_low=np.array([place(own, chance) for chance in chances]),
        effect_high=np.array([place(own, 1 - chance) for chance in chances]),
        critical=critical_gamma(lambda gamma: tail(gamma / (1 + gamma)), level),
        level=level,
        statistic=statistic,
        distribution=law,
        pairs=len(own),
    )


def critical_gamma(p_value: Callable[[float], float], level: float) -> float:
    """Return the largest Γ at which a P-value, which grows with it, is at most a level; 0 when that is so nowhere.

    Examples
    --------
    >>> round(critical_gamma(lambda gamma: gamma / 100, 0.05), 6)
    5.0
    """
    if p_value(1.0) > level:
        return 0.0
    low, high = 1.0, 2.0
    while p_value(high) <= level:
        low, high = high, 2 * high
        if high > LARGEST_GAMMA:
            return math.inf
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(middle) <= level else (low, middle)
    return low


def _sign_tail(own: FloatArray, law: Distribution) -> Callable[[float], float]:
    count, positive = int((own != 0).sum()), int((own > 0).sum())

    def tail(chance: float) -> float:
        if law == "normal":
            return float(ndtr((chance * count - positive) / math.sqrt(chance * (1 - chance) * count)))
        return 1.0 if positive == 0 else float(bdtrc(positive - 1, count, chance))

    return tail


def _rank_tail(own: FloatArray, law: Distribution) -> Callable[[float], float]:
    ranks = rankdata(np.abs(own))[own != 0]
    seen = float(ranks[own[own != 0] > 0].sum())

    def normal(chance: float) -> float:
        spread = math.sqrt(chance * (1 - chance) * float(ranks @ ranks))
        return float(ndtr((chance * float(ranks.sum()) - seen) / spread))

    def exact(chance: float) -> float:
        # Tied ranks are halves: twice the ranks are whole numbers.
        doubled = np.rint(2 * ranks).astype(np.intp)
        law_of_sum = np.zeros(int(doubled.sum()) + 1)
        law_of_sum[0], reached = 1.0, 0
        for rank in doubled.tolist():
            there = law_of_sum[: reached + 1].copy()
            law_of_sum[: reached + 1] *= 1 - chance
            law_of_sum[rank : reached + rank + 1] += chance * there
            reached += rank
        return min(1.0, float(law_of_sum[round(2 * seen) :].sum()))

    return exact if law == "exact" else normal


def _rank_place(own: FloatArray, chance: float) -> float:
    """Return the effect at which the signed ranks meet ``chance`` of their sum: between two Walsh averages, or at one."""
    ordered = np.sort(own)
    target = chance * len(own) * (len(own) + 1) / 2
    # What floating point adds to a whole number is no next average.
    whole = round(target)
    exactly = abs(target - whole) < 1e-12 * max(target, 1.0)
    first = whole + 1 if exactly else math.floor(target) + 1
    second = whole if exactly else math.ceil(target)
    upper = _walsh_from_top(ordered, first)
    return upper if second == first else (upper + _walsh_from_top(ordered, second)) / 2


def _walsh_from_top(ordered: FloatArray, place: int) -> float:
    """Return the Walsh average (dᵢ + dⱼ)/2, i ≤ j, in a place from the largest, 1 being that; n log n a step of bisection."""
    count = len(ordered)
    place = min(max(place, 1), count * (count + 1) // 2)
    if count <= 1000:
        sums = (ordered[:, None] + ordered)[np.triu_indices(count)]
        return float(np.partition(sums, len(sums) - place)[len(sums) - place]) / 2
    low, high = 2 * ordered[0], 2 * ordered[-1]
    own = np.arange(count)

    def above(level: float) -> int:
        """Count sums beyond a level."""
        first = np.searchsorted(ordered, level - ordered, side="right")
        return int((count - np.maximum(first, own)).sum())

    # The sum in that place is the smallest level beyond which fewer than ``place`` sums lie.
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if above(middle) < place else (middle, high)
    return float(high if above(low) >= place else low) / 2


def _sign_place(own: FloatArray, chance: float) -> float:
    """Return the effect at which the part of pairs above it meets ``chance``."""
    ordered = np.sort(own)[::-1]
    target = chance * len(own)
    whole = round(target)
    exactly = abs(target - whole) < 1e-12 * max(target, 1.0)
    first, second = (whole + 1, whole) if exactly else (math.floor(target) + 1, math.ceil(target))
    last = len(own)
    return float(ordered[min(first, last) - 1] + ordered[min(max(second, 1), last) - 1]) / 2
