"""Piecewise linear prices and sliding scales: Denver's jail payment, and what both never do."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.payment import Curve, Priced, Settlement, SlidingScale, settle

Pay = Callable[..., Settlement]
DENVER = {
    "effect": "jail", "to": "cch", "curve": [
        {"from": "20", "to": "30", "amount": "3200000.00", "per_unit": "160000.00"},
        {"from": "30", "to": "65", "amount": "4800000.00", "per_unit": "38000.00"},
        {"from": "65", "amount": "6130000.00"},
    ],
}  # fmt: skip
SCALE = {"effect": "e", "to": "p", "sliding": {"lower": "5", "upper": "10", "amount": "100.00", "floor": "20.00"}}


@pytest.mark.parametrize(
    ("fall", "due"),
    [("-5", 0), ("19.999", 0), ("20", 3_200_000), ("29.999", 4_799_840), ("30", 4_800_000), ("38", 5_104_000),
     ("64.999", 6_129_962), ("65", 6_130_000), ("100", 6_130_000)],
)  # fmt: skip
def test_denver_jumps_at_20_and_bends_at_30_and_65(pay: Pay, fall: str, due: int) -> None:
    assert pay([DENVER], effects={"jail": fall}).total == due


@pytest.mark.parametrize(
    ("gain", "due"), [("0", "20.00"), ("5", "20.00"), ("7.5", "60.00"), ("10", "100.00"), ("99", "100.00")]
)
def test_a_scale_rises_from_its_floor_to_the_whole(pay: Pay, gain: str, due: str) -> None:
    assert str(pay([SCALE], effects={"e": gain}).total) == due


@pytest.mark.parametrize("start", ["20", "29", "31"])
def test_pieces_that_overlap_or_leave_a_gap_are_refused(start: str) -> None:
    pieces = [{"from": "20", "to": "30", "amount": "1.00"}, {"from": start, "amount": "2.00"}]
    with pytest.raises(ValidationError, match=r"overlap|gap"):
        Curve.model_validate({"effect": "e", "curve": pieces})


@given(st.decimals(-5, 110, places=4), st.decimals(-5, 110, places=4), st.sampled_from([DENVER, SCALE]))
def test_more_gain_never_pays_less(one: Decimal, other: Decimal, terms: dict[str, object]) -> None:
    spec = (Curve if "curve" in terms else SlidingScale).model_validate(terms)
    low, high = (
        settle([spec], {str(terms["effect"]): Priced(gain, "drawn", True)}, {}, currency="USD", payer="c").total
        for gain in sorted((one, other))
    )
    assert low <= high
