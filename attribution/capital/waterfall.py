"""Waterfall: receipts flow to tranches in the order of their rank, and what is left over goes to whom the contract names.

For each receipt, in order: the share that is recycled goes back into the service; tranches are paid rank by rank, equal ranks
in proportion to what each is owed; a limit on the investors' return stops their part; the rest is divided as agreed. After
the last receipt a guarantor makes up what its tranche is short of. What goes out is what came in, to the smallest unit.
The order of senior and subordinate lenders is that of a cash-flow waterfall in structured finance (F. Fabozzi, H. Davis and
M. Choudhry, Introduction to Structured Finance, 2006).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from counterfoil.attribution.capital.capital import REINVEST, Capital
from counterfoil.attribution.capital.distribution import (
    SERVICE,
    Balance,
    Distributed,
    Distribution,
    Receipt,
)
from counterfoil.attribution.capital.guarantee import guarantee_payment
from counterfoil.attribution.capital.owed import Owed, accrue
from counterfoil.attribution.capital.ranks import Part, pay_by_rank
from counterfoil.attribution.capital.receipts import check_receipts, recycled_periods
from counterfoil.attribution.capital.rest import divide_rest
from counterfoil.attribution.capital.return_limit import room_within
from counterfoil.attribution.money.amounts import add, multiply

Draws = Mapping[str, tuple[tuple[date | None, Decimal], ...]]


def distribute(
    receipts: Sequence[Receipt], terms: Capital, unit: Decimal, *, periods: Sequence[str] = (), final: bool = True
) -> Distribution:
    """Distribute receipts among investors, guarantor and the rest.

    Parameters
    ----------
    receipts : sequence of Receipt
        In the order in which they came in, in whole units.
    terms : Capital
        The section. Money drawn after a receipt is not owed then; where dates are missing, all is owed from the start.
    unit : Decimal
        The currency's smallest unit.
    periods : sequence of str
        All settlement periods in order; when omitted, those of the receipts in the order in which they appear.
    final : bool
        Whether these are all receipts that there will be; only then is a guarantee called.

    Returns
    -------
    Distribution
        Lines whose amounts sum to the receipts and the guarantee, and what each tranche is owed after each period.

    Raises
    ------
    PaymentError
        PAY-013 when interest or a limit on the rate of return lacks dates; PAY-015 when receipts are negative, out of
        order or of a period that there is not, or an amount is finer than the unit.

    Examples
    --------
    >>> terms = Capital.model_validate({
    ...     "receiver": "mdrc",
    ...     "tranches": [{"name": "senior", "investor": "goldman", "principal": "9600000.00"}],
    ...     "guarantee": {"guarantor": "bloomberg", "share": "0.75", "of": "senior"},
    ... })
    >>> paid = distribute([Receipt("final", None, Decimal("4800000.00"))], terms, Decimal("0.01"))
    >>> [(line.source, line.to, line.kind, str(line.amount)) for line in paid.lines]
    [('mdrc', 'goldman', 'principal', '4800000.00'), ('bloomberg', 'goldman', 'guarantee', '2400000.00')]
    """
    check_receipts(receipts, terms, unit, periods)
    draws = _timed(terms, receipts)
    recycled = recycled_periods(terms, receipts, periods)
    zero = Decimal(0).quantize(unit)
    owed = {tranche.name: Owed(zero, zero) for tranche in terms.tranches}
    lines: list[Distributed] = []
    balances: dict[tuple[str, str], Balance] = {}
    since: date | None = None
    for number, receipt in enumerate(receipts):
        owed = _owed_on(terms, draws, owed, since, receipt.date, unit, first=number == 0)
        since = receipt.date or since
        available = receipt.amount
        if receipt.period in recycled and terms.recycle is not None:
            back = multiply(terms.recycle.share, available).quantize(unit, rounding=ROUND_FLOOR)
            reason = f"{back:,} of {available:,} goes back into the service up to period {terms.recycle.until}"
            lines += _lines(receipt, terms, [Part(SERVICE, "", "recycled", back, reason)])
            available -= back
        room = _room(terms, draws, lines, receipt.date, unit)
        ranked = list(pay_by_rank(terms.by_rank, owed, available, room, unit))
        for part in ranked:
            paid = (part.amount, zero) if part.kind == "interest" else (zero, part.amount)
            owed[part.tranche] = owed[part.tranche].less(*paid)
        lines += _lines(receipt, terms, ranked)
        used = add(part.amount for part in ranked)
        left_room = None if room is None else room - used
        lines += _lines(receipt, terms, _pay_rest(terms, available - used, left_room, unit))
        for tranche in terms.by_rank:
            state = owed[tranche.name]
            key = receipt.period, tranche.name
            balances[key] = Balance(*key, state.interest, state.principal)
    if final:
        lines += _call_guarantee(terms, draws, lines, receipts, unit)
    return Distribution(tuple(receipts), tuple(lines), tuple(balances.values()))


def _timed(terms: Capital, receipts: Sequence[Receipt]) -> Draws:
    """Return the draws of each tranche, without dates unless all draws and all receipts have one."""
    draws = terms.draws()
    if terms.dated and all(receipt.date is not None for receipt in receipts):
        return draws
    return {name: tuple((None, amount) for _, amount in parts) for name, parts in draws.items()}


def _owed_on(
    terms: Capital,
    draws: Draws,
    owed: Mapping[str, Owed],
    since: date | None,
    on: date | None,
    unit: Decimal,
    first: bool,
) -> dict[str, Owed]:
    now: dict[str, Owed] = {}
    for tranche in terms.tranches:
        dated = [(day, amount) for day, amount in draws[tranche.name] if day is not None]
        undated = [amount for day, amount in draws[tranche.name] if day is None] if first else []
        before = owed[tranche.name]
        before = Owed(before.interest, add((before.principal, *undated)))
        now[tranche.name] = before if on is None else accrue(before, tranche.rate, dated, since, on, unit)
    return now


def _room(terms: Capital, draws: Draws, lines: Sequence[Distributed], on: date | None, unit: Decimal) -> Decimal | None:
    """Return what the investors together may still receive on a day; None without a limit."""
    if terms.return_limit is None:
        return None
    put_up = [draw for parts in draws.values() for draw in parts]
    received = [(line.date, line.amount) for line in lines if line.to in terms.investors]
    return room_within(terms.return_limit, put_up, received, on, unit)


def _pay_rest(terms: Capital, left: Decimal, room: Decimal | None, unit: Decimal) -> Iterator[Part]:
    shares = terms.shares_of_rest
    parts, stopped = divide_rest(left, shares, terms.investors, room, unit)
    for name, amount in parts.items():
        reason = f"{left:,} is left after the tranches, of which {shares[name].normalize():f} is agreed"
        reason += "; the investors' part is limited by their return" if stopped else ""
        again = name == REINVEST
        yield Part(SERVICE if again else name, "", "reinvested" if again else "rest", amount, reason)


def _call_guarantee(
    terms: Capital, draws: Draws, lines: Sequence[Distributed], receipts: Sequence[Receipt], unit: Decimal
) -> list[Distributed]:
    if terms.guarantee is None:
        return []
    clause = terms.guarantee
    tranche = next(tranche for tranche in terms.tranches if tranche.name == clause.of)
    principal = add(amount for _, amount in draws[clause.of])
    received = add(line.amount for line in lines if line.tranche == clause.of)
    amount = guarantee_payment(clause, principal, received, unit)
    last = receipts[-1] if receipts else Receipt("", None, Decimal(0))
    room = _room(terms, draws, lines, last.date, unit) if receipts else None
    amount = amount if room is None else min(amount, room)
    reason = f"{clause.share.normalize():f} of the principal of {principal:,} is guaranteed, and {received:,} has been received"
    if not amount:
        return []
    return [
        Distributed(last.period, last.date, clause.guarantor, tranche.investor, clause.of, "guarantee", amount, reason)
    ]


def _lines(receipt: Receipt, terms: Capital, parts: Iterator[Part] | Sequence[Part]) -> list[Distributed]:
    return [
        Distributed(
            receipt.period,
            receipt.date,
            terms.receiver or "",
            part.to,
            part.tranche,
            part.kind,
            part.amount,
            part.reason,
        )
        for part in parts
        if part.amount
    ]
