"""Time the program as a user meets it and write docs/benchmarks.md: ``make bench``.

Each row is the best of several fresh processes, since a shared machine only ever adds time.
"""

import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PROGRAM = [sys.executable, "-c", "import sys; from counterfoil.cli import main; main(sys.argv[1:])"]
ROWS = {
    "python alone": [sys.executable, "-c", "pass"],
    "import counterfoil": [sys.executable, "-c", "import counterfoil"],
    "counterfoil --help": [*PROGRAM, "--help"],
    "import pandas (for comparison)": [sys.executable, "-c", "import pandas"],
    "import statsmodels.api (for comparison)": [sys.executable, "-c", "import statsmodels.api"],
    **{f"counterfoil demo {name}": [*PROGRAM, "demo", name] for name in ("rice", "nsw", "rossi", "cradle")},
}


def seconds(command: list[str], runs: int = 5) -> float:
    """Return the shortest wall time of several runs, after one that warms the file cache."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main() -> None:
    """Write the table."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "pydantic", "typer", "statsmodels"))
    lines = [
        "# Benchmarks",
        "",
        f"Python {platform.python_version()}, {packages}. Wall seconds, best of five fresh processes.",
        "",
    ]
    lines += ["| what | seconds |", "|---|---|"]
    for name, command in ROWS.items():
        lines.append(f"| {name} | {seconds(command):.2f} |")
        sys.stderr.write(lines[-1] + "\n")
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
