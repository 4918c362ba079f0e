"""Store what doubleml prints for cross-fitted AIPW: ``python tests/reference/make_doubly_robust.py``, where doubleml is installed.

People, folds and outcomes are stored beside it, so that ours are the same. Chances of several groups are doubleml's own where
covariates are levels (its logits one against the rest are then frequencies, as a multinomial logit is), and those of
scikit-learn's multinomial logit otherwise.
"""

import json
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import StratifiedKFold

# By name, because the project's environment has it not.
dml = import_module("doubleml")

rng = np.random.default_rng(20_261_122)
n = 500
frame = pd.DataFrame(rng.normal(size=(n, 3)).round(6), columns=["x1", "x2", "x3"])
index = 0.5 * frame["x1"] - 0.4 * frame["x2"]
frame["d"] = (rng.random(n) < 1 / (1 + np.exp(0.3 - index))).astype(int)
frame["y"] = (index + frame["x3"] ** 2 + frame["d"] * (1 + frame["x1"]) + rng.normal(size=n)).round(6)
frame["site"] = rng.integers(0, 3, n)
frame["arm"] = [
    int(rng.choice(4, p=p)) for p in np.array([[0.4, 0.2, 0.2, 0.2], [0.25] * 4, [0.1, 0.3, 0.3, 0.3]])[frame["site"]]
]
frame["z"] = (frame["site"] + frame["arm"] * (1 + 0.2 * frame["x1"]) + rng.normal(size=n)).round(6)


def folds(strata: Any) -> Any:
    """Return five random folds."""
    fold = np.empty(n, dtype=int)
    parts = StratifiedKFold(5, shuffle=True, random_state=0).split(np.zeros((n, 1)), strata)
    for number, (_, out) in enumerate(parts):
        fold[out] = number
    return fold


def split(fold: Any) -> list[tuple[Any, Any]]:
    """Return train and test rows of each fold."""
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]


frame["fold"], frame["arm_fold"] = folds(frame["d"]), folds(frame["arm"])
logit = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky", max_iter=500)
open_clip = {"ps_processor_config": dml.utils.PSProcessorConfig(clipping_threshold=1e-12)}
found: dict[str, Any] = {"doubleml": version("doubleml")}
for score in ("ATE", "ATTE"):
    for normalize in (False, True):
        data = dml.DoubleMLData(frame, "y", "d", ["x1", "x2", "x3"])
        model = dml.DoubleMLIRM(
            data,
            LinearRegression(),
            logit,
            score=score,
            n_folds=5,
            normalize_ipw=normalize,
            draw_sample_splitting=False,
            **open_clip,
        )
        model.set_sample_splitting(split(frame["fold"].to_numpy()))
        model.fit()
        found[f"{score}{', normalized' if normalize else ''}"] = {
            "value": float(model.coef[0]),
            "se": float(model.se[0]),
        }

site = pd.get_dummies(frame["site"], prefix="site", drop_first=True).astype(float)
for name, columns in (("sites", site), ("covariates", frame[["x1", "x2", "x3"]])):
    for outcome in ("z", "y"):
        given = pd.concat([frame[[outcome, "arm"]], columns], axis=1)
        data = dml.DoubleMLData(given, outcome, "arm", list(columns))
        model = dml.DoubleMLAPOS(
            data,
            LinearRegression(),
            logit,
            treatment_levels=[0, 1, 2, 3],
            n_folds=5,
            draw_sample_splitting=False,
            **open_clip,
        )
        model.set_sample_splitting(split(frame["arm_fold"].to_numpy()))
        external = None
        if name == "covariates":
            chance = np.empty((n, 4))
            for train, test in split(frame["arm_fold"].to_numpy()):
                multi = LogisticRegression(C=np.inf, tol=1e-13, solver="newton-cholesky", max_iter=500)
                chance[test] = multi.fit(columns.iloc[train], frame["arm"].iloc[train]).predict_proba(
                    columns.iloc[test]
                )
            external = {g: {"ml_m": chance[:, [g]]} for g in range(4)}
        model.fit(external_predictions=external)
        contrast = model.causal_contrast(reference_levels=[0])
        psi = contrast.scaled_psi[:, :, 0]
        found[f"{name}, {outcome}"] = {
            "values": contrast.thetas.tolist(),
            "se": contrast.ses.tolist(),
            "cov": (psi.T @ psi / n**2).tolist(),
        }
here = Path(__file__).with_name("doubly_robust")
frame.to_csv(here.with_suffix(".csv"), index=False)
here.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
