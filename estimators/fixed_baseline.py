"""A mean outcome less an agreed baseline: observed less agreed.

Nothing here is causal unless the baseline is right, that is, unless these very people would have had exactly the baseline
rate without the programme. No data in the study can show that. The benchmarks of Medicare's shared savings, the rates at
which a rate card assumes people find work by themselves, and the enrolment of out-of-school girls against a list made
beforehand are baselines of this kind. Every result therefore carries the warning EST-019.

    gain = mean outcome − rate · trend^periods · growth of risk

The growth of risk, people's risk score now over that of the people whom the rate comes from, is limited from above where a
cap is agreed, so that coding more diagnoses does not raise the benchmark without limit.

Source: 42 CFR 425.601 and 425.610 (Medicare Shared Savings Program: the historical benchmark, its trend, and the limit of
3% on the growth of risk scores).
"""

from dataclasses import replace
from decimal import Decimal, localcontext
from typing import ClassVar, Final, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.bias_reduced import bias_reduced
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import check_clusters
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.spec import Design, OwnRules, draw_sample
from counterfoil.estimators.stack import stack

DIGITS: Final = 60
"""Of a baseline: far beyond what money needs."""


def risk_growth_cap(now: Decimal, then: Decimal, cap: Decimal | None = None) -> Decimal:
    """Return by how much a baseline grows with people's risk: now/then, at most 1 + cap; a fall is not limited.

    Parameters
    ----------
    now, then : Decimal
        Risk score of the people measured, and of those whom the baseline comes from; positive.
    cap : Decimal, optional
        The most by which risk may raise the baseline, such as 0.03.

    Examples
    --------
    >>> risk_growth_cap(Decimal("1.08"), Decimal("1.00"), Decimal("0.03"))
    Decimal('1.03')
    >>> risk_growth_cap(Decimal("0.90"), Decimal("1.00"), Decimal("0.03"))
    Decimal('0.9')
    """
    with localcontext(prec=DIGITS):
        growth = now / then
        return growth if cap is None else min(growth, 1 + cap)


class Risk(BaseModel):
    """How sick, or how hard to place, people are compared with those whom the baseline comes from."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"now": "1.08", "then": "1.02", "cap": "0.03"}]}
    )

    now: Decimal = Field(gt=0, description="Mean risk score of the people who are measured.")
    then: Decimal = Field(gt=0, description="Mean risk score of the people whom the baseline comes from.")
    cap: Decimal | None = Field(
        None, ge=0, description="The most by which risk may raise the baseline, such as 0.03; no limit when omitted."
    )


class FixedBaseline(Design):
    """Mean outcome of people less an agreed baseline; not causal unless the baseline is right.

    Examples
    --------
    >>> import counterfoil as cf
    >>> spec = FixedBaseline(outcome="earnings", baseline="historical", rate="5000", source="earlier cohort", among="everyone")
    >>> spec.fit(cf.datasets.load("nsw")).values.round(2)
    array([300.76])
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "fixed_baseline",
                    "baseline": "historical",
                    "rate": "12",
                    "source": "ministry statistics 2024, table 2",
                    "among": "everyone",
                }
            ]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "a mean less a baseline does not tell who contributed, so there are no credits to split by"
    )

    kind: Literal["fixed_baseline"] = "fixed_baseline"
    baseline: Literal["historical", "fixed_rate", "benchmark"] = Field(
        description="Where the rate comes from: earlier people (historical), the contract alone (fixed_rate), or other people "
        "of the same time (benchmark). A fixed rate stands as it is written, without trend, risk and error."
    )
    rate: Decimal = Field(description="The baseline, in the outcome's unit, before trend and risk.")
    source: str = Field(description="What the rate rests on, so that anybody can look it up.")
    trend: Decimal = Field(Decimal(1), gt=0, description="Growth factor of the baseline in one period, such as 1.02.")
    periods: int = Field(0, ge=0, description="Over how many periods the trend runs.")
    risk: Risk | None = Field(None, description="How people's risk changes the baseline.")
    std_error: Decimal | None = Field(
        None,
        gt=0,
        description="Standard error of `rate`, where it was itself estimated, on other people; none when omitted.",
    )
    among: Literal["served", "everyone"] = Field(
        "served",
        description="Whose mean outcome counts: that of people with a service, or that of everybody in the study.",
    )
    providers: tuple[str, ...] = Field(
        (), description="Whose services count, with `among: served`; every provider's when omitted."
    )

    @model_validator(mode="after")
    def _a_fixed_rate_is_fixed(self) -> "FixedBaseline":
        if self.baseline == "fixed_rate" and (self.trend != 1 or self.risk is not None or self.std_error is not None):
            raise ValueError("`baseline: fixed_rate` has no trend, risk or std_error; use historical or benchmark")
        if self.covariates:
            raise ValueError("a fixed baseline is not adjusted for `covariates`; use `risk`")
        if (self.trend != 1) != (self.periods > 0):
            raise ValueError("`trend` and `periods` go together")
        return self

    @property
    def growth(self) -> Decimal:
        """Trend and risk, by which the rate is multiplied."""
        with localcontext(prec=DIGITS):
            risk = Decimal(1) if self.risk is None else risk_growth_cap(self.risk.now, self.risk.then, self.risk.cap)
            return self.trend**self.periods * risk

    @property
    def expected(self) -> Decimal:
        """The baseline with trend and risk, in the outcome's unit."""
        with localcontext(prec=DIGITS):
            return self.rate * self.growth

    def fit(self, data: Study | pd.DataFrame) -> Estimate:
        """Measure the mean outcome against the baseline.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a person and the person id as its index.

        Returns
        -------
        Estimate
            One term, ``gain``: observed less agreed, in the outcome's units per person, with the warning EST-019. It has
            influence values, unless the rate has an error of its own; that is taken to be independent of the people here.

        Raises
        ------
        DataError
            When a column or the table of services is missing.
        IdentificationError
            IDENT-005 when nobody was served, IDENT-006 with fewer than two clusters.
        EstimationError
            EST-001 when the error type is not defined, EST-003 with one person.
        """
        means = observed_and_baseline(self, data)
        return replace(means.contrast([[1, -1]], ["gain"]), estimand="mean outcome less the agreed baseline")


