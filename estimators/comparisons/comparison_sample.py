"""Whom a comparison uses, who of them was treated, and what they must be alike in; outcomes are not read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import SMALL_CELL, shown
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers, blank, is_number
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.comparisons.adjusting import Adjusting, adjusting
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.covariance import ErrorType, FloatArray
from counterfoil.estimators.experiment import check_clusters
from counterfoil.estimators.spec import draw_sample
from counterfoil.estimators.trials.arms import ANY, Arms, labels_of, read_arms


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonSample:
    """The people of a comparison.

    Parameters
    ----------
    study : Study
        Of the people used.
    arms : Arms
        Who was treated: code 0 for the untreated.
    adjusting : Adjusting
        What people must be alike in, (n, p).
    weights : ndarray, shape (n,)
        Observation weights: positive, with mean 1.
    weighted : bool
    cluster_by : str or None
    clusters : ndarray of int, shape (n,), or None
    cluster_names : ndarray, shape (G,), or None
    error_type : str
        HC0, CR0 or CR1, unless the design says another.
    counts : mapping
        ``people_in``, ``people_used``, the size of each group, and for each reason how many were left out.
    warnings : tuple of Problem
    """

    study: Study
    arms: Arms
    adjusting: Adjusting
    weights: FloatArray
    weighted: bool
    cluster_by: str | None
    clusters: NDArray[np.intp] | None
    cluster_names: NDArray[Any] | None
    error_type: ErrorType
    counts: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()

    @property
    def n(self) -> int:
        """Number of people."""
        return self.study.n_people

    @property
    def codes(self) -> NDArray[np.intp]:
        """Group of each person, shape (n,); 0 for the untreated."""
        return self.arms.codes

    @property
    def terms(self) -> tuple[str, ...]:
        """What the effects are called: ``gain`` for one, and otherwise the group of each."""
        labels = tuple(self.arms.labels[code] for code in self.arms.chosen)
        return ("gain",) if len(labels) == 1 else labels

    def of(self, code: int) -> NDArray[np.bool_]:
        """Mark the people of a group, shape (n,)."""
        return np.asarray(self.codes == code)


def draw_comparison(spec: ComparisonDesign, data: Study | pd.DataFrame, *, two: bool = False) -> ComparisonSample:
    """Read who was treated and what people must be alike in. Of outcomes only whether people have one is looked at.

    A study whose outcomes are not there yet is taken as one in which everybody will have one.

    Parameters
    ----------
    spec : ComparisonDesign
    data : Study or DataFrame
    two : bool
        Whether people of groups that are not asked for are left out, and counted; several that are asked for are refused.

    Raises
    ------
    DataError
        When a column is missing or blank; DATA-003 when nobody is left; DATA-013 when ``treated`` is not 0 or 1 and no
        ``control`` is named; DATA-019 when nothing says who was treated.
    IdentificationError
        IDENT-001 when everybody, or nobody, was treated; IDENT-019 when the column has no such group; IDENT-006 with too few
        clusters.
    EstimationError
        EST-003 with as many columns to adjust for as people, or more.
    ContractError
        CONTRACT-016 when two groups are wanted, and several are compared with the untreated.
    """
    study = spec.study_of(data)
    drawn = draw_sample(_as_drawn(spec, study), study if study.outcomes is not None else _unread(spec, study))
    # An outcome that nobody has yet must not be measured.
    study = drawn.study if study.outcomes is not None else drawn.study.without_outcomes()
    arms, weights = read_groups(spec, study), drawn.weights
    left: tuple[Problem, ...] = ()
    counts = {**arms.counts, **drawn.counts}
    if two:
        study, arms, weights, left = _only_two(spec, study, arms, weights, counts)
    indicator = spec.missing_covariates == "indicator"
    found = adjusting(study, spec.covariates, spec.squares, indicator)
    if found.values.shape[1] + 1 >= study.n_people:
        what = f"{found.values.shape[1]} columns to adjust for and {shown(study.n_people)} people"
        raise refusal("EST-003", what, "people")
    cluster, error_type = spec.errors_on(study, unclustered="HC0")
    clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
    check_clusters(clusters, *(arms.codes == code for code in range(1, len(arms.labels))))
    return ComparisonSample(
        study=study,
        arms=arms,
        adjusting=found,
        weights=weights,
        weighted=drawn.weighted,
        cluster_by=cluster,
        clusters=clusters,
        cluster_names=cluster_names,
        error_type=error_type,
        counts=counts,
        warnings=(*drawn.warnings, *left, *found.warnings, *_in_one_group(study, spec, arms), *_unadjusted(spec)),
    )


def _only_two(
    spec: ComparisonDesign, study: Study, arms: Arms, weights: FloatArray, counts: dict[str, int]
) -> tuple[Study, Arms, FloatArray, tuple[Problem, ...]]:
    """Return the people of the group asked for and of the untreated; who is left out is added to the counts."""
    if len(arms.chosen) > 1:
        what = f"this compares two groups, and there are {len(arms.labels)}"
        raise refusal("CONTRACT-016", what, "estimator", "name one under `arm:`, or write `arm: any`")
    kept = np.isin(arms.codes, (0, *arms.chosen))
    if kept.all():
        return study, arms, weights, ()
    gone = int((~kept).sum())
    what = f"{shown(gone)} people are neither in '{arms.labels[arms.chosen[0]]}' nor in '{arms.labels[0]}'"
    study, weights = study.subset(kept), weights[kept] / weights[kept].mean()
    counts |= {"in_other_groups": gone, "people_used": study.n_people}
    return (
        study,
        read_groups(spec, study),
        weights,
        (Problem("EST-007", f"left out of the comparison: {what}", "people"),),
    )


def read_groups(spec: ComparisonDesign, study: Study) -> Arms:
    """Read who was treated: from a column, from several as combinations, or from services.

    Raises
    ------
    DataError, IdentificationError
        As `draw_comparison`.
    """
    if isinstance(spec.treated, str):
        found = read_arms(study, spec.treated, spec.control, spec.arm)
        return found if spec.control is not None else replace(found, labels=("untreated", "treated"))
    if spec.treated is None:
        served = study.roster().exposure.any(axis=1)
        if served.all() or not served.any():
            what = "everybody was served" if served.all() else "nobody was served"
            raise refusal("IDENT-001", what, "services")
        return Arms(np.asarray(served, dtype=np.intp), ("unserved", "served"), (1,))
    bits = np.column_stack([study.arm(name) for name in spec.treated])
    observed, codes = np.unique(bits, axis=0, return_inverse=True)
    patterns = [tuple(int(bit) for bit in pattern) for pattern in observed.tolist()]
    # Singles before pairs before triples, each in the order of the columns.
    there = sorted(patterns, key=lambda pattern: (sum(pattern), [-bit for bit in pattern]))
    if sum(there[0]) > 0 or len(there) == 1:
        what = "nobody has 0 in every column" if sum(there[0]) > 0 else "everybody has 0 in every column"
        raise refusal("IDENT-001", what, f"people, columns {listed(spec.treated)}")
    ordered = np.array([there.index(pattern) for pattern in patterns], dtype=np.intp)[codes.ravel()]
    labels = ["none", *(_together(spec.treated, pattern) for pattern in there[1:])]
    if spec.arm == ANY:
        return Arms(np.asarray(ordered > 0, dtype=np.intp), ("none", ANY), (1,))
    if spec.arm is not None and spec.arm not in labels[1:]:
        what = f"arm '{spec.arm}' is none of the combinations that people had: {listed(labels[1:])}"
        raise refusal("IDENT-019", what, f"people, columns {listed(spec.treated)}")
    chosen = tuple(range(1, len(labels))) if spec.arm is None else (labels.index(spec.arm),)
    return Arms(ordered, tuple(labels), chosen)


def _together(names: tuple[str, ...], pattern: tuple[int, ...]) -> str:
    return " + ".join(name for name, bit in zip(names, pattern, strict=True) if bit)


def _as_drawn(spec: ComparisonDesign, study: Study) -> ComparisonDesign:
    """Return the spec as people are drawn by it: blanks of covariates lose nobody where an indicator stands for them."""
    changes: dict[str, Any] = {"covariates": (), "squares": ()} if spec.missing_covariates == "indicator" else {}
    if study.outcomes is None:
        changes |= {"outcome": None, "period": None}
    return spec.model_copy(update=changes)


def _unread(spec: ComparisonDesign, study: Study) -> Study:
    """Return a study without outcomes as one in which everybody has one."""
    outcomes = pd.DataFrame({"person": study.people["person"], "outcome": spec.outcome or "outcome", "value": 0.0})
    return Study.from_tables(
        study.people, services=study.services, outcomes=outcomes, cluster=study.cluster, weights=study.weights
    )


def _in_one_group(study: Study, spec: ComparisonDesign, arms: Arms) -> tuple[Problem, ...]:
    """Warn of levels of words, and of marks of 0 and 1, that only the treated, or only the untreated, have."""
    problems = []
    for covariate in spec.covariates:
        column = study.column(covariate, complete=False)
        if is_number(column) and not np.isin(as_numbers(column[~blank(column)])[0], (0.0, 1.0)).all():
            continue
        codes, levels = labels_of(column[~blank(column)])
        treated = arms.codes[~blank(column)] > 0
        held = np.stack([np.bincount(codes[side], minlength=len(levels)) for side in (~treated, treated)])
        for lacking, who in ((held[0] == 0, "the treated"), (held[1] == 0, "the untreated")):
            if len(levels) < 2 or not lacking.any():
                continue
            people = held[:, lacking].sum(axis=0)
            # A level of few people may be somebody's record.
            named = [levels[place] for place in np.flatnonzero(lacking) if held[:, place].sum() >= SMALL_CELL]
            which = f" ({listed(named)})" if named else ""
            what = (
                f"{int(lacking.sum())} of {len(levels)} levels of '{covariate}'{which} hold for {shown(int(people.sum()))} people, all of "
                f"them among {who}"
            )
            problems.append(Problem("EST-042", what, f"people, column '{covariate}'"))
    return tuple(problems)


def _unadjusted(spec: ComparisonDesign) -> tuple[Problem, ...]:
    if spec.covariates:
        return ()
    return (Problem("EST-006", "people are compared as they come: no covariates are named", "estimator"),)
