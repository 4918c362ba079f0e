"""Effects put together: public figures, closed forms, and a bootstrap of everything from the people on."""

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.attribution.gains import (
    Blend,
    Index,
    Joined,
    Pool,
    blended,
    index_value,
    indexed,
    joint,
    pool_value,
    pooled,
)
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment import exact
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Estimate, Experiment, Published, published_estimate

ROCA = {"rct": "0.8", "did": "0.2"}
GIRLS = {"learning": {"weight": "0.8", "target": "5592"}, "enrolment": {"weight": "0.2", "target": "79"}}
WORDS = Words("USD")


def of(value: float, error: str | None = None, people: int = 100, outcome: str = "days") -> Estimate:
    spec = Published(outcome=outcome, design="d", estimand="TOT", source="s")
    return published_estimate(spec, Decimal(str(value)), None if error is None else Decimal(error), people)


def lottery(size: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"assigned": rng.integers(0, 2, size)})
    data["days"] = rng.gamma(2.0, 10.0, size) - 6 * data["assigned"]
    data["stays"] = 0.2 * data["days"] + rng.normal(0, 2, size)
    return data


def effects(data: pd.DataFrame) -> dict[str, Estimate]:
    return {name: Experiment(outcome=name, vcov="HC0").fit(data) for name in ("days", "stays")}


def refused(code: str, terms: Any, parts: dict[str, Estimate]) -> None:
    with pytest.raises(CounterfoilError) as caught:
        joint(parts, terms)
    assert caught.value.codes == (code,)


def test_roca_blend() -> None:
    found = blended(Blend.model_validate({"of": ROCA}), {"rct": of(-2), "did": of(5)})
    assert exact(float(found.values[0])) == Decimal("-0.6")
    with pytest.raises(CounterfoilError, match="EST-018"):
        found.interval()


@given(a=st.floats(0.01, 50), b=st.floats(0.01, 50), r=st.floats(-1, 1))
@settings(max_examples=40, deadline=None)
def test_error_of_a_blend_of_published_effects(a: float, b: float, r: float) -> None:
    parts = {"rct": of(-2, f"{a:f}"), "did": of(5, f"{b:f}")}
    a, b, r = float(f"{a:f}"), float(f"{b:f}"), float(f"{r:f}")
    alone = blended(Blend.model_validate({"of": ROCA, "independent": True}), parts)
    assert alone.std_error[0] == pytest.approx(math.sqrt(0.64 * a**2 + 0.04 * b**2), rel=1e-9)
    together = blended(Blend.model_validate({"of": ROCA, "correlation": f"{r:f}"}), parts)
    square = 0.64 * a**2 + 0.04 * b**2 + 0.32 * r * a * b
    assert together.std_error[0] == pytest.approx(math.sqrt(max(square, 0)), abs=1e-6)


def test_published_effects_without_a_covariance_are_not_blended() -> None:
    for terms in ({"of": ROCA}, {"of": ROCA, "independent": False}):
        with pytest.raises(CounterfoilError, match="CONTRACT-021"):
            blended(Blend.model_validate(terms), {"rct": of(-2, "3"), "did": of(5, "4")})


