"""How strong a confounder would have to be for two providers to change places.

A credit's, and a difference of two credits', largest bias follows from the weights of that difference; it changes sign where the
bound meets it. Covariates are measured in the same terms, for the same difference: the part that each explains of the outcome's
residual variance, and what it adds to the mean square of the difference's weights (the surface is fitted again without it).

Source: Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis (2022), *Long story short: omitted variable bias in causal machine
learning*, theorem 2 and section 3.4; see ``omitted_variable``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.errors import CounterfoilError, refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.omitted_variable import OmittedVariable, omitted_variable, own_weights
from counterfoil.estimators.sensitivity.strength import Benchmark, as_strong_as, nearest


@dataclass(frozen=True, slots=True, eq=False)
class CreditBenchmarks:
    """How strong covariates are in any combination of credits and the total.

    Parameters
    ----------
    terms : tuple of str
        Providers and, last, ``gain``.
    covariates : tuple of str
    r2_outcome : ndarray, shape (c,)
        Part of the residual variance without each covariate that it explains.
    products : ndarray, shape (k, k)
        E[αα′] of the terms' weights, with every covariate.
    without : ndarray, shape (c, k, k)
        The same without each covariate.
    left_out : tuple of str
        Covariates without which the surface cannot be fitted, and why.
    """

    terms: tuple[str, ...]
    covariates: tuple[str, ...]
    r2_outcome: FloatArray
    products: FloatArray
    without: FloatArray
    left_out: tuple[str, ...] = ()

    def of(self, direction: FloatArray, term: str) -> tuple[Benchmark, ...]:
        """Return how strong each covariate is in a combination of the terms, (k,)."""
        whole = float(direction @ self.products @ direction)
        return tuple(
            Benchmark(
                name,
                term,
                float(self.r2_outcome[c]),
                max(0.0, 1.0 - float(direction @ self.without[c] @ direction) / whole) if whole > 0 else 0.0,
            )
            for c, name in enumerate(self.covariates)
        )

    def of_gain(self) -> tuple[Benchmark, ...]:
        """Return how strong each covariate is in the total gain."""
        return self.of(np.eye(len(self.terms))[-1], "gain")


def credit_benchmarks(
    fit: ContributionFit, kernel: Kernel, covariates: Sequence[str] | None = None
) -> CreditBenchmarks:
    """Return how strong covariates are in credits; the surface is fitted again once without each.

    Parameters
    ----------
    fit : ContributionFit
    kernel : Kernel
        An attribution rule.
    covariates : sequence of str, optional
        All of the fit's when omitted.

    Raises
    ------
    EstimationError
        EST-015 when the fit has no covariates, or none of that name.
    """
    own = fit.spec.covariates
    asked = own if covariates is None else tuple(covariates)
    unknown = [name for name in asked if name not in own]
    if not asked or unknown:
        what = f"'{unknown[0]}' is no covariate of the fit" if unknown else "the fit has no covariates"
        raise refusal("EST-015", f"{what}, to compare a confounder with", "estimator")
    errors, products, terms = _second_moments(fit, kernel)
    used, explains, without, left_out = [], [], [], []
    for name in asked:
        others = tuple(other for other in own if other != name)
        try:
            short = fit.spec.model_copy(update={"covariates": others}).fit(fit.sample.study)
            noise, moments, _ = _second_moments(short, kernel)
        except CounterfoilError as error:
            left_out.append(f"{name}: {', '.join(error.codes)} without it")
            continue
        used.append(name)
        explains.append(max(0.0, 1.0 - errors / noise) if noise > 0 else 0.0)
        without.append(moments)
    size = len(terms)
    stacked = np.array(without).reshape(len(used), size, size)
    return CreditBenchmarks(terms, tuple(used), np.array(explains), products, stacked, tuple(left_out))


def _second_moments(fit: ContributionFit, kernel: Kernel) -> tuple[float, FloatArray, tuple[str, ...]]:
    """Return E[e²], E[αα′] (k, k) and the terms."""
    plain = own_weights(fit, kernel)
    weights = fit.surface.weights
    if plain.riesz is None:
        raise TypeError("a contribution fit carries weights")
    alpha = plain.riesz / weights[:, None]
    return (
        float((weights * fit.surface.residuals**2).mean()),
        np.asarray((weights[:, None] * alpha).T @ alpha / len(weights)),
        plain.terms,
    )


@dataclass(frozen=True, slots=True)
class OrderFlip:
    """Two providers and what would make them change places.

    Parameters
    ----------
    provider, other : str
        Ahead and behind: the first has the larger credit, oriented so that higher is better.
    difference : float
        Of their credits, in the outcome's units, not negative.
    strength : float
        Part of the outcome's residual variance and of the weights' variation that a confounder needs for them to change places.
    interval_strength : float
        For their order to be no longer shown at the confidence level; 0 where it is not shown as it is.
    covariate : str or None
        Of which the smallest multiple would do; None without one that matters.
    multiple : float or None
    """

    provider: str
    other: str
    difference: float
    strength: float
    interval_strength: float
    covariate: str | None = None
    multiple: float | None = None

    def sentence(self) -> str:
        """Say where the order flips."""
        like = (
            ""
            if self.covariate is None or self.multiple is None
            else f" ({as_strong_as(self.covariate, self.multiple)})"
        )
        said = f"the order of {self.provider} and {self.other} flips at strength {self.strength:.2g}{like}"
        return said if self.interval_strength > 0 else f"{said}; their order is not shown by the data as it is"


@dataclass(frozen=True, slots=True, eq=False)
class OrderFlips:
    """Every pair of providers, from the most fragile order to the firmest.

    Parameters
    ----------
    pairs : tuple of OrderFlip
    outcome : str
    conf_level : float
    """

    pairs: tuple[OrderFlip, ...]
    outcome: str
    conf_level: float

    def tidy(self) -> pd.DataFrame:
        """Return one row a pair: provider, other, difference, strength, interval_strength, covariate, multiple."""
        names = ["provider", "other", "difference", "strength", "interval_strength", "covariate", "multiple"]
        return pd.DataFrame([[getattr(pair, name) for name in names] for pair in self.pairs], columns=names)

    def lines(self) -> list[str]:
        """Return a sentence a pair."""
        return [pair.sentence() for pair in self.pairs]

    def __repr__(self) -> str:
        return f"{self._header}\n{self.tidy().to_string(index=False, float_format=lambda x: f'{x:.4g}')}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)

    @property
    def _header(self) -> str:
        return f"order of credits for {self.outcome}: strength of a confounder that would turn it"


def order_flips(
    fit: ContributionFit,
    kernel: Kernel,
    *,
    better: str = "higher",
    benchmarks: CreditBenchmarks | None = None,
    bounds: OmittedVariable | None = None,
    conf_level: float = 0.95,
) -> OrderFlips:
    """Return for every pair of providers how strong a confounder would have to be for them to change places.

    Parameters
    ----------
    fit : ContributionFit
    kernel : Kernel
        An attribution rule.
    better : {"higher", "lower"}
    benchmarks : CreditBenchmarks, optional
        What strength is compared with; made from the fit's covariates, where it has any, when omitted.
    bounds : OmittedVariable, optional
        Of the same fit and rule, where they are known already.
    conf_level : float

    Raises
    ------
    EstimationError
        EST-015 when the model leaves no residual.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> order_flips(fit, Shapley()).lines()
    ['the order of default and intensive flips at strength 0.071']
    """
    found = omitted_variable(fit, kernel, conf_level) if bounds is None else bounds
    if benchmarks is None and fit.spec.covariates:
        benchmarks = credit_benchmarks(fit, kernel)
    sign = 1.0 if better == "higher" else -1.0
    position = {term: place for place, term in enumerate(found.terms)}
    size = len(fit.providers) + 1
    strengths, firm = found.robustness, found.interval_robustness
    pairs = []
    for j, k in combinations(range(size - 1), 2):
        term = f"{fit.providers[j]} - {fit.providers[k]}"
        if term not in position:  # twins: no residual tells them apart, so no confounder does
            continue
        place = position[term]
        value = sign * float(found.values[place])
        ahead, behind = (j, k) if value >= 0 else (k, j)
        like = None
        if benchmarks is not None:
            direction = np.eye(size)[j] - np.eye(size)[k]
            like = nearest(benchmarks.of(direction, term), abs(value) / float(found.scale[place]))
        pairs.append(
            OrderFlip(
                fit.providers[ahead],
                fit.providers[behind],
                abs(value),
                float(strengths[place]),
                float(firm[place]),
                *(like or (None, None)),
            )
        )
    return OrderFlips(tuple(sorted(pairs, key=lambda pair: pair.strength)), found.outcome, conf_level)
