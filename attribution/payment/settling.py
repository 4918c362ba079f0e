"""From quantities and gains to a ledger, period by period.

Order of application: prices with their gates, conditions, escalators and discounts, rounded; payers; top-ups; limits and floors
in the order written; carve-outs, projection of credits, providers; limits of each provider; disputed parts held back. A
cumulative settlement does all of this for everything so far, and takes off what was due before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any

from counterfoil.attribution.counting.quantity import Quantity
from counterfoil.attribution.money.amounts import Rounding, add, largest_remainder, multiply, round_money
from counterfoil.attribution.money.currency import smallest_unit
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.payment.cap import Cap, apply_cap, cap_people, pay_excess, spent_by_person
from counterfoil.attribution.payment.clauses import PRICINGS, Clause
from counterfoil.attribution.payment.condition import holds
from counterfoil.attribution.payment.division import Division, parts_by_weight
from counterfoil.attribution.payment.floor import Floor, apply_floor
from counterfoil.attribution.payment.grant import Grant
from counterfoil.attribution.payment.hold import Hold, hold_disputed
from counterfoil.attribution.payment.line import Line
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.payers import PayerSplit, split_payers
from counterfoil.attribution.payment.price import Price, pots_of
from counterfoil.attribution.payment.scope import covered
from counterfoil.attribution.payment.settlement import Inputs, Settlement
from counterfoil.attribution.payment.split import Divided, Split, divide
from counterfoil.attribution.payment.top_up import TopUp, add_top_up, follow_bases
from counterfoil.attribution.payment.trace import Pot, Priced, Step
from counterfoil.attribution.payment.true_up import true_up
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.attribution.rules import is_efficient
from counterfoil.errors import refusal

Placed = tuple[str, Clause]
"""A clause and where it stands in the contract."""


@dataclass(slots=True)
class _Running:
    """What earlier periods have used of limits, by the limit's place in the contract."""

    used: dict[str, Decimal] = field(default_factory=dict)
    unused: dict[str, Decimal] = field(default_factory=dict)
    people: dict[str, dict[int, Decimal]] = field(default_factory=dict)
    payers: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    carried: list[Pot] = field(default_factory=list)


def settle(
    clauses: Sequence[Clause] | Mapping[str, Sequence[Clause]],
    effects: Mapping[str, Priced | Sequence[Priced]],
    splits: Mapping[str, Split],
    *,
    currency: str,
    payer: str,
    rounding: Rounding = "half_up",
    quantities: Mapping[str, Quantity] | None = None,
    cumulative: bool = False,
    claw_back: bool = False,
    skipped: Sequence[str] = (),
    final: bool = True,
) -> Settlement:
    """Apply payment clauses to quantities and gains.

    Parameters
    ----------
    clauses : sequence, or mapping of str to sequence
        In contract order; or for each period, in order, the clauses that are in force in it.
    effects : mapping
        Effect to its exact gain, gate and credits, or to several such in order of period.
    splits : mapping
        Effect to its split; an effect without one is paid to the clause's ``to``.
    currency : str
        ISO 4217 code.
    payer : str
        Who pays, where a clause does not say.
    rounding : str
        Of each pot to the smallest unit.
    quantities : mapping, optional
        Quantity to its cells.
    cumulative, claw_back : bool
        Whether each period settles everything so far, and whether what was due too much is taken back.
    skipped : sequence of str, optional
        Periods that are not settled: nothing is known of them yet, or they were settled elsewhere.
    final : bool
        Whether the last of the periods is the contract's last, in which floors over the contract are made up.

    Raises
    ------
    PaymentError
        PAY-001 or PAY-004 when a pot that is due cannot be divided, PAY-002 when a split names a rule whose credits do
        not sum to the gain, PAY-006 when credits without a covariance should be projected by precision, PAY-019 when a limit
        for each person covers what is known as a total only, PAY-023 for a count or gain that belongs to none of the periods.

    Examples
    --------
    >>> half = {"north": Decimal("0.03"), "south": Decimal("0.03")}
    >>> due = settle(
    ...     [UnitPrice(effect="jobs", per="person", price=Decimal("1.01"))],
    ...     {"jobs": Priced(Decimal("3.00"), "0.06 x 50 people", True, half)},
    ...     {"jobs": Split(rule="shapley")}, currency="USD", payer="county",
    ... )
    >>> {party: str(amount) for party, amount in due.by_party().items()}
    {'north': '1.52', 'south': '1.51'}
    """
    inputs = Inputs(
        clauses if isinstance(clauses, Mapping) else {"": clauses},
        {name: (known,) if isinstance(known, Priced) else tuple(known) for name, known in effects.items()},
        splits,
        quantities or {},
        currency,
        payer,
        rounding,
        cumulative,
        claw_back,
        tuple(skipped),
        final,
    )
    return settle_inputs(inputs)


