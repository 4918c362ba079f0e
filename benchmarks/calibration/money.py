"""Rows for what turns a gain into money: payments, gates, and the pot against the split."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

import counterfoil as cf
from calibration.case import CHANCE, REPORTED, UNBIASED, Case, Draw, measured
from calibration.experiments import lottery
from counterfoil.attribution.payment import Gate, apply_gate, compare_pot_and_split, gate_operating
from counterfoil.datasets.cradle import PROVIDERS as CRADLE
from counterfoil.estimators import Contribution, Experiment

PROVIDERS = ("a", "b", "c")
SERVED = (0.6, 0.45, 0.35)


def pot_study(seed: int, effect: float = 1.0, size: int = 600) -> cf.Study:
    """Draw a lottery in which the assigned get services of three providers by chance, and control gets none."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=size)
    data = pd.DataFrame({"assigned": rng.permutation(size) < size // 2, "x": x})
    had = (rng.random((size, 3)) < SERVED) & data["assigned"].to_numpy()[:, None]
    gain = effect * (had @ np.array([1.0, 0.6, 0.0]) + 0.3 * (had[:, 0] & had[:, 1]))
    data[list(PROVIDERS)] = had
    data["y"] = x + gain + rng.normal(size=size)
    return cf.Study.from_frame(data.astype(float), providers=PROVIDERS, outcomes=["y"])


def pot_less_split(seed: int, adjusted: bool = False, **terms: Any) -> Draw:
    """Hold the interval of the pot less the split against zero, the truth when both designs are right."""
    study = pot_study(seed, effect=terms.pop("effect", 1.0))
    covariates = ("x",) if adjusted else ()
    spec = Contribution.model_validate({"outcome": "y", "providers": PROVIDERS, "covariates": covariates, **terms})
    pot = Experiment(outcome="y", covariates=covariates).fit(study)
    return measured(compare_pot_and_split(pot, spec.fit(study).total()).difference, np.zeros(1))


def cradle_payments(seed: int) -> Draw:
    """Settle the packaged contract on a new draw; the truth prices the true credits."""
    drawn = cf.datasets.simulate_cradle(seed=seed)
    contract = cf.read_contract(cf.datasets.example_folder("cradle") / "contract.yaml")
    uncapped = contract.model_copy(update={"payments": contract.payments[:1]})
    paid = cf.evaluate(uncapped, drawn.study).settlement
    if paid is None:
        raise ValueError("the simulated initiative is always answered")
    price = 30.0 * 0.9 * drawn.study.n_people
    return Draw(np.array([float(paid.by_party()[name]) for name in CRADLE]), price * drawn.credits)


def gate_at_nothing(seed: int) -> Draw:
    """Open or shut a gate when there is no effect at all; the truth is the five per cent that the gate allows."""
    total = Experiment(outcome="y", blocks="block").fit(lottery(seed, effect=0.0)[0])
    return Draw(np.array([float(apply_gate(Gate(), total, "higher").passes)]), np.array([0.05]))


def gate_operates(seed: int, multiple: float, size: int = 400) -> Draw:
    """Open or shut a gate at a true gain of so many standard errors; the truth is what was stated beforehand.

    The values are whether it opens, and what it then pays for in standard errors: the estimate, or nothing.
    """
    error = 2.0 / np.sqrt(size)
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"assigned": (rng.permutation(size) < size // 2).astype(float)})
    frame["y"] = multiple * error * frame["assigned"] + rng.normal(size=size)
    total = Experiment(outcome="y").fit(frame)
    opens = float(apply_gate(Gate(), total, "higher").passes)
    stated = gate_operating(multiple * error, error, total.critical(0.95, "one_sided"))
    paid = np.array([opens, opens * total.values[0] / error])
    return Draw(paid, np.array([stated.pay_chance, stated.pay_chance * stated.estimate_if_paid / error]))


CASES: tuple[Case, ...] = (
    Case("a lottery pays, no gain, contributions divide", "pot less split", lambda s: pot_less_split(s, effect=0.0)),
    Case(
        "a lottery pays, future people, contributions divide (error counts gains' spread twice)",
        "pot less split",
        lambda s: pot_less_split(s, target="population", model="pairwise"),
        REPORTED,
    ),
    Case(
        "a lottery pays, contributions divide (error counts gains' spread twice)",
        "pot less split",
        lambda s: pot_less_split(s, model="pairwise"),
        REPORTED,
    ),
    Case(
        "a Lin-adjusted lottery pays, adjusted contributions divide (error counts gains' spread twice)",
        "pot less split",
        lambda s: pot_less_split(s, adjusted=True, model="pairwise"),
        REPORTED,
    ),
    *(
        Case(
            f"gate at a gain of {multiple} standard errors",
            "opens; and estimate paid for, in standard errors, as stated beforehand",
            partial(gate_operates, multiple=multiple),
            UNBIASED,
        )
        for multiple in (0.0, 1.64, 2.49)
    ),
    Case("experiment, no effect", "gate opens by chance", gate_at_nothing, CHANCE),
    Case("cradle, pairwise", "payments, in dollars", cradle_payments, REPORTED),
)
