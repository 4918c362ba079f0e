"""The mean outcome if, stage after stage, everybody's enrolment were cut to a coalition of providers.

With history H_t (baseline covariates, earlier providers, earlier progress) and enrolment A_t at stage t = 1..T, and Y as
the quantity ahead of stage T, the uncentred influence value of coalition S is

    Q_t(h, a) = E[Q^S_{t+1} | H_t = h, A_t = a]          Q^S_t = Q_t(H_t, A_t ∩ S)
    w_t = 1{A_t ⊆ S} Σ_{a: a ∩ S = A_t} P(a | H_t) / P(A_t | H_t)
    u(S) = Q^S_1 + Σ_t (Π_{r≤t} w_r) (Q^S_{t+1} − Q_t(H_t, A_t))

Its mean is consistent when, at each stage, the regression or the chances of enrolment are right. Before the last stage
the regression uses the people with A_1, …, A_t ⊆ S, whom the policy leaves as they are.

Sources: Robins (1986) for the g-formula; Bang and Robins (2005) for the doubly robust recursion; Díaz, Williams, Hoffman
and Schenck (2023) for longitudinal policies that depend on the enrolment that would have followed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import LEVERAGE_ONE, FloatArray, leverage_that_matters
from counterfoil.estimators.enrolment import Codes, enrolment_chances
from counterfoil.estimators.least_squares import LeastSquares, least_squares

ALONE: Final = "some services have no more people than coefficients, so that no residual shows their error"
SMALLER: Final = "use a smaller model, effects_by_history: false, or fewer covariates and columns of progress"

Model = Literal["additive", "pairwise", "saturated"]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What was known when a stage's enrolment was decided, and how it was decided; sets of providers are bitmasks.

    Parameters
    ----------
    number, own, earlier : int
        Which stage, from 1; its providers; those of all stages before.
    history : ndarray, shape (n, n_history)
        1 first, then centred baseline covariates and earlier progress.
    terms : ndarray of int, shape (n_terms,)
        Sets of providers up to this stage that have an effect of their own.
    choices : ndarray of int, shape (n_choices,)
        The sets of the stage's providers that somebody had.
    chances : ndarray, shape (n, n_choices)
        P(choice | history), each person's own one floored.
    floored : int
        People whose own chance was floored.
    """

    number: int
    own: int
    earlier: int
    history: FloatArray
    terms: Codes
    choices: Codes
    chances: FloatArray
    floored: int


@dataclass(frozen=True, slots=True, eq=False)
class Longitudinal:
    """What the values of all coalitions share.

    Parameters
    ----------
    outcome, weights : ndarray, shape (n,)
    served : ndarray of int, shape (n,)
        Each person's providers.
    stages : tuple of Stage
    model : {"additive", "pairwise", "saturated"}
    modified : bool
        Whether effects may differ with the history.
    last : LeastSquares
        Regression of the outcome on the whole history, which no coalition changes; rows scaled by the root of the weights.
    """

    outcome: FloatArray
    weights: FloatArray
    served: Codes
    stages: tuple[Stage, ...]
    model: Model
    modified: bool
    last: LeastSquares


def fit_longitudinal(
    outcome: FloatArray,
    weights: FloatArray,
    exposure: NDArray[np.bool_],
    stages: Sequence[Sequence[int]],
    covariates: FloatArray,
    progress: Sequence[FloatArray],
    model: Model = "saturated",
    modified: bool = True,
) -> Longitudinal:
    """Fit the chances of enrolment at every stage and the regression of the outcome on the whole history.

    Parameters
    ----------
    outcome, weights : ndarray, shape (n,)
        Weights have mean 1.
    exposure : ndarray of bool, shape (n, K)
    stages : sequence of sequences of int
        Columns of ``exposure``, first stage first; every column in one stage.
    covariates : ndarray, shape (n, n_covariates)
        Measured before the first stage.
    progress : sequence of ndarray, each of shape (n, n_columns)
        Measured after each stage but the last.
    model : {"additive", "pairwise", "saturated"}
    modified : bool

    Raises
    ------
    EstimationError
        EST-002 when a model of enrolment fails, EST-003 with more parameters than people.
    """
    served: Codes = exposure.astype(np.intp) @ (1 << np.arange(exposure.shape[1]))
    known, earlier = covariates, 0
    fitted: list[Stage] = []
    for number, members in enumerate(stages, start=1):
        if number > 1:
            known = np.hstack([known, progress[number - 2]])
        own = sum(1 << j for j in members)
        past = exposure[:, [j for j in range(exposure.shape[1]) if earlier >> j & 1]].astype(np.float64)
        choices, chosen = np.unique(served & own, return_inverse=True)
        chances, floored = enrolment_chances(served & earlier, chosen, np.hstack([known, past]), weights)
        centred = known - np.average(known, axis=0, weights=weights)
        terms = _terms(served & (earlier | own), model)
        history = np.hstack([np.ones((len(outcome), 1)), centred])
        fitted.append(Stage(number, own, earlier, history, terms, choices, chances, floored))
        earlier |= own
    rows = design_rows(fitted[-1], served, model, modified)
    return Longitudinal(outcome, weights, served, tuple(fitted), model, modified, _weighted(rows, outcome, weights))


