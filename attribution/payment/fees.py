"""Clause: a prime receives all outcome payments and pays its partners fees, whether or not outcomes come.

Primes of the United Kingdom's Work Programme were paid for outcomes and paid their subcontractors on terms of their own
(National Audit Office, The Work Programme, HC 266, 2014); a bonus pool shares success with them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import add, largest_remainder, multiply, round_money
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.bonus_pool import BonusPool
from counterfoil.attribution.payment.fee import Fee
from counterfoil.errors import refusal


class Fees(BaseModel):
    """The prime receives all outcome payments and pays fees to its partners."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "prime": "north",
                    "fees": {"south": {"fraction": "0.30"}, "hub": {"amount": "5000.00"}},
                    "bonus_pool": {"share": "0.10", "among": ["south", "hub"]},
                }
            ]
        },
    )

    fees: dict[str, Fee] = Field(description="Partner to what the prime pays it, whether or not outcomes come.")
    prime: str = Field(description="The party that receives the outcome payments and bears the risk.")
    bonus_pool: BonusPool | None = Field(None, description="What partners share of the receipts beyond their fees.")
    limited_to_receipts: bool = Field(
        False, description="Whether fees are lowered in proportion where the receipts do not cover them."
    )

    @model_validator(mode="after")
    def _the_prime_pays_others(self) -> Self:
        if self.prime in self.fees or (self.bonus_pool is not None and self.prime in self.bonus_pool.among):
            raise ValueError("the prime is paid a fee or a bonus by itself; leave it out, it keeps what is left")
        if add(fee.fraction or Decimal(0) for fee in self.fees.values()) > 1:
            raise ValueError("the fractions under `fees` sum to more than one")
        return self

    def sentence(self, words: Words) -> str:
        """Say the clause in plain sentences.

        Examples
        --------
        >>> terms = {"prime": "ceo", "fees": {"north": {"amount": "100.00"}}, "bonus_pool": {"share": "0.05", "among": ["north"]}}
        >>> Fees.model_validate(terms).sentence(Words("USD"))
        'ceo receives the outcome payments and pays, whether or not outcomes come, 100.00 USD to north. 5% of the receipts, if \
the fees leave as much, goes to north.'
        """
        paid = (
            words.listed(fee.sentence(words, partner) for partner, fee in self.fees.items()) if self.fees else "no fees"
        )
        always = "as far as these suffice" if self.limited_to_receipts else "whether or not outcomes come"
        said = f"{words.party(self.prime)} receives the outcome payments and pays, {always}, {paid}."
        if self.bonus_pool is None:
            return said
        pool = self.bonus_pool
        among = words.listed(words.party(name) for name in pool.among)
        if isinstance(pool.by, dict):
            among = words.listed(f"{words.percent(pool.by[name])} of it to {words.party(name)}" for name in pool.among)
            return f"{said} {words.percent(pool.share)} of the receipts, if the fees leave as much, is shared: {among}."
        equal = " in equal parts" if len(pool.among) > 1 else ""
        return f"{said} {words.percent(pool.share)} of the receipts, if the fees leave as much, goes to {among}{equal}."


@dataclass(frozen=True, slots=True)
class FeeLine:
    """One payment of the prime, or what it keeps: from whom, to whom, what it is, how much, and why."""

    source: str
    to: str
    kind: Literal["fee", "bonus", "kept"]
    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class FeesPaid:
    """All lines; they sum to the receipts and what the prime adds of its own.

    Parameters
    ----------
    lines : tuple of FeeLine
        Fees, bonuses, and what the prime keeps.
    borne : Decimal
        What the receipts do not cover and the prime pays of its own.
    unpaid : Decimal
        What partners are not paid because fees are limited to the receipts.
    note : str
        Says so, where either is positive.
    """

    lines: tuple[FeeLine, ...]
    borne: Decimal
    unpaid: Decimal
    note: str


