"""What a two-way fixed-effects regression averages when units are treated from different periods on.

Its coefficient is a weighted average of all two-group, two-period comparisons, among them comparisons of newly treated units
with units that are treated already: if effects grow or fade, these count changes of the effect as if they were trends.

Source: Goodman-Bacon (2021), "Difference-in-differences with variation in treatment timing", Journal of Econometrics 225(2),
theorem 1 and equations (7) to (10).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.palette import hue
from counterfoil.estimators.panels.panel_design import AdoptionDesign, PanelData, draw_panel
from counterfoil.estimators.panels.staggered_sample import complete_units

KINDS: Final = ("treated vs never treated", "earlier vs later", "later vs earlier", "later vs always treated")


@dataclass(frozen=True, slots=True, eq=False)
class BaconDecomposition:
    """All comparisons behind a two-way fixed-effects regression.

    Parameters
    ----------
    comparisons : DataFrame
        One row a comparison: treated, comparison (cohorts), kind, weight, estimate.
    outcome : str
    counts : dict of str to int
        Units in and used.
    warnings : tuple of Problem
    """

    comparisons: pd.DataFrame
    outcome: str
    counts: dict[str, int]
    warnings: tuple[Problem, ...] = ()

    @property
    def two_way(self) -> float:
        """The coefficient of the regression: the weighted average of all comparisons."""
        return float(self.comparisons["weight"] @ self.comparisons["estimate"])

    @property
    def forbidden(self) -> float:
        """Weight of comparisons with units that are treated already."""
        return float(self.comparisons["weight"][self.comparisons["kind"].isin(KINDS[2:])].sum())

    def by_kind(self) -> pd.DataFrame:
        """Return the weight and the weighted mean estimate of each kind of comparison."""
        frame = self.comparisons.assign(product=self.comparisons["weight"] * self.comparisons["estimate"])
        sums = frame.groupby("kind", sort=False)[["weight", "product"]].sum()
        sums = sums.reindex([kind for kind in KINDS if kind in sums.index])
        sums["estimate"] = sums["product"] / sums["weight"]
        return sums.drop(columns="product").reset_index()

    def plot(self, ax: Any = None) -> Any:
        """Draw each comparison's estimate against its weight; return the matplotlib Axes."""
        return plot_bacon(self, ax)

    @property
    def _header(self) -> str:
        return (
            f"Two-way fixed effects on {self.outcome}: {self.two_way:.6g}, of which comparisons with units already treated "
            f"weigh {self.forbidden:.1%}"
        )

    def __repr__(self) -> str:
        return f"{self._header}\n{self.by_kind().to_string(index=False, float_format=lambda x: f'{x:.6f}')}"

    def _repr_html_(self) -> str:
        return titled_table(self.by_kind(), self._header)


