"""The packaged examples: a folder each, with tables, a contract, a description, a licence."""

from pathlib import Path
from typing import Final

from counterfoil.datasets.folder import read_study
from counterfoil.datasets.study import Study
from counterfoil.errors import did_you_mean, listed, refusal

EXAMPLES: Final = ("rice", "nsw", "rossi", "cradle", "rollout")
STARTER: Final = "starter"


def example_folder(name: str) -> Path:
    """Return the folder of a packaged example.

    Raises
    ------
    DataError
        DATA-018 when there is none of that name.
    """
    if name not in (*EXAMPLES, STARTER):
        hint = did_you_mean(name, EXAMPLES) or f"; there are {listed(EXAMPLES)}"
        raise refusal("DATA-018", f"there is no example '{name}'{hint}")
    return Path(__file__).resolve().parent / "data" / name


def load(name: str) -> Study:
    """Load a packaged example as a study.

    ========  ==================================================================================
    rice      insurance for rice farmers, 2 x 2 lottery in villages (Cai, de Janvry & Sadoulet 2015)
    nsw       National Supported Work job training, lottery (LaLonde 1986; Dehejia & Wahba 1999)
    rossi     financial aid for released prisoners, lottery (Rossi, Berk & Lenihan 1980)
    cradle    simulated cradle-to-career initiative, five overlapping providers and a backbone
    rollout   simulated roll-out of one programme: lotteries within centres that open in turn
    ========  ==================================================================================

    Examples
    --------
    >>> load("nsw")
    Study('nsw': 445 people, 0 providers, 1 outcome)
    """
    return read_study(example_folder(name))
