"""Measure bias and coverage of every estimator, share and payment and write docs/calibration.md: ``make calibrate``.

A case draws a study with a known truth, and fits it. A later estimator adds a row by adding a case to ``CASES``. Each
draw's stream follows from the case's name and the draw's number, so that any order and any number of processes give the
same table.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import counterfoil as cf
from counterfoil.attribution import attribute
from counterfoil.attribution.payment import Gate, apply_gate
from counterfoil.datasets import Cradle, simulate_cradle
from counterfoil.datasets.cradle import OWN_EFFECT, PAIR, PAIR_EFFECT, PROVIDERS
from counterfoil.estimators import Contribution, Experiment, stack

PAGE = Path(__file__).parents[1] / "docs" / "calibration.md"
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Draw:
    """What one draw of a case gives: values and truth (k,), standard errors (k,), and whether each interval covered.

    ``together`` says whether all simultaneous intervals covered; None where there are none.
    """

    values: FloatArray
    truth: FloatArray
    covered: NDArray[np.bool_] | None = None
    error: FloatArray | None = None
    together: bool | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table: what is measured, how one draw is made, and what its target is."""

    name: str
    what: str
    run: Callable[[int], Draw]
    target: str = "smooth"
    slack: float = 0.0
    """Bias that is allowed beside three Monte Carlo errors, where the truth itself is known to a few digits."""


def measured(estimate: Any, truth: FloatArray) -> Draw:
    """Hold an estimate's intervals against the truth."""
    pointwise, joint = estimate.interval(), estimate.interval(simultaneous=True)
    inside = [(low <= truth) & (truth <= high) for low, high in (pointwise.T, joint.T)]
    return Draw(estimate.values, truth, inside[0], estimate.std_error, bool(inside[1].all()))


def lottery(seed: int, size: int = 200, effect: float = 1.0) -> tuple[pd.DataFrame, float]:
    """Draw a lottery with unequal variances, six blocks of unequal chance, a covariate, and an effect that bends with it."""
    rng = np.random.default_rng(seed)
    block = np.arange(size) % 6
    age = rng.normal(size=size)
    assigned = np.zeros(size, dtype=int)
    for group in range(6):
        people = rng.permutation(np.flatnonzero(block == group))
        assigned[people[: round(len(people) * (0.3 + 0.08 * group))]] = 1
    own = effect * (1 + 0.5 * age)
    outcome = 0.5 * block + age + assigned * own + rng.normal(size=size) * (1 + assigned)
    return pd.DataFrame({"assigned": assigned, "block": block, "age": age, "y": outcome}), float(own.mean())