def settle_inputs(inputs: Inputs) -> Settlement:
    """Settle every period of what a settlement follows from; see `settle`."""
    for name, split in inputs.splits.items():
        if not is_efficient(split.rule):
            raise refusal("PAY-002", f"the credits of rule '{split.rule}' do not sum to the gain", name)
    _refuse_outside(inputs)
    unit = smallest_unit(inputs.currency)
    running = _Running()
    lines: list[Line] = []
    steps: list[Step] = []
    for number, period in enumerate(inputs.periods):
        if period in inputs.skipped:
            continue
        so_far = inputs.periods[: number + 1]
        moment = Moment(period, so_far, inputs.quantities, inputs.effects, inputs.cumulative, unit)
        state = _Running() if inputs.cumulative else running
        found, made = _settle_moment(inputs, moment, state, unit)
        if inputs.cumulative and len(inputs.periods) > 1:
            found = true_up(found, lines, period, unit, claw_back=inputs.claw_back)
        lines += found
        steps += made
    steps += _left_over(running)
    return Settlement(inputs.currency, tuple(lines), tuple(steps), inputs)


def _left_over(running: _Running) -> Iterator[Step]:
    """Yield what limits carried beyond the last period that is settled."""
    for pot in running.carried:
        why = "above a limit that carries it on, and no later period is settled"
        yield Step(pot.clause, pot.steps[-1].clause, pot.effect, "unpaid", pot.amount, why, pot.period)


def _refuse_outside(inputs: Inputs) -> None:
    """Refuse what could never be paid for: a number without a period where periods are settled, or the other way round."""
    numbers = {name: {cell.period for cell in known.cells} for name, known in inputs.quantities.items()}
    numbers |= {name: {priced.period for priced in known} for name, known in inputs.effects.items()}
    named = "" not in inputs.periods
    for name, periods in numbers.items():
        outside = {period for period in periods if named is (period == "")}
        if outside:
            what = (
                "without a period, and periods are settled"
                if named
                else f"of period '{min(outside)}', and there are none"
            )
            raise refusal("PAY-023", f"a number of '{name}' is {what}", name)


def _settle_moment(
    inputs: Inputs, moment: Moment, state: _Running, unit: Decimal
) -> tuple[tuple[Line, ...], list[Step]]:
    placed = [(f"payments[{number}]", clause) for number, clause in enumerate(inputs.clauses[moment.period])]
    here = [(at, clause) for at, clause in placed if isinstance(clause, Price) or _in_force(clause, moment)]
    pots = _payers(here, tuple(_prices(here, moment, inputs, unit)), inputs, state, unit)
    for at, clause in here:
        if isinstance(clause, TopUp):
            pots = add_top_up(clause, at, pots, unit, inputs.rounding)
    # What an earlier period left has its payer, and was topped up then.
    pots = _limits(here, (*pots, *_carried(state, moment)), moment, inputs, state, unit)
    _note_payers(here, pots, state)
    lines: tuple[Line, ...] = ()
    steps: list[Step] = []
    prices = dict(placed)
    for pot in pots:
        divided = _divide(pot, prices.get(pot.source or pot.clause), moment, inputs, unit)
        lines += tuple(
            Line(
                pot.clause,
                pot.effect,
                pot.payer or inputs.payer,
                party,
                pot.quantity,
                pot.price,
                amount,
                reason,
                pot.name,
                pot.period,
                pot.group,
                pot.rung,
            )
            for party, (amount, reason) in divided.parts.items()
        )
        steps += [*pot.steps, *divided.steps]
    lines = _limits_of_providers(here, lines, moment, state, unit)
    for _, clause in here:
        if isinstance(clause, Hold):
            lines = hold_disputed(clause, lines, unit)
    return lines, steps


def _in_force(clause: Clause, moment: Moment) -> bool:
    periods: tuple[str, ...] = getattr(clause, "periods", ())
    return not periods or moment.period in periods


def _carried(state: _Running, moment: Moment) -> tuple[Pot, ...]:
    """Return what an earlier period left to be paid now."""
    pots, state.carried = tuple(replace(pot, period=moment.period) for pot in state.carried), []
    return pots


def _prices(here: Sequence[Placed], moment: Moment, inputs: Inputs, unit: Decimal) -> Iterator[Pot]:
    by_person = any(isinstance(clause, Cap) and clause.scope == "person" for _, clause in here)
    for at, clause in here:
        if not isinstance(clause, Price):
            continue
        periods = _not_replaced(clause, here, moment)
        if periods is None:
            continue
        priced = clause if periods == clause.periods else clause.model_copy(update={"periods": periods})
        compute: Any = PRICINGS[type(clause)]
        if by_person and isinstance(clause, UnitPrice | Bonus):
            compute = partial(compute, by_person=True)
        yield from pots_of(priced, at, moment, compute(priced, moment), unit, inputs.rounding)


