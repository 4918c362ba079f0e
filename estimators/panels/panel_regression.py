"""A regression on a panel with fixed effects, as an `Estimate` with one influence value a unit.

What the designs of this room share: what they read, whose errors they state, and how rows become units. Scores of a unit's
rows are summed, so that errors are clustered by unit at least. CR1 has the factor G/(G−1) · (N−1)/(N−K) with N rows and K
coefficients: slopes, and levels of those fixed effects that are not nested in clusters (one for a constant where all are).
CR2 and its degrees of freedom are those of the regression without units' means, which are nested in every cluster
(Pustejovsky and Tipton 2018, theorem 2); with weights, errors are taken to vary inversely to them. ``classical``, HC0 and
HC1 take every row for a person of its own.

Sources: Arellano (1987), Oxford Bulletin of Economics and Statistics 49(4); Cameron and Miller (2015), Journal of Human
Resources 50(2), section II.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.panel import Panel
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.bias_reduced import bias_reduced
from counterfoil.estimators.covariance import BY_PERSON, FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.panels.fixed_effects import FixedEffects
from counterfoil.estimators.panels.panel_model import COLUMNS, Model, explicit, few_treated
from counterfoil.estimators.panels.regression_design import RegressionDesign
from counterfoil.estimators.panels.within import Within, within

# CR2 needs one decomposition a cluster and every level as a column; beyond this it is made only where it is asked for.
READY_CLUSTERS: Final = 200


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model's estimate, and the regression behind it.

    Parameters
    ----------
    estimate : Estimate
    regression : Within
    asked : ndarray of int, shape (k,)
        Where its columns hold the values.
    weights : ndarray, shape (n_rows,), or None
    """

    estimate: Estimate
    regression: Within
    asked: NDArray[np.intp]
    weights: FloatArray | None


def fit_model(spec: RegressionDesign, model: Model, outcome: FloatArray | None = None) -> Fitted:
    """Fit a model and return its estimate with one influence value a unit.

    Parameters
    ----------
    spec : RegressionDesign
    model : Model
    outcome : ndarray, shape (n_rows,), optional
        The sample's outcome when left out.

    Raises
    ------
    IdentificationError
        IDENT-026 when a value is a combination of effects and controls, IDENT-006 with too few clusters.
    ContractError
        CONTRACT-016 as `RegressionDesign.errors_by`.
    EstimationError
        EST-001 when the error type is not defined.
    """
    sample, panel = model.sample, model.sample.panel
    effects = model.effects()
    y = sample.panel.varying(sample.outcome) if outcome is None else outcome
    c = model.controls.shape[1]
    columns = model.wanted if not c else np.hstack([model.controls, model.wanted])
    fit = within(columns, y, effects, listed(model.terms))
    lost = fit.dropped[fit.dropped >= c] - c
    if len(lost):
        names = listed([model.terms[place] for place in lost])
        raise refusal("IDENT-026", f"not told apart from fixed effects and controls: {names}", "estimator")
    asked = np.searchsorted(fit.kept, np.arange(c, columns.shape[1]))
    dropped = sorted({model.control_names[place] for place in fit.dropped})
    warnings = [*sample.warnings, *model.warnings]
    if dropped:
        warnings.append(Problem("EST-005", f"left out of the model: some of {listed(dropped)}", "estimator"))
    whole = effects.rank + fit.rank
    diagnostics = _counts(model, effects) | {"parameters": whole}
    warnings += gaps(diagnostics)
    common: dict[str, Any] = {
        "terms": model.terms,
        "values": fit.coefficients[asked],
        "outcome": sample.outcome,
        "estimand": model.estimand,
        "people": model.people,
        "population": model.population,
    }
    if panel.n_rows <= whole:
        what = f"{panel.n_rows} rows for {whole} parameters: the value is known, its error is not"
        saturated = Estimate(
            **common,
            error_type="unknown",
            sample_size=panel.n_units,
            warnings=(*warnings, Problem("EST-003", what, "estimator")),
            diagnostics=diagnostics,
        )
        return Fitted(saturated, fit, asked, effects.weights)
    cluster, error_type = spec.errors_by(panel)
    residuals = fit.residuals if effects.weights is None else fit.residuals * effects.weights
    if error_type in BY_PERSON:
        common |= _by_row(panel, fit, asked, residuals, whole)
        if panel.n_rows == panel.n_units:
            common |= _leverage(model, effects, panel.n_rows)
    else:
        groups = panel.groups(cluster) if cluster else None
        clusters = np.arange(panel.n_units) if groups is None else groups[0]
        warnings += few_treated(clusters, model, by_unit=groups is None)
        n_clusters = int(clusters.max()) + 1
        diagnostics["clusters"] = n_clusters
        scores = np.column_stack([effects.unit_sums(column * residuals) for column in fit.columns.T])
        common |= {
            "ids": panel.ids,
            "influence": scores @ (fit.bread[:, asked] * panel.n_units),
            "clusters": clusters,
            "cluster_names": None if groups is None else groups[1],
            "cluster_by": cluster,
            "parameters": effects.crossed(clusters[panel.unit]) + fit.rank,
            "observations": panel.n_rows,
        }
        if model.late is not None:
            common["riesz"] = _weights_of_changes(model.late, fit, asked, effects)
        if error_type == "CR2" or (n_clusters <= READY_CLUSTERS and sum(effects.levels) <= COLUMNS):
            common |= _reduced(model, effects, y, clusters)
    estimate = Estimate(**common, error_type="CR0", warnings=tuple(warnings), diagnostics=diagnostics)
    return Fitted(estimate.using(error_type), fit, asked, effects.weights)


