"""The answer in words: what is due, how far it can be trusted, and every line of the ledger.

The order is that in which people decide: verdict and money, then how the gain was measured and divided, then warnings.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from counterfoil.alike import balance_lines, compared
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import shown as shown_number
from counterfoil.attribution.payment.gate import Gate, GateTest
from counterfoil.attribution.payment.line import titled
from counterfoil.attribution.payment.pot import PotAndSplit
from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.attribution.shares import Shares
from counterfoil.errors import listed
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.support import CLASSES
from counterfoil.moved import instrument_lines
from counterfoil.placed import placed_fit, placed_lines
from counterfoil.robustness import robustness

if TYPE_CHECKING:
    from counterfoil.contract import Contract
    from counterfoil.evaluation import Evaluation
    from counterfoil.measuring import EffectResult

NO_SHARE = "n.d."
AS_REPORTED: Final = frozenset({"published", "blend", "index", "pool"})
"""Kinds whose numbers are whatever their source says, and not per person."""


def sentence(evaluation: "Evaluation") -> str:
    """Say in one sentence what is due to whom, or why there is no answer."""
    if evaluation.settlement is None or evaluation.refused:
        codes = listed(dict.fromkeys(problem.code for problem in evaluation.refused))
        return f"No answer: the data do not support what the contract asks ({codes})."
    silent = [name for name, result in evaluation.effects.items() if result.refused]
    beside = f" There is no answer on {listed(silent)}, on which nothing is paid." if silent else ""
    unknown = [name for name in evaluation.contract.paid_effects if evaluation.effects[name].total is None]
    unknown += [
        name
        for name in evaluation.contract.paid_quantities
        if name in evaluation.quantities
        and not evaluation.quantities[name].complete
        and not evaluation.quantities[name].cells
    ]
    if unknown and not silent:
        beside += f" Nothing is known yet of {listed(unknown)}, on which payment depends."
    if not evaluation.contract.payments:
        return "The contract asks for effects and pays on none of them." + beside
    settlement = evaluation.settlement
    if settlement.total == 0:
        return f"Nothing is due{_why_nothing(evaluation)}." + beside
    parts = [f"{amount:,} to {party}" for party, amount in settlement.by_party().items()]
    payers = listed(dict.fromkeys(line.payer for line in settlement.lines))
    return f"{settlement.total:,} {settlement.currency} is due from {payers}: {', '.join(parts)}.{beside}"


def _why_nothing(evaluation: "Evaluation") -> str:
    shut = [name for name, result in evaluation.effects.items() if result.held is not None and not result.held.passes]
    if shut:
        return f": the gate on {listed(shut)} is shut"
    steps = () if evaluation.settlement is None else evaluation.settlement.steps
    unmet = list(dict.fromkeys(step.reason for step in steps if step.action == "condition"))
    return f": {'; '.join(reason.removeprefix('nothing is due: ') for reason in unmet)}" if unmet else ""


def percent(fraction: Decimal) -> str:
    """Write an agreed fraction as a percentage, with the digits it has.

    Examples
    --------
    >>> percent(Decimal("0.05"))
    '5%'
    """
    written = f"{100 * fraction:f}"
    return (written.rstrip("0").rstrip(".") if "." in written else written) + "%"


def describe_clause(contract: "Contract", number: int) -> str:
    """Say one payment clause in a sentence that a contract manager would sign."""
    clause = contract.payments[number]
    words = contract.words
    if not (isinstance(clause, UnitPrice) and clause.effect is not None and clause.per == "person"):
        return clause.sentence(words)
    effect = contract.effects[clause.effect]
    payer = listed(words.party(name) for name in ([clause.payer] if clause.payer else contract.payers))
    gain = "rise" if effect.better == "higher" else "fall"
    people = "person, served or not" if clause.people else effect.counted
    receiver = "the providers"
    if effect.split is None and clause.split is None:
        receiver = words.party(contract.receiver(clause) or "")
    sentence = (
        f"{payer} pays {receiver} {clause.price:,} {contract.currency} for each unit of {gain} in {effect.outcome} that was "
        f"caused, per {people}"
    )
    sentence += "".join(clause.beside(words))
    if effect.split is None:
        return f"{sentence}."
    first = [f"{percent(fraction)} goes to {party}" for party, fraction in effect.split.carve_outs.items()]
    rest = "the rest is" if first else "it is"
    refers = contract.effects[contract.divider(clause.effect)].estimator.kind == "sequential_contribution"
    led = ", with the people that a provider leads on to others" if refers else ""
    how = [*first, f"{rest} divided by the rule {effect.split.rule}{led}", *split_terms(effect.split, words)]
    return f"{sentence}; {'; '.join(how)}."


def split_terms(split: Split, words: Words) -> Iterator[str]:
    """Say the terms of a split that go beyond rule, carve-outs and the default."""
    if split.minimum:
        least = [f"{words.party(name)} receives at least {words.percent(part)}" for name, part in split.minimum.items()]
        yield f"of what is divided, {words.listed(least)}, and the others give way in proportion"
    if split.negative == "in_proportion":
        yield "credits below zero are raised to zero, and the others lowered in proportion so that the sum stays"
    if split.negative == "refuse":
        yield "if a credit is below zero, nothing is settled"
    if split.projection_weights == "precision":
        yield "credits below zero are raised to zero, and the others move the more the less precisely they are estimated"
    if split.credits == "shrunk":
        yield "credits are shrunk towards each other before they are paid on, with the same total"
    if split.inside:
        yield f"of what providers are credited with together, {agreed_parts(split.inside, words)} by agreement"
    if split.credits_from is None:
        return
    yield f"the credits are those of effect {split.credits_from}, which divides the money and does not change its amount"
    if split.otherwise:
        yield f"if that effect shows no gain, {agreed_parts(split.otherwise, words)} by agreement"
    if split.disagreement == "refuse":
        yield "if the two effects' gains differ by more than chance, nothing is settled"


def agreed_parts(fractions: Mapping[str, Decimal], words: Words) -> str:
    """Say who receives which agreed fraction."""
    return ", ".join(f"{words.percent(part)} to {words.party(party)}" for party, part in fractions.items())


def describe_gate(terms: Gate) -> str:
    """Name a gate's bound: its side, level, and looks where there are several."""
    looks = "" if terms.looks == 1 else f" (each of {terms.looks} looks at {100 * terms.level:.4g}%)"
    return f"{terms.bound.replace('_', '-')} {100 * terms.conf_level:g}% lower bound{looks}"


