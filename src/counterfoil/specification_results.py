"""A specification curve: what each specification estimates and pays, and how the contract's own stands among them.

Shares are of the specifications that were declared, not chances of anything: specifications share their data, and nobody drew
them. They say how far the answer hangs on choices that the parties agreed could have been made otherwise.

Source: Simonsohn, Simmons and Nelson (2020), *Specification curve analysis*, Nature Human Behaviour 4, 1208-1214, steps 1 and 2.
Step 3, a joint test of all specifications against no effect, estimates every specification again for each permutation, and is
not done here.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, Final

import pandas as pd

from counterfoil.contract import Contract, Effect
from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal
from counterfoil.plain import plain
from counterfoil.specification_grid import LeftOut
from counterfoil.specification_plot import Level, plot_curve, plot_providers
from counterfoil.specification_row import SpecificationRow
from counterfoil.specification_tables import as_dict, by_alternative, tidy, tidy_payments
from counterfoil.specification_text import lines, numbers, summarized
from counterfoil.specifications import Specifications
from counterfoil.verdict import Scale

DIGITS: Final = 9
"""Significant digits in which two estimates that are the same agree."""


@dataclass(frozen=True, slots=True)
class Changed:
    """In how many of the other specifications something differs from the contract's own.

    Parameters
    ----------
    count, among : int
        ``among`` counts those, besides the contract's own, in which it can be told.
    """

    count: int
    among: int

    @property
    def share(self) -> float | None:
        """The fraction; None where it can be told in none."""
        return self.count / self.among if self.among else None

    def __str__(self) -> str:
        return f"{self.count:,} of {self.among:,} others" + (f" ({self.count / self.among:.1%})" if self.among else "")


@dataclass(frozen=True, slots=True, eq=False)
class SpecificationCurve:
    """Every specification of an effect, estimated and settled.

    Parameters
    ----------
    contract : Contract
    specifications : Specifications
    effect : str
    study_digests : mapping of str to str
    rows : tuple of SpecificationRow
        In the order declared, the contract's own first where it is none of them.
    left_out : tuple of LeftOut
        Combinations that the design or the contract refuses, or that repeat another.
    levels : tuple of Level
        Values of the effect at which the contract changes what is due, in the outcome's own sign.
    """

    contract: Contract
    specifications: Specifications
    effect: str
    study_digests: Mapping[str, str]
    rows: tuple[SpecificationRow, ...]
    left_out: tuple[LeftOut, ...]
    levels: tuple[Level, ...]

    @property
    def terms(self) -> Effect:
        """What the contract asks of the effect."""
        return self.contract.effects[self.effect]

    @property
    def primary(self) -> SpecificationRow:
        """The contract's own specification."""
        return next(row for row in self.rows if row.primary)

    @property
    def estimated(self) -> tuple[SpecificationRow, ...]:
        """The specifications that give an estimate."""
        return tuple(row for row in self.rows if row.estimate is not None)

    @property
    def settled(self) -> tuple[SpecificationRow, ...]:
        """The specifications under which the contract settles."""
        return tuple(row for row in self.rows if row.payment is not None)

    @property
    def refused(self) -> tuple[SpecificationRow, ...]:
        """The specifications that were run and refused."""
        return tuple(row for row in self.rows if row.refused)

    @property
    def answered(self) -> bool:
        """Whether the contract's own specification is settled, so that the others stand beside something."""
        return self.primary.payment is not None and not self.primary.refused

    @property
    def estimates(self) -> tuple[float, ...]:
        """The estimates, lowest first, in the outcome's own units and sign."""
        return tuple(sorted(row.estimate for row in self.rows if row.estimate is not None))

    @property
    def payments(self) -> tuple[Decimal, ...]:
        """What is due in all, lowest first."""
        return tuple(sorted(row.payment for row in self.rows if row.payment is not None))

    @property
    def scale(self) -> Scale:
        """How estimates are written: as the evaluation does, with decimals that suit the middle standard error."""
        errors = [row.std_error for row in self.rows if row.std_error]
        return Scale(self.terms.display, median(errors) if errors else 0.0)

    @property
    def percentile(self) -> float | None:
        """Per cent of the estimates that are below the contract's own, counting its equals, itself among them, half."""
        own = self.primary.estimate
        return None if own is None else _percentile(self.estimates, own)

    @property
    def payment_percentile(self) -> float | None:
        """Per cent of the payments that are below the contract's own, counting its equals, itself among them, half."""
        own = self.primary.payment
        return None if own is None else _percentile(self.payments, own)

    @property
    def trigger(self) -> Changed:
        """In how many others a gate, tier or condition of any price stands otherwise than under the contract's own."""
        own = self.primary
        others = [row for row in self.settled if not row.primary and own.payment is not None and own.standing]
        return Changed(sum(row.standing != own.standing for row in others), len(others))

    @property
    def order(self) -> Changed:
        """In how many others the providers stand in another order of payment; where nothing is due to them there is none."""
        own = self.primary
        others = [row for row in self.settled if not row.primary and row.order and own.order]
        return Changed(sum(row.order != own.order for row in others), len(others))

    @property
    def alike(self) -> int:
        """How many specifications come to the very estimate, standard error and payments of one before them."""
        seen = [
            (f"{row.estimate:.{DIGITS}g} {row.std_error or 0.0:.{DIGITS}g}", *row.payments.items())
            for row in self.estimated
        ]
        return len(seen) - len(set(seen))

    @property
    def estimands(self) -> dict[str, int]:
        """What is estimated, in words, to how many specifications estimate it."""
        return dict(Counter(row.estimand for row in self.estimated))

    def tidy(self) -> pd.DataFrame:
        """Return one row a specification, in the order declared.

        Returns
        -------
        DataFrame
            Columns specification (0 for the contract's own where it is none of the declared), primary, one for each thing that is
            varied, outcome, estimand, estimate, std_error, conf_low, conf_high (95%), gate_passes, trigger_changes, order_changes,
            payment (in all), currency, refused (codes). What cannot be told is missing.
        """
        return tidy(self)

    def tidy_payments(self) -> pd.DataFrame:
        """Return what each party receives under each specification that settles.

        Returns
        -------
        DataFrame
            Columns specification, primary, provider, payment, currency; a party that receives nothing is there with zero.
        """
        return tidy_payments(self)

    def by_alternative(self) -> pd.DataFrame:
        """Return what each alternative comes to, over all others.

        Returns
        -------
        DataFrame
            Columns varied, alternative, specifications (that give an estimate), estimate (median), payment (median, None where
            nothing settles).
        """
        return by_alternative(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data; money is decimal text."""
        return as_dict(self)

    def lines(self, *, money: bool = True) -> list[str]:
        """Return what the curve says, in sentences; ``money=False`` leaves amounts out."""
        return lines(self, money=money)

    def summary(self) -> str:
        """Return the curve as text: what it says, what each alternative comes to, and up to 40 specifications one by one."""
        return summarized(self)

    def sorted(self) -> tuple[SpecificationRow, ...]:
        """Return the specifications by estimate and then payment, lowest first; those without an estimate come last."""

        def place(row: SpecificationRow) -> tuple[bool, float, bool, Decimal]:
            return row.estimate is None, row.estimate or 0.0, row.payment is None, row.payment or Decimal(0)

        return tuple(sorted(self.rows, key=place))

    def to_json(self) -> str:
        """Return everything as JSON; the same inputs give the same bytes, resumed or not."""
        return json.dumps(plain(self.to_dict()), indent=2, ensure_ascii=False) + "\n"

    def plot(self, axes: Any = None) -> Any:
        """Draw estimates with their intervals, payments, and the choices behind them, by estimate; return three Axes.

        Parameters
        ----------
        axes : sequence of three matplotlib Axes, optional
            For estimates, payments and choices; a new figure when omitted.
        """
        rows = [row for row in self.sorted() if row.estimate is not None]
        return plot_curve(
            rows,
            self.specifications.dimensions,
            self.levels,
            axes,
            factor=self.scale.factor,
            outcome=f"{self.terms.outcome},{self.scale.unit}" if self.scale.unit else self.terms.outcome,
            currency=self.contract.currency,
            refused=len(self.rows) - len(rows),
        )

    def write_plot(self, path: str | Path) -> None:
        """Draw the curve to a file.

        Raises
        ------
        DataError
            DATA-020 when it cannot be written there, or not in the form that its name asks for.
        """
        import matplotlib.pyplot as plt

        figure = self.plot()[0].figure
        try:
            figure.savefig(path, dpi=150)
        except (OSError, ValueError) as error:
            said = (error.strerror if isinstance(error, OSError) else str(error)) or "no such form"
            fix = "name a PNG, SVG or PDF file in a folder that exists"
            raise refusal("DATA-020", f"the picture cannot be written: {said}", str(path), fix) from None
        finally:
            plt.close(figure)

    def plot_payments(self, ax: Any = None) -> Any:
        """Draw what each party receives under every specification that settles; return the matplotlib Axes."""
        names = list(dict.fromkeys(name for row in self.settled for name in row.payments))
        paid = {
            self.contract.words.party(name): [float(row.payments.get(name, 0)) for row in self.settled]
            for name in names
        }
        if len(paid) > 1:
            paid["in all"] = [float(row.payment or 0) for row in self.settled]
        own = next((number for number, row in enumerate(self.settled) if row.primary), None)
        return plot_providers(paid, own, ax, self.contract.currency)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), " ".join(numbers(self)))


def _percentile(values: Sequence[Any], own: Any) -> float:
    """Return the per cent of values below one of them, counting its equals half."""
    below = sum(value < own for value in values)
    return float(100 * (below + sum(value == own for value in values) / 2) / len(values))
