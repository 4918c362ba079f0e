"""What attempts to refute an estimate came to: one table, and no opinion."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

from counterfoil.datasets.display import titled_table

OPINION: Final = (
    "Passing is no proof: these tests cannot see a reason for the difference that leaves all of them untouched. Failing is "
    "informative: a test that fails says that the design, its errors or the declaration is wrong."
)
"""What the tests are silent on; it stands under every table."""
COLUMNS: Final = (
    "provider", "outcome", "test", "against", "estimate", "p_value", "conf_low", "conf_high", "expected", "consistent",
    "draws", "refused", "source", "sentence",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Test:
    """One attempt.

    Parameters
    ----------
    provider : str
        Whose effect; empty for a programme as a whole.
    outcome : str
        What the design measures.
    test : str
        ``placebo_treatment``, ``negative_outcome`` and the like.
    against : str
        The negative control, or how the data were changed.
    estimate : float
        In the outcome's units, or a part of the repetitions (``..._rejections``), or a statistic (``joint``).
    conf_low, conf_high : float or None
        An interval of the estimate; None where the test has none.
    expected : float
        What the estimate ought to be.
    p_value : float
        Chance of being so far from it, or farther, if nothing is wrong.
    consistent : bool
        Whether the p-value is no smaller than one less the confidence level. It does not say that the effect is right.
    draws : int
        Repetitions that came out; 1 for a test without any.
    refused : int
        Repetitions that the design refused.
    source : str
        ``counterfoil``, or the library that made the test.
    sentence : str
    """

    __test__ = False  # it is no class of tests for pytest to collect

    provider: str
    outcome: str
    test: str
    against: str
    estimate: float
    conf_low: float | None
    conf_high: float | None
    expected: float
    p_value: float
    consistent: bool
    draws: int
    refused: int
    source: str
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Refutation:
    """Attempts to refute an estimate.

    Passing is no proof: no test sees a reason for the difference that leaves all of them untouched. Failing is informative.

    Parameters
    ----------
    tests : tuple of Test
    conf_level : float
    """

    tests: tuple[Test, ...]
    conf_level: float

    @property
    def inconsistent(self) -> tuple[Test, ...]:
        """The tests that fail; with many tests some do by chance."""
        return tuple(one for one in self.tests if not one.consistent)

    def joined(self, other: "Refutation") -> "Refutation":
        """Return the tests of both, such as ours beside another library's."""
        return Refutation((*self.tests, *other.tests), self.conf_level)

    def tidy(self) -> pd.DataFrame:
        """Return a row a test.

        Returns
        -------
        DataFrame
            Columns provider, outcome, test, against, estimate, p_value, conf_low, conf_high (missing where a test has no
            interval), expected, consistent, draws, refused, source, sentence.
        """
        rows = [[getattr(one, name) for name in COLUMNS] for one in self.tests]
        frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"conf_low": "float64", "conf_high": "float64"})
        frame.attrs = {"conf_level": self.conf_level, "opinion": OPINION}
        return frame

    @property
    def _header(self) -> str:
        count, failed = len(self.tests), len(self.inconsistent)
        return (
            f"{count} attempt{'s' * (count != 1)} to refute, {failed} inconsistent at {1 - self.conf_level:.2g} "
            f"({count * (1 - self.conf_level):.2g} would be by chance)"
        )

    def summary(self) -> str:
        """Return a sentence a test, and what the tests are silent on."""
        return "\n".join([self._header, *(f"- {one.sentence}" for one in self.tests), OPINION])

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy().drop(columns="sentence"), f"{self._header}. {OPINION}")
