"""Synthetic controls at published digits, beside peers, and by what must hold whatever the data are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest

from counterfoil.datasets import Panel, Study
from counterfoil.errors import CounterfoilError, EstimationError
from counterfoil.estimators.stack import stack
from counterfoil.estimators.synthetic.before_outcomes import reach
from counterfoil.estimators.synthetic.cohorts import Places, Plan, by_cohort, gain_of
from counterfoil.estimators.synthetic.counterfactual import counterfactual
from counterfoil.estimators.synthetic.resampling import jackknife
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl

REFERENCE = Path(__file__).parents[2] / "reference"
PEERS: dict[str, Any] = json.loads((REFERENCE / "synthetic.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def texas() -> Panel:
    frame = causaldata.texas.load_pandas().data[["state", "year", "bmprison"]].copy()
    frame["since"] = np.where(frame["state"] == "Texas", "1994", "never")
    return Panel.from_frame(frame, unit="state", period="year")


@pytest.fixture(scope="module")
def california() -> Panel:
    wide = pd.read_csv(REFERENCE / "prop99.csv", index_col="State")
    frame = wide.reset_index().melt(id_vars="State", var_name="year", value_name="packs")
    frame["since"] = frame["State"].map({"California": "1989"})
    return Panel.from_frame(frame, unit="State", period="year")


@pytest.fixture(scope="module")
def organs() -> Panel:
    frame = causaldata.organ_donations.load_pandas().data.copy()
    frame["since"] = np.where(
        frame["State"] == "California", frame["Quarter_Num"][frame["Quarter"] == "Q32011"].iloc[0], 0
    )
    return Panel.from_frame(frame, unit="State", period="Quarter_Num")


def invented(cohorts: int = 1) -> Places:
    outcomes = np.array(PEERS["invented"]["panel"])
    begins = np.full(24, 14)
    begins[:3], begins[3:6] = 8, 10
    kept = np.arange(24) if cohorts == 2 else np.r_[:3, 6:24]
    return Places(outcomes[kept], begins[kept], np.ones(len(kept)), np.empty((len(kept), 14, 0)))


def spec(**terms: Any) -> SyntheticControl:
    return SyntheticControl.model_validate({"first_treated": "since", **terms})


def test_texas_prisons(texas: Panel) -> None:
    fit = spec(outcome="bmprison").fit(texas)
    used = fit.weights[fit.weights > 0].round(5)
    assert used.to_dict() == {"Florida": 0.37528, "Illinois": 0.26094, "New York": 0.36378}
    assert round(fit.diagnostics["rmspe_before"], 3) == 838.803
    assert round(fit.total().values[0], 2) == 23807.73
    assert fit.diagnostics["weights_unique"]
    assert round(fit.diagnostics["effective_donors"], 2) == round(1 / (used**2).sum(), 2)


def test_the_published_donors_of_texas_fit_worse_and_tell_nearly_the_same(texas: Panel) -> None:
    published = {"California": 0.408, "Florida": 0.109, "Illinois": 0.36, "Louisiana": 0.122}
    wide = pd.DataFrame(texas.wide("bmprison"), index=texas.ids, columns=texas.periods)
    gaps = wide.loc["Texas"] - sum(weight * wide.loc[state] for state, weight in published.items())
    assert round(np.sqrt((gaps[:9] ** 2).mean()), 1) == 1296.3
    assert round(gaps[9:].mean(), 1) == 23073.7
    assert np.sqrt((gaps[:9] ** 2).mean()) > spec(outcome="bmprison").fit(texas).diagnostics["rmspe_before"]


def test_texas_as_a_peer_has_it(texas: Panel) -> None:
    fit = spec(outcome="bmprison").fit(texas)
    assert fit.total().values[0] == pytest.approx(PEERS["texas"]["diff_diff"], rel=1e-6)
    for state, weight in PEERS["texas"]["diff_diff_weights"].items():
        assert fit.weights[state] == pytest.approx(weight, abs=1e-6)


def test_organ_donations(organs: Panel) -> None:
    fit = spec(outcome="Rate", method="difference_in_differences", statistic="gain").fit(organs)
    assert round(fit.total().values[0], 7) == -0.0224590
    test = fit.placebo()
    assert (test.rank, len(test.placebos) + 1, round(test.p_value, 3)) == (5, 27, 0.185)
    with pytest.raises(EstimationError, match="EST-018"):
        fit.total().interval()


@pytest.mark.parametrize(
    ("method", "published", "digits"),
    [("synthetic_did", -15.6, 1), ("difference_in_differences", -27.3, 1), ("synthetic_control", -19.6, 0)],
)
def test_proposition_99(california: Panel, method: str, published: float, digits: int) -> None:
    """Arkhangelsky et al. (2021), table 1; their solver stops early, and -19.6 is -19.51 at the exact optimum."""
    gain = spec(outcome="packs", method=method).fit(california).total().values[0]
    assert round(gain, digits) == round(published, digits)
    assert gain == pytest.approx(PEERS["prop99"][method], abs={"synthetic_control": 0.11}.get(method, 2e-3))


def test_proposition_99_weights_and_placebo_variance(california: Panel) -> None:
    fit = spec(outcome="packs", method="synthetic_did", inference="placebo_variance").fit(california)
    largest = fit.weights.sort_values(ascending=False)[:4].round(3)
    assert largest.to_dict() == {"Nevada": 0.124, "New Hampshire": 0.105, "Connecticut": 0.078, "Delaware": 0.07}
    np.testing.assert_allclose(fit.cohorts[0].found.periods[-3:], [0.366, 0.206, 0.427], atol=1e-3)
    total = fit.total()
    assert total.error_type == "placebo"
    assert total.df == 37
    assert total.std_error[0] == pytest.approx(PEERS["prop99"]["placebo_each_donor_once"], rel=1e-3)
    assert "EST-039" in [problem.code for problem in total.warnings]


def test_several_places_as_peers_have_them() -> None:
    places = invented()
    peers = PEERS["invented"]["one_cohort"]
    cohorts = by_cohort(Plan("synthetic_did", None), places)
    assert gain_of(cohorts) == pytest.approx(peers["synthetic_did_converged"], abs=2e-4)
    assert gain_of(cohorts) == pytest.approx(peers["diff_diff"], abs=2e-3)
    found = jackknife(places, cohorts)
    error = np.sqrt((found.influence**2).sum() / 21**2 * 21 / 20)
    assert error == pytest.approx(peers["jackknife_converged"], rel=2e-3)
    plain = by_cohort(Plan("difference_in_differences", None), places)
    assert gain_of(plain) == pytest.approx(peers["difference_in_differences"], abs=1e-12)


def test_cohorts_are_averaged_by_places_and_periods() -> None:
    places = invented(2)
    cohorts = by_cohort(Plan("synthetic_did", None), places)
    assert [cohort.share for cohort in cohorts] == [18 / 30, 12 / 30]
    assert gain_of(cohorts) == pytest.approx(PEERS["invented"]["two_cohorts"], abs=5e-4)


@pytest.mark.parametrize("cohorts", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_jackknife_is_leaving_out_one_place_after_the_other(cohorts: int, weighted: bool) -> None:
    places = invented(cohorts)
    if weighted:
        places = replace(places, importance=np.linspace(1, 3, len(places.begins)))
    fitted = by_cohort(Plan("synthetic_did", None), places)
    left = []
    for out in range(len(places.begins)):
        top = bottom = 0.0
        for cohort in fitted:
            weights = np.where(places.donors == out, 0.0, cohort.found.donors)
            members = cohort.places[cohort.places != out]
            own = np.average(places.outcomes[members], axis=0, weights=places.importance[members])
            gaps = own - weights @ places.outcomes[places.donors] / weights.sum()
            gain = gaps[cohort.begins :].mean() - cohort.found.periods @ gaps[: cohort.begins]
            cells = places.importance[members].sum() * (14 - cohort.begins)
            top, bottom = top + cells * gain, bottom + cells
        left.append(top / bottom)
    n, out_of_each = len(left), np.array(left)
    influence = jackknife(places, fitted).influence
    np.testing.assert_allclose(influence, (n - 1) * (out_of_each.mean() - out_of_each), atol=1e-9)
    variance = (n - 1) / n * out_of_each.var() * n
    assert (influence**2).sum() / n**2 * n / (n - 1) == pytest.approx(variance)


def test_ridge_augmentation_is_the_bias_a_ridge_regression_predicts() -> None:
    rng = np.random.default_rng(5)
    donors, treated = np.cumsum(rng.normal(size=(12, 11)), axis=1), np.cumsum(rng.normal(size=11)) + 1
    plain = counterfactual("synthetic_control", treated, donors, 8)
    found = counterfactual("augmented", treated, donors, 8, penalty=0.05)
    assert found.donors.sum() == pytest.approx(1)
    history = donors[:, :8] - donors[:, :8].mean(axis=0)
    ridge = 0.05 * np.linalg.svd(history, compute_uv=False)[0] ** 2
    for period in (8, 9, 10):
        slopes = np.linalg.solve(history.T @ history + ridge * np.eye(8), history.T @ donors[:, period])
        bias = slopes @ (treated[:8] - plain.donors @ donors[:, :8])
        assert found.gaps[period] == pytest.approx(plain.gaps[period] - bias)
    close = counterfactual("augmented", treated, donors, 8)
    assert np.square(close.gaps[:8]).sum() <= np.square(plain.gaps[:8]).sum()


def test_predictors_are_matched_beside_outcomes(texas: Panel) -> None:
    frame = causaldata.texas.load_pandas().data[["state", "year", "bmprison", "poverty"]].copy()
    frame["since"] = np.where(frame["state"] == "Texas", "1994", "never")
    panel = Panel.from_frame(frame, unit="state", period="year")
    fit = spec(outcome="bmprison", predictors=("poverty",)).fit(panel)
    plain = spec(outcome="bmprison").fit(texas)
    means = pd.Series(panel.wide("poverty")[:, :9].mean(axis=1), index=panel.ids)
    apart = [abs(means["Texas"] - weights @ means.drop("Texas")) for weights in (fit.weights, plain.weights)]
    assert apart[0] < apart[1]
    assert fit.diagnostics["rmspe_before"] > plain.diagnostics["rmspe_before"]


def test_units_of_measurement_and_order_of_rows_do_not_matter(california: Panel) -> None:
    rows = california.frame.sample(frac=1, random_state=1)
    rows["packs"] = rows["packs"] * 1000 + 7
    again = Panel.from_frame(rows, unit="State", period="year")
    for method in ("synthetic_control", "synthetic_did", "demeaned", "augmented"):
        one, other = (spec(outcome="packs", method=method).fit(panel) for panel in (california, again))
        assert other.total().values[0] == pytest.approx(1000 * one.total().values[0], rel=1e-6)


def test_outcomes_of_the_same_places_have_a_joint_covariance() -> None:
    places = invented()
    frames = []
    for factor in (1.0, -2.0):
        long = (
            pd.DataFrame(places.outcomes * factor)
            .rename_axis("place")
            .reset_index()
            .melt("place", var_name="t", value_name="y")
        )
        long["since"] = np.where(long["place"] < 3, 8, -1)
        long.loc[long["place"] >= 3, "since"] = np.nan
        frames.append(Panel.from_frame(long, unit="place", period="t"))
    blocks = [spec(outcome="y", method="synthetic_did", inference="jackknife").fit(frame).total() for frame in frames]
    joint = stack(blocks, ["one", "twice"]).cov()
    assert joint[0, 1] / np.sqrt(joint[0, 0] * joint[1, 1]) == pytest.approx(-1)


def test_bootstrap_is_reproducible_and_near_the_jackknife() -> None:
    long = (
        pd.DataFrame(invented().outcomes).rename_axis("place").reset_index().melt("place", var_name="t", value_name="y")
    )
    long["since"] = np.where(long["place"] < 3, 8.0, np.nan)
    panel = Panel.from_frame(long, unit="place", period="t")
    asked = spec(outcome="y", method="synthetic_did", inference="bootstrap", draws=200, seed=3)
    one, two = asked.fit(panel).total(), asked.fit(panel).total()
    assert one.std_error == two.std_error
    peer = PEERS["invented"]["one_cohort"]["bootstrap_300"]
    assert one.std_error[0] == pytest.approx(peer, rel=0.25)
    assert [problem.code for problem in one.warnings] == ["EST-039"]


def test_placebo_in_time_finds_nothing_and_leaving_out_donors_moves_little(texas: Panel) -> None:
    fit = spec(outcome="bmprison").fit(texas)
    early = fit.placebo_in_time("1990")
    assert abs(early.attrs["gain"]) < 0.1 * fit.total().values[0]
    assert early["period"].iloc[-1] == "1993"
    without = fit.leave_one_out()
    assert without["donor"].tolist() == ["Florida", "New York", "Illinois"]
    rest = texas.subset(texas.ids[texas.unit] != "Florida")
    assert without["gain"][0] == pytest.approx(spec(outcome="bmprison").fit(rest).total().values[0])


def test_conformal_p_value_is_a_share_of_shifts_and_its_interval_holds_what_is_not_rejected(california: Panel) -> None:
    fit = spec(outcome="packs", method="demeaned", inference="conformal").fit(california)
    found = fit.conformal(0.9)
    wide = california.wide("packs")
    own = california.ids == "California"
    centred = wide - wide.mean(axis=1, keepdims=True)
    weights = counterfactual("demeaned", wide[own][0], wide[~own], 31).donors
    size = np.abs(centred[own][0] - weights @ centred[~own])
    shifts = [np.roll(size, shift)[19:].sum() for shift in range(31)]
    assert found.p_value == pytest.approx(np.mean(np.array(shifts) >= shifts[0] - 1e-9))
    assert found.smallest_p_value == 1 / 31
    assert found.conf_low <= fit.total().values[0] <= found.conf_high
    assert not fit.conformal(0.99).bounded


def test_several_treated_places_are_ranked_among_sets_of_donors() -> None:
    long = (
        pd.DataFrame(invented(2).outcomes)
        .rename_axis("place")
        .reset_index()
        .melt("place", var_name="t", value_name="y")
    )
    long["since"] = long["place"].map(dict.fromkeys(range(3), 8.0) | dict.fromkeys(range(3, 6), 10.0))
    fit = spec(outcome="y", method="synthetic_did", statistic="gain", draws=100).fit(
        Panel.from_frame(long, unit="place", period="t")
    )
    test = fit.placebo()
    assert len(test.placebos) == 100
    assert test.p_value == test.smallest_p_value
    assert fit.placebo().placebos.tolist() == test.placebos.tolist()
    assert fit.path().query("event_time == 0")["period"].tolist() == ["8", "10"]
    assert fit.gaps[10:].mean() == pytest.approx(np.mean([cohort.found.gaps[10:].mean() for cohort in fit.cohorts]))


def test_plots_return_the_axes(california: Panel) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    fit = spec(outcome="packs").fit(california)
    ax = fit.plot_gap(placebos=fit.placebo())
    assert len(ax.lines) == 38 + 3
    assert fit.plot_gap(ax) is ax
    bars = fit.plot_donor_weights()
    assert len(bars.patches) == int((fit.weights > 1e-6).sum())


@pytest.mark.parametrize(
    ("terms", "change", "code"),
    [
        ({"donors": ("b", "a")}, {}, "IDENT-034"),
        ({"donors": ("b", "nowhere")}, {}, "IDENT-034"),
        ({}, {"since": {"a": 1, "b": 3, "c": 3, "d": 3, "e": 3}}, "IDENT-034"),
        ({}, {"since": {"a": 1}}, "IDENT-035"),
        ({"method": "synthetic_did"}, {"since": {"a": 2}}, "IDENT-035"),
        ({"method": "augmented"}, {"since": {"a": 3}}, "IDENT-035"),
        ({}, {"since": {}}, "IDENT-001"),
        ({"inference": "jackknife", "method": "synthetic_did"}, {}, "IDENT-036"),
        ({"inference": "bootstrap"}, {}, "IDENT-036"),
        ({"donors": ("b",)}, {}, "IDENT-036"),
        ({"inference": "conformal"}, {"since": {"a": 4, "b": 5}}, "IDENT-036"),
        ({}, {"hole": True}, "DATA-008"),
        ({"donors": "place"}, {}, "DATA-013"),
        ({}, {"constant": True}, "EST-015"),
        ({}, {"words": True}, "DATA-032"),
    ],
)
def test_what_cannot_be_answered_is_refused(terms: dict[str, Any], change: dict[str, Any], code: str) -> None:
    with pytest.raises(CounterfoilError) as caught:
        spec(outcome="y", **terms).fit(small(**change))
    assert code in caught.value.codes
    assert "17.25" not in str(caught.value)


def small(
    since: dict[str, int] | None = None, *, hole: bool = False, constant: bool = False, words: bool = False
) -> Panel:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame([(place, time) for place in "abcde" for time in range(1, 7)], columns=["place", "time"])
    frame["y"] = 17.25 if constant else rng.normal(size=30).round(3) + 17.25
    frame["since"] = frame["place"].map({"a": 4} if since is None else since)
    if words:
        frame["time"] = frame["time"].map(
            dict(zip(range(1, 7), ("spring", "summer", "autumn", "winter", "yule", "lent"), strict=True))
        )
        frame["since"] = frame["since"].map({4.0: "winter"})
    if hole:
        frame = frame.drop(index=8)
    return Panel.from_frame(frame, unit="place", period="time", order=())


def test_a_study_of_places_is_read_with_or_without_outcomes() -> None:
    frame = small().frame
    long = frame.rename(columns={"time": "period", "y": "value"}).assign(indicator="crimes")[
        ["place", "indicator", "period", "value"]
    ]
    towns = frame.drop_duplicates("place")[["place", "since"]]
    people = pd.DataFrame({"person": [1, 2], "age": [30, 40]})
    alone = Study.of_places(long, towns)
    study = Study.from_tables(people, places=alone)
    fit = spec(outcome="crimes").fit(study)
    assert fit.total().values[0] == pytest.approx(spec(outcome="y").fit(small()).total().values[0])
    assert reach(spec(outcome="crimes"), study).cohorts == (("4", 1, 3, 3),)
    with pytest.raises(CounterfoilError, match="DATA-019"):
        spec(outcome="crimes").fit(Study.from_tables(people))
    assert spec(outcome="crimes").fit(alone).weights.equals(fit.weights)
    assert spec(outcome="crimes", level="people").fit(alone).weights.equals(fit.weights)


def test_places_without_a_whole_history_are_left_out_only_when_declared() -> None:
    fit = spec(outcome="y", missing="drop").fit(small(hole=True))
    assert fit.diagnostics["people_in"] == 5
    assert fit.diagnostics["people_used"] == 4
    assert fit.diagnostics["places with an incomplete history"] == 1
    assert "EST-007" in [problem.code for problem in fit.total().warnings]


def test_weak_comparisons_are_told() -> None:
    few = spec(outcome="y").fit(small({"a": 3}))
    assert any("2 periods before" in problem.what for problem in few.total().warnings)
    panel = small()
    frame = panel.frame.copy()
    frame.loc[frame["place"] == "a", "y"] += 100
    far = spec(outcome="y").fit(Panel.from_frame(frame, unit="place", period="time"))
    assert any("beyond every donor" in problem.what for problem in far.warnings)
    assert far.diagnostics["periods_beyond_donors"] == 1
    gaps = spec(outcome="y").fit(Panel.from_frame(frame[frame["time"] != 2], unit="place", period="time"))
    assert any("measured nowhere" in problem.what for problem in gaps.warnings)


def test_an_exact_fit_cannot_be_ranked_by_its_ratio() -> None:
    frame = small().frame.copy()
    wide = frame.pivot(index="place", columns="time", values="y")
    frame.loc[frame["place"] == "a", "y"] = (wide.loc["b"] / 2 + wide.loc["c"] / 2).to_numpy()
    fit = spec(outcome="y").fit(Panel.from_frame(frame, unit="place", period="time"))
    with pytest.raises(EstimationError, match="EST-015"):
        fit.placebo()
    assert fit.placebo("gain").rank == 5


def test_terms_that_contradict_each_other_are_refused() -> None:
    for terms in (
        {"method": "synthetic_did", "inference": "conformal"},
        {"method": "synthetic_did", "predictors": ("x",)},
        {"method": "difference_in_differences", "penalty": 1.0},
        {"method": "synthetic_control", "inference": "jackknife"},
        {"cluster": "state"},
        {"treated": "on"},
    ):
        with pytest.raises(ValueError, match="validation error"):
            spec(**terms)


def test_donors_that_differ_by_rounding_alone_need_no_correction() -> None:
    donors = np.full((4, 7), 1e7) + 1e-9 * np.arange(28).reshape(4, 7)
    found = counterfactual("augmented", np.full(7, 1e7) + np.arange(7), donors, 5)
    assert np.isfinite(found.gaps).all()
    assert found.donors.sum() == pytest.approx(1)
