"""The chance of being treated, given covariates: what matching, weighting and doubly robust estimates have in common.

Estimates made with an estimated chance vary with its estimation too. For a value θ whose estimating equation depends on the
chances π_ig, the part of its influence that comes from the chances' coefficients β is

    { Σ_i Σ_g ∂θ/∂π_ig · ∂π_ig/∂β } · (influence of β̂),

which `Score.through` returns. It is exact for logit and probit. A learner has no such part: its chances are to be made from other
people (cross-fitting), and are otherwise taken as known.

Sources: Newey and McFadden (1994), *Large sample estimation and hypothesis testing*, Handbook of Econometrics 4, section 6, for
two-step estimates; Rosenbaum and Rubin (1983), Biometrika 70(1), for the score.
"""

import warnings
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.learner import PropensityLearner
from counterfoil.estimators.learning import learn_classes
from counterfoil.estimators.propensity import pattern_propensity
from counterfoil.estimators.treatment_logit import treatment_logit

ScoreModel: TypeAlias = Literal["logit", "probit"] | PropensityLearner
"""How the chance of being treated is modelled."""
SCORE_DESCRIPTION: Final = (
    "How the chance of being treated is modelled from the covariates: logit, probit, or a learner such as "
    "`{name: random_forest}`."
)
UNHELD: Final = 1e4
"""Standard error of a coefficient, per standard deviation of its column, beyond which the groups are separated."""
OF: Final = "who was treated"
"""What is fitted, for messages."""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Chances of each group.

    Parameters
    ----------
    chance : ndarray, shape (n, G)
        Rows sum to one; column 0 is of the untreated.
    columns : ndarray, shape (n, q), or None
        What the chances are a function of, with a first column of ones; None for learners.
    slope : ndarray, shape (n,), or None
        dπ₁/dη for two groups; None for more (a multinomial logit, whose slopes are π_g(1{g = h} − π_h)) and for learners.
    residual : ndarray, shape (n, G − 1), or None
        Each person's part of the score equations is ``residual × columns``, observation weights included.
    bread : ndarray, shape (q(G − 1), q(G − 1)), or None
        Inverse information of the coefficients, those of group 1 first.
    """

    chance: FloatArray
    columns: FloatArray | None = None
    slope: FloatArray | None = None
    residual: FloatArray | None = None
    bread: FloatArray | None = None

    @property
    def treated(self) -> FloatArray:
        """Chance of not being untreated, shape (n,)."""
        return np.asarray(1.0 - self.chance[:, 0]) if self.chance.shape[1] > 2 else self.chance[:, 1]

    @property
    def linear(self) -> FloatArray:
        """Log-odds of being treated, shape (n,)."""
        return np.asarray(np.log(self.treated) - np.log(self.chance[:, 0]))

    @property
    def known(self) -> bool:
        """Whether the chances are taken as known, as a learner's are."""
        return self.columns is None

    @property
    def parameters(self) -> int:
        """Number of fitted coefficients."""
        return 0 if self.bread is None else len(self.bread)

    def through(self, gradient: FloatArray) -> FloatArray:
        """Return what the estimation of the chances adds to the influence of k values, shape (n, k).

        Parameters
        ----------
        gradient : ndarray, shape (n, G, k)
            ∂θ/∂π_ig: how the values, as sums over people divided by n, depend on each chance, times n.
        """
        n, _, k = gradient.shape
        if self.columns is None or self.residual is None or self.bread is None:
            return np.zeros((n, k))
        if self.slope is not None:
            along = (gradient[:, 1] - gradient[:, 0]) * self.slope[:, None]
            direction = self.columns.T @ along
        else:
            mean = np.einsum("ig,igk->ik", self.chance, gradient)
            directions = [
                self.columns.T @ (self.chance[:, [g]] * (gradient[:, g] - mean)) for g in range(1, self.chance.shape[1])
            ]
            direction = np.vstack(directions)
        # (q(G-1), k): what a unit of each coefficient's score moves the values.
        moved = (self.bread @ direction).reshape(self.residual.shape[1], self.columns.shape[1], k)
        return np.asarray(sum(self.residual[:, [g]] * (self.columns @ moved[g]) for g in range(self.residual.shape[1])))


