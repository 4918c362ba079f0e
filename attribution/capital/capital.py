"""Capital: who put the money up, and in which order it is returned from what the payers pay."""

from datetime import date
from decimal import Decimal
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.capital.draw import Draw
from counterfoil.attribution.capital.early_termination import Termination
from counterfoil.attribution.capital.guarantee import Guarantee
from counterfoil.attribution.capital.recycle import Recycle
from counterfoil.attribution.capital.return_limit import ReturnLimit
from counterfoil.attribution.capital.tranche import Tranche
from counterfoil.attribution.money.amounts import Amount, add
from counterfoil.attribution.money.words import Words

REINVEST: Final = "reinvest"
"""Under `rest`, in the place of a party: back into the service."""


class Capital(BaseModel):
    """Who put the money up, and in which order it is returned."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "receiver": "north",
                    "tranches": [
                        {"name": "senior", "investor": "bank", "principal": "60000.00", "rate": "0.05"},
                        {"name": "junior", "investor": "fund", "principal": "30000.00", "rank": 2},
                    ],
                    "drawn": [{"date": "2025-01-01", "amount": "90000.00"}],
                    "rest": {"fund": "1"},
                }
            ]
        },
    )

    receiver: str | None = Field(
        None,
        description="The party whose receipts under the contract are distributed; when omitted, all payments are.",
    )
    effects: tuple[str, ...] = Field((), description="Distribute only what is paid for these effects.")
    quantities: tuple[str, ...] = Field((), description="Distribute only what is paid for these quantities.")
    payments: tuple[str, ...] = Field((), description="Distribute only what these clauses pay, by name.")
    drawn: tuple[Draw, ...] = Field(
        (), description="Money put up so far, in order of dates; when omitted, all principal is drawn from the start."
    )
    tranches: tuple[Tranche, ...] = Field(
        min_length=1,
        description="The money to be returned. Lower ranks are paid in full before higher ones get anything.",
    )
    guarantee: Guarantee | None = Field(None, description="Who makes up what a tranche does not recover.")
    return_limit: ReturnLimit | None = Field(None, description="The most that the investors gain.")
    recycle: Recycle | None = Field(None, description="Receipts of early periods that go back into the service.")
    rest: dict[str, Amount] = Field(
        default_factory=dict,
        description="Party to its fraction of what is left after all tranches, or `reinvest` for the service; they sum to one. "
        "When omitted, it stays with the receiver.",
    )
    early_termination: tuple[Termination, ...] = Field(
        (), description="The share of principal returned when the contract is ended before its term, in order of years."
    )

    @property
    def investors(self) -> tuple[str, ...]:
        """The parties that hold a tranche, in order of rank."""
        return tuple(dict.fromkeys(tranche.investor for tranche in self.by_rank))

    @property
    def by_rank(self) -> tuple[Tranche, ...]:
        """The tranches in the order in which they are paid; equal ranks in the order written."""
        return tuple(sorted(self.tranches, key=lambda tranche: tranche.rank))

    @property
    def shares_of_rest(self) -> dict[str, Decimal]:
        """Whoever receives what is left, and its fraction."""
        return self.rest or {self.receiver or "": Decimal(1)}

    @property
    def named_parties(self) -> tuple[str, ...]:
        """Every party that the section names."""
        guarantor = [self.guarantee.guarantor] if self.guarantee else []
        receiver = [self.receiver] if self.receiver else []
        rest = [name for name in self.rest if name != REINVEST]
        return tuple(dict.fromkeys([*receiver, *self.investors, *guarantor, *rest]))

    @property
    def dated(self) -> bool:
        """Whether it is known when the money was put up."""
        return bool(self.drawn) and all(draw.date is not None for draw in self.drawn)

    def draws(self) -> dict[str, tuple[tuple[date | None, Decimal], ...]]:
        """Return what was drawn under each tranche, and when; without `drawn` all principal, without dates.

        Examples
        --------
        >>> loan = {"name": "senior", "investor": "goldman", "principal": "9600000.00"}
        >>> capital = Capital.model_validate({"receiver": "mdrc", "tranches": [loan], "drawn": [{"amount": "7200000.00"}]})
        >>> capital.draws()
        {'senior': ((None, Decimal('7200000.00')),)}
        """
        if not self.drawn:
            return {tranche.name: ((None, tranche.principal),) for tranche in self.tranches}
        filled: dict[str, list[tuple[date | None, Decimal]]] = {tranche.name: [] for tranche in self.tranches}
        for draw in self.drawn:
            left = draw.amount
            for tranche in self.by_rank:
                if draw.investor in (None, tranche.investor) and draw.tranche in (None, tranche.name):
                    part = min(left, tranche.principal - add(amount for _, amount in filled[tranche.name]))
                    if part > 0:
                        filled[tranche.name].append((draw.date, part))
                        left -= part
            if left > 0:
                raise ValueError(
                    f"`drawn` is {left:,} more than the principal of the tranches that it can be drawn under"
                )
        return {name: tuple(parts) for name, parts in filled.items()}

    @model_validator(mode="after")
    def _tranches_and_draws_agree(self) -> Self:
        names = [tranche.name for tranche in self.tranches]
        if len(set(names)) < len(names):
            raise ValueError("two tranches have the same name")
        if self.guarantee is not None and self.guarantee.of not in names:
            raise ValueError(f"`guarantee` is of '{self.guarantee.of}', and no tranche has that name")
        for draw in self.drawn:
            if draw.investor is not None and draw.investor not in self.investors:
                raise ValueError(f"`drawn` is from '{draw.investor}', who holds no tranche")
            if draw.tranche is not None and draw.tranche not in names:
                raise ValueError(f"`drawn` is under '{draw.tranche}', and no tranche has that name")
        dates = [draw.date for draw in self.drawn if draw.date is not None]
        if 0 < len(dates) < len(self.drawn):
            raise ValueError("`drawn` has dates in some entries and not in others")
        if dates != sorted(dates):
            raise ValueError("`drawn` is not in order of dates")
        self.draws()
        return self

    @model_validator(mode="after")
    def _the_rest_is_whole(self) -> Self:
        if not self.rest and self.receiver is None:
            raise ValueError("without a `receiver`, `rest` should say who gets what is left after all tranches")
        if any(fraction < 0 for fraction in self.rest.values()):
            raise ValueError("a fraction under `rest` is negative")
        if self.rest and add(self.rest.values()) != 1:
            raise ValueError(f"the fractions under `rest` sum to {add(self.rest.values())}, not to one")
        others = [name for name, fraction in self.shares_of_rest.items() if fraction > 0 and name not in self.investors]
        if self.return_limit is not None and not others:
            raise ValueError(
                "with a `return_limit`, `rest` should give a part to somebody who is no investor, or to reinvest"
            )
        years = [term.from_year for term in self.early_termination]
        if years != sorted(set(years)):
            raise ValueError("`early_termination` is not in order of `from_year`")
        return self

    def sentence(self, words: Words) -> str:
        """Say the section in plain sentences, in the order in which money moves.

        Examples
        --------
        >>> loan = {"name": "senior", "investor": "goldman", "principal": "9600000.00"}
        >>> Capital.model_validate({"receiver": "mdrc", "tranches": [loan]}).sentence(Words("USD"))
        'What mdrc receives returns the capital. In rank 1, goldman is paid back a loan (senior) of up to 9,600,000.00 USD \
without interest. What is left stays with mdrc.'
        """
        who = "What is paid" if self.receiver is None else f"What {words.party(self.receiver)} receives"
        only = [*self.effects, *self.quantities, *self.payments]
        said = [f"{who}{f' for {words.listed(only)}' if only else ''} returns the capital."]
        said += [draw.sentence(words) for draw in self.drawn]
        said += [self.recycle.sentence(words)] if self.recycle else []
        said += [tranche.sentence(words) for tranche in self.by_rank]
        said += [self.return_limit.sentence(words)] if self.return_limit else []
        said.append(self._rest_said(words))
        said += [self.guarantee.sentence(words)] if self.guarantee else []
        said += [term.sentence(words) for term in self.early_termination]
        return " ".join(said)

    def _rest_said(self, words: Words) -> str:
        if not self.rest:
            return f"What is left stays with {words.party(self.receiver or '')}."
        to = [
            f"{words.percent(fraction)} {'back into the service' if name == REINVEST else f'to {words.party(name)}'}"
            for name, fraction in self.rest.items()
        ]
        return f"What is left goes {words.listed(to)}."
