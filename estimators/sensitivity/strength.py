"""How strong a confounder is: two parts of variance, the bias that they allow, and multiples of what was measured.

A confounder explains a part R²_Y of the residual variance of the outcome and adds a part R²_D to the variation of the weights (of
a linear regression: explains that part of the residual variance of the treatment). The bias is at most

    ν · √(R²_Y · R²_D / (1 − R²_D)).

A confounder k times as strong as a covariate has k times the covariate's odds of explaining, f² = R²/(1 − R²), in either.

Sources: Cinelli and Hazlett (2020), *Making sense of sensitivity: extending omitted variable bias*, Journal of the Royal Statistical
Society B 82(1), sections 3 and 4; Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis (2022), *Long story short: omitted variable
bias in causal machine learning*, sections 2 and 3.4.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from counterfoil.errors import refusal

MANY_TIMES: Final = 100
"""Multiples of a covariate beyond which their number says nothing more."""


def checked_part(value: float, what: str) -> float:
    """Return a part of variance, from 0 to less than 1.

    Raises
    ------
    EstimationError
        EST-051 when it is none.

    Examples
    --------
    >>> checked_part(0.2, "r2_outcome")
    0.2
    """
    if not 0 <= value < 1:
        raise refusal("EST-051", f"{what} is {value:g}, and a part of variance is from 0 to less than 1")
    return float(value)


def checked_multiple(value: float) -> float:
    """Return how many times as strong, a positive number.

    Raises
    ------
    EstimationError
        EST-051 when it is none.

    Examples
    --------
    >>> checked_multiple(2)
    2.0
    """
    if not (value > 0 and math.isfinite(value)):
        raise refusal("EST-051", f"a confounder cannot be {value:g} times as strong as a covariate")
    return float(value)


@dataclass(frozen=True, slots=True)
class Strength:
    """A confounder's two parts of variance.

    Parameters
    ----------
    r2_outcome : float
        R²_Y, from 0 to 1.
    r2_treatment : float
        R²_D, from 0 to less than 1.

    Examples
    --------
    >>> Strength(0.04, 0.2).factor
    0.1
    """

    r2_outcome: float
    r2_treatment: float

    @property
    def factor(self) -> float:
        """The largest bias as a multiple of ν."""
        return math.sqrt(self.r2_outcome * self.r2_treatment / (1.0 - self.r2_treatment))


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How strong a covariate is that was measured, to hold a confounder against.

    Parameters
    ----------
    covariate : str
    term : str
        The value in which it is that strong.
    r2_outcome : float
        Part of the outcome's residual variance without the covariate that the covariate explains.
    r2_treatment : float
        Part of the weights' mean square that it adds; 0 where the weights are no larger with it.

    Examples
    --------
    >>> score = Benchmark("prior score", "gain", 0.2, 0.1)
    >>> twice = score.times(2)
    >>> round(twice.r2_outcome, 6), round(twice.r2_treatment, 6)
    (0.5, 0.222222)
    >>> round(score.multiple(twice.factor), 6)
    2.0
    """

    covariate: str
    term: str
    r2_outcome: float
    r2_treatment: float

    @property
    def odds_outcome(self) -> float:
        """Explained over unexplained variance of the outcome."""
        return self.r2_outcome / (1.0 - self.r2_outcome) if self.r2_outcome < 1 else math.inf

    @property
    def odds_treatment(self) -> float:
        """Added over other variation of the weights."""
        return self.r2_treatment / (1.0 - self.r2_treatment)

    def times(self, treatment: float = 1.0, outcome: float | None = None) -> Strength:
        """Return a confounder so many times as strong as the covariate.

        Parameters
        ----------
        treatment, outcome : float
            Multiples of its part in who was treated, and in the outcome; the same when only one is given.

        Raises
        ------
        EstimationError
            EST-051 for multiples that are not positive; EST-052 when nothing can be that strong, because it would explain
            all of who was treated. What it explains of the outcome ends at everything.
        """
        decides = checked_multiple(treatment) * self.odds_treatment
        if decides >= 1:
            largest = 1 / self.odds_treatment
            times = "as" if treatment == 1 else f"{treatment:g} times as"
            what = f"nothing can be {times} strong as '{self.covariate}'; less than {largest:.3g} times can be"
            raise refusal("EST-052", what)
        explains = checked_multiple(treatment if outcome is None else outcome) * self.odds_outcome
        return Strength(min(1.0, explains), decides)

    def multiple(self, factor: float) -> float | None:
        """Return how many times as strong as the covariate a confounder is whose largest bias is a multiple of ν.

        Solves k²·f²_Y·f²_D = factor²·(1 − k·f²_D), with k·f²_Y at most 1. None where the covariate plays no part in the
        outcome or in who was treated, so that no multiple of it is a confounder.
        """
        a, b, square = self.odds_outcome, self.odds_treatment, factor**2
        if a <= 0 or b <= 0:
            return None
        whole = square / (b * (1.0 + square))  # with all of the outcome's residual variance explained
        if whole * a >= 1:
            return whole
        # The positive root with the cancellation taken out.
        return 2.0 * square / (square * b + math.sqrt((square * b) ** 2 + 4.0 * a * b * square)) if square else 0.0


def nearest(benchmarks: Iterable[Benchmark], factor: float) -> tuple[str, float] | None:
    """Return the covariate of which the smallest multiple gives a bias of so many ν, and the multiple.

    Examples
    --------
    >>> nearest([Benchmark("age", "gain", 0.01, 0.01), Benchmark("score", "gain", 0.2, 0.1)], 0.1)[0]
    'score'
    """
    found = [(multiple, one.covariate) for one in benchmarks if (multiple := one.multiple(factor)) is not None]
    if not found:
        return None
    multiple, covariate = min(found)
    return covariate, multiple


def as_strong_as(covariate: str, multiple: float) -> str:
    """Say how many times as strong as a covariate.

    Examples
    --------
    >>> as_strong_as("prior_score", 0.83)
    'as strong as 0.83 x prior_score'
    """
    if multiple > MANY_TIMES:
        return f"more than {MANY_TIMES} times as strong as {covariate}"
    return f"as strong as {multiple:.2g} x {covariate}"


def tidy_benchmarks(benchmarks: Sequence[Benchmark]) -> pd.DataFrame:
    """Return benchmarks as a table: covariate, term, r2_outcome, r2_treatment."""
    names = ["covariate", "term", "r2_outcome", "r2_treatment"]
    return pd.DataFrame([[getattr(one, name) for name in names] for one in benchmarks], columns=names)
