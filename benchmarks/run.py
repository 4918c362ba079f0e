"""Time the program as a user meets it and write docs/benchmarks.md: ``make bench``.

Each row is the best of several fresh processes, since a shared machine only ever adds time. The last rows read and
check a large study: a million people, ten million outcome rows.
"""

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import doubly_robust
import engine
import games
import matching
import numpy as np
import panels
import randomization
import settle
import staggered
import weighting

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PROGRAM = [sys.executable, "-c", "import sys; from counterfoil.cli import main; main(sys.argv[1:])"]
ROWS = {
    "python alone": [sys.executable, "-c", "pass"],
    "import counterfoil": [sys.executable, "-c", "import counterfoil"],
    "counterfoil --help": [*PROGRAM, "--help"],
    "import pandas (for comparison)": [sys.executable, "-c", "import pandas"],
    "import statsmodels.api (for comparison)": [sys.executable, "-c", "import statsmodels.api"],
    **{f"counterfoil demo {name}": [*PROGRAM, "demo", name] for name in ("rice", "nsw", "rossi", "cradle", "rollout")},
}


def seconds(command: list[str], runs: int = 5) -> float:
    """Return the shortest wall time of several runs, after one that warms the file cache."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        times.append(time.perf_counter() - start)
    return min(times[1:])


def write_large_study(folder: Path, people: int = 1_000_000, periods: int = 10) -> None:
    """Write a study of many people, each with one outcome a period."""
    rng = np.random.default_rng(0)
    ids = [f"p{number:07d}" for number in range(people)]
    with (folder / "people.csv").open("w") as file:
        file.write("person,site,age,assigned\n")
        file.writelines(f"{person},s{k % 200},{k % 60 + 20},{k % 2}\n" for k, person in enumerate(ids))
    with (folder / "services.csv").open("w") as file:
        file.write("person,provider,start,end\n")
        file.writelines(f"{person},prov{k % 7},2024-01-05,2024-03-01\n" for k, person in enumerate(ids) if k % 3)
    with (folder / "outcomes.csv").open("w") as file:
        file.write("person,outcome,period,value\n")
        for period in range(periods):
            values = rng.normal(size=people).round(4).tolist()
            file.writelines(f"{person},days,{period},{value}\n" for person, value in zip(ids, values, strict=True))


READ = """
import resource, sys, time
import counterfoil as cf
start = time.perf_counter()
study = cf.read_study(sys.argv[1])
print(study.n_people, len(study.outcomes), time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def large_study() -> str:
    """Return a row: seconds and peak memory of reading and checking a large study, in a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        write_large_study(Path(name))
        run = subprocess.run([sys.executable, "-c", READ, name], check=True, capture_output=True, text=True)  # noqa: S603
    people, rows, wall, memory = (float(word) for word in run.stdout.split())
    return f"| read and check {people:,.0f} people, {rows:,.0f} outcome rows (peak {memory:.1f} GB) | {wall:.1f} |"


def program_table() -> list[str]:
    """Return the rows of the program as a user meets it."""
    lines = ["Wall seconds, best of five fresh processes.", "", "| what | seconds |", "|---|---|"]
    for name, command in ROWS.items():
        lines.append(f"| {name} | {seconds(command):.2f} |")
        sys.stderr.write(lines[-1] + "\n")
    return [*lines, large_study()]


def kept(page: str) -> dict[str, list[str]]:
    """Return the sections of a page that was written before, by their title."""
    parts = page.split("\n## ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2].strip().splitlines() for part in parts}


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    for peer in (
        "shapiq",
        "dowhy",
        "doubleml",
        "pyfixest",
        "linearmodels",
        "csdid",
        "moderndid",
        "causalml",
        "causallib",
    ):
        parser.add_argument(f"--{peer}", metavar="PYTHON", help=f"an interpreter that has {peer}, to time beside ours")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds that a peer may take on one game")
    parser.add_argument("--only", default="", help="measure sections whose title holds this, and keep the others")
    asked = parser.parse_args()
    pythons = {"shapiq": asked.shapiq or sys.executable, "dowhy": asked.dowhy or sys.executable}
    regressions = {"pyfixest": asked.pyfixest, "linearmodels": asked.linearmodels}
    comparisons = {"causalml": asked.causalml, "dowhy": asked.dowhy, "causallib": asked.causallib}
    sections: dict[str, Callable[[], list[str]]] = {
        "The program": program_table,
        "The contribution engine": lambda: engine.table(asked.doubleml),
        "Doubly robust effects": lambda: [doubly_robust.WORKLOAD, "", *doubly_robust.table(asked.doubleml)],
        "Staggered adoption": lambda: [staggered.WORKLOAD, "", *staggered.table(asked.csdid, asked.moderndid)],
        "Regressions on panels": lambda: [panels.WORKLOAD, "", *panels.table(regressions)],
        "Matching": lambda: matching.table(comparisons),
        "Randomization inference": lambda: randomization.table(asked.pyfixest),
        "Weighting": lambda: weighting.table(asked.dowhy),
        "Counting and settling": settle.table,
        "Exact Shapley values of a finished game": lambda: games.table(pythons, asked.limit, 24),
    }
    before = kept(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "pydantic", "typer", "statsmodels"))
    lines = ["# Benchmarks", "", f"Python {platform.python_version()}, {packages}."]
    for title, measure in sections.items():
        found = measure() if asked.only in title else before.get(title, ["Not measured yet."])
        lines += ["", f"## {title}", "", *found]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
