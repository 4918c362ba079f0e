"""What becomes of the money after the payers have paid it: a prime's fees to its partners, and the return of capital."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from counterfoil.attribution.capital.capital import Capital
from counterfoil.attribution.capital.distribution import Distribution, Receipt
from counterfoil.attribution.capital.early_termination import Terminated, end_early
from counterfoil.attribution.capital.return_of_capital import InvestorReturn, return_of_capital
from counterfoil.attribution.capital.waterfall import distribute
from counterfoil.attribution.money.amounts import add
from counterfoil.attribution.money.currency import smallest_unit
from counterfoil.attribution.payment.fees import Fees, FeesPaid, pay_fees
from counterfoil.attribution.payment.line import Line
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.contract import Contract
from counterfoil.errors import refusal


@dataclass(frozen=True, slots=True)
class FeesOf:
    """The fees of one period."""

    period: str
    paid: FeesPaid


@dataclass(frozen=True, slots=True)
class Onward:
    """What becomes of the payments.

    Parameters
    ----------
    fees : tuple of FeesOf
        What a prime pays its partners, period by period.
    distributions : tuple of Distribution
        How receipts return the capital, one for each stack of it, in contract order.
    returns : tuple of tuple of InvestorReturn
        What each investor of each stack put in and got out.
    ended : tuple of (tranche, Terminated)
        What is still returned of each tranche where the contract was ended before its term.
    """

    fees: tuple[FeesOf, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    returns: tuple[tuple[InvestorReturn, ...], ...] = ()
    ended: tuple[tuple[str, Terminated], ...] = ()


def pay_onward(contract: Contract, settlement: Settlement, *, final: bool) -> Onward:
    """Pay fees and return capital from what is due.

    Parameters
    ----------
    contract : Contract
    settlement : Settlement
    final : bool
        Whether nothing more will be due; only then is a guarantee called.

    Raises
    ------
    PaymentError
        PAY-013 when interest or a limit on the rate of return lacks dates, PAY-015 when receipts are negative.
    """
    unit = smallest_unit(contract.currency)
    fees = tuple(_fees(contract, settlement, unit))
    found = tuple(
        distribute(_receipts(contract, stack, settlement, fees), stack, unit, periods=contract.labels, final=final)
        for stack in contract.capital
    )
    returns = tuple(return_of_capital(stack, made) for stack, made in zip(contract.capital, found, strict=True))
    ended = tuple(
        known
        for stack, made in zip(contract.capital, found, strict=True)
        for known in _ended(contract, stack, made, unit)
    )
    return Onward(fees, found, returns, ended)


def _ended(contract: Contract, stack: Capital, made: Distribution, unit: Decimal) -> Iterator[tuple[str, Terminated]]:
    """Yield what is still returned of each tranche, where the contract was ended and says what then is."""
    day = contract.settlement.ended
    if day is None or not stack.early_termination:
        return
    draws = stack.draws()
    days = [drawn for parts in draws.values() for drawn, _ in parts if drawn is not None]
    if not stack.dated or not days:
        raise refusal("PAY-013", "the contract was ended, and nothing says when the capital was drawn", "capital")
    for tranche in stack.by_rank:
        principal = add(amount for drawn, amount in draws[tranche.name] if drawn is not None and drawn <= day)
        returned = made.paid_for(tranche.name)
        if principal > 0:
            yield tranche.name, end_early(stack.early_termination, principal, min(days), day, returned, unit)


def _fees(contract: Contract, settlement: Settlement, unit: Decimal) -> Iterator[FeesOf]:
    for clause in contract.payments:
        if not isinstance(clause, Fees):
            continue
        for period in _periods(contract, settlement):
            received = [line for line in settlement.lines if line.provider == clause.prime and line.period == period]
            quantities = {} if settlement.inputs is None else settlement.inputs.quantities
            counted = {
                name: found.total
                for name, known in quantities.items()
                if (found := known.within([period])).cells and known.base is None
            }
            yield FeesOf(period, pay_fees(clause, add(line.amount for line in received), counted, unit))


def _periods(contract: Contract, settlement: Settlement) -> Sequence[str]:
    there = {line.period for line in settlement.lines}
    return [period for period in contract.labels if period in there]


def _receipts(contract: Contract, stack: Capital, settlement: Settlement, fees: Sequence[FeesOf]) -> list[Receipt]:
    """Return what a stack of capital receives period by period; of a prime that pays fees, what it keeps."""
    primes = {clause.prime for clause in contract.payments if isinstance(clause, Fees)}
    if stack.receiver in primes:
        kept = {
            made.period: add(
                line.amount for line in made.paid.lines if line.kind == "kept" and line.to == stack.receiver
            )
            for made in fees
        }
        return [Receipt(period, _day(contract, period), amount) for period, amount in kept.items()]
    received = [
        Receipt(
            period, _day(contract, period), add(line.amount for line in settlement.lines if _of(stack, line, period))
        )
        for period in _periods(contract, settlement)
    ]
    return list(_net(received))


def _net(received: Sequence[Receipt]) -> Iterator[Receipt]:
    """Hold what is clawed back against later receipts: what was passed on already is not asked back."""
    so_far = passed_on = Decimal(0)
    for receipt in received:
        so_far = add([so_far, receipt.amount])
        due = max(Decimal(0) * receipt.amount, add([so_far, -passed_on]))
        passed_on = add([passed_on, due])
        yield replace(receipt, amount=due)


def _day(contract: Contract, period: str) -> date | None:
    return contract.periods[period].last if period in contract.periods else None


def _of(stack: Capital, line: Line, period: str) -> bool:
    """Return whether a line of the ledger is a receipt of a stack of capital."""
    only = (*stack.effects, *stack.quantities)
    named = not (only or stack.payments) or line.effect in only or line.name in stack.payments
    return line.period == period and named and stack.receiver in (None, line.provider)
