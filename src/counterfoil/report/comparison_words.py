"""What the report says of comparisons without a lottery: who is held against whom, alike in what, and on what that rests."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from counterfoil.errors import listed
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust
from counterfoil.estimators.matching.cuts import Cut
from counterfoil.estimators.matching.matching import Matching
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting
from counterfoil.estimators.weighting.trimming import ChanceRange
from counterfoil.estimators.weighting.weighting import Weighting

if TYPE_CHECKING:
    from counterfoil.contract import Comparison

MOST: Final = 20
"""Covariates named in a sentence."""
ALIKE: Final = "People who are alike in what was recorded would have fared alike without the programme: nothing unrecorded decided both who had it and how they fared."
IN_COMMON: Final = "Whoever is compared could have been in either group (overlap)."

DISTANCES: Final = {
    "score": "their chance of having the programme, judged by {alike}",
    "linear_score": "their chance of having the programme, judged by {alike}",
    "mahalanobis": "{alike}, allowing for how these go together",
    "scaled": "{alike}, each in its own standard deviations",
}
RULES: Final = {
    "sturges": "by Sturges' rule",
    "freedman_diaconis": "by the rule of Freedman and Diaconis",
    "quartiles": "at quartiles",
}
FIRST: Final = {
    "largest": "those with the largest chance choosing first",
    "smallest": "those with the smallest chance choosing first",
    "data": "choosing in the order of person ids",
    "random": "choosing in an order drawn by lot",
}
SETS: Final = {
    "exact": "People alike in {alike} are compared within such sets.",
    "coarsened_exact": "People alike in {alike}, numbers cut into bins{bins}, are compared within such sets.",
    "subclassification": "People are sorted into {subclasses} sets by their chance of having the programme, judged by {alike}, and "
    "compared within sets.",
    "full": "Everybody is put into a set with at least one person of each group, as near as can be in {distance}, and "
    "compared within sets.",
}
BUILT: Final = {
    "score": "{others} are weighted by their chance of having the programme, judged by {alike}, to be like {whom}",
    "entropy": "{others} are weighted, as evenly as can be, to have the means of {alike} of {whom}",
    "cbps": "{others} are weighted by chances of having the programme that are chosen to balance {alike}, to be like {whom}",
}
WHOM: Final = {
    "att": "the people who had the programme",
    "atc": "the people who had it not",
    "ate": "everybody",
    "ato": "the people who could have been in either group",
    "atm": "the people whom one-to-one matching would keep",
}


def describe_comparison(spec: "Comparison") -> str:
    """Say how a comparison without a lottery compares people."""
    if isinstance(spec, LongitudinalWeighting):
        return _over_periods(spec)
    alike = _and(spec.covariates) if spec.covariates else "nothing that is recorded"
    parts = [f"{_who(spec)} {_how(spec, alike)}", f"The gain is the average for {WHOM[spec.estimand]}."]
    if isinstance(spec, Matching):
        parts.append("Who is matched with whom was settled without looking at outcomes.")
    return " ".join(parts)


def _over_periods(spec: LongitudinalWeighting) -> str:
    known = [*spec.covariates, *(name for names in spec.before for name in names)]
    each = "; every period is taken to add the same" if spec.model == "linear" else ""
    return (
        f"In each of {len(spec.treated_columns)} periods ({listed(spec.treated_columns, MOST)}) the chance of having the programme is told "
        f"from what was known by then ({listed(known, MOST) if known else 'nothing but earlier periods'}), and people are weighted by "
        f"one over the chance of the course they had. The gain is that of always having it over never having it, for everybody{each}."
    )


def _who(spec: ComparisonDesign) -> str:
    """Name the people with the programme, as the start of a sentence on both groups."""
    if spec.treated is None:
        return "People who were served are compared with people who were not."
    if isinstance(spec.treated, str) and spec.control is None:
        return f"People with {spec.treated} = 1 are compared with people with {spec.treated} = 0."
    columns = listed(spec.treated_columns)
    control = spec.control or "none"
    arm = "any other group" if str(spec.arm) == "any" else str(spec.arm)
    return f"People in {arm} are compared with people in {control} (by {columns})."


def _how(spec: "Comparison", alike: str) -> str:
    if isinstance(spec, Matching):
        return _matched(spec, alike)
    if isinstance(spec, Weighting):
        others = {"att": "Those without the programme", "atc": "Those with the programme"}.get(
            spec.estimand, "Both groups"
        )
        told = [BUILT[spec.method].format(others=others, alike=alike, whom=WHOM[spec.estimand]) + "."]
        if isinstance(spec.trim, ChanceRange):
            told.append(f"People with a chance below {spec.trim.below:g} or above {spec.trim.above:g} are left out.")
        elif spec.trim is not None:
            told.append(
                "People with extreme chances are left out, by the rule that makes the error smallest (Crump's)."
            )
        if spec.cap is not None:
            told.append(f"No weight counts for more than {spec.cap:g} times its group's mean.")
        return " ".join(told)
    if isinstance(spec, DoublyRobust):
        by = {
            "aipw": "by a model of outcomes and one of who had the programme, which is right when either is",
            "ipwra": "by a model of outcomes weighted by the chance of having the programme, which is right when either is",
            "regression": "by a model of outcomes alone",
        }[spec.method]
        learned = " Both models are learnt from other people than they are applied to." if spec.learning else ""
        trimmed = f" People with a chance of any group below {spec.trim:g} are left out." if spec.trim else ""
        return f"They are made alike in {alike}, {by}.{learned}{trimmed}"
    raise TypeError(f"kind {spec.kind} is no comparison")


def _matched(spec: Matching, alike: str) -> str:
    distance = DISTANCES[spec.distance].format(alike=alike)
    if spec.method in SETS:
        cut = "; ".join(f"{name} {_bins(cut)}" for name, cut in spec.cutpoints.items())
        bins = f" ({cut})" if cut else ""
        told = [SETS[spec.method].format(alike=alike, subclasses=spec.subclasses, distance=distance, bins=bins)]
        told += [f"Whoever is compared is equal in {_and(spec.exact)}."] if spec.exact else []
        return " ".join([*told, *_adjusted(spec)])
    each = {"atc": "Each person without the programme", "ate": "Each person"}.get(
        spec.estimand, "Each person with the programme"
    )
    number = "the nearest person" if spec.ratio == 1 else f"the {spec.ratio} nearest people"
    again = "who may be matched again" if spec.replace else "each matched once"
    told = [f"{each} is matched with {number} of the other group in {distance}, {again}"]
    if spec.method == "optimal":
        told.append(", so that the distances are smallest in sum")
    elif not spec.replace:
        told.append(f", {FIRST[spec.order]}" + (f" (seed {spec.seed})" if spec.order == "random" else ""))
    if spec.exact:
        told.append(f", equal in {_and(spec.exact)}")
    if spec.caliper is not None:
        told.append(f", within {spec.caliper:g} standard deviations of each other; who has nobody so near is left out")
    return " ".join(["".join(told) + ".", *_adjusted(spec)])


def _adjusted(spec: Matching) -> list[str]:
    """Say what of the remaining differences is adjusted for."""
    if not spec.bias_adjustment:
        return []
    what = "" if spec.bias_adjustment is True else f" {_and(spec.adjusted)}"
    return [f"How far matched people still differ{what and ' in'}{what} is adjusted for."]


def _bins(cut: Cut) -> str:
    """Say where a covariate's bins begin."""
    if isinstance(cut, tuple):
        return f"from {', '.join(f'{number:g}' for number in cut)}"
    return f"in {cut} of equal width" if isinstance(cut, int) else RULES[cut]


def _and(names: Sequence[str]) -> str:
    """Write names as a sentence does; of very many, the first."""
    if len(names) < 2 or len(names) > MOST:
        return listed(names, MOST)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def terms_told(spec: "Comparison") -> tuple[str, ...]:
    """Return the terms of a comparison that its sentences have said."""
    told = ("covariates", "treated", "control", "arm", "estimand", "method", "trim", "cap")
    if isinstance(spec, LongitudinalWeighting):
        return (*told, "before", "model")
    if not isinstance(spec, Matching):
        return told
    # The chance and its log-odds are called the same in a sentence.
    near = ("distance",) if spec.distance != "score" else ()
    if spec.method in SETS:
        return (*told, *near, "subclasses", "cutpoints", "exact", "bias_adjustment")
    orders = ("order", "seed") if spec.method == "nearest" and not spec.replace else ()
    return (*told, *near, *orders, "ratio", "replace", "caliper", "exact", "bias_adjustment")
