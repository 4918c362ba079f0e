"""Whose credit is whose: providers that are credited together act as one player.

Providers of a set U that the data cannot tell apart are merged for everybody. Each observed combination of U's members
becomes a column of the roster of its own ("level"); a person has at most one of them, so that the player's credit is
the sum over its levels, which is the total of the Owen union U.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.roster import Roster
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, did_you_mean, listed, refusal
from counterfoil.estimators.aliases import alias_sets
from counterfoil.estimators.kernel import FloatArray, Kernel, Need


@dataclass(frozen=True, slots=True, eq=False)
class Players:
    """The players of the game and the columns of the roster that are theirs.

    Parameters
    ----------
    names : tuple of str
        Such as ``"north + south"`` for providers credited together.
    groups : tuple of tuples of str
        The providers behind each player.
    owner : ndarray of int, shape (n_columns,)
        The player of each column of the roster.
    whole : ndarray of int, shape (n_players,)
        The column of people who had all of a player's providers, −1 where nobody had.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    owner: NDArray[np.intp]
    whole: NDArray[np.intp]

    @property
    def merged(self) -> bool:
        """Whether some player is several providers."""
        return any(len(group) > 1 for group in self.groups)


def merge(roster: Roster, together: Iterable[Sequence[str]]) -> tuple[Roster, Players]:
    """Return the roster with a column for each combination of merged providers, and who owns which column.

    Raises
    ------
    AttributionError
        ATTR-005 when a set names fewer than two providers, one that there is not, or one twice.

    Examples
    --------
    >>> served = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]], bool)
    >>> merge(Roster(np.arange(3), ("a", "b", "c"), served), [("a", "b")])[0].providers
    ('a + b', 'a', 'c')
    """
    sets = [tuple(group) for group in together]
    named = [name for group in sets for name in group]
    for name in named:
        if name not in roster.providers:
            hint = did_you_mean(name, roster.providers)
            raise refusal("ATTR-005", f"providers credited together name '{name}', which is no provider here{hint}")
    if any(len(group) < 2 for group in sets):
        raise refusal("ATTR-005", "providers credited together: a set names fewer than two")
    if len(set(named)) < len(named):
        raise refusal("ATTR-005", "providers credited together: one stands in two sets")
    set_of = {name: group for group in sets for name in group}
    groups = tuple(dict.fromkeys(set_of.get(name, (name,)) for name in roster.providers))
    columns: list[tuple[str, NDArray[np.bool_], list[int]]] = []
    owner: list[int] = []
    whole = np.full(len(groups), -1, dtype=np.intp)
    for player, group in enumerate(groups):
        places = [roster.providers.index(name) for name in roster.providers if name in group]
        held = roster.exposure[:, places]
        levels = np.unique(held[held.any(axis=1)], axis=0)[::-1] if len(places) > 1 else np.ones((1, 1), dtype=bool)
        for level in levels:
            label = " + ".join(roster.providers[j] for j, on in zip(places, level, strict=True) if on)
            columns.append((label, (held == level).all(axis=1), places))
            if level.all():
                whole[player] = len(owner)
            owner.append(player)

    def gathered(table: FloatArray | None, how: str) -> FloatArray | None:
        if table is None:
            return None
        found = []
        for _, there, places in columns:
            own = np.where(roster.exposure[:, places], table[:, places], 0.0 if how == "sum" else np.inf)
            found.append(
                np.where(there, own.sum(axis=1) if how == "sum" else own.min(axis=1), 0.0 if how == "sum" else np.nan)
            )
        return np.column_stack(found)

    if not sets:
        alone = np.arange(len(groups))
        return roster, Players(roster.providers, tuple((name,) for name in roster.providers), alone, alone)
    labels = tuple(label for label, _, _ in columns)
    exposure = np.column_stack([there for _, there, _ in columns])
    merged = Roster(roster.ids, labels, exposure, gathered(roster.dose, "sum"), gathered(roster.start, "first"))
    return merged, Players(tuple(" + ".join(group) for group in groups), groups, np.array(owner, dtype=np.intp), whole)


