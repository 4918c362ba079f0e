"""Panels, stages and doses: contracts settled to the cent against a naive computation, refusals with places, reports."""

import json
import re
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import yaml
from scipy.stats import t

import counterfoil as cf
from counterfoil.attribution import attribute
from counterfoil.contract import Contract
from counterfoil.errors import ContractError, CounterfoilError, DataError
from counterfoil.estimators import Contribution, Divisible, DoseResponse, PanelContribution, SequentialContribution
from counterfoil.result_schema import evaluation_schema

PRICE = Decimal("12.50")
SIZE = 700
CONTRACT = """\
counterfoil: 1
name: Jobs
currency: USD
parties:
  north: {role: provider}
  south: {role: provider}
  city:  {role: outcome_payer}
effects:
  jobs:
    outcome: jobs
    better: higher
    estimator: {%s}
    split: {rule: %s}
payments:
  - {effect: jobs, per: person, price: "12.50"}
"""
PERIODS = ("2019", "2020", "2021")
STARTS = ", ".join(f'"{year}": "{year}-01-01"' for year in PERIODS)
PANEL = f"kind: panel_contribution, periods: {{{STARTS}}}"
STAGES = "kind: sequential_contribution, stages: [[north], [south]], progress: [[skills]], covariates: [age]"
DOSES = "kind: dose_response, degree: 2, interactions: true, covariates: [age]"
DESIGNS = {"panel": (PANEL, "shapley"), "stages": (STAGES, "shapley"), "doses": (DOSES, "aumann_shapley")}
NAMES = ("north", "south")


def contract(folder: Path, design: str, *changes: tuple[str, str]) -> Contract:
    text = CONTRACT % DESIGNS[design]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "contract.yaml").write_text(text, encoding="utf-8")
    return cf.read_contract(folder / "contract.yaml")


def panel() -> dict[str, pd.DataFrame]:
    """Cohorts of 2020 and 2021 and people never served; some have both providers, some add the second a year later."""
    rng = np.random.default_rng(4)
    cohort = rng.choice([1, 2, 3], SIZE, p=[0.35, 0.3, 0.35])
    first = rng.integers(0, 3, SIZE)
    began = np.full((SIZE, 2), 3)
    for j in range(2):
        began[:, j] = np.where((first == j) | (first == 2), cohort, np.where(rng.random(SIZE) < 0.3, cohort + 1, 3))
    began[cohort == 3] = 3
    began = np.minimum(began, 3)
    levels = rng.normal(size=(SIZE, 1)) - cohort[:, None] + np.array([0.0, 0.4, 0.3]) + 0.5 * rng.normal(size=(SIZE, 3))
    for period in range(3):
        active = began <= period
        levels[:, period] += active @ [1.0, 0.5] + 0.4 * active.all(axis=1)
    ids = [f"p{i:03d}" for i in range(SIZE)]
    who, which = np.nonzero(began < 3)
    starts = [f"{PERIODS[began[i, j]]}-0{3 + j}-01" for i, j in zip(who, which, strict=True)]
    services = {"person": np.array(ids)[who], "provider": np.array(NAMES)[which], "start": starts}
    long = {"person": np.repeat(ids, 3), "outcome": "jobs", "period": PERIODS * SIZE, "value": levels.reshape(-1)}
    people = pd.DataFrame({"person": ids, "age": rng.normal(size=SIZE).round(3)})
    return {"people": people, "services": pd.DataFrame(services), "outcomes": pd.DataFrame(long)}


def stages() -> dict[str, pd.DataFrame]:
    """South takes on people who are doing badly after north, more of them when north referred them."""
    rng = np.random.default_rng(9)
    age, hidden = rng.normal(size=(2, SIZE))
    north = rng.random(SIZE) < 1 / (1 + np.exp(0.2 + 0.4 * age))
    skills = 0.5 * age + 0.8 * north + hidden + rng.normal(size=SIZE)
    south = rng.random(SIZE) < 1 / (1 + np.exp(0.3 - 1.2 * north + 0.6 * skills))
    jobs = 1 + age + 0.5 * north + 0.8 * south + 0.4 * skills + hidden + rng.normal(size=SIZE)
    return wide(pd.DataFrame({"age": age, "skills": skills}), {"north": north, "south": south}, jobs)


