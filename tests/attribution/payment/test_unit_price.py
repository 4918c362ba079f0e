"""Unit prices of public contracts, and what they never do."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.counting import Cell, Quantity
from counterfoil.attribution.payment import Priced, Settlement, UnitPrice, settle
from counterfoil.errors import PaymentError

Pay = Callable[..., Settlement]
CUYAHOGA = [{"quantity": "days", "price": "75.00", "to": "p"}, {"cap": "5000000.00", "scope": "contract"}]


@pytest.mark.parametrize(("days", "due"), [(258_858, "3913932.96"), (41_070, "620978.40"), (0, "0.00")])
def test_denver_pays_15_12_a_day_housed(pay: Pay, days: int, due: str) -> None:
    terms = [{"quantity": "days", "price": "15.12", "to": "p"}]
    assert str(pay(terms, quantities={"days": days}).total) == due


@pytest.mark.parametrize(("days", "due"), [(66_666, "4999950.00"), (66_667, "5000000.00"), (-1_000, "0.00")])
def test_cuyahoga_pays_75_a_day_avoided_up_to_five_million(pay: Pay, days: int, due: str) -> None:
    assert str(pay(CUYAHOGA, quantities={"days": days}).total) == due


@pytest.mark.parametrize(
    ("group", "attachment", "job", "four_weeks", "count", "maximum"),
    [
        ("JSA 18-24", "400", "1200", "170", 13, "3810.00"),
        ("JSA 25+", "400", "1200", "215", 13, "4395.00"),
        ("JSA early access", "400", "1200", "250", 20, "6600.00"),
        ("ESA ex-incapacity", "600", "3500", "370", 26, "13720.00"),
    ],
)
def test_work_programme_pays_a_ladder_by_group(
    pay: Pay, group: str, attachment: str, job: str, four_weeks: str, count: int, maximum: str
) -> None:
    prices = {"attachment": attachment, "job": job, "sustained": four_weeks}
    terms = [{"quantity": "card", "by": "rung", "prices": prices, "groups": [group], "to": "prime"}]
    cells = [Cell(Decimal(n), "", group, rung) for rung, n in (("attachment", 1), ("job", 1), ("sustained", count))]
    other = Cell(Decimal(9), "", "another group", "job")
    due = pay(terms, quantities={"card": [*cells, other]}, currency="GBP")
    assert str(due.total) == maximum


@pytest.mark.parametrize(("days", "due"), [("36.79", "0.00"), ("36.8", "3128.00")])
def test_new_york_pays_for_bed_days_from_a_fall_of_36_8(pay: Pay, days: str, due: str) -> None:
    terms = [{"effect": "bed_days", "per": "unit", "price": "85.00", "at_least": "36.8", "to": "ceo"}]
    assert str(pay(terms, effects={"bed_days": days}).total) == due


def test_new_york_raises_its_prices_to_1_06_times_in_the_second_phase(pay: Pay) -> None:
    rise = {"factors": {"two": "1.06"}}
    for price, second in (("85.00", "90.10"), ("6000.00", "6360.00"), ("3120.00", "3307.20")):
        terms = [{"quantity": "starts", "price": price, "to": "ceo", "escalator": rise}]
        due = pay(terms, quantities={"starts": {"one": 1, "two": 1}}, periods=("one", "two"))
        assert [str(amount) for amount in due.by_period().values()] == [price, second]


def test_what_a_price_list_does_not_name_is_not_paid_for_and_does_not_reach_a_threshold(pay: Pay) -> None:
    cells = [Cell(Decimal(8), rung="referral"), Cell(Decimal(5), rung="job")]
    terms = {"quantity": "card", "by": "rung", "prices": {"job": "100.00"}, "to": "p"}
    assert str(pay([terms], quantities={"card": cells}).total) == "500.00"
    assert str(pay([{**terms, "at_least": "6"}], quantities={"card": cells}).total) == "0.00"
    assert str(pay([{**terms, "at_least": "5"}], quantities={"card": cells}).total) == "500.00"


def test_the_excess_over_a_threshold_is_paid_at_the_price_of_its_rung(pay: Pay) -> None:
    cells = [Cell(Decimal(4), rung="one"), Cell(Decimal(6), rung="two")]
    prices = {"one": "10.00", "two": "100.00"}
    terms = {"quantity": "card", "by": "rung", "prices": prices, "to": "p", "at_least": "5", "pays": "excess"}
    assert [str(line.amount) for line in pay([terms], quantities={"card": cells}).lines] == ["0.00", "500.00"]


def test_bands_count_volumes_from_zero_for_gains_and_counts_alike(pay: Pay) -> None:
    terms = {
        "price": "10.00",
        "bands": [{"beyond": "8", "price": "1.00"}],
        "at_least": "5",
        "pays": "excess",
        "to": "p",
    }
    counted = pay([{**terms, "quantity": "days"}], quantities={"days": 10})
    gained = pay([{**terms, "effect": "days", "per": "unit"}], effects={"days": 10})
    assert str(counted.total) == str(gained.total) == "32.00"  # 3 x 10.00 and 2 x 1.00


def test_the_excess_per_person_needs_the_number_of_people(pay: Pay) -> None:
    terms = [{"effect": "e", "per": "person", "price": "1.00", "at_least": "2", "pays": "excess", "to": "p"}]
    known = Priced(Decimal(30), "3 x 10 people", True, gain=Decimal(3), people=10)
    assert str(pay(terms, effects={"e": known}).total) == "10.00"
    with pytest.raises(PaymentError) as caught:
        pay(terms, effects={"e": Priced(Decimal(30), "3 x ? people", True, gain=Decimal(3))})
    assert caught.value.codes == ("PAY-012",)


def test_a_rate_over_several_periods_is_the_ratio_of_the_sums_of_the_periods_that_are_priced(pay: Pay) -> None:
    parts = tuple(Cell(Decimal(n), period) for period, n in (("y1", 6_000), ("y2", 3_000), ("y3", 0)))
    base = tuple(Cell(Decimal(n), period) for period, n in (("y1", 100), ("y2", 100), ("y3", 100)))
    cells = tuple(Cell(a.amount / b.amount, a.period) for a, b in zip(parts, base, strict=True))
    rate = Quantity(cells, parts=parts, base=base)
    terms = [{"quantity": "rate", "price": "1.00", "to": "p", "periods": ["y1", "y2"]}]
    due = pay(terms, quantities={"rate": rate}, periods=("y1", "y2", "y3"), cumulative=True, claw_back=True)
    assert str(due.total) == "45.00"
    steps = [{"quantity": "rate", "steps": [{"from": "44", "pays": "1.00"}, {"from": "46", "pays": "9.00"}], "to": "p"}]
    groups = Quantity(
        tuple(Cell(Decimal(n), group=group) for group, n in (("a", 60), ("b", 30))),
        parts=tuple(Cell(Decimal(n), group=group) for group, n in (("a", 6_000), ("b", 3_000))),
        base=tuple(Cell(Decimal(100), group=group) for group in "ab"),
    )
    assert str(pay([{**steps[0], "groups": ["a", "b"]}], quantities={"rate": groups}).total) == "1.00"


@pytest.mark.parametrize(
    ("currency", "rounding", "due"),
    [("USD", "half_up", "1.13"), ("USD", "half_even", "1.12"), ("USD", "down", "1.12"),
     ("JPY", "half_up", "1"), ("KWD", "half_up", "1.125")],
)  # fmt: skip
def test_each_currency_and_rounding(pay: Pay, currency: str, rounding: str, due: str) -> None:
    terms = [{"quantity": "units", "price": "1", "to": "p"}]
    assert str(pay(terms, quantities={"units": "1.125"}, currency=currency, rounding=rounding).total) == due


def test_an_amount_of_thirty_digits_is_exact(pay: Pay) -> None:
    terms = [{"quantity": "units", "price": "999999999999999", "to": "p"}]
    assert pay(terms, quantities={"units": 999_999_999_999_999}).total == 999_999_999_999_999**2


@given(
    st.lists(st.decimals(0, 50, places=2), min_size=1, max_size=4),
    st.decimals(0, 50, places=2),
    st.decimals(0, 60, places=1),
    st.sampled_from(["whole", "excess"]),
    st.lists(st.tuples(st.integers(1, 90), st.decimals(0, 9, places=2)), max_size=3, unique_by=lambda band: band[0]),
)
def test_more_units_never_pay_less(
    counts: list[Decimal], more: Decimal, least: Decimal, pays: str, bands: list[tuple[int, Decimal]]
) -> None:
    terms = UnitPrice.model_validate(
        {"quantity": "q", "price": "3.33", "at_least": str(least), "pays": pays, "to": "p",
         "bands": [{"beyond": beyond, "price": price} for beyond, price in sorted(bands)]}
    )  # fmt: skip

    def total(amounts: list[Decimal]) -> Decimal:
        cells = tuple(Cell(amount, group=str(number)) for number, amount in enumerate(amounts))
        return settle([terms], {}, {}, currency="USD", payer="c", quantities={"q": Quantity(cells)}).total

    # Each group's amount is rounded by itself.
    cents = Decimal("0.01") * len(counts)
    assert total([*counts[:-1], counts[-1] + more]) >= total(counts) - (cents if bands else 0)
