"""DoWhy, called so that nothing of it gets out: no warning, log record or print, no change of numpy's random state.

Importing DoWhy 0.14 also calls sympy's ``init_printing``, which changes how Python and notebooks show every later result; that
call is taken out while it is imported. The import takes seconds, so that it is made where DoWhy is first asked.
"""

import importlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import numpy as np


@contextmanager
def quiet() -> Iterator[None]:
    """Import DoWhy, hold back its warnings, log records and prints, and put numpy's global generator back.

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
            _load()
            yield
    finally:
        logging.disable(level)
        np.random.set_state(state)  # noqa: NPY002


def _load() -> None:
    if "dowhy.causal_model" in sys.modules:
        return
    sympy: Any = importlib.import_module("sympy")
    kept = sympy.init_printing
    sympy.init_printing = lambda *_, **__: None
    try:
        importlib.import_module("dowhy")
    finally:
        sympy.init_printing = kept
