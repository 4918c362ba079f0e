"""The report's pictures of change over time: effects by event time, and what was observed beside what would have been."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from counterfoil.report.pictures import WIDTH, line, svg, text

HEIGHT: Final = 260
LEFT: Final = 88
TOP: Final = 14
BOTTOM: Final = 44
MOST_LABELS: Final = 12
"""Labels of time beyond which only some are written."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One point of an event study: when, its value, its interval and the wider one that holds for all together."""

    label: str
    value: float
    low: float
    high: float
    band_low: float
    band_high: float
    before: bool
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """A series over time: what it is called, its values, and whether it is what would have been."""

    name: str
    values: tuple[float, ...]
    without: bool = False


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values and instants lie in the drawing."""

    low: float
    high: float
    count: int

    def x(self, place: float) -> float:
        return LEFT + (WIDTH - LEFT - 20) * (place + 0.5) / self.count

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / ((self.high - self.low) or 1.0)

    def parts(self, labels: Sequence[str], written: tuple[str, str]) -> list[Markup]:
        """Return the axis, its two ends, and labels of time."""
        step = -(-len(labels) // MOST_LABELS)
        foot = HEIGHT - BOTTOM
        drawn = [line(LEFT, foot, WIDTH - 20, foot, "axis")]
        ends = ((self.high, written[1]), (self.low, written[0]))
        drawn += [text(LEFT - 8, self.y(value) + 5, words, "end", "number") for value, words in ends]
        drawn += [text(self.x(at), foot + 18, labels[at], "middle") for at in range(0, len(labels), step)]
        return drawn


def _end(value: float) -> str:
    """Return a number short enough to stand beside the axis."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def event_study_picture(instants: Sequence[Instant], title: str) -> Markup:
    """Draw each instant as a dot with its interval in a pale one that holds for all; a dotted line where services begin."""
    if not instants:
        return Markup("")
    low = min(0.0, *(one.band_low for one in instants))
    high = max(0.0, *(one.band_high for one in instants))
    frame = _Frame(low, high, len(instants))
    drawn = frame.parts([one.label for one in instants], (_end(low), _end(high)))
    drawn.append(line(LEFT, frame.y(0.0), WIDTH - 20, frame.y(0.0), "axis"))
    begin = next((place for place, one in enumerate(instants) if not one.before and not one.reference), len(instants))
    drawn.append(line(frame.x(begin - 0.5), TOP, frame.x(begin - 0.5), HEIGHT - BOTTOM, "axis dotted"))
    for place, one in enumerate(instants):
        x, y = frame.x(place), frame.y(one.value)
        told = Markup("<title>{}: {}</title>").format(
            one.label, "the reference" if one.reference else f"{one.value:.4g}"
        )
        if one.reference:
            drawn.append(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="5" class="open">{}</circle>').format(x, y, told))
            continue
        drawn.append(line(x, frame.y(one.band_low), x, frame.y(one.band_high), "band"))
        drawn.append(line(x, frame.y(one.low), x, frame.y(one.high), "interval" + (" early" if one.before else "")))
        kind = "whole" if one.before else "dot"
        drawn.append(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="5" class="{}">{}</circle>').format(x, y, kind, told))
    drawn.append(text(LEFT, HEIGHT - 4, "periods since the services began"))
    return svg(HEIGHT, title, drawn)


def course_picture(labels: Sequence[str], courses: Sequence[Course], begin: int, title: str) -> Markup:
    """Draw series over time; a dotted line where the programme begins, and dashes for what would have been.

    Parameters
    ----------
    labels : sequence of str
        The periods.
    courses : sequence of Course
        Each with a value a period.
    begin : int
        Position of the first period of the programme.
    title : str
    """
    values = [value for course in courses for value in course.values]
    if not values:
        return Markup("")
    low, high = min(values), max(values)
    frame = _Frame(low, high, len(labels))
    drawn = frame.parts(labels, (_end(low), _end(high)))
    drawn.append(line(frame.x(begin - 0.5), TOP, frame.x(begin - 0.5), HEIGHT - BOTTOM, "axis dotted"))
    for place, course in enumerate(courses):
        points = " ".join(f"{frame.x(at):.1f},{frame.y(value):.1f}" for at, value in enumerate(course.values))
        kind = "course without" if course.without else "course"
        drawn.append(Markup('<polyline points="{}" class="{}"/>').format(points, kind))
        x = LEFT + 210 * place
        drawn.append(
            Markup('<line x1="{0}" y1="{2}" x2="{1}" y2="{2}" class="{3}"/>').format(x, x + 26, HEIGHT - 9, kind)
        )
        drawn.append(text(x + 32, HEIGHT - 4, course.name))
    return svg(HEIGHT, title, drawn)
