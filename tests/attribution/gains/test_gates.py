"""Gates of every kind: public edges, what they equal in other words, and refusals."""

import math
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import integrate, stats

from counterfoil.attribution.gains import (
    AnyGate,
    FewClusters,
    Held,
    PointGate,
    PrecisionGate,
    ProbabilityGate,
    PValueGate,
    clusters_of,
    hold_gate,
    minimum_for,
    point_value,
    precision_value,
    refuse_unreachable,
    smallest_permutation_p,
)
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment import Gate
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Clusters, Estimate, Experiment, Published, published_estimate

GATES: TypeAdapter[Any] = TypeAdapter(AnyGate)
# 42 CFR 425.604(b), as half-open bands.
EDGES = [
    (5000, "3.9"), (6000, "3.6"), (7000, "3.4"), (8000, "3.2"), (9000, "3.1"), (10000, "3.0"), (15000, "2.7"),
    (20000, "2.5"), (50000, "2.2"), (60000, "2.0"),
]  # fmt: skip
MSSP = {
    "minimum_by_people": [
        *({"people": people, "to": to, "low": low, "high": high} for (people, low), (to, high) in pairwise(EDGES)),
        {"people": 60000, "low": "2.0"},
    ]
}
SOMERVILLE = Clusters(treated=1, control=2)


def of(value: float, error: str | None = "1", df: float | None = None) -> Estimate:
    spec = Published(design="d", estimand="ITT", source="s")
    return published_estimate(spec, Decimal(str(value)), None if error is None else Decimal(error), 12_500, df, "days")


def hold(terms: dict[str, Any], total: Estimate, better: Any = "higher", **known: Any) -> Held:
    return hold_gate(GATES.validate_python(terms), total, better, **known)


@pytest.mark.parametrize(
    ("terms", "kind"),
    [
        ({}, Gate),
        ({"total_above": 2.0, "looks": 3}, Gate),
        ({"above": "0"}, PointGate),
        ({"at_least": "10"}, PointGate),
        ({"p_below": "0.05", "sides": "one", "above": "0"}, PValueGate),
        ({"probability": "0.9", "above": "0", "prior": "flat"}, ProbabilityGate),
        (MSSP, PrecisionGate),
        ({"permutation": "0.05"}, FewClusters),
        ({"clusters_at_least": 5}, FewClusters),
    ],
)
def test_keys_tell_which_gate_it_is(terms: dict[str, Any], kind: type) -> None:
    made = GATES.validate_python(terms)
    assert type(made) is kind
    assert GATES.validate_python(made) is made


@pytest.mark.parametrize(("gain", "passes"), [("10.0", True), ("9.99", False), ("8.387", False)])
def test_peterborough_cohort_trigger(gain: str, passes: bool) -> None:
    assert point_value(PointGate(at_least=Decimal(10)), Decimal(gain)).passes is passes
    found = hold({"at_least": "10"}, of(-float(gain), None), "lower")
    assert (found.passes, found.tested) == (passes, float(gain))


def test_a_point_gate_compares_what_is_priced() -> None:
    """0.1 + 0.2 is not 0.3 as a float, and is as the number that is priced."""
    assert hold({"at_least": "0.3"}, of(0.1 + 0.2)).passes
    assert not hold({"above": "0.3"}, of(0.1 + 0.2)).passes
    with pytest.raises(ValueError, match="either"):
        PointGate()


@given(
    value=st.floats(-5, 5), df=st.sampled_from([None, 1.0, 4.0, 30.0]), level=st.sampled_from(["0.01", "0.05", "0.2"])
)
def test_p_value_and_lower_bound_are_one_gate(value: float, df: float | None, level: str) -> None:
    total = of(round(value, 6), "1", df)
    for sides, bound in (("one", "one_sided"), ("two", "two_sided")):
        held = hold({"p_below": level, "sides": sides}, total)
        gate = hold({"conf_level": 1 - float(level), "bound": bound}, total)
        assert held.passes == gate.passes
        assert held.margin == pytest.approx(gate.margin, abs=1e-9)


