"""A specification curve: every row against an evaluation of its own, shares counted by hand, refusals listed and placed."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.datasets import example_folder
from counterfoil.errors import ContractError, CounterfoilError, DataError, EstimationError
from counterfoil.report.curve_facts import curve_facts
from counterfoil.specification_grid import specification_grid
from counterfoil.specification_results import SpecificationCurve
from counterfoil.specifications import Specifications, read_specifications

LOTTERY: dict[str, Any] = {
    "covariates": {"none": [], "schooling": ["educ", "nodegree"], "earlier pay": ["re74", "re75"]},
    "terms": {
        "adjustment": {"interacted": {"adjustment": "interacted"}, "additive": {"adjustment": "additive"}},
        "errors": {"HC1": {"vcov": "HC1"}, "HC2": {"vcov": "HC2"}},
    },
}
THRESHOLD = {"kind": "fixed_baseline", "baseline": "benchmark", "rate": "4000", "source": "state average"}
CRADLE: dict[str, Any] = {
    "covariates": {"need": ["need"], "none": []},
    "terms": {"model": {name: {"model": name} for name in ("additive", "pairwise")}},
    "rules": ["shapley", "equal_split", "dose_split", "last_in"],
}


def example(name: str) -> Contract:
    return cf.read_contract(example_folder(name) / "contract.yaml")


def asked(terms: dict[str, Any]) -> Specifications:
    return Specifications.model_validate(terms)


def changed(name: str, effect: str, estimator: dict[str, Any], split: dict[str, Any] | None = None) -> Contract:
    """A packaged contract with other terms of an effect, by way of its text."""
    terms = yaml.load((example_folder(name) / "contract.yaml").read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    terms["effects"][effect]["estimator"] |= estimator
    if split is not None:
        terms["effects"][effect]["split"] |= split
    return Contract.model_validate(terms)


@pytest.fixture(scope="module")
def lottery() -> SpecificationCurve:
    return cf.specification_curve(example("nsw"), cf.datasets.load("nsw"), asked(LOTTERY))


@pytest.fixture(scope="module")
def cradle() -> SpecificationCurve:
    return cf.specification_curve(example("cradle"), cf.datasets.load("cradle"), asked(CRADLE))


def test_every_row_of_a_lottery_is_an_evaluation_of_its_own(lottery: SpecificationCurve) -> None:
    assert len(lottery.rows) == 3 * 2 * 2
    for row in lottery.rows:
        terms = {
            "covariates": LOTTERY["covariates"][row.choices["covariates"]],
            "adjustment": row.choices["adjustment"],
            "vcov": row.choices["errors"],
        }
        found = cf.evaluate(changed("nsw", "earnings", terms), cf.datasets.load("nsw"))
        total, settlement = found.effects["earnings"].total, found.settlement
        assert total is not None
        assert settlement is not None
        low, high = total.interval()[0].tolist()
        assert (row.estimate, row.std_error) == (float(total.values[0]), float(total.std_error[0]))
        assert (row.conf_low, row.conf_high) == (low, high)
        assert row.payments == settlement.by_party()
        assert row.payment == settlement.total
        assert row.refused == ()


def test_the_contracts_own_is_found_among_the_declared(lottery: SpecificationCurve) -> None:
    own = lottery.primary
    assert own.choices == {"covariates": "none", "adjustment": "interacted", "errors": "HC2"}
    assert own.estimate == pytest.approx(1794.3424, abs=5e-5)
    assert sum(row.primary for row in lottery.rows) == 1


def test_median_range_and_percentile_by_hand(lottery: SpecificationCurve) -> None:
    estimates = np.array([row.estimate for row in lottery.rows])
    summary = lottery.to_dict()["summary"]["estimate"]
    assert summary["median"] == np.median(estimates)
    assert (summary["lowest"], summary["highest"]) == (estimates.min(), estimates.max())
    # Without covariates the two adjustments are one: four of twelve equal the agreed one, which none exceeds.
    assert lottery.percentile == pytest.approx(100 * (8 + 4 / 2) / 12)
    assert lottery.alike == 2
    payments = sorted(row.payment for row in lottery.rows if row.payment is not None)
    assert lottery.to_dict()["summary"]["payment"]["median"] == (payments[5] + payments[6]) / 2


@settings(max_examples=12, deadline=None)
@given(minimum=st.integers(0, 900), steps=st.lists(st.integers(1500, 1900), min_size=1, max_size=4, unique=True))
def test_share_of_triggers_counted_by_hand(minimum: int, steps: list[int]) -> None:
    """Gate and tier of every specification from its own estimate and error, without the curve."""
    contract, study = example("nsw"), cf.datasets.load("nsw")
    terms = contract.model_dump(mode="json", by_alias=True, exclude_unset=True)
    terms["effects"]["earnings"]["gate"]["total_above"] = minimum
    tiers = [{"from": str(step), "pays": f"{step}.00"} for step in sorted(steps)]
    terms["payments"] = [{"effect": "earnings", "steps": tiers}]
    curve = cf.specification_curve(Contract.model_validate(terms), study, asked(LOTTERY))

    def standing(row: Any) -> tuple[bool, int]:
        spec = {"kind": "experiment", "assigned": "assigned", "outcome": "earnings", "vcov": row.choices["errors"]}
        spec["covariates"] = LOTTERY["covariates"][row.choices["covariates"]]
        spec["adjustment"] = row.choices["adjustment"]
        fit = cf.estimators.Experiment.model_validate(spec).fit(study)
        low = float(fit.interval(0.90)[0, 0])  # one-sided 95%
        return low > minimum, sum(float(fit.values[0]) >= step for step in steps)

    own = standing(curve.primary)
    others = [row for row in curve.rows if not row.primary]
    assert curve.trigger.count == sum(standing(row) != own for row in others)
    assert curve.trigger.among == len(others) == 11
    assert [row.gate_passes for row in curve.rows] == [standing(row)[0] for row in curve.rows]
    told = curve.tidy().set_index("specification")["trigger_changes"].tolist()
    assert sum(told) == curve.trigger.count


def test_rules_pay_as_the_evaluation_says_they_would(cradle: SpecificationCurve) -> None:
    evaluation = cf.evaluate(example("cradle"), cf.datasets.load("cradle"))
    under = evaluation.alternatives().groupby("term", sort=False)
    told = {rule: dict(zip(rows["provider"], rows["payment"], strict=True)) for rule, rows in under}
    checked = 0
    for row in cradle.rows:
        if row.choices["covariates"] == "need" and row.choices["model"] == "pairwise":
            assert row.payments == told[row.choices["rule"]]
            checked += 1
    assert checked == 3


def test_share_of_payment_orders_counted_by_hand(cradle: SpecificationCurve) -> None:
    providers = example("cradle").players

    def order(row: Any) -> list[str]:
        return sorted(providers, key=lambda name: (-row.payments[name], providers.index(name)))

    own = order(cradle.primary)
    others = [row for row in cradle.settled if not row.primary]
    assert cradle.order.count == sum(order(row) != own for row in others)
    assert 0 < cradle.order.count <= cradle.order.among == len(others) == 11
    assert sum(cradle.tidy()["order_changes"].fillna(value=False)) == cradle.order.count
    assert all(sum(row.payments.values()) == row.payment for row in cradle.settled)
    assert "The payment order of providers differs in" in cradle.summary()


def test_what_the_contract_refuses_is_listed_with_its_code(cradle: SpecificationCurve) -> None:
    refused = [dict(one.choices) for one in cradle.left_out]
    assert refused == [
        {"covariates": covariates, "model": model, "rule": "last_in"}
        for covariates in ("need", "none")
        for model in ("additive", "pairwise")
    ]
    assert {problem.code for one in cradle.left_out for problem in one.problems} == {"CONTRACT-014"}
    assert "4 combinations cannot be written as a contract: CONTRACT-014 (4)." in cradle.summary()
    assert len(cradle.to_dict()["left_out"]) == 4
    assert cradle.to_dict()["left_out"][0]["refused"][0]["code"] == "CONTRACT-014"


def test_what_runs_and_is_refused_stays_a_row() -> None:
    found = cf.specification_curve(
        example("nsw"), cf.datasets.load("nsw"), asked({"terms": {"errors": {n: {"vcov": n} for n in ("HC2", "CR1")}}})
    )
    assert [row.codes for row in found.rows] == [(), ("CONTRACT-016",)]
    assert found.answered
    assert found.trigger.among == 0
    assert "1 was run and refused: CONTRACT-016 (1)." in found.lines()


def test_a_family_without_a_term_leaves_out_its_combinations() -> None:
    families = {
        "lottery": {"kind": "experiment", "assigned": "assigned"},
        "threshold": THRESHOLD,
    }
    terms = {"adjustment": {"additive": {"adjustment": "additive"}, "own": {}}}
    grid = specification_grid(example("nsw"), asked({"families": families, "terms": terms}))
    assert [one.choices["family"] for one in grid.specified if one.number] == ["lottery", "lottery", "threshold"]
    (left,) = grid.left_out
    assert dict(left.choices) == {"family": "threshold", "adjustment": "additive"}
    assert [problem.code for problem in left.problems] == ["CONTRACT-004"]
    assert left.problems[0].where == "specifications: terms.adjustment.additive.adjustment"


def test_what_says_the_same_is_counted_once() -> None:
    same = {"terms": {"errors": {"as written": {}, "HC2": {"vcov": "HC2"}, "HC1": {"vcov": "HC1"}}}}
    grid = specification_grid(example("nsw"), asked(same))
    assert [one.number for one in grid.specified] == [1, 2]
    assert [(dict(one.choices), one.same_as, one.problems) for one in grid.left_out] == [({"errors": "HC2"}, 1, ())]


POT = """\
counterfoil: 1
name: Lottery and parts
currency: USD
parties:
  north: {role: provider}
  south: {role: provider}
  city:  {role: outcome_payer}
