"""Effects within sets: against cell means, against statsmodels' regressions, and against errors of repeated draws."""

import causaldata
import numpy as np
import pytest
import statsmodels.api as sm

from counterfoil.estimators.matching.matches import Strata
from counterfoil.estimators.matching.strata import joint_codes, with_both_groups
from counterfoil.estimators.matching.stratum_effect import StratumEffect, stratum_effect

N = 120


def people(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return outcome, sets, group and two covariates."""
    rng = np.random.default_rng(seed)
    sets, x = rng.integers(0, 4, N), rng.normal(size=(N, 2))
    group = (rng.random(N) < 0.3 + 0.1 * sets).astype(np.intp)
    return sets + x[:, 0] + group * (1 + 0.5 * sets) + rng.normal(size=N), sets, group, x


def measured(estimand: str, adjust: bool = False, weights: np.ndarray | None = None) -> StratumEffect:
    outcome, sets, group, x = people()
    focal = {"att": group == 1, "atc": group == 0, "ate": group >= 0}[estimand]
    strata = Strata(sets, group, focal, np.ones(N) if weights is None else weights)
    return stratum_effect(outcome, strata, x, x if adjust else None)


def titanic() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = causaldata.titanic.load_pandas().data
    codes = joint_codes([data[name].cat.codes.to_numpy().astype(np.intp) for name in ("age", "sex")], len(data))
    return (data["survived"] == "yes").to_numpy(float), codes, (data["class"] == "1st class").to_numpy(np.intp)


@pytest.mark.parametrize(("who", "figure"), [("att", 0.237542), ("atc", 0.188785), ("ate", 0.195984)])
def test_first_class_on_the_titanic(who: str, figure: float) -> None:
    """Cunningham (2021), *Causal Inference: The Mixtape*, section 5.1.3, prints .189 (18.9 points), weighted by the others."""
    outcome, codes, group = titanic()
    focal = {"att": group == 1, "atc": group == 0, "ate": group >= 0}[who]
    strata = Strata(with_both_groups(codes, group), group, focal, np.ones(len(group)))
    found = stratum_effect(outcome, strata, codes[:, None].astype(float))
    assert found.value == pytest.approx(figure, abs=5e-7)
    assert found.alone.sum() == 1


@pytest.mark.parametrize("estimand", ["att", "atc", "ate"])
def test_the_effect_is_the_weighted_mean_of_differences_within_sets(estimand: str) -> None:
    outcome, sets, group, _ = people()
    gaps = [outcome[(sets == s) & (group == 1)].mean() - outcome[(sets == s) & (group == 0)].mean() for s in range(4)]
    counts = {"att": np.bincount(sets[group == 1]), "atc": np.bincount(sets[group == 0]), "ate": np.bincount(sets)}
    found = measured(estimand)
    assert found.value == pytest.approx(np.average(gaps, weights=counts[estimand]))
    assert found.influence.mean() == pytest.approx(0, abs=1e-12)
    assert (found.riesz * outcome).mean() == pytest.approx(found.value)
    assert found.parameters == 8


@pytest.mark.parametrize("estimand", ["att", "ate"])
def test_residual_errors_are_those_of_the_saturated_regression(estimand: str) -> None:
    outcome, sets, group, _ = people()
    cells = (2 * sets + group)[:, None] == np.arange(8)
    fit = sm.OLS(outcome, cells.astype(float)).fit(cov_type="HC2")
    part = np.bincount(sets[group == 1] if estimand == "att" else sets) / (group.sum() if estimand == "att" else N)
    row = np.ravel(np.column_stack([-part, part]))
    found = measured(estimand)
    scores = (found.influence - found.spread) / np.sqrt(1 - found.leverage)
    assert np.sqrt((scores**2).sum()) / N == pytest.approx(np.sqrt(row @ fit.cov_params() @ row))


def test_adjusting_within_sets_is_the_regression_with_sets_and_slopes() -> None:
    """Of everybody, slopes by group, fixed effects by cell: the weighted regression, predicted at everybody's covariates."""
    outcome, sets, group, x = people()
    cell = 2 * sets + group
    weights = (np.bincount(sets) / N)[sets] / np.bincount(cell)[cell]
    predicted = []
    for side in (0, 1):
        mine = group == side
        design = np.column_stack([sets[:, None] == np.arange(4), x]).astype(float)
        predicted.append(design @ sm.WLS(outcome[mine], design[mine], weights[mine]).fit().params)
    found = measured("ate", adjust=True)
    assert found.value == pytest.approx((predicted[1] - predicted[0]).mean())
    assert (found.riesz * outcome).mean() == pytest.approx(found.value)
    assert found.influence.mean() == pytest.approx(0, abs=1e-12)
    assert found.parameters == 12


def test_a_weight_of_two_is_two_people() -> None:
    outcome, sets, group, x = people()
    twice = np.repeat(np.arange(N), np.where(np.arange(N) % 3 == 0, 2, 1))
    weights = np.where(np.arange(N) % 3 == 0, 2.0, 1.0)
    doubled = stratum_effect(
        outcome[twice], Strata(sets[twice], group[twice], group[twice] == 1, np.ones(len(twice))), x[twice], x[twice]
    )
    assert measured("att", True, weights).value == pytest.approx(doubled.value)


def test_somebody_alone_borrows_the_distance_to_the_nearest() -> None:
    sets, group = np.array([0, 0, 0, 1, 1, 1]), np.array([1, 0, 0, 1, 0, 0])
    outcome = np.array([2.0, 0.0, 1.0, 5.0, 1.0, 2.0])
    found = stratum_effect(outcome, Strata(sets, group, group == 1, np.ones(6)), np.zeros((6, 1)))
    residual = (found.influence - found.spread)[group == 1] / found.riesz[group == 1]
    assert residual == pytest.approx(np.array([-3, 3]) / np.sqrt(2))


def test_people_outside_sets_count_for_nothing() -> None:
    outcome, sets, group, x = people()
    sets = np.where(sets == 2, -1, sets - (sets > 2))
    strata = Strata(sets, group, group == 1, np.ones(N))
    found = stratum_effect(np.where(sets < 0, 1e9, outcome), strata, x)
    assert found.value == stratum_effect(outcome, strata, x).value
    assert (found.influence[sets < 0] == 0).all()
