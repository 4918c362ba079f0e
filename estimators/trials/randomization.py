"""Randomization inference: how rare the observed effect is among the effects of all lotteries that could have been drawn.

Under the sharp null that assignment changed nobody's outcome by more or less than τ, everybody's outcome under every
assignment is known, and so is the distribution of any statistic over the lottery. The p-value is exact whatever outcomes
are like. Inverted over τ the test gives a confidence interval for a constant effect. The observed assignment counts as
one of the draws, so that a p-value is never below one over their number.

Statistics, each the mean over blocks by size of assigned less control: ``difference`` of means, and ``studentized``, the
difference over its own error, whose test stays valid in large samples when effects vary around nothing. Covariates are
projected out of the outcome once, before anything is drawn.

Sources: Fisher (1935), *The Design of Experiments*; Rosenbaum (2002), Statistical Science 17(3), 286-327, for covariates;
Phipson and Smyth (2010) for counting the observed draw; Wu and Ding (2021), Journal of the American Statistical
Association 116(536), for studentized statistics; Zhao and Ding (2021), Journal of Econometrics 225(2), for both together.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.trials.arms import read_arms
from counterfoil.estimators.trials.lottery import Codes, Drawn, Lottery, units_of
from counterfoil.estimators.trials.lottery_statistic import Alternative, Statistic, UnitSums, statistic_of
from counterfoil.estimators.trials.sharp_null import RandomizationTest

AT_ONCE: Final = 1_000_000
"""Entries of the matrix of assignments that are held at a time."""


def randomize(
    outcome: ArrayLike,
    arms: ArrayLike,
    *,
    blocks: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    assignments: ArrayLike | None = None,
    statistic: Statistic = "difference",
    alternative: Alternative = "two-sided",
    draws: int = 9_999,
    seed: int = 0,
    terms: tuple[str, ...] = (),
) -> RandomizationTest:
    """Test by randomization whether assignment changed anybody's outcome.

    Parameters
    ----------
    outcome : array, shape (n,)
    arms : array of int, shape (n,)
        0 for the control, 1 to K for the other arms. With K > 1 every arm is drawn anew: the null is that none has an effect.
    blocks : array of int, shape (n,), optional
        Codes of the groups within which the lottery was drawn.
    clusters : array of int, shape (n,), optional
        Codes of the groups that were drawn as one; people were drawn one by one when omitted.
    covariates : array, shape (n, p), optional
        Measured before assignment; projected out of the outcome.
    weights : array, shape (n,), optional
        Positive observation weights.
    assignments : array of int, shape (n_assignments, n), optional
        Every assignment that could have been drawn, all equally likely, the observed one among them. When omitted: every
        arm of a block keeps its number of units.
    statistic : {"difference", "studentized"}
    alternative : {"two-sided", "greater", "less"}
        "greater" looks for effects above nothing.
    draws : int
        How many assignments are drawn; all are counted when there are no more than this.
    seed : int
        Same seed, same draws.
    terms : tuple of str
        What the K effects are called.

    Raises
    ------
    EstimationError
        EST-021 when the lottery that is declared cannot have given the observed assignment or gives no other, EST-001 when
        a block has a single unit in an arm and the statistic is studentized.
    """
    values, codes = np.asarray(outcome, dtype=np.float64), np.asarray(arms, dtype=np.intp)
    block, cluster = (None if part is None else np.asarray(part, dtype=np.intp) for part in (blocks, clusters))
    mass = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    lottery, unit = units_of(codes, block, cluster)
    count = int(codes.max())
    responses = np.column_stack([values, codes > 0])
    if covariates is not None:
        responses = _projected(responses, np.asarray(covariates, dtype=np.float64), mass)
    units = UnitSums.of(responses, mass, unit, lottery)
    if assignments is not None:
        every = _listed(np.asarray(assignments), codes, unit)
        exact, listed = True, iter([every])
    else:
        exact, listed = _assignments(lottery, draws, np.random.default_rng(seed))
    # For one effect the parts are kept, so that other constant effects can be tested without drawing anew.
    needed = [units.parts(drawn, arm, statistic) for drawn in listed for arm in range(1, count + 1)]
    found = [np.concatenate(needed[arm::count]) for arm in range(count)]
    observed = [units.parts(lottery.arms.astype(np.int8)[None], arm, statistic)[0] for arm in range(1, count + 1)]
    return RandomizationTest(
        terms=terms or (("gain",) if count == 1 else tuple(f"arm {arm}" for arm in range(1, count + 1))),
        observed=np.array([statistic_of(part, statistic, 0.0) for part in observed]),
        distribution=np.column_stack([statistic_of(part, statistic, 0.0) for part in found]),
        parts=found[0] if count == 1 else None,
        observed_parts=observed[0] if count == 1 else None,
        statistic=statistic,
        alternative=alternative,
        exact=exact,
        drawn_by=f"{len(lottery.arms):,} {'people' if cluster is None else 'clusters'}"
        + (f" in {len(lottery.bounds):,} blocks" if block is not None else ""),
    )


def randomization_inference(
    spec: Experiment,
    data: Study | pd.DataFrame,
    *,
    drawn: Literal["people", "clusters"] | None = None,
    statistic: Statistic = "difference",
    alternative: Alternative = "two-sided",
    draws: int = 9_999,
    seed: int = 0,
) -> RandomizationTest:
    """Test an experiment's effect by randomization, with the lottery that its spec declares.

    Pairs and blocks are those of the spec. An arm that is named is tested by drawing its people and the control's anew,
    whatever effects other arms have; with ``control`` and no ``arm`` all arms are tested together.

    Parameters
    ----------
    spec : Experiment
    data : Study or DataFrame
    drawn : {"people", "clusters"}, optional
        What the lottery drew. When omitted: clusters, if the spec names them and each holds one arm; else people.
    statistic, alternative, draws, seed
        As in `randomize`.

    Examples
    --------
    >>> import counterfoil as cf
    >>> found = randomization_inference(Experiment(outcome="earnings"), cf.datasets.load("nsw"), draws=1_999)
    >>> bool(found.p_values[0] < 0.02)
    True
    """
    sample, names = spec.sample(data)
    study, weights = sample.study, sample.weights
    arms = read_arms(study, spec.assigned, spec.control, spec.arm)
    kept = np.ones(study.n_people, dtype=bool)
    if len(arms.chosen) < len(arms.labels) - 1:
        kept = np.isin(arms.codes, (0, *arms.chosen))
    codes = np.unique(arms.codes[kept], return_inverse=True)[1]
    column = spec.cluster or study.cluster
    group = None if column is None else _compact(study.codes(column)[kept])
    if drawn == "people" or (drawn is None and group is not None and _mixed(group, codes)):
        group = None
    if drawn == "clusters" and group is None:
        raise refusal("EST-021", "clusters were drawn, and the spec names none", "estimator", "name them as `cluster:`")
    by = spec.pairs or spec.blocks
    covariates = study.covariates(names)[0][kept]
    return randomize(
        study.outcome(spec.outcome, spec.period)[kept],
        codes,
        blocks=None if by is None else _compact(study.codes(by)[kept]),
        clusters=group,
        covariates=covariates if covariates.shape[1] else None,
        weights=weights[kept] if sample.weighted else None,
        statistic=statistic,
        alternative=alternative,
        draws=draws,
        seed=seed,
        terms=tuple(arms.labels[code] for code in arms.chosen) if spec.control and spec.arm is None else ("gain",),
    )


def _assignments(lottery: Lottery, draws: int, rng: np.random.Generator) -> tuple[bool, Iterator[Drawn]]:
    """Return whether every assignment is counted, and the assignments, some at a time."""
    if lottery.few(1):
        raise refusal("EST-021", "the lottery could have given no other assignment", "people")
    if lottery.few(draws):
        return True, iter([lottery.every()])

    def drawn() -> Iterator[Drawn]:
        yield lottery.arms.astype(np.int8)[None]
        step = max(1, AT_ONCE // len(lottery.arms))
        for first in range(0, draws, step):
            yield lottery.draw(min(step, draws - first), rng)

    return False, drawn()


def _listed(assignments: NDArray[Any], arms: Codes, unit: Codes) -> Drawn:
    """Return listed assignments of people as assignments of units."""
    if assignments.ndim != 2 or assignments.shape[1] != len(arms):
        raise refusal("EST-021", f"assignments are no table with {len(arms)} columns, one a person", "assignments")
    if not (assignments == arms).all(axis=1).any():
        raise refusal("EST-021", "the observed assignment is none of those listed", "assignments")
    person = np.unique(unit, return_index=True)[1]
    units = assignments[:, person]
    if (units[:, unit] != assignments).any():
        raise refusal("EST-021", "a listed assignment divides a cluster", "assignments")
    return np.asarray(units, dtype=np.int8)


def _projected(responses: FloatArray, covariates: FloatArray, weights: FloatArray) -> FloatArray:
    """Return what covariates and a constant leave of each response (n, m)."""
    root = np.sqrt(weights)[:, None]
    design = np.hstack([np.ones((len(covariates), 1)), covariates]) * root
    left = [least_squares(design, column * root[:, 0]).residuals / root[:, 0] for column in responses.T]
    return np.column_stack(left)


def _compact(codes: Codes) -> Codes:
    return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.intp)


def _mixed(groups: Codes, arms: Codes) -> bool:
    return len(np.unique(np.column_stack([groups, arms]), axis=0)) > int(groups.max()) + 1
