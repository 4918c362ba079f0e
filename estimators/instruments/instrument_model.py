"""The chance of the instrument given covariates, with what its estimation adds to an influence function.

Where the instrument is a lottery, its chance is a fraction, overall or in each group; where it is as good as a lottery only
among people alike, it is a logit or probit of covariates (Abadie 2003, *Semiparametric instrumental variable estimation of
treatment response models*, Journal of Econometrics 113, section 4).
"""

import warnings
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray

InstrumentModel = Literal["mean", "groups", "logit", "probit"]

EDGE: Final = 1e-6
"""A chance this near to nothing or to certainty means that a covariate decides the instrument."""


@dataclass(frozen=True, slots=True, eq=False)
class Chance:
    """Fitted chances (n,); per person, their derivative by parameters (n, q) and the parameters' influence (n, q).

    With groups the derivative is an indicator of the group, which is kept as its code and not as a column.
    """

    model: InstrumentModel
    chance: FloatArray
    slope: FloatArray | None
    influence: FloatArray | None
    parameters: int
    residual: FloatArray
    groups: NDArray[np.intp]
    weights: FloatArray

    def correction(self, derivative: FloatArray) -> FloatArray:
        """Return the influence (n, k) that comes from estimating the chances.

        ``derivative`` (n, k) is that of the moments, each person's times the person's weight, by the chance.
        """
        if self.slope is not None and self.influence is not None:
            return np.asarray(self.influence @ (self.slope.T @ derivative / len(derivative)))
        size = np.bincount(self.groups, weights=self.weights)
        total = np.stack([np.bincount(self.groups, weights=column) for column in derivative.T], axis=1)
        return np.asarray((total / size[:, None])[self.groups] * (self.weights * self.residual)[:, None])


def instrument_model(
    instrument: FloatArray,
    covariates: FloatArray,
    groups: NDArray[np.intp] | None,
    weights: FloatArray,
    model: InstrumentModel,
) -> Chance:
    """Fit the chance of an instrument (n,) of 0 and 1; ``weights`` (n,) have mean 1.

    Raises
    ------
    EstimationError
        EST-002 when a covariate or group decides the instrument, or the fit does not converge.
    """
    if model in {"mean", "groups"}:
        codes = groups if model == "groups" and groups is not None else np.zeros(len(instrument), dtype=np.intp)
        share = np.bincount(codes, weights=weights * instrument) / np.bincount(codes, weights=weights)
        decided = int(((share <= 0) | (share >= 1)).sum())
        if decided:
            what = f"the instrument is the same for everybody in {decided} of {len(share)} groups"
            raise refusal(
                "EST-002", what, fix="leave those groups out, or name a model of the instrument by covariates"
            )
        chance = share[codes]
        return Chance(model, chance, None, None, len(share), instrument - chance, codes, weights)
    import statsmodels.api as sm

    scale = covariates.std(axis=0)
    scaled = (covariates - covariates.mean(axis=0))[:, scale > 0] / scale[scale > 0]
    design = np.column_stack([np.ones(len(instrument)), scaled])
    link = sm.families.links.Logit() if model == "logit" else sm.families.links.Probit()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            family = sm.families.Binomial(link)
            fit = sm.GLM(instrument, design, family=family, freq_weights=weights).fit(
                tol=1e-12, tol_criterion="params", maxiter=200
            )
        except (ValueError, np.linalg.LinAlgError):
            raise refusal("EST-002", f"the {model} of the instrument did not converge") from None
        index = design @ np.asarray(fit.params)
        chance, density = link.inverse(index), link.inverse_deriv(index)
    if not fit.converged or not np.isfinite(chance).all() or chance.min() < EDGE or chance.max() > 1.0 - EDGE:
        raise refusal("EST-002", f"the {model} of the instrument did not converge, or a covariate decides it")
    variance = chance * (1.0 - chance)
    slope = density / variance * (instrument - chance)
    # Observed, not expected, so that the errors hold where the probit is only an approximation; for a logit they agree.
    curvature = variance if model == "logit" else slope * (slope + index)
    scores = (weights * slope)[:, None] * design
    information = (design * (weights * curvature)[:, None]).T @ design / len(instrument)
    return Chance(
        model=model,
        chance=chance,
        slope=density[:, None] * design,
        influence=np.linalg.solve(information, scores.T).T,
        parameters=design.shape[1],
        residual=instrument - chance,
        groups=np.zeros(len(instrument), dtype=np.intp),
        weights=weights,
    )