@pytest.mark.parametrize(
    "terms",
    [
        {"of": {"rct": "0.8", "did": "0.1"}},
        {"of": {"rct": "1.2", "did": "-0.2"}},
        {"of": {"rct": "1"}},
        {"of": ROCA, "independent": True, "correlation": "0.5"},
        {"of": ROCA, "correlation": "1.5"},
    ],
)
def test_weights_and_statements_that_contradict(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Blend.model_validate(terms)


def test_names_and_outcomes_must_fit() -> None:
    terms = Blend.model_validate({"of": ROCA, "independent": True})
    with pytest.raises(CounterfoilError, match="CONTRACT-010"):
        blended(terms, {"rct": of(1, "1")})
    with pytest.raises(CounterfoilError, match="CONTRACT-022"):
        blended(terms, {"rct": of(1, "1"), "did": of(1, "1", outcome="stays")})


def test_educate_girls_index() -> None:
    terms = Index.model_validate({"of": GIRLS})
    value = index_value(terms, {"learning": Decimal(8940), "enrolment": Decimal(92)})
    assert round(value, 2) == Decimal("151.19")
    assert round(index_value(terms, {"learning": Decimal(5592), "enrolment": Decimal(79)}), 20) == 100
    parts = {"learning": of(8940, outcome="levels"), "enrolment": of(92, outcome="girls")}
    assert indexed(terms, parts).values[0] == pytest.approx(float(value), rel=1e-14)
    whole = {"learning": {**GIRLS["learning"], "total": True}, "enrolment": GIRLS["enrolment"]}
    mean = {**parts, "learning": of(8940 / 7300, people=7300)}
    assert indexed(Index.model_validate({"of": whole}), mean).values[0] == pytest.approx(float(value), rel=1e-12)
    with pytest.raises(CounterfoilError, match="PAY-012"):
        indexed(Index.model_validate({"of": whole}), {**parts, "learning": of(8940, people=0)})


def test_index_is_joint_over_the_people() -> None:
    """The two outcomes are correlated, which the index knows without being told: it equals an effect on their sum."""
    data = lottery(500, 3)
    terms = {"days": {"weight": "0.75", "target": "-10"}, "stays": {"weight": "0.25", "target": "-2"}}
    found = indexed(Index.model_validate({"of": terms}), effects(data))
    direct = data.assign(days=100 * (0.75 * data["days"] / -10 + 0.25 * data["stays"] / -2))
    same = Experiment(outcome="days", vcov="HC0").fit(direct)
    assert found.values == pytest.approx(same.values, rel=1e-10)
    assert found.std_error == pytest.approx(same.std_error, rel=1e-10)
    assert found.ids is not None


def test_blend_of_estimates_on_overlapping_people_against_a_bootstrap() -> None:
    """0.8 of the lottery's effect plus 0.2 of that among its older half, every draw from the people on."""
    data = lottery(600, 5)
    old = np.arange(600) < 300

    def blend(frame: pd.DataFrame, older: np.ndarray) -> Estimate:
        parts = {"rct": Experiment(outcome="days", vcov="HC0").fit(frame)}
        parts["did"] = Experiment(outcome="days", vcov="HC0").fit(frame[older])
        return blended(Blend.model_validate({"of": ROCA}), parts)

    found = blend(data, old)
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(600):
        rows = rng.integers(0, 600, 600)
        draws.append(float(blend(data.iloc[rows].reset_index(drop=True), old[rows]).values[0]))
    assert found.std_error[0] == pytest.approx(np.std(draws, ddof=1), rel=0.08)  # its own noise is 3%
    apart = math.hypot(
        0.8 * float(effects(data)["days"].std_error[0]), 0.2 * float(effects(data[old])["days"].std_error[0])
    )
    assert found.std_error[0] > 1.05 * apart


def test_independence_is_of_parts_that_share_nobody() -> None:
    """Two outcomes of one lottery are joined by its people; the published effect beside them is independent of both."""
    parts = {**effects(lottery(300, 7)), "elsewhere": of(1, "2")}
    refused("CONTRACT-021", Joined(), parts)
    order = ("days", "elsewhere", "stays")
    found = joint({name: parts[name] for name in order}, Joined(independent=True))
    pair = joint(effects(lottery(300, 7)), Joined()).cov()
    assert found.terms == order
    assert found.cov() == pytest.approx(np.array([[pair[0, 0], 0, pair[0, 1]], [0, 4, 0], [pair[1, 0], 0, pair[1, 1]]]))
    refused("CONTRACT-016", Joined(correlation=Decimal("0.5")), parts)


def test_no_three_parts_are_all_opposed() -> None:
    refused("CONTRACT-016", Joined(correlation=Decimal("-0.6")), {name: of(1, "1") for name in "abc"})
    found = joint({name: of(1, "1") for name in "abc"}, Joined(correlation=Decimal("-0.5")))
    assert np.ones(3) @ found.cov() @ np.ones(3) == pytest.approx(0)


COHORTS = ("cohort_1", "cohort_2", "cohort_3")


def pool(weights: Any, **terms: Any) -> Pool:
    return Pool.model_validate({"of": COHORTS, "weights": weights, **terms})


def test_peterborough_pools_the_cohorts_that_exist() -> None:
    values = {"cohort_1": Decimal("8.4"), "cohort_2": Decimal("9.7")}
    assert pool_value(pool("equal"), values) == Decimal("9.05")
    found = pooled(pool("equal"), {name: of(float(value)) for name, value in values.items()})
    assert exact(float(found.estimate.values[0])) == Decimal("9.05")
    assert found.left_out == ("cohort_3",)
    assert found.note == "pooled over cohort_1 (0.5), cohort_2 (0.5); left out because not reported: cohort_3"
    assert found.estimate.people == 200


def test_a_pool_by_people_of_two_halves_is_the_whole() -> None:
    """Means of disjoint cohorts, weighted by their people: one estimate on everybody, and its error."""
    data = lottery(900, 9)
    cohorts = {"cohort_1": data[:300], "cohort_2": data[300:]}
    parts = {name: Experiment(outcome="days", vcov="HC0").fit(part) for name, part in cohorts.items()}
    found = pooled(pool("people", independent=True), parts).estimate
    n = np.array([part.people for part in parts.values()])
    assert found.values[0] == pytest.approx(n @ [part.values[0] for part in parts.values()] / n.sum(), rel=1e-12)
    square = (n / n.sum()) ** 2 @ [part.std_error[0] ** 2 for part in parts.values()]
    assert found.std_error[0] == pytest.approx(math.sqrt(square), rel=1e-12)
    assert found.people == n.sum()
    with pytest.raises(CounterfoilError, match="CONTRACT-021"):
        pooled(pool("people"), parts)


def test_precision_weights_have_the_smallest_error() -> None:
    parts = {"cohort_1": of(8, "2"), "cohort_2": of(10, "1")}
    found = pooled(pool("precision", independent=True), parts)
    assert found.weights == pytest.approx({"cohort_1": 0.2, "cohort_2": 0.8})
    assert found.estimate.std_error[0] == pytest.approx((1 / 4 + 1) ** -0.5, rel=1e-12)
    for first in np.linspace(0.01, 0.99, 50):
        own = {"cohort_1": f"{first:.2f}", "cohort_2": f"{1 - first:.2f}", "cohort_3": "1"}
        assert pooled(pool(own, independent=True), parts).estimate.std_error >= found.estimate.std_error - 1e-12


def test_pools_that_cannot_be() -> None:
    for build in (lambda: pool_value(pool("equal"), {}), lambda: pooled(pool("people"), {"cohort_1": of(1, people=0)})):
        with pytest.raises(CounterfoilError, match="PAY-012"):
            build()
    with pytest.raises(CounterfoilError, match="EST-018"):
        pooled(pool("precision"), {"cohort_1": of(1)})
    with pytest.raises(CounterfoilError, match="EST-018"):
        pool_value(pool("precision"), {"cohort_1": Decimal(1)})
    for weights in ({"cohort_1": "1"}, dict.fromkeys(COHORTS, "-1")):
        with pytest.raises(ValueError):
            pool(weights)
    with pytest.raises(ValueError):
        Pool(of=("a", "a"), weights="equal")


@given(values=st.lists(st.decimals(-100, 100, places=3), min_size=3, max_size=3), n=st.integers(1, 10**6))
def test_a_pool_lies_between_its_cohorts(values: list[Decimal], n: int) -> None:
    found = pool_value(
        pool("people"), dict(zip(COHORTS, values, strict=True)), dict(zip(COHORTS, (n, 7, 1), strict=True))
    )
    assert min(values) <= round(found, 20) <= max(values)


def test_sentences() -> None:
    own = {"cohort_1": "2", "cohort_2": "1", "cohort_3": "1"}
    assert pool(own, correlation="0.25").sentence(WORDS, "pooled") == (
        "pooled is the mean of cohort_1, cohort_2 and cohort_3, with weights 2 for cohort_1, 1 for cohort_2 and 1 for "
        "cohort_3; a cohort that is not reported is left out; any two parts are taken to have a correlation of 0.25."
    )
