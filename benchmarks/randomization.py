"""Time randomization inference beside pyfixest's ``ritest``: 2,000 people, five covariates, one coefficient.

Every row is a process of its own, warm (its first call apart) and cold (that first call). pyfixest lives in another
environment: ``python benchmarks/randomization.py /path/to/python``. Answers are checked before times count: the p-values
agree within Monte Carlo error.
"""

import json
import subprocess
import sys
from math import sqrt
from typing import Any

DRAWN = """
import json, resource, sys, time
import numpy as np, pandas as pd
rng = np.random.default_rng(3)
size = 2_000
x = rng.normal(size=(size, 5))
assigned = rng.permutation(np.repeat([0, 1], size // 2))
y = x.sum(axis=1) + 0.07 * assigned + rng.normal(size=size)
block = np.arange(size) % 20
times = []
"""

OURS = """
from counterfoil.estimators.trials.randomization import randomize
for _ in range(6):
    begin = time.perf_counter()
    found = randomize(y, assigned, draws=9_999, seed=1{terms})
    interval = found.interval()
    times.append(time.perf_counter() - begin)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps([float(found.p_values[0]), 9_999, times[0], min(times[1:]), memory]))
"""

TERMS = {
    "difference": ", covariates=x",
    "studentized": ", covariates=x, statistic='studentized'",
    "difference, 20 blocks": ", covariates=x, blocks=block",
}

PEER = """
import warnings
warnings.simplefilter("ignore")
import pyfixest as pf
frame = pd.DataFrame(x, columns=[f"x{j}" for j in range(5)]).assign(y=y, w=assigned.astype(float))
fit = pf.feols("y ~ w + x0 + x1 + x2 + x3 + x4", frame)
draws = 999
for _ in range(3):
    begin = time.perf_counter()
    found = fit.ritest("w", reps=draws, rng=np.random.default_rng(1), type="randomization-c", choose_algorithm="CHOSEN")
    times.append(time.perf_counter() - begin)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps([float(found["Pr(>|t|)"]), draws, times[0], min(times[1:]), memory, pf.__version__]))
"""

ALGORITHMS = ("auto", "slow")
"""How ``ritest`` may go about it: by default (compiled where it can), and by refitting."""


def measured(program: str, python: str = sys.executable) -> list[Any]:
    """Return what a program prints, run in a process of its own."""
    run = subprocess.run([python, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    found: list[Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def table(pyfixest: str | None = None) -> list[str]:
    """Return the lines of the table; without an environment that has pyfixest its rows say so."""
    ours = {name: measured(DRAWN + OURS.replace("{terms}", terms)) for name, terms in TERMS.items()}
    lines = ["| what | p | ms a draw, warm | first call, s | peak MB | note |", "|---|---|---|---|---|---|"]
    p, draws, _, warm, _ = ours["difference"]
    for name, (value, count, cold, best, memory) in ours.items():
        lines.append(
            f"| 9,999 draws, 2,000 people, five covariates, {name} | {value:.4f} | {1e3 * best / count:.3f} | {cold:.2f} | "
            f"{memory:.0f} | {best:.2f} s with its interval |"
        )
    if pyfixest is None:
        return [*lines, "| pyfixest ritest | | | | | not measured: no environment with pyfixest was given |"]
    for algorithm in ALGORITHMS:
        value, count, cold, best, memory, version = measured(DRAWN + PEER.replace("CHOSEN", algorithm), pyfixest)
        if abs(value - p) > 4 * sqrt(p * (1 - p) * (1 / count + 1 / draws)) + 1 / count:
            raise SystemExit(f"p-values differ: {p} and {value}")
        ratio = best / count / (warm / draws)
        lines.append(
            f"| the same, pyfixest {version} ritest, {algorithm} | {value:.4f} | {1e3 * best / count:.3f} | {cold:.2f} | "
            f"{memory:.0f} | {count} draws; {ratio:,.0f} times as long a draw |"
        )
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(sys.argv[1] if len(sys.argv) > 1 else None)) + "\n")
