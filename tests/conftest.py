"""Fixtures that several rooms share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

import counterfoil as cf
from counterfoil.attribution.counting import Cell, Period, Quantity, periods_of
from counterfoil.attribution.payment import Clause, Priced, Settlement, Split, settle
from counterfoil.attribution.payment.clauses import CLAUSES, clause_name
from counterfoil.contract import Contract
from counterfoil.datasets import Study
from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign, Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.score import Score, fit_score

collect_ignore = ["reference"]
"""Scripts that wrote the reference outputs; some import peers that the tests do without."""

ROOT = Path(__file__).parents[1]
# The same examples in every run, and no deadline: a busy machine is no failure.
settings.register_profile(
    "house", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def nsw() -> Study:
    return cf.datasets.load("nsw")


@pytest.fixture(scope="session")
def rice() -> Study:
    return cf.datasets.load("rice")


@pytest.fixture(scope="session")
def rossi() -> Study:
    return cf.datasets.load("rossi")


@pytest.fixture(scope="session")
def rice_contract() -> Contract:
    return cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")


@pytest.fixture
def rice_frame() -> pd.DataFrame:
    """The rice study as the flat table that an evaluator would have."""
    study = cf.datasets.load("rice")
    roster = study.roster()
    frame = study.people[["person", "address", "male"]].copy()
    frame["male"] = frame["male"].fillna(0.0)
    for name, served in zip(roster.providers, roster.exposure.T, strict=True):
        frame[name] = served.astype(np.int8)
    frame["takeup"] = study.outcome("takeup").astype(np.int8)
    return frame


def study_of(
    rows: Sequence[Sequence[Any]], columns: str, people: dict[str, list[Any]] | None = None, **terms: Any
) -> Study:
    """Return a study whose claims are given as rows of the columns named; claim ids are the rows' numbers."""
    claims = pd.DataFrame(list(rows), columns=columns.split())
    claims.insert(0, "claim", range(len(claims)))
    everybody = people or {"person": sorted(set(claims["person"]))}
    return Study.from_tables(pd.DataFrame(everybody), claims=claims, **terms)


@pytest.fixture(scope="session")
def make() -> Callable[..., Study]:
    return study_of


@pytest.fixture(scope="session")
def once() -> dict[str, Period]:
    """One period without a name or dates."""
    return periods_of({})


@pytest.fixture(scope="session")
def years() -> dict[str, Period]:
    return {f"y{k}": Period(f"y{k}", date(2010 + k, 1, 1), date(2010 + k, 12, 31)) for k in (6, 7)}


KINDS = {kind.__name__: kind for kind in CLAUSES.values()}
Pay = Callable[..., Settlement]


def _clause(terms: Mapping[str, Any]) -> Clause:
    """Return a clause as a contract writes it."""
    made: Clause = KINDS[clause_name(terms)].model_validate(terms)  # type: ignore[assignment]
    return made


def _quantity(numbers: Any) -> Quantity:
    """Return a quantity: of one number, of numbers by period, or of cells."""
    if isinstance(numbers, Quantity):
        return numbers
    if isinstance(numbers, Mapping):
        return Quantity(tuple(Cell(Decimal(str(amount)), period) for period, amount in numbers.items()))
    if isinstance(numbers, Sequence) and not isinstance(numbers, str):
        return Quantity(tuple(numbers))
    return Quantity((Cell(Decimal(str(numbers))),))


def _effect(numbers: Any) -> Priced | tuple[Priced, ...]:
    """Return an effect: of one gain, or of gains by period."""
    if isinstance(numbers, Priced):
        return numbers
    if isinstance(numbers, Mapping):
        return tuple(Priced(Decimal(str(gain)), "published", True, period=label) for label, gain in numbers.items())
    return Priced(Decimal(str(numbers)), "published", True)


@pytest.fixture
def pay() -> Pay:
    """Settle clauses as written; `periods` names those that are settled."""

    def settled(
        clauses: Sequence[Mapping[str, Any]],
        *,
        quantities: Mapping[str, Any] | None = None,
        effects: Mapping[str, Any] | None = None,
        splits: Mapping[str, Split] | None = None,
        periods: Sequence[str] = ("",),
        currency: str = "USD",
        payer: str = "city",
        **terms: Any,
    ) -> Settlement:
        written = [_clause(terms) for terms in clauses]
        return settle(
            dict.fromkeys(periods, written),
            {name: _effect(numbers) for name, numbers in (effects or {}).items()},
            splits or {},
            currency=currency,
            payer=payer,
            quantities={name: _quantity(numbers) for name, numbers in (quantities or {}).items()},
            **terms,
        )

    return settled


X10 = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")


@dataclass(frozen=True, slots=True, eq=False)
class ByHand:
    sample: ComparisonSample
    estimand: Estimand
    score: Score | None
    balancing: NDArray[np.float64]
    warnings: tuple[Problem, ...] = ()


def weigh(spec: ComparisonDesign, data: Any, estimand: Estimand = "att") -> ByHand:
    """Weigh people by their chances, each term against the untreated."""
    sample = draw_comparison(spec, data)
    score = fit_score(sample.codes, sample.adjusting.values, sample.weights)
    none = score.chance[:, 0]
    columns = []
    for code in sample.arms.chosen:
        own = score.chance[:, code]
        tilt = {"att": own, "atc": none, "ate": np.ones(sample.n), "ato": own * none, "atm": np.minimum(own, none)}
        column = np.where(sample.of(code), tilt[estimand] / own, np.where(sample.of(0), tilt[estimand] / none, 0.0))
        columns.append(column * sample.weights)
    return ByHand(sample, estimand, score, np.column_stack(columns))


@pytest.fixture(scope="session")
def by_score() -> Callable[..., ByHand]:
    """A comparison from a spec, data and an estimand, weighted by fitted chances."""
    return weigh


@pytest.fixture(scope="session")
def nsw_cps() -> pd.DataFrame:
    """Case 13: the treated of the NSW experiment and the CPS comparison, 16,177 people."""
    treated = causaldata.nsw_mixtape.load_pandas().data.query("treat == 1")
    frame = pd.concat([treated, causaldata.cps_mixtape.load_pandas().data], ignore_index=True).astype({"treat": int})
    return frame.assign(u74=(frame["re74"] == 0).astype(int), u75=(frame["re75"] == 0).astype(int))


@pytest.fixture(scope="session")
def nsw_cps_spec() -> ComparisonDesign:
    return ComparisonDesign(outcome="re78", treated="treat", covariates=X10)
