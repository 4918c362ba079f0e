"""Rounding of an effect before it is priced.

Where a price has steps, a rounded effect is paid differently from an exact one. Denver's payment of $5,104,000.00 needs a
reduction of 38.000 points: either the effect was rounded to a whole point before pricing, or the agreement is chance.

Source: Urban Institute (2021), *Denver Supportive Housing Social Impact Bond Initiative: final outcome payments*.
"""

from decimal import Decimal, localcontext

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import MODES, PRECISION, Amount, Rounding
from counterfoil.attribution.money.words import Words

IN_WORDS = {
    "half_up": "halves away from zero",
    "half_even": "halves to the even neighbor",
    "down": "towards zero",
}


class RoundEffect(BaseModel):
    """Terms of rounding an effect.

    Examples
    --------
    >>> RoundEffect(to=Decimal("0.5")).sentence(Words("USD"), "jail")
    'jail is rounded to a multiple of 0.5 before it is priced, halves away from zero.'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"to": "1"}]})

    to: Amount = Field(gt=0, description="The effect is rounded to a multiple of this, in its own unit.")
    mode: Rounding = Field("half_up", description="What becomes of a half, or that all is rounded towards zero.")

    def sentence(self, words: Words, name: str) -> str:
        """Say the rounding in one sentence."""
        how = IN_WORDS[self.mode]
        return f"{name} is rounded to a multiple of {words.number(self.to)} before it is priced, {how}."


def round_effect(value: Decimal, terms: RoundEffect) -> Decimal:
    """Return an effect as a multiple of the unit that was agreed.

    A half goes away from zero with ``half_up``, so that a fall is rounded as a rise of the same size is.

    Examples
    --------
    >>> round_effect(Decimal("37.5"), RoundEffect(to=Decimal(1))), round_effect(Decimal("-37.5"), RoundEffect(to=Decimal(1)))
    (Decimal('38'), Decimal('-38'))
    """
    with localcontext(prec=PRECISION):
        return (value / terms.to).quantize(Decimal(1), rounding=MODES[terms.mode]) * terms.to
