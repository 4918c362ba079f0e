"""Who enrols with whom at one stage, given what was known by then: the chance of each choice of providers.

Multinomial logits in baseline covariates, earlier providers and earlier progress. People whose earlier providers left
them other choices have a logit of their own: where later services are only reached through earlier ones, what is
certain stands apart from what is chancy, which no one logit could fit.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.least_squares import FloatArray, least_squares
from counterfoil.estimators.propensity import pattern_frequencies, pattern_propensity

OVERLAP_FLOOR: Final = 0.01
"""A person's own chance, which stands in a denominator, is floored at this over the number of choices."""

Codes = NDArray[np.intp]


def open_choices(past: Codes, chosen: Codes) -> Iterator[tuple[NDArray[np.bool_], Codes]]:
    """Yield people who had the same choices, and those choices.

    A choice is open to people if somebody with the same earlier providers made it.
    """
    pasts, which = np.unique(past, return_inverse=True)
    open_to = np.zeros((len(pasts), int(chosen.max()) + 1), dtype=bool)
    open_to[which, chosen] = True
    kinds, kind = np.unique(open_to, axis=0, return_inverse=True)
    for position, row in enumerate(kinds):
        yield kind.reshape(-1)[which] == position, np.flatnonzero(row)


def independent(columns: FloatArray) -> Codes:
    """Return the positions of columns (n, n_columns) that neither are constant nor follow from earlier ones."""
    kept = least_squares(np.column_stack([np.ones(len(columns)), columns]), np.zeros(len(columns))).kept
    return np.asarray(kept[kept > 0] - 1)


def enrolment_chances(past: Codes, chosen: Codes, columns: FloatArray, weights: FloatArray) -> tuple[FloatArray, int]:
    """Return P(choice | history), shape (n, n_choices), each person's own one floored, and how many were floored.

    Multinomial logits in ``columns``, one for all people who had the same choices.

    Parameters
    ----------
    past : ndarray of int, shape (n,)
        Earlier providers, as codes.
    chosen : ndarray of int, shape (n,)
        The choice made, 0..n_choices-1.
    columns : ndarray, shape (n, n_columns)
    weights : ndarray, shape (n,)

    Raises
    ------
    EstimationError
        EST-002 when a column separates the choices or a fit does not converge, EST-003 with more columns than people.

    Examples
    --------
    >>> past, chosen = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    >>> enrolment_chances(past, chosen, np.empty((4, 0)), np.ones(4))[0]
    array([[1. , 0. ],
           [1. , 0. ],
           [0.5, 0.5],
           [0.5, 0.5]])
    """
    chances = np.zeros((len(chosen), int(chosen.max()) + 1))
    least = np.zeros(len(chosen))
    for people, choices in open_choices(past, chosen):
        made, known = np.searchsorted(choices, chosen[people]), columns[people]
        known = known[:, independent(known)] if len(choices) > 1 else known[:, :0]
        chances[np.ix_(people, choices)] = (
            pattern_propensity(made, known, weights[people])
            if known.shape[1]
            else pattern_frequencies(made, len(choices), weights[people])
        )
        least[people] = OVERLAP_FLOOR / len(choices)
    rows = np.arange(len(chosen))
    low = chances[rows, chosen] < least
    chances[rows, chosen] = np.maximum(chances[rows, chosen], least)
    return chances, int(low.sum())
