"""Cases of the calibration for checks of a fit: a hidden factor, no total, a weak total, a harm, shuffled rosters.

The designs vary the three providers of `calibrate.three_providers`: ``scale`` multiplies all effects, ``hidden`` adds a
factor that nobody recorded, ``harm`` makes the third provider do harm.
"""

from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from calibrate import MISSPECIFIED, THREE, Case, Draw, measured
from numpy.typing import NDArray

from counterfoil.attribution import Shapley, attribute
from counterfoil.attribution.payment import Gate, apply_gate
from counterfoil.attribution.payment.projection import project_credits
from counterfoil.datasets import Study
from counterfoil.estimators import Contribution
from counterfoil.estimators.omitted_variable import bias_bound, omitted_variable
from counterfoil.estimators.permuted_rosters import shuffled
from counterfoil.estimators.placebo import joint_test
from counterfoil.estimators.ranks import rank_sets

FloatArray = NDArray[np.float64]

PATTERNS = np.array([[mask >> j & 1 for j in range(3)] for mask in range(8)])
HARM_TRUTH = np.array([0.2959, 0.2122, -0.0755])
STRENGTHS = ((0.2, 0.3), (0.4, 0.6), (0.6, 1.0))
NODES = 24
"""Gauss-Hermite nodes a dimension; 24 and 32 agree to eight digits."""


def log_weights(x1: FloatArray, x2: FloatArray, hidden: FloatArray, strength: float) -> FloatArray:
    """Return the logarithm of each pattern's weight, (..., 8), for covariates and hidden factor of any one shape."""
    a, b = PATTERNS[:, 0], PATTERNS[:, 1]
    load = (0.35 + 0.3 * x1 - strength * hidden)[..., None] * PATTERNS.sum(axis=1)
    return np.asarray(-load + 0.3 * b * x2[..., None] + 0.5 * a * b)


def effects(x2: FloatArray, scale: float = 1.0, harm: bool = False) -> FloatArray:
    """Return the effect of each pattern, (..., 8)."""
    a, b, c = PATTERNS.T
    third = -0.2 * c if harm else -0.2 * a * c
    return np.asarray(scale * (0.5 * a + 0.3 * b * (1 + 0.5 * x2[..., None]) + 0.4 * a * b + third + 0.2 * a * b * c))


def chances(log_weight: FloatArray) -> FloatArray:
    """Return probabilities from logarithms of weights, over the last axis."""
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def variant(
    seed: int, size: int = 2_000, scale: float = 1.0, harm: bool = False, hidden: tuple[float, float] = (0.0, 0.0)
) -> pd.DataFrame:
    """Draw three providers; the hidden factor is the column ``hidden``, which no fit may name."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    factor = rng.normal(size=size)
    cumulative = chances(log_weights(x[:, 0], x[:, 1], factor, hidden[0])).cumsum(axis=1)
    mask = (rng.random((size, 1)) > cumulative).sum(axis=1).clip(0, 7)
    mean = 1 + x[:, 0] + 0.5 * x[:, 1] + effects(x[:, 1], scale, harm)[np.arange(size), mask] + hidden[1] * factor
    frame = pd.DataFrame(PATTERNS[mask], columns=list(THREE))
    return frame.assign(x1=x[:, 0], x2=x[:, 1], hidden=factor, y=mean + rng.normal(size=size))


def kernel_table() -> FloatArray:
    """Return Shapley's weights for each own pattern, pattern compared with, and provider, (8, 8, 3)."""
    table = np.zeros((8, 8, 3))
    for own in range(1, 8):
        members = tuple(int(j) for j in np.flatnonzero(PATTERNS[own]))
        sets = [sum(1 << members[r] for r in range(len(members)) if b >> r & 1) for b in range(1 << len(members))]
        table[own][np.ix_(sets, members)] = Shapley().weights(members, None).T
    return table


def weights_of(chance: FloatArray) -> FloatArray:
    """Return α for people of each pattern, (..., 8, 3), from the chance of each pattern, (..., 8)."""
    return np.asarray(np.einsum("abj,...a->...bj", kernel_table(), chance) / chance[..., None])


