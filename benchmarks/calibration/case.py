"""What a row of the calibration is: how one draw is made, how draws are summed up, and when a target is met.

Coverage is judged within three Monte Carlo errors of its band, bias within three of its own.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SMOOTH: Final = "smooth"
SETS: Final = "sets"
CHANCE: Final = "at most .05"
POWER: Final = "at least .90"
ALWAYS: Final = "always"
UNBIASED: Final = "unbiased"
AT_MOST: Final = "at most"
REPORTED: Final = "reported"

DRAWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Draw:
    """What one draw of a case gives: values and truth (k,), standard errors (k,), and whether each interval covered.

    ``together`` says whether all simultaneous intervals covered; None where there are none. A draw without ``covered``
    counts neither as a hit nor as a miss. For a case of target `AT_MOST`, ``truth`` holds the bounds.
    """

    values: FloatArray
    truth: FloatArray
    covered: NDArray[np.bool_] | None = None
    error: FloatArray | None = None
    together: bool | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table.

    Parameters
    ----------
    name, what : str
        The design with the method, and the quantity; both together name the row, and its stream of random numbers.
    run : callable
        From a seed to a draw.
    target : str
        One of `TARGETS`.
    slack : float
        Bias that is allowed beside three Monte Carlo errors, where the truth itself is known to a few digits.
    design : str
        The benchmark design that it belongs to, such as ``B1``.
    draws : int
        How many draws the committed row has.
    fewer : str
        Why they are fewer than a thousand.
    shortfall : str
        Why the target is not met, where it is not.
    """

    name: str
    what: str
    run: Callable[[int], Draw]
    target: str = SMOOTH
    slack: float = 0.0
    design: str = ""
    draws: int = DRAWS
    fewer: str = ""
    shortfall: str = ""

    @property
    def title(self) -> str:
        """The name, after its design."""
        return f"{self.design}: {self.name}" if self.design else self.name


@dataclass(frozen=True, slots=True)
class Row:
    """A case over all its draws.

    Parameters
    ----------
    case : Case
    draws : int
    values, truth, bias, noise : ndarray, shape (k,)
        Means of the values, of the truth and of their difference, and the latter's Monte Carlo error.
    worst : float
        The largest bias in Monte Carlo errors; infinite where a bias does not vary.
    ratio : float
        Mean stated standard error over the true one; NaN where none is stated.
    coverage : ndarray, shape (k,), or None
        Fractions.
    joint : float or None
    """

    case: Case
    draws: int
    values: FloatArray
    truth: FloatArray
    bias: FloatArray
    noise: FloatArray
    worst: float
    ratio: float
    coverage: FloatArray | None
    joint: float | None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where none is set."""
        return TARGETS[self.case.target](self)

    def at_least(self, rate: float) -> bool:
        """Tell whether every rate of coverage is at least this, within three Monte Carlo errors of it."""
        slack = 3 * np.sqrt(rate * (1 - rate) / self.draws)
        return self.coverage is not None and bool(self.coverage.min() >= rate - slack)

    @property
    def unbiased(self) -> bool:
        """Whether every bias is within three Monte Carlo errors, or within the case's slack."""
        return bool((np.abs(self.bias) <= np.maximum(self.case.slack, 3.0 * self.noise)).all())


def _smooth(row: Row) -> bool:
    if row.coverage is None:
        return False
    slack = 3 * np.sqrt(0.05 * 0.95 / row.draws)
    rates = row.coverage if row.joint is None else np.append(row.coverage, row.joint)
    return row.unbiased and bool(((rates >= 0.93 - slack) & (rates <= 0.97 + slack)).all())


def _sets(row: Row) -> bool:
    slack = 3 * np.sqrt(0.05 * 0.95 / row.draws)
    return row.coverage is not None and bool(row.coverage.min() >= 0.93 - slack)


TARGETS: dict[str, Callable[[Row], bool | None]] = {
    SMOOTH: _smooth,
    SETS: _sets,
    CHANCE: lambda row: bool(row.bias[0] <= 3 * np.sqrt(0.05 * 0.95 / row.draws)),
    POWER: lambda row: row.at_least(0.9),
    ALWAYS: lambda row: row.at_least(1.0),
    UNBIASED: lambda row: row.unbiased,
    AT_MOST: lambda row: bool((row.bias <= 3.0 * row.noise).all()),
    REPORTED: lambda row: None,  # noqa: ARG005
}
"""When each kind of target is met; None where a row is only reported."""


def measured(estimate: Any, truth: FloatArray) -> Draw:
    """Hold an estimate's intervals against the truth."""
    pointwise, joint = estimate.interval(), estimate.interval(simultaneous=True)
    inside = [(low <= truth) & (truth <= high) for low, high in (pointwise.T, joint.T)]
    return Draw(estimate.values, truth, inside[0], estimate.std_error, bool(inside[1].all()))


def seed_of(case: Case, number: int) -> int:
    """Return the stream of a draw, from what it is and not from when it runs."""
    digest = hashlib.sha256(f"{case.name}\x1f{case.what}\x1f{number}".encode()).digest()
    return int.from_bytes(digest[:6], "little")


def summarize(case: Case, draws: list[Draw]) -> Row:
    """Return bias, coverage and joint coverage of a case's draws."""
    values, truth = (np.array([getattr(draw, name) for draw in draws]) for name in ("values", "truth"))
    gaps = values - truth
    bias, spread = gaps.mean(axis=0), gaps.std(axis=0, ddof=1)
    error = np.maximum(spread, 1e-300) / np.sqrt(len(draws))
    covered = [draw.covered for draw in draws if draw.covered is not None]
    stated = [draw.error for draw in draws if draw.error is not None]
    together = [draw.together for draw in draws if draw.together is not None]
    return Row(
        case=case,
        draws=len(draws),
        values=values.mean(axis=0),
        truth=truth.mean(axis=0),
        bias=bias,
        noise=error,
        worst=float(np.where(spread > 0, np.abs(bias) / error, np.where(bias == 0, 0.0, np.inf)).max()),
        ratio=float(np.mean(np.mean(stated, axis=0) / spread)) if stated else float("nan"),
        coverage=np.mean(covered, axis=0) if covered else None,
        joint=float(np.mean(together)) if together else None,
    )
