"""What a hidden cause could do to the money is what the contract makes of the moved gain, to the cent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.attribution.money.amounts import exact
from counterfoil.attribution.payment.settling import settle_inputs
from counterfoil.contract import Contract
from counterfoil.errors import CounterfoilError, Problem
from counterfoil.estimators.comparisons.compared import ComparisonFit, as_estimate
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign, Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.score import Score, fit_score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.sensitivity.benchmarks import benchmarks
from counterfoil.estimators.sensitivity.omitted_confounder import omitted_confounder, regression_residuals
from counterfoil.evaluation import Evaluation
from counterfoil.hidden_causes import payment_sensitivity
from counterfoil.payment_moves import PaymentSensitivity

TERMS: dict[str, Any] = {
    "counterfoil": 1,
    "name": "Jobs",
    "currency": "USD",
    "parties": {"club": {"role": "provider"}, "city": {"role": "outcome_payer"}},
    "effects": {"jobs": {"outcome": "jobs", "better": "higher", "estimator": {"kind": "experiment"}}},
    "payments": [{"effect": "jobs", "to": "club", "per": "person", "price": "100.00"}],
}


def contract(effect: Mapping[str, Any] | None = None, payments: list[dict[str, Any]] | None = None) -> Contract:
    found = {**TERMS, "effects": {"jobs": {**TERMS["effects"]["jobs"], **(effect or {})}}}
    return Contract.model_validate({**found, "payments": payments or TERMS["payments"]})


def people(size: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    score, age = rng.normal(size=size), rng.normal(size=size)
    assigned = (rng.random(size) < 1 / (1 + np.exp(-0.5 * score - 0.1 * age))).astype(int)
    jobs = 2 * assigned + 0.6 * score + 0.1 * age + rng.normal(0, 2, size)
    return pd.DataFrame({"assigned": assigned, "score": score, "age": age, "jobs": jobs})


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A comparison made by hand."""

    sample: ComparisonSample
    estimand: Estimand
    score: Score | None
    balancing: FloatArray
    warnings: tuple[Problem, ...] = ()


def compared(frame: pd.DataFrame, covariates: tuple[str, ...] = ("score", "age")) -> ComparisonFit:
    """Return weighted means of the treated and of untreated people made like them."""
    spec = ComparisonDesign(treated="assigned", outcome="jobs", covariates=covariates)
    sample = draw_comparison(spec, frame)
    score = fit_score(sample.codes, sample.adjusting.values)
    treated = sample.codes == 1
    odds = np.where(treated, 1.0, score.treated / (1 - score.treated))
    riesz = sample.n * np.where(treated, odds / odds[treated].sum(), -odds / odds[~treated].sum())
    outcome = sample.study.outcome("jobs")
    left = regression_residuals(outcome, sample.codes, sample.adjusting.values, sample.weights)
    values, influence = np.array([(riesz * outcome).mean()]), (riesz * left)[:, None]
    effects = as_estimate(
        sample, "att", values, influence, outcome="jobs", parameters=4, warnings=(), riesz=riesz[:, None]
    )
    return ComparisonFit(Made(sample, "att", score, odds[:, None]), effects)


def answered(terms: Contract, fit: ComparisonFit, frame: pd.DataFrame) -> Evaluation:
    """Return the evaluation of a contract whose effect was measured by a comparison."""
    from counterfoil.measuring import _gated

    study = cf.Study.from_frame(frame, outcomes=["jobs"])
    evaluation = cf.evaluate(terms, study)
    bare = replace(
        evaluation.effects["jobs"],
        measured=fit,
        total=fit.total(),
        own=exact(float(fit.total().values[0])),
        held=None,
        gate=None,
    )
    result = _gated(bare)
    assert evaluation.settlement is not None
    assert evaluation.settlement.inputs is not None
    inputs = replace(evaluation.settlement.inputs, effects={"jobs": result.all_priced(None)})
    settlement = settle_inputs(inputs)
    return replace(evaluation, effects={"jobs": result}, settlement=settlement)


def asked(terms: Contract, **more: Any) -> tuple[PaymentSensitivity, ComparisonFit, Evaluation]:
    frame = people()
    fit = compared(frame)
    evaluation = answered(terms, fit, frame)
    found = payment_sensitivity(evaluation, **more)
    assert found is not None
    return found, fit, evaluation


def test_the_payment_moves_by_the_bound_of_the_gain_to_the_cent() -> None:
    found, fit, _ = asked(contract())
    scale, value = float(omitted_confounder(fit).scale[0]), float(fit.total().values[0])
    treated = fit.total().people
    assert found.due == Decimal(f"{100 * value * treated:.2f}")
    assert len(found.moves) == 6
    for move, like in zip(found.moves[::3], benchmarks(fit), strict=True):
        assert (move.covariate, move.multiple) == (like.covariate, 1.0)
        bias = scale * like.times(1).factor
        assert move.bias == pytest.approx(bias)
        assert move.payment_low == Decimal(f"{100 * (value - bias) * treated:.2f}")
        assert move.payment_high == Decimal(f"{100 * (value + bias) * treated:.2f}")
    first = found.moves[0]
    assert first.payment_low is not None
    said = f"as strong as score could move the payment by up to {found.due - first.payment_low:,} USD, from {found.due:,} to"
    assert any(said in line for line in found.lines())
    table = found.tidy()
    assert table["payment_low"].tolist() == [move.payment_low for move in found.moves]
    assert (table["payment"] == found.due).all()
    records = found.to_records()
    assert records["moves"][0]["payment_low"] == first.payment_low
    assert records["strengths"][0]["robustness"] == pytest.approx(float(omitted_confounder(fit).robustness[0]))
    assert "could move the payment" in repr(found)
    assert "<table" in found._repr_html_()


