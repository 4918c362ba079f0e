from datetime import date
from decimal import Decimal
from typing import Any

from counterfoil.attribution.capital.capital import Capital
from counterfoil.attribution.capital.distribution import Receipt
from counterfoil.attribution.capital.return_of_capital import InvestorReturn, return_of_capital
from counterfoil.attribution.capital.waterfall import distribute
from counterfoil.attribution.money.words import Words

CENT = Decimal("0.01")


def of(terms: dict[str, Any], *receipts: tuple[date | None, str]) -> tuple[InvestorReturn, ...]:
    capital = Capital.model_validate(terms)
    came_in = [Receipt(f"y{n}", day, Decimal(amount)) for n, (day, amount) in enumerate(receipts)]
    return return_of_capital(capital, distribute(came_in, capital, CENT))


def test_denver_lenders_gain_what_was_published() -> None:
    loans = {
        "tranches": [{"name": "loans", "investor": "lenders", "principal": "8600000.00"}],
        "rest": {"lenders": "1.00"},
    }
    (lenders,) = of(loans, (None, "3913932.96"), (None, "620978.40"), (None, "5104000.00"))
    assert (lenders.money_in, lenders.money_out) == (Decimal("8600000.00"), Decimal("9638911.36"))
    assert lenders.gain == Decimal("1038911.36")
    assert (lenders.multiple, lenders.irr, lenders.why_no_irr) == (Decimal("1.1208"), None, "there are no dates")


def test_rikers_at_the_first_step_loses_a_quarter_at_a_negative_rate() -> None:
    terms = {
        "receiver": "mdrc",
        "drawn": [{"date": "2013-01-01", "amount": "9600000.00"}],
        "tranches": [{"name": "senior", "investor": "goldman", "principal": "9600000.00"}],
        "guarantee": {"guarantor": "bloomberg", "share": "0.75", "of": "senior"},
    }
    (goldman,) = of(terms, (date(2014, 1, 1), "4800000.00"))
    assert (goldman.gain, goldman.multiple, goldman.irr) == (
        Decimal("-2400000.00"),
        Decimal("0.7500"),
        Decimal("-0.25"),
    )
    assert goldman.sentence(Words("USD", {"goldman": "Goldman Sachs"})) == (
        "Goldman Sachs put up 9,600,000.00 USD and received 7,200,000.00 USD: a loss of 2,400,000.00 USD, 0.7500 times the money "
        "put up. That is -25% a year."
    )


def test_an_investor_of_several_tranches_is_one_investor_and_a_total_loss_has_no_rate() -> None:
    terms = {
        "receiver": "spv",
        "drawn": [{"date": "2013-01-01", "amount": "300.00"}],
        "tranches": [
            {"name": "a1", "investor": "a", "principal": "100.00", "rank": 1},
            {"name": "b", "investor": "b", "principal": "100.00", "rank": 2},
            {"name": "a3", "investor": "a", "principal": "100.00", "rank": 3},
        ],
    }
    a, b = of(terms, (date(2014, 1, 1), "100.00"))
    assert [a.money_in, a.money_out, a.irr] == [200, 100, Decimal("-0.5")]
    assert [b.money_in, b.money_out, b.multiple, b.irr] == [100, 0, 0, None]
    assert b.why_no_irr == "money flows one way only, so no rate makes it even"
