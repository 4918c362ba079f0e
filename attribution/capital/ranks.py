"""Seniority: tranches are paid rank by rank, equal ranks in proportion to what each is owed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from counterfoil.attribution.capital.distribution import LineKind
from counterfoil.attribution.capital.owed import Owed
from counterfoil.attribution.capital.pro_rata import pro_rata
from counterfoil.attribution.capital.tranche import Tranche
from counterfoil.attribution.money.amounts import add


@dataclass(frozen=True, slots=True)
class Part:
    """A payment of a receipt, before it is said which: to whom, for which tranche, what it is, how much, and why."""

    to: str
    tranche: str
    kind: LineKind
    amount: Decimal
    reason: str


def pay_by_rank(
    tranches: Sequence[Tranche], owed: Mapping[str, Owed], available: Decimal, room: Decimal | None, unit: Decimal
) -> Iterator[Part]:
    """Pay tranches in the order of their rank, each its interest and its principal; parts may be zero.

    Parameters
    ----------
    tranches : sequence of Tranche
        In order of rank.
    owed : mapping of str to Owed
        What each tranche is owed on the day.
    available : Decimal
        What there is to distribute, a non-negative multiple of ``unit``.
    room : Decimal or None
        What a limit on their return leaves the investors together; None without a limit.
    unit : Decimal
        The currency's smallest unit.

    Examples
    --------
    >>> first, second = (Tranche(name=name, investor="fund", principal=Decimal(60), rank=rank) for name, rank in [("a", 1), ("b", 2)])
    >>> owed = {"a": Owed(Decimal(0), Decimal(60)), "b": Owed(Decimal(0), Decimal(60))}
    >>> parts = pay_by_rank([first, second], owed, Decimal(100), None, Decimal(1))
    >>> [(part.tranche, str(part.amount)) for part in parts if part.amount]
    [('a', '60'), ('b', '40')]
    """
    left = available if room is None else min(available, room)
    within = "" if left == available else f" within the limit on the investors' return ({available:,} without it)"
    for rank, same in groupby(tranches, key=lambda tranche: tranche.rank):
        equals = list(same)
        claims = [owed[tranche.name].total for tranche in equals]
        for_rank = min(left, add(claims))
        for tranche, amount in zip(equals, pro_rata(for_rank, claims, unit), strict=True):
            state = owed[tranche.name]
            interest, principal = state.part(amount, tranche.interest == "first")
            why = f"rank {rank} is owed {add(claims):,} and {left:,} is available{within}"
            why += f"; {tranche.name} is owed {state.total:,} of it" if len(equals) > 1 else ""
            to = tranche.investor, tranche.name
            yield Part(*to, "interest", interest, f"{state.interest:,} interest owed; {why}")
            yield Part(*to, "principal", principal, f"{state.principal:,} principal owed; {why}")
        left -= for_rank