def pay_fees(terms: Fees, receipts: Decimal, quantities: Mapping[str, Decimal], unit: Decimal) -> FeesPaid:
    """Return what the prime pays its partners, and what it keeps or bears.

    Parameters
    ----------
    terms : Fees
        The clause.
    receipts : Decimal
        What the prime receives for outcomes, a non-negative multiple of ``unit``.
    quantities : mapping of str to Decimal
        The verified counts that fees are paid for, each in its own unit.
    unit : Decimal
        The currency's smallest unit; fees are rounded to it half up.

    Raises
    ------
    PaymentError
        PAY-015 when receipts are negative or finer than the unit, or a fee's quantity is missing.

    Examples
    --------
    >>> terms = Fees.model_validate({"prime": "ceo", "fees": {"north": {"amount": "100.00"}, "south": {"fraction": "0.10"}}})
    >>> paid = pay_fees(terms, Decimal("50.00"), {}, Decimal("0.01"))
    >>> [(line.to, str(line.amount)) for line in paid.lines], str(paid.borne)
    ([('north', '100.00'), ('south', '5.00')], '55.00')
    """
    if receipts < 0 or receipts % unit:
        wrong = "negative" if receipts < 0 else f"no multiple of {unit}"
        raise refusal("PAY-015", f"what '{terms.prime}' receives is {wrong}", "fees")
    owed = {partner: _owed(partner, fee, receipts, quantities, unit) for partner, fee in terms.fees.items()}
    due = add(amount for amount, _ in owed.values())
    paid, unpaid = {partner: amount for partner, (amount, _) in owed.items()}, Decimal(0)
    if terms.limited_to_receipts and due > receipts:
        paid = dict(zip(owed, largest_remainder(receipts, list(paid.values()), unit), strict=True))
        unpaid = due - receipts
    lines = [
        FeeLine(terms.prime, partner, "fee", paid[partner], reason + _lowered(amount, paid[partner], receipts))
        for partner, (amount, reason) in owed.items()
    ]
    left = receipts - add(paid.values())
    borne = max(-left, Decimal(0).quantize(unit))
    lines += _bonuses(terms, receipts, left, unit)
    kept = left - add(line.amount for line in lines if line.kind == "bonus")
    if kept > 0:
        lines.append(FeeLine(terms.prime, terms.prime, "kept", kept, f"left of {receipts:,} after fees and bonuses"))
    note = (
        f"{terms.prime} bears {borne:,} of {due:,} in fees that receipts of {receipts:,} do not cover" if borne else ""
    )
    note = f"partners are not paid {unpaid:,} of {due:,} in fees, which are limited to the receipts" if unpaid else note
    return FeesPaid(tuple(line for line in lines if line.amount), borne, unpaid, note)


def _owed(
    partner: str, fee: Fee, receipts: Decimal, quantities: Mapping[str, Decimal], unit: Decimal
) -> tuple[Decimal, str]:
    if fee.amount is not None:
        return round_money(fee.amount, unit, "half_up"), "a fixed fee"
    if fee.fraction is not None:
        return round_money(
            multiply(fee.fraction, receipts), unit, "half_up"
        ), f"{fee.fraction} of receipts of {receipts:,}"
    if fee.each is None or fee.price is None or fee.each not in quantities:
        raise refusal("PAY-015", f"the fee of '{partner}' is for each unit of '{fee.each}', which is not known", "fees")
    count = quantities[fee.each]
    return round_money(multiply(fee.price, count), unit, "half_up"), f"{count:,} of {fee.each} at {fee.price:,} each"


def _lowered(amount: Decimal, paid: Decimal, receipts: Decimal) -> str:
    return "" if amount == paid else f"; {amount:,} is lowered in proportion, because receipts are {receipts:,}"


def _bonuses(terms: Fees, receipts: Decimal, left: Decimal, unit: Decimal) -> Iterator[FeeLine]:
    pool = terms.bonus_pool
    if pool is None or left <= 0:
        return
    whole = min(multiply(pool.share, receipts).quantize(unit, rounding=ROUND_FLOOR), left)
    reason = (
        f"a part of the bonus pool of {whole:,}: {pool.share} of receipts of {receipts:,}, of which fees leave {left:,}"
    )
    for name, amount in zip(pool.among, largest_remainder(whole, pool.weights, unit), strict=True):
        yield FeeLine(terms.prime, name, "bonus", amount, reason)