def test_half_the_correlation_moves_half_as_much() -> None:
    whole, half = asked(contract())[0], asked(contract(), rho=-0.5)[0]
    assert half.moves[0].bias == pytest.approx(whole.moves[0].bias / 2)
    assert half.strengths["jobs"][0] > whole.strengths["jobs"][0]


def test_a_gate_flips_where_the_moved_gain_falls_through_it() -> None:
    terms = contract({"gate": {"total_above": 1, "bound": "one_sided", "conf_level": 0.95}})
    found, fit, evaluation = asked(terms)
    (flip,) = found.flips
    assert (flip.kind, flip.direction, flip.change) == ("gate", "down", -found.due)
    total = fit.total()
    gap = float(total.values[0]) - total.critical(0.95, "one_sided") * float(total.std_error[0]) - 1
    bounds = omitted_confounder(fit)
    assert bounds.bound(flip.strength, flip.strength)[0] == pytest.approx(gap, rel=1e-6)
    assert flip.covariate == "score"
    assert flip.multiple is not None
    again = payment_sensitivity(evaluation, [flip.multiple * 0.999, flip.multiple * 1.001])
    assert again is not None
    stands, falls = (move for move in again.moves if move.covariate == "score")
    assert stands.payment_low is not None
    assert stands.payment_low > 0
    assert falls.payment_low == 0
    (line,) = (line for line in found.lines() if "gate on jobs flips at strength" in line)
    assert f"x score), which would change the payment by -{found.due:,} USD" in line


def test_tiers_and_minima_flip_where_the_table_says() -> None:
    steps = [{"from": "1", "pays": "1000.00"}, {"from": "1.5", "pays": "2000.00"}, {"from": "3", "pays": "9000.00"}]
    found, fit, _ = asked(contract(payments=[{"effect": "jobs", "to": "club", "steps": steps}]))
    value, bounds = float(fit.total().values[0]), omitted_confounder(fit)
    assert 1.5 < value < 3
    by_direction = {flip.direction: flip for flip in found.flips}
    for direction, edge in (("up", 3.0), ("down", 1.5)):
        flip = by_direction[direction]  # type: ignore[index]
        assert float(flip.threshold) == edge
        assert bounds.bound(flip.strength, flip.strength)[0] == pytest.approx(abs(edge - value), rel=1e-6)
    assert by_direction["up"].change == Decimal("7000.00")
    assert by_direction["down"].change == Decimal("-1000.00")
    assert any("the step at 3 flips" in line for line in found.lines())


def test_a_gain_that_is_rounded_flips_half_a_unit_early() -> None:
    steps = [{"from": "1", "pays": "1000.00"}]
    terms = contract({"round": {"to": "1"}}, [{"effect": "jobs", "to": "club", "steps": steps}])
    found, fit, _ = asked(terms)
    (flip,) = found.flips
    gap = omitted_confounder(fit).bound(flip.strength, flip.strength)[0]
    assert gap == pytest.approx(float(fit.total().values[0]) - 0.5, rel=1e-5)


def test_deductions_are_taken_off_the_bound_too() -> None:
    plain, less = asked(contract())[0], asked(contract({"deduct": {"deadweight": "0.20"}}))[0]
    assert less.moves[0].bias == pytest.approx(0.8 * plain.moves[0].bias)
    assert less.strengths["jobs"] == pytest.approx(plain.strengths["jobs"])
    assert less.due == pytest.approx(plain.due * Decimal("0.8"), abs=Decimal("0.02"))


def test_lower_is_better_moves_the_payment_the_same_way() -> None:
    frame = people().assign(jobs=lambda f: -f["jobs"])
    fit = compared(frame)
    terms = contract({"better": "lower"})
    turned = payment_sensitivity(answered(terms, fit, frame))
    plain = asked(contract())[0]
    assert turned is not None
    assert [move.payment_low for move in turned.moves] == [move.payment_low for move in plain.moves]
    assert turned.moves[0].gain_low < turned.moves[0].gain


def test_without_covariates_strengths_are_told_and_no_multiples() -> None:
    frame = people()
    found = payment_sensitivity(answered(contract(), compared(frame, ()), frame))
    assert found is not None
    assert found.moves == ()
    assert "no covariates" in found.left_out["jobs"]
    assert 0 < found.strengths["jobs"][0] < 1


