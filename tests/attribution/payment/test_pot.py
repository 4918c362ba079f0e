from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.attribution.payment import Priced, Split, UnitPrice, compare_pot_and_split, settle
from counterfoil.datasets import Study
from counterfoil.errors import EstimationError, PaymentError
from counterfoil.estimators import Contribution, Estimate, Experiment

PRICE = UnitPrice(effect="pot", per="person", price=Decimal("1.00"))


def lottery(seed: int, size: int = 400) -> Study:
    """People who were assigned get a, b or both; nobody in control gets anything."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"assigned": rng.integers(0, 2, size)})
    data["a"], data["b"] = ((rng.random(size) < 0.6) & (data["assigned"] == 1) for _ in range(2))
    data = data.astype(int)
    data["y"] = 1.0 * data["a"] + 0.5 * data["b"] + rng.normal(size=size)
    return cf.Study.from_frame(data, providers=["a", "b"], outcomes=["y"])


def both_gains(study: Study) -> tuple[Estimate, Estimate]:
    split = Contribution(outcome="y", providers=("a", "b"), model="additive").fit(study).total()
    return Experiment(outcome="y").fit(study), split


def test_the_difference_is_one_of_counts_with_a_joint_error() -> None:
    pot, split = both_gains(lottery(1))
    found = compare_pot_and_split(pot, split)
    ratio = split.people / pot.people
    difference = found.difference
    assert difference.values[0] * pot.people == pytest.approx(
        pot.values[0] * pot.people - split.values[0] * split.people
    )
    influence = pot.scores()[:, 0] - ratio * split.scores()[:, 0]
    order = pd.Index(pot.ids).get_indexer(pd.Index(split.ids))
    assert (order == np.arange(len(order))).all()
    assert difference.std_error[0] == pytest.approx(np.sqrt((influence**2).sum()) / len(influence))
    alone = float(np.hypot(pot.std_error[0], ratio * split.std_error[0]))
    assert difference.std_error[0] < 0.9 * alone  # the same people stand in both
    assert "compared as counts" in found.basis


def test_interval_holds_zero_about_as_often_as_it_says() -> None:
    held = [not compare_pot_and_split(*both_gains(lottery(seed, 200))).disagree for seed in range(100)]
    assert np.mean(held) >= 0.93


def test_a_seeded_fault_is_seen() -> None:
    """The contribution model is given outcomes in which services look twice as good."""
    study = lottery(2, 2_000)
    pot, split = both_gains(study)
    assert not compare_pot_and_split(pot, split).disagree
    assert compare_pot_and_split(pot, split.contrast([[2.0]], ["gain"])).disagree


def test_the_same_estimate_twice_does_not_disagree() -> None:
    pot, _ = both_gains(lottery(3))
    found = compare_pot_and_split(pot, pot.contrast([[1 + 1e-15]], ["gain"]))
    assert not found.disagree
    assert found.basis == "both per person"


def test_per_person_where_the_split_counts_services_that_nobody_had() -> None:
    pot, split = both_gains(lottery(4))
    found = compare_pot_and_split(pot, split, as_counts=False)
    assert found.difference.values[0] == pytest.approx(pot.values[0] - split.values[0])


def test_gains_of_different_people_cannot_be_compared() -> None:
    study = lottery(5)
    halves = np.arange(study.n_people) < study.n_people // 2
    pot, _ = both_gains(study.subset(halves))
    _, split = both_gains(study.subset(~halves))
    with pytest.raises(EstimationError) as caught:
        compare_pot_and_split(pot, split)
    assert caught.value.codes == ("EST-008",)


def divided(credits: dict[str, str], split: Split, quantity: str = "100") -> dict[str, str]:
    effect = Priced(Decimal(quantity), "drawn", True, {name: Decimal(value) for name, value in credits.items()})
    due = settle([PRICE], {"pot": effect}, {"pot": split}, currency="USD", payer="city")
    return {party: str(amount) for party, amount in due.by_party().items()}


def test_a_pot_is_divided_in_proportion_whatever_the_credits_sum_to() -> None:
    split = Split(rule="shapley", credits_from="parts")
    for scale in ("1", "0.001", "700"):
        credits = {"a": str(3 * Decimal(scale)), "b": scale}
        assert divided(credits, split) == {"a": "75.00", "b": "25.00"}


def test_a_split_without_gain_is_held_or_divided_by_agreement() -> None:
    lost = {"a": "-0.3", "b": "0.1", "c": "0.1"}
    with pytest.raises(PaymentError) as caught:
        divided(lost, Split(rule="shapley", credits_from="parts"))
    assert caught.value.codes == ("PAY-004",)
    agreed = {"a": Decimal("0.25"), "c": Decimal("0.75")}
    split = Split(rule="shapley", credits_from="parts", otherwise=agreed, carve_outs={"hub": Decimal("0.1")})
    assert divided(lost, split) == {"hub": "10.00", "a": "22.50", "b": "0.00", "c": "67.50"}
    effect = Priced(Decimal(1), "drawn", True, {name: Decimal(value) for name, value in lost.items()})
    due = settle([PRICE], {"pot": effect}, {"pot": split}, currency="USD", payer="city")
    assert all("by agreement" in line.reason for line in due.lines if line.provider in "abc")
    assert [step.action for step in due.steps] == ["price", "round", "agreement"]


def test_agreed_fractions_do_not_apply_while_there_is_a_gain_to_divide_by() -> None:
    agreed = {"a": Decimal(0), "b": Decimal(1)}
    split = Split(rule="shapley", credits_from="parts", otherwise=agreed)
    assert divided({"a": "0.002", "b": "-0.001"}, split) == {"a": "100.00", "b": "0.00"}


def test_nothing_due_needs_no_split() -> None:
    split = Split(rule="shapley", credits_from="parts")
    assert divided({"a": "-1", "b": "0"}, split, quantity="-5") == {"a": "0.00", "b": "0.00"}


def test_the_ledger_says_which_weights_were_applied() -> None:
    credits = {"a": Decimal("0.30"), "b": Decimal("0.20"), "c": Decimal("-0.05")}
    split = Split(rule="shapley", projection_weights="precision")
    said = {}
    for name, covariance in {
        "precision": np.diag([1e-4, 4e-4, 1e-4]),
        "regularized precision": np.diag([1e-4, 4e-4, 0.0]),
        "identity": np.zeros((3, 3)),
    }.items():
        effect = Priced(Decimal(450), "drawn", True, credits, covariance.tolist())
        due = settle([PRICE], {"pot": effect}, {"pot": split}, currency="USD", payer="city")
        (step,) = (step for step in due.steps if step.action == "project")
        said[name] = (step.reason, [str(line.amount) for line in due.lines])
        assert f"({name})" in step.reason
        assert "estimated -0.05" in due.lines[2].reason
    assert said["precision"][1] == ["290.00", "160.00", "0.00"]
    assert said["identity"][1] == ["275.00", "175.00", "0.00"]
    assert "because it is singular" in said["regularized precision"][0]
    assert "because their covariance is zero" in said["identity"][0]


def test_precision_without_a_covariance_is_refused_only_where_it_is_needed() -> None:
    split = Split(rule="shapley", projection_weights="precision")
    assert divided({"a": "3", "b": "1"}, split) == {"a": "75.00", "b": "25.00"}
    with pytest.raises(PaymentError) as caught:
        divided({"a": "3", "b": "-1"}, split)
    assert caught.value.codes == ("PAY-006",)
