"""Rows for checks of a fit: a hidden factor, no total, a weak total, a harm, ranks, shuffled rosters."""

from decimal import Decimal
from functools import cache, partial
from typing import Any

import numpy as np

from calibration.case import ALWAYS, CHANCE, POWER, REPORTED, SETS, Case, Draw, FloatArray, measured
from calibration.designs import (
    HARM_TRUTH,
    THREE,
    WEAK,
    chances,
    effects,
    harmful,
    kernel_table,
    log_weights,
    nothing,
    parts,
    scores,
    three_providers,
    weak,
)
from counterfoil.attribution import Shapley, attribute
from counterfoil.attribution.payment import Gate, apply_gate
from counterfoil.attribution.payment.projection import project_credits
from counterfoil.datasets import Study
from counterfoil.estimators import Contribution
from counterfoil.estimators.joint_test import joint_test
from counterfoil.estimators.omitted_variable import bias_bound, omitted_variable
from counterfoil.estimators.permuted_rosters import shuffled
from counterfoil.estimators.ranks import rank_sets

STRENGTHS = ((0.2, 0.3), (0.4, 0.6), (0.6, 1.0))
NODES = 24
"""Gauss-Hermite nodes a dimension; 24 and 32 agree to eight digits."""


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
    found = omitted_variable(spec().fit(three_providers(seed, hidden=strength)), Shapley())
    inside = []
    for j in range(3):
        low, high = found.under(float(truth["r2_outcome"][0]), float(truth["r2_riesz"][j]))[j]
        inside.append(low <= truth["long"][j] <= high)
    return Draw(found.values[:3], truth["long"], np.array(inside))


def hidden_ignored(seed: int, strength: tuple[float, float]) -> Draw:
    """Fit without the hidden factor and trust the interval as it is."""
    return measured(
        attribute(spec().fit(three_providers(seed, hidden=strength))).credits, hidden_factor(*strength)["long"]
    )


def hidden_gap(seed: int, strength: tuple[float, float]) -> Draw:
    """Compute short and long one-step credits of one draw with true nuisances; covered says whether the bound holds."""
    truth = hidden_factor(*strength)
    frame = three_providers(seed, hidden=strength)
    x, pattern, outcome = parts(frame)
    factor = frame["hidden"].to_numpy()
    node, weight = np.polynomial.hermite_e.hermegauss(NODES)
    weight = weight / weight.sum()
    grid = chances(log_weights(x[:, [0]], x[:, [1]], np.broadcast_to(node, (len(x), NODES)), strength[0]))
    short = np.einsum("ika,k->ia", grid, weight)
    common = (1 + x[:, 0] + 0.5 * x[:, 1])[:, None] + effects(x[:, 1])
    short_mean = common + strength[1] * np.einsum("ika,k,k->ia", grid, weight, node) / short
    long_mean = common + strength[1] * factor[:, None]
    long = chances(log_weights(x[:, 0], x[:, 1], factor, strength[0]))
    u = scores(short_mean, short, pattern, outcome) - scores(long_mean, long, pattern, outcome)
    gap = u.mean(axis=0)
    return Draw(gap, truth["short"] - truth["long"], np.abs(gap) <= truth["bound"])


def gate_without_gain(seed: int) -> Draw:
    """Open or shut a gate where no provider does anything; the truth is the five per cent that the gate allows."""
    total = spec().fit(three_providers(seed, effect=nothing)).total()
    return Draw(np.array([float(apply_gate(Gate(), total, "higher").passes)]), np.array([0.05]))


def no_share(seed: int) -> Draw:
    """Ask for shares of nothing; covered says that they were withheld.

    The value is whether the total by itself would allow shares: a bounded set and a gain. That happens by chance.
    """
    shares = attribute(spec().fit(three_providers(seed, effect=nothing)))
    allowed = shares.joint.ratio(0, 3).bounded and shares.joint.values[3] > 0
    return Draw(np.full(3, float(allowed)), np.full(3, 0.025), shares.tidy()["share"][:3].isna().to_numpy())


def weak_credits(seed: int) -> Draw:
    """Fit effects so small that the total is seldom significant."""
    return measured(
        attribute(spec().fit(three_providers(seed, effect=weak))).credits, WEAK * hidden_factor(0.0, 0.0)["long"]
    )


def weak_shares(seed: int) -> Draw:
    """Hold Fieller's sets of the shares, bounded or not, against the true shares."""
    joint = attribute(spec().fit(three_providers(seed, effect=weak))).joint
    truth = hidden_factor(0.0, 0.0)["long"]
    truth = truth / truth.sum()
    cov, critical = joint.cov(), joint.critical()
    # The set itself, in whatever form it takes: {s : (φ − sV)² ≤ critical² Var(φ − sV)}.
    gap = joint.values[:3] - truth * joint.values[3]
    variance = np.diagonal(cov)[:3] - 2 * truth * cov[:3, 3] + truth**2 * cov[3, 3]
    return Draw(joint.values[:3] / joint.values[3], truth, gap**2 <= critical**2 * variance)


