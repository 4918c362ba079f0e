"""Whether the people of a comparison are alike before and after weighting or matching, read without outcomes.

Differences are told in standard deviations before weighting, in both columns alike: of the treated for the effect on the treated,
of the untreated for the effect on the untreated, and pooled otherwise. One that is below .1 counts as balanced. Besides what was
adjusted for, the table has the levels of words that the design leaves out, and any functions asked for (squares, products,
columns that were not adjusted for): what was adjusted for is balanced by construction in many designs.

Sources: Austin (2009), Statistics in Medicine 28(25), 3083–3107; Stuart, Lee and Leacy (2013), J. Clinical Epidemiology 66(8),
S84–S90, for standard deviations that stay as they were.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from counterfoil.datasets.disclosure import SMALL_CELL, shown, suppress_counts
from counterfoil.datasets.table import as_text, blank, is_number
from counterfoil.errors import refusal
from counterfoil.estimators.balance import LARGEST
from counterfoil.estimators.comparisons.adjusting import UNKNOWN
from counterfoil.estimators.comparisons.balance_measures import Balance, Unit, balance_of
from counterfoil.estimators.comparisons.balance_result import BalanceTable
from counterfoil.estimators.comparisons.compared import Compared
from counterfoil.estimators.comparisons.comparison_design import Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.covariance import FloatArray

UNIT_OF: Final[dict[Estimand, Unit]] = {"att": "treated", "atc": "untreated"}
"""Whose standard deviation differences are told in; pooled for the others."""


def balance_table(
    compared: Compared, *, functions: Mapping[str, ArrayLike] | None = None, by: str | None = None
) -> BalanceTable:
    """Return how alike the people of a comparison are, before and after it weighs or matches them.

    Parameters
    ----------
    compared : Compared
        What a comparison's ``build`` returns; outcomes are not read.
    functions : mapping of str to array, shape (n,), optional
        More columns to look at, in the order of ``compared.sample.study.ids``: squares, products, what was not adjusted for.
    by : str, optional
        Column of people: the same again within each of its groups, in the standard deviations of everybody. Groups with fewer
        than 11 people used on a side are not shown, nor one that would give them away.

    Raises
    ------
    DataError
        DATA-004 or DATA-014 when ``by`` is missing or blank.
    EstimationError
        EST-015 when there is nothing to compare people in, a side has nobody of positive weight, or a regression alone gives
        some people negative weights.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Weighting
    >>> weights = Weighting(treated="assigned", covariates=("age", "educ", "nodegree")).build(cf.datasets.load("nsw"))
    >>> table = balance_table(weights)
    >>> table.worst.name, round(table.worst.before, 3), round(table.worst.after, 3)
    ('nodegree', -0.278, 0.005)
    """
    sample = compared.sample
    if (compared.balancing < 0).any():
        what = "a regression alone gives some people negative weights, so that no weighted group stands behind it"
        raise refusal("EST-015", what, "estimator, method", "use `method: aipw`, whose weights can be looked at")
    columns, names, adjusted = _columns(sample, functions or {})
    unit_of = UNIT_OF.get(compared.estimand, "pooled")
    groups, found = (None, np.empty(0)) if by is None else sample.study.groups(by)
    labels = [f"{label:.15g}" if isinstance(label, float) else str(label) for label in found.tolist()]
    rows: list[pd.DataFrame] = []
    sizes: list[dict[str, Any]] = []
    hidden: list[tuple[str, str]] = []
    rare: list[tuple[str, str]] = []
    for term, code, weights in zip(sample.terms, sample.arms.chosen, compared.balancing.T, strict=True):
        treated = sample.of(code)
        member = treated | sample.of(0)
        whole = balance_of(
            columns[member], treated[member], weights[member], base=sample.weights[member], unit_of=unit_of
        )
        rows.append(_rows(whole, term, "", names, adjusted))
        rare += [(term, names[place]) for place in np.flatnonzero(_rare(columns[member]))]
        counts = [shown(int(side.sum())) for side in (treated, sample.of(0))]
        few = [0 < int((side & (weights > 0)).sum()) < SMALL_CELL for side in (treated, sample.of(0))]
        sizes.append(_sizes(term, "", counts, whole, few))
        if groups is None:
            continue
        keep, written = _shown_groups(groups, len(labels), treated, sample.of(0), weights > 0)
        for place, label in enumerate(labels):
            if not keep[place]:
                hidden.append((term, label))
                sizes.append(_sizes(term, label, written[place], None))
                continue
            inside = member & (groups == place)
            part = balance_of(
                columns[inside],
                treated[inside],
                weights[inside],
                base=sample.weights[inside],
                unit_of=unit_of,
                unit=whole.unit,
            )
            rows.append(_rows(part, term, label, names, adjusted))
            sizes.append(_sizes(term, label, written[place], part))
    table = pd.concat(rows, ignore_index=True)
    return BalanceTable(table, pd.DataFrame(sizes), by, tuple(hidden), compared.estimand, tuple(rare))


def _columns(
    sample: ComparisonSample, functions: Mapping[str, ArrayLike]
) -> tuple[FloatArray, tuple[str, ...], NDArray[np.bool_]]:
    """Return what people are compared in, (n, p): columns adjusted for, levels left out of them, and functions."""
    found = sample.adjusting
    parts, names = [found.values], list(found.names)
    for covariate in dict.fromkeys(found.covariates):
        column = sample.study.column(covariate, complete=False)
        if is_number(column):
            continue
        words = as_text(column).to_numpy(dtype=object)
        words = np.where(blank(column), UNKNOWN, words).astype(str)
        for level in np.unique(words):
            if (name := f"{covariate}={level}") not in names:
                parts.append((words == level)[:, None].astype(np.float64))
                names.append(name)
    for name, values in functions.items():
        given = np.asarray(_in_order(values, sample, name), dtype=np.float64)
        if given.shape != (sample.n,) or not np.isfinite(given).all():
            raise ValueError(f"function '{name}' has one finite value for each of the people compared")
        if name in names:
            raise ValueError(f"'{name}' is in the table already; call the function something else")
        parts.append(given[:, None])
        names.append(name)
    if not names:
        raise refusal("EST-015", "there is no column to compare people in", "functions")
    return np.hstack(parts), tuple(names), np.arange(len(names)) < len(found.names)


def _rare(columns: FloatArray) -> NDArray[np.bool_]:
    """Tell which columns of two values 1 to 10 people have one of, (p,)."""
    low, high = columns.min(axis=0), columns.max(axis=0)
    upper = (columns == high).sum(axis=0)
    two = (upper + (columns == low).sum(axis=0) == len(columns)) & (low < high)
    return np.asarray(two & (np.minimum(upper, len(columns) - upper) < SMALL_CELL))


def _in_order(values: ArrayLike, sample: ComparisonSample, name: str) -> ArrayLike:
    """Return values in the order of people; a Series that names people is put into it, and one that does not fit is refused."""
    if not isinstance(values, pd.Series) or values.index.equals(pd.RangeIndex(len(values))):
        return values
    if not values.index.is_unique or not pd.Index(sample.study.ids).isin(values.index).all():
        raise ValueError(f"the index of function '{name}' does not name each of the people compared once")
    return np.asarray(values.loc[sample.study.ids])


def _shown_groups(
    groups: NDArray[np.intp],
    count: int,
    treated: NDArray[np.bool_],
    untreated: NDArray[np.bool_],
    used: NDArray[np.bool_],
) -> tuple[list[bool], list[list[str]]]:
    """Return which groups may be shown, and the counts of their two sides as they may be written."""
    cells = [np.bincount(groups[side], minlength=count) for side in (treated, untreated)]
    cells += [np.bincount(groups[side & used], minlength=count) for side in (treated, untreated)]
    written = [suppress_counts(cell) for cell in cells]
    keep = [all(cell[place][:1].isdigit() and cell[place] != "0" for cell in written) for place in range(count)]
    return keep, [[written[0][place], written[1][place]] for place in range(count)]


def _rows(found: Balance, term: str, group: str, names: tuple[str, ...], adjusted: NDArray[np.bool_]) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "term": term,
        "group": group,
        "covariate": names,
        "adjusted": adjusted,
        "binary": found.binary,
        "unit": found.unit,
        "unit_of": found.unit_of,
    }
    for name, (stage, measures) in product(
        ("treated", "untreated", "difference", "smd", "variance_ratio", "ks", "overlap"),
        (("before", found.before), ("after", found.after)),
    ):
        value = measures.treated - measures.untreated if name == "difference" else getattr(measures, name)
        columns[f"{name}_{stage}"] = value
    return pd.DataFrame(columns).assign(balanced=np.abs(found.after.smd) < LARGEST)


def _sizes(
    term: str, group: str, counts: list[str], found: Balance | None, few: Sequence[bool] = (False, False)
) -> dict[str, Any]:
    row: dict[str, Any] = {"term": term, "group": group, "people_treated": counts[0], "people_untreated": counts[1]}
    for place, who in enumerate(("treated", "untreated")):
        for stage in ("before", "after"):
            row[f"ess_{who}_{stage}"] = np.nan if found is None or few[place] else getattr(found, stage).ess[place]
    return row
