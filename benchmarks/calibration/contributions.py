"""Rows for contributions: Shapley credits of three and of ten providers, of twins, and of the simulated initiative."""

from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm

from calibration.case import ALWAYS, AT_MOST, CHANCE, REPORTED, SETS, Case, Draw, FloatArray, measured
from calibration.designs import (
    OVER_HUB,
    SITES_TRUTH,
    TEN,
    TEN_TRUTH,
    THREE,
    THREE_TRUTH,
    TRIPLE,
    TRIPLE_TRUTH,
    oracle,
    ten_providers,
    three_providers,
    twins,
)
from counterfoil.attribution import attribute
from counterfoil.datasets import Cradle, Study, simulate_cradle
from counterfoil.datasets.cradle import OWN_EFFECT, PAIR, PAIR_EFFECT, PROVIDERS
from counterfoil.errors import IdentificationError
from counterfoil.estimators import Contribution, Estimate
from counterfoil.estimators.aliases import alias_sets

BENT: dict[str, Any] = {"effects_by_covariates": True}
AUGMENTED: dict[str, Any] = {**BENT, "design": "unconfounded"}


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


def lost(seed: int, size: int = 2_000, **terms: Any) -> Draw:
    """Fit two providers of whom people with the first and a low covariate lose their outcome more often."""
    rng = np.random.default_rng(seed)
    x, served = rng.normal(size=size), rng.random((size, 2)) < 0.5
    own = served[:, 0] * (0.5 + 0.8 * x) + 0.3 * served[:, 1]
    seen = rng.random(size) < 1 / (1 + np.exp(-(1.0 + 1.2 * x - 0.5 * served[:, 0])))
    ids = np.arange(size)
    row, column = np.nonzero(served)
    study = Study.from_tables(
        pd.DataFrame({"person": ids, "x": x}),
        services=pd.DataFrame({"person": row, "provider": np.array(["a", "b"])[column]}),
        outcomes=pd.DataFrame({"person": ids, "outcome": "y", "value": x + own + rng.normal(size=size)})[seen],
    )
    spec = {"outcome": "y", "providers": ("a", "b"), "covariates": ("x",), "target": "population", **terms}
    return measured(attribute(Contribution.model_validate(spec).fit(study)).credits, np.array([0.25, 0.15]))


def three_credits(frame: pd.DataFrame, **terms: Any) -> Estimate:
    """Return the credits of three providers, for future people."""
    spec = {"outcome": "y", "providers": THREE, "covariates": ("x1", "x2"), "target": "population", **terms}
    return attribute(Contribution.model_validate(spec).fit(frame)).credits


def three(seed: int, sites: int = 0, **terms: Any) -> Draw:
    """Hold three providers' credits against the truth for future people."""
    return measured(three_credits(three_providers(seed, sites=sites), **terms), SITES_TRUTH if sites else THREE_TRUTH)


def naive(seed: int) -> Draw:
    """Compare people with and without each provider, times the share that it served."""
    frame = three_providers(seed)
    gaps = [frame["y"][frame[name] == 1].mean() - frame["y"][frame[name] == 0].mean() for name in THREE]
    return Draw(np.array(gaps) * frame[list(THREE)].mean().to_numpy(), THREE_TRUTH)


def estimate_of(u: FloatArray) -> Estimate:
    """Return the credits of three providers whose influence values are these; the error has the factor n/(n − 1)."""
    return Estimate(
        terms=THREE, values=u.mean(axis=0), influence=u - u.mean(axis=0), ids=np.arange(len(u)), error_type="HC1",
        parameters=1, target="population", outcome="y", estimand="gain", people=len(u), population="people",
    )  # fmt: skip


def against_oracle(seed: int, **terms: Any) -> Draw:
    """Hold n times the squared errors against 1.05² of those of the augmented credits with the true nuisances."""
    frame = three_providers(seed)
    ours, best = three_credits(frame, **terms).values, oracle(frame).mean(axis=0)
    return Draw(len(frame) * (ours - THREE_TRUTH) ** 2, 1.05**2 * len(frame) * (best - THREE_TRUTH) ** 2)


