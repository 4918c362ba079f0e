"""Exact money: decimals, the currency's smallest unit, and parts that sum to the whole.

`exact` is the one place where a float estimate becomes an exact number.
"""

import math
import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from counterfoil.errors import refusal

Rounding = Literal["half_up", "half_even", "down"]
MODES: Final[dict[str, str]] = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}


LARGEST: Final = Decimal("1e15")
"""Amounts beyond this are no contract's."""


CURRENCY: Final = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])|[$\u00a2-\u00a5\u20a0-\u20cf]")
"""A currency's code or sign in an amount."""


def _plain_amount(value: Any) -> Any:
    if isinstance(value, float):
        raise PydanticCustomError("amount", "should be text or Decimal: a float does not hold cents exactly")
    if isinstance(value, str) and CURRENCY.search(value):
        raise PydanticCustomError("currency", "names a currency; every amount is in the contract's one currency")
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        raise PydanticCustomError(
            "amount", "should be an amount such as 40.00, without thousands separator, exponent or currency sign"
        )
    if isinstance(value, (str, int, Decimal)) and not abs(Decimal(value)) <= LARGEST:
        raise PydanticCustomError("amount", "should be an amount of at most fifteen digits before the point")
    return value


Amount = Annotated[Decimal, BeforeValidator(_plain_amount)]
"""A decimal amount in a spec; a float is refused, because it is not the amount that was agreed."""

Money = Annotated[Decimal, BeforeValidator(_plain_amount), "money"]
"""An `Amount` that is paid: it has no more decimals than the currency, and is not negative."""

ESTIMATE_DIGITS: Final = 12
"""Significant digits of an estimate that are priced: far beyond its error, short of the noise of summation order."""

# Enough for any amount times any count: 12 digits of estimate, 28 of money, and room.
PRECISION: Final = 60


def exact(value: float) -> Decimal:
    """Return a float estimate as the decimal number that is priced: 12 significant digits, half to even.

    Raises
    ------
    PaymentError
        PAY-003 when it is missing or infinite.

    Examples
    --------
    >>> exact(0.1 + 0.2)
    Decimal('0.300000000000')
    """
    if not math.isfinite(value):
        raise refusal("PAY-003", "an estimate that should be priced is not a finite number")
    return Decimal(f"{value:.{ESTIMATE_DIGITS - 1}e}")


def multiply(*factors: Decimal | int) -> Decimal:
    """Return an exact product; 60 digits of precision leave room for any amount."""
    with localcontext(prec=PRECISION):
        product = Decimal(1)
        for value in factors:
            product *= value
        return product


def add(amounts: Iterable[Decimal]) -> Decimal:
    """Return an exact sum."""
    with localcontext(prec=PRECISION):
        return sum(amounts, Decimal(0))


def round_money(amount: Decimal, unit: Decimal, rounding: Rounding) -> Decimal:
    """Round an amount to the smallest unit of its currency.

    Examples
    --------
    >>> round_money(Decimal("2.675"), Decimal("0.01"), "half_up")
    Decimal('2.68')
    """
    with localcontext(prec=PRECISION):
        return amount.quantize(unit, rounding=MODES[rounding])


def largest_remainder(total: Decimal, weights: Sequence[Decimal], unit: Decimal) -> tuple[Decimal, ...]:
    """Divide a total in proportion to weights, in whole units that sum to the total.

    Each part is rounded down; the units left over go to the largest remainders, ties to the earlier part.

    Parameters
    ----------
    total : Decimal
        A non-negative multiple of ``unit``.
    weights : sequence of Decimal
        Non-negative, with a positive sum.
    unit : Decimal
        The smallest unit, such as ``Decimal("0.01")``.

    Raises
    ------
    PaymentError
        PAY-001 when no weight is positive.

    Examples
    --------
    >>> largest_remainder(Decimal("100.00"), [Decimal(1)] * 3, Decimal("0.01"))
    (Decimal('33.34'), Decimal('33.33'), Decimal('33.33'))
    """
    ratios = [weight.as_integer_ratio() for weight in weights]
    common = math.lcm(*(below for _, below in ratios))
    scaled = [above * (common // below) for above, below in ratios]
    whole = sum(scaled)
    if whole <= 0 or min(scaled) < 0:
        raise refusal("PAY-001", "no weight is positive, so the amount cannot be divided")
    units = Fraction(total) / Fraction(unit)
    # In whole numbers over one denominator, which is exact and much faster than fractions.
    quotas = [divmod(units.numerator * weight, units.denominator * whole) for weight in scaled]
    parts = [part for part, _ in quotas]
    left = int(units) - sum(parts)
    order = sorted(range(len(parts)), key=lambda j: (-quotas[j][1], j))
    for j in order[:left]:
        parts[j] += 1
    with localcontext(prec=PRECISION):
        return tuple(Decimal(part) * unit for part in parts)
