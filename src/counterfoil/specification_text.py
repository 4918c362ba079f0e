"""A specification curve in words: sentences, what each alternative comes to, and each specification in a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Final

from counterfoil.specification_row import SpecificationRow

if TYPE_CHECKING:
    from counterfoil.specification_results import SpecificationCurve

MOST_SHOWN: Final = 40
"""Specifications beyond which the text tells the medians of each alternative and no single one."""
MOST_REASONS: Final = 10
RIGHT: Final = ("no.", "estimates", "estimate", "payment")
"""Columns of numbers."""


def lines(curve: "SpecificationCurve", *, money: bool = True) -> list[str]:
    """Return what a curve says, in sentences; ``money=False`` leaves amounts out."""
    return [*numbers(curve, money=money), *_changes(curve), *_not_run(curve), *_notes(curve)]


def summarized(curve: "SpecificationCurve") -> str:
    """Return the curve as text: what it says, what each alternative comes to, and up to 40 specifications one by one."""
    varied = ", ".join(f"{name} ({len(names)})" for name, names in curve.specifications.dimensions.items())
    parts = [f"{curve.contract.name}: specification curve of effect '{curve.effect}', by {varied}", ""]
    parts += [f"  {line}" for line in lines(curve)]
    parts += ["", f"What each alternative comes to (medians; payment in {curve.contract.currency})"]
    parts += _table(alternatives(curve))
    if len(curve.rows) <= MOST_SHOWN:
        parts += [
            "",
            "Specifications, by estimate (* as agreed)",
            *_table([_cells(curve, row) for row in curve.sorted()]),
        ]
    else:
        parts += ["", f"The {len(curve.rows):,} specifications stand one by one in the JSON."]
    if why := reasons(curve):
        parts += ["", "Without an answer", *(f"  {line}" for line in why)]
    return "\n".join(parts) + "\n"


def alternatives(curve: "SpecificationCurve") -> list[dict[str, str]]:
    """Return what each alternative comes to, as text."""
    scale = curve.scale
    return [
        {
            "varied": row["varied"],
            "alternative": row["alternative"],
            "estimates": f"{row['specifications']:,}",
            "estimate": scale.number(row["estimate"]) if row["specifications"] else "",
            "payment": "" if row["payment"] is None else f"{row['payment']:,.2f}",
        }
        for row in curve.by_alternative().to_dict("records")
    ]


def _table(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return rows as lines under their headings; a column without any text is left out."""
    heads = [head for head in rows[0] if any(row[head] for row in rows)] if rows else []
    widths = {head: max(len(head), *(len(row[head]) for row in rows)) for head in heads}
    shown = [{head: head for head in heads}, *rows]
    return [
        ("  " + "  ".join(f"{row[h]:>{widths[h]}}" if h in RIGHT else f"{row[h]:<{widths[h]}}" for h in heads)).rstrip()
        for row in shown
    ]


def reasons(curve: "SpecificationCurve") -> list[str]:
    """Return why there is no answer, run or not: each reason once, with where or how often, the most frequent first."""
    places: dict[tuple[str, str], list[str]] = {}
    for problem in (problem for one in curve.left_out for problem in one.problems):
        places.setdefault((problem.code, problem.what), []).append(problem.where)
    for row in curve.refused:
        for said in row.refused:
            places.setdefault(said, []).append(f"specification {row.number}")
    often = sorted(places.items(), key=lambda pair: -len(pair[1]))
    lines = [
        f"{code} {where[0] if len(set(where)) == 1 else f'in {len(where):,}'}: {what}"
        for (code, what), where in often[:MOST_REASONS]
    ]
    rest = len(often) - len(lines)
    return [*lines, *([f"and {_counted(rest, 'other reason', 'other reasons')}, in the JSON"] if rest else [])]


