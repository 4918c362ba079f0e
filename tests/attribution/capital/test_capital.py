from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from counterfoil.attribution.capital.capital import Capital
from counterfoil.attribution.capital.return_limit import ReturnLimit
from counterfoil.attribution.money.words import Words

SENIOR = {"name": "senior", "investor": "goldman", "principal": "9600000.00", "rate": "0.05", "rank": "1"}
JUNIOR = {"name": "junior", "investor": "fund", "principal": "400000.00", "rank": "2", "kind": "recoverable_grant"}
WHOLE: dict[str, Any] = {
    "receiver": "spv",
    "payments": ["jail"],
    "drawn": [
        {"date": "2013-01-01", "amount": "9600000.00", "from": "goldman"},
        {"date": "2013-06-01", "amount": "400000.00"},
    ],
    "tranches": [JUNIOR, SENIOR],
    "guarantee": {"guarantor": "bloomberg", "share": "0.75", "of": "senior"},
    "return_limit": {"irr": "0.15"},
    "recycle": {"share": "1.00", "until": "y3"},
    "rest": {"fund": "0.50", "reinvest": "0.50"},
    "early_termination": [{"from_year": "4", "share": "0.75"}, {"from_year": "5", "share": "0.50"}],
}


def test_the_whole_section_says_itself_in_the_order_in_which_money_moves() -> None:
    assert Capital.model_validate(WHOLE).sentence(Words("USD", {"goldman": "Goldman Sachs"})) == (
        "What spv receives for jail returns the capital. Goldman Sachs puts up 9,600,000.00 USD on 2013-01-01. The investors "
        "put up 400,000.00 USD on 2013-06-01. Up to and including period y3, 100% of what comes in goes back into the "
        "service. In rank 1, Goldman Sachs is paid back a loan (senior) of up to 9,600,000.00 USD with 5% interest a year, "
        "first interest and then principal. In rank 2, fund is paid back a recoverable grant (junior) of up to 400,000.00 USD "
        "without interest. The investors together receive no more than an internal rate of return of 15% a year; what is "
        "beyond that goes to the others who share the rest. What is left goes 50% to fund and 50% back into the service. At "
        "the end bloomberg makes up what senior has received short of 75% of its principal. Ended 4 or more full years after "
        "the first draw, 75% of the principal is returned. Ended 5 or more full years after the first draw, 50% of the "
        "principal is returned."
    )


def test_draws_fill_the_tranches_of_their_investor_in_order_of_rank() -> None:
    capital = Capital.model_validate(WHOLE)
    assert capital.dated
    assert capital.draws() == {
        "junior": ((date(2013, 6, 1), Decimal("400000.00")),),
        "senior": ((date(2013, 1, 1), Decimal("9600000.00")),),
    }
    across = Capital.model_validate(WHOLE | {"drawn": [{"amount": "9700000.00"}]})
    assert across.draws() == {"senior": ((None, Decimal("9600000.00")),), "junior": ((None, Decimal("100000.00")),)}
    assert capital.named_parties == ("spv", "goldman", "fund", "bloomberg")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rest": {"fund": "0.5"}}, "sum to 0.5, not to one"),
        ({"rest": {"fund": "1.5", "reinvest": "-0.5"}}, "negative"),
        ({"rest": {"fund": "1"}}, "no investor"),
        ({"rest": {}, "receiver": None}, "who gets what is left"),
        ({"tranches": [SENIOR, SENIOR]}, "same name"),
        ({"tranches": []}, "at least 1"),
        ({"tranches": [SENIOR | {"rank": "0"}]}, "greater than or equal to 1"),
        ({"tranches": [SENIOR | {"rate": "5"}]}, "less than or equal to 1"),
        ({"tranches": [SENIOR | {"principal": "-1.00"}]}, "greater than or equal to 0"),
        ({"tranches": [SENIOR | {"principal": 9600000.5}]}, "float"),
        ({"guarantee": {"guarantor": "b", "share": "0.75", "of": "mezzanine"}}, "no tranche has that name"),
        ({"drawn": [{"amount": "1.00", "from": "nobody"}]}, "holds no tranche"),
        ({"drawn": [{"amount": "1.00", "tranche": "mezzanine"}]}, "no tranche has that name"),
        ({"drawn": [{"amount": "400000.01", "from": "fund"}]}, "0.01 more than the principal"),
        ({"drawn": [{"amount": "1.00", "date": "2013-01-01"}, {"amount": "1.00"}]}, "in some entries"),
        ({"drawn": [{"amount": "1.00", "date": d} for d in ("2013-01-02", "2013-01-01")]}, "order of dates"),
        ({"drawn": [{"amount": "1.00", "date": "1356998400"}]}, "such as 2024-03-31"),
        ({"return_limit": {"irr": "0.15", "amount": "1.00"}}, "either `irr` or `amount`"),
        ({"return_limit": {}}, "either `irr` or `amount`"),
        ({"early_termination": [{"from_year": "5", "share": "0.5"}, {"from_year": "4", "share": "0.75"}]}, "in order"),
    ],
)  # fmt: skip
def test_a_section_that_contradicts_itself_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Capital.model_validate(WHOLE | changes)


def test_a_limit_by_amount_says_itself() -> None:
    said = ReturnLimit(amount=Decimal("1000.00")).sentence(Words("USD"))
    assert said.startswith("The investors together receive no more than their money and 1,000.00 USD beyond it;")
