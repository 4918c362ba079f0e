"""How strongly a confounder would have to be associated with treatment and outcome to explain a finding away: the E-value.

The E-value of a risk ratio RR ≥ 1 is RR + √(RR(RR − 1)): the least risk ratio that a confounder must have with both, given the
measured covariates. Ratios below 1 are turned over; the limit's E-value is that of the end of the interval nearer to 1, and is 1
where the interval holds it. Other measures become risk ratios first: a rare or common outcome's odds and hazard ratios, a
standardised difference d by exp(0.91 d); a risk difference has its own bound.

Sources: VanderWeele and Ding (2017), *Sensitivity analysis in observational research: introducing the E-value*, Annals of Internal
Medicine 167(4), 268-274, table 2; Ding and VanderWeele (2016), *Sensitivity analysis without assumptions*, Epidemiology 27(3),
368-377, for risk differences; Mathur, Ding, Riddell and VanderWeele (2018), Epidemiology 29(5), e45-e47.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.special import ndtri

from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.compared import ComparisonFit

PER_DEVIATION: Final = 0.91
"""Log risk ratio that stands for one standard deviation of the outcome."""

SMALLEST: Final = 1e-6
"""Risk ratio that stands for none."""

Ratio = Literal["risk", "odds_rare", "odds_common", "hazard_rare", "hazard_common"]


@dataclass(frozen=True, slots=True)
class EValue:
    """E-values of an estimate and of its confidence limit.

    Parameters
    ----------
    estimate : float
        Of the estimate, at least 1.
    limit : float
        Of the end of the interval that is nearer to no effect; 1 where the interval holds no effect.
    ratio, low, high : float
        The risk ratio, or what stands for it, and its interval.

    Examples
    --------
    >>> found = of_ratio(3.9, 1.8, 8.7)
    >>> round(found.estimate, 2), round(found.limit, 1)
    (7.26, 3.0)
    """

    estimate: float
    limit: float
    ratio: float
    low: float
    high: float

    def sentence(self) -> str:
        """Say what it means."""
        shaken = (
            "its interval holds no effect as it is"
            if self.limit == 1
            else f"{self.limit:.2f} would bring its interval to no effect"
        )
        return (
            f"a confounder would have to raise both the chance of treatment and the risk of the outcome {self.estimate:.2f} times, "
            f"beyond what was measured, to explain the finding away; {shaken}"
        )


def e_value(ratio: float, truth: float = 1.0) -> float:
    """Return the E-value of a risk ratio: what moves it to ``truth``.

    Raises
    ------
    EstimationError
        EST-051 for a ratio that is not positive.

    Examples
    --------
    >>> round(e_value(0.8), 2), e_value(1.0)
    (1.81, 1.0)
    """
    for value in (ratio, truth):
        if not 0 < value < math.inf:
            raise refusal("EST-051", f"a ratio is positive and finite, not {value:g}")
    larger = max(ratio / truth, truth / ratio)
    return larger + math.sqrt(larger * (larger - 1))


def of_ratio(ratio: float, low: float, high: float, measure: Ratio = "risk", truth: float = 1.0) -> EValue:
    """Return the E-values of a ratio with its interval.

    Parameters
    ----------
    ratio, low, high : float
        Positive, low ≤ ratio ≤ high.
    measure : str
        What it is: a risk or rate ratio; an odds or hazard ratio of an outcome that is rare (below 15%) or common.
    truth : float
        The risk ratio to which it is to be moved.

    Raises
    ------
    EstimationError
        EST-051 for ratios that are not positive or not in order.

    Examples
    --------
    >>> leukemia = of_ratio(0.80, 0.71, 0.91)
    >>> round(leukemia.estimate, 2), round(leukemia.limit, 2)
    (1.81, 1.43)
    """
    if not 0 < low <= ratio <= high < math.inf:
        raise refusal("EST-051", f"a ratio of {ratio:g} with the interval {low:g} to {high:g} is none")
    turned = RATIOS[measure]
    ratio, low, high = turned(ratio), turned(low), turned(high)
    limit = 1.0 if low <= truth <= high else e_value(low if ratio > truth else high, truth)
    return EValue(e_value(ratio, truth), limit, ratio, low, high)


def _common_hazard(ratio: float) -> float:
    return float((1 - 0.5 ** math.sqrt(ratio)) / (1 - 0.5 ** math.sqrt(1 / ratio)))


RATIOS: Final[dict[Ratio, Callable[[float], float]]] = {
    "risk": float,
    "odds_rare": float,
    "odds_common": math.sqrt,
    "hazard_rare": float,
    "hazard_common": _common_hazard,
}
"""How each measure becomes a risk ratio."""


def of_difference(difference: float, std_error: float, deviation: float, conf_level: float = 0.95) -> EValue:
    """Return the E-values of a difference of means of a continuous outcome, as a standardised difference.

    Parameters
    ----------
    difference, std_error : float
        In the outcome's units.
    deviation : float
        Standard deviation of the outcome, in its units.
    conf_level : float

    Raises
    ------
    EstimationError
        EST-051 when the deviation is not positive or the error negative.

    Examples
    --------
    >>> found = of_difference(0.5, 0.25, 1.0)
    >>> round(found.ratio, 3), round(found.estimate, 2)
    (1.576, 2.53)
    """
    if not (deviation > 0 and std_error >= 0 and math.isfinite(deviation)):
        raise refusal(
            "EST-051", "a standardised difference needs a positive standard deviation and an error that is none below 0"
        )
    centre, half = difference / deviation, float(ndtri((1 + conf_level) / 2)) * std_error / deviation
    low, middle, high = (math.exp(PER_DEVIATION * d) for d in (centre - half, centre, centre + half))
    return of_ratio(middle, low, high)


def of_risks(cases: tuple[int, int], people: tuple[int, int], truth: float = 0.0, conf_level: float = 0.95) -> EValue:
    """Return the E-values of a difference of risks between treated and untreated people.

    A confounder of bounding factor B leaves at least (p₁ − p₀B)(f + (1 − f)/B) of the difference, where f is the part of
    people who were treated.

    Parameters
    ----------
    cases, people : tuple of int
        With the outcome, and all: treated first. The treated have the higher risk; exchange them otherwise.
    truth : float
        The difference to which it is to be moved.
    conf_level : float

    Raises
    ------
    EstimationError
        EST-051 for counts that are none or a difference that is not above ``truth``; EST-015 without any case among the
        untreated.

    Examples
    --------
    >>> smoking = of_risks((397, 51), (78954, 108829))
    >>> round(smoking.estimate, 2), round(smoking.limit, 2)
    (20.95, 15.96)
    """
    if any(not 0 <= k <= n or n < 1 for k, n in zip(cases, people, strict=True)):
        raise refusal("EST-051", "cases are counted among people, and neither is below 0")
    risks = [k / n for k, n in zip(cases, people, strict=True)]
    if risks[1] == 0:
        raise refusal("EST-015", "nobody of the untreated has the outcome, so that the risks have no ratio")
    whole = sum(people)
    part = people[0] / whole
    if risks[0] - risks[1] <= truth:
        raise refusal("EST-051", "the difference of risks is not above what it is to be moved to")
    own = [p * (1 - p) / n for p, n in zip(risks, people, strict=True)]
    critical = float(ndtri((1 + conf_level) / 2))

    def left(factor: float) -> float:
        return (risks[0] - risks[1] * factor) * (part + (1 - part) / factor)

    def lower(factor: float) -> float:
        blend, gap = part + (1 - part) / factor, risks[0] - risks[1] * factor
        variance = (own[0] + own[1] * factor**2) * blend**2
        variance += (gap * (1 - 1 / factor)) ** 2 * part * (1 - part) / whole
        return gap * blend - critical * math.sqrt(variance)

    middle = _crossing(left, truth, risks[0] / risks[1] + 1)
    limit = 1.0 if lower(1.0) <= truth else e_value(_crossing(lower, truth, middle))
    ratio = risks[0] / risks[1]
    spread = critical * math.sqrt(sum((1 - p) / max(k, 1) for p, k in zip(risks, cases, strict=True)))
    return EValue(e_value(middle), limit, ratio, ratio * math.exp(-spread), ratio * math.exp(spread))


def of_comparison(fit: ComparisonFit, conf_level: float = 0.95, period: str | None = None) -> EValue:
    """Return the E-values of a comparison's gain.

    Of an outcome of 0 and 1 it is taken as a ratio of risks: the weighted risk of the untreated, which is held as known, and
    that risk with the effect added. Of any other outcome, as a difference in standard deviations of the untreated.

    Parameters
    ----------
    fit : ComparisonFit
        Of one group.
    conf_level : float
    period : str, optional
        The outcome's, where it has several; the design's own when omitted.

    Raises
    ------
    EstimationError
        EST-015 when nobody of the untreated has the outcome, or their outcomes do not vary.
    ContractError
        CONTRACT-016 where several groups are compared.
    """
    gain, sample = fit.total(), fit.comparison.sample
    name = gain.outcome if isinstance(gain.outcome, str) else gain.outcome[0]
    outcome, untreated = sample.study.outcome(name, period or fit.period), sample.of(0)
    weights = fit.comparison.balancing[untreated, 0]
    mean = float(np.average(outcome[untreated], weights=weights))
    value, (low, high) = float(gain.values[0]), gain.interval(conf_level)[0].tolist()
    if np.isin(outcome, (0.0, 1.0)).all():
        if mean <= 0:
            raise refusal("EST-015", "nobody of the untreated has the outcome, so that the risks have no ratio")
        # A risk that is nothing or less has no ratio: such an end lies beyond any.
        ratios = [max((mean + end) / mean, SMALLEST) for end in (value, low, high)]
        return of_ratio(ratios[0], min(ratios), max(ratios))
    deviation = math.sqrt(float(np.average((outcome[untreated] - mean) ** 2, weights=weights)))
    if deviation == 0:
        raise refusal("EST-015", "the outcomes of the untreated do not vary, so that there is no standard deviation")
    return of_difference(value, (high - low) / 2 / float(ndtri((1 + conf_level) / 2)), deviation, conf_level)


def _crossing(falling: Callable[[float], float], level: float, high: float) -> float:
    """Return where a function that is above a level at 1 first falls to it."""
    low = 1.0
    while falling(high) > level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > level else (low, middle)
    return high
