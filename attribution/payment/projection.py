"""Credits that can be paid: none below zero, with the same sum.

A noisy estimate can give a provider a negative credit. Clipping it would pay out more than the gain. The projection
pays the credits that are closest to the estimates, p = argmin (p − φ)′Ω(p − φ) subject to p ≥ 0 and Σ p = Σ φ.

With Ω the identity every positive credit is lowered by one constant c, so that the reduction is shared equally and nobody
is paid more than the estimate: p_j = max(0, φ_j − c). The contract may ask for Ω = Σ⁻¹ instead; see `precision`.
Credits of which none is negative are paid as they are. Source: the Euclidean projection onto a simplex (Held, Wolfe and
Crowder 1974).
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Literal

from counterfoil.attribution.money.amounts import PRECISION, add
from counterfoil.errors import refusal

ProjectionWeights = Literal["identity", "precision"]


def project_credits(credits: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Return the closest non-negative credits with the same sum, all credits weighing the same.

    Raises
    ------
    PaymentError
        PAY-001 when the credits do not sum to a positive gain.

    Examples
    --------
    >>> [str(credit.normalize()) for credit in project_credits([Decimal("0.30"), Decimal("0.20"), Decimal("-0.05")])]
    ['0.275', '0.175', '0']
    """
    total = add(credits)
    if total <= 0:
        raise refusal("PAY-001", "the credits do not sum to a positive gain")
    if min(credits) >= 0:
        return tuple(credits)
    with localcontext(prec=PRECISION):
        ranked = sorted(credits, reverse=True)
        running, lowered = Decimal(0), Decimal(0)
        for count, credit in enumerate(ranked, start=1):
            running += credit
            constant = (running - total) / count
            if credit > constant:
                lowered = constant
        return tuple(max(Decimal(0), credit - lowered) for credit in credits)
