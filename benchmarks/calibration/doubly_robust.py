"""Rows for doubly robust comparisons: each method, either model wrong, poor overlap, learners, several arms, outcomes and groups."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.case import REPORTED, Case, Draw, measured
from counterfoil.datasets.study import Study
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust

FloatArray = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(81)


def chance(x: FloatArray, steep: float = 0.6, bend: float = 0.0) -> FloatArray:
    """Return the chance of being treated."""
    return np.asarray(1 / (1 + np.exp(0.4 - steep * x - bend * (x**2 - 1))))


def truth(estimand: str, gain: Callable[[FloatArray], FloatArray], **shape: float) -> FloatArray:
    """Return the mean gain of the target people, over a normal covariate, by quadrature."""
    treated = chance(NODES, **shape)
    whose = {"ate": np.ones(len(NODES)), "att": treated, "atc": 1 - treated}[estimand]
    return np.array([np.average(gain(NODES), weights=WEIGHTS * whose)])


def gain(x: FloatArray) -> FloatArray:
    """Return a person's gain."""
    return 1.0 + 0.5 * x


def people(seed: int, size: int, curve: float = 0.0, **shape: float) -> pd.DataFrame:
    """Draw people with two covariates, one of which decides who is treated; outcomes bend with it by ``curve``."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, size))
    treated = (rng.random(size) < chance(x, **shape)).astype(int)
    outcome = x + 0.5 * z + curve * x**2 + treated * gain(x) + rng.normal(size=size) * (1 + 0.5 * treated)
    return pd.DataFrame({"x": x, "z": z, "t": treated, "y": outcome})


ASKED: dict[str, Any] = {"outcome": "y", "treated": "t", "covariates": ("x", "z")}


def effect(seed: int, size: int = 400, curve: float = 0.0, shape: dict[str, float] | None = None, **terms: Any) -> Draw:
    """Measure the effect by one method."""
    shape = shape or {}
    spec = DoublyRobust.model_validate({**ASKED, "estimand": "ate", **terms})
    found = spec.fit(people(seed, size, curve, **shape)).total()
    return measured(found, truth(spec.estimand, gain, **shape))


def learned(seed: int, size: int = 800) -> Draw:
    """Measure by splines, cross-fitted, where both models bend."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer

    learning = {
        "outcome": make_pipeline(SplineTransformer(4, knots="quantile", extrapolation="linear"), Ridge(0.01)),
        "propensity": make_pipeline(
            SplineTransformer(4, knots="quantile", extrapolation="linear"), LogisticRegression(C=10.0, max_iter=300)
        ),
        "repeats": 1,
    }
    return effect(seed, size, 0.8, {"steep": 0.5, "bend": 0.2}, learning=learning)


LINEAR = {"outcome": {"name": "linear"}, "repeats": 1}