effects:
  lottery:
    outcome: jobs
    better: higher
    estimator: {kind: experiment}
    split: {rule: shapley, credits_from: parts}
  parts:
    outcome: jobs
    better: higher
    estimator: {kind: contribution}
  both:
    outcome: jobs
    better: higher
    estimator: {kind: blend, of: {lottery: "0.5", parts: "0.5"}, alike: true}
payments:
  - {effect: lottery, per: person, price: "10.00"}
  - {effect: both, per: unit, price: "7.00", to: north}
"""


def pot_study() -> cf.Study:
    rng = np.random.default_rng(5)
    size = 400
    data = pd.DataFrame({name: rng.integers(0, 2, size) for name in ("assigned", "north", "south")})
    data["age"] = rng.normal(size=size)
    data["jobs"] = 2 * data["north"] + data["south"] + 3 * data["assigned"] + data["age"] + rng.normal(size=size)
    data.index = pd.Index([f"p{k:03d}" for k in range(size)])
    return cf.Study.from_frame(data, providers=["north", "south"], outcomes=["jobs"])


@pytest.mark.parametrize(
    ("effect", "family"),
    [("lottery", {"kind": "experiment"}), ("parts", {"kind": "contribution", "model": "additive"})],
)
def test_other_effects_are_taken_over_as_they_are(tmp_path: Path, effect: str, family: dict[str, Any]) -> None:
    """A pot that another effect divides, and a blend of both, come out as if everything were measured anew."""
    path = tmp_path / "contract.yaml"
    path.write_text(POT, encoding="utf-8")
    study, contract = pot_study(), cf.read_contract(path)
    terms: dict[str, Any] = {"effect": effect, "families": {"own": family}, "covariates": {"none": [], "age": ["age"]}}
    if effect == "lottery":
        terms["rules"] = ["shapley", "equal_split"]
    found = cf.specification_curve(contract, study, asked(terms))
    for row in found.rows:
        if row.number == 0:
            continue
        text = yaml.load(POT, Loader=yaml.BaseLoader)  # noqa: S506
        text["effects"][effect]["estimator"] = family | {"covariates": terms["covariates"][row.choices["covariates"]]}
        if effect == "lottery":
            text["effects"][effect]["split"]["rule"] = row.choices["rule"]
        whole = cf.evaluate(Contract.model_validate(text), study)
        assert whole.settlement is not None
        assert row.payments == whole.settlement.by_party()
    assert len({row.payment for row in found.rows}) > 1


def test_other_estimands_are_said(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(POT, encoding="utf-8")
    families = {"lottery": {"kind": "experiment"}, "parts": {"kind": "contribution"}}
    found = cf.specification_curve(
        cf.read_contract(path), pot_study(), asked({"effect": "lottery", "families": families})
    )
    assert [row.primary for row in found.rows] == [True, False]
    assert sorted(found.estimands.values()) == [1, 1]
    assert any(line.startswith("They do not all estimate the same") for line in found.lines())


def test_amended_terms_hold_and_amended_designs_are_refused(tmp_path: Path) -> None:
    head, tail = POT.split("effects:", 1)
    dated = head + "periods: {y1: {}, y2: {}}\neffects:" + tail
    amended = dated + 'amendments:\n  - {from: y2, reason: dearer, changes: {payments.0.price: "20.00"}}\n'
    path = tmp_path / "contract.yaml"
    path.write_text(amended, encoding="utf-8")
    terms = asked({"effect": "lottery", "covariates": {"none": [], "age": ["age"]}})
    study = pot_study()
    found = cf.specification_curve(cf.read_contract(path), study, terms)
    text = yaml.load(amended, Loader=yaml.BaseLoader)  # noqa: S506
    text["effects"]["lottery"]["estimator"]["covariates"] = ["age"]
    whole = cf.evaluate(Contract.model_validate(text), study)
    assert whole.settlement is not None
    (row,) = (row for row in found.rows if row.choices["covariates"] == "age")
    assert row.payments == whole.settlement.by_party()
    path.write_text(
        amended.replace('payments.0.price: "20.00"', "effects.lottery.estimator.vcov: HC1"), encoding="utf-8"
    )
    with pytest.raises(ContractError, match="an amendment changes the design of effect 'lottery'") as caught:
        cf.specification_curve(cf.read_contract(path), study, terms)
    assert caught.value.codes == ("CONTRACT-027",)


FILE = """\
counterfoil: 1
effect: earnings
reason: Recorded before the lottery was drawn.
covariates:
  none: []
  schooling: [educ, nodegree]
