"""The registry of attribution rules: one canonical name each."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from counterfoil.attribution.dose_split import DoseSplit
from counterfoil.attribution.equal_split import EqualSplit
from counterfoil.attribution.last_in import LastIn
from counterfoil.attribution.shapley import Shapley
from counterfoil.errors import did_you_mean, listed, refusal
from counterfoil.estimators.kernel import Kernel

RULES: Final[MappingProxyType[str, Callable[[], Kernel]]] = MappingProxyType(
    {
        "shapley": Shapley,
        "equal_split": EqualSplit,
        "dose_split": DoseSplit,
        "last_in": LastIn,
    }
)


def rule_named(rule: str | Kernel) -> Kernel:
    """Return the rule of a name; a rule is returned as it is.

    Raises
    ------
    AttributionError
        ATTR-001 when there is none of that name.
    """
    if isinstance(rule, Kernel):
        return rule
    if rule not in RULES:
        hint = did_you_mean(str(rule), RULES) or f"; there are {listed(RULES)}"
        raise refusal("ATTR-001", f"there is no rule '{rule}'{hint}")
    return RULES[rule]()
