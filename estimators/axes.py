"""Where a plot is drawn: on the axes that are given, or on a new figure of its own size."""

from typing import Any


def axes_of(ax: Any, width: float = 6.4, height: float = 4.0) -> Any:
    """Return the matplotlib Axes given, or those of a new figure, whose size is in inches.

    Examples
    --------
    >>> axes_of("given")
    'given'
    >>> axes_of(None, 3.0, 2.0).figure.get_size_inches().tolist()
    [3.0, 2.0]
    """
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]
