"""Treatment over periods: the g-formula of discrete data, an M-estimate of its own, and where a regression goes wrong."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.compared import Compared
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting

Array = NDArray[Any]


def people(seed: int = 1, size: int = 3000) -> pd.DataFrame:
    """Idle people are coached, coaching makes them less idle, and being idle is bad for wages."""
    rng = np.random.default_rng(seed)

    def toss(chance: Array) -> Array:
        return (rng.random(size) < chance).astype(int)

    first = toss(np.full(size, 0.5))
    one = toss(0.3 + 0.4 * first)
    second = toss(0.3 + 0.4 * first - 0.2 * one)
    two = toss(0.25 + 0.5 * second)
    wage = one + 2 * two + 0.5 * one * two - 1.5 * first - 2 * second + rng.normal(size=size)
    frame = {"idle": first, "one": one, "still": second, "two": two, "wage": wage, "w": rng.uniform(0.5, 2, size)}
    return pd.DataFrame(frame).assign(town=rng.integers(0, 50, size))


def asked(**terms: Any) -> LongitudinalWeighting:
    usual = {"outcome": "wage", "treated": ("one", "two"), "before": (("idle",), ("still",))}
    return LongitudinalWeighting.model_validate({**usual, **terms})


def g_formula(data: pd.DataFrame, regime: int) -> float:
    """Return Σ E[Y | history of the regime] P(still | idle, one) P(idle): no model at all."""
    total = 0.0
    for idle, still in product((0, 1), repeat=2):
        at = data[data["idle"] == idle]
        treated = at[at["one"] == regime]
        then = treated[(treated["still"] == still)]
        mean = then.loc[then["two"] == regime, "wage"].mean()
        total += mean * (treated["still"] == still).mean() * len(at) / len(data)
    return total


def test_with_a_chance_for_every_history_it_is_the_g_formula() -> None:
    data = people()
    data["history"] = data["idle"].astype(str) + data["one"].astype(str) + data["still"].astype(str)
    gain = asked(before=(("idle",), ("history",))).fit(data).total()
    assert gain.values[0] == pytest.approx(g_formula(data, 1) - g_formula(data, 0), abs=1e-10)


def sandwich_of(data: pd.DataFrame, fit: Any, model: str) -> float:
    """Return the error of stacked equations: two logits, shares of the four courses, and the outcome's equations."""
    one, two, values = (data[name].to_numpy(float) for name in ("one", "two", "wage"))
    weight = data["w"].to_numpy() / data["w"].mean()
    early = np.column_stack([np.ones(len(data)), data["idle"]])
    late = np.column_stack([np.ones(len(data)), data[["idle", "still", "one"]]])
    made = fit.comparison
    slopes = [
        np.linalg.lstsq(columns, np.log(period.score.treated / (1 - period.score.treated)), rcond=None)[0]
        for columns, period in zip((early, late), made.periods, strict=True)
    ]
    course = (one + 2 * two).astype(int)
    shares = np.bincount(course, weights=weight) / len(data)
    count = np.column_stack([np.ones(len(data)), one + two])
    if model == "linear":
        used = made.stabilized * weight
        last = np.linalg.solve((count * used[:, None]).T @ count, count.T @ (used * values))
    else:
        last = np.array([np.average(values[g], weights=made.balancing[g, 0]) for g in (course == 0, course == 3)])
    solution = np.concatenate([*slopes, shares, last])

    def equations(theta: Array) -> Array:
        chances = [1 / (1 + np.exp(-early @ theta[:2])), 1 / (1 + np.exp(-late @ theta[2:6]))]
        own = np.prod([np.where(a == 1, p, 1 - p) for a, p in zip((one, two), chances, strict=True)], axis=0)
        parts = [early * (one - chances[0])[:, None], late * (two - chances[1])[:, None]]
        parts.append((course[:, None] == np.arange(4)) - theta[6:10])
        if model == "linear":
            parts.append(count * (theta[6:10][course] / own * (values - count @ theta[10:]))[:, None])
        else:
            ends = np.column_stack([course == 0, course == 3])
            parts.append(ends * (values[:, None] - theta[10:]) / own[:, None])
        return np.asarray(np.hstack(parts) * weight[:, None])

    slope = np.column_stack([
        equations(solution + 1e-30j * (np.arange(12) == j)).sum(axis=0).imag / 1e-30 for j in range(12)
    ])  # fmt: skip
    row = np.zeros(12)
    row[10:] = (0.0, 2.0) if model == "linear" else (-1.0, 1.0)
    influence = equations(solution.astype(complex)).real @ np.linalg.solve(slope.T, row)
    return float(np.sqrt(influence @ influence))


