"""The whole contract in sentences that a contract manager would sign, by section; no term that moves money is left out.

Every clause, quantity and gate says itself; here the sentences are put in order and the parties of each named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from counterfoil.attribution.counting.claimed import Claimed
from counterfoil.attribution.counting.period import PeriodTerms
from counterfoil.attribution.money.currency import smallest_unit
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.floor import Floor
from counterfoil.attribution.payment.price import Price
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.contract import Contract
from counterfoil.errors import CounterfoilError
from counterfoil.measurement import divided, measured, rounding_in_words, rule_terms
from counterfoil.terms_in_words import say, value_in_words
from counterfoil.verdict import describe_clause

ROLES: Final = {
    "provider": "provides services",
    "backbone": "coordinates the providers",
    "outcome_payer": "pays for outcomes",
    "investor": "puts money up",
    "intermediary": "stands between payer and providers",
    "evaluator": "measures the outcomes",
    "other": "signs",
}

SECTIONS: Final = (
    "Parties",
    "Periods",
    "What is counted",
    "What is measured",
    "When and how much is due",
    "Limits and order",
    "Who puts the money up",
    "Changes",
)

ORDER: Final = (
    "Amounts are worked out in this order: each price with its gate and conditions, how it changes over time, its present value "
    "and discount, each amount then rounded; who pays; what is topped up; limits and the least that is due, in the order "
    "written; the division among those who receive; limits of a provider; what is held while disputed."
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a section; a clause has its number in the contract."""

    text: str
    number: int | None = None

    def __str__(self) -> str:
        return self.text if self.number is None else f"{self.number}. {self.text}"


def describe(contract: Contract) -> str:
    """Return the contract as text in sections, one sentence or paragraph a line.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")
    >>> describe(contract).splitlines()[2:4]
    ['Parties', '  default (Default enrolment office) provides services.']
    """
    parts = [contract.name]
    for title, sentences in described(contract).items():
        if sentences:
            parts += ["", title, *(f"  {sentence}" for sentence in sentences)]
    return "\n".join(parts) + "\n"


def described(contract: Contract) -> dict[str, tuple[Sentence, ...]]:
    """Return the sentences of each section, in order; a section may be empty."""
    words = contract.words
    made = (
        map(Sentence, _parties(contract)),
        map(Sentence, _periods(contract)),
        map(Sentence, _counted(contract, words)),
        map(Sentence, _effects(contract, words)),
        _prices(contract, words),
        _limits(contract, words),
        (Sentence(stack.sentence(words)) for stack in contract.capital),
        map(Sentence, _changes(contract, words)),
    )
    return {title: tuple(sentences) for title, sentences in zip(SECTIONS, made, strict=True)}


def _parties(contract: Contract) -> Iterator[str]:
    for name, party in contract.parties.items():
        full = f" ({party.name})" if party.name else ""
        yield f"{name}{full} {ROLES[party.role]}."


def _periods(contract: Contract) -> Iterator[str]:
    for name, terms in contract.periods.items():
        yield f"{name} {_days(terms)}."
    if len(contract.periods) < 2:
        yield "There is one settlement."
    elif contract.settlement.basis == "period":
        yield "Each period is settled by itself."
    else:
        back = "taken back" if contract.settlement.claw_back else "held against later payments"
        yield f"Each settlement is for everything so far, less what was due before; what was due too much is {back}."


def _days(terms: PeriodTerms) -> str:
    start = "" if terms.first is None else f" from {terms.first.isoformat()}"
    end = "" if terms.last is None else f" to {terms.last.isoformat()}"
    return f"runs{start}{end}" if start or end else "is a period without dates"


def _counted(contract: Contract, words: Words) -> Iterator[str]:
    for name, quantity in contract.quantities.items():
        yield say(quantity, words, name)
        assign = quantity.assign if isinstance(quantity, Claimed) else None
        if assign is not None and assign.providers:
            among = words.listed(map(words.party, assign.providers))
            yield f"In {name}, what belongs to others than {among} is nobody's and does not count."


def _effects(contract: Contract, words: Words) -> Iterator[str]:
    priced = {clause.effect for clause in contract.prices}
    for name, effect in contract.effects.items():
        yield from measured(name, effect, words)
        if effect.split is not None and name not in priced:
            yield f"The gain in {name} is divided: {'; '.join(divided(effect.split, words))}."


