"""What a staggered design says before outcomes, and its picture of cohorts."""

from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from counterfoil.datasets import Panel, Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.panels.cohort_map import plot_cohorts
from counterfoil.estimators.panels.staggered_did import StaggeredDiD
from counterfoil.estimators.panels.staggered_plan import plan_staggered

mpl.use("Agg")


def towns(seed: int = 0, units: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"town": np.arange(units)})
    frame["joined"] = np.array([np.nan, np.nan, 2021.0, 2022.0])[frame["town"] % 4]
    frame["size"] = rng.normal(size=units)
    long = frame.merge(pd.DataFrame({"year": [2019, 2020, 2021, 2022]}), how="cross")
    level = np.repeat(rng.normal(size=units), 4)
    return long.assign(jobs=level + rng.normal(size=len(long)) + (long["year"] >= long["joined"]))


SPEC = StaggeredDiD(outcome="jobs", first_treated="joined", covariates=("size",))


def panel(frame: pd.DataFrame) -> Panel:
    return Panel.from_frame(frame, unit="town", period="year")


def test_a_plan_needs_no_outcome_and_has_the_cells_of_the_fit() -> None:
    frame = towns()
    plan, fit = plan_staggered(SPEC, panel(frame.drop(columns="jobs"))), SPEC.fit(panel(frame))
    pd.testing.assert_frame_equal(plan.cells, fit.described().drop(columns="outcome"))
    assert plan.cohorts["units"].tolist() == [15, 15, 30]
    assert (plan.refused, plan.counts["cells"], plan.problems) == (False, 6, ())


@pytest.mark.parametrize("method", ["doubly_robust", "outcome_regression", "weighting", "imputation"])
def test_the_smallest_detectable_effect_is_detected_four_times_in_five(method: Any) -> None:
    """Of outcomes with unrelated noise of standard deviation 1, by intervals of the design itself."""
    comparison = "not_yet" if method == "imputation" else "never"
    spec = SPEC.model_copy(update={"method": method, "comparison": comparison})
    frame = towns(units=120)
    effect = plan_staggered(spec, panel(frame)).detectable
    assert effect is not None
    data = panel(frame)
    found = []
    for seed in range(250):
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=len(frame)) + effect * (frame["year"] >= frame["joined"]).to_numpy()
        total = spec.fit(replace(data, frame=frame.assign(jobs=noise))).total()
        found.append(total.values[0] / total.std_error[0] > total.critical())
    assert np.mean(found) == pytest.approx(0.8, abs=0.08)


def test_what_would_be_refused_is_said_and_not_raised() -> None:
    plan = plan_staggered(SPEC, panel(towns().dropna()))
    assert plan.refused
    assert [problem.code for problem in plan.problems] == ["IDENT-029"]


def test_a_study_without_outcomes_counts_as_measured_in_every_named_period() -> None:
    people = towns().drop_duplicates("town").drop(columns=["year", "jobs"]).rename(columns={"town": "person"})
    study = Study.from_tables(people)
    with pytest.raises(CounterfoilError, match="nothing says what the periods are"):
        plan_staggered(SPEC, study)
    spec = SPEC.model_copy(update={"periods": ("2019", "2020", "2021", "2022")})
    assert plan_staggered(spec, study).detectable == plan_staggered(SPEC, panel(towns())).detectable


def test_weights_of_cross_sections_are_not_known_beforehand() -> None:
    frame = towns(units=400).assign(town=lambda f: np.arange(len(f)))
    spec = SPEC.model_copy(update={"sampling": "cross_sections"})
    plan = plan_staggered(spec, panel(frame))
    assert (plan.detectable, len(plan.cells)) == (None, 6)


def test_the_heat_map_writes_each_cell_and_takes_axes() -> None:
    import matplotlib.pyplot as plt

    fit = SPEC.fit(panel(towns()))
    ax = plt.subplots()[1]
    assert plot_cohorts(fit, ax) is ax
    assert [label.get_text() for label in ax.get_yticklabels()] == ["2021 (15)", "2022 (15)"]
    assert len(ax.texts) == 6
    assert plot_cohorts(fit) is not ax
    plt.close("all")
