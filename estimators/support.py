"""How much of a credit rests on data: were the combinations that a rule compares with really observed?

A credit is a sum over the patterns that people had. The part from a pattern is *supported* where every combination that
the rule compares that pattern with was observed for enough people, and *model-based* where the model's shape fills one
in.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.functional import apply_kernel, groups_of, needed
from counterfoil.estimators.kernel import LARGEST_PATTERN, Kernel

ENOUGH: Final = 25
"""People with a combination from which its mean counts as observed."""


def supported_fraction(fit: ContributionFit, kernel: Kernel) -> NDArray[np.float64]:
    """Return the fraction of each provider's credit that rests on observed combinations, shape (n_providers,).

    Parts of a credit may have opposite signs, so the fraction is of their absolute sum; it is 1 where a credit is nothing.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> supported_fraction(Contribution().fit(cf.datasets.load("rice")), Shapley())
    array([1., 1.])
    """
    surface, roster = fit.surface, fit.roster
    everyone = fit.spec.scope == "everyone"
    applied = apply_kernel(surface, roster, kernel, everyone)
    counts = np.bincount(surface.pattern, minlength=len(surface.patterns))
    enough = {
        tuple(np.flatnonzero(row).tolist())
        for row, count in zip(surface.patterns, counts, strict=True)
        if count >= ENOUGH
    }
    observed, whole = np.zeros(len(roster.providers)), np.zeros(len(roster.providers))
    for group in groups_of(surface, roster, kernel, everyone):
        part = np.abs(surface.weights[group.people] @ applied.fixed[group.people])
        whole += part
        if len(group.members) <= LARGEST_PATTERN and enough.issuperset(needed(kernel, group)):
            observed += part
    return np.divide(observed, whole, out=np.ones_like(whole), where=whole > 0)
