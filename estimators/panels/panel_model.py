"""The regression that a design on a panel asks for, before it is fitted: its columns, fixed effects, and as plain arrays."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import BY_CLUSTER, FloatArray
from counterfoil.estimators.panels.fixed_effects import FixedEffects, fixed_effects
from counterfoil.estimators.panels.panel_design import PanelSample
from counterfoil.estimators.panels.regression_design import RegressionDesign
from counterfoil.estimators.trials.regression import Regression

FEW: Final = 2
"""So many clusters in an arm are too few for errors by cluster."""
COLUMNS: Final = 1_000
"""Levels of fixed effects, apart from units', that are held as columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A regression that a design asks for: N rows, k values, c controls.

    Parameters
    ----------
    sample : PanelSample
    by_unit : bool
        Whether units have an effect.
    others : sequence of ndarray of int, shape (N,)
        Codes of other fixed effects.
    wanted : ndarray, shape (N, k)
        The columns whose coefficients are the values.
    terms : tuple of str
        What these are called.
    controls : ndarray, shape (N, c)
    control_names : tuple of str
        The column that each comes from.
    treated : ndarray of bool, shape (n_units,)
        Units that are treated at some time.
    together : bool
        Whether all of them begin in one period, so that nobody else is compared with them.
    estimand, population : str
    people : int
        Treated units over whom a value per person counts.
    warnings : tuple of Problem
    diagnostics : dict
    late : ndarray of bool, shape (N,), or None
        Rows after the beginning, where units are compared by their change: then the estimate knows the weight of each
        unit's change before outcomes are read.
    """

    sample: PanelSample
    by_unit: bool
    others: tuple[NDArray[np.integer[Any]], ...]
    wanted: FloatArray
    terms: tuple[str, ...]
    controls: FloatArray
    control_names: tuple[str, ...]
    treated: NDArray[np.bool_]
    together: bool
    estimand: str
    population: str
    people: int
    warnings: tuple[Problem, ...] = ()
    diagnostics: dict[str, Any] = field(default_factory=dict)
    late: NDArray[np.bool_] | None = None

    @property
    def behind(self) -> tuple[int, ...]:
        """How many units each value rests on."""
        unit = self.sample.panel.unit
        return tuple(len(np.unique(unit[column != 0])) for column in self.wanted.T)

    def effects(self) -> FixedEffects:
        """Return the fixed effects, with a constant where there are none."""
        panel, sample = self.sample.panel, self.sample
        others = self.others or (() if self.by_unit else (np.zeros(panel.n_rows, dtype=np.intp),))
        weights = sample.weights[panel.unit] if sample.weighted else None
        return fixed_effects(panel.unit, others, weights, by_unit=self.by_unit)


def few_treated(clusters: NDArray[np.intp], model: Model, *, by_unit: bool) -> list[Problem]:
    """Warn of one or two clusters in an arm; untreated ones are no arm of their own where units begin at different times.

    Parameters
    ----------
    clusters : ndarray of int, shape (n_units,)
    model : Model
    by_unit : bool
        Whether the clusters are the units themselves.

    Raises
    ------
    IdentificationError
        IDENT-006 with one cluster, or one in each arm.
    """
    arms = {
        "treated": np.count_nonzero(np.bincount(clusters[model.treated])),
        "untreated": np.count_nonzero(np.bincount(clusters[~model.treated])),
    }
    word = "units" if by_unit else "clusters"
    if int(clusters.max()) < 1 or max(arms.values()) < FEW:
        raise refusal("IDENT-006", f"{arms['treated']} treated and {arms['untreated']} untreated {word}", "estimator")
    if not model.together:
        del arms["untreated"]
    few = [f"{count} {arm}" for arm, count in arms.items() if 0 < count <= FEW]
    if not few:
        return []
    what = f"errors clustered by {int(clusters.max()) + 1} {word}, of which {' and '.join(few)}, are not valid"
    return [Problem("EST-025", what, "estimator")]


def regression_of_model(spec: RegressionDesign, model: Model, row: FloatArray | None = None) -> Regression:
    """Return the model as plain arrays without units' means, every level of other effects a column.

    Without units' means one level is a combination of the others, so that a factor for its columns counts one parameter
    less than `fit_model`.

    Parameters
    ----------
    spec : RegressionDesign
    model : Model
    row : ndarray, shape (k,), optional
        The combination of the model's values that is asked about; the first of them when left out.

    Raises
    ------
    ContractError
        CONTRACT-016 where each unit has one row and no cluster is named.
    EstimationError
        EST-001 when the effects have too many levels for a matrix.
    """
    panel, sample = model.sample.panel, model.sample
    effects = model.effects()
    cluster, error_type = spec.errors_by(panel)
    if error_type not in BY_CLUSTER:
        raise refusal("CONTRACT-016", "inference by cluster needs clusters", "estimator", "name `cluster:`")
    clusters = np.arange(panel.n_units) if cluster is None else panel.groups(cluster)[0]
    design = explicit(model, effects)
    asked = np.eye(model.wanted.shape[1])[0] if row is None else row
    contrast = np.concatenate([np.zeros(design.shape[1] - len(asked)), asked])
    return Regression(
        design=design,
        outcome=effects.without_units(sample.panel.varying(sample.outcome)),
        clusters=clusters[panel.unit],
        contrast=contrast,
        weights=effects.weights,
        outcome_name=sample.outcome,
        cluster_by=cluster or "unit",
        warnings=(
            *sample.warnings,
            *model.warnings,
            *few_treated(clusters, model, by_unit=cluster is None),
        ),
    )


def explicit(model: Model, effects: FixedEffects) -> FloatArray:
    """Return levels of other effects, controls and the columns asked for, last, without units' means."""
    if sum(effects.levels) > COLUMNS:
        raise refusal(
            "EST-001", f"{sum(effects.levels):,} levels of fixed effects are too many for a matrix", "estimator"
        )
    columns = [effects.without_units(column) for block in (model.controls, model.wanted) for column in block.T]
    return np.column_stack([effects.dummies(), *columns])
