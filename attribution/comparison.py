"""The same fit under every rule that the data allow: how much the choice of rule matters.

The rule width of a provider is the largest less the smallest of its credits over the effect-based rules (Shapley, Owen,
dose-weighted Shapley, order of service, stage-respecting, last-in, first-in, Banzhaf). It is zero in an additive game, but
zero does not prove one: joint effects can cancel. Roster rules (equal split, dose split, plurality) divide by who touched
a case and not by effects, so they stand apart; fractions fixed by agreement do not enter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.attribution.rules import rule_named
from counterfoil.datasets.display import titled_table
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.contribution import ContributionFit

EFFECT_BASED: Final = (
    "shapley", "owen", "weighted_shapley", "order_of_service", "stage_respecting", "last_in", "first_in", "banzhaf",
)  # fmt: skip
ROSTER: Final = ("equal_split", "dose_split", "plurality")
TERMS_OF: Final = MappingProxyType({"owen": "unions", "stage_respecting": "stages", "plurality": "ties"})
REQUIRED: Final = ("owen", "stage_respecting")
"""Rules that are another rule under another name when their term is not given, so that they are not tried."""


@dataclass(frozen=True, slots=True, eq=False)
class RuleComparison:
    """Credits of each provider under each rule.

    Parameters
    ----------
    credits : DataFrame
        One row a provider, one column a rule; in the outcome's units per person of the study.
    outcome : str
    left_out : mapping of str to str
        Rules that the data or the terms given do not allow, and why: an error code, or the term that is missing.
    """

    credits: pd.DataFrame
    outcome: str
    left_out: Mapping[str, str]

    @property
    def effect_based(self) -> pd.DataFrame:
        """Credits under the effect-based rules."""
        return self.credits[[name for name in EFFECT_BASED if name in self.credits]]

    @property
    def roster(self) -> pd.DataFrame:
        """Credits under the rules that divide by who touched a case."""
        return self.credits[[name for name in ROSTER if name in self.credits]]

    @property
    def width(self) -> pd.Series:
        """Largest less smallest credit over the effect-based rules, by provider, in the outcome's units."""
        return self.effect_based.max(axis=1) - self.effect_based.min(axis=1)

    def tidy(self) -> pd.DataFrame:
        """Return a row a provider.

        Returns
        -------
        DataFrame
            Columns provider, outcome, one a rule (effect-based rules first), and width, of the effect-based rules.
        """
        frame = pd.concat([self.effect_based, self.roster], axis=1)
        frame["width"] = self.width
        frame.insert(0, "outcome", self.outcome)
        return frame.rename_axis("provider").reset_index()

    @property
    def _header(self) -> str:
        without = ", ".join(f"{rule} ({why})" for rule, why in self.left_out.items())
        return (
            f"credits for {self.outcome} by rule; width is over the {self.effect_based.shape[1]} effect-based rules"
            + (f"; left out: {without}" if without else "")
        )

    def summary(self) -> str:
        """Return the table under a sentence that reads it."""
        table = self.tidy().drop(columns="outcome")
        return f"{self._header}\n{table.to_string(index=False, float_format=lambda x: f'{x:.4g}')}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)


def rule_width(fit: ContributionFit, **terms: Any) -> RuleComparison:
    """Apply every rule that a fit allows and return how far the effect-based ones are apart; nothing is refitted.

    Parameters
    ----------
    fit : ContributionFit
        A fitted surface.

    **terms
        ``unions`` of owen, ``stages`` of stage_respecting, ``ties`` of plurality. Without its term, owen or
        stage_respecting is left out, as is a rule that needs doses, dates or combinations of providers that the study
        does not have.

    Raises
    ------
    IdentificationError, AttributionError
        When no effect-based rule can be applied: those of the Shapley value.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> rule_width(fit).width.round(4).to_dict()
    {'default': 0.0011, 'intensive': 0.0011}
    """
    unknown = set(terms) - set(TERMS_OF.values())
    if unknown:
        raise TypeError(f"terms are {', '.join(TERMS_OF.values())}, not {', '.join(sorted(unknown))}")
    columns: dict[str, np.ndarray[Any, Any]] = {}
    left_out: dict[str, str] = {}
    for name in (*EFFECT_BASED, *ROSTER):
        term = TERMS_OF.get(name)
        if name in REQUIRED and term not in terms:
            left_out[name] = f"no {term} given"
            continue
        rule = rule_named(name, fit.providers, **({term: terms[term]} if term in terms else {}))
        try:
            columns[name] = fit.apply(rule).values
        except CounterfoilError as error:
            left_out[name] = ", ".join(error.codes)
    if not set(EFFECT_BASED) & set(columns):
        fit.apply(rule_named("shapley", fit.providers))
    return RuleComparison(pd.DataFrame(columns, index=list(fit.providers)), fit.outcome, MappingProxyType(left_out))