def numbers(curve: "SpecificationCurve", *, money: bool = True) -> list[str]:
    """Return what is estimated and what is due: median, range, and where the contract's own stands."""
    own, estimates, payments, scale = curve.primary, curve.estimates, curve.payments, curve.scale
    found = []
    if estimates:
        agreed = (
            f"refused ({', '.join(own.codes)})"
            if own.estimate is None or curve.percentile is None
            else f"{scale.number(own.estimate)}, at percentile {curve.percentile:.0f} of them"
        )
        found.append(
            f"{_counted(len(estimates), 'specification gives', 'specifications give')} an estimate of {curve.terms.outcome}: median {scale.number(median(estimates))}, "
            f"{scale.number(estimates[0])} to {scale.number(estimates[-1])}{scale.unit}. As agreed: {agreed}."
        )
    if payments and money:
        written = curve.contract.words.money
        agreed = (
            f"not settled ({', '.join(own.codes)})"
            if own.payment is None or curve.payment_percentile is None
            else f"{written(own.payment)}, at percentile {curve.payment_percentile:.0f} of them"
        )
        found.append(
            f"{_counted(len(payments), 'settles', 'settle')}: median {median(payments):,.2f}, {payments[0]:,} to {written(payments[-1])}. "
            f"As agreed: {agreed}."
        )
    return found


def _changes(curve: "SpecificationCurve") -> list[str]:
    own, found = curve.primary, []
    if own.payment is None:
        found.append("The contract's own specification does not settle, so nothing can differ from it.")
        return found
    if own.standing:
        found.append(f"Gate, tier or condition stands otherwise than as agreed in {curve.trigger}.")
    else:
        found.append("No price has a gate, tier or condition, so none can change.")
    if own.order:
        found.append(f"The payment order of providers differs in {curve.order} that pay any.")
    elif len(curve.contract.players) > 1:
        found.append("As agreed nothing is due to providers, so there is no payment order to change.")
    return found


def _not_run(curve: "SpecificationCurve") -> list[str]:
    found = []
    if curve.refused:
        codes = Counter(code for row in curve.refused for code in row.codes)
        found.append(f"{_counted(len(curve.refused), 'was', 'were')} run and refused: {_counts(codes)}.")
    invalid = [one for one in curve.left_out if one.problems]
    if invalid:
        codes = Counter(code for one in invalid for code in dict.fromkeys(problem.code for problem in one.problems))
        found.append(
            f"{_counted(len(invalid), 'combination', 'combinations')} cannot be written as a contract: {_counts(codes)}."
        )
    if repeated := len(curve.left_out) - len(invalid):
        found.append(
            f"{_counted(repeated, 'combination repeats', 'combinations repeat')} another word by word, and the two are counted once."
        )
    return found


def _notes(curve: "SpecificationCurve") -> list[str]:
    found = []
    if curve.alike:
        found.append(
            f"{_counted(curve.alike, 'comes', 'come')} to the very estimate, standard error and payments of another: the same "
            "analysis in other words, which weighs on every share above."
        )
    if len(curve.estimands) > 1:
        each = "; ".join(f"{name} ({count:,})" for name, count in curve.estimands.items())
        found.append(f"They do not all estimate the same, so part of the spread is of questions: {each}.")
    declared = f"declared in {curve.specifications.file}" if curve.specifications.file else "declared in Python"
    why = (curve.specifications.reason or "").strip()
    reason = f" Why these: {why}{'' if why.endswith(('.', '!', '?')) else '.'}" if why else ""
    found.append(
        f"The set was {declared}; shares are of this set, and no chances.{reason} Whether it is homogeneous, and was declared "
        "before outcomes were seen, no figure shows."
    )
    return found


def _cells(curve: "SpecificationCurve", row: SpecificationRow) -> dict[str, str]:
    scale = curve.scale
    gate = {None: "", True: "open", False: "shut"}
    order = " > ".join(" = ".join(names) for names in row.order)
    cells = {
        "no.": f"{'*' if row.primary else ' '}{row.number}",
        **row.choices,
        "estimate": "" if row.estimate is None else scale.number(row.estimate),
        "95%": f"{scale.number(row.conf_low)} to {scale.number(row.conf_high)}"
        if row.conf_low is not None and row.conf_high is not None
        else "",
        "gate": gate[row.gate_passes],
        "payment": "" if row.payment is None else f"{row.payment:,}",
    }
    if len(curve.contract.players) > 1:
        cells["order"] = order
    if len(curve.estimands) > 1:
        cells["estimand"] = row.estimand or ""
    return {**cells, "refused": ", ".join(row.codes)}


def _counts(codes: Mapping[str, int]) -> str:
    return ", ".join(f"{code} ({count:,})" for code, count in codes.items())


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"
