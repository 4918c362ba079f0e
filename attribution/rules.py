"""The registry of attribution rules: one canonical name each."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final, cast

from counterfoil.attribution.banzhaf import Banzhaf
from counterfoil.attribution.dose_credits import AumannShapley
from counterfoil.attribution.dose_split import DoseSplit
from counterfoil.attribution.equal_split import EqualSplit
from counterfoil.attribution.first_in import FirstIn
from counterfoil.attribution.fixed import Fixed
from counterfoil.attribution.last_in import LastIn
from counterfoil.attribution.order_of_service import OrderOfService
from counterfoil.attribution.owen import Owen
from counterfoil.attribution.plurality import Plurality
from counterfoil.attribution.rule import Rule
from counterfoil.attribution.shapley import Shapley
from counterfoil.attribution.stage_respecting import StageRespecting
from counterfoil.attribution.weighted_shapley import WeightedShapley
from counterfoil.errors import did_you_mean, listed, refusal
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.spec import Design

RULES: Final[MappingProxyType[str, type[Rule]]] = MappingProxyType(
    {
        "shapley": Shapley,
        "owen": Owen,
        "weighted_shapley": WeightedShapley,
        "order_of_service": OrderOfService,
        "stage_respecting": StageRespecting,
        "equal_split": EqualSplit,
        "dose_split": DoseSplit,
        "plurality": Plurality,
        "fixed": Fixed,
        "last_in": LastIn,
        "first_in": FirstIn,
        "banzhaf": Banzhaf,
    }
)

NAMED: Final[MappingProxyType[str, type[Rule]]] = MappingProxyType({**RULES, "aumann_shapley": AumannShapley})
"""Every rule that can be named: those that weigh combinations of providers, and those that single designs answer."""

PLAIN: Final = ("shapley", "equal_split", "dose_split", "weighted_shapley", "order_of_service")
"""Rules that can be paid on and need no terms of their own: what `alternatives` compares."""


def rule_named(rule: str | Kernel, providers: Sequence[str] = (), **terms: Any) -> Kernel:
    """Return the rule of a name for these providers; a rule is returned as it is.

    Raises
    ------
    AttributionError
        ATTR-001 when there is none of that name, ATTR-005 when the terms do not fit it.
    """
    if isinstance(rule, Kernel):
        if terms:
            raise refusal("ATTR-005", "a rule that is made already takes no terms")
        return rule
    return cast("Kernel", rule_class(rule).of(providers, **terms))


def rule_class(name: str) -> type[Rule]:
    """Return the class of a rule.

    Raises
    ------
    AttributionError
        ATTR-001 when there is none of that name.
    """
    if name not in NAMED:
        hint = did_you_mean(str(name), NAMED) or f"; there are {listed(NAMED, limit=20)}"
        raise refusal("ATTR-001", f"there is no rule '{name}'{hint}")
    return NAMED[name]


def answered_rules(design: Design) -> tuple[str, ...]:
    """Return the names of the rules that the credits of a design can follow.

    Examples
    --------
    >>> from counterfoil.estimators import DoseResponse
    >>> answered_rules(DoseResponse())
    ('aumann_shapley',)
    """
    return tuple(RULES) if design.own_rules is None else design.own_rules.names


def is_efficient(name: str) -> bool:
    """Tell whether the credits of a rule sum to the gain, so that it can be paid on."""
    return bool(cast("Any", rule_class(name)()).efficient)
