"""Calibration of what turns a gain into money: the pot against the split, and how gates operate.

``python benchmarks/calibrate_money.py`` prints the figures; the cases are rows for the table of ``calibrate``.
"""

import argparse
import sys
from typing import Any

import numpy as np
import pandas as pd
from calibrate import MISSPECIFIED, Case, Draw, measured

import counterfoil as cf
from counterfoil.attribution.payment import Gate, apply_gate, compare_pot_and_split, gate_operating
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


def gate_draw(seed: int, multiple: float) -> tuple[bool, float, float, float]:
    """Return whether a gate opens at a true gain of so many standard errors, the estimate, the gain and the critical value."""
    size = 400
    gain = multiple * 2.0 / np.sqrt(size)
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"assigned": rng.permutation(size) < size // 2})
    frame["y"] = gain * frame["assigned"] + rng.normal(size=size)
    total = Experiment(outcome="y").fit(frame.astype(float))
    result = apply_gate(Gate(), total, "higher")
    return result.passes, float(total.values[0]), gain, total.critical(0.95, "one_sided")


CASES: tuple[Case, ...] = (
    Case("a lottery pays, no gain, contributions divide", "pot less split", lambda s: pot_less_split(s, effect=0.0)),
    Case(
        "a lottery pays, future people, contributions divide (error counts gains' spread twice)",
        "pot less split",
        lambda s: pot_less_split(s, target="population", model="pairwise"),
        MISSPECIFIED,
    ),
    Case(
        "a lottery pays, contributions divide (error counts gains' spread twice)",
        "pot less split",
        lambda s: pot_less_split(s, model="pairwise"),
        MISSPECIFIED,
    ),
    Case(
        "a Lin-adjusted lottery pays, adjusted contributions divide (error counts gains' spread twice)",
        "pot less split",
        lambda s: pot_less_split(s, adjusted=True, model="pairwise"),
        MISSPECIFIED,
    ),
)


def main() -> None:
    """Print coverage of the difference, and what gates do against what the formula says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400)
    draws = parser.parse_args().draws
    for case in CASES:
        found = [case.run(seed) for seed in range(draws)]
        spread = np.std([draw.values[0] for draw in found])
        error = np.mean([draw.error for draw in found if draw.error is not None])
        covered = np.mean([draw.covered for draw in found if draw.covered is not None])
        bias = np.mean([draw.values[0] for draw in found])
        sys.stdout.write(
            f"{case.name}: bias {bias:.4f}, spread {spread:.4f}, error {error:.4f}, coverage {covered:.3f}\n"
        )
    for multiple in (0.0, 1.64, 2.49):
        drawn = [gate_draw(seed, multiple) for seed in range(draws)]
        passed = np.array([row[0] for row in drawn])
        mean = np.mean([row[1] for row in drawn if row[0]]) if passed.any() else float("nan")
        gain, critical = drawn[0][2:]
        stated = gate_operating(gain, 2.0 / np.sqrt(400), critical)
        sys.stdout.write(
            f"gate at {multiple} standard errors: opens {passed.mean():.3f} (stated {stated.pay_chance:.3f}), "
            f"mean estimate when open {mean:.4f} (stated {stated.estimate_if_paid:.4f})\n"
        )


if __name__ == "__main__":
    main()
