"""Several providers in stages, when who enrols later responds to earlier progress: credit that includes referrals.

Estimand: stage after stage, enrolment is cut to the providers in S, and later enrolment and progress follow the past so
modified. θ(S) is the mean outcome of that course, θ(all) is what happened, and V = θ(all) − θ(none). A provider is thus
credited with the people that it leads on to others. It needs that at every stage the covariates and the progress so far
hold all common causes of enrolment and what follows, and no interference between people.

Why a design of its own: with progress that both shows the effect of earlier services and steers later ones, adjusting
for it hides a part of those effects and leaving it out confounds the later ones. The credit of `Contribution`, which
takes enrolment as it was, is then not identified: it asks for the outcome under one past and enrolment under another.

Why there is no rule to choose: the value of a coalition is no average of small games on each person's own providers, so
that the kernels of the other rules do not apply. Credit that includes referrals exists for Shapley alone, and is never
mixed with the credit of `Contribution`: one split, one settlement and one comparison use one of the two throughout.

Sources: as in ``counterfoil.estimators.sequential_policy``; Shapley (1953).
"""

from dataclasses import dataclass
from math import factorial
from typing import Any, ClassVar, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.roster import Roster
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, raise_any, refusal
from counterfoil.estimators.covariance import LEVERAGE_ONE, ErrorType, FloatArray, leverage_that_matters
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import check_clusters
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.sequential_policy import (
    ALONE,
    SMALLER,
    Longitudinal,
    coalition_influence,
    fit_longitudinal,
    unseen,
)
from counterfoil.estimators.spec import Design, OwnRules, Sample, draw_sample

MOST_PLAYERS: Final = 8
"""Every one of the 2^K coalitions is a policy with regressions of its own."""


