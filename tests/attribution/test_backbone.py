"""A backbone that reached everybody: Shapley on the game with the backbone in it, and sharp ends under monotonicity."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import Shapley, attribute
from counterfoil.attribution.backbone import OVER_BACKBONE, BesideBackbone, backbone_sensitivity
from counterfoil.estimators import Contribution, ContributionFit
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.partial_game import pattern_bounds

GAIN = np.array([0, 0.1, 0.15, 0.3, 0.05, 0.2, 0.22, 0.5])


@pytest.mark.parametrize("alone", [0.0, 0.8])
@pytest.mark.parametrize("seed", range(3))
def test_credits_are_shapley_with_the_backbone_as_a_player_t9(alone: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    gain, zeta = np.append(0.0, rng.normal(size=15)), 0.37
    whole = np.concatenate([(1 - zeta) * gain, alone + gain])  # the backbone is the last of five
    expected = Shapley().weights(tuple(range(5))) @ whole
    others = BesideBackbone(zeta).weights(tuple(range(4))) @ gain
    np.testing.assert_allclose(others, expected[:4], atol=1e-12)
    assert gain[-1] - others.sum() + alone == pytest.approx(expected[4], abs=1e-12)


@pytest.mark.parametrize(("alone", "expected"), [(0.0, (0, 0.21)), (0.2, (0.05, 0.41))])
def test_bounds_are_those_of_the_programme_t9b(alone: float, expected: tuple[float, float]) -> None:
    known = {0: 0.0, **{8 + mask: alone + value for mask, value in enumerate(GAIN.tolist())}}
    found = pattern_bounds(Shapley().weights((0, 1, 2, 3)), known, shape=["monotone"], outcome_range=(0, 2))[3]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    most = GAIN[-1] - (BesideBackbone(1.0).weights((0, 1, 2)) @ GAIN).sum()
    np.testing.assert_allclose([alone / 4, alone + most], expected, atol=1e-12)


def test_additive_gains_leave_the_backbone_half_of_what_is_lost() -> None:
    gain = np.array([[mask >> j & 1 for j in range(3)] for mask in range(8)]) @ [0.3, 0.1, 0.2]
    for zeta in (0.0, 0.4, 1.0):
        others = BesideBackbone(zeta).weights((0, 1, 2)) @ gain
        assert gain[-1] - others.sum() == pytest.approx(zeta * 0.6 / 2, abs=1e-12)
        np.testing.assert_allclose(others, (1 - zeta / 2) * np.array([0.3, 0.1, 0.2]), atol=1e-12)


def test_both_forms_of_the_kernel_agree() -> None:
    rule = BesideBackbone(0.6)
    rng = np.random.default_rng(0)
    dividends = np.append(0.0, rng.normal(size=15))
    masks = np.arange(16)
    game = ((masks[:, None] & masks) == masks).astype(float) @ dividends
    by_share = rule.dividend_shares((0, 1, 2, 3), masks[1:]) @ dividends[1:]
    np.testing.assert_allclose(rule.weights((0, 1, 2, 3)) @ game, by_share, atol=1e-12)
    with pytest.raises(ValueError, match="between 0 and 1"):
        BesideBackbone(1.2)


@pytest.fixture(scope="module")
def fit() -> ContributionFit:
    rng = np.random.default_rng(8)
    served = rng.random((900, 2)) < 0.5
    outcome = served @ [0.5, 0.3] + 0.4 * served.all(axis=1) + rng.normal(size=900)
    frame = pd.DataFrame({"a": served[:, 0].astype(int), "b": served[:, 1].astype(int), "y": outcome})
    return Contribution(outcome="y", providers=("a", "b")).fit(frame)


def test_the_grid_is_linear_and_every_row_sums_to_the_gain(fit: ContributionFit) -> None:
    found = backbone_sensitivity(fit, [0.0, 0.5, 1.0], backbone="hub")
    first, middle, last = found.credits
    np.testing.assert_allclose(first.values[:2], attribute(fit).credits.values, atol=1e-12)
    np.testing.assert_allclose(middle.values, (first.values + last.values) / 2, atol=1e-12)
    for credits in found.credits:
        assert credits.values.sum() == pytest.approx(fit.total().values[0], abs=1e-12)
        assert credits.terms == ("a", "b", "hub")
        assert credits.std_error[:2].min() > 0
    assert first.std_error[2] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(found.bounds.values, [0.0, last.values[2]], atol=1e-12)
    low, high = found.interval()
    assert low == pytest.approx(0.0, abs=1e-12)
    assert high == pytest.approx(last.values[2] + 1.645 * last.std_error[2], rel=2e-3)
    assert found.statement == OVER_BACKBONE
    assert OVER_BACKBONE in repr(found)
    assert found.tidy()["necessity"].tolist() == [0.0] * 3 + [0.5] * 3 + [1.0] * 3


def test_an_outside_benchmark_adds_what_the_backbone_does_alone(fit: ContributionFit) -> None:
    alone = Estimate.published([0.2], [0.05], terms=["gain"], outcome="y", estimand="benchmark", people=500)
    plain = backbone_sensitivity(fit, [0.5])
    found = backbone_sensitivity(fit, [0.5], benchmark=alone)
    np.testing.assert_allclose(found.credits[0].values - plain.credits[0].values, [0, 0, 0.2], atol=1e-12)
    np.testing.assert_allclose(found.bounds.values, [0.2 / 3, plain.bounds.values[1] + 0.2], atol=1e-12)
    np.testing.assert_allclose(found.bounds.std_error, [0.05 / 3, np.hypot(plain.bounds.std_error[1], 0.05)], rtol=1e-9)
    assert "outside benchmark" in found.statement
    two = Estimate.published([0.2, 0.1], [0.05, 0.1], terms=["g", "h"], outcome="y", estimand="", people=500)
    with pytest.raises(ValueError, match="one value"):
        backbone_sensitivity(fit, benchmark=two)
    with pytest.raises(ValueError, match="one of the providers"):
        backbone_sensitivity(fit, backbone="a")
