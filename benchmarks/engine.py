"""Time the contribution engine: many providers, the augmented path beside DoubleML's APOS, and multiplier draws.

Every row is a process of its own. A peer may live in another environment: ``--doubleml /path/to/python``.
"""

import json
import subprocess
import sys
from typing import Any

MANY = """
import json, resource, time
import numpy as np, pandas as pd
from counterfoil.attribution import RULES, attribute
from counterfoil.datasets import Study
from counterfoil.estimators import Contribution

people, players = 100_000, 100
rng = np.random.default_rng(0)
served = rng.random((people, players)) < 0.03
x = rng.normal(size=people)
row, column = np.nonzero(served)
names = np.array([f"p{j:03d}" for j in range(players)])
start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, len(row)), unit="D")
services = pd.DataFrame({"person": row, "provider": names[column], "dose": rng.integers(1, 9, len(row)), "start": start})
value = x + served @ rng.normal(0.2, 0.1, players) + rng.normal(size=people)
study = Study.from_tables(
    pd.DataFrame({"person": np.arange(people), "x": x}), services=services,
    outcomes=pd.DataFrame({"person": np.arange(people), "outcome": "y", "value": value}),
)
terms = {
    "owen": {"unions": [names[k : k + 10].tolist() for k in range(0, players, 10)]},
    "stage_respecting": {"stages": [names[:50].tolist(), names[50:].tolist()]},
    "fixed": {"fractions": dict.fromkeys(names.tolist(), "0.01")},
    "plurality": {"ties": "equal"},
}
begin = time.perf_counter()
fit = Contribution(covariates=("x",), model="pairwise", target="population", vcov="HC3").fit(study)
fitted = time.perf_counter() - begin
for rule in RULES:
    shares = attribute(fit, rule, **terms.get(rule, {}))
    shares.joint.interval(simultaneous=True)
whole = time.perf_counter() - begin
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps([fitted, whole, memory, len(RULES), fit.surface.rank]))
"""

DRAWN = """
import json, sys, time
import numpy as np, pandas as pd
rng = np.random.default_rng(1)
size = 5_000
x = rng.normal(size=(size, 2))
pattern = np.array([[mask >> j & 1 for j in range(3)] for mask in range(8)])
log_weight = -(0.35 + 0.3 * x[:, [0]]) * pattern.sum(axis=1) + 0.3 * pattern[:, 1] * x[:, [1]]
chance = np.exp(log_weight)
cumulative = (chance / chance.sum(axis=1, keepdims=True)).cumsum(axis=1)
arm = (rng.random((size, 1)) > cumulative).sum(axis=1).clip(0, 7)
served = pattern[arm]
y = 1 + x[:, 0] + served @ [0.5, 0.3, 0.1] + rng.normal(size=size)
frame = pd.DataFrame({"a": served[:, 0], "b": served[:, 1], "c": served[:, 2], "x1": x[:, 0], "x2": x[:, 1], "y": y})
"""

AUGMENTED = (
    DRAWN
    + """
from counterfoil.attribution import attribute
from counterfoil.datasets import Study
from counterfoil.estimators import Contribution
study = Study.from_frame(frame, providers=["a", "b", "c"], outcomes=["y"])
spec = Contribution(covariates=("x1", "x2"), design="unconfounded", model="saturated", effects_by_covariates=True)
times = []
for _ in range(6):
    begin = time.perf_counter()
    attribute(spec.fit(study)).tidy()
    times.append(time.perf_counter() - begin)
print(json.dumps([min(times[1:])]))
"""
)

APOS = (
    DRAWN
    + """
import warnings
warnings.simplefilter("ignore")
import doubleml as dml
from sklearn.linear_model import LinearRegression, LogisticRegression
data = dml.DoubleMLData(frame[["x1", "x2", "y"]].assign(arm=arm), "y", "arm", ["x1", "x2"])
times = []
for _ in range(3):
    begin = time.perf_counter()
    learners = LinearRegression(), LogisticRegression(C=np.inf)
    dml.DoubleMLAPOS(data, *learners, treatment_levels=list(range(8)), n_folds=2).fit()
    times.append(time.perf_counter() - begin)
print(json.dumps([min(times), dml.__version__]))
"""
)

MULTIPLIER = """
import json, time
import numpy as np
from counterfoil.estimators import Estimate
rng = np.random.default_rng(0)
people, sites = 1_000_000, 1_000
estimate = Estimate(
    terms=("a", "b", "c", "gain"), values=np.zeros(4), influence=rng.normal(size=(people, 4)), ids=np.arange(people),
    clusters=rng.integers(0, sites, people), error_type="CR0", outcome="y", estimand="credit", people=people,
    population="people",
)
times = []
for _ in range(4):
    begin = time.perf_counter()
    estimate.draws(999, seed=1)
    times.append(time.perf_counter() - begin)
print(json.dumps([min(times[1:])]))
"""


def measured(program: str, python: str = sys.executable) -> list[Any]:
    """Return what a program prints, run in a process of its own."""
    run = subprocess.run([python, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    found: list[Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def table(doubleml: str | None = None) -> list[str]:
    """Return the lines of the table; without an environment that has DoubleML the peer's row says so."""
    fitted, whole, memory, rules, rank = measured(MANY)
    (augmented,), (draws,) = measured(AUGMENTED), measured(MULTIPLIER)
    peer = "| the same eight arms, DoubleML APOS | not measured | no environment with DoubleML was given |"
    if doubleml is not None:
        seconds, version = measured(APOS, doubleml)
        peer = (
            f"| the same eight arms, DoubleML {version} APOS, 2 folds, linear and logit | {seconds:.2f} | "
            f"{seconds / augmented:,.0f} times as long; arms only, no credits |"
        )
    return [
        "| what | seconds | note |",
        "|---|---|---|",
        f"| 100 providers, 100,000 people, {rank:,} columns: fit | {fitted:.1f} | pairwise, HC3, future people |",
        f"| and all {rules} rules with joint intervals | {whole:.1f} | fit included; peak {memory:.1f} GB; no sampling |",
        f"| 5,000 people, eight patterns, augmented, Shapley with shares | {augmented:.3f} | fit included |",
        peer,
        f"| 999 cluster multiplier draws, a million people, 1,000 sites, four values | {draws:.3f} | |",
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(sys.argv[1] if len(sys.argv) > 1 else None)) + "\n")