def doses() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(11)
    age = rng.normal(size=SIZE)
    hours = {name: rng.integers(1, 9, SIZE) * (rng.random(SIZE) < 0.6) for name in NAMES}
    n, s = hours.values()
    jobs = age + 0.8 * n - 0.03 * n**2 + 0.3 * s + 0.1 * n * s + rng.normal(size=SIZE)
    return wide(pd.DataFrame({"age": age}), hours, jobs)


def wide(people: pd.DataFrame, served: Any, jobs: Any) -> dict[str, pd.DataFrame]:
    ids = np.array([f"p{i:03d}" for i in range(SIZE)])
    rows = [
        {"person": ids[i], "provider": name, "dose": float(dose[i])}
        for name, dose in served.items()
        for i in range(SIZE)
        if dose[i]
    ]
    outcomes = pd.DataFrame({"person": ids, "outcome": "jobs", "value": jobs})
    return {"people": people.assign(person=ids), "services": pd.DataFrame(rows), "outcomes": outcomes}


MADE = {"panel": panel, "stages": stages, "doses": doses}


def written(folder: Path, tables: dict[str, pd.DataFrame]) -> cf.Study:
    (folder / "study").mkdir(parents=True)
    for name, table in tables.items():
        table.to_csv(folder / "study" / f"{name}.csv", index=False)
    return cf.read_study(folder / "study")


