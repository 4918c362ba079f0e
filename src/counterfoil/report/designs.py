"""What the report says of a design: how it compares people, and the assumptions that its answer rests on."""

from typing import TYPE_CHECKING, Final, Literal

from counterfoil.attribution.gains.blend import Blend
from counterfoil.attribution.gains.index import Index
from counterfoil.attribution.gains.pool import Pool
from counterfoil.attribution.money.words import Words
from counterfoil.contract import Comparison, Composed, Dividing, Measured, OverTime, Placed, Trial
from counterfoil.estimators.dose_response import DoseResponse
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.fixed_baseline import FixedBaseline
from counterfoil.estimators.panel_contribution import PanelContribution
from counterfoil.estimators.published import Published
from counterfoil.estimators.sequential import SequentialContribution
from counterfoil.report.comparison_words import ALIKE, IN_COMMON, describe_comparison
from counterfoil.report.comparisons import describe_over_time, describe_placed, describe_trial, rests_on

if TYPE_CHECKING:
    from counterfoil.measuring import EffectResult

Assumption = Literal["consistency", "no_interference", "exchangeability", "positivity", "no_substitution"]

ASSUMPTIONS: Final[dict[Assumption, str]] = {
    "consistency": "Services mean the same for everybody; there are no hidden versions of a provider.",
    "no_interference": "One person's services do not change another person's outcome.",
    "exchangeability": "People with different services are alike in everything else that matters.",
    "positivity": "Whoever had some services could also have had fewer of them.",
    "no_substitution": "Without a provider, people would not have gone to another one instead.",
}

PARALLEL: Final = "Without services, outcomes would have moved alike (parallel trends)."
STRONG: Final = "…and with fewer services too (strong parallel trends); no earlier period can test it."
UNFORESEEN: Final = "Nobody's outcome moved before the first service because services were to come (no anticipation)."
AT_EVERY_STAGE: Final = (
    "At every stage, people with the same past who enrolled differently are alike in everything else that matters."
)
POLYNOMIAL: Final = "The outcome answers to doses by a polynomial of degree {}{}, also where few people had such doses."


def describe_design(spec: "Measured | Published | Composed") -> str:
    """Say in two sentences how a design compares people."""
    if isinstance(spec, Published):
        over = f", over {spec.window}" if spec.window else ""
        among = f", of {spec.sample}" if spec.sample else ""
        return f"Published: {spec.design}; the {spec.estimand_in_words}{over}{among}. Source: {spec.source}."
    if isinstance(spec, Blend | Index | Pool):
        return f"Made of other effects: {spec.sentence(Words(''), 'the gain')}"
    if isinstance(spec, FixedBaseline):
        return (
            f"The mean outcome is compared with an agreed baseline ({spec.baseline.replace('_', ' ')}); nothing here is causal "
            "unless the baseline is what would have happened."
        )
    if isinstance(spec, Trial):
        return describe_trial(spec)
    if isinstance(spec, Comparison):
        return describe_comparison(spec)
    if isinstance(spec, OverTime):
        return describe_over_time(spec)
    if isinstance(spec, Placed):
        return describe_placed(spec)
    alike = f"alike in {', '.join(spec.covariates) or 'nothing that is recorded'}"
    if isinstance(spec, PanelContribution):
        others = "never served" if spec.comparison == "never" else "not yet served"
        among = f", among people {alike}" if spec.covariates else ""
        return (
            "Several providers, overlapping people, several periods; changes since the last period before services are "
            f"compared with those of people {others}{among}. Outcome model: {spec.model}."
        )
    if isinstance(spec, SequentialContribution):
        return (
            f"Several providers in {len(spec.stages)} stages; at each stage people are compared who are {alike} and in their progress so far. "
            f"Credit includes the people that a provider leads on to others. Outcome model: {spec.model}."
        )
    lottery = spec.design == "randomized"
    if isinstance(spec, DoseResponse):
        how = "a lottery dealt out doses" if lottery else f"people are compared who are {alike}"
        return f"Several providers, services that differ in amount; {how}. The gain is over no doses at all."
    how = "a lottery dealt out who was served by whom" if lottery else f"people are compared who are {alike}"
    return f"Several providers, overlapping people; {how}. Outcome model: {spec.model}."


def assumption_rows(result: "EffectResult") -> list[dict[str, str]]:
    """Return the assumptions of an effect's design: each held by design, assumed, passed, flagged or doubtful.

    What only an assumption about unseen outcomes says, such as trends that are parallel, is assumed and never passed.
    """
    spec = result.terms.estimator
    if isinstance(spec, Published | FixedBaseline | Blend | Index | Pool):
        return []
    rows: list[tuple[Assumption, str, str]] = [
        ("consistency", ASSUMPTIONS["consistency"], "assumed"),
        ("no_interference", ASSUMPTIONS["no_interference"], "assumed"),
        *_exchangeability(result),
    ]
    if isinstance(spec, Dividing):
        weak = any(problem.code in {"EST-004", "IDENT-009"} for problem in result.warnings)
        seen = "flagged" if weak or result.total is None else "passed"
        if isinstance(spec, DoseResponse):
            products = " with products of two doses" if spec.interactions else ""
            rows.append(("positivity", POLYNOMIAL.format(spec.degree, products), "flagged" if weak else "assumed"))
        else:
            rows.append(("positivity", ASSUMPTIONS["positivity"], seen))
        rows.append(("no_substitution", ASSUMPTIONS["no_substitution"], "assumed"))
    return [
        {"what": what, "state": "doubtful" if name in result.terms.doubtful else state} for name, what, state in rows
    ]


def _exchangeability(result: "EffectResult") -> list[tuple[Assumption, str, str]]:
    """Return why people with different services may be compared at all."""
    spec = result.terms.estimator
    name: Assumption = "exchangeability"
    compared = any(problem.code == "IDENT-016" for problem in result.warnings)
    trends = [PARALLEL, *([STRONG] if compared else []), UNFORESEEN]
    if isinstance(spec, PanelContribution):
        return [(name, what, "assumed") for what in trends]
    if isinstance(spec, SequentialContribution):
        return [(name, AT_EVERY_STAGE, "assumed")]
    if isinstance(spec, Trial | OverTime | Placed) and not isinstance(spec, Experiment):
        return [(name, what, state) for what, state in rests_on(spec)]
    if isinstance(spec, Comparison):
        weak = any(problem.code in {"EST-004", "EST-042", "EST-043"} for problem in result.warnings)
        return [
            (name, ALIKE, "assumed"),
            ("positivity", IN_COMMON, "flagged" if weak or result.total is None else "passed"),
        ]
    lottery = isinstance(spec, Experiment) or getattr(spec, "design", "") == "randomized"
    # A panel may divide what another design measures.
    divided = [(name, f"For the division: {what}", "assumed") for what in trends if compared]
    return [(name, ASSUMPTIONS[name], "held by design" if lottery else "assumed"), *divided]