@cache
def hidden_factor(exposure: float, outcome: float) -> dict[str, FloatArray]:
    """Return, by quadrature over the population, what leaving the hidden factor out does to Shapley's credits.

    ``long`` and ``short`` credits (3,), ``bound`` (3,) at the true strengths, ``r2_outcome`` (1,), ``r2_riesz`` (3,).
    """
    node, weight = np.polynomial.hermite_e.hermegauss(NODES)
    weight = weight / weight.sum()
    x1, x2, factor = np.meshgrid(node, node, node, indexing="ij")
    mass = np.einsum("i,j,k->ijk", weight, weight, weight)
    plane = np.einsum("i,j->ij", weight, weight)
    long = chances(log_weights(x1, x2, factor, exposure))
    short = np.einsum("ijka,k->ija", long, weight)
    hidden_mean = np.einsum("ijka,k,k->ija", long, weight, node) / short
    base = 1 + x1[..., 0] + 0.5 * x2[..., 0]
    common = base[..., None] + effects(x2[..., 0])
    table = kernel_table()
    short_mean = common + outcome * hidden_mean
    # The factor adds the same to every pattern of a person, and a rule's weights sum to zero.
    true = np.einsum("ij,ija,abc,ijb->c", plane, short, table, common)
    found = np.einsum("ij,ija,abc,ijb->c", plane, short, table, short_mean)
    square_long = np.einsum("ijk,ijka,ijkac->c", mass, long, weights_of(long) ** 2)
    square_short = np.einsum("ij,ija,ijac->c", plane, short, weights_of(short) ** 2)
    left = np.einsum("ijk,ijka,ijka->", mass, long, (outcome * (factor[..., None] - hidden_mean[:, :, None, :])) ** 2)
    # Without a factor the two squares differ by rounding alone.
    r2_outcome, r2_riesz = left / (1 + left), np.maximum(1 - square_short / square_long, 0.0)
    scale = np.sqrt((1 + left) * square_short)
    bound = np.array([bias_bound(scale[[j]], r2_outcome, r2_riesz[j])[0] for j in range(3)])
    return {
        "long": true, "short": found, "bound": bound, "r2_outcome": np.array([r2_outcome]), "r2_riesz": r2_riesz,
    }  # fmt: skip


def spec(**terms: Any) -> Contribution:
    """Return the fit that all cases share: three providers, two covariates, future people."""
    return Contribution.model_validate(
        {
            "outcome": "y",
            "providers": THREE,
            "covariates": ("x1", "x2"),
            "effects_by_covariates": True,
            "target": "population",
            **terms,
        }
    )


def hidden_bounds(seed: int, strength: tuple[float, float]) -> Draw:
    """Fit without the hidden factor; hold the interval widened by the bound at the true strengths against the truth."""
    truth = hidden_factor(*strength)
    found = omitted_variable(spec().fit(variant(seed, hidden=strength)), Shapley())
    inside = []
    for j in range(3):
        low, high = found.under(float(truth["r2_outcome"][0]), float(truth["r2_riesz"][j]))[j]
        inside.append(low <= truth["long"][j] <= high)
    return Draw(found.values[:3], truth["long"], np.array(inside))


def hidden_ignored(seed: int, strength: tuple[float, float]) -> Draw:
    """Fit without the hidden factor and trust the interval as it is."""
    return measured(attribute(spec().fit(variant(seed, hidden=strength))).credits, hidden_factor(*strength)["long"])


def hidden_gap(seed: int, strength: tuple[float, float], size: int = 2_000) -> Draw:
    """Compute short and long one-step credits of one draw with true nuisances; covered says whether the bound holds."""
    truth = hidden_factor(*strength)
    frame = variant(seed, size, hidden=strength)
    x1, x2, factor, y = (frame[name].to_numpy() for name in ("x1", "x2", "hidden", "y"))
    own = frame[list(THREE)].to_numpy() @ [1, 2, 4]
    people = np.arange(size)
    node, weight = np.polynomial.hermite_e.hermegauss(NODES)
    weight = weight / weight.sum()
    grid = chances(log_weights(x1[:, None], x2[:, None], np.broadcast_to(node, (size, NODES)), strength[0]))
    short = np.einsum("ika,k->ia", grid, weight)
    common = (1 + x1 + 0.5 * x2)[:, None] + effects(x2)
    means = {
        "short": common + strength[1] * np.einsum("ika,k,k->ia", grid, weight, node) / short,
        "long": common + strength[1] * factor[:, None],
    }
    chance = {"short": short, "long": chances(log_weights(x1, x2, factor, strength[0]))}
    credits = {}
    for name, mean in means.items():
        fixed = np.einsum("ibc,ib->ic", kernel_table()[own], mean)
        alpha = weights_of(chance[name])[people, own]
        credits[name] = (fixed + alpha * (y - mean[people, own])[:, None]).mean(axis=0)
    gap = credits["short"] - credits["long"]
    return Draw(gap, truth["short"] - truth["long"], np.abs(gap) <= truth["bound"])


