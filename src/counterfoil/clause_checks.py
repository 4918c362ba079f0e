"""Payment clauses against the rest of the contract: names, money, who pays and receives, limits, periods."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from counterfoil.attribution.counting.kinds import rungs_of
from counterfoil.attribution.money.currency import MINOR_DIGITS, decimals_beyond
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.floor import Floor
from counterfoil.attribution.payment.grant import Grant
from counterfoil.attribution.payment.hold import Hold
from counterfoil.attribution.payment.payers import PayerSplit
from counterfoil.attribution.payment.price import Price
from counterfoil.attribution.payment.scope import NAMED, Scope
from counterfoil.attribution.payment.top_up import TopUp
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.contract import Contract, Dividing
from counterfoil.errors import Problem, did_you_mean
from counterfoil.references import Place, money, references


def check_money(contract: Contract) -> Iterator[Problem]:
    """Yield an unknown currency, negative amounts, and amounts that are finer than the currency."""
    if contract.currency not in MINOR_DIGITS:
        hint = did_you_mean(contract.currency, MINOR_DIGITS)
        what = f"'{contract.currency}' is no ISO 4217 currency{hint}"
        yield Problem("CONTRACT-013", what, contract.where("currency"))
    stated: list[tuple[Place, Any]] = [
        (("payments", number), clause) for number, clause in enumerate(contract.payments)
    ]
    stated += [(("quantities", name), spec) for name, spec in contract.quantities.items()]
    stated += [(("capital", number), stack) for number, stack in enumerate(contract.capital)]
    stated += [(("effects", name), effect) for name, effect in contract.effects.items()]
    for at, term in stated:
        for place, amount in (*money(term, at), *_limits_in_order(term, at)):
            where, key = contract.where(*place), place[-1]
            if amount < 0:
                yield Problem("CONTRACT-011", f"`{key}` is negative", where)
            elif contract.currency in MINOR_DIGITS and decimals_beyond(amount, contract.currency):
                digits = MINOR_DIGITS[contract.currency]
                what = f"`{key}` has more than the {digits} decimals of {contract.currency}"
                yield Problem("CONTRACT-012", what, where)


def _limits_in_order(term: Any, at: Place) -> Iterator[tuple[Place, Decimal]]:
    """Yield the limits of payers that pay one after the other; without an order they are fractions."""
    if isinstance(term, PayerSplit) and term.in_order:
        yield from (((*at, "payers", name), limit) for name, limit in term.payers.items())


def check_clauses(contract: Contract) -> Iterator[Problem]:
    """Yield what contradicts itself or refers to nothing in the clauses, in contract order."""
    unknown = False
    names = [clause.name for clause in contract.payments if isinstance(clause, Price | TopUp) and clause.name]
    for number, clause in enumerate(contract.payments):
        at: Place = ("payments", number)
        missing = list(_unknown(contract, clause, at, names))
        yield from missing
        unknown = unknown or bool(missing)
        if missing:
            continue
        if isinstance(clause, Price):
            yield from _check_price(contract, clause, at)
        if isinstance(clause, Scope):
            yield from _check_scope(contract, clause, at)
        yield from _check_names(contract, clause, at)
        yield from _check_conditions(contract, clause, at)
        if isinstance(clause, Price | TopUp) and clause.name and names.count(clause.name) > 1:
            yield Problem("CONTRACT-016", f"two clauses are named '{clause.name}'", contract.where(*at, "name"))
    if not unknown:
        yield from _check_limits(contract)
        yield from _check_order_of_payers(contract)
        yield from _check_payers(contract)


def _unknown(contract: Contract, clause: Any, at: Place, names: list[str]) -> Iterator[Problem]:
    known: dict[str, tuple[Any, str]] = {
        "effect": (contract.effects, "effect"),
        "quantity": (contract.quantities, "quantity"),
        "party": (contract.parties, "party"),
        "payer": (contract.parties, "party"),
        "payment": (names, "payment"),
        "period": (contract.periods, "period"),
    }
    for place, kind, name in references(clause, at):
        there, word = known[kind]
        if name not in there and name not in contract.unread:
            what = f"no {word} is called '{name}'{did_you_mean(name, there)}"
            yield Problem("CONTRACT-010", what, contract.where(*place))
        elif kind == "payer" and name in contract.parties and name not in contract.payers:
            yield Problem("CONTRACT-016", f"'{name}' is no outcome payer", contract.where(*place))


def _check_price(contract: Contract, clause: Price, at: Place) -> Iterator[Problem]:
    if clause.effect is not None and clause.effect in contract.effects:
        yield from _check_effect_price(contract, clause, at)
    elif clause.split is not None and clause.to is not None:
        what = "the clause is divided among parties and names one receiver"
        yield Problem("CONTRACT-016", what, contract.where(*at, "to"))
    elif clause.split is None and contract.receiver(clause) is None and not _by_provider(contract, clause):
        yield Problem(
            "CONTRACT-015", f"the clause for '{clause.priced()}' has no `to:` and no `split:`", contract.where(*at)
        )
    if clause.quantity is not None and clause.quantity in contract.quantities:
        yield from _check_rungs(contract, clause, at)
        yield from _check_assigned(contract, clause, at)
    if isinstance(clause, UnitPrice) and clause.by in ("period", "provider"):
        known: Any = contract.periods if clause.by == "period" else contract.parties
        word = "period" if clause.by == "period" else "party"
        for name in clause.prices:
            if name not in known and name not in contract.unread:
                what = f"no {word} is called '{name}'{did_you_mean(name, known)}"
                yield Problem("CONTRACT-010", what, contract.where(*at, "prices", name))


def _by_provider(contract: Contract, clause: Price) -> bool:
    """Return whether a clause's quantity says which provider each part belongs to."""
    spec = contract.quantities.get(clause.quantity or "")
    return spec is not None and (getattr(spec, "assign", None) is not None or spec.kind in ("reported", "net", "ratio"))


