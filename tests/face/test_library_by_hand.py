"""A naive settlement of the library's terms, written apart from the engine: every expected amount follows from the terms."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.amending import changed
from counterfoil.library import library, library_folder
from counterfoil.reconciliation import Compared, Settled, compared
from counterfoil.record import Case, read_record
from counterfoil.source import read_source

CENT = Decimal("0.01")
RECORDS = {name: read_record(library_folder(name)) for name in library()}
TERMS = {name: read_source(library_folder(name) / "contract.yaml").data for name in library()}
CASES = [
    pytest.param(name, case, id=f"{name}: {case.name}")
    for name, record in RECORDS.items()
    for case in record.cases
    if not case.expected.refused and not case.ledger and case.expected.payer_maxima is None
]


class ByHand:
    """One case, one pass through the clauses, in plain decimals."""

    def __init__(self, terms: dict[str, Any], case: Case) -> None:
        self.terms, self.case = changed(terms, case.changes), case
        named = {row.period for row in case.reported if row.period}
        self.periods = [period for period in self.terms.get("periods", {"": {}}) if period in named or not named]
        self.people = {row.effect: row.people for row in case.reported}

    def effect(self, name: str, period: str) -> Decimal:
        spec = self.terms["effects"][name]
        design = spec["estimator"]
        if design["kind"] == "blend":
            return sum((Decimal(w) * self.effect(part, period) for part, w in design["of"].items()), Decimal(0))
        if design["kind"] == "index":
            parts = design["of"].items()
            return sum(
                (100 * Decimal(p["weight"]) * self.effect(n, period) / Decimal(p["target"]) for n, p in parts),
                Decimal(0),
            )
        rows = [row for row in self.case.reported if row.effect == name and (row.period or "") == period]
        value = sum((row.value for row in rows), Decimal(0))
        return value.quantize(Decimal(spec["round"]["to"]), "ROUND_HALF_UP") if "round" in spec else value

    def quantity(self, name: str, period: str, rung: str = "") -> Decimal:
        spec = self.terms["quantities"][name]
        if spec["kind"] == "net":
            parts = [self.quantity(part, period) for part in spec["of"]]
            less = [self.quantity(part, period) for part in spec.get("less", ())]
            factor = Decimal(spec.get("deduct", {}).get("multiplier", "1"))
            return max(sum(parts, Decimal(0)) - sum(less, Decimal(0)), Decimal(0)) * factor
        if spec["kind"] == "ratio":
            back = self.quantity(spec["reversed"], period) if "reversed" in spec else Decimal(0)
            base = sum((self.quantity(part, period) for part in spec["to"]), Decimal(0))
            base -= back if spec.get("treatment") == "remove" else 0
            return 100 * (self.quantity(spec["of"], period) - back) / base
        if spec["kind"] != "reported":
            return Decimal(self.claimed(spec)[rung] if rung else sum(self.claimed(spec).values()))
        rows = [row for row in self.case.reported if row.quantity == name and (row.period or "") == period]
        return sum((row.value for row in rows if not rung or row.rung == rung), Decimal(0))

    def claimed(self, spec: dict[str, Any]) -> Counter[str]:
        """Rungs that the one constructed person of a case is on."""
        wanted = {condition["is"] for condition in spec.get("where", ())}
        had = Counter({claim.metric: claim.times for claim in self.case.claims if not wanted or claim.group in wanted})
        if spec["kind"] == "count":
            return Counter({"": min(had[spec["metric"]], 1)})
        if spec["kind"] == "breadth":
            reached = sum(had[metric] > 0 for metric in spec["metrics"])
            return Counter({k: int(reached >= int(k)) for k in spec["at_least"]})
        rungs: Counter[str] = Counter()
        for name, rung in spec["rungs"].items():
            rungs[name] = min(had[rung["metric"]], int(rung["times"]))
            if not rungs[name]:
                break
        return rungs

    def measured(self, clause: dict[str, Any], period: str) -> Decimal:
        if "effect" in clause:
            return self.effect(clause["effect"], period)
        return self.quantity(clause["quantity"], period)

    def holds(self, condition: dict[str, Any], period: str) -> bool:
        if "any" in condition:
            return any(self.holds(part, period) for part in condition["any"])
        if "gate" in condition:
            known = condition["gate"] in self.people
            return known and self.effect(condition["gate"], period) >= self.gate(condition["gate"])
        return self.measured(condition, period) >= Decimal(condition["at_least"])

    def gate(self, name: str) -> Decimal:
        people = self.people[name]
        assert people is not None
        bands = [b for b in self.terms["effects"][name]["gate"]["minimum_by_people"] if int(b["people"]) <= people]
        band = bands[-1]
        if "to" not in band:
            return Decimal(band["low"])
        along = Decimal(people - int(band["people"])) / (int(band["to"]) - int(band["people"]))
        return Decimal(band["low"]) + along * (Decimal(band["high"]) - Decimal(band["low"]))

    def due(self, clause: dict[str, Any], period: str) -> Decimal:
        if "bonus" in clause:
            return Decimal(clause["bonus"]) * (self.quantity(clause["quantity"], period) if "quantity" in clause else 1)
        if "prices" in clause:
            rungs = clause["prices"].items()
            return sum((Decimal(p) * self.quantity(clause["quantity"], period, rung) for rung, p in rungs), Decimal(0))
        x = self.measured(clause, period)
        if "savings_share" in clause:
            return Decimal(clause["savings_share"]) * x
        if "steps" in clause:
            reached = [step for step in clause["steps"] if x >= Decimal(step["from"])]
            if not reached:
                return Decimal(0)
            step = reached[-1]
            return Decimal(step["pays"]) if "pays" in step else Decimal(step["rate"]) * Decimal(clause["of"])
        if "curve" in clause:
            pieces = [piece for piece in clause["curve"] if x >= Decimal(piece["from"])]
            if not pieces:
                return Decimal(0)
            return Decimal(pieces[-1]["amount"]) + Decimal(pieces[-1]["per_unit"]) * (x - Decimal(pieces[-1]["from"]))
        people = self.people[clause["effect"]] if clause.get("per") == "person" else 1
        rise = Decimal(clause.get("escalator", {}).get("factors", {}).get(period, "1"))
        return Decimal(clause["price"]) * rise * x * (people or 0)

    def settle(self) -> Settled:
        clauses: dict[str, Decimal] = {}
        met: dict[str, bool] = {}
        due: dict[tuple[str, str], Decimal] = {}
        payer: dict[str, str] = {}
        receives: defaultdict[str, Decimal] = defaultdict(Decimal)
        for clause in (c for c in self.terms["payments"] if "name" in c):
            name = clause["name"]
            payer[name] = clause["payer"]
            for period in (p for p in self.periods if p in clause.get("periods", self.periods)):
                met[name] = "only_if" not in clause or self.holds(clause["only_if"], period)
                due[name, period] = self.due(clause, period) if met[name] else Decimal(0)
            clauses[name] = sum((amount for (other, _), amount in due.items() if other == name), Decimal(0))
            receives[clause["to"]] += clauses[name]
        gross = sum(due.values(), Decimal(0))
        by: dict[str, Callable[[dict[str, Any], str, str], bool]] = {
            "quantity": lambda c, n, _: self.clause(n).get("quantity") == c["quantity"],
            "effect": lambda c, n, _: self.clause(n).get("effect") == c["effect"],
            "payment": lambda c, n, p: n == c["payment"] and p in c.get("periods", self.periods),
            "payer": lambda c, n, _: payer[n] == c["payer"],
            "period": lambda c, n, p: p in c["periods"] and n in c.get("of", [n]),
            "contract": lambda _, __, ___: True,
        }
        for limit in (c for c in self.terms["payments"] if "name" not in c):
            under = [key for key in due if by[limit["scope"]](limit, *key)]
            amount = sum((due[key] for key in under), Decimal(0))
            bound = Decimal(limit["cap"] if "cap" in limit else limit["floor"])
            if under and (amount > bound if "cap" in limit else amount < bound):
                due |= dict.fromkeys(under, Decimal(0)) | {under[0]: bound}
        total = sum(due.values(), Decimal(0)).quantize(CENT)
        amounts = {"gross": gross, "total": total} | self.capital(total)
        return Settled(amounts, clauses, receives, self.values(), self.gates(), met, self.assigned())

    def clause(self, name: str) -> dict[str, Any]:
        return next(clause for clause in self.terms["payments"] if clause.get("name") == name)

    def capital(self, total: Decimal) -> dict[str, Decimal]:
        if "capital" not in self.terms:
            return {}
        (capital,) = self.terms["capital"]
        principal = sum((Decimal(tranche["principal"]) for tranche in capital["tranches"]), Decimal(0))
        drawn = sum((Decimal(draw["amount"]) for draw in capital.get("drawn", ())), Decimal(0)) or principal
        share = Decimal(capital.get("guarantee", {}).get("share", "0"))
        return {"gain": total - principal, "guarantee": max(share * drawn - total, Decimal(0))}

    def values(self) -> dict[str, Decimal]:
        period = self.periods[-1]
        return {
            name: self.effect(name, period) if name in self.terms.get("effects", {}) else self.quantity(name, period)
            for name in self.case.expected.values
        }

    def gates(self) -> dict[str, Decimal]:
        return {name: self.gate(name) for name in self.case.expected.gates}

    def assigned(self) -> dict[str, str]:
        charged = [claim for claim in self.case.claims if claim.provider]
        return {
            person: str(max((c for c in charged if c.person == person), key=lambda c: c.quantity).provider)
            for person in {claim.person for claim in charged}
        }


def differing(rows: Iterator[Compared]) -> list[tuple[str, object, object]]:
    return [(row.what, row.expected, row.computed) for row in rows if not row.agrees]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_expected_amounts_follow_from_the_terms(name: str, case: Case) -> None:
    assert not differing(compared(case, ByHand(TERMS[name], case).settle()))


def test_another_price_would_be_noticed() -> None:
    case = next(case for case in RECORDS["denver-supportive-housing"].cases if case.name == "total")
    terms = changed(TERMS["denver-supportive-housing"], {"payments.0.price": "15.13"})
    assert {what for what, _, _ in differing(compared(case, ByHand(terms, case).settle()))} == {
        "total", "gain", "clause housing",
    }  # fmt: skip


def test_only_refusals_and_ledgers_are_left_to_others() -> None:
    left = sum(len(record.cases) for record in RECORDS.values()) - len(CASES)
    assert left == 4
