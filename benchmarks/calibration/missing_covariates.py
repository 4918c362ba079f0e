"""Rows for covariates that some people lack: imputed several times, marked, or people left out."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from calibration.case import REPORTED, Case, Draw, measured
from counterfoil.datasets import Study
from counterfoil.estimators import Estimate, Experiment
from counterfoil.estimators.comparisons.compared import as_estimate
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import draw_comparison
from counterfoil.estimators.comparisons.multiple_imputation import over_imputations
from counterfoil.estimators.comparisons.score import fit_score

COPIES = 10
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Odds:
    """The effect on the treated by odds of a logit, with the influence of its coefficients."""

    missing_covariates: str = "refuse"

    def fit(self, data: Study) -> Estimate:
        """Weigh the untreated by their odds of treatment."""
        spec = ComparisonDesign.model_validate(
            {"outcome": "y", "treated": "t", "covariates": ("x", "z"), "missing_covariates": self.missing_covariates}
        )
        sample = draw_comparison(spec, data)
        score = fit_score(sample.codes, sample.adjusting.values)
        treated, outcome, n = sample.codes == 1, sample.study.outcome("y"), sample.n
        none, own = score.chance.T
        weight = np.where(treated, 0.0, own / none)
        means = np.array([outcome[treated].mean(), weight @ outcome / weight.sum()])
        gap = weight * (outcome - means[1]) * n / weight.sum()
        gradient = np.zeros((n, 2, 1))
        gradient[:, 1, 0], gradient[:, 0, 0] = -gap / own, gap / none
        influence = np.where(treated, (outcome - means[0]) / treated.mean(), -gap) + score.through(gradient)[:, 0]
        return as_estimate(
            sample,
            "att",
            means[:1] - means[1:],
            influence[:, None],
            outcome="y",
            parameters=score.parameters + 1,
            warnings=sample.warnings,
        )


def people(seed: int, size: int = 300) -> pd.DataFrame:
    """Draw people of whom those with high outcomes lack ``x`` more often; ``x`` is normal given all else."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=size)
    t = (rng.random(size) < expit(0.4 * z)).astype(float)
    x = 0.5 * z + 0.7 * t + rng.normal(size=size)
    y = t + x + 0.5 * z + rng.normal(size=size)
    lacking = rng.random(size) < expit(-1.2 + 0.8 * y)
    return pd.DataFrame({"t": t, "x": np.where(lacking, np.nan, x), "z": z, "y": y})


def decided(seed: int, size: int = 400) -> pd.DataFrame:
    """Draw people who were chosen by what was recorded of ``x``, and by whether it was."""
    rng = np.random.default_rng(seed)
    z, noise = rng.normal(size=(2, size))
    x = 0.5 * z + noise
    lacking = rng.random(size) < expit(-1.0 + 0.5 * z)
    seen = np.where(lacking, 0.0, x)
    t = (rng.random(size) < expit(-0.3 + 0.6 * seen + 0.4 * z + 0.5 * lacking)).astype(float)
    return pd.DataFrame(
        {"t": t, "x": np.where(lacking, np.nan, x), "z": z, "y": t + x + 0.5 * z + rng.normal(size=size)}
    )


def completed(frame: pd.DataFrame, seed: int) -> list[Study]:
    """Complete ``x`` by draws of a normal regression on all else, its coefficients and variance drawn first (proper)."""
    rng = np.random.default_rng(seed)
    study = Study.from_frame(frame, outcomes=["y"])
    lacking = frame["x"].isna().to_numpy()
    design = np.column_stack([np.ones(len(frame)), frame[["t", "z", "y"]]])
    known, target = design[~lacking], frame["x"].to_numpy()[~lacking]
    inverse = np.linalg.inv(known.T @ known)
    coefficients = inverse @ known.T @ target
    root, rest = np.linalg.cholesky(inverse), target - known @ coefficients
    copies = []
    for _ in range(COPIES):
        spread = np.sqrt(rest @ rest / rng.chisquare(len(target) - design.shape[1]))
        drawn = coefficients + spread * root @ rng.normal(size=design.shape[1])
        x = frame["x"].to_numpy().copy()
        x[lacking] = design[lacking] @ drawn + spread * rng.normal(size=lacking.sum())
        copies.append(replace(study, people=study.people.assign(x=x)))
    return copies


def imputed(seed: int, design: Any) -> Draw:
    """Join a design's estimates on completed copies."""
    return measured(over_imputations(design, completed(people(seed), seed + 1)), np.ones(1))


def alone(frame: pd.DataFrame, design: Any) -> Draw:
    """Fit a design once, on the data as they are."""
    return measured(design.fit(Study.from_frame(frame, outcomes=["y"])), np.ones(1))


REGRESSION = Experiment(outcome="y", assigned="t", covariates=("x", "z"), adjustment="additive")
EFFECT = "effect of treatment"
CASES: tuple[Case, ...] = (
    Case("10 imputations of a covariate, regression", EFFECT, lambda s: imputed(s, REGRESSION)),
    Case("10 imputations of a covariate, odds of a logit", EFFECT, lambda s: imputed(s, Odds())),
    Case(
        "people without the covariate left out, regression",
        EFFECT,
        lambda s: alone(people(s), REGRESSION.model_copy(update={"missing": "drop"})),
        REPORTED,
    ),
    Case(
        "covariate marked where missing, chosen by what was recorded, odds of a logit",
        EFFECT,
        lambda s: alone(decided(s), Odds("indicator")),
    ),
    Case(
        "covariate marked where missing, missing at random, odds of a logit",
        EFFECT,
        lambda s: alone(people(s), Odds("indicator")),
        REPORTED,
    ),
)
