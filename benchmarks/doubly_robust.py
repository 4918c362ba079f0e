"""Seconds and memory of cross-fitted doubly robust effects, beside the packages that also estimate them.

``python benchmarks/doubly_robust.py [peers' python]`` prints the table. A million people, ten covariates, linear outcome models and a
logit, five random folds that ours, doubleml and econml share; then four groups and two outcomes of 5,000 people, of which doubleml's
APOS measures one. Making each package's own data object is included. One process a package, one thread, the same rows; a time
counts only after effects and errors agree. The first call is cold; of three more (twenty, for 5,000 people) the fastest is warm.
Memory is what a call needs beyond what stood before it.
"""

import json
import os
import subprocess
import sys
from typing import Any

PEOPLE = """
import json, time, sys, warnings
import numpy as np, pandas as pd
warnings.simplefilter("ignore")
n, calls = int(sys.argv[1]), int(sys.argv[2])
names = [f"x{k}" for k in range(10)]

def made():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 10))
    frame = pd.DataFrame(x, columns=names)
    frame["t"] = (rng.random(n) < 1 / (1 + np.exp(0.3 - 0.5 * x[:, 0] + 0.3 * x[:, 1]))).astype(int)
    levels = np.cumsum(np.exp(np.outer(x[:, 0], [0.0, 0.3, -0.3, 0.2])), axis=1)
    frame["arm"] = (rng.random((n, 1)) > levels / levels[:, [3]]).sum(axis=1)
    base = x @ rng.normal(size=10)
    frame["y"] = base + frame["t"] + 0.5 * frame["arm"] + rng.normal(size=n)
    frame["z"] = 0.5 * base + frame["arm"] + rng.normal(size=n)
    return frame

frame = made()
fold = np.random.default_rng(4).integers(0, 5, n)
parts = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]

def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1e3

def measured(call):
    times, found, memory = [], None, []
    for _ in range(calls):
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")
        before = status("VmRSS")
        begin = time.process_time()
        found = call()
        times.append(time.process_time() - begin)
        memory.append(status("VmHWM") - before)
    return {"cold": times[0], "warm": min(times[1:]), "memory": max(memory), **found}
"""

OURS = """
import counterfoil
from counterfoil.datasets.study import Study
from counterfoil.estimators.doubly_robust import cross_fitted
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust
cross_fitted.folds = lambda *_: fold
learning = {"outcome": {"name": "linear"}, "repeats": 1}
common = {"covariates": names, "estimand": "ate", "normalize": False, "learning": learning}
name = {"name": "counterfoil", "version": counterfoil.__version__}
"""

OURS_TWO = (
    PEOPLE
    + OURS
    + """
spec = DoublyRobust(outcome="y", treated="t", **common)

def call():
    found = spec.fit(frame).total()
    return {"values": found.values.tolist(), "errors": found.std_error.tolist()}

print(json.dumps(measured(call) | name))
"""
)

OURS_FOUR = (
    PEOPLE
    + OURS
    + """
spec = DoublyRobust(treated="arm", control=0, **common)
people = frame[[*names, "arm"]].assign(person=range(n))
values = frame.assign(person=range(n)).melt("person", ["y", "z"], var_name="outcome", value_name="value")

def call():
    found = spec.build(Study.from_tables(people, outcomes=values)).effects(["y", "z"])
    found.cov()
    return {"values": found.values[:3].tolist(), "errors": found.std_error[:3].tolist()}

print(json.dumps(measured(call) | name))
"""
)

DOUBLEML = """
import doubleml as dml
from sklearn.linear_model import LinearRegression, LogisticRegression
logit = LogisticRegression(C=np.inf, tol=1e-10)
name = {"name": "doubleml", "version": dml.__version__}
"""

DOUBLEML_TWO = (
    PEOPLE
    + DOUBLEML
    + """
def call():
    data = dml.DoubleMLData(frame, "y", "t", names)
    fit = dml.DoubleMLIRM(data, LinearRegression(), logit, n_folds=5, draw_sample_splitting=False)
    fit.set_sample_splitting(parts)
    fit.fit()
    return {"values": fit.coef.tolist(), "errors": fit.se.tolist()}

print(json.dumps(measured(call) | name))
"""
)

