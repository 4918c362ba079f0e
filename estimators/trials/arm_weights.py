"""Contamination bias: what a regression with several arms and controls credits to the wrong arm, and estimators without it.

With arms drawn by chances that differ by controls, the coefficient of an arm in an additive (partially linear) regression
is a weighted average of its own effects plus weighted sums, with weights that add up to nothing, of the other arms'
effects. Where effects vary with the controls those sums are not nothing. Beside that estimator, ``pl``, stand four:

=======  ==============================================================================================
``own``  what the coefficient owes to the arm's own effects; the rest is contamination
``ate``  the average effect over everybody: a regression for every arm, at the mean of the controls
``ew``   one arm at a time: a regression on the people of that arm and of the control
``cw``   the average effect under the weights, the same for all arms, that are easiest to estimate with
=======  ==============================================================================================

Errors are for a population; those of ``oracle`` hold the controls and the chances of the arms to be known.

Source: Goldsmith-Pinkham, Hull and Kolesár (2024), Contamination bias in linear regressions, American Economic Review
114(12), 4015-4051: proposition 1, sections III and IV. The worst case is the rearrangement inequality (Hardy, Littlewood
and Pólya 1934, theorem 368). Contamination between providers whose people overlap is another thing; see
``counterfoil.estimators.contamination``.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import Experiment, check_clusters
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.spec import Sample
from counterfoil.estimators.trials.arms import Arms, in_words, read_arms
from counterfoil.estimators.trials.five_estimators import five_estimators

ESTIMATORS: Final = ("pl", "own", "ate", "ew", "cw")
WITH_ORACLE: Final = ("ate", "ew", "cw")


@dataclass(frozen=True, slots=True, eq=False)
class ArmWeights:
    """The five estimators of every arm's effect, jointly.

    Parameters
    ----------
    arms : tuple of str
        K labels, without the control.
    joint : Estimate
        5 K terms, estimator after estimator: ``pl: a``, ``pl: b``, ..., ``cw: b``.
    sources : Estimate
        K x K terms, ``a from b``: what the coefficient of an arm owes to the effects of each.
    oracle : Estimate
        3 K terms, of ``ate``, ``ew`` and ``cw``, with the errors for known controls and chances.
    weights : ndarray, shape (K, K, n_people)
        Weight of each person's own effect of the second arm in the coefficient of the first.
    effects : ndarray, shape (n_people, K)
        Each person's effects as the controls predict them.
    propensity_spread : float
        Largest standard deviation of an arm's estimated chance.
    saturated : bool
        Whether the controls are blocks alone, so that weights and effects rest on no functional form.
    """

    arms: tuple[str, ...]
    joint: Estimate
    sources: Estimate
    oracle: Estimate
    weights: FloatArray
    effects: FloatArray
    propensity_spread: float
    saturated: bool

    def estimate(self, name: Literal["pl", "own", "ate", "ew", "cw"]) -> Estimate:
        """Return one estimator: a term an arm."""
        count, place = len(self.arms), ESTIMATORS.index(name)
        return replace(self.joint.select(range(place * count, (place + 1) * count)), terms=self.arms)

    def difference(self, name: Literal["own", "ate", "ew", "cw"]) -> Estimate:
        """Return ``pl`` less another estimator, with the error of the difference; less ``own`` it is the contamination."""
        count, place = len(self.arms), ESTIMATORS.index(name)
        rows = np.zeros((count, 5 * count))
        rows[:, :count] = np.eye(count)
        rows[:, place * count : (place + 1) * count] -= np.eye(count)
        return replace(self.joint.contrast(rows, self.arms), estimand=f"pl less {name}")

    def worst_case(self) -> pd.DataFrame:
        """Return the contamination, and its range if the same effects had fallen on other people.

        Returns
        -------
        DataFrame
            One row an arm: contamination, low, high, in the outcome's units. Each arm's effects are arranged among people
            so that they go least or most with its weights in the coefficient of another.

        Raises
        ------
        EstimationError
            EST-023 unless the controls are blocks alone: else weights and effects are not those of people.
        """
        if not self.saturated:
            raise refusal("EST-023", "the worst case is of controls that are blocks alone", "estimator")
        size = range(len(self.arms))
        ordered = np.sort(self.effects, axis=0)
        rows = []
        for k in size:
            others = [j for j in size if j != k]
            weights = np.sort(self.weights[k], axis=1)
            found = [(self.weights[k, j] @ self.effects[:, j]) for j in others]
            low = [weights[j] @ ordered[::-1, j] for j in others]
            high = [weights[j] @ ordered[:, j] for j in others]
            rows.append([self.arms[k], sum(found), sum(low), sum(high)])
        return pd.DataFrame(rows, columns=["term", "contamination", "low", "high"])

    def tidy(self) -> pd.DataFrame:
        """Return one row an arm and estimator: term, estimator, estimate, std_error, oracle_error (of three of them)."""
        frame = pd.DataFrame(
            {
                "term": self.arms * len(ESTIMATORS),
                "estimator": np.repeat(ESTIMATORS, len(self.arms)),
                "estimate": self.joint.values,
                "std_error": self.joint.std_error,
            }
        )
        frame["oracle_error"] = np.nan
        frame.loc[frame["estimator"].isin(WITH_ORACLE), "oracle_error"] = self.oracle.std_error
        return frame.sort_values("term", kind="stable", ignore_index=True)

    def __repr__(self) -> str:
        return f"{self.joint._header}\n{self.tidy().to_string(index=False, float_format=lambda x: f'{x:.6g}')}"


def contamination_bias(
    spec: Experiment, data: Study | pd.DataFrame, *, overlap: Literal["refuse", "drop"] = "refuse"
) -> ArmWeights:
    """Estimate every arm's effect in five ways, and how much of the first is another arm's.

    Parameters
    ----------
    spec : Experiment
        Its arms, and its blocks and covariates as controls.
    data : Study or DataFrame
    overlap : {"refuse", "drop"}
        What to do about blocks that lack an arm: refuse, or leave their people out and say so.

    Raises
    ------
    EstimationError
        EST-017 without controls, EST-023 when some control does not vary within an arm, EST-002 when the chances of the arms
        cannot be estimated.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> block = np.repeat([0, 1], 300)
    >>> arm = np.array(["a", "b", "none"])[np.where(rng.random(600) < 0.6, block, 2 - block)]
    >>> frame = pd.DataFrame({"arm": arm, "block": block, "age": rng.normal(size=600), "y": rng.normal(size=600)})
    >>> found = contamination_bias(Experiment(outcome="y", assigned="arm", control="none", covariates=("age",)), frame)
    >>> found.estimate("cw").terms
    ('a', 'b')
    """
    sample, names = spec.sample(data)
    arms = read_arms(sample.study, spec.assigned, spec.control, spec.arm)
    by = spec.pairs or spec.blocks
    if by is None and not names:
        raise refusal("EST-017", "no blocks or covariates are named, so that arms cannot be contaminated", "estimator")
    if by is not None and overlap == "drop":
        sample, arms = _with_every_arm(spec, sample, arms, by)
    study = sample.study
    controls, dropped = _controls(study, by, names, sample.weights)
    cluster, error_type = spec.errors_on(study, unclustered="HC0")
    clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
    check_clusters(clusters, *(arms.codes == code for code in range(1, len(arms.labels))))
    labels = arms.labels[1:]
    lacking = [
        label
        for code, label in enumerate(arms.labels)
        if np.linalg.matrix_rank(controls[arms.codes == code]) < controls.shape[1]
    ]
    if lacking:
        raise refusal("EST-023", f"blocks or covariates do not vary within arm {listed(lacking)}", "people")
    fitted = five_estimators(study.outcome(spec.outcome, spec.period), arms.codes, controls, sample.weights)
    notes = (Problem("EST-005", f"left out of the model: {dropped} columns", "estimator"),) if dropped else ()

    def estimate(values: FloatArray, influence: FloatArray, terms: list[str]) -> Estimate:
        return Estimate(
            terms=tuple(terms),
            values=values,
            ids=study.ids,
            influence=influence,
            clusters=clusters,
            cluster_names=cluster_names,
            cluster_by=cluster,
            parameters=controls.shape[1] + len(labels),
            error_type=error_type,
            target="population",
            outcome=spec.outcome or study.outcome_names[0],
            estimand="effect of assignment (intention to treat)",
            people=int((arms.codes > 0).sum()),
            population=in_words(labels),
            warnings=(*sample.warnings, *notes),
            diagnostics={**{f"arm {label}": count for label, count in arms.counts.items()}, **sample.counts},
        ).using(error_type)

    pairs = [f"{one} from {other}" for one in labels for other in labels]
    return ArmWeights(
        arms=labels,
        joint=estimate(
            fitted.values.ravel(), fitted.influence, [f"{name}: {arm}" for name in ESTIMATORS for arm in labels]
        ),
        sources=estimate(fitted.sources, fitted.source_influence, pairs),
        oracle=estimate(
            fitted.values[2:].ravel(), fitted.oracle, [f"{name}: {arm}" for name in WITH_ORACLE for arm in labels]
        ),
        weights=fitted.weights,
        effects=fitted.effects,
        propensity_spread=fitted.propensity_spread,
        saturated=not names,
    )


def _controls(study: Study, by: str | None, names: tuple[str, ...], weights: FloatArray) -> tuple[FloatArray, int]:
    """Return a constant, block dummies and covariates, in standard units, as independent columns; and how many are not."""
    covariates = study.covariates(names)[0]
    fixed = np.empty((study.n_people, 0))
    if by is not None:
        codes = study.codes(by)
        fixed = (codes[:, None] == np.arange(1, codes.max() + 1)).astype(np.float64)
    scale = covariates.std(axis=0)
    covariates = (covariates - covariates.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    design = np.hstack([np.ones((study.n_people, 1)), fixed, covariates])
    fit = least_squares(design * np.sqrt(weights)[:, None], np.zeros(study.n_people))
    return design[:, fit.kept], len(fit.dropped)


def _with_every_arm(spec: Experiment, sample: Sample, arms: Arms, by: str) -> tuple[Sample, Arms]:
    """Leave out the blocks that lack an arm, and count their people."""
    study, codes = sample.study, sample.study.codes(by)
    there = np.zeros((int(codes.max()) + 1, len(arms.labels)), dtype=bool)
    there[codes, arms.codes] = True
    keep = np.asarray(there.all(axis=1))[codes]
    if keep.all():
        return sample, arms
    if not keep.any():
        raise refusal("EST-023", "every block lacks an arm", "people")
    lost = int((~keep).sum())
    what = f"left out of the analysis, as declared: {shown(lost)} in blocks that lack an arm"
    kept = Sample(
        study.subset(keep),
        sample.weights[keep] / sample.weights[keep].mean(),
        sample.weighted,
        {**sample.counts, "people_used": int(keep.sum()), "every arm in the block": lost},
        (*sample.warnings, Problem("EST-007", what, "people")),
    )
    return kept, read_arms(kept.study, spec.assigned, spec.control, spec.arm)
