"""Write instruments.json: first-stage F statistics and errors of pyfixest, on the schooling data of linearmodels.

Run once where pyfixest is installed: ``python tests/reference/make_instruments.py``. The tests read what it printed.
"""

import json
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from linearmodels.datasets import card

CONTROLS = "exper+expersq+black+smsa+south+smsa66+" + "+".join(f"reg{number}" for number in range(662, 670))
ERRORS: dict[str, Any] = {"classical": "iid", "HC1": "hetero", "CR1 by age": {"CRV1": "age"}}


def measured(vcov: Any) -> dict[str, float]:
    """Fit schooling by college proximity."""
    data = card.load().reset_index(drop=True)
    fit: Any = import_module("pyfixest").feols(f"lwage ~ {CONTROLS} | educ ~ nearc4", data, vcov=vcov)
    fit.IV_Diag()
    return {
        "value": float(fit.coef()["educ"]),
        "std_error": float(fit.se()["educ"]),
        "first_stage_f": float(fit._f_stat_1st_stage),
        "effective_f": float(fit._eff_F),
    }


if __name__ == "__main__":
    found: dict[str, Any] = {"pyfixest": version("pyfixest")}
    found |= {name: measured(vcov) for name, vcov in ERRORS.items()}
    Path(__file__).with_name("instruments.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
