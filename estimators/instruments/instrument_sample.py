"""What an instrument was fitted on, and the estimates that follow from it by least squares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import ErrorType, FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.instruments.instrument_model import Chance, InstrumentModel, instrument_model
from counterfoil.estimators.instruments.linear_forms import LinearForm, linear_form
from counterfoil.estimators.instruments.partialled import Partialled


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentSample:
    """Columns as they came (n,), (n, L) and (n, p), what is left of them once partialled out, and whose they are.

    ``counted`` are the parameters taken out that count in the factors of HC1 and CR1: all of them, except absorbed groups that
    lie within clusters.
    """

    parts: Partialled
    outcome: FloatArray
    received: FloatArray
    instruments: FloatArray
    names: tuple[str, ...]
    covariates: FloatArray
    covariate_names: tuple[str, ...]
    groups: NDArray[np.intp] | None
    weights: FloatArray
    ids: NDArray[Any]
    clusters: NDArray[np.intp] | None
    cluster_names: NDArray[Any] | None
    cluster_by: str | None
    error_type: ErrorType
    counted: int
    outcome_name: str
    received_name: str

    def forms(self, reduced: bool = False) -> Estimate:
        """Return reduced form and first stage of each instrument together, shape (2L,); with CR2 errors if ``reduced``."""
        clusters = self.clusters if reduced else None
        both = [
            linear_form(self.parts, column, self.parts.instruments, clusters)
            for column in (self.parts.outcome, self.parts.received)
        ]
        size = len(self.names)
        residuals = np.column_stack([form.residuals for form in both])
        variance = residuals.T @ residuals / (len(residuals) - self.parts.parameters - size)
        return self._least_squares(
            (*(f"reduced form: {name}" for name in self.names), *(f"first stage: {name}" for name in self.names)),
            both,
            np.asarray(np.kron(variance, both[0].bread), dtype=np.float64),
            (*[self.outcome_name] * size, *[self.received_name] * size),
        )

    def ols(self, error_type: ErrorType) -> Estimate:
        """Return the coefficient of the treatment in a least squares fit of the outcome."""
        clusters = self.clusters if error_type == "CR2" else None
        form = linear_form(self.parts, self.parts.outcome, self.parts.received[:, None], clusters)
        return self._least_squares(("gain",), [form], form.classical, self.outcome_name).using(error_type)

    def _least_squares(
        self, terms: Sequence[str], forms: Sequence[LinearForm], classical: FloatArray, outcome: str | tuple[str, ...]
    ) -> Estimate:
        root = np.sqrt(self.weights)[:, None]
        reduced = [form.reduced for form in forms if form.reduced is not None]
        reduced_df = [form.reduced_df for form in forms if form.reduced_df is not None]
        return Estimate(
            terms=tuple(terms),
            values=np.concatenate([form.value for form in forms]),
            ids=self.ids,
            influence=np.hstack([form.influence for form in forms]),
            riesz=np.hstack([form.riesz for form in forms]) * root,
            leverage=forms[0].leverage,
            classical=classical,
            reduced=np.hstack(reduced) if reduced else None,
            reduced_df=np.concatenate(reduced_df) if reduced_df else None,
            clusters=self.clusters,
            cluster_names=self.cluster_names,
            cluster_by=self.cluster_by,
            parameters=self.counted + len(forms[0].value),
            error_type=self.error_type,
            outcome=outcome,
            estimand="coefficients of least squares",
            people=len(self.outcome),
            population="people of the study",
        )

    def weighted(
        self, terms: Sequence[str], values: FloatArray, influence: FloatArray, estimand: str, chance: Chance
    ) -> Estimate:
        """Return an estimate (k,) that leans on a model of the instrument, from its influence (n, k)."""
        return Estimate(
            terms=tuple(terms),
            values=values,
            ids=self.ids,
            influence=influence,
            clusters=self.clusters,
            cluster_names=self.cluster_names,
            cluster_by=self.cluster_by,
            parameters=chance.parameters,
            error_type="HC0" if self.clusters is None else "CR0" if self.error_type == "CR0" else "CR1",
            outcome=self.received_name,
            estimand=estimand,
            people=len(self.outcome),
            population="people of the study",
        )

    def binary_instrument(self) -> FloatArray:
        """Return the instrument (n,) where it and the treatment are 0 or 1 for everybody.

        Raises
        ------
        EstimationError
            EST-029 where they are not.
        """
        binary = all(np.isin(column, (0.0, 1.0)).all() for column in (self.instruments, self.received))
        if self.instruments.shape[1] != 1 or not binary:
            raise refusal(
                "EST-029", "compliers are defined for one instrument and one treatment, each 0 or 1 for everybody"
            )
        return np.asarray(self.instruments[:, 0])

    def chance(self, model: InstrumentModel | None) -> Chance:
        """Return the chance of the instrument; without a model: by group, else by covariates, else the same for all."""
        chosen = model or ("groups" if self.groups is not None else "logit" if self.covariate_names else "mean")
        return instrument_model(self.binary_instrument(), self.covariates, self.groups, self.weights, chosen)