def _not_replaced(clause: Price, here: Sequence[Placed], moment: Moment) -> tuple[str, ...] | None:
    """Return the periods of a price without those in which a grant stands in its place; None when none is left."""
    replaced = {
        period
        for _, other in here
        if isinstance(other, Grant) and clause.name is not None and clause.name in other.instead_of
        if other.only_if is None or holds(other.only_if, moment)[0]
        for period in other.periods or moment.periods
    }
    if not replaced:
        return clause.periods
    return tuple(period for period in clause.periods or moment.periods if period not in replaced) or None


def _payers(
    here: Sequence[Placed], pots: tuple[Pot, ...], inputs: Inputs, state: _Running, unit: Decimal
) -> tuple[Pot, ...]:
    for at, clause in here:
        if isinstance(clause, PayerSplit):
            used = _paid_under(at, state.carried, state.payers.get(at, {}))
            pots = split_payers(clause, at, pots, unit, used)
    return tuple(pot if pot.payer else replace(pot, payer=inputs.payer) for pot in pots)


def _note_payers(here: Sequence[Placed], pots: Sequence[Pot], state: _Running) -> None:
    """Note what each payer in an order pays after all limits; what a limit takes off it may pay later."""
    for at, clause in here:
        if isinstance(clause, PayerSplit) and clause.in_order:
            state.payers[at] = _paid_under(at, pots, state.payers.get(at, {}))


def _paid_under(at: str, pots: Sequence[Pot], before: Mapping[str, Decimal]) -> dict[str, Decimal]:
    found = dict(before)
    for pot in pots:
        if pot.payers == at and pot.payer is not None:
            found[pot.payer] = add([found.get(pot.payer, Decimal(0)), pot.amount])
    return found


def _limits(
    here: Sequence[Placed],
    pots: tuple[Pot, ...],
    moment: Moment,
    inputs: Inputs,
    state: _Running,
    unit: Decimal,
) -> tuple[Pot, ...]:
    limits = [(at, clause) for at, clause in here if isinstance(clause, Cap | Floor) and clause.scope != "provider"]
    rooms: dict[str, Decimal] = {}
    for at, clause in limits:
        if isinstance(clause, Floor):
            pots = _floor(clause, at, pots, moment, inputs, state, unit)
            continue
        if clause.scope == "person":
            lowered = cap_people(clause, at, pots, unit, state.people.get(at, {}))
        else:
            rooms[at] = _room(clause, at, moment, state)
            lowered = apply_cap(clause, at, pots, unit, room=rooms[at])
        if clause.excess == "next_payer":
            pots = pay_excess(pots, lowered, clause, at)
            continue
        lowered = follow_bases(pots, lowered, covered(clause, pots), at, unit, inputs.rounding)
        if clause.excess == "carried":
            state.carried += _excess(pots, lowered, at)
        pots = lowered
    for at, clause in limits:
        if clause.scope == "person" and isinstance(clause, Cap):
            state.people[at] = spent_by_person(clause, pots, state.people.get(at, {}))
        due = add(pots[number].amount for number in covered(clause, pots))
        state.used[at] = add([state.used.get(at, Decimal(0)), due])
        if isinstance(clause, Cap) and clause.carry_over:
            state.unused[at] = max(Decimal(0), add([rooms[at], -due]))
    return pots


def _floor(
    clause: Floor, at: str, pots: tuple[Pot, ...], moment: Moment, inputs: Inputs, state: _Running, unit: Decimal
) -> tuple[Pot, ...]:
    each_period = clause.scope == "period"
    if not (each_period or _is_last(clause, moment, inputs)) or (
        clause.only_if is not None and not holds(clause.only_if, moment)[0]
    ):
        return pots
    already = Decimal(0) if each_period else state.used.get(at, Decimal(0))
    return apply_floor(clause, at, pots, unit, already=already, period=moment.period)


def _is_last(clause: Floor, moment: Moment, inputs: Inputs) -> bool:
    """Tell whether no later period can add to what is due under a floor."""
    complete = set(clause.periods) <= set(inputs.periods) if clause.periods else inputs.final
    mine = [label for label in inputs.periods if not clause.periods or label in clause.periods]
    return complete and moment.period == mine[-1]


def _room(clause: Cap, at: str, moment: Moment, state: _Running) -> Decimal:
    """Return what a limit leaves for the period that is settled."""
    limit = clause.cap
    if clause.each is not None:
        known = moment.quantities[clause.each]
        so_far = tuple(period for period in moment.periods if not clause.periods or period in clause.periods)
        periods = (moment.period,) if clause.scope == "period" else so_far
        limit = multiply(limit, known.within(periods).total)
    if clause.scope == "period":
        return add([limit, state.unused.get(at, Decimal(0))])
    return add([limit, -state.used.get(at, Decimal(0))])