def ten(seed: int, model: str, size: int = 2_000, triple: float = 0.0) -> Draw:
    """Fit ten providers; the truth is for future people."""
    spec = Contribution.model_validate({
        "outcome": "y", "providers": TEN, "covariates": ("x1", "x2", "x3", "site"),
        "design": "unconfounded", "model": model, "target": "population", "vcov": "HC3",
    })  # fmt: skip
    fit = spec.fit(ten_providers(seed, size, triple))
    return measured(attribute(fit).credits, TRIPLE_TRUTH if triple else TEN_TRUTH)


def triple_test(seed: int, triple: float) -> tuple[float, bool]:
    """Return what the first three do together beyond all pairs, by regression, and whether it differs from nothing."""
    frame = ten_providers(seed, triple=triple)
    own = frame[list(TEN)].to_numpy(dtype=np.float64)
    pairs = [own[:, j] * own[:, k] for j in range(10) for k in range(j)]
    others = pd.get_dummies(frame["site"], drop_first=True).to_numpy(dtype=np.float64)
    columns = [np.ones(len(frame)), frame[["x1", "x2", "x3"]], others, own, *pairs, own[:, :3].prod(axis=1)]
    found = sm.OLS(frame["y"].to_numpy(), np.column_stack(columns)).fit(cov_type="HC3", use_t=True)
    return float(found.params[-1]), bool(found.pvalues[-1] < 0.05)


def triple_found(seed: int) -> Draw:
    """Test for the triple where there is one; covered says that it was found."""
    value, found = triple_test(seed, TRIPLE)
    return Draw(np.array([value]), np.array([TRIPLE]), np.array([found]))


def triple_by_chance(seed: int) -> Draw:
    """Test for the triple where there is none; the truth is the level of the test."""
    return Draw(np.array([float(triple_test(seed, 0.0)[1])]), np.array([0.05]))


def twins_spec(**terms: Any) -> Contribution:
    """Return the fit of the twins, the free provider and the hub."""
    names = ("left", "right", "free", "hub")
    spec = {"outcome": "y", "providers": names, "covariates": ("x1", "x2"), "target": "population", **terms}
    return Contribution.model_validate(spec)


def twins_together(seed: int, **terms: Any) -> Draw:
    """Credit the twins together, and the free provider, over the hub."""
    return measured(attribute(twins_spec(aliases="joint", **terms).fit(twins(seed))).credits, OVER_HUB)


def twins_named(seed: int) -> Draw:
    """Ask who cannot be told apart; covered says that the sets are right, and that single credits are refused."""
    spec, frame = twins_spec(), twins(seed)
    roster = Study.from_frame(frame, providers=spec.providers, outcomes=["y"]).roster(spec.providers)
    found = [(group.providers, group.determined) for group in alias_sets(roster)]
    try:
        attribute(spec.fit(frame))
        refused = False
    except IdentificationError:
        refused = True
    right = [found == [(("left", "right"), True), (("hub",), False)], refused]
    return Draw(np.array(right, dtype=np.float64), np.ones(2), np.array(right))


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


