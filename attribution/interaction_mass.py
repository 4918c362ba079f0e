"""How much of a gain is joint: the pure effects of sets of providers, and the part of those that takes two or more.

δ_T is what the set T adds beyond all smaller sets; V = Σ δ_T. The interaction mass Σ_{|T|≥2}|δ_T| / Σ|δ_T| is small where
effect-based rules agree. It is a description: noise makes it larger, so hold it against the joint test of the pairs.
Source: Harsanyi (1959) for dividends.
"""

from itertools import combinations

import numpy as np

from counterfoil.attribution.of_sets import Dividends
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.estimate import Estimate


def pure_effects(fit: ContributionFit) -> Estimate:
    """Return δ_T of every set of players that somebody had and the model tells apart; they sum to the gain.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> pure_effects(fit).terms
    ('default', 'intensive', 'default & intensive')
    """
    order = {"additive": 1, "pairwise": 2}.get(fit.choice.model, len(fit.providers))
    patterns = {tuple(np.flatnonzero(row).tolist()) for row in np.unique(fit.served, axis=0)}
    sets = {
        group
        for pattern in patterns
        for size in range(1, min(order, len(pattern)) + 1)
        for group in combinations(pattern, size)
    }
    ordered = tuple(sorted(sets, key=lambda group: (len(group), group)))
    labels = tuple(" & ".join(fit.providers[j] for j in group) for group in ordered)
    return fit.estimate(fit.applied(Dividends(ordered)), labels, "term")


def interaction_mass(fit: ContributionFit) -> float:
    """Return the part of all pure effects that takes two providers or more, between 0 (additive) and 1.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> round(interaction_mass(fit), 2)
    0.02
    """
    effects = pure_effects(fit)
    size = np.abs(effects.values)
    joint = np.array([term not in fit.providers for term in effects.terms])
    return float(size[joint].sum() / size.sum()) if size.sum() > 0 else 0.0
