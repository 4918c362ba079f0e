"""What the report says of a specification curve, as plain words and one picture; money that rests on few people is withheld."""

from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from counterfoil.report.pictures import WIDTH, line, svg, text
from counterfoil.specification_text import alternatives, reasons

if TYPE_CHECKING:
    from counterfoil.specification_results import SpecificationCurve

HEIGHT: Final = 240
LEFT: Final = 80
TOP: Final = 26
BOTTOM: Final = 30
LARGEST_MARK: Final = 5.0


def curve_facts(curve: "SpecificationCurve", *, show_small_cells: bool = False) -> dict[str, Any]:
    """Return what a report shows of a curve.

    Parameters
    ----------
    curve : SpecificationCurve
    show_small_cells : bool
        True shows money that rests on ten people or fewer; only for readers who may see it.

    Returns
    -------
    dict
        ``title``; ``sentences``; ``alternatives``, a row of text each: varied, alternative, estimates, median estimate, median
        payment ("withheld" where it is); ``not_run``, sentences; ``reason``; ``declared``, the file and its digest, or empty;
        ``withheld``, whether money is; ``picture``, inline SVG.
    """
    withheld = not show_small_cells and any(
        row.withheld and {name for name, amount in row.payments.items() if amount > 0} <= set(row.withheld)
        for row in curve.settled
        if row.payment
    )
    digest = curve.specifications.digest
    rows = [
        {**row, "payment": "withheld" if withheld and row["payment"] else row["payment"]} for row in alternatives(curve)
    ]
    return {
        "title": f"{curve.effect}: what other designs that were agreed beforehand would have come to",
        "sentences": curve.lines(money=not withheld),
        "alternatives": rows,
        "currency": curve.contract.currency,
        "not_run": reasons(curve),
        "reason": curve.specifications.reason or "",
        "declared": "" if digest is None else f"{curve.specifications.file}, SHA-256 {digest}",
        "withheld": withheld,
        "picture": curve_picture(curve),
    }


def curve_picture(curve: "SpecificationCurve") -> Markup:
    """Draw the estimates in order with their intervals; the contract's own larger, its thresholds as dotted lines."""
    rows = [row for row in curve.sorted() if row.estimate is not None]
    known = [x for row in rows for x in (row.estimate, row.conf_low, row.conf_high) if x is not None]
    if not rows:
        return Markup("")
    low, high = min(0.0, *known), max(0.0, *known)
    radius = min(LARGEST_MARK, (WIDTH - LEFT - 20) / (2.2 * len(rows)))

    def x(place: int) -> float:
        return LEFT + (WIDTH - LEFT - 20) * (place + 0.5) / len(rows)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / ((high - low) or 1.0)

    drawn = [line(LEFT, y(0.0), WIDTH - 20, y(0.0), "axis")]
    drawn += [
        text(LEFT - 8, y(value) + 5, curve.scale.number(value), "end", "number") for value in dict.fromkeys((low, high))
    ]
    levels = {level.value for level in curve.levels if low <= level.value <= high and level.value != 0}
    drawn += [line(LEFT, y(value), WIDTH - 20, y(value), "axis dotted") for value in sorted(levels)]
    # The contract's own is drawn last, so that no other hides it.
    for place, row in sorted(enumerate(rows), key=lambda pair: pair[1].primary):
        value = row.estimate or 0.0
        if row.conf_low is not None and row.conf_high is not None:
            drawn.append(line(x(place), y(row.conf_low), x(place), y(row.conf_high), "interval"))
        told = Markup("<title>{}: {}</title>").format(
            "as agreed" if row.primary else ", ".join(row.choices.values()), curve.scale.number(value)
        )
        kind, size = ("p1", LARGEST_MARK + 1.5) if row.primary else ("dot", radius)
        drawn.append(
            Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}" class="{}">{}</circle>').format(
                x(place), y(value), size, kind, told
            )
        )
        if row.primary:
            end = "end" if place > len(rows) / 2 else "start"
            drawn.append(text(x(place), TOP - 10, "as agreed", end))
    drawn.append(text(LEFT, HEIGHT - 6, f"{len(rows):,} specifications, by estimate, with 95% intervals"))
    return svg(HEIGHT, f"Estimates of {curve.terms.outcome} by {len(rows):,} specifications", drawn)