def render_text(evaluation: "Evaluation") -> str:
    """Return the whole answer as text."""
    parts = [evaluation.contract.name, "", evaluation.verdict]
    for problem in evaluation.refused:
        parts += ["", str(problem)]
    for result in evaluation.effects.values():
        parts += ["", *_effect_lines(evaluation.contract, result)]
    if evaluation.quantities:
        parts += ["", *_quantity_lines(evaluation)]
    if evaluation.settlement is not None and evaluation.settlement.lines:
        parts += ["", *_ledger_lines(evaluation)]
    if evaluation.onward is not None and (evaluation.onward.fees or evaluation.onward.distributions):
        parts += ["", *_onward_lines(evaluation)]
    if evaluation.settlement is not None:
        parts += _uncertainty_lines(evaluation)
    if evaluation.settlement is not None and (hidden := evaluation.hidden_causes()) is not None:
        parts += ["", "If something that nobody measured decided both who was served and how they fared"]
        parts += [f"  {line}" for line in hidden.lines()]
    results = evaluation.effects.values()
    beside = {problem for result in results for problem in result.on_credits}
    warnings = dict.fromkeys(problem for result in results for problem in result.warnings if problem not in beside)
    if warnings:
        parts += ["", "Warnings", *(f"  {problem.code} {problem.what}" for problem in warnings)]
    return "\n".join(parts) + "\n"


class Scale:
    """How an effect's numbers are written: in units or percentage points, with decimals that suit their errors."""

    def __init__(self, display: str, std_error: float) -> None:
        self.factor = 100.0 if display == "points" else 1.0
        self.unit = " points" if display == "points" else ""
        size = std_error * self.factor
        self.decimals = 2 if not 0 < size < math.inf else min(max(2, 2 - math.floor(math.log10(size))), 12)

    def number(self, value: float) -> str:
        """Return a number without its unit."""
        written = f"{value * self.factor:,.{self.decimals}f}"
        return written.lstrip("-") if not any(digit in written for digit in "123456789") else written

    def exactly(self, value: float) -> str:
        """Return a number with enough digits to show its sign."""
        written = self.number(value)
        return written if any(digit in written for digit in "123456789") else f"{value * self.factor:.1g}"


