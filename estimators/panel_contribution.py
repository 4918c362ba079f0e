"""Several overlapping providers in a panel: difference-in-differences by cohort of entry, staggered or all at once.

Estimand, for cohort g (the period of a person's first service) and a later period t: the credits of a rule with the
long difference Y_t − Y_{g−1} as the outcome and the providers that had begun by t as the pattern. Cohort g is compared
with people unserved by t; smaller patterns are looked for in cohort g itself, whose exposure is as long. Nobody who has
already been served stands in for somebody who has not, which is what biases two-way fixed effects when effects differ.

Ordinary parallel trends, E[ΔY(nobody) | A = a, X] = E[ΔY(nobody) | A = nobody, X], identify the total gain and rules that
look at rosters only. A credit that compares patterns assumes strong parallel trends, E[ΔY(b) | A = a, X] =
E[ΔY(b) | A = b, X]; it carries IDENT-016. Both assume no anticipation before the first service.

Sources: Callaway and Sant'Anna (2021) for group-time effects; Sant'Anna and Zhao (2020) for the doubly robust form, used
with covariates and the saturated model; Goodman-Bacon (2021) for the bias of two-way fixed effects; Callaway,
Goodman-Bacon and Sant'Anna (2024) for strong parallel trends.
"""

from datetime import date
from functools import partial
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, raise_any
from counterfoil.estimators.covariance import ErrorType
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.panel_blocks import fit_block, panel_sample, refuse_uncompared
from counterfoil.estimators.panel_fit import PanelContributionFit
from counterfoil.estimators.spec import Design


