"""What the report says, as plain words and numbers for the template, small cells already withheld."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from counterfoil.attribution.interactions import Interactions
from counterfoil.attribution.ledger.suppression import Count, count_of
from counterfoil.attribution.money.amounts import add
from counterfoil.attribution.payment.condition import shown as shown_number
from counterfoil.attribution.payment.hold import Hold
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.attribution.rules import rule_named
from counterfoil.contract import Contract
from counterfoil.datasets.disclosure import SMALL_CELL, shown, suppress_counts
from counterfoil.estimators.contamination import Contamination
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.panel_contribution import PanelContribution
from counterfoil.estimators.support import CLASSES, SupportLedger, support
from counterfoil.findings import Findings
from counterfoil.moved import instrument_lines
from counterfoil.report.alike_facts import alike
from counterfoil.report.designs import assumption_rows, describe_design
from counterfoil.report.hidden_facts import hidden
from counterfoil.report.panel_facts import over_time
from counterfoil.report.pictures import Bar, Division, Part
from counterfoil.report.place_facts import places
from counterfoil.verdict import AS_REPORTED, NO_SHARE, Scale, describe_clause, describe_difference, describe_gate

if TYPE_CHECKING:
    from counterfoil.evaluation import Evaluation
    from counterfoil.measuring import EffectResult

WITHHELD: Final = "withheld"
RAW: Final = "raw outcomes"
ARMS: Final = (("assigned", "control"), ("treated", "untreated"), ("served", "unserved"))
"""What the two groups of a design may be called in its counts; one without the other would give that one away."""
MOST_BARS: Final = 6
"""Parties beyond which bars of shares have more parts than colours can tell apart."""
MOST_PATTERNS: Final = 40
MOST_PAIRS: Final = 15
PACKAGES: Final = ("counterfoil", "numpy", "pandas", "scipy", "statsmodels", "scikit-learn")


def gather(evaluation: "Evaluation", show_small_cells: bool) -> dict[str, Any]:
    """Return everything that the template prints."""
    withheld = frozenset() if show_small_cells else withheld_parties(evaluation)
    return {
        "title": evaluation.contract.name,
        "study": "" if evaluation.study is None else evaluation.study.title,
        "verdict": _verdict(evaluation, withheld),
        "answered": evaluation.answered,
        "refused": [
            *evaluation.refused,
            *(p for r in evaluation.effects.values() for p in r.refused if p not in evaluation.refused),
        ],
        "due": evaluation.settlement is not None and evaluation.settlement.total > 0,
        "total": _total(evaluation, withheld),
        "payers": _payers(evaluation, withheld),
        "currency": evaluation.contract.currency,
        "parties": _parties(evaluation, withheld),
        "clauses": [
            describe_clause(evaluation.contract, number) for number in range(len(evaluation.contract.payments))
        ],
        "quantities": _quantities(evaluation, show_small_cells),
        "returns": [] if withheld else _returns(evaluation),
        "risk": None if withheld or (not show_small_cells and _few(evaluation)) else _risk(evaluation),
        "hidden": None if withheld or (not show_small_cells and _few(evaluation)) else hidden(evaluation),
        "bound_caps": _caps(evaluation, withheld),
        "adjusted": _step_reasons(evaluation, "project", "agreement"),
        "effects": [
            _effect(evaluation.contract, result, withheld, show_small_cells) for result in evaluation.effects.values()
        ],
        "alternatives": _alternatives(evaluation, withheld),
        "ledger": all(isinstance(r.fit, ContributionFit) for r in evaluation.effects.values() if r.shares is not None),
        "data": _data(evaluation, show_small_cells),
        "warnings": list(dict.fromkeys(p for r in evaluation.effects.values() for p in r.warnings)),
        "audit": _audit(evaluation),
        "with_study": evaluation.study is not None,
        "withheld": bool(withheld),
        "small_cell": SMALL_CELL,
    }


def withheld_parties(evaluation: "Evaluation") -> frozenset[str]:
    """Return the parties whose figures would reveal a small number of people.

    A payment over a public price is a count, so a provider that served ten people or fewer has its credit and payment
    withheld; where that is one provider alone, or all that is withheld is paid for few people, the next smallest is withheld
    too, or the total would give it away. Where a whole effect counts for ten people or fewer, everybody it pays is withheld.
    """
    study, players = evaluation.study, evaluation.contract.players
    parties: set[str] = set()
    settlement = evaluation.settlement
    if settlement is not None:
        parties |= _paid_for_few(evaluation)
    for name, result in evaluation.effects.items():
        few = result.total is not None and 0 < result.total.people < SMALL_CELL and not result.of_places
        if settlement is not None and few:
            parties |= {line.provider for line in settlement.lines if line.effect == name}
    if study is not None and study.services is not None and players:
        served = study.roster([name for name in players if name in study.providers])
        counts = dict(zip(served.providers, served.exposure.sum(axis=0).tolist(), strict=True))
        for result in evaluation.effects.values():
            # A fit may use fewer people: those with every outcome, or with services before a panel ends.
            for name, people in _used_by(result).items():
                counts[name] = min(counts.get(name, people), people)
        hidden = suppress_counts(list(counts.values()))
        parties |= {name for name, text in zip(counts, hidden, strict=True) if text in {f"<{SMALL_CELL}", "suppressed"}}
    return frozenset(parties | _beside(evaluation, parties))


def _beside(evaluation: "Evaluation", parties: set[str]) -> set[str]:
    """Return the party that is withheld besides others because the total less what is shown would give these away."""
    settlement = evaluation.settlement
    paid = {} if settlement is None else {name: due for name, due in settlement.by_party().items() if due > 0}
    hidden, few = parties & set(paid), _few(evaluation)
    lines = () if settlement is None else settlement.lines
    agreed = _of_others(evaluation)
    own = hidden - agreed
    in_doubt = {count_of(line) for line in lines if line.provider in own and line.amount > 0} - few
    if not hidden or (len(hidden) > 1 and in_doubt):
        return set()
    return set(sorted(set(paid) - hidden, key=lambda name: (name in agreed, paid[name], name))[:1])


def _of_others(evaluation: "Evaluation") -> set[str]:
    """Return who receives an agreed fraction of what others do, from which it follows: escrows, and parties of carve-outs."""
    contract = evaluation.contract
    splits = [effect.split for effect in contract.effects.values()] + [clause.split for clause in contract.prices]
    carved = {party for split in splits if split is not None for party in split.carve_outs}
    return carved | {clause.escrow for clause in contract.payments if isinstance(clause, Hold)}


def _few(evaluation: "Evaluation") -> set[Count]:
    """Return the counts of few people: quantity, period, group, rung."""
    return {
        (name, *cell.place[:3])
        for name, quantity in evaluation.quantities.items()
        for cell in quantity.cells
        if cell.people is not None and 0 < cell.people < SMALL_CELL
    }


def _paid_for_few(evaluation: "Evaluation") -> set[str]:
    """Return who is paid for a count of few people: the amount over the public price is that count."""
    few = _few(evaluation)
    lines = () if evaluation.settlement is None else evaluation.settlement.lines
    return {line.provider for line in lines if count_of(line) in few}


def _used_by(result: "EffectResult") -> dict[str, int]:
    """Return how many of the people whom a fit uses each provider served, where providers are credited one by one."""
    if result.fit is None or set(result.fit.roster.providers) != set(result.fit.providers):
        return {}
    served = result.fit.roster.exposure.sum(axis=0).tolist()
    return dict(zip(result.fit.roster.providers, served, strict=True))


def _verdict(evaluation: "Evaluation", withheld: frozenset[str]) -> str:
    if not withheld or evaluation.settlement is None or evaluation.settlement.total == 0 or evaluation.refused:
        return evaluation.verdict
    due = f"{_total(evaluation, withheld)} {evaluation.contract.currency} is due"
    beside = "" if evaluation.answered else " Some questions have no answer."
    return f"{due}; amounts that rest on few people are withheld.{beside}"


def _total(evaluation: "Evaluation", withheld: frozenset[str]) -> str:
    if evaluation.settlement is None:
        return ""
    paid = {name for name, due in evaluation.settlement.by_party().items() if due > 0}
    everybody = paid <= withheld and evaluation.settlement.total > 0
    return "An amount of" if everybody else f"{evaluation.settlement.total:,}"


def _payers(evaluation: "Evaluation", withheld: frozenset[str]) -> list[str]:
    """Return who owes how much, where several pay."""
    if evaluation.settlement is None or withheld:
        return []
    owed: dict[str, list[Decimal]] = {}
    for line in evaluation.settlement.lines:
        owed.setdefault(line.payer, []).append(line.amount)
    return [f"{payer} owes {add(amounts):,}" for payer, amounts in owed.items()] if len(owed) > 1 else []


def _parties(evaluation: "Evaluation", withheld: frozenset[str]) -> list[dict[str, str]]:
    if evaluation.settlement is None:
        return []
    whole = evaluation.settlement.total
    rows = []
    for name, amount in evaluation.settlement.by_party().items():
        party = evaluation.contract.parties[name]
        hide = name in withheld and amount > 0
        part = "" if not whole else f"{float(amount / whole):.1%}"
        rows.append({
            "name": party.name or name,
            "key": name,
            "role": party.role.replace("_", " "),
            "amount": WITHHELD if hide else f"{amount:,}",
            "part": "" if hide else part,
        })  # fmt: skip
    return rows


def _caps(evaluation: "Evaluation", withheld: frozenset[str]) -> list[str]:
    """Return which limits bind; what would be due without them tells as much as what is due."""
    reasons = _step_reasons(evaluation, "cap")
    return (
        ["a limit lowers what is due; amounts that rest on few people are withheld"]
        if withheld and reasons
        else reasons
    )


def _step_reasons(evaluation: "Evaluation", *actions: str) -> list[str]:
    steps = () if evaluation.settlement is None else evaluation.settlement.steps
    return list(dict.fromkeys(step.reason for step in steps if step.action in actions))


def _effect(
    contract: Contract, result: "EffectResult", withheld: frozenset[str], show_small_cells: bool
) -> dict[str, Any]:
    terms = result.terms
    facts: dict[str, Any] = {
        "name": result.name,
        "outcome": terms.outcome,
        "better": terms.better,
        "answered": result.total is not None,
        "refused": list(result.refused),
        "design": describe_design(result.terms.estimator),
        "checks": _checks(result),
        "credits": [],
        "bars": [],
        "note": "",
        "findings": None,
        "over_time": None,
        "alike": alike(result),
        "places": places(result),
        "instrument": instrument_lines(result.measured),
    }
    if result.total is None:
        return facts
    total = result.total
    if total.error_type == "unknown":
        return facts | _without_error(total, result)
    scale = Scale(terms.display, float(total.std_error[0]))
    low, high = total.interval()[0]
    value = float(total.values[0])
    facts |= {
        "estimand": total.estimand,
        "estimate": f"{scale.number(value)}{scale.unit}",
        "each": "" if terms.estimator.kind in AS_REPORTED or terms.relative else f" per {terms.counted}",
        "interval": f"{scale.number(low)} to {scale.number(high)}",
        "std_error": scale.number(float(total.std_error[0])),
        "kind": "gain" if value * result.sign > 0 else "loss",
        "people": f"{total.people:,}" if result.of_places else shown(total.people),
        "population": total.population,
        "unit": scale.unit.strip() or "units of the outcome",
        "bars": [_bar(scale, "effect", value, low, high, result.sign)],
        "over_time": over_time(contract, result, scale, show_small_cells),
    }
    if result.shares is not None:
        rows = result.shares.tidy().to_dict("records")
        facts["credits"] = [_credit(scale, row, withheld) for row in rows]
        visible = [row for row in rows if row["provider"] not in withheld]
        facts["bars"] = [
            _bar(scale, row["provider"] or "total", row["estimate"], row["conf_low"], row["conf_high"], result.sign)
            for row in visible
        ]
        facts["findings"] = _findings(result, scale, withheld)
        facts["rule"] = result.shares.rule.name
        facts["on_credits"] = result.on_credits
        if terms.split is not None and terms.split.credits_from is not None:
            facts["rule"] += f", with the credits of effect {terms.split.credits_from}"
        if any(row["share"] == NO_SHARE for row in facts["credits"]):
            facts["note"] = (
                "not determinable: the total is too uncertain for a percentage of it; the credit itself stands."
            )
    return facts


def _without_error(total: Estimate, result: "EffectResult") -> dict[str, Any]:
    """Return what is said of an effect without a standard error: no interval, and no picture of one."""
    value = float(total.values[0])
    lacking = "not published" if result.terms.estimator.kind in AS_REPORTED else "none; a test instead"
    return {
        "estimand": total.estimand,
        "estimate": f"{value:,.6g}",
        "each": "",
        "interval": lacking,
        "std_error": lacking,
        "kind": "gain" if value * result.sign > 0 else "loss",
        "people": (f"{total.people:,}" if result.of_places else shown(total.people))
        if total.people
        else "a number not stated of",
        "population": total.population,
        "unit": "units of the outcome",
    }


def _quantities(evaluation: "Evaluation", show_small_cells: bool) -> list[tuple[str, ...]]:
    """Return each number of each quantity; counts of few people are withheld, with what reveals them."""
    rows: list[tuple[str, ...]] = []
    for name, quantity in evaluation.quantities.items():
        counts = [cell.people for cell in quantity.cells]
        hidden = [False] * len(counts)
        if not show_small_cells and any(people is not None for people in counts):
            texts = suppress_counts([people or 0 for people in counts])
            hidden = [text in {f"<{SMALL_CELL}", "suppressed"} for text in texts]
        for cell, hide in zip(quantity.cells, hidden, strict=True):
            place = ", ".join(part for part in cell.place if part)
            unit = evaluation.contract.quantities[name].unit
            rows.append((name, place, WITHHELD if hide else shown_number(cell.amount), unit))
    return rows


def _risk(evaluation: "Evaluation") -> dict[str, Any] | None:
    """Return how the payment spreads under sampling error, and how far the next thresholds are."""
    drawn, why = evaluation.payments_told()
    far = [
        (one.clause, f"{one.what} ({one.kind}, {one.direction})", shown_number(one.value), shown_number(one.threshold),
         shown_number(one.distance), "not told" if one.change is None else f"{one.change:+,}")
        for one in evaluation.distances()
    ]  # fmt: skip
    if drawn is None:
        return {"why": why, "far": far, "expected": "", "rows": [], "chances": []} if far or why else None
    low, high = drawn.interval()
    parties = drawn.tidy()
    rows = [
        (row["name"], f"{row['estimate']:,.2f}", f"{row['conf_low']:,.2f} to {row['conf_high']:,.2f}")
        for row in parties[parties["term"] == "party"].to_dict("records")
    ]
    return {
        "why": why,
        "expected": f"{drawn.mean:,.2f}",
        "interval": f"{low:,.2f} to {high:,.2f}",
        "nothing": f"{drawn.nothing_due:.1%}",
        "draws": f"{drawn.size:,}",
        "rows": rows,
        "chances": [(one.clause, f"{one.kind}: {one.name}", f"{chance:.1%}") for one, chance in drawn.chances.items()],
        "far": far,
    }


def _returns(evaluation: "Evaluation") -> list[str]:
    if evaluation.onward is None:
        return []
    words = evaluation.contract.words
    notes = [f"{made.paid.note}." for made in evaluation.onward.fees if made.paid.note]
    notes += [
        f"{name}: {found.amount:,} is still to be returned, because the contract was ended: {found.reason}."
        for name, found in evaluation.onward.ended
    ]
    return [*notes, *(investor.sentence(words) for stack in evaluation.onward.returns for investor in stack)]


def _findings(result: "EffectResult", scale: Scale, withheld: frozenset[str]) -> dict[str, Any] | None:
    """Return what stands behind the credits, row by row; providers whose figures are withheld have no row."""
    found = result.findings()
    if found is None or result.shares is None:
        return None
    shown_rows = [name for name in result.shares.providers if name not in withheld]
    return {
        "model": found.model,
        "why": found.why,
        "support": [] if found.support is None else _support_rows(found.support, scale, shown_rows),
        "pairs": [] if found.interactions is None else _pair_rows(found.interactions, scale, withheld, _open(result)),
        "firm": _firm_rows(found, scale, shown_rows),
        "groups": [(column, _group_rows(frame, scale)) for column, frame in found.groups.items()],
        "rungs": [] if found.contamination is None else _rung_rows(found.contamination, scale, shown_rows),
    }


def _support_rows(ledger: SupportLedger, scale: Scale, providers: Sequence[str]) -> list[tuple[str, ...]]:
    table = ledger.tidy().set_index("provider")
    return [
        (name, *(scale.number(table.loc[name, kind]) if table.loc[name, kind] else "" for kind in CLASSES))
        for name in providers
    ]


def _open(result: "EffectResult") -> bool:
    """Tell whether no pattern is rare: numbers of shared people would else give rare patterns away by subtraction."""
    if not isinstance(result.fit, ContributionFit):
        return False
    _, pattern = result.fit.roster.patterns()
    return bool(np.bincount(pattern).min() >= SMALL_CELL)


def _pair_rows(found: Interactions, scale: Scale, withheld: frozenset[str], counted: bool) -> list[tuple[str, ...]]:
    rows = found.tidy().to_dict("records")
    kept = [row for row in rows if not withheld & {row["provider"], row["other"]}][:MOST_PAIRS]
    return [
        (
            f"{row['provider']} and {row['other']}",
            row["people"] if counted else "enough",
            scale.number(row["estimate"]),
            f"{scale.number(row['conf_low'])} to {scale.number(row['conf_high'])}",
            row["verdict"],
        )
        for row in kept
    ]


def _firm_rows(found: Findings, scale: Scale, providers: Sequence[str]) -> list[dict[str, str]]:
    ranks = {} if found.ranks is None else found.ranks.set_index("provider").to_dict("index")
    hidden = found.hidden_factor
    strength = {} if hidden is None else dict(zip(hidden.terms, hidden.interval_robustness.tolist(), strict=True))
    width = {} if found.comparison is None else found.comparison.width.to_dict()
    rests = "" if found.influence is None else "many people"
    flagged = () if found.influence is None else found.influence.flagged
    return [
        {
            "provider": name,
            "rank": _span(ranks[name]["rank_low"], ranks[name]["rank_high"]) if name in ranks else "",
            "width": scale.number(width[name]) if name in width else "",
            "hidden": f"{strength[name]:.1%}" if name in strength else "",
            "rests": "few people" if name in flagged else rests,
        }
        for name in providers
    ]


def _group_rows(frame: pd.DataFrame, scale: Scale) -> list[tuple[str, ...]]:
    return [
        (
            row["group"],
            row["people"],
            f"{row['unserved']:.0%}" if row["people"][:1].isdigit() else "",
            scale.number(row["estimate"]),
            f"{scale.number(row['conf_low'])} to {scale.number(row['conf_high'])}",
        )
        for row in frame.sort_values("estimate", ascending=False).to_dict("records")
    ]


def _rung_rows(found: Contamination, scale: Scale, providers: Sequence[str]) -> list[tuple[str, ...]]:
    table = found.tidy().set_index("provider")
    return [
        (
            name,
            *(scale.number(table.loc[name, column]) for column in ("additive", "from_others", "reference")),
            f"{scale.number(table.loc[name, 'conf_low'])} to {scale.number(table.loc[name, 'conf_high'])}",
        )
        for name in providers
    ]


def _span(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def _bar(scale: Scale, label: str, value: float, low: float, high: float, sign: int) -> Bar:
    return Bar(
        label, value * scale.factor, low * scale.factor, high * scale.factor, scale.number(value), sign * value < 0
    )


def _credit(scale: Scale, row: Mapping[str, Any], withheld: frozenset[str]) -> dict[str, str]:
    if row["provider"] in withheld:
        return {"provider": row["provider"], "credit": WITHHELD, "error": "", "interval": "", "share": ""}
    share = row["share"]
    interval = f"{row['share_low']:.0%} to {row['share_high']:.0%}"
    shown_share = "" if not row["provider"] else NO_SHARE if np.isnan(share) else f"{share:.1%} ({interval})"
    return {
        "provider": row["provider"] or "total",
        "credit": scale.number(row["estimate"]),
        "error": scale.number(row["std_error"]),
        "interval": f"{scale.number(row['conf_low'])} to {scale.number(row['conf_high'])}",
        "share": shown_share,
    }


def _checks(result: "EffectResult") -> list[dict[str, str]]:
    """Return what a reader should know of trust: each held, assumed, passed, flagged, doubtful or not testable."""
    rows = assumption_rows(result)
    if result.gate is not None:
        gate, scale = (
            result.gate,
            Scale(result.terms.display, float(result.total.std_error[0]) if result.total else 0.0),
        )
        rows.append({
            "what": f"Gate: the {describe_gate(gate.terms)} must exceed "
            f"{scale.number(gate.terms.total_above)}; it is {scale.exactly(gate.decided.lower)} ({gate.decided.error_type} errors).",
            "state": "passed" if gate.passes else "not passed",
        })  # fmt: skip
        turned = "; ".join(
            f"{test.bound.replace('_', '-')} with {test.error_type} ({scale.exactly(test.lower)})"
            for test in gate.reversals
        )
        rows.append({
            "what": f"Under other sides and error types the gate would be decided otherwise: {turned}."
            if turned else "The gate stands the same one-sided or two-sided and under every error type of this design.",
            "state": "flagged" if turned else "passed",
        })  # fmt: skip
    if result.identification is not None:
        rows += [
            {"what": f"By the declared graph: {one.sentence}", "state": "passed" if one.holds else "flagged"}
            for one in result.identification.findings
        ]
    if result.controls is not None:
        rows += [
            {"what": f"What must show no effect: {one.sentence}", "state": "passed" if one.consistent else "flagged"}
            for one in result.controls.tests
        ]
    if result.pot_and_split is not None:
        spread = float(result.pot_and_split.both.std_error[0])
        rows.append({
            "what": describe_difference(result.pot_and_split, Scale(result.terms.display, spread)),
            "state": "flagged" if result.pot_and_split.disagree else "see interval",
        })  # fmt: skip
    return rows


def _alternatives(evaluation: "Evaluation", withheld: frozenset[str]) -> list[Division]:
    """Return every party's share of the money as agreed, and under each rule that could be agreed on."""
    settlement = evaluation.settlement
    if settlement is None or settlement.total == 0 or withheld or len(settlement.by_party()) > MOST_BARS:
        return []
    players = evaluation.contract.players

    divided = [result for result in evaluation.effects.values() if result.shares is not None and result.fit is not None]

    def bar(name: str, amounts: Mapping[str, Decimal], rule: Kernel | None) -> Division:
        whole = float(add(amounts.values()))
        solid: dict[str, float] = {}
        if rule is not None and len(divided) == 1 and isinstance(fit := divided[0].fit, ContributionFit):
            backed = zip(fit.players.groups, support(fit, rule).fraction().tolist(), strict=True)
            solid = {name: part for group, part in backed for name in group}
        parts = [
            Part(party, float(amount) / whole, party not in players, solid.get(party, 1.0))
            for party, amount in amounts.items()
        ]
        return name, parts

    frame = evaluation.alternatives()
    agreed = {result.shares.rule.name: result.shares.rule for result in divided if result.shares is not None}
    rows = [bar("as agreed", settlement.by_party(), next(iter(agreed.values()), None))]
    for rule in dict.fromkeys(frame["term"]):
        part = frame[frame["term"] == rule]
        if {rule} != set(agreed) and add(part["payment"]) > 0:
            rows.append(bar(rule, dict(zip(part["provider"], part["payment"], strict=True)), rule_named(rule)))
    return [*rows, *_raw_split(evaluation)]