terms:
  errors:
    HC1: {vcov: HC1}
    HC2: {vcov: HC2}
"""


@pytest.mark.parametrize(
    ("old", "new", "code", "where", "said"),
    [
        ("terms:", "term:", "CONTRACT-004", "line 7, column 1", "did you mean 'terms'"),
        ("counterfoil: 1", "counterfoil: 2", "CONTRACT-009", "line 1, column 1", "must be 1"),
        ("none: []", "none: yes", "CONTRACT-006", "line 5, column 3", "should be a list"),
        ("{vcov: HC2}", "{vcov: HC9}", "CONTRACT-007", "line 10, column 11", "should be"),
        ("{vcov: HC2}", "{vcv: HC2}", "CONTRACT-004", "line 10, column 11", "did you mean 'vcov'"),
        ("{vcov: HC2}", "{outcome: pay}", "CONTRACT-027", "line 10, column 11", "another question"),
        (
            "{vcov: HC2}",
            "{covariates: [age]}",
            "CONTRACT-027",
            "line 10, column 11",
            "is varied by 'covariates' and by",
        ),
        ("{vcov: HC2}", "HC2", "CONTRACT-006", "line 10, column 5", "section"),
        ("nodegree]", "nodegre]", "DATA-004", "line 6, column 21", "did you mean 'nodegree'"),
        ("effect: earnings", "effect: earning", "CONTRACT-027", "line 2, column 1", "did you mean 'earnings'"),
        ("  errors:", "  rule:", "CONTRACT-027", "line 8, column 3", "the name of a section"),
        ("  errors:", "  payment:", "CONTRACT-027", "line 8, column 3", "a column of the results"),
        ("reason: ", "rules: [shapley]\nreason: ", "CONTRACT-027", "line 3, column 1", "has no `split:`"),
        ("reason: ", "rules: [shaply]\nreason: ", "CONTRACT-027", "line 3, column 1", "has no `split:`"),
        ("reason: ", "rules: [shapley, shapley]\nreason: ", "CONTRACT-016", "line 3, column 1", "a rule stands twice"),
        ("  none: []", "  none: []\n  none: []", "CONTRACT-003", "line 6, column 3", "stands twice"),
    ],
)
def test_errors_of_the_file_have_line_and_column(
    tmp_path: Path, old: str, new: str, code: str, where: str, said: str
) -> None:
    path = tmp_path / "specifications.yaml"
    assert old in FILE
    path.write_text(FILE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CounterfoilError) as caught:
        cf.specification_curve(example("nsw"), cf.datasets.load("nsw"), read_specifications(path))
    problem = caught.value.problems[0]
    assert problem.code == code
    assert problem.where == f"specifications.yaml, {where}"
    assert said in problem.what
    assert isinstance(caught.value, ContractError | DataError)


def test_a_misspelt_rule_and_a_family_in_error_have_their_line(tmp_path: Path) -> None:
    path = tmp_path / "specifications.yaml"
    path.write_text("rules:\n  - shapley\n  - shaply\n", encoding="utf-8")
    with pytest.raises(ContractError, match="line 3, column 5: there is no rule 'shaply'; did you mean 'shapley'"):
        specification_grid(example("cradle"), read_specifications(path))
    path.write_text("families:\n  one: {kind: contributon}\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"line 2, column 3: .*did you mean 'contribution'"):
        read_specifications(path)
    path.write_text("families:\n  one: {kind: contribution, modle: additive}\n", encoding="utf-8")
    with pytest.raises(ContractError, match="line 2, column 29: unknown key 'modle'; did you mean 'model'"):
        read_specifications(path)


def test_nothing_varied_and_no_effect_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="nothing is varied"):
        specification_grid(example("nsw"), asked({}))
    path = tmp_path / "contract.yaml"
    path.write_text(POT, encoding="utf-8")
    with pytest.raises(ContractError, match="the contract measures lottery, parts, and `effect:` does not say"):
        specification_grid(cf.read_contract(path), asked({"covariates": {"none": []}}))
    with pytest.raises(ContractError, match="'both' is not measured"):
        specification_grid(cf.read_contract(path), asked({"effect": "both", "covariates": {"none": []}}))


def test_size_is_limited_before_anything_is_made() -> None:
    many = {"covariates": {f"c{k}": [] for k in range(1001)}, "terms": LOTTERY["terms"]}
    with pytest.raises(
        ContractError, match=r"1001 \(covariates\) x 2 \(adjustment\) x 2 \(errors\) are 4,004"
    ) as caught:
        specification_grid(example("nsw"), asked(many))
    assert caught.value.codes == ("CONTRACT-028",)
    assert "split them into several files" in str(caught.value)


def test_a_curve_without_an_answer_is_refused() -> None:
    """Everybody is in control of an arm that nobody was drawn into."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"assigned": np.zeros(50), "jobs": rng.normal(size=50)}, index=[f"p{k}" for k in range(50)])
    terms = yaml.load(POT, Loader=yaml.BaseLoader)  # noqa: S506
    effects = {"lottery": {"outcome": "jobs", "better": "higher", "estimator": {"kind": "experiment"}}}
    paid = [{"effect": "lottery", "per": "person", "price": "1.00", "to": "north"}]
    contract = Contract.model_validate(terms | {"effects": effects, "payments": paid})
    study = cf.Study.from_frame(data, outcomes=["jobs"])
    with pytest.raises(
        EstimationError, match="all 2 specifications of effect 'lottery' are refused: IDENT-001"
    ) as caught:
        cf.specification_curve(contract, study, asked({"terms": {"errors": {"HC1": {"vcov": "HC1"}}}}))
    assert caught.value.codes == ("EST-055",)