class PanelContribution(Design):
    """Contributions of several providers to the change in one outcome.

    Give either `periods` with their first days, and cohorts follow from the start dates in the services table; or
    `baseline` and `period`, when everybody who was served was served between the two.

    A period is a label of the outcomes table. Where a study was made from a wide table, with a column for each
    measurement, and `outcome` is not named, it is the name of such a column.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {"a": [0, 0, 1, 1, 1, 1], "b": [0, 0, 0, 0, 1, 1], "before": [1, 2, 1, 3, 2, 2], "after": [2, 3, 4, 6, 6, 8]}
    ... )
    >>> fit = PanelContribution(providers=("a", "b"), baseline="before", period="after").fit(frame)
    >>> fit.total().values.round(3)
    array([2.])

    With dates, cohorts are those who began in the same period:

    >>> people = pd.DataFrame({"person": list("abcdef")})
    >>> days = ["2021-05-01", "2021-06-01", "2022-02-01", "2022-03-01"]
    >>> services = pd.DataFrame({"person": list("cdef"), "provider": "north", "start": days})
    >>> outcomes = people.merge(pd.DataFrame({"period": ["2020", "2021", "2022"]}), how="cross")
    >>> outcomes = outcomes.assign(outcome="jobs", value=[1, 2, 3, 2, 3, 3, 1, 4, 5, 2, 4, 7, 0, 1, 3, 0, 1, 4])
    >>> study = Study.from_tables(people, services=services, outcomes=outcomes)
    >>> spec = PanelContribution(periods={"2020": "2020-01-01", "2021": "2021-01-01", "2022": "2022-01-01"})
    >>> from counterfoil.attribution import Shapley
    >>> spec.fit(study).by_event_time(Shapley()).tidy().loc[[0, 2], ["term", "estimate"]].round(3).values.tolist()
    [['+0: north', 1.75], ['+1: north', 3.0]]
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "panel_contribution", "baseline": "before", "period": "after"}]}
    )

    kind: Literal["panel_contribution"] = "panel_contribution"
    providers: tuple[str, ...] = Field(
        (), description="Providers among whom the gain is divided; in a contract, its parties with role provider."
    )
    periods: dict[str, date] = Field(
        default_factory=dict,
        description="The periods in order, each with its first day; a service counts from the period in which it begins. "
        "For an outcome measured on one day, the first day is the day after the previous measurement.",
    )
    until: date | None = Field(
        None,
        description="First day after the last period; services that begin later are not looked at and leave people unserved in the study.",
    )
    baseline: str | None = Field(
        None, description="Without dates: the period before anybody was served; `period` is then the one after."
    )
    before: tuple[str, ...] = Field(
        (), description="Without dates: periods earlier than the baseline, in order, for tests of earlier trends."
    )
    comparison: Literal["never", "not_yet"] = Field(
        "never", description="Compare with people never served in the study, or also with those not yet served."
    )
    across: Literal["mean", "sum"] = Field(
        "mean",
        description="Whether the gain of several periods counts as their mean (a level, such as a score) or as their sum "
        "(an amount a period, such as earnings).",
    )
    model: Literal["additive", "pairwise", "saturated"] = Field(
        "saturated", description="Own effects; own effects and pairs; or every observed pattern by itself."
    )
    effects_by_covariates: bool = Field(False, description="Whether effects may differ with the covariates.")
    min_pair: int = Field(
        30, ge=2, description="Shared people of a cohort below which a pair has no joint effect in the model."
    )
    target: Literal["sample", "population", "realized"] = Field(
        "sample",
        description="Errors for the people of this study at average luck, for future people like them, or for the people "
        "of this study with their luck.",
    )

    vcov: ErrorType | None = Field(
        None,
        description="Error type. When omitted: CR1 with clusters; without, HC2, or HC1 in the doubly robust form.",
    )

    @model_validator(mode="after")
    def _terms_fit(self) -> "PanelContribution":
        if bool(self.periods) == (self.baseline is not None):
            raise ValueError("give either periods with their first days, or baseline and period")
        if self.baseline is not None and self.period is None:
            raise ValueError("baseline needs period, the one after everybody was served")
        if self.baseline is None and (self.period is not None or self.before):
            raise ValueError("period and before go with baseline; with periods, dates say what was before")
        if self.baseline is not None and self.until is not None:
            raise ValueError("until goes with periods")
        days = [*self.periods.values(), *([self.until] if self.until else [])]
        if self.periods and (len(self.periods) < 2 or any(b <= a for a, b in pairwise(days))):
            raise ValueError("periods are at least two, in the order of their first days, all before until")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a period is named twice")
        if len(set(self.providers)) != len(self.providers):
            raise ValueError("providers are named twice")
        if self.vcov == "classical":
            raise ValueError("vcov classical ignores that the same people are in several periods")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Periods in order."""
        return tuple(self.periods) or tuple(filter(None, (*self.before, self.baseline, self.period)))

    def errors(self, study: Study) -> tuple[str | None, ErrorType]:
        """Return the cluster column and the error type.

        A cohort's patterns may be small where the study is large, so the correction is by leverage where there is one.
        """
        augmented = bool(self.covariates) and self.model == "saturated"
        return self.errors_on(study, unclustered="HC1" if augmented else "HC2")

    def fit(self, data: Study | pd.DataFrame) -> PanelContributionFit:
        """Fit each cohort in each period; no attribution rule is needed yet.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a person, the person id as its index, a column of 0 and 1 for each of `providers`, and a
            column for each period; it has no dates, so it goes with `baseline` and `period`.

        Raises
        ------
        DataError
            When an outcome of a period, a start date or a column is missing.
        IdentificationError
            IDENT-004 when a cohort has nobody to be compared with, IDENT-005 when a provider served nobody, IDENT-006
            with too few clusters, IDENT-017 for people served before there was a period to start from.
        EstimationError
            EST-002 when a propensity model fails, EST-003 with more parameters than people.
        """
        study = data
        if not isinstance(study, Study):
            study = Study.from_frame(data, providers=self.providers, outcomes=self.labels, cluster=self.cluster)
        wide = self.outcome is None and set(self.labels) <= set(study.outcome_names)
        places = [(label, None) if wide else (self.outcome, label) for label in self.labels]
        providers = self.providers or study.providers
        sample, entry = panel_sample(self, study, places, providers)
        began = entry.by(len(self.labels) - 1).roster(providers)
        nobody = [
            name for name, served in zip(providers, np.any(began.exposure, axis=0).tolist(), strict=True) if not served
        ]
        raise_any(
            [Problem("IDENT-005", f"provider '{name}' served nobody in the study", "services") for name in nobody]
        )
        cluster, error_type = self.errors(sample.study)
        clusters, cluster_names = (None, None) if cluster is None else sample.study.groups(cluster)
        levels = np.column_stack([sample.study.outcome(*place) for place in places])
        last = self.labels[-1] if wide else self.outcome or sample.study.outcome_names[0]
        frame = partial(
            Estimate,
            ids=sample.study.ids,
            clusters=clusters,
            cluster_names=cluster_names,
            cluster_by=cluster,
            error_type="stacked",
            target="population" if self.target == "population" else "sample",
            outcome=last,
            people=sample.study.n_people,
            population="people in the study",
            diagnostics={"error_type": error_type},
        )
        asked = [(cohort, period) for cohort in entry.cohorts for period in range(cohort, len(self.labels))]
        refuse_uncompared(self, entry, asked)
        blocks = tuple(
            fit_block(self, entry, began.providers, sample, levels, last, cohort, period, period)
            for cohort, period in asked
        )
        return PanelContributionFit(self, last, began, entry, sample, levels, blocks, frame)
