"""Whether the two groups have people in common to compare: how far a few people carry a whole group's weight.

A comparison is weak where a group's weights make it as small as a handful of people (effective size (Σw)²/Σw², Kish 1965), where
one person carries a large part of it, or where people to be compared have chances of treatment that nobody of the other group has
(Crump, Hotz, Imbens and Mitnik 2009, Biometrika 96(1)). What a small comparison, or unequal observation weights, show by
themselves is not told as weak overlap.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from counterfoil.datasets.disclosure import SMALL_CELL, shown, suppress_counts
from counterfoil.datasets.display import titled_table
from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.comparison_design import WHOSE, Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray

FEW: Final = 30
"""Effective people of a group below which a comparison is called weak, where both groups have twice as many."""
HEAVY: Final = 0.05
"""Part of a group's weight beyond which one person carries too much of it, or three times an even part of the smaller group."""
OUTSIDE: Final = 0.01
"""Part of the people to be compared that may have chances beyond the other group's."""
BY_CHANCE: Final = 6.0
"""Over the other group's size: the part beyond its range that two groups that are alike exceed in two of a hundred comparisons.

Of two alike groups the part beyond the other's lowest and highest of m is about Gamma(2)/m, which exceeds 6/m with chance 7e⁻⁶.
"""
SINGLE: Final = 2
"""People beyond the other group's range who say nothing yet."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two groups of a term.

    Parameters
    ----------
    term, who : str
    people, used : int
        All, and those whose weight is positive.
    before, effective : float
        Effective size under observation weights alone, and under the comparison's weights.
    heaviest_before, heaviest : float
        Largest part of the group's weight that one person carries.
    outside : int or None
        People with a chance of treatment below or above everybody's of the other group; None without chances.
    asked : bool
        Whether the estimand is about these people, so that they need neighbours in the other group.
    """

    term: str
    who: str
    people: int
    used: int
    before: float
    effective: float
    heaviest_before: float
    heaviest: float
    outside: int | None
    asked: bool


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """What the two groups of each term have in common.

    Parameters
    ----------
    sides : tuple of Side
        Two a term, the untreated first; counts as they are.
    estimand : str
    """

    sides: tuple[Side, ...]
    estimand: Estimand

    def tidy(self) -> pd.DataFrame:
        """Return one row a term and group; small counts are hidden, and what they would give away.

        Returns
        -------
        DataFrame
            Columns term, group, people (text), effective, largest_share (of the group's weight, one person's; both missing
            where fewer than 11 are used, or the group's size would give away another's), outside (text: people with a chance of treatment that nobody of the other group has; ""
            without chances), asked (whether the effect is about these people).
        """
        rows, written = [], self.written()
        for side in self.sides:
            # Where all weigh the same, the effective size is the number of people.
            few = side.used < SMALL_CELL or not written[side.who][:1].isdigit()
            rows.append(
                {
                    "term": side.term,
                    "group": side.who,
                    "people": written[side.who],
                    "effective": np.nan if few else side.effective,
                    "largest_share": np.nan if few else side.heaviest,
                    "outside": "" if side.outside is None else shown(side.outside),
                    "asked": side.asked,
                }
            )
        return pd.DataFrame(rows)

    def written(self) -> dict[str, str]:
        """Return the number of people of each group as it may be written; how many there are together is known."""
        sizes = {side.who: side.people for side in self.sides}
        return dict(zip(sizes, suppress_counts(list(sizes.values())), strict=True))

    def problems(self) -> tuple[Problem, ...]:
        """Return EST-004 for every sign of weak overlap."""
        pairs, written = zip(self.sides[::2], self.sides[1::2], strict=True), self.written()
        found = [what for pair in pairs for what in _signs(*pair, written)]
        return tuple(Problem("EST-004", what, "estimator") for what in dict.fromkeys(found))

    def summary(self) -> str:
        """Return the tidy table under a header that names the estimand."""
        table = self.tidy().to_string(index=False, na_rep="", float_format=lambda x: f"{x:,.3g}")
        return f"overlap for the {WHOSE[self.estimand]}\n{table}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), f"overlap for the {WHOSE[self.estimand]}")


def effective_size(weights: FloatArray) -> FloatArray:
    """Return (Σw)²/Σw² of each column of weights (n, k), shape (k,); zero where all weights are.

    Examples
    --------
    >>> effective_size(np.array([[1.0, 4.0], [1.0, 0.0], [1.0, 0.0], [1.0, 4.0]])).tolist()
    [4.0, 2.0]
    """
    return np.asarray(weights.sum(axis=0) ** 2 / np.maximum((weights**2).sum(axis=0), 1e-300))


