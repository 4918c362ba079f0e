"""Time regressions on panels beside pyfixest and linearmodels: one process a package, the answer checked before the time.

``python benchmarks/panels.py --pyfixest PYTHON --linearmodels PYTHON``: each peer may live in an environment of its own; one
that is not named is not measured, and its row says so. The data are the same shuffled long frame for everybody, and reading
it is part of every time. CPU seconds: cold is the first call, warm the least of the others. Memory is the peak above that
with the data loaded. ``--only NAME`` measures one workload.
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

DRAWN: Final = """
import json, resource, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
units, periods, kept, calls = {units}, 10, {kept}, {calls}
rng = np.random.default_rng(0)
unit, year = np.repeat(np.arange(units), periods), np.tile(np.arange(2001, 2001 + periods), units)
first = rng.choice([2004, 2006, 2008, 0], units)[unit]
frame = pd.DataFrame({{"unit": unit, "year": year, "first": first, "x": rng.normal(size=len(unit))}})
frame["d"] = ((first > 0) & (year >= first)).astype(float)
frame["y"] = rng.normal(size=units)[unit] + 0.1 * year + frame["d"] + 0.5 * frame["x"] + rng.normal(size=len(unit))
frame = frame[rng.random(len(frame)) < kept].sample(frac=1, random_state=1).reset_index(drop=True)
event = np.where(frame["first"] > 0, frame["year"] - frame["first"], -1)
del unit, year, first
"""
"""What every process draws first; ``event`` serves peers that take event times."""

TIMED: Final = """
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
before, times = peak(), []
for _ in range(calls):
    begin = time.process_time()
    values, errors = run(frame)
    times.append(time.process_time() - begin)
print(json.dumps([list(map(float, values)), list(map(float, errors)), times[0], min(times[1:]), peak() - before, version]))
"""
"""Runs ``run(frame)``, which returns values and CR0 errors or errors with a factor near one."""

OURS: Final = """
import counterfoil
from counterfoil.datasets import Panel
from counterfoil.estimators.panels.{module} import {spec} as Spec
version = counterfoil.__version__
def run(frame):
    panel = Panel.from_frame(frame, unit="unit", period="year")
    fit = Spec({terms}).fit(panel).{result}
    return fit.values, fit.std_error
"""

PYFIXEST: Final = """
import pyfixest as pf
version = pf.__version__
def run(frame):
    fit = pf.feols({formula}, frame, vcov={{"CRV1": "unit"}})
    return fit.coef().to_numpy(), fit.se().to_numpy()
"""

PYFIXEST_EVENT: Final = """
import pyfixest as pf
version = pf.__version__
frame["event"] = event
def run(frame):
    fit = pf.feols("y ~ i(event, ref=-1) | unit + year", frame, vcov={"CRV1": "unit"})
    return fit.coef().to_numpy(), fit.se().to_numpy()
"""

PANEL_OLS: Final = """
import linearmodels
from linearmodels.panel import PanelOLS
version = linearmodels.__version__
def run(frame):
    indexed = frame.set_index(["unit", "year"])
    model = PanelOLS(indexed["y"], indexed[["d", "x"]], entity_effects=True, time_effects=True)
    fit = model.fit(cov_type="clustered", cluster_entity=True, auto_df=False, count_effects=False)
    return fit.params.to_numpy(), fit.std_errors.to_numpy()
