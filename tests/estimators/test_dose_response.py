"""Agreement with statsmodels, with `Contribution` at doses of 0 and 1, and with quadrature; known truth; refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from counterfoil.attribution import Shapley, aumann_shapley
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, DoseResponse, DoseResponseFit, functional
from counterfoil.estimators.dose_monomials import dose_exponents, dose_monomials

NAMES = ("p0", "p1", "p2")
HOURS = {name: f"{name}_hours" for name in NAMES}
PAIRS = [(0, 1), (0, 2), (1, 2)]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Three providers whose hours depend on a covariate, sites, weights, and an outcome that bends with hours."""
    rng = np.random.default_rng(12)
    size = 900
    x = rng.normal(size=(size, 2))
    hours = rng.gamma(2.0, 3.0, size=(size, 3)) * np.exp(0.2 * x[:, :1]) * (rng.random((size, 3)) < 0.6)
    gain = 0.5 * hours[:, 0] - 0.02 * hours[:, 0] ** 2 + 0.3 * hours[:, 1] + 0.05 * hours[:, 0] * hours[:, 1]
    outcome = 1 + x @ [1.0, 0.5] + gain + rng.normal(size=size) * (1 + 0.1 * hours[:, 2])
    columns = {f"p{j}_hours": hours[:, j] for j in range(3)} | {
        f"p{j}": (hours[:, j] > 0).astype(int) for j in range(3)
    }
    extra = {"x1": x[:, 0], "x2": x[:, 1], "site": rng.integers(0, 30, size), "w": rng.uniform(0.5, 2.0, size)}
    return pd.DataFrame({**columns, **extra, "y": outcome})


def study(frame: pd.DataFrame, doses: dict[str, str] | None = None, **terms: Any) -> Study:
    return Study.from_frame(frame, providers=NAMES, outcomes=["y"], doses=HOURS if doses is None else doses, **terms)


def fitted(frame: pd.DataFrame, **terms: Any) -> DoseResponseFit:
    return DoseResponse.model_validate({"covariates": ("x1", "x2"), **terms}).fit(study(frame))


def columns(frame: pd.DataFrame, degree: int, interactions: bool) -> tuple[np.ndarray, np.ndarray]:
    """Design and directions written out by hand, in the raw unit of the doses."""
    hours = frame[list(HOURS.values())].to_numpy()
    powers = [(hours[:, j] ** d, np.eye(3)[j]) for d in range(1, degree + 1) for j in range(3)]
    joint = [(hours[:, j] * hours[:, k], (np.eye(3)[j] + np.eye(3)[k]) / 2) for j, k in PAIRS] if interactions else []
    values, shares = zip(*powers, *joint, strict=True)
    design = np.column_stack([np.ones(len(frame)), frame[["x1", "x2"]], *values])
    return design, np.column_stack([np.zeros((3, 3)), np.array(shares).T])


@pytest.mark.parametrize(("degree", "interactions"), [(1, False), (1, True), (2, True), (3, True)])
@pytest.mark.parametrize("vcov", ["HC0", "HC1", "HC3", "classical"])
def test_equals_the_statsmodels_sandwich(frame: pd.DataFrame, degree: int, interactions: bool, vcov: str) -> None:
    ours = fitted(frame, degree=degree, interactions=interactions, vcov=vcov).credits()
    design, shares = columns(frame, degree, interactions)
    theirs = sm.OLS(frame["y"], design).fit(cov_type="nonrobust" if vcov == "classical" else vcov)
    direction = shares * design.mean(axis=0)
    np.testing.assert_allclose(ours.values, direction @ theirs.params, rtol=1e-8)
    np.testing.assert_allclose(ours.cov(), direction @ theirs.cov_params() @ direction.T, rtol=1e-8)


def test_clusters_and_weights_equal_statsmodels(frame: pd.DataFrame) -> None:
    design, shares = columns(frame, 2, interactions=True)
    clustered = fitted(frame, degree=2, interactions=True, cluster="site").credits()
    theirs = sm.OLS(frame["y"], design).fit(cov_type="cluster", cov_kwds={"groups": frame["site"]})
    direction = shares * design.mean(axis=0)
    assert clustered.error_type == "CR1"
    np.testing.assert_allclose(clustered.cov(), direction @ theirs.cov_params() @ direction.T, rtol=1e-8)
    weighted = fitted(frame, degree=2, interactions=True, weights="w", vcov="HC0").credits()
    theirs = sm.WLS(frame["y"], design, weights=frame["w"]).fit(cov_type="HC0")
    direction = shares * np.average(design, axis=0, weights=frame["w"])
    np.testing.assert_allclose(weighted.values, direction @ theirs.params, rtol=1e-8)
    np.testing.assert_allclose(weighted.cov(), direction @ theirs.cov_params() @ direction.T, rtol=1e-8)


