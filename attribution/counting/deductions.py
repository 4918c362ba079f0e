"""From gross to net: what would have happened anyway, and what a gain costs or brings elsewhere.

net = gross (1 - deadweight)(1 - leakage)(1 - displacement)(1 - substitution) * multiplier * (1 - drop_off)^year, the
arithmetic of English Partnerships' Additionality Guide, with the yearly drop-off of social return on investment.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import PRECISION, Amount, multiply
from counterfoil.attribution.money.words import Words

Fraction01 = Annotated[Amount, Field(ge=0, le=1)]


class Deductions(BaseModel):
    """Agreed fractions by which a gross number is lowered to what the programme added."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"deadweight": "0.25", "displacement": "0.10", "multiplier": "1.2"}]},
    )

    deadweight: Fraction01 = Field(Decimal(0), description="Fraction that would have happened without the programme.")
    leakage: Fraction01 = Field(Decimal(0), description="Fraction that goes to people outside the target group.")
    displacement: Fraction01 = Field(Decimal(0), description="Fraction that others lose because of the programme.")
    substitution: Fraction01 = Field(
        Decimal(0), description="Fraction that only replaces a similar activity of the same party."
    )
    multiplier: Annotated[Amount, Field(gt=0)] = Field(
        Decimal(1), description="Further gain set off by each unit: 1 for none, above 1 for more."
    )
    drop_off: Fraction01 = Field(Decimal(0), description="Fraction by which the gain wears off each year.")
    year: int = Field(0, ge=0, le=100, description="How many years of drop-off have passed; 0 in the first year.")

    def sentence(self, words: Words) -> str:
        """Return what is deducted, in one clause.

        Examples
        --------
        >>> Deductions(deadweight=Decimal("0.2"), drop_off=Decimal("0.1"), year=2).sentence(Words("GBP"))
        'less 20% deadweight and 10% drop-off a year for 2 years'
        """
        parts = [
            f"{words.percent(getattr(self, name))} {name}"
            for name in ("deadweight", "leakage", "displacement", "substitution")
            if getattr(self, name)
        ]
        if self.drop_off and self.year:
            years = "1 year" if self.year == 1 else f"{self.year} years"
            parts.append(f"{words.percent(self.drop_off)} drop-off a year for {years}")
        said = f"less {words.listed(parts)}" if parts else ""
        times = f"times a multiplier of {words.number(self.multiplier)}" if self.multiplier != 1 else ""
        return ", ".join(filter(None, (said, times))) or "without deductions"


@dataclass(frozen=True, slots=True)
class Deducted:
    """A number before and after its deductions, in its own unit.

    Parameters
    ----------
    gross, deadweight, net : Decimal
        What was counted, how much of it would have happened anyway, and what is left after all deductions.
    note : str
        The three side by side.
    """

    gross: Decimal
    deadweight: Decimal
    net: Decimal
    note: str


def gross_to_net(amount: Decimal, terms: Deductions, years: int = 0) -> Deducted:
    """Return a number with its deadweight and its net beside it.

    Parameters
    ----------
    amount : Decimal
        Gross, in any unit.
    terms : Deductions
        What is deducted.
    years : int
        Years of drop-off beyond ``terms.year``.

    Examples
    --------
    >>> gross_to_net(Decimal(611), Deductions(deadweight=Decimal("0.779"))).note
    'gross 611, deadweight 475.969 (77.9%), net 135.031'
    """
    deadweight, net = multiply(amount, terms.deadweight), deducted(amount, terms, years)
    plain = Words("")
    note = (
        f"gross {plain.number(amount)}, deadweight {plain.number(deadweight)} ({plain.percent(terms.deadweight)}), "
        f"net {plain.number(net)}"
    )
    return Deducted(amount, deadweight, net, note)


def deducted(amount: Decimal, terms: Deductions, years: int = 0) -> Decimal:
    """Return the net of a gross number, exactly.

    Examples
    --------
    >>> deducted(Decimal(100), Deductions(leakage=Decimal("0.1"), multiplier=Decimal("1.5")))
    Decimal('135.00')
    """
    kept = [1 - part for part in (terms.deadweight, terms.leakage, terms.displacement, terms.substitution)]
    with localcontext(prec=PRECISION):
        left = (1 - terms.drop_off) ** (terms.year + years) if terms.drop_off else Decimal(1)
    return multiply(amount, *kept, terms.multiplier, left)
