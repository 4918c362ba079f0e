"""What all rules share: how terms that name providers become a rule over their positions."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Self

from counterfoil.errors import did_you_mean, listed, refusal


class Rule:
    """Base of the attribution rules."""

    __slots__ = ()

    @classmethod
    def of(cls, providers: Sequence[str], **terms: Any) -> Self:
        """Return the rule for these providers; a rule without terms of its own takes none.

        Raises
        ------
        AttributionError
            ATTR-005 when the terms do not fit the rule or the providers.
        """
        del providers
        refuse_others(terms)
        return cls()

    @property
    def by_agreement(self) -> bool:
        """Whether the division is agreed, whatever the data say."""
        return False

    def size(self, players: int) -> int:
        """Return the number of credits: one a provider."""
        return players

    def rows(self, players: int, members: Sequence[int]) -> Sequence[int]:
        """Return whom people served by ``members`` credit: those."""
        del players
        return members

    def alike(self, members: Sequence[int]) -> Hashable:
        """Return what else than the record decides about the weights: how many members there are."""
        return len(members)


def refuse_others(terms: Mapping[str, Any]) -> None:
    """Refuse terms that a rule does not take.

    Raises
    ------
    AttributionError
        ATTR-005 when there are any.
    """
    if terms:
        raise refusal("ATTR-005", f"the rule takes no term {listed(sorted(terms))}")


def positions(providers: Sequence[str], names: Iterable[str], term: str) -> tuple[int, ...]:
    """Return the positions of providers named in a term.

    Raises
    ------
    AttributionError
        ATTR-005 for a name that is no provider.
    """
    found = []
    for name in names:
        if name not in providers:
            raise refusal(
                "ATTR-005", f"{term} names '{name}', which is no provider here{did_you_mean(name, providers)}"
            )
        found.append(list(providers).index(name))
    return tuple(found)


def partition(providers: Sequence[str], groups: Iterable[Iterable[str]], term: str) -> tuple[tuple[int, ...], ...]:
    """Return groups of positions that divide the providers; whoever is in no group stands alone, after them.

    Raises
    ------
    AttributionError
        ATTR-005 when a group is empty, or a provider stands in two.
    """
    divided = tuple(positions(providers, group, term) for group in groups)
    placed = [position for group in divided for position in group]
    if len(set(placed)) < len(placed):
        raise refusal("ATTR-005", f"{term} names a provider twice")
    if any(not group for group in divided):
        raise refusal("ATTR-005", f"{term} has an empty group")
    return (*divided, *((position,) for position in range(len(providers)) if position not in placed))
