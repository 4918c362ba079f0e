"""Several arms against one control: public data at their digits, and the covariance that a shared control brings."""

from importlib.metadata import distribution

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from causaldata import thornton_hiv
from pydantic import ValidationError

from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment, arm_means, stack

COVARIATES = ("cd40", "cd80", "age", "wtkg", "karnof", "hemo", "homo", "drugs", "race", "gender", "str2", "symptom")


@pytest.fixture(scope="module")
def actg() -> pd.DataFrame:
    """ACTG 175, as the file is shipped; numbers as floats."""
    frame = pd.read_csv(distribution("lifelines").locate_file("lifelines/datasets/ACTG175.csv"), index_col=0)
    return frame.astype("float64")


@pytest.fixture(scope="module")
def malawi() -> pd.DataFrame:
    frame = thornton_hiv.load_pandas().data.astype("float64").dropna(subset=["got", "any"])
    dose = np.select([frame["tinc"] == 0, frame["tinc"] <= 1, frame["tinc"] <= 2], ["none", "to 1", "to 2"], "above 2")
    return frame.assign(dose=dose)


def experiment(**terms: object) -> Experiment:
    return Experiment.model_validate({"outcome": "cd420", "assigned": "arms", "control": 0, **terms})


def test_any_other_arm_is_the_published_effect(actg: pd.DataFrame) -> None:
    """Tsiatis, Davidian, Zhang and Lu (2008): 46.81 (6.76)."""
    gain = experiment(arm="any").fit(actg)
    errors = [float(gain.using(kind).std_error[0]) for kind in ("HC0", "HC2", "classical")]
    assert gain.terms == ("gain",)
    assert gain.values[0] == pytest.approx(46.810498, abs=5e-7)
    assert errors == pytest.approx([6.755093, 6.760197, 7.165097], abs=5e-7)
    assert gain.people == 522 + 524 + 561
    assert gain.population == "people assigned to any arm but the control"


def test_arms_share_the_control_mean(actg: pd.DataFrame) -> None:
    gains = experiment().fit(actg)
    assert gains.terms == ("1", "2", "3")
    assert gains.values == pytest.approx([67.0333, 35.8991, 38.1853], abs=5e-5)
    assert gains.std_error == pytest.approx([8.8905, 8.1875, 8.4229], abs=5e-5)
    covariances = gains.cov()[np.triu_indices(3, 1)]
    assert covariances == pytest.approx(np.full(3, 32.2386), abs=5e-5)
    control = actg.loc[actg["arms"] == 0, "cd420"]
    assert covariances == pytest.approx(np.full(3, control.var() / len(control)), rel=1e-12)
    counts = [gains.diagnostics[f"arm {label}"] for label in range(4)]
    assert counts == [532, 522, 524, 561]


def test_a_contrast_of_two_arms_has_the_error_of_those_two_alone(actg: pd.DataFrame) -> None:
    apart = experiment().fit(actg).contrast([[1, 0, -1]], ["1 against 3"])
    alone = experiment(control=3, arm=1).fit(actg[actg["arms"].isin((1, 3))])
    assert apart.values[0] == pytest.approx(alone.values[0], rel=1e-12)
    assert apart.std_error[0] == pytest.approx(alone.std_error[0], rel=1e-12)


def test_interacted_adjustment(actg: pd.DataFrame) -> None:
    whole = experiment(arm="any", covariates=COVARIATES).fit(actg)
    assert (whole.values[0], whole.std_error[0]) == pytest.approx((49.8189, 5.1575), abs=5e-5)
    gains = experiment(covariates=COVARIATES).fit(actg)
    assert gains.values == pytest.approx([69.9761, 36.5783, 42.5909], abs=6e-5)
    assert gains.std_error == pytest.approx([7.1912, 6.2067, 6.3713], abs=5e-5)
    one = experiment(arm="2", covariates=(*COVARIATES, "zprior")).fit(actg)
    assert (one.values[0], one.std_error[0]) == pytest.approx((gains.values[1], gains.std_error[1]), rel=1e-10)
    assert one.people == 524
    (note,) = one.warnings
    assert note.code == "EST-005"
    assert "zprior and 3 products" in note.what


def test_each_interacted_arm_is_free_of_the_others(actg: pd.DataFrame) -> None:
    """The effect of an arm is what its own people and the control say, whatever the other arms' outcomes are."""
    other = actg.assign(cd420=np.where(actg["arms"] == 3, 1e4 - 50 * actg["age"], actg["cd420"]))
    before, after = (experiment(arm=1, covariates=COVARIATES).fit(frame).values[0] for frame in (actg, other))
    assert after == pytest.approx(before, rel=1e-10)
    additive = [experiment(arm=1, covariates=COVARIATES, adjustment="additive").fit(f).values[0] for f in (actg, other)]
    assert abs(additive[1] - additive[0]) > 0.1


