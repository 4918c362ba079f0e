"""Carrying out an assignment: each person's provider, from scores of who did most, came first or stands first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.counting.assign import Assign, AssignStep
from counterfoil.attribution.counting.period import Period
from counterfoil.attribution.counting.touches import Touches
from counterfoil.datasets import Study
from counterfoil.errors import refusal

UNDECIDED: Final = -2
NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class Assigned:
    """Each person's, or row's, provider: its place in ``names``, or NOBODY."""

    provider: NDArray[np.intp]
    names: tuple[str, ...]


def assign_rows(
    terms: Assign,
    study: Study,
    person: NDArray[np.intp],
    period: NDArray[np.intp],
    periods: Mapping[str, Period],
) -> Assigned:
    """Assign rows of people and periods to providers: one a person, or one a person and period, by the rule's scope.

    Parameters
    ----------
    terms : Assign
        The rule; not by claim.
    study : Study
        With the services or claims that the rule compares.
    person, period : ndarray of int, shape (n_rows,)
        Row of the person in the study, and place of the period.
    periods : mapping of str to Period
        In order.

    Raises
    ------
    DataError, PaymentError
        As `assign_people`.
    """
    if terms.scope == "contract":
        people = np.zeros(study.n_people, dtype=bool)
        people[person] = True
        whole = assign_people(terms, study, people)
        return Assigned(whole.provider[person], whole.names)
    provider, names = np.full(len(person), NOBODY, dtype=np.intp), terms.parties
    for place, each in enumerate(periods.values()):
        here = period == place
        people = np.zeros(study.n_people, dtype=bool)
        people[person[here]] = True
        part = assign_people(terms, study, people, each)
        provider[here], names = part.provider[person[here]], part.names
    return Assigned(provider, names)


def assign_people(terms: Assign, study: Study, people: NDArray[np.bool_], within: Period | None = None) -> Assigned:
    """Assign people to providers, one each.

    Parameters
    ----------
    terms : Assign
        The rule; not by claim.
    study : Study
        With the services or claims that the rule compares.
    people : ndarray of bool, shape (n_people,)
        Who is to be assigned.
    within : Period or None
        The period whose services and claims are compared; all when None. A partition holds for all periods.

    Raises
    ------
    DataError
        DATA-019 without the table compared, DATA-027 when a date is needed and missing.
    PaymentError
        PAY-009 for a tie without a rule, and for people whom no step assigns.
    """
    steps: tuple[AssignStep, ...] = (terms, *terms.steps)
    found = [step.touches(study) for step in steps]
    names = tuple(dict.fromkeys([*terms.parties, *sorted({name for touches in found for name in touches.names})]))
    provider = np.where(people, UNDECIDED, NOBODY).astype(np.intp)
    for step, found_ever in zip(steps, found, strict=True):
        touches = found_ever if within is None or step.by == "partition" else found_ever.within(within)
        open_people = provider == UNDECIDED
        score, there = _scores(step, touches, names, study.n_people, step.order or terms.order, open_people)
        provider = np.where(open_people & there.any(axis=1), _best(score, there, open_people, terms, names), provider)
    left = provider == UNDECIDED
    if left.any() and terms.otherwise is None:
        what = f"{int(left.sum())} people belong to no provider, and the contract does not say what then applies"
        raise refusal("PAY-009", what, "assign")
    provider[left] = names.index(terms.otherwise) if terms.otherwise not in (None, "nobody") else NOBODY
    if terms.providers:
        outside = np.array([name not in terms.providers for name in names])
        provider[(provider >= 0) & outside[provider]] = NOBODY
    return Assigned(provider, names)


def _scores(
    step: AssignStep,
    touches: Touches,
    names: tuple[str, ...],
    size: int,
    order: Sequence[str],
    people: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return each provider's score for each person, higher is better, and where it has any; shapes (size, n_names)."""
    column = np.array([names.index(name) for name in touches.names], dtype=np.intp)
    chosen = people[touches.person]
    place = touches.person[chosen], column[touches.provider[chosen]]
    there = np.zeros((size, len(names)), dtype=bool)
    there[place] = True
    score = np.zeros((size, len(names)), dtype=np.int64)
    if step.by == "plurality":
        np.add.at(score, place, touches.units[chosen] if step.measure != "claims" else 1)
    elif step.by in ("first", "last"):
        sign = -1 if step.by == "first" else 1
        score[:] = np.iinfo(np.int64).min
        np.maximum.at(score, place, sign * touches.days(chosen, step.of))
    elif step.by == "hierarchy":
        rank = np.array([-order.index(name) if name in order else 1 for name in names])
        score[:], there = rank, there & (rank <= 0)
    return score, there


def _best(
    score: NDArray[np.int64],
    there: NDArray[np.bool_],
    people: NDArray[np.bool_],
    terms: Assign,
    names: tuple[str, ...],
) -> NDArray[np.intp]:
    lowest = np.iinfo(np.int64).min
    held = np.where(there, score, lowest)
    best = there & (held == held.max(axis=1, keepdims=True, initial=lowest))
    tied = people & (best.sum(axis=1) > 1)
    if terms.providers:
        tied &= (best & np.array([name in terms.providers for name in names])).any(axis=1)
    if terms.ties == "contract_order":
        # `order` comes first among the names, so a tie that it does not decide is one among names behind it.
        listed = np.array([name in terms.order for name in names])
        tied &= ~(best & listed).any(axis=1)
    if tied.any():
        what = f"{int(tied.sum())} people had as much from two providers or more, and no rule breaks the tie"
        raise refusal("PAY-009", what, "assign")
    return np.asarray(best.argmax(axis=1)) if len(names) else np.full(len(people), NOBODY)
