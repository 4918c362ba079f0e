"""Every code fires, says what and how to mend it, has its phase's exit code, and shows no record value."""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

import counterfoil as cf
from counterfoil.assumptions import Assumptions
from counterfoil.attribution import RULES, attribute, aumann_shapley, rule_named, shapley_values
from counterfoil.attribution.capital import Capital, Receipt, distribute, irr
from counterfoil.attribution.counting import (
    Cell,
    Count,
    Quantity,
    count_events,
    in_order_of_dependence,
    periods_of,
)
from counterfoil.attribution.counting.quantity import refuse_unlike
from counterfoil.attribution.gains import (
    Band,
    Blend,
    FewClusters,
    Pool,
    PrecisionGate,
    RobustGate,
    blended,
    hold_clusters,
    hold_gate,
    minimum_for,
    pool_value,
)
from counterfoil.attribution.interactions import interactions
from counterfoil.attribution.ledger import from_record, ledger_parquet, rederive, to_record
from counterfoil.attribution.payment import Cap, Priced, Split, UnitPrice, exact, project_by_precision, settle
from counterfoil.attribution.risk import correlations, knots_of, settle_draws
from counterfoil.attribution.rules import is_efficient
from counterfoil.contract import Contract
from counterfoil.datasets import Panel, simulate_cradle
from counterfoil.errors import CODES, PHASES, CounterfoilError, DataError, PaymentError, Problem, did_you_mean, explain
from counterfoil.estimators import (
    Clusters,
    Contribution,
    Estimate,
    Experiment,
    FixedBaseline,
    PanelContribution,
    Published,
    SequentialContribution,
    contamination_bias,
    published_estimate,
    randomize,
    shrink,
    stack,
)
from counterfoil.estimators.balance import balance
from counterfoil.estimators.bounds import bounds
from counterfoil.estimators.cells import Cells
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import draw_comparison
from counterfoil.estimators.comparisons.multiple_imputation import over_imputations
from counterfoil.estimators.contamination import contamination
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust
from counterfoil.estimators.folds import folds
from counterfoil.estimators.instruments import InstrumentalVariable, InstrumentFit
from counterfoil.estimators.learner import OutcomeLearner
from counterfoil.estimators.matching.candidates import Side, nearest_candidates
from counterfoil.estimators.matching.matches import Pairs
from counterfoil.estimators.matching.matching import Matching
from counterfoil.estimators.matching.methods import Found
from counterfoil.estimators.matching.sides import not_complete
from counterfoil.estimators.panels import fixed_effects, level_counts
from counterfoil.estimators.panels.difference_in_differences import DifferenceInDifferences
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.honest import robust_intervals
from counterfoil.estimators.panels.pretrend_power import pretrend_power
from counterfoil.estimators.panels.staggered_did import StaggeredDiD
from counterfoil.estimators.panels.two_way_fixed_effects import TwoWayFixedEffects
from counterfoil.estimators.placebo import placebo
from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.identification import identify
from counterfoil.estimators.refutation.refuters import Refuters, refute
from counterfoil.estimators.sensitivity.rosenbaum_bounds import rosenbaum_bounds
from counterfoil.estimators.sensitivity.strength import Benchmark
from counterfoil.estimators.subgroups import gain_by_group
from counterfoil.estimators.synthetic.interrupted_time_series import InterruptedTimeSeries
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl
from counterfoil.estimators.trials.cluster_means import ClusterMeans
from counterfoil.estimators.trials.few_treated import few_treated
from counterfoil.estimators.trials.regression import Regression, solve
from counterfoil.estimators.trials.worst_case import worst_case
from counterfoil.estimators.weighting.weighting import Weighting
from counterfoil.reported import Reported
from counterfoil.simulation import simulate
from counterfoil.specification_analysis import specification_curve
from counterfoil.specification_grid import specification_grid
from counterfoil.specifications import Specifications
from counterfoil.starter import write_starter

SECRET = "7731"  # stands in every record below; must stand in no message

CONTRACT = """\
counterfoil: 1
name: Jobs
currency: USD
parties:
  north: {role: provider}
  south: {role: provider}
  city: {role: outcome_payer}
effects:
  jobs:
    outcome: jobs
    better: higher
    estimator: {kind: contribution}
    split: {rule: shapley}
payments:
  - {effect: jobs, per: person, price: "1.00"}
"""


def homes(folder: Path) -> Contract:
    """Homes that are reported and a gain that is published."""
    counted = "quantities: {homes: {kind: reported}}\neffects:\n  jobs:\n    outcome: jobs\n    better: higher\n"
    published = "    estimator: {kind: published, design: lottery, estimand: ITT, source: report}\n"
    paid = 'payments:\n  - {quantity: homes, price: "1.00", to: north}\n  - {effect: jobs, per: unit, price: "1.00", to: south}\n'
    text = CONTRACT[: CONTRACT.index("effects:")] + counted + published + paid
    (folder / "homes.yaml").write_text(text, encoding="utf-8")
    return cf.read_contract(folder / "homes.yaml")


def told(*figures: dict[str, str]) -> Reported:
    return Reported.model_validate({"reported": figures})


def event_study(times: tuple[int, ...], shared: float = 0.0) -> EventStudy:
    covariance = (1 - shared) * np.eye(len(times)) + shared
    names = [str(time) for time in times]
    effects = Estimate.published(
        [0.0] * len(times), covariance=covariance, terms=names, outcome="jobs", estimand="ATT", people=9
    )
    return EventStudy(times, effects)


