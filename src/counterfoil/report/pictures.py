"""The report's pictures as inline SVG: they follow light and dark, scale with the page, and read without a legend."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 640
LABEL = 170
RIGHT = 90
ROW = 30


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a picture: a label, a value with its interval, how the value is written, and whether it is a harm."""

    label: str
    value: float
    low: float
    high: float
    written: str
    harm: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A party's part of a bar: its share, whether it is agreed and not estimated, and how much of it data support."""

    party: str
    share: float
    agreed: bool = False
    supported: float = 1.0


Division = tuple[str, list[Part]]


def _scale(values: Sequence[float]) -> tuple[float, float]:
    """Return where zero lies and how many units of the drawing one unit of the values takes."""
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    unit = (WIDTH - LABEL - RIGHT) / span
    return LABEL - low * unit, unit


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(x, y, anchor, kind, words)


def svg(height: float, title: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<div class="scroll"><svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}" class="picture"><title>{}</title>{}</svg></div>'
    ).format(WIDTH, height, title, title, Markup("").join(parts))


def shortened(label: str, length: int = 21) -> str:
    """Return a label of at most so many letters, its middle left out."""
    return label if len(label) <= length else f"{label[: length - 10]}…{label[-9:]}"


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(x1, y1, x2, y2, kind)


def forest(bars: Sequence[Bar], title: str) -> Markup:
    """Draw each value as a dot with its interval, and a line at zero."""
    if not bars:
        return Markup("")
    zero, unit = _scale([end for bar in bars for end in (bar.low, bar.high)])
    height = ROW * len(bars) + 12
    parts = [line(zero, 4, zero, height - 4, "axis")]
    for place, bar in enumerate(bars):
        y = ROW * place + 20
        parts += [
            text(LABEL - 12, y + 4, shortened(bar.label), "end"),
            line(zero + bar.low * unit, y, zero + bar.high * unit, y, "interval"),
            Markup('<circle cx="{:.1f}" cy="{}" r="5" class="dot"/>').format(zero + bar.value * unit, y),
            text(WIDTH - 4, y + 4, bar.written, "end", "number"),
        ]
    return svg(height, title, parts)


def waterfall(bars: Sequence[Bar], total: Bar, title: str) -> Markup:
    """Draw the parts one after another, from nothing to the total."""
    if not bars:
        return Markup("")
    ends = [0.0]
    for bar in bars:
        ends.append(ends[-1] + bar.value)
    zero, unit = _scale([*ends, total.value])
    height = ROW * (len(bars) + 1) + 12
    parts = [line(zero, 4, zero, height - 4, "axis")]
    for place, bar in enumerate([*bars, total]):
        start, end = (0.0, total.value) if bar is total else (ends[place], ends[place + 1])
        y = ROW * place + 9
        left, width = zero + min(start, end) * unit, max(abs(end - start) * unit, 1.0)
        kind = "whole" if bar is total else "loss" if bar.harm else "part"
        parts += [
            text(LABEL - 12, y + 15, shortened(bar.label), "end"),
            Markup('<rect x="{:.1f}" y="{}" width="{:.1f}" height="22" class="{}"/>').format(left, y, width, kind),
            text(WIDTH - 4, y + 15, bar.written, "end", "number"),
        ]
        if bar is not total and place < len(bars) - 1:
            parts.append(line(zero + end * unit, y + 22, zero + end * unit, y + ROW, "axis"))
    return svg(height, title, parts)


def share_bars(rows: Sequence[Division], title: str) -> Markup:
    """Draw one bar a rule, divided among parties.

    A part that is agreed and not estimated is hatched; what of a part rests on the model's shape, and not on combinations
    of providers that people really had, is pale.
    """
    if not rows:
        return Markup("")
    names = list(dict.fromkeys(part.party for _, parts in rows for part in parts))
    agreed = {part.party for _, parts in rows for part in parts if part.agreed}
    height = 44 * len(rows) + 24 * ((len(names) + 1) // 2) + 10
    drawn = [HATCH]
    for place, (rule, parts) in enumerate(rows):
        y, x = 44 * place + 6, float(LABEL)
        drawn.append(text(LABEL - 12, y + 20, shortened(rule), "end"))
        for part in parts:
            width = part.share * (WIDTH - LABEL - 4)
            drawn += _part(part, _fill(names.index(part.party), part.agreed), x, y, width)
            x += width
    for place, name in enumerate(names):
        x, y = LABEL + (place % 2) * 225, 44 * len(rows) + 24 * (place // 2) + 6
        drawn.append(
            Markup('<rect x="{}" y="{}" width="14" height="14" {}/>').format(x, y, _fill(place, name in agreed))
        )
        drawn.append(text(x + 20, y + 12, shortened(name) + (" (agreed)" if name in agreed else "")))
    return svg(height, title, drawn)


HATCH = Markup(
    '<defs><pattern id="agreed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" class="whole"/><line x1="0" y1="0" x2="0" y2="6" class="hatch"/></pattern></defs>'
)


BOX = Markup('<rect x="{:.1f}" y="{}" width="{:.1f}" height="30" {}{}><title>{}: {:.1%}{}</title></rect>')


def _fill(place: int, agreed: bool) -> Markup:
    return Markup('fill="url(#agreed)"') if agreed else Markup('class="p{}"').format(place % 6)


def _part(part: Part, fill: Markup, x: float, y: float, width: float) -> list[Markup]:
    solid = width * part.supported
    told = "" if part.agreed or part.supported >= 1 else f", {part.supported:.0%} of it on observed combinations"
    drawn = [BOX.format(x, y, solid, fill, "", part.party, part.share, told)]
    if solid < width:
        pale = Markup(' fill-opacity="0.45"')
        drawn.append(BOX.format(x + solid, y, width - solid, fill, pale, part.party, part.share, told))
    if width > 44:
        kind = "inside agreed" if part.agreed else "inside"
        drawn.append(text(x + width / 2, y + 20, f"{part.share:.0%}", "middle", kind))
    return drawn


__all__ = ["Bar", "Division", "Part", "forest", "share_bars", "waterfall"]