@pytest.mark.parametrize("model", ["always_or_never", "linear"])
def test_errors_count_both_periods_chances(model: str) -> None:
    data = people(2)
    fit = asked(model=model, weights="w").fit(data)
    assert fit.total().std_error[0] == pytest.approx(sandwich_of(data, fit, model), rel=1e-9)
    assert fit.total().std_error[0] < fit.total().diagnostics["std_error_known"][0]


def test_a_regression_is_wrong_either_way() -> None:
    """Adjusted for later covariates it loses what treatment does through them; unadjusted it is confounded."""
    data = people(3, 60_000)
    truth = 3.5 - 2 * -0.2
    gain = asked().fit(data).total()
    assert abs(gain.values[0] - truth) < 3 * gain.std_error[0]
    constant = np.ones(len(data))
    for extra in ([], ["idle", "still"]):
        columns = np.column_stack([constant, data["one"], data["two"], data["one"] * data["two"], data[extra]])
        slopes = np.linalg.lstsq(columns, data["wage"], rcond=None)[0]
        assert abs(slopes[1:4].sum() - truth) > 10 * gain.std_error[0] / 3


def test_linear_is_right_where_periods_add_the_same() -> None:
    """`one` also acts through `still`, by 0.4: less that, and less what makes `two` another amount, each period adds 1."""
    data = people(4, 40_000)
    level = data["wage"] - 0.4 * data["one"] - data["two"] - 0.5 * data["one"] * data["two"]
    gain = asked(model="linear").fit(data.assign(wage=level)).total()
    assert gain.values[0] == pytest.approx(2.0, abs=3 * gain.std_error[0])


def test_who_was_treated_and_goes_on_for_certain_has_no_chance_to_model() -> None:
    data = people(5).assign(two=lambda table: np.maximum(table["two"], table["one"]))
    made = asked().build(data)
    assert made.periods[1].open.tolist() == (data["one"] == 0).tolist()
    assert (made.periods[1].own[data["one"] == 1] == 1).all()
    later = data["one"] == 0
    cell = data["idle"].astype(str) + data["still"].astype(str)
    saturated = asked(before=(("idle",), ("cell",))).build(data.assign(cell=cell))
    share = data["two"][later].groupby(cell[later]).transform("mean")
    expected = np.where(data["two"][later] == 1, share, 1 - share)
    assert saturated.periods[1].own[later] == pytest.approx(expected, abs=1e-9)


def test_weights_are_made_without_outcomes_and_balance_the_first_period() -> None:
    data = people(6)
    made = asked().build(data)
    assert isinstance(made, Compared)
    assert made.sample.terms == ("gain",)
    ends = [made.sample.of(made.sample.arms.chosen[0]), made.sample.of(0)]
    idle = [np.average(data["idle"][end], weights=made.balancing[end, 0]) for end in ends]
    assert abs(idle[0] - idle[1]) < 0.05
    assert made.stabilized.mean() == pytest.approx(1.0, abs=0.05)
    assert made.effect().people == len(data)


def test_clusters_missing_people_and_three_periods() -> None:
    data = people(7).assign(three=lambda table: (np.arange(len(table)) % 3 == 0).astype(int))
    data.loc[data.index < 20, "still"] = np.nan
    with pytest.raises(CounterfoilError, match="DATA-"):
        asked().build(data)
    gain = asked(missing="drop", cluster="town").fit(data).total()
    assert (gain.diagnostics["people_used"], gain.error_type) == (2980, "CR1")
    kept = asked(missing_covariates="indicator").fit(data).total()
    assert kept.diagnostics["people_used"] == 3000
    longer = asked(treated=("one", "two", "three"), before=(("idle",), ("still",), ()), missing="drop").build(data)
    assert len(longer.periods) == 3


def test_a_history_that_tells_for_certain_is_refused() -> None:
    data = people(8).assign(two=lambda table: table["still"])
    with pytest.raises(CounterfoilError, match="EST-002"):
        asked().build(data)


def test_nobody_always_or_never_treated_is_refused() -> None:
    with pytest.raises(CounterfoilError, match="IDENT-019"):
        asked().build(people(9).query("one == 0 or two == 0"))
    with pytest.raises(CounterfoilError, match="IDENT-001"):
        asked().build(people(9).query("one == 1 or two == 1"))


@pytest.mark.parametrize(
    "terms",
    [
        {"treated": "one"},
        {"before": (("idle",),)},
        {"before": (("idle",), ("idle",))},
        {"before": ((), ("one",))},
        {"arm": "one"},
        {"estimand": "att"},
    ],
)
def test_terms_that_contradict_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked(**terms)


def test_error_types_that_weighting_lacks_are_refused() -> None:
    with pytest.raises(CounterfoilError, match="EST-001"):
        asked(vcov="HC3").build(people())
