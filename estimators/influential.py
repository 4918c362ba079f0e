"""On how many people each credit rests, and what it would be without one of them.

The effective sample size is (Σ|α|)²/Σα² of the residuals' weights. A person (or a cluster, where errors are by cluster)
that makes up more than a twentieth of a credit's variance is heavy. With the fitted models held fixed, leaving person i
out changes credit j by exactly −w_i (u_ij − φ_j)/(n − w_i), with w_i the observation weight (1 without weights).

Source: Hampel (1974) for influence values; Kish (1965) for the effective sample size.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.covariance import cluster_sums
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.power import effective_sample

FloatArray = NDArray[np.float64]

HEAVY: Final = 0.05
"""Part of a credit's variance beyond which one person or cluster is heavy."""
FEW: Final = 50
"""Effective sample size below which a credit is flagged."""
LISTED: Final = 20
"""How many of the largest influence values are listed for each provider."""


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """On whom each credit rests. Nothing that points at a person is ever printed.

    Parameters
    ----------
    providers : tuple of str
    outcome : str
    unit : {"people", "clusters"}
        What is independent of each other, and counted in ``heavy``.
    effective_sample : ndarray, shape (K,)
        Number of people over whom the weights are really spread.
    heavy : ndarray of int, shape (K,)
        Units that make up more than 5% of the credit's variance.
    largest : ndarray of int, shape (min(20, n), K)
        Row positions of the people with the largest absolute influence values, largest first.
    removal : ndarray, shape (n, K)
        Change of each credit when the person is left out and the fitted models stay, in the outcome's units.
    """

    providers: tuple[str, ...]
    outcome: str
    unit: str
    effective_sample: FloatArray
    heavy: NDArray[np.intp]
    largest: NDArray[np.intp]
    removal: FloatArray

    @property
    def flagged(self) -> tuple[str, ...]:
        """Providers whose credit rests on fewer than 50 effective people, or has a heavy person or cluster."""
        marked = (self.effective_sample < FEW) | (self.heavy > 0)
        return tuple(name for name, mark in zip(self.providers, marked.tolist(), strict=True) if mark)

    def tidy(self) -> pd.DataFrame:
        """Return a row a provider.

        Returns
        -------
        DataFrame
            Columns provider, outcome, effective_sample, heavy (as text, small counts hidden), flagged.
        """
        frame = pd.DataFrame({"provider": self.providers, "outcome": self.outcome})
        frame["effective_sample"] = self.effective_sample
        frame["heavy"] = [shown(count) for count in self.heavy.tolist()]
        frame["flagged"] = [name in self.flagged for name in self.providers]
        return frame

    @property
    def _header(self) -> str:
        return f"on whom the credits for {self.outcome} rest; heavy {self.unit} make up over {HEAVY:.0%} of a variance"

    def summary(self) -> str:
        """Return the table under a sentence that reads it."""
        table = self.tidy().drop(columns="outcome")
        return f"{self._header}\n{table.to_string(index=False, float_format=lambda x: f'{x:.1f}')}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)


def influential(fit: ContributionFit, kernel: Kernel) -> Influence:
    """Return on whom each credit rests, and what it would be without one person.

    Parameters
    ----------
    fit : ContributionFit
        A fitted surface.
    kernel : Kernel
        An attribution rule.

    Raises
    ------
    EstimationError
        EST-015 when a credit has no error, so that nobody has a part in it.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> influential(fit, Shapley()).heavy
    array([0, 4])
    """
    credits = fit.apply(kernel)
    # Only the population's influence values are u − φ and its weights α, whatever the target of the errors.
    future = replace(fit, spec=fit.spec.model_copy(update={"target": "population"})).apply(kernel)
    if credits.influence is None or future.influence is None:
        raise ValueError("a contribution fit carries influence values")
    weights = fit.surface.weights[:, None]
    sums = credits.influence
    if credits.clusters is not None:
        sums = cluster_sums(sums, credits.clusters, credits.n_clusters)
    squares = sums**2
    whole = squares.sum(axis=0)
    if not (whole > 0).all():
        names = [name for name, part in zip(fit.providers, whole.tolist(), strict=True) if not part > 0]
        raise refusal("EST-015", f"the credit of {', '.join(names)} has no error", "estimator")
    return Influence(
        providers=fit.providers,
        outcome=str(credits.outcome),
        unit="people" if credits.clusters is None else "clusters",
        effective_sample=effective_sample(future),
        heavy=np.asarray((squares > HEAVY * whole).sum(axis=0), dtype=np.intp),
        largest=np.argsort(-np.abs(credits.influence), axis=0, kind="stable")[:LISTED],
        removal=np.asarray(-future.influence / (future.n - weights)),
    )
