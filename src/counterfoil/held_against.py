"""An effect held against what the parties declared: a causal graph, and outcomes or programmes that must show no effect."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from counterfoil.contract import Contract, Measured
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, Problem
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.refutation.control_tests import control_tests
from counterfoil.estimators.refutation.identification import Identification
from counterfoil.estimators.refutation.refutation import Refutation
from counterfoil.estimators.refutation.roles import identify_design, roles_of

CONF_LEVEL = 0.95


def identified(contract: Contract, name: str, study: Study) -> Identification | None:
    """Return what the declared graph says of an effect, or None where none is declared; outcomes are not read.

    Raises
    ------
    ContractError
        CONTRACT-026 when the graph and the study do not fit.
    EstimationError
        EST-053 for a design that a graph without time cannot speak of.
    """
    graph = contract.effects[name].graph
    return None if graph is None else identify_design(graph, contract.spec(name), study, contract.effects[name].outcome)


def controlled(spec: Measured, contract: Contract, name: str, study: Study, rule: Kernel | None) -> Refutation | None:
    """Return an effect's negative controls, measured as the effect was, or None where none are declared.

    Raises
    ------
    ContractError
        CONTRACT-026 when the study lacks one, or the graph says that the programme moves it.
    CounterfoilError
        When the design cannot be asked of one.
    """
    controls = contract.effects[name].negative_controls
    if controls is None:
        return None
    kernel = rule if isinstance(spec, Contribution) else None
    return Refutation(control_tests(spec, study, controls, kernel, CONF_LEVEL), CONF_LEVEL)


def undeclared(contract: Contract, name: str, study: Study) -> Iterator[Problem]:
    """Yield what graph and negative controls of an effect name that the study, or the graph, does not have."""
    effect = contract.effects[name]
    asks: list[tuple[str, Callable[[], Any]]] = []
    if effect.graph is not None:
        asks.append(("graph", partial(identified, contract, name, study)))
    if (controls := effect.negative_controls) is not None:
        asks.append(("negative_controls", partial(controls.check_names, study)))
        if (graph := effect.graph) is not None:
            roles = roles_of(contract.spec(name), study)
            treated = tuple(column for column in roles.treatments if column in graph.names)
            asks.append(("negative_controls", partial(controls.check, graph, treated, effect.outcome)))
    for key, ask in asks:
        try:
            ask()
        except CounterfoilError as error:
            for problem in error.problems:
                yield Problem(problem.code, problem.what, contract.where("effects", name, key), problem.fix)


def identification_records(found: Identification) -> list[dict[str, Any]]:
    """Return what a graph says as plain data."""
    return [
        {key: row[key] for key in ("provider", "finding", "columns", "holds", "sentence")}
        for row in found.tidy().to_dict("records")
    ]


def control_records(found: Refutation) -> list[dict[str, Any]]:
    """Return negative controls as plain data; an interval is None where there is none."""
    return [
        {
            "provider": one.provider, "test": one.test, "against": one.against, "estimate": one.estimate, "p_value": one.p_value,
            "conf_low": one.conf_low, "conf_high": one.conf_high, "expected": one.expected, "consistent": one.consistent,
            "sentence": one.sentence,
        }
        for one in found.tests
    ]  # fmt: skip
