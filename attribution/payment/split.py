"""Clause: a pot divided among providers by credit, after fixed carve-outs for parties that are no players."""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.payment.money import PRECISION, Amount, add, largest_remainder, multiply
from counterfoil.attribution.payment.projection import project_credits
from counterfoil.attribution.payment.trace import Pot


class Split(BaseModel):
    """How the gain, and with it the money, is divided."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str = Field(description="An attribution rule whose credits sum to the gain.")
    unions: tuple[tuple[str, ...], ...] = Field((), description="For owen: alliances of providers, fixed at signing.")
    stages: tuple[tuple[str, ...], ...] = Field(
        (), description="For stage_respecting: stages of providers, first ones first."
    )
    fractions: dict[str, Amount] = Field(
        default_factory=dict, description="For fixed: provider to its agreed fraction of the gain; they sum to one."
    )
    ties: Literal["equal", "contract_order"] | None = Field(
        None, description="For plurality: who receives the gain of a person for whom two did equally much."
    )
    carve_outs: dict[str, Amount] = Field(
        default_factory=dict, description="Party to the fraction of the pot it receives first, such as a backbone."
    )
    negative: Literal["project"] = Field(
        "project", description="Negative credits are raised to zero and the others lowered by one constant."
    )

    @property
    def terms(self) -> dict[str, Any]:
        """The terms of the rule that are given."""
        given = {name: getattr(self, name) for name in ("unions", "stages", "fractions", "ties")}
        return {name: value for name, value in given.items() if value}


def divide(pot: Pot, split: Split, credits: Mapping[str, Decimal], unit: Decimal) -> dict[str, tuple[Decimal, str]]:
    """Return each party's amount and the reason for it; the amounts sum to the pot.

    Parameters
    ----------
    pot : Pot
        Its amount is a multiple of ``unit``.
    split : Split
        The clause.
    credits : mapping
        Raw credit of each provider, gain per person, in contract order.
    unit : Decimal
        Smallest unit of the currency.
    """
    parts: dict[str, tuple[Decimal, str]] = {}
    with localcontext(prec=PRECISION):
        rest = 1 - sum(split.carve_outs.values(), Decimal(0))
    *carved, left = largest_remainder(pot.amount, [*split.carve_outs.values(), rest], unit)
    for (party, fraction), amount in zip(split.carve_outs.items(), carved, strict=True):
        parts[party] = (amount, f"agreed carve-out of {multiply(fraction, 100).normalize():f} % of {pot.amount:,}")
    payable = project_credits(list(credits.values()))
    amounts = largest_remainder(left, payable, unit)
    whole = add(payable)
    for (party, raw), credit, amount in zip(credits.items(), payable, amounts, strict=True):
        lowered = "" if raw == credit else f" (estimated {float(raw):.6g}, adjusted so that no credit is negative)"
        share = float(credit / whole)
        parts[party] = (amount, f"{split.rule} credit {float(credit):.6g}{lowered}, {share:.2%} of {left:,}")
    return parts
