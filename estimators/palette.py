"""Colours of the plots: eight that people with any kind of colour vision tell apart.

Source: Okabe and Ito (2008), *Color universal design*. Every plot labels what it colours, so that nothing hangs on colour
alone.
"""

from typing import Final

HUES: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#7F7F7F")
GAIN: Final = "#0072B2"
LOSS: Final = "#D55E00"
WHOLE: Final = "#4D4D4D"


def hue(place: int) -> str:
    """Return the colour of the provider in a place; after eight they come again.

    Examples
    --------
    >>> hue(0), hue(8) == hue(0)
    ('#0072B2', True)
    """
    return HUES[place % len(HUES)]


def paler(color: str) -> str:
    """Return a colour mixed with white, for what rests on a model's shape.

    Examples
    --------
    >>> paler("#000000")
    '#999999'
    """
    red, green, blue = (round(0.4 * part + 0.6 * 255) for part in _parts(color))
    return f"#{red:02X}{green:02X}{blue:02X}"


def ink(color: str) -> str:
    """Return black or white, whichever is read more easily on a colour (relative luminance of WCAG 2).

    Examples
    --------
    >>> ink("#0072B2"), ink("#F0E442")
    ('white', 'black')
    """
    linear = [(part / 255 / 12.92) if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in _parts(color)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "white" if (luminance + 0.05) ** 2 < 1.05 * 0.05 else "black"


def _parts(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
