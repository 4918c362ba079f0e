"""Negative controls and graphs see every term by which a design makes people alike."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import DoublyRobust, LongitudinalWeighting, Matching
from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.control_tests import on_outcome, on_treatment
from counterfoil.estimators.refutation.negative_controls import NegativeOutcome, NegativeTreatment
from counterfoil.estimators.refutation.roles import identify_design, roles_of


@pytest.fixture(scope="module")
def study() -> Study:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({name: rng.integers(0, 2, 200) for name in ("first", "second", "z", "m")})
    frame = frame.assign(a=rng.normal(size=200), idle=rng.normal(size=200), y=rng.normal(size=200))
    return Study.from_frame(frame, outcomes=["y"])


def test_a_control_is_adjusted_for_nowhere(study: Study) -> None:
    exact, _, note = on_outcome(
        Matching(outcome="y", treated="first", covariates=("a",), exact=("z",)), study, NegativeOutcome(outcome="z")
    )
    assert isinstance(exact, Matching)
    assert exact.exact == ()
    assert note == " (z not adjusted for)"
    robust, _, _ = on_outcome(
        DoublyRobust(outcome="y", treated="first", covariates=("a", "z"), interactions=("a",)),
        study,
        NegativeOutcome(outcome="a"),
    )
    assert isinstance(robust, DoublyRobust)
    assert (robust.covariates, robust.interactions) == (("z",), ())
    later = LongitudinalWeighting(outcome="y", treated=("first", "second"), before=((), ("idle", "a")))
    periods, _, _ = on_outcome(later, study, NegativeOutcome(outcome="idle"))
    assert isinstance(periods, LongitudinalWeighting)
    assert periods.before == ((), ("a",))


def test_a_treatment_decided_period_by_period_takes_no_other(study: Study) -> None:
    later = LongitudinalWeighting(outcome="y", treated=("first", "second"), before=((), ("idle",)))
    with pytest.raises(CounterfoilError, match="EST-053"):
        on_treatment(later, study, NegativeTreatment(column="m"))
    with pytest.raises(CounterfoilError, match="EST-053"):
        identify_design(CausalGraph(edges=("idle -> second -> y",)), later, study)


def test_what_is_matched_exactly_is_adjusted_for(study: Study) -> None:
    spec = Matching(outcome="y", treated="first", covariates=("a",), exact=("z",))
    assert roles_of(spec, study).covariates == ("a", "z")
    assert identify_design(CausalGraph(edges=("z -> first -> y", "z -> y")), spec, study).identified
