"""A library that warns, logs and prints, called so that nothing of it gets out and numpy's random state stays as it was."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import numpy as np


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back warnings, log records and prints, and put numpy's global generator back.

    Examples
    --------
    >>> with quiet():
    ...     print("of no use to a reader")
    """
    level, state = logging.root.manager.disable, np.random.get_state()  # noqa: NPY002 - it is put back, never drawn from
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            logging.disable(logging.CRITICAL)
            yield
    finally:
        logging.disable(level)
        np.random.set_state(state)  # noqa: NPY002