def _prices(contract: Contract, words: Words) -> Iterator[Sentence]:
    payers = contract.payers
    if payers:
        yield Sentence(f"Where a clause names no payer, {words.party(payers[0])} pays.")
    for number, clause in enumerate(contract.payments):
        if isinstance(clause, Price):
            yield Sentence(_named(clause, _price(contract, number, clause, words)), number + 1)


def _price(contract: Contract, number: int, clause: Price, words: Words) -> str:
    effect = contract.effects.get(clause.effect or "")
    # With several payers that sentence would name them all, and a clause for payers may divide what is due among them.
    caused = isinstance(clause, UnitPrice) and clause.per == "person" and len(contract.payers) == 1
    more: list[str] = []
    if caused:
        said = describe_clause(contract, number).removesuffix(".")
        more += filter(None, [clause.said(words).partition("; ")[2]])
    else:
        said = clause.sentence(words).removesuffix(".")
    if isinstance(clause, UnitPrice) and clause.by is not None:
        more.append(f"the price depends on the {clause.by}")
    if clause.payer is not None and not caused:
        more.append(f"{words.party(clause.payer)} pays it")
    receiver = contract.receiver(clause)
    if clause.split is None and _of_providers(contract, clause):
        more.append("it is paid to the provider that it belongs to")
    elif clause.to is not None or (receiver is not None and (effect is None or effect.split is None)):
        more.append(f"it is paid to {words.party(receiver or '')}")
    elif effect is not None and effect.split is not None and clause.split is None:
        more += rule_terms(effect.split, words) if caused else divided(effect.split, words)
    return "; ".join([said, *more]) + "."


def _of_providers(contract: Contract, clause: Price) -> bool:
    """Whether what is priced is counted for one provider or another."""
    counted = contract.quantities.get(clause.quantity or "")
    return isinstance(counted, Claimed) and counted.assign is not None


def _named(clause: Any, sentence: str) -> str:
    name = getattr(clause, "name", None)
    return f"({name}) {sentence}" if name else sentence


def _limits(contract: Contract, words: Words) -> Iterator[Sentence]:
    for number, clause in enumerate(contract.payments):
        if isinstance(clause, Price):
            continue
        text = clause.sentence(words)
        if isinstance(clause, Floor) and clause.to is not None:
            whom = f" by {words.party(clause.from_payer)}" if clause.from_payer else ""
            text += f" Where nothing is counted, it is paid{whom} to {words.party(clause.to)}."
        yield Sentence(_named(clause, text), number + 1)
    unit = smallest_unit(contract.currency)
    yield Sentence(ORDER)
    yield Sentence(f"Amounts are rounded to {words.money(unit)}, {rounding_in_words(contract.rounding)}.")
    yield Sentence(
        f"What is divided is divided in whole units of {words.money(unit)}; units left over go to the largest remainders, and "
        "among equal ones to whoever is named first."
    )


def _changes(contract: Contract, words: Words) -> Iterator[str]:
    before = contract.model_copy(update={"amendments": ()})
    for since in dict.fromkeys(change.since for change in contract.amendments):
        made = [change for change in contract.amendments if change.since == since]
        start = f"From {since}, because {words.listed(change.reason for change in made)}"
        try:
            after = contract.as_of(since) if since in contract.periods else before
        except (CounterfoilError, ValidationError):
            # A draft whose amendment does not fit it yet is still read out, as written.
            paths = [
                f"{path} becomes {value_in_words(value, words)}"
                for change in made
                for path, value in change.changes.items()
            ]
            yield f"{start}: {'; '.join(paths)}."
            continue
        yield from _changed_to(start, before, after)
        before = after


def _changed_to(start: str, before: Contract, after: Contract) -> Iterator[str]:
    """Say which sentences no longer hold and which hold instead."""
    was, will = (
        {section: found for section, found in described(version).items() if section != "Changes"}
        for version in (before, after)
    )
    for section, sentences in will.items():
        old, new = {each.text for each in was[section]}, {each.text for each in sentences}
        ended = [each for each in was[section] if each.text not in new]
        begun = [each for each in sentences if each.text not in old]
        replaced = {each.number for each in begun}
        yield from (f"{start}, this no longer holds: {each}" for each in ended if each.number not in replaced)
        yield from (f"{start}, this holds: {each}" for each in begun)
