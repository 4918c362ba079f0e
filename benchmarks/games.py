"""Time exact Shapley values of a finished game against other packages, and print a Markdown table.

Every package divides the same table of worths, each in a process of its own with one thread; values are compared. Times
are the best of five runs, of peers the best of three up to 14 players and of one beyond. A peer may live in another
environment: ``python benchmarks/games.py --shapiq /path/to/python --dowhy /path/to/python``.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass

SIZES = (8, 10, 12, 14, 16, 18, 20, 22, 24)
PEERS = ("shapiq", "dowhy")
PATIENCE = 600.0

OURS = """
from counterfoil.attribution import shapley_values as solve
"""

SHAPIQ = """
from shapiq import ExactComputer
def solve(v):
    players = v.size.bit_length() - 1
    bits = 1 << np.arange(players)
    values = ExactComputer(n_players=players, game=lambda coalitions: v[coalitions @ bits])("SV")
    return np.array([values[(j,)] for j in range(players)])
"""

DOWHY = """
import dowhy.gcm.shapley as s
from dowhy.gcm import config
config.disable_progress_bars()
def solve(v):
    players = v.size.bit_length() - 1
    bits = 1 << np.arange(players)
    terms = s.ShapleyConfig(approximation_method=s.ShapleyApproximationMethods.EXACT, n_jobs=1)
    return s.estimate_shapley_values(lambda subset: v[int(np.asarray(subset) @ bits)], players, terms)
"""

RUN = """
import json, sys, time, warnings
import numpy as np
from importlib.metadata import version
warnings.simplefilter("ignore")
players, runs = int(sys.argv[1]), int(sys.argv[2])
v = np.random.default_rng(players).normal(size=1 << players)
solve(v[:8])
times = []
for _ in range(runs):
    start = time.perf_counter()
    values = solve(v)
    times.append(time.perf_counter() - start)
print(json.dumps([min(times), np.asarray(values).tolist(), version(sys.argv[3])]))
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of the best run, the values, and the package's version."""

    seconds: float
    values: list[float]
    version: str


def timed(python: str, program: str, package: str, players: int, runs: int, limit: float) -> Run | None:
    """Return one package's time on the game of so many players; None when it takes longer than the limit."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [python, "-c", program + RUN, str(players), str(runs), package]
    try:
        run = subprocess.run(  # noqa: S603
            command, check=True, capture_output=True, text=True, timeout=limit, env={**os.environ, **threads}
        )
    except subprocess.TimeoutExpired:
        return None
    return Run(*json.loads(run.stdout.splitlines()[-1]))


def installed(python: str, package: str) -> bool:
    """Tell whether an environment has a package."""
    return subprocess.run([python, "-c", f"import {package}"], check=False, capture_output=True).returncode == 0  # noqa: S603


def growth(times: dict[int, float], players: int) -> float:
    """Extrapolate to more players by the growth between the last two sizes measured."""
    (before, first), (last, second) = sorted(times.items())[-2:]
    return float(second * (second / first) ** ((players - last) / (last - before)))


def table(pythons: dict[str, str], limit: float, largest: int) -> list[str]:
    """Return the lines of the table, with a note for each peer that is not there."""
    programs = {"shapiq": SHAPIQ, "dowhy": DOWHY}
    found = {name: installed(pythons[name], name) for name in PEERS}
    notes = [
        f"{name} is not installed in the environment given, so it was not measured."
        for name in PEERS
        if not found[name]
    ]
    times: dict[str, dict[int, float]] = {name: {} for name in PEERS}
    versions, rows, furthest = {}, [], 0.0
    for players in (size for size in SIZES if size <= largest):
        ours = timed(sys.executable, OURS, "counterfoil", players, 5, PATIENCE)
        if ours is None:
            raise TimeoutError(f"{players} players took more than {PATIENCE:.0f} s")
        versions["counterfoil"] = ours.version
        cells = [f"{players}", f"{1e3 * ours.seconds:.3g} ms"]
        for name in PEERS:
            known = times[name]
            within = len(known) < 2 or growth(known, players) < limit
            run = (
                timed(pythons[name], programs[name], name, players, 3 if players <= 14 else 1, limit)
                if found[name] and within
                else None
            )
            if run is not None:
                known[players] = run.seconds
                versions[name] = run.version
                furthest = max(furthest, *(abs(a - b) for a, b in zip(run.values, ours.values, strict=True)))
                cells += [f"{run.seconds:.3g} s", f"{run.seconds / ours.seconds:,.0f}"]
            elif len(known) >= 2:
                guess = growth(known, players)
                cells += [f"({guess:.3g} s, extrapolated)", f"({guess / ours.seconds:,.0f})"]
            else:
                cells += ["not installed" if not found[name] else "not measured", ""]
        rows.append(f"| {' | '.join(cells)} |")
        sys.stderr.write(rows[-1] + "\n")
    head = [
        f"Python {platform.python_version()}, {', '.join(f'{k} {v}' for k, v in versions.items())}; one thread.",
        "",
    ]
    head += ["| players | counterfoil | shapiq exact | ratio | dowhy EXACT | ratio |", "|---|---|---|---|---|---|"]
    notes += [f"Largest difference between the values of any two packages: {furthest:.1e}."]
    if any("extrapolated" in row for row in rows):
        notes += [f"Extrapolated: not run within {limit:.0f} s; by the growth between the last two sizes measured."]
    return [*head, *rows, "", *notes]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in PEERS:
        parser.add_argument(f"--{name}", default=sys.executable, help=f"Python of the environment that has {name}")
    parser.add_argument("--limit", type=float, default=180.0, help="seconds that a peer may take for one game")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="players of the largest game")
    terms = parser.parse_args()
    pythons = {name: getattr(terms, name) for name in PEERS}
    sys.stdout.write("\n".join(table(pythons, terms.limit, terms.largest)) + "\n")


if __name__ == "__main__":
    main()
