"""Truncation of an outcome before anything is estimated, so that a few extreme people do not decide the money.

Values beyond a limit count as the limit (winsorizing). Medicare's shared savings truncate a person's yearly cost at the
national 99th percentile, a stated amount as far as one organization is concerned. A percentile of the study itself is an
estimate; errors are computed as if it were known, which leaves out a part that is small where few people are beyond it
and as many in one arm as in the other.

Sources: 42 CFR 425.604(a)(4); Tukey (1962), *The future of data analysis*, Annals of Mathematical Statistics 33(1), 17-19.
"""

import math
from dataclasses import replace
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words
from counterfoil.datasets.study import Study


class Truncate(BaseModel):
    """Terms of truncation.

    Examples
    --------
    >>> Truncate(percentile=Decimal(99)).sentence(Words("USD"), "cost")
    "values of cost above the study's 99th percentile count as that percentile."
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"percentile": "99"}, {"at": "30"}]}
    )

    percentile: Amount | None = Field(
        None,
        gt=50,
        lt=100,
        description="Percentile of the people of the study, above 50; the smallest value that at least so many per cent do "
        "not exceed.",
    )
    at: Amount | None = Field(None, description="A stated limit, in the outcome's unit.")
    tail: Literal["upper", "lower", "both"] = Field(
        "upper",
        description="Which values are truncated; the lower percentile is 100 less the upper, and two tails need a percentile.",
    )

    @model_validator(mode="after")
    def _one_limit(self) -> "Truncate":
        if (self.percentile is None) == (self.at is None):
            raise ValueError("write either `percentile` or `at`")
        if self.at is not None and self.tail == "both":
            raise ValueError("`tail: both` needs `percentile`; one stated limit has one side")
        return self

    def sentence(self, words: Words, name: str) -> str:
        """Say the truncation in one sentence."""
        side = {"upper": "above", "lower": "below", "both": "beyond"}[self.tail]
        if self.at is not None:
            return f"values of {name} {side} {words.number(self.at)} count as {words.number(self.at)}."
        upper = _ordinal(words.number(self.percentile or Decimal(0)))
        lower = _ordinal(words.number(100 - (self.percentile or Decimal(0))))
        if self.tail == "both":
            return f"values of {name} beyond the study's {lower} and {upper} percentiles count as those percentiles."
        limit = upper if self.tail == "upper" else lower
        return f"values of {name} {side} the study's {limit} percentile count as that percentile."


def _ordinal(number: str) -> str:
    ending = {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
    return f"{number}{'th' if number[-2:] in ('11', '12', '13') or '.' in number else ending}"


def limits(values: NDArray[np.float64], terms: Truncate) -> tuple[float, float]:
    """Return the lowest and the highest value that count as they are, in the outcome's unit; infinite where none is agreed.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN where somebody has none.
    terms : Truncate
    """
    if terms.at is not None:
        return (float(terms.at), math.inf) if terms.tail == "lower" else (-math.inf, float(terms.at))
    known = np.sort(values[~np.isnan(values)])

    def percentile(asked: Decimal) -> float:
        return float(known[math.ceil(asked * len(known) / 100) - 1])

    upper = terms.percentile or Decimal(0)
    return (
        -math.inf if terms.tail == "upper" else percentile(100 - upper),
        math.inf if terms.tail == "lower" else percentile(upper),
    )


def truncated_values(values: NDArray[np.float64], terms: Truncate) -> NDArray[np.float64]:
    """Return values (n,) with those beyond the limits set to them; NaN stays.

    Examples
    --------
    >>> truncated_values(np.array([1.0, 2.0, 900.0]), Truncate(at=Decimal(100)))
    array([  1.,   2., 100.])
    """
    return np.clip(values, *limits(values, terms))


def truncated(study: Study, outcome: str, period: str | None, terms: Truncate) -> Study:
    """Return a copy of the study with one outcome truncated; the study given is not changed.

    Parameters
    ----------
    study : Study
    outcome : str
    period : str or None
        May be None when the outcome has only one.
    terms : Truncate

    Raises
    ------
    DataError
        As `Study.outcome`.

    Examples
    --------
    >>> import counterfoil as cf
    >>> study = cf.datasets.load("nsw")
    >>> less = truncated(study, "earnings", None, Truncate(percentile=Decimal(99)))
    >>> float(study.outcome().max()) > float(less.outcome().max())
    True
    """
    values = study.outcome(outcome, period, complete=False)
    table = study.outcomes
    if table is None or not np.isfinite(values).any():
        return study
    chosen = (table["outcome"] == outcome).to_numpy()
    if period is not None:
        chosen = chosen & (table["period"] == period).to_numpy()
    low, high = limits(values, terms)
    clipped = table["value"].where(~chosen, table["value"].clip(low, high))
    return replace(study, outcomes=table.assign(value=clipped), title=f"{study.title} ({outcome} truncated)")
