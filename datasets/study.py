"""The study: a set of checked tables about the same people.

::

    people(person, cohort, site, assigned, <covariates>)   one row a person; assigned is the arm of a lottery
    services(person, provider, start, end, dose)           who really served whom
    outcomes(person, outcome, period, value)               long; one row a person, outcome and period
    measures(person, measure, period, value)               what else is recorded over time and is no outcome: treatment,
                                                           covariates that change
    claims(claim, person, metric, date, quantity,          what was claimed to have happened to whom, and whether it
           provider, status)                               was validated

Where a programme reaches whole places, a study of these stands beside that of people::

    places(place, <covariates>)                            one row a place
    indicators(place, indicator, period, value)            what is measured of a place's population

Rows are kept in the order of the person ids, so that the same people in another order give the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.checking import (
    Window,
    check_claims,
    check_measures,
    check_outcomes,
    check_people,
    check_services,
    services_of,
)
from counterfoil.datasets.covariates import covariate_columns
from counterfoil.datasets.display import titled_table
from counterfoil.datasets.roster import Roster
from counterfoil.datasets.table import Table, as_numbers, blank, native
from counterfoil.errors import Problem, did_you_mean, listed, raise_any, refusal


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
    measures : DataFrame or None
        Long: person, measure, period, value; known before outcomes are.
    places : Study or None
        A study whose people are places, and whose outcomes are indicators of their populations.
    claims : DataFrame or None
        One row a claim: claim, person, metric, date, quantity (Decimal), provider, status. None before they are read.
    name, title : str
        What the study is called.
    cluster, weights : str or None
        Columns of people that estimators cluster and weight by when their spec names none.
    window : pair of dates or None
        First and last day on which a service counts.
    digests : mapping of str to str
        SHA-256 of each file read, by file name; empty for a study from frames.
    level : {"people", "places"}
        Whether its people are people, or places.
    """

    people: pd.DataFrame
    services: pd.DataFrame | None = None
    outcomes: pd.DataFrame | None = None
    claims: pd.DataFrame | None = None
    measures: pd.DataFrame | None = None
    places: "Study | None" = None
    name: str = "study"
    title: str = ""
    cluster: str | None = None
    weights: str | None = None
    window: Window | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    level: Literal["people", "places"] = "people"

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        person: str | None = None,
        providers: Sequence[str] = (),
        outcomes: Sequence[str] = (),
        doses: Mapping[str, str] | None = None,
        cluster: str | None = None,
        weights: str | None = None,
        name: str = "study",
    ) -> "Study":
        """Read the flat table that evaluators really have: one row a person.

        Parameters
        ----------
        frame : DataFrame
            Of pandas, polars or any library that narwhals reads; never changed. Columns that are not named below stay available as covariates, blocks, assignment.
        person : str, optional
            Column of person ids; the index when omitted.
        providers : sequence of str
            Columns of 0 and 1: whether the provider served the person.
        outcomes : sequence of str
            Columns of numbers, one an outcome; finite for everybody.
        doses : mapping, optional
            Provider to the column that says how much it did for the person.
        cluster, weights : str, optional
            Columns that estimators cluster and weight by when their spec names none.
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
        frame = native(frame)
        if person is None and ("person" in frame or frame.index.nlevels > 1):
            what = "the frame has a column 'person'" if "person" in frame else "the frame's index has several levels"
            fix = "name the column: `Study.from_frame(frame, person=...)`, and fit that study"
            raise refusal("DATA-022", f"{what}, and `person=` does not say which column is the id", "frame", fix)
        table = Table(frame, "frame")
        doses = dict(doses or {})
        wanted = [
            *([person] if person else []),
            *providers,
            *outcomes,
            *doses.values(),
            *filter(None, (cluster, weights)),
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
        services, problems = services_of(table, ids, providers, doses)
        raise_any(problems)
        names = list(dict.fromkeys(outcomes))
        long = [
            pd.DataFrame({"person": ids, "outcome": _all_of(name, names, len(frame)), "value": frame[name]})
            for name in outcomes
        ]
        return cls.from_tables(
            people,
            services=services if providers else None,
            outcomes=pd.concat(long, ignore_index=True) if long else None,
            name=name,
            cluster=cluster,
            weights=weights,
        )

    @classmethod
    def from_tables(
        cls,
        people: Any,
        *,
        services: Any = None,
        outcomes: Any = None,
        claims: Any = None,
        measures: Any = None,
        places: "Study | None" = None,
        name: str = "study",
        title: str = "",
        cluster: str | None = None,
        weights: str | None = None,
        window: Window | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> "Study":
        """Check the tables against each other and make a study of copies of them.

        Raises
        ------
        DataError
            With every problem of the tables at once; a problem names rows, never values.
        """
        tables = {
            key: table if isinstance(table, Table) else Table(native(table), key)
            for key, table in {
                "people": people,
                "services": services,
                "outcomes": outcomes,
                "claims": claims,
                "measures": measures,
            }.items()
            if table is not None
        }
        problems: list[Problem] = []
        checked_people = check_people(tables["people"], problems)
        problems += tables["people"].missing_columns(tuple(filter(None, (cluster, weights))))
        known = pd.Index([]) if checked_people is None else pd.Index(checked_people["person"]).unique().dropna()
        checked_services = checked_outcomes = checked_claims = checked_measures = None
        if "services" in tables:
            checked_services = check_services(tables["services"], known, window, problems)
        if "outcomes" in tables:
            checked_outcomes = check_outcomes(tables["outcomes"], known, problems)
        if "claims" in tables:
            checked_claims = check_claims(tables["claims"], known, problems)
        if "measures" in tables:
            checked_measures = check_measures(tables["measures"], known, problems)
            if checked_measures is not None and checked_outcomes is not None:
                twice = set(_used(checked_measures["measure"])) & set(_used(checked_outcomes["outcome"]))
                problems += [Problem("DATA-021", f"'{name}' is an outcome and a measure", "measures") for name in twice]
        raise_any(problems)
        return cls(
            people=checked_people,
            services=checked_services,
            outcomes=checked_outcomes,
            claims=checked_claims,
            measures=checked_measures,
            places=places,
            name=name,
            title=title or name,
            cluster=cluster,
            weights=weights,
            window=window,
            digests=dict(digests or {}),
        )

    @classmethod
    def of_places(
        cls, indicators: Any, places: Any = None, *, name: str = "places", digests: Mapping[str, str] | None = None
    ) -> "Study":
        """Check indicators of places' populations, and return the study whose people are the places.

        Parameters
        ----------
        indicators : DataFrame or None
            Long: place, indicator, period, value; None before outcomes are read, when `places` says which there are.
        places : DataFrame, optional
            One row a place, with what is known of it; the places of the indicators when omitted.
        name : str
        digests : mapping, optional

        Raises
        ------
        DataError
            With every problem of the tables at once.

        Examples
        --------
        >>> long = pd.DataFrame({"place": ["north", "south"], "indicator": "crimes", "period": 2020, "value": [3.0, 4.0]})
        >>> Study.of_places(long).outcome("crimes").tolist()
        [3.0, 4.0]
        """
        tables = {
            key: table if isinstance(table, Table) else Table(native(table), key)
            for key, table in (("places", places), ("indicators", indicators))
            if table is not None
        }
        raise_any([problem for table in tables.values() for problem in table.missing_columns(("place",))])
        if "indicators" in tables:
            raise_any(tables["indicators"].missing_columns(("indicator", "period", "value")))
        named = {
            key: replace(table, frame=table.frame.rename(columns={"place": "person", "indicator": "outcome"}))
            for key, table in tables.items()
        }
        if "places" not in named:
            found = named["indicators"].frame["person"]
            kept = pd.DataFrame({"person": found[~blank(found)].drop_duplicates()})
            named["places"] = replace(named["indicators"], frame=kept)
        made = cls.from_tables(named["places"], outcomes=named.get("indicators"), name=name, digests=digests)
        return replace(made, level="places")

    def __repr__(self) -> str:
        parts = [f"{self.n_people:,} {self.level}"]
        for count, word in ((len(self.providers), "provider"), (len(self.outcome_names), "outcome")):
            parts.append(f"{count} {word}{'' if count == 1 else 's'}")
        if self.claims is not None:
            parts.append(f"{len(self.claims):,} claim{'' if len(self.claims) == 1 else 's'}")
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
        return () if self.services is None else _used(self.services["provider"])

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """Outcomes in the outcomes table, in order of name."""
        return () if self.outcomes is None else _used(self.outcomes["outcome"])

    def periods(self, outcome: str) -> tuple[str, ...]:
        """Return the periods of an outcome, in order of name; one that is not dated has the period ''."""
        if self.outcomes is None:
            return ()
        return _used(self.outcomes["period"][_is(self.outcomes["outcome"], outcome)])

    def without_outcomes(self) -> "Study":
        """Return the study as it stood before outcomes and claims were read."""
        places = None if self.places is None else self.places.without_outcomes()
        return replace(self, outcomes=None, claims=None, places=places)

    def subset(self, keep: NDArray[np.bool_]) -> "Study":
        """Return the study of some of its people.

        Parameters
        ----------
        keep : ndarray of bool, shape (n_people,)
            Whom to keep, in the order of `ids`.

        Examples
        --------
        >>> import counterfoil as cf
        >>> study = cf.datasets.load("nsw")
        >>> study.subset(study.people["nodegree"] == 1)
        Study('nsw': 348 people, 0 providers, 1 outcome)
        """
        chosen = np.asarray(keep, dtype=bool)
        people = self.people[chosen].reset_index(drop=True)
        ids = pd.Index(people["person"])
        tables: dict[str, pd.DataFrame | None] = {
            "services": self.services,
            "outcomes": self.outcomes,
            "claims": self.claims,
            "measures": self.measures,
        }
        for name, table in tables.items():
            if table is not None:
                rows = table[chosen[table["person"].cat.codes.to_numpy()]].reset_index(drop=True)
                tables[name] = rows.assign(person=rows["person"].cat.set_categories(ids))
        # The digests are of files that hold everybody, so they are no longer what went in.
        return replace(
            self,
            people=people,
            services=tables["services"],
            outcomes=tables["outcomes"],
            claims=tables["claims"],
            measures=tables["measures"],
            digests={},
            title=f"{self.title} (some of its people)",
        )

    def outcome(
        self, name: str | None = None, period: str | None = None, *, complete: bool = True
    ) -> NDArray[np.float64]:
        """Return one outcome, shape (n_people,), in its own units.

        Parameters
        ----------
        name, period : str, optional
            May be omitted when the study has only one.
        complete : bool
            False returns NaN for people who have no value, instead of refusing.

        Raises
        ------
        DataError
            DATA-008 when a value is missing, DATA-012 when a person has no row, DATA-015 for an unknown outcome,
            DATA-019 without an outcomes table, DATA-022 when several outcomes or periods could be meant.
        """
        if self.outcomes is None:
            raise refusal("DATA-019", "the study has no outcomes table", self.name)
        if name is None:
            if len(self.outcome_names) > 1:
                raise refusal("DATA-022", f"the study has the outcomes {_named(self.outcome_names)}", self.name)
            name = self.outcome_names[0]
        if name not in self.outcome_names:
            hint = did_you_mean(name, self.outcome_names) or f"; it has {_named(self.outcome_names)}"
            raise refusal("DATA-015", f"the study has no outcome '{name}'{hint}", self.name)
        chosen = _is(self.outcomes["outcome"], name)
        periods = _used(self.outcomes["period"][chosen])
        if period is None and len(periods) > 1:
            raise refusal("DATA-022", f"outcome '{name}' has {len(periods)} periods", self.name)
        if period is not None:
            chosen &= _is(self.outcomes["period"], period)
        person = self.outcomes["person"].cat.codes.to_numpy()[chosen]
        values = np.full(self.n_people, np.nan)
        values[person] = self.outcomes["value"].to_numpy(dtype=np.float64)[chosen]
        if complete:
            self._refuse_incomplete(values, person, f"outcome '{name}'" + (f", period '{period}'" if period else ""))
        return values

    def over_time(self, name: str) -> pd.DataFrame:
        """Return an outcome or a measure in every period: person and period as categories, and value.

        Raises
        ------
        DataError
            DATA-015 when there is none of that name.
        """
        for table, kind in ((self.outcomes, "outcome"), (self.measures, "measure")):
            if table is not None and name in table[kind].cat.categories:
                return table.loc[_is(table[kind], name), ["person", "period", "value"]]
        known = (*self.outcome_names, *(() if self.measures is None else _used(self.measures["measure"])))
        hint = did_you_mean(name, known) or (f"; it has {_named(known)}" if known else "")
        raise refusal("DATA-015", f"the study has no outcome or measure '{name}'{hint}", self.name)

    def _refuse_incomplete(self, values: NDArray[np.float64], person: NDArray[Any], where: str) -> None:
        absent = self.n_people - len(person)
        if absent:
            raise refusal("DATA-012", f"{absent} of {self.n_people} people have no row", where)
        missing = int(np.isnan(values).sum())
        if missing:
            raise refusal("DATA-008", f"{missing} of {self.n_people} people have no value", where)

    def column(self, name: str, *, complete: bool = True) -> Any:
        """Return a column of the people table as a Series.

        Raises
        ------
        DataError
            DATA-004 when there is none, DATA-014 when it has blanks (unless ``complete`` is False).
        """
        table = Table(self.people, "people")
        raise_any(table.missing_columns((name,)))
        column = self.people[name]
        if complete and (missing := blank(column)).any():
            raise refusal("DATA-014", f"column '{name}' is blank for {int(missing.sum())} people", "people")
        return column

    def codes(self, name: str) -> NDArray[np.intp]:
        """Return a column of groups (cluster, block) as integer codes, shape (n_people,)."""
        return self.groups(name)[0]

    def groups(self, name: str) -> tuple[NDArray[np.intp], NDArray[Any]]:
        """Return a column of groups as integer codes, shape (n_people,), and what each group is called."""
        codes, names = pd.factorize(self.column(name), sort=True)
        return np.asarray(codes, dtype=np.intp), np.asarray(names)

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
        return covariate_columns(names, self.column, self.n_people, "people", "people")

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
        column = pd.Index(names).get_indexer(self.services["provider"].cat.categories)
        column = column[self.services["provider"].cat.codes.to_numpy()]
        row = self.services["person"].cat.codes.to_numpy()
        kept = column >= 0
        exposure = np.zeros((self.n_people, len(names)), dtype=bool)
        exposure[row[kept], column[kept]] = True
        dose = None
        if "dose" in self.services:
            dose = np.zeros(exposure.shape)
            np.add.at(dose, (row[kept], column[kept]), self.services["dose"].to_numpy(dtype=np.float64)[kept])
        start = None
        if "start" in self.services:
            days = (self.services["start"] - pd.Timestamp(0)) / pd.Timedelta(days=1)
            start = np.full(exposure.shape, np.inf)
            np.minimum.at(start, (row[kept], column[kept]), days.to_numpy(dtype=np.float64)[kept])
            start[np.isinf(start)] = np.nan
        return Roster(self.ids, names, exposure, dose, start)

    def _repr_html_(self) -> str:
        parts = {"people": self.n_people, "providers": len(self.providers), "outcomes": len(self.outcome_names)}
        if self.claims is not None:
            parts["claims"] = len(self.claims)
        return titled_table(pd.DataFrame({"table": parts.keys(), "count": parts.values()}), self.title)


def _all_of(name: str, names: Sequence[str], size: int) -> pd.Categorical:
    """Return one of some names as often as there are rows."""
    return pd.Categorical.from_codes(
        np.full(size, names.index(name), dtype=np.int8 if len(names) < 128 else np.int32), names
    )


def _named(names: Sequence[str]) -> str:
    """List names found in a data column, unless they are so many that they may be something else."""
    return listed(names) if len(names) <= 12 else f"{len(names):,} others"


def _used(column: Any) -> tuple[str, ...]:
    """Return the categories that a column really has, in order of name."""
    counts = np.bincount(column.cat.codes.to_numpy(), minlength=len(column.cat.categories))
    return tuple(str(name) for name, count in zip(column.cat.categories, counts, strict=True) if count)


def _is(column: Any, name: str) -> NDArray[np.bool_]:
    """Mark the rows of a categorical column that have a value."""
    code = column.cat.categories.get_indexer([name])[0]
    return np.asarray((column.cat.codes.to_numpy() == code) & (code >= 0))
