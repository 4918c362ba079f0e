"""counterfoil: who caused the gain, and who is therefore paid what?

Estimators measure the gain that a programme caused, attribution divides it among providers, payment clauses turn the
division into money under a contract.

Nothing heavy is imported until it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from counterfoil import attribution, datasets, errors, estimators
    from counterfoil.assumptions import Assumptions, read_assumptions
    from counterfoil.attribution.shares import Shares, attribute
    from counterfoil.checks import Check, check
    from counterfoil.contract import Contract, json_schema
    from counterfoil.datasets.folder import read_study
    from counterfoil.datasets.panel import Panel
    from counterfoil.datasets.study import Study
    from counterfoil.description import describe
    from counterfoil.errors import CounterfoilError
    from counterfoil.evaluation import Evaluation, evaluate
    from counterfoil.hidden_causes import payment_sensitivity
    from counterfoil.library import compare
    from counterfoil.reading import read_contract
    from counterfoil.redlining import redline
    from counterfoil.reported import Reported, read_reported
    from counterfoil.simulation import simulate
    from counterfoil.specification_analysis import specification_curve
    from counterfoil.specifications import Specifications, read_specifications

    __version__: str

_ROOMS: Final = ("attribution", "datasets", "errors", "estimators")
_HOME: Final = {
    "Assumptions": "assumptions",
    "Check": "checks",
    "Contract": "contract",
    "CounterfoilError": "errors",
    "Evaluation": "evaluation",
    "Reported": "reported",
    "Shares": "attribution.shares",
    "Specifications": "specifications",
    "Panel": "datasets.panel",
    "Study": "datasets.study",
    "attribute": "attribution.shares",
    "check": "checks",
    "compare": "library",
    "describe": "description",
    "evaluate": "evaluation",
    "json_schema": "contract",
    "payment_sensitivity": "hidden_causes",
    "read_assumptions": "assumptions",
    "read_contract": "reading",
    "read_reported": "reported",
    "read_specifications": "specifications",
    "read_study": "datasets.folder",
    "redline": "redlining",
    "simulate": "simulation",
    "specification_curve": "specification_analysis",
}

__all__ = [
    "Assumptions",
    "Check",
    "Contract",
    "CounterfoilError",
    "Evaluation",
    "Panel",
    "Reported",
    "Shares",
    "Specifications",
    "Study",
    "__version__",
    "attribute",
    "attribution",
    "check",
    "compare",
    "datasets",
    "describe",
    "errors",
    "estimators",
    "evaluate",
    "json_schema",
    "payment_sensitivity",
    "read_assumptions",
    "read_contract",
    "read_reported",
    "read_specifications",
    "read_study",
    "redline",
    "simulate",
    "specification_curve",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("counterfoil")
    if name in _ROOMS:
        return import_module(f"counterfoil.{name}")
    if name in _HOME:
        value = getattr(import_module(f"counterfoil.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'counterfoil' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