class Arrangement(Protocol):
    """What a request says of providers that are not credited one by one."""

    @property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """Sets of providers that are credited together."""
        ...

    @property
    def aliases(self) -> Literal["refuse", "joint"]:
        """What to do about providers that the rosters do not tell apart."""
        ...

    @property
    def backbone(self) -> tuple[str, ...]:
        """Providers that serve everybody and are no players."""
        ...


def arrange(
    asked: Arrangement, study: Study, roster: Roster, covariates: FloatArray
) -> tuple[Roster, Players, tuple[Problem, ...]]:
    """Return the roster of the game, its players, and what a reader must know about those who are none of their own.

    Raises
    ------
    IdentificationError
        IDENT-018 when a backbone does not serve everybody, IDENT-003 when what providers did is mixed up with the
        controls, IDENT-005 when nobody but a backbone is left.
    """
    notes: list[Problem] = []
    backbone = asked.backbone
    if backbone:
        names = [name for name in backbone if name not in reaching_everybody(study.roster(backbone))]
        if names:
            raise refusal("IDENT-018", f"{listed(names)} did not serve everybody", "services")
        roster = roster.only([name for name in roster.providers if name not in backbone])
    together = asked.together
    if asked.aliases == "joint":
        controls = np.hstack([np.ones((len(roster.ids), 1)), covariates])
        sets = alias_sets(roster, controls)
        everywhere = reaching_everybody(roster)
        lost = [group for group in sets if not group.determined and not set(group.providers) <= set(everywhere)]
        if lost:
            names = [" + ".join(group.providers) for group in lost]
            raise refusal("IDENT-003", f"rosters and controls do not separate {listed(names)} from nothing", "services")
        backbone = (*backbone, *everywhere)
        roster = roster.only([name for name in roster.providers if name not in everywhere])
        named = {name for group in together for name in group}
        found = [group.providers for group in sets if group.determined and not named & set(group.providers)]
        together = (*together, *found)
        for group in found:
            what = f"the rosters do not tell {listed(group, limit=10)} apart; they are credited together"
            notes.append(Problem("IDENT-011", what, "services"))
    if backbone:
        what = f"{listed(backbone)} served everybody: all gains are over what they do alone"
        notes.append(Problem("IDENT-010", what, "services"))
    if not roster.providers:
        raise refusal("IDENT-004", f"everybody was served by {listed(backbone)}", "services")
    merged, players = merge(roster, together)
    return merged, players, tuple(notes)


def reaching_everybody(roster: Roster) -> tuple[str, ...]:
    """Return the providers that served everybody."""
    return tuple(roster.providers[j] for j in np.flatnonzero(np.all(roster.exposure, axis=0)).tolist())


@dataclass(frozen=True, slots=True, eq=False)
class OnPlayers:
    """A rule among players, as a rule among the columns of a merged roster."""

    kernel: Kernel
    players: Players

    @property
    def name(self) -> str:
        """Return what the rule is called."""
        return self.kernel.name

    @property
    def efficient(self) -> bool:
        """Tell whether the credits sum to the total gain."""
        return self.kernel.efficient

    @property
    def needs(self) -> Need:
        """Return what the weights ask of each person's record."""
        return self.kernel.needs

    @property
    def by_agreement(self) -> bool:
        """Tell whether the division is agreed."""
        return self.kernel.by_agreement

    def size(self, players: int) -> int:
        """Return the number of results among players."""
        del players
        return self.kernel.size(len(self.players.names))

    def rows(self, players: int, members: Sequence[int]) -> Sequence[int]:
        """Return the results that the owners of the columns contribute to."""
        del players
        return self.kernel.rows(len(self.players.names), self._owners(members))

    def alike(self, members: Sequence[int]) -> Hashable:
        """Return the key of the owners."""
        return self.kernel.alike(self._owners(members))

    def weights(self, members: Sequence[int], record: FloatArray | None) -> FloatArray:
        """Return the weights among the owners."""
        return self.kernel.weights(self._owners(members), record)

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None
    ) -> FloatArray:
        """Return the dividend shares among the owners."""
        return self.kernel.dividend_shares(self._owners(members), subsets, record)

    def _owners(self, members: Sequence[int]) -> tuple[int, ...]:
        return tuple(self.players.owner[list(members)].tolist())