def _effect_lines(contract: "Contract", result: "EffectResult") -> Iterator[str]:
    yield f"Effect {result.name} (outcome {result.terms.outcome}, better {result.terms.better})"
    if result.total is None:
        yield "  No answer:" if result.refused else "  Not known yet."
        for problem in result.refused:
            yield f"  {problem.code} {problem.what}"
        return
    total = result.total
    if total.error_type == "unknown":
        yield from _bare_lines(result, total)
        return
    scale = Scale(result.terms.display, float(total.std_error[0]))
    value = float(total.values[0])
    low, high = total.interval()[0]
    kind = "gain" if value * result.sign > 0 else "loss"
    each = "" if result.terms.estimator.kind in AS_REPORTED or result.terms.relative else f" per {result.terms.counted}"
    yield (
        f"  The {total.estimand}: {scale.number(value)}{scale.unit}{each} "
        f"(std error {scale.number(float(total.std_error[0]))}, 95% interval {scale.number(low)} to {scale.number(high)}), "
        f"a {kind} of {scale.number(abs(value))}."
    )
    counts = f"It counts for {total.people:,} {total.population}. " if total.people else ""
    yield f"  {counts}{_errors(total)}."
    yield from (
        f"  In {earlier.settled_in} it was known as {scale.number(float(earlier.total.values[0]))}{scale.unit}."
        for earlier in result.earlier
        if earlier.total is not None
    )
    others = [
        f"{name} {scale.number(float(total.using(name).std_error[0]))}"
        for name in total.error_types
        if name != total.error_type
    ]
    if others:
        yield f"  Std error under other error types: {', '.join(others)}."
    yield from (f"  {line[0].upper()}{line[1:]}." for line in instrument_lines(result.measured))
    if (comparison := compared(result.measured)) is not None:
        yield from (f"  {line[0].upper()}{line[1:]}." for line in balance_lines(comparison))
    if result.gate is not None:
        yield from _gate_lines(result, scale)
    else:
        yield from _held_lines(result)
    if result.identification is not None:
        yield "  By the declared graph:"
        yield from (f"    {line}" for line in result.identification.summary().splitlines())
    if result.controls is not None:
        yield "  What must show no effect:"
        yield from (f"    {line}" for line in result.controls.summary().splitlines())
    if (robust := robustness(contract, result)) is not None:
        yield "  If trends were not parallel, of the average effect since the services began:"
        yield from (f"    {line}" for line in robust.lines())
    if result.shares is not None:
        yield ""
        yield from _share_lines(result, result.shares, scale)
        yield from _finding_lines(result, scale)
    for problem in result.refused:
        yield f"  {problem.code} {problem.what}"


def _bare_lines(result: "EffectResult", total: Estimate) -> Iterator[str]:
    """Say a published effect that came without a standard error."""
    value = float(total.values[0])
    kind = "gain" if value * result.sign > 0 else "loss"
    over = f" It counts for {total.people:,} {total.population}." if total.people else ""
    published = "published " if result.terms.estimator.kind in AS_REPORTED else ""
    yield f"  The {total.estimand}: {value:,.6g}, a {kind}, {published}without a standard error.{over}"
    yield from _held_lines(result)
    for problem in result.refused:
        yield f"  {problem.code} {problem.what}"


def _held_lines(result: "EffectResult") -> Iterator[str]:
    fit = placed_fit(result.measured)
    if fit is not None:
        yield from (f"  {line[0].upper()}{line[1:]}." for line in placed_lines(fit))
    if result.held is not None:
        stands = "open" if result.held.passes else "shut"
        yield (
            f"  Gate {stands}: the {result.held.what} is {result.held.tested:.6g}, held against {result.held.minimum:.6g}."
        )


def _errors(total: Estimate) -> str:
    clusters = "" if total.clusters is None else f" by {total.n_clusters:,} clusters"
    own = total.diagnostics.get("error_type")
    within = "" if own is None else f" from {own} in each cohort and period"
    law = f"t with {total.df:g} degrees of freedom" if math.isfinite(total.df) else "normal"
    return f"Errors: {total.error_type}{within}{clusters}, {law}"


def _gate_lines(result: "EffectResult", scale: Scale) -> Iterator[str]:
    gate = result.gate
    if gate is None:
        return
    asked = describe_gate(gate.terms)
    stands, margin = ("open", "above") if gate.passes else ("shut", "short of")
    yield (
        f"  Gate {stands}: the {asked} of the gain must exceed {scale.number(gate.terms.total_above)}; "
        f"it is {scale.exactly(gate.decided.lower)}, {scale.exactly(abs(gate.margin))} {margin} the minimum."
    )
    if gate.reversals:
        turned = "shut" if gate.passes else "open"
        tests = [f"{_side(test)} with {test.error_type} ({scale.exactly(test.lower)})" for test in gate.reversals]
        yield f"  It would be {turned} {'; '.join(tests)}."
    else:
        yield "  It would stand the same one-sided or two-sided, and under every error type of this design."