def villages(seed: int, groups: int, size: int = 12, effect: float = 0.5) -> pd.DataFrame:
    """Draw a lottery over villages whose people share fortunes."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(groups), size)
    assigned = (rng.permutation(groups) < groups // 2)[village].astype(int)
    outcome = effect * assigned + 0.5 * rng.normal(size=groups)[village] + rng.normal(size=groups * size)
    return pd.DataFrame({"assigned": assigned, "village": village, "y": outcome})


def factorial(seed: int, groups: int = 60, size: int = 15) -> tuple[pd.DataFrame, FloatArray]:
    """Draw two overlapping services, the first by village and the second by person; return true credits of the cohort."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(groups), size)
    first = (rng.permutation(groups) < groups // 2)[village]
    second = rng.random(groups * size) < 0.5
    effect = 1.0 * first + 0.5 * second + 0.6 * (first & second)
    outcome = effect + 0.4 * rng.normal(size=groups)[village] + rng.normal(size=groups * size)
    both = (first & second).mean()
    truth = np.array([first.mean() + 0.3 * both, 0.5 * second.mean() + 0.3 * both])
    return pd.DataFrame(
        {"first": first.astype(int), "second": second.astype(int), "village": village, "y": outcome}
    ), truth


def cradle_truth(drawn: Cradle, rule: str) -> FloatArray:
    """Return each provider's true credit under a rule, per child of the cohort drawn."""
    roster = drawn.study.roster(PROVIDERS)
    served = roster.exposure
    both = served[:, PAIR].all(axis=1)
    gain = served @ np.array(OWN_EFFECT) + PAIR_EFFECT * both
    if rule == "shapley":
        return drawn.credits
    if rule == "last_in":
        own = served.mean(axis=0) * np.array(OWN_EFFECT)
        own[list(PAIR)] += PAIR_EFFECT * both.mean()
        return np.asarray(own)
    part = served / np.maximum(served.sum(axis=1, keepdims=True), 1)
    if rule == "dose_split" and roster.dose is not None:
        part = roster.dose / np.maximum(roster.dose.sum(axis=1, keepdims=True), 1)
    return np.asarray((part * gain[:, None]).mean(axis=0))


def cradle(seed: int, model: str, rule: str = "shapley", design: str = "unconfounded") -> Draw:
    """Fit the simulated initiative with need named."""
    drawn = simulate_cradle(seed=seed)
    spec = Contribution.model_validate(
        {"providers": PROVIDERS, "covariates": ("need",), "design": design, "model": model, "vcov": "HC1"}
    )
    return measured(attribute(spec.fit(drawn.study), rule).credits, cradle_truth(drawn, rule))


def cradle_shares(seed: int) -> Draw:
    """Hold the Fieller sets of the shares against the true shares."""
    drawn = simulate_cradle(seed=seed)
    spec = Contribution(providers=PROVIDERS, covariates=("need",), design="unconfounded", model="pairwise")
    frame = attribute(spec.fit(drawn.study)).tidy()[:-1]
    truth = drawn.credits / drawn.credits.sum()
    covered = (frame["share_low"] <= truth) & (truth <= frame["share_high"])
    return Draw(frame["share"].to_numpy(), truth, covered.to_numpy())


def cradle_payments(seed: int) -> Draw:
    """Settle the packaged contract on a new draw; the truth prices the true credits."""
    drawn = simulate_cradle(seed=seed)
    contract = cf.read_contract(cf.datasets.example_folder("cradle") / "contract.yaml")
    uncapped = contract.model_copy(update={"payments": contract.payments[:1]})
    paid = cf.evaluate(uncapped, drawn.study).settlement
    if paid is None:
        raise ValueError("the simulated initiative is always answered")
    price = 30.0 * 0.9 * drawn.study.n_people
    return Draw(np.array([float(paid.by_party()[name]) for name in PROVIDERS]), price * drawn.credits)


def gate_at_nothing(seed: int) -> Draw:
    """Open or shut a gate when there is no effect at all; the truth is the five per cent that the gate allows."""
    total = Experiment(outcome="y", blocks="block").fit(lottery(seed, effect=0.0)[0])
    return Draw(np.array([float(apply_gate(Gate(), total, "higher").passes)]), np.array([0.05]))


def experiment(seed: int, **terms: Any) -> Draw:
    """Fit the lottery."""
    frame, truth = lottery(seed)
    return measured(
        Experiment.model_validate({"outcome": "y", "blocks": "block", **terms}).fit(frame), np.array([truth])
    )


def by_village(seed: int, groups: int, vcov: str = "CR1") -> Draw:
    """Fit the village lottery."""
    return measured(
        Experiment.model_validate({"outcome": "y", "cluster": "village", "vcov": vcov}).fit(villages(seed, groups)),
        np.array([0.5]),
    )


def two_services(seed: int, **terms: Any) -> Draw:
    """Fit two overlapping services."""
    frame, truth = factorial(seed)
    spec = Contribution.model_validate(
        {"outcome": "y", "providers": ("first", "second"), "cluster": "village", **terms}
    )
    return measured(attribute(spec.fit(frame)).credits, truth)


def future_people(seed: int, size: int = 800) -> Draw:
    """Fit two services dealt out by lottery whose effects bend with age; the truth is for people yet to come."""
    rng = np.random.default_rng(seed)
    age, served = rng.normal(size=size), rng.random((size, 2)) < 0.5
    effect = served[:, 0] * (1 + 0.8 * age) + 0.5 * served[:, 1] + 0.6 * served.all(axis=1)
    frame = pd.DataFrame({"first": served[:, 0].astype(int), "second": served[:, 1].astype(int), "age": age})
    frame["y"] = age + effect + rng.normal(size=size)
    spec = Contribution(
        outcome="y", providers=("first", "second"), covariates=("age",), effects_by_covariates=True, target="population"
    )
    return measured(attribute(spec.fit(frame)).credits, np.array([0.5 + 0.3 / 4, 0.25 + 0.3 / 4]))


def weighted(seed: int) -> Draw:
    """Fit a lottery whose people count unequally; the truth is the weighted mean of their effects."""
    rng = np.random.default_rng(seed)
    size = 300
    weight, age, assigned = rng.uniform(0.5, 3.0, size), rng.normal(size=size), rng.integers(0, 2, size)
    own = 1 + 0.4 * weight
    frame = pd.DataFrame({"assigned": assigned, "age": age, "w": weight})
    frame["y"] = age + assigned * own + rng.normal(size=size) * (1 + assigned)
    truth = np.array([np.average(own, weights=weight)])
    return measured(Experiment(outcome="y", weights="w", covariates=("age",)).fit(frame), truth)


def joined(seed: int) -> Draw:
    """Join the effect on everybody and on the young, who are among them; the truth is their difference, nothing."""
    frame, _ = lottery(seed, size=400)
    frame["y"] = frame["age"] + frame["assigned"] + np.random.default_rng(seed + 1).normal(size=len(frame))
    blocks = [Experiment(outcome="y").fit(part) for part in (frame, frame[frame["age"] < 0])]
    difference = stack(blocks, ["all", "young"]).contrast([[1.0, -1.0]], ["difference"])
    return measured(difference, np.zeros(1))


THREE = ("a", "b", "c")
THREE_TRUTH = np.array([0.275712, 0.212208, -0.012650])
SITES_TRUTH = np.array([0.279, 0.210, -0.014])
TEN_OWN = np.array([0.0896, -0.0149, 0.2003, 0.3341, 0.4772, 0.2719, 0.1395, 0.0930, 0.3997, 0.5770])
TEN_PAIRS = {
    (0, 1): -0.3083, (0, 2): -0.2396, (0, 3): 0.4000, (1, 9): -0.0433, (2, 3): -0.0761, (2, 4): -0.2620, (2, 5): -0.0990,
    (3, 8): -0.0584, (4, 5): -0.2101, (4, 6): 0.3622, (5, 9): -0.0912, (6, 8): 0.2417, (6, 9): -0.0902,
}  # fmt: skip
TEN_TRUTH = np.array([0.0111, -0.0179, 0.0276, 0.0929, 0.1187, 0.0540, 0.0564, 0.0244, 0.1117, 0.1424])


def three_providers(seed: int, sites: int = 0, size: int = 2_000) -> pd.DataFrame:
    """Draw three providers of whom needy people have more, with effects that bend with covariates, pairs and a triple.

    With ``sites``, exposure and outcome share a site's fortunes.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    pattern = np.array([[mask >> j & 1 for j in range(3)] for mask in range(8)])
    log_weight = -(0.35 + 0.3 * x[:, [0]]) * pattern.sum(axis=1) + 0.3 * pattern[:, 1] * x[:, [1]]
    log_weight = log_weight + 0.5 * pattern[:, 0] * pattern[:, 1]
    site = np.arange(size) % max(sites, 1)
    if sites:
        log_weight += (1.5 * rng.normal(size=(sites, 3)) @ pattern.T)[site]
    chance = np.exp(log_weight)
    cumulative = (chance / chance.sum(axis=1, keepdims=True)).cumsum(axis=1)
    a, b, c = pattern[(rng.random((size, 1)) > cumulative).sum(axis=1).clip(0, 7)].T
    effect = 0.5 * a + 0.3 * b * (1 + 0.5 * x[:, 1]) + 0.4 * a * b - 0.2 * a * c + 0.2 * a * b * c
    shock = np.sqrt(0.05 / 0.95) * rng.normal(size=max(sites, 1))[site] * bool(sites)
    outcome = 1 + x[:, 0] + 0.5 * x[:, 1] + effect + shock + rng.normal(size=size)
    return pd.DataFrame({"a": a, "b": b, "c": c, "x1": x[:, 0], "x2": x[:, 1], "site": site, "y": outcome})


def ten_providers(seed: int, size: int = 2_000) -> pd.DataFrame:
    """Draw ten providers at four sites who refer people to each other; own effects and thirteen pairs."""
    rng = np.random.default_rng(seed)
    x, site, served = rng.normal(size=(size, 3)), rng.integers(0, 4, size), np.zeros((size, 10))
    for j in range(10):
        logit = (
            -1.6 + (j % 4 == site) - 0.3 * x[:, 0] + 0.3 * (-1) ** j * x[:, 1] + (0.8 * served[:, j - 1] if j else 0)
        )
        served[:, j] = rng.random(size) < 1 / (1 + np.exp(-logit))
    joint = sum(value * served[:, j] * served[:, k] for (j, k), value in TEN_PAIRS.items())
    outcome = 1 + x[:, 0] + 0.5 * x[:, 1] + 0.3 * (site == 1) + served @ TEN_OWN + joint + rng.normal(size=size)
    frame = pd.DataFrame(served.astype(int), columns=[f"p{j}" for j in range(10)])
    return frame.assign(x1=x[:, 0], x2=x[:, 1], x3=x[:, 2], site=[f"s{s}" for s in site], y=outcome)


def three(seed: int, sites: int = 0, **terms: Any) -> Draw:
    """Fit three providers; the truth is for future people."""
    spec = {"outcome": "y", "providers": THREE, "covariates": ("x1", "x2"), "target": "population", **terms}
    fit = Contribution.model_validate(spec).fit(three_providers(seed, sites))
    return measured(attribute(fit).credits, SITES_TRUTH if sites else THREE_TRUTH)


def ten(seed: int, model: str) -> Draw:
    """Fit ten providers; the truth is for future people."""
    spec = Contribution.model_validate({
        "outcome": "y", "providers": tuple(f"p{j}" for j in range(10)), "covariates": ("x1", "x2", "x3", "site"),
        "design": "unconfounded", "model": model, "target": "population", "vcov": "HC3",
    })  # fmt: skip
    return measured(attribute(spec.fit(ten_providers(seed))).credits, TEN_TRUTH)


BENT = {"effects_by_covariates": True}
AUGMENTED = {**BENT, "design": "unconfounded"}
MISSPECIFIED = "reported"
CASES: tuple[Case, ...] = (
    Case("experiment, blocks, HC2", "effect of assignment", lambda s: experiment(s)),
    Case(
        "experiment, blocks, classical", "effect of assignment", lambda s: experiment(s, vcov="classical"), MISSPECIFIED
    ),
    Case("experiment, Lin-adjusted, HC2", "effect of assignment", lambda s: experiment(s, covariates=("age",))),
    Case("experiment, 30 villages, CR1", "effect of assignment", lambda s: by_village(s, 30)),
    Case("experiment, 10 villages, CR1", "effect of assignment", lambda s: by_village(s, 10), MISSPECIFIED),
    Case("experiment, 10 villages, CR2", "effect of assignment", lambda s: by_village(s, 10, "CR2")),
    Case("experiment, weighted, Lin-adjusted, HC2", "effect of assignment", weighted),
    Case("experiments joined by person", "difference of overlapping groups", joined),
    Case("contribution, lottery, future people", "Shapley credits", future_people),
    Case("contribution, lottery by village, saturated", "Shapley credits", lambda s: two_services(s)),
    Case(
        "contribution, lottery by village, additive (the pair is left out)",
        "Shapley credits",
        lambda s: two_services(s, model="additive"),
        MISSPECIFIED,
    ),
    Case("three providers, saturated by covariates", "Shapley credits", lambda s: three(s, **BENT), slack=0.005),
    Case("three providers, augmented", "Shapley credits", lambda s: three(s, **AUGMENTED), slack=0.005),
    Case(
        "three providers, pairwise (the triple is left out)",
        "Shapley credits",
        lambda s: three(s, model="pairwise", **BENT),
        MISSPECIFIED,
    ),
    Case(
        "three providers, additive (pairs are left out)",
        "Shapley credits",
        lambda s: three(s, model="additive"),
        MISSPECIFIED,
    ),
    Case(
        "three providers, 40 sites, by site",
        "Shapley credits",
        lambda s: three(s, 40, cluster="site", **BENT),
        slack=0.005,
    ),
    Case("three providers, 40 sites, sites ignored", "Shapley credits", lambda s: three(s, 40, **BENT), MISSPECIFIED),
    Case("ten providers, 500 patterns, pairwise", "Shapley credits", lambda s: ten(s, "pairwise"), slack=0.005),
    Case(
        "ten providers, 500 patterns, additive (pairs are left out)",
        "Shapley credits",
        lambda s: ten(s, "additive"),
        MISSPECIFIED,
    ),
    Case("cradle, pairwise", "Shapley credits", lambda s: cradle(s, "pairwise")),
    Case("cradle, saturated (augmented)", "Shapley credits", lambda s: cradle(s, "saturated")),
    Case("cradle, saturated (regression)", "Shapley credits", lambda s: cradle(s, "saturated", design="randomized")),
    Case("cradle, additive (the pair is left out)", "Shapley credits", lambda s: cradle(s, "additive"), MISSPECIFIED),
    Case("cradle, pairwise", "equal-split credits", lambda s: cradle(s, "pairwise", "equal_split")),
    Case("cradle, pairwise", "dose-split credits", lambda s: cradle(s, "pairwise", "dose_split")),
    Case("cradle, pairwise", "last-in credits", lambda s: cradle(s, "pairwise", "last_in")),
    Case("cradle, pairwise", "shares (Fieller sets)", cradle_shares, "sets"),
    Case("cradle, pairwise", "payments, in dollars", cradle_payments, MISSPECIFIED),
    Case("experiment, no effect", "gate opens by chance", gate_at_nothing, "at most .05"),
)


def seed_of(case: Case, number: int) -> int:
    """Return the stream of a draw, from what it is and not from when it runs."""
    digest = hashlib.sha256(f"{case.name}\x1f{case.what}\x1f{number}".encode()).digest()
    return int.from_bytes(digest[:6], "little")


def one(position: int, number: int) -> Draw:
    """Run one draw of one case."""
    return CASES[position].run(seed_of(CASES[position], number))


def chunk(position: int, numbers: Iterable[int]) -> list[Draw]:
    """Run several draws of one case."""
    return [one(position, number) for number in numbers]


@dataclass(frozen=True, slots=True)
class Row:
    """A case over all its draws; rates are fractions, bias is in the worst term's Monte Carlo errors too."""

    case: Case
    draws: int
    bias: FloatArray
    noise: FloatArray
    worst: float
    ratio: float
    coverage: FloatArray | None
    joint: float | None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where none is set."""
        slack = 3 * np.sqrt(0.05 * 0.95 / self.draws)
        if self.case.target == MISSPECIFIED:
            return None
        if self.case.target == "at most .05":
            return bool(self.bias[0] <= slack)
        if self.coverage is None:
            return None
        if self.case.target == "at least .90":
            return bool(self.coverage.min() >= 0.9 - 3 * np.sqrt(0.1 * 0.9 / self.draws))
        if self.case.target == "sets":
            return bool(self.coverage.min() >= 0.93 - slack)
        inside = (self.coverage >= 0.93 - slack).all() and (self.coverage <= 0.97 + slack).all()
        together = self.joint is None or 0.93 - slack <= self.joint <= 0.97 + slack
        small = (np.abs(self.bias) <= np.maximum(self.case.slack, 3.0 * self.noise)).all()
        return bool(inside and together and small)


def summarize(case: Case, draws: list[Draw]) -> Row:
    """Return bias, coverage and joint coverage of a case's draws."""
    gaps = np.array([draw.values - draw.truth for draw in draws])
    spread = gaps.std(axis=0, ddof=1)
    error = np.maximum(spread, 1e-300) / np.sqrt(len(draws))
    covered = [draw.covered for draw in draws if draw.covered is not None]
    stated = [draw.error for draw in draws if draw.error is not None]
    together = [draw.together for draw in draws if draw.together is not None]
    return Row(
        case,
        len(draws),
        gaps.mean(axis=0),
        error,
        float(np.abs(gaps.mean(axis=0) / error).max()),
        float(np.mean(np.mean(stated, axis=0) / spread)) if stated else float("nan"),
        np.mean(covered, axis=0) if covered else None,
        float(np.mean(together)) if together else None,
    )


def run(position: int, draws: int, pool: ProcessPoolExecutor) -> Row:
    """Run a case, draws spread over processes and combined in their order."""
    parts = np.array_split(np.arange(draws), max(1, draws // 25))
    results: list[Draw] = []
    for count, part in enumerate(pool.map(chunk, [position] * len(parts), parts), start=1):
        results += part
        sys.stderr.write(f"\r{CASES[position].name}: {count}/{len(parts)}   ")
    sys.stderr.write("\n")
    return summarize(CASES[position], results)


def line(row: Row) -> str:
    """Return a row as Markdown."""
    bias = ", ".join(f"{value:+.4g}" for value in row.bias)
    rates = "" if row.coverage is None else ", ".join(f"{rate:.3f}" for rate in row.coverage)
    joint = "" if row.joint is None else f"{row.joint:.3f}"
    ratio = "" if np.isnan(row.ratio) else f"{row.ratio:.3f}"
    verdict = {True: "met", False: "**not met**", None: "reported"}[row.met]
    return (
        f"| {row.case.name} | {row.case.what} | {row.draws:,} | {bias} | {row.worst:.1f} | {ratio} | {rates} | {joint} | "
        f"{verdict} |"
    )


def committed() -> dict[tuple[str, str], str]:
    """Return the rows of the committed table; a draw follows from its case's name, so that they stay true."""
    rows = [
        row for row in PAGE.read_text("utf-8").splitlines() if row.startswith("| ") and not row.startswith("| case ")
    ]
    return {(row.split(" | ")[0].removeprefix("| "), row.split(" | ")[1]): row for row in rows}


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--only", help="run the cases whose name holds this text, and those not in the table yet")
    asked = parser.parse_args()
    kept = {} if asked.only is None else committed()
    head = [
        "# Calibration",
        "",
        "<!-- Generated by benchmarks/calibrate.py (make calibrate); never typed. -->",
        "",
        "Each row draws studies with a known truth and asks how far the estimates are off, and how often their 95%",
        "intervals hold the truth. Target for smooth quantities with a correct model: bias within three Monte Carlo errors",
        "of zero for every term (or within .005, where the truth is known to a few digits), coverage 93 to 97%, each term by itself and all together; for sets at least 93%; coverage",
        "within three Monte Carlo errors of its band. Rows marked *reported* are misspecified or kinked on",
        "purpose. `ratio` is the mean stated standard error over the true one.",
        "",
        "| case | quantity | draws | bias, by term | worst bias in MC errors | ratio | coverage, by term | joint | target |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with ProcessPoolExecutor(max_workers=2) as pool:
        rows = []
        for position, case in enumerate(CASES):
            old = kept.get((case.name, case.what))
            keep = old is not None and asked.only not in case.name
            rows.append(old if keep else line(run(position, asked.draws, pool)))
    PAGE.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
