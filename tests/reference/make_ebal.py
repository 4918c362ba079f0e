"""Write ebal.json: entropy balancing by ebal 1.0.0 of the smoking study and of the training programme's comparison.

Run once, in an environment with ebal and causaldata: ``python tests/reference/make_ebal.py``. Columns are those of the tests; they are
scaled by their standard deviations, without which ebal does not converge, and its principal components are switched off.
"""

import json
from pathlib import Path
from typing import Any

import causaldata
import numpy as np
import pandas as pd
from ebal import ebal_bin


def smoking() -> tuple[Any, Any, Any]:
    """Return treatment, columns and outcome of case 14."""
    data = causaldata.nhefs_complete.load_pandas().data
    words = ["sex", "race", "education", "exercise", "active"]
    numbers = data[["age", "smokeintensity", "smokeyrs", "wt71"]].astype(float)
    levels = pd.get_dummies(data[words].astype(str), drop_first=True).astype(float)
    columns = np.hstack([numbers, numbers**2, levels])
    return data["qsmk"].to_numpy(float), columns, data["wt82_71"].to_numpy(float)


def training() -> tuple[Any, Any, Any]:
    """Return the same of case 13."""
    treated = causaldata.nsw_mixtape.load_pandas().data.query("treat == 1")
    data = pd.concat([treated, causaldata.cps_mixtape.load_pandas().data], ignore_index=True)
    names = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75"]
    columns = data[names].astype(float).assign(u74=data["re74"] == 0, u75=data["re75"] == 0).astype(float)
    return data["treat"].to_numpy(float), columns.to_numpy(), data["re78"].to_numpy(float)


def main() -> None:
    """Write the file beside this script."""
    found: dict[str, Any] = {"version": "1.0.0"}
    for name, (treated, columns, outcome), effects in (
        ("smoking", smoking(), ("ATT", "ATC", "ATE")),
        ("training", training(), ("ATT",)),
    ):
        for effect in effects:
            maker = ebal_bin(effect=effect, PCA=False, print_level=-1, constraint_tolerance=1e-9, max_iterations=5000)
            made = maker.ebalance(treated, columns / columns.std(axis=0), outcome)
            weights = np.ravel(made["w"])
            side = treated == (1.0 if effect == "ATC" else 0.0)
            share = weights[side] / weights[side].sum()
            means = [np.average(outcome[treated == g], weights=weights[treated == g]) for g in (1.0, 0.0)]
            found[f"{name} {effect}"] = {
                "converged": bool(made["converged"]),
                "effect": float(means[0] - means[1]),
                "size": float(1 / (share**2).sum()),
                "shares": np.sort(share)[-20:].tolist(),
            }
    Path(__file__).with_name("ebal.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
