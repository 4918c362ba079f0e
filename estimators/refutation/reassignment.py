"""The same study with the treatment dealt out anew, with some of its people, or with another outcome.

Whoever is dealt a treatment gets somebody's whole one: all columns that say so, or the whole service record, so that providers
that go together stay together. With clusters, the people of one get the treatments of the people of another, in a random order
and over again where they are more, so that treatments go together inside clusters as much as they did.

Source: Rosenbaum (2002), *Observational Studies*, chapter 2, for exchanges within strata.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers, is_number
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.refutation.roles import roles_of
from counterfoil.estimators.spec import Design

FEW: Final = 5
"""Units of one treatment in a stratum below which a part of them is not drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Who can change places with whom.

    Parameters
    ----------
    columns : tuple of str
        Columns of people that say who was treated; none where services do.
    unit : ndarray of int, shape (n,)
        People who move together.
    stratum : ndarray of int, shape (number of units,)
        Units change places inside it.
    first : ndarray of int, shape (number of units,)
        Row of a person of each unit.
    treatment : ndarray of int, shape (n,)
        What each person had, as codes.
    words : str
        How, for a reader.
    """

    columns: tuple[str, ...]
    unit: NDArray[np.intp]
    stratum: NDArray[np.intp]
    first: NDArray[np.intp]
    treatment: NDArray[np.intp]
    words: str

    def sources(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return for each person the row of the person whose treatment is dealt to them, shape (n,)."""
        order = np.argsort(self.stratum, kind="stable")
        dealt = np.empty(len(order), dtype=np.intp)
        # A random order within strata, laid over the order of the strata.
        dealt[order] = np.lexsort((rng.random(len(order)), self.stratum))
        size = np.bincount(self.unit)
        start = np.cumsum(size) - size
        people = np.lexsort((rng.random(len(self.unit)), self.unit))
        place = np.empty(len(people), dtype=np.intp)
        place[people] = np.arange(len(people)) - np.repeat(start, size)
        other = dealt[self.unit]
        return np.asarray(people[start[other] + place % size[other]])


def exchange(spec: Design, study: Study, within: str | None = None) -> Exchange:
    """Return who can change places with whom under a design.

    Parameters
    ----------
    spec : Design
    study : Study
    within : str, optional
        Column of people inside whose groups treatments are dealt out; as the design has it (blocks, pairs) when omitted.

    Raises
    ------
    EstimationError
        EST-014 when everybody who could change places had the same treatment; EST-053 when clusters that were treated as
        wholes are cut by the groups, or the design has no treatment of people.
    """
    roles = roles_of(spec, study)
    treatment = _treatment(study, roles.columns)
    inside = within or roles.within
    strata = np.zeros(study.n_people, dtype=np.intp) if inside is None else study.codes(inside)
    unit, words = np.arange(study.n_people), "people"
    cluster = spec.cluster or study.cluster
    if cluster is not None and cluster != inside:
        clusters = study.codes(cluster)
        if _constant(strata, clusters):
            unit, words = clusters, f"groups of {cluster}"
        elif _constant(treatment, clusters):
            what = f"groups of '{inside}' cut across those of '{cluster}', which were treated as wholes"
            raise refusal("EST-053", what, "estimator")
    if _constant(treatment, strata):
        where = f"within '{inside}' everybody" if inside else "everybody"
        raise refusal("EST-014", f"{where} had the same treatment, so that nothing can be dealt out anew", "estimator")
    first = np.unique(unit, return_index=True)[1]
    words += f" within {inside}" if inside else ""
    return Exchange(roles.columns, unit, strata[first], first, treatment, words)


def reassigned(study: Study, places: Exchange, rng: np.random.Generator) -> Study:
    """Return the study with treatments dealt out anew; outcomes and covariates stay with their people."""
    source = places.sources(rng)
    if places.columns:
        dealt = {name: study.people[name].to_numpy()[source] for name in places.columns}
        people = study.people.assign(
            **{name: pd.Series(values, dtype=study.people[name].dtype) for name, values in dealt.items()}
        )
        return replace(study, people=people, digests={})
    services = study.services
    if services is None:
        raise ValueError("a roster comes from a services table")
    owner = services["person"].cat.codes.to_numpy()
    order = np.argsort(owner, kind="stable")
    count = np.bincount(owner, minlength=study.n_people)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    taken = count[source]
    # Rows start[s], start[s] + 1, ... of each person's source, one person after the other.
    inner = np.arange(taken.sum()) - np.repeat(np.cumsum(taken) - taken, taken)
    rows = order[np.repeat(start[source], taken) + inner]
    person = pd.Categorical.from_codes(
        np.repeat(np.arange(study.n_people), taken), categories=services["person"].cat.categories
    )
    return replace(study, services=services.take(rows).reset_index(drop=True).assign(person=person), digests={})


