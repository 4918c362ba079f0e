import numpy as np
import pandas as pd
import pytest

from counterfoil.datasets import Study
from counterfoil.estimators import Experiment, smallest_detectable
from counterfoil.estimators.power import effective_sample, planned_error


def test_planned_error_is_the_classical_error_at_the_true_spread(nsw: Study) -> None:
    design = Experiment(vcov="classical").fit(nsw)
    residual = design.influence[:, 0] / design.riesz[:, 0]  # type: ignore[index]
    spread = np.sqrt((residual**2).sum() / (design.n - 2))
    assert planned_error(design, spread)[0] == pytest.approx(design.std_error[0], rel=1e-12)


def test_clusters_raise_the_error_as_the_covariance_says() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"assigned": np.repeat([0, 1], 12), "site": np.arange(24) // 4, "y": rng.normal(size=24)})
    design = Experiment(outcome="y", cluster="site").fit(frame)
    assert design.riesz is not None
    same = (frame["site"].to_numpy()[:, None] == frame["site"].to_numpy()).astype(float)
    correlation = 0.3 * same + 0.7 * np.eye(24)
    variance = 4.0 * design.riesz.T @ correlation @ design.riesz / 24**2
    assert planned_error(design, std_dev=2.0, icc=0.3)[0] == pytest.approx(np.sqrt(variance[0, 0]))


def test_the_smallest_detectable_effect_is_detected_with_its_power() -> None:
    rng = np.random.default_rng(5)
    assigned = rng.permutation(np.repeat([0, 1], 60))
    base = pd.DataFrame({"assigned": assigned, "y": 0.0})
    design = Experiment(outcome="y", vcov="classical").fit(base)
    size = smallest_detectable(design, design.critical())[0]
    found = []
    for _ in range(1_500):
        draw = base.assign(y=rng.normal(size=120) + size * assigned)
        estimate = Experiment(outcome="y", vcov="classical").fit(draw)
        found.append(estimate.interval()[0, 0] > 0)
    assert np.mean(found) == pytest.approx(0.8, abs=3 * np.sqrt(0.16 / 1_500))


def test_effective_sample_of_equal_weights_is_everybody() -> None:
    frame = pd.DataFrame({"assigned": [0, 1] * 20, "y": 0.0})
    assert effective_sample(Experiment(outcome="y", vcov="classical").fit(frame))[0] == pytest.approx(40)
