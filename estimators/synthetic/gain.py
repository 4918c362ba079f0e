"""The gain of a synthetic control as an `Estimate`, with the uncertainty that the declared inference gives."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from counterfoil.errors import Problem
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.synthetic.cohorts import gain_of
from counterfoil.estimators.synthetic.placebos import placebos_in_space
from counterfoil.estimators.synthetic.resampling import bootstrap, jackknife

if TYPE_CHECKING:
    from counterfoil.estimators.synthetic.synthetic_fit import SyntheticControlFit

FEW_TREATED: Final = 5
"""Treated places below which their own variation is told too poorly (measured: two to three places cover 85 to 93%)."""


def gain_estimate(fit: "SyntheticControlFit") -> Estimate:
    """Return the gain per treated place and period since treatment began: one term, ``gain``.

    Placebo and conformal tests give no standard error: the error type is ``unknown``, and whatever asks for an error is
    refused. The jackknife gives an influence value a place, the bootstrap replicates, and placebo_variance a variance.

    Raises
    ------
    IdentificationError
        IDENT-036 when the jackknife is not defined.
    """
    spec, places, ids = fit.spec, fit.places, fit.histories.ids
    treated = len(places.treated)
    carried: dict[str, Any] = {"error_type": "unknown", "sample_size": len(ids)}
    warnings = fit.warnings
    if spec.inference == "jackknife":
        found = jackknife(places, fit.cohorts)
        carried = {
            "error_type": "HC1",
            "influence": found.influence[:, None],
            "ids": ids,
            "parameters": 1,
            "degrees": found.degrees,
        }
    elif spec.inference == "bootstrap":
        draws = bootstrap(fit.plan, places, spec.draws, spec.seed)
        carried |= {"error_type": "replicates", "replicates": draws[:, None]}
    elif spec.inference == "placebo_variance":
        runs = placebos_in_space(fit.plan, places, spec.draws, spec.seed)
        carried |= {
            "error_type": "placebo",
            "covariance": np.array([[np.var([run[0] for run in runs], ddof=1)]]),
            "degrees": float(len(places.donors) - 1),
        }
        what = f"the error is how much {len(places.donors)} donors vary, taken over for the {treated} treated places"
        warnings = (*warnings, Problem("EST-039", what, "inference placebo_variance"))
    if spec.inference in ("jackknife", "bootstrap") and treated < FEW_TREATED:
        what = f"with {treated} treated places 95% intervals may cover 85 to 93%"
        warnings = (*warnings, Problem("EST-039", what, f"inference {spec.inference}"))
    return Estimate(
        terms=("gain",),
        values=np.array([gain_of(fit.cohorts)]),
        outcome=fit.histories.outcome,
        estimand=f"average gain per treated place and period ({spec.method.replace('_', ' ')})",
        people=treated,
        population=f"treated place{'' if treated == 1 else 's'}, in an average period since treatment began",
        warnings=warnings,
        diagnostics=fit.diagnostics,
        **carried,
    )
