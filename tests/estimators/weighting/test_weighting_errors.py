"""Errors against a sandwich of stacked estimating equations with exact derivatives; invariances; joint covariance."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.weighting.weighting import Weighting

Array = NDArray[Any]


def groups_of(seed: int, size: int = 900) -> pd.DataFrame:
    """Draw three groups, two covariates, observation weights and clusters."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    odds = np.exp(np.column_stack([np.zeros(size), 0.5 * x[:, 0] - 0.3, 0.4 * x[:, 1] - 0.4 * x[:, 0]]))
    group = (rng.random((size, 1)) > (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)).sum(axis=1)
    return pd.DataFrame(
        {
            "group": np.array(["none", "north", "south"])[group],
            "any": (group > 0).astype(int),
            "a": x[:, 0],
            "b": x[:, 1],
            "w": rng.uniform(0.5, 2.0, size),
            "town": rng.integers(0, 40, size),
            "y": x.sum(axis=1) + x[:, 0] ** 2 + 0.5 * group * (1 + x[:, 0]) + rng.normal(size=size),
        }
    )


@pytest.fixture(scope="module")
def groups() -> pd.DataFrame:
    """Three groups, drawn once."""
    return groups_of(5)


def asked(**terms: Any) -> Weighting:
    return Weighting.model_validate({"outcome": "y", "covariates": ("a", "b"), "treated": "any", **terms})


def sandwich_of(equations: Callable[[Array], Array], solution: Array, rows: Array) -> Array:
    """Return the covariance of rows of an M-estimate; derivatives by complex steps have no error of their own."""
    size = len(solution)
    slope = np.empty((size, size))
    for j in range(size):
        slope[:, j] = equations(solution + 1e-30j * (np.arange(size) == j)).sum(axis=0).imag / 1e-30
    parts = equations(solution.astype(complex)).real
    assert np.abs(parts.sum(axis=0)).max() < 1e-6
    influence = -(parts @ np.linalg.inv(slope).T) @ rows.T
    return np.asarray(influence.T @ influence)


def columns_of(data: pd.DataFrame) -> Array:
    return np.column_stack([np.ones(len(data)), data[["a", "b"]].to_numpy()])


def tilting(chance: Array, goal: int, estimand: str) -> Array:
    """Return h of each person; the smallest by its real part, so that complex steps pass through."""
    if estimand == "ate":
        return np.ones(len(chance))
    if estimand == "att":
        return chance[:, goal]
    if estimand == "atc":
        return chance[:, 0]
    if estimand == "ato":
        return np.asarray(1 / (1 / chance).sum(axis=1))
    return np.take_along_axis(chance, chance.real.argmin(axis=1)[:, None], axis=1)[:, 0]


def conditions(method: str, estimand: str, member: Array, chance: Array) -> Array:
    """Return what the chances' equations multiply columns with, (n, G-1)."""
    if method == "score":
        return np.asarray(member[:, 1:] - chance[:, 1:])
    if estimand == "ate":
        return np.asarray(member[:, 1:] / chance[:, 1:] - member[:, [0]] / chance[:, [0]])
    if estimand == "att":
        return np.asarray(member[:, 1:] - member[:, [0]] * chance[:, 1:] / chance[:, [0]])
    return np.asarray(member[:, 1:] * chance[:, [0]] / chance[:, 1:] - member[:, [0]])


def by_chances(data: pd.DataFrame, codes: Array, fit: Any, method: str, estimand: str) -> Array:
    """Return the covariance of all effects, by a logit's equations and two weighted means an effect."""
    columns, values = columns_of(data), data["y"].to_numpy()
    weight = data["w"].to_numpy() / data["w"].mean()
    terms = codes.max()
    member = (codes[:, None] == np.arange(terms + 1)).astype(float)
    made = fit.comparison
    index = np.log(made.score.chance[:, 1:] / made.score.chance[:, [0]])
    slopes = np.linalg.lstsq(columns, index, rcond=None)[0]
    sides = [(j, side) for j in range(terms) for side in (j + 1, 0)]
    means = [np.average(values[codes == side], weights=made.balancing[codes == side, j]) for j, side in sides]

    def equations(theta: Array) -> Array:
        index = columns @ theta[: 3 * terms].reshape(terms, 3).T
        odds = np.exp(np.column_stack([np.zeros(len(data)), index]))
        chance = odds / odds.sum(axis=1, keepdims=True)
        part = conditions(method, estimand, member, chance)
        parts = [columns * part[:, [g]] for g in range(terms)]
        centres = theta[3 * terms :].reshape(terms, 2)
        for j in range(terms):
            aim = tilting(chance, j + 1, estimand)
            for position, side in enumerate((j + 1, 0)):
                own = member[:, side] * aim / chance[:, side] * (values - centres[j, position])
                parts.append(own[:, None])
        return np.asarray(np.hstack(parts) * weight[:, None])

    solution = np.concatenate([slopes.T.ravel(), means])
    rows = np.zeros((terms, len(solution)))
    for j in range(terms):
        rows[j, 3 * terms + 2 * j : 3 * terms + 2 * j + 2] = [1.0, -1.0]
    return sandwich_of(equations, solution, rows)


