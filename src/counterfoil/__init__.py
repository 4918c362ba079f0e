"""counterfoil: who caused the gain, and who is therefore paid what?

Estimators measure the gain that a programme caused, attribution divides it among providers, payment clauses turn the
division into money under a contract.

Nothing heavy is imported until it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from counterfoil import attribution, datasets, errors, estimators
    from counterfoil.attribution.shares import Shares, attribute
    from counterfoil.checks import Check, check
    from counterfoil.contract import Contract, json_schema
    from counterfoil.datasets.folder import read_study
    from counterfoil.datasets.study import Study
    from counterfoil.errors import CounterfoilError
    from counterfoil.evaluation import Evaluation, evaluate
    from counterfoil.reading import read_contract

    __version__: str

_ROOMS: Final = ("attribution", "datasets", "errors", "estimators")
_HOME: Final = {
    "Check": "checks",
    "Contract": "contract",
    "CounterfoilError": "errors",
    "Evaluation": "evaluation",
    "Shares": "attribution.shares",
    "Study": "datasets.study",
    "attribute": "attribution.shares",
    "check": "checks",
    "evaluate": "evaluation",
    "json_schema": "contract",
    "read_contract": "reading",
    "read_study": "datasets.folder",
}

__all__ = [
    "Check",
    "Contract",
    "CounterfoilError",
    "Evaluation",
    "Shares",
    "Study",
    "__version__",
    "attribute",
    "attribution",
    "check",
    "datasets",
    "errors",
    "estimators",
    "evaluate",
    "json_schema",
    "read_contract",
    "read_study",
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
