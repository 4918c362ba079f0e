"""Changes that must not change the answer, or must change it in one known way."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.attribution import Shares, attribute
from counterfoil.contract import Contract
from counterfoil.estimators import Contribution, Experiment

PROVIDERS = ("default", "intensive")


def shares(
    frame: pd.DataFrame, providers: tuple[str, ...] = PROVIDERS, outcome: str = "takeup", **terms: Any
) -> Shares:
    study = cf.Study.from_frame(frame, person="person", providers=providers, outcomes=[outcome])
    cluster = terms.pop("cluster", "address")
    return attribute(Contribution(providers=providers, cluster=cluster, **terms).fit(study))


def settle(contract: Contract, frame: pd.DataFrame) -> str:
    study = cf.Study.from_frame(frame, person="person", providers=PROVIDERS, outcomes=["takeup"])
    return cf.evaluate(contract, study).to_json()


def test_shuffled_rows_give_the_same_bytes(rice_frame: pd.DataFrame, rice_contract: Contract) -> None:
    shuffled = rice_frame.sample(frac=1.0, random_state=1)
    assert settle(rice_contract, rice_frame) == settle(rice_contract, shuffled)


def test_same_inputs_give_the_same_bytes(rice_contract: Contract) -> None:
    first, second = (cf.evaluate(rice_contract, cf.datasets.load("rice")).to_json() for _ in range(2))
    assert first == second


def test_renamed_columns(rice_frame: pd.DataFrame) -> None:
    renamed = rice_frame.rename(columns={"default": "z", "intensive": "a", "takeup": "bought", "address": "place"})
    one, other = shares(rice_frame), shares(renamed, ("z", "a"), "bought", cluster="place")
    assert np.array_equal(one.credits.values, other.credits.values)
    assert np.array_equal(one.credits.cov(), other.credits.cov())


def test_order_of_providers(rice_frame: pd.DataFrame) -> None:
    one, other = shares(rice_frame), shares(rice_frame, ("intensive", "default"))
    np.testing.assert_allclose(one.credits.values, other.credits.values[::-1], rtol=1e-12)
    np.testing.assert_allclose(one.credits.cov(), other.credits.cov()[::-1, ::-1], rtol=1e-10)


def test_small_integers_and_floats(rice_frame: pd.DataFrame) -> None:
    numbers = ["takeup", *PROVIDERS]
    one, other = shares(rice_frame), shares(rice_frame.astype(dict.fromkeys(numbers, "float64")))
    assert np.array_equal(one.credits.scores(), other.credits.scores())


def test_int8_covariates_do_not_overflow() -> None:
    nsw = cf.datasets.load("nsw")
    wide = nsw.people.assign(y=nsw.outcome("earnings")).drop(columns="person")
    narrow = wide.astype({"age": "int8", "educ": "int8"})
    spec = Experiment(outcome="y", covariates=("age", "educ"))
    assert np.array_equal(spec.fit(wide).scores(), spec.fit(narrow).scores())


@pytest.mark.parametrize("factor", [-1.0, 1000.0, 1e-6])
def test_units(rice_frame: pd.DataFrame, factor: float) -> None:
    scaled = rice_frame.assign(takeup=factor * rice_frame["takeup"].astype(float))
    one, other = shares(rice_frame), shares(scaled)
    np.testing.assert_allclose(other.credits.values, factor * one.credits.values, rtol=1e-10, atol=1e-16 * abs(factor))
    np.testing.assert_allclose(other.credits.std_error, abs(factor) * one.credits.std_error, rtol=1e-10)


def test_negated_outcome_with_better_flipped_pays_the_same(rice_frame: pd.DataFrame, rice_contract: Contract) -> None:
    terms = rice_contract.model_dump()
    terms["effects"]["takeup"]["better"] = "lower"
    flipped = Contract.model_validate(terms)
    negated = rice_frame.assign(takeup=-rice_frame["takeup"].astype(float))
    one, other = (
        cf.evaluate(contract, cf.Study.from_frame(frame, person="person", providers=PROVIDERS, outcomes=["takeup"]))
        for contract, frame in ((rice_contract, rice_frame), (flipped, negated))
    )
    assert one.settlement is not None
    assert other.settlement is not None
    assert one.settlement.by_party() == other.settlement.by_party()
    assert one.effects["takeup"].gate == other.effects["takeup"].gate


def test_doubling_everybody_within_clusters(rice_frame: pd.DataFrame) -> None:
    """Twins bring no information: same values, same errors by cluster."""
    twins = pd.concat([rice_frame, rice_frame.assign(person=rice_frame["person"] + "-twin")])
    one, other = shares(rice_frame, vcov="CR0"), shares(twins, vcov="CR0")
    np.testing.assert_allclose(other.credits.values, one.credits.values, rtol=1e-10)
    np.testing.assert_allclose(other.credits.std_error, one.credits.std_error, rtol=1e-10)
    unclustered = [shares(frame, cluster=None, vcov="HC0").credits.std_error for frame in (rice_frame, twins)]
    np.testing.assert_allclose(unclustered[1], unclustered[0] / np.sqrt(2), rtol=1e-10)


def test_a_lost_cluster_and_swapped_providers_would_show(rice_frame: pd.DataFrame) -> None:
    """Faults that tests must catch: each moves a figure that is held to six digits elsewhere."""
    right = shares(rice_frame)
    assert abs(shares(rice_frame, cluster=None).credits.std_error[0] / right.credits.std_error[0] - 1) > 0.15
    swapped = rice_frame.rename(columns={"default": "intensive", "intensive": "default"})
    assert abs(shares(swapped).credits.values[0] - right.credits.values[0]) > 0.04


def test_price_scales_the_payment(rice_contract: Contract) -> None:
    terms = rice_contract.model_dump()
    terms["payments"][0]["price"] = Decimal("4000.00")
    terms["payments"][1]["cap"] = Decimal("500000.00")
    settlement = cf.evaluate(Contract.model_validate(terms), cf.datasets.load("rice")).settlement
    assert settlement is not None
    assert abs(settlement.total - Decimal("299027.03")) <= Decimal("0.01")
