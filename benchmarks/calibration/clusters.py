"""Few clusters, few treated ones, lost outcomes and several outcomes at once."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from calibration.case import CHANCE, REPORTED, SETS, Case, Draw, measured
from calibration.experiments import by_village, villages
from counterfoil.estimators import Estimate, Experiment
from counterfoil.estimators.trials.cluster_means import ClusterMeans
from counterfoil.estimators.trials.cluster_permutation import Permutation
from counterfoil.estimators.trials.cluster_residuals import Residuals
from counterfoil.estimators.trials.lee_bounds import lee_bounds
from counterfoil.estimators.trials.means_of_clusters import cluster_means
from counterfoil.estimators.trials.multiplicity import adjusted
from counterfoil.estimators.trials.wild_cluster import Weights, wild_cluster
from counterfoil.estimators.trials.worst_case import worst_case

EFFECT = "effect of assignment"


def wild(seed: int, groups: int, weights: Weights = "rademacher") -> Draw:
    """Bootstrap the village lottery by village."""
    spec = Experiment(outcome="y", cluster="village")
    found = wild_cluster(spec, villages(seed, groups), weights=weights, draws=399, seed=seed)
    covered = np.array([found.conf_low <= 0.5 <= found.conf_high])
    return Draw(np.array([found.value]), np.array([0.5]), covered, np.array([found.std_error]))


def communities(seed: int, treated: int, groups: int, unequal: bool = False) -> pd.DataFrame:
    """Draw communities of which a few have the programme; sizes differ where unequal, and with them how means vary."""
    rng = np.random.default_rng(seed)
    sizes = rng.permutation(np.tile([4, 8, 16, 64], groups)[:groups]) if unequal else np.full(groups, 10)
    village = np.repeat(np.arange(groups), sizes)
    assigned = (village < treated).astype(int)
    shared = (0.3 if unequal else 1.0) * rng.normal(size=groups)[village]
    return pd.DataFrame(
        {"assigned": assigned, "village": village, "y": 0.5 * assigned + shared + rng.normal(size=len(village))}
    )


def few(seed: int, treated: int, groups: int, method: str, unequal: bool = False) -> Draw:
    """Hold the truth against a test of few treated communities: it is covered where it is not rejected."""
    frame = communities(seed, treated, groups, unequal)
    means = cluster_means(ClusterMeans(outcome="y", cluster="village"), frame)
    test = Permutation.of(means, 999, seed) if method == "permutation" else Residuals.of(means, 999, seed)
    return Draw(np.array([means.value]), np.array([0.5]), np.array([test.p_value(0.5) > 0.05]))


def by_means(seed: int, treated: int, groups: int, **terms: Any) -> Draw:
    """Compare means of communities."""
    spec = ClusterMeans.model_validate({"outcome": "y", "cluster": "village", **terms})
    return measured(spec.fit(communities(seed, treated, groups)), np.array([0.5]))


def clustered(seed: int, treated: int, groups: int) -> Draw:
    """Take the clustered error at its word where few communities have the programme."""
    spec = Experiment(outcome="y", cluster="village", vcov="CR1")
    return measured(spec.fit(communities(seed, treated, groups)), np.array([0.5]))


def lost(seed: int, size: int = 400) -> pd.DataFrame:
    """Draw a lottery in which need decides who is lost, in the programme's arm above all."""
    rng = np.random.default_rng(seed)
    need, assigned = rng.normal(size=size), rng.permutation(size) % 2
    outcome = need + assigned * (1 + 0.5 * need) + rng.normal(size=size)
    seen = rng.random(size) < 1 / (1 + np.exp(-(0.7 + need * (0.3 + 0.6 * assigned))))
    return pd.DataFrame({"assigned": assigned, "need": need, "y": np.where(seen, outcome, np.nan)})


def responding(seed: int, **terms: Any) -> Draw:
    """Fit the lottery with lost outcomes."""
    frame = lost(seed)
    found = Experiment.model_validate({"outcome": "y", "missing": "drop", **terms}).fit(frame)
    # Adjusted, the effect is on these people, and not on others like them.
    of_these = 0.5 * frame["need"].mean() if found.target == "sample" else 0.0
    return measured(found, np.array([1.0 + of_these]))


def employed(seed: int, tighten: bool, size: int = 1_500) -> Draw:
    """Bound a lottery in which the programme brings people into work who earn most, so that the truth is the lower bound."""
    rng = np.random.default_rng(seed)
    assigned, place = rng.permutation(size) % 2, rng.integers(0, 3, size)
    always, brought = rng.random(size) < 0.6, rng.random(size) < 0.375
    # Those brought in earn more than anybody else assigned at their place, at the same density.
    wage = np.where(always, rng.random(size) + 0.5 * assigned, 1.5 + 0.25 * rng.random(size)) + tighten * place
    seen = always | (brought & (assigned == 1))
    frame = pd.DataFrame({"assigned": assigned, "place": place, "wage": np.where(seen, wage, np.nan)})
    found = lee_bounds(Experiment(outcome="wage", missing="drop"), frame, ["place"] if tighten else [])
    low, high = found.interval()
    return Draw(np.array([found.low]), np.array([0.5]), np.array([low <= 0.5 <= high]), found.ends.std_error[:1])


