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


def adjustment(spec: RegressionDesign, sample: PanelSample, by_unit: bool) -> tuple[FloatArray, tuple[str, ...]]:
    """Return columns of controls and covariates, shape (n_rows, c), and the column that each comes from.

    With effects of units, which take up levels, a covariate has a slope in every period but the first.
    """
    panel = sample.panel
    fixed, labels = panel.covariates(spec.covariates)
    names = [label.partition("=")[0] for label in labels]
    periods = np.flatnonzero(np.bincount(panel.period))[1:]
    width = len(spec.controls) + len(names) * (len(periods) if by_unit else 1)
    columns = np.empty((panel.n_rows, width), order="F")
    for position, name in enumerate(spec.controls):
        columns[:, position] = sample.panel.varying(name)
    place = len(spec.controls)
    found = list(spec.controls)
    for name, column in zip(names, (fixed - fixed.mean(axis=0)).T, strict=True):
        rows = column[panel.unit]
        for part in [rows * (panel.period == period) for period in periods] if by_unit else [rows]:
            columns[:, place] = part
            place += 1
            found.append(name)
    return columns, tuple(found)


def effect_codes(names: Sequence[str], panel: Panel) -> tuple[bool, tuple[NDArray[np.integer[Any]], ...]]:
    """Return whether units have an effect, and codes of the other fixed effects named.

    Parameters
    ----------
    names : sequence of str
        ``unit``, ``period``, a column, or several joined by ``by``.
    """
    by_unit = "unit" in names
    found: list[NDArray[np.integer[Any]]] = []
    for name in names:
        if name == "unit":
            continue
        codes: NDArray[np.integer[Any]] = np.zeros(panel.n_rows, dtype=np.int64)
        for part in name.split(BETWEEN):
            own: NDArray[np.integer[Any]] = panel.row_groups(part)[0] if part not in OWN else _own(part, panel)
            codes = codes * (int(own.max()) + 1) + own
        found.append(codes if BETWEEN not in name else np.unique(codes, return_inverse=True)[1])
    return by_unit, tuple(found)


OWN: Final = ("unit", "period")
"""Names of fixed effects that are not columns."""


def _own(name: str, panel: Panel) -> NDArray[np.integer[Any]]:
    return panel.period if name == "period" else panel.unit


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
    EstimationError
        EST-001 when the error type is not defined.
    """
    sample, panel = model.sample, model.sample.panel
    effects = model.effects()
    y = sample.panel.varying(sample.outcome) if outcome is None else outcome
    c = model.controls.shape[1]
    columns = model.wanted if not c else np.hstack([model.controls, model.wanted])
    fit = within(columns, y, effects)
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
    return [Problem("EST-030", what, "estimator")]


def regression_of_model(spec: RegressionDesign, model: Model, row: FloatArray | None = None) -> Regression:
    """Return the model as plain arrays without units' means, every level of other effects a column.

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