def test_covariates_that_separate_leave_the_strengths() -> None:
    frame = people().assign(gate=lambda f: f["assigned"] * 3.0)
    fit = compared(frame, ("score",))
    sample = draw_comparison(ComparisonDesign(treated="assigned", outcome="jobs", covariates=("score", "gate")), frame)
    apart = replace(fit, comparison=replace(fit.comparison, sample=sample))  # type: ignore[type-var]
    found = payment_sensitivity(answered(contract(), apart, frame))
    assert found is not None
    assert found.moves == ()
    assert "EST-002" in found.left_out["jobs"]
    assert found.strengths["jobs"][0] > 0


def test_what_nothing_can_be_is_left_out_and_said() -> None:
    found, _, _ = asked(contract(), multiples=[1, 500])
    assert [move.multiple for move in found.moves if move.covariate == "score"] == [1.0]
    assert "nothing can be 500 times as strong as 'score'" in found.left_out["jobs"]


def cradle(**terms: Any) -> Evaluation:
    given = cf.read_contract(cf.datasets.example_folder("cradle") / "contract.yaml")
    effect = given.effects["readiness"]
    estimator = effect.estimator.model_copy(update=terms)
    return cf.evaluate(
        given.model_copy(update={"effects": {"readiness": effect.model_copy(update={"estimator": estimator})}}),
        cf.datasets.load("cradle"),
    )


def test_cradle_says_what_need_is_worth_and_where_providers_change_places() -> None:
    evaluation = cradle()
    found = payment_sensitivity(evaluation)
    assert found is not None
    assert found.due == Decimal("697054.50")
    assert found.moves[0].payment_low == Decimal("0.00")
    assert found.moves[0].payment_high == Decimal("750000.00")
    lines = found.lines()
    assert any(
        line.startswith("the order of home_visiting and early_learning flips at strength 0.00046") for line in lines
    )
    assert sum("the order of" in line for line in lines) == 3
    assert len(found.orders) == 10
    (flip,) = found.flips
    assert flip.covariate == "need"
    assert flip.multiple is not None
    assert flip.multiple == pytest.approx(0.91, abs=0.01)


def test_shares_move_with_the_total_as_it_is() -> None:
    found = payment_sensitivity(cradle(), [1.0])
    assert found is not None
    assert {move.provider for move in found.share_moves} >= {"home_visiting", "tutoring"}
    for move in found.share_moves:
        assert move.share_low < move.share < move.share_high
        assert move.payment_low is not None
        assert move.payment_high is not None
        assert move.payment_low <= move.payment <= move.payment_high
        if move.share_low > 0 and move.share_high < 1:
            # A tenth goes to the backbone before anything is divided.
            whole = float(found.due) * 0.9
            assert float(move.payment_high) == pytest.approx(whole * move.share_high, rel=1e-3)
    assert any("could bring what tutoring receives" in line for line in found.lines())


def test_credits_that_divide_another_effects_pot_move_its_payments() -> None:
    given = cf.read_contract(cf.datasets.example_folder("cradle") / "contract.yaml").model_dump(
        mode="json", exclude_unset=True
    )
    given["effects"]["whole"] = {
        "outcome": "readiness",
        "better": "higher",
        "estimator": {"kind": "contribution", "design": "randomized", "model": "additive"},
        "split": {"rule": "shapley", "credits_from": "readiness"},
    }
    del given["effects"]["readiness"]["split"]["carve_outs"]
    del given["effects"]["readiness"]["gate"]
    given["payments"] = [{"effect": "whole", "per": "person", "price": "30.00"}]
    found = payment_sensitivity(cf.evaluate(Contract.model_validate(given), cf.datasets.load("cradle")), [1.0])
    assert found is not None
    assert found.moves == ()
    assert found.left_out["whole"] == "a lottery decided who was served"
    assert {effect for effect, _ in found.orders} == {"readiness"}
    assert {move.effect for move in found.share_moves} == {"whole"}
    for move in found.share_moves:
        if move.share_low > 0 and move.share_high < 1:
            assert move.payment_high is not None
            assert float(move.payment_high) == pytest.approx(float(found.due) * move.share_high, rel=1e-3)


def test_a_lottery_is_not_asked() -> None:
    assert payment_sensitivity(cradle(design="randomized")) is None
    frame = people()
    study = cf.Study.from_frame(frame, outcomes=["jobs"])
    assert payment_sensitivity(cf.evaluate(contract(), study)) is None


def test_strengths_that_are_none_are_refused() -> None:
    for more in ({"multiples": [0]}, {"rho": 0}, {"rho": 1.5}):
        with pytest.raises(CounterfoilError, match="EST-051"):
            asked(contract(), **more)


def test_plot_draws_both_ends_and_marks_covariates() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    found = payment_sensitivity(cradle())
    assert found is not None
    ax = found.plot()
    assert {text.get_text() for text in ax.texts} == {"need"}
    low = np.asarray(ax.lines[0].get_ydata(), dtype=float)
    assert low[0] == float(found.due)
    assert low[-1] == 0
    with pytest.raises(TypeError):
        found.plot("jobs")
