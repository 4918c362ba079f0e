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

from counterfoil.attribution.money.amounts import add, multiply
from counterfoil.contract import Contract, Effect
from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal
from counterfoil.plain import plain
from counterfoil.specification_grid import LeftOut
from counterfoil.specification_plot import Level, plot_curve, plot_providers
from counterfoil.specification_row import SpecificationRow
from counterfoil.specifications import Specifications
from counterfoil.verdict import Scale

FORMAT: Final = "counterfoil-curve-1"
MOST_SHOWN: Final = 40
"""Specifications beyond which the text tells the medians of each alternative and no single one."""
MOST_REASONS: Final = 10
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
        return f"{self.count:,} of {self.among:,} ({self.count / self.among:.1%})" if self.among else "none to compare"


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
        own = self.primary
        rows = [
            {
                "specification": row.number,
                "primary": row.primary,
                **row.choices,
                "outcome": self.terms.outcome,
                "estimand": row.estimand,
                **{name: getattr(row, name) for name in ("estimate", "std_error", "conf_low", "conf_high")},
                "gate_passes": row.gate_passes,
                "trigger_changes": None
                if row.payment is None or own.payment is None or not own.standing
                else row.standing != own.standing,
                "order_changes": None if not (row.order and own.order) else row.order != own.order,
                "payment": row.payment,
                "currency": self.contract.currency,
                "refused": ", ".join(row.codes),
            }
            for row in self.rows
        ]
        found = pd.DataFrame(rows)
        floats = ["estimate", "std_error", "conf_low", "conf_high"]
        return found.astype(dict.fromkeys(floats, "float64"))

    def tidy_payments(self) -> pd.DataFrame:
        """Return what each party receives under each specification that settles.

        Returns
        -------
        DataFrame
            Columns specification, primary, provider, payment, currency; a party that receives nothing is there with zero.
        """
        parties = list(dict.fromkeys(name for row in self.settled for name in row.payments))
        rows = [
            (
                row.number,
                row.primary,
                name,
                row.payments.get(name, multiply(row.payment or 0, 0)),
                self.contract.currency,
            )
            for row in self.settled
            for name in parties
        ]
        return pd.DataFrame(rows, columns=["specification", "primary", "provider", "payment", "currency"])

    def by_alternative(self) -> pd.DataFrame:
        """Return what each alternative comes to, over all others.

        Returns
        -------
        DataFrame
            Columns varied, alternative, specifications (that give an estimate), estimate (median), payment (median, None where
            nothing settles).
        """
        rows = []
        for dimension, names in self.specifications.dimensions.items():
            for name in names:
                here = [row for row in self.estimated if row.choices[dimension] == name]
                paid = [row.payment for row in here if row.payment is not None]
                middle = median([row.estimate for row in here if row.estimate is not None]) if here else None
                rows.append((dimension, name, len(here), middle, median(paid) if paid else None))
        return pd.DataFrame(rows, columns=["varied", "alternative", "specifications", "estimate", "payment"])

    def alternatives(self) -> list[dict[str, str]]:
        """Return `by_alternative` as text."""
        scale = self.scale
        return [
            {
                "varied": row["varied"],
                "alternative": row["alternative"],
                "estimates": f"{row['specifications']:,}",
                "estimate": scale.number(row["estimate"]) if row["specifications"] else "",
                "payment": "" if row["payment"] is None else f"{row['payment']:,.2f}",
            }
            for row in self.by_alternative().to_dict("records")
        ]

    def lines(self, *, money: bool = True) -> list[str]:
        """Return what the curve says, in sentences; ``money=False`` leaves amounts out."""
        return [*self._numbers(money=money), *self._changes(), *self._not_run(), *self._notes()]

    def reasons(self) -> list[str]:
        """Return why combinations were not run: each reason once, with where or for how many, the most frequent first."""
        return _reasons([one for one in self.left_out if one.problems])

    def _numbers(self, *, money: bool = True) -> list[str]:
        own, estimates, payments, scale = self.primary, self.estimates, self.payments, self.scale
        found = []
        if estimates:
            agreed = (
                f"refused ({', '.join(own.codes)})"
                if own.estimate is None or self.percentile is None
                else f"{scale.number(own.estimate)}, at percentile {self.percentile:.0f} of them"
            )
            found.append(
                f"{len(estimates):,} specifications estimate {self.terms.outcome}: median {scale.number(median(estimates))}, "
                f"{scale.number(estimates[0])} to {scale.number(estimates[-1])}{scale.unit}. As agreed: {agreed}."
            )
        if payments and money:
            written = self.contract.words.money
            agreed = (
                f"not settled ({', '.join(own.codes)})"
                if own.payment is None or self.payment_percentile is None
                else f"{written(own.payment)}, at percentile {self.payment_percentile:.0f} of them"
            )
            found.append(
                f"{len(payments):,} settle: median {median(payments):,.2f}, {payments[0]:,} to {written(payments[-1])}. "
                f"As agreed: {agreed}."
            )
        return found

    def _changes(self) -> list[str]:
        own, found = self.primary, []
        if own.payment is None:
            found.append("The contract's own specification does not settle, so nothing can differ from it.")
            return found
        if own.standing:
            found.append(f"Gate, tier or condition stands otherwise than as agreed in {self.trigger} others.")
        else:
            found.append("No price has a gate, tier or condition, so none can change.")
        if own.order:
            found.append(f"The payment order of providers differs in {self.order} others that pay any.")
        elif len(self.contract.players) > 1:
            found.append("As agreed nothing is due to providers, so there is no payment order to change.")
        return found

    def _not_run(self) -> list[str]:
        found = []
        if self.refused:
            codes = Counter(code for row in self.refused for code in row.codes)
            found.append(f"{len(self.refused):,} were run and refused: {_counts(codes)}.")
        invalid = [one for one in self.left_out if one.problems]
        if invalid:
            codes = Counter(code for one in invalid for code in dict.fromkeys(problem.code for problem in one.problems))
            found.append(f"{len(invalid):,} combinations cannot be written as a contract: {_counts(codes)}.")
        if repeated := len(self.left_out) - len(invalid):
            found.append(f"{repeated:,} combinations repeat another word by word and are counted once.")
        return found

    def _notes(self) -> list[str]:
        found = []
        if self.alike:
            found.append(
                f"{self.alike:,} come to the very estimate, standard error and payments of another: they are the same analysis in "
                "other words, and weigh on every share above."
            )
        if len(self.estimands) > 1:
            each = "; ".join(f"{name} ({count:,})" for name, count in self.estimands.items())
            found.append(f"They do not all estimate the same, so part of the spread is of questions: {each}.")
        declared = f"declared in {self.specifications.file}" if self.specifications.file else "declared in Python"
        reason = f" Why these: {self.specifications.reason}" if self.specifications.reason else ""
        found.append(
            f"The set was {declared}; shares are of this set, and no chances.{reason} Whether it is homogeneous, and was declared "
            "before outcomes were seen, no figure shows."
        )
        return found

    def summary(self) -> str:
        """Return the curve as text: what it says, what each alternative comes to, and up to 40 specifications one by one."""
        varied = ", ".join(f"{name} ({len(names)})" for name, names in self.specifications.dimensions.items())
        parts = [f"{self.contract.name}: specification curve of effect '{self.effect}', by {varied}", ""]
        parts += [f"  {line}" for line in self.lines()]
        parts += ["", f"What each alternative comes to (medians; payment in {self.contract.currency})"]
        parts += _table(self.alternatives())
        if len(self.rows) <= MOST_SHOWN:
            parts += [
                "",
                "Specifications, by estimate (* as agreed)",
                *_table([self._cells(row) for row in self.sorted()]),
            ]
        else:
            parts += ["", f"The {len(self.rows):,} specifications stand one by one in the JSON."]
        if reasons := self.reasons():
            parts += ["", "Not run", *(f"  {line}" for line in reasons)]
        return "\n".join(parts) + "\n"

    def sorted(self) -> tuple[SpecificationRow, ...]:
        """Return the specifications by estimate and then payment, lowest first; those without an estimate come last."""

        def place(row: SpecificationRow) -> tuple[bool, float, bool, Decimal]:
            return row.estimate is None, row.estimate or 0.0, row.payment is None, row.payment or Decimal(0)

        return tuple(sorted(self.rows, key=place))

    def _cells(self, row: SpecificationRow) -> dict[str, str]:
        scale = self.scale
        gate = {None: "", True: "open", False: "shut"}
        order = " > ".join(" = ".join(names) for names in row.order)
        cells = {
            "no.": f"{'*' if row.primary else ' '}{row.number}",
            **row.choices,
            "estimate": "" if row.estimate is None else scale.number(row.estimate),
            "95%": f"{scale.number(row.conf_low)} to {scale.number(row.conf_high)}"
            if row.conf_low is not None and row.conf_high is not None
            else "",
            "gate": gate[row.gate_passes],
            "payment": "" if row.payment is None else f"{row.payment:,}",
        }
        if len(self.contract.players) > 1:
            cells["order"] = order
        return {**cells, "refused": ", ".join(row.codes)}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data; money is decimal text."""
        own = self.primary
        return {
            "format": FORMAT,
            "contract": {
                "name": self.contract.name,
                "currency": self.contract.currency,
                "digest": self.contract.digest,
            },
            "study": dict(self.study_digests),
            "specifications": {
                "digest": self.specifications.digest,
                "terms": self.specifications.model_dump(mode="json", exclude_unset=True),
            },
            "effect": self.effect,
            "outcome": self.terms.outcome,
            "summary": {
                "specifications": len(self.rows),
                "estimated": len(self.estimates),
                "settled": len(self.payments),
                "refused": len(self.refused),
                "left_out": len(self.left_out),
                "alike": self.alike,
                "estimands": self.estimands,
                "estimate": _spread(self.estimates, own.estimate, self.percentile),
                "payment": _spread(self.payments, own.payment, self.payment_percentile),
                "trigger_changes": _share(self.trigger),
                "order_changes": _share(self.order),
            },
            "lines": self.lines(),
            "specified": [self._record(row) for row in self.rows],
            "left_out": [
                {
                    "choices": dict(one.choices),
                    "same_as": one.same_as,
                    "refused": [problem.to_dict() for problem in one.problems],
                }
                for one in self.left_out
            ],
        }

    def _record(self, row: SpecificationRow) -> dict[str, Any]:
        names = ("estimand", "people", "estimate", "std_error", "conf_low", "conf_high", "gate_passes", "standing")
        return {
            "specification": row.number,
            "primary": row.primary,
            "choices": dict(row.choices),
            **{name: getattr(row, name) for name in names},
            "payment": row.payment,
            "payments": dict(row.payments),
            "order": row.order,
            "refused": [{"code": code, "what": what} for code, what in row.refused],
        }

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
            outcome=self.terms.outcome,
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
            paid["in all"] = [float(add(row.payments.values())) for row in self.settled]
        own = next((number for number, row in enumerate(self.settled) if row.primary), None)
        return plot_providers(paid, own, ax, self.contract.currency)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), " ".join(self._numbers()))


def _percentile(values: Sequence[Any], own: Any) -> float:
    """Return the per cent of values below one of them, counting its equals half."""
    below = sum(value < own for value in values)
    return float(100 * (below + sum(value == own for value in values) / 2) / len(values))


def _spread(values: Sequence[Any], own: Any, percentile: float | None) -> dict[str, Any] | None:
    if not values:
        return None
    return {
        "median": median(values), "lowest": values[0], "highest": values[-1], "as_agreed": own, "percentile": percentile,
    }  # fmt: skip


def _share(changed: Changed) -> dict[str, Any]:
    return {"count": changed.count, "among": changed.among, "share": changed.share}


def _counts(codes: Mapping[str, int]) -> str:
    return ", ".join(f"{code} ({count:,})" for code, count in codes.items())


RIGHT: Final = ("no.", "estimates", "estimate", "payment")


def _table(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return rows as lines under their headings; a column without any text is left out."""
    heads = [head for head in rows[0] if any(row[head] for row in rows)] if rows else []
    widths = {head: max(len(head), *(len(row[head]) for row in rows)) for head in heads}
    shown = [{head: head for head in heads}, *rows]
    return [
        ("  " + "  ".join(f"{row[h]:>{widths[h]}}" if h in RIGHT else f"{row[h]:<{widths[h]}}" for h in heads)).rstrip()
        for row in shown
    ]


def _reasons(left_out: Sequence[LeftOut]) -> list[str]:
    """Return each reason once with how many combinations it concerns, the most frequent first."""
    found = Counter((problem.code, problem.what) for one in left_out for problem in one.problems)
    places: dict[tuple[str, str], set[str]] = {}
    for problem in (problem for one in left_out for problem in one.problems):
        places.setdefault((problem.code, problem.what), set()).add(problem.where)
    lines = []
    for (code, what), count in found.most_common(MOST_REASONS):
        where = next(iter(places[code, what])) if len(places[code, what]) == 1 else f"{count:,} combinations"
        lines.append(f"{code} {where}: {what}")
    rest = len(found) - len(lines)
    return [*lines, *([f"and {rest:,} other reasons; they stand in the JSON"] if rest else [])]
