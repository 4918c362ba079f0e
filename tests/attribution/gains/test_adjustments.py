"""Rounding, completion, truncation and present value: exact figures, and copies that change nothing."""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats.mstats import winsorize

from counterfoil.attribution.gains import (
    Completion,
    RoundEffect,
    Truncate,
    completed,
    round_effect,
    truncated,
    truncated_values,
)
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.present_value import PresentValue, annuity_factor, present_value
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment

WORDS = Words("USD")


@pytest.mark.parametrize(
    ("value", "to", "mode", "rounded"),
    [
        ("37.96", "1", "half_up", "38"),
        ("37.5", "1", "half_even", "38"),
        ("38.5", "1", "half_even", "38"),
        ("38.5", "1", "half_up", "39"),
        ("38.99", "1", "down", "38"),
        ("-38.99", "1", "down", "-38"),
        ("8.387", "0.1", "half_up", "8.4"),
        ("4", "3", "half_up", "3"),
        ("4.5", "3", "half_up", "6"),
    ],
)
def test_rounding_before_the_price(value: str, to: str, mode: str, rounded: str) -> None:
    terms = RoundEffect.model_validate({"to": to, "mode": mode})
    assert round_effect(Decimal(value), terms) == Decimal(rounded)


@given(value=st.decimals(-1000, 1000, places=6), to=st.sampled_from(["1", "0.25", "0.01", "5"]))
def test_rounding_is_near_and_stays(value: Decimal, to: str) -> None:
    terms = RoundEffect(to=Decimal(to))
    rounded = round_effect(value, terms)
    assert abs(rounded - value) <= Decimal(to) / 2
    assert round_effect(rounded, terms) == rounded
    assert round_effect(-value, terms) == -rounded


def test_completion_only_adds() -> None:
    assert completed(
        Decimal("125000000.00"), Completion(completion_factor=Decimal("1.013"), run_out="three months")
    ) == (Decimal("126625000.00"))
    with pytest.raises(ValueError):
        Completion(completion_factor=Decimal("0.99"), run_out="three months")


COSTS = np.random.default_rng(4).lognormal(8, 1.5, 1000)


def test_percentile_against_scipy() -> None:
    upper = truncated_values(COSTS, Truncate(percentile=Decimal(99)))
    assert np.array_equal(upper, np.asarray(winsorize(COSTS, (0, 0.01))))
    both = truncated_values(COSTS, Truncate(percentile=Decimal(95), tail="both"))
    order = np.sort(COSTS)
    assert (both.min(), both.max()) == (order[49], order[949])
    lower = truncated_values(COSTS, Truncate(percentile=Decimal(95), tail="lower"))
    assert (lower.min(), lower.max()) == (order[49], order[999])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(51, 99))
def test_at_least_so_many_per_cent_do_not_exceed_the_limit(values: list[float], percentile: int) -> None:
    cut = truncated_values(np.array(values), Truncate(percentile=Decimal(percentile)))
    limit = cut.max()
    assert 100 * sum(value <= limit for value in values) >= percentile * len(values)
    assert 100 * sum(value < limit for value in values) < percentile * len(values)


def study() -> Study:
    data = pd.DataFrame({"assigned": np.arange(1000) % 2, "cost": COSTS, "visits": COSTS / 100})
    return Study.from_frame(data, outcomes=["cost", "visits"])


def test_a_truncated_study_is_a_copy() -> None:
    whole = study()
    before = whole.outcome("cost").copy()
    cut = truncated(whole, "cost", None, Truncate(at=Decimal(10000)))
    assert cut.outcome("cost").max() == 10000
    assert np.array_equal(whole.outcome("cost"), before)
    assert np.array_equal(cut.outcome("visits"), whole.outcome("visits"))
    assert Experiment(outcome="cost").fit(cut).std_error < Experiment(outcome="cost").fit(whole).std_error
    assert (
        truncated(cut, "cost", None, Truncate(at=Decimal(10000))).outcome("cost").tolist()
        == cut.outcome("cost").tolist()
    )
    with pytest.raises(CounterfoilError, match="DATA-015"):
        truncated(whole, "costs", None, Truncate(at=Decimal(1)))