def test_complete_cases(actg: pd.DataFrame) -> None:
    gain = experiment(outcome="cd496", arm="any", missing="drop").fit(actg)
    assert (gain.values[0], gain.std_error[0]) == pytest.approx((53.8298, 10.7859), abs=5e-5)
    assert gain.diagnostics["people_used"] == 1342
    assert gain.warnings[0].code == "EST-007"


def test_rank_not_columns_counts(actg: pd.DataFrame) -> None:
    """A product that is zero for everybody changes neither effect nor degrees of freedom."""
    frame = actg.assign(both=actg["homo"] * 0.0, twice=2 * actg["age"])
    plain = experiment(covariates=("age",)).fit(frame)
    more = experiment(covariates=("age", "both", "twice")).fit(frame)
    assert more.values == pytest.approx(plain.values, abs=1e-8)
    assert more.std_error == pytest.approx(plain.std_error, rel=1e-8)
    assert more.df == plain.df


def test_regression_by_hand(actg: pd.DataFrame) -> None:
    x = (actg[["age", "wtkg"]] - actg[["age", "wtkg"]].mean()).to_numpy()
    arms = (actg["arms"].to_numpy()[:, None] == [1, 2, 3]).astype(float)
    design = np.hstack([np.ones((len(actg), 1)), arms, x, *[arm[:, None] * x for arm in arms.T]])
    theirs = sm.OLS(actg["cd420"].to_numpy(), design).fit(cov_type="HC3")
    ours = experiment(covariates=("age", "wtkg"), vcov="HC3").fit(actg)
    assert ours.values == pytest.approx(theirs.params[1:4], rel=1e-10)
    assert ours.cov() == pytest.approx(theirs.cov_params()[1:4, 1:4], rel=1e-9)


def test_malawi(malawi: pd.DataFrame) -> None:
    """Cunningham, Mixtape: .4505519."""
    gain = Experiment(outcome="got", assigned="any").fit(malawi)
    assert gain.values[0] == pytest.approx(0.4505519, abs=5e-8)
    assert gain.std_error[0] == pytest.approx(0.0208653, abs=5e-8)
    assert gain.using("classical").std_error[0] == pytest.approx(0.0191980, abs=5e-8)
    villages = Experiment(outcome="got", assigned="any", cluster="villnum", missing="drop").fit(malawi)
    assert (villages.values[0], villages.std_error[0]) == pytest.approx((0.4519823, 0.0226860), abs=5e-8)
    assert villages.n_clusters == 119
    assert villages.diagnostics["people_in"] - villages.diagnostics["people_used"] == 4


def test_doses_are_not_made_monotone(malawi: pd.DataFrame) -> None:
    gains = Experiment(outcome="got", assigned="dose", control="none").fit(malawi)
    found = dict(zip(gains.terms, zip(gains.values, gains.std_error, strict=True), strict=True))
    assert found["to 1"] == pytest.approx((0.3850004, 0.0231442), abs=5e-8)
    assert found["to 2"] == pytest.approx((0.5239772, 0.0230180), abs=5e-8)
    assert found["above 2"] == pytest.approx((0.5134667, 0.0264516), abs=5e-8)


def test_arm_means_and_stack(malawi: pd.DataFrame) -> None:
    spec = Experiment(outcome="got", assigned="dose", control="none")
    means = arm_means(spec, malawi)
    assert means.terms == ("mean in above 2", "mean in to 1", "mean in to 2", "control mean")
    assert means.values == pytest.approx(malawi.groupby("dose")["got"].mean()[["above 2", "to 1", "to 2", "none"]])
    chosen = arm_means(spec.model_copy(update={"arm": "to 1"}), malawi)
    assert chosen.terms == ("assigned mean", "control mean")
    assert chosen.values == pytest.approx(means.values[[1, 3]], rel=1e-12)
    one = [spec.model_copy(update={"arm": label}).fit(malawi) for label in ("to 1", "to 2")]
    joint = stack(one, ["to 1", "to 2"]).cov()
    assert joint == pytest.approx(spec.fit(malawi).select([1, 2]).cov(), rel=1e-10)


def test_blocks_with_arms(actg: pd.DataFrame) -> None:
    """With blocks alone an effect is the mean of the blocks' differences by size, with Neyman errors."""
    gains = experiment(blocks="strat").fit(actg)
    value, variance = np.zeros(3), np.zeros((3, 3))
    for _, block in actg.groupby("strat"):
        share = len(block) / len(actg)
        outcomes = [block.loc[block["arms"] == arm, "cd420"] for arm in range(4)]
        value += share * np.array([arm.mean() - outcomes[0].mean() for arm in outcomes[1:]])
        own = [arm.var() / len(arm) for arm in outcomes]
        variance += share**2 * (np.diag(own[1:]) + own[0])
    assert gains.values == pytest.approx(value, rel=1e-11)
    assert gains.cov() == pytest.approx(variance, rel=1e-10)


