"""Write what peers say of synthetic controls: ``python tests/reference/make_synthetic.py``.

Run by hand with synthdid-py 0.1.0 (BSD-3, a port of the authors' R package synthdid, with its data), diff-diff 3.13.0,
causaldata and pandas installed. prop99.csv is the data set california_prop99 of synthdid (Abadie, Diamond and Hainmueller
2010; Copyright 2019 Stanford University, BSD 3-Clause), as a table of states by years.
"""

import json
import sys
import warnings
from pathlib import Path

import causaldata
import diff_diff
import numpy as np
import pandas as pd
import synthdid

HERE = Path(__file__).parent
TIGHT = {"min_decrease": 1e-9, "max_iter": 20_000, "sparsify": None}


def invented() -> pd.DataFrame:
    """Draw 24 places over 14 periods; three are treated from period 9 on, three from period 11 on."""
    rng = np.random.default_rng(1990)
    factors = np.cumsum(rng.normal(size=(2, 14)), axis=1)
    outcome = 10 + rng.normal(size=(24, 1)) * 2 + rng.uniform(size=(24, 2)) @ factors + 0.5 * rng.normal(size=(24, 14))
    frame = pd.DataFrame(outcome.round(3), index=[f"p{place:02d}" for place in range(24)], columns=range(1, 15))
    frame.iloc[:3, 8:] += 1.5
    frame.iloc[3:6, 10:] += 2.5
    return frame.round(3)


def long_of(wide: pd.DataFrame, since: dict[str, int]) -> pd.DataFrame:
    long = wide.rename_axis("unit").reset_index().melt(id_vars="unit", var_name="time", value_name="y")
    long["treated"] = (long["time"] >= long["unit"].map(since).fillna(10**6)).astype(int)
    return long.sort_values(["unit", "time"], ignore_index=True)


def estimates(wide: pd.DataFrame, since: dict[str, int]) -> dict[str, float]:
    matrices = synthdid.panel_matrices(long_of(wide, since))
    shape = (matrices.Y, matrices.N0, matrices.T0)
    own = synthdid.synthdid_estimate(*shape)
    found = {
        "synthetic_did": float(own),
        "synthetic_did_converged": float(synthdid.synthdid_estimate(*shape, **TIGHT)),
        "synthetic_control": float(synthdid.sc_estimate(*shape)),
        "difference_in_differences": float(synthdid.did_estimate(*shape)),
    }
    if len(since) > 1:
        tight = synthdid.synthdid_estimate(*shape, **TIGHT)
        found["jackknife_converged"] = float(synthdid.jackknife_se(tight))
        found["bootstrap_300"] = float(synthdid.bootstrap_se(own, 300, random_state=1))
    else:
        outcomes = np.asarray(matrices.Y)
        placebos = []
        for left in range(matrices.N0):
            order = [place for place in range(matrices.N0) if place != left] + [left]
            again = synthdid.refit(
                own, Y=outcomes[order], N0=matrices.N0 - 1, T0=matrices.T0, X=own.setup.X[order], weights=None
            )
            placebos.append(float(again))
        found["placebo_each_donor_once"] = float(np.std(placebos, ddof=1))
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    california = synthdid.load_california_prop99()
    wide = california.pivot(index="State", columns="Year", values="PacksPerCapita")
    wide.to_csv(HERE / "prop99.csv", float_format="%.9g", lineterminator="\n")
    panel = invented()
    first = {f"p{place:02d}": 9 for place in range(3)}
    both = {**first, **{f"p{place:02d}": 11 for place in range(3, 6)}}
    of_first = panel.drop(index=[f"p{place:02d}" for place in range(3, 6)])
    state = california.assign(ever=(california["State"] == "California").astype(int))
    peer = diff_diff.SyntheticDiD(variance_method="placebo", n_bootstrap=100, seed=1).fit(
        state,
        outcome="PacksPerCapita",
        treatment="ever",
        unit="State",
        time="Year",
        post_periods=list(range(1989, 2001)),
    )
    once = long_of(of_first, first).assign(ever=lambda table: table["unit"].isin(first).astype(int))
    several = diff_diff.SyntheticDiD(variance_method="jackknife", seed=1).fit(
        once, outcome="y", treatment="ever", unit="unit", time="time", post_periods=list(range(9, 15))
    )
    texas = causaldata.texas.load_pandas().data.astype({"bmprison": float, "year": int})
    texas["treated"] = ((texas["state"] == "Texas") & (texas["year"] > 1993)).astype(int)
    weighed = diff_diff.SyntheticControl(v_method="custom", custom_v=np.ones(9), standardize="none", seed=1).fit(
        texas,
        outcome="bmprison",
        treatment="treated",
        unit="state",
        time="year",
        pre_period_outcomes=list(range(1985, 1994)),
    )
    reference = {
        "prop99": {**estimates(wide, {"California": 1989}), "diff_diff": float(peer.att)},
        "invented": {
            "panel": panel.to_numpy().tolist(),
            "one_cohort": {
                **estimates(of_first, first),
                "diff_diff": float(several.att),
                "diff_diff_jackknife": float(several.se),
            },
            "two_cohorts": float(synthdid.staggered_synthdid_estimate(long_of(panel, both), **TIGHT)),
        },
        "texas": {
            "diff_diff": float(weighed.att),
            "diff_diff_weights": {str(k): float(v) for k, v in weighed.donor_weights.items() if v > 1e-6},
        },
    }
    (HERE / "synthetic.json").write_text(json.dumps(reference, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps({key: value for key, value in reference.items() if key != "invented"}, indent=1))


if __name__ == "__main__":
    main()
