from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.capital.pro_rata import pro_rata
from counterfoil.attribution.money.amounts import largest_remainder
from counterfoil.errors import PaymentError

CENT = Decimal("0.01")
ONE = Decimal(1)
claims = (
    st.lists(st.integers(0, 10**9), min_size=1, max_size=6).filter(any).map(lambda cents: [c * CENT for c in cents])
)


def test_the_alabama_paradox_does_not_arise() -> None:
    weights = [Decimal(6), Decimal(6), Decimal(2)]
    assert [largest_remainder(Decimal(total), weights, ONE)[2] for total in (10, 11)] == [2, 1]
    assert [pro_rata(Decimal(total), weights, ONE)[2] for total in (10, 11)] == [1, 1]


@given(claims, st.fractions(0, 1))
def test_parts_sum_to_the_total_and_stay_within_the_claims(owed: list[Decimal], part: Fraction) -> None:
    total = int(Fraction(sum(owed)) * 100 * part) * CENT
    parts = pro_rata(total, owed, CENT)
    assert sum(parts) == total
    assert all(0 <= paid <= claim for paid, claim in zip(parts, owed, strict=True))


@given(claims, st.integers(0, 10**10), st.integers(1, 50))
def test_a_larger_total_never_gives_anybody_less(owed: list[Decimal], cents: int, more: int) -> None:
    less, larger = pro_rata(cents * CENT, owed, CENT), pro_rata((cents + more) * CENT, owed, CENT)
    assert all(b >= a for a, b in zip(less, larger, strict=True))


@given(st.integers(0, 10**6), st.lists(st.integers(1, 50), min_size=2, max_size=4))
def test_nobody_could_gain_by_moving_a_cent(cents: int, weights: list[int]) -> None:
    """The divisor method of Webster: max (p_i - 1/2)/w_i <= min (p_j + 1/2)/w_j."""
    parts = [int(part * 100) for part in pro_rata(cents * CENT, [Decimal(weight) for weight in weights], CENT)]
    half = Fraction(1, 2)
    pairs = list(zip(parts, weights, strict=True))
    assert (
        max((p - half) / w for p, w in pairs if p) <= min((p + half) / w for p, w in pairs) if cents else not any(parts)
    )


def test_something_without_claims_is_refused_and_nothing_is_not() -> None:
    assert sum(pro_rata(Decimal("0.00"), [Decimal(0)], CENT)) == 0
    with pytest.raises(PaymentError, match="PAY-001"):
        pro_rata(CENT, [Decimal(0)], CENT)