def _excess(before: Sequence[Pot], after: Sequence[Pot], at: str) -> Iterator[Pot]:
    for old, new in zip(before, after, strict=True):
        if old.amount != new.amount:
            left = add([old.amount, -new.amount])
            why = "above the limit of an earlier period, so it is due now"
            step = Step(old.clause, at, old.effect, "carried", left, why, old.period)
            yield replace(old.part(left), steps=(step,), base=None)


def _divide(pot: Pot, clause: Clause | None, moment: Moment, inputs: Inputs, unit: Decimal) -> Divided:
    terms = clause.split if isinstance(clause, Price) else None
    if terms is not None and pot.to is None:
        return _by_division(pot, terms, moment, inputs, unit)
    split = inputs.splits.get(pot.effect) if isinstance(clause, Price) and clause.effect is not None else None
    if split is None or pot.to is not None:
        if pot.to is None:
            raise refusal("CONTRACT-015", "the clause names nobody who receives it", pot.clause)
        return Divided({pot.to: (pot.amount, "the whole pot")})
    effect = moment.gain(pot.effect)
    if effect is None:
        raise refusal("PAY-001", "the effect that divides the pot is not known", pot.effect)
    if pot.amount == 0:
        credited = [party for credit in effect.credits or {} for party in effect.groups.get(credit, (credit,))]
        parties = [*split.carve_outs, *credited]
        return Divided(dict.fromkeys(parties, (pot.amount, "nothing is due")))
    return divide(pot, split, effect, unit)


def _by_division(pot: Pot, terms: Division, moment: Moment, inputs: Inputs, unit: Decimal) -> Divided:
    """Divide a pot as its price says: equally, by agreed fractions, by another quantity, or by an effect's credits."""
    if terms.credits_from is not None:
        return _by_credits(pot, terms, terms.credits_from, moment, inputs, unit)
    weights = dict.fromkeys(terms.equally, Decimal(1)) | terms.fractions
    if terms.by_quantity is not None:
        for cell in moment.cells(terms.by_quantity):
            if cell.provider:
                weights[cell.provider] = add([weights.get(cell.provider, Decimal(0)), cell.amount])
    if pot.amount == 0:
        parties = dict.fromkeys([*terms.carve_outs, *weights])
        return Divided(dict.fromkeys(parties, (pot.amount, "nothing is due")))
    return Divided(parts_by_weight(pot.amount, terms, weights, unit, pot.clause))


def _by_credits(pot: Pot, terms: Division, name: str, moment: Moment, inputs: Inputs, unit: Decimal) -> Divided:
    effect = moment.gain(name)
    if effect is None:
        what = f"effect '{name}', whose credits divide the amount, is not known by period '{moment.period}'"
        raise refusal("PAY-004", what, pot.clause, "state in the effect the period it is known in, as `settled_in:`")
    if effect.credits is None:
        raise refusal("PAY-004", f"effect '{name}', whose credits divide the amount, has none", pot.clause)
    if pot.amount == 0:
        parties = dict.fromkeys([*terms.carve_outs, *effect.credits])
        return Divided(dict.fromkeys(parties, (pot.amount, "nothing is due")))
    split = inputs.splits.get(name, Split(rule="shapley"))
    whole = divide(pot, split.model_copy(update={"carve_outs": {}}), effect, unit)
    weights = {party: amount for party, (amount, _) in whole.parts.items()}
    parts = parts_by_weight(pot.amount, terms, weights, unit, pot.clause)
    said = {
        party: (amount, f"{reason}, by credit in {name}" if party in weights else reason)
        for party, (amount, reason) in parts.items()
    }
    return Divided(said, whole.steps)


def _limits_of_providers(
    here: Sequence[Placed], lines: tuple[Line, ...], moment: Moment, state: _Running, unit: Decimal
) -> tuple[Line, ...]:
    """Lower the lines of a provider that has a limit of its own; what exceeds it is not due."""
    for at, clause in here:
        if not isinstance(clause, Cap) or clause.scope != "provider":
            continue
        under = [number for number, line in enumerate(lines) if line.provider == clause.provider]
        due = add(lines[number].amount for number in under)
        room = max(Decimal(0), round_money(_room(clause, at, moment, state), unit, "down"))
        found = list(lines)
        if due > room:
            parts = largest_remainder(room, [lines[number].amount for number in under], unit)
            why = f"; limited to {room:,} for {clause.provider}, {due:,} would be due without the limit"
            for number, amount in zip(under, parts, strict=True):
                found[number] = replace(lines[number], amount=amount, reason=lines[number].reason + why)
        state.used[at] = add([state.used.get(at, Decimal(0)), min(due, room)])
        lines = tuple(found)
    return lines
