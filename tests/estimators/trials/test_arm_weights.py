"""Contamination bias: each estimator by its definition, influence values by nudging weights, and known truths."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment
from counterfoil.estimators.trials.arm_weights import ArmWeights, contamination_bias
from counterfoil.estimators.trials.five_estimators import five_estimators

SPEC = {"outcome": "y", "assigned": "arm", "control": "none"}


def drawn(seed: int, size: int = 900, blocks: int = 4) -> pd.DataFrame:
    """Draw a lottery whose chances, and effects, differ by block and age."""
    rng = np.random.default_rng(seed)
    block, age = rng.integers(0, blocks, size), rng.normal(size=size)
    score = np.column_stack([np.zeros(size), 0.5 * (block - 1) + 0.4 * age, 0.6 * (2 - block)])
    arm = (score + rng.gumbel(size=(size, 3))).argmax(axis=1)
    own = np.column_stack([np.zeros(size), 1 + block + age, 2 - block])
    y = block + age + own[np.arange(size), arm] + rng.normal(size=size)
    names = np.array(["none", "a", "b"])[arm]
    return pd.DataFrame({"arm": names, "block": block, "age": age, "w": rng.uniform(0.5, 2, size), "y": y})


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return drawn(3)


@pytest.fixture(scope="module")
def found(frame: pd.DataFrame) -> ArmWeights:
    return contamination_bias(Experiment.model_validate({**SPEC, "blocks": "block", "covariates": ["age"]}), frame)


def pieces(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    held = np.column_stack([frame["arm"] == name for name in ("none", "a", "b")]).astype(float)
    dummies = np.column_stack([frame["block"] == level for level in (1, 2, 3)]).astype(float)
    return frame["y"].to_numpy(), held, np.column_stack([np.ones(len(frame)), dummies, frame["age"]])


def test_partially_linear_and_one_at_a_time_are_regressions(frame: pd.DataFrame, found: ArmWeights) -> None:
    y, held, z = pieces(frame)
    theirs = sm.OLS(y, np.hstack([held[:, 1:], z])).fit(cov_type="HC0")
    ours = found.estimate("pl")
    assert ours.values == pytest.approx(theirs.params[:2], rel=1e-10)
    assert ours.cov() == pytest.approx(theirs.cov_params()[:2, :2], rel=1e-9)
    for k, label in enumerate(("a", "b")):
        here = frame["arm"].isin(("none", label)).to_numpy()
        theirs = sm.OLS(y[here], np.column_stack([held[here, k + 1], z[here]])).fit(cov_type="HC0")
        assert found.estimate("ew").values[k] == pytest.approx(theirs.params[0], rel=1e-10)
        assert found.estimate("ew").std_error[k] == pytest.approx(theirs.bse[0], rel=1e-9)


def test_own_effect_and_contamination_by_their_definition(frame: pd.DataFrame, found: ArmWeights) -> None:
    """Proposition 1: regress products of arm and control on arms and controls; the coefficients are the weights."""
    y, held, z = pieces(frame)
    slopes = [sm.OLS(y[held[:, k] == 1], z[held[:, k] == 1]).fit().params for k in range(3)]
    joined = np.hstack([held[:, 1:], z])
    parts = np.empty((2, 2))
    for j in (1, 2):
        delta = [sm.OLS(held[:, j] * column, joined).fit().params[:2] for column in z.T]
        parts[:, j - 1] = np.array(delta).T @ (slopes[j] - slopes[0])
    assert found.sources.values == pytest.approx(parts.ravel(), abs=1e-10)
    assert found.estimate("own").values == pytest.approx(np.diag(parts), abs=1e-10)
    assert found.estimate("pl").values == pytest.approx(parts.sum(axis=1), abs=1e-10)
    assert found.difference("own").values == pytest.approx([parts[0, 1], parts[1, 0]], abs=1e-10)
    errors = found.sources.std_error[[1, 2]]
    assert found.difference("own").std_error == pytest.approx(errors, rel=1e-9)
    assert np.abs(found.difference("own").values).min() > 0.02


def test_average_effect_is_the_fully_interacted_one(frame: pd.DataFrame, found: ArmWeights) -> None:
    spec = Experiment.model_validate({**SPEC, "blocks": "block", "covariates": ["age"], "vcov": "HC0"})
    lin = spec.fit(frame)
    assert found.estimate("ate").values == pytest.approx(lin.values, rel=1e-10)
    assert found.oracle.std_error[:2] == pytest.approx(lin.std_error, rel=1e-9)
    assert (found.estimate("ate").std_error > found.oracle.std_error[:2]).all()


def test_common_weights_by_a_logit_of_statsmodels(frame: pd.DataFrame, found: ArmWeights) -> None:
    y, held, z = pieces(frame)
    chance = sm.MNLogit(held.argmax(axis=1), z).fit(disp=0).predict()
    common = 1 / (1 / chance).sum(axis=1)
    weight = common / (chance * held).sum(axis=1)
    theirs = sm.WLS(y, np.column_stack([np.ones(len(y)), held[:, 1:]]), weights=weight).fit()
    assert found.estimate("cw").values == pytest.approx(theirs.params[1:], rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_influence_is_the_derivative_by_weight(frame: pd.DataFrame, weighted: bool) -> None:
    y, held, z = pieces(frame)
    codes = held.argmax(axis=1)
    weights = frame["w"].to_numpy() / frame["w"].mean() if weighted else np.ones(len(y))
    fitted = five_estimators(y, codes, z, weights)
    for person in (0, 7, 400, 801):
        step = np.zeros(len(y))
        step[person] = 1e-4 * weights[person]
        up, down = (five_estimators(y, codes, z, weights + sign * step) for sign in (1, -1))
        slope = len(y) * (up.values - down.values).ravel() / 2e-4
        assert fitted.influence[person, :8] == pytest.approx(slope[:8], rel=2e-4, abs=2e-3)
        assert fitted.influence[person, 8:] == pytest.approx(slope[8:], rel=0.15, abs=0.1)
        source = len(y) * (up.sources - down.sources) / 2e-4
        assert fitted.source_influence[person] == pytest.approx(source, rel=2e-4, abs=2e-3)
    assert fitted.influence.mean(axis=0) == pytest.approx(np.zeros(10), abs=1e-6)


def test_weights_of_effects(frame: pd.DataFrame) -> None:
    """Own weights add up to one, others to nothing; with blocks alone they reproduce the decomposition."""
    blocks = contamination_bias(Experiment.model_validate({**SPEC, "blocks": "block"}), frame)
    assert blocks.weights.sum(axis=2) == pytest.approx(np.eye(2), abs=1e-10)
    implied = np.einsum("kji,ij->kj", blocks.weights, blocks.effects)
    assert implied.ravel() == pytest.approx(blocks.sources.values, abs=1e-10)
    table = blocks.worst_case()
    assert table["contamination"].to_numpy() == pytest.approx(blocks.difference("own").values, abs=1e-10)
    assert (table["low"] <= table["contamination"] + 1e-9).all()
    assert (table["contamination"] <= table["high"] + 1e-9).all()
    shuffled = np.random.default_rng(0)
    for _ in range(50):
        other = blocks.weights[0, 1] @ shuffled.permutation(blocks.effects[:, 1])
        assert table.loc[0, "low"] <= other <= table.loc[0, "high"]


def test_constant_effects_or_constant_chances_contaminate_nothing() -> None:
    rng = np.random.default_rng(1)
    block = np.repeat(np.arange(4), 300)
    even = np.tile(np.repeat(["none", "a", "b"], 100), 4)
    frame = pd.DataFrame({"arm": even, "block": block})
    frame["y"] = block * (even == "a") - block * (even == "b") + rng.normal(size=1200)
    spec = Experiment.model_validate({**SPEC, "blocks": "block"})
    same = contamination_bias(spec, frame)
    for name in ("own", "ate", "ew", "cw"):
        assert same.difference(name).values == pytest.approx(np.zeros(2), abs=1e-9)
    assert same.propensity_spread == pytest.approx(0, abs=1e-12)
    uneven = drawn(2).assign(y=lambda f: 2.0 * (f["arm"] == "a") - (f["arm"] == "b") + f["block"])
    exact = contamination_bias(spec, uneven)
    for values in exact.joint.values.reshape(5, 2):
        assert values == pytest.approx([2, -1], abs=1e-9)
    assert exact.worst_case()[["low", "high"]].to_numpy() == pytest.approx(np.zeros((2, 2)), abs=1e-9)


def test_one_arm_is_never_contaminated(frame: pd.DataFrame) -> None:
    one = contamination_bias(
        Experiment.model_validate({**SPEC, "arm": "any", "blocks": "block", "covariates": ["age"]}), frame
    )
    assert one.estimate("own").values == pytest.approx(one.estimate("pl").values, rel=1e-10)
    assert one.estimate("ew").values == pytest.approx(one.estimate("pl").values, rel=1e-10)


def test_clusters_and_table(frame: pd.DataFrame) -> None:
    spec = Experiment.model_validate({**SPEC, "blocks": "block", "cluster": "site", "vcov": "CR0"})
    sites = frame.assign(site=np.arange(len(frame)) % 45)
    clustered = contamination_bias(spec, sites)
    scores = clustered.joint.influence
    assert scores is not None
    sums = pd.DataFrame(scores).groupby(np.arange(len(frame)) % 45).sum().to_numpy()
    assert clustered.joint.std_error == pytest.approx(np.sqrt((sums**2).sum(axis=0)) / len(frame), rel=1e-10)
    table = clustered.tidy()
    assert len(table) == 10
    assert table["oracle_error"].notna().sum() == 6
    assert "cw" in repr(clustered)


def test_refusals(frame: pd.DataFrame) -> None:
    def code(changed: pd.DataFrame, **terms: object) -> str:
        with pytest.raises(CounterfoilError) as caught:
            contamination_bias(Experiment.model_validate({**SPEC, **terms}), changed)
        return caught.value.codes[0]

    gone = frame[~((frame["block"] == 2) & (frame["arm"] == "a"))]
    assert code(frame) == "EST-017"
    assert code(gone, blocks="block") == "EST-023"
    assert code(frame.assign(only=frame["arm"] == "b"), covariates=["only"]) == "EST-023"
    kept = contamination_bias(Experiment.model_validate({**SPEC, "blocks": "block"}), gone, overlap="drop")
    assert kept.joint.n == (frame["block"] != 2).sum()
    assert kept.joint.warnings[0].code == "EST-007"
    assert kept.joint.diagnostics["every arm in the block"] == len(gone) - kept.joint.n
    with pytest.raises(CounterfoilError) as caught:
        contamination_bias(Experiment.model_validate({**SPEC, "covariates": ["age"]}), frame).worst_case()
    assert caught.value.codes == ("EST-023",)
    apart = frame.assign(block=np.where(frame["arm"] == "a", 0, np.where(frame["arm"] == "b", 1, 2)))
    with pytest.raises(CounterfoilError) as caught:
        contamination_bias(Experiment.model_validate({**SPEC, "blocks": "block"}), apart, overlap="drop")
    assert caught.value.codes == ("EST-023",)