def test_population_adds_the_spread_of_people(frame: pd.DataFrame) -> None:
    """Brute force: the influence of Ê[M]′β̂ is its own deviation and the coefficients' influence."""
    ours = fitted(frame, degree=2, interactions=True, target="population", vcov="HC0").credits()
    design, shares = columns(frame, 2, interactions=True)
    theirs = sm.OLS(frame["y"], design).fit()
    own = (design * theirs.params.to_numpy()) @ shares.T
    coefficients = design * theirs.resid.to_numpy()[:, None] @ np.linalg.inv(design.T @ design) * len(frame)
    influence = own - own.mean(axis=0) + coefficients @ (shares * design.mean(axis=0)).T
    np.testing.assert_allclose(ours.scores(), influence, atol=1e-7)
    np.testing.assert_allclose(ours.spread, own - own.mean(axis=0), atol=1e-8)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["sample", "population"])
@pytest.mark.parametrize("cluster", [None, "site"])
def test_zero_and_one_doses_are_the_pairwise_contribution(
    frame: pd.DataFrame, target: str, cluster: str | None
) -> None:
    terms = {"outcome": "y", "covariates": ("x1", "x2"), "target": target, "cluster": cluster, "providers": NAMES}
    doses = DoseResponse.model_validate({**terms, "interactions": True}).fit(
        study(frame, {name: name for name in NAMES})
    )
    fit = Contribution.model_validate({**terms, "model": "pairwise"}).fit(frame)
    for ours, theirs in ((doses.credits(), functional(fit, Shapley())), (doses.total(), fit.total())):
        np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(ours.cov(), theirs.cov(), rtol=1e-9)
        np.testing.assert_allclose(ours.scores(), theirs.scores(), atol=1e-9)
        if cluster:
            np.testing.assert_allclose(ours.using("CR2").cov(), theirs.using("CR2").cov(), rtol=1e-8)
            assert ours.using("CR2").df == pytest.approx(theirs.using("CR2").df, rel=1e-8)


def test_powers_of_zero_and_one_change_nothing(frame: pd.DataFrame) -> None:
    """A square of 0 and 1 is the dose itself: the model drops it, and the credits are determined all the same."""
    flags = study(frame, {name: name for name in NAMES})
    first, third = (DoseResponse.model_validate({"degree": d, "interactions": True}).fit(flags) for d in (1, 3))
    np.testing.assert_allclose(first.credits().values, third.credits().values, atol=1e-12)
    np.testing.assert_allclose(first.credits().cov(), third.credits().cov(), rtol=1e-8)


@pytest.mark.parametrize("terms", [{}, {"weights": "w"}, {"target": "population"}, {"cluster": "site"}])
def test_credits_sum_to_the_total(frame: pd.DataFrame, terms: dict[str, Any]) -> None:
    fit = fitted(frame, degree=3, interactions=True, **terms)
    credits, total, joint = fit.credits(), fit.total(), fit.joint()
    assert abs(credits.values.sum() - total.values[0]) <= 1e-12 * np.abs(frame["y"]).max()
    np.testing.assert_allclose(credits.scores().sum(axis=1), total.scores()[:, 0], atol=1e-9)
    np.testing.assert_allclose(joint.values, [*credits.values, *total.values], atol=1e-13)
    assert (credits.terms, credits.label, total.terms) == (NAMES, "provider", ("gain",))


def test_closed_form_equals_quadrature_of_the_fitted_response(frame: pd.DataFrame) -> None:
    fit = fitted(frame, degree=3, interactions=True)
    hours = frame[list(HOURS.values())].to_numpy()
    by_person = aumann_shapley(fit.response, hours)
    np.testing.assert_allclose(fit.credits().values, by_person.mean(axis=0), atol=1e-7)
    assert fit.total().values[0] == pytest.approx(fit.response(hours).mean(), abs=1e-12)
    assert fit.response([[0.0, 0.0, 0.0]]).tolist() == [0.0]


def test_units_of_doses_and_outcome_shift_do_not_matter(frame: pd.DataFrame) -> None:
    minutes = frame.assign(p0_hours=60 * frame["p0_hours"], p2_hours=frame["p2_hours"] / 1e4, y=frame["y"] + 1e6)
    plain, rescaled = (fitted(data, degree=3, interactions=True).credits() for data in (frame, minutes))
    np.testing.assert_allclose(plain.values, rescaled.values, atol=1e-8)
    np.testing.assert_allclose(plain.std_error, rescaled.std_error, rtol=1e-6)


def test_known_truth_without_noise_is_recovered(frame: pd.DataFrame) -> None:
    hours = frame[list(HOURS.values())].to_numpy()
    gain = 0.5 * hours[:, 0] - 0.02 * hours[:, 0] ** 2 + 0.05 * hours[:, 0] * hours[:, 1] + 0.001 * hours[:, 2] ** 3
    pair = 0.025 * (hours[:, 0] * hours[:, 1]).mean()
    truth = [(0.5 * hours[:, 0] - 0.02 * hours[:, 0] ** 2).mean() + pair, pair, 0.001 * (hours[:, 2] ** 3).mean()]
    exact = fitted(frame.assign(y=gain + 3 * frame["x1"]), degree=3, interactions=True).credits()
    np.testing.assert_allclose(exact.values, truth, atol=1e-9)


