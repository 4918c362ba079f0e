"""Whom a panel compares with whom: its people, their cohorts, and a fit for each cohort and period."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.entry import Entry, enter, long_difference
from counterfoil.estimators.group_time import Block, located
from counterfoil.estimators.spec import Sample, draw_sample

if TYPE_CHECKING:
    from counterfoil.estimators.panel_contribution import PanelContribution


def panel_sample(
    spec: "PanelContribution", study: Study, places: Sequence[tuple[str | None, str | None]], providers: Sequence[str]
) -> tuple[Sample, Entry]:
    """Return whom the fit uses and when each entered, after the declared policy for people who lack something."""
    starts = tuple(spec.periods.values()) or None
    given = study.n_people
    entry = enter(study, providers, len(places), starts, spec.until)
    early = entry.first <= 0
    losses: dict[str, int] = {}
    if spec.missing == "drop":
        lacking = np.isnan([study.outcome(*place, complete=False) for place in places]).any(axis=0)
        losses = {"outcome in every period": int(lacking.sum()), "a period before entry": int((early & ~lacking).sum())}
        if (lacking | early).all():
            raise refusal("DATA-003", "nobody has everything that the design uses", "people")
        study = study.subset(~(lacking | early))
    elif early.any():
        what = f"{shown(int(early.sum()))} people were served in the first period or before, so they have no baseline"
        raise refusal("IDENT-017", what, "services")
    name, label = places[-1]
    sample = draw_sample(spec.model_copy(update={"outcome": name, "period": label}), study)
    losses = {reason: count for reason, count in losses.items() if count}
    if losses:
        reasons = ", ".join(f"{shown(count)} without {reason}" for reason, count in losses.items())
        problem = Problem("EST-007", f"left out of the analysis, as declared: {reasons}", "people")
        sample = replace(sample, warnings=(problem, *sample.warnings))
    sample = replace(sample, counts={**sample.counts, "people_in": given, **losses})
    return sample, enter(sample.study, providers, len(places), starts, spec.until)


def refuse_uncompared(spec: "PanelContribution", entry: Entry, asked: Sequence[tuple[int, int]]) -> None:
    """Refuse cohorts and periods with nobody to be compared with.

    Raises
    ------
    IdentificationError
        IDENT-004, with every cohort and period concerned.
    """
    alone = [
        _where(spec, cohort, period)
        for cohort, period in asked
        if (entry.first[entry.compared(cohort, period, spec.comparison)] == cohort).all()
    ]
    if alone:
        fix = "add a comparison group"
        if spec.periods and spec.comparison == "never":
            fix += ", or choose `comparison: not_yet`"
        elif spec.periods:
            fix += ", or end `periods` (with `until`) before the last people enter"
        word = "never served" if spec.comparison == "never" else "unserved by then"
        raise refusal("IDENT-004", f"nobody was {word}: {listed(alone)}", "services", fix)


def _where(spec: "PanelContribution", cohort: int, period: int) -> str:
    return f"cohort {spec.labels[cohort]}, period {spec.labels[period]}"


def fit_block(
    spec: "PanelContribution",
    entry: Entry,
    providers: Sequence[str],
    sample: Sample,
    levels: FloatArray,
    name: str,
    cohort: int,
    period: int,
    by: int,
) -> Block:
    """Fit a cohort's change from its baseline to a period, by the patterns that it had at the end of period ``by``."""
    inside = entry.compared(cohort, by, spec.comparison)
    people = np.flatnonzero(inside)
    study = long_difference(entry.by(by).subset(inside), levels[people, period] - levels[people, cohort - 1], name)
    met = study.roster(providers).exposure.any(axis=0)
    present = tuple(int(j) for j in np.flatnonzero(met))
    asked = Contribution(
        outcome=name,
        providers=tuple(providers[j] for j in present),
        design="unconfounded" if spec.covariates else "randomized",
        model=spec.model,
        covariates=spec.covariates,
        effects_by_covariates=spec.effects_by_covariates,
        min_pair=spec.min_pair,
        target=spec.target,
        weights=spec.weights,
        cluster=spec.cluster,
        vcov=spec.errors(sample.study)[1],
    )
    where = _where(spec, cohort, period)
    with located(where):
        fit = asked.fit(study)
    share = float(sample.weights[people].sum() / len(levels))
    return Block(cohort, period, where, people, share, present, fit)
