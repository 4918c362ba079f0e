"""Rows for payment under uncertainty: draws settled exactly, against what the design and the closed form say."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import numpy as np
import pandas as pd

from calibration.case import SMOOTH, UNBIASED, Case, Draw
from counterfoil.attribution.gains import hold_gate
from counterfoil.attribution.payment import Gate, Inputs, Priced, StepTable, UnitPrice, exact, settle
from counterfoil.attribution.payment.clauses import Clause
from counterfoil.attribution.risk import (
    around_estimates,
    cliff_cost,
    draw_payments,
    operate_by_draws,
    operate_by_formula,
)
from counterfoil.attribution.risk.drawing import standard_draws
from counterfoil.estimators import Estimate, Experiment

PRICE, PEOPLE = 10, 400
STEPS = StepTable.model_validate(
    {
        "effect": "gain",
        "to": "provider",
        "steps": [{"from": "8.5", "pays": "4800.00"}, {"from": "10", "pays": "9600.00"}],
    }
)


@dataclass(frozen=True)
class Drawn:
    """An effect that is priced wherever its estimate comes out, with a gate or without one."""

    total: Estimate
    gate: Gate | None = None

    def at(self, value: float, credits: Sequence[float] | None = None) -> Priced:  # noqa: ARG002
        """Return the effect priced at a value."""
        there = Estimate.published(
            [value], self.total.std_error, terms=["gain"], outcome="y", estimand="ITT", people=PEOPLE, df=self.total.df
        )
        passes = self.gate is None or hold_gate(self.gate, there, "higher").passes
        return Priced(exact(value * PEOPLE), "drawn", passes, gain=exact(value), people=PEOPLE)


def inputs_of(clause: Clause) -> Inputs:
    """Return the inputs of a settlement of one clause."""
    known = {"gain": Priced(Decimal(PEOPLE), "drawn", True, gain=Decimal(1), people=PEOPLE)}
    found = settle([clause], known, {}, currency="USD", payer="city").inputs
    if found is None:
        raise ValueError("a settlement names its inputs")
    return found


def trial(seed: int, gain: float) -> Estimate:
    """Estimate a gain in a lottery of 400 people."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"assigned": (rng.permutation(PEOPLE) < PEOPLE // 2).astype(float)})
    frame["y"] = gain * frame["assigned"] + rng.normal(size=PEOPLE)
    return Experiment(outcome="y").fit(frame)


LINEAR = UnitPrice(effect="gain", per="person", price=Decimal(PRICE), to="provider")


def linear_payment(seed: int, gain: float, size: int = 300) -> Draw:
    """Draw payments around an estimate; the truth is what the true gain is worth at a price that never bends."""
    effect = Drawn(trial(seed, gain))
    paid = draw_payments(inputs_of(LINEAR), around_estimates({"gain": effect}, size, seed), size)
    low, high = paid.interval()
    truth = np.array([PRICE * PEOPLE * gain])
    return Draw(np.array([paid.mean]), truth, np.array([low <= truth[0] <= high]), np.array([paid.std_dev]))


def mean_of_draws(seed: int, size: int = 150) -> Draw:
    """Hold the mean of drawn payments against price times people times the estimate that they are drawn around."""
    effect = Drawn(trial(seed, 1.0))
    paid = draw_payments(inputs_of(LINEAR), around_estimates({"gain": effect}, size, seed), size)
    return Draw(np.array([paid.mean]), np.array([PRICE * PEOPLE * float(effect.total.values[0])]))


def gate_chance(seed: int, multiple: float, size: int = 150) -> Draw:
    """Hold the chance and mean of settled draws behind a gate against the closed form."""
    total = Estimate.published([0.0], [0.1], terms=["gain"], outcome="y", estimand="ITT", people=PEOPLE)
    effect, truth = Drawn(total, Gate()), 0.1 * multiple
    (drawn,) = operate_by_draws(
        inputs_of(LINEAR), {"gain": effect}, [{"gain": truth}], {"gain": 0.1}, np.eye(1), size, seed
    )
    (stated,) = operate_by_formula(
        "gain", [truth], 0.1, cutoff=0.1 * total.critical(0.95, "one_sided"), price=PRICE, people=PEOPLE
    )
    values = np.array([drawn.pay_chance, drawn.expected_payment])
    return Draw(values, np.array([stated.pay_chance, stated.expected_payment]))


def steps_mean(seed: int, gain: float, error: float = 1.5, size: int = 200) -> Draw:
    """Hold mean and spread of settled draws of a table of steps against the closed form that tells what a cliff costs."""
    values = gain + error * standard_draws(np.eye(1), size, seed)[:, 0]
    paid = draw_payments(inputs_of(STEPS), lambda k: {"gain": [Priced(exact(values[k]), "drawn", True)]}, size)
    stated = cliff_cost(STEPS, gain, error)
    return Draw(np.array([paid.mean, paid.std_dev**2]), np.array([stated.expected, stated.std_dev**2]))


CASES: tuple[Case, ...] = (
    Case(
        "payment, linear price far from zero",
        "what the true gain is worth, in dollars; interval of 300 draws",
        partial(linear_payment, gain=1.0),
        SMOOTH,
    ),
    Case(
        "payment, linear price",
        "mean of 150 drawn payments against the payment of the estimate",
        mean_of_draws,
        UNBIASED,
    ),
    *(
        Case(
            f"payment behind a gate, gain of {multiple} standard errors",
            "chance and mean of 150 settled draws against the closed form",
            partial(gate_chance, multiple=multiple),
            UNBIASED,
        )
        for multiple in (0.0, 1.64, 2.49)
    ),
    Case(
        "payment by steps, near both thresholds",
        "mean and variance of 200 settled draws against the closed form",
        partial(steps_mean, gain=9.0),
        UNBIASED,
    ),
)
