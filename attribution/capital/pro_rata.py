"""Pro rata: an amount divided in proportion, so that a larger amount never gives anybody less.

Largest remainders do not have this property: with a cent more to divide, somebody may receive a cent less (the Alabama
paradox). Lenders of equal rank are therefore paid by the divisor method of Webster and Sainte-Laguë, under which the next
cent always goes to whoever has least per claim (M. Balinski and H. P. Young, Fair Representation, 1982).
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

from counterfoil.attribution.money.amounts import PRECISION
from counterfoil.errors import refusal


def pro_rata(total: Decimal, claims: Sequence[Decimal], unit: Decimal) -> tuple[Decimal, ...]:
    """Divide a total in proportion to claims, in whole units that sum to the total.

    Nobody receives more than the claim as long as the total is no more than all claims, in whole units, together; and nobody
    receives less when the total grows. Ties go to the earlier claim.

    Parameters
    ----------
    total : Decimal
        A non-negative multiple of ``unit``.
    claims : sequence of Decimal
        Non-negative, with a positive sum unless the total is zero.
    unit : Decimal
        The currency's smallest unit.

    Raises
    ------
    PaymentError
        PAY-001 when there is something to divide and no claim is positive.

    Examples
    --------
    >>> pro_rata(Decimal("100.00"), [Decimal(2), Decimal(1)], Decimal("0.01"))
    (Decimal('66.67'), Decimal('33.33'))
    """
    weights = [Fraction(claim) for claim in claims]
    units = int(Fraction(total) / Fraction(unit))
    whole = sum(weights, Fraction(0))
    if units and whole <= 0:
        raise refusal("PAY-001", "no claim is positive, so the amount cannot be divided")
    half = Fraction(1, 2)
    parts = [int(units * weight / whole + half) if whole else 0 for weight in weights]
    owed = [j for j, weight in enumerate(weights) if weight > 0]
    while sum(parts) < units:
        parts[min(owed, key=lambda j: ((parts[j] + half) / weights[j], j))] += 1
    while sum(parts) > units:
        parts[max(owed, key=lambda j: ((parts[j] - half) / weights[j], j))] -= 1
    with localcontext(prec=PRECISION):
        return tuple(Decimal(part) * unit for part in parts)