def weak_shares_by_delta(seed: int) -> Draw:
    """Hold delta-method intervals of the shares against the true shares."""
    joint = attribute(spec().fit(three_providers(seed, effect=weak))).joint
    truth = hidden_factor(0.0, 0.0)["long"]
    shares = joint.map(lambda value: value[:3] / value[3], THREE)
    low, high = shares.interval().T
    truth = truth / truth.sum()
    return Draw(shares.values, truth, (low <= truth) & (truth <= high))


def harm_found(seed: int) -> Draw:
    """Test at 5%, one-sided, whether the third provider does harm; covered says that it was found."""
    credits = attribute(spec().fit(three_providers(seed, effect=harmful))).credits
    found = credits.values[2] + credits.critical(0.95, "one_sided") * credits.std_error[2] < 0
    return Draw(credits.values[[2]], HARM_TRUTH[[2]], np.array([found]))


def harm_credits(seed: int) -> Draw:
    """Fit the design in which the third provider does harm."""
    return measured(attribute(spec().fit(three_providers(seed, effect=harmful))).credits, HARM_TRUTH)


def harm_paid(seed: int) -> Draw:
    """Project credits of which one is a harm; covered says that none paid is negative and all sum to the gain."""
    credits = [
        Decimal(float(value)) for value in attribute(spec().fit(three_providers(seed, effect=harmful))).credits.values
    ]
    paid = project_credits(credits)
    lost = sum(paid, Decimal(0)) - sum(credits, Decimal(0))
    sound = min(paid) >= 0 and abs(lost) <= Decimal("1e-12")
    return Draw(np.array([float(part) for part in paid]), np.maximum(HARM_TRUTH, 0.0), np.array([sound]))


def true_ranks(seed: int) -> Draw:
    """Hold the rank sets against the true order; covered says whether each set holds the true rank."""
    found = rank_sets(attribute(spec().fit(three_providers(seed))).credits, "higher")
    ranks = np.array([1, 2, 3])
    inside = (found["rank_low"] <= ranks) & (ranks <= found["rank_high"])
    return Draw(found["rank"].to_numpy(dtype=np.float64), ranks, inside.to_numpy(), together=bool(inside.all()))


@cache
def fixed_study(sites: int = 6, size: int = 900) -> Study:
    """Return the one study whose rosters are shuffled: sites differ in outcomes and in how much they serve."""
    rng = np.random.default_rng(20_240_601)
    frame = three_providers(20_240_602, size)
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
    return Draw(np.array([float(joint_test(credits).p_value < 0.05)]), np.array([0.05]))


CASES: tuple[Case, ...] = (
    *(
        Case(f"hidden factor {c}, {d}, bounds at its true strength", "Shapley credits", partial(hidden_bounds, strength=(c, d)), SETS, design="B10")
        for c, d in STRENGTHS
    ),
    *(
        Case(f"hidden factor {c}, {d}, ignored", "Shapley credits", partial(hidden_ignored, strength=(c, d)), REPORTED, design="B10")
        for c, d in STRENGTHS
    ),
    *(
        Case(f"hidden factor {c}, {d}, true nuisances", "short less long credits within the bound", partial(hidden_gap, strength=(c, d)), SETS, design="B10")
        for c, d in STRENGTHS
    ),
    Case("three providers, no effect", "gate opens by chance", gate_without_gain, CHANCE, design="B5"),
    Case("three providers, no effect", "shares withheld", no_share, POWER, design="B5"),
    Case("three providers, weak effects", "Shapley credits", weak_credits, slack=0.005, design="B5b"),
    Case("three providers, weak effects", "shares (Fieller sets, unbounded ones too)", weak_shares, SETS, design="B5b"),
    Case("three providers, weak effects", "shares (delta method)", weak_shares_by_delta, REPORTED, design="B5b"),
    Case("three providers, one does harm", "Shapley credits", harm_credits, slack=0.005, design="B13"),
    Case("three providers, one does harm", "harm found, one-sided 5%", harm_found, POWER, design="B13"),
    Case("three providers, one does harm", "payable credits: none negative, same sum", harm_paid, ALWAYS, design="B13"),
    Case("three providers, saturated by covariates", "rank sets", true_ranks, SETS, design="B1"),
    Case("rosters shuffled within sites", "Shapley credits of nothing", shuffled_rosters),
    Case("rosters shuffled within sites", "joint test rejects by chance", shuffled_rosters_joint, CHANCE),
)  # fmt: skip
