"""What the report says of lotteries, of comparisons over time, and of few treated places: how they compare, and on what they rest."""

from typing import TYPE_CHECKING, Final

from counterfoil.errors import listed
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.instruments.instrumental_variable import InstrumentalVariable
from counterfoil.estimators.panels.difference_in_differences import DifferenceInDifferences
from counterfoil.estimators.panels.event_study_regression import EventStudyRegression
from counterfoil.estimators.panels.staggered_did import StaggeredDiD
from counterfoil.estimators.synthetic.interrupted_time_series import InterruptedTimeSeries
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl
from counterfoil.estimators.trials.cluster_means import ClusterMeans

if TYPE_CHECKING:
    from counterfoil.contract import OverTime, Placed, Trial

PARALLEL: Final = (
    "Without the programme, outcomes of treated and untreated units would have moved alike (parallel trends)."
)
UNFORESEEN: Final = "Nobody's outcome moved before the programme because it was to come (no anticipation)."
LASTING: Final = "Once treated, a unit stays treated; effects may grow or fade."
ALIKE: Final = "The effect is the same for every unit and length of exposure; otherwise some comparisons count with the wrong sign."
FOLLOWING: Final = "What made the donors move like the treated places before the programme goes on afterwards."
UNDISTURBED: Final = (
    "Nothing else that changes the outcome began with the programme, and the trend before would have gone on."
)
EXCLUSION: Final = "The instrument acts on the outcome only through what was received."
ONE_WAY: Final = "The instrument moves nobody the other way (no defiers)."
AS_RANDOM: Final = "The instrument is as good as random, given covariates and groups."
DRAWN: Final = "Assignment was by lot, as the design says."
SPREAD: Final = "Groups' means vary as the design says: a single group shows no spread of its own."

METHODS: Final = {
    "doubly_robust": "by a model of their changes and by weights, which is right when either is",
    "outcome_regression": "by a model of their changes",
    "weighting": "by weights",
    "imputation": "by predicting what treated units would have had from all untreated rows",
}
AVERAGES: Final = {
    "simple": "over all treated units and periods",
    "group": "first over each cohort's periods, then over cohorts by their size",
    "calendar": "first within each period, then over periods",
    "event_time": "first within each time since treatment began, then over these times",
}
PLACES: Final = {
    "synthetic_control": "weighted to have been at their level before",
    "demeaned": "weighted to have moved as they did before",
    "synthetic_did": "weighted to have moved as they did before, in the periods most like those since (synthetic difference-in-differences)",
    "augmented": "weighted to have been at their level before, with a ridge correction",
    "difference_in_differences": "all weighted alike",
}
UNCERTAINTY: Final = {
    "placebo": "Each donor in turn stands in for a treated place; the test is the rank among them, and there is no standard error.",
    "conformal": "Periods are shuffled to see how unusual those since the programme are; there is no standard error.",
    "placebo_variance": "The error is how much donors vary when each stands in for a treated place.",
    "jackknife": "The error is by leaving out one place at a time.",
    "bootstrap": "The error is by drawing places again.",
}


def describe_trial(spec: "Trial") -> str:
    """Say how a lottery, or something as good as one, compares people."""
    if isinstance(spec, Experiment):
        return _experiment(spec)
    if isinstance(spec, ClusterMeans):
        ratio = f", the single group's up to {spec.spread_ratio:g} times as much" if spec.spread_ratio != 1 else ""
        how = (
            f"as much with the programme as without{ratio}"
            if spec.spread == "alike"
            else "in each arm as its own groups show"
        )
        return f"Whole groups of people ({spec.cluster}) have the programme or not; their means are compared, and taken to vary {how}."
    inside = f" within the same {spec.within}" if spec.within else ""
    alike = f", alike in {listed(spec.covariates)}" if spec.covariates else ""
    by = "two-stage least squares" if spec.method == "2sls" else "limited information maximum likelihood"
    return (
        f"The gain is the effect of {spec.received} on the people whom {listed(spec.instrument)} moved to it, comparing people"
        f"{inside}{alike}, by {by}."
    )


