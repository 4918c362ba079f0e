"""What a comparison of few treated places says of itself: its test, how close it is before, and which places it leans on."""

from typing import Final

from counterfoil.errors import CounterfoilError, listed
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.fitted import Fitted
from counterfoil.estimators.synthetic.series_fit import InterruptedTimeSeriesFit
from counterfoil.estimators.synthetic.synthetic_fit import SyntheticControlFit

PlacedFit = SyntheticControlFit | InterruptedTimeSeriesFit
MOST_DONORS: Final = 8
SMALL_WEIGHT: Final = 0.0005


def placed_fit(measured: Estimate | Fitted | None) -> PlacedFit | None:
    """Return a fit of few treated places, where an effect is measured by one."""
    return measured if isinstance(measured, PlacedFit) else None


def test_line(fit: PlacedFit) -> str:
    """Say the design's own test in a sentence, or nothing where it states a standard error."""
    if not isinstance(fit, SyntheticControlFit) or fit.spec.inference not in ("placebo", "conformal"):
        return ""
    try:
        if fit.spec.inference == "placebo":
            return fit.placebo().summary()
        found = fit.conformal()
    except CounterfoilError as error:
        return f"no test: {error.problems[0].what}"
    ends = f"constant gains from {found.conf_low:.4g} to {found.conf_high:.4g} are not rejected at 95%"
    return f"conformal test of no gain: p = {found.p_value:.3f}; {ends}"


def closeness_line(fit: PlacedFit) -> str:
    """Say how close the comparison is before the programme, or how dependent a series is over time."""
    known = fit.diagnostics
    if isinstance(fit, InterruptedTimeSeriesFit):
        beside = (
            f" beside {known['control_places']} control series"
            if known["control_places"]
            else ", with no control series"
        )
        return (
            f"{known['periods_before']} periods before and {known['periods_after']} since{beside}; residuals unrelated over time: "
            f"p = {known['ljung_box_p_value']:.3g}"
        )
    part = known.get("rmspe_before_to_spread")
    spread = "" if part is None else f", {part:.0%} of the spread between donors"
    return (
        f"over {known['periods_before']} periods before, the comparison is off by {known['rmspe_before']:.4g} (root mean square)"
        f"{spread}; as if {known['effective_donors']:.1f} of {known['donors']} donors had equal weight"
    )


def donor_rows(fit: PlacedFit) -> list[tuple[str, float, float | None]]:
    """Return the donors with most weight, each with its weight and what the gain would be without it."""
    if not isinstance(fit, SyntheticControlFit) or fit.spec.level == "people":
        return []
    weights = fit.weights[fit.weights.abs() > SMALL_WEIGHT]
    shown = weights.reindex(weights.abs().sort_values(ascending=False, kind="stable").index)[:MOST_DONORS]
    try:
        without = fit.leave_one_out().set_index("donor")["gain"]
    except CounterfoilError:
        without = None
    return [
        (str(name), float(weight), None if without is None or name not in without.index else float(without[name]))
        for name, weight in shown.items()
    ]


def placed_lines(fit: PlacedFit) -> list[str]:
    """Return what is said in text."""
    lines = [line for line in (test_line(fit), closeness_line(fit)) if line]
    donors = [f"{name} {weight:.3f}" for name, weight, _ in donor_rows(fit)]
    return [*lines, *([f"donors: {listed(donors, MOST_DONORS)}"] if donors else [])]
