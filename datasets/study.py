"""The study: a set of checked tables about the same people.

::

    people(person, cohort, site, assigned, <covariates>)   one row a person; assigned is the arm of a lottery
    services(person, provider, start, end, dose)           who really served whom
    outcomes(person, outcome, period, value)               long; one row a person, outcome and period

Rows are kept in the order of the person ids, so that the same people in another order give the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.roster import Roster
from counterfoil.datasets.table import Table, as_dates, as_numbers, as_text, blank, canonical, is_number
from counterfoil.errors import Problem, did_you_mean, listed, raise_any, refusal

PEOPLE = ("person",)
SERVICES = ("person", "provider")
OUTCOMES = ("person", "outcome", "value")


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Checked tables about the same people; made by `from_frame`, `from_tables` or `read_study`.

    Parameters
    ----------
    people : DataFrame
        One row a person, ordered by ``person``; numbers are float64, everything else is text.
    services : DataFrame or None
        One row a service received: person, provider, and as recorded start, end, dose.
    outcomes : DataFrame or None
        Long: person, outcome, period, value. None before outcomes are read.
    name, title : str
        What the study is called.
    cluster : str or None
        The column of people that estimators cluster by when their spec names none.
    window : pair of dates or None
        First and last day on which a service counts.
    digests : mapping of str to str
        SHA-256 of each file read, by file name; empty for a study from frames.
    """

    people: pd.DataFrame
    services: pd.DataFrame | None = None
    outcomes: pd.DataFrame | None = None
    name: str = "study"
    title: str = ""
    cluster: str | None = None
    window: tuple[date, date] | None = None
    digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        person: str | None = None,
        providers: Sequence[str] = (),
        outcomes: Sequence[str] = (),
        doses: Mapping[str, str] | None = None,
        cluster: str | None = None,
        name: str = "study",
    ) -> "Study":
        """Read the flat table that evaluators really have: one row a person.

        Parameters
        ----------
        frame : DataFrame
            Never changed. Columns that are not named below stay available as covariates, blocks, assignment.
        person : str, optional
            Column of person ids; the index when omitted.
        providers : sequence of str
            Columns of 0 and 1: whether the provider served the person.
        outcomes : sequence of str
            Columns of numbers, one an outcome; finite for everybody.
        doses : mapping, optional
            Provider to the column that says how much it did for the person.
        cluster : str, optional
            Column that estimators cluster by when their spec names none.
        name : str
            What to call the study.

        Raises
        ------
        DataError
            With every problem of the table at once.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"id": [1, 2], "clinic": [0, 1], "score": [3.0, 5.0]})
        >>> Study.from_frame(frame, person="id", providers=["clinic"], outcomes=["score"])
        Study('study': 2 people, 1 provider, 1 outcome)
        """
        table = Table(frame, "frame")
        doses = dict(doses or {})
        wanted = [
            *([person] if person else []),
            *providers,
            *outcomes,
            *doses.values(),
            *([cluster] if cluster else []),
        ]
        raise_any([*table.double_columns(), *table.missing_columns(tuple(dict.fromkeys(wanted)))])
        raise_any(
            [
                Problem("DATA-010", f"doses name '{key}', which is not among the providers", "frame")
                for key in doses
                if key not in providers
            ]
        )
        ids = frame[person] if person else pd.Series(frame.index, index=frame.index)
        used = {*providers, *outcomes, *doses.values(), *([person] if person else [])}
        people = frame[[column for column in frame.columns if column not in used]].copy()
        people.insert(0, "person", ids)
        services, problems = _services_of(table, ids, providers, doses)
        raise_any(problems)
        long = [pd.DataFrame({"person": ids, "outcome": name, "value": frame[name]}) for name in outcomes]
        return cls.from_tables(
            people,
            services=services if providers else None,
            outcomes=pd.concat(long, ignore_index=True) if long else None,
            name=name,
            cluster=cluster,
        )

    @classmethod
    def from_tables(
        cls,
        people: pd.DataFrame | Table,
        *,
        services: pd.DataFrame | Table | None = None,
        outcomes: pd.DataFrame | Table | None = None,
        name: str = "study",
        title: str = "",
        cluster: str | None = None,
        window: tuple[date, date] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> "Study":
        """Check three tables against each other and make a study of copies of them.

        Raises
        ------
        DataError
            With every problem of the tables at once; a problem names rows, never values.
        """
        tables = {
            key: table if isinstance(table, Table) else Table(table, key)
            for key, table in (("people", people), ("services", services), ("outcomes", outcomes))
            if table is not None
        }
        problems: list[Problem] = []
        checked_people = _check_people(tables["people"], problems)
        if cluster is not None:
            problems += tables["people"].missing_columns((cluster,))
        known = pd.Index([]) if checked_people is None else pd.Index(checked_people["person"])
        checked_services = checked_outcomes = None
        if "services" in tables:
            checked_services = _check_services(tables["services"], known, window, problems)
        if "outcomes" in tables:
            checked_outcomes = _check_outcomes(tables["outcomes"], known, problems)
        raise_any(problems)
        return cls(
            people=checked_people,
            services=checked_services,
            outcomes=checked_outcomes,
            name=name,
            title=title or name,
            cluster=cluster,
            window=window,
            digests=dict(digests or {}),
        )

    def __repr__(self) -> str:
        parts = [f"{self.n_people:,} people"]
        for count, word in ((len(self.providers), "provider"), (len(self.outcome_names), "outcome")):
            parts.append(f"{count} {word}{'' if count == 1 else 's'}")
        return f"Study({self.name!r}: {', '.join(parts)})"

    @property
    def ids(self) -> NDArray[Any]:
        """Person ids, shape (n_people,), in the order of every array that the study hands out."""
        return np.asarray(self.people["person"].to_numpy())

    @property
    def n_people(self) -> int:
        """Number of people."""
        return len(self.people)

    @property
    def providers(self) -> tuple[str, ...]:
        """Providers in the services table, in order of name."""
        return () if self.services is None else tuple(sorted(self.services["provider"].unique()))

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """Outcomes in the outcomes table, in order of name."""
        return () if self.outcomes is None else tuple(sorted(self.outcomes["outcome"].unique()))

    def without_outcomes(self) -> "Study":
        """Return the study as it stood before outcomes were read."""
        return Study(self.people, self.services, None, self.name, self.title, self.cluster, self.window, self.digests)

    def outcome(self, name: str | None = None, period: str | None = None) -> NDArray[np.float64]:
        """Return one outcome, shape (n_people,), in its own units.

        Raises
        ------
        DataError
            DATA-015 for an unknown outcome, DATA-022 when several could be meant, DATA-012 when a person
            has none or several rows, DATA-019 without an outcomes table.
        """
        if self.outcomes is None:
            raise refusal("DATA-019", "the study has no outcomes table", self.name)
        if name is None:
            if len(self.outcome_names) > 1:
                raise refusal("DATA-022", f"the study has the outcomes {listed(self.outcome_names)}", self.name)
            name = self.outcome_names[0]
        rows = self.outcomes[self.outcomes["outcome"] == name]
        if rows.empty:
            hint = did_you_mean(name, self.outcome_names) or f"; it has {listed(self.outcome_names)}"
            raise refusal("DATA-015", f"the study has no outcome '{name}'{hint}", self.name)
        if period is not None:
            rows = rows[rows["period"] == period]
        elif rows["period"].nunique() > 1:
            raise refusal("DATA-022", f"outcome '{name}' has {rows['period'].nunique()} periods", self.name)
        where = f"outcome '{name}'" + (f", period '{period}'" if period else "")
        if rows["person"].duplicated().any():
            count = int(rows["person"].duplicated().sum())
            raise refusal("DATA-012", f"{count} rows repeat a person", where)
        position = pd.Index(rows["person"]).get_indexer(pd.Index(self.ids))
        if (position < 0).any():
            raise refusal("DATA-012", f"{int((position < 0).sum())} of {self.n_people} people have no row", where)
        return np.asarray(rows["value"].to_numpy(dtype=np.float64)[position])

    def column(self, name: str) -> Any:
        """Return a column of the people table as a Series.

        Raises
        ------
        DataError
            DATA-004 when there is none, DATA-014 when it has blanks.
        """
        table = Table(self.people, "people")
        raise_any(table.missing_columns((name,)))
        column = self.people[name]
        if (missing := blank(column)).any():
            raise refusal("DATA-014", f"column '{name}' is blank for {int(missing.sum())} people", "people")
        return column

    def codes(self, name: str) -> NDArray[np.intp]:
        """Return a column of groups (cluster, block) as integer codes, shape (n_people,)."""
        return np.asarray(pd.factorize(self.column(name), sort=True)[0], dtype=np.intp)

    def arm(self, name: str = "assigned") -> NDArray[np.bool_]:
        """Return the arm of the lottery, shape (n_people,): True for people assigned to the programme.

        Raises
        ------
        DataError
            DATA-013 unless the column is 0 or 1 for everybody.
        """
        values, wrong = as_numbers(self.column(name))
        wrong = wrong | ~np.isin(values, (0.0, 1.0))
        if wrong.any():
            raise refusal("DATA-013", f"column '{name}' is neither 0 nor 1 for {int(wrong.sum())} people", "people")
        return np.asarray(values == 1.0)

    def covariates(self, names: Sequence[str]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Return covariates as numbers: shape (n_people, n_columns), and the columns' names.

        A column of text becomes one column of 0 and 1 a level, without the first level.

        Raises
        ------
        DataError
            DATA-004 for a missing column, DATA-014 for a blank or infinite value; all at once.
        """
        problems: list[Problem] = []
        parts: list[NDArray[np.float64]] = []
        labels: list[str] = []
        for name in names:
            try:
                column = self.column(name)
            except ValueError as error:
                problems += getattr(error, "problems", ())
                continue
            if is_number(column):
                values = as_numbers(column)[0]
                if not np.isfinite(values).all():
                    count = int((~np.isfinite(values)).sum())
                    problems.append(Problem("DATA-014", f"column '{name}' is infinite for {count} people", "people"))
                parts.append(values[:, None])
                labels.append(name)
            else:
                levels = sorted(set(column))[1:]
                parts += [(column == level).to_numpy(dtype=np.float64)[:, None] for level in levels]
                labels += [f"{name}={level}" for level in levels]
        raise_any(problems)
        return np.hstack(parts) if parts else np.empty((self.n_people, 0)), tuple(labels)

    def roster(self, providers: Sequence[str] | None = None) -> Roster:
        """Return who served whom.

        Parameters
        ----------
        providers : sequence of str, optional
            Which providers, in which order; all in the services table when omitted. A provider named here
            that served nobody has an empty column.

        Raises
        ------
        DataError
            DATA-019 without a services table.
        """
        if self.services is None:
            raise refusal("DATA-019", "the study has no services table", self.name)
        names = tuple(self.providers if providers is None else providers)
        where = {name: position for position, name in enumerate(names)}
        kept = self.services[self.services["provider"].isin(names)]
        row = pd.Index(self.ids).get_indexer(pd.Index(kept["person"]))
        column = kept["provider"].map(where).to_numpy(dtype=np.intp)
        exposure = np.zeros((self.n_people, len(names)), dtype=bool)
        exposure[row, column] = True
        dose = None
        if "dose" in kept:
            dose = np.zeros(exposure.shape)
            np.add.at(dose, (row, column), kept["dose"].to_numpy(dtype=np.float64))
        return Roster(self.ids, names, exposure, dose)


def _services_of(
    table: Table, ids: Any, providers: Sequence[str], doses: Mapping[str, str]
) -> tuple[pd.DataFrame, list[Problem]]:
    """Turn provider columns of 0 and 1 into rows of a services table."""
    problems: list[Problem] = []
    parts = []
    for name in providers:
        values, wrong = as_numbers(table.frame[name])
        wrong = wrong | ~np.isin(values, (0.0, 1.0))
        if wrong.any():
            what = f"column '{name}' is neither 0 nor 1 for {int(wrong.sum())} people"
            problems.append(table.problem("DATA-016", what, wrong))
            continue
        served = values == 1.0
        part = pd.DataFrame({"person": ids[served], "provider": str(name)})
        if name in doses:
            part["dose"] = table.frame[doses[name]][served]
        elif doses:
            problems.append(table.problem("DATA-017", f"provider '{name}' has no dose column"))
        parts.append(part)
    columns = ["person", "provider", *(["dose"] if doses else [])]
    return (pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)), problems


def _check_people(table: Table, problems: list[Problem]) -> pd.DataFrame | None:
    found = [*table.double_columns(), *table.missing_columns(PEOPLE)]
    if not found and table.frame.empty:
        found.append(table.problem("DATA-003", "the table has no row"))
    problems += found
    if found:
        return None
    frame = table.frame.reset_index(drop=True)
    missing = blank(frame["person"])
    if missing.any():
        problems.append(table.problem("DATA-014", f"{int(missing.sum())} person ids are blank", missing))
    repeated = frame["person"].duplicated(keep="first").to_numpy() & ~missing
    if repeated.any():
        problems.append(table.problem("DATA-005", f"{int(repeated.sum())} rows repeat a person id", repeated))
    checked = pd.DataFrame({name: canonical(frame[name], name == "person") for name in frame.columns})
    return checked.sort_values("person", kind="stable", ignore_index=True)


def _check_services(
    table: Table, known: pd.Index, window: tuple[date, date] | None, problems: list[Problem]
) -> pd.DataFrame | None:
    found = [*table.double_columns(), *table.missing_columns(SERVICES)]
    problems += found
    if found:
        return None
    frame = table.frame.reset_index(drop=True)
    missing = blank(frame["provider"])
    if missing.any():
        problems.append(table.problem("DATA-014", f"{int(missing.sum())} providers are blank", missing))
    checked = pd.DataFrame({"person": canonical(frame["person"], keep_integers=True)})
    checked["provider"] = as_text(frame["provider"])
    _check_known(table, checked["person"], known, problems)
    for name in ("start", "end"):
        if name in frame:
            checked[name] = _check_dates(table, frame[name], window, problems)
    if "start" in checked and "end" in checked:
        backward = (checked["end"] < checked["start"]).to_numpy()
        if backward.any():
            what = f"{int(backward.sum())} services end before they start"
            problems.append(table.problem("DATA-009", what, backward))
    if "dose" in frame:
        dose, wrong = as_numbers(frame["dose"])
        _wrong_type(table, "dose", "number", wrong, problems)
        bad = ~wrong & ~(np.isfinite(dose) & (dose >= 0))
        if bad.any():
            what = f"{int(bad.sum())} doses are blank, negative or infinite"
            problems.append(table.problem("DATA-017", what, bad))
        checked["dose"] = dose
    return checked.sort_values(["person", "provider"], kind="stable", ignore_index=True)


def _check_outcomes(table: Table, known: pd.Index, problems: list[Problem]) -> pd.DataFrame | None:
    found = [*table.double_columns(), *table.missing_columns(OUTCOMES)]
    if not found and table.frame.empty:
        found.append(table.problem("DATA-003", "the table has no row"))
    problems += found
    if found:
        return None
    frame = table.frame.reset_index(drop=True)
    checked = pd.DataFrame({"person": canonical(frame["person"], keep_integers=True)})
    checked["outcome"] = as_text(frame["outcome"])
    checked["period"] = as_text(frame["period"]) if "period" in frame else ""
    value, wrong = as_numbers(frame["value"])
    _wrong_type(table, "value", "number", wrong, problems)
    bad = ~wrong & ~np.isfinite(value)
    if bad.any():
        which = checked["outcome"][bad].unique()
        what = f"{int(bad.sum())} values of outcome {listed(sorted(which))} are missing or infinite"
        problems.append(table.problem("DATA-008", what, bad))
    checked["value"] = value
    _check_known(table, checked["person"], known, problems)
    repeated = checked.duplicated(["person", "outcome", "period"]).to_numpy()
    if repeated.any():
        what = f"{int(repeated.sum())} rows repeat a person, outcome and period"
        problems.append(table.problem("DATA-012", what, repeated))
    return checked


def _check_known(table: Table, person: Any, known: pd.Index, problems: list[Problem]) -> None:
    if len(known) == 0:
        return
    if len(person) and pd.api.types.is_integer_dtype(person.dtype) != pd.api.types.is_integer_dtype(known.dtype):
        what = "person ids are whole numbers in one table and text in the other"
        problems.append(table.problem("DATA-007", what, fix="write the ids alike in all tables"))
        return
    stranger = ~pd.Index(person).isin(known)
    if stranger.any():
        what = f"{int(stranger.sum())} rows name a person who is not in the people table"
        problems.append(table.problem("DATA-006", what, stranger))


def _check_dates(table: Table, column: Any, window: tuple[date, date] | None, problems: list[Problem]) -> Any:
    dates, wrong = as_dates(column)
    _wrong_type(table, str(column.name), "date written YYYY-MM-DD", wrong, problems)
    if window is not None:
        first, last = (pd.Timestamp(day) for day in window)
        outside = ((dates < first) | (dates > last)).to_numpy()
        if outside.any():
            what = f"column '{column.name}' lies outside the study window {window[0]} to {window[1]}"
            problems.append(table.problem("DATA-009", f"{what} for {int(outside.sum())} services", outside))
    return dates


def _wrong_type(table: Table, name: str, kind: str, wrong: NDArray[np.bool_], problems: list[Problem]) -> None:
    if wrong.any():
        what = f"column '{name}' holds {int(wrong.sum())} values that are no {kind}"
        problems.append(table.problem("DATA-007", what, wrong))