def goodman_bacon(spec: AdoptionDesign, data: PanelData) -> BaconDecomposition:
    """Decompose the regression of the outcome on treatment with effects of units and periods.

    Parameters
    ----------
    spec : AdoptionDesign
        Says what the outcome is and when units are treated; covariates and clusters are not used.
    data : Study, Panel, or DataFrame whose index has two levels, unit and period
        Units that are not measured in every period are left out, which is said.

    Raises
    ------
    DataError
        As the design's fit.
    IdentificationError
        IDENT-001 when all units are treated from the same period on, or none is.

    Examples
    --------
    >>> from counterfoil.datasets import Panel
    >>> from counterfoil.estimators.panels.staggered_did import StaggeredDiD
    >>> rows = [(unit, year) for unit in range(4) for year in (1, 2, 3)]
    >>> frame = pd.DataFrame(rows, columns=["town", "year"])
    >>> frame["joined"] = frame["town"].map({0: 2, 1: 3, 2: 9, 3: 9})
    >>> frame["jobs"] = 1.0 * frame["year"] + (frame["year"] >= frame["joined"]) * (frame["year"] - frame["joined"] + 1)
    >>> panel = Panel.from_frame(frame, unit="town", period="year")
    >>> goodman_bacon(StaggeredDiD(outcome="jobs", first_treated="joined"), panel).by_kind().round(3)
                           kind  weight  estimate
    0  treated vs never treated     0.8      1.25
    1          earlier vs later     0.1      1.00
    2          later vs earlier     0.1      0.00
    """
    sample, losses = complete_units(draw_panel(spec, data, spec.varying()))
    panel = sample.panel
    first = spec.adoption(panel)
    first = np.where(first > panel.times[-1], np.inf, np.maximum(first, panel.times[0]))
    starts, code = np.unique(first, return_inverse=True)
    if len(starts) < 2:
        raise refusal("IDENT-001", "all units are treated from the same period on, or none is", panel.name)
    share = np.bincount(code, weights=sample.weights) / sample.weights.sum()
    outcome = panel.wide(sample.outcome) * sample.weights[:, None]
    means = np.stack([outcome[code == group].sum(axis=0) for group in range(len(starts))])
    means /= np.bincount(code, weights=sample.weights)[:, None]
    called = dict(zip(panel.times.tolist(), panel.periods, strict=True))
    names = [called.get(start, "never treated" if np.isinf(start) else f"{start:.15g}") for start in starts.tolist()]
    rows = [
        (names[one], names[other], kind, weight, estimate)
        for one, other, kind, weight, estimate in _comparisons(starts, share, means, panel.times)
    ]
    frame = pd.DataFrame(rows, columns=["treated", "comparison", "kind", "weight", "estimate"])
    frame["weight"] /= frame["weight"].sum()
    return BaconDecomposition(frame, sample.outcome, sample.counts, (*sample.warnings, *losses))


def _comparisons(
    starts: FloatArray, share: FloatArray, means: FloatArray, times: FloatArray
) -> Iterator[tuple[int, int, str, float, float]]:
    """Yield treated and comparison group, kind, weight up to a factor, and estimate."""
    treated = times >= starts[:, None]
    exposed = treated.mean(axis=1)
    always = exposed == 1.0
    for early in range(len(starts)):
        for late in range(early + 1, len(starts)):
            d, b, scale = exposed[early], exposed[late], float(share[early] * share[late])
            # Before the later group is treated it serves as comparison; once the earlier one is, that one does.
            before, after = ~treated[late], treated[early]
            if 0 < d < 1:
                kind = KINDS[0] if np.isinf(starts[late]) else KINDS[1]
                change = _change(means[early] - means[late], before & after, before & ~after)
                yield early, late, kind, scale * float((d - b) * (1 - d)), change
            if 0 < b < d:
                kind = KINDS[3] if always[early] else KINDS[2]
                change = _change(means[late] - means[early], after & ~before, after & before)
                yield late, early, kind, scale * float(b * (d - b)), change


def _change(gap: FloatArray, late: Any, early: Any) -> float:
    return float(gap[late].mean() - gap[early].mean())


def plot_bacon(decomposition: BaconDecomposition, ax: Any = None) -> Any:
    """Draw each comparison's estimate against its weight, and the regression's coefficient as a line.

    Parameters
    ----------
    decomposition : BaconDecomposition
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import StaggeredDiD
    >>> found = goodman_bacon(StaggeredDiD(outcome="days", first_treated="opened"), cf.datasets.load("rollout"))
    >>> plot_bacon(found).get_xlabel()
    'weight'
    """
    ax = axes_of(ax)
    frame = decomposition.comparisons
    for place, (kind, marker) in enumerate(zip(KINDS, "osD^", strict=True)):
        part = frame[frame["kind"] == kind]
        if len(part):
            ax.plot(
                part["weight"], part["estimate"], marker, color=hue(place), label=f"{kind} ({part['weight'].sum():.0%})"
            )
    ax.axhline(decomposition.two_way, color="0.4", linewidth=1, linestyle="--", label="two-way fixed effects")
    ax.axhline(0, color="0.8", linewidth=1)
    ax.set_xlabel("weight")
    ax.set_ylabel(f"estimate, units of {decomposition.outcome}")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