DOUBLEML_FOUR = (
    PEOPLE
    + DOUBLEML
    + """
def call():
    data = dml.DoubleMLData(frame[[*names, "arm", "y"]], "y", "arm", names)
    fit = dml.DoubleMLAPOS(
        data, LinearRegression(), logit, treatment_levels=[0, 1, 2, 3], n_folds=5, draw_sample_splitting=False
    )
    fit.set_sample_splitting(parts)
    fit.fit()
    found = fit.causal_contrast(reference_levels=[0])
    return {"values": found.thetas.tolist(), "errors": found.ses.tolist()}

print(json.dumps(measured(call) | name))
"""
)

ECONML_TWO = (
    PEOPLE
    + """
import econml
from econml.dr import LinearDRLearner
from sklearn.linear_model import LinearRegression, LogisticRegression

def call():
    fit = LinearDRLearner(
        model_propensity=LogisticRegression(C=np.inf, tol=1e-10), model_regression=LinearRegression(), cv=parts,
        min_propensity=1e-12,
    )
    fit.fit(frame["y"].to_numpy(), frame["t"].to_numpy(), X=None, W=frame[names].to_numpy())
    found = fit.intercept__inference(T=1)
    return {"values": [float(found.point_estimate)], "errors": [float(found.stderr)]}

print(json.dumps(measured(call) | {"name": "econml", "version": econml.__version__}))
"""
)

WORKLOAD = "Cross-fitted doubly robust effects: five random folds shared by all packages, linear outcome models, logit. CPU seconds in a process of its own with one thread, the making of each package's data object included; warm is the fastest of later calls."
DIGITS = {"doubleml": 1e-6, "econml": 1e-2, "four": 3e-2}


def measured(program: str, people: int, calls: int, python: str = sys.executable) -> dict[str, Any]:
    """Return what a program prints, run in a process of its own with one thread."""
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    run = subprocess.run(  # noqa: S603
        [python, "-c", program, str(people), str(calls)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **one},
    )
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def line(what: str, found: dict[str, Any], ours: dict[str, Any], digits: float, per: float = 1.0) -> str:
    """Return a row of the table; a time only where the effects agree to within ``digits`` standard errors."""
    gap = max(
        abs(a - b) / error
        for a, b, error in zip(ours["values"], found["values"], ours["errors"], strict=True)
    )  # fmt: skip
    name = f"| {what} | {found['name']} {found['version']}"
    if gap > digits:
        return f"{name} | not counted | | | effects differ by {gap:.1e} standard errors |"
    ratio = per * found["warm"] / ours["warm"]
    own = (
        ""
        if found is ours
        else f"{ratio:.1f} times as long{' per outcome' if per != 1.0 else ''}; effects within {gap:.0e} standard errors"
    )
    return f"{name} | {found['cold']:.2f} | {found['warm']:.3f} | {found['memory']:,.0f} | {own} |"


def table(peers: str | None = None) -> list[str]:
    """Return the lines of the table; a peer without an environment has a row that says so."""
    two, four = measured(OURS_TWO, 1_000_000, 4), measured(OURS_FOUR, 5_000, 20)
    million, arms = "a million people, two groups", "5,000 people, four groups"
    lines = ["| what | package | cold, CPU s | warm, CPU s | MB beside | note |", "|---|---|---|---|---|---|"]
    lines.append(line(million, two, two, 0.0))
    for name, program in (("doubleml", DOUBLEML_TWO), ("econml", ECONML_TWO)):
        if peers is None:
            lines.append(f"| {million} | {name} | not measured | | | no environment with it was given |")
        else:
            lines.append(line(million, measured(program, 1_000_000, 4, peers), two, DIGITS[name]))
    lines.append(line(f"{arms}, two outcomes jointly", four, four, 0.0))
    if peers is None:
        lines.append(f"| {arms} | doubleml | not measured | | | no environment with it was given |")
    else:
        # APOS fits one logit a group, ours a multinomial one: effects agree as two models of the same chances do.
        lines.append(line(f"{arms}, one outcome", measured(DOUBLEML_FOUR, 5_000, 6, peers), four, DIGITS["four"], 2.0))
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(*sys.argv[1:])) + "\n")
