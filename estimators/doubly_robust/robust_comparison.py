"""A comparison made by models, before its outcomes are read: what it can detect, and then its effects, of all and by group."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.comparisons.compared import as_estimate
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign, Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.doubly_robust.cross_fitted import CrossFitted
from counterfoil.estimators.doubly_robust.groups import Groups, by_column, by_need, by_prediction
from counterfoil.estimators.doubly_robust.parametric import Parametric
from counterfoil.estimators.estimate import Estimate

ROUNDING: Final = 1e-12
"""Of the largest weight."""


@dataclass(frozen=True, slots=True, eq=False)
class RobustComparison:
    """Whom a doubly robust design compares, and with what weights.

    Parameters
    ----------
    spec : ComparisonDesign
    sample : ComparisonSample
    estimand : {"att", "atc", "ate"}
    score : Score or None
        None for regression adjustment; of learners, the mean of their out-of-fold chances.
    balancing : ndarray, shape (n, k)
        Inverse-chance weights, one column a term; for regression adjustment those that its coefficients imply.
    engine : Parametric or CrossFitted
    contrasts : ndarray, shape (k, number of means)
    whom : str
        Of whom the effects are, beyond the estimand; empty for all.
    measured : bool
        Whether the study has outcomes.
    warnings : tuple of Problem
    diagnostics : dict
    """

    spec: ComparisonDesign
    sample: ComparisonSample
    estimand: Estimand
    score: Score | None
    balancing: FloatArray
    engine: Parametric | CrossFitted
    contrasts: FloatArray
    whom: str = ""
    measured: bool = True
    warnings: tuple[Problem, ...] = ()
    diagnostics: dict[str, Any] = field(default_factory=dict)

    @property
    def riesz(self) -> FloatArray:
        """Weights of people's residuals in each effect, times n, shape (n, k): what power before outcomes follows from."""
        return np.column_stack([self.engine.riesz(side) for side in self.engine.sides]) @ self.contrasts.T

    def planned(self) -> Estimate:
        """Return an estimate without outcomes, of value 0: its weights say what the design can detect (`smallest_detectable`)."""
        empty = np.zeros((self.sample.n, len(self.contrasts)))
        return self._estimate(np.zeros(len(self.contrasts)), empty, self.spec.outcome or "outcome", riesz=self.riesz)

    def effect(self, outcome: str | None = None, period: str | None = None) -> Estimate:
        """Return the effects on one outcome, one term a group that is compared with the untreated.

        Raises
        ------
        DataError
            DATA-019 when the study has no outcomes; DATA-008 and DATA-012 when some people lack it.
        """
        return self._measure(self._outcomes([outcome], period))

    def effects(self, outcomes: Sequence[str], period: str | None = None) -> Estimate:
        """Return the effects on several outcomes as one estimate; terms are ``outcome: group``, with their joint covariance."""
        return self._measure(self._outcomes(outcomes, period), named=True)

    def effects_by(self, column: str, outcome: str | None = None, period: str | None = None) -> Estimate:
        """Return the effects by group of people; ``interval(simultaneous=True)`` holds for all groups together.

        Parameters
        ----------
        column : str
            Column of people with few distinct values, among the covariates.
        outcome, period : str, optional

        Raises
        ------
        EstimationError
            EST-009 when the column is not adjusted for, or in every group fewer than 11 people were treated or untreated.
        """
        return self._measure(self._outcomes([outcome], period), by_column(self.sample, self.spec.covariates, column))

    def effects_by_need(
        self,
        column: str,
        *,
        above: float | None = None,
        below: float | None = None,
        outcome: str | None = None,
        period: str | None = None,
    ) -> Estimate:
        """Return the effects on people most in need, as a column measured before the programme tells, and on the others.

        Parameters
        ----------
        column : str
            A number among the covariates, such as a score of risk.
        above, below : float
            Exactly one: who is most in need.
        outcome, period : str, optional

        Raises
        ------
        EstimationError
            EST-009 when the column is not adjusted for, or either group has fewer than 11 people treated or untreated.
        """
        groups = by_need(self.sample, self.spec.covariates, column, above, below)
        return self._measure(self._outcomes([outcome], period), groups)

    def effects_by_prediction(
        self,
        worst: Literal["low", "high"],
        share: float = 0.25,
        outcome: str | None = None,
        period: str | None = None,
    ) -> Estimate:
        """Return the effects on people whose outcome would be worst without the programme, and on the others.

        Who they are is predicted from the untreated of other folds, so that nobody's own outcome decides; the effect is of
        the group that was so found (a data-adaptive group; Abadie, Chingos and West 2018).

        Parameters
        ----------
        worst : {"low", "high"}
            Which outcomes are worst.
        share : float
            Part of all people who are most in need.
        outcome, period : str, optional

        Raises
        ------
        EstimationError
            EST-009 when either group has fewer than 11 people treated or untreated.
        """
        read = self._outcomes([outcome], period)
        return self._measure(read, by_prediction(self.engine, read[1][:, 0], worst, share))

    def _outcomes(self, names: Sequence[str | None], period: str | None) -> tuple[tuple[str, ...], FloatArray]:
        if not self.measured:
            raise refusal("DATA-019", "the study had no outcomes when the comparison was built", self.sample.study.name)
        study = self.sample.study
        asked = [name or self.spec.outcome for name in names]
        values = [study.outcome(name, period or self.spec.period) for name in asked]
        found = tuple(study.outcome_names[0] if name is None else name for name in asked)
        return found, np.column_stack(values)

    def _measure(
        self, outcomes: tuple[tuple[str, ...], FloatArray], groups: Groups | None = None, named: bool = False
    ) -> Estimate:
        names, values = outcomes
        members: tuple[FloatArray | None, ...] = (None,) if groups is None else groups.members
        labels = [""] if groups is None else list(groups.labels)
        found, problems = self.engine.means(values, members)
        effects, influence, riesz, terms = [], [], [], []
        for o, name in enumerate(names):
            for label, sides in zip(labels, found, strict=True):
                effects.append(self.contrasts @ np.array([side.values[o] for side in sides]))
                influence.append(np.column_stack([side.influence[:, o] for side in sides]) @ self.contrasts.T)
                riesz.append(np.column_stack([side.riesz for side in sides]) @ self.contrasts.T)
                terms += [_term(name if named else "", label, term) for term in self.sample.terms]
        measured = tuple(name for name in names for _ in range(len(terms) // len(names)))
        return self._estimate(
            np.concatenate(effects),
            np.hstack(influence),
            measured if named else names[0],
            riesz=np.hstack(riesz),
            terms=terms,
            problems=problems,
            more={} if groups is None else groups.diagnostics,
        )

    def _estimate(
        self,
        values: FloatArray,
        influence: FloatArray,
        outcome: str | tuple[str, ...],
        *,
        riesz: FloatArray,
        terms: Sequence[str] | None = None,
        problems: tuple[Problem, ...] = (),
        more: dict[str, Any] | None = None,
    ) -> Estimate:
        made = as_estimate(
            self.sample,
            self.estimand,
            values,
            influence,
            outcome=outcome,
            parameters=self.engine.parameters,
            warnings=(*self.warnings, *problems),
            terms=terms,
            diagnostics={**self.diagnostics, **(more or {})},
            riesz=riesz,
        )
        return replace(made, population=f"{made.population}, {self.whom}") if self.whom else made


def balancing_weights(engine: Parametric | CrossFitted, contrasts: FloatArray) -> FloatArray:
    """Return weights (n, k) of each term's group and of the untreated, one column a term, zero for everybody else."""
    sample = engine.sample
    found = np.zeros((sample.n, len(contrasts)))
    for column, row in enumerate(contrasts):
        for side in (engine.sides[position] for position in np.flatnonzero(row)):
            inside = sample.of(side.arm)
            weights = side.wanted(sample.codes, sample.weights) if side.own else engine.given(side)
            found[inside, column] = weights[inside]
    # Nothing but rounding is nothing: a weight below zero says that a regression reaches beyond the people there are.
    return np.where(np.abs(found) <= ROUNDING * np.abs(found).max(axis=0), 0.0, found)


def _term(outcome: str, group: str, term: str) -> str:
    """Return what an effect is called: its outcome, its group of people and its arm, as far as there are several."""
    return ": ".join(filter(None, (outcome, group, "" if group and term == "gain" else term)))
