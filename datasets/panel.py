"""A panel: units (people, firms, places) by periods, one row a unit and period that was measured.

Rows are ordered by unit and then by time, whatever the order in which they came, so that the same rows give the same bytes.
What does not change with time is a column of units, what does is a column of rows. A repeated cross-section is a panel
whose units have one row each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.covariates import covariate_columns
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import Table, as_numbers, as_text, blank, canonical, is_number, native
from counterfoil.datasets.timeline import Timeline, timeline
from counterfoil.errors import did_you_mean, raise_any, refusal

NEVER = ("", "never", "none", "nan", "0", "0.0", "inf")
"""What stands in a column of first treated periods for a unit that is never treated."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Units by periods; made by `from_frame` or `from_study`.

    Parameters
    ----------
    ids : ndarray, shape (n_units,)
        In ascending order.
    timeline : Timeline
        The T periods.
    unit, period : ndarray of int32, shape (n_rows,)
        Positions of each row's unit and period; ascending by unit and, within it, by period.
    frame : DataFrame
        What the rows hold, in any order.
    rows : ndarray of int, shape (n_rows,)
        Where each row stands in the frame.
    fixed_frame : DataFrame or None
        Columns of units, in the order of `ids`, where they are apart from the rows.
    name : str
    cluster, weights : str or None
        Columns that designs cluster and weight by when their spec names none.
    """

    ids: NDArray[Any]
    timeline: Timeline
    unit: NDArray[np.int32]
    period: NDArray[np.int32]
    frame: pd.DataFrame
    rows: NDArray[np.intp]
    fixed_frame: pd.DataFrame | None = None
    name: str = "panel"
    cluster: str | None = None
    weights: str | None = None

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        unit: str,
        period: str,
        order: Sequence[str] = (),
        cluster: str | None = None,
        weights: str | None = None,
        name: str = "panel",
    ) -> "Panel":
        """Read a long table, one row a unit and period, in any order of rows.

        Parameters
        ----------
        frame : DataFrame
            Of pandas, polars or any library that narwhals reads; never changed.
        unit, period : str
            Columns.
        order : sequence of str
            The periods in order of time; needed where their names are words that do not tell.
        cluster, weights : str, optional
            Columns of units that designs cluster and weight by when their spec names none.
        name : str

        Raises
        ------
        DataError
            DATA-003 without rows, DATA-004 for a missing column, DATA-012 when a unit has two rows in one period,
            DATA-014 for a blank unit or period, DATA-032 when the order of the periods is not known.

        Examples
        --------
        >>> long = pd.DataFrame({"firm": [2, 1, 1, 2], "year": [2001, 2001, 2000, 2000], "jobs": [8.0, 5.0, 4.0, 6.0]})
        >>> panel = Panel.from_frame(long, unit="firm", period="year")
        >>> panel.wide("jobs").tolist()
        [[4.0, 5.0], [6.0, 8.0]]
        """
        table = Table(native(frame), name)
        named = tuple(filter(None, (unit, period, cluster, weights)))
        raise_any([*table.double_columns(), *table.missing_columns(named)])
        held = table.frame.copy(deep=False)
        if held.empty:
            raise refusal("DATA-003", "the table has no row", name)
        unit_code, units = pd.factorize(held[unit])
        period_code, labels = pd.factorize(held[period])
        lines, place = timeline(labels, order) if (period_code >= 0).all() else (None, np.empty(0, dtype=np.intp))
        lacking = [what for what, code in (("unit", unit_code), ("period", period_code)) if (code < 0).any()]
        if lines is None or lacking:
            raise refusal("DATA-014", f"column '{unit if 'unit' in lacking else period}' is blank in some rows", name)
        ids = np.asarray(canonical(pd.Series(units), keep_integers=True))
        rank = np.argsort(ids, kind="stable")
        by_id = np.empty(len(ids), dtype=np.int64)
        by_id[rank] = np.arange(len(ids))
        key = by_id[unit_code] * len(place) + place[period_code]
        rows = _ordered(key, len(ids) * len(place))
        if len(rows) < len(key):
            what = f"{len(key) - len(rows):,} rows repeat a unit and period"
            raise refusal("DATA-012", what, name, "keep one row a unit and period")
        key = key[rows]
        return cls(
            ids=ids[rank],
            timeline=lines,
            unit=(key // len(place)).astype(np.int32),
            period=(key % len(place)).astype(np.int32),
            frame=held,
            rows=rows,
            name=name,
            cluster=cluster,
            weights=weights,
        )

    @classmethod
    def from_study(cls, study: Study, names: Sequence[str], order: Sequence[str] = ()) -> "Panel":
        """Return outcomes and measures of a study as a panel; columns of people are columns of units.

        Parameters
        ----------
        study : Study
        names : sequence of str
            Outcomes and measures, each in every period that it was measured in; the first one's rows are the panel's.
        order : sequence of str
            The periods in order of time; needed where their names are words that do not tell.

        Raises
        ------
        DataError
            DATA-015 for a name that is neither an outcome nor a measure, DATA-032 when the order is not known.
        """
        tables = {name: study.over_time(name) for name in dict.fromkeys(names)}
        first = next(iter(tables.values()))
        labels = first["period"].cat.categories[np.unique(first["period"].cat.codes)]
        lines, place = timeline(pd.Series(labels, dtype=object), order)
        places = pd.Series(place, index=labels)
        columns: dict[str, NDArray[np.float64]] = {}
        grid = np.full(study.n_people * len(place), -1, dtype=np.intp)
        for name, table in tables.items():
            where = places.reindex(table["period"].cat.categories).fillna(-1).to_numpy(dtype=np.int64)
            at = where[table["period"].cat.codes.to_numpy()]
            key = table["person"].cat.codes.to_numpy().astype(np.int64) * len(place) + at
            wide = np.full(len(grid), np.nan)
            wide[key[at >= 0]] = table["value"].to_numpy()[at >= 0]
            if name == next(iter(tables)):
                grid[key] = key
            columns[name] = wide
        rows = grid[grid >= 0]
        return cls(
            ids=study.ids,
            timeline=lines,
            unit=(rows // len(place)).astype(np.int32),
            period=(rows % len(place)).astype(np.int32),
            frame=pd.DataFrame(columns),
            rows=rows,
            fixed_frame=study.people,
            name=study.name,
            cluster=study.cluster,
            weights=study.weights,
        )

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.ids)

    @property
    def n_rows(self) -> int:
        """Number of units and periods that were measured."""
        return len(self.rows)

    @property
    def periods(self) -> tuple[str, ...]:
        """What the periods are called, in order of time."""
        return self.timeline.labels

    @property
    def times(self) -> NDArray[np.float64]:
        """When each period is, shape (T,)."""
        return self.timeline.times

    @property
    def balanced(self) -> bool:
        """Whether every unit was measured in every period."""
        return self.n_rows == self.n_units * len(self.periods)

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which units were measured in every period, shape (n_units,)."""
        return np.asarray(np.bincount(self.unit, minlength=self.n_units) == len(self.periods))

    def __repr__(self) -> str:
        return f"Panel({self.name!r}: {self.n_units:,} units, {len(self.periods)} periods, {self.n_rows:,} rows)"

    def varying(self, name: str, *, complete: bool = True) -> NDArray[np.float64]:
        """Return a column of numbers, shape (n_rows,).

        Raises
        ------
        DataError
            DATA-004 when there is none, DATA-007 when it holds words, DATA-008 when a value is missing or infinite
            (unless ``complete`` is False, which gives NaN).
        """
        return np.asarray(self._numbers(name, complete)[self.rows])

    def require(self, name: str) -> None:
        """Refuse a column that `varying` refuses, without reading it out."""
        self._numbers(name, True)

    def _numbers(self, name: str, complete: bool) -> NDArray[np.float64]:
        """Return a column of numbers in the order of the frame."""
        values, wrong = as_numbers(self._column(name))
        # Rows are gathered only where something is wrong: looking through a column in its own order is much cheaper.
        if wrong.any() and wrong[self.rows].any():
            lost = int(wrong[self.rows].sum())
            raise refusal("DATA-007", f"column '{name}' holds {lost} values that are no number", self.name)
        finite = np.isfinite(values)
        if finite.all():
            return values
        if not complete:
            return np.where(finite, values, np.nan)
        if missing := int((~finite[self.rows]).sum()):
            raise refusal(
                "DATA-008", f"column '{name}' has no finite value in {missing:,} of {self.n_rows:,} rows", self.name
            )
        return values

    def wide(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers as units by periods, shape (n_units, T); NaN where nothing was measured."""
        if self.balanced:
            return self.varying(name, complete=False).reshape(self.n_units, len(self.periods))
        grid = np.full(self.n_units * len(self.periods), np.nan)
        grid[self.unit.astype(np.int64) * len(self.periods) + self.period] = self.varying(name, complete=False)
        return grid.reshape(self.n_units, len(self.periods))

    def fixed(self, name: str, *, complete: bool = True) -> Any:
        """Return a column of units as a Series, shape (n_units,).

        Raises
        ------
        DataError
            DATA-004 when there is none, DATA-014 when it is blank (unless ``complete`` is False), DATA-031 when it changes
            over time.
        """
        if self.fixed_frame is not None and name in self.fixed_frame:
            column = self.fixed_frame[name].reset_index(drop=True)
        else:
            whole = self._column(name)
            number = is_number(whole)
            codes = as_numbers(whole)[0] if number else pd.factorize(whole, use_na_sentinel=False)[0]
            codes, first = codes[self.rows], self._first()
            # Rows are in order of units, so a column of units differs from row to row only where the unit does.
            moved = (codes[1:] != codes[:-1]) & (self.unit[1:] == self.unit[:-1])
            if moved.any():
                moved &= ~(np.isnan(codes[1:]) & np.isnan(codes[:-1]))
            if moved.any():
                units = len(np.unique(self.unit[1:][moved]))
                what = f"column '{name}' changes over time for {units:,} of {self.n_units:,} units"
                raise refusal("DATA-031", what, self.name)
            column = whole.iloc[self.rows[first]].reset_index(drop=True)
        if complete and (missing := blank(column)).any():
            raise refusal("DATA-014", f"column '{name}' is blank for {int(missing.sum())} units", self.name)
        return column

    def covariates(self, names: Sequence[str]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Return columns of units as numbers: shape (n_units, n_columns), and the columns' names.

        A column of text becomes one column of 0 and 1 a level, without the first level.

        Raises
        ------
        DataError
            As `fixed`; all at once.
        """
        return covariate_columns(names, self.fixed, self.n_units, "units", self.name)

    def groups(self, name: str) -> tuple[NDArray[np.intp], NDArray[Any]]:
        """Return a column of units as integer codes, shape (n_units,), and what each group is called."""
        codes, names = pd.factorize(canonical(self.fixed(name), keep_integers=True), sort=True)
        return np.asarray(codes, dtype=np.intp), np.asarray(names)

    def row_groups(self, name: str) -> tuple[NDArray[np.intp], NDArray[Any]]:
        """Return a column of rows or of units as integer codes, shape (n_rows,), and what each group is called.

        Raises
        ------
        DataError
            DATA-004 when there is none, DATA-014 when it is blank.
        """
        if self.fixed_frame is not None and name in self.fixed_frame:
            codes, names = self.groups(name)
            return codes[self.unit], names
        column = self._column(name)
        if missing := int(blank(column)[self.rows].sum()):
            raise refusal("DATA-014", f"column '{name}' is blank in {missing:,} rows", self.name)
        codes, names = pd.factorize(canonical(column, keep_integers=True), sort=True)
        return np.asarray(codes, dtype=np.intp)[self.rows], np.asarray(names)

    def arm(self, name: str) -> NDArray[np.bool_]:
        """Return a column of units that is 0 or 1, shape (n_units,).

        Raises
        ------
        DataError
            DATA-013 unless it is 0 or 1 for every unit, DATA-031 when it changes over time.
        """
        values, wrong = as_numbers(self.fixed(name))
        wrong = wrong | ~np.isin(values, (0.0, 1.0))
        if wrong.any():
            raise refusal("DATA-013", f"column '{name}' is neither 0 nor 1 for {int(wrong.sum()):,} units", self.name)
        return np.asarray(values == 1.0)

    def first_treated(self, name: str) -> NDArray[np.float64]:
        """Return when each unit was first treated, shape (n_units,), on the scale of `times`; infinite for never.

        Parameters
        ----------
        name : str
            Column of units that holds a period, or a time before the first or after the last one; blank, 0 or ``never`` for
            a unit that is never treated.

        Raises
        ------
        DataError
            DATA-031 when it changes over time, DATA-032 for a word that is no period.
        """
        column = self.fixed(name, complete=False)
        if is_number(column):
            times = as_numbers(column)[0]
            never = np.isnan(times) | np.isposinf(times) | (times == 0)
        else:
            never = blank(column) | as_text(column).str.strip().str.lower().isin(NEVER).to_numpy()
        found = np.full(self.n_units, np.inf)
        words = pd.Series(column[~never].to_numpy())
        numbers, wrong = as_numbers(words)
        own = as_numbers(pd.Series(self.periods, dtype=object))
        if not own[1].any() and np.array_equal(own[0], self.times) and not wrong.any():
            found[~never] = numbers
            return found
        known = pd.Series(self.times, index=self.periods)
        said = as_text(words).str.strip() if wrong.any() else [f"{number:.15g}" for number in numbers]
        place = known.reindex(said).to_numpy()
        if lost := int(np.isnan(place).sum()):
            what = f"column '{name}' names no period of the panel for {lost:,} units"
            raise refusal("DATA-032", what, self.name, "write a period as it stands in the data, or leave it blank")
        found[~never] = place
        return found

    def treated_since(self, name: str) -> NDArray[np.float64]:
        """Return when each unit was first treated from a 0/1 column of rows, as `first_treated`.

        Raises
        ------
        DataError
            DATA-013 unless it is 0 or 1 in every row.
        IdentificationError
            IDENT-037 when a unit's treatment ends.
        """
        values = self.varying(name)
        wrong = ~np.isin(values, (0.0, 1.0))
        if wrong.any():
            what = f"column '{name}' is neither 0 nor 1 in {int(wrong.sum()):,} rows"
            raise refusal("DATA-013", what, self.name, "declare from when a partly treated period counts as treated")
        on = values == 1.0
        ended = on[:-1] & ~on[1:] & (self.unit[:-1] == self.unit[1:])
        if ended.any():
            units = len(np.unique(self.unit[:-1][ended]))
            raise refusal("IDENT-037", f"treatment ends for {units:,} of {self.n_units:,} units", f"column '{name}'")
        found = np.full(self.n_units, np.inf)
        np.minimum.at(found, self.unit[on], self.times[self.period[on]])
        return found

    def subset(self, keep: NDArray[np.bool_]) -> "Panel":
        """Return the panel of some of its rows; units without a row are no longer in it, and every period is.

        Parameters
        ----------
        keep : ndarray of bool, shape (n_rows,)
        """
        units, unit = np.unique(self.unit[keep], return_inverse=True)
        fixed = None if self.fixed_frame is None else self.fixed_frame.iloc[units].reset_index(drop=True)
        return replace(
            self,
            ids=self.ids[units],
            unit=unit.astype(np.int32),
            period=self.period[keep],
            rows=self.rows[keep],
            fixed_frame=fixed,
        )

    def _first(self) -> NDArray[np.intp]:
        """Return the first row of each unit, shape (n_units,)."""
        starts = np.flatnonzero(np.diff(self.unit, prepend=-1))
        if len(starts) < self.n_units:
            raise refusal("DATA-012", f"{self.n_units - len(starts):,} units have no row", self.name)
        return np.asarray(starts)

    def _column(self, name: str) -> Any:
        if name not in self.frame:
            fixed = () if self.fixed_frame is None else self.fixed_frame.columns
            known = [str(column) for column in (*fixed, *self.frame.columns)]
            raise refusal("DATA-004", f"column '{name}' is missing{did_you_mean(name, known)}", self.name)
        return self.frame[name]


def _ordered(key: NDArray[np.int64], size: int) -> NDArray[np.intp]:
    """Return the rows in order of distinct keys 0..size-1; of rows with one key the last."""
    if size <= 4 * len(key):
        place = np.full(size, -1, dtype=np.intp)
        place[key] = np.arange(len(key))
        return place[place >= 0]
    order = np.argsort(key, kind="stable")
    last = np.append(np.diff(key[order]) > 0, True)
    return np.asarray(order[last])