class SequentialContribution(Design):
    """Contributions of providers in stages to one outcome, the people they lead on to others included.

    A provider of the study that no stage names is part of the world in which these providers work.

    Examples
    --------
    >>> rng = np.random.default_rng(5)
    >>> need, luck = rng.normal(size=(2, 2_000))
    >>> intake = rng.random(2_000) < 1 / (1 + np.exp(-need))
    >>> skills = need + 0.5 * intake + rng.normal(size=2_000)
    >>> job = rng.random(2_000) < 1 / (1 + np.exp(skills - intake))
    >>> data = pd.DataFrame({"intake": 1 * intake, "job": 1 * job, "need": need, "skills": skills})
    >>> spec = SequentialContribution(
    ...     outcome="pay", stages=(("intake",), ("job",)), covariates=("need",), progress=(("skills",),)
    ... )
    >>> fit = spec.fit(data.assign(pay=skills + job + luck))
    >>> bool(np.isclose(fit.credits().values.sum(), fit.total().values[0]))
    True
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "sequential_contribution", "stages": [["north"], ["south"]], "progress": [["trained"]]}
            ]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        ("shapley",),
        "credit that includes referrals exists for Shapley only, because it is no average over people's own providers",
    )

    kind: Literal["sequential_contribution"] = "sequential_contribution"
    stages: tuple[tuple[str, ...], ...] = Field(
        min_length=1, description="Providers by stage, first stage first; every provider in one stage."
    )
    progress: tuple[tuple[str, ...], ...] = Field(
        (), description="For each stage but the last, columns of people measured after it and before the next."
    )
    model: Literal["additive", "pairwise", "saturated"] = Field(
        "saturated", description="Effects of own services; of these and pairs; or of every observed pattern by itself."
    )
    effects_by_history: bool = Field(
        True, description="Whether effects may differ with the covariates and the progress so far."
    )

    @model_validator(mode="after")
    def _stages_fit(self) -> "SequentialContribution":
        if not all(self.stages):
            raise ValueError("a stage names no provider")
        if len(set(self.providers)) != len(self.providers):
            raise ValueError("providers are named twice; every provider works in one stage")
        if len(self.progress) != len(self.stages) - 1:
            wanted = len(self.stages) - 1
            raise ValueError(f"progress has {len(self.progress)} entries; {len(self.stages)} stages need {wanted}")
        measured = [*self.covariates, *(name for names in self.progress for name in names)]
        if len(set(measured)) != len(measured):
            raise ValueError("a column is named twice among covariates and progress; it is measured at one time")
        return self

    @property
    def providers(self) -> tuple[str, ...]:
        """The players, by stage."""
        return tuple(name for stage in self.stages for name in stage)

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        return (*super().columns(), *(name for names in self.progress for name in names))

    def fit(self, data: Study | pd.DataFrame) -> "SequentialFit":
        """Fit every coalition's policy, and the credits.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a person, the person id as its index, and a column of 0 and 1 for each provider.

        Raises
        ------
        DataError
            When columns are missing or blank.
        IdentificationError
            IDENT-005 when a provider served nobody, IDENT-006 with too few clusters, IDENT-015 when a policy leads to
            services that nobody like that had.
        EstimationError
            EST-001 when a single person determines a value, EST-002 when a model of enrolment fails, EST-003 with more
            parameters than people, EST-011 with more than eight players.
        """
        if len(self.providers) > MOST_PLAYERS:
            raise refusal("EST-011", f"{len(self.providers)} providers make {2 ** len(self.providers):,} policies")
        sample = draw_sample(self, data, self.providers)
        study = sample.study
        cluster, error_type = self.errors_on(study, unclustered="HC1")
        roster = study.roster(self.providers)
        raise_any(
            [
                Problem("IDENT-005", f"provider '{name}' served nobody in the study", "services")
                for name, served in zip(roster.providers, np.any(roster.exposure, axis=0).tolist(), strict=True)
                if not served
            ]
        )
        clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
        check_clusters(clusters, *(served for served in roster.exposure.T if not served.all()))
        position = {name: j for j, name in enumerate(self.providers)}
        longitudinal = fit_longitudinal(
            study.outcome(self.outcome, self.period),
            sample.weights,
            roster.exposure,
            [[position[name] for name in stage] for stage in self.stages],
            study.covariates(self.covariates)[0],
            [study.covariates(names)[0] for names in self.progress],
            self.model,
            self.effects_by_history,
        )
        warnings = (*sample.warnings, *self._told(roster, longitudinal))
        values, riesz = credit_influence(longitudinal)
        return SequentialFit(
            self,
            self.outcome or study.outcome_names[0],
            roster,
            longitudinal,
            values,
            riesz,
            clusters,
            cluster_names,
            cluster,
            error_type,
            sample,
            warnings,
        )

    def _told(self, roster: Roster, fit: Longitudinal) -> tuple[Problem, ...]:
        """Refuse policies that lead where nobody was, or warn when the model fills that in; warn of weak overlap."""
        told = []
        players = np.arange(len(roster.providers))
        missing = [
            f"{roster.label((code >> players & 1).astype(bool))} by stage {stage}" for stage, code in unseen(fit)
        ]
        if missing and self.model == "saturated":
            raise refusal("IDENT-015", f"nobody had exactly {listed(missing)}")
        if missing:
            told.append(Problem("IDENT-009", f"the model fills in what nobody had: {listed(missing)}", "estimator"))
        if not self.covariates:
            told.append(Problem("EST-006", "people are compared at the first stage without covariates", "estimator"))
        for stage in fit.stages:
            if stage.floored:
                what = f"at stage {stage.number} {shown(stage.floored)} people had almost no chance of the services they had"
                told.append(Problem("EST-004", f"{what}; their weights are floored", "estimator"))
        return tuple(told)


def credit_influence(fit: Longitudinal) -> tuple[FloatArray, FloatArray]:
    """Return uncentred influence values of the Shapley credits and, last, of the total, and the residual's weight in them.

    Σ_{S∌j} |S|! (K−|S|−1)! / K! · (u(S∪j) − u(S)) for each provider j, and u(N) − u(∅).

    Returns
    -------
    values, riesz : ndarray, shape (n, K + 1)
    """
    players = sum(stage.own for stage in fit.stages).bit_count()
    values, riesz = np.zeros((2, len(fit.outcome), players + 1))
    for coalition in range(1 << players):
        size = coalition.bit_count()
        joining = factorial(size - 1) * factorial(players - size) / factorial(players) if size else 0.0
        leaving = factorial(size) * factorial(players - size - 1) / factorial(players) if size < players else 0.0
        share = np.array([joining if coalition >> j & 1 else -leaving for j in range(players)])
        total = float(size == players) - float(size == 0)
        u, weight = coalition_influence(fit, coalition)
        values += np.outer(u, [*share, total])
        riesz += np.outer(weight, [*share, total])
    return values, riesz


@dataclass(frozen=True, slots=True, eq=False)
class SequentialFit:
    """Shapley credits that include referrals, and the total.

    Parameters
    ----------
    spec : SequentialContribution
        What was asked.
    outcome : str
        Name of the outcome.
    roster : Roster
        Who served whom.
    longitudinal : Longitudinal
        The models of enrolment and of the outcome.
    values, riesz : ndarray, shape (n, K + 1)
        Uncentred influence values of credits and total, and the weight in them of each person's residual of the outcome.
    clusters : ndarray of int, shape (n,), or None
    cluster_names : ndarray, shape (G,), or None
    cluster_by : str or None
    error_type : str
    sample : Sample
        Whom the fit uses.
    warnings : tuple of Problem
        What a reader must know before using the fit.
    """

    spec: SequentialContribution
    outcome: str
    roster: Roster
    longitudinal: Longitudinal
    values: FloatArray
    riesz: FloatArray
    clusters: NDArray[np.intp] | None
    cluster_names: NDArray[Any] | None
    cluster_by: str | None
    error_type: ErrorType
    sample: Sample
    warnings: tuple[Problem, ...]

    def __repr__(self) -> str:
        return (
            f"SequentialFit({self.outcome}: {len(self.roster.ids):,} people, {len(self.providers)} providers "
            f"in {len(self.spec.stages)} stages, {self.spec.model} model)"
        )

    @property
    def providers(self) -> tuple[str, ...]:
        """The players, by stage."""
        return self.roster.providers

    def credits(self) -> Estimate:
        """Return the Shapley credit of each provider, in the outcome's units per person of the study."""
        return self._estimate(slice(0, -1), self.providers, "provider")

    def total(self) -> Estimate:
        """Return the total gain per person; the credits sum to it."""
        return self._estimate(slice(-1, None), ("gain",), "term")

    def apply(self, kernel: Kernel) -> Estimate:
        """Return the credits under a rule, of which there is one; see `own_rules` of the spec."""
        self.spec.refuse_rule(kernel.name)
        return self.credits()

    def joint(self, kernel: Kernel | None = None) -> Estimate:
        """Return the credits and, last, the total as one estimate with their joint covariance."""
        if kernel is not None:
            self.spec.refuse_rule(kernel.name)
        return self._estimate(slice(None), (*self.providers, "gain"), "term")

    def _estimate(self, which: slice, terms: tuple[str, ...], label: Literal["term", "provider"]) -> Estimate:
        fit = self.longitudinal
        weights = fit.weights[:, None]
        values = (weights * self.values[:, which]).mean(axis=0)
        influence = weights * (self.values[:, which] - values)
        riesz = weights * self.riesz[:, which]
        leverage = leverage_that_matters(fit.last.leverage, riesz)
        if leverage.max() > LEVERAGE_ONE:
            raise refusal("EST-001", f"{self.error_type} errors are not defined: {ALONE}", fix=SMALLER)
        residuals = fit.last.residuals / np.sqrt(fit.weights)
        return Estimate(
            terms=terms,
            label=label,
            values=values,
            ids=self.roster.ids,
            influence=influence,
            # HC2 and HC3 correct the residuals of the outcome alone; those of earlier stages are residuals of fitted means.
            spread=influence - riesz * residuals[:, None],
            riesz=riesz,
            leverage=leverage,
            clusters=self.clusters,
            cluster_names=self.cluster_names,
            cluster_by=self.cluster_by,
            parameters=fit.last.rank,
            error_type=self.error_type,
            target="population",
            outcome=self.outcome,
            estimand="gain from the services people had and the enrolment that followed them, for future people like these",
            people=len(self.roster.ids),
            population="people in the study",
            warnings=self.warnings,
            diagnostics={"served": int(self.roster.exposure.any(axis=1).sum()), **self.sample.counts},
        ).using(self.error_type)
