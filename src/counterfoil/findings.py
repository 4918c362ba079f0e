"""What stands behind a divided gain: what it rests on, who acts together, and how firm it is.

Each finding is computed from the fit that was paid on; one that the data or the model do not allow is left out, with
the code that says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

from counterfoil.attribution.comparison import RuleComparison, rule_width
from counterfoil.attribution.interactions import Interactions, interactions
from counterfoil.attribution.shares import Shares
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.contamination import Contamination, contamination
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.influential import Influence, influential
from counterfoil.estimators.omitted_variable import OmittedVariable, omitted_variable
from counterfoil.estimators.ranks import rank_sets
from counterfoil.estimators.subgroups import gain_by_group
from counterfoil.estimators.support import SupportLedger, support


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What stands behind the credits of one effect.

    Parameters
    ----------
    model, why : str
        The outcome model, and why that one.
    support : SupportLedger or None
    interactions : Interactions or None
    ranks : DataFrame or None
        None for a single provider.
    comparison : RuleComparison or None
        Every rule side by side.
    hidden_factor : OmittedVariable or None
        None for a lottery, in which nothing hidden decides who was served.
    influence : Influence or None
    contamination : Contamination or None
        Of an additive model.
    groups : mapping of str to DataFrame
        For each column asked for: who gains, and whom nobody served.
    left_out : mapping of str to str
        Finding to the codes of why it could not be had.
    """

    model: str
    why: str
    support: SupportLedger | None
    interactions: Interactions | None
    ranks: pd.DataFrame | None
    comparison: RuleComparison | None
    hidden_factor: OmittedVariable | None
    influence: Influence | None
    contamination: Contamination | None
    groups: Mapping[str, pd.DataFrame]
    left_out: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data; counts of people are suppressed where they are small."""
        frames = {
            "support": None if self.support is None else self.support.tidy(),
            "interactions": None if self.interactions is None else self.interactions.tidy(),
            "ranks": self.ranks,
            "rules": None if self.comparison is None else self.comparison.tidy(),
            "hidden_factor": None if self.hidden_factor is None else self.hidden_factor.tidy(),
            "influence": None if self.influence is None else self.influence.tidy(),
            "contamination": None if self.contamination is None else self.contamination.tidy(),
        }
        found = {name: frame.to_dict("records") for name, frame in frames.items() if frame is not None}
        groups = {column: frame.to_dict("records") for column, frame in self.groups.items()}
        return {"model": self.model, "why": self.why, **found, "groups": groups, "left_out": dict(self.left_out)}


def find(
    fit: ContributionFit, shares: Shares, better: Literal["higher", "lower"], groups: Sequence[str] = ()
) -> Findings:
    """Return what stands behind the credits of a fit.

    Parameters
    ----------
    fit : ContributionFit
    shares : Shares
        Made from the fit.
    better : {"higher", "lower"}
    groups : sequence of str
        Columns of people by which gains are shown.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import attribute
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> find(fit, attribute(fit), "higher").support.fraction()
    array([1., 1.])
    """
    left_out: dict[str, str] = {}

    def ask(name: str, finding: Callable[[], Any]) -> Any:
        try:
            return finding()
        except CounterfoilError as error:
            left_out[name] = ", ".join(error.codes)
            return None

    additive, lottery = fit.choice.model == "additive", fit.spec.design == "randomized"
    rule = shares.rule
    by_column = {column: ask(f"groups by {column}", partial(gain_by_group, fit, column)) for column in groups}
    return Findings(
        model=fit.choice.model,
        why=fit.choice.why,
        support=ask("support", lambda: support(fit, rule)),
        interactions=None if additive else ask("interactions", lambda: interactions(fit, better)),
        ranks=ask("ranks", lambda: rank_sets(shares.credits, better)) if len(shares.providers) > 1 else None,
        comparison=ask("rules", lambda: rule_width(fit)),
        hidden_factor=None if lottery else ask("hidden_factor", lambda: omitted_variable(fit, rule)),
        influence=ask("influence", lambda: influential(fit, rule)),
        contamination=ask("contamination", lambda: contamination(fit, fit.sample.study, rule)) if additive else None,
        groups=MappingProxyType({column: frame for column, frame in by_column.items() if frame is not None}),
        left_out=MappingProxyType(left_out),
    )
