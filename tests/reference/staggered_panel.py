"""Make the small frozen panel of the staggered tests, and what other packages say about it.

Run in an environment with csdid 0.4.3, diff-diff 3.13.0 and pyfixest 0.60.0, once:

    python tests/reference/staggered_panel.py

Writes staggered_panel.csv (units by periods, made up) and staggered_panel.json (their output) beside this file.
"""

import contextlib
import importlib.metadata
import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
METHODS = {"doubly_robust": "dr", "outcome_regression": "reg", "weighting": "ipw"}


def units(n: int = 260, periods: int = 8, seed: int = 7) -> pd.DataFrame:
    """Draw a staggered panel, one row a unit: cohort, covariates, weight, district, outcomes y1 to y8, and what is lost."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).round(3)
    g = rng.choice([0, 3, 5, 6], size=n, p=[0.4, 0.2, 0.2, 0.2])
    g = np.where((rng.random(n) < 0.3) & (x[:, 0] > 0.5), 5, g)
    t = np.arange(1, periods + 1)
    effect = ((g[:, None] > 0) & (t >= g[:, None])) * (1.0 + 0.2 * (t - g[:, None]))
    y = rng.normal(size=(n, 1)) + 0.3 * t + 0.1 * x[:, [0]] * t + effect + rng.normal(size=(n, periods))
    frame = pd.DataFrame({"unit": np.arange(1, n + 1), "g": g, "x1": x[:, 0], "x2": x[:, 1], "x3": x[:, 2]})
    frame["w"] = rng.uniform(0.5, 2.0, n).round(3)
    frame["district"] = np.arange(n) % 40
    frame[[f"y{period}" for period in t]] = y.round(4)
    lost = rng.random((n, periods)) < 0.12
    frame["lost"] = [sum(1 << int(k) for k in np.flatnonzero(row)) for row in lost]
    return frame


def long(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row a unit and period; ``lost`` marks the rows that the unbalanced panel lacks."""
    values = frame.melt(["unit", "g", "x1", "x2", "x3", "w", "district", "lost"], var_name="period", value_name="y")
    values["period"] = values["period"].str[1:].astype(int)
    values["lost"] = values["lost"] // 2 ** (values["period"] - 1) % 2
    return values.sort_values(["unit", "period"], ignore_index=True)


def csdid(data: pd.DataFrame, method: str, **terms: Any) -> dict[str, Any]:
    """Return cells and averages of csdid."""
    from csdid.att_gt import ATTgt

    base = terms.pop("base", "varying")
    covariates = terms.pop("covariates", "~ x1 + x2 + x3")
    fit = ATTgt("y", "period", "unit", "g", data.copy(), xformla=covariates, **terms)
    fit = fit.fit(est_method=METHODS[method], base_period=base, bstrap=False)
    found: dict[str, Any] = {name: np.asarray(fit.results[name]).tolist() for name in ("group", "year", "att", "se")}
    found["averages"] = {}
    for kind, balance in (("simple", None), ("group", None), ("calendar", None), ("dynamic", None), ("dynamic", 2)):
        average = fit.aggte(kind, balance_e=balance, bstrap=False, cband=False).atte
        name = kind if balance is None else f"{kind} balanced over {balance}"
        found["averages"][name] = {
            "overall": [float(average["overall_att"]), float(np.ravel(average["overall_se"])[0])],
            "terms": [] if kind == "simple" else [float(term) for term in np.ravel(average["egt"])],
            "att": [] if kind == "simple" else np.ravel(average["att_egt"]).astype(float).tolist(),
            "se": [] if kind == "simple" else np.ravel(average["se_egt"]).astype(float).tolist(),
        }
    return found


def diff_diff(data: pd.DataFrame) -> dict[str, Any]:
    """Return doubly robust cells, imputation effects and the decomposition of diff-diff."""
    import diff_diff as dd

    names = {"outcome": "y", "unit": "unit", "time": "period", "first_treat": "g"}
    cells = dd.CallawaySantAnna(estimation_method="dr").fit(data, **names, covariates=["x1", "x2", "x3"])
    found: dict[str, Any] = {
        "cells": [
            [float(g), float(t), float(cell["effect"]), float(cell["se"])]
            for (g, t), cell in sorted(cells.group_time_effects.items())
        ]
    }
    imputed = dd.ImputationDiD().fit(data, **names, aggregate="all")
    found["imputation"] = {
        "overall": [float(imputed.overall_att), float(imputed.overall_se)],
        "event_time": [
            [int(h), float(v["effect"]), float(v["se"])] for h, v in sorted(imputed.event_study_effects.items())
        ],
        "group": [[int(g), float(v["effect"]), float(v["se"])] for g, v in sorted(imputed.group_effects.items())],
    }
    bacon = dd.BaconDecomposition().fit(data, **names)
    found["bacon"] = {
        "twfe": float(bacon.twfe_estimate),
        "comparisons": sorted(
            [c.comparison_type, float(c.treated_group), str(c.control_group), float(c.weight), float(c.estimate)]
            for c in bacon.comparisons
        ),
    }
    return found


def two_stage(data: pd.DataFrame) -> list[float]:
    """Return the point estimates by event time of pyfixest's two-stage estimator, which equal those of imputation."""
    import pyfixest

    frame = data.assign(treated=(data["g"] > 0) & (data["period"] >= data["g"]))
    frame["since"] = np.where(frame["treated"], frame["period"] - frame["g"], -1)
    fit = pyfixest.did2s(
        frame, yname="y", first_stage="~ 0 | unit + period", second_stage="~ i(since, ref=-1)", treatment="treated",
        cluster="unit",
    )  # fmt: skip
    return [float(value) for value in fit.coef()]


def main() -> None:
    """Write both files."""
    frame = units()
    frame.to_csv(HERE / "staggered_panel.csv", index=False)
    full = long(frame)
    partial = full[full["lost"] == 0]
    alone = full.assign(unit=np.arange(len(full)))[full["period"] % 2 == full["unit"] % 2]
    found: dict[str, Any] = {}
    for method in METHODS:
        for comparison in ("never", "not_yet"):
            control = {"control_group": "nevertreated" if comparison == "never" else "notyettreated"}
            found[f"{method}, {comparison}"] = csdid(full, method, **control)
        found[f"{method}, weighted"] = csdid(full, method, control_group="nevertreated", weights_name="w")
        found[f"{method}, cross-sections"] = csdid(alone, method, control_group="nevertreated", panel=False)
        found[f"{method}, universal, anticipation"] = csdid(
            full, method, control_group="notyettreated", base="universal", anticipation=1
        )
    terms = {"control_group": "nevertreated"}
    found["doubly_robust, complete"] = csdid(partial, "doubly_robust", **terms)
    found["doubly_robust, rows"] = csdid(partial, "doubly_robust", allow_unbalanced_panel=True, **terms)
    found["doubly_robust, districts"] = csdid(full, "doubly_robust", clustervar="district", **terms)
    found["diff-diff"] = diff_diff(full)
    found["diff-diff, unbalanced"] = {"imputation": diff_diff(partial)["imputation"]}
    found["pyfixest did2s"] = two_stage(full)
    found["versions"] = {name: importlib.metadata.version(name) for name in ("csdid", "diff-diff", "pyfixest", "numpy")}
    (HERE / "staggered_panel.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        main()
    sys.stdout.write("written\n")