def _check_assigned(contract: Contract, clause: Price, at: Place) -> Iterator[Problem]:
    """Yield receivers and splits of a clause whose quantity says to which provider each part belongs."""
    if getattr(contract.quantities[clause.quantity or ""], "assign", None) is None:
        return
    for key in ("to", "split"):
        if getattr(clause, key) is not None:
            what = f"'{clause.quantity}' is assigned to providers, who receive what they achieved, and the clause has `{key}:`"
            yield Problem("CONTRACT-016", what, contract.where(*at, key))


def _check_effect_price(contract: Contract, clause: Price, at: Place) -> Iterator[Problem]:
    effect = contract.effects[clause.effect or ""]
    if effect.split is not None and (clause.to is not None or clause.split is not None):
        key, what = ("to", "one receiver") if clause.to is not None else ("split", "another split")
        said = f"the effect is split among providers and the clause names {what}"
        yield Problem("CONTRACT-016", said, contract.where(*at, key))
    if effect.split is None and clause.split is None and contract.receiver(clause) is None:
        what = f"effect '{clause.effect}' has no split and the clause no `to:`"
        yield Problem("CONTRACT-015", what, contract.where(*at))
    everyone = contract.counts_unserved(clause.effect or "")
    agreed = isinstance(clause, UnitPrice) and clause.people is not None
    if everyone and not agreed:
        yield Problem("CONTRACT-017", f"effect '{clause.effect}' has scope everyone", contract.where(*at))
    if agreed and not everyone:
        what = "`people: everyone` fits only an effect with scope everyone"
        yield Problem("CONTRACT-016", what, contract.where(*at, "people"))


def _check_names(contract: Contract, clause: Any, at: Place) -> Iterator[Problem]:
    """Yield names under which a clause would do nothing, or cover what it does not mean."""
    prices = {price.name: price for price in contract.prices if price.name}
    stated = isinstance(clause, Bonus | Grant) and clause.quantity is None
    if stated and clause.name in {*contract.quantities, *contract.effects}:
        what = f"'{clause.name}' is also a quantity or effect, so that a limit on it would cover this clause"
        yield Problem("CONTRACT-016", what, contract.where(*at, "name"))
    of = clause.instead_of if isinstance(clause, Grant) else clause.of if isinstance(clause, PayerSplit) else ()
    for name in of:
        if name not in prices and name not in contract.unread:
            verb = "stands in place of prices" if isinstance(clause, Grant) else "divides prices"
            what = f"'{name}' is a top-up with a payer of its own, and the clause {verb}"
            yield Problem(
                "CONTRACT-016", what, contract.where(*at, "instead_of" if isinstance(clause, Grant) else "of")
            )
        elif isinstance(clause, PayerSplit) and name in prices and prices[name].payer is not None:
            what = f"'{name}' names its payer, so it cannot be divided among payers"
            yield Problem("CONTRACT-016", what, contract.where(*at, "of"))
    if isinstance(clause, PayerSplit | TopUp | Hold) and clause.periods and contract.settlement.basis == "cumulative":
        what = "`periods:` here do not go with settlement basis cumulative, which settles everything so far at once"
        yield Problem("CONTRACT-016", what, contract.where(*at, "periods"))
    if isinstance(clause, Floor) and clause.to and len(contract.payers) > 1 and not (clause.from_payer or clause.payer):
        what = (
            f"there are {len(contract.payers)} outcome payers and the floor does not say with `from_payer:` who pays it"
        )
        yield Problem("CONTRACT-018", what, contract.where(*at))


