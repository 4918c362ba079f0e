"""The names under `capital:` against the rest of the contract."""

from collections.abc import Iterator

from counterfoil.attribution.payment.price import Price
from counterfoil.contract import Contract
from counterfoil.errors import Problem, did_you_mean
from counterfoil.references import Place


def check_capital(contract: Contract) -> Iterator[Problem]:
    """Yield parties, effects, quantities and clauses that there are not."""
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
