"""How far each price is from its next threshold, and what reaching it would change in money.

The contract is settled again with the one value moved to the threshold, everything else as it is, so that limits, other prices
on the same value and rounding have their say. Where the value on the threshold does not belong to the side that is asked for,
it is moved beyond it by a part in 10^12, which no amount of money shows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final, Literal

import pandas as pd

from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.gains.any_gate import AnyGate
from counterfoil.attribution.gains.held import Better
from counterfoil.attribution.money.amounts import PRECISION, add, multiply
from counterfoil.attribution.payment.line import titled
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Price, counted_cells, value_of
from counterfoil.attribution.payment.settlement import Inputs
from counterfoil.attribution.payment.settling import settle_inputs
from counterfoil.attribution.payment.trace import Priced
from counterfoil.attribution.risk.drawing import Uncertain
from counterfoil.attribution.risk.operating_table import gate_cutoff
from counterfoil.attribution.risk.standing import moments, prices_at
from counterfoil.attribution.risk.thresholds import Kind, Threshold, bounds_of, leaves, thresholds
from counterfoil.errors import PaymentError, refusal

NUDGE: Final = Decimal("1e-12")
"""Part of a threshold by which a value is moved beyond it."""


@dataclass(frozen=True, slots=True)
class Distance:
    """One threshold beside a value.

    Parameters
    ----------
    clause : str
        What the contract calls the price, or where it stands.
    period : str
    what : str
        The effect or quantity whose value it is.
    kind : str
        What changes at the threshold: step, piece, scale, minimum, band, condition or gate.
    direction : {"up", "down"}
        Which way from the value.
    value, threshold, distance : Decimal
        In the unit of the gain, oriented so that higher is better, or of the quantity; the distance is not negative.
    change : Decimal or None
        By how much the whole settlement would change, to the cent; None where it could then not be settled.
    """

    clause: str
    period: str
    what: str
    kind: Kind
    direction: Literal["up", "down"]
    value: Decimal
    threshold: Decimal
    distance: Decimal
    change: Decimal | None


@dataclass(frozen=True, slots=True)
class GateEdge:
    """Where a gate would turn.

    Parameters
    ----------
    value : Decimal
        The gain at which it turns, oriented so that higher is better, with the same standard error.
    there : Priced
        The effect as it would be priced there, its gate as it would then stand.
    """

    value: Decimal
    there: Priced


def gate_edge(effect: Uncertain, gate: AnyGate, better: Better, people: int | None = None) -> GateEdge:
    """Return where an effect's gate turns, with the standard error that its estimate has, and how it is priced there.

    Parameters
    ----------
    effect : Uncertain
    gate : any gate
    better : {"higher", "lower"}
    people : int, optional
        For a minimum by people.

    Raises
    ------
    PaymentError
        PAY-016 for an effect without an estimate, PAY-018 for a gate that does not turn at any gain.
    """
    if effect.total is None:
        raise refusal("PAY-016", "the effect has no estimate, so its gate turns nowhere")
    sign = 1.0 if better == "higher" else -1.0
    there = effect.at(sign * gate_cutoff(gate, effect.total, better, people))
    passes = effect.at(float(effect.total.values[0])).gate_passes
    return GateEdge(there.level, replace(there, gate_passes=not passes))


def distances(inputs: Inputs, gates: Mapping[str, GateEdge] | None = None) -> tuple[Distance, ...]:
    """Return the next threshold above and below each value that a price or condition looks at.

    Parameters
    ----------
    inputs : Inputs
        What the settlement follows from, such as ``settlement.inputs``.
    gates : mapping of str to GateEdge, optional
        Effect to where its gate turns; gates that are not here are left out.

    Examples
    --------
    >>> from counterfoil.attribution.payment import StepTable, settle
    >>> table = StepTable(effect="fall", to="spv", steps=({"from": "10", "pays": "5000000.00"},))
    >>> due = settle([table], {"fall": Priced(Decimal("8.4"), "found", True)}, {}, currency="GBP", payer="ministry")
    >>> [(str(one.threshold), str(one.distance), str(one.change)) for one in distances(due.inputs)]
    [('10', '1.6', '5000000.00')]
    """
    now = settle_inputs(inputs).total
    found: list[Distance] = []
    for moment in moments(inputs):
        for at, clause in prices_at(inputs, moment):
            title = titled(at, clause.name)
            found += _of_price(clause, title, moment, inputs, now)
            found += _of_conditions(clause, title, moment, inputs, now)
            edge = (gates or {}).get(clause.effect or "")
            priced = None if clause.effect is None else moment.gain(clause.effect, new=True)
            if edge is not None and priced is not None and clause.effect is not None:
                found.append(_of_gate(clause.effect, title, priced, edge, inputs, moment, now))
    return tuple(found)


def tidy_distances(found: tuple[Distance, ...]) -> pd.DataFrame:
    """Return distances as a table, one row a threshold; values and money are Decimal."""
    names = ["clause", "period", "what", "kind", "direction", "value", "threshold", "distance", "change"]
    return pd.DataFrame([[getattr(one, name) for name in names] for one in found], columns=names)


def _of_price(clause: Price, title: str, moment: Moment, inputs: Inputs, now: Decimal) -> Iterator[Distance]:
    priced = None if clause.effect is None else moment.gain(clause.effect)
    edges = thresholds(clause, None if priced is None else priced.people)
    known = value_of(clause, moment) if edges else None
    if known is None:
        return
    for edge, direction in _next(edges, known[0]):
        there = _beside(edge, direction)
        if clause.effect is not None:
            moved = _with_gain(inputs, moment, clause.effect, there)
        else:
            moved = _with_quantity(inputs, moment, clause.quantity or "", there, clause)
        what = clause.effect or clause.quantity or ""
        yield _distance(title, moment.period, what, edge, direction, known[0], _change(moved, now))


def _of_conditions(clause: Price, title: str, moment: Moment, inputs: Inputs, now: Decimal) -> Iterator[Distance]:
    if clause.only_if is None or (clause.periods and moment.period not in clause.periods):
        return
    for leaf in leaves(clause.only_if):
        value = moment.value(effect=leaf.effect, quantity=leaf.quantity)
        if value is None:
            continue
        for edge, direction in _next(bounds_of(leaf), value):
            there = _beside(edge, direction)
            if leaf.effect is not None:
                moved = _with_gain(inputs, moment, leaf.effect, there)
            else:
                moved = _with_quantity(inputs, moment, leaf.quantity or "", there, None)
            what = leaf.effect or leaf.quantity or ""
            yield _distance(title, moment.period, what, edge, direction, value, _change(moved, now))


def _of_gate(
    name: str, title: str, priced: Priced, edge: GateEdge, inputs: Inputs, moment: Moment, now: Decimal
) -> Distance:
    direction: Literal["up", "down"] = "down" if priced.gate_passes else "up"
    there = replace(edge.there, period=priced.period)
    known = tuple(there if one is priced else one for one in inputs.effects[name])
    moved = replace(inputs, effects={**inputs.effects, name: known})
    # A gate passes above its edge, and the edge itself is not told apart from it.
    turned = Threshold(edge.value, not priced.gate_passes, "gate")
    return _distance(title, moment.period, name, turned, direction, priced.level, _change(moved, now))


def _distance(
    title: str,
    period: str,
    what: str,
    edge: Threshold,
    direction: Literal["up", "down"],
    value: Decimal,
    change: Decimal | None,
) -> Distance:
    with localcontext(prec=PRECISION):
        gap = abs(edge.value - value)
    return Distance(title, period, what, edge.kind, direction, value, edge.value, gap, change)


def _next(edges: tuple[Threshold, ...], value: Decimal) -> Iterator[tuple[Threshold, Literal["up", "down"]]]:
    above = [edge for edge in edges if not edge.reached(value)]
    below = [edge for edge in edges if edge.reached(value)]
    if above:
        yield above[0], "up"
    if below:
        yield below[-1], "down"


def _beside(edge: Threshold, direction: Literal["up", "down"]) -> Decimal:
    """Return the value nearest to a threshold on the side asked for."""
    with localcontext(prec=PRECISION):
        step = NUDGE * max(Decimal(1), abs(edge.value))
        if direction == "up":
            return edge.value if edge.inclusive else edge.value + step
        return edge.value - step if edge.inclusive else edge.value


def _with_gain(inputs: Inputs, moment: Moment, name: str, level: Decimal) -> Inputs:
    """Return the inputs with an effect, as last known, at another level and over the same people."""
    current = moment.gain(name)
    if current is None:
        return inputs
    people = current.people
    if current.gain is None or current.gain == current.quantity:
        quantity = level
    elif people:
        quantity = multiply(level, people)
    elif current.gain:
        with localcontext(prec=PRECISION):
            quantity = current.quantity * level / current.gain
    else:
        quantity = current.quantity
    moved = replace(current, gain=level, quantity=quantity)
    known = tuple(moved if one is current else one for one in inputs.effects[name])
    return replace(inputs, effects={**inputs.effects, name: known})


def _with_quantity(inputs: Inputs, moment: Moment, name: str, amount: Decimal, clause: Price | None) -> Inputs:
    """Return the inputs with the difference added to the last of the cells that are counted."""
    quantity = inputs.quantities[name]
    wanted = list(moment.cells(name)) if clause is None else list(counted_cells(clause, moment))
    if not wanted:
        return inputs
    if quantity.base is not None and quantity.parts is not None:
        return replace(inputs, quantities={**inputs.quantities, name: _ratio_at(quantity, moment, amount)})
    more = add([amount, *(-cell.amount for cell in wanted)])
    place = wanted[-1].place
    cells = tuple(
        replace(cell, amount=add([cell.amount, more])) if cell.place == place else cell for cell in quantity.cells
    )
    moved = replace(quantity, cells=cells, by_person=None)
    return replace(inputs, quantities={**inputs.quantities, name: moved})


def _ratio_at(quantity: Quantity, moment: Moment, amount: Decimal) -> Quantity:
    """Return a ratio whose value over the periods that count is the one given, at the base that it has."""
    counted = moment.counted
    base = add(cell.amount for cell in quantity.base or () if cell.period in counted)
    parts = list(quantity.parts or ())
    last = max((n for n, cell in enumerate(parts) if cell.period in counted), default=None)
    others = add(cell.amount for n, cell in enumerate(parts) if cell.period in counted and n != last)
    needed = add([multiply(amount, base), -others])
    if last is None:
        parts.append(Cell(needed, counted[-1]))
    else:
        parts[last] = replace(parts[last], amount=needed)
    own = {cell.place: cell.amount for cell in quantity.base or ()}
    sums = {cell.place: cell.amount for cell in parts}
    with localcontext(prec=PRECISION):
        cells = tuple(
            replace(cell, amount=sums.get(cell.place, Decimal(0)) / own[cell.place])
            if cell.period in counted and own.get(cell.place)
            else cell
            for cell in quantity.cells
        )
    return replace(quantity, cells=cells, parts=tuple(parts))


def _change(moved: Inputs, now: Decimal) -> Decimal | None:
    try:
        there = settle_inputs(moved).total
    except PaymentError:
        return None
    return add([there, -now])
