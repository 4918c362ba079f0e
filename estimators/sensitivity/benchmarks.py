"""How strong each covariate of a comparison is, so that a confounder can be held against it: "as strong as prior score".

In the outcome: the part of the residual variance without the covariate that it explains, in the outcome regression of
``omitted_confounder``. In who was treated: the part of the mean square of the weights that it adds, 1 − E[α²_short]/E[α²], where
weights are those of the estimand at chances π of being treated from a logit with the covariate and without it,

    E[α²] = E[h(π)²/(π(1 − π))] / E[h(π)]²,      h = 1 (ate), π (att), 1 − π (atc), π(1 − π) (ato), min(π, 1 − π) (atm).

Nothing is matched or weighted anew.

Source: Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis (2022), *Long story short: omitted variable bias in causal machine
learning*, section 3.4; Li, Morgan and Zaslavsky (2018), Journal of the American Statistical Association 113, table 1, for h.
"""

from collections.abc import Sequence

import numpy as np

from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.comparisons.comparison_design import Estimand
from counterfoil.estimators.comparisons.score import fit_score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.sensitivity.omitted_confounder import compared_groups, confoundable, regression_residuals
from counterfoil.estimators.sensitivity.strength import Benchmark


def benchmarks(
    fit: ComparisonFit, covariates: Sequence[str] | None = None, period: str | None = None
) -> tuple[Benchmark, ...]:
    """Return how strong each covariate is in each effect of a comparison.

    Parameters
    ----------
    fit : ComparisonFit
    covariates : sequence of str, optional
        Covariates of the comparison; all when omitted.
    period : str, optional
        The outcome's, where it has several.

    Raises
    ------
    EstimationError
        EST-015 when the comparison has no covariates, or one that is named is not among them; EST-002 when the covariates
        separate who was treated.
    """
    sample, effects = fit.comparison.sample, fit.effects
    there = tuple(dict.fromkeys(sample.adjusting.covariates))
    chosen = there if covariates is None else tuple(covariates)
    unknown = [name for name in chosen if name not in there]
    if not chosen or unknown:
        what = f"'{unknown[0]}' is no covariate" if unknown else "there are no covariates"
        raise refusal("EST-015", f"{what} of the comparison to hold a confounder against", "estimator")
    riesz = confoundable(fit, period).riesz
    outcomes = (effects.outcome,) * len(effects.terms) if isinstance(effects.outcome, str) else effects.outcome
    found = []
    for k, (term, name) in enumerate(zip(effects.terms, outcomes, strict=True)):
        people = compared_groups(sample.codes, riesz[:, k])
        y, codes = sample.study.outcome(name, period or fit.period)[people], sample.codes[people]
        columns, weights = sample.adjusting.values[people], sample.weights[people]
        treated = (codes > 0).astype(np.intp)

        def strength(kept: FloatArray) -> tuple[float, float]:
            errors = regression_residuals(y, codes, kept, weights)  # noqa: B023
            chance = fit_score(treated, kept, weights).treated  # noqa: B023
            squares = mean_square_weight(chance, weights, fit.comparison.estimand)  # noqa: B023
            return float((weights * errors**2).mean()), squares  # noqa: B023

        errors, squares = strength(columns)
        for covariate in chosen:
            without = strength(np.delete(columns, sample.adjusting.of((covariate,)), axis=1))
            explains = max(0.0, 1.0 - errors / without[0]) if without[0] > 0 else 0.0
            found.append(Benchmark(covariate, term, explains, max(0.0, 1.0 - without[1] / squares)))
    return tuple(found)


def mean_square_weight(chance: FloatArray, weights: FloatArray, estimand: Estimand) -> float:
    """Return E[α²] at chances of being treated, (n,), with observation weights of mean 1.

    Examples
    --------
    >>> mean_square_weight(np.full(10, 0.5), np.ones(10), "ate")
    4.0
    """
    tilt = {
        "ate": np.ones_like(chance),
        "att": chance,
        "atc": 1.0 - chance,
        "ato": chance * (1.0 - chance),
        "atm": np.minimum(chance, 1.0 - chance),
    }[estimand]
    squares = (weights * tilt**2 / (chance * (1.0 - chance))).mean()
    return float(squares / (weights * tilt).mean() ** 2)
