"""Seconds and memory of group-time effects on a million rows, beside the packages that also estimate them.

``python benchmarks/staggered.py [peers' python] [moderndid's python]`` prints the table. Doubly robust effects of 45 cells with
three covariates, from a shuffled long frame of 100,000 units in 10 periods, with 999 multiplier draws and simultaneous bands;
reading the frame is included. One process a package, one thread, the same rows; a time counts only after the effects agree to
ten digits (moderndid seven; diff-diff, which divides the comparison by the number treated, three). The first call is cold; of five
more the fastest is warm. Memory is what a call needs beyond what stood before it.
"""

import json
import os
import subprocess
import sys
from typing import Any

PANEL = """
import json, time, sys, warnings, io, contextlib
import numpy as np, pandas as pd
warnings.simplefilter("ignore")
OUTCOMES, DRAWS = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(7)
n, periods = 100_000, 10
x = rng.normal(size=(n, 3))
g = rng.choice([0, 4, 5, 6, 7, 8], size=n, p=[0.4, 0.12, 0.12, 0.12, 0.12, 0.12])
g = np.where((rng.random(n) < 0.3) & (x[:, 0] > 0.5), 5, g)
t = np.arange(1, periods + 1)
effect = ((g[:, None] > 0) & (t >= g[:, None])) * (1.0 + 0.2 * (t - g[:, None]))
frame = {"id": np.repeat(np.arange(n), periods), "t": np.tile(t, n), "g": np.repeat(g, periods)}
frame |= {f"x{k}": np.repeat(x[:, k], periods) for k in range(3)}
for k in range(OUTCOMES):
    y = rng.normal(size=(n, 1)) + 0.3 * t + 0.1 * x[:, [0]] * t + effect + rng.normal(size=(n, periods))
    frame[f"out{k}"] = y.reshape(-1)
frame = pd.DataFrame(frame).sample(frac=1.0, random_state=1, ignore_index=True)
del x, y, effect

def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1e3

def measured(call):
    times, found, memory = [], None, 0.0
    for _ in range(6):
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")
        before = status("VmRSS")
        begin = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            found = call()
        times.append(time.process_time() - begin)
        memory = max(memory, status("VmHWM") - before)
    return {"cold": times[0], "warm": min(times[1:]), "memory": memory, **found}
"""

OURS = (
    PANEL
    + """
import counterfoil
from counterfoil.datasets import Panel
from counterfoil.estimators.panels.staggered_did import StaggeredDiD, staggered
from counterfoil.estimators.panels.joint_bands import joint_bands
from counterfoil.estimators.stack import stack
spec = StaggeredDiD(outcome="out0", first_treated="g", covariates=("x0", "x1", "x2"))

def call():
    panel = Panel.from_frame(frame, unit="id", period="t")
    fits = staggered(spec, panel, [f"out{k}" for k in range(OUTCOMES)])
    if not DRAWS:
        stack([fit.total() for fit in fits], [f"out{k}" for k in range(OUTCOMES)]).cov()
        return {"values": {}, "critical": 0.0}
    bands = joint_bands(fits, 0.95, DRAWS, seed=1)
    if OUTCOMES > 1:
        stack([fit.total() for fit in fits], [f"out{k}" for k in range(OUTCOMES)]).cov()
    else:
        fits[0].total().std_error
    values = {f"{row.cohort} {row.period}": [row.estimate, row.std_error] for row in bands[bands["outcome"] == "out0"].itertuples()}
    return {"values": values, "critical": bands.attrs["critical"]}

print(json.dumps(measured(call) | {"name": "counterfoil", "version": counterfoil.__version__}))
"""
)

CSDID = (
    PANEL
    + """
import importlib.metadata
from csdid.att_gt import ATTgt

def call():
    fit = ATTgt("out0", "t", "id", "g", frame, control_group="nevertreated", xformla="~ x0 + x1 + x2", biters=999, cband=True)
    found = fit.fit(est_method="dr", bstrap=True).results
    exact = fit.MP["inffunc"]["inffunc"]
    keys = [f"{int(g)} {int(y)}" for g, y in zip(found["group"], found["year"])]
    return {"values": {k: [float(a), 0.0] for k, a in zip(keys, found["att"])}, "critical": float(np.ravel(found["c"])[0])}

print(json.dumps(measured(call) | {"name": "csdid", "version": importlib.metadata.version("csdid")}))
"""
)

