"""What was verified or published elsewhere: ``reported.yaml``, so that a contract settles without people's records."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.counting.reported import Reported as ReportedTerms
from counterfoil.attribution.money.amounts import Amount
from counterfoil.contract import Contract
from counterfoil.errors import Problem, did_you_mean
from counterfoil.estimators.published import Published
from counterfoil.source import Source
from counterfoil.translation import typed_file


class Figure(BaseModel):
    """One number: of a quantity, or of an effect in the outcome's own sign."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"quantity": "jobs", "period": "y1", "rung": "start", "value": "30"},
                {"effect": "reoffending", "period": "y2", "value": "-8.4", "std_error": "3.0", "people": 500},
            ]
        },
    )

    quantity: str | None = Field(None, description="The quantity of kind reported that the number is of.")
    effect: str | None = Field(None, description="Or the effect of kind published.")
    period: str | None = Field(None, description="The settlement period; may be omitted when there is only one.")
    group: str | None = Field(None, description="The group, for a quantity told apart by groups.")
    rung: str | None = Field(None, description="The rung, for a quantity told apart by rungs.")
    provider: str | None = Field(None, description="The provider that it belongs to, for a quantity.")
    value: Amount = Field(description="The number.")
    std_error: Amount | None = Field(None, gt=0, description="Standard error, of an effect.")
    df: float | None = Field(None, gt=0, description="Degrees of freedom of t, of an effect; the normal when omitted.")
    people: int | None = Field(None, ge=0, description="How many people it counts for.")

    @model_validator(mode="after")
    def _is_of_one_thing(self) -> Self:
        if (self.quantity is None) == (self.effect is None):
            raise ValueError("a reported number is of either a `quantity:` or an `effect:`")
        wrong = ("std_error", "df") if self.quantity is not None else ("group", "rung", "provider")
        for key in wrong:
            if getattr(self, key) is not None:
                raise ValueError(
                    f"`{key}:` does not go with a number of {'a quantity' if self.quantity else 'an effect'}"
                )
        return self


class Reported(BaseModel):
    """The numbers of one settlement.

    Examples
    --------
    >>> Reported.model_validate({"reported": [{"quantity": "homes", "value": "12"}]}).reported[0].value
    Decimal('12')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    counterfoil: int = Field(1, description="Version of the language; 1.")
    reported: tuple[Figure, ...] = Field((), description="The numbers, one an entry.")

    _source: Source | None = PrivateAttr(default=None)

    def where(self, *path: str | int) -> str:
        """Return where an entry stands: file, line and column, or its path."""
        return f"reported: {path}" if self._source is None else self._source.where(path)

    @property
    def digest(self) -> str | None:
        """SHA-256 of the file; None for numbers made in Python."""
        return None if self._source is None else self._source.digest

    def quantities(self, contract: Contract) -> dict[str, Quantity]:
        """Return the reported quantities as they stand, by name; those of which nothing is reported are empty."""
        found: dict[str, list[Cell]] = {
            name: [] for name, spec in contract.quantities.items() if isinstance(spec, ReportedTerms)
        }
        for row in self.reported:
            if row.quantity is not None:
                period = contract.labels[0] if row.period is None else row.period
                place = (period, row.group or "", row.rung or "", row.provider or "")
                found[row.quantity].append(Cell(row.value, *place, people=row.people))
        return {name: Quantity(tuple(cells), complete=False) for name, cells in found.items()}

    def effects(self, contract: Contract) -> dict[str, dict[str, Figure]]:
        """Return the reported effects: name to period to number, in the contract's order of periods."""
        found: dict[str, dict[str, Figure]] = {}
        for period in contract.labels:
            for row in self.reported:
                if row.effect is not None and (row.period or contract.labels[0]) == period:
                    found.setdefault(row.effect, {})[period] = row
        return found


def read_reported(path: str | Path) -> Reported:
    """Read reported numbers from a YAML file.

    Raises
    ------
    ContractError
        With every problem of the file at once, each with line and column.
    """
    reported, source = typed_file(path, Reported)
    reported._source = source
    return reported


def misreported(contract: Contract, reported: Reported) -> list[Problem]:
    """Return every problem between a contract and reported numbers."""
    return list(_misreported(contract, reported))


def _misreported(contract: Contract, reported: Reported) -> Iterator[Problem]:
    seen: dict[tuple[str | None, ...], int] = {}
    for number, row in enumerate(reported.reported):
        at = ("reported", number)
        problems = [*_named(contract, row, reported, number), *_placed(contract, row, reported, number)]
        yield from problems
        key = (row.quantity, row.effect, row.period, row.group, row.rung, row.provider)
        if key in seen:
            yield Problem("DATA-028", f"the number stands twice, first in entry {seen[key] + 1}", reported.where(*at))
        seen.setdefault(key, number)


def _named(contract: Contract, row: Figure, reported: Reported, number: int) -> Iterator[Problem]:
    key = "effect" if row.quantity is None else "quantity"
    name = row.quantity or row.effect or ""
    there: Mapping[str, object] = contract.quantities if key == "quantity" else contract.effects
    where = reported.where("reported", number, key)
    if name not in there:
        yield Problem("DATA-028", f"the contract has no {key} '{name}'{did_you_mean(name, there)}", where)
    elif key == "quantity" and not isinstance(contract.quantities[name], ReportedTerms):
        yield Problem("DATA-028", f"quantity '{name}' is counted, not reported", where)
    elif key == "effect" and not isinstance(contract.effects[name].estimator, Published):
        kind = contract.effects[name].estimator.kind
        yield Problem("DATA-028", f"effect '{name}' is of kind {kind}, not published", where)


def _placed(contract: Contract, row: Figure, reported: Reported, number: int) -> Iterator[Problem]:
    at = ("reported", number)
    if row.period is None and len(contract.labels) > 1:
        what = f"the contract has {len(contract.labels)} periods and the number names none"
        yield Problem("DATA-028", what, reported.where(*at))
    elif row.period is not None and row.period not in contract.labels:
        hint = did_you_mean(row.period, contract.labels)
        yield Problem("DATA-028", f"the contract has no period '{row.period}'{hint}", reported.where(*at, "period"))
    spec = contract.quantities.get(row.quantity or "")
    if not isinstance(spec, ReportedTerms):
        return
    for key, given, allowed in (("rung", row.rung, spec.rungs), ("group", row.group, spec.groups)):
        if (given is None) == bool(allowed):
            what = f"quantity '{row.quantity}' is told apart by {key}s and the number names none"
            if given is not None:
                what = f"quantity '{row.quantity}' has no {key}s"
            yield Problem("DATA-028", what, reported.where(*at))
        elif given is not None and given not in allowed:
            what = f"quantity '{row.quantity}' has no {key} '{given}'{did_you_mean(given, allowed)}"
            yield Problem("DATA-028", what, reported.where(*at, key))
    if row.provider is not None and row.provider not in contract.parties:
        what = f"no party is called '{row.provider}'{did_you_mean(row.provider, contract.parties)}"
        yield Problem("DATA-028", what, reported.where(*at, "provider"))
    if row.value < Decimal(0):
        yield Problem("DATA-028", f"quantity '{row.quantity}' is negative", reported.where(*at, "value"))
