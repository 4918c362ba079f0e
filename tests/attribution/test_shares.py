import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import Shapley, attribute
from counterfoil.datasets import Study, simulate_cradle
from counterfoil.datasets.cradle import PROVIDERS
from counterfoil.estimators import Contribution
from counterfoil.estimators.fieller import fieller


def test_a_rule_may_be_a_name_or_an_object(rice: Study) -> None:
    fit = Contribution(cluster="address").fit(rice)
    pd.testing.assert_frame_equal(attribute(fit).tidy(), attribute(fit, Shapley()).tidy())


def test_wide_shares_are_withheld_and_credits_stay(rice: Study) -> None:
    frame = attribute(Contribution(cluster="address").fit(rice)).tidy()
    assert frame["share"].isna().all()
    assert frame["estimate"].notna().all()
    assert frame["provider"].tolist() == ["default", "intensive", ""]


def test_shares_are_fiellers_sets_and_sum_to_one() -> None:
    study = simulate_cradle().study
    spec = Contribution(providers=PROVIDERS, covariates=("need",), design="unconfounded", model="pairwise")
    shares = attribute(spec.fit(study))
    frame = shares.tidy()
    assert frame["share"].sum() == pytest.approx(1.0, abs=1e-12)
    joint = shares.credits.cov()
    found = fieller(
        frame["estimate"][0], frame["estimate"][5], joint[0, 0], joint[0].sum(), joint.sum(), shares.total.critical()
    )
    assert (frame["share_low"][0], frame["share_high"][0]) == pytest.approx((found.low, found.high), rel=1e-9)


def test_shares_of_a_loss_are_not_shown() -> None:
    study = simulate_cradle().study
    spec = Contribution(providers=PROVIDERS, covariates=("need",), design="unconfounded", model="pairwise")
    fit = spec.fit(study)
    assert attribute(fit, better="lower").tidy()["share"].isna().all()
    assert np.isfinite(attribute(fit, better="higher").tidy()["share"][:5]).all()
