"""Spillovers: did services reach people whom they did not serve, through those who live or learn with them?

Two answers without data on who knows whom. `spillover` looks at people whom nobody served: does their outcome move with
the share of their site's other people whom each provider served? `site_level` gives up people for sites: every site is
one unit, its doses the shares of its people served, so that `DoseResponse` credits providers for whatever happens inside a
site (Aumann-Shapley of cluster-level intensities). Sources: Hudgens and Halloran (2008); Aronow and Samii (2017).
"""

from typing import Literal

import numpy as np
import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import leverage_that_matters
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.joint_test import joint_test
from counterfoil.estimators.least_squares import least_squares


def spillover(
    study: Study, site: str, outcome: str | None = None, period: str | None = None, covariates: tuple[str, ...] = ()
) -> tuple[Estimate, float]:
    """Return what being near served people goes with for unserved people, and the p-value that it is nothing.

    Parameters
    ----------
    study : Study
    site : str
        Column of people: the site, household or class within which services may spill over.
    outcome, period : str, optional
    covariates : tuple of str
        Columns of people to adjust for.

    Returns
    -------
    Estimate
        One term a provider: change of an unserved person's outcome as the share of the site's other people whom the
        provider served goes from none to all, in the outcome's units. CR1 errors by site.
    float
        Joint p-value.

    Raises
    ------
    IdentificationError
        IDENT-004 when everybody was served, IDENT-006 with fewer than two sites among the unserved, IDENT-003 when the
        shares do not vary enough to be told apart.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> data = pd.DataFrame({"site": np.arange(600) % 30, "a": rng.random(600) < (np.arange(600) % 30) / 40})
    >>> data = data.assign(a=data["a"].astype(int), y=rng.normal(size=600))
    >>> found, p_value = spillover(Study.from_frame(data, providers=["a"], outcomes=["y"]), "site")
    >>> p_value > 0.01
    True
    """
    roster = study.roster()
    code, names = study.groups(site)
    served = roster.exposure.astype(np.float64)
    size = np.bincount(code)
    whole = np.stack([np.bincount(code, weights=column) for column in served.T], axis=1)
    others = np.maximum(size[code] - 1, 1)[:, None]
    share = (whole[code] - served) / others
    unserved = ~roster.exposure.any(axis=1) & (size[code] > 1)
    if not unserved.any():
        raise refusal("IDENT-004", "nobody who has company at a site was unserved", "services")
    sites, groups = np.unique(code[unserved], return_inverse=True)
    if len(sites) < 2:
        raise refusal("IDENT-006", f"unserved people live in {len(sites)} site", f"people: {site}")
    controls, _ = study.covariates(covariates)
    value = study.outcome(outcome, period)[unserved]
    design = np.column_stack([np.ones(len(value)), controls[unserved], share[unserved]])
    first = 1 + controls.shape[1]
    fit = least_squares(design, value - value.mean())
    asked = np.eye(design.shape[1])[first:]
    if not fit.estimable(asked).all():
        raise refusal("IDENT-003", "the shares served do not vary enough between sites", "services")
    spread = np.zeros((design.shape[1], len(asked)))
    spread[fit.kept] = fit.bread @ asked[:, fit.kept].T
    riesz = len(value) * (design @ spread)
    coefficients = np.zeros(design.shape[1])
    coefficients[fit.kept] = fit.coefficients
    estimate = Estimate(
        terms=roster.providers,
        label="provider",
        values=coefficients[first:],
        ids=roster.ids[unserved],
        influence=riesz * fit.residuals[:, None],
        riesz=riesz,
        leverage=leverage_that_matters(fit.leverage, riesz),
        clusters=np.asarray(groups, dtype=np.intp).reshape(-1),
        cluster_names=names[sites],
        cluster_by=site,
        parameters=fit.rank,
        error_type="CR1",
        target="sample",
        outcome=outcome or study.outcome_names[0],
        estimand="change of unserved people's outcome with the share of others served at their site",
        people=len(value),
        population="unserved people",
    )
    return estimate, joint_test(estimate).p_value


def site_level(
    study: Study,
    site: str,
    outcome: str | None = None,
    period: str | None = None,
    covariates: tuple[str, ...] = (),
    weights: Literal["people", "sites"] = "people",
) -> Study:
    """Return a study whose units are sites: mean outcome and covariates, and doses that are shares of people served.

    Parameters
    ----------
    study : Study
    site : str
        Column of people.
    outcome, period : str, optional
    covariates : tuple of str
        Numeric columns of people; sites carry their means.
    weights : {"people", "sites"}
        Whether a site counts by its people, in the column ``people``, or as one.

    Examples
    --------
    >>> data = pd.DataFrame({"site": [0, 0, 1, 1], "a": [1, 0, 0, 0], "y": [3.0, 1.0, 1.0, 1.0]})
    >>> sites = site_level(Study.from_frame(data, providers=["a"], outcomes=["y"]), "site")
    >>> sites.roster().dose.tolist()
    [[0.5], [0.0]]
    """
    roster = study.roster()
    code, names = study.groups(site)
    size = np.bincount(code)
    controls, labels = study.covariates(covariates)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(code, weights=values) / size)

    share = np.stack([mean(column.astype(np.float64)) for column in roster.exposure.T], axis=1)
    ids = [str(name) for name in names]
    people = pd.DataFrame({"person": ids, "people": size.astype(np.float64)})
    for label, column in zip(labels, controls.T, strict=True):
        people[label] = mean(column)
    row, column = np.nonzero(share)
    services = pd.DataFrame({
        "person": np.array(ids)[row], "provider": np.array(roster.providers)[column], "dose": share[row, column],
    })  # fmt: skip
    measured = outcome or study.outcome_names[0]
    outcomes = pd.DataFrame({"person": ids, "outcome": measured, "value": mean(study.outcome(outcome, period))})
    return Study.from_tables(
        people,
        services=services,
        outcomes=outcomes,
        weights="people" if weights == "people" else None,
        name=f"{study.name} by {site}",
    )
