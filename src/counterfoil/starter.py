"""`counterfoil init`: a commented contract and a small study to start from."""

import shutil
import tempfile
from pathlib import Path

from counterfoil.datasets.examples import STARTER, example_folder
from counterfoil.errors import Problem, raise_any, refusal

CONTRACT = "contract.yaml"
STUDY = "study"


def write_starter(folder: str | Path) -> Path:
    """Write ``contract.yaml`` and ``study/`` into a folder, or nothing at all.

    Parameters
    ----------
    folder : path
        Made when it does not exist.

    Raises
    ------
    DataError
        DATA-020 when one of the two is there already.
    """
    target = Path(folder)
    raise_any(
        [
            Problem("DATA-020", f"'{name}' is there already", str(folder))
            for name in (CONTRACT, STUDY)
            if (target / name).exists()
        ]
    )
    if target.exists() and not target.is_dir():
        raise_any([Problem("DATA-020", "there is a file of that name", str(folder))])
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target) as workshop:
            draft = Path(workshop)
            shutil.copytree(example_folder(STARTER), draft / STUDY)
            (draft / STUDY / CONTRACT).rename(draft / CONTRACT)
            (draft / STUDY).rename(target / STUDY)
            (draft / CONTRACT).rename(target / CONTRACT)
    except OSError as error:
        raise refusal("DATA-020", f"nothing can be written here: {error.strerror}", str(folder)) from None
    return target
