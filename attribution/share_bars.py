"""Share bars: what each rule would credit each provider with, and how much of that rests on data.

One bar a rule, in the outcome's own units, so that there is something to draw even where a percentage is withheld. A part
is full where every combination that the rule compares was observed, pale where the model's shape fills one in, and
hatched where it is a joint credit or agreed; see `counterfoil.estimators.support`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np

from counterfoil.attribution.rules import rule_named
from counterfoil.attribution.shares import attribute
from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.kernel import FloatArray, Kernel
from counterfoil.estimators.palette import WHOLE, hue, paler
from counterfoil.estimators.support import CLASSES, Support, SupportLedger, support

HATCHES: Final[Mapping[Support, str]] = MappingProxyType({"joint": "///", "by agreement": "..."})
NARROWEST_WRITTEN: Final = 0.06
"""Part of the drawing's width from which a provider's part carries its number."""


def plot_share_bars(
    fit: ContributionFit,
    rules: Sequence[str | Kernel],
    ax: Any = None,
    *,
    better: Literal["higher", "lower"] = "higher",
) -> Any:
    """Draw one bar a rule, divided among providers.

    A part carries its share of the total in percent, or its credit where the share is not determinable. Positive credits
    are drawn to the right of zero, negative ones to the left; a line marks the total gain. After eight providers colours
    come again, in the order of the legend.

    Parameters
    ----------
    fit : ContributionFit
        A fitted surface; nothing is refitted.
    rules : sequence of str or Kernel
        Names of ``RULES``, or rules of your own, such as ``rule_named("owen", fit.providers, unions=[["a", "b"]])``.
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.
    better : {"higher", "lower"}
        Which direction of the outcome is a gain; decides whether shares of it may be shown.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    IdentificationError, AttributionError
        When the data do not determine the credits of one of the rules; see `counterfoil.attribution.attribute`.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> [label.get_text() for label in plot_share_bars(fit, ["shapley", "equal_split"]).get_yticklabels()]
    ['shapley', 'equal_split']
    """
    if not rules:
        raise ValueError("share bars need a rule")
    kernels = [rule_named(rule, fit.providers) for rule in rules]
    divided = [attribute(fit, kernel, better=better) for kernel in kernels]
    widths = [by_class(support(fit, shares.rule), shares.credits.values) for shares in divided]
    ax = axes_of(ax, 7.6, 1.4 + 0.5 * len(kernels))
    credits = np.array([shares.credits.values for shares in divided])
    total = float(divided[0].total.values[0])
    reach = max(*np.maximum(credits, 0).sum(axis=1), total, 0) - min(*np.minimum(credits, 0).sum(axis=1), total, 0)
    for row, (shares, sizes) in enumerate(zip(divided, widths, strict=True)):
        ends = {True: 0.0, False: 0.0}
        for j, share in enumerate(shares.tidy()["share"].tolist()[:-1]):
            credit = float(credits[row, j])
            start = ends[credit >= 0]
            for kind, width in zip(CLASSES, sizes[j].tolist(), strict=True):
                _draw(ax, row, ends[credit >= 0], width, hue(j), kind)
                ends[credit >= 0] += width
            if abs(credit) >= NARROWEST_WRITTEN * reach:
                written = f"{credit:.3g}" if np.isnan(share) else f"{share:.0%}"
                box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
                ax.text(start + credit / 2, row, written, ha="center", va="center", fontsize="small", bbox=box)
    ax.axvline(0, color="0.5", linewidth=1, zorder=0)
    ax.axvline(total, color=WHOLE, linewidth=1, linestyle="--", zorder=3)
    ax.annotate(
        "total gain", (total, 1), (0, 3), ("data", "axes fraction"), "offset points",
        ha="center", va="bottom", fontsize="small", color=WHOLE,
    )  # fmt: skip
    ax.set_yticks(range(len(kernels)), [kernel.name for kernel in kernels])
    ax.invert_yaxis()
    ax.set_xlabel(f"credit for {divided[0].credits.outcome}, per person of the study")
    ax.spines[["top", "right"]].set_visible(False)
    _legend(ax, fit.providers, [kind for place, kind in enumerate(CLASSES) if np.any([w[:, place] for w in widths])])
    return ax


def by_class(ledger: SupportLedger, credits: FloatArray) -> FloatArray:
    """Return each credit divided among the classes of support, shape (n_providers, 4); rows sum to the credits.

    Parts of a credit may have opposite signs, so the credit is divided in proportion to their absolute sums, as in
    ``SupportLedger.fraction()``; a credit without parts counts as supported.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> by_class(support(fit, Shapley()), fit.apply(Shapley()).values).round(4)
    array([[0.0517, 0.    , 0.    , 0.    ],
           [0.0013, 0.    , 0.    , 0.    ]])
    """
    size = np.zeros((len(ledger.providers), len(CLASSES)))
    for kind, part in zip(ledger.support, np.abs(ledger.parts), strict=True):
        size[:, CLASSES.index(kind)] += part
    joint = np.array(ledger.together)
    size[joint] = np.eye(len(CLASSES))[CLASSES.index("joint")] * size[joint].sum(axis=1, keepdims=True)
    whole = size.sum(axis=1, keepdims=True)
    supported = np.broadcast_to(np.eye(len(CLASSES))[0], size.shape)
    return np.asarray(credits[:, None] * np.divide(size, whole, out=supported.copy(), where=whole > 0))


def _draw(ax: Any, row: int, left: float, width: float, color: str, kind: Support) -> None:
    if width:
        face = color if kind == "supported" else paler(color)
        ax.barh(row, width, 0.62, left, facecolor=face, edgecolor="white", linewidth=1)
        if kind in HATCHES:
            # matplotlib draws hatches in the edge's colour, and the edge is white to part neighbours.
            ax.patches[-1].set(hatch=HATCHES[kind], edgecolor=color)


def _legend(ax: Any, providers: Sequence[str], kinds: Sequence[Support]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=hue(j), label=name) for j, name in enumerate(providers)]
    for kind in kinds:
        face = WHOLE if kind == "supported" else paler(WHOLE)
        handles.append(Patch(facecolor=face, edgecolor=WHOLE, hatch=HATCHES.get(kind), label=kind))
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize="small")