"""


@dataclass(frozen=True, slots=True)
class Workload:
    """One job, what runs it here and in each peer, and how much faster and lighter it is to be.

    Parameters
    ----------
    name : str
    ours : str
        A program that defines ``run`` and ``version``.
    peers : dict of str to str
        Programs by package.
    targets : dict of str to float
        Times as long as ours that each peer is to take when warm.
    megabytes : float
        How much memory ours may take above the data.
    kept : float
        Part of the rows that are measured.
    """

    name: str
    ours: str
    peers: dict[str, str]
    targets: dict[str, float]
    megabytes: float
    kept: float = 1.0


TWO_WAY: Final = OURS.format(
    module="two_way_fixed_effects",
    spec="TwoWayFixedEffects",
    terms='outcome="y", regressors=("d", "x")',
    result="effects",
)
EVENT: Final = OURS.format(
    module="event_study_regression",
    spec="EventStudyRegression",
    terms='outcome="y", first_treated="first"',
    result="estimate",
)
FORMULA: Final = PYFIXEST.format(formula='"y ~ d + x | unit + year"')
WORKLOADS: Final = (
    Workload(
        "two-way fixed effects, 2 regressors, clusters",
        TWO_WAY,
        {"pyfixest": FORMULA, "linearmodels": PANEL_OLS},
        {"pyfixest": 2.0, "linearmodels": 6.0},
        150.0,
    ),
    Workload(
        "the same, a tenth of the rows not measured",
        TWO_WAY,
        {"pyfixest": FORMULA, "linearmodels": PANEL_OLS},
        {"pyfixest": 2.0, "linearmodels": 6.0},
        150.0,
        0.9,
    ),
    Workload("event study, 13 event times", EVENT, {"pyfixest": PYFIXEST_EVENT}, {"pyfixest": 1.5}, 500.0),
)


WORKLOAD = "900,000 rows (90,000 units in 10 periods), errors by unit; reading the frame included. CPU seconds in a process of its own; warm is the median of later calls, MB the peak beside the data."


def measured(program: str, python: str, workload: Workload, units: int, calls: int) -> list[Any]:
    """Return what a program prints in a process of its own."""
    drawn = DRAWN.format(units=units, kept=workload.kept, calls=calls)
    run = subprocess.run([python, "-c", drawn + program + TIMED], check=True, capture_output=True, text=True)  # noqa: S603
    found: list[Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def agree(ours: Sequence[float], theirs: Sequence[float], relative: float) -> bool:
    """Tell whether two lists of numbers agree."""
    return len(ours) == len(theirs) and all(
        math.isclose(one, other, rel_tol=relative) for one, other in zip(ours, theirs, strict=True)
    )


def rows(workload: Workload, pythons: dict[str, str | None], units: int, calls: int) -> list[str]:
    """Return the lines of one workload.

    Raises
    ------
    ValueError
        When a peer's values or errors are not ours: then there is nothing to time.
    """
    values, errors, cold, warm, memory, version = measured(workload.ours, sys.executable, workload, units, calls)
    said = f"memory {'within' if memory <= workload.megabytes else 'above'} {workload.megabytes:.0f} MB"
    lines = [f"| {workload.name} | counterfoil {version} | {cold:.2f} | {warm:.2f} | +{memory:.0f} | {said} |"]
    for name, program in workload.peers.items():
        python = pythons[name]
        if python is None:
            lines.append(f"| {workload.name} | {name} | | | | not measured: no environment was given |")
            continue
        theirs = measured(program, python, workload, units, calls)
        # Coefficients to rounding; errors to the peers' small-sample factors, which differ in one part in 1e4.
        if not agree(values, theirs[0], 1e-8) or not agree(errors, theirs[1], 2e-4):
            raise ValueError(f"{name} does not agree on {workload.name}: nothing to time")
        ratio, target = theirs[3] / warm, workload.targets[name]
        said = f"{ratio:.1f} times as long; target {target:g}: {'met' if ratio >= target else 'not met'}"
        lines.append(
            f"| {workload.name} | {name} {theirs[5]} | {theirs[2]:.2f} | {theirs[3]:.2f} | +{theirs[4]:.0f} | {said} |"
        )
    return lines


def table(pythons: dict[str, str | None], units: int = 90_000, calls: int = 5, only: str = "") -> list[str]:
    """Return the lines of the table."""
    head = ["| what | package | cold, CPU s | warm, CPU s | MB | |", "|---|---|---|---|---|---|"]
    return [*head, *(line for work in WORKLOADS if only in work.name for line in rows(work, pythons, units, calls))]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("pyfixest", "linearmodels"):
        parser.add_argument(f"--{name}", metavar="PYTHON", help=f"an interpreter that has {name}")
    parser.add_argument("--units", type=int, default=90_000)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--only", default="", help="measure workloads whose name holds this")
    given = parser.parse_args()
    pythons = {"pyfixest": given.pyfixest, "linearmodels": given.linearmodels}
    sys.stdout.write("\n".join(table(pythons, given.units, given.calls, given.only)) + "\n")


if __name__ == "__main__":
    main()
