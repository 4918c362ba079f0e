"""Checks of receipts before they are distributed."""

from collections.abc import Sequence
from decimal import Decimal

from counterfoil.attribution.capital.capital import Capital
from counterfoil.attribution.capital.distribution import Receipt
from counterfoil.errors import refusal


def check_receipts(receipts: Sequence[Receipt], terms: Capital, unit: Decimal, periods: Sequence[str]) -> None:
    """Refuse receipts that cannot be distributed under the terms.

    Raises
    ------
    PaymentError
        PAY-013 when interest or a limit on the rate of return lacks dates; PAY-015 when receipts are negative, out of
        order or of a period that there is not, or an amount is finer than the unit.

    Examples
    --------
    >>> loan = {"name": "senior", "investor": "goldman", "principal": "9600000.00"}
    >>> terms = Capital.model_validate({"receiver": "mdrc", "tranches": [loan]})
    >>> check_receipts([Receipt("y1", None, Decimal("4800000.00"))], terms, Decimal("0.01"), ["y1"])
    """
    _check_dates(receipts, terms)
    _check_units(terms, unit)
    order = list(periods)
    places: list[int] = []
    for receipt in receipts:
        if receipt.amount < 0 or receipt.amount % unit:
            wrong = "negative" if receipt.amount < 0 else f"no multiple of {unit}"
            raise refusal("PAY-015", f"a receipt is {wrong}", f"period '{receipt.period}'")
        if order and receipt.period not in order:
            raise refusal("PAY-015", f"a receipt is of period '{receipt.period}', which there is not", "capital")
        places += [order.index(receipt.period)] if order else []
    dates = [receipt.date for receipt in receipts if receipt.date is not None]
    if dates != sorted(dates) or places != sorted(places):
        raise refusal("PAY-015", "receipts are not in the order of their periods and dates", "capital")


def _check_dates(receipts: Sequence[Receipt], terms: Capital) -> None:
    limited = terms.return_limit is not None and terms.return_limit.irr is not None
    bearing = [tranche.name for tranche in terms.tranches if tranche.bears_interest]
    if not (limited or bearing):
        return
    what = f"tranche '{bearing[0]}' bears interest" if bearing else "the rate of return is limited"
    if not terms.dated:
        raise refusal("PAY-013", f"{what}, and `drawn` does not say when the money was put up", "capital.drawn")
    if any(receipt.date is None for receipt in receipts):
        raise refusal("PAY-013", f"{what}, and a receipt has no date", "periods")


def _check_units(terms: Capital, unit: Decimal) -> None:
    limit = terms.return_limit.amount if terms.return_limit is not None else None
    stated = {
        "tranches": [tranche.principal for tranche in terms.tranches],
        "drawn": [draw.amount for draw in terms.drawn],
        "return_limit": [] if limit is None else [limit],
    }
    for key, amounts in stated.items():
        if any(amount % unit for amount in amounts):
            raise refusal("PAY-015", f"an amount is no multiple of {unit}", f"capital.{key}")


def recycled_periods(terms: Capital, receipts: Sequence[Receipt], periods: Sequence[str]) -> frozenset[str]:
    """Return the periods whose receipts go back into the service.

    Raises
    ------
    PaymentError
        PAY-015 when recycling ends in a period that there is not.

    Examples
    --------
    >>> terms = Capital.model_validate({
    ...     "tranches": [{"name": "fund", "investor": "ubs", "principal": "3000000.00"}],
    ...     "rest": {"reinvest": "1"}, "recycle": {"until": "y2"},
    ... })
    >>> sorted(recycled_periods(terms, [Receipt("y1", None, Decimal(1))], ["y1", "y2", "y3"]))
    ['y1', 'y2']
    """
    if terms.recycle is None or not receipts:
        return frozenset()
    order = list(periods) or list(dict.fromkeys(receipt.period for receipt in receipts))
    if terms.recycle.until not in order:
        raise refusal(
            "PAY-015", f"recycling ends in period '{terms.recycle.until}', which there is not", "capital.recycle"
        )
    return frozenset(order[: order.index(terms.recycle.until) + 1])
