"""Time nearest-neighbour matching beside causalml, dowhy and causallib: one process a package, the answer checked before the time.

``python benchmarks/matching.py --causalml PYTHON --dowhy PYTHON --causallib PYTHON``: each peer may live in an environment of its
own; one that is not given is not measured. Everybody draws the same people; reading the frame and fitting the score are part of
every time, so that ours is `Study.from_frame` and `Matching.build`. A peer's pairs (or, where it shows none, its effect) are held
against ours, and ours against a search through everybody.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Final

DRAWN: Final = """
import json, resource, time, warnings, logging
import numpy as np
import pandas as pd
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
size, calls, half = {size}, {calls}, {half}
rng = np.random.default_rng(0)
place = rng.normal(size=(size, 5))
index = place @ [0.5, 0.3, -0.2, 0.1, 0.0]
latent = index - 0.8 + rng.logistic(size=size)
treated = (latent > (np.median(latent) if half else 0)).astype(int)
names = list("abcde")
frame = pd.DataFrame((place - place.mean(axis=0)) / place.std(axis=0), columns=names)
frame["t"] = treated
frame["y"] = index + treated + rng.normal(size=size)
del place, index, latent
"""
"""What every process draws first."""

TIMED: Final = """
def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1e3
times, memory = [], 0.0
for _ in range(calls):
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    before, begin = status("VmRSS"), time.process_time()
    made = run(frame)
    times.append(time.process_time() - begin)
    memory = max(memory, status("VmHWM") - before)
print(json.dumps({"cold": times[0], "warm": min(times), "memory": memory, "version": version, **answer(made)}))
"""
"""Times ``run(frame)``; ``answer(made)`` gives pairs, each focal person's partner or -1, or an effect."""

OURS: Final = """
import counterfoil
from counterfoil.datasets import Study
from counterfoil.estimators.matching.matching import Matching
version = counterfoil.__version__
design = Matching(treated="t", outcome="y", covariates=names, {terms})
def run(frame):
    study = Study.from_frame(frame, outcomes=["y"])
    return {run}
def answer(made):
    matched = getattr(made, "comparison", made)
    focal, partner, _, _ = matched.matches.rows()
    pairs = np.full(size, -1)
    pairs[focal] = partner
    effect = matched.effect()
    return {{"pairs": pairs[treated == 1].tolist(), "effect": float(effect.values[0]), "error": float(effect.std_error[0]),
            "brute": brute(matched, pairs)}}
"""

BY_ARRAYS: Final = """
import counterfoil
from counterfoil.estimators.comparisons.score import fit_score
from counterfoil.estimators.matching.metric import in_deviations
from counterfoil.estimators.matching.nearest import match_nearest
version = counterfoil.__version__
columns = frame[names].to_numpy()
codes = frame["t"].to_numpy()
def run(frame):
    score = in_deviations(fit_score(codes, columns).treated)
    return score, match_nearest(codes == 1, score, {terms})
def answer(made):
    focal, partner, _, _ = made[1].matches.rows()
    pairs = np.full(size, -1)
    pairs[focal] = partner
    return {{"pairs": pairs[treated == 1].tolist(), "brute": None}}
"""

IN_SPACE: Final = """
import counterfoil
from counterfoil.estimators.matching.nearest import match_nearest
version = counterfoil.__version__
def run(frame):
    columns, one = frame[names].to_numpy(), frame["t"].to_numpy() == 1
    within = (np.cov(columns[one], rowvar=False) + np.cov(columns[~one], rowvar=False)) / 2
    return match_nearest(one, np.linalg.solve(np.linalg.cholesky(within), columns.T).T, replace=True)
def answer(made):
    focal, partner, _, _ = made.matches.rows()
    pairs = np.full(size, -1)
    pairs[focal] = partner
    return {"pairs": pairs[treated == 1].tolist(), "brute": None}
"""

NO_BRUTE: Final = """
def brute(matched, pairs):
    return None
"""

BRUTE: Final = """
from counterfoil.estimators.matching.line import grid
def brute(matched, pairs):
    keys, limit = grid(matched.places[:, 0], None, design.caliper)
    others = np.flatnonzero(treated == 0)
    far, free = keys[others].astype(float), np.ones(len(others), dtype=bool)
    for person in np.flatnonzero(treated == 1).tolist():
        distance = np.abs(far - keys[person])
        nearest = int(distance.argmin())
        wanted = int(others[nearest]) if distance[nearest] <= limit else -1
        if wanted >= 0:
            far[nearest] = np.inf
        if pairs[person] != wanted:
            return False
    return True
"""
"""Everybody looks through all who are free: O(n²)."""

