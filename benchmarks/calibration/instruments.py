"""Rows for instruments: strong and weak first stages, lotteries by village, and shares of compliers."""

from typing import Final

import numpy as np
import pandas as pd

from calibration.case import REPORTED, SETS, Case, Draw, measured
from counterfoil.estimators import Estimate
from counterfoil.estimators.covariance import ErrorType
from counterfoil.estimators.instruments import InstrumentalVariable, InstrumentFit

EFFECT: Final = 1.0
SHARES: Final = np.array([0.5, 0.2, 0.3])


def lottery(seed: int, size: int = 600) -> pd.DataFrame:
    """Draw a lottery with one half compliers; the effect is the same for all, and those who take part unasked fare better."""
    rng = np.random.default_rng(seed)
    kind = rng.random(size)
    assigned = rng.integers(0, 2, size)
    took_part = np.where(kind < SHARES[1], 1, np.where(kind < SHARES[1] + SHARES[0], assigned, 0))
    wage = EFFECT * took_part - 2 * kind + rng.normal(size=size) * (1 + 0.5 * assigned)
    return pd.DataFrame({"assigned": assigned, "took_part": took_part, "y": wage})


def leaning(seed: int, push: float, instruments: int = 1, size: int = 200) -> pd.DataFrame:
    """Draw instruments that push an amount, whose other causes are nearly those of the outcome; errors are unequal."""
    rng = np.random.default_rng(seed)
    letters = rng.normal(size=(size, instruments))
    taste = rng.normal(size=size) * (1 + 0.5 * (letters[:, 0] > 0))
    amount = push * letters.sum(axis=1) + taste
    frame = pd.DataFrame(letters, columns=[f"letter{number}" for number in range(instruments)])
    return frame.assign(took_part=amount, y=EFFECT * amount + 0.95 * taste + 0.3 * rng.normal(size=size))


def villages(seed: int, groups: int, size: int = 20) -> pd.DataFrame:
    """Draw a lottery over villages whose people share fortunes and willingness."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(groups), size)
    assigned = (rng.permutation(groups) < groups // 2)[village].astype(int)
    willing = 0.15 * rng.normal(size=groups)[village] + rng.random(size=groups * size) > 0.3
    took_part = assigned * willing
    shared = 0.3 * rng.normal(size=groups)[village]
    wage = EFFECT * took_part + 0.5 * willing + shared + rng.normal(size=groups * size)
    return pd.DataFrame({"assigned": assigned, "took_part": took_part, "village": village, "y": wage})


def fit(frame: pd.DataFrame, **terms: object) -> InstrumentFit:
    """Fit an instrument."""
    return InstrumentalVariable.model_validate({"outcome": "y", "received": "took_part", **terms}).fit(frame)


def interval(estimate: Estimate) -> Draw:
    """Hold the t interval against the truth."""
    return measured(estimate, np.full(len(estimate.values), EFFECT))


def set_of(found: InstrumentFit, vcov: ErrorType | None = None) -> Draw:
    """Hold the Anderson-Rubin set against the truth."""
    covered = EFFECT in found.anderson_rubin(vcov=vcov)
    return Draw(found.total().values, np.array([EFFECT]), np.array([covered]))


def tf_of(found: InstrumentFit) -> Draw:
    """Hold the tF interval against the truth."""
    low, high = found.weak_instrument().tf_interval or (-np.inf, np.inf)
    return Draw(found.total().values, np.array([EFFECT]), np.array([low <= EFFECT <= high]))


def weak(seed: int, instruments: int = 1) -> InstrumentFit:
    """Fit instruments whose first stage has an F near 4."""
    frame = leaning(seed, 0.15 / np.sqrt(instruments), instruments)
    return fit(frame, instrument=tuple(f"letter{number}" for number in range(instruments)))


def by_village(seed: int, groups: int) -> Draw:
    """Fit the village lottery."""
    return interval(fit(villages(seed, groups), cluster="village").total())


def set_by_village(seed: int, groups: int) -> Draw:
    """Fit the village lottery, and read its Anderson-Rubin set with errors made for few clusters."""
    return set_of(fit(villages(seed, groups), cluster="village"), "CR2")


def shares(seed: int) -> Draw:
    """Estimate shares of compliers, always-takers and never-takers."""
    return measured(fit(lottery(seed, 400)).compliers().shares, SHARES)


def described(seed: int) -> Draw:
    """Estimate the mean age of compliers where both the lottery's chance and willingness depend on age."""
    rng = np.random.default_rng(seed)
    size = 600
    age = rng.normal(size=size)
    assigned = (rng.random(size) < 1 / (1 + np.exp(-0.5 * age))).astype(int)
    complier = rng.random(size) < 1 / (1 + np.exp(-age))
    frame = pd.DataFrame({"age": age, "assigned": assigned, "took_part": assigned * complier, "y": age})
    found = fit(frame, covariates=("age",)).compliers().characteristics
    # E[age · logistic(age)] / E[logistic(age)] for a standard normal age.
    grid = np.linspace(-9.0, 9.0, 4_001)
    weight = np.exp(-(grid**2) / 2) / (1 + np.exp(-grid))
    truth = np.array([float((grid * weight).sum() / weight.sum())])
    return measured(found, truth)


TAKING_PART = "effect of taking part"
SET = "Anderson-Rubin set"
CASES: tuple[Case, ...] = (
    Case("instrument, strong first stage, HC1", TAKING_PART, lambda s: interval(fit(lottery(s)).total())),
    Case("instrument, strong first stage, HC1", SET, lambda s: set_of(fit(lottery(s))), SETS),
    Case("instrument, weak first stage, HC1", TAKING_PART, lambda s: interval(weak(s).total()), REPORTED),
    Case("instrument, weak first stage, HC1", SET, lambda s: set_of(weak(s)), SETS),
    Case("instrument, weak first stage, HC1", "tF interval", lambda s: tf_of(weak(s)), SETS),
    Case("three weak instruments, HC1", SET, lambda s: set_of(weak(s, 3)), SETS),
    Case("instrument, 8 villages, CR1", TAKING_PART, lambda s: by_village(s, 8)),
    Case("instrument, 15 villages, CR1", TAKING_PART, lambda s: by_village(s, 15)),
    Case("instrument, 30 villages, CR1", TAKING_PART, lambda s: by_village(s, 30)),
    Case("instrument, 8 villages, CR2", SET, lambda s: set_by_village(s, 8), SETS),
    Case("instrument, 15 villages, CR2", SET, lambda s: set_by_village(s, 15), SETS),
    Case("instrument, 30 villages, CR2", SET, lambda s: set_by_village(s, 30), SETS),
    Case("compliers of a lottery, HC0", "shares of people", shares),
    Case("compliers, chance of the instrument by logit, HC0", "mean age of compliers", described),
)
