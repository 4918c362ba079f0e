"""What many repetitions come to: a mean that ought to be zero, a rate of misses, an estimate that ought to stay.

Sources: Clopper and Pearson (1934), Biometrika 26, for the rate; Davison and Hinkley (1997), *Bootstrap Methods*, section 4.2.5,
for counting the estimate itself among its repetitions.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import bdtrc, betaincinv, stdtr, stdtrit

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.refutation.refutation import Test


def centred(name: str, values: FloatArray, conf_level: float, common: Mapping[str, Any], whose: str, how: str) -> Test:
    """Test that repetitions have mean zero: Student's t over the repetitions."""
    mean, error, free = float(values.mean()), float(values.std(ddof=1)) / np.sqrt(len(values)), len(values) - 1
    p_value = 2 * float(stdtr(free, -abs(mean) / error)) if error > 0 else float(mean == 0)
    half = float(stdtrit(free, 0.5 + conf_level / 2)) * error
    consistent = p_value >= 1 - conf_level
    words = {"placebo_treatment": "with treatments", "dummy_outcome": "with an outcome of"}[name]
    sentence = (
        f"{whose}{name}: {words} {how} the effect is {mean:.4g} on average ({mean - half:.4g} to {mean + half:.4g}), "
        f"where zero is true; {verdict(consistent, p_value)}"
    )
    return Test(
        test=name, against=how, estimate=mean, conf_low=mean - half, conf_high=mean + half, expected=0.0, p_value=p_value,
        consistent=consistent, sentence=sentence, **common,
    )  # fmt: skip


def rejections(
    name: str, misses: FloatArray, conf_level: float, common: Mapping[str, Any], whose: str, how: str
) -> Test:
    """Test that intervals miss a true zero no more often than they may: binomial, one-sided (Clopper and Pearson 1934)."""
    n, k, rate = len(misses), int(misses.sum()), 1 - conf_level
    p_value = float(bdtrc(k - 1, n, rate)) if k else 1.0
    low = float(betaincinv(k, n - k + 1, rate / 2)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - rate / 2)) if k < n else 1.0
    consistent = p_value >= rate
    test = f"{name.partition('_')[0]}_rejections"
    sentence = f"{whose}{test}: {k} of {n} intervals miss a true zero, where {rate * n:.3g} may; {verdict(consistent, p_value)}"
    return Test(
        test=test, against=how, estimate=k / n, conf_low=low, conf_high=high, expected=round(rate, 12), p_value=p_value,
        consistent=consistent, sentence=sentence, **common,
    )  # fmt: skip


def unmoved(
    name: str, values: FloatArray, before: float, conf_level: float, common: Mapping[str, Any], whose: str, how: str
) -> Test:
    """Test that an estimate lies among its repetitions: twice the smaller part of them on either side, itself counted."""
    ends = np.quantile(values, [0.5 - conf_level / 2, 0.5 + conf_level / 2])
    # Repetitions that differ by rounding are the same.
    near = 1e-9 * max(abs(before), float(np.abs(values).max()))
    side = min(int((values <= before + near).sum()), int((values >= before - near).sum()))
    p_value = min(1.0, 2 * (1 + side) / (1 + len(values)))
    consistent = p_value >= 1 - conf_level
    words = {"random_common_cause": "adjusting for", "data_subset": "with"}[name]
    sentence = (
        f"{whose}{name}: {words} {how} the effect is {values.mean():.4g} on average ({ends[0]:.4g} to {ends[1]:.4g}) and was "
        f"{before:.4g}; {verdict(consistent, p_value)}"
    )
    return Test(
        test=name, against=how, estimate=float(values.mean()), conf_low=float(ends[0]), conf_high=float(ends[1]),
        expected=before, p_value=p_value, consistent=consistent, sentence=sentence, **common,
    )  # fmt: skip


def verdict(consistent: bool, p_value: float) -> str:
    """Say what a p-value means, and no more."""
    told = f"p = {p_value:.3f}" if p_value >= 0.001 else "p < 0.001"
    return f"{'consistent' if consistent else 'inconsistent'} ({told})"
