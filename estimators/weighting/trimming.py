"""Leaving out people whose chances of treatment are extreme: only as declared, with counts, and never without a warning.

The effect is then on those who are left. Chances are fitted again among them, and who is left is taken as given.

Sources: Crump, Hotz, Imbens and Mitnik (2009), Biometrika 96(1), equation 5, for the rule; Yang, Imbens, Cui, Faries and Kadziola
(2016), Biometrics 72(4), for several groups; Li, Thomas and Li (2019), American Journal of Epidemiology 188(1), for fitting again.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray

LEAST = 2
"""People that each group must keep."""


class ChanceRange(BaseModel):
    """The chances of treatment within which people are kept.

    Examples
    --------
    >>> ChanceRange(below=0.1, above=0.9)
    ChanceRange(below=0.1, above=0.9)
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"below": 0.05, "above": 0.95}]}
    )

    below: float = Field(0.0, ge=0.0, lt=1.0, description="People with a smaller chance of treatment are left out.")
    above: float = Field(1.0, gt=0.0, le=1.0, description="People with a larger chance of treatment are left out.")

    @model_validator(mode="after")
    def _is_a_range(self) -> "ChanceRange":
        if self.below >= self.above or (self.below, self.above) == (0.0, 1.0):
            raise ValueError("`trim` keeps chances between `below` and `above`: name one at least, the first smaller")
        return self


def kept_by(trim: ChanceRange | Literal["crump"], score: Score, weights: FloatArray) -> NDArray[np.bool_]:
    """Mark who is kept, shape (n,).

    Parameters
    ----------
    trim : ChanceRange or "crump"
        A range holds for the chance of each group against the untreated. Crump's rule keeps people whose Σ_g 1/π_g is at most
        twice its mean among those kept: the set on which the average effect has the smallest variance, if outcomes vary alike.
    score : Score
    weights : ndarray, shape (n,)
        Observation weights.

    Examples
    --------
    >>> chance = np.array([0.01, 0.2, 0.5, 0.8])
    >>> kept_by("crump", Score(np.column_stack([1 - chance, chance])), np.ones(4)).tolist()
    [False, True, True, True]
    """
    if trim == "crump":
        with np.errstate(divide="ignore"):
            spread = (1.0 / score.chance).sum(axis=1)
        order = np.argsort(spread, kind="stable")
        ordered = spread[order]
        mean = np.cumsum(ordered * weights[order]) / np.cumsum(weights[order])
        # Of equal values the last one counts: people with equal chances are kept or left out together.
        place = np.searchsorted(ordered, ordered, side="right") - 1
        allowed = np.flatnonzero((ordered <= 2.0 * mean[place]) & np.isfinite(ordered))
        return np.asarray(spread <= ordered[allowed[-1]]) if len(allowed) else np.zeros(len(spread), dtype=bool)
    against = score.chance[:, 1:] / (score.chance[:, 1:] + score.chance[:, [0]])
    return np.asarray(((against >= trim.below) & (against <= trim.above)).all(axis=1))


def trimmed(
    spec: ComparisonDesign, sample: ComparisonSample, trim: ChanceRange | Literal["crump"], score: Score
) -> ComparisonSample:
    """Return the comparison of those who are kept.

    Raises
    ------
    IdentificationError
        IDENT-001 where a group keeps fewer than two people.
    """
    kept = kept_by(trim, score, sample.weights)
    labels, codes = sample.arms.labels, sample.codes
    before, after = (np.bincount(codes[mask], minlength=len(labels)) for mask in (np.ones_like(kept), kept))
    if after.min() < LEAST:
        few = [label for label, count in zip(labels, after, strict=True) if count < LEAST]
        what = f"trimming leaves fewer than {LEAST} people in {listed(few)}"
        raise refusal("IDENT-001", what, "estimator, trim", "trim less, or compare groups that overlap")
    if kept.all():
        return replace(sample, counts={**sample.counts, "trimmed": 0})
    found = draw_comparison(spec, sample.study.subset(kept))
    lost = {f"trimmed {label}": int(a - b) for label, a, b in zip(labels, before, after, strict=True)}
    gone = ", ".join(f"{shown(count)} of {reason.removeprefix('trimmed ')}" for reason, count in lost.items() if count)
    warning = Problem("EST-046", f"left out for their chance of treatment, as declared: {gone}", "estimator, trim")
    return replace(
        found,
        counts={
            **sample.counts,
            **found.counts,
            "people_in": sample.counts["people_in"],
            "trimmed": int((~kept).sum()),
            **lost,
        },
        warnings=tuple(dict.fromkeys((*sample.warnings, *found.warnings, warning))),
    )