CHANCES = [
    *(("score", estimand) for estimand in ("att", "atc", "ate", "ato", "atm")),
    *(("cbps", estimand) for estimand in ("att", "atc", "ate")),
]


@pytest.mark.parametrize(("method", "estimand"), CHANCES)
def test_errors_of_two_groups(groups: pd.DataFrame, method: str, estimand: str) -> None:
    fit = asked(method=method, estimand=estimand, weights="w").fit(groups)
    stated = by_chances(groups, groups["any"].to_numpy(), fit, method, estimand)
    assert fit.effects.cov() == pytest.approx(stated, rel=1e-8)


@pytest.mark.parametrize(("method", "estimand"), CHANCES)
def test_joint_errors_of_three_groups(groups: pd.DataFrame, method: str, estimand: str) -> None:
    fit = asked(method=method, estimand=estimand, weights="w", treated="group", control="none").fit(groups)
    codes = groups["group"].map({"none": 0, "north": 1, "south": 2}).to_numpy()
    stated = by_chances(groups, codes, fit, method, estimand)
    assert fit.effects.terms == ("north", "south")
    assert fit.effects.cov() == pytest.approx(stated, rel=1e-7)


@pytest.mark.parametrize("estimand", ["att", "atc", "ate"])
def test_errors_of_entropy_balancing(groups: pd.DataFrame, estimand: str) -> None:
    """Tilts and the target's means are both solved for; the latter vary between samples too."""
    fit = asked(method="entropy", estimand=estimand, weights="w", treated="group", control="none").fit(groups)
    codes = groups["group"].map({"none": 0, "north": 1, "south": 2}).to_numpy()
    values, columns = groups["y"].to_numpy(), groups[["a", "b"]].to_numpy()
    weight = groups["w"].to_numpy() / groups["w"].mean()
    balancing = fit.comparison.balancing
    blocks, solution, rows, place = [], [], np.zeros((2, 20)), 0
    for j, code in enumerate((1, 2)):
        aim = {"att": codes == code, "atc": codes == 0, "ate": codes >= 0}[estimand]
        for sign, side in ((1.0, code), (-1.0, 0)):
            own = codes == side
            slope = np.linalg.lstsq(
                np.column_stack([np.ones(own.sum()), columns[own]]), np.log(balancing[own, j] / weight[own]), rcond=None
            )[0][1:]
            mean = np.average(columns[aim], axis=0, weights=weight[aim])
            solution += [*mean, *slope, np.average(values[own], weights=balancing[own, j])]
            rows[j, place + 4] = sign
            blocks.append((own, aim, place))
            place += 5

    def equations(theta: Array) -> Array:
        parts = []
        for own, aim, first in blocks:
            gap = columns - theta[first : first + 2]
            tilted = own * np.exp(gap @ theta[first + 2 : first + 4])
            parts += [aim[:, None] * gap, tilted[:, None] * gap, (tilted * (values - theta[first + 4]))[:, None]]
        return np.asarray(np.hstack(parts) * weight[:, None])

    stated = sandwich_of(equations, np.array(solution), rows)
    assert fit.effects.cov() == pytest.approx(stated, rel=1e-8)


def test_a_cap_is_a_part_of_the_error(groups: pd.DataFrame) -> None:
    """Lowered weights follow their group's mean weight; the sandwich solves for that mean as well."""
    made = asked(estimand="att", cap=1.05).build(groups)
    gain = made.effect()
    codes, columns, values = groups["any"].to_numpy(), columns_of(groups), groups["y"].to_numpy()
    odds = made.score.treated / (1 - made.score.treated)  # type: ignore[union-attr]
    slope = np.linalg.lstsq(columns, np.log(odds), rcond=None)[0]
    means = [np.average(values[codes == side], weights=made.balancing[codes == side, 0]) for side in (1, 0)]

    def equations(theta: Array) -> Array:
        raw = np.exp(columns @ theta[:3])
        limit = 1.05 * theta[3]
        used = np.where(raw.real > limit.real, limit, raw)
        chance = raw / (1 + raw)
        parts = [columns * (codes - chance)[:, None], ((1 - codes) * (raw - theta[3]))[:, None]]
        parts += [(codes * (values - theta[4]))[:, None], ((1 - codes) * used * (values - theta[5]))[:, None]]
        return np.asarray(np.hstack(parts))

    solution = np.array([*slope, odds[codes == 0].mean(), *means])
    stated = sandwich_of(equations, solution, np.array([[0, 0, 0, 0, 1.0, -1.0]]))
    assert made.capped.sum() > 20
    assert gain.cov() == pytest.approx(stated, rel=1e-8)
    assert "EST-046" in {problem.code for problem in gain.warnings}