def frame(size: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({name: rng.integers(0, 2, size) for name in ("north", "south", "assigned")})
    data["jobs"] = rng.normal(size=size) + float(SECRET)
    data["age"] = rng.normal(size=size) + float(SECRET)
    data["site"] = [f"site-{SECRET}-{k % 20}" for k in range(size)]
    data.index = pd.Index([f"person-{SECRET}-{k:03d}" for k in range(size)])
    return data


def towns(treated: int, control: int) -> pd.DataFrame:
    """Whole towns with the programme and without."""
    data = frame((treated + control) * 20)
    town = np.arange(len(data)) // 20
    return data.assign(site=[f"site-{SECRET}-{k}" for k in town], assigned=(town < treated).astype(int))


def study(data: pd.DataFrame | None = None, **terms: Any) -> cf.Study:
    return cf.Study.from_frame(
        frame() if data is None else data, providers=["north", "south"], outcomes=["jobs"], **terms
    )


def fit(data: pd.DataFrame | None = None, **terms: Any) -> Any:
    spec = Contribution.model_validate({"outcome": "jobs", "providers": ("north", "south"), **terms})
    return spec.fit(frame() if data is None else data)


def instrumented(**change: Any) -> InstrumentFit:
    return InstrumentalVariable(outcome="jobs", received="north").fit(frame().assign(**change))


def staged(data: pd.DataFrame, stages: tuple[tuple[str, ...], ...]) -> Any:
    progress = [("age",)] * (len(stages) - 1)
    return SequentialContribution.model_validate({"outcome": "jobs", "stages": stages, "progress": progress}).fit(data)


def contract(folder: Path, *changes: tuple[str, str]) -> Contract:
    text = CONTRACT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    return cf.read_contract(path)


def folder_of(folder: Path, people: str = "person,age\na,1\n", **tables: str) -> Path:
    for name, text in {"people": people, **tables}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def tables(**changes: pd.DataFrame) -> cf.Study:
    ids = [f"person-{SECRET}-{k}" for k in range(3)]
    base = {
        "people": pd.DataFrame({"person": ids}),
        "services": pd.DataFrame({"person": ids[:2], "provider": "north"}),
        "outcomes": pd.DataFrame({"person": ids, "outcome": "jobs", "value": [1.0, 2.0, float(SECRET)]}),
    } | changes
    return cf.Study.from_tables(base["people"], services=base["services"], outcomes=base["outcomes"])


def claimed(**columns: Any) -> cf.Study:
    base = {"claim": [1, 2], "person": [f"person-{SECRET}-{k}" for k in (0, 1)], "metric": "jobs"}
    return cf.Study.from_tables(
        pd.DataFrame({"person": [f"person-{SECRET}-{k}" for k in range(3)]}), claims=pd.DataFrame(base | columns)
    )


def counted(study: cf.Study, **terms: Any) -> Quantity:
    return count_events(Count.model_validate({"metric": "jobs", **terms}), study, periods_of({}))


def two_periods() -> cf.Study:
    outcomes = tables().outcomes
    assert outcomes is not None
    return tables(outcomes=pd.concat([outcomes.assign(period="1"), outcomes.assign(period="2")]))


def starter_twice(folder: Path) -> None:
    write_starter(folder)
    write_starter(folder)


def replaced(column: str, value: Any) -> pd.DataFrame:
    return frame().assign(**{column: value})


def only(data: pd.DataFrame, north: int, south: int, count: int) -> pd.DataFrame:
    """Drop all but `count` people of one pattern."""
    chosen = data.index[(data["north"] == north) & (data["south"] == south)]
    return data.drop(chosen[count:])


def hub(folder: Path, terms: str) -> Contract:
    return contract(
        folder, ("  city:", "  hub: {role: backbone}\n  city:"), ("rule: shapley", f"rule: shapley, {terms}")
    )


def lent(**terms: str) -> Capital:
    loan = {"name": "loan", "investor": "fund", "principal": "100.00"} | terms
    return Capital.model_validate({"receiver": "spv", "tranches": [loan]})


def bounded(nobody: float, both: float, error: float, rule: str = "shapley") -> Any:
    """Bound the credits of twins from two published cells."""
    pairs: tuple[Any, ...] = (((0, 1), ()), ((0, 1), (0, 1)))
    values = Estimate.published([nobody, both], [error] * 2, terms="ab", outcome="jobs", estimand="cells", people=900)
    return bounds(Cells(values, pairs, np.ones(1)), rule_named(rule), ["north", "south"], ["monotone"])


EVERYONE = ("kind: contribution", "kind: contribution, scope: everyone")
PRICE = '"1.00"'
STAGED = """\
  later:
    outcome: work
    better: higher
    estimator: {kind: sequential_contribution, stages: [[north], [south]], progress: [[]]}
    split: {rule: shapley}
payments:"""
SPLIT = "    split: {rule: shapley}\n"
HALF = Blend(of={"a": Decimal("0.5"), "b": Decimal("0.5")})
FIRES: dict[str, Callable[[Path], Any]] = {
    "CONTRACT-001": lambda f: cf.read_contract(f / "none.yaml"),
    "CONTRACT-002": lambda f: contract(f, ("name: Jobs", "name: [Jobs")),
    "CONTRACT-003": lambda f: contract(f, ("name: Jobs", "name: Jobs\nname: Work")),
    "CONTRACT-004": lambda f: contract(f, ("name: Jobs", "name: Jobs\nnote: x")),
    "CONTRACT-005": lambda f: contract(f, ("name: Jobs\n", "")),
    "CONTRACT-006": lambda f: contract(f, (PRICE, "one")),
    "CONTRACT-007": lambda f: contract(f, ("better: higher", "better: up")),
    "CONTRACT-008": lambda f: contract(f, ("parties:", "parties: &p")),
    "CONTRACT-009": lambda f: contract(f, ("counterfoil: 1", "counterfoil: 9")),
    "CONTRACT-010": lambda f: contract(f, ("effect: jobs", "effect: work")),
    "CONTRACT-011": lambda f: contract(f, (PRICE, '"-1.00"')),
    "CONTRACT-012": lambda f: contract(f, (PRICE, '"1.001"')),
    "CONTRACT-013": lambda f: contract(f, ("USD", "ABC")),
    "CONTRACT-023": lambda f: contract(f, (PRICE, '"1.00 GBP"')),
    "CONTRACT-014": lambda f: contract(f, ("rule: shapley", "rule: last_in")),
    "CONTRACT-015": lambda f: contract(f, (SPLIT, "")),
    "CONTRACT-016": lambda f: hub(f, 'carve_outs: {hub: "2"}'),
    "CONTRACT-017": lambda f: contract(f, EVERYONE),
    "CONTRACT-018": lambda f: contract(f, ("role: outcome_payer", "role: other")),
    "CONTRACT-019": lambda f: contract(f, ("payments:", STAGED)),
    "CONTRACT-020": lambda _: in_order_of_dependence({"a": ["b"], "b": ["a"]}),
    "DATA-001": lambda f: cf.read_study(f / "none"),
    "DATA-002": lambda f: cf.read_study(folder_of(f, f"person,age\na,{SECRET},3\n")),
    "DATA-003": lambda f: cf.read_study(folder_of(f, "person,age\n")),
    "DATA-004": lambda _: study(cluster="town"),
    "DATA-005": lambda _: study(pd.concat([frame(), frame()])),
    "DATA-006": lambda _: tables(services=pd.DataFrame({"person": [SECRET], "provider": "north"})),
    "DATA-007": lambda f: cf.read_study(folder_of(f, outcomes=f"person,outcome,value\na,jobs,x{SECRET}\n")),
    "DATA-008": lambda _: study(replaced("jobs", np.inf)),
    "DATA-009": lambda _: tables(
        services=pd.DataFrame({"person": [f"person-{SECRET}-0"], "provider": "n", "start": "2024-02-01", "end": "2024-01-01"})
    ),
    "DATA-010": lambda f: cf.evaluate(contract(f, ("south", "east")), study()),
    "DATA-011": lambda f: (folder_of(f) / "datapackage.json").write_text("{") and cf.read_study(f),
    "DATA-012": lambda _: tables(
        outcomes=pd.DataFrame({"person": [f"person-{SECRET}-0"], "outcome": "jobs", "value": 1.0})
    ).outcome("jobs"),
    "DATA-013": lambda _: Experiment(outcome="jobs").fit(replaced("assigned", 0.5)),
    "DATA-014": lambda _: fit(replaced("age", np.nan), covariates=("age",)),
    "DATA-015": lambda _: study().outcome("work"),
    "DATA-016": lambda _: study(replaced("north", 0.25)),
    "DATA-017": lambda _: study(replaced("age", -1.0), doses={"north": "age", "south": "age"}),
    "DATA-018": lambda _: cf.datasets.load("ricee"),
    "DATA-019": lambda _: Contribution().fit(cf.datasets.load("nsw")),
    "DATA-020": starter_twice,
    "DATA-021": lambda _: study(pd.concat([frame(), frame()[["age"]]], axis=1)),
    "DATA-022": lambda _: two_periods().outcome("jobs"),
    "DATA-023": lambda _: Experiment(outcome="jobs", weights="north").fit(frame()),
    "DATA-024": lambda _: tables(services=pd.DataFrame({"person": [f"person-{SECRET}-0"] * 2, "provider": "north", "dose": 3})),
    "DATA-025": lambda _: claimed(claim=[SECRET, SECRET]),
    "DATA-026": lambda _: claimed(quantity=[f"-{SECRET}", "1"]),
    "DATA-027": lambda _: counted(claimed(), reversal={"metric": "jobs"}),
    "IDENT-001": lambda _: Experiment(outcome="jobs").fit(replaced("assigned", 1)),
    "IDENT-002": lambda _: attribute(fit(only(frame(), 1, 0, 0))),
    "IDENT-003": lambda _: attribute(fit(replaced("north", frame()["south"]), model="additive")),
    "IDENT-004": lambda _: fit(only(frame(), 0, 0, 0)).total(),
    "IDENT-005": lambda _: fit(replaced("north", 0)),
    "IDENT-023": lambda _: instrumented(assigned=1),
    "IDENT-018": lambda _: fit(providers=("north",), backbone=("south",)),
    "IDENT-019": lambda _: Experiment(outcome="jobs", control="2").fit(frame()),
    "IDENT-020": lambda _: Experiment(outcome="jobs", pairs="site").fit(frame()),
    "EST-017": lambda _: contamination(fit(), frame(), rule_named("shapley")),
    "EST-009": lambda _: gain_by_group(fit(design="unconfounded", covariates=("age",), cluster="site"), "site"),
    "ATTR-009": lambda _: interactions(fit(model="additive")),
    "IDENT-006": lambda _: fit(replaced("site", "one"), cluster="site"),
    "IDENT-007": lambda _: Experiment(outcome="jobs", blocks="assigned").fit(frame()),
    "IDENT-015": lambda _: staged(only(frame(), 1, 0, 0), (("north",), ("south",))),
    "IDENT-017": lambda _: panel().pretrends(rule_named("shapley", ("north", "south"))),
    "IDENT-033": lambda _: robust_intervals(event_study((-4, -2, 0)), [1.0]),
    "EST-035": lambda _: robust_intervals(event_study((-3, -2, 0), shared=1.0), [1.0]),
    "IDENT-021": lambda _: solve(Regression(np.ones((9, 2)), np.arange(9.0), np.arange(9), np.array([0.0, 1.0]))),
    "IDENT-022": lambda _: ClusterMeans(outcome="jobs", cluster="site").fit(frame()),
    "IDENT-029": lambda _: joining([3] * 6 + [4] * 6).total(),
    "IDENT-012": lambda _: bounded(0.3, 0.2, 0.01),
    "IDENT-013": lambda _: bounded(0.2, 0.3, 0.01, "dose_split"),
    "EST-001": lambda _: Experiment(outcome="jobs", cluster="site").fit(frame()).using("HC2"),
    "EST-002": lambda _: fit(frame().assign(x=frame()["north"]), design="unconfounded", covariates=("x",)),
    "EST-003": lambda _: Experiment(outcome="jobs", covariates=("age", "north", "south")).fit(frame(6)),
    "EST-033": lambda _: joining([3] * 6 + [None] * 6, covariates=("early",)),
    "EST-050": lambda _: over_imputations(Experiment(), []),
    "EST-008": lambda _: stack([Experiment(outcome="jobs").fit(frame()), Experiment(outcome="jobs").fit(frame(30)[:0:-1])]),
    "EST-010": lambda _: shrink(fit(), rule_named("shapley")),
    "EST-011": lambda _: staged(frame(), (tuple(f"p{k}" for k in range(9)),)),
    "EST-014": lambda _: placebo(fit(), rule_named("shapley"), frame(), "jobs"),
    "EST-015": lambda _: balance(attribute(fit()).credits, {"age": np.full(200, float(SECRET))}),
    "EST-012": lambda _: OutcomeLearner.model_validate(LinearRegression()).model_dump_json(),
    "EST-013": lambda _: folds(np.zeros(9, dtype=np.intp), np.arange(9) % 3, n_folds=5, seed=1),
    "EST-051": lambda _: rosenbaum_bounds([1.0, 2.0], [0.5]),
    "EST-052": lambda _: Benchmark("x", "gain", 0.1, 0.4).times(2),
    "CONTRACT-021": lambda _: blended(HALF, {"a": published("jobs", Decimal(1)), "b": published("jobs", Decimal(1))}),
    "CONTRACT-022": lambda _: blended(HALF, {"a": published("jobs"), "b": published("work")}),
    "EST-029": lambda _: instrumented().over_identification(),
    "EST-020": lambda _: hold_clusters(FewClusters(permutation=Decimal("0.05")), Clusters(treated=1, control=2)),
    "EST-021": lambda _: randomize(frame()["jobs"], frame()["assigned"], assignments=1 - frame()[["assigned"]].T),
    "EST-022": lambda _: randomize(frame()["jobs"], np.arange(len(frame())) % 3, draws=9).interval(),
    "EST-023": lambda _: contamination_bias(Experiment(outcome="jobs", covariates=("x",)), frame().assign(x=frame()["assigned"])),
    "EST-026": lambda _: worst_case(Experiment(outcome="jobs"), frame(), (0.0, 1.0)),
    "PAY-011": lambda _: minimum_for(PrecisionGate(minimum_by_people=(Band(people=5000, low=Decimal(2)),)), 99),
    "PAY-012": lambda _: pool_value(Pool(of=("a",), weights="equal"), {}),
    "EST-018": lambda _: published("a").interval(),
    "ATTR-001": lambda _: rule_named("shaply"),
    "ATTR-002": lambda _: attribute(fit(), "dose_split"),
    "ATTR-003": lambda _: attribute(fit(scope="everyone"), "dose_split"),
    "ATTR-004": lambda _: attribute(fourteen()),
    "ATTR-005": lambda _: attribute(fit(), "owen", unions=[["north", "east"]]),
    "ATTR-006": lambda _: attribute(fit(study(replaced("age", 1.0), doses={"north": "age", "south": "age"})), "plurality"),
    "ATTR-007": lambda _: shapley_values([float(SECRET)] * 6),
    "ATTR-008": lambda _: aumann_shapley(lambda doses: doses[:, 0] > 0.4, [[float(SECRET)]]),
    "PAY-001": lambda _: settle(
        [UnitPrice(effect="e", per="person", price=Decimal(1))],
        {"e": Priced(Decimal(1), "drawn", True, {"a": Decimal(0)})},
        {"e": Split(rule="shapley")}, currency="USD", payer="p",
    ),
    "PAY-002": lambda _: settle([], {}, {"e": Split(rule="last_in")}, currency="USD", payer="p"),
    "PAY-003": lambda _: exact(float("nan")),
    "PAY-004": lambda _: settle(
        [UnitPrice(effect="e", per="person", price=Decimal(1))],
        {"e": Priced(Decimal(1), "drawn", True, {"a": Decimal(-1)})},
        {"e": Split(rule="shapley", credits_from="f")}, currency="USD", payer="p",
    ),
    "PAY-007": lambda _: settle(
        [UnitPrice(effect="e", per="person", price=Decimal(1))],
        {"e": Priced(Decimal(1), "drawn", True, {"a + b": Decimal(1)}, groups={"a + b": ("a", "b")})},
        {"e": Split(rule="shapley")}, currency="USD", payer="p",
    ),
    "PAY-024": lambda _: settle(
        [UnitPrice(effect="e", per="person", price=Decimal(1))],
        {"e": Priced(Decimal(1), "drawn", True, {"a": Decimal(2), "b": Decimal(-1)})},
        {"e": Split(rule="shapley", negative="refuse")}, currency="USD", payer="p",
    ),
    "DATA-028": lambda f: cf.evaluate(homes(f), reported=told({"quantity": "houses", "value": "1"})),
    "DATA-030": lambda f: cf.evaluate(contract(f)),
    "DATA-031": lambda _: long().fixed("moved"),
    "DATA-032": lambda _: Panel.from_frame(long().frame.assign(year=["x", "y", "x", "y"]), unit="unit", period="year"),
    "IDENT-026": lambda _: two_way("even", "y"),
    "IDENT-027": lambda _: two_groups("2"),
    "IDENT-028": lambda _: unsolved(),
    "IDENT-034": lambda _: places(donors=("a", "b")),
    "IDENT-035": lambda _: places(since=1),
    "IDENT-038": lambda _: Matching(treated="t", outcome="y", distance="scaled", covariates=("z",), exact=("z",), order="data").build(
        pd.DataFrame({"y": 0.0, "t": [0, 0, 1, 1], "z": [0, 1, 2, 3]})
    ),
    "IDENT-036": lambda _: places(inference="jackknife", method="synthetic_did"),
    "EST-049": lambda _: robust(z=[0] * 20 + [0, 1] * 10, method="regression"),
    "IDENT-040": lambda _: robust(learning={"propensity": DecisionTreeClassifier(max_depth=2), "repeats": 1, "folds": 2}),
    "IDENT-037": lambda _: long().treated_since("moved"),
    "IDENT-039": lambda _: weighted(z=[0, 1, 2, 3, 8, 9, 9, 8], method="entropy"),
    "EST-041": lambda _: hold_gate(RobustGate(relative_magnitudes=Decimal(1)), published("jobs", Decimal(1)), "higher"),
    "PAY-023": lambda _: settle(
        {"y1": [UnitPrice(quantity="q", price=Decimal(1), to="a")]},
        {}, {}, currency="USD", payer="p", quantities={"q": Quantity((Cell(Decimal(9)),))},
    ),
    "PAY-019": lambda _: settle(
        [UnitPrice(quantity="q", price=Decimal(1), to="a"), Cap(cap=Decimal(5), scope="person")],
        {}, {}, currency="USD", payer="p", quantities={"q": Quantity((Cell(Decimal(9)),))},
    ),
    "PAY-005": lambda f: refused(apart(f, "refuse")),
    "PAY-008": lambda _: Quantity((), parts=(), base=()).total,
    "PAY-009": lambda _: counted(claimed(), assign={"by": "plurality", "of": "jobs"}),
    "PAY-010": lambda _: refuse_unlike(
        {"a": Quantity((Cell(Decimal(1), group="x"),)), "b": Quantity((Cell(Decimal(1)),))}, "net"
    ),
    "PAY-006": lambda _: project_by_precision([Decimal(2), Decimal(-1)], [[float("nan")] * 2] * 2),
    "PAY-013": lambda _: distribute([], lent(rate="0.05"), Decimal("0.01")),
    "PAY-014": lambda _: irr([]),
    "PAY-015": lambda _: distribute([Receipt("y1", None, Decimal("-1.00"))], lent(), Decimal("0.01")),
    "CONTRACT-024": lambda folder: simulate(contract(folder), supposing(jbos={"true": "1"})),
    "CONTRACT-025": lambda folder: simulate(contract(folder), supposing(jobs={"true": "1"})),
    "CONTRACT-027": lambda folder: specification_grid(contract(folder), Specifications(effect="jbos", rules=["shapley"])),
    "CONTRACT-028": lambda folder: specification_grid(contract(folder), Specifications(covariates={f"c{k}": () for k in range(2001)})),
    "CONTRACT-029": lambda folder: cf.evaluate(contract(folder), study()).report(
        curve=specification_curve(
            contract(folder, ("{kind: contribution}", "{kind: contribution, model: additive}")),
            study(), Specifications(rules=["shapley", "equal_split"]),
        )
    ),
    "EST-055": lambda folder: specification_curve(
        contract(folder, ("{kind: contribution}", "{kind: contribution, min_pair: 2, model: saturated}")),
        study(replaced("south", 0)), Specifications(covariates={"none": ()}),
    ),
    "CONTRACT-026": lambda _: CausalGraph(edges=("assigned -> jobs -> age -> assigned",)).check(("assigned",), ("jobs",)),
    "IDENT-041": lambda _: identify(CausalGraph(edges=("age -> north -> jobs", "age -> jobs")), "north", "jobs", []).require(),
    "EST-053": lambda _: refute(FixedBaseline(outcome="jobs", baseline="fixed_rate", rate=Decimal(1), source="s"), frame()),
    "EST-054": lambda _: refute(
        Experiment(outcome="jobs", blocks="fours", vcov="classical"),
        frame().assign(fours=lambda data: np.arange(len(data)) // 4, assigned=lambda data: np.arange(len(data)) % 2, all=1),
        Refuters(tests=("placebo_treatment",), within="all", draws=40),
    ),
    "PAY-016": lambda _: settle_draws(lambda number: [][number], 10),
    "PAY-017": lambda _: correlations(["a", "b"], {}),
    "PAY-018": lambda _: knots_of(UnitPrice(effect="jobs", per="unit", price=Decimal(1))),
    "PAY-020": lambda _: rederive(to_record(settle([], {}, {}, currency="USD", payer="p")) | {"needs_people": ["q"]}),
    "PAY-021": lambda _: without_pyarrow(),
    "PAY-022": lambda _: from_record({"ledger": 0}),
}  # fmt: skip


def without_pyarrow() -> bytes:
    with mock.patch.dict(sys.modules, {"pyarrow": None}):
        return ledger_parquet(settle([], {}, {}, currency="USD", payer="p"))


def supposing(**effects: Any) -> Assumptions:
    return Assumptions.model_validate({"effects": effects})


def apart(folder: Path, disagreement: str) -> cf.Evaluation:
    """A lottery that did nothing fixes the pot; a comparison of the served, who fared better, divides it."""
    data = frame(400)
    data["jobs"] = data["jobs"] + 5.0 * data["north"]
    lottery = "  lot:\n    outcome: jobs\n    better: higher\n    estimator: {kind: experiment}\n"
    split = f"    split: {{rule: shapley, credits_from: jobs, disagreement: {disagreement}}}\n"
    terms = contract(folder, ("  jobs:\n", lottery + split + "  jobs:\n"), ("effect: jobs", "effect: lot"))
    return cf.evaluate(terms, study(data))


def refused(evaluation: cf.Evaluation) -> None:
    if evaluation.refused:
        raise PaymentError(*evaluation.refused)


def fourteen() -> Any:
    """Somebody with fourteen providers, in a saturated model."""
    names = [f"p{k:02d}" for k in range(14)]
    rows = [[0] * 14] * 30 + [[1] * 14] * 30
    data = pd.DataFrame(rows, columns=names).assign(jobs=np.arange(60.0))
    return Contribution(outcome="jobs", providers=tuple(names)).fit(data)


def published(outcome: str, error: Decimal | None = None) -> Estimate:
    return published_estimate(
        Published(outcome=outcome, design="d", estimand="ITT", source="s"), Decimal(SECRET), error
    )


def long() -> Panel:
    """Two units in two years, of which one is no longer treated in the second."""
    frame = pd.DataFrame({"unit": [SECRET, SECRET, "b", "b"], "year": [1, 2, 1, 2], "moved": [1, 0, 0, 0]})
    return Panel.from_frame(frame, unit="unit", period="year")


def shops() -> Panel:
    """Six shops in years 2, 3 and 4: one in the north, treatments that step in at two times, and one that never varies."""
    data = pd.DataFrame({"unit": np.repeat([SECRET, *"bcdef"], 3), "year": np.tile([2, 3, 4], 6)})
    shop = np.repeat(np.arange(6), 3)
    steps = ((shop < 2) & (data["year"] > 2)) | ((shop == 2) & (data["year"] > 3))
    data = data.assign(north=(shop == 0).astype(int), even=(shop < 3).astype(int), stepped=steps.astype(int))
    return Panel.from_frame(data.assign(y=float(SECRET) * np.sin(np.arange(18))), unit="unit", period="year")


def weighted(z: list[int], **terms: Any) -> Any:
    people = pd.DataFrame({"y": range(8), "t": [0, 0, 0, 0, 1, 1, 1, 1], "z": z})
    return Weighting.model_validate({"outcome": "y", "treated": "t", "covariates": ("z",), **terms}).build(people)


def two_groups(after: str) -> Any:
    return DifferenceInDifferences(outcome="y", group="north", after=after).fit(shops())


def two_way(treatment: str, outcome: str) -> Any:
    return TwoWayFixedEffects(outcome=outcome, regressors=(treatment,)).fit(shops())


def unsolved() -> Any:
    """Ask for a solution by steps, and allow one."""
    with mock.patch.object(level_counts, "DENSE", 1), mock.patch.object(fixed_effects, "STEPS", 1):
        return TwoWayFixedEffects(outcome="y", regressors=("stepped",)).fit(shops().subset(np.arange(18) % 5 > 0))


def panel() -> Any:
    """Two services between two measurements, as a wide table has them."""
    spec = PanelContribution(providers=("north", "south"), baseline="before", period="jobs")
    return spec.fit(frame().assign(before=float(SECRET)))


def joining(joined: Sequence[int | None], years: tuple[int, ...] = (1, 2, 3, 4), **terms: Any) -> Any:
    """Towns that join in different years, and what the total of a staggered design warns of."""
    unit, year = (side.reshape(-1) for side in np.meshgrid(np.arange(len(joined)), years, indexing="ij"))
    first = pd.Series(joined, dtype=float)
    rows = pd.DataFrame(
        {"town": unit, "year": year, "joined": first[unit].to_numpy(), "region": unit % 4 + 4 * (unit > 8)}
    )
    rows["early"] = (rows["joined"] == 3) * 1.0
    rows["jobs"] = np.where((unit == 0) & (year == 1), float(SECRET), unit * year % 5)
    spec = StaggeredDiD.model_validate({"outcome": "jobs", "first_treated": "joined", **terms})
    return spec.fit(Panel.from_frame(rows, unit="town", period="year")).total()


def in_line(count: int) -> Side:
    """People one step apart."""
    return Side(np.arange(float(count))[:, None])


def gappy() -> Any:
    """Places of which one was not measured in one period, compared before and after."""
    rows = counties().frame.iloc[1:].assign(north=lambda data: (data["place"] == "a") * 1.0)
    rows = pd.concat([rows, rows[rows["place"] == "a"].assign(place="aa")])
    spec = DifferenceInDifferences(outcome="y", group="north", after=str(rows["time"].max()))
    return spec.fit(Panel.from_frame(rows, unit="place", period="time"))


WARNS: dict[str, Callable[[], Any]] = {
    "DATA-033": lambda: gappy(),
    "EST-038": lambda: SyntheticControl(outcome="y", first_treated="since", method="demeaned").fit(
        Panel.from_frame(counties().frame.query("time != 2"), unit="place", period="time")
    ),
    "EST-039": lambda: places(inference="placebo_variance").total(),
    "EST-040": lambda: InterruptedTimeSeries(outcome="y", starts="9").fit(
        Panel.from_frame(counties().frame.query("place == 'a'"), unit="place", period="time")
    ),
    "EST-042": lambda: draw_comparison(
        ComparisonDesign(outcome="y", treated="t", covariates=("z",)),
        pd.DataFrame({"y": [1.0, 2.0, 3.0, 5.0], "t": [0, 0, 1, 1], "z": [0, 0, 0, 1]}),
    ),
    "EST-046": lambda: weighted(z=[0, 1, 2, 3, 2, 3, 2, 1], cap=1.1),
    "EST-047": lambda: weighted(z=[0, 1, 0, 1, 1, 0, 1, 0], folds=2, score={"name": "logit"}),
    "EST-045": lambda: Found(
        Pairs(20, np.arange(0), np.arange(0), np.empty(0)),
        warnings=not_complete(nearest_candidates(in_line(20), in_line(20), most=40), "others may be nearer"),
    ),
    "EST-048": lambda: robust(z=[0, 1] * 10 + [0, 1, 1, 1] * 5, floor=0.4),
    "EST-043": lambda: Matching(treated="t", outcome="y", distance="scaled", covariates=("z",), order="data").build(
        pd.DataFrame({"y": 0.0, "t": [0, 0, 1, 1, 1], "z": [0, 1, 2, 3, 4]})
    ),
    "EST-056": lambda: Matching(outcome="y", treated="t", covariates=("z",), distance="scaled").build(
        pd.DataFrame({"t": [0, 1] * 6, "z": np.arange(12) % 2 + np.arange(12) % 5, "y": np.arange(12.0)})
    ),
    "EST-044": lambda: Matching(treated="t", outcome="y", distance="scaled", covariates=("z",), order="data").build(
        pd.DataFrame({"y": 0.0, "t": [0, 0, 0, 1, 1], "z": [0, 0, 0, 0, 1]})
    ),
    "IDENT-030": lambda: joining([1] * 3 + [3] * 3 + [None] * 6),
    "IDENT-031": lambda: joining([3] * 6 + [4] * 6, comparison="not_yet"),
    "IDENT-032": lambda: joining([3] * 6 + [None] * 6, years=(1, 2, 4)),
    "EST-032": lambda: joining([3] * 4 + [4] * 2 + [5] * 4 + [None] * 6, years=(1, 2, 3, 4, 5, 6)),
    "EST-034": lambda: joining([3] * 6 + [None] * 20, cluster="region"),
    "DATA-029": lambda: cf.evaluate(homes(Path(tempfile.mkdtemp())), reported=told()).effects["jobs"],
    "IDENT-008": lambda: fit(model="pairwise", min_pair=500),
    "IDENT-009": lambda: attribute(fit(only(frame(), 1, 0, 0), model="additive")),
    "IDENT-011": lambda: fit(twins(), model="additive", aliases="joint"),
    "IDENT-010": lambda: fit(frame().assign(south=1), aliases="joint"),
    "EST-016": lambda: fit(
        frame().assign(jobs=lambda data: data["jobs"].where(data["north"] + data["age"] % 1 > 0.2)), missing="weight"
    ),
    "IDENT-016": lambda: attribute(panel()),
    "IDENT-014": lambda: bounded(0.3, 0.29, 0.1),
    "EST-024": lambda: Experiment(outcome="jobs", missing="drop").fit(
        frame().assign(jobs=lambda data: data["jobs"].where((data["assigned"] == 1) | (data["age"] % 1 > 0.4)))
    ),
    "EST-025": lambda: ClusterMeans(outcome="jobs", cluster="site").fit(towns(1, 2)),
    "EST-027": lambda: few_treated(Experiment(outcome="jobs", cluster="site"), towns(1, 2), "permutation"),
    "EST-004": lambda: fit(lopsided(), design="unconfounded", covariates=("age",)),
    "EST-005": lambda: Experiment(outcome="jobs", covariates=("age", "twice")).fit(
        frame().assign(twice=2 * frame()["age"])
    ),
    "EST-031": lambda: two_way("stepped", "y"),
    "EST-006": lambda: fit(design="unconfounded"),
    "EST-019": lambda: FixedBaseline(
        outcome="jobs", baseline="fixed_rate", rate=Decimal(SECRET), source="s", among="everyone"
    ).fit(frame()),
    "EST-028": lambda: instrumented(assigned=lambda data: np.arange(len(data)) % 2).total(),
    "IDENT-024": lambda: instrumented(north=lambda data: data["north"] * data["age"]).total(),
    "IDENT-025": lambda: instrumented(north=lambda data: data["assigned"]).total(),
    "EST-007": lambda: fit(gaps(), missing="drop", covariates=("age",)),
    "EST-037": lambda: pretrend_power(event_study((-3, -2, 0))),
}


def twins() -> pd.DataFrame:
    return frame().assign(south=frame()["north"])


def gaps() -> pd.DataFrame:
    data = frame()
    data.loc[data.index[:20], "age"] = np.nan
    return data


def lopsided() -> pd.DataFrame:
    """Almost everybody with a high value has both providers; a few of them have none against all odds."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=4_000) * 3
    high = rng.random(4_000) < 1 / (1 + np.exp(-2.5 * x))
    odd = rng.choice(np.flatnonzero(x > 6), size=2, replace=False)
    high[odd] = False
    data = pd.DataFrame({"north": high.astype(int), "south": rng.integers(0, 2, 4_000), "age": x})
    return data.assign(jobs=rng.normal(size=4_000))


def counties(since: int = 9) -> Panel:
    """Return places of which the first is treated from a period on."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame([(place, time) for place in "abcde" for time in range(1, 17)], columns=["place", "time"])
    data["y"] = rng.normal(size=80) + data["place"].map({"a": 0.0, "b": -4.0, "c": 4.0, "d": -6.0, "e": 6.0})
    data["since"] = data["place"].map({"a": since})
    return Panel.from_frame(data, unit="place", period="time")


def robust(z: list[int] | None = None, **terms: Any) -> Any:
    numbers = np.arange(40)
    people = pd.DataFrame({"t": numbers >= 20, "z": numbers % 7 if z is None else z, "y": numbers * 1.0}).astype(float)
    people["x"] = (people["t"] + np.sin(numbers)).where(numbers % 9 > 0, 0.5)
    covariates = ("z", "x") if "learning" in terms else ("z",)
    spec = DoublyRobust.model_validate({"outcome": "y", "treated": "t", "covariates": covariates, **terms})
    return spec.fit(people).total()


def places(since: int = 9, **terms: Any) -> Any:
    spec = SyntheticControl.model_validate({"outcome": "y", "first_treated": "since", "method": "demeaned", **terms})
    return spec.fit(counties(since))


def test_every_code_has_a_case() -> None:
    assert set(FIRES) | set(WARNS) == set(CODES)
    assert not set(FIRES) & set(WARNS)


@pytest.mark.parametrize("code", FIRES)
def test_code_fires(code: str, tmp_path: Path) -> None:
    with pytest.raises(CounterfoilError) as caught:
        FIRES[code](tmp_path)
    error = caught.value
    assert code in error.codes
    assert isinstance(error, ValueError)
    assert type(error) is PHASES[code.partition("-")[0]]
    assert error.exit_code == (2 if code.startswith(("CONTRACT", "DATA")) else 1)
    text = str(error)
    assert "fix: " in text
    assert SECRET not in text


@pytest.mark.parametrize("code", WARNS)
def test_warning_reaches_the_result(code: str) -> None:
    (problem,) = (problem for problem in WARNS[code]().warnings if problem.code == code)
    assert problem.what
    assert SECRET not in str(problem)


def test_every_code_is_explained() -> None:
    for code, entry in CODES.items():
        assert entry.title in explain(code)
        assert entry.fix in explain(code.lower())


def test_ten_problems_are_listed_and_the_rest_counted() -> None:
    error = DataError(*(Problem("DATA-004", f"column 'c{k}' is missing", "people.csv") for k in range(14)))
    assert str(error).count("DATA-004") == 10
    assert str(error).endswith("and 4 more problems")
    assert len(error.codes) == 14
    json.dumps([problem.to_dict() for problem in error.problems])


def test_suggestions() -> None:
    assert did_you_mean("Pirce", ["price", "effect"]) == "; did you mean 'price'?"
    assert did_you_mean("zzz", ["price"]) == ""


def test_an_invented_study_too_small_is_refused() -> None:
    with pytest.raises(CounterfoilError):
        simulate_cradle(size=100)


def test_registry_knows_which_rules_can_be_paid_on() -> None:
    reporting = [name for name in RULES if not is_efficient(name)]
    assert reporting == ["last_in", "first_in", "banzhaf"]
    assert yaml.safe_load(CONTRACT)["effects"]["jobs"]["split"]["rule"] in RULES