CAUSALML: Final = """
from importlib.metadata import version as installed
from causalml.match import NearestNeighborMatch
from sklearn.linear_model import LogisticRegression
version = installed("causalml")
def run(frame):
    frame = frame.copy()
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(frame[names], frame["t"])
    frame["score"] = model.predict_proba(frame[names])[:, 1]
    matcher = NearestNeighborMatch({terms})
    matcher.match(frame, treatment_col="t", score_cols=["score"])
    return matcher
def answer(made):
    pairs = np.full(size, -1)
    pairs[made.matched_indexes_["from"].to_numpy()] = made.matched_indexes_["to"].to_numpy()
    return {{"pairs": pairs[treated == 1].tolist()}}
"""

DOWHY: Final = """
from importlib.metadata import version as installed
from dowhy import CausalModel
from sklearn.linear_model import LogisticRegression
version = installed("dowhy")
def run(frame):
    model = CausalModel(frame, treatment="t", outcome="y", common_causes=names)
    found = model.identify_effect(proceed_when_unidentifiable=True)
    score = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12)
    asked = {"init_params": {"propensity_score_model": score}}
    name = "backdoor.propensity_score_matching"
    return model.estimate_effect(found, method_name=name, target_units="att", method_params=asked)
def answer(made):
    return {"effect": float(made.value)}
frame["t"] = frame["t"].astype(bool)
"""

CAUSALLIB: Final = """
from importlib.metadata import version as installed
from causallib.estimation import Matching
version = installed("causallib")
def run(frame):
    matcher = Matching(matching_mode="treatment_to_control")
    matcher.fit(frame[names], frame["t"], frame["y"])
    return matcher.match(frame[names], frame["t"])
def answer(made):
    people = frame.index[treated == 1]
    return {"pairs": [int(found[0]) for found in made.loc[0].loc[people, "matches"]]}
"""


@dataclass(frozen=True, slots=True)
class Workload:
    """One job, what runs it here and in each peer, and how much faster and lighter it is to be.

    Parameters
    ----------
    name : str
    ours : str
        A program that defines ``run``, ``answer`` and ``version``.
    size, calls : int
        People, and timed calls of ours.
    peers : dict of str to str
        Programs by package.
    targets : dict of str to float
        Times as long as ours that each peer is to take.
    seconds, megabytes : float
        How long ours may take and how much memory above the data, or 0 where no target is set.
    half : bool
        Whether half are treated, so that causallib's mean of the groups' covariances is the pooled one.
    """

    name: str
    ours: str
    size: int
    calls: int
    peers: dict[str, str] = field(default_factory=dict)
    targets: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    megabytes: float = 0.0
    half: bool = False


ONCE: Final = 'distance="score", caliper=0.2, order="data"'
LARGEST: Final = 'distance="score", caliper=0.2'
AGAIN: Final = 'distance="score", replace=True'
BUILD: Final = "design.build(study)"
ML_ONCE: Final = CAUSALML.format(terms="caliper=0.2, replace=False, shuffle=False")
ML_AGAIN: Final = CAUSALML.format(terms="caliper=1e9, replace=True")
WORKLOADS: Final = (
    Workload(
        "1:1, used once, caliper, 100,000 people",
        BRUTE + OURS.format(terms=ONCE, run=BUILD),
        100_000,
        5,
        {"causalml": ML_ONCE},
        {"causalml": 200.0},
    ),
    Workload(
        "the same, 1,000,000 people", NO_BRUTE + OURS.format(terms=ONCE, run=BUILD), 1_000_000, 3, {}, {}, 2.0, 200.0
    ),
    Workload(
        "the same from arrays (`match_nearest`)",
        BY_ARRAYS.format(terms="caliper=0.2"),
        1_000_000,
        3,
        {},
        {},
        2.0,
        200.0,
    ),
    Workload(
        "1:1, used again, 1,000,000 people",
        NO_BRUTE + OURS.format(terms=AGAIN, run=BUILD),
        1_000_000,
        3,
        {"causalml": ML_AGAIN, "dowhy": DOWHY},
        {"causalml": 1.5, "dowhy": 3.5},
        0.0,
        150.0,
    ),
    Workload(
        "the same, with effect and error (peers: as above)",
        NO_BRUTE + OURS.format(terms=AGAIN, run="design.fit(study)"),
        1_000_000,
        3,
    ),
    Workload(
        "the same from arrays (`match_nearest`)",
        BY_ARRAYS.format(terms="replace=True"),
        1_000_000,
        3,
        {},
        {},
        0.0,
        150.0,
    ),
    Workload(
        "nearest by Mahalanobis in five dimensions, used again, 10,000 people, half treated",
        NO_BRUTE + OURS.format(terms='distance="mahalanobis", replace=True', run=BUILD),
        10_000,
        5,
        {"causallib": CAUSALLIB},
        {"causallib": 100.0},
        half=True,
    ),
    Workload(
        "the same from arrays, whitened (`match_nearest`)",
        IN_SPACE,
        10_000,
        5,
        {"causallib": CAUSALLIB},
        {"causallib": 100.0},
        half=True,
    ),
)
WORKLOAD: Final = (
    "Five covariates, a third treated; the score is fitted and the frame read within the time. CPU seconds in a process of its own, "
    "the fastest call; MB is the peak beside the data."
)