def test_where_the_contracts_own_does_not_settle_nothing_differs_from_it() -> None:
    contract = changed("nsw", "earnings", {"blocks": "age"})
    found = cf.specification_curve(
        contract, cf.datasets.load("nsw"), asked({"families": {"plain": {"kind": "experiment"}}})
    )
    assert found.primary.codes == ("IDENT-007",)
    assert not found.answered
    assert [row.payment is None for row in found.rows] == [True, False]
    assert found.trigger.share is None
    assert found.percentile is None
    assert "As agreed: refused (IDENT-007)." in found.lines()[0]
    assert any("does not settle" in line for line in found.lines())
    assert found.plot() is not None
    plt.close("all")


def test_same_inputs_same_bytes(lottery: SpecificationCurve) -> None:
    again = cf.specification_curve(example("nsw"), cf.datasets.load("nsw"), asked(LOTTERY))
    assert again.to_json() == lottery.to_json()
    assert again.summary() == lottery.summary()
    found = json.loads(lottery.to_json())
    assert found["specified"][0]["payment"] == str(lottery.rows[0].payment)
    assert set(found["study"]) == set(cf.datasets.load("nsw").digests)


def test_tables_agree(cradle: SpecificationCurve) -> None:
    tidy = cradle.tidy()
    assert tidy.columns.tolist() == [
        "specification", "primary", "covariates", "model", "rule", "outcome", "estimand", "estimate", "std_error",
        "conf_low", "conf_high", "gate_passes", "trigger_changes", "order_changes", "payment", "currency", "refused",
    ]  # fmt: skip
    sums = cradle.tidy_payments().groupby("specification")["payment"].sum()
    settled = tidy[tidy["payment"].notna()].set_index("specification")["payment"]
    assert (sums == settled).all()
    each = cradle.by_alternative()
    assert each["specifications"].tolist() == [6, 6, 6, 6, 4, 4, 4, 0]
    assert each["payment"].tolist()[-1] is None


