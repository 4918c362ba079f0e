"""What the data say of credits that they do not identify: two ends, their errors, and an interval for the credit."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.errors import Problem, listed
from counterfoil.estimators.kernel import FloatArray
from counterfoil.estimators.shape import Shape


@dataclass(frozen=True, slots=True, eq=False)
class CreditBounds:
    """Bounds on the credit of each provider, per person of the study, in the outcome's own units and sign.

    Parameters
    ----------
    providers : tuple of str
    low, high : ndarray, shape (K,)
        The bounds; equal where the credit is identified.
    low_error, high_error : ndarray, shape (K,)
        Their standard errors.
    conf_low, conf_high : ndarray, shape (K,)
        An interval that covers the credit with probability ``conf_level``.
    conf_level : float
    rule : str
    shape : tuple of str
        What was assumed of the game, outcome oriented so that higher is better.
    shape_p_value : float or None
        Of the test that the cells have that shape; None without one.
    outcome_range : (float, float) or None
    better : {"higher", "lower"}
    outcome, estimand : str
    open_cells : int
        Cells that the rule asks for and nobody had.
    warnings : tuple of Problem
    """

    providers: tuple[str, ...]
    low: FloatArray
    high: FloatArray
    low_error: FloatArray
    high_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    conf_level: float
    rule: str
    shape: tuple[Shape, ...]
    shape_p_value: float | None
    outcome_range: tuple[float, float] | None
    better: Literal["higher", "lower"]
    outcome: str
    estimand: str
    open_cells: int
    warnings: tuple[Problem, ...]

    def tidy(self) -> pd.DataFrame:
        """Return a row a provider.

        Returns
        -------
        DataFrame
            Columns provider, outcome, term, bound_low, bound_high, std_error_low, std_error_high, conf_low, conf_high.
        """
        columns = {
            "provider": self.providers,
            "outcome": self.outcome,
            "term": "contribution",
            "bound_low": self.low,
            "bound_high": self.high,
            "std_error_low": self.low_error,
            "std_error_high": self.high_error,
            "conf_low": self.conf_low,
            "conf_high": self.conf_high,
        }
        frame = pd.DataFrame(columns)
        frame.attrs = {"conf_level": self.conf_level, "rule": self.rule, "shape": list(self.shape)}
        return frame

    def summary(self) -> str:
        """Return the bounds under a header that says what was assumed."""
        table = self.tidy().drop(columns=["outcome", "term"])
        assumed = [*self.shape] + ([] if self.outcome_range is None else [f"range {list(self.outcome_range)}"])
        head = (
            f"bounds on {self.rule} credits for {self.outcome}, better {self.better}: {self.open_cells} combinations "
            f"that nobody had, assuming {listed(assumed) or 'nothing'}"
        )
        return f"{head}\n{table.to_string(index=False, float_format=lambda value: f'{value:.6g}')}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self.summary().partition("\n")[0])
