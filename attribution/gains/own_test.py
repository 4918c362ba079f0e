"""A test of a design's own, such as a permutation of its lottery, as a gate on the p-value reads it."""

from dataclasses import dataclass
from typing import Final, Literal

OwnTestName = Literal["permutation", "wild_cluster", "placebo", "conformal"]

IN_WORDS: Final[dict[str, str]] = {
    "permutation": "by permutation of the lottery",
    "wild_cluster": "by wild cluster bootstrap",
    "placebo": "by placebos among the places compared with",
    "conformal": "by shuffled periods",
}


@dataclass(frozen=True, slots=True)
class OwnTest:
    """What a design's own test says of a gain.

    Parameters
    ----------
    p_value : float
        Of the gain that the gate takes to be the truth.
    line : float or None
        The largest gain, oriented so that higher is better, that the test rejects at the gate's level from below: the lower
        end of its confidence set. None where the test has no such set, or it has no end.
    """

    p_value: float
    line: float | None