def test_pictures_show_every_estimate_and_the_agreed_one(cradle: SpecificationCurve) -> None:
    estimates, money, board = cradle.plot()
    drawn = [x for line in estimates.lines for x in np.asarray(line.get_ydata(), dtype=float)]
    assert set(cradle.estimates) <= set(drawn)
    assert {patch.get_height() for patch in money.patches} >= {float(row.payment or 0) for row in cradle.settled}
    assert [label.get_text() for label in board.get_yticklabels()] == [
        name for names in cradle.specifications.dimensions.values() for name in names
    ]
    assert "gate 1" in [text.get_text() for text in estimates.texts]
    given_axes = plt.subplots(3)[1]
    assert cradle.plot(given_axes)[0] is given_axes[0]
    labels = [label.get_text() for label in cradle.plot_payments().get_yticklabels()]
    assert labels == ["Backbone agency", *example("cradle").players, "in all"]
    plt.close("all")


def test_what_the_gate_tests_is_told_beside_the_interval(lottery: SpecificationCurve) -> None:
    """One-sided at 95%, so that it lies within the two-sided interval; the picture marks it."""
    evaluation = cf.evaluate(example("nsw"), cf.datasets.load("nsw"))
    gate = evaluation.effects["earnings"].gate
    assert gate is not None
    own = lottery.primary
    assert own.gate_tests == gate.decided.lower
    assert own.conf_low is not None
    assert own.estimate is not None
    assert own.conf_low < gate.decided.lower < own.estimate
    (marks,) = (line for line in lottery.plot()[0].lines if line.get_label() == "what the gate tests")
    assert sorted(marks.get_ydata()) == sorted(row.gate_tests or 0.0 for row in lottery.rows)
    plt.close("all")


