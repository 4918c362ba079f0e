"""How a gate stands, whatever it tests; and what gates have in common."""

from dataclasses import dataclass
from typing import Literal

from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Held:
    """A gain held against a gate.

    Parameters
    ----------
    passes : bool
    what : str
        What is tested, in words.
    tested, minimum : float
        The value tested and what it is tested against. A gain is oriented so that higher is better. Of a p-value,
        ``minimum`` is the most that it may be.
    margin : float or None
        By how much the gain, or its bound, exceeds what would just pass (negative: falls short), in the outcome's units;
        None for a gate that tests no gain.
    """

    passes: bool
    what: str
    tested: float
    minimum: float
    margin: float | None


def oriented(total: Estimate, better: Better) -> float:
    """Return the one value of an estimate so that higher is better."""
    return float(total.values[0]) * (1.0 if better == "higher" else -1.0)


def positive_error(total: Estimate) -> float:
    """Return the standard error of a one-term estimate.

    Raises
    ------
    EstimationError
        EST-018 when there is none, EST-015 when it is zero.
    """
    error = float(total.std_error[0])
    if error <= 0:
        raise refusal("EST-015", "the standard error of the gain is zero, so that no chance of it can be told", "gate")
    return error
