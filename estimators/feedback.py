"""Does earlier progress predict later enrolment? The test that decides between the two kinds of credit.

At each stage but the first, multinomial logits of enrolment on baseline covariates, earlier providers and earlier
progress; the null hypothesis is that every coefficient of progress is zero. If it is rejected, enrolment responds to
progress, and only credit that includes referrals can be identified (``counterfoil.estimators.sequential``). If it is
not, either credit may be asked for; that a test finds nothing is no proof that there is nothing.

The statistic is Wald's with a sandwich covariance, by cluster if there are clusters. Sources: Robins (1986) for
confounders affected by treatment; White (1982) for the covariance.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray, factor, sandwich
from counterfoil.estimators.enrolment import independent, open_choices
from counterfoil.estimators.propensity import pattern_propensity


def progress_predicts_enrolment(
    study: Study,
    stages: Sequence[Sequence[str]],
    progress: Sequence[Sequence[str]],
    covariates: Sequence[str] = (),
    cluster: str | None = None,
) -> pd.DataFrame:
    """Test at each later stage whether progress so far predicts who enrols.

    Parameters
    ----------
    study : Study
        With a services table; outcomes are not looked at.
    stages : sequence of sequences of str
        Providers by stage, first stage first.
    progress : sequence of sequences of str
        For each stage but the last, columns of people measured after it and before the next.
    covariates : sequence of str
        Columns of people measured before the first stage.
    cluster : str, optional
        Column of people; the study's own when omitted.

    Returns
    -------
    DataFrame
        A row a stage from the second on: stage (from 2), statistic, df, p_value. Columns of progress that follow from
        the others are not tested. Where the earlier providers leave nothing to chance, or progress has nothing of its
        own, df is 0 and the p-value 1.

    Raises
    ------
    DataError
        When columns are missing or blank.
    EstimationError
        EST-002 when a logit has no solution, or there are fewer clusters than coefficients to test; EST-003 with more
        columns than people.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> skills = rng.normal(size=800)
    >>> job = rng.random(800) < 1 / (1 + np.exp(skills))
    >>> data = pd.DataFrame({"intake": rng.integers(0, 2, 800), "job": 1 * job, "skills": skills})
    >>> study = Study.from_frame(data, providers=["intake", "job"])
    >>> found = progress_predicts_enrolment(study, [["intake"], ["job"]], [["skills"]])
    >>> found["stage"].tolist(), bool(found["p_value"][0] < 0.001)
    ([2], True)
    """
    if len(progress) != len(stages) - 1:
        raise ValueError(f"progress has {len(progress)} entries; {len(stages)} stages need {len(stages) - 1}")
    name = cluster or study.cluster
    clusters = None if name is None else study.codes(name)
    baseline, steps = study.covariates(covariates)[0], [study.covariates(names)[0] for names in progress]
    exposure = study.roster([provider for stage in stages for provider in stage]).exposure
    codes = exposure.astype(np.intp) * (1 << np.arange(exposure.shape[1]))
    rows = []
    before = 0
    for number, stage in enumerate(stages, start=1):
        after = before + len(stage)
        if number > 1:
            past, now = codes[:, :before].sum(axis=1), codes[:, before:after].sum(axis=1)
            other = np.hstack([baseline, exposure[:, :before].astype(np.float64)])
            found = wald(past, np.unique(now, return_inverse=True)[1], other, np.hstack(steps[: number - 1]), clusters)
            rows.append((number, *found))
        before = after
    return pd.DataFrame(rows, columns=["stage", "statistic", "df", "p_value"])


def wald(
    past: NDArray[np.intp],
    chosen: NDArray[np.intp],
    other: FloatArray,
    tested: FloatArray,
    clusters: NDArray[np.intp] | None,
) -> tuple[float, int, float]:
    """Return statistic, degrees of freedom and p-value of all coefficients of ``tested`` in the logits of one stage.

    Parameters
    ----------
    past, chosen : ndarray of int, shape (n,)
        Earlier providers and the choice made, as codes; people who had the same choices share a logit.
    other, tested : ndarray, shape (n, n_other) and (n, n_tested)
    clusters : ndarray of int, shape (n,), or None
    """
    values: list[FloatArray] = []
    scores: list[FloatArray] = []
    n, fitted = len(chosen), 0
    for people, choices in open_choices(past, chosen):
        if len(choices) < 2:
            continue
        columns = np.hstack([other, tested])[people]
        kept = independent(columns)
        asked = kept >= other.shape[1]
        if not asked.any():
            continue
        scaled = (columns - columns.mean(axis=0))[:, kept] / columns.std(axis=0)[kept]
        coefficients, influence = _logit(np.searchsorted(choices, chosen[people]), scaled)
        spread = np.zeros((n, int(asked.sum()) * (len(choices) - 1)))
        spread[people] = influence[:, 1:][:, asked].reshape(len(scaled), -1) * n
        fitted += coefficients.size
        values.append(coefficients[1:][asked].reshape(-1))
        scores.append(spread)
    if not values:
        return 0.0, 0, 1.0
    estimate, influence = np.concatenate(values), np.hstack(scores)
    groups = n if clusters is None else int(clusters.max()) + 1
    cov = sandwich(influence, clusters) * (1.0 if clusters is None else factor("CR1", n, fitted, groups))
    if np.linalg.matrix_rank(cov, hermitian=True) < len(estimate):
        raise refusal("EST-002", "there are fewer clusters than coefficients of progress")
    statistic = float(estimate @ np.linalg.solve(cov, estimate))
    return statistic, len(estimate), float(chdtrc(len(estimate), statistic))


def _logit(chosen: NDArray[np.intp], columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (1 + n_columns, n_choices − 1) and, for each person, their influence (n, …) on the sum's scale."""
    from statsmodels.discrete.discrete_model import MNLogit

    # Refuses separation, which Newton's method would answer with a large number and no complaint.
    pattern_propensity(chosen, columns)
    design = np.column_stack([np.ones(len(columns)), columns])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fit = MNLogit(chosen, design).fit(disp=0, tol=1e-10, maxiter=100)
            bread = np.linalg.inv(-fit.model.hessian(fit.params.ravel(order="F")))
        except (np.linalg.LinAlgError, ValueError):
            raise refusal("EST-002", "the fit of who enrolled did not converge") from None
    score = fit.model.score_obs(fit.params.ravel(order="F"))
    size = (len(columns), fit.params.shape[1], fit.params.shape[0])
    return np.asarray(fit.params), np.asarray((score @ bread).reshape(size).transpose(0, 2, 1))