def test_a_picture_is_in_the_contracts_display() -> None:
    terms = asked({"covariates": {"none": [], "age": ["age"]}})
    curve = cf.specification_curve(example("rossi"), cf.datasets.load("rossi"), terms)
    axis = curve.plot()[0]
    assert axis.get_ylabel() == "arrest, points"
    assert min(float(y) for line in axis.lines for y in line.get_ydata()) == pytest.approx(-8.33, abs=0.01)
    assert "-8.33 to -7.4" in curve.summary()
    plt.close("all")


def test_the_report_withholds_money_that_rests_on_few(cradle: SpecificationCurve) -> None:
    facts = curve_facts(cradle)
    assert facts["withheld"] is False
    assert any("settle" in line for line in facts["sentences"])
    assert facts["picture"].count("<circle") == 12
    assert facts["picture"].count("as agreed") == 2
    assert facts["not_run"] == ["CONTRACT-014 in 4: the credits of rule 'last_in' do not sum to the gain"]

    rng = np.random.default_rng(3)
    few = pd.DataFrame(
        {"assigned": [0, 1] * 4, "jobs": rng.normal(size=8) + [0, 9] * 4}, index=[f"p{k}" for k in range(8)]
    )
    terms = yaml.load(POT, Loader=yaml.BaseLoader)  # noqa: S506
    effects = {"lottery": {"outcome": "jobs", "better": "higher", "estimator": {"kind": "experiment"}}}
    paid = [{"effect": "lottery", "per": "person", "price": "1.00", "to": "north"}]
    contract = Contract.model_validate(terms | {"effects": effects, "payments": paid})
    errors = asked({"terms": {"errors": {name: {"vcov": name} for name in ("HC1", "HC2")}}})
    curve = cf.specification_curve(contract, cf.Study.from_frame(few, outcomes=["jobs"]), errors)
    assert curve.payments[0] > 0
    facts = curve_facts(curve)
    assert facts["withheld"]
    assert {row["payment"] for row in facts["alternatives"]} == {"withheld"}
    written = [f"{amount:,}" for amount in curve.payments]
    assert not [text for text in facts["sentences"] for amount in written if amount in text]
    assert any(written[0] in text for text in curve_facts(curve, show_small_cells=True)["sentences"])


def test_no_person_stands_in_what_is_written(cradle: SpecificationCurve) -> None:
    ids = cf.datasets.load("cradle").ids
    written = cradle.to_json() + cradle.summary() + str(curve_facts(cradle)["picture"])
    assert str(ids[0]) not in written
    assert Decimal(cradle.to_dict()["specified"][0]["payment"]) == cradle.rows[0].payment
