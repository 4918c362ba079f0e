"""What the people with an outcome, and an assumption on the others, say of an effect: two ends and an interval."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.errors import Problem
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.imbens_manski import imbens_manski


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeBounds:
    """Bounds on the effect of assignment.

    Parameters
    ----------
    ends : Estimate
        Terms ``low`` and ``high``, jointly; in the outcome's units.
    method, assumption : str
        In words.
    warnings : tuple of Problem
    diagnostics : mapping

    Examples
    --------
    >>> ends = Estimate.published([1.0, 3.0], [0.5, 0.5], terms=["low", "high"], outcome="y", estimand="bounds", people=90)
    >>> [round(end, 2) for end in OutcomeBounds(ends, "bounds", "nothing is known").interval()]
    [0.18, 3.82]
    """

    ends: Estimate
    method: str
    assumption: str
    warnings: tuple[Problem, ...] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def low(self) -> float:
        """The lower bound."""
        return float(self.ends.values[0])

    @property
    def high(self) -> float:
        """The upper bound."""
        return float(self.ends.values[1])

    def interval(self, conf_level: float = 0.95) -> tuple[float, float]:
        """Return an interval that covers the effect, wherever it lies between the bounds (Imbens and Manski 2004)."""
        below, above = self.ends.std_error
        critical = imbens_manski(max(self.high - self.low, 0.0), float(max(below, above)), conf_level, self.ends.df)
        return self.low - critical * float(below), self.high + critical * float(above)

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row: outcome, term, bound_low, bound_high, std_error_low, std_error_high, conf_low, conf_high."""
        below, above = self.ends.std_error
        low, high = self.interval(conf_level)
        row = {
            "outcome": self.ends.outcome if isinstance(self.ends.outcome, str) else self.ends.outcome[0],
            "term": "gain",
            "bound_low": self.low,
            "bound_high": self.high,
            "std_error_low": below,
            "std_error_high": above,
            "conf_low": low,
            "conf_high": high,
        }
        frame = pd.DataFrame([row])
        frame.attrs = {"conf_level": conf_level, "method": self.method, "assumption": self.assumption}
        return frame

    def summary(self) -> str:
        """Return the bounds under a header that says what was assumed."""
        table = self.tidy().drop(columns=["term"])
        head = f"{self.method}, assuming that {self.assumption}"
        return f"{head}\n{table.to_string(index=False, float_format=lambda value: f'{value:.6g}')}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self.summary().partition("\n")[0])
