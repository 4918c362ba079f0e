"""Designs held against declared negative controls: an effect where there can be none shows that the groups differ otherwise.

A control that the design adjusts for would show nothing, so that it is taken out of the covariates for its own test (Imbens and
Rubin 2015, chapter 21); the treatment that was really given is added to them where another one is put in its place (Shi, Miao
and Tchetgen Tchetgen 2020, Current Epidemiology Reports 7). Where the test finds nothing, its sentence says how large a
difference it would have found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from scipy.special import stdtr, stdtrit

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.estimate import AS_STATED, MANY, Estimate
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.joint_test import joint_test
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.refutation.fitted_designs import labels_of, measured, outcome_of
from counterfoil.estimators.refutation.negative_controls import NegativeControls, NegativeOutcome, NegativeTreatment
from counterfoil.estimators.refutation.reassignment import column_as_outcome
from counterfoil.estimators.refutation.refutation import Test
from counterfoil.estimators.refutation.repeated_tests import verdict
from counterfoil.estimators.refutation.roles import roles_of
from counterfoil.estimators.spec import Design
from counterfoil.estimators.stack import stack
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting

POWER: Final = 0.8
"""With which chance a difference that is named in a sentence would have been seen."""
SERVED: Final = "served by "
OURS: Final = "counterfoil"
ADJUSTING: Final = ("squares", "exact", "interactions")
"""Fields beside `covariates` in which a design may name what people must be alike in."""


def control_tests(
    spec: Design,
    study: Study,
    controls: NegativeControls,
    kernel: Kernel | None,
    conf_level: float,
    provider: str = "",
) -> tuple[Test, ...]:
    """Return a row for each control and term, and one for all negative outcomes together.

    Raises
    ------
    ContractError
        CONTRACT-026 when the study does not have a control.
    EstimationError
        EST-014 when a control is what the design itself measures or compares; EST-053 for a treatment that the design cannot
        put in the place of its own; EST-015 for a control that does not vary.
    """
    controls.check_names(study)
    of = measured_name(spec, study)
    tests: list[Test] = []
    found: list[Estimate] = []
    for outcome in controls.outcomes:
        changed, over, note = on_outcome(spec, study, outcome)
        estimate = measured(changed, over, kernel)
        found.append(estimate)
        tests += _rows("negative_outcome", outcome.called, estimate, of, conf_level, provider, note)
    if len(found) > 1:
        tests.append(_together(found, [one.called for one in controls.outcomes], of, tests, conf_level, provider))
    for treatment in controls.treatments:
        changed, over, note = on_treatment(spec, study, treatment)
        estimate = measured(changed, over, kernel)
        if isinstance(spec, Contribution):
            if kernel is None:
                what = f"whether '{treatment.column}' gets any credit depends on the rule, and no kernel is given"
                raise refusal("EST-053", what, "negative controls")
            estimate = estimate.select([estimate.terms.index(treatment.column)])
            rows = _rows("negative_treatment", treatment.column, estimate, of, conf_level, "", note)
        else:
            rows = _rows("negative_treatment", treatment.column, estimate, of, conf_level, provider, note)
        tests += rows
    return tuple(tests)


def measured_name(spec: Design, study: Study) -> str:
    """Return the outcome that a design measures."""
    return spec.outcome or study.outcome_names[0]


def on_outcome(spec: Design, study: Study, control: NegativeOutcome) -> tuple[Design, Study, str]:
    """Return the design and the study of a negative outcome, and what is no longer adjusted for.

    Raises
    ------
    EstimationError
        EST-014 when it is the design's own outcome.
    """
    name, period = control.outcome, control.period
    changes: dict[str, Any] = {"outcome": name, "period": period}
    taken: list[str] = []
    recorded = name in study.outcome_names
    same = recorded and name == measured_name(spec, study)
    # A period may be left unnamed only where there is one, which is then the same.
    if same and (period == spec.period or None in (period, spec.period)):
        raise refusal("EST-014", f"'{name}' is the outcome that the design measures", "negative controls")
    same_thing = {*control.without, *(() if recorded else (name,))}
    for field in ("covariates", *ADJUSTING):
        given = getattr(spec, field, None)
        if given and same_thing & set(given):
            changes[field] = tuple(other for other in given if other not in same_thing)
            taken += [other for other in given if other in same_thing]
    if isinstance(spec, LongitudinalWeighting):
        changes["before"] = tuple(tuple(other for other in names if other not in same_thing) for names in spec.before)
        taken += [other for names in spec.before for other in names if other in same_thing]
    if isinstance(spec, Experiment) and spec.before:
        kept = tuple(other for other in spec.before if other != period) if same else ()
        taken += [other for other in spec.before if other not in kept]
        changes["before"] = kept
    note = f" ({', '.join(dict.fromkeys(taken))} not adjusted for)" if taken else ""
    over = study if recorded else column_as_outcome(study, name)
    return spec.model_copy(update=changes), over, note


def on_treatment(spec: Design, study: Study, control: NegativeTreatment) -> tuple[Design, Study, str]:
    """Return the design and the study of a negative treatment, and what is adjusted for besides.

    Raises
    ------
    EstimationError
        EST-014 when it is the design's own treatment, EST-053 for a design that cannot have another.
    """
    name = control.column
    roles = roles_of(spec, study)
    if isinstance(spec, Contribution):
        if name in spec.providers:
            raise refusal("EST-014", f"'{name}' is a provider that the design credits", "negative controls")
        if name not in study.providers:
            raise refusal("EST-053", f"'{name}' is no provider, as it must be in a contribution", "negative controls")
        others = spec.providers or tuple(other for other in study.providers if other != name)
        return spec.model_copy(update={"providers": (*others, name)}), study, " (as one provider more)"
    field = "treated" if isinstance(spec, ComparisonDesign) else "assigned"
    if isinstance(spec, LongitudinalWeighting) or not isinstance(spec, ComparisonDesign | Experiment):
        kind = getattr(spec, "kind", type(spec).__name__)
        raise refusal("EST-053", f"a design of kind {kind} takes no other treatment", "negative controls")
    if name in roles.columns:
        raise refusal("EST-014", f"'{name}' is the treatment that the design compares", "negative controls")
    over, given = study, roles.columns
    if not given:
        roster = study.roster()
        given = tuple(f"{SERVED}{provider}" for provider in roster.providers)
        marks = {mark: served.astype(np.float64) for mark, served in zip(given, roster.exposure.T, strict=True)}
        over = replace(study, people=study.people.assign(**marks), digests={})
    covariates = (*(other for other in spec.covariates if other != name), *given)
    changes: dict[str, Any] = {field: name, "control": None, "arm": None, "covariates": covariates}
    for part in ADJUSTING:
        if column := getattr(spec, part, None):
            changes[part] = tuple(other for other in column if other != name)
    return spec.model_copy(update=changes), over, f" (with {', '.join(given)} adjusted for)"


def _rows(
    test: str, control: str, found: Estimate, of: str, conf_level: float, provider: str, note: str
) -> Iterator[Test]:
    errors, ends = found.std_error, found.interval(conf_level)
    free = min(found.df, MANY)
    for j, label in enumerate(labels_of(found, provider)):
        value, error = float(found.values[j]), float(errors[j])
        if error <= 0:
            raise refusal(
                "EST-015", f"negative control '{control}' has no error to be tested with", "negative controls"
            )
        p_value = 2 * float(stdtr(free, -abs(value) / error))
        seen = (found.critical(conf_level) + float(stdtrit(free, POWER))) * error
        low, high = map(float, ends[j])
        consistent = p_value >= 1 - conf_level
        whose = f"{label}, " if label and label != control else ""
        where = f"on {control}" if test == "negative_outcome" else f"of {control} on {outcome_of(found, j)}"
        sentence = (
            f"{whose}{test.replace('_', ' ')}: the effect {where} is {value:.4g} ({low:.4g} to {high:.4g}){note}, where there can be none; "
            f"{verdict(consistent, p_value)}; a difference of {seen:.4g} would be seen four times in five"
        )
        yield Test(
            provider=label, outcome=of, test=test, against=control, estimate=value, conf_low=low, conf_high=high,
            expected=0.0, p_value=p_value, consistent=consistent, draws=1, refused=0, source=OURS, sentence=sentence,
        )  # fmt: skip


def _together(
    found: Sequence[Estimate], names: Sequence[str], of: str, tests: Sequence[Test], conf_level: float, provider: str
) -> Test:
    """Test all negative outcomes together: by their joint covariance, or, where there is none, by the smallest p-value."""
    joinable = all(one.influence is not None and one.error_type not in AS_STATED for one in found)
    if joinable:
        joint = joint_test(stack(found, names))
        value, expected, p_value = joint.statistic, float(joint.directions), joint.p_value
        how = f"joint statistic {value:.4g} with {joint.directions} degrees of freedom"
    else:
        value = min(one.p_value for one in tests)
        p_value, expected = min(1.0, len(tests) * value), 1 / (len(tests) + 1)
        how = f"the smallest of {len(tests)} p-values is {value:.3g}, times {len(tests)}"
    consistent = p_value >= 1 - conf_level
    whose = f"{provider}, " if provider else ""
    sentence = f"{whose}negative outcomes together: {how}; {verdict(consistent, p_value)}"
    return Test(
        provider=provider, outcome=of, test="negative_outcomes_joint", against=", ".join(names), estimate=value,
        conf_low=None, conf_high=None, expected=expected, p_value=p_value, consistent=consistent, draws=1, refused=0,
        source=OURS, sentence=sentence,
    )  # fmt: skip