def gate_without_gain(seed: int) -> Draw:
    """Open or shut a gate where no provider does anything; the truth is the five per cent that the gate allows."""
    total = spec().fit(variant(seed, scale=0.0)).total()
    return Draw(np.array([float(apply_gate(Gate(), total, "higher").passes)]), np.array([0.05]))


def no_share(seed: int) -> Draw:
    """Ask for shares of nothing; covered says that they were withheld.

    The value is whether the total by itself would allow shares: a bounded set and a gain. That happens by chance.
    """
    shares = attribute(spec().fit(variant(seed, scale=0.0)))
    allowed = shares.joint.ratio(0, 3).bounded and shares.joint.values[3] > 0
    return Draw(np.full(3, float(allowed)), np.full(3, 0.025), shares.tidy()["share"][:3].isna().to_numpy())


WEAK = 0.15


def weak_credits(seed: int) -> Draw:
    """Fit effects so small that the total is seldom significant."""
    return measured(attribute(spec().fit(variant(seed, scale=WEAK))).credits, WEAK * hidden_factor(0.0, 0.0)["long"])


def weak_shares(seed: int) -> Draw:
    """Hold Fieller's sets of the shares, bounded or not, against the true shares."""
    joint = attribute(spec().fit(variant(seed, scale=WEAK))).joint
    truth = hidden_factor(0.0, 0.0)["long"]
    truth = truth / truth.sum()
    cov, critical = joint.cov(), joint.critical()
    # The set itself, in whatever form it takes: {s : (φ − sV)² ≤ critical² Var(φ − sV)}.
    gap = joint.values[:3] - truth * joint.values[3]
    variance = np.diagonal(cov)[:3] - 2 * truth * cov[:3, 3] + truth**2 * cov[3, 3]
    return Draw(joint.values[:3] / joint.values[3], truth, gap**2 <= critical**2 * variance)


def weak_shares_by_delta(seed: int) -> Draw:
    """Hold delta-method intervals of the shares against the true shares."""
    joint = attribute(spec().fit(variant(seed, scale=WEAK))).joint
    truth = hidden_factor(0.0, 0.0)["long"]
    shares = joint.map(lambda value: value[:3] / value[3], THREE)
    low, high = shares.interval().T
    truth = truth / truth.sum()
    return Draw(shares.values, truth, (low <= truth) & (truth <= high))


def harm_found(seed: int) -> Draw:
    """Test at 5%, one-sided, whether the third provider does harm; covered says that it was found."""
    credits = attribute(spec().fit(variant(seed, harm=True))).credits
    found = credits.values[2] + credits.critical(0.95, "one_sided") * credits.std_error[2] < 0
    return Draw(credits.values[[2]], HARM_TRUTH[[2]], np.array([found]))


def harm_credits(seed: int) -> Draw:
    """Fit the design in which the third provider does harm."""
    return measured(attribute(spec().fit(variant(seed, harm=True))).credits, HARM_TRUTH)


def harm_paid(seed: int) -> Draw:
    """Project credits of which one is a harm; covered says that none paid is negative and all sum to the gain."""
    credits = [Decimal(float(value)) for value in attribute(spec().fit(variant(seed, harm=True))).credits.values]
    paid = project_credits(credits)
    sound = min(paid) >= 0 and abs(sum(paid) - sum(credits)) <= Decimal("1e-12")
    return Draw(np.array([float(part) for part in paid]), np.maximum(HARM_TRUTH, 0.0), np.array([sound]))