def _side(test: GateTest) -> str:
    return test.bound.replace("_", "-")


def _share_lines(result: "EffectResult", shares: Shares, scale: Scale) -> Iterator[str]:
    split = result.terms.split
    source = "" if split is None or split.credits_from is None else f", from effect {split.credits_from}"
    yield f"  Credits per person, rule {shares.rule.name}{source}"
    rows = [["provider", "credit", "std error", "95% interval", "share"]]
    for row in shares.tidy().to_dict("records"):
        share = row["share"]
        total = row["provider"] == ""
        rows.append(
            [
                "total" if total else row["provider"],
                scale.number(row["estimate"]),
                scale.number(row["std_error"]),
                f"{scale.number(row['conf_low'])} to {scale.number(row['conf_high'])}",
                ""
                if total
                else NO_SHARE
                if math.isnan(share)
                else f"{share:.1%} ({row['share_low']:.0%} to {row['share_high']:.0%})",
            ]
        )
    yield from _table(rows, indent=4, right={1, 2, 3, 4})
    if any(row[-1] == NO_SHARE for row in rows):
        yield f"    {NO_SHARE}: not determinable: {shares.withheld}; the credit itself stands"
    for problem in result.on_credits:
        yield f"    To be read with these credits: {problem.code} {problem.what}"
    if result.pot_and_split is not None:
        yield f"  {describe_difference(result.pot_and_split, scale)}"


def _finding_lines(result: "EffectResult", scale: Scale) -> Iterator[str]:
    found = result.findings()
    if found is None:
        return
    yield f"  Outcome model: {found.model}, {found.why}."
    if found.support is not None:
        table = found.support.tidy()
        parts = {name: float(table[name].abs().sum()) for name in CLASSES}
        whole = sum(parts.values())
        said = [f"{part / whole:.0%} {name}" for name, part in parts.items() if whole and part / whole >= 0.005]
        yield f"  What the credits rest on: {', '.join(said)}."
    if found.interactions is not None:
        table = found.interactions.tidy()
        for verdict in ("reinforce", "redundant"):
            rows = table[table["verdict"] == verdict]
            pairs = [f"{row.provider} and {row.other} ({scale.number(row.estimate)})" for row in rows.itertuples()]
            if pairs:
                yield f"  {'Reinforce each other' if verdict == 'reinforce' else 'Redundant'}: {listed(pairs)} per person who had both."
    if found.hidden_factor is not None:
        strength = dict(zip(found.hidden_factor.terms, found.hidden_factor.interval_robustness.tolist(), strict=True))
        weakest = (
            [f"{name} {strength[name]:.1%}" for name in result.shares.providers if name in strength]
            if result.shares
            else []
        )
        yield (
            "  A hidden factor that explains this much of the outcome and of who was served could bring a credit's interval "
            f"to zero: {listed(weakest)}."
        )


def describe_difference(found: PotAndSplit, scale: Scale) -> str:
    """Say how far the gain that fixes the pot and the gain that divides it are apart, with the interval."""
    pot, split, difference = (scale.number(value) for value in found.both.values.tolist())
    low, high = (scale.number(value) for value in found.both.interval()[2].tolist())
    error = scale.number(float(found.both.std_error[2]))
    stands = (
        "The interval excludes zero: the two disagree."
        if found.disagree
        else "The interval holds zero, which does not show that the two agree."
    )
    return (
        f"The pot rests on a gain of {pot}{scale.unit}, the split on {split}{scale.unit} ({found.basis}): a difference of "
        f"{difference}{scale.unit} (std error {error}, 95% interval {low} to {high}). {stands}"
    )


def _quantity_lines(evaluation: "Evaluation") -> Iterator[str]:
    yield "Quantities"
    rows = [["quantity", "period", "group", "rung", "provider", "count", "unit"]]
    for name, quantity in evaluation.quantities.items():
        unit = evaluation.contract.quantities[name].unit
        rows += [[name, *cell.place, shown_number(cell.amount), unit] for cell in quantity.cells]
        if not quantity.cells:
            rows.append([name, "", "", "", "", "0" if quantity.complete else "not reported", unit])
    kept = [0, *(column for column in range(1, 5) if any(row[column] for row in rows[1:])), 5, 6]
    yield from _table([[row[column] for column in kept] for row in rows], indent=2, right={len(kept) - 2})
    for note in dict.fromkeys(note for quantity in evaluation.quantities.values() for note in quantity.notes):
        yield f"  {note}"


