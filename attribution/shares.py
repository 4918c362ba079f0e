"""Who caused which part of the gain: credits in outcome units, and shares where the data can tell them.

The credit in outcome units is the quantity of record. A share of the total is a display of it, and is withheld when
the total cannot be told from zero, is a loss, or when the share's interval is too wide to mean anything.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from counterfoil.attribution.rules import rule_named
from counterfoil.attribution.waterfall import plot_waterfall
from counterfoil.datasets.display import titled_table
from counterfoil.errors import Problem
from counterfoil.estimators.divisible import Divisible
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.forest import plot_forest
from counterfoil.estimators.kernel import Kernel

WIDEST_SHARE = 1.0
"""A share whose interval is wider than this is shown as not determinable."""


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Credits of the providers under one rule.

    Parameters
    ----------
    rule : Kernel
        The attribution rule.
    joint : Estimate
        Credit of each provider and, last, the total gain, per person of the study, in the outcome's own units and sign.
    better : {"higher", "lower"}
        Which direction of the outcome is a gain.
    """

    rule: Kernel
    joint: Estimate
    better: Literal["higher", "lower"]

    @property
    def credits(self) -> Estimate:
        """Credit of each provider."""
        return self.joint.select(range(len(self.joint.terms) - 1), "provider")

    @property
    def total(self) -> Estimate:
        """The total gain."""
        return self.joint.select([len(self.joint.terms) - 1])

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers, in order."""
        return self.joint.terms[:-1]

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a reader must know before using the shares."""
        return self.joint.warnings

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return a row a provider and a row for the total.

        Returns
        -------
        DataFrame
            Columns provider, outcome, term, estimate, std_error, statistic, p_value, conf_low, conf_high, share,
            share_low, share_high. Shares are missing where they are not determinable; the sets are Fieller's.
        """
        gain = self.total.tidy(conf_level)
        gain.insert(0, "provider", "")
        frame = pd.concat([self.credits.tidy(conf_level), gain], ignore_index=True)
        frame.attrs = {**self.credits.tidy(conf_level).attrs, "rule": self.rule.name}
        shares = np.array([*self._shares(conf_level), (math.nan,) * 3])
        frame["share"], frame["share_low"], frame["share_high"] = shares.T
        return frame

    @property
    def withheld(self) -> str:
        """Why no share is shown, in words; empty when the total allows shares."""
        last = len(self.joint.terms) - 1
        total = float(self.joint.values[last])
        if not self.joint.ratio(0, last).bounded:
            return "the total cannot be told from zero, so a percentage of it means nothing"
        if (total if self.better == "higher" else -total) <= 0:
            return "the total is a loss, so these would be shares of a loss"
        return "its interval is too wide for a percentage to mean anything"

    def _shares(self, conf_level: float) -> list[tuple[float, float, float]]:
        last = len(self.joint.terms) - 1
        total = float(self.joint.values[last])
        gain = total if self.better == "higher" else -total
        rows = []
        for found in self.joint.ratios(range(last), last, conf_level):
            shown = found.bounded and gain > 0 and found.high - found.low <= WIDEST_SHARE
            rows.append((found.value, found.low, found.high) if shown else (math.nan,) * 3)
        return rows

    def summary(self) -> str:
        """Return the credits under a header that names rule, estimand and error type."""
        table = self.tidy().drop(columns=["outcome", "statistic"])
        table["provider"] = table["provider"].replace("", "total")

        def digits(value: float) -> str:
            return "n.d." if math.isnan(value) else f"{value:.6g}"

        clusters = "" if self.total.clusters is None else f" by {self.total.n_clusters} clusters"
        head = (
            f"{self.rule.name} credits for {self.credits.outcome}, better {self.better}: {self.total.n:,} people, "
            f"{self.total.error_type} errors{clusters}"
        )
        return f"{head}\n{table.to_string(index=False, float_format=digits)}\nn.d.: not determinable as a share"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy().drop(columns=["statistic"]), self.summary().partition("\n")[0])

    def plot(self, ax: Any = None, *, kind: Literal["forest", "waterfall"] = "forest") -> Any:
        """Draw the credits and the total; return the matplotlib Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure when omitted.
        kind : {"forest", "waterfall"}
            Credits with their simultaneous intervals; or from nothing to the total, provider by provider.
        """
        if kind == "waterfall":
            return plot_waterfall(self.tidy(), ax, self.joint.estimand, self.better)
        if kind != "forest":
            raise ValueError(f"kind is 'forest' or 'waterfall', not {kind!r}")
        return plot_forest(self.joint.tidy(simultaneous=True), ax, unit=self.joint.estimand)


def attribute(
    fit: Divisible,
    rule: str | Kernel = "shapley",
    *,
    better: Literal["higher", "lower"] = "higher",
    **terms: Any,
) -> Shares:
    """Divide the gain of a fit among its providers; nothing is refitted.

    Parameters
    ----------
    fit : Divisible
        From ``Contribution(...).fit(study)`` or another fit with several providers.
    rule : str or Kernel
        A name of ``RULES``, or a rule of your own.
    better : {"higher", "lower"}
        Which direction of the outcome is a gain; decides whether shares of it may be shown.

    **terms
        Terms of the rule: ``unions`` of owen, ``stages`` of stage_respecting, ``fractions`` of fixed, ``ties`` of plurality.

    Raises
    ------
    AttributionError
        ATTR-001 for an unknown rule, ATTR-002 when it needs doses or dates that are not recorded, ATTR-003 when the
        design's credits cannot follow it, ATTR-005 when its terms do not fit, ATTR-006 for a tie that no term breaks.
    IdentificationError
        When the data do not determine the credits.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> attribute(fit, "equal_split").credits.values.round(6)
    array([0.039314, 0.013705])
    """
    if better not in ("higher", "lower"):
        raise ValueError(f"better is 'higher' or 'lower', not {better!r}")
    kernel = rule_named(rule, fit.providers, **terms)
    return Shares(kernel, fit.joint(kernel), better)