def some_of(study: Study, places: Exchange, part: float, rng: np.random.Generator) -> Study:
    """Return the study of a random part of its people or clusters: of each treatment in each stratum, or of whole strata.

    Strata are drawn as wholes, as matched pairs must be, where some treatment has fewer than five units in one of them.
    """
    cell = _codes(places.stratum, places.treatment[places.first])
    size = np.bincount(cell)
    if places.stratum.any() and size.min() < FEW:
        chosen = _part(np.zeros(int(places.stratum.max()) + 1, dtype=np.intp), part, rng)[places.stratum]
    else:
        # Rare amounts of a treatment are drawn together with one another.
        chosen = _part(np.where(size[cell] < FEW, len(size), cell), part, rng)
    return study.subset(chosen[places.unit])


def _part(kind: NDArray[np.intp], part: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Mark a random part, rounded up, of each kind."""
    order = np.lexsort((rng.random(len(kind)), kind))
    size = np.bincount(kind)
    place = np.empty(len(kind), dtype=np.intp)
    place[order] = np.arange(len(kind)) - np.repeat(np.cumsum(size) - size, size)
    return np.asarray(place < np.ceil(part * size)[kind])


def with_values(study: Study, outcome: str, values: FloatArray) -> Study:
    """Return the study with one outcome, of no period, and no other."""
    n = study.n_people
    table = pd.DataFrame(
        {
            "person": pd.Categorical.from_codes(np.arange(n), categories=pd.Index(study.people["person"])),
            "outcome": pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), categories=[outcome]),
            "period": pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), categories=[""]),
            "value": values,
        }
    )
    return replace(study, outcomes=table, digests={})


def with_noise(study: Study, outcome: str | None, period: str | None, rng: np.random.Generator) -> Study:
    """Return the study with normal noise in the place of an outcome's values; who has none still has none."""
    values = study.outcome(outcome, period, complete=False)
    outcomes = study.outcomes
    if outcomes is None:
        raise ValueError("an outcome comes from an outcomes table")
    noise = np.nanmean(values) + np.nanstd(values) * rng.normal(size=study.n_people)
    chosen = np.asarray(outcomes["outcome"] == (outcome or study.outcome_names[0]))
    if period is not None:
        chosen &= np.asarray(outcomes["period"] == period)
    drawn = noise[outcomes["person"].cat.codes.to_numpy()]
    old = outcomes["value"].to_numpy(dtype=np.float64)
    return replace(study, outcomes=outcomes.assign(value=np.where(chosen & ~np.isnan(old), drawn, old)), digests={})


def column_as_outcome(study: Study, name: str) -> Study:
    """Return the study with a column of people as its outcome.

    Raises
    ------
    DataError
        DATA-004 when there is none, DATA-013 when it holds words.
    """
    column = study.column(name, complete=False)
    if not is_number(column):
        raise refusal("DATA-013", f"column '{name}' holds words and is no outcome", "people")
    return with_values(study, name, as_numbers(column)[0])


def _treatment(study: Study, columns: tuple[str, ...]) -> NDArray[np.intp]:
    if not columns:
        return np.asarray(study.roster().patterns()[1], dtype=np.intp)
    return _codes(*(study.codes(name) for name in columns))


def _codes(*columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return rows of codes as one column of codes."""
    found: Any = np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1]
    return np.asarray(found, dtype=np.intp).reshape(-1)


def _constant(values: NDArray[np.intp], groups: NDArray[np.intp]) -> bool:
    """Tell whether values are the same throughout every group."""
    first = np.unique(groups, return_index=True)[1]
    return bool((values == values[first][np.unique(groups, return_inverse=True)[1].reshape(-1)]).all())
