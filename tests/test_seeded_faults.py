"""Faults put into data or code on purpose: each is caught by the oracle's assertion, or refused with a code.

The oracle reads the intact raw tables with nothing of counterfoil: cell means, average marginal contributions, and the
clustered error of the total by its definition. ``agrees`` holds an evaluation against it; a fault must break it.
"""

import csv
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.datasets import Study

NAMES = ("default", "intensive")
PERIODS = ("2010", "2011")


@dataclass(frozen=True)
class Person:
    """One row of the intact tables."""

    name: str
    cluster: str
    served: frozenset[str]
    outcome: float


def people(folder: Path, lowered: float = 0.0) -> list[Person]:
    """Read the raw tables; ``lowered`` is taken from the outcome of whoever was served, as in `two_periods`."""

    def rows(table: str) -> list[dict[str, str]]:
        with (folder / f"{table}.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    served: dict[str, set[str]] = {row["person"]: set() for row in rows("people")}
    for row in rows("services"):
        served[row["person"]].add(row["provider"])
    outcome = {row["person"]: float(row["value"]) for row in rows("outcomes")}
    return [
        Person(row["person"], row["address"], frozenset(served[row["person"]]),
               outcome[row["person"]] - lowered * bool(served[row["person"]]))
        for row in rows("people")
    ]  # fmt: skip


@dataclass(frozen=True)
class Oracle:
    """What an evaluation must say."""

    people: int
    clusters: int
    credits: tuple[float, ...]
    error: float


def oracle(intact: list[Person]) -> Oracle:
    """Return credits, and the total's CR1 error, from the intact tables."""
    cells: dict[frozenset[str], list[float]] = {}
    for person in intact:
        cells.setdefault(person.served, []).append(person.outcome)
    mean = {served: sum(values) / len(values) for served, values in cells.items()}
    credits = dict.fromkeys(NAMES, 0.0)
    for served, values in cells.items():
        orders = list(itertools.permutations(sorted(served)))
        for order, place in itertools.product(orders, range(len(served))):
            player = order[place]
            step = mean[frozenset(order[: place + 1])] - mean[frozenset(order[:place])]
            credits[player] += len(values) * step / len(orders) / len(intact)
    nobody = len(cells[frozenset()]) / len(intact)
    sums: dict[str, float] = {}
    for person in intact:
        weight = 1.0 if person.served else -(1 - nobody) / nobody
        sums[person.cluster] = sums.get(person.cluster, 0.0) + weight * (person.outcome - mean[person.served])
    n, groups = len(intact), len(sums)
    factor = groups / (groups - 1) * (n - 1) / (n - len(cells))
    error = math.sqrt(factor * math.fsum(value**2 for value in sums.values())) / n
    return Oracle(n, groups, tuple(credits[name] for name in NAMES), error)


def agrees(evaluation: cf.Evaluation, expected: Oracle) -> None:
    """Assert that the evaluation says what the oracle says."""
    result = evaluation.effects["takeup"]
    assert evaluation.answered
    assert result.shares is not None
    assert result.total is not None
    assert result.total.n == expected.people
    assert result.total.n_clusters == expected.clusters
    assert tuple(result.shares.credits.values) == pytest.approx(expected.credits, abs=1e-12)
    assert result.total.std_error[0] == pytest.approx(expected.error, rel=1e-9)


@pytest.fixture(scope="module")
def folder() -> Path:
    return cf.datasets.example_folder("rice")


@pytest.fixture(scope="module")
def expected(folder: Path) -> Oracle:
    return oracle(people(folder))


def lose(study: Study, cluster: str, tables: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Return the study's tables without the rows of one cluster in some of them."""
    gone = set(study.people["person"][study.people["address"] == cluster])
    kept: dict[str, pd.DataFrame] = {}
    for name in ("people", "services", "outcomes"):
        table = getattr(study, name).astype({"person": str})
        kept[name] = table[~table["person"].isin(gone)] if name in tables else table
    return kept


def remade(tables: dict[str, pd.DataFrame]) -> Study:
    return Study.from_tables(tables["people"], services=tables["services"], outcomes=tables["outcomes"])


def two_periods(study: Study) -> pd.DataFrame:
    """Return outcomes of two years: as they were, and a second year in which the served do worse by a quarter."""
    first = study.outcomes
    assert first is not None
    served = np.asarray(study.roster().exposure.any(axis=1))
    lower = first["value"].to_numpy() - 0.25 * served[first["person"].cat.codes.to_numpy()]
    return pd.concat([first.assign(period=PERIODS[0]), first.assign(period=PERIODS[1], value=lower)])


def changed(contract: Contract, **estimator: Any) -> Contract:
    """Return the contract with other terms of its estimator."""
    effect = contract.effects["takeup"]
    spec = effect.estimator.model_copy(update=estimator)
    return contract.model_copy(update={"effects": {"takeup": effect.model_copy(update={"estimator": spec})}})


def fails(evaluation: cf.Evaluation, expected: Oracle) -> bool:
    try:
        agrees(evaluation, expected)
    except AssertionError:
        return True
    return False


def test_the_intact_study_agrees(rice: Study, rice_contract: Contract, expected: Oracle) -> None:
    agrees(cf.evaluate(rice_contract, rice), expected)


def test_a_cluster_lost_from_every_table_is_caught(rice: Study, rice_contract: Contract, expected: Oracle) -> None:
    lost = remade(lose(rice, "beilian2", ("people", "services", "outcomes")))
    evaluation = cf.evaluate(rice_contract, lost)
    assert evaluation.answered
    assert fails(evaluation, expected)


@pytest.mark.parametrize(("table", "code"), [("outcomes", "DATA-012"), ("people", "DATA-006")])
def test_a_cluster_lost_from_one_table_is_refused(table: str, code: str, rice: Study, rice_contract: Contract) -> None:
    with pytest.raises(cf.CounterfoilError) as caught:
        cf.evaluate(rice_contract, remade(lose(rice, "beilian2", (table,))))
    assert code in caught.value.codes


def test_services_lost_for_a_cluster_are_caught(rice: Study, rice_contract: Contract, expected: Oracle) -> None:
    """Nothing can refuse this: its people now look unserved."""
    served = rice.roster().exposure.any(axis=1)
    cluster = str(rice.people["address"][served].iloc[0])
    assert fails(cf.evaluate(rice_contract, remade(lose(rice, cluster, ("services",)))), expected)


def test_errors_that_forget_the_clusters_are_caught(rice: Study, rice_contract: Contract, expected: Oracle) -> None:
    forgotten = cf.evaluate(changed(rice_contract, cluster=None), rice)
    assert forgotten.answered
    assert fails(forgotten, expected)
    mislabelled = rice.people.assign(address=rice.people["address"].sample(frac=1, random_state=1).to_numpy())
    assert fails(cf.evaluate(rice_contract, replace(rice, people=mislabelled)), expected)


def test_a_shifted_period_is_caught(rice: Study, rice_contract: Contract, folder: Path) -> None:
    asked = changed(rice_contract, period=PERIODS[1])
    second = oracle(people(folder, lowered=0.25))
    right = two_periods(rice)
    agrees(cf.evaluate(asked, replace(rice, outcomes=remake(right))), second)
    # Labels one year late: what is called the second year is the first.
    late = right.assign(period=right["period"].map({PERIODS[0]: PERIODS[1], PERIODS[1]: "2012"}))
    evaluation = cf.evaluate(asked, replace(rice, outcomes=remake(late)))
    assert evaluation.answered
    assert fails(evaluation, second)
    # Labels one year early: nobody has a second year, and nothing else is put in its place.
    early = right.assign(period=right["period"].map({PERIODS[0]: "2009", PERIODS[1]: PERIODS[0]}))
    with pytest.raises(cf.CounterfoilError) as caught:
        cf.evaluate(asked, replace(rice, outcomes=remake(early)))
    assert "DATA-012" in caught.value.codes
    # No period named, and two to choose from: nothing is guessed.
    with pytest.raises(cf.CounterfoilError) as caught:
        cf.evaluate(rice_contract, replace(rice, outcomes=remake(right)))
    assert "DATA-022" in caught.value.codes


def remake(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return an outcomes table with the categories that a study keeps."""
    return outcomes.assign(period=outcomes["period"].astype("category")).reset_index(drop=True)


def test_two_providers_swapped_are_caught(rice: Study, rice_contract: Contract, expected: Oracle) -> None:
    assert rice.services is not None
    swapped = rice.services.assign(
        provider=rice.services["provider"].cat.rename_categories(dict(zip(NAMES, NAMES[::-1], strict=True)))
    )
    evaluation = cf.evaluate(rice_contract, replace(rice, services=swapped))
    assert evaluation.answered
    assert fails(evaluation, expected)
    # The total is the same, so that only an oracle of each provider's credit can see it.
    total = evaluation.effects["takeup"].total
    assert total is not None
    assert total.values[0] == pytest.approx(sum(expected.credits), abs=1e-12)


def test_a_roster_out_of_step_with_its_people_is_caught(rice: Study, rice_contract: Contract, expected: Oracle) -> None:
    assert rice.services is not None
    codes = rice.services["person"].cat.codes.to_numpy()
    off_by_one = pd.Categorical.from_codes(
        (codes + 1) % rice.n_people, categories=rice.services["person"].cat.categories
    )
    shifted = replace(rice, services=rice.services.assign(person=off_by_one))
    assert fails(cf.evaluate(rice_contract, shifted), expected)


def test_the_assertion_can_pass_and_fail(rice: Study, rice_contract: Contract, expected: Oracle) -> None:
    """Every part of the oracle is looked at: a change in any one breaks the agreement."""
    evaluation = cf.evaluate(rice_contract, rice)
    changes: tuple[Callable[[Oracle], Oracle], ...] = (
        lambda o: replace(o, people=o.people + 1),
        lambda o: replace(o, clusters=o.clusters - 1),
        lambda o: replace(o, credits=(o.credits[0] + 1e-9, o.credits[1])),
        lambda o: replace(o, error=o.error * (1 + 1e-6)),
    )
    assert not fails(evaluation, expected)
    assert all(fails(evaluation, change(expected)) for change in changes)