def observed_and_baseline(spec: FixedBaseline, data: Study | pd.DataFrame) -> Estimate:
    """Return the mean outcome and the baseline, jointly; see `FixedBaseline.fit`.

    Returns
    -------
    Estimate
        Terms ``observed mean`` and ``baseline``, in the outcome's units.
    """
    observed = _mean(spec, data)
    if spec.std_error is None:
        both = observed.contrast([[1], [0]], ["observed mean", "baseline"])
        return replace(both, values=np.array([both.values[0], float(spec.expected)]))
    error = float(spec.growth * spec.std_error)
    baseline = Estimate.published(
        [float(spec.expected)],
        [error],
        terms=["baseline"],
        outcome=str(observed.outcome),
        estimand="baseline",
        people=0,
    )
    joined = stack([observed, baseline], independent=True)
    return replace(
        joined,
        outcome=str(observed.outcome),
        people=observed.people,
        population=observed.population,
        sample_size=observed.n,
        diagnostics=observed.diagnostics,
    )


def _mean(spec: FixedBaseline, data: Study | pd.DataFrame) -> Estimate:
    """Return the mean outcome of the people who count."""
    sample = draw_sample(spec, data, spec.providers)
    study, weights = sample.study, sample.weights
    _, error_type = spec.errors_on(study, unclustered="HC2")
    if spec.among == "served":
        served = np.asarray(study.roster(spec.providers or None).exposure.any(axis=1))
        if not served.any():
            raise refusal("IDENT-005", "nobody has a service, so there is no mean of the people served", "services")
        study, weights = study.subset(np.asarray(served)), weights[served] / weights[served].mean()
    cluster, _ = spec.errors_on(study, unclustered="HC2")
    clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
    check_clusters(clusters)
    outcome = study.outcome(spec.outcome, spec.period)
    level, root = np.average(outcome, weights=weights), np.sqrt(weights)
    # The mean itself; without it outcomes far from zero would lose digits.
    fit = least_squares(root[:, None], (outcome - level) * root)
    riesz = root[:, None]
    reduced = reduced_df = None
    if clusters is not None:
        reduced, reduced_df = bias_reduced(root[:, None], fit.bread, clusters, fit.residuals, riesz)
    whose = "people served" if spec.among == "served" else "everybody in the study"
    return Estimate(
        terms=("observed mean",),
        values=np.array([level]),
        ids=study.ids,
        influence=riesz * fit.residuals[:, None],
        riesz=weights[:, None],
        leverage=fit.leverage,
        classical=(fit.residuals @ fit.residuals / (study.n_people - 1)) * fit.bread,
        reduced=reduced,
        reduced_df=reduced_df,
        clusters=clusters,
        cluster_names=cluster_names,
        cluster_by=cluster,
        parameters=1,
        error_type=error_type,
        outcome=spec.outcome or study.outcome_names[0],
        estimand="mean outcome",
        people=study.n_people,
        population=whose,
        warnings=(*sample.warnings, _observed(spec)),
        diagnostics={"people_counted": study.n_people, **sample.counts},
    ).using(error_type)


def _observed(spec: FixedBaseline) -> Problem:
    what = f"the gain is the mean outcome less an agreed baseline ({spec.baseline}: {spec.source}); it is not shown to be caused"
    return Problem("EST-019", what, "estimator")
