"""Random contracts of all kinds of clause over several periods: what holds of every settlement."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.counting import Cell, Quantity
from counterfoil.attribution.counting.quantity import gathered
from counterfoil.attribution.payment import Cap, Clause, Floor, Grant, Hold, Priced, Settlement, Split, settle
from counterfoil.attribution.payment.clauses import CLAUSES, clause_name
from counterfoil.attribution.payment.price import Price
from counterfoil.attribution.payment.settling import settle_inputs

KINDS = {kind.__name__: kind for kind in CLAUSES.values()}
PERIODS = ("y1", "y2", "y3")
PEOPLE = 5
CENT = Decimal("0.01")
money = st.integers(1, 40_000).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")
fraction = st.integers(0, 100).map(lambda percent: str(Decimal(percent) / 100))
some_periods = st.lists(st.sampled_from(PERIODS), max_size=2, unique=True).map(sorted)


def written(terms: dict[str, Any]) -> Clause:
    clause: Clause = KINDS[clause_name(terms)].model_validate(terms)  # type: ignore[assignment]
    return clause


@dataclass(frozen=True)
class Drawn:
    """A contract and what is known."""

    clauses: tuple[Clause, ...]
    quantities: dict[str, Quantity]
    effects: dict[str, list[Priced]]
    splits: dict[str, Split]

    def settled(self, *clauses: Clause, **terms: Any) -> Settlement:
        return settle(
            dict.fromkeys(PERIODS, clauses or self.clauses), self.effects, self.splits,
            currency="USD", payer="city", quantities=self.quantities, **terms,
        )  # fmt: skip


@st.composite
def counted(draw: st.DrawFn) -> Quantity:
    """Draw a quantity by person, group and rung, from some periods."""
    people = [
        Cell(Decimal(draw(st.integers(1, 9))), period, group, rung, person=who)
        for period in PERIODS
        for group, rung in (("g", "one"), ("h", "two"))
        for who in draw(st.lists(st.integers(0, PEOPLE - 1), max_size=3, unique=True))
    ]
    sums: dict[tuple[str, str, str, str], Decimal] = {}
    for cell in people:
        sums[cell.place] = sums.get(cell.place, Decimal(0)) + cell.amount
    return Quantity(tuple(Cell(amount, *place) for place, amount in sums.items()), by_person=tuple(people))


@st.composite
def beside(draw: st.DrawFn) -> dict[str, Any]:
    """Draw terms beside a price."""
    terms: dict[str, Any] = {}
    if draw(st.booleans()):
        terms["escalator"] = {"rate": draw(st.sampled_from(["0.03", "-0.2"])), "since": draw(st.sampled_from(PERIODS))}
    if draw(st.booleans()):
        terms["discount"] = draw(fraction)
    if draw(st.booleans()):
        terms["only_if"] = draw(st.sampled_from([{"gate": "e"}, {"any": [{"effect": "e", "above": "3"}, {"quantity": "q1", "at_least": "2"}]}]))  # fmt: skip
    terms["rounding"] = draw(st.sampled_from(["half_up", "half_even", "down"]))
    return terms


@st.composite
def prices(draw: st.DrawFn, per_person: bool) -> list[dict[str, Any]]:
    """Draw prices; those of single counts only, where every amount must be known person by person."""
    q = st.sampled_from(["q1", "q2"])
    receivers: list[dict[str, Any]] = [{"to": "n"}, {"split": {"equally": ["n", "s", "w"]}}, {"split": {"fractions": {"n": "0.7", "s": "0.3"}, "minimum": {"s": "0.4"}}}]  # fmt: skip
    kinds = [
        st.builds(lambda q, p: {"quantity": q, "price": p}, q, money),
        st.builds(lambda q, a, b: {"quantity": q, "by": "rung", "prices": {"one": a, "two": b}}, q, money, money),
        st.builds(lambda q, p, b: {"quantity": q, "price": p, "bands": [{"beyond": "6", "price": b}]}, q, money, money),
        st.builds(lambda q, p: {"quantity": q, "price": p, "at_least": "5", "pays": "excess"}, q, money),
        st.builds(lambda q, p: {"bonus": p, "quantity": q, "only_if": {"effect": "e", "above": "1"}}, q, money),
    ]
    if not per_person:
        kinds += [
            st.builds(lambda p: {"effect": "e", "per": "unit", "price": p}, money),
            st.builds(lambda a, b: {"effect": "e", "steps": [{"from": "2", "pays": a}, {"from": "5", "pays": b}]}, money, money),
            st.builds(lambda a, b: {"effect": "e", "curve": [{"from": "1", "amount": a, "per_unit": b}]}, money, money),
            st.builds(lambda a: {"quantity": "q1", "sliding": {"lower": "3", "upper": "9", "amount": a}}, money),
            st.builds(lambda a: {"bonus": a, "only_if": {"effect": "e", "at_least": "4"}}, money),
            st.builds(lambda a: {"quantity": "q2", "savings_share": "0.5", "until": a, "then": "0.2"}, money),
            st.builds(lambda a: {"grant": a, "periods": ["y2"], "instead_of": ["c0"], "reason": "r"}, money),
        ]  # fmt: skip
    found = []
    for number, kind in enumerate(draw(st.lists(st.one_of(kinds), min_size=1, max_size=4))):
        terms = {**draw(beside()), **kind, **draw(st.sampled_from(receivers)), "name": f"c{number}"}
        if "instead_of" in terms or draw(st.booleans()):
            terms.setdefault("periods", draw(some_periods))
        found.append(terms)
    return found


@st.composite
def limits(draw: st.DrawFn, per_person: bool, *, once: bool) -> list[dict[str, Any]]:
    """Draw limits and floors; none of single periods where everything so far is settled at once."""
    scopes: list[dict[str, Any]] = [{"scope": "contract"}, {"scope": "quantity", "quantity": "q1"}, {"scope": "payment", "payment": "c0"},
              {"scope": "payer", "payer": "a"}, {"scope": "provider", "provider": "n"}, {"scope": "group", "group": "g"},
              {"scope": "effect", "effect": "e"}]  # fmt: skip
    if not once:
        scopes += [{"scope": "period", "carry_over": True}, {"scope": "period", "excess": "carried"},
                   {"scope": "period", "of": ["c0"]}, {"scope": "contract", "cap_periods": ["y1"]}]  # fmt: skip
    scopes += [{"scope": "payer", "payer": "a", "excess": "next_payer", "then": "b"}]
    if per_person:
        scopes += [{"scope": "person"}, {"scope": "person", "of": ["c0"]}]
    found = []
    for scope in draw(st.lists(st.sampled_from(scopes), max_size=4)):
        terms = {key.removeprefix("cap_"): value for key, value in scope.items()}
        terms["cap"] = draw(money)
        if scope["scope"] in ("contract", "payer") and draw(st.booleans()):
            terms |= {"each": "q2"}
        found.append(terms)
    if not per_person and draw(st.booleans()):
        found.insert(draw(st.integers(0, len(found))), {"floor": draw(money), "scope": "contract", "to": "n"})
    return found


@st.composite
def contracts(draw: st.DrawFn, *, once: bool = False) -> Drawn:
    per_person = draw(st.booleans())
    terms = draw(prices(per_person))
    payers = draw(st.sampled_from([{"a": "1"}, {"a": "0.4", "b": "0.6"}, {"a": "90.00", "b": "60.00"}]))
    terms.append({"payers": payers, "in_order": "90.00" in payers.values(), **({"rest": "b"} if "90.00" in payers.values() else {})})  # fmt: skip
    if draw(st.booleans()):
        terms.append({"top_up": "0.1", "payer": "fund", "of": draw(st.sampled_from([[], ["c0"]]))})
    terms += draw(limits(per_person, once=once))
    if draw(st.booleans()):
        terms.append({"hold": "0.3", "escrow": "bank", "reason": "r"})
    known = [
        Priced(Decimal(draw(st.integers(-5, 12))), "drawn", draw(st.booleans()), period=period)
        for period in draw(st.lists(st.sampled_from(PERIODS), max_size=3, unique=True).map(sorted))
    ]
    return Drawn(tuple(map(written, terms)), {"q1": draw(counted()), "q2": draw(counted())}, {"e": known}, {})


def of_kind(drawn: Drawn, *kinds: type) -> list[Clause]:
    return [clause for clause in drawn.clauses if isinstance(clause, kinds)]


@given(contracts(), st.booleans())
def test_lines_are_whole_cents_and_sum_to_every_total_and_nobody_pays_in(drawn: Drawn, cumulative: bool) -> None:
    due = drawn.settled(cumulative=cumulative)
    assert all(line.amount >= 0 and line.amount == line.amount.quantize(CENT) for line in due.lines)
    for sums in (due.by_party(), due.by_payer(), due.by_clause(), due.by_period()):
        assert sum(sums.values(), Decimal(0)) == due.total


@given(contracts())
def test_the_parts_of_each_pot_sum_to_it(drawn: Drawn) -> None:
    # Without what moves money between periods and payers, each pot's last step is what is paid of it.
    kept = [c for c in drawn.clauses if not isinstance(c, Cap | Floor | Hold)]
    due = drawn.settled(*kept)
    last: dict[tuple[str, str, str, str], Decimal] = {}
    free = drawn.settled(*[c for c in kept if isinstance(c, Price)])
    for line in free.lines:
        key = (line.clause, line.period, line.group, line.rung)
        last[key] = last.get(key, Decimal(0)) + line.amount
    parts: dict[tuple[str, str, str, str], Decimal] = {}
    for line in due.lines:
        key = (line.clause, line.period, line.group, line.rung)
        if line.payer != "fund":
            parts[key] = parts.get(key, Decimal(0)) + line.amount
    assert parts == last


@given(contracts(), st.booleans())
def test_limits_only_lower_and_floors_only_raise(drawn: Drawn, cumulative: bool) -> None:
    plain = [c for c in drawn.clauses if not isinstance(c, Cap | Floor)]
    caps, floors = of_kind(drawn, Cap), of_kind(drawn, Floor)
    terms = {"cumulative": cumulative, "claw_back": cumulative}
    free = drawn.settled(*plain, **terms).total
    assert drawn.settled(*plain, *caps, **terms).total <= free
    assert drawn.settled(*plain, *floors, **terms).total >= free
    for floor in floors:
        assert isinstance(floor, Floor)
        assert drawn.settled(*plain, floor, **terms).total >= floor.floor


@given(contracts(), st.booleans())
def test_no_limit_is_exceeded(drawn: Drawn, cumulative: bool) -> None:
    kept = [c for c in drawn.clauses if not isinstance(c, Floor | Hold)]
    due = drawn.settled(*kept, cumulative=cumulative)
    for cap in kept:
        if isinstance(cap, Cap) and not (
            cumulative and (cap.periods or cap.scope == "period" or cap.excess == "carried")
        ):
            _check(cap, due, drawn)


def _check(cap: Cap, due: Settlement, drawn: Drawn) -> None:
    lines = [line for line in due.lines if not cap.periods or line.period in cap.periods]
    limit = cap.cap if cap.each is None else cap.cap * drawn.quantities[cap.each].within(cap.periods or PERIODS).total
    own = {"effect": "effect", "quantity": "effect", "payment": "name", "payer": "payer", "provider": "provider", "group": "group"}  # fmt: skip
    if cap.scope in own:
        lines = [line for line in lines if getattr(line, own[cap.scope]) == getattr(cap, cap.scope)]
    if cap.scope == "period":
        lines = [line for line in lines if not cap.of or line.name in cap.of]
        sums = [sum((line.amount for line in lines if line.period == period), Decimal(0)) for period in PERIODS]
        if not cap.carry_over:
            assert all(amount <= limit for amount in sums)
        assert all(sum(sums[: n + 1]) <= limit * (n + 1) for n in range(len(sums)))
    elif cap.scope == "person":
        lines = [line for line in lines if not cap.of or line.name in cap.of]
        assert sum(line.amount for line in lines) <= limit * PEOPLE
    else:
        assert sum(line.amount for line in lines) <= limit


@given(contracts(once=True))
def test_cumulative_settlements_sum_to_one_for_everything_where_all_is_clawed_back(drawn: Drawn) -> None:
    # Without what depends on the period or on the order of counts, one settlement of everything is due the same.
    flat = {"escalator": None, "discount": Decimal(0), "periods": (), "bands": (), "at_least": None, "pays": "whole"}
    clauses = [
        c.model_copy(update={key: value for key, value in flat.items() if key in type(c).model_fields})
        for c in drawn.clauses if not isinstance(c, Grant)
    ]  # fmt: skip
    merged = {
        name: Quantity(
            gathered(replace(cell, period="") for cell in known.cells),
            by_person=tuple(replace(cell, period="") for cell in known.by_person or ()),
        )
        for name, known in drawn.quantities.items()
    }
    last = {name: replace(known[-1], period="") for name, known in drawn.effects.items() if known}
    once = settle(clauses, last, {}, currency="USD", payer="city", quantities=merged)
    due = drawn.settled(*clauses, cumulative=True, claw_back=True)
    assert abs(due.total - once.total) <= CENT * len(due.lines)


@given(contracts(once=True))
def test_what_is_never_clawed_back_never_exceeds_the_most_that_was_due(drawn: Drawn) -> None:
    clawed = drawn.settled(cumulative=True, claw_back=True).by_period()
    entitled = [sum((clawed.get(period, Decimal(0)) for period in PERIODS[: n + 1]), Decimal(0)) for n in range(3)]
    kept = drawn.settled(cumulative=True, claw_back=False)
    assert kept.total <= max(entitled)
    assert all(line.amount >= 0 for line in kept.lines)


@given(contracts())
def test_the_same_inputs_give_the_same_ledger_and_people_have_no_order(drawn: Drawn) -> None:
    one = drawn.settled()
    assert settle_inputs(one.inputs) == one  # type: ignore[arg-type]
    turned = {
        name: replace(known, by_person=tuple(replace(cell, person=PEOPLE - (cell.person or 0)) for cell in reversed(known.by_person or ())))
        for name, known in drawn.quantities.items()
    }  # fmt: skip
    assert replace(drawn, quantities=turned).settled().lines == one.lines


@given(contracts(once=True))
def test_each_count_is_paid_by_a_clause_once(drawn: Drawn) -> None:
    prices = of_kind(drawn, Price)
    for clause in prices:
        assert isinstance(clause, Price)
        if clause.quantity is None or type(clause).__name__ != "UnitPrice" or clause.split is not None:
            continue
        due = drawn.settled(clause)
        wanted = [
            c for c in drawn.quantities[clause.quantity].cells if not clause.periods or c.period in clause.periods
        ]
        assert sorted((line.period, line.group, line.rung) for line in due.lines) == sorted(c.place[:3] for c in wanted)
