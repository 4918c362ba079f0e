from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.capital.early_termination import Termination, end_early, full_years

CENT = Decimal("0.01")
NEWPIN = [Termination(from_year=4, share=Decimal("0.75")), Termination(from_year=5, share=Decimal("0.50"))]
START = date(2013, 7, 1)
CAPITAL = Decimal("7000000.00")


@pytest.mark.parametrize(
    ("ended", "returned", "due"),
    [
        (date(2017, 6, 30), "0", "0.00"),
        (date(2017, 7, 1), "0", "5250000.00"),
        (date(2018, 7, 1), "0", "3500000.00"),
        (date(2018, 7, 1), "3000000.00", "500000.00"),
        (date(2018, 7, 1), "4000000.00", "0.00"),
    ],
)
def test_newpin_share_of_capital_by_year(ended: date, returned: str, due: str) -> None:
    result = end_early(NEWPIN, CAPITAL, START, ended, Decimal(returned), CENT)
    assert result.amount == Decimal(due)
    assert f"{result.years} full years" in result.reason


def test_a_leap_day_is_a_year_old_on_the_first_of_march() -> None:
    assert full_years(date(2016, 2, 29), date(2017, 2, 28)) == 0
    assert full_years(date(2016, 2, 29), date(2017, 3, 1)) == 1


@given(st.dates(START, date(2030, 1, 1)), st.integers(0, 10**9).map(lambda cents: cents * CENT))
def test_never_more_than_the_share_in_all(ended: date, returned: Decimal) -> None:
    result = end_early(NEWPIN, CAPITAL, START, ended, returned, CENT)
    assert result.amount >= 0
    assert result.amount == 0 or result.amount + returned == result.share * CAPITAL