def _weighted(rows: FloatArray, ahead: FloatArray, weights: FloatArray) -> LeastSquares:
    root = np.sqrt(weights)
    return least_squares(rows * root[:, None], ahead * root)


def _terms(held: Codes, model: Model) -> Codes:
    """Return the observed sets for a saturated model, else single providers and, if pairwise, the pairs that somebody had."""
    observed = np.unique(held)
    if model == "saturated":
        return observed[observed > 0]
    singles = [1 << j for j in range(int(observed.max()).bit_length()) if (observed >> j & 1).any()]
    pairs = [
        one | other for one, other in combinations(singles, 2) if ((observed & one > 0) & (observed & other > 0)).any()
    ]
    return np.array([*singles, *(pairs if model == "pairwise" else [])], dtype=np.intp)


def design_rows(stage: Stage, held: Codes, model: Model, modified: bool) -> FloatArray:
    """Return what the regression of a stage sees of people who hold the sets ``held`` by then, shape (n, n_columns)."""
    inside = held[:, None] if model == "saturated" else held[:, None] & stage.terms
    indicator = (inside == stage.terms).astype(np.float64)
    modifiers = stage.history if modified else stage.history[:, :1]
    return np.hstack([stage.history, (indicator[:, :, None] * modifiers[:, None, :]).reshape(len(held), -1)])


def follow_weight(stage: Stage, served: Codes, coalition: int) -> FloatArray:
    """Return w_t: how many people of the policy each person stands for at a stage, shape (n,)."""
    own = served & stage.own
    reached = (stage.choices & coalition)[None, :] == own[:, None]
    chance = stage.chances[np.arange(len(own)), np.searchsorted(stage.choices, own)]
    return np.asarray(((own & ~coalition) == 0) * (stage.chances * reached).sum(axis=1) / chance)


def coalition_influence(fit: Longitudinal, coalition: int) -> tuple[FloatArray, FloatArray]:
    """Return u(S), shape (n,), and the weight in it of each person's residual of the outcome, shape (n,).

    Parameters
    ----------
    fit : Longitudinal
    coalition : int
        Bitmask of the providers whose services stay.

    Raises
    ------
    IdentificationError
        IDENT-015 when a regression does not determine what the policy leads to.
    EstimationError
        EST-001 when a single person determines it, EST-003 with more parameters than people.
    """
    weights = np.cumprod([follow_weight(stage, fit.served, coalition) for stage in fit.stages], axis=0)
    if (fit.served & ~coalition == 0).all():
        return fit.outcome, weights[-1]
    ahead, correction = fit.outcome, np.zeros(len(fit.outcome))
    for stage, weight in zip(reversed(fit.stages), weights[::-1], strict=True):
        held = fit.served & (stage.earlier | stage.own)
        rows = design_rows(stage, held, fit.model, fit.modified)
        left = held & ~coalition == 0
        final = stage is fit.stages[-1]
        regression = fit.last if final else _weighted(rows[left], ahead[left], fit.weights[left])
        cut = design_rows(stage, held & coalition, fit.model, fit.modified)
        _refuse_undetermined(stage, regression, cut[held & stage.earlier & ~coalition == 0])
        leverage = leverage_that_matters(regression.leverage, (weight if final else weight[left])[:, None])
        if leverage.max(initial=0.0) > LEVERAGE_ONE:
            raise refusal("EST-001", f"at stage {stage.number} {ALONE}", fix=SMALLER)
        kept = regression.kept
        correction += weight * (ahead - rows[:, kept] @ regression.coefficients)
        ahead = cut[:, kept] @ regression.coefficients
    return ahead + correction, weights[-1]


def _refuse_undetermined(stage: Stage, regression: LeastSquares, asked: FloatArray) -> None:
    lacking = 0 if not len(regression.dropped) else int((~regression.estimable(asked)).sum())
    if lacking:
        what = f"at stage {stage.number} too few people had the histories that a policy would lead {shown(lacking)} people to"
        raise refusal("IDENT-015", what)


def unseen(fit: Longitudinal) -> list[tuple[int, int]]:
    """Return stage and set of providers wherever a policy leads to a set that nobody had by then.

    Only people whose earlier services lie in the coalition matter: the policy would have changed the past of the others.
    """
    found: set[tuple[int, int]] = set()
    for coalition in range(1 << sum(stage.own for stage in fit.stages).bit_count()):
        for stage in fit.stages:
            held = np.unique(fit.served & (stage.earlier | stage.own))
            asked = held[held & stage.earlier & ~coalition == 0] & coalition
            found |= {(stage.number, int(code)) for code in np.setdiff1d(asked, held)}
    return sorted(found)