def fit_score(
    codes: NDArray[np.intp],
    covariates: FloatArray,
    weights: FloatArray | None = None,
    model: ScoreModel = "logit",
    seed: int = 0,
) -> Score:
    """Fit the chance of each group.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Groups 0..G-1, each held by somebody.
    covariates : ndarray, shape (n, p)
        Without an intercept, no column a combination of others; without columns the chances are frequencies.
    weights : ndarray, shape (n,), optional
        Observation weights.
    model : str or PropensityLearner
    seed : int
        Of a learner's own randomness.

    Raises
    ------
    EstimationError
        EST-002 when a covariate separates the groups or the fit does not converge, EST-013 when a learner fails.
    ContractError
        CONTRACT-016 for a probit of more than two groups.

    Examples
    --------
    >>> fit_score(np.array([0, 0, 0, 1]), np.empty((4, 0))).treated
    array([0.25, 0.25, 0.25, 0.25])
    """
    count = int(codes.max()) + 1
    weight = np.ones(len(codes)) if weights is None else weights
    if isinstance(model, PropensityLearner):
        return Score(learn_classes(model, covariates, codes, count, weight, seed)(covariates))
    if model == "probit" and count > 2:
        raise refusal("CONTRACT-016", "a probit is of two groups", "estimator", "use `score: logit` or a learner")
    columns = _scaled(covariates)
    if count > 2:
        return _multinomial(codes, columns, weight, count)
    return _logit(codes, columns, weight) if model == "logit" else _probit(codes, columns, weight)


def _scaled(covariates: FloatArray) -> FloatArray:
    """Return a column of ones and the covariates on one scale, which leaves every chance unchanged."""
    spread = covariates.std(axis=0)
    used = spread > 0
    return np.column_stack(
        [np.ones(len(covariates)), (covariates[:, used] - covariates[:, used].mean(axis=0)) / spread[used]]
    )


def _logit(codes: NDArray[np.intp], columns: FloatArray, weights: FloatArray) -> Score:
    treated = codes == 1
    found = treatment_logit(columns[treated], columns[~treated], weights[treated], weights[~treated])
    if found is None:
        raise refusal("EST-002", f"the fit of {OF} did not converge: some covariates may separate the groups")
    _refuse_separated(found.information)
    chance = np.empty(len(codes))
    chance[treated], chance[~treated] = found.treated, found.comparison
    # A last step, linear since it is tiny: what is made of the chances then agrees with other programs to rounding.
    step = np.linalg.solve(found.information, columns.T @ (weights * (treated - chance)))
    chance += chance * (1.0 - chance) * (columns @ step)
    return _binary(chance, columns, chance * (1.0 - chance), weights * (treated - chance), found.information)


def _refuse_separated(information: FloatArray) -> None:
    """Refuse a fit whose coefficients the data do not hold: they run away, and their errors with them.

    A covariate and its square may be steep in opposite directions and well determined together; size alone says nothing.
    """
    try:
        variance = np.diagonal(np.linalg.inv(information))
    except np.linalg.LinAlgError:
        variance = np.array([np.inf])
    if not (variance >= 0).all() or variance.max() > UNHELD**2:
        raise refusal("EST-002", f"a covariate separates {OF}")


def _probit(codes: NDArray[np.intp], columns: FloatArray, weights: FloatArray) -> Score:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.families.links import Probit
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            found = GLM(codes, columns, family=Binomial(Probit()), freq_weights=weights).fit(tol=1e-13, maxiter=200)
        except (PerfectSeparationWarning, np.linalg.LinAlgError, ValueError):
            raise refusal("EST-002", f"the fit of {OF} did not converge") from None
    chance = np.asarray(found.fittedvalues, dtype=np.float64)
    index = columns @ found.params
    if not found.converged or not np.isfinite(index).all():
        raise refusal("EST-002", f"the fit of {OF} did not converge")
    slope: FloatArray = np.exp(-(index**2) / 2) / np.sqrt(2 * np.pi)
    residual: FloatArray = (codes - chance) * slope / np.maximum(chance * (1.0 - chance), 1e-300)
    # Observed, not expected: the two differ for a probit, and the influence of an estimate takes the observed one.
    information = (columns * (weights * residual * (residual + index))[:, None]).T @ columns
    _refuse_separated(information)
    return _binary(chance, columns, slope, weights * residual, information)


def _binary(
    chance: FloatArray, columns: FloatArray, slope: FloatArray, residual: FloatArray, information: FloatArray
) -> Score:
    both = np.column_stack([1.0 - chance, chance])
    return Score(both, columns, slope, residual[:, None], np.asarray(np.linalg.inv(information)))


def _multinomial(codes: NDArray[np.intp], columns: FloatArray, weights: FloatArray, count: int) -> Score:
    if columns.shape[1] > 1:
        chance = pattern_propensity(codes, columns[:, 1:], weights, OF)
    else:
        shares = np.bincount(codes, weights=weights, minlength=count) / weights.sum()
        chance = np.broadcast_to(shares, (len(codes), count))
    inner = chance[:, 1:]
    residual = weights[:, None] * ((codes[:, None] == np.arange(1, count)) - inner)
    size = columns.shape[1]
    information = np.empty((size * (count - 1), size * (count - 1)))
    for g in range(count - 1):
        for h in range(count - 1):
            curve = weights * inner[:, g] * ((g == h) - inner[:, h])
            block = (columns * curve[:, None]).T @ columns
            information[g * size : (g + 1) * size, h * size : (h + 1) * size] = block
    return Score(chance, columns, None, residual, np.asarray(np.linalg.inv(information)))
