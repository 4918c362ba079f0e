"""Whether the people whom a credit compares are alike: balance of covariates under the credit's weights.

A credit weighs some people's outcomes up and others' down. For a function f of the covariates the difference

    Σ α⁺ f / Σ α⁺ − Σ α⁻ f / Σ α⁻,        α⁺ = max(α, 0), α⁻ = max(−α, 0),

in standard deviations of f, should be near zero (below .1). It is zero by construction for what a regression controls
for, so that squares, products and columns that were left out are what to test.

Source: Imbens and Rubin (2015), chapter 14, for normalized differences; methods 6.3 for the weights of a credit.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate

LARGEST: Final = 0.1
"""Difference, in standard deviations, up to which a function counts as balanced."""


def weighted_difference(riesz: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Σα⁺f/Σα⁺ − Σα⁻f/Σα⁻, shape (k, m), for weights (n, k) and functions (n, m).

    Examples
    --------
    >>> weighted_difference(np.array([[1.0], [3.0], [-2.0]]), np.array([[4.0], [0.0], [5.0]]))
    array([[-4.]])
    """
    up, down = np.maximum(riesz, 0.0), np.maximum(-riesz, 0.0)
    return np.asarray((up / up.sum(axis=0)).T @ values - (down / down.sum(axis=0)).T @ values)


def balance(credits: Estimate, functions: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """Return the balance of functions of the covariates under each credit's weights.

    Parameters
    ----------
    credits : Estimate
        With weights, as `functional` returns it; of target sample or population.
    functions : mapping of str to array, shape (n,)
        Functions of what was measured before the services, in the order of ``credits.ids``.

    Returns
    -------
    DataFrame
        Columns provider, term (the function), difference (in standard deviations), balanced (whether below .1).

    Raises
    ------
    EstimationError
        EST-015 when a function does not vary, or a credit weighs nobody up or nobody down.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> from counterfoil.datasets.cradle import PROVIDERS
    >>> study = cf.datasets.load("cradle")
    >>> spec = Contribution(providers=PROVIDERS, covariates=("need",), design="unconfounded", model="pairwise")
    >>> need = study.column("need").to_numpy()
    >>> table = balance(spec.fit(study).apply(Shapley()), {"need": need, "need squared": need**2})
    >>> table.query("provider == 'tutoring'")["balanced"].tolist()
    [True, False]
    """
    if credits.riesz is None:
        raise ValueError("the estimate carries no weights")
    values = np.column_stack([np.asarray(column, dtype=np.float64) for column in functions.values()])
    if values.shape[0] != credits.n or not np.isfinite(values).all():
        raise ValueError("each function has one finite value a person")
    spread = values.std(axis=0)
    flat = [
        name
        for name, still in zip(functions, (spread <= 1e-12 * np.abs(values).max(axis=0)).tolist(), strict=True)
        if still
    ]
    if flat:
        raise refusal("EST-015", f"{', '.join(flat)} is the same for everybody", "functions")
    if not ((credits.riesz > 0).any(axis=0) & (credits.riesz < 0).any(axis=0)).all():
        raise refusal("EST-015", "a credit weighs nobody up, or nobody down", "estimator")
    difference = weighted_difference(credits.riesz, values) / spread
    frame = pd.DataFrame(
        {
            "provider": np.repeat(credits.terms, len(functions)),
            "term": np.tile(list(functions), len(credits.terms)),
            "difference": difference.ravel(),
        }
    )
    frame["balanced"] = frame["difference"].abs() < LARGEST
    return frame
