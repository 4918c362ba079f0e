"""Which providers reinforce each other and which are redundant, with intervals.

For a pair {j, k} the Shapley interaction index of the gain is Σ_{T ⊇ {j,k}} δ_T / (|T| − 1): what the two add together
beyond what each adds alone, averaged over the company in which they are met. With pairs only it is their joint effect.
Source: Grabisch and Roubens (1999), *An axiomatic approach to the concept of interaction among players*.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.attribution.of_sets import PairInteraction
from counterfoil.datasets.disclosure import suppress_counts
from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.joint_test import joint_test

Verdict = Literal["reinforce", "redundant", "cannot tell"]


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """How pairs of providers act together.

    Parameters
    ----------
    estimate : Estimate
        One term a pair, in the outcome's units per person who had both.
    pairs : tuple of pairs of str
    people : ndarray of int, shape (n_pairs,)
        How many people had both.
    better : {"higher", "lower"}
        Direction of the outcome in which joint effects reinforce.
    """

    estimate: Estimate
    pairs: tuple[tuple[str, str], ...]
    people: NDArray[np.intp]
    better: Literal["higher", "lower"]

    @property
    def p_value(self) -> float:
        """The p-value of the joint test that no pair interacts."""
        return joint_test(self.estimate).p_value

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return a row a pair, most shared people first, with intervals that hold together.

        Returns
        -------
        DataFrame
            Columns provider, other, people, estimate, std_error, conf_low, conf_high, verdict; small counts are
            suppressed.
        """
        bands = self.estimate.interval(conf_level, simultaneous=True)
        sign = 1.0 if self.better == "higher" else -1.0
        low, high = np.sort(sign * bands, axis=1).T
        verdict: list[Verdict] = [
            "reinforce" if a > 0 else "redundant" if b < 0 else "cannot tell"
            for a, b in zip(low.tolist(), high.tolist(), strict=True)
        ]
        frame = pd.DataFrame({
            "provider": [pair[0] for pair in self.pairs],
            "other": [pair[1] for pair in self.pairs],
            "people": suppress_counts(self.people),
            "estimate": self.estimate.values,
            "std_error": self.estimate.std_error,
            "conf_low": bands[:, 0],
            "conf_high": bands[:, 1],
            "verdict": verdict,
        })  # fmt: skip
        return frame.iloc[np.argsort(-self.people, kind="stable")].reset_index(drop=True)

    def summary(self) -> str:
        """Return the table under what it means."""
        table = self.tidy().to_string(index=False, float_format=lambda value: f"{value:.4g}")
        return f"{self._header}\n{table}"

    @property
    def _header(self) -> str:
        return f"what pairs of providers add together to {self.estimate.outcome}, per person who had both"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)


def interactions(
    fit: ContributionFit, better: Literal["higher", "lower"] = "higher", min_people: int = 25, most: int = 100
) -> Interactions:
    """Return how pairs of providers act together: reinforce each other, are redundant, or cannot be told.

    Parameters
    ----------
    fit : ContributionFit
        Of a model that has joint effects.
    better : {"higher", "lower"}
        Which direction of the outcome is a gain.
    min_people : int
        Shared people below which a pair is left out.
    most : int
        Pairs that are reported: those with most shared people.

    Raises
    ------
    AttributionError
        ATTR-009 when the model has no joint effects, or no pair shares enough people.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> interactions(fit).tidy()[["provider", "other", "verdict"]].to_dict("records")
    [{'provider': 'default', 'other': 'intensive', 'verdict': 'cannot tell'}]
    """
    if fit.choice.model == "additive":
        raise refusal("ATTR-009", "the additive model has no joint effects", "estimator")
    served = fit.served.astype(np.float64)
    together = served.T @ served
    chosen = [pair for pair in combinations(range(len(fit.providers)), 2) if together[pair] >= max(min_people, 1)]
    if fit.choice.model == "pairwise":
        terms = {tuple(sorted(fit.players.owner[list(term)].tolist())) for term in fit.surface.terms if len(term) == 2}
        chosen = [pair for pair in chosen if pair in terms]
    chosen = sorted(sorted(chosen, key=lambda pair: (-together[pair], pair))[:most])
    if not chosen:
        raise refusal("ATTR-009", f"no two providers share {min_people} people", "services")
    kernel = PairInteraction(tuple(chosen))
    names = tuple((fit.providers[j], fit.providers[k]) for j, k in chosen)
    labels = tuple(f"{one} & {other}" for one, other in names)
    both = np.column_stack([fit.served[:, j] & fit.served[:, k] for j, k in chosen])
    found = fit.per_person(fit.estimate(fit.applied(kernel), labels, "term"), both)
    return Interactions(found, names, np.array([int(together[pair]) for pair in chosen]), better)
