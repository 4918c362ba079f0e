"""Time counting and settling: thousands of claims, thirty quantities with thirty prices, limits of every scope, four periods."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys, time
from decimal import Decimal
import numpy as np, pandas as pd
from counterfoil.attribution.counting import Count, count_events, periods_of
from counterfoil.attribution.counting.period import PeriodTerms
from counterfoil.attribution.payment import Cap, PayerSplit, UnitPrice, settle
from counterfoil.datasets import Study

lines, prices, people = int(sys.argv[1]), 30, int(sys.argv[1]) // 5
rng = np.random.default_rng(0)
claims = pd.DataFrame({
    "claim": np.arange(lines), "person": rng.integers(0, people, lines),
    "metric": [f"m{k}" for k in rng.integers(0, prices, lines)],
    "date": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1460, lines), unit="D"),
})
study = Study.from_tables(pd.DataFrame({"person": np.arange(people)}), claims=claims)
terms = [{"from": f"{year}-01-01", "to": f"{year}-12-31"} for year in range(2020, 2024)]
periods = {f"y{k}": PeriodTerms.model_validate(each) for k, each in enumerate(terms)}
money = lambda part: (Decimal(lines) * Decimal(part)).quantize(Decimal("0.01"))
clauses = [
    *(UnitPrice(quantity=f"q{k}", price=Decimal("12.34"), to=f"p{k % 3}") for k in range(prices)),
    PayerSplit(payers={"city": Decimal("0.6"), "state": Decimal("0.4")}),
    Cap(cap=Decimal("60.00"), scope="person"), Cap(cap=money("0.3"), scope="quantity", quantity="q0"),
    Cap(cap=money(4), scope="provider", provider="p0"), Cap(cap=money(10), scope="contract"),
]
times = []
for _ in range(6):
    begin = time.perf_counter()
    counted = {f"q{k}": count_events(Count(metric=f"m{k}"), study, periods_of(periods)) for k in range(prices)}
    half = time.perf_counter()
    due = settle(
        dict.fromkeys(periods, clauses), {}, {}, currency="USD", payer="city", quantities=counted,
        cumulative=sys.argv[2] == "cumulative",
    )
    times.append((time.perf_counter() - begin, half - begin))
print(json.dumps([*min(times[1:]), len(due.lines)]))
"""


def table() -> list[str]:
    """Return the lines of the table; every row is a process of its own."""
    rows = ["| what | seconds | of which counting | ledger lines |", "|---|---|---|---|"]
    for claims in (10_000, 100_000):
        for basis in ("period", "cumulative"):
            command = [sys.executable, "-c", PROGRAM, str(claims), basis]
            run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            whole, counting, lines = json.loads(run.stdout.splitlines()[-1])
            what = f"{claims:,} claims, 30 quantities, 30 prices, 4 limits, 4 periods, basis {basis}"
            rows.append(f"| {what} | {whole:.2f} | {counting:.2f} | {lines} |")
    return rows


if __name__ == "__main__":
    sys.stdout.write("\n".join(table()) + "\n")
