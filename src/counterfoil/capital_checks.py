"""The return of capital against the rest of the contract: parties, what is distributed, amounts, dates."""

from collections.abc import Iterator

from counterfoil.attribution.money.currency import MINOR_DIGITS, decimals_beyond
from counterfoil.attribution.payment.price import Price
from counterfoil.contract import Contract
from counterfoil.errors import Problem, did_you_mean
from counterfoil.references import Place


def check_capital(contract: Contract) -> Iterator[Problem]:
    """Yield names that refer to nothing, amounts finer than the currency, and returns that lack dates."""
    names = [clause.name for clause in contract.payments if isinstance(clause, Price) and clause.name]
    for number, stack in enumerate(contract.capital):
        at: Place = ("capital", number)
        for party in stack.named_parties:
            if party not in contract.parties:
                what = f"no party is called '{party}'{did_you_mean(party, contract.parties)}"
                yield Problem("CONTRACT-010", what, contract.where(*at))
        for key, named, there in (
            ("effects", stack.effects, contract.effects),
            ("quantities", stack.quantities, contract.quantities),
            ("payments", stack.payments, names),
        ):
            for name in named:
                if name not in there and name not in contract.unread:
                    what = f"nothing under `{key}` is called '{name}'{did_you_mean(name, there)}"
                    yield Problem("CONTRACT-010", what, contract.where(*at, key))
        amounts = [(("tranches", k, "principal"), tranche.principal) for k, tranche in enumerate(stack.tranches)]
        amounts += [(("drawn", k, "amount"), draw.amount) for k, draw in enumerate(stack.drawn)]
        for place, amount in amounts:
            if contract.currency in MINOR_DIGITS and decimals_beyond(amount, contract.currency):
                digits = MINOR_DIGITS[contract.currency]
                what = f"`{place[-1]}` has more than the {digits} decimals of {contract.currency}"
                yield Problem("CONTRACT-012", what, contract.where(*at, *place))
