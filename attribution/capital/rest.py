"""The rest: what is left after all tranches, divided by agreed fractions, within a limit on the investors' return."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from counterfoil.attribution.capital.pro_rata import pro_rata
from counterfoil.attribution.money.amounts import add


def divide_rest(
    left: Decimal, shares: Mapping[str, Decimal], investors: Collection[str], room: Decimal | None, unit: Decimal
) -> tuple[dict[str, Decimal], bool]:
    """Divide what is left; where the investors' part exceeds their room, the others share the excess as they share the rest.

    Parameters
    ----------
    left : Decimal
        A non-negative multiple of ``unit``.
    shares : mapping of str to Decimal
        Each one's fraction; they sum to one.
    investors : collection of str
        Those whose return is limited.
    room : Decimal or None
        What the investors together may still receive; None without a limit.
    unit : Decimal
        The currency's smallest unit.

    Returns
    -------
    dict of str to Decimal, bool
        Amounts that sum to ``left``, and whether the limit lowered any.

    Examples
    --------
    >>> shares = {"fund": Decimal("0.8"), "reinvest": Decimal("0.2")}
    >>> divide_rest(Decimal("900.00"), shares, ["fund"], Decimal("100.00"), Decimal("0.01"))
    ({'fund': Decimal('100.00'), 'reinvest': Decimal('800.00')}, True)
    """
    parts = dict(zip(shares, pro_rata(left, list(shares.values()), unit), strict=True))
    inside = {name: share for name, share in shares.items() if name in investors}
    if room is None or add(parts[name] for name in inside) <= room:
        return parts, False
    others = {name: share for name, share in shares.items() if name not in inside}
    parts |= zip(inside, pro_rata(room, list(inside.values()), unit), strict=True)
    parts |= zip(others, pro_rata(left - room, list(others.values()), unit), strict=True)
    return parts, True