def test_p_values_against_scipy_and_harm() -> None:
    found = hold({"p_below": "0.05", "sides": "two"}, of(2.5, "1", 12.0))
    assert found.tested == pytest.approx(2 * stats.t.sf(2.5, 12), rel=1e-12)
    harm = hold({"p_below": "0.05", "sides": "two"}, of(-4))
    assert (harm.passes, harm.tested < 0.001) == (False, True)
    assert hold({"p_below": "0.05", "sides": "two"}, of(-4), "lower").passes
    assert hold({"p_below": "0.05", "sides": "one", "above": "2"}, of(3)).tested == pytest.approx(stats.norm.sf(1))


def test_posterior_probability_against_numerical_integration() -> None:
    prior = {"mean": "1", "std_dev": "0.5"}
    found = hold({"probability": "0.9", "above": "0.5", "prior": prior}, of(2, "0.8"))

    def density(x: float) -> float:
        return float(stats.norm.pdf(2, x, 0.8) * stats.norm.pdf(x, 1, 0.5))

    chance = integrate.quad(density, 0.5, 12)[0] / integrate.quad(density, -12, 12)[0]
    assert found.tested == pytest.approx(chance, rel=1e-8)
    assert not hold({"probability": "0.97", "above": "0.5", "prior": prior}, of(2, "0.8")).passes


def test_flat_prior_is_the_normal_lower_bound() -> None:
    for value in (1.0, 1.28, 1.29, 2.0):
        held = hold({"probability": "0.9", "prior": "flat"}, of(value))
        assert held.passes == hold({"conf_level": 0.9}, of(value)).passes
        assert held.margin == pytest.approx(value - stats.norm.ppf(0.9), abs=1e-12)


@pytest.mark.parametrize(
    "terms",
    [{}, {"p_below": "0.05", "sides": "one"}, {"probability": "0.9", "prior": "flat"}],
    ids=["bound", "p", "chance"],
)
def test_gates_on_chance_need_a_standard_error(terms: dict[str, Any]) -> None:
    with pytest.raises(CounterfoilError, match="EST-018"):
        hold(terms, of(3, None))
    assert hold({"above": "0"}, of(3, None)).passes
    if terms:
        with pytest.raises(CounterfoilError, match="EST-015"):
            hold(terms, Estimate.published([1], [0], terms=["gain"], outcome="y", estimand="e", people=9))


@pytest.mark.parametrize(
    ("people", "minimum"),
    [
        (5000, "3.9"),
        (5500, "3.75"),
        (6000, "3.6"),
        (12500, "2.85"),
        (14999, "2.70006"),
        (60000, "2.0"),
        (900000, "2.0"),
    ],
)
def test_mssp_minimum(people: int, minimum: str) -> None:
    assert minimum_for(PrecisionGate.model_validate(MSSP), people) == Decimal(minimum)


def test_mssp_gate() -> None:
    """At 12,500 people savings of 3.5% are shared and savings of 2.8% are not; at 4,999 nothing is agreed."""
    terms = PrecisionGate.model_validate(MSSP)
    assert [precision_value(terms, Decimal(gain), 12_500).passes for gain in ("3.5", "2.85", "2.8")] == [
        True,
        True,
        False,
    ]
    assert hold(MSSP, of(3.5, None)).margin == pytest.approx(0.65)
    assert not hold(MSSP, of(3.5, None), people=5000).passes
    with pytest.raises(CounterfoilError, match="PAY-011"):
        hold(MSSP, of(3.5), people=4999)
    with pytest.raises(CounterfoilError, match="PAY-011"):
        minimum_for(PrecisionGate.model_validate({"minimum_by_people": MSSP["minimum_by_people"][:2]}), 7000)


@given(st.lists(st.integers(5000, 80000), min_size=2, max_size=2))
def test_mssp_minimum_falls(people: list[int]) -> None:
    terms = PrecisionGate.model_validate(MSSP)
    few, many = sorted(people)
    assert minimum_for(terms, few) >= minimum_for(terms, many)


@pytest.mark.parametrize(
    "bands",
    [
        [{"people": 5, "to": 5, "low": "1"}],
        [{"people": 5, "low": "1", "high": "2"}],
        [{"people": 5, "to": 9, "low": "1"}, {"people": 10, "low": "1"}],
        [{"people": 5, "low": "1"}, {"people": 10, "low": "1"}],
        [],
    ],
)
def test_bands_join(bands: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError):
        PrecisionGate.model_validate({"minimum_by_people": bands})


