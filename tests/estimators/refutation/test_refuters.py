"""Tests that change the data: what they change, what they leave, and that they see what they can see."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import counterfoil as cf
from calibration.by_odds import Weighted
from calibration.refutation import confounded, two_providers
from counterfoil.attribution import Shapley
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, Experiment, InstrumentalVariable
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.refutation.reassignment import exchange, reassigned, some_of, with_noise
from counterfoil.estimators.refutation.refutation import OPINION
from counterfoil.estimators.refutation.refuters import Refuters, refute
from counterfoil.estimators.refutation.repeated_tests import rejections, unmoved
from counterfoil.estimators.refutation.repetitions import generator

COMMON = {"provider": "", "outcome": "y", "draws": 1, "refused": 0, "source": "counterfoil"}
PLACEBO = Refuters(tests=("placebo_treatment",), draws=100)


def villages(seed: int = 1) -> Study:
    rng = np.random.default_rng(seed)
    size = rng.integers(3, 12, 24)
    village = np.repeat(np.arange(24), size)
    frame = pd.DataFrame({"village": village, "assigned": village % 2, "block": village // 12})
    frame["y"] = rng.normal(size=24)[village] + rng.normal(size=len(frame))
    return Study.from_frame(frame, outcomes=("y",))


def served(seed: int = 2) -> Study:
    frame = two_providers(300, seed).assign(
        dose_north=lambda data: data["north"] * 3.0, dose_south=lambda data: data["south"] * 2.0
    )
    return Study.from_frame(
        frame, providers=("north", "south"), outcomes=("y",), doses={"north": "dose_north", "south": "dose_south"}
    )


def test_the_study_is_never_changed() -> None:
    frame = confounded(200, 1)
    study = Study.from_frame(frame, outcomes=("y",))
    kept, people, outcomes = frame.copy(), study.people.copy(), study.outcomes.copy()  # type: ignore[union-attr]
    spec = Weighted(outcome="y", treated="d", covariates=("x",))
    for data in (frame, study):
        refute(spec, data, Refuters(draws=40))
    pd.testing.assert_frame_equal(frame, kept)
    pd.testing.assert_frame_equal(study.people, people)
    pd.testing.assert_frame_equal(study.outcomes, outcomes)


def test_same_seed_same_table_and_each_test_by_itself() -> None:
    study = cf.datasets.load("nsw")
    both = Refuters(tests=("dummy_outcome", "data_subset"), draws=40, seed=3)
    whole = refute(Experiment(), study, both).tidy()
    alone = refute(Experiment(), study, Refuters(tests=("data_subset",), draws=40, seed=3)).tidy()
    assert whole[whole["test"] == "data_subset"].reset_index(drop=True).equals(alone)
    other = refute(Experiment(), study, Refuters(tests=("data_subset",), draws=40, seed=4)).tidy()
    assert not other.equals(alone)
    assert generator(1, "a", "b").random() != generator(1, "ab", "").random()


def test_the_table() -> None:
    found = refute(Experiment(), cf.datasets.load("nsw"), Refuters(draws=40))
    frame = found.tidy()
    assert list(frame) == [
        "provider", "outcome", "test", "against", "estimate", "p_value", "conf_low", "conf_high", "expected", "consistent",
        "draws", "refused", "source", "sentence",
    ]  # fmt: skip
    assert frame["test"].tolist() == [
        "placebo_treatment", "placebo_rejections", "dummy_outcome", "dummy_rejections", "random_common_cause", "data_subset",
    ]  # fmt: skip
    assert (frame["consistent"] == (frame["p_value"] >= 0.05)).all()
    assert frame.attrs["opinion"] == OPINION
    for text in (repr(found), found.summary(), found._repr_html_()):
        assert "Passing is no proof" in text
        assert "valid" not in text.replace("invalid", "")


def test_progress_counts_repetitions() -> None:
    seen: list[int] = []
    refute(Experiment(), cf.datasets.load("nsw"), Refuters(tests=("data_subset",), draws=40), progress=seen.append)
    assert seen == list(range(1, 41))


def test_placebos_are_the_permutation_distribution() -> None:
    """Over many shuffles the difference of means has the variance of a finite population, s²(1/a + 1/b)."""
    frame = confounded(80, 6).assign(assigned=lambda data: data["d"])
    study = Study.from_frame(frame, outcomes=("y",))
    outcome, treated = study.outcome("y"), study.arm("assigned")
    found = refute(Experiment(), study, Refuters(tests=("placebo_treatment",), draws=250)).tests[0]
    assert found.conf_high is not None
    error = np.sqrt(outcome.var(ddof=1) * (1 / treated.sum() + 1 / (~treated).sum()) / 250)
    assert (found.conf_high - found.estimate) / error == pytest.approx(stats.t.ppf(0.975, 249), rel=0.15)
    assert found.consistent


def test_a_placebo_fits_the_score_anew() -> None:
    spec = Weighted(outcome="y", treated="d", covariates=("x",))
    found = refute(spec, confounded(500, 4), PLACEBO)
    assert [one.consistent for one in found.tests] == [True, True]


def test_errors_that_are_too_small_are_seen() -> None:
    """Villages are treated as wholes: errors by person miss zero far more often than they may, those by village do not."""
    study = villages()
    assert not refute(Experiment(vcov="HC2"), study, Refuters(tests=("dummy_outcome",), draws=60)).inconsistent
    by_village = Experiment(cluster="village")
    places = exchange(by_village, study)
    missed = []
    for number in range(100):
        changed = reassigned(study, places, generator(1, number))
        missed.append(
            abs(Experiment(vcov="HC2").fit(changed).values[0]) > 1.96 * Experiment().fit(changed).std_error[0]
        )
    share = rejections("placebo_treatment", np.array(missed, dtype=float), 0.95, COMMON, "", "")
    assert not share.consistent
    assert share.estimate > 0.15
    assert refute(by_village, study, PLACEBO).tests[1].consistent


@pytest.mark.parametrize("key", ["village", "block", None])
def test_who_changes_places(key: str | None) -> None:
    study = villages()
    spec = Experiment(blocks="block", cluster="village") if key == "block" else Experiment(cluster=key)
    places = exchange(spec, study)
    changed = reassigned(study, places, generator(5))
    before, after = study.arm(), changed.arm()
    assert not (before == after).all()
    by = study.codes("village")
    if key is None:
        assert after.sum() == before.sum()
        assert places.words == "people"
        return
    first = pd.Series(after).groupby(by)
    assert (first.nunique() == 1).all()  # villages stay wholes
    treated = first.first().to_numpy()
    assert treated.sum() == 12
    if key == "block":
        assert treated[:12].sum() == 6
        assert places.words == "groups of village within block"


def test_service_records_move_as_wholes() -> None:
    study = served()
    places = exchange(Contribution(outcome="y"), study)
    changed = reassigned(study, places, generator(1))
    old, new = study.roster(), changed.roster()
    for roster in (old, new):
        assert roster.dose is not None
        assert ((roster.dose[:, 0] == 3.0) == roster.exposure[:, 0]).all()
    assert (np.bincount(old.patterns()[1]) == np.bincount(new.patterns()[1])).all()
    assert (old.exposure != new.exposure).any()
    assert len(changed.services) == len(study.services)  # type: ignore[arg-type]
    again = Study.from_tables(changed.people, services=changed.services, outcomes=changed.outcomes)
    assert again.roster().exposure.tolist() == new.exposure.tolist()


def test_clusters_with_mixed_treatment_stay_as_alike() -> None:
    """Between clusters of unequal size, too, the part of the variance that lies between clusters is kept."""
    rng = np.random.default_rng(3)
    town = np.repeat(np.arange(60), rng.integers(5, 15, 60))
    chance = rng.beta(0.5, 0.5, 60)[town]
    frame = pd.DataFrame(
        {"town": town, "d": (rng.random(len(town)) < chance).astype(int), "y": rng.normal(size=len(town))}
    )
    study = Study.from_frame(frame, outcomes=("y",))
    spec = ComparisonDesign(outcome="y", treated="d", cluster="town")
    changed = reassigned(study, exchange(spec, study), generator(2))

    def between(data: Study) -> float:
        return float(pd.Series(data.arm("d") * 1.0).groupby(town).mean().var())

    assert between(changed) == pytest.approx(between(study), rel=0.1)


def test_an_instrument_moves_with_what_was_received() -> None:
    study = cf.datasets.load("nsw")
    places = exchange(InstrumentalVariable(received="nodegree"), study)
    assert places.columns == ("assigned", "nodegree")
    changed = reassigned(study, places, generator(1)).people
    assert (
        changed.groupby(["assigned", "nodegree"]).size() == study.people.groupby(["assigned", "nodegree"]).size()
    ).all()
    assert (changed["age"] == study.people["age"]).all()


def test_a_part_of_the_people() -> None:
    study = cf.datasets.load("nsw")
    part = some_of(study, exchange(Experiment(), study), 0.8, generator(1))
    assert (part.arm().sum(), (~part.arm()).sum()) == (148, 208)
    towns = villages()
    some = some_of(towns, exchange(Experiment(cluster="village"), towns), 0.5, generator(1))
    kept = set(some.people["village"])
    assert len(kept) == 12
    assert some.n_people == int(towns.people["village"].isin(kept).sum())
    frame = pd.DataFrame({"assigned": [0, 1] * 20, "pair": np.repeat(np.arange(20), 2), "y": np.arange(40.0)})
    pairs = Study.from_frame(frame, outcomes=("y",))
    half = some_of(pairs, exchange(Experiment(pairs="pair"), pairs), 0.5, generator(1))
    assert (half.people.groupby("pair").size() == 2).all()
    assert half.n_people == 20


def test_noise_keeps_who_has_no_outcome() -> None:
    frame = confounded(50, 1)
    frame.loc[:9, "y"] = np.nan
    study = Study.from_tables(
        frame[["x", "d"]].assign(person=frame.index),
        outcomes=pd.DataFrame({"person": frame.index, "outcome": "y", "value": frame["y"]}),
    )
    values = with_noise(study, "y", None, generator(1)).outcome("y", complete=False)
    assert np.isnan(values).sum() == 10
    assert np.corrcoef(values[10:], frame["y"][10:])[0, 1] < 0.5


def test_providers_each_and_designs_each() -> None:
    frame = two_providers(200, 1)
    spec = Contribution(outcome="y", providers=("north", "south"), model="additive")
    asked = Refuters(tests=("random_common_cause",), draws=40)
    credits = refute(spec, frame, asked, kernel=Shapley()).tidy()
    assert credits["provider"].tolist() == ["north", "south"]
    assert credits["expected"].to_numpy() == pytest.approx(spec.fit(frame).apply(Shapley()).values)
    assert refute(spec, frame, asked).tidy()["provider"].tolist() == [""]
    each = {name: Experiment(outcome="y", assigned=name) for name in ("north", "south")}
    assert refute(each, frame, asked).tidy()["provider"].tolist() == ["north", "south"]
    arms = frame.assign(arm=frame["north"] + 2 * (1 - frame["north"]) * frame["south"])
    several = Experiment(outcome="y", assigned="arm", control="0")
    assert refute(several, arms, asked).tidy()["provider"].tolist() == ["1", "2"]


def test_an_estimate_that_hangs_on_a_column_of_noise_is_seen() -> None:
    """An estimate far from its repetitions fails, one among them does not."""
    values = np.random.default_rng(1).normal(size=100)
    far = unmoved("data_subset", values, 4.0, 0.95, COMMON, "", "")
    assert not far.consistent
    assert far.p_value == pytest.approx(2 / 101)
    assert unmoved("data_subset", values, 0.0, 0.95, COMMON, "", "").consistent
    assert unmoved("data_subset", np.ones(100), 1.0, 0.95, COMMON, "", "").p_value == 1.0


@pytest.mark.parametrize("missed", [0, 3, 5, 12, 100])
def test_rates_are_binomial(missed: int) -> None:
    found = rejections("placebo_treatment", np.arange(100) < missed, 0.95, COMMON, "", "")  # type: ignore[arg-type]
    exact = stats.binomtest(missed, 100, 0.05, alternative="greater")
    interval = stats.binomtest(missed, 100).proportion_ci(0.95)
    assert found.p_value == pytest.approx(exact.pvalue)
    assert (found.conf_low, found.conf_high) == pytest.approx((interval.low, interval.high))


def test_what_cannot_be_dealt_out_is_refused() -> None:
    study = villages()
    with pytest.raises(CounterfoilError, match="EST-014"):
        refute(Experiment(), study, Refuters(tests=("placebo_treatment",), within="village", draws=40))
    with pytest.raises(CounterfoilError, match="EST-053"):
        exchange(Experiment(cluster="village"), Study.from_frame(_cut(), outcomes=("y",)), within="half")
    with pytest.raises(CounterfoilError, match="EST-053"):
        refute(cf.estimators.FixedBaseline(baseline="fixed_rate", rate=Decimal(1), source="s"), study)


def _cut() -> pd.DataFrame:
    frame = villages().people.drop(columns="person").assign(y=1.0)
    return frame.assign(half=np.arange(len(frame)) % 2)


def test_a_design_that_refuses_its_repetitions_is_told() -> None:
    """Dealt out anew, three treatments of sixty are told apart from the others by a rare mark most of the time."""
    frame = confounded(60, 1).assign(d=(np.arange(60) < 3).astype(int))
    frame["x"] = np.random.default_rng(1).normal(size=60) * (np.arange(60) < 8)
    frame["z"] = np.tile([0, 1], 30)
    spec = Weighted(outcome="y", treated="d", covariates=("x", "z"))
    with pytest.raises(CounterfoilError, match=r"EST-054.*placebo_treatment: the design refused \d+ of 40") as caught:
        refute(spec, frame, Refuters(draws=40))
    assert "EST-002" in str(caught.value)
