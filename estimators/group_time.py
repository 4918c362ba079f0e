"""Group-time credits and their averages: one block a cohort and period, one influence value a person over all blocks.

A block is a fit on a cohort and the people it is compared with. Its credits per person of the block are brought to
credits per person of the study by the block's weighted share s_b; over all people its influence values are
s_b·(n/n_b)·ψ_i in the block and zero outside. For future people the share is estimated too, which adds
(1{i in b} − s_b) times the block's value. Averages are then linear, except that a mean per entrant has an estimated
denominator. Source: Callaway and Sant'Anna (2021), sections 3 and 4, for group-time effects and their averages.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import CounterfoilError, Problem, listed
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.functional import side_by_side
from counterfoil.estimators.kernel import GrandTotal, Kernel
from counterfoil.estimators.sub_patterns import Within

GAIN = "gain"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One cohort in one period.

    Parameters
    ----------
    cohort, period : int
        Positions among the periods; a period before the cohort's is a placebo.
    where : str
        What the block is called in messages.
    people : ndarray of int, shape (n_block,)
        Rows of the study.
    share : float
        Weighted share of the study in the block.
    present : tuple of int
        Positions of the providers that had begun with somebody of the cohort.
    fit : ContributionFit
        Of the change since the cohort's baseline, among these people.
    """

    cohort: int
    period: int
    where: str
    people: NDArray[np.intp]
    share: float
    present: tuple[int, ...]
    fit: ContributionFit

    def credits(self, kernel: Kernel | None, providers: int) -> "Credits":
        """Return the credits of all providers and, last, the gain, per person of the block; only the gain without a rule.

        Raises
        ------
        CounterfoilError
            Whatever the fit refuses, with the block named.
        """
        with located(self.where):
            if kernel is None:
                return credits_of(self.fit.total())
            credits = self.fit.applied(Within(kernel, self.present, providers))
            labels = (*map(str, range(providers)), "gain")
            return credits_of(self.fit.estimate(side_by_side(credits, self.fit.applied(GrandTotal())), labels, "term"))


@dataclass(frozen=True, slots=True, eq=False)
class Credits:
    """A block's values (k,), scores and weights of changes (n_block, k), degrees of freedom and warnings."""

    values: FloatArray
    scores: FloatArray
    riesz: FloatArray
    df: float
    warnings: tuple[Problem, ...]


def credits_of(found: Estimate) -> Credits:
    """Return what an average over blocks needs of a block's estimate."""
    if found.riesz is None:
        raise ValueError("a contribution's estimate carries weights")
    return Credits(found.values, found.scores(), found.riesz, found.df, found.warnings)


@contextmanager
def located(where: str) -> Iterator[None]:
    """Name the block in whatever is refused inside."""
    try:
        yield
    except CounterfoilError as error:
        raise type(error)(*(replace(problem, where=where) for problem in error.problems)) from None


def gathered(blocks: Sequence[Block], warnings: Sequence[Sequence[Problem]]) -> tuple[Problem, ...]:
    """Return the blocks' warnings, alike ones once with the blocks they are from."""
    places: dict[Problem, list[str]] = {}
    for block, problems in zip(blocks, warnings, strict=True):
        for problem in problems:
            places.setdefault(replace(problem, where=""), []).append(block.where)
    return tuple(replace(problem, where=listed(dict.fromkeys(where), 3)) for problem, where in places.items())


def group_time(
    blocks: Sequence[Block],
    kernel: Kernel | None,
    providers: Sequence[str],
    weights: FloatArray,
    frame: Callable[..., Estimate],
    population: bool,
) -> Estimate:
    """Return the credits of every block, per person of the study.

    Weights of a person's changes in several periods are summed (`riesz`), as if the changes were equal: what is planned
    with them errs on the side of too large an error.

    Parameters
    ----------
    blocks : sequence of Block
    kernel : Kernel or None
        The rule; None for the gain alone.
    providers : sequence of str
    weights : ndarray, shape (n,)
        Of all people of the study, mean 1.
    frame : callable
        Makes the estimate from terms, values, influence, degrees and warnings.
    population : bool
        Whether blocks' shares of the study are estimated.
    """
    names = (*providers, GAIN) if kernel is not None else (GAIN,)
    values, columns, weighed = [], [], []
    found = [block.credits(kernel, len(providers)) for block in blocks]
    for block, credits in zip(blocks, found, strict=True):
        influence = np.zeros((len(weights), len(names)))
        scale = block.share * len(weights) / len(block.people)
        influence[block.people] = credits.scores * scale
        riesz = np.zeros_like(influence)
        riesz[block.people] = credits.riesz * scale
        if population:
            influence += np.outer(membership_spread(weights, block.people), credits.values)
        values.append(block.share * credits.values)
        columns.append(influence)
        weighed.append(riesz)
    return frame(
        terms=tuple(f"{block.where}: {name}" for block in blocks for name in names),
        values=np.concatenate(values),
        influence=np.hstack(columns),
        riesz=np.hstack(weighed),
        degrees=min(credits.df for credits in found),
        warnings=gathered(blocks, [credits.warnings for credits in found]),
    )


def membership_spread(weights: FloatArray, people: NDArray[np.intp]) -> FloatArray:
    """Return the influence values of a weighted share of the study, shape (n,)."""
    inside = np.zeros(len(weights))
    inside[people] = weights[people]
    return np.asarray(inside - weights * inside.mean())


def averaged(
    cells: Estimate,
    groups: Sequence[Sequence[int]],
    scales: Sequence[float],
    labels: Sequence[str],
    names: Sequence[str],
) -> Estimate:
    """Return sums over groups of blocks, each times its scale.

    Parameters
    ----------
    cells : Estimate
        From `group_time`.
    groups : sequence of sequences of int
        Positions of blocks.
    scales, labels : sequence
        One a group; an empty label leaves the names as they are.
    names : sequence of str
        What the values of a block are called.
    """
    size = len(names)
    rows = np.zeros((len(groups) * size, len(cells.terms)))
    for position, (group, scale) in enumerate(zip(groups, scales, strict=True)):
        for block in group:
            rows[position * size : (position + 1) * size, block * size : (block + 1) * size] = scale * np.eye(size)
    return cells.contrast(rows, [f"{label}: {name}" if label else name for label in labels for name in names])
