"""Contamination: how far an additive regression credits a provider with what others did.

With several overlapping providers whose effects differ between people, the coefficient of one picks up effects of the
others even when every control is right. With α_j the additive regression's weight of each outcome and s_ik what a
richer model says that provider k did for person i, the additive credit is exactly

    φ_j(additive) = mean α_ij s_ij  +  Σ_{k≠j} mean α_ij s_ik  +  mean α_ij m(∅, X_i)
                    own                contamination            baseline

when the richer model is a regression that contains the additive one. Sources: Goldsmith-Pinkham, Hull and Kolesár
(2024), *Contamination bias in linear regressions*; de Chaisemartin and D'Haultfœuille (2023).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.stack import stack


@dataclass(frozen=True, slots=True, eq=False)
class Contamination:
    """An additive fit held against a richer one.

    Parameters
    ----------
    providers : tuple of str
    additive, reference : Estimate
        Credits by both models.
    own : ndarray, shape (K,)
        Part of the additive credit that is the provider's own effect, as the regression weights it.
    from_others : ndarray, shape (K, K)
        Part of provider j's additive credit that is provider k's effect; zero on the diagonal.
    baseline : ndarray, shape (K,)
        Part that is the outcome without services and residuals.
    difference : Estimate
        Additive less reference, with the error of the two together.
    """

    providers: tuple[str, ...]
    additive: Estimate
    reference: Estimate
    own: FloatArray
    from_others: FloatArray
    baseline: FloatArray
    difference: Estimate

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return a row a provider.

        Returns
        -------
        DataFrame
            Columns provider, additive, own, from_others, baseline (these three sum to the additive credit), reference,
            estimate (additive less reference), std_error, conf_low, conf_high.
        """
        low, high = self.difference.interval(conf_level).T
        return pd.DataFrame({
            "provider": self.providers,
            "additive": self.additive.values,
            "own": self.own,
            "from_others": self.from_others.sum(axis=1),
            "baseline": self.baseline,
            "reference": self.reference.values,
            "estimate": self.difference.values,
            "std_error": self.difference.std_error,
            "conf_low": low,
            "conf_high": high,
        })  # fmt: skip

    def summary(self) -> str:
        """Return the table under what it means."""
        table = self.tidy().to_string(index=False, float_format=lambda value: f"{value:.4g}")
        return f"{self._header}\n{table}"

    @property
    def _header(self) -> str:
        return f"additive credits for {self.additive.outcome}: own effects, effects of others, and the richer model's credits"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)


def contamination(fit: ContributionFit, study: Study | pd.DataFrame, kernel: Kernel) -> Contamination:
    """Measure what an additive fit credits to the wrong provider, against the pairwise model by covariates.

    Parameters
    ----------
    fit : ContributionFit
        Of ``model: additive``.
    study : Study or DataFrame
        What it was fitted on.
    kernel : Kernel
        An effect-based rule, by which the richer model divides what was done together, such as Shapley.

    Raises
    ------
    EstimationError
        EST-017 when the fit is not additive.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> drawn = cf.datasets.simulate_cradle(seed=1).study
    >>> spec = Contribution(model="additive", covariates=("need",), design="unconfounded", backbone=("backbone",))
    >>> fit = spec.fit(drawn)
    >>> found = contamination(fit, drawn, Shapley())
    >>> bool(np.allclose(found.own + found.from_others.sum(axis=1) + found.baseline, found.additive.values))
    True
    """
    if fit.choice.model != "additive":
        raise refusal(
            "EST-017", f"contamination is of an additive model, and this one is {fit.choice.model}", "estimator"
        )
    richer = fit.spec.model_copy(update={"model": "pairwise", "effects_by_covariates": bool(fit.spec.covariates)})
    reference = richer.fit(study)
    credits, better = fit.applied(kernel), reference.applied(kernel)
    weights = fit.surface.weights[:, None]
    cross = (weights * credits.riesz).T @ better.fixed / len(weights)
    own = np.diagonal(cross).copy()
    from_others = cross - np.diag(own)
    additive, credited = fit.apply(kernel), reference.apply(kernel)
    size = len(fit.providers)
    both = stack([additive, credited], ["additive", "reference"])
    difference = both.contrast(np.hstack([np.eye(size), -np.eye(size)]), fit.providers)
    return Contamination(
        fit.providers, additive, credited, own, from_others, additive.values - cross.sum(axis=1), difference
    )