def _onward_lines(evaluation: "Evaluation") -> Iterator[str]:
    """Say what becomes of the payments: fees, and the return of capital."""
    onward = evaluation.onward
    if onward is None:
        return
    yield "What becomes of the payments"
    rows = [["period", "from", "to", "for", "amount", "why"]]
    rows += [
        [made.period, line.source, line.to, line.kind, f"{line.amount:,}", line.reason]
        for made in onward.fees
        for line in made.paid.lines
    ]
    rows += [
        [line.period, line.source, line.to, line.kind, f"{line.amount:,}", line.reason]
        for made in onward.distributions
        for line in made.lines
    ]
    yield from _table(rows, indent=2, right={4})
    for name, found in onward.ended:
        yield f"  {name}: {found.amount:,} is still to be returned, because the contract was ended: {found.reason}."
    for made in onward.fees:
        if made.paid.note:
            yield f"  {made.paid.note}."
    for stack in onward.returns:
        for investor in stack:
            yield f"  {investor.sentence(evaluation.contract.words)}"


def _ledger_lines(evaluation: "Evaluation") -> Iterator[str]:
    settlement = evaluation.settlement
    if settlement is None:
        return
    yield f"Ledger ({settlement.currency})"
    names = {line.clause: line.name for line in settlement.lines if line.name}
    rows = [["clause", "period", "group", "rung", "from", "to", "amount", "why"]]
    rows += [
        [
            line.title,
            line.period,
            line.group,
            line.rung,
            line.payer,
            line.provider,
            f"{line.amount:,}",
            line.reason,
        ]
        for line in settlement.lines
    ]
    rows.append(["total", *[""] * 5, f"{settlement.total:,}", ""])
    kept = [0, *(column for column in range(1, 4) if any(row[column] for row in rows[1:])), 4, 5, 6, 7]
    yield from _table([[row[column] for column in kept] for row in rows], indent=2, right={len(kept) - 2})
    yield ""
    yield "How each amount came about"
    said = [
        f"  {titled(step.pot, names.get(step.pot))}{f' in {step.period}' if step.period else ''}, {step.action}: "
        f"{_short(step.amount)} ({step.reason})"
        for step in settlement.steps
    ]
    # Parts of one amount, such as those of two payers, came about alike.
    yield from dict.fromkeys(said)
    if settlement.total > 0:
        yield from _alternative_lines(evaluation)


def _uncertainty_lines(evaluation: "Evaluation") -> Iterator[str]:
    """Say how the payment would spread under sampling error, and how far the next thresholds are."""
    drawn, why = evaluation.payments_told()
    if why:
        yield ""
        yield f"Payment under sampling error: not told ({why})"
    if drawn is not None:
        yield ""
        yield "Payment under sampling error (draws of the effects around their estimates)"
        yield from (f"  {line}" for line in drawn.summary().split("\n"))
    found = evaluation.distances()
    if found:
        yield ""
        yield "How far to the next threshold"
        rows = [["clause", "period", "what", "at", "threshold", "distance", "would change the payment by"]]
        rows += [
            [
                one.clause,
                one.period,
                f"{one.what} ({one.kind}, {one.direction})",
                shown_number(one.value),
                shown_number(one.threshold),
                shown_number(one.distance),
                "not told" if one.change is None else f"{one.change:+,}",
            ]
            for one in found
        ]
        kept = [0, *([1] if any(row[1] for row in rows[1:]) else []), 2, 3, 4, 5, 6]
        yield from _table([[row[column] for column in kept] for row in rows], indent=2, right=set(range(2, len(kept))))


def _alternative_lines(evaluation: "Evaluation") -> Iterator[str]:
    chosen = {result.shares.rule.name for result in evaluation.effects.values() if result.shares is not None}
    frame = evaluation.alternatives()
    others = [rule for rule in dict.fromkeys(frame["term"]) if {rule} != chosen]
    if others:
        yield ""
        yield "Under other rules, from the same fit"
        rows = [
            [rule, *(f"{row.payment:,} to {row.provider}" for row in frame[frame["term"] == rule].itertuples())]
            for rule in others
        ]
        yield from _table(rows, indent=2, right=set(range(1, len(rows[0]))))


def _short(amount: Decimal) -> str:
    """Write an amount without zeros beyond hundredths."""
    if -int(amount.as_tuple().exponent) <= 2:
        return f"{amount:,f}"
    short = amount.normalize()
    return f"{short:,f}" if -int(short.as_tuple().exponent) > 2 else f"{short:,.2f}"


def _table(rows: Sequence[Sequence[str]], indent: int, right: set[int]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield (" " * indent + "  ".join(cells)).rstrip()