def arms(seed: int, **terms: Any) -> Draw:
    """Compare two programmes with none; all effects are one statement."""
    rng = np.random.default_rng(seed)
    size = 600
    x = rng.normal(size=size)
    scores = np.exp(np.column_stack([np.zeros(size), 0.5 * x - 0.2, -0.4 * x]))
    arm = (rng.random((size, 1)) > np.cumsum(scores / scores.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
    outcome = x + (arm == 1) * (1 + 0.5 * x) + (arm == 2) * (0.5 - 0.3 * x) + rng.normal(size=size)
    frame = pd.DataFrame({"x": x, "arm": np.array(["none", "a", "b"])[arm], "y": outcome})
    spec = DoublyRobust.model_validate({
        "outcome": "y", "treated": "arm", "control": "none", "covariates": ("x",), "estimand": "ate", **terms
    })  # fmt: skip
    return measured(spec.fit(frame).effects, np.array([1.0, 0.5]))


def two_outcomes(seed: int, **terms: Any) -> Draw:
    """Measure two outcomes of the same people from one comparison."""
    frame = people(seed, 400)
    rng = np.random.default_rng(seed + 1)
    frame["v"] = 0.7 * frame["y"] + rng.normal(size=len(frame))
    frame["person"] = range(len(frame))
    study = Study.from_tables(
        frame[["person", "x", "z", "t"]],
        outcomes=frame.melt("person", ["y", "v"], var_name="outcome", value_name="value"),
    )
    built = DoublyRobust.model_validate({**ASKED, "estimand": "att", **terms}).build(study)
    own = truth("att", gain)
    return measured(built.effects(["y", "v"]), np.concatenate([own, 0.7 * own]))


def clustered(seed: int, **terms: Any) -> Draw:
    """Measure among people of 30 towns who share fortunes and chances."""
    rng = np.random.default_rng(seed)
    town = np.repeat(np.arange(30), 20)
    x = rng.normal(size=600)
    shared, pull = rng.normal(size=(2, 30)) * [[0.5], [0.3]]
    treated = (rng.random(600) < 1 / (1 + np.exp(0.2 - 0.5 * x - pull[town]))).astype(int)
    outcome = x + treated + shared[town] + rng.normal(size=600)
    frame = pd.DataFrame({"x": x, "t": treated, "town": town, "y": outcome})
    spec = DoublyRobust.model_validate(
        {"outcome": "y", "treated": "t", "covariates": ("x",), "cluster": "town", **terms}
    )
    return measured(spec.fit(frame).total(), np.ones(1))


def groups(seed: int, **terms: Any) -> Draw:
    """Measure by site, four of them, with a gain of each."""
    rng = np.random.default_rng(seed)
    size = 800
    site, x = rng.integers(0, 4, size), rng.normal(size=size)
    treated = (rng.random(size) < chance(x) * (0.8 + 0.1 * site)).astype(int)
    outcome = x + 0.5 * site + treated * (0.4 * site) + rng.normal(size=size)
    frame = pd.DataFrame({"x": x, "site": np.array(list("abcd"))[site], "t": treated, "y": outcome})
    spec = DoublyRobust.model_validate({"outcome": "y", "treated": "t", "covariates": ("x", "site"), **terms})
    return measured(spec.build(frame).effects_by("site"), 0.4 * np.arange(4.0, dtype=np.float64))


def neediest(seed: int) -> Draw:
    """Measure among the quarter whose outcome is predicted to be worst; the truth is of the people who were so found."""
    frame = people(seed, 800)
    built = DoublyRobust.model_validate({**ASKED, "estimand": "ate", "learning": LINEAR}).build(frame)
    found = built.effects_by_prediction("low", share=0.3)
    # Outcomes without the programme rise with x + z/2; gains rise with x: the mean of x in a tail of a sum of normals.
    tail = -float(np.exp(-(0.524400512708041**2) / 2) / np.sqrt(2 * np.pi)) / np.sqrt(1.25)
    means = np.array([tail / 0.3, -tail / 0.7])
    return measured(found, 1.0 + 0.5 * means)


EFFECT = "effect of a programme"
BENT: dict[str, Any] = {"shape": {"bend": 0.5, "steep": 0.5}}
POOR: dict[str, Any] = {"shape": {"steep": 2.0}}
CASES: tuple[Case, ...] = (
    Case("AIPW, everybody", EFFECT, effect),
    Case("AIPW, the treated", EFFECT, lambda s: effect(s, estimand="att")),
    Case(
        "AIPW, the untreated, probit, unnormalized",
        EFFECT,
        lambda s: effect(s, estimand="atc", score="probit", normalize=False),
    ),
    Case("IPWRA, everybody", EFFECT, lambda s: effect(s, method="ipwra")),
    Case("IPWRA, the treated", EFFECT, lambda s: effect(s, method="ipwra", estimand="att")),
    Case("regression adjustment, everybody", EFFECT, lambda s: effect(s, method="regression")),
    Case("regression adjustment, the treated", EFFECT, lambda s: effect(s, method="regression", estimand="att")),
    Case("AIPW, outcome model wrong", EFFECT, lambda s: effect(s, 800, curve=0.8)),
    Case("AIPW, model of chances wrong", EFFECT, lambda s: effect(s, 800, **BENT)),
    Case(
        "IPWRA, the treated, outcome model wrong",
        EFFECT,
        lambda s: effect(s, 800, 0.8, method="ipwra", estimand="att"),
    ),
    Case(
        "IPWRA, the treated, model of chances wrong",
        EFFECT,
        lambda s: effect(s, 800, method="ipwra", estimand="att", **BENT),
    ),
    Case(
        "regression adjustment, outcome model wrong",
        EFFECT,
        lambda s: effect(s, 800, 0.8, method="regression"),
        REPORTED,
    ),
    Case("AIPW, both models wrong", EFFECT, lambda s: effect(s, 800, 0.8, **BENT), REPORTED),
    Case("AIPW, poor overlap", EFFECT, lambda s: effect(s, **POOR), REPORTED),
    Case("AIPW, poor overlap, unnormalized", EFFECT, lambda s: effect(s, normalize=False, **POOR), REPORTED),
    Case("AIPW, poor overlap, outcome model wrong", EFFECT, lambda s: effect(s, 400, 0.8, **POOR), REPORTED),
    Case("AIPW cross-fitted, linear and logit", EFFECT, lambda s: effect(s, learning=LINEAR)),
    Case("AIPW cross-fitted, splines, both models bend", EFFECT, learned),
    Case("AIPW, two programmes", "effects of both", arms),
    Case("AIPW cross-fitted, two programmes", "effects of both", lambda s: arms(s, learning=LINEAR)),
    Case("AIPW, two outcomes", "effects on both", two_outcomes),
    Case("AIPW, 30 towns, CR1", EFFECT, clustered),
    Case("AIPW cross-fitted, 30 towns, CR1", EFFECT, lambda s: clustered(s, learning=LINEAR)),
    Case("AIPW, by site", "effects in four sites", groups),
    Case("AIPW cross-fitted, by site", "effects in four sites", lambda s: groups(s, learning=LINEAR)),
    Case("AIPW cross-fitted, by predicted need", "effects on the neediest and the others", neediest),
)
