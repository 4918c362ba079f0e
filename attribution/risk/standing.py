"""On which step, piece or band each price is, and which conditions and gates hold, at what is known."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from counterfoil.attribution.money.currency import smallest_unit
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import Condition, holds
from counterfoil.attribution.payment.line import titled
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Price, value_of
from counterfoil.attribution.payment.settlement import Inputs
from counterfoil.attribution.risk.thresholds import leaves, thresholds, tier_names, tier_of

NO_WORDS = Words("")


@dataclass(frozen=True, slots=True)
class Standing:
    """A step, piece or band of a price, a condition, or a gate.

    Parameters
    ----------
    clause : str
        What the contract calls the price, or where it stands.
    period : str
        The settlement period.
    kind : {"tier", "condition", "gate"}
    name : str
        Which: "from 8.5", the condition in words, or the effect whose gate it is.
    """

    clause: str
    period: str
    kind: str
    name: str


def moments(inputs: Inputs) -> Iterator[Moment]:
    """Yield what is known at each settlement, in order of period; periods that are not settled are left out."""
    unit = smallest_unit(inputs.currency)
    for number, period in enumerate(inputs.periods):
        if period in inputs.skipped:
            continue
        so_far = inputs.periods[: number + 1]
        yield Moment(period, so_far, inputs.quantities, inputs.effects, inputs.cumulative, unit)


def prices_at(inputs: Inputs, moment: Moment) -> Iterator[tuple[str, Price]]:
    """Yield the prices that may apply at a moment, each after its place in the contract."""
    for number, clause in enumerate(inputs.clauses[moment.period]):
        if isinstance(clause, Price):
            applies = not clause.periods or any(period in clause.periods for period in moment.counted)
            if applies:
                yield f"payments[{number}]", clause


def looking_at(inputs: Inputs, effect: str) -> tuple[str, ...]:
    """Return what the contract calls the prices that look at an effect: that price it, or ask for it in a condition."""
    found = [
        titled(f"payments[{number}]", clause.name)
        for period in inputs.periods
        for number, clause in enumerate(inputs.clauses[period])
        if isinstance(clause, Price)
        and (clause.effect == effect or (clause.only_if is not None and ("effect", effect) in clause.only_if.names()))
    ]
    return tuple(dict.fromkeys(found))


def standings(inputs: Inputs, gated: Collection[str] = ()) -> Iterator[tuple[Standing, bool]]:
    """Yield every tier, condition and gate of the prices in force, and whether the price is on it, or it holds.

    Parameters
    ----------
    inputs : Inputs
    gated : collection of str
        Effects that have a gate; an effect without one is open always, which is worth no line.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from counterfoil.attribution.payment import Priced, StepTable, settle
    >>> table = StepTable(name="fall", effect="fall", to="city", steps=({"from": "8.5", "pays": "4800000.00"},))
    >>> known = {"fall": Priced(Decimal("8.387"), "published", True)}
    >>> inputs = settle([table], known, {}, currency="GBP", payer="ministry").inputs
    >>> [(found.name, on) for found, on in standings(inputs)]
    [('below 8.5', True), ('from 8.5', False)]
    """
    for moment in moments(inputs):
        for at, clause in prices_at(inputs, moment):
            title = titled(at, clause.name)
            if clause.effect is not None and moment.gain(clause.effect, new=True) is None:
                continue
            yield from _tiers(clause, title, moment)
            priced = None if clause.effect is None else moment.gain(clause.effect)
            if clause.effect is not None and priced is not None and clause.effect in gated:
                yield Standing(title, moment.period, "gate", clause.effect), priced.gate_passes
            if clause.only_if is not None:
                yield from _conditions(clause.only_if, title, moment)


def _tiers(clause: Price, title: str, moment: Moment) -> Iterator[tuple[Standing, bool]]:
    priced = None if clause.effect is None else moment.gain(clause.effect)
    found = thresholds(clause, None if priced is None else priced.people)
    known = value_of(clause, moment) if found else None
    if known is not None:
        place = tier_of(found, known[0])
        for number, name in enumerate(tier_names(found)):
            yield Standing(title, moment.period, "tier", name), number == place


def _conditions(condition: Condition, title: str, moment: Moment) -> Iterator[tuple[Standing, bool]]:
    said = condition.sentence(NO_WORDS)
    yield Standing(title, moment.period, "condition", said), holds(condition, moment)[0]
    singles = list(leaves(condition))
    if len(singles) > 1:
        for leaf in singles:
            name = leaf.sentence(NO_WORDS)
            if name != said:
                yield Standing(title, moment.period, "condition", name), holds(leaf, moment)[0]
