"""A backbone that reached everybody: what its part of the gain would be, were a given part of it lost without it.

Without people whom the backbone did not reach, nothing shows what the others would have achieved alone; all gains are
over the backbone only. With γ(S) the gain of the providers in S over the backbone alone and δ_T its dividends, suppose
that without the backbone they would achieve (1 − ζ)γ(S). Shapley's credits are then

    backbone: ζ Σ_T δ_T / (|T| + 1)          provider j: Σ_{T∋j} δ_T / |T| − ζ Σ_{T∋j} δ_T / (|T| (|T| + 1)),

which is a kernel with dividend shares 1/|T| − ζ/(|T|(|T| + 1)); what it leaves of the gain is the backbone's. ζ is not in
the data: it is declared, shown over a grid, or estimated from a staged roll-out. If each provider can only help, ζ
itself lies between 0 and 1 for every coalition, and the backbone's credit between the two ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.imbens_manski import imbens_manski
from counterfoil.estimators.kernel import FloatArray, Need, members_of, popcount, weights_from_shares
from counterfoil.estimators.stack import stack

OVER_BACKBONE: Final = "all gains are over the backbone only: nobody was without it, so its own effect is not in them"


@dataclass(frozen=True, slots=True)
class BesideBackbone(Rule):
    """Shapley's credits of the others when part ζ of their gain would be lost without the backbone.

    Parameters
    ----------
    necessity : float
        ζ, from 0 (the backbone changes nothing) to 1 (without it there is no gain).

    Examples
    --------
    >>> gain = np.array([0.0, 0.3])
    >>> BesideBackbone(1.0).weights((0,)) @ gain
    array([0.15])
    """

    necessity: float
    name: str = "beside_backbone"
    efficient: bool = False
    needs: Need = ""

    def __post_init__(self) -> None:
        if not 0 <= self.necessity <= 1:
            raise ValueError(f"necessity is a fraction between 0 and 1, not {self.necessity}")

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return κ from the dividend shares, shape (ℓ, 2^ℓ)."""
        del record
        return weights_from_shares(self.dividend_shares(members, np.arange(1, 1 << len(members))))

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1/|T| − ζ/(|T|(|T| + 1)) for j in T."""
        del record
        inside = members_of(subsets, len(members))
        size = popcount(subsets)
        return np.asarray(inside * (1.0 / size - self.necessity / (size * (size + 1.0))))


@dataclass(frozen=True, slots=True, eq=False)
class BackboneSensitivity:
    """Credits over a grid of necessities, and the backbone's bounds if no provider makes the outcome worse.

    Parameters
    ----------
    backbone : str
        What the backbone is called.
    necessity : tuple of float
        ζ of each estimate.
    credits : tuple of Estimate
        The others and, last, the backbone, per person of the study, in the outcome's own units and sign.
    bounds : Estimate
        The backbone's two ends under monotonicity; the first is the end at which it changes nothing.
    benchmarked : bool
        Whether an outside benchmark says what the backbone does alone.
    """

    backbone: str
    necessity: tuple[float, ...]
    credits: tuple[Estimate, ...]
    bounds: Estimate
    benchmarked: bool

    @property
    def statement(self) -> str:
        """What the gains are measured against, in words."""
        if self.benchmarked:
            return "what the backbone does alone is taken from an outside benchmark, not from these data"
        return OVER_BACKBONE

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return a row a necessity and party: column ``necessity``, then those of `Estimate.tidy`."""
        frames = []
        for zeta, credits in zip(self.necessity, self.credits, strict=True):
            frame = credits.tidy(conf_level)
            frame.insert(0, "necessity", zeta)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def interval(self, conf_level: float = 0.95) -> FloatArray:
        """Return an Imbens–Manski interval for the backbone's credit under monotonicity, shape (2,), low end first."""
        ends, errors = self.bounds.values, self.bounds.std_error
        order = [0, 1] if ends[0] <= ends[1] else [1, 0]
        low, high = ends[order]
        critical = imbens_manski(high - low, float(errors.max()), conf_level, self.bounds.df)
        return np.asarray(ends[order] + critical * errors[order] * np.array([-1.0, 1.0]))

    def summary(self) -> str:
        """Return what the gains are over, the credits, and the backbone's bounds."""
        low, high = sorted(self.bounds.values)
        table = self.tidy().to_string(index=False, float_format=lambda value: f"{value:.6g}")
        ends = f"{self.backbone} between {low:.6g} and {high:.6g} if no provider makes the outcome worse"
        return f"{self.statement}\n{table}\n{ends}"

    def __repr__(self) -> str:
        return self.summary()


def backbone_sensitivity(
    fit: ContributionFit,
    necessity: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0),
    *,
    benchmark: Estimate | None = None,
    backbone: str = "backbone",
) -> BackboneSensitivity:
    """Return the credits of a backbone and of the others over a grid of necessities; nothing is refitted.

    Parameters
    ----------
    fit : ContributionFit
        Of the providers other than the backbone, which reached everybody.
    necessity : sequence of float
        The fractions ζ of the others' gain that would be lost without the backbone.
    benchmark : Estimate, optional
        One value: mean outcome with the backbone alone less an outside benchmark of no service, per person, estimated
        on other people. It is the backbone's in full; under monotonicity at least its 1/(K + 1)th part is, K other
        providers sharing the rest.
    backbone : str

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> found = backbone_sensitivity(fit, [0.0, 1.0])
    >>> [credits.values.round(3).tolist() for credits in found.credits]
    [[0.052, 0.001, 0.0], [0.026, 0.001, 0.027]]
    >>> found.statement.partition(":")[0]
    'all gains are over the backbone only'
    """
    if backbone in fit.providers:
        raise ValueError(f"'{backbone}' is one of the providers of the fit; the backbone is not among them")
    if benchmark is not None and len(benchmark.terms) != 1:
        raise ValueError("a benchmark is one value")
    others = len(fit.providers)
    share_out = np.vstack([np.eye(others + 1)[:others], np.append(-np.ones(others), 1.0)])
    names = (*fit.providers, backbone)
    credits = tuple(_split(fit, zeta, share_out, names, benchmark) for zeta in necessity)
    # Both ends are linear in the gain: nothing of γ is the backbone's, or as much as at ζ = 1.
    most = _split(fit, 1.0, share_out, names, None).select([others])
    if benchmark is None:
        ends = most.contrast([[0.0], [1.0]], ["changes nothing", "all is lost without it"])
    else:
        both = stack([most, benchmark], ["over it", "alone"], independent=True)
        ends = both.contrast([[0.0, 1.0 / (others + 1)], [1.0, 1.0]], ["changes least", "all is lost without it"])
    return BackboneSensitivity(backbone, tuple(necessity), credits, ends, benchmark is not None)


def _split(
    fit: ContributionFit, zeta: float, share_out: FloatArray, names: tuple[str, ...], benchmark: Estimate | None
) -> Estimate:
    """Return the others' credits and what they leave of the gain."""
    credits = fit.joint(BesideBackbone(zeta))
    if benchmark is not None:
        credits = stack([credits, benchmark], ["study", "benchmark"], independent=True)
        share_out = np.column_stack([share_out, np.append(np.zeros(len(names) - 1), 1.0)])
    return replace(credits.contrast(share_out, names), label="provider")
