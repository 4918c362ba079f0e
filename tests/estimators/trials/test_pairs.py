"""Matched pairs against the paired t test, a regression of differences, and pairs of clusters by hand."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from pydantic import ValidationError
from scipy.stats import ttest_rel

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment, arm_means, stack
from counterfoil.estimators.trials.pairs import pair_differences, similar_pairs_error


def paired(seed: int, count: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pair = np.repeat(np.arange(count), 2)
    assigned = np.column_stack([first := rng.integers(0, 2, count), 1 - first]).ravel()
    level = np.repeat(rng.normal(size=count), 2)
    age = level + 0.3 * rng.normal(size=2 * count)
    y = 3 + 2 * level + age + assigned * (1 + 0.5 * level) + rng.normal(size=2 * count)
    return pd.DataFrame({"pair": pair, "assigned": assigned, "age": age, "y": y}).sample(frac=1, random_state=seed)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return paired(1)


def halves(frame: pd.DataFrame, column: str) -> tuple[pd.Series, pd.Series]:
    wide = frame.pivot_table(index="pair", columns="assigned", values=column)
    return wide[1], wide[0]


def test_the_paired_t_test(frame: pd.DataFrame) -> None:
    """Imai (2008): the variance of the differences between pairs, over the number of pairs."""
    gain = Experiment(outcome="y", pairs="pair").fit(frame)
    treated, control = halves(frame, "y")
    theirs = ttest_rel(treated, control)
    low, high = theirs.confidence_interval()
    assert gain.values[0] == pytest.approx((treated - control).mean(), rel=1e-12)
    assert gain.interval()[0] == pytest.approx([low, high], rel=1e-10)
    assert gain.df == pytest.approx(39)
    assert gain.tidy().loc[0, "p_value"] == pytest.approx(theirs.pvalue, rel=1e-9)
    by_pair = gain.using("CR1")
    assert by_pair.std_error[0] == pytest.approx((treated - control).std() / np.sqrt(40), rel=1e-12)
    assert gain.error_type == "CR2"
    assert gain.std_error[0] < Experiment(outcome="y").fit(frame).std_error[0]


@pytest.mark.parametrize("adjustment", ["additive", "interacted"])
def test_covariates_as_a_regression_of_differences(frame: pd.DataFrame, adjustment: str) -> None:
    spec = {"outcome": "y", "pairs": "pair", "covariates": ["age"], "adjustment": adjustment}
    gain = Experiment.model_validate(spec).fit(frame)
    (y1, y0), (x1, x0) = halves(frame, "y"), halves(frame, "age")
    middle = (x1 + x0) / 2
    design = np.column_stack([np.ones(40), x1 - x0, middle - middle.mean()])[:, : 2 + (adjustment == "interacted")]
    theirs = sm.OLS((y1 - y0).to_numpy(), design).fit(cov_type="HC2")
    assert gain.values[0] == pytest.approx(theirs.params[0], rel=1e-11)
    assert gain.std_error[0] == pytest.approx(theirs.bse[0], rel=1e-10)
    means = arm_means(Experiment.model_validate(spec), frame)
    control = sm.OLS(y0.to_numpy(), design).fit(cov_type="HC2")
    assert means.values[1] == pytest.approx(control.params[0], rel=1e-11)
    assert means.std_error[1] == pytest.approx(control.bse[0], rel=1e-10)
    assert means.values[0] - means.values[1] == pytest.approx(gain.values[0], rel=1e-10)


def test_weights_known_before_outcomes(frame: pd.DataFrame) -> None:
    """The value is the weighted sum of outcomes, and outcomes do not enter the weights."""
    spec = Experiment(outcome="y", pairs="pair", covariates=("age",))
    gain = spec.fit(frame)
    other = spec.fit(frame.assign(y=0.0 * frame["y"] + np.arange(80)))
    assert gain.riesz is not None
    assert other.riesz is not None
    assert np.allclose(gain.riesz, other.riesz, rtol=1e-9)
    outcome = frame.sort_index()["y"].to_numpy()
    assert (gain.riesz[:, 0] * outcome).mean() == pytest.approx(gain.values[0], rel=1e-10)


def test_outcomes_of_the_same_pairs_stack(frame: pd.DataFrame) -> None:
    both = frame.assign(z=frame["y"] ** 2)
    joint = stack([Experiment(outcome=name, pairs="pair", vcov="CR1").fit(both) for name in ("y", "z")], ["y", "z"])
    differences = np.column_stack([np.subtract(*halves(both, name)) for name in ("y", "z")])
    assert joint.cov() == pytest.approx(np.cov(differences, rowvar=False) / 40, rel=1e-9)


def test_pairs_of_clusters_count_by_people() -> None:
    """Imai, King and Nall (2009): differences weighted by people; errors by how they vary between pairs."""
    rng = np.random.default_rng(5)
    size = rng.integers(3, 12, 24)
    village = np.repeat(np.arange(24), size)
    frame = pd.DataFrame({"village": village, "pair": village // 2, "assigned": village % 2})
    frame["y"] = 0.4 * frame["assigned"] + rng.normal(size=12)[frame["pair"]] + rng.normal(size=len(frame))
    gain = Experiment(outcome="y", pairs="pair", cluster="village", vcov="CR1").fit(frame)
    means = frame.groupby(["pair", "assigned"])["y"].mean().unstack()
    people = frame.groupby("pair").size()
    difference = means[1] - means[0]
    value = np.average(difference, weights=people)
    error = np.sqrt((people**2 * (difference - value) ** 2).sum() * 12 / 11) / people.sum()
    assert (gain.values[0], gain.std_error[0]) == pytest.approx((value, error), rel=1e-10)
    assert gain.cluster_by == "pair"
    assert gain.df == 11


def test_wider_clusters_of_whole_pairs(frame: pd.DataFrame) -> None:
    schools = frame.assign(school=frame["pair"] // 4)
    gain = Experiment(outcome="y", pairs="pair", cluster="school", vcov="CR1").fit(schools)
    differences = np.subtract(*halves(schools, "y"))
    sums = (differences - differences.mean()).groupby(differences.index // 4).sum()
    assert gain.std_error[0] == pytest.approx(np.sqrt((sums**2).sum() * 10 / 9) / 40, rel=1e-10)


def test_errors_by_pair_are_those_by_any_other_clusters(frame: pd.DataFrame) -> None:
    """Each pair a cluster of its own: closed form and singular value decompositions give the same."""
    outcome, age, pair = (frame[name].to_numpy() for name in ("y", "age", "pair"))
    treated = frame["assigned"].to_numpy() == 1
    given = (outcome, treated, pair, age[:, None], True, np.ones(80))
    closed, general = pair_differences(*given), pair_differences(*given, groups=pair)
    assert closed.reduced is not None
    assert general.reduced is not None
    assert closed.reduced == pytest.approx(general.reduced, abs=1e-10)
    assert closed.reduced_df == pytest.approx(general.reduced_df, rel=1e-10)


def test_what_is_no_pair(frame: pd.DataFrame) -> None:
    def code(changed: pd.DataFrame, **terms: object) -> str:
        with pytest.raises(CounterfoilError) as caught:
            Experiment.model_validate({"outcome": "y", "pairs": "pair", **terms}).fit(changed)
        return caught.value.codes[0]

    assert code(frame.iloc[1:]) == "IDENT-020"
    assert code(frame.assign(pair=frame["pair"] // 2)) == "IDENT-020"
    assert code(frame[frame["pair"] == 3]) == "IDENT-006"
    assert code(frame.assign(school=np.arange(80) % 3), cluster="school") == "IDENT-020"
    assert code(frame.assign(assigned=np.arange(80) % 3), control="0") == "IDENT-020"
    with pytest.raises(ValidationError, match="ignores the pairs"):
        Experiment(pairs="pair", vcov="HC2")
    with pytest.raises(ValidationError, match="either `pairs` or `blocks`"):
        Experiment(pairs="pair", blocks="pair")


def test_broken_pairs_are_left_out_only_when_declared(frame: pd.DataFrame) -> None:
    lacking = frame.assign(y=np.where(np.arange(80) < 3, np.nan, frame["y"]))
    gone = lacking.loc[lacking["y"].isna(), "pair"].unique()
    gain = Experiment(outcome="y", pairs="pair", missing="drop").fit(lacking)
    kept = Experiment(outcome="y", pairs="pair").fit(frame[~frame["pair"].isin(gone)])
    assert gain.values == pytest.approx(kept.values, rel=1e-12)
    assert gain.diagnostics["people_used"] == kept.n
    assert gain.diagnostics["complete pair"] == 2 * len(gone) - 3
    assert [warning.code for warning in gain.warnings] == ["EST-007", "EST-007"]


def test_similar_pairs_have_a_smaller_error_where_effects_differ() -> None:
    """Bai, Romano and Shaikh (2022): averaged over draws it is the true variance; that of Imai is too large."""
    rng = np.random.default_rng(8)
    values, alike, apart = [], [], []
    for _ in range(400):
        score = np.sort(rng.normal(size=100))
        pair = np.arange(100) // 2
        first = rng.integers(0, 2, 50)
        assigned = np.column_stack([first, 1 - first]).ravel()
        y = score + assigned * 2 * score + 0.3 * rng.normal(size=100)
        differences = np.bincount(pair, weights=np.where(assigned == 1, y, -y))
        values.append(differences.mean())
        alike.append(similar_pairs_error(differences, np.arange(50)))
        apart.append(differences.std(ddof=1) / np.sqrt(50))
    truth = np.std(values)
    assert np.mean(alike) == pytest.approx(truth, rel=0.08)
    assert np.mean(apart) > 1.2 * truth
