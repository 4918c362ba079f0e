"""``model: auto``: which outcome model a roster can carry, decided from rosters alone and never from outcomes.

Saturated where there are at most four providers and every combination that anybody's services could be cut to was
observed for enough people; else own effects and pairs; own effects only where no two providers share enough people.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.roster import Roster
from counterfoil.errors import refusal
from counterfoil.estimators.coalition import Lookup, pattern_words, subset_words
from counterfoil.estimators.surface import shared_people

FEW_PROVIDERS: Final = 4
ENOUGH: Final = 25
"""People with a combination from which its mean counts as observed."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model and the reason for it, in words."""

    model: Literal["additive", "pairwise", "saturated", "learner"]
    why: str


def choose_model(roster: Roster, min_pair: int, seen: NDArray[np.bool_] | None = None) -> ModelChoice:
    """Return the richest model that the rosters can carry.

    Parameters
    ----------
    roster : Roster
    min_pair : int
        Shared people from which a pair counts as observed.
    seen : ndarray of bool, shape (n,), optional
        Who has an outcome, and so counts; everybody when omitted.

    Raises
    ------
    IdentificationError
        IDENT-004 when everybody was served: only a model's shape could say what happens without services, and a shape
        that nobody asked for is no answer.

    Examples
    --------
    >>> import counterfoil as cf
    >>> choose_model(cf.datasets.load("rice").roster(), 30).model
    'saturated'
    """
    if roster.exposure.any(axis=1).all():
        raise refusal("IDENT-004", "everybody in the study was served", "services")
    counted = np.ones(len(roster.ids), dtype=bool) if seen is None else seen
    if len(roster.providers) <= FEW_PROVIDERS:
        patterns, pattern = roster.patterns()
        counts = np.bincount(pattern[counted], minlength=len(patterns))
        frequent = Lookup.of(pattern_words(patterns[counts >= ENOUGH]))
        members = [np.flatnonzero(row)[None, :] for row in patterns]
        cuts = [subset_words(row, np.arange(1 << row.shape[1]), len(roster.providers)) for row in members]
        if all((frequent.find(words) >= 0).all() for words in cuts):
            why = f"every combination that services could be cut to was observed for {ENOUGH} people or more"
            return ModelChoice("saturated", why)
        why_not = f"some combination that services could be cut to was observed for fewer than {ENOUGH} people"
    else:
        why_not = f"there are more than {FEW_PROVIDERS} providers"
    together = np.triu(shared_people(roster.exposure[counted]), 1)
    if (together >= min_pair).any():
        return ModelChoice("pairwise", f"{why_not}; pairs of providers share {min_pair} people or more")
    return ModelChoice("additive", f"{why_not}, and no two providers share {min_pair} people")