def _check_conditions(contract: Contract, clause: Any, at: Place) -> Iterator[Problem]:
    """Yield gates of effects that have none, and divisions by the credits of effects that have none."""
    for place, key, name in references(clause, at):
        effect = contract.effects.get(name) if key == "effect" else None
        if effect is None:
            continue
        if place[-1] == "gate" and effect.gate is None:
            what = f"effect '{name}' has no gate, so nothing could shut it"
            yield Problem("CONTRACT-016", what, contract.where(*place))
        divided = isinstance(effect.estimator, Dividing) or (effect.split is not None and effect.split.credits_from)
        if place[-1] == "credits_from" and not divided:
            what = f"the estimator of '{name}' does not divide a gain among providers, so it has no credits"
            yield Problem("CONTRACT-016", what, contract.where(*place))


def _check_order_of_payers(contract: Contract) -> Iterator[Problem]:
    """Yield limits of payers that stand before the limit whose excess they have to bear, and would not hold for it."""
    seen: set[str] = set()
    for number, clause in enumerate(contract.payments):
        if not isinstance(clause, Cap) or clause.payer is None:
            continue
        seen.add(clause.payer)
        if clause.then in seen:
            what = f"the limit of '{clause.then}' stands before this one, whose excess '{clause.then}' pays"
            fix = "write the limits in the order in which payers bear the excess"
            yield Problem("CONTRACT-016", what, contract.where("payments", number, "then"), fix)


def _check_rungs(contract: Contract, clause: Price, at: Place) -> Iterator[Problem]:
    rungs = rungs_of(contract.quantities[clause.quantity or ""])
    if rungs is None:
        return
    asked: list[tuple[Place, str]] = [(("rungs",), name) for name in clause.rungs]
    if isinstance(clause, UnitPrice) and clause.by == "rung":
        asked += [(("prices", name), name) for name in clause.prices]
    for place, name in asked:
        if name not in rungs:
            what = f"'{clause.quantity}' has no rung '{name}', so nothing feeds it{did_you_mean(name, rungs)}"
            yield Problem("CONTRACT-010", what, contract.where(*at, *place))


def _check_scope(contract: Contract, clause: Scope, at: Place) -> Iterator[Problem]:
    priced = {price.priced() for price in contract.prices}
    target = clause.effect or clause.quantity
    if target is not None and target not in priced and target not in contract.unread:
        what = f"nothing is paid for '{target}', so there is nothing to limit"
        yield Problem("CONTRACT-016", what, contract.where(*at, clause.scope))
    if contract.settlement.basis != "cumulative":
        return
    if clause.periods or clause.scope == "period" or (isinstance(clause, Cap) and clause.excess == "carried"):
        what = "a limit of single periods does not go with settlement basis cumulative, which settles everything so far at once"
        yield Problem("CONTRACT-016", what, contract.where(*at))


def _check_limits(contract: Contract) -> Iterator[Problem]:
    """Yield floors above the limits that they stand under."""
    caps = [clause for clause in contract.payments if isinstance(clause, Cap) and clause.each is None]
    whole = [cap for cap in caps if cap.scope == "contract" and not cap.periods]
    for number, clause in enumerate(contract.payments):
        if not isinstance(clause, Floor):
            continue
        same = [cap for cap in caps if _same_scope(cap, clause)]
        for cap in dict.fromkeys((*same, *whole)):
            if cap.cap < clause.floor:
                what = f"the floor of {clause.floor:,} lies above the cap of {cap.cap:,} that it stands under"
                yield Problem("CONTRACT-016", what, contract.where("payments", number, "floor"))


def _same_scope(cap: Cap, floor: Floor) -> bool:
    return cap.scope == floor.scope and all(
        getattr(cap, name) == getattr(floor, name) for name in (*NAMED, "of", "periods")
    )


def _check_payers(contract: Contract) -> Iterator[Problem]:
    """Yield prices that nobody pays, or several without saying which."""
    if contract.unread:
        return  # what could not be read may say who pays
    splits = [clause for clause in contract.payments if isinstance(clause, PayerSplit)]
    for number, clause in enumerate(contract.payments):
        if not isinstance(clause, Price) or clause.payer is not None or len(contract.payers) == 1:
            continue
        divided = any(not split.of or clause.name in split.of for split in splits if not split.periods)
        divided = divided or _in_all_periods(contract, splits, clause.name)
        if not divided:
            what = f"there are {len(contract.payers)} outcome payers and the clause names none"
            yield Problem("CONTRACT-018", what, contract.where("payments", number))


def _in_all_periods(contract: Contract, splits: list[PayerSplit], name: str | None) -> bool:
    covered = {period for split in splits if not split.of or name in split.of for period in split.periods}
    return bool(covered) and covered >= set(contract.labels)
