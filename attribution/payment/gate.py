"""The gate on a total gain: nothing is due unless the gain is shown to exceed a minimum.

A one-sided gate passes when the lower confidence bound of the gain, oriented so that higher is better, lies above the
minimum. Whether it passes can depend on the error type and the side, so the result says how it would stand under each.
Several looks at the data are each taken at the error level (1 − conf_level)/looks (Bonferroni), so that all of them
together keep the confidence level. How often a gate pays and exaggerates is told by `operating`.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.estimators.estimate import Estimate, StatedType

Bound = Literal["one_sided", "two_sided"]
BOUNDS: tuple[Bound, ...] = ("one_sided", "two_sided")


class Gate(BaseModel):
    """Terms of a gate."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"total_above": 0, "bound": "one_sided", "conf_level": 0.95}]},
    )

    total_above: float = Field(0.0, allow_inf_nan=False, description="The gain per person that must be exceeded.")
    bound: Bound = Field("one_sided", description="A one-sided lower bound, or the lower end of a two-sided interval.")
    conf_level: float = Field(0.95, gt=0.5, lt=1.0, description="Confidence level of the bound, over all looks.")
    looks: int = Field(
        1, ge=1, le=1000, description="How often the gate is held against data; each look is at (1 - conf_level)/looks."
    )

    @property
    def level(self) -> float:
        """Confidence level of one look."""
        return self.conf_level if self.looks == 1 else 1.0 - (1.0 - self.conf_level) / self.looks


@dataclass(frozen=True, slots=True)
class GateTest:
    """A gate under one error type and side: its lower bound, and whether it passes."""

    error_type: StatedType
    bound: Bound
    lower: float
    passes: bool


@dataclass(frozen=True, slots=True)
class GateResult:
    """How a gate stands.

    Parameters
    ----------
    terms : Gate
        What the contract asks for.
    decided : GateTest
        Under the contract's own error type and side.
    others : tuple of GateTest
        Under every other error type and side that the estimate can state.
    df : float
        Degrees of freedom of t.
    """

    terms: Gate
    decided: GateTest
    others: tuple[GateTest, ...]
    df: float

    @property
    def passes(self) -> bool:
        """Whether the contract's gate passes."""
        return self.decided.passes

    @property
    def margin(self) -> float:
        """By how much the lower bound exceeds the minimum (negative: falls short), in outcome units per person."""
        return self.decided.lower - self.terms.total_above

    @property
    def reversals(self) -> tuple[GateTest, ...]:
        """The tests that would decide otherwise."""
        return tuple(test for test in self.others if test.passes != self.passes)


def apply_gate(terms: Gate, total: Estimate, better: Literal["higher", "lower"]) -> GateResult:
    """Hold a total gain against the gate.

    Parameters
    ----------
    terms : Gate
        What the contract asks for.
    total : Estimate
        One term, in the outcome's own sign.
    better : {"higher", "lower"}
        Under ``lower`` a fall of the outcome is the gain.
    """
    gain = float(total.values[0]) * (1.0 if better == "higher" else -1.0)

    def hold(error_type: StatedType, bound: Bound) -> GateTest:
        stated = total.using(error_type)
        lower = gain - stated.critical(terms.level, bound) * float(stated.std_error[0])
        return GateTest(error_type, bound, lower, lower > terms.total_above)

    tests = [hold(error_type, bound) for bound in BOUNDS for error_type in total.error_types]
    decided = hold(total.error_type, terms.bound)
    return GateResult(terms, decided, tuple(test for test in tests if test != decided), total.df)