WHAT = "Shapley credits"
LOSS = "2,000 × squared error, within 1.05² of the oracle's"
CASES: tuple[Case, ...] = (
    Case("contribution, lottery, future people", WHAT, future_people),
    Case("contribution, lottery by village, saturated", WHAT, two_services),
    Case("contribution, lottery by village, additive (the pair is left out)", WHAT, lambda s: two_services(s, model="additive"), REPORTED),
    Case("outcomes missing at random, weighted, augmented", WHAT, lambda s: lost(s, missing="weight", design="unconfounded")),
    Case("outcomes missing at random, weighted, additive", WHAT, lambda s: lost(s, missing="weight", model="additive")),
    Case("outcomes missing at random, left out", WHAT, lambda s: lost(s, missing="drop", model="additive"), REPORTED),
    Case("three providers, who has more (naive difference × share served)", "credits", naive, REPORTED, design="B1"),
    Case("three providers, additive (pairs are left out)", WHAT, lambda s: three(s, model="additive"), REPORTED, design="B1"),
    Case("three providers, additive by covariates (pairs are left out)", WHAT, lambda s: three(s, model="additive", **BENT), REPORTED, design="B1"),
    Case("three providers, pairwise without covariates in effects", WHAT, lambda s: three(s, model="pairwise"), REPORTED, design="B1"),
    Case("three providers, pairwise (the triple is left out)", WHAT, lambda s: three(s, model="pairwise", **BENT), REPORTED, design="B1"),
    Case("three providers, saturated by covariates", WHAT, lambda s: three(s, **BENT), slack=0.005, design="B1"),
    Case("three providers, augmented", WHAT, lambda s: three(s, **AUGMENTED), slack=0.005, design="B1"),
    Case("three providers, augmented, true nuisances", WHAT, lambda s: measured(estimate_of(oracle(three_providers(s))), THREE_TRUTH), slack=0.005, design="B1"),
    Case("three providers, saturated by covariates", LOSS, lambda s: against_oracle(s, **BENT), AT_MOST, design="B1"),
    Case("three providers, augmented", LOSS, lambda s: against_oracle(s, **AUGMENTED), AT_MOST, design="B1"),
    Case("ten providers, 500 patterns, pairwise", WHAT, lambda s: ten(s, "pairwise"), slack=0.005, design="B2"),
    Case("ten providers, 500 patterns, additive (pairs are left out)", WHAT, lambda s: ten(s, "additive"), REPORTED, design="B2"),
    Case("ten providers, 600 people, pairwise (pairs of fewer than 30 people are shrunk)", WHAT, lambda s: ten(s, "pairwise", 600), slack=0.005, design="B2"),
    Case("ten providers, 600 people, additive (pairs are left out)", WHAT, lambda s: ten(s, "additive", 600), REPORTED, design="B2"),
    Case("ten providers, a triple, pairwise (it is left out)", WHAT, lambda s: ten(s, "pairwise", triple=TRIPLE), REPORTED, design="B3"),
    Case("ten providers, a triple", "triple found by its own test, 5%", triple_found, REPORTED, design="B3"),
    Case("ten providers, no triple", "triple found by chance", triple_by_chance, CHANCE, design="B3"),
    Case("twins and a hub, credited together", WHAT, twins_together, design="B6"),
    Case("twins and a hub, credited together, augmented", WHAT, lambda s: twins_together(s, design="unconfounded"), design="B6"),
    Case("twins and a hub", "sets told; single credits refused", twins_named, ALWAYS, design="B6"),
    Case("three providers, 40 sites, by site", WHAT, lambda s: three(s, 40, cluster="site", **BENT), slack=0.005, design="B9"),
    Case("three providers, 40 sites, sites ignored", WHAT, lambda s: three(s, 40, **BENT), REPORTED, design="B9"),
    Case("cradle, pairwise", WHAT, lambda s: cradle(s, "pairwise")),
    Case("cradle, saturated (augmented)", WHAT, lambda s: cradle(s, "saturated")),
    Case("cradle, saturated (regression)", WHAT, lambda s: cradle(s, "saturated", design="randomized")),
    Case("cradle, additive (the pair is left out)", WHAT, lambda s: cradle(s, "additive"), REPORTED),
    Case("cradle, pairwise", "equal-split credits", lambda s: cradle(s, "pairwise", "equal_split")),
    Case("cradle, pairwise", "dose-split credits", lambda s: cradle(s, "pairwise", "dose_split")),
    Case("cradle, pairwise", "last-in credits", lambda s: cradle(s, "pairwise", "last_in")),
    Case("cradle, pairwise", "shares (Fieller sets)", cradle_shares, SETS),
)  # fmt: skip
