"""A design fitted again and again, each time to data that were changed in one way."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.refutation.fitted_designs import measured
from counterfoil.estimators.refutation.reassignment import Exchange, reassigned, some_of, with_noise
from counterfoil.estimators.spec import Design

Changing = Literal["placebo_treatment", "dummy_outcome", "random_common_cause", "data_subset"]
Progress = Callable[[int], Any]
TOLERATED: Final = 0.1
"""Part of the repetitions that a design may refuse; those that are left would else be another kind of data."""
NOISE: Final = "random common cause"


def generator(seed: int, *key: object) -> np.random.Generator:
    """Return the stream of a repetition, from what it is and not from when it runs."""
    digest = hashlib.sha256("\x1f".join(map(str, (seed, *key))).encode()).digest()
    return np.random.default_rng(list(digest))


class Count:
    """How many repetitions are done."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.done = progress, 0

    def another(self) -> None:
        """Count one more."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done)


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """What came out: values (r, k), whether each interval misses zero (r, k), and how many repetitions were refused."""

    values: FloatArray
    misses: FloatArray
    refused: int


def repeat(
    name: Changing,
    draws: int,
    part: float,
    seed: int,
    spec: Design,
    study: Study,
    places: Exchange | None,
    kernel: Kernel | None,
    conf_level: float,
    provider: str,
    count: Count,
) -> Repeated:
    """Change the data and fit the design again, many times.

    Raises
    ------
    EstimationError
        EST-054 when the design refuses more than a tenth of the repetitions.
    """
    values, misses, refused = [], [], 0
    last: CounterfoilError | None = None
    for number in range(draws):
        rng = generator(seed, name, provider, number)
        try:
            changed, over = _changed(name, spec, study, places, part, rng)
            found = measured(changed, over, kernel)
            low, high = found.interval(conf_level).T
        except CounterfoilError as error:
            refused, last = refused + 1, error
        else:
            values.append(found.values)
            misses.append((low > 0) | (high < 0))
        count.another()
    if last is not None and refused > TOLERATED * draws:
        what = f"{name}: the design refused {refused} of {draws} repetitions, the last with {last.problems[0].code}"
        raise refusal("EST-054", f"{what} ({last.problems[0].what})", "estimator")
    return Repeated(np.array(values), np.array(misses, dtype=np.float64), refused)


def _changed(
    name: Changing, spec: Design, study: Study, places: Exchange | None, part: float, rng: np.random.Generator
) -> tuple[Design, Study]:
    if name == "dummy_outcome":
        return spec, with_noise(study, spec.outcome, spec.period, rng)
    if name == "random_common_cause":
        people = study.people.assign(**{NOISE: rng.normal(size=study.n_people)})
        return spec.model_copy(update={"covariates": (*spec.covariates, NOISE)}), replace(
            study, people=people, digests={}
        )
    if places is None:
        raise ValueError("who changes places with whom is known for these tests")
    return spec, reassigned(study, places, rng) if name == "placebo_treatment" else some_of(study, places, part, rng)