def test_refusals(actg: pd.DataFrame) -> None:
    def code(frame: pd.DataFrame, **terms: object) -> str:
        with pytest.raises(CounterfoilError) as caught:
            experiment(**terms).fit(frame)
        return caught.value.codes[0]

    assert code(actg, control=7) == "IDENT-019"
    assert code(actg, arm="4") == "IDENT-019"
    assert code(actg, arm=0) == "IDENT-019"
    assert code(actg.assign(arms=0.0)) == "IDENT-001"
    assert code(actg.assign(arms=np.where(actg["arms"] > 1, "any", "none")), control="none", arm="any") == "IDENT-019"
    assert code(actg, control=None) == "DATA-013"
    assert code(actg.assign(strat=actg["arms"]), blocks="strat") == "IDENT-007"
    with pytest.raises(ValidationError, match="`arm` needs `control`"):
        Experiment(arm="1")
    with pytest.raises(ValidationError, match="valid string"):
        Experiment.model_validate({"control": False})


def test_text_and_numbers_name_the_same_arms(actg: pd.DataFrame) -> None:
    small = actg.assign(arms=actg["arms"].astype("int8"))
    text = actg.assign(arms=actg["arms"].astype(int).astype(str))
    values = [experiment().fit(frame).values for frame in (actg, small, text)]
    assert np.array_equal(values[0], values[1])
    assert np.array_equal(values[0], values[2])


def test_earlier_outcomes_are_adjusted_for(actg: pd.DataFrame) -> None:
    """The earlier period of the outcome gives what a column of people would."""
    people = actg.reset_index().rename(columns={"pidnum": "person"})[["person", "arms", "cd40", "cd420"]]
    long = pd.concat(
        people[["person"]].assign(outcome="cd4", period=period, value=people[column])
        for period, column in (("week 0", "cd40"), ("week 20", "cd420"))
    )
    study = Study.from_tables(people[["person", "arms", "cd40"]], outcomes=long)
    terms = {"outcome": "cd4", "period": "week 20", "assigned": "arms", "control": "0"}
    ours = Experiment.model_validate({**terms, "before": ["week 0"]}).fit(study)
    column = Experiment.model_validate({**terms, "covariates": ["cd40"]}).fit(study)
    plain = Experiment.model_validate(terms).fit(study)
    assert np.array_equal(ours.values, column.values)
    assert np.array_equal(ours.std_error, column.std_error)
    assert (ours.std_error < 0.9 * plain.std_error).all()
    assert ours.target == "sample"
    with pytest.raises(CounterfoilError) as caught:
        Experiment.model_validate({**terms, "before": ["week 96"]}).fit(study)
    assert caught.value.codes == ("DATA-015",)
    for lacking, refused in (({**terms, "period": None}, "DATA-022"), ({**terms, "outcome": "cd8"}, "DATA-015")):
        with pytest.raises(CounterfoilError) as caught:
            Experiment.model_validate({**lacking, "before": ["week 0"]}).fit(study)
        assert caught.value.codes == (refused,)
    with pytest.raises(CounterfoilError) as caught:
        Experiment.model_validate({**terms, "before": ["week 0"]}).fit(study.without_outcomes())
    assert caught.value.codes == ("DATA-019",)
    fewer = Study.from_tables(study.people, outcomes=study.outcomes.iloc[5:] if study.outcomes is not None else None)
    with pytest.raises(CounterfoilError) as caught:
        Experiment.model_validate({**terms, "before": ["week 0"]}).fit(fewer)
    assert caught.value.codes[0] in {"DATA-012", "DATA-014"}
    kept = Experiment.model_validate({**terms, "before": ["week 0"], "missing": "drop"}).fit(fewer)
    assert kept.diagnostics["people_used"] < study.n_people
    with pytest.raises(ValidationError, match="own period"):
        Experiment(period="a", before=("a",))


def test_additive_adjustment_is_cuped(actg: pd.DataFrame) -> None:
    """Deng, Xu, Kohavi and Walker (2013): the difference in means of outcomes less θ times what they were before."""
    spec = experiment(arm="any", covariates=("cd40",), adjustment="additive", vcov="HC0")
    gain = spec.fit(actg)
    assigned = actg["arms"] > 0
    within = actg[["cd40", "cd420"]] - actg[["cd40", "cd420"]].groupby(assigned).transform("mean")
    theta = (within["cd40"] * within["cd420"]).sum() / (within["cd40"] ** 2).sum()
    lessened = actg["cd420"] - theta * actg["cd40"]
    expected = lessened[assigned].mean() - lessened[~assigned].mean()
    error = np.sqrt(sum(lessened[arm].var(ddof=0) / arm.sum() for arm in (assigned, ~assigned)))
    assert gain.values[0] == pytest.approx(expected, rel=1e-10)
    assert gain.std_error[0] == pytest.approx(error, rel=2e-3)
