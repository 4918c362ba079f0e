"""Store what pyfixest and diff-diff print for a two-way regression: ``PYTHONHASHSEED=0 python tests/reference/two_way_peers.py``.

The panel is linearmodels' wage panel without every tenth row, so that it is unbalanced. pyfixest's own small-sample factor
with two effects depends on PYTHONHASHSEED in 0.60, so errors are stored without any factor too.
"""

import json
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from linearmodels.datasets import wage_panel

# By name, because the project's environment has neither.
pf, diff_diff = import_module("pyfixest"), import_module("diff_diff")

frame = wage_panel.load().astype("float64")
frame = frame[(7 * frame["nr"] + frame["year"]) % 10 != 0]
frame["weight"] = 1 + frame["nr"] % 3
formula = "lwage ~ union + married + expersq | nr + year"
bare = pf.ssc(k_adj=False, G_adj=False)
fits = {
    "CR0": pf.feols(formula, frame, vcov={"CRV1": "nr"}, ssc=bare, fixef_rm="none"),
    "CR0 weighted": pf.feols(formula, frame, vcov={"CRV1": "nr"}, ssc=bare, weights="weight", fixef_rm="none"),
    "CR1": pf.feols(formula, frame, vcov={"CRV1": "nr"}, fixef_rm="none"),
    "CR1, units only": pf.feols("lwage ~ union + married | nr", frame, vcov={"CRV1": "nr"}, fixef_rm="none"),
    "iid": pf.feols(formula, frame, vcov="iid", fixef_rm="none"),
}
found = {
    "pyfixest": version("pyfixest"),
    "diff-diff": version("diff-diff"),
    "rows": len(frame),
    **{name: {"coef": fit.coef().tolist(), "se": fit.se().tolist()} for name, fit in fits.items()},
}
whole = wage_panel.load().astype("float64")
weighed = diff_diff.twowayfeweights(whole, outcome="lwage", unit="nr", time="year", treatment="union")
found["weights"] = {"fraction_negative": weighed.fraction_negative, "sigma_fe": weighed.sigma_fe}
Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
