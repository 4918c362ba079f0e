"""The report's picture of balance: how far apart two groups are in each covariate, as they came and as they are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from counterfoil.report.pictures import WIDTH, line, shortened, svg, text

LABEL: Final = 210
LETTERS: Final = 22
"""Wide letters of a name that fit beside the picture."""
ROW: Final = 22
FOOT: Final = 40
LIMIT: Final = 0.1
LEAST: Final = 0.25
"""The picture reaches at least so far either way, so that good balance does not look like bad."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """One covariate: what it is called, and the groups' difference before and after, in standard deviations."""

    name: str
    before: float
    after: float


def balance_picture(rows: Sequence[Likeness], title: str) -> Markup:
    """Draw each covariate's difference before (open) and after (filled), with dotted lines at a tenth of a standard deviation."""
    if not rows:
        return Markup("")
    reach = max(LEAST, *(abs(end) for row in rows for end in (row.before, row.after)))
    foot = ROW * len(rows) + 12

    def x(value: float) -> float:
        return LABEL + (WIDTH - LABEL - 24) * (value + reach) / (2 * reach)

    parts = [line(x(0.0), 4, x(0.0), foot, "axis")]
    parts += [line(x(end), 4, x(end), foot, "axis dotted") for end in (-LIMIT, LIMIT)]
    for place, row in enumerate(rows):
        y = ROW * place + 16
        told = Markup("<title>{}: {:+.3f} before, {:+.3f} after</title>").format(row.name, row.before, row.after)
        parts += [
            text(LABEL - 12, y + 5, shortened(row.name, LETTERS), "end"),
            line(x(row.before), y, x(row.after), y, "axis"),
            Markup('<circle cx="{:.1f}" cy="{}" r="5" class="open">{}</circle>').format(x(row.before), y, told),
            Markup('<circle cx="{:.1f}" cy="{}" r="5" class="dot">{}</circle>').format(x(row.after), y, told),
        ]
    ends = (-reach, 0.0, reach)
    parts += [
        text(x(end), foot + 16, f"{end:+.2g}" if end else "0", anchor)
        for end, anchor in zip(ends, ("start", "middle", "end"), strict=True)
    ]
    parts.append(text(x(0.0), foot + 34, "difference, in standard deviations", "middle"))
    return svg(foot + FOOT, title, parts)