def true_ranks(seed: int) -> Draw:
    """Hold the rank sets against the true order; covered says whether each set holds the true rank."""
    found = rank_sets(attribute(spec().fit(variant(seed))).credits, "higher")
    ranks = np.array([1, 2, 3])
    inside = (found["rank_low"] <= ranks) & (ranks <= found["rank_high"])
    return Draw(found["rank"].to_numpy(dtype=np.float64), ranks, inside.to_numpy(), together=bool(inside.all()))


@cache
def fixed_study(sites: int = 6, size: int = 900) -> Study:
    """Return the one study whose rosters are shuffled: sites differ in outcomes and in how much they serve."""
    rng = np.random.default_rng(20_240_601)
    frame = variant(20_240_602, size)
    site = rng.integers(0, sites, size)
    served = rng.random((size, 3)) < (0.25 + 0.08 * site)[:, None]
    frame[list(THREE)] = np.where(site[:, None] % 2 == 0, frame[list(THREE)], served.astype(int))
    frame["y"] += 0.5 * site
    frame["site"] = [f"s{k}" for k in site]
    return Study.from_frame(frame, providers=THREE, outcomes=["y"])


def shuffled_rosters(seed: int) -> Draw:
    """Shuffle the providers' patterns of one fixed study within sites and refit; every true credit is zero."""
    design = spec(covariates=("x1", "x2", "site"), effects_by_covariates=False, target="sample")
    return measured(design.fit(shuffled(fixed_study(), "site", seed)).apply(Shapley()), np.zeros(3))


def shuffled_rosters_joint(seed: int) -> Draw:
    """Test all credits of a shuffled roster together; the truth is the level of the test."""
    design = spec(covariates=("x1", "x2", "site"), effects_by_covariates=False, target="sample")
    credits = design.fit(shuffled(fixed_study(), "site", seed)).apply(Shapley())
    return Draw(np.array([float(joint_test(credits)[2] < 0.05)]), np.array([0.05]))


CASES: tuple[Case, ...] = (
    *(
        Case(f"hidden factor {c}, {d}, bounds at its true strength", "Shapley credits", lambda s, k=(c, d): hidden_bounds(s, k), "sets")
        for c, d in STRENGTHS
    ),
    *(
        Case(f"hidden factor {c}, {d}, ignored", "Shapley credits", lambda s, k=(c, d): hidden_ignored(s, k), MISSPECIFIED)
        for c, d in STRENGTHS
    ),
    *(
        Case(f"hidden factor {c}, {d}, true nuisances", "short less long credits within the bound", lambda s, k=(c, d): hidden_gap(s, k), "sets")
        for c, d in STRENGTHS
    ),
    Case("three providers, no effect", "gate opens by chance", gate_without_gain, "at most .05"),
    Case("three providers, no effect", "shares withheld", no_share, "at least .90"),
    Case("three providers, weak effects", "Shapley credits", weak_credits, slack=0.005),
    Case("three providers, weak effects", "shares (Fieller sets, unbounded ones too)", weak_shares, "sets"),
    Case("three providers, weak effects", "shares (delta method)", weak_shares_by_delta, MISSPECIFIED),
    Case("three providers, one does harm", "Shapley credits", harm_credits, slack=0.005),
    Case("three providers, one does harm", "harm found, one-sided 5%", harm_found, "at least .90"),
    Case("three providers, one does harm", "payable credits: none negative, same sum", harm_paid, MISSPECIFIED),
    Case("three providers, saturated by covariates", "rank sets", true_ranks, "sets"),
    Case("rosters shuffled within sites", "Shapley credits of nothing", shuffled_rosters),
    Case("rosters shuffled within sites", "joint test rejects by chance", shuffled_rosters_joint, "at most .05"),
)  # fmt: skip


def main() -> None:
    """Print the rows of these cases, with how many draws the command line asks for."""
    import sys

    from calibrate import line, seed_of, summarize

    draws = int(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    for case in CASES:
        if wanted in f"{case.name} | {case.what}":
            row = summarize(case, [case.run(seed_of(case, number)) for number in range(draws)])
            sys.stdout.write(line(row) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
