"""What the report says of comparisons without a lottery: who is held against whom, alike in what, and on what that rests."""

from typing import TYPE_CHECKING, Final

from counterfoil.errors import listed
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust
from counterfoil.estimators.matching.matching import Matching
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting
from counterfoil.estimators.weighting.weighting import Weighting

if TYPE_CHECKING:
    from counterfoil.contract import Comparison

MOST: Final = 20
"""Covariates named in a sentence."""
ALIKE: Final = "People who are alike in what was recorded would have fared alike without the programme: nothing unrecorded decided both who had it and how they fared."
IN_COMMON: Final = "Whoever is compared could have been in either group (overlap)."

DISTANCES: Final = {
    "score": "chance of having the programme",
    "linear_score": "chance of having the programme",
    "mahalanobis": "covariates, allowing for how they go together",
    "scaled": "covariates, each in its own standard deviations",
}
SETS: Final = {
    "exact": "People alike in {alike} are compared within such sets.",
    "coarsened_exact": "People alike in {alike}, numbers cut into bins, are compared within such sets.",
    "subclassification": "People are sorted into {subclasses} sets by their chance of having the programme, judged by {alike}, and "
    "compared within sets.",
    "full": "Everybody is put into a set with at least one person of each group, as near as can be in their {distance} ({alike}), and "
    "compared within sets.",
}
BUILT: Final = {
    "score": "{others} are weighted by their chance of having the programme, judged by {alike}{whom}",
    "entropy": "{others} are weighted, as evenly as can be, to have the same means of {alike}{whom}",
    "cbps": "{others} are weighted by chances of having the programme that were chosen to balance {alike}{whom}",
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
    alike = listed(spec.covariates, MOST) if spec.covariates else "nothing that is recorded"
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
        whom = {"att": ", like those with it", "atc": ", like those without it"}.get(spec.estimand, "")
        told = [BUILT[spec.method].format(others=others, alike=alike, whom=whom) + "."]
        if spec.trim is not None:
            told.append("People with extreme chances are left out, as agreed.")
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
        return f"They are made alike in {alike}, {by}.{learned}"
    raise TypeError(f"kind {spec.kind} is no comparison")


def _matched(spec: Matching, alike: str) -> str:
    distance = DISTANCES[spec.distance]
    if spec.method in SETS:
        return SETS[spec.method].format(alike=alike, subclasses=spec.subclasses, distance=distance)
    each = {"atc": "Each person without the programme", "ate": "Each person"}.get(
        spec.estimand, "Each person with the programme"
    )
    number = "the nearest person" if spec.ratio == 1 else f"the {spec.ratio} nearest people"
    again = "who may be matched again" if spec.replace else "each matched once"
    told = [f"{each} is matched with {number} of the other group in their {distance} ({alike}), {again}"]
    if spec.method == "optimal":
        told.append(", so that the distances are smallest in sum")
    if spec.caliper is not None:
        told.append(f", within {spec.caliper:g} standard deviations; who has nobody so near is left out")
    if spec.exact:
        told.append(f", and equal in {listed(spec.exact, MOST)}")
    adjusted = " What matched people still differ in is adjusted for." if spec.bias_adjustment else ""
    return "".join(told) + "." + adjusted
