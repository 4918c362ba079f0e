"""What became of one specification, and how it is written to a line of a file and read back without loss."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Order = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class SpecificationRow:
    """What became of one specification.

    Parameters
    ----------
    number : int
        From 1, in the order declared; 0 for the contract's own where it is none of the declared.
    choices : mapping of str to str
        What is varied to the alternative chosen.
    primary : bool
        Whether it is the contract's own.
    estimand : str
        What is estimated, in words; empty when refused.
    people : int
        Over how many the gain counts.
    estimate, std_error, conf_low, conf_high : float or None
        In the outcome's own units and sign, with the 95% interval; None when refused, or without a standard error.
    gate_passes : bool or None
        None without a gate.
    gate_tests : float or None
        The value that is held against the gate's minimum, such as the lower end of a one-sided interval, in the outcome's own
        sign; None without a gate, or for one that tests something else than a gain.
    standing : tuple of str
        The gates that are open and shut, the tiers that are reached and the conditions that hold, of all prices, in words.
    payment : Decimal or None
        What is due in all; None when nothing is settled.
    payments : mapping of str to Decimal
        The same by who receives it.
    order : tuple of tuple of str
        The providers by what they are paid, most first, equals together; empty where nothing is due to them or there is one.
    refused : tuple of (str, str)
        Code and sentence of each reason for having no answer.
    withheld : tuple of str
        The parties whose figures would reveal a small number of people.
    """

    number: int
    choices: Mapping[str, str]
    primary: bool
    estimand: str
    people: int
    estimate: float | None
    std_error: float | None
    conf_low: float | None
    conf_high: float | None
    gate_passes: bool | None
    gate_tests: float | None
    standing: tuple[str, ...]
    payment: Decimal | None
    payments: Mapping[str, Decimal]
    order: Order
    refused: tuple[tuple[str, str], ...]
    withheld: tuple[str, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the refusals, each once."""
        return tuple(dict.fromkeys(code for code, _ in self.refused))

    def line(self, key: str) -> str:
        """Return the row as one line of JSON under a key; floats are written so that they are read back exactly."""
        written = {name: getattr(self, name) for name in self.__slots__ if name not in ("number", "choices", "primary")}
        written["payment"] = None if self.payment is None else f"{self.payment:f}"
        written["payments"] = {name: f"{amount:f}" for name, amount in self.payments.items()}
        return json.dumps({"key": key, "row": written}, ensure_ascii=False, allow_nan=False)


def row_of(written: Mapping[str, Any], number: int, choices: Mapping[str, str], *, primary: bool) -> SpecificationRow:
    """Return the row that a line holds, for the specification that has its key now.

    Raises
    ------
    KeyError, TypeError, ValueError, ArithmeticError
        When the line holds something else.
    """
    payment = written["payment"]
    return SpecificationRow(
        number=number,
        choices=dict(choices),
        primary=primary,
        estimand=str(written["estimand"]),
        people=int(written["people"]),
        **{name: _number(written[name]) for name in ("estimate", "std_error", "conf_low", "conf_high")},
        gate_passes=None if written["gate_passes"] is None else bool(written["gate_passes"]),
        gate_tests=_number(written["gate_tests"]),
        standing=tuple(written["standing"]),
        payment=None if payment is None else Decimal(payment),
        payments={name: Decimal(amount) for name, amount in written["payments"].items()},
        order=tuple(tuple(names) for names in written["order"]),
        refused=tuple((str(code), str(what)) for code, what in written["refused"]),
        withheld=tuple(written["withheld"]),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def payment_order(payments: Mapping[str, Decimal], providers: tuple[str, ...]) -> Order:
    """Return providers by what they are paid, most first, equals together.

    Examples
    --------
    >>> payment_order({"a": Decimal("1.00"), "b": Decimal("2.00"), "c": Decimal("1")}, ("a", "b", "c", "d"))
    (('b',), ('a', 'c'), ('d',))
    """
    paid = {name: payments.get(name, Decimal(0)) for name in providers}
    if len(paid) < 2 or not any(paid.values()):
        return ()
    return tuple(
        tuple(name for name in providers if paid[name] == amount) for amount in sorted(set(paid.values()), reverse=True)
    )