def measured(program: str, python: str, work: Workload, calls: int) -> dict[str, Any]:
    """Return what a program prints in a process of its own."""
    drawn = DRAWN.format(size=work.size, calls=calls, half=work.half)
    # Threads that wait for each other would count as time of whoever waits.
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [python, "-c", drawn + program + TIMED]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **one})  # noqa: S603
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def agrees(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Tell whether a peer made our pairs, but for one in a thousand near ties; or our effect, within a tenth of its error."""
    if "pairs" in theirs:
        same = sum(one == other for one, other in zip(ours["pairs"], theirs["pairs"], strict=True))
        return bool(same >= 0.999 * len(ours["pairs"]))
    return bool(abs(ours["effect"] - theirs["effect"]) <= 0.1 * ours["error"])


def rows(work: Workload, pythons: dict[str, str | None]) -> list[str]:
    """Return the lines of one workload.

    Raises
    ------
    ValueError
        When a peer's answer is not ours, or ours is not that of a search through everybody: then there is nothing to time.
    """
    ours = measured(work.ours, sys.executable, work, work.calls)
    if ours["brute"] is False:
        raise ValueError(f"our pairs are not those of a search through everybody on {work.name}: nothing to time")
    said = ["every pair as by search through everybody"] if ours["brute"] else []
    if work.seconds:
        said.append(f"target {work.seconds:g} s: {'met' if ours['warm'] <= work.seconds else 'not met'}")
    if work.megabytes:
        said.append(f"target {work.megabytes:g} MB: {'met' if ours['memory'] <= work.megabytes else 'not met'}")
    lines = [_line(work.name, "counterfoil", ours, "; ".join(said))]
    for name, program in work.peers.items():
        python = pythons[name]
        if python is None:
            lines.append(f"| {work.name} | {name} | | | | not measured: no environment was given |")
            continue
        theirs = measured(program, python, work, 1 if "replace=False" in program else 2)
        if not agrees(ours, theirs):
            raise ValueError(f"{name} does not agree on {work.name}: nothing to time")
        ratio, target = theirs["warm"] / ours["warm"], work.targets[name]
        said_of = f"{ratio:.3g} times as long; target {target:g}: {'met' if ratio >= target else 'not met'}"
        lines.append(_line(work.name, name, theirs, said_of))
    return lines


def _line(what: str, package: str, found: dict[str, Any], said: str) -> str:
    times = f"{found['cold']:.3g} | {found['warm']:.3g} | +{found['memory']:.0f}"
    return f"| {what} | {package} {found['version']} | {times} | {said} |"


def table(pythons: dict[str, str | None], only: str = "") -> list[str]:
    """Return the lines of the table."""
    head = ["| what | package | cold, CPU s | warm, CPU s | MB | |", "|---|---|---|---|---|---|"]
    return [WORKLOAD, "", *head, *(line for work in WORKLOADS if only in work.name for line in rows(work, pythons))]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("causalml", "dowhy", "causallib"):
        parser.add_argument(f"--{name}", metavar="PYTHON", help=f"an interpreter that has {name}")
    parser.add_argument("--only", default="", help="measure workloads whose name holds this")
    given = parser.parse_args()
    pythons = {"causalml": given.causalml, "dowhy": given.dowhy, "causallib": given.causallib}
    sys.stdout.write("\n".join(table(pythons, given.only)) + "\n")


if __name__ == "__main__":
    main()