def _raw_split(evaluation: "Evaluation") -> list[Division]:
    """Return what dividing raw outcomes among all who touched a person would give: no comparison, no cause."""
    divided = [result for result in evaluation.effects.values() if result.shares is not None]
    for result in divided if len(divided) == 1 else []:
        changes = isinstance(result.terms.estimator, PanelContribution)
        if result.fit is None or result.terms.better == "lower" or changes:
            continue
        fit = result.fit
        groups = fit.players.groups if isinstance(fit, ContributionFit) else [fit.providers]
        names = [name for group in groups for name in group]
        served = fit.sample.study.roster(names).exposure
        outcome = fit.sample.study.outcome(result.terms.outcome, result.terms.estimator.period)
        parts = (outcome[:, None] * served / np.maximum(served.sum(axis=1, keepdims=True), 1)).sum(axis=0)
        if (parts > 0).all():
            shares = zip(names, (parts / parts.sum()).tolist(), strict=True)
            return [(RAW, [Part(name, share) for name, share in shares])]
    return []


def _data(evaluation: "Evaluation", show_small_cells: bool) -> dict[str, Any]:
    study, contract = evaluation.study, evaluation.contract
    facts: dict[str, Any] = {"people": "", "served": [], "patterns": [], "more": 0, "lost": []}
    few_lost = False
    for result in evaluation.effects.values():
        counts, lost = result.counts, result.left_out
        few_lost |= any(count < SMALL_CELL for count in lost.values())
        facts["lost"] += [
            (
                result.name,
                reason,
                f"{n:,}" if show_small_cells else shown(n),
                "rows" if "rows_in" in counts else "people",
            )
            for reason, n in lost.items()
        ]
        arms = {arm: counts[arm] for pair in ARMS if set(pair) <= set(counts) for arm in pair}
        texts = [f"{n:,}" for n in arms.values()] if show_small_cells else suppress_counts(list(arms.values()))
        facts["served"] += [(f"{arm} ({result.name})", text) for arm, text in zip(arms, texts, strict=True)]
    if study is None:
        return facts
    facts["units"] = study.level
    if show_small_cells or not few_lost:
        facts["people"] = f"{study.n_people:,}"  # else it would give away how few were left out
    if study.services is not None:
        roster = study.roster([name for name in contract.parties if name in study.providers])
        margins = roster.served().itertuples() if not show_small_cells else ()
        facts["served"] += [(row.provider, row.people) for row in margins]
        players = study.roster([name for name in contract.players if name in study.providers])
        patterns, index = players.patterns()
        counted = np.bincount(index, minlength=len(patterns)).tolist()
        texts = [f"{n:,}" for n in counted] if show_small_cells else suppress_counts(counted)
        if show_small_cells:
            totals = roster.exposure.sum(axis=0).tolist()
            facts["served"] += [(name, f"{n:,}") for name, n in zip(roster.providers, totals, strict=True)]
        facts["patterns"] = [(players.label(row), text) for row, text in zip(patterns, texts, strict=True)][
            :MOST_PATTERNS
        ]
        facts["more"] = max(0, len(patterns) - MOST_PATTERNS)
    return facts


def _audit(evaluation: "Evaluation") -> dict[str, Any]:
    paid = [clause for clause in evaluation.contract.payments if isinstance(clause, UnitPrice)]
    return {
        "contract": evaluation.contract.digest,
        "reported": None if evaluation.reported is None else evaluation.reported.digest or "made in Python",
        "files": [] if evaluation.study is None else sorted(evaluation.study.digests.items()),
        "versions": [(name, version(name)) for name in PACKAGES],
        "clauses": len(paid),
        "steps": [] if evaluation.settlement is None else [
            (step.pot, step.action, step.reason) for step in evaluation.settlement.steps if step.action != "price"
        ],
    }  # fmt: skip
