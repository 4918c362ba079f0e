"""A gate whose minimum falls with the number of people, because chance does.

Medicare's shared savings ask for savings of at least a rate that depends on the number of assigned people: 3.9% for 5,000
of them, 2.0% for 60,000 and more. The minimum is interpolated linearly inside a band. A band holds the numbers from its
first one up to, and without, its end, and the end is where the interpolation ends too: 12,500 people in the band from 10,000
to 15,000 have exactly 2.85%. Read as ending at 14,999 the same band gives 2.84997%, so the end is part of what is agreed.

Source: 42 CFR 425.604(b).
"""

from decimal import Decimal, localcontext

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.gains.held import Better, Held, oriented
from counterfoil.attribution.money.amounts import PRECISION, Amount, exact
from counterfoil.attribution.money.words import Words
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate


class Band(BaseModel):
    """Minimum effects for a range of numbers of people."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"people": 100, "to": 1000, "low": "10", "high": "6"}]},
    )

    people: int = Field(ge=0, description="The band's first number of people.")
    to: int | None = Field(
        None,
        description="Where the band ends, without that number itself; left out in the last band, if it has no end.",
    )
    low: Amount = Field(description="Minimum gain at the band's first number, in the effect's unit.")
    high: Amount | None = Field(
        None,
        description="Minimum gain at the band's end, towards which it is interpolated; `low` throughout when omitted.",
    )

    @model_validator(mode="after")
    def _has_length(self) -> "Band":
        if self.to is not None and self.to <= self.people:
            raise ValueError("a band ends after its first number of people")
        if self.to is None and self.high is not None:
            raise ValueError("a band without end has one minimum, `low`")
        return self


class PrecisionGate(BaseModel):
    """Terms of a gate by number of people.

    Examples
    --------
    >>> band = Band(people=5000, to=6000, low=Decimal("3.9"), high=Decimal("3.6"))
    >>> PrecisionGate(minimum_by_people=(band,)).sentence(Words("USD"), "savings")
    'The gate on savings opens when the gain is at least the minimum for the number of people: from 5,000 people 3.9, falling \
evenly to 3.6 at 6,000; there is none for fewer people, or from 6,000 on.'
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "minimum_by_people": [
                        {"people": 100, "to": 1000, "low": "10", "high": "6"},
                        {"people": 1000, "low": "6"},
                    ]
                }
            ]
        },
    )

    minimum_by_people: tuple[Band, ...] = Field(
        min_length=1, description="Bands in order of people, each beginning where the one before ends."
    )

    @model_validator(mode="after")
    def _bands_join(self) -> "PrecisionGate":
        for before, after in zip(self.minimum_by_people, self.minimum_by_people[1:], strict=False):
            if before.to != after.people:
                raise ValueError(f"the band from {after.people} people does not begin where the one before ends")
        return self

    def sentence(self, words: Words, name: str) -> str:
        """Say the gate in one sentence."""
        bands = [
            f"from {band.people:,} people {words.number(band.low)}"
            + (
                f", {'falling' if band.high < band.low else 'rising'} evenly to {words.number(band.high)} at {band.to:,}"
                if band.high is not None and band.high != band.low
                else ""
            )
            for band in self.minimum_by_people
        ]
        opens = f"The gate on {name} opens when the gain is at least the minimum for the number of people"
        last = self.minimum_by_people[-1].to
        more = "" if last is None else f", or from {last:,} on"
        return f"{opens}: {'; '.join(bands)}; there is none for fewer people{more}."


def minimum_for(terms: PrecisionGate, people: int) -> Decimal:
    """Return the minimum gain for a number of people, exactly, in the effect's unit.

    Raises
    ------
    PaymentError
        PAY-011 when no band holds that number.

    Examples
    --------
    >>> band = Band(people=10_000, to=15_000, low=Decimal("3.0"), high=Decimal("2.7"))
    >>> minimum_for(PrecisionGate(minimum_by_people=(band,)), 12_500)
    Decimal('2.85')
    """
    for band in terms.minimum_by_people:
        if band.people <= people and (band.to is None or people < band.to):
            if band.high is None or band.to is None:
                return band.low
            with localcontext(prec=PRECISION):
                return band.low + (band.high - band.low) * (people - band.people) / (band.to - band.people)
    first, last = terms.minimum_by_people[0].people, terms.minimum_by_people[-1].to
    what = "fewer people than the first band" if people < first else f"the bands end before {last:,} people"
    raise refusal("PAY-011", what, "gate.minimum_by_people")


def precision_value(terms: PrecisionGate, gain: Decimal, people: int) -> Held:
    """Hold an exact gain, oriented so that higher is better, against the minimum for a number of people.

    Raises
    ------
    PaymentError
        PAY-011 when no band holds that number.
    """
    minimum = minimum_for(terms, people)
    what = f"estimated gain against the minimum for {people:,} people"
    return Held(gain >= minimum, what, float(gain), float(minimum), float(gain - minimum))


def hold_precision(terms: PrecisionGate, total: Estimate, better: Better, people: int | None = None) -> Held:
    """Hold an estimate against the minimum for the people it counts, or for the number given.

    Raises
    ------
    PaymentError
        PAY-011 when no band holds that number.
    """
    return precision_value(terms, exact(oriented(total, better)), total.people if people is None else people)
