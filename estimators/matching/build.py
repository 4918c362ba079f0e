"""From a request to matched people, without outcomes."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.overlap import weak_overlap
from counterfoil.estimators.comparisons.score import Score, fit_score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.matched import Matched
from counterfoil.estimators.matching.matches import Matches
from counterfoil.estimators.matching.methods import METHODS, NEEDS_NO_DISTANCE, NEEDS_SCORE, Request
from counterfoil.estimators.matching.metric import BY_SCORE, blocks_of, places_of, ruler_of
from counterfoil.estimators.matching.unchosen import few_chosen

if TYPE_CHECKING:
    from counterfoil.estimators.matching.matching import Matching

WHOM = {"att": "the treated", "atc": "the untreated", "ate": "everybody"}


def build(spec: "Matching", data: Study | pd.DataFrame) -> Matched:
    """Match people as a spec asks for; see `Matching.build`."""
    sample = _two_groups(spec, data)
    score = _score(spec, sample)
    focal = {"att": sample.of(1), "atc": sample.of(0), "ate": np.ones(sample.n, dtype=bool)}[spec.estimand]
    blocks = blocks_of(spec.exact, sample)
    apart = spec.method in NEEDS_NO_DISTANCE
    places = np.zeros((sample.n, 1)) if apart else places_of(spec, sample, score)
    ruler = None if apart else ruler_of(spec, score)
    if ruler is None and score is not None and not apart and _chooses(spec):
        ruler = places[:, 0] if spec.distance in BY_SCORE else score.treated
    found = METHODS[spec.method](Request(spec, sample, score, places, ruler, blocks, focal))
    matches = found.matches
    counts, lost = _counts(spec, sample, matches, focal, blocks)
    balancing = balancing_of(sample, matches)
    warnings = (
        *sample.warnings,
        *lost,
        *found.warnings,
        *few_chosen(spec, sample, matches, balancing),
        *weak_overlap(sample, balancing, score, spec.estimand),
        *_learned(spec, score),
    )
    if apart and matches.sets is not None:
        places = matches.sets[:, None].astype(np.float64)
    return Matched(
        spec, sample, score, matches, balancing, places, {**counts, **found.counts}, tuple(dict.fromkeys(warnings))
    )


def balancing_of(sample: ComparisonSample, matches: Matches) -> FloatArray:
    """Return what each person counts, shape (n, 1): as a focal person who has partners, and as a partner."""
    own = sample.weights * matches.matched
    return np.asarray((own + matches.carried(own))[:, None])


def _two_groups(spec: "Matching", data: Study | pd.DataFrame) -> ComparisonSample:
    """Draw the people of the two groups that are compared."""
    sample = draw_comparison(spec, data, two=True)
    for code, word in ((0, "untreated"), (1, "treated")):
        if sample.of(code).sum() < 2:
            raise refusal("EST-001", f"one person is {word}, so that nothing says how much such people vary", "people")
    return sample


def _chooses(spec: "Matching") -> bool:
    """Tell whether who chooses first is said by the score."""
    return spec.method == "nearest" and not spec.replace and spec.order in ("largest", "smallest")


def _learned(spec: "Matching", score: Score | None) -> tuple[Problem, ...]:
    """Return EST-047 where people are alike by chances whose estimation no error can count."""
    by_score = spec.distance in BY_SCORE or spec.method in NEEDS_SCORE
    if score is None or not score.known or not by_score:
        return ()
    return (
        Problem("EST-047", "people are alike by chances of treatment that come from a learner", "estimator, score"),
    )


def _score(spec: "Matching", sample: ComparisonSample) -> Score | None:
    if spec.method in NEEDS_NO_DISTANCE:
        return None
    by_score = spec.distance in BY_SCORE or spec.method in NEEDS_SCORE
    if not (by_score or spec.caliper is not None or _chooses(spec)):
        return None
    weights = sample.weights if sample.weighted else None
    return fit_score(sample.codes, sample.adjusting.values, weights, spec.score, spec.seed)


def _counts(
    spec: "Matching", sample: ComparisonSample, matches: Matches, focal: NDArray[np.bool_], blocks: NDArray[np.intp]
) -> tuple[dict[str, int], tuple[Problem, ...]]:
    """Count who has partners, and warn of people who have none.

    Raises
    ------
    IdentificationError
        IDENT-038 when nobody has a partner.
    """
    matched = matches.matched
    total, found = int(focal.sum()), int(matched.sum())
    reasons = _reasons(spec, sample, focal & ~matched, blocks)
    if not found:
        why = f": {listed(reasons)}" if reasons else ""
        raise refusal(
            "IDENT-038", f"none of {shown(total)} people ({WHOM[spec.estimand]}) has a partner{why}", "people"
        )
    used = (matches.carried(matched.astype(np.float64)) > 0) & ~matched
    counts = {"wanted": total, "matched": found, "unmatched": total - found, "partners": int(used.sum())}
    if spec.estimand == "ate":
        counts["partners"] = int((matches.carried(matched.astype(np.float64)) > 0).sum())
    if found == total:
        return counts, ()
    what = (
        f"{shown(total - found)} of {shown(total)} people ({WHOM[spec.estimand]}) have no partner"
        f"{' (' + '; '.join(reasons) + ')' if reasons else ''}: the effect is that of the others"
    )
    return counts, (Problem("EST-043", what, "people"),)


def _reasons(
    spec: "Matching", sample: ComparisonSample, lost: NDArray[np.bool_], blocks: NDArray[np.intp]
) -> list[str]:
    """Say why some people have no partner, with counts where they are known."""
    reasons = []
    if spec.exact:
        there = np.array([np.bincount(blocks, sample.codes == code) > 0 for code in (1, 0)])
        alone = lost & ~there[sample.codes, blocks]
        if alone.any():
            reasons.append(f"{shown(int(alone.sum()))} without anybody of the other group equal in the exact columns")
        lost = lost & ~alone
    if lost.any() and spec.method == "nearest":
        few = "" if spec.min_ratio == 1 else f"{spec.min_ratio} "
        many = "people" if spec.min_ratio > 1 else "anybody"
        free = "" if spec.replace else " still free"
        near = "" if spec.caliper is None else " within the caliper"
        reasons.append(f"{shown(int(lost.sum()))} without {few}{many}{free}{near}")
    return reasons