def frame_of(tables: dict[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Return a row a person: services by provider (zero for none) beside the columns of people."""
    rows = tables["services"].pivot(index="person", columns="provider", values=column)
    return tables["people"].set_index("person").join(rows)


# --- naive computations: north's credit, south's credit, per person of the study ----------------------------------------


def naive_panel(tables: dict[str, pd.DataFrame]) -> list[float]:
    """Go person by person: means of changes in cells of cohort, period and pattern, and Shapley of two written out."""
    began = frame_of(tables, "start")[list(NAMES)]
    levels = tables["outcomes"].pivot(index="person", columns="period", values="value")
    years = {person: [str(day)[:4] if isinstance(day, str) else "9" for day in row] for person, row in zip(began.index, began.to_numpy(), strict=True)}  # fmt: skip
    credit = [0.0, 0.0]
    for cohort, period in [("2020", "2020"), ("2020", "2021"), ("2021", "2021")]:
        cells: dict[tuple[bool, bool], list[float]] = {}
        for person, (north, south) in years.items():
            if min(north, south) in (cohort, "9"):
                pattern = (bool(north <= period), bool(south <= period))
                change = levels.loc[person, period] - levels.loc[person, str(int(cohort) - 1)]
                cells.setdefault(pattern, []).append(change)
        mean = {pattern: sum(changes) / len(changes) for pattern, changes in cells.items()}
        zero = mean[False, False]
        for pattern, changes in cells.items():
            only = [mean[True, False] - zero if pattern[0] else 0.0, mean[False, True] - zero if pattern[1] else 0.0]
            for j in range(2):
                if pattern[j]:
                    late = mean[True, True] - zero - only[1 - j] if all(pattern) else only[j]
                    credit[j] += len(changes) * (only[j] + late) / 2
    return [value / SIZE / 2 for value in credit]  # the mean of the two periods with services


def naive_stages(tables: dict[str, pd.DataFrame]) -> list[float]:
    """Value every coalition by the recursion of conditional means, with weights from two logits."""
    data = frame_of(tables, "dose").fillna(0.0)
    a, b, y = data["north"].to_numpy(), data["south"].to_numpy(), tables["outcomes"]["value"].to_numpy()
    one = np.ones(SIZE)
    early = np.column_stack([one, data["age"]])
    late = np.column_stack([early, data["skills"]])
    chance_a = sm.Logit(a, early).fit(disp=0, tol=1e-13).predict()
    chance_b = sm.Logit(b, np.column_stack([late, a])).fit(disp=0, tol=1e-13).predict()

    def fits(target: Any, design: Any, groups: Any) -> dict[Any, Any]:
        return {g: np.linalg.lstsq(design[groups == g], target[groups == g], rcond=None)[0] for g in np.unique(groups)}

    def worth(with_a: bool, with_b: bool) -> float:
        to_a, to_b = a * with_a, b * with_b
        last = fits(y, late, 2 * a + b)
        seen = np.array([late[i] @ last[2 * a[i] + b[i]] for i in range(SIZE)])
        ahead = np.array([late[i] @ last[2 * a[i] + to_b[i]] for i in range(SIZE)])
        start = fits(ahead, early, a)
        expected = np.array([early[i] @ start[a[i]] for i in range(SIZE)])
        begun = np.array([early[i] @ start[to_a[i]] for i in range(SIZE)])
        ratio_a = one if with_a else (a == 0) / (1 - chance_a)
        ratio_b = one if with_b else (b == 0) / (1 - chance_b)
        return float(np.mean(begun + ratio_a * (ahead - expected) + ratio_a * ratio_b * (y - seen)))

    v = {(i, j): worth(bool(i), bool(j)) for i, j in product((0, 1), repeat=2)}
    return [
        (v[1, 0] - v[0, 0] + v[1, 1] - v[0, 1]) / 2,
        (v[0, 1] - v[0, 0] + v[1, 1] - v[1, 0]) / 2,
    ]


def naive_doses(tables: dict[str, pd.DataFrame]) -> list[float]:
    data = frame_of(tables, "dose").fillna(0.0)
    n, s = data["north"].to_numpy(), data["south"].to_numpy()
    design = np.column_stack([np.ones(SIZE), data["age"], n, s, n**2, s**2, n * s])
    c = np.linalg.lstsq(design, tables["outcomes"]["value"].to_numpy(), rcond=None)[0]
    joint = c[6] * (n * s).mean() / 2
    return [c[2] * n.mean() + c[4] * (n**2).mean() + joint, c[3] * s.mean() + c[5] * (s**2).mean() + joint]


NAIVE = {"panel": naive_panel, "stages": naive_stages, "doses": naive_doses}


@pytest.mark.parametrize("design", DESIGNS)
def test_settles_to_the_cent(tmp_path: Path, design: str) -> None:
    tables = MADE[design]()
    study = written(tmp_path, tables)
    evaluation = cf.evaluate(contract(tmp_path, design), study)
    credit = NAIVE[design](tables)
    cent = Decimal("0.01")
    pot = (Decimal(sum(credit) * SIZE) * PRICE).quantize(cent, ROUND_HALF_UP)
    north = (pot * Decimal(credit[0] / sum(credit))).quantize(cent, ROUND_HALF_UP)
    assert min(credit) > 0
    assert evaluation.settlement is not None
    assert evaluation.settlement.by_party() == {"north": north, "south": pot - north}
    jsonschema.validate(json.loads(evaluation.to_json()), evaluation_schema())
    jsonschema.validate(yaml.safe_load((tmp_path / "contract.yaml").read_text("utf-8")), cf.json_schema())
    assert isinstance(evaluation.effects["jobs"].fit, Divisible)
    assert f"{pot:,} USD is due from city" in evaluation.report()


def settled(folder: Path, design: str, *changes: tuple[str, str]) -> cf.Evaluation:
    return cf.evaluate(contract(folder, design, *changes), written(folder, MADE[design]()))


def problems(folder: Path, design: str, *changes: tuple[str, str]) -> list[tuple[str, str, str]]:
    with pytest.raises(ContractError) as caught:
        contract(folder, design, *changes)
    return [(problem.code, problem.where, str(problem)) for problem in caught.value.problems]


# --- what stands beside the credits -------------------------------------------------------------------------------------


def test_strong_trends_stand_beside_the_credits_as_assumed(tmp_path: Path) -> None:
    evaluation = settled(tmp_path, "panel")
    text, page = evaluation.summary(), evaluation.report()
    credits, ledger = text.index("Credits per person"), text.index("Ledger (USD)")
    assert credits < text.index("IDENT-016 the shapley credits of north, south assume strong parallel trends") < ledger
    found = json.loads(evaluation.to_json())["effects"]["jobs"]
    assert [problem["code"] for problem in found["credit_warnings"]] == ["IDENT-016"]
    assert "IDENT-016" in page[page.index("by the rule shapley") : page.index('id="data"')]
    states = dict(rows_of(page))
    assert states["Without services, outcomes would have moved alike (parallel trends)."] == "assumed"
    assert states["…and with fewer services too (strong parallel trends); no earlier period can test it."] == "assumed"
    assert "alike in everything else" not in page
    assert "Errors: stacked from HC2 in each cohort and period" in text


def test_a_rule_of_rosters_assumes_ordinary_trends_only(tmp_path: Path) -> None:
    evaluation = settled(tmp_path, "panel", ("rule: shapley", "rule: equal_split"))
    assert evaluation.effects["jobs"].on_credits == ()
    trends = [(what, state) for what, state in rows_of(evaluation.report()) if "trends" in what]
    assert trends == [("Without services, outcomes would have moved alike (parallel trends).", "assumed")]


def test_a_panel_that_divides_another_pot_brings_its_assumptions_along(tmp_path: Path) -> None:
    """The baseline-and-period panel measures what a lottery does: the level in 2021."""
    tables = panel()
    tables["people"]["assigned"] = (frame_of(tables, "start")[list(NAMES)].notna().any(axis=1)).astype(int).to_numpy()
    other = "  lottery:\n    outcome: jobs\n    better: higher\n    estimator: {kind: experiment, period: \"2021\"}\n    split: {rule: shapley, credits_from: jobs}\npayments:"  # fmt: skip
    terms = contract(
        tmp_path,
        "panel",
        (PANEL, 'kind: panel_contribution, baseline: "2019", period: "2021"'),
        ("payments:", other),
        ("effect: jobs", "effect: lottery"),
    )
    evaluation = cf.evaluate(terms, written(tmp_path, tables))
    assert evaluation.settlement is not None
    states = rows_of(evaluation.report())
    assert (
        "For the division: Without services, outcomes would have moved alike (parallel trends).",
        "assumed",
    ) in states
    assert [problem.code for problem in evaluation.effects["lottery"].on_credits] == ["IDENT-016"]


def rows_of(page: str) -> list[tuple[str, str]]:
    """Return what stands in the tables of what the answer rests on, with the states."""
    return re.findall(r'<tr><td>([^<]*)</td><td class="state [a-z]+">([^<]*)</td></tr>', page)


def test_stages_say_what_their_credits_include(tmp_path: Path) -> None:
    evaluation = settled(tmp_path, "stages")
    page = evaluation.report()
    assert "Credit includes the people that a provider leads on to others." in page
    assert any("same past" in what and state == "assumed" for what, state in rows_of(page))
    assert "divided by the rule shapley, with the people that a provider leads on to others" in page


def test_doses_say_that_a_polynomial_is_assumed(tmp_path: Path) -> None:
    page = settled(tmp_path, "doses").report()
    states = dict(rows_of(page))
    assert states["The outcome answers to doses by a polynomial of degree 2 with products of two doses, also where few people had such doses."] == "assumed"  # fmt: skip
    assert states["People with different services are alike in everything else that matters."] == "held by design"


@pytest.mark.parametrize(("design", "rules"), [("panel", {"shapley", "equal_split", "order_of_service"}), ("stages", {"shapley"}), ("doses", {"aumann_shapley"})])  # fmt: skip
def test_alternatives_are_rules_that_the_design_answers(tmp_path: Path, design: str, rules: set[str]) -> None:
    assert set(settled(tmp_path, design).alternatives()["term"]) == rules


# --- refusals of the contract, with places ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "old", "new", "code", "line", "said"),
    [
        ("stages", "rule: shapley", "rule: equal_split", "CONTRACT-016", 13, "exists for Shapley only"),
        ("stages", "rule: shapley", "rule: shaply", "CONTRACT-007", 13, "did you mean 'shapley'"),
        ("stages", "rule: shapley", "rule: aumann_shapley", "CONTRACT-016", 13, "write `rule: shapley`"),
        ("stages", "rule: shapley", "rule: shapley, credits: shrunk", "CONTRACT-016", 13, "cannot be shrunk"),
        ("stages", "[south]]", "[sowth]]", "CONTRACT-010", 12, "did you mean 'south'"),
        ("stages", "[[skills]]", "[]", "CONTRACT-016", 12, "2 stages need 1"),
        ("stages", "stages: [[north], [south]], ", "", "CONTRACT-005", 12, "`stages` is missing"),
        ("stages", "stages:", "stags:", "CONTRACT-004", 12, "did you mean 'stages'"),
        ("doses", "rule: aumann_shapley", "rule: shapley", "CONTRACT-016", 13, "write `rule: aumann_shapley`"),
        ("doses", "rule: aumann_shapley", "rule: aumann_shaply", "CONTRACT-007", 13, "did you mean 'aumann_shapley'"),
        ("doses", "rule: aumann_shapley", 'rule: aumann_shapley, fractions: {north: "1"}', "CONTRACT-016", 13, "no term"),
        ("doses", "kind: dose_response", "kind: dose_respons", "CONTRACT-007", 12, "did you mean 'dose_response'"),
        ("doses", "degree: 2", "degree: 7", "CONTRACT-007", 12, "less than or equal to 3"),
        ("doses", "degree: 2", "providers: [nord]", "CONTRACT-010", 12, "did you mean 'north'"),
        ("panel", "rule: shapley", "rule: aumann_shapley", "CONTRACT-016", 13, "goes only with kind dose_response"),
        ("panel", "rule: shapley", "rule: last_in", "CONTRACT-014", 13, "do not sum"),
        ("panel", '"2020-01-01"', '"first of May"', "CONTRACT-006", 12, "a date, such as 2024-03-31"),
        ("panel", '"2020-01-01"', '"2023-01-01"', "CONTRACT-016", 12, "in the order of their first days"),
        ("panel", "panel_contribution,", 'panel_contribution, period: "2021",', "CONTRACT-016", 12, "go with baseline"),
        ("panel", "rule: shapley", "rule: shapley, credits_from: jobs", "CONTRACT-016", 13, "left out"),
    ],
)  # fmt: skip
def test_problem_says_what_and_where(
    tmp_path: Path, design: str, old: str, new: str, code: str, line: int, said: str
) -> None:
    found = problems(tmp_path, design, (old, new))
    assert any(c == code and f"line {line}," in where and said in text for c, where, text in found), found


def test_a_settlement_uses_one_kind_of_credit(tmp_path: Path) -> None:
    other = "  work:\n    outcome: work\n    better: higher\n    estimator: {kind: contribution}\n    split: {rule: shapley}\npayments:"
    found = problems(tmp_path, "stages", ("payments:", other))
    assert [(code, "line 18" in where) for code, where, _ in found] == [("CONTRACT-019", True)]
    assert "the credits of 'jobs' include referrals and those of 'work' do not" in found[0][2]
    contract(tmp_path, "stages", ("payments:", other.replace("    split: {rule: shapley}\n", "")))


def test_periods_that_differ_cannot_divide_each_other(tmp_path: Path) -> None:
    other = f"  later:\n    outcome: jobs\n    better: higher\n    estimator: {{{PANEL}, across: sum}}\n    split: {{rule: shapley, credits_from: jobs}}\npayments:"  # fmt: skip
    found = problems(tmp_path, "panel", ("payments:", other))
    assert [code for code, _, _ in found] == ["CONTRACT-016"]
    assert "its outcome or period is another" in found[0][2]
    contract(tmp_path, "panel", ("payments:", other.replace(", across: sum", "")))


# --- contract against study ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "change", "code", "said"),
    [
        ("panel", ('"2021": ', '"2022": '), "DATA-012", "has no period '2022'; did you mean '2021'"),
        ("stages", ("[[skills]]", "[[skill]]"), "DATA-004", "'skill'"),
        ("stages", ("[age]", "[agee]"), "DATA-004", "'agee'"),
        ("panel", ("outcome: jobs", "outcome: job"), "DATA-015", "did you mean 'jobs'"),
    ],
)  # fmt: skip
def test_names_are_held_against_the_study(
    tmp_path: Path, design: str, change: tuple[str, str], code: str, said: str
) -> None:
    with pytest.raises(DataError) as caught:
        settled(tmp_path, design, change)
    (problem,) = caught.value.problems
    assert problem.code == code
    assert said in problem.what
    assert "contract.yaml, line 1" in problem.where


@pytest.mark.parametrize(("design", "column"), [("panel", "start"), ("doses", "dose")])
def test_what_services_lack_is_said_with_the_place_that_asks(tmp_path: Path, design: str, column: str) -> None:
    tables = MADE[design]()
    tables["services"] = tables["services"].drop(columns=column)
    with pytest.raises(DataError) as caught:
        cf.evaluate(contract(tmp_path, design), written(tmp_path, tables))
    (problem,) = caught.value.problems
    assert problem.code == "DATA-004"
    assert problem.where.startswith("services.csv (asked for in contract.yaml, line 12, column ")


def test_blank_start_dates_and_missing_rows_of_a_period_are_counted(tmp_path: Path) -> None:
    tables = panel()
    tables["services"].loc[:4, "start"] = np.nan
    tables["outcomes"] = tables["outcomes"].drop(index=[2, 5])
    with pytest.raises(DataError) as caught:
        cf.evaluate(contract(tmp_path, "panel"), written(tmp_path, tables))
    assert [(problem.code, problem.what) for problem in caught.value.problems] == [
        ("DATA-014", "column 'start' is blank for 5 services"),
        ("DATA-012", f"2 of {SIZE} people have no row"),
    ]


def test_dates_and_periods_need_no_quotes(tmp_path: Path) -> None:
    bare = contract(tmp_path, "panel", *((f'"{year}": "{year}-01-01"', f"{year}: {year}-01-01") for year in PERIODS))
    assert bare.spec("jobs") == contract(tmp_path, "panel").spec("jobs")


def test_a_report_withholds_by_the_people_whom_a_panel_uses(tmp_path: Path) -> None:
    """South serves hundreds, but five before the panel ends."""
    tables = panel()
    south = tables["services"].index[tables["services"]["provider"] == "south"]
    tables["services"].loc[south[5:], "start"] = "2023-05-01"
    terms = contract(tmp_path, "panel", (PANEL, PANEL + ', until: "2022-01-01", model: additive'))
    evaluation = cf.evaluate(terms, written(tmp_path, tables))
    assert evaluation.settlement is not None
    paid = evaluation.settlement.by_party()
    assert paid["south"] > 0
    assert f"{paid['south']:,}" not in evaluation.report()
    assert f"{paid['south']:,}" in evaluation.report(show_small_cells=True)


# --- before outcomes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", DESIGNS)
def test_check_rehearses_every_design_without_outcomes(tmp_path: Path, design: str) -> None:
    tables = MADE[design]()
    terms = contract(tmp_path, design)
    seen = written(tmp_path, tables)
    found = cf.check(terms, cf.read_study(tmp_path / "study", outcomes=False))
    assert found.refused == ()
    assert found.detectable["term"].tolist() == ["total gain", "north", "south"]
    assert (found.detectable["detectable"] > 0).all()
    assert found.to_json() != ""
    assert found.detectable.equals(cf.check(terms, seen).detectable)
    rosters = found.to_dict()["effects"]["jobs"]["rosters"]
    assert rosters["connected"] is True
    assert rosters["aliases"] == (None if design == "doses" else [])
    assert "Shared people join all providers." in found.summary()


def test_a_panel_plans_with_the_spread_of_changes(tmp_path: Path) -> None:
    """Two periods: a difference of two means, per person of the study."""
    plan = "planning: {std_dev: 2, power: 0.8}\n    split"
    two = 'kind: panel_contribution, baseline: "2019", period: "2021"'
    terms = contract(tmp_path, "panel", (PANEL, two), ("split", plan))
    tables = panel()
    found = cf.check(terms, written(tmp_path, tables))
    served = frame_of(tables, "start")[list(NAMES)].notna()
    group = served["north"].astype(int) + 2 * served["south"]
    sizes = group.value_counts()
    parts = [sizes[k] / SIZE for k in (1, 2, 3)]
    error = 2 * np.sqrt(
        sum(p**2 / sizes[k] for p, k in zip(parts, (1, 2, 3), strict=True)) + sum(parts) ** 2 / sizes[0]
    )
    df = found.effects["jobs"].total.df  # type: ignore[union-attr]
    expected = (t.ppf(0.975, df) + t.ppf(0.8, df)) * error
    assert found.detectable["detectable"][0] == pytest.approx(expected, rel=1e-9)
    assert "assuming a standard deviation of 2; all of changes since the baseline" in found.summary()


def test_several_periods_are_planned_as_if_changes_were_equal(tmp_path: Path) -> None:
    tables = panel()
    tables["people"]["w"] = np.linspace(0.5, 1.5, SIZE)
    fit = PanelContribution.model_validate(yaml.safe_load(f"{{{PANEL}, weights: w}}")).fit(written(tmp_path, tables))
    total = fit.total()
    by_hand = np.zeros(SIZE)
    for block in fit.blocks:
        own = block.fit.total().riesz
        assert own is not None
        by_hand[block.people] += own[:, 0] * block.share * SIZE / len(block.people) / 2
    assert total.riesz is not None
    assert total.riesz[:, 0] == pytest.approx(by_hand, abs=1e-12)
    assert (total.riesz[:, 0] > 0).tolist() == (fit.entry.first < 3).tolist()


def test_check_says_whether_progress_predicts_enrolment(tmp_path: Path) -> None:
    found = cf.check(contract(tmp_path, "stages"), written(tmp_path, stages()))
    (row,) = found.to_dict()["effects"]["jobs"]["progress_predicts_enrolment"]
    assert (row["stage"], row["df"]) == (2, 1)
    assert row["p_value"] < 0.001
    assert "Does progress so far predict who enrols?" in found.summary()


def test_a_test_of_progress_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """South serves exactly whom progress was low: the logit of enrolment has no solution."""
    tables = stages()
    rows = tables["services"][tables["services"]["provider"] == "north"]
    low = tables["people"]["person"][tables["people"]["skills"] < 0]
    south = pd.DataFrame({"person": low, "provider": "south", "dose": 1.0})
    tables["services"] = pd.concat([rows, south])
    found = cf.check(contract(tmp_path, "stages"), written(tmp_path, tables))
    assert "EST-002" in [problem.code for problem in found.effects["jobs"].warnings]
    assert found.progress.empty


def test_check_names_providers_that_rosters_do_not_tell_apart(tmp_path: Path) -> None:
    tables = panel()
    north = tables["services"][tables["services"]["provider"] == "north"]
    tables["services"] = pd.concat([north, north.assign(provider="south")])
    found = cf.check(contract(tmp_path, "panel"), written(tmp_path, tables))
    assert found.to_dict()["effects"]["jobs"]["rosters"]["aliases"] == [{"providers": NAMES, "determined": True}]
    assert "The rosters do not tell north, south apart; what they did together is determined." in found.summary()


def test_check_says_which_providers_no_shared_people_join(tmp_path: Path) -> None:
    tables = panel()
    tables["services"] = tables["services"].drop_duplicates("person")
    found = cf.check(contract(tmp_path, "panel"), written(tmp_path, tables))
    assert found.to_dict()["effects"]["jobs"]["rosters"]["connected"] is False
    assert "which are compared through unserved people only: north; south." in found.summary()


def test_a_provider_that_serves_everybody_is_not_told_from_what_would_have_been(tmp_path: Path) -> None:
    tables = doses()
    everybody = pd.DataFrame({"person": tables["people"]["person"], "provider": "north", "dose": 1.0})
    tables["services"] = pd.concat([tables["services"][tables["services"]["provider"] == "south"], everybody])
    found = cf.check(
        contract(tmp_path, "doses", (DOSES, "kind: contribution"), ("aumann_", "")), written(tmp_path, tables)
    )
    assert "do not tell what north did from what would have been anyway" in found.summary()
    assert found.refused != ()


# --- fits divide by the rules that they answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "rule"), [("stages", "equal_split"), ("doses", "shapley"), ("panel", "aumann_shapley")]
)
def test_attribute_refuses_a_rule_that_the_design_cannot_follow(tmp_path: Path, design: str, rule: str) -> None:
    fit = settled(tmp_path, design).effects["jobs"].fit
    assert fit is not None
    with pytest.raises(CounterfoilError) as caught:
        attribute(fit, rule)
    assert caught.value.codes == ("ATTR-003",)


def test_the_report_of_providers_credited_together_shows_each_of_them(tmp_path: Path) -> None:
    terms = contract(
        tmp_path,
        "doses",
        (DOSES, "kind: contribution, model: additive, together: [[north, south]]"),
        ("aumann_shapley", 'shapley, inside: {north: "0.5", south: "0.5"}'),
    )
    page = cf.evaluate(terms, written(tmp_path, doses())).report()
    raw = page[page.index("raw outcomes") :]
    assert "north + south" in page
    assert "north" in raw
    assert "south" in raw


@pytest.mark.parametrize("design", DESIGNS)
def test_pale_parts_are_explained_only_where_they_can_be(tmp_path: Path, design: str) -> None:
    assert "Pale:" not in settled(tmp_path, design).report()


def test_a_gate_holds_for_a_panel_and_its_working_is_foreseen(tmp_path: Path) -> None:
    gated = "planning: {std_dev: 1}\n    gate: {total_above: 2}\n    split"
    evaluation = settled(tmp_path, "panel", ("split", gated))
    assert evaluation.settlement is not None
    assert evaluation.settlement.total == 0
    assert evaluation.study is not None
    found = cf.check(contract(tmp_path, "panel", ("split", gated)), evaluation.study)
    assert found.operating["pay_chance"].tolist()[0] < 0.001
    assert "How the gate operates" in found.summary()


def test_doses_may_divide_what_a_lottery_measures(tmp_path: Path) -> None:
    tables = doses()
    tables["people"]["assigned"] = (frame_of(tables, "dose")[list(NAMES)].notna().any(axis=1)).astype(int).to_numpy()
    other = "  lottery:\n    outcome: jobs\n    better: higher\n    estimator: {kind: experiment}\n    split: {rule: aumann_shapley, credits_from: jobs}\npayments:"  # fmt: skip
    changes = (("payments:", other), ("effect: jobs", "effect: lottery"))
    evaluation = cf.evaluate(contract(tmp_path, "doses", *changes), written(tmp_path, tables))
    assert evaluation.settlement is not None
    paid = [float(amount) for amount in evaluation.settlement.by_party().values()]
    credit = naive_doses(tables)
    assert paid[0] / sum(paid) == pytest.approx(credit[0] / sum(credit), abs=1e-5)
    wrong = problems(tmp_path, "doses", ("payments:", other.replace("rule: aumann_", "rule: ")))
    assert [code for code, _, _ in wrong] == ["CONTRACT-016"]


@pytest.mark.parametrize("model", ["additive", "saturated"])
def test_combinations_of_providers_are_not_divided_by_dose(tmp_path: Path, model: str) -> None:
    spec = Contribution.model_validate({"outcome": "jobs", "model": model})
    with pytest.raises(CounterfoilError) as caught:
        attribute(spec.fit(written(tmp_path, doses())), "aumann_shapley")
    assert caught.value.codes == ("ATTR-003",)


def test_own_credits_come_through_attribute(tmp_path: Path) -> None:
    study = written(tmp_path, doses())
    fit = DoseResponse(degree=2, interactions=True, covariates=("age",)).fit(study)
    assert (attribute(fit, "aumann_shapley").credits.values == fit.credits().values).all()
    staged = SequentialContribution(stages=(("north",), ("south",)), progress=(("age",),)).fit(study)
    assert (attribute(staged).credits.values == staged.credits().values).all()
