"""How many people, or units, an instrument moved: over whom a contract may count the effect.

Paying the effect on compliers for people who would have taken part anyway pays for what was not caused. With a lottery of one
programme and

- nobody who took part without being assigned, everybody who took part was moved, and is counted;
- somebody who did, the number moved is estimated: people assigned times the first stage. Times the effect it is the effect of
  assignment on all who were assigned.

With an instrument that is no lottery of one programme nobody can be said to be assigned, and those who took part are counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem
from counterfoil.estimators.covariance import FloatArray


@dataclass(frozen=True, slots=True)
class PeopleMoved:
    """A number of people (or of units of an amount), who they are, what is estimated for them, and what to know of it."""

    people: int
    population: str
    estimand: str
    counts: Mapping[str, int]
    warnings: tuple[Problem, ...]


def people_moved(received: FloatArray, instruments: FloatArray, first_stage: float, name: str) -> PeopleMoved:
    """Say over whom the effect counts.

    Parameters
    ----------
    received : ndarray, shape (n,)
        0 or 1, or an amount.
    instruments : ndarray, shape (n, L)
    first_stage : float
        Change in ``received`` for one unit of the first instrument.
    name : str
        Of the column received.

    Examples
    --------
    >>> assigned, took_part = np.array([[1.0], [1.0], [0.0], [0.0]]), np.array([1.0, 0.0, 0.0, 0.0])
    >>> found = people_moved(took_part, assigned, 0.5, "took_part")
    >>> found.people, found.estimand
    (1, 'effect of taking part on those who took part (effect on the treated)')
    """
    binary = bool(np.isin(received, (0.0, 1.0)).all())
    lottery = instruments.shape[1] == 1 and bool(np.isin(instruments, (0.0, 1.0)).all())
    counts = {"took part": int((received != 0).sum())}
    where = f"people, column '{name}'"
    if not lottery:
        people = counts["took part"] if binary else round(abs(float(received.sum())))
        what = "people who took part" if binary else f"units of '{name}'"
        text = f"no column of 0 and 1 says who was assigned, so all {what} are counted, as if the effect on them were that on those moved"
        return PeopleMoved(people, what, _estimand(binary), counts, (Problem("IDENT-024", text, where),))
    assigned = (instruments[:, 0] == 1.0) == (first_stage > 0)
    counts |= {"assigned": int(assigned.sum()), "not assigned": int((~assigned).sum())}
    unasked = int((received[~assigned] != 0).sum())
    if binary and not unasked:
        same = bool((received[assigned] == 1.0).all())
        text = "everybody did as the instrument said, so that this is an experiment: its effect is that of assignment"
        return PeopleMoved(
            counts["took part"],
            "people who took part, all of them because they were assigned",
            "effect of taking part on those who took part (effect on the treated)",
            counts,
            (Problem("IDENT-025", text, where),) if same else (),
        )
    people = round(abs(first_stage) * counts["assigned"])
    if binary:
        what = "people assigned who took part because of it (compliers), estimated"
        text = (
            f"{shown(unasked)} of {shown(counts['not assigned'])} people not assigned took part, so the number moved among "
            f"{shown(counts['assigned'])} assigned is estimated"
        )
    else:
        what = f"units of '{name}' that assignment added among people assigned, estimated"
        text = f"'{name}' is an amount: the effect is per unit, and counts over the units that the instrument added"
    return PeopleMoved(people, what, _estimand(binary), counts, (Problem("IDENT-024", text, where),))


def _estimand(binary: bool) -> str:
    if binary:
        return "effect of taking part on those whom the instrument moved (local average treatment effect)"
    return "effect of one unit received, over the units that the instrument moved"
