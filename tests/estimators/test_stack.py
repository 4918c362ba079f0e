"""Joint covariance by person: against linearmodels SUR, against a bootstrap of the whole pipeline, and its refusals."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from linearmodels.system import SUR

import counterfoil as cf
from counterfoil.attribution import attribute
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, Estimate, Experiment, stack
from counterfoil.estimators.bands import simultaneous_critical


def nsw_outcomes() -> pd.DataFrame:
    nsw = cf.datasets.load("nsw")
    earnings = nsw.outcome("earnings")
    return nsw.people.assign(re78=earnings, u78=(earnings == 0).astype(float)).drop(columns="person")


def test_two_outcomes_equal_sur() -> None:
    frame = nsw_outcomes()
    ours = stack([Experiment(outcome=name, vcov="HC0").fit(frame) for name in ("re78", "u78")], ["re78", "u78"]).cov()
    design = frame[["assigned"]].assign(constant=1.0)
    system = {name: {"dependent": frame[name], "exog": design} for name in ("re78", "u78")}
    theirs = SUR(system).fit(method="ols", cov_type="robust").cov
    names = ["re78_assigned", "u78_assigned"]
    np.testing.assert_allclose(ours, theirs.loc[names, names], rtol=1e-10)
    np.testing.assert_allclose(ours[[0, 0, 1], [0, 1, 1]], [447983.00, -14.546876, 0.0018744], rtol=1e-5)


def test_two_outcomes_by_cluster_equal_sur() -> None:
    frame = nsw_outcomes()
    frame["site"] = np.arange(len(frame)) // 9
    ours = stack(
        [Experiment(outcome=name, vcov="CR0", cluster="site").fit(frame) for name in ("re78", "u78")], ["a", "b"]
    )
    design = frame[["assigned"]].assign(constant=1.0)
    system = {name: {"dependent": frame[name], "exog": design} for name in ("re78", "u78")}
    clusters = frame["site"].to_numpy()
    theirs = SUR(system).fit(method="ols", cov_type="clustered", clusters=clusters).cov
    names = ["re78_assigned", "u78_assigned"]
    np.testing.assert_allclose(ours.cov(), theirs.loc[names, names], rtol=1e-9)
    assert ours.df == frame["site"].nunique() - 1


def overlapping(size: int = 700, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    need = rng.normal(size=size)
    served = (rng.random((size, 2)) < 1 / (1 + np.exp(-0.5 * need[:, None]))).astype(int)
    data = pd.DataFrame({"need": need, "a": served[:, 0], "b": served[:, 1], "assigned": rng.integers(0, 2, size)})
    data["y"] = need + served @ [0.6, 0.3] + 0.4 * data["assigned"] + rng.normal(size=size)
    data["z"] = 0.7 * data["y"] + rng.normal(size=size)
    return data


def pipeline(data: pd.DataFrame) -> Estimate:
    """An ITT on everybody, one on a subgroup, a second outcome, and credits of overlapping people."""
    poor = data[data["need"] > 0]
    credits = attribute(
        Contribution(
            outcome="y", providers=("a", "b"), covariates=("need",), design="unconfounded", model="pairwise",
            target="population", vcov="HC0",
        ).fit(data[data["need"] < 1])
    ).credits  # fmt: skip
    blocks = [Experiment(outcome=o, vcov="HC0").fit(d) for o, d in (("y", data), ("y", poor), ("z", data))]
    return stack([*blocks, credits], ["all", "needy", "second", "credit"])


def test_joint_covariance_equals_a_bootstrap_of_the_whole_pipeline() -> None:
    data = overlapping()
    ours = pipeline(data)
    rng = np.random.default_rng(2)
    draws = np.array(
        [pipeline(data.iloc[rng.integers(0, len(data), len(data))].reset_index(drop=True)).values for _ in range(400)]
    )
    theirs = np.cov(draws, rowvar=False)
    assert ours.terms == ("all: gain", "needy: gain", "second: gain", "credit: a", "credit: b")
    # A variance from 400 draws has a Monte Carlo error of sqrt(2/400) = 7 %; correlations of about 1/sqrt(400) = .05.
    np.testing.assert_allclose(np.diag(ours.cov()) / np.diag(theirs), 1.0, atol=4 * 0.0707)
    correlation = [cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov))) for cov in (ours.cov(), theirs)]
    np.testing.assert_allclose(correlation[0], correlation[1], atol=4 * 0.05)
    assert correlation[0][0, 2] > 0.5  # the two outcomes of the same people move together


def test_disjoint_subgroups_make_up_the_whole() -> None:
    data = overlapping()
    low = data["need"] < 0
    blocks = [Experiment(outcome="y", vcov="HC0").fit(d) for d in (data, data[low], data[~low])]
    cov = stack(blocks, ["all", "low", "high"]).cov()
    assert cov[1, 2] == 0
    assert cov[0, 1] != 0


def test_blocks_keep_their_own_errors(rice: Study) -> None:
    fits = [Contribution(cluster="address", target="population").fit(rice), Contribution(cluster="address", target="population", model="additive").fit(rice)]  # fmt: skip
    totals = [fit.total() for fit in fits]
    joint = stack(totals, ["saturated", "additive"])
    np.testing.assert_allclose(joint.std_error, [total.std_error[0] for total in totals], rtol=1e-12)
    assert joint.df == 165


def test_nested_clusters_join_at_the_coarser_level() -> None:
    data = overlapping()
    data["house"], data["street"] = data.index // 4, data.index // 20
    fine, coarse, single = (
        Experiment(outcome="y", cluster=name, vcov="CR0").fit(data)
        if name
        else Experiment(outcome="y", vcov="HC0").fit(data)
        for name in ("house", "street", None)
    )
    for first in (fine, single):
        joint = stack([first, coarse], ["x", "y"])
        assert joint.df == coarse.df
        np.testing.assert_allclose(joint.std_error, coarse.std_error[0], rtol=1e-12)


def refused(blocks: Sequence[Estimate], names: Sequence[str] | None = ("x", "y"), **terms: Any) -> str:
    with pytest.raises(CounterfoilError) as caught:
        stack(blocks, names, **terms)
    assert set(caught.value.codes) == {"EST-008"}
    return str(caught.value)


def test_refusals() -> None:
    data = overlapping(200)

    def fit(d: pd.DataFrame, **terms: Any) -> Estimate:
        return Experiment.model_validate({"outcome": "y", **terms}).fit(d)

    text = data.set_index(data.index.map(lambda i: f"p{i}"))
    assert "whole numbers" in refused([fit(data), fit(text)])
    assert "shares no person" in refused([fit(data[:100]), fit(data[100:])])
    data["one"], data["two"] = data.index // 10, data.index % 10
    assert "cut across" in refused([fit(data, cluster="one"), fit(data, cluster="two")])
    assert "classical" in refused([fit(data, vcov="classical"), fit(data)])
    assert "same name" in refused([fit(data), fit(data)], None)
    assert "1 names for 2" in refused([fit(data), fit(data)], ["x"])
    population = Contribution(outcome="y", providers=("a", "b"), target="population").fit(data).total()
    assert "future people" in refused([population, fit(data, covariates=["need"])])
    published = Estimate.published([1.0], [0.5], terms=["gain"], outcome="y", estimand="ITT", people=10)
    assert "no people to join by" in refused([published, fit(data)])
    replicates = Estimate(
        terms=("gain",), values=np.ones(1), replicates=np.ones((9, 1)), error_type="replicates", outcome="y",
        estimand="ITT", people=1, population="",
    )  # fmt: skip
    assert "replicates" in refused([replicates, fit(data)])
    assert "nothing" in refused([], None)


def test_independent_blocks_have_no_covariance_and_may_be_published() -> None:
    data = overlapping(200)
    one = Experiment(outcome="y").fit(data[:100])
    published = Estimate.published([1.0], [0.5], terms=["gain"], outcome="y", estimand="ITT", people=10)
    joint = stack([one, published], ["here", "there"], independent=True)
    np.testing.assert_allclose(joint.cov(), np.diag([one.cov()[0, 0], 0.25]))
    blend = joint.contrast([[0.8, 0.2]], ["blend"])
    assert blend.std_error[0] == pytest.approx(np.sqrt(0.64 * one.cov()[0, 0] + 0.04 * 0.25))
    assert blend.df == one.df


def test_draws_have_the_covariance(rice: Study) -> None:
    joint = attribute(Contribution(cluster="address").fit(rice)).joint
    published = Estimate.from_json(joint.to_json())
    for estimate in (joint, published):
        drawn = estimate.draws(40_000, seed=3)
        np.testing.assert_allclose(drawn.mean(axis=0), estimate.values, atol=5 * estimate.std_error.max() / 200)
        np.testing.assert_allclose(np.cov(drawn, rowvar=False), estimate.cov(), rtol=0.06, atol=3e-6)
        assert np.array_equal(drawn, estimate.draws(40_000, seed=3))


def test_replicates_carry_their_own_spread() -> None:
    replicates = np.random.default_rng(0).normal(size=(5_000, 2)) * [1.0, 3.0]
    estimate = Estimate(
        terms=("x", "y"), values=np.zeros(2), replicates=replicates, error_type="replicates", outcome="o",
        estimand="ITT", people=1, population="",
    )  # fmt: skip
    np.testing.assert_allclose(estimate.std_error, [1.0, 3.0], rtol=0.05)
    np.testing.assert_allclose(estimate.draws(9_000, 1).std(axis=0), [1.0, 3.0], rtol=0.05)
    assert Estimate.from_json(estimate.to_json()).std_error == pytest.approx(estimate.std_error)


def test_a_carrier_is_needed() -> None:
    with pytest.raises(ValueError, match="carries influence values"):
        Estimate(terms=("x",), values=np.zeros(1), error_type="HC0", outcome="o", estimand="", people=1, population="")


@pytest.mark.parametrize(
    ("function", "slope"),
    [(lambda v: v[0] * v[1], lambda v: [v[1], v[0]]), (lambda v: np.exp(v[0]), lambda v: [np.exp(v[0]), 0.0])],
)
def test_delta_method(function: Callable[[Any], Any], slope: Callable[[Any], Any]) -> None:
    joint = pipeline(overlapping()).select([0, 2])
    gradient = np.array(slope(joint.values))
    mapped = joint.map(function, ["f"])
    assert mapped.values[0] == function(joint.values)
    assert mapped.std_error[0] == pytest.approx(np.sqrt(gradient @ joint.cov() @ gradient), rel=1e-7)


def test_bands_hold_together() -> None:
    joint = pipeline(overlapping())
    wide, narrow = np.diff(joint.interval(simultaneous=True)), np.diff(joint.interval())
    assert (wide > narrow).all()
    independent = simultaneous_critical(np.eye(4), np.inf, 0.95)
    assert independent == pytest.approx(2.4909, abs=0.02)  # normal quantile at (1 + .95 ** (1/4)) / 2
    assert simultaneous_critical(np.ones((4, 4)), np.inf, 0.95) == pytest.approx(1.96, abs=0.02)
    assert simultaneous_critical(np.eye(2), 5, 0.95) == pytest.approx(3.0909, abs=0.05)  # by quadrature
    assert np.array_equal(joint.interval(simultaneous=True), joint.interval(simultaneous=True))


def test_json_comes_back() -> None:
    joint = pipeline(overlapping(300))
    whole, public = (Estimate.from_json(joint.to_json(people=people)) for people in (True, False))
    for back in (whole, public):
        np.testing.assert_allclose(back.cov(), joint.cov(), rtol=1e-12)
        assert (back.terms, back.outcome, back.df, back.n) == (joint.terms, joint.outcome, joint.df, joint.n)
    assert "ids" not in joint.to_json()
    hc2 = Experiment(outcome="y").fit(overlapping(50))
    back = Estimate.from_json(hc2.to_json(people=True))
    assert back.error_types == hc2.error_types
    np.testing.assert_allclose(stack([back, hc2], ["x", "y"]).cov(), hc2.cov()[0, 0])


def test_rich_reprs_and_plot(rice: Study) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    shares = attribute(Contribution(cluster="address").fit(rice))
    assert "<table" in shares.credits._repr_html_()
    assert "<table" in rice._repr_html_()
    axes = shares.credits.plot(simultaneous=True)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["default", "intensive"]
    assert shares.total.plot(axes) is axes


def test_members_of_one_cluster_in_different_blocks_stay_together() -> None:
    """Couples are one cluster although only a few couples have both members in both blocks."""
    rng = np.random.default_rng(6)
    couples = 200

    def draw() -> tuple[Estimate, Estimate]:
        home, assigned = rng.normal(size=couples), rng.permutation(np.repeat([0, 1], couples // 2))
        couple = np.repeat(np.arange(couples), 2)
        data = pd.DataFrame({"couple": couple, "assigned": assigned[couple], "second": np.tile([0, 1], couples)})
        data["y"] = 2 * home[couple] + rng.normal(size=2 * couples)
        blocks = (data[(data["second"] == k) | (data["couple"] < 20)] for k in (0, 1))
        first, second = (Experiment(outcome="y", cluster="couple", vcov="CR0").fit(block) for block in blocks)
        return first, second

    pairs = [draw() for _ in range(300)]
    joint = stack(pairs[0], ["x", "y"])
    assert joint.n_clusters == couples
    true = np.cov(np.array([[one.values[0], other.values[0]] for one, other in pairs]), rowvar=False)
    stated = np.mean([stack(pair, ["x", "y"]).cov() for pair in pairs[:40]], axis=0)
    np.testing.assert_allclose(stated, true, rtol=0.35)
    assert "share clusters" in refused(pairs[0], independent=True)


def test_degrees_are_those_of_the_estimate_in_fewest_clusters() -> None:
    """A lottery at 10 of 16 sites, clustered only by the other estimate, has 9 degrees of freedom and not 15."""
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"site": np.repeat(np.arange(16), 20), "assigned": np.tile([0, 1], 160)})
    data["y"] = rng.normal(size=16)[data["site"]] + data["assigned"] + rng.normal(size=320)
    everywhere = Experiment(outcome="y", cluster="site").fit(data)
    part = Experiment(outcome="y", blocks="site", target="population").fit(data[data["site"] < 10])
    joint = stack([part, everywhere], ["part", "everywhere"])
    assert (part.df, everywhere.df, joint.n_clusters, joint.df) == (180.0, 15.0, 16, 9.0)


def test_people_of_unknown_clusters_are_refused() -> None:
    data = overlapping(200).assign(site=lambda frame: frame.index // 10)
    part = Experiment(outcome="y", cluster="site").fit(data[:150])
    whole = Experiment(outcome="y").fit(data)
    assert "no estimate that names their cluster" in refused([part, whole])


def test_published_figures_need_an_error() -> None:
    for wrong in (
        {},
        {"covariance": [[-1.0]]},
        {"std_error": [float("nan")]},
        {"std_error": [1.0], "covariance": [[1.0]]},
    ):
        with pytest.raises(ValueError, match=r"give either|not finite"):
            Estimate.published([1.0], terms=["x"], outcome="y", estimand="ITT", people=5, **wrong)