def test_noisy_truth_is_within_its_error_and_a_straight_line_is_not() -> None:
    rng = np.random.default_rng(3)
    hours = rng.uniform(0, 10, size=(4_000, 3)) * (rng.random((4_000, 3)) < 0.7)
    gain = hours[:, 0] - 0.08 * hours[:, 0] ** 2 + 0.1 * hours[:, 1] * hours[:, 2]
    pair = 0.05 * (hours[:, 1] * hours[:, 2]).mean()
    truth = np.array([(hours[:, 0] - 0.08 * hours[:, 0] ** 2).mean(), pair, pair])
    data = {f"p{j}_hours": hours[:, j] for j in range(3)} | {f"p{j}": (hours[:, j] > 0).astype(int) for j in range(3)}
    drawn = study(pd.DataFrame({**data, "y": gain + rng.normal(size=4_000)}))
    bent = DoseResponse(degree=2, interactions=True).fit(drawn).credits()
    straight = DoseResponse(degree=1).fit(drawn).credits()
    assert np.abs((bent.values - truth) / bent.std_error).max() < 3.5
    assert np.abs((straight.values - truth) / straight.std_error).max() > 4


def code(data: Study | pd.DataFrame, **terms: Any) -> str:
    with pytest.raises(CounterfoilError) as caught:
        DoseResponse.model_validate({"outcome": "y", "providers": NAMES, **terms}).fit(data).credits()
    return caught.value.codes[0]


def test_refusals(frame: pd.DataFrame) -> None:
    assert code(frame) == "ATTR-002"
    assert code(study(frame.assign(p1_hours=0.0))) == "IDENT-005"
    assert code(study(frame.assign(p1_hours=frame["p0_hours"], p1=frame["p0"]))) == "IDENT-003"
    always = frame.assign(**{f"p{j}": 1 for j in range(3)}, p0_hours=2.0)
    assert code(study(always)) == "IDENT-004"
    assert code(study(frame.assign(site=0)), cluster="site") == "IDENT-006"
    assert code(study(frame.head(9)), degree=3) == "EST-003"
    alone = frame.assign(p2=0, p2_hours=0.0)
    alone.loc[3, ["p2", "p2_hours"]] = [1, 2.5]
    assert code(study(alone)) == "EST-001"
    with pytest.raises(ValueError, match="named twice"):
        DoseResponse(providers=("p0", "p0"))
    with pytest.raises(ValueError, match="less than or equal to 3"):
        DoseResponse(degree=4)


def test_blank_doses_never_reach_the_estimator() -> None:
    people = pd.DataFrame({"person": [f"a{k}" for k in range(40)]})
    services = pd.DataFrame({"person": people["person"][:20], "provider": "p0", "dose": [np.nan, *range(1, 20)]})
    outcomes = pd.DataFrame({"person": people["person"], "outcome": "y", "value": np.arange(40.0)})
    with pytest.raises(CounterfoilError) as caught:
        Study.from_tables(people, services=services, outcomes=outcomes)
    assert caught.value.codes == ("DATA-017",)


def test_a_response_that_the_data_do_not_determine_is_refused(frame: pd.DataFrame) -> None:
    fit = DoseResponse(degree=2).fit(study(frame, {name: name for name in NAMES}))
    assert np.isfinite(fit.response([[1.0, 0.0, 1.0]])).all()
    with pytest.raises(CounterfoilError) as caught:
        fit.response([[0.5, 0.0, 1.0]])
    assert caught.value.codes == ("IDENT-003",)


def test_what_a_reader_must_know_is_told(frame: pd.DataFrame) -> None:
    everybody = frame[frame[list(NAMES)].any(axis=1)]
    fit = fitted(everybody.assign(twice=2 * everybody["x1"]), covariates=("x1", "twice"))
    assert [problem.code for problem in fit.credits().warnings] == ["IDENT-009", "EST-005"]
    blind = fitted(frame, covariates=(), design="unconfounded", interactions=True, min_pair=10_000)
    assert [problem.code for problem in blind.warnings] == ["IDENT-008", "EST-006"]
    gaps = frame.assign(x1=frame["x1"].where(frame.index > 20))
    assert [problem.code for problem in fitted(gaps, missing="drop").warnings] == ["EST-007"]


def test_monomials_are_what_their_exponents_say() -> None:
    exponents = dose_exponents(2, 3, [(0, 1)])
    doses = np.array([[2.0, 3.0], [0.0, 5.0]])
    assert dose_monomials(doses, exponents).tolist() == [[2, 3, 4, 9, 8, 27, 6], [0, 5, 0, 25, 0, 125, 0]]
