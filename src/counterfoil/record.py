"""What is known of a public contract: ``record.yaml`` beside its terms.

A figure carries marks and a source of its own, a case says what the terms must come to on quantities that were published
or constructed. The folder of a contract holds its terms in ``contract.yaml`` and what is known of it here; the two are
kept apart so that nothing recalled or constructed can be taken for a term that was agreed.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from counterfoil.attribution.money.amounts import Amount
from counterfoil.translation import typed_file

RECORD: Final = "record.yaml"
VERSION: Final = 1
Mark = Literal["V", "I", "D", "R", "C"]
Class = Literal["exact", "reconstructed", "decision", "rule", "recorded", "estimate"]
Said = Annotated[str, StringConstraints(min_length=1)]


class _Known(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class People(_Known):
    """Who took part, in words."""

    payers: tuple[Said, ...] = Field(min_length=1, description="Who pays for outcomes.")
    providers: tuple[Said, ...] = Field((), description="Who delivers the services.")
    investors: tuple[Said, ...] = Field((), description="Who put the money up, and who guaranteed it.")
    intermediary: Said | None = Field(None, description="Who stands between payer and providers.")
    evaluator: Said | None = Field(None, description="Who measured the outcomes.")


class Figure(_Known):
    """One figure with one set of marks and one source."""

    figure: Said = Field(description="What the figure is.")
    value: Said = Field(description="The figure as text, with its unit.")
    marks: tuple[Mark, ...] = Field(
        min_length=1, description="V verified, I INDIGO, D derived, R recalled, C constructed."
    )
    source: Said = Field(description="Where it stands, or the sum from which it follows.")


class ReportedRow(_Known):
    """One number that was verified or published elsewhere, or constructed for a case."""

    quantity: str | None = Field(None, description="The quantity of the contract; or `effect`.")
    effect: str | None = Field(None, description="The effect of the contract; or `quantity`.")
    period: str | None = Field(None, description="The settlement period, where the contract has several.")
    group: str | None = Field(None, description="The payment group.")
    rung: str | None = Field(None, description="The rung of a rate card or ladder.")
    provider: str | None = Field(None, description="The provider to whom it belongs.")
    value: Amount = Field(description="The number; of an effect in the outcome's own sign.")
    std_error: Amount | None = Field(None, description="Standard error of an effect.")
    people: int | None = Field(None, ge=0, description="People whom it counts.")

    @model_validator(mode="after")
    def _is_of_one_thing(self) -> Self:
        if (self.quantity is None) == (self.effect is None):
            raise PydanticCustomError("value_error", "a reported row names a quantity or an effect")
        return self


class Claimed(_Known):
    """Constructed claims of one person, for cases that show how claims are counted."""

    person: str = Field(description="Which of the constructed people.")
    metric: str = Field(description="What is claimed.")
    group: str | None = Field(None, description="The person's payment group.")
    date: str | None = Field(None, description="When it happened.")
    quantity: Amount = Field(Decimal(1), description="Units or charges of each claim.")
    provider: str | None = Field(None, description="Who claims it, or charges for it.")
    times: int = Field(1, ge=1, description="How many claims like this there are.")


class LedgerRow(_Known):
    """One published payment that names no quantity."""

    payer: str = Field(description="Who is named as its payer, by short name.")
    amount: Amount = Field(description="What was paid.")


class Expected(_Known):
    """What a case must come to; only what stands here is compared."""

    total: Amount | None = Field(None, description="Due in all.")
    gross: Amount | None = Field(None, description="Due in all before any limit.")
    clauses: dict[str, Amount] = Field({}, description="Due under a price clause before limits, by the clause's name.")
    receives: dict[str, Amount] = Field({}, description="Due to a party, by short name.")
    gain: Amount | None = Field(None, description="Total less the principal that was put up.")
    guarantee: Amount | None = Field(None, description="What the guarantor owes.")
    met: dict[str, bool] = Field({}, description="Whether the condition of a clause holds, by the clause's name.")
    values: dict[str, Amount] = Field({}, description="An effect or quantity, rounded half up to the digits written.")
    gates: dict[str, Amount] = Field({}, description="The least gain that the gate of an effect asks for.")
    assigned: dict[str, str] = Field({}, description="The provider to whom a constructed person is assigned.")
    refused: Annotated[str, StringConstraints(pattern=r"^[A-Z]+-[0-9]{3}$")] | None = Field(
        None, description="The code of the refusal."
    )
    ledger: Amount | None = Field(None, description="Sum of the published payments.")
    over_maximum: tuple[str, ...] = Field(
        (), description="Payers to whom the ledger writes more than their own maximum."
    )
    payer_maxima: Amount | None = Field(None, description="Sum of the limits by payer.")
    unassigned: Amount | None = Field(None, description="Limit of the contract less the limits by payer.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("value_error", "a case expects something")
        return self


class Case(_Known):
    """One published payment, decision or constructed question, and what the terms must come to."""

    name: Said = Field(description="What the case is called.")
    class_: Class = Field(alias="class", description="What agreement may be asserted.")
    marks: tuple[Mark, ...] = Field(min_length=1, description="Marks of what is expected and of the inputs.")
    reported: tuple[ReportedRow, ...] = Field((), description="The quantities and effects that are settled.")
    claims: tuple[Claimed, ...] = Field((), description="Constructed claims, where counting is the question.")
    ledger: tuple[LedgerRow, ...] = Field((), description="Published payments, where no term reproduces them.")
    changes: dict[str, Any] = Field({}, description="Terms that differ in this case, by their path in `contract.yaml`.")
    expected: Expected = Field(description="What it must come to.")
    published: Amount | None = Field(None, description="The amount that was really published.")
    unexplained: Amount | None = Field(None, description="Published less what the public terms come to.")
    note: Said | None = Field(None, description="What a reader must know beside the numbers.")

    @property
    def reckoned(self) -> Decimal | None:
        """The amount to which the published one is compared."""
        wanted = self.expected
        amounts = (wanted.total, wanted.guarantee, wanted.ledger)
        return next((amount for amount in amounts if amount is not None), None)

    @model_validator(mode="after")
    def _difference_is_stored(self) -> Self:
        if self.published is None:
            if self.unexplained is not None:
                raise PydanticCustomError("value_error", "`unexplained` is a difference from a `published` amount")
            return self
        if self.reckoned is None:
            raise PydanticCustomError("value_error", "a published amount is compared to an expected amount")
        if self.published - self.reckoned != (self.unexplained or Decimal(0)):
            raise PydanticCustomError("value_error", "`unexplained` is not published less expected")
        return self


class Record(_Known):
    """What is known of one public contract."""

    record: Literal["1"] = Field(description="Version of the form; 1.")
    contract: Said = Field(description="Identifier, which is the folder's name.")
    title: Said = Field(description="What the contract is called.")
    parties: People = Field(description="Who took part.")
    estimand: Said = Field(description="The effect that was to be measured, and for whom.")
    window: Said = Field(description="When outcomes were measured.")
    sample: Said = Field(description="Who was measured.")
    figures: tuple[Figure, ...] = Field(min_length=1, description="Every figure, with marks and source.")
    conflicts: tuple[Said, ...] = Field((), description="Where sources differ.")
    missing: tuple[Said, ...] = Field((), description="What is not public.")
    exercises: tuple[Said, ...] = Field(min_length=1, description="The rules of the language that it exercises.")
    cases: tuple[Case, ...] = Field(min_length=1, description="What its terms must come to.")

    @model_validator(mode="after")
    def _cases_differ(self) -> Self:
        names = [case.name for case in self.cases]
        if len(set(names)) != len(names):
            raise PydanticCustomError("value_error", "two cases have the same name")
        return self


def read_record(folder: str | Path) -> Record:
    """Read what is known of a contract from its folder.

    Raises
    ------
    ContractError
        With every problem of ``record.yaml`` at once, each with line and column.

    Examples
    --------
    >>> from counterfoil.library import library_folder
    >>> record = read_record(library_folder("rikers"))
    >>> record.contract, record.cases[0].name
    ('rikers-able', 'realized')
    """
    return typed_file(Path(folder) / RECORD, Record)[0]