DIFF_DIFF = (
    PANEL
    + """
import diff_diff

def call():
    fit = diff_diff.CallawaySantAnna(estimation_method="dr", n_bootstrap=999, seed=1)
    found = fit.fit(frame, outcome="out0", unit="id", time="t", first_treat="g", covariates=["x0", "x1", "x2"])
    values = {f"{int(g)} {int(t)}": [float(cell["effect"]), 0.0] for (g, t), cell in found.group_time_effects.items()}
    return {"values": values, "critical": float(getattr(found, "cband_crit_value", None) or 0.0)}

print(json.dumps(measured(call) | {"name": "diff-diff", "version": diff_diff.__version__}))
"""
)

MODERNDID = (
    PANEL
    + """
import importlib.metadata
import moderndid

def call():
    found = moderndid.att_gt(
        frame, yname="out0", tname="t", idname="id", gname="g", xformla="~ x0 + x1 + x2", est_method="dr",
        control_group="nevertreated", boot=True, biters=999, cband=True,
    )
    keys = [f"{int(g)} {int(t)}" for g, t in zip(found.groups, found.times)]
    return {"values": {k: [float(a), 0.0] for k, a in zip(keys, found.att_gt)}, "critical": float(found.critical_value)}

print(json.dumps(measured(call) | {"name": "moderndid", "version": importlib.metadata.version("moderndid")}))
"""
)

DIGITS = {"csdid": 1e-10, "moderndid": 1e-7, "diff-diff": 1e-3}


WORKLOAD = "Doubly robust effects by cohort and period: a million rows (100,000 people in 10 periods) of a shuffled long frame, three covariates, 45 cells, 999 multiplier draws with bands; reading the frame included. CPU seconds in a process of its own with one thread; warm is the fastest of five later calls."


def measured(program: str, outcomes: int = 1, python: str = sys.executable, draws: int = 999) -> dict[str, Any]:
    """Return what a program prints, run in a process of its own with one thread."""
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    run = subprocess.run(  # noqa: S603
        [python, "-c", program, str(outcomes), str(draws)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **one},
    )
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def line(found: dict[str, Any], ours: dict[str, Any]) -> str:
    """Return a row of the table; a time only where the effects agree."""
    shared = ours["values"].keys() & found["values"].keys()
    gap = max(abs(ours["values"][key][0] - found["values"][key][0]) for key in shared)
    what = f"| {found['name']} {found['version']}"
    if len(shared) < len(ours["values"]) or gap > DIGITS.get(found["name"], 0.0):
        return f"{what} | not counted | | | effects differ by {gap:.1e} on {len(shared)} cells |"
    critical = f"; critical value {found['critical']:.2f}" if found["critical"] else ""
    return (
        f"{what} | {found['cold']:.2f} | {found['warm']:.2f} | {found['memory']:,.0f} | "
        f"{found['warm'] / ours['warm']:.1f} times as long; effects within {gap:.0e}{critical} |"
    )


def table(peers: str | None = None, moderndid: str | None = None) -> list[str]:
    """Return the lines of the table; a peer without an environment has a row that says so."""
    one = measured(OURS)
    lines = ["| what | cold, CPU s | warm, CPU s | MB beside | note |", "|---|---|---|---|---|", line(one, one)]
    for draws, what in (
        (999, "effects, joint covariance of the totals, bands over 135 cells"),
        (0, "the same without draws"),
    ):
        alone = one if draws else measured(OURS, 1, draws=0)
        three = measured(OURS, 3, draws=draws)
        lines.append(
            f"| three outcomes jointly | {three['cold']:.2f} | {three['warm']:.2f} | {three['memory']:,.0f} | "
            f"{three['warm'] / alone['warm']:.2f} times as long as one; {what} |"
        )
    for name, program, python in (
        ("csdid", CSDID, peers),
        ("diff-diff", DIFF_DIFF, peers),
        ("moderndid", MODERNDID, moderndid),
    ):
        if python is None:
            lines.append(f"| {name} | not measured | | | no environment with it was given |")
            continue
        lines.append(line(measured(program, 1, python), one))
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(*sys.argv[1:])) + "\n")
