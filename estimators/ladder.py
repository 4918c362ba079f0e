"""Credits at every rung of the model ladder: what the answer owes to the shape of the model.

The rung that counts is fixed in advance, from rosters and not from outcomes; the others are shown beside it.
"""

from typing import Any, Final

import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.kernel import Kernel

RUNGS: Final[dict[str, dict[str, Any]]] = {
    "additive": {"model": "additive", "effects_by_covariates": False},
    "additive by covariates": {"model": "additive", "effects_by_covariates": True},
    "pairwise": {"model": "pairwise", "effects_by_covariates": False},
    "pairwise by covariates": {"model": "pairwise", "effects_by_covariates": True},
    "saturated": {"model": "saturated", "effects_by_covariates": False},
    "saturated by covariates": {"model": "saturated", "effects_by_covariates": True},
}


def ladder(spec: Contribution, study: Study | pd.DataFrame, kernel: Kernel) -> pd.DataFrame:
    """Return the credits of a rule at every rung.

    Parameters
    ----------
    spec : Contribution
        What is asked; its model is replaced rung by rung.
    study : Study or DataFrame
    kernel : Kernel
        An attribution rule.

    Returns
    -------
    DataFrame
        Columns model, provider (blank for the total), estimate, std_error, conf_low, conf_high, refused (the code, where
        the data refuse the rung; blank otherwise).

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> found = ladder(Contribution(outcome="takeup", cluster="address"), cf.datasets.load("rice"), Shapley())
    >>> found.query("provider == ''")[["model", "estimate"]].round(4).to_dict("list")
    {'model': ['additive', 'pairwise', 'saturated'], 'estimate': [0.0519, 0.053, 0.053]}
    """
    frames = []
    for name, terms in RUNGS.items():
        if terms["effects_by_covariates"] and not spec.covariates:
            continue
        try:
            joint = spec.model_copy(update=terms).fit(study).joint(kernel)
        except CounterfoilError as error:
            frames.append(pd.DataFrame({"model": [name], "provider": [""], "refused": [error.codes[0]]}))
            continue
        low, high = joint.interval().T
        rows = {"estimate": joint.values, "std_error": joint.std_error, "conf_low": low, "conf_high": high}
        labels = [*joint.terms[:-1], ""]
        frames.append(pd.DataFrame({"model": name, "provider": labels, **rows, "refused": ""}))
    columns = ["model", "provider", "estimate", "std_error", "conf_low", "conf_high", "refused"]
    return pd.concat(frames, ignore_index=True).reindex(columns=columns)