def test_for_the_treated_balancing_chances_are_entropy_balancing(groups: pd.DataFrame) -> None:
    for estimand in ("att", "atc"):
        one, other = (
            asked(method=method, estimand=estimand, weights="w").fit(groups) for method in ("entropy", "cbps")
        )
        assert one.effects.influence == pytest.approx(other.effects.influence, rel=1e-7, abs=1e-9)


def test_clusters_sum_influence(groups: pd.DataFrame) -> None:
    plain, grouped = asked().fit(groups).effects, asked(cluster="town", vcov="CR0").fit(groups).effects
    assert plain.influence is not None
    sums = np.bincount(groups["town"], weights=plain.influence[:, 0])
    assert grouped.std_error[0] == pytest.approx(np.sqrt((sums**2).sum()) / len(groups), rel=1e-12)
    corrected = asked(cluster="town").fit(groups).effects
    assert corrected.error_type == "CR1"
    assert corrected.std_error[0] > grouped.std_error[0]


def test_an_observation_weight_of_two_is_two_people(groups: pd.DataFrame) -> None:
    """Of the weights and values; two people know more than one, so that errors differ."""
    twice = np.where(np.arange(len(groups)) % 3 == 0, 2, 1)
    doubled = groups.loc[groups.index.repeat(twice)].reset_index(drop=True)
    for terms in (
        {},
        {"method": "entropy", "estimand": "ate"},
        {"method": "cbps", "estimand": "ate"},
        {"estimand": "atm"},
    ):
        one, other = asked(weights="t", **terms).fit(groups.assign(t=twice)), asked(**terms).fit(doubled)
        assert one.effects.values == pytest.approx(other.effects.values, rel=1e-9)


def test_a_constant_added_changes_nothing_and_scales_carry_over(groups: pd.DataFrame) -> None:
    plain = asked(estimand="ate").fit(groups).effects
    moved = asked(estimand="ate").fit(groups.assign(y=1000 * groups["y"] + 5e4)).effects
    assert moved.values == pytest.approx(1000 * plain.values, rel=1e-9)
    assert moved.std_error == pytest.approx(1000 * plain.std_error, rel=1e-9)


@pytest.mark.parametrize("terms", [{}, {"method": "entropy"}, {"method": "cbps", "estimand": "ate"}])
def test_the_order_and_units_of_people_and_columns_do_not_matter(groups: pd.DataFrame, terms: dict[str, Any]) -> None:
    plain = asked(**terms).fit(groups).effects
    turned = groups.sample(frac=1, random_state=1).assign(a=lambda table: 1e6 * table["a"] - 3e7)
    other = asked(**terms, covariates=("b", "a")).fit(turned).effects if "covariates" not in terms else plain
    assert other.values == pytest.approx(plain.values, rel=1e-7)
    assert other.std_error == pytest.approx(plain.std_error, rel=1e-7)


def test_groups_share_their_control(groups: pd.DataFrame) -> None:
    both = asked(treated="group", control="none", estimand="ate").fit(groups).effects
    assert both.cov()[0, 1] > 0
    gap = both.contrast([[1.0, -1.0]], ["north less south"])
    assert gap.std_error[0] ** 2 == pytest.approx(both.cov()[0, 0] + both.cov()[1, 1] - 2 * both.cov()[0, 1])
    one = asked(treated="group", control="none", estimand="ate", arm="south").fit(groups)
    assert one.total().values[0] == pytest.approx(both.values[1], rel=1e-12)
    merged = asked(treated="group", control="none", arm="any").fit(groups).total()
    assert merged.values[0] == asked().fit(groups).total().values[0]
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        asked(treated="group", control="none").fit(groups).total()


def test_several_columns_are_combinations(groups: pd.DataFrame) -> None:
    found = asked(treated=("any", "late")).fit(groups.assign(late=np.arange(len(groups)) % 2)).effects
    assert found.terms == ("any", "late", "any + late")


def test_stabilized_weights_measure_the_same(groups: pd.DataFrame) -> None:
    made = asked(estimand="ate").build(groups)
    values, treated = groups["y"].to_numpy(), groups["any"].to_numpy() == 1
    means = [np.average(values[side], weights=made.stabilized[side, 0]) for side in (treated, ~treated)]
    assert means[0] - means[1] == pytest.approx(made.effect().values[0], rel=1e-12)
    assert made.stabilized.mean() == pytest.approx(1.0, abs=0.02)
