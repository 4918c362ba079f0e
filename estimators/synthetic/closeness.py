"""How well a comparison follows the treated places before treatment, and how few donors it rests on.

Sources: Abadie (2021), "Using synthetic controls", Journal of Economic Literature 59(2), section 4; Cochran (1968),
Biometrics 24, for a quarter of a standard deviation.
"""

from typing import Any, Final

from counterfoil.errors import Problem
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.synthetic.cohorts import Cohort, Places, rmspe
from counterfoil.estimators.synthetic.counterfactual import Method

CLOSE: Final = 0.25
"""Error before treatment, in standard deviations between donors, beyond which a fit is called poor."""
FEW_PERIODS: Final = 3


def closeness(places: Places, cohorts: tuple[Cohort, ...]) -> dict[str, Any]:
    """Return counts and measures of fit.

    Returns
    -------
    dict
        ``treated``, ``donors``, ``cohorts``, ``periods_before`` and ``periods_after`` (of the first cohort); ``rmspe_before``
        and ``rmspe_after`` in the outcome's units; ``rmspe_before_to_spread``, over the spread between donors;
        ``effective_donors`` (1 / Σω², fewest of the cohorts); ``periods_beyond_donors``, in which part of the periods before
        treatment the treated lie above or below every donor; ``weights_unique``.
    """
    before, after = rmspe(cohorts)
    spread = _spread(places, cohorts)
    first = cohorts[0].begins
    return {
        "treated": len(places.treated),
        "donors": len(places.donors),
        "cohorts": len(cohorts),
        "periods_before": first,
        "periods_after": places.outcomes.shape[1] - first,
        "rmspe_before": before,
        "rmspe_after": after,
        **({"rmspe_before_to_spread": before / spread} if spread > 0 else {}),
        "effective_donors": min(float(1.0 / (cohort.found.donors**2).sum()) for cohort in cohorts),
        "periods_beyond_donors": max(_beyond(places, cohort) for cohort in cohorts),
        "weights_unique": all(cohort.found.unique for cohort in cohorts),
    }


def weaknesses(method: Method, places: Places, cohorts: tuple[Cohort, ...]) -> tuple[Problem, ...]:
    """Return what a reader must know of the fit before using the gain."""
    found = []
    if cohorts[0].begins < FEW_PERIODS:
        found.append(
            f"there are only {cohorts[0].begins} periods before treatment, too few to see whether donors follow"
        )
    before, spread = rmspe(cohorts)[0], _spread(places, cohorts)
    if before > CLOSE * spread:
        found.append(
            f"before treatment the comparison is off by {before:.4g} (root mean square), more than {CLOSE:g} of the "
            f"spread of {spread:.4g} between donors"
        )
    beyond = max(_beyond(places, cohort) for cohort in cohorts)
    if method == "synthetic_control" and beyond >= 0.5:
        found.append(f"treated places lie beyond every donor in {beyond:.0%} of the periods before treatment")
    if not all(cohort.found.unique for cohort in cohorts):
        found.append("several sets of donor weights fit equally well, and the gain may differ between them")
    return tuple(Problem("EST-038", what, "donors") for what in found)


def _spread(places: Places, cohorts: tuple[Cohort, ...]) -> float:
    """Return the standard deviation between donors before treatment, averaged over periods and cohorts."""
    pool = places.outcomes[places.donors]
    return float(sum(cohort.share * pool[:, : cohort.begins].std(axis=0).mean() for cohort in cohorts))


def _beyond(places: Places, cohort: Cohort) -> float:
    donors: FloatArray = places.outcomes[places.donors, : cohort.begins]
    own = cohort.observed[: cohort.begins]
    return float(((own > donors.max(axis=0)) | (own < donors.min(axis=0))).mean())