def _weights_of_changes(
    late: NDArray[np.bool_], fit: Within, asked: NDArray[np.intp], effects: FixedEffects
) -> FloatArray:
    """Return the weight of each unit's change from before to after, shape (n_units, k): its rows' weights after."""
    rows = fit.columns @ fit.bread[:, asked]
    after = late if effects.weights is None else late * effects.weights
    return np.column_stack([effects.unit_sums(column * after) for column in rows.T]) * len(effects.starts)


def _by_row(
    panel: Panel, fit: Within, asked: NDArray[np.intp], residuals: FloatArray, parameters: int
) -> dict[str, Any]:
    """Return what an estimate holds whose persons are rows."""
    n = panel.n_rows
    ids = panel.ids
    if n > panel.n_units:
        labels = np.asarray(panel.periods, dtype=object)
        ids = np.asarray(ids.astype(str).astype(object)[panel.unit] + " in " + labels[panel.period], dtype=str)
    squares = fit.residuals * residuals
    return {
        "ids": ids,
        "influence": (fit.columns @ (fit.bread[:, asked] * n)) * residuals[:, None],
        "parameters": parameters,
        "classical": squares.sum() / (n - parameters) * fit.bread[np.ix_(asked, asked)],
    }


def _leverage(model: Model, effects: FixedEffects, n: int) -> dict[str, Any]:
    """Return leverages and weights of residuals of units with one row each, where levels fit into a matrix."""
    if sum(effects.levels) > COLUMNS or model.by_unit:
        return {}
    design = explicit(model, effects)
    root = np.ones(n) if effects.weights is None else np.sqrt(effects.weights)
    fit = least_squares(design * root[:, None], np.zeros(n))
    asked = np.searchsorted(fit.kept, np.arange(design.shape[1] - model.wanted.shape[1], design.shape[1]))
    weight = (design[:, fit.kept] * (root**2)[:, None]) @ fit.bread[:, asked]
    return {"leverage": fit.leverage, "riesz": n * weight}


def _reduced(model: Model, effects: FixedEffects, outcome: FloatArray, clusters: NDArray[np.intp]) -> dict[str, Any]:
    """Return bias-reduced influence values by unit and their degrees of freedom."""
    panel = model.sample.panel
    design = explicit(model, effects)
    root = np.ones(panel.n_rows) if effects.weights is None else np.sqrt(effects.weights)
    scaled = design * root[:, None]
    fit = least_squares(scaled, effects.without_units(outcome) * root)
    asked = np.searchsorted(fit.kept, np.arange(design.shape[1] - model.wanted.shape[1], design.shape[1]))
    kept = scaled[:, fit.kept]
    riesz = panel.n_units * (kept @ fit.bread[:, asked])
    reduced, degrees = bias_reduced(kept, fit.bread, clusters[panel.unit], fit.residuals, riesz)
    sums = np.column_stack([effects.unit_sums(reduced[:, place]) for place in range(len(asked))])
    return {"reduced": sums, "reduced_df": degrees}


def _counts(model: Model, effects: FixedEffects) -> dict[str, Any]:
    panel = model.sample.panel
    periods = int((np.bincount(panel.period) > 0).sum())
    found: dict[str, Any] = {
        **model.sample.counts,
        "periods": periods,
        "balanced": panel.n_rows == panel.n_units * periods,
        "periods not measured": panel.timeline.gaps,
    }
    if model.by_unit:
        found["measured once"] = int((effects.sizes == 1).sum())
    return found | model.diagnostics


def gaps(counts: dict[str, Any]) -> list[Problem]:
    """Say which units and periods are not there to compare with."""
    found = []
    if once := counts.get("measured once", 0):
        found.append(f"{shown(once)} people were measured once only, and tell nothing of a change")
    if missed := counts["periods not measured"]:
        found.append(f"{missed} periods between the first and the last were not measured")
    return [Problem("DATA-012", what, "panel") for what in found]