def test_shape_up_somerville_cannot_show_it() -> None:
    assert smallest_permutation_p(3, 1) == Fraction(1, 3)
    with pytest.raises(CounterfoilError, match="EST-020") as caught:
        hold({"permutation": "0.05"}, of(1), clusters=SOMERVILLE)
    assert "with 1 treated group and 2 untreated" in str(caught.value)
    assert "1/3" in str(caught.value)
    with pytest.raises(CounterfoilError, match="EST-020"):
        refuse_unreachable(1 - Gate().level, SOMERVILLE)
    for terms in ({}, {"p_below": "0.05", "sides": "two"}):
        with pytest.raises(CounterfoilError, match="EST-020"):
            hold(terms, of(9), clusters=SOMERVILLE)
    assert hold({"permutation": "0.34"}, of(1), clusters=SOMERVILLE).passes
    found = hold({"clusters_at_least": 10}, of(1), clusters=SOMERVILLE)
    assert (found.passes, found.tested, found.minimum, found.margin) == (False, 3, 10, None)
    with pytest.raises(CounterfoilError, match="EST-020"):
        hold({"clusters_at_least": 2}, of(1))
    with pytest.raises(ValueError):
        smallest_permutation_p(3, 3)


def test_a_level_is_reached_at_its_edge() -> None:
    """Two of five groups: 1/10 is at the level of a bound at 90%, and not below 0.1."""
    five = Clusters(treated=2, control=3)
    assert hold({"conf_level": 0.9}, of(9), clusters=five).passes
    assert hold({"permutation": "0.1"}, of(9), clusters=five).passes
    with pytest.raises(CounterfoilError, match="EST-020"):
        hold({"p_below": "0.1", "sides": "one"}, of(9), clusters=five)
    with pytest.raises(CounterfoilError, match="EST-020"):
        hold({"conf_level": 0.9, "looks": 2}, of(9), clusters=five)


@pytest.mark.parametrize(("clusters", "treated"), [(3, 1), (5, 2), (6, 3)])
def test_smallest_p_by_trying_every_permutation(clusters: int, treated: int) -> None:
    values = np.r_[10.0 + 3.0 ** np.arange(treated), 0.1 * np.arange(clusters - treated)]

    def difference(chosen: tuple[int, ...]) -> float:
        mine = np.isin(np.arange(clusters), chosen)
        return float(values[mine].mean() - values[~mine].mean())

    draws = np.array([difference(chosen) for chosen in combinations(range(clusters), treated)])
    seen = difference(tuple(range(treated)))
    assert np.mean(draws >= seen - 1e-12) == pytest.approx(float(smallest_permutation_p(clusters, treated)))
    two = smallest_permutation_p(clusters, treated, "two")
    assert np.mean(abs(draws) >= abs(seen) - 1e-12) == pytest.approx(float(two))
    assert two == (Fraction(2, math.comb(clusters, treated)) if 2 * treated == clusters else Fraction(1, len(draws)))


def test_clusters_of_a_lottery() -> None:
    data = pd.DataFrame({"town": list("aabbccdd"), "assigned": [1, 1, 0, 0, 0, 0, 0, 0], "y": np.arange(8.0)})
    study = Study.from_frame(data, outcomes=["y"])
    assert clusters_of(Experiment(cluster="town"), study) == Clusters(treated=1, control=3)
    mixed = Study.from_frame(data.assign(assigned=[1, 0] * 4), outcomes=["y"])
    for spec, where in ((Experiment(), study), (Experiment(cluster="town"), mixed)):
        with pytest.raises(CounterfoilError, match="EST-020"):
            clusters_of(spec, where)


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"above": "0"}, "The gate on x opens when the estimated gain is above 0."),
        (
            {"clusters_at_least": 8, "permutation": "0.05", "sides": "two"},
            (
                "The gate on x opens when at least 8 groups were compared and a permutation of the groups can give a two-sided "
                "p-value of 0.05 or less."
            ),
        ),
        (
            {"probability": "0.9", "prior": {"mean": "1", "std_dev": "2"}},
            (
                "The gate on x opens when a gain above 0 has a probability of at least 90%, by a normal posterior with a prior "
                "of mean 1 and standard deviation 2."
            ),
        ),
    ],
)
def test_sentences(terms: dict[str, Any], sentence: str) -> None:
    assert GATES.validate_python(terms).sentence(Words("USD"), "x") == sentence
