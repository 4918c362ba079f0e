"""A learner fitted to some people, as a function that predicts for any: columns scaled, failures refused, seeds explicit."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.learner import Learner, OutcomeLearner, PropensityLearner
from counterfoil.estimators.propensity import STEEPEST

FloatArray = NDArray[np.float64]
Predictor = Callable[[FloatArray], FloatArray]


def learn_outcome(
    learner: OutcomeLearner, design: FloatArray, outcome: FloatArray, weights: FloatArray, seed: int
) -> Predictor:
    """Fit E[outcome | columns] and return it as a function of columns, (m, n_columns) to (m,).

    Parameters
    ----------
    learner : OutcomeLearner
    design : ndarray, shape (n, n_columns)
        Without an intercept.
    outcome : ndarray, shape (n,)
    weights : ndarray, shape (n,)
        Positive observation weights.
    seed : int
        Of a learner's own randomness.

    Raises
    ------
    EstimationError
        EST-003 when `linear` has more parameters than people, EST-013 when the fit fails.

    Examples
    --------
    >>> x = np.arange(4.0)[:, None]
    >>> learn_outcome(OutcomeLearner(name="linear"), x, 1 + 2 * x[:, 0], np.ones(4), seed=0)(np.array([[10.0]]))
    array([21.])
    """
    used = ~(np.ptp(design, axis=0) == 0)
    if not used.any():
        mean = np.average(outcome, weights=weights)
        return lambda new: np.full(len(new), mean)
    if learner.linear and learner.name == "linear" and used.sum() + 1 >= len(outcome):
        raise refusal("EST-003", f"the linear learner has {int(used.sum()) + 1} parameters for {len(outcome)} people")
    scaled = _scaling(learner, design, used)
    # A learner's tolerances and penalties should not depend on the outcome's units.
    centre, spread = np.average(outcome, weights=weights), float(outcome.std()) or 1.0
    model = _fitted(learner, scaled(design), (outcome - centre) / spread, weights, seed)

    def predict(new: FloatArray) -> FloatArray:
        return centre + spread * _predicted(learner, model.predict, scaled(new))

    return predict


def learn_classes(
    learner: PropensityLearner,
    design: FloatArray,
    label: NDArray[np.intp],
    n_classes: int,
    weights: FloatArray,
    seed: int,
) -> Predictor:
    """Fit P(label | columns) and return it as a function of columns, (m, n_columns) to (m, n_classes); rows sum to one.

    A class that nobody has gets chance zero.

    Parameters
    ----------
    learner : PropensityLearner
    design : ndarray, shape (n, n_columns)
        Without an intercept; without columns that vary, chances are the weighted frequencies.
    label : ndarray of int, shape (n,)
        Codes 0..n_classes-1.
    n_classes : int
    weights : ndarray, shape (n,)
        Positive observation weights.
    seed : int
        Of a learner's own randomness.

    Raises
    ------
    EstimationError
        EST-002 when a logit does not converge or a covariate separates the classes, EST-013 when the fit fails.
    """
    used = ~(np.ptp(design, axis=0) == 0)
    shares = np.bincount(label, weights=weights, minlength=n_classes) / weights.sum()
    if not used.any() or (shares > 0).sum() == 1:
        return lambda new: np.tile(shares, (len(new), 1))
    scaled = _scaling(learner, design, used)
    model = _fitted(learner, scaled(design), label, weights, seed)
    if learner.linear and math.isinf(model.C):
        slopes = model.coef_ if len(model.coef_) > 1 else np.vstack([np.zeros_like(model.coef_), model.coef_])
        if np.ptp(slopes, axis=0).max(initial=0.0) > STEEPEST:
            raise refusal("EST-002", "a covariate separates who was served by whom")

    def predict(new: FloatArray) -> FloatArray:
        chances = np.zeros((len(new), n_classes))
        chances[:, model.classes_] = _predicted(learner, model.predict_proba, scaled(new))
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))

    return predict


def _scaling(learner: Learner, design: FloatArray, used: NDArray[np.bool_]) -> Predictor:
    """Return what a learner sees of columns: linear ones get mean 0 and variance 1 among the people fitted."""
    if not learner.linear:
        return lambda new: new
    mean, spread = design[:, used].mean(axis=0), design[:, used].std(axis=0)
    return lambda new: (new[:, used] - mean) / spread


def _fitted(learner: Learner, design: FloatArray, target: NDArray[Any], weights: FloatArray, seed: int) -> Any:
    from sklearn.utils.validation import has_fit_parameter

    model = learner.build(seed)
    given: dict[str, FloatArray] = {}
    if np.ptp(weights) > 0:
        if not has_fit_parameter(model, "sample_weight"):
            raise refusal("EST-013", f"learner {learner.name} takes no observation weights")
        given = {"sample_weight": weights}
    return _guarded(learner, lambda: model.fit(design, target, **given))


def _predicted(learner: Learner, predict: Callable[[FloatArray], Any], new: FloatArray) -> FloatArray:
    predictions = np.asarray(_guarded(learner, lambda: predict(new)), dtype=np.float64)
    if not np.isfinite(predictions).all():
        raise refusal("EST-013", f"learner {learner.name} gave predictions that are not finite")
    return predictions


def _guarded(learner: Learner, run: Callable[[], Any]) -> Any:
    """Run what a learner does, and turn its failure into a refusal."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return run()
        except (ConvergenceWarning, np.linalg.LinAlgError, ValueError, TypeError) as error:
            # The message of a foreign error may hold a record's value; its kind does not.
            logit = learner.linear and isinstance(learner, PropensityLearner)
            unsolved = isinstance(error, ConvergenceWarning | np.linalg.LinAlgError)
            code = "EST-002" if logit and unsolved else "EST-013"
            raise refusal(code, f"learner {learner.name} failed ({type(error).__name__})") from None
