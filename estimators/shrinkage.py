"""Credits of many small providers, shrunk towards each other and restored to the total gain.

A contract says before data whether credits are raw or shrunk. Raw credits are unbiased for each provider; shrunk ones
are closer to the truth on average over providers, and suit small rosters and rankings.

Source: Efron and Morris (1975); intervals after Armstrong, Kolesár and Plagborg-Møller (2022).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.display import titled_table
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.empirical_bayes import (
    Prior,
    fit_prior,
    normal_intervals,
    posterior,
    restore_total,
    robust_intervals,
)
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.kernel import Kernel

FloatArray = NDArray[np.float64]

# Standard errors below this part of the largest are rounding: the rule or the data leave no doubt about the provider.
CERTAIN: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkCredits:
    """Empirical-Bayes credits of the providers under one rule.

    Parameters
    ----------
    rule : str
        The attribution rule.
    raw : Estimate
        Effect per person served, before shrinkage.
    served : ndarray, shape (k,)
        Fraction of people that each provider served (1 under scope ``everyone``); held fixed.
    total : float
        The total gain per person of the study.
    prior : Prior
        How effects vary between providers.
    shrunk, restored : ndarray, shape (k,)
        Posterior mean per person served, and the same after the total is restored.
    gamma : ndarray, shape (k, k)
        Posterior covariance, with the prior variance that intervals assume.
    intervals : ndarray, shape (k, 2)
        Robust intervals per person served.
    conf_level : float
    """

    rule: str
    raw: Estimate
    served: FloatArray
    total: float
    prior: Prior
    shrunk: FloatArray
    restored: FloatArray
    gamma: FloatArray
    intervals: FloatArray
    conf_level: float

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers, in order."""
        return self.raw.terms

    @property
    def credits(self) -> dict[str, float]:
        """Credit of each provider per person of the study, in the outcome's units and sign; they sum to the total."""
        return dict(zip(self.providers, (self.served * self.restored).tolist(), strict=True))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a reader must know before using the credits."""
        return self.raw.warnings

    def normal_intervals(self, conf_level: float | None = None) -> FloatArray:
        """Return posterior intervals per person served, shape (k, 2), that trust the prior to be normal and known.

        They are centred on the posterior mean before restoring, and tend to be too narrow; see `intervals`.
        """
        mean, _ = _posterior(self.raw.values, self.raw.cov(), self.prior, self.prior.assumed)
        return normal_intervals(mean, self.gamma, self.conf_level if conf_level is None else conf_level)

    def tidy(self) -> pd.DataFrame:
        """Return a row a provider.

        Returns
        -------
        DataFrame
            Columns provider, outcome, term, estimate (the credit per person of the study, as paid), std_error (posterior
            standard deviation), conf_low, conf_high (robust, average coverage, not centred on the estimate); then
            served_fraction, per_served_raw, per_served_shrunk and per_served_restored. ``attrs`` names conf_level, what the
            intervals cover, total, mu and omega2.
        """
        low, high = self.intervals.T * self.served
        frame = pd.DataFrame(
            {
                "provider": self.providers,
                "outcome": self.raw.outcome,
                "term": "contribution",
                "estimate": self.served * self.restored,
                "std_error": self.served * np.sqrt(np.maximum(np.diagonal(self.gamma), 0.0)),
                "conf_low": low,
                "conf_high": high,
                "served_fraction": self.served,
                "per_served_raw": self.raw.values,
                "per_served_shrunk": self.shrunk,
                "per_served_restored": self.restored,
            }
        )
        frame.attrs = {
            "conf_level": self.conf_level,
            "coverage": "average over providers, not centred on the restored credits",
            "rule": self.rule,
            "total": self.total,
            "mu": self.prior.mu,
            "omega2": self.prior.omega2,
        }
        return frame

    @property
    def _header(self) -> str:
        prior = f"mean {self.prior.mu:.6g} and standard deviation {np.sqrt(self.prior.omega2):.6g}"
        return (
            f"{self.rule} credits for {self.raw.outcome}, shrunk, sum {self.total:.6g}: {self.raw.n:,} people, "
            f"{len(self.providers)} providers whose effects per person served have {prior}"
        )

    @property
    def _reading(self) -> str:
        alike = "" if self.prior.omega2 > 0 else "the providers differ no more than chance would make them; "
        return (
            f"{alike}the {self.conf_level:.0%} intervals cover on average over providers, not for each, and are not "
            "centred on the restored credits"
        )

    def summary(self) -> str:
        """Return the credits under a header with the prior, and what the intervals mean."""
        table = self.tidy().drop(columns=["outcome", "term"])
        return f"{self._header}\n{table.to_string(index=False, float_format=lambda x: f'{x:.6g}')}\n{self._reading}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy().drop(columns=["outcome", "term"]), f"{self._header}; {self._reading}")


def shrink(fit: ContributionFit, kernel: Kernel, conf_level: float = 0.95) -> ShrunkCredits:
    """Shrink the effects per person served towards their mean, and restore the total gain; nothing is refitted.

    Providers whose effect has no error at all, such as those to which a fixed split gives nothing, keep it: they do not
    inform the prior and are not shrunk.

    Parameters
    ----------
    fit : ContributionFit
        From ``Contribution(...).fit(study)``.
    kernel : Kernel
        A rule whose credits sum to the gain; Shapley for a model with pairs.
    conf_level : float
        Of the robust intervals.

    Raises
    ------
    EstimationError
        EST-010 with fewer than 3 providers whose effect is uncertain, when the prior does not settle, or for a rule whose
        credits do not sum to the gain.
    IdentificationError
        When the data do not determine the credits.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.datasets.cradle import PROVIDERS
    >>> from counterfoil.estimators import Contribution
    >>> study = cf.datasets.load("cradle")
    >>> fit = Contribution(covariates=("need",), design="unconfounded", model="pairwise", providers=PROVIDERS).fit(study)
    >>> shrunk = shrink(fit, Shapley())
    >>> bool(abs(sum(shrunk.credits.values()) - shrunk.total) < 1e-12)
    True
    """
    if not kernel.efficient:
        raise refusal(
            "EST-010", f"the credits of rule {kernel.name} do not sum to the gain, so no total can be restored"
        )
    total = float(fit.total().values[0])
    if fit.spec.scope == "everyone":
        raw, served = fit.apply(kernel), np.ones(len(fit.providers))
    else:
        raw = fit.per_served(kernel)
        served = (fit.surface.weights[:, None] * fit.served).mean(axis=0)
    covariance = raw.cov()
    uncertain = _uncertain(covariance)
    variance = np.diagonal(covariance)[uncertain]
    prior = fit_prior(raw.values[uncertain], variance)
    mean, gamma = _posterior(raw.values, covariance, prior, prior.omega2)
    # With ω² = 0 the posterior has no spread to divide the difference by; it is then shared per person served.
    spread = gamma if prior.omega2 > 0 else np.diag(uncertain.astype(np.float64))
    _, wide = _posterior(raw.values, covariance, prior, prior.assumed)
    intervals = np.column_stack([raw.values, raw.values])
    intervals[uncertain] = robust_intervals(raw.values[uncertain], variance, prior, conf_level)
    restored = restore_total(mean, spread, served, total)
    return ShrunkCredits(kernel.name, raw, served, total, prior, mean, restored, wide, intervals, conf_level)


def _uncertain(covariance: FloatArray) -> NDArray[np.bool_]:
    variance = np.diagonal(covariance)
    return np.asarray(variance > CERTAIN**2 * variance.max(initial=0.0))


def _posterior(tau: FloatArray, covariance: FloatArray, prior: Prior, omega2: float) -> tuple[FloatArray, FloatArray]:
    """Return the posterior mean and covariance; providers without error keep their effect."""
    block = np.ix_(*[np.flatnonzero(_uncertain(covariance))] * 2)
    mean, gamma = tau.copy(), np.zeros_like(covariance)
    mean[block[1][0]], gamma[block] = posterior(tau[block[1][0]], covariance[block], prior.mu, omega2)
    return mean, gamma
