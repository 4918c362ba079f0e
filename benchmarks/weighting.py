"""Time weighting: an effect with its error beside dowhy's bootstrap, and a million people.

Every row is a process of its own with one thread. dowhy may live in another environment: ``python benchmarks/weighting.py
/path/to/python``. Both weight 10,000 people by one over their chances from a logit without penalty, weights summing to one in each
group, chances not clipped; a time counts only after the effects agree to eight digits. dowhy's error is its bootstrap, as many draws
as it takes by default; ours counts the chances' estimation without any.
"""

import json
import subprocess
import sys
from typing import Any

DRAWN = """
import json, resource, sys, time, warnings
import numpy as np, pandas as pd
warnings.simplefilter("ignore")
people, columns = int(sys.argv[1]), 5 if int(sys.argv[1]) < 100_000 else 10
rng = np.random.default_rng(11)
x = rng.normal(size=(people, columns))
treated = rng.random(people) < 1 / (1 + np.exp(0.4 - x[:, :3] @ [0.5, -0.4, 0.3]))
frame = pd.DataFrame({f"x{j}": x[:, j] for j in range(columns)})
names = tuple(frame.columns)
frame["treated"] = treated
frame["y"] = x.sum(axis=1) + treated * (1 + x[:, 0]) + rng.normal(size=people)
times = []
"""

OURS = (
    DRAWN
    + """
from counterfoil.estimators.weighting.weighting import Weighting
spec = Weighting(outcome="y", treated="treated", covariates=names, method=sys.argv[2], estimand=sys.argv[3])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(6 if people < 100_000 else 3):
    begin = time.process_time()
    fit = spec.fit(frame)
    gain = fit.total()
    error = float(gain.std_error[0])
    times.append(time.process_time() - begin)
memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
gap = fit.effects.diagnostics["largest_imbalance"]
print(json.dumps([float(gain.values[0]), error, times[0], min(times[1:]), memory, gap]))
"""
)

DOWHY = (
    DRAWN
    + """
import logging
logging.disable(logging.CRITICAL)
import dowhy
from sklearn.linear_model import LogisticRegression
frame["treated"] = frame["treated"].astype(int)
for _ in range(2):
    begin = time.process_time()
    model = dowhy.CausalModel(frame.copy(), treatment="treated", outcome="y", common_causes=list(names))
    found = model.identify_effect(proceed_when_unidentifiable=True)
    terms = {
        "init_params": {
            "propensity_score_model": LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky"),
            "min_ps_score": 0.0,
            "max_ps_score": 1.0,
            "weighting_scheme": "ips_normalized_weight",
        }
    }
    estimate = model.estimate_effect(
        found, method_name="backdoor.propensity_score_weighting", target_units="ate", method_params=terms
    )
    error = float(np.ravel(estimate.get_standard_error(method="bootstrap"))[0])
    times.append(time.process_time() - begin)
print(json.dumps([float(estimate.value), error, times[0], min(times[1:]), dowhy.__version__]))
"""
)

WARM = (("score", "att"), ("score", "ate"), ("entropy", "att"), ("entropy", "ate"), ("cbps", "ate"))


def measured(program: str, *arguments: str, python: str = sys.executable) -> list[Any]:
    """Return what a program prints, run in a process of its own."""
    command = [python, "-c", program, *arguments]
    run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found: list[Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def table(dowhy: str | None = None) -> list[str]:
    """Return the lines of the table; without an environment that has dowhy its row says so."""
    lines = [
        "| what | effect (error) | first call, CPU s | warm, CPU s | + MB | note |",
        "|---|---|---|---|---|---|",
    ]
    value, error, cold, best, memory, _ = measured(OURS, "10000", "score", "ate")
    lines.append(
        f"| 10,000 people, logit, everybody | {value:.6f} ({error:.6f}) | {cold:.3f} | {best:.4f} | {memory:.0f} | |"
    )
    if dowhy is None:
        lines.append("| dowhy, bootstrap | | | | | not measured: no environment with dowhy was given |")
    else:
        theirs, spread, first, warm, version = measured(DOWHY, "10000", python=dowhy)
        if abs(theirs - value) > 1e-8 * abs(value):
            raise SystemExit(f"effects differ: {value} and {theirs}")
        lines.append(
            f"| the same, dowhy {version}, bootstrap | {theirs:.6f} ({spread:.6f}) | {first:.2f} | {warm:.2f} | | "
            f"{warm / best:,.0f} times as long |"
        )
    for method, estimand in WARM:
        value, error, cold, best, memory, gap = measured(OURS, "1000000", method, estimand)
        lines.append(
            f"| 1,000,000 people, 10 covariates, {method}, {estimand} | {value:.6f} ({error:.6f}) | {cold:.2f} | {best:.2f} | "
            f"{memory:.0f} | largest difference of means {gap:.1e} SD |"
        )
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(*sys.argv[1:])) + "\n")
