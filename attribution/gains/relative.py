"""Gains in per cent of what would have been: of the control mean, or of the agreed baseline.

    relative gain = 100 · (treated − reference) / reference

The reference is what people without the programme have. Peterborough's first cohort had 142 reconvictions per 100 people
against 155 in the comparison, a fall of 8.387%; dividing by the treated rate would give 9.155% and is wrong.

The error of an estimated relative gain is by the delta method, from the joint influence values of both means; the Fieller
set needs no linear approximation and tells when the reference cannot be told from zero.

Sources: Jolliffe and Hedderman (2014), *Peterborough Social Impact Bond: final report on cohort 1 analysis*, UK Ministry of
Justice; Fieller (1954), JRSS B 16(2), 175-185.
"""

from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import PRECISION
from counterfoil.attribution.money.words import Words
from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import Experiment, arm_means
from counterfoil.estimators.fieller import FiellerSet
from counterfoil.estimators.fixed_baseline import FixedBaseline, observed_and_baseline


class Relative(BaseModel):
    """Whether an effect is counted in per cent of its reference.

    Examples
    --------
    >>> Relative(relative=True).sentence(Words("USD"), "jail")
    'jail is counted in per cent of the mean that people would have had without the programme.'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    relative: bool = Field(
        False, description="True counts the effect in per cent of the control mean, or of the agreed baseline."
    )

    def sentence(self, words: Words, name: str) -> str:  # noqa: ARG002
        """Say in one sentence in which unit the effect counts."""
        reference = "per cent of the mean that people would have had without the programme"
        return f"{name} is counted in {reference if self.relative else 'the units of its outcome'}."


def relative_reduction(treated: Decimal, reference: Decimal) -> Decimal:
    """Return by how many per cent a treated rate is below its reference; negative when it is above.

    Parameters
    ----------
    treated, reference : Decimal
        In one unit; the reference is positive.

    Raises
    ------
    EstimationError
        EST-015 when the reference is not positive.

    Examples
    --------
    >>> round(relative_reduction(Decimal(142), Decimal(155)), 3)
    Decimal('8.387')
    """
    if reference <= 0:
        raise refusal("EST-015", "the reference of a relative reduction is not positive")
    with localcontext(prec=PRECISION):
        return 100 * (reference - treated) / reference


def relative_gain(spec: Experiment | FixedBaseline, data: Study | pd.DataFrame) -> Estimate:
    """Estimate the gain in per cent of the control mean, or of the agreed baseline.

    Parameters
    ----------
    spec : Experiment or FixedBaseline
    data : Study or DataFrame

    Returns
    -------
    Estimate
        One term, ``gain``, in per cent and in the outcome's own sign: a fall is negative.

    Raises
    ------
    EstimationError
        EST-015 when the reference is not positive, or cannot be told from zero at 95%.

    Examples
    --------
    >>> import counterfoil as cf
    >>> found = relative_gain(Experiment(outcome="earnings"), cf.datasets.load("nsw"))
    >>> found.values.round(2), found.std_error.round(2)
    (array([39.39]), array([16.42]))
    """
    means = _means(spec, data)
    _refuse_reference(means)
    of = "agreed baseline" if isinstance(spec, FixedBaseline) else "control mean"
    made = means.map(lambda pair: 100 * (pair[0] - pair[1]) / pair[1], ["gain"])
    return replace(made, estimand=f"effect in per cent of the {of}")


def relative_set(spec: Experiment | FixedBaseline, data: Study | pd.DataFrame, conf_level: float = 0.95) -> FiellerSet:
    """Return the relative gain with its Fieller set, in per cent and in the outcome's own sign; it may be unbounded.

    Examples
    --------
    >>> import counterfoil as cf
    >>> found = relative_set(Experiment(outcome="earnings"), cf.datasets.load("nsw"))
    >>> round(found.low, 2), round(found.high, 2), found.bounded
    (9.7, 75.23, True)
    """
    found = _means(spec, data).ratio(0, 1, conf_level)
    return FiellerSet(100 * (found.value - 1), 100 * (found.low - 1), 100 * (found.high - 1), found.bounded)


def _means(spec: Experiment | FixedBaseline, data: Study | pd.DataFrame) -> Estimate:
    return observed_and_baseline(spec, data) if isinstance(spec, FixedBaseline) else arm_means(spec, data)


def _refuse_reference(means: Estimate) -> None:
    reference, error = float(means.values[1]), float(means.std_error[1])
    if reference <= 0:
        raise refusal("EST-015", "the mean that the gain should be relative to is not positive")
    if reference <= means.critical(0.95) * error or not np.isfinite(error):
        raise refusal("EST-015", "the mean that the gain should be relative to cannot be told from zero at 95%")