def test_one_period_is_truncated_and_missing_values_stay() -> None:
    outcomes = pd.DataFrame({
        "person": ["a", "b", "c"] * 2, "outcome": "cost", "period": ["1"] * 3 + ["2"] * 3,
        "value": [1.0, 5.0, np.nan, 1.0, 5.0, 9.0],
    })  # fmt: skip
    whole = Study.from_tables(pd.DataFrame({"person": ["a", "b", "c"]}), outcomes=outcomes)
    cut = truncated(whole, "cost", "1", Truncate(at=Decimal(2)))
    assert cut.outcome("cost", "2").tolist() == [1.0, 5.0, 9.0]
    first = cut.outcome("cost", "1", complete=False)
    assert first[:2].tolist() == [1.0, 2.0]
    assert np.isnan(first[2])


def test_truncation_against_a_bootstrap_of_the_whole() -> None:
    """The percentile is taken anew in every draw; what the error leaves out is small where the arms are alike beyond it."""
    cost = COSTS * np.where(np.arange(1000) % 2, 0.9, 1.0)
    terms = Truncate(percentile=Decimal(95))
    arm = np.arange(1000) % 2

    def effect(rows: np.ndarray) -> Any:
        frame = pd.DataFrame({"assigned": arm[rows], "cost": cost[rows]})
        return Experiment(outcome="cost").fit(
            truncated(Study.from_frame(frame, outcomes=["cost"]), "cost", None, terms)
        )

    found = effect(np.arange(1000))
    rng = np.random.default_rng(6)
    draws = [float(effect(rng.integers(0, 1000, 1000)).values[0]) for _ in range(300)]
    assert found.std_error[0] == pytest.approx(np.std(draws, ddof=1), rel=0.12)  # its own noise is 4%


@pytest.mark.parametrize(
    "terms",
    [{}, {"percentile": "99", "at": "1"}, {"at": "1", "tail": "both"}, {"percentile": "100"}, {"percentile": "50"}],
)
def test_truncation_needs_one_limit(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Truncate.model_validate(terms)


def test_truncation_in_words() -> None:
    both = Truncate(percentile=Decimal("97.5"), tail="both").sentence(WORDS, "cost")
    assert both == "values of cost beyond the study's 2.5th and 97.5th percentiles count as those percentiles."
    assert "1st percentile" in Truncate(percentile=Decimal(99), tail="lower").sentence(WORDS, "cost")
    assert Truncate(at=Decimal(60000)).sentence(WORDS, "cost") == "values of cost above 60,000 count as 60,000."


@given(
    years=st.integers(1, 60),
    rate=st.decimals("-0.05", "0.3", places=4),
    drop=st.decimals(0, 1, places=3),
)
def test_annuity_factor_is_exact(years: int, rate: Decimal, drop: Decimal) -> None:
    r, d = Fraction(rate), Fraction(drop)
    whole = sum(((1 - d) ** (t - 1) / (1 + r) ** t for t in range(1, years + 1)), Fraction(0))
    found = annuity_factor(PresentValue(years=years, rate=rate, drop_off=drop))
    assert abs(Fraction(found) / whole - 1) < Fraction(1, 10**50)
    now = annuity_factor(PresentValue(years=years, rate=rate, drop_off=drop, from_now=True))
    with localcontext(prec=60):
        assert abs(now - found * (1 + rate)) < Decimal("1e-50") * now


def test_present_value_closed_form() -> None:
    terms = PresentValue(years=30, rate=Decimal("0.035"))
    with localcontext(prec=60):
        closed = (1 - Decimal("1.035") ** -30) / Decimal("0.035")
    assert abs(annuity_factor(terms) - closed) < Decimal("1e-50")
    assert present_value(Decimal("1000.00"), PresentValue(years=12, rate=Decimal(0))) == Decimal("12000.00")
    assert PresentValue(years=1, rate=Decimal("0.03"), drop_off=Decimal("0.1"), from_now=True).sentence(WORDS, "x") == (
        "x counts for 1 year at its present value, at 3% a year, less 10% of it from each year to the next, without "
        "discount in the first year."
    )