def extreme(seed: int, size: int = 300) -> Draw:
    """Bound a lottery whose lost people are the worst case, so that the truth is the lower bound."""
    rng = np.random.default_rng(seed)
    assigned = rng.permutation(size) % 2
    wins = rng.random(size) < 0.5 + 0.1 * assigned
    gone = rng.random(size) < 0.3
    # Of the assigned those without success are lost, of control those with.
    seen = ~(gone & (wins != (assigned == 1)))
    frame = pd.DataFrame({"assigned": assigned, "y": np.where(seen, wins, np.nan)})
    found = worst_case(Experiment(outcome="y", missing="drop"), frame, (0, 1))
    low, high = found.interval()
    return Draw(np.array([found.low]), np.array([0.1]), np.array([low <= 0.1 <= high]), found.ends.std_error[:1])


def any_finding(seed: int, rho: float, groups: int | None) -> Draw:
    """Look at six outcomes of which only the first is moved, and count whether any of the others is found."""
    rng = np.random.default_rng(seed)
    size = 200
    village = np.arange(size) % (groups or size)
    assigned = (rng.permutation(groups or size) % 2 == 1)[village]
    outcomes = np.sqrt(rho) * rng.normal(size=(size, 1)) + np.sqrt(1 - rho) * rng.normal(size=(size, 6))
    outcomes += 0.5 * rng.normal(size=(groups, 6))[village] if groups else 0.0
    outcomes[:, 0] += 0.8 * assigned
    means = [outcomes[arm].mean(axis=0) for arm in (assigned, ~assigned)]
    side = size * np.where(assigned, 1 / assigned.sum(), -1 / (~assigned).sum())
    effects = Estimate(
        terms=tuple("abcdef"),
        values=means[0] - means[1],
        influence=side[:, None] * (outcomes - np.where(assigned[:, None], *means)),
        ids=np.arange(size),
        clusters=village if groups else None,
        parameters=2,
        error_type="CR1" if groups else "HC1",
        outcome="y",
        estimand=EFFECT,
        people=100,
        population="people assigned",
    )
    table = adjusted(effects, seed=seed, draws=999)
    found = float((table["p_romano_wolf"][1:] <= 0.05).any())
    return Draw(np.array([found]), np.array([0.05]))


WEIGHTED = {"attrition": {"weight_by": ["need"]}}
CASES: tuple[Case, ...] = (
    *(Case(f"{g} villages, CR2", EFFECT, partial(by_village, groups=g, vcov="CR2")) for g in (8, 15, 30)),
    Case("8 villages, wild bootstrap, all Rademacher weights", EFFECT, lambda s: wild(s, 8)),
    Case("8 villages, wild bootstrap, Webb weights", EFFECT, lambda s: wild(s, 8, "webb")),
    *(Case(f"{g} villages, wild bootstrap", EFFECT, partial(wild, groups=g)) for g in (15, 30)),
    Case("1 of 3 communities, means of clusters", EFFECT, lambda s: by_means(s, 1, 3)),
    Case("1 of 8 communities, means of clusters", EFFECT, lambda s: by_means(s, 1, 8)),
    Case("3 of 8 communities, means of clusters by arm", EFFECT, lambda s: by_means(s, 3, 8, spread="by_arm"), SETS),
    Case("1 of 20 communities, permutation", EFFECT, lambda s: few(s, 1, 20, "permutation")),
    Case("3 of 9 communities, permutation", EFFECT, lambda s: few(s, 3, 9, "permutation")),
    Case("1 of 40 communities of unequal size, residuals", EFFECT, lambda s: few(s, 1, 40, "residuals", True)),
    Case("2 of 20 communities, CR1", EFFECT, lambda s: clustered(s, 2, 20), REPORTED),
    Case("lost by need, complete cases", EFFECT, responding, REPORTED),
    Case("lost by need, weighted by response", EFFECT, lambda s: responding(s, **WEIGHTED)),
    Case(
        "lost by need, weighted by response, Lin-adjusted",
        EFFECT,
        lambda s: responding(s, covariates=("need",), **WEIGHTED),
    ),
    Case("Lee bounds, truth at the lower end", EFFECT, lambda s: employed(s, False), SETS),
    Case("Lee bounds tightened by place, truth at the lower end", EFFECT, lambda s: employed(s, True), SETS),
    Case("worst-case bounds, truth at the lower end", EFFECT, extreme, SETS),
    Case("six outcomes, Romano-Wolf", "any false finding", lambda s: any_finding(s, 0.0, None), CHANCE),
    Case(
        "six outcomes that move together, Romano-Wolf", "any false finding", lambda s: any_finding(s, 0.7, None), CHANCE
    ),
    Case("six outcomes, 20 villages, Romano-Wolf", "any false finding", lambda s: any_finding(s, 0.3, 20), CHANCE),
)