def _experiment(spec: Experiment) -> str:
    inside = f" within {spec.blocks}" if spec.blocks else ""
    if spec.pairs is not None:
        unit = f"Groups of people ({spec.cluster})" if spec.cluster else "People"
        how = f"{unit} were matched in pairs and a lot chose which of each pair was assigned; pairs are compared one by one."
    elif spec.control is None:
        how = f"A lottery{inside} assigned people to the programme or to control; the two arms are compared."
    elif spec.arm is None or str(spec.arm) == "any":
        how = f"A lottery{inside} assigned people to one of several arms; all arms but {spec.control} are compared with it."
    else:
        how = f"A lottery{inside} assigned people to one of several arms; {spec.arm} is compared with {spec.control}."
    parts = [how]
    if spec.before:
        parts.append(f"Adjusted for the same outcome in {listed(spec.before)}, before the programme.")
    if spec.attrition is not None:
        parts.append(
            f"People without an outcome are made up for by people of their arm alike in {listed(spec.attrition.weight_by)}."
        )
    return " ".join(parts)


def describe_over_time(spec: "OverTime") -> str:
    """Say how a comparison over time compares units."""
    alike = f", among those alike in {listed(spec.covariates)}" if spec.covariates else ""
    if isinstance(spec, DifferenceInDifferences):
        part = f", and that gap with the gap where {spec.subgroup} is 0" if spec.subgroup else ""
        return (
            f"Changes from before {spec.after} to {spec.after} and later are compared between {spec.level} with {spec.group} = 1 and others{part}{alike}: "
            "a difference in differences."
        )
    if isinstance(spec, StaggeredDiD):
        others = "never treated" if spec.comparison == "never" else "not treated yet"
        how = f"{alike}, {METHODS[spec.method]}" if spec.covariates else ""
        if spec.method == "imputation":
            how = f"{alike}, {METHODS['imputation']}"
        return (
            f"{spec.level.capitalize()} join in different periods; each cohort's change since it joined is compared with that of "
            f"{spec.level} {others}"
            f"{how}. The gain is averaged {AVERAGES[spec.aggregate]}."
        )
    effects = listed(spec.fixed_effects)
    if isinstance(spec, EventStudyRegression):
        since = "the period" if spec.reference == -1 else f"{-spec.reference} periods"
        return (
            f"{spec.level.capitalize()} join in different periods; one regression with effects of {effects} gives an effect for each "
            f"period since they joined, as a change since {since} before they did."
        )
    first = f"; the effect of {spec.regressors[0]} counts" if len(spec.regressors) > 1 else ""
    return f"One regression of the outcome on {listed(spec.regressors)} over time, with effects of {effects}{first}."


def describe_placed(spec: "Placed") -> str:
    """Say how a design for few treated places tells what would have been."""
    if isinstance(spec, SyntheticControl):
        return f"Places with the programme are compared over time with places without, {PLACES[spec.method]}. {UNCERTAINTY[spec.inference]}"
    control = " less the changes of control series" if spec.assigned else ", which rests on its trend alone"
    when = "on average since" if spec.gain == "average" else "in the last period"
    return f"A series is compared with its own trend before {spec.starts}{control}; the gain is the difference {when}."


def rests_on(spec: "Trial | OverTime | Placed") -> list[tuple[str, str]]:
    """Return what a design rests on beyond what all do, each held by design or assumed."""
    if isinstance(spec, Experiment):
        return [(DRAWN, "held by design")]
    if isinstance(spec, ClusterMeans):
        return [(DRAWN, "held by design"), (SPREAD, "assumed")]
    if isinstance(spec, InstrumentalVariable):
        return [(what, "assumed") for what in (AS_RANDOM, EXCLUSION, ONE_WAY)]
    if isinstance(spec, SyntheticControl):
        return [(what, "assumed") for what in (FOLLOWING, UNFORESEEN)]
    if isinstance(spec, InterruptedTimeSeries):
        return [(UNDISTURBED, "assumed"), (UNFORESEEN, "assumed")]
    more = (
        [LASTING]
        if isinstance(spec, StaggeredDiD)
        else [ALIKE]
        if not isinstance(spec, DifferenceInDifferences)
        else []
    )
    return [(what, "assumed") for what in (PARALLEL, UNFORESEEN, *more)]
