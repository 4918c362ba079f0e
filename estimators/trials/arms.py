"""The arms of a lottery: who was assigned to what, and which arm is the control.

An effect of one arm is measured against people in control; arms other than the control may be asked for one by one, all
side by side, or as if they were one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers, is_number
from counterfoil.errors import did_you_mean, refusal
from counterfoil.estimators.covariance import ErrorType

ANY: Final = "any"
"""Stands for all arms but the control, as if they were one."""


def _as_text(label: Any) -> Any:
    """Let a number name an arm, as a contract writes it."""
    return f"{label:.15g}" if isinstance(label, int | float) and not isinstance(label, bool) else label


Label = Annotated[str, BeforeValidator(_as_text)]


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """Who was assigned to what.

    Parameters
    ----------
    codes : ndarray of int, shape (n_people,)
        0 for the control, 1 to K for the other arms in order of name, numbers by size.
    labels : tuple of str
        What each code is called; the first is the control.
    chosen : tuple of int
        The codes of the arms that are asked for.
    """

    codes: NDArray[np.intp]
    labels: tuple[str, ...]
    chosen: tuple[int, ...]

    @property
    def indicators(self) -> NDArray[np.float64]:
        """Columns of 0 and 1, one for each arm but the control, shape (n_people, K)."""
        return np.asarray(self.codes[:, None] == np.arange(1, len(self.labels)), dtype=np.float64)

    @property
    def counts(self) -> dict[str, int]:
        """How many people each arm has, by label."""
        found = np.bincount(self.codes, minlength=len(self.labels))
        return {label: int(count) for label, count in zip(self.labels, found, strict=True)}


def labels_of(column: Any) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Return a column of arms as codes, shape (n_people,), and what each is called; whole numbers without a point."""
    if is_number(column):
        values, codes = np.unique(as_numbers(column)[0], return_inverse=True)
        return np.asarray(codes, dtype=np.intp), tuple(f"{value:.15g}" for value in values)
    names, codes = np.unique(np.asarray(column, dtype=str), return_inverse=True)
    return np.asarray(codes, dtype=np.intp), tuple(str(name) for name in names)


def read_arms(study: Study, column: str, control: str | None = None, arm: str | None = None) -> Arms:
    """Read who was assigned to what.

    Parameters
    ----------
    study : Study
    column : str
        Of people: 0 and 1 when no control is named, and otherwise the label of each person's arm.
    control : str, optional
        Label of the control.
    arm : str, optional
        Label of the arm that is asked for, or ``any`` for all but the control as if they were one; every arm when omitted.

    Raises
    ------
    DataError
        DATA-013 when no control is named and the column is not 0 or 1 for everybody.
    IdentificationError
        IDENT-001 when an arm is empty, IDENT-019 when the column has no such arm.

    Examples
    --------
    >>> import pandas as pd
    >>> study = Study.from_tables(pd.DataFrame({"person": [1, 2, 3], "arm": ["none", "visits", "letters"]}))
    >>> read_arms(study, "arm", control="none").labels
    ('none', 'letters', 'visits')
    """
    where = f"people, column '{column}'"
    if control is None:
        assigned = study.arm(column)
        if assigned.all() or not assigned.any():
            raise refusal("IDENT-001", f"the {'control' if assigned.all() else 'assigned'} arm has nobody", where)
        return Arms(assigned.astype(np.intp), ("control", "assigned"), (1,))
    codes, labels = labels_of(study.column(column))
    for label, word in ((control, "control"), (arm, "arm")):
        if label is not None and label not in labels and (label, word) != (ANY, "arm"):
            hint = did_you_mean(str(label), map(str, labels))
            raise refusal("IDENT-019", f"{word} '{label}' is none of the {len(labels)} arms{hint}", where)
    if arm == control:
        raise refusal("IDENT-019", f"arm '{control}' is the control", where)
    if len(labels) == 1:
        raise refusal("IDENT-001", "everybody is in control", where)
    if arm == ANY and ANY in labels:
        raise refusal("IDENT-019", f"'{ANY}' means all arms but the control, and is also the name of one", where)
    first = labels.index(control)
    others = [code for code in range(len(labels)) if code != first]
    place = np.empty(len(labels), dtype=np.intp)
    place[[first, *others]] = np.arange(len(labels))
    ordered = (control, *(labels[code] for code in others))
    if arm == ANY:
        return Arms((codes != first).astype(np.intp), (control, ANY), (1,))
    return Arms(place[codes], ordered, tuple(range(1, len(labels))) if arm is None else (ordered.index(arm),))


def check_blocks(blocks: NDArray[np.intp], arms: Arms, error_type: ErrorType) -> None:
    """Refuse blocks that lack an arm, or have too few people for the error type.

    Raises
    ------
    IdentificationError
        IDENT-007 when a block lacks an arm.
    EstimationError
        EST-001 when a block has one person in an arm and the error type needs two.
    """
    count = int(blocks.max()) + 1
    sizes = np.array([np.bincount(blocks[arms.codes == code], minlength=count) for code in range(len(arms.labels))])
    empty = (sizes == 0).any(axis=0)
    if empty.any():
        lacking = "hold one arm only" if len(arms.labels) == 2 else "lack an arm"
        raise refusal("IDENT-007", f"{int(empty.sum())} of {len(empty)} blocks {lacking}")
    alone = (sizes == 1).any(axis=0)
    if alone.any() and error_type in {"HC2", "HC3"}:
        what = f"{int(alone.sum())} blocks have a single person in an arm, which {error_type} cannot use"
        raise refusal(
            "EST-001", what, fix="merge small blocks, agree to `vcov: classical`, or name blocks of two as `pairs`"
        )


def in_words(labels: Sequence[str]) -> str:
    """Name the arms whose people an effect is for."""
    one = len(labels) == 1 and labels[0] != ANY
    return f"people assigned to {labels[0]}" if one else "people assigned to any arm but the control"