def chance_against(score: Score, code: int) -> FloatArray:
    """Return each person's chance of a group rather than of the untreated, shape (n,).

    Examples
    --------
    >>> chance_against(Score(np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0]])), 1).tolist()
    [0.6, 0.0]
    """
    group, none = score.chance[:, code], score.chance[:, 0]
    return np.asarray(group / np.maximum(group + none, 1e-300))


def measure_overlap(
    sample: ComparisonSample, balancing: FloatArray, score: Score | None, estimand: Estimand
) -> Overlap:
    """Return what the two groups of each term have in common.

    Parameters
    ----------
    sample : ComparisonSample
    balancing : ndarray, shape (n, k)
        Weights of each term's two groups, observation weights included.
    score : Score or None
    estimand : str
        Whose chances ought to have neighbours in the other group: of the treated, the untreated, or both.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
    >>> from counterfoil.estimators.comparisons.comparison_sample import draw_comparison
    >>> sample = draw_comparison(ComparisonDesign(treated="assigned", covariates=("age",)), cf.datasets.load("nsw"))
    >>> measure_overlap(sample, np.ones((sample.n, 1)), None, "att").tidy()[["group", "people", "effective"]]
               group people  effective
    0  the untreated    260      260.0
    1    the treated    185      185.0
    """
    asked = {"att": (1,), "atc": (0,), "ate": (0, 1)}.get(estimand, ())
    sides: list[Side] = []
    for column, code, term in zip(balancing.T, sample.arms.chosen, sample.terms, strict=True):
        words = ("the untreated", "the treated" if term == "gain" else term)
        members = (sample.of(0), sample.of(code))
        chance = None if score is None else chance_against(score, code)
        for place, (who, member) in enumerate(zip(words, members, strict=True)):
            base, weights = sample.weights[member], column[member]
            outside = None
            if chance is not None:
                other = chance[members[1 - place]]
                outside = int(((chance[member] < other.min()) | (chance[member] > other.max())).sum())
            sides.append(
                Side(
                    term=term,
                    who=who,
                    people=len(weights),
                    used=int((weights > 0).sum()),
                    before=float(effective_size(base[:, None])[0]),
                    effective=float(effective_size(weights[:, None])[0]),
                    heaviest_before=float(base.max() / base.sum()),
                    heaviest=float(weights.max() / max(float(weights.sum()), 1e-300)),
                    outside=outside,
                    asked=place in asked,
                )
            )
    return Overlap(tuple(sides), estimand)


def weak_overlap(
    sample: ComparisonSample, balancing: FloatArray, score: Score | None, estimand: Estimand
) -> tuple[Problem, ...]:
    """Return EST-004 for every sign of weak overlap, with counts and without anybody's record; see `measure_overlap`."""
    return measure_overlap(sample, balancing, score, estimand).problems()


def _signs(untreated: Side, treated: Side, written: Mapping[str, str]) -> Iterator[str]:
    smaller = min(untreated.before, treated.before)
    for side in (untreated, treated):
        if side.effective < min(FEW, smaller / 2):
            size = f"{side.effective:.1f}" if side.used >= SMALL_CELL else shown(side.used)
            yield f"with their weights {side.who} count as {size} people{_within(written[side.who], ' of {}')}"
        if side.heaviest > max(HEAVY, 3 / smaller, 2 * side.heaviest_before):
            share = f"{side.heaviest:.0%}" if side.used >= SMALL_CELL else f"more than {HEAVY:.0%}"
            yield f"one person carries {share} of the weight of {side.who}{_within(written[side.who], ' ({} people)')}"
    for side, other in ((treated, untreated), (untreated, treated)):
        if side.asked and side.outside is not None:
            usual = max(OUTSIDE, BY_CHANCE / other.people) * side.people
            if side.outside > max(usual, SINGLE):
                yield (
                    f"{shown(side.outside)} of {side.who}{_within(written[side.who], ' ({} people)')} have a chance of treatment that none of "
                    f"{other.who} has"
                )


def _within(size: str, words: str) -> str:
    """Return the number of a group's people in words; nothing where it would give away another group's."""
    return "" if size == "suppressed" else words.format(size)
