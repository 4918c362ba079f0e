"""Rubin's rules against statsmodels, on joint effects, and what does not belong together."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from statsmodels.imputation.bayes_mi import MI

from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, Problem
from counterfoil.estimators import Estimate, Experiment, stack
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.comparisons.multiple_imputation import barnard_rubin, join_imputations, over_imputations


def completed(m: int = 6, n: int = 120) -> list[pd.DataFrame]:
    rng = np.random.default_rng(8)
    base = pd.DataFrame({"assigned": np.arange(n) % 2, "age": rng.normal(size=n)})
    base["y"] = base["age"] + base["assigned"] + rng.normal(size=n)
    base["z"] = base["y"] + rng.normal(size=n)
    lacking = rng.random(n) < 0.3
    return [base.assign(age=base["age"].where(~lacking, rng.normal(size=n))) for _ in range(m)]


class Replay:
    """What statsmodels takes for an imputer: it hands out the completed data one by one."""

    def __init__(self, frames: list[pd.DataFrame]) -> None:
        self.frames, self.place = frames, -1

    def update(self) -> None:
        self.place += 1

    @property
    def data(self) -> pd.DataFrame:
        return self.frames[self.place]


class Regression:
    """A design that is no part of the house."""

    def fit(self, data: Any) -> Estimate:
        people = data.people
        found = sm.OLS(data.outcome("y"), design(people)).fit()
        return Estimate.published(
            found.params,
            covariance=found.cov_params(),
            terms=["one", "gain", "age"],
            outcome="y",
            estimand="effect",
            people=len(people),
            df=found.df_resid,
        )


def design(frame: pd.DataFrame) -> NDArray[np.float64]:
    return np.column_stack([np.ones(len(frame)), frame["assigned"], frame["age"]]).astype(float)


def studies(frames: list[pd.DataFrame], outcomes: tuple[str, ...] = ("y",)) -> list[Study]:
    return [Study.from_frame(frame, outcomes=list(outcomes)) for frame in frames]


def test_values_and_covariance_are_those_of_statsmodels() -> None:
    frames = completed()
    ours = over_imputations(Regression(), studies(frames))
    theirs = MI(
        Replay(frames), sm.OLS, lambda data: (data["y"].to_numpy(), design(data)), burn=0, nrep=len(frames), skip=0
    ).fit()
    assert ours.values == pytest.approx(theirs.params, rel=1e-12)
    assert ours.cov() == pytest.approx(theirs.cov_params(), rel=1e-10)
    # statsmodels states the part of the variance that is between copies; the fraction of information allows for few of them.
    degrees = np.array(list(ours.diagnostics["imputation_df"].values()))
    lost = theirs.fmi + (1 - theirs.fmi) * 2 / (degrees + 3)
    assert list(ours.diagnostics["fraction_missing"].values()) == pytest.approx(lost)
    assert ours.df == min(ours.diagnostics["imputation_df"].values()) < 117


def test_degrees_of_freedom_are_rubins_in_large_samples_and_never_more_than_complete() -> None:
    share, m = np.array([0.1, 0.5, 0.9]), 7
    ratio = share / (1 - share)
    assert barnard_rubin(share, m, math.inf) == pytest.approx((m - 1) * (1 + 1 / ratio) ** 2)
    for complete in (3.0, 40.0, 1e6):
        found = barnard_rubin(np.append(share, [0.0, 1.0]), m, complete)
        assert (found <= complete).all()
        assert (found >= 0).all()
    assert barnard_rubin(share, m, 1e9) == pytest.approx(barnard_rubin(share, m, math.inf), rel=1e-6)


def test_copies_without_differences_change_nothing() -> None:
    one = studies(completed(1))[0]
    alone, joined = Experiment().fit(one), over_imputations(Experiment(), [one, one, one])
    assert joined.values == pytest.approx(alone.values)
    assert joined.cov() == pytest.approx(alone.cov())
    assert joined.diagnostics["fraction_missing"] == {"gain": 0.0}
    assert joined.error_types == ("imputed",)
    assert (joined.n, joined.people, joined.diagnostics["error_within"]) == (alone.n, alone.people, "HC2")


def test_effects_stacked_within_each_copy_keep_their_covariance() -> None:
    spec = {"covariates": ("age",)}
    parts = [
        stack([Experiment(outcome=name, **spec).fit(study) for name in ("y", "z")], ["y", "z"])
        for study in studies(completed(), ("y", "z"))
    ]
    joined = join_imputations(parts)
    contrast = joined.contrast([[1.0, -1.0]], ["difference"])
    direct = join_imputations([part.contrast([[1.0, -1.0]], ["difference"]) for part in parts])
    assert contrast.std_error == pytest.approx(direct.std_error)
    assert joined.cov()[0, 1] > 0
    assert np.abs(joined.draws(4_000, 1).mean(axis=0) - joined.values).max() < 0.02


def test_a_fit_gives_its_total_or_what_is_asked_of_it() -> None:
    class Design:
        def fit(self, data: Study) -> ComparisonFit:
            return ComparisonFit(None, Experiment(covariates=("age",)).fit(data))  # type: ignore[arg-type]

    copies = studies(completed())
    expected = over_imputations(Experiment(covariates=("age",)), copies)
    for of in (None, lambda fit: fit.effects):
        found = over_imputations(Design(), copies, of)
        assert found.values == pytest.approx(expected.values)
        assert found.cov() == pytest.approx(expected.cov())
    assert over_imputations(Experiment(covariates=("age",)), copies).to_json() == expected.to_json()
    assert Estimate.from_json(expected.to_json()).std_error == pytest.approx(expected.std_error)


def test_a_warning_whose_numbers_vary_is_told_once() -> None:
    one = Experiment().fit(studies(completed(1))[0])
    parts = [
        replace(one, warnings=(Problem("EST-004", f"they count as {size} people", "estimator"), fixed))
        for size, fixed in ((26, Problem("EST-005", "a", "people")), ("<11", Problem("EST-005", "b", "people")))
    ]
    assert [problem.what for problem in join_imputations(parts).warnings] == ["they count as 26 people", "a", "b"]


def test_what_does_not_belong_together_is_refused() -> None:
    frames = completed(2)
    copies = studies(frames)
    with pytest.raises(CounterfoilError, match="EST-050"):
        over_imputations(Experiment(), copies[:1])
    with pytest.raises(CounterfoilError, match="not of the same people"):
        over_imputations(Experiment(), [copies[0], copies[1].subset(np.arange(120) > 0)])
    parts = [Experiment().fit(study) for study in copies]
    with pytest.raises(CounterfoilError, match="EST-050"):
        join_imputations(parts[:1])
    for change in ({"terms": ("other",)}, {"outcome": "z"}, {"estimand": "ATT"}, {"error_type": "HC0"}):
        with pytest.raises(CounterfoilError, match="EST-050"):
            join_imputations([parts[0], replace(parts[1], **change)])


def test_people_left_out_of_some_copies_only_are_refused() -> None:
    frames = completed(2)
    frames[1].loc[3, "age"] = np.nan
    with pytest.raises(CounterfoilError, match="EST-050"):
        over_imputations(Experiment(covariates=("age",), missing="drop"), studies(frames))


def test_it_is_no_sum_over_people() -> None:
    copies = studies(completed())
    joined = over_imputations(Experiment(covariates=("age",)), copies)
    with pytest.raises(CounterfoilError, match="within each completed study"):
        stack([joined, Experiment().fit(copies[0])], ["a", "b"])
    with pytest.raises(CounterfoilError, match="EST-008"):
        joined.scores()
    other = Experiment().fit(studies(completed(1, 60))[0])
    assert stack([joined, other], ["a", "b"], independent=True).cov()[0, 1] == 0.0
