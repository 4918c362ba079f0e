"""Estimates of different designs, outcomes and subsamples joined by person, with their joint covariance.

Each estimate is a mean of influence values over its own people. Written over the union of all people, absent ones
contribute zero and a block is rescaled by n_union / n_block; the joint covariance then counts everybody who is in
several blocks in each of them. Source: the stacking of M-estimators (Stefanski and Boos 2002), joined by person id.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import block_diag
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from counterfoil.errors import EstimationError, Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import AS_STATED, Estimate


def stack(estimates: Sequence[Estimate], names: Sequence[str] | None = None, *, independent: bool = False) -> Estimate:
    """Join estimates by person id.

    Parameters
    ----------
    estimates : sequence of Estimate
        Of any designs, outcomes and subsamples.
    names : sequence of str, optional
        One a block, put before its terms; needed when two terms would have the same name.
    independent : bool
        True states that the blocks share no people, so that equal ids are different people; needed to join
        estimates without common ids, and published ones.

    Returns
    -------
    Estimate
        Error type ``stacked``; the smallest degrees of freedom of the blocks, each of which has at most one less than the
        clusters that its own people are in.

    Raises
    ------
    EstimationError
        EST-018 for an estimate without an error, EST-008 for replicates, ids of different types, different targets, clusters that cut across each other,
        classical errors, blocks that share nobody, or terms with the same name.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Experiment
    >>> study = cf.datasets.load("nsw")
    >>> young = study.subset(study.people["age"] < 25)
    >>> both = stack([Experiment().fit(study), Experiment().fit(young)], ["all", "young"])
    >>> both.contrast([[1, -1]], ["difference"]).std_error.round(0)
    array([670.])
    """
    _refuse(estimates, names, independent)
    terms = (
        [f"{name}: {term}" for name, block in zip(names, estimates, strict=True) for term in block.terms]
        if names
        else [term for block in estimates for term in block.terms]
    )
    if len(set(terms)) < len(terms):
        raise refusal("EST-008", "two terms have the same name", fix="give the blocks names")
    outcomes: list[str] = []
    for block in estimates:
        outcomes += [block.outcome] * len(block.terms) if isinstance(block.outcome, str) else block.outcome
    common: dict[str, Any] = {
        "terms": tuple(terms),
        "label": "provider" if all(block.label == "provider" for block in estimates) else "term",
        "values": np.concatenate([block.values for block in estimates]),
        "outcome": tuple(outcomes),
        "estimand": "; ".join(dict.fromkeys(block.estimand for block in estimates)),
        "people": max(block.people for block in estimates),
        "population": "; ".join(dict.fromkeys(block.population for block in estimates)),
        "target": next((block.target for block in estimates if block.target != "either"), "either"),
        "warnings": tuple(dict.fromkeys(problem for block in estimates for problem in block.warnings)),
        "degrees": min(block.df for block in estimates),
        "error_type": "stacked",
    }
    if independent:
        _refuse_shared_clusters(estimates)
        return Estimate(
            **common,
            covariance=block_diag(*(block.cov() for block in estimates)),
            sample_size=sum(block.n for block in estimates),
        )
    ids, rows = _union(estimates)
    clusters = _joint_clusters(estimates, rows, len(ids))
    influence = np.zeros((len(ids), len(terms)))
    first = 0
    for block, row in zip(estimates, rows, strict=True):
        scores = block.scores()
        influence[row, first : first + len(block.terms)] = scores * (len(ids) / len(row))
        first += len(block.terms)
    if clusters is not None:
        # A block whose people lie in some of the clusters rests on those alone.
        common["degrees"] = min(common["degrees"], *(len(np.unique(clusters[row])) - 1.0 for row in rows))
    return Estimate(**common, ids=ids, influence=influence, clusters=clusters)


def _refuse(estimates: Sequence[Estimate], names: Sequence[str] | None, independent: bool) -> None:
    if any(block.error_type == "unknown" for block in estimates):
        raise refusal("EST-018", "an estimate without a standard error cannot be joined with others")
    problems: list[str] = []
    if not estimates:
        problems.append("there is nothing to join")
    if names is not None and len(names) != len(estimates):
        problems.append(f"there are {len(names)} names for {len(estimates)} estimates")
    if any(block.replicates is not None for block in estimates):
        problems.append("replicates of different designs say nothing of their joint variation")
    if len({block.target for block in estimates} - {"either"}) > 1:
        problems.append("some estimates are for the people of the study, others for future people")
    if not independent:
        if any(block.error_type == "imputed" for block in estimates):
            problems.append(
                "an estimate over imputations has no values per person; stack within each completed study, and join those"
            )
        if any(block.covariance is not None and block.error_type != "imputed" for block in estimates):
            problems.append("a published estimate has no people to join by")
        whole = {block.error_type for block in estimates} & set(AS_STATED)
        problems += [
            f"{name} errors are no sum over people; `errors: scores` under the estimator, or `using` in Python, gives some that are"
            for name in sorted(whole)
        ]
    if problems:
        raise EstimationError(*(Problem("EST-008", what) for what in problems))


def _union(estimates: Sequence[Estimate]) -> tuple[NDArray[Any], list[NDArray[np.intp]]]:
    """Return the ids of all people and, for each block, the rows of its people among them."""
    indexes = [pd.Index(block.ids) for block in estimates]
    numbers = {bool(pd.api.types.is_integer_dtype(index.dtype)) for index in indexes}
    if len(numbers) > 1:
        raise refusal("EST-008", "some estimates have whole numbers as person ids and others text")
    union = indexes[0]
    for index in indexes[1:]:
        union = union.union(index, sort=False)
    union = union.sort_values()
    rows = [np.asarray(union.get_indexer(index), dtype=np.intp) for index in indexes]
    held = np.zeros(len(union), dtype=np.intp)
    for row in rows:
        held[row] += 1
    if len(rows) > 1 and any(held[row].max() < 2 for row in rows):
        raise refusal(
            "EST-008",
            "an estimate shares no person with any other",
            fix="pass independent=True if they are different people; check the ids if not",
        )
    return union.to_numpy(), rows


def _joint_clusters(estimates: Sequence[Estimate], rows: Sequence[NDArray[np.intp]], n: int) -> NDArray[np.intp] | None:
    """Return the clusters of all people, shape (n,): joined by name where the column is the same, nested otherwise."""
    # Clusters of one person each, as a panel clustered by person has them, are what the join by person does anyway.
    coarse = [block.clusters is not None and block.n_clusters < block.n for block in estimates]
    clustered = [(block, row) for block, row, grouped in zip(estimates, rows, coarse, strict=True) if grouped]
    if not clustered:
        return None
    _refuse_unknown(clustered, n)
    for position, (one, row) in enumerate(clustered):
        for other, other_row in clustered[position + 1 :]:
            if one.cluster_by is None or one.cluster_by != other.cluster_by:
                _refuse_crossing(one, row, other, other_row, n)
    nodes: dict[tuple[Any, Any], int] = {}
    edges: list[NDArray[np.intp]] = []
    for position, (block, row) in enumerate(clustered):
        named = block.cluster_names if block.cluster_by is not None and block.cluster_names is not None else None
        keys = (
            [(block.cluster_by, str(name)) for name in named]
            if named is not None
            else [(position, code) for code in range(block.n_clusters)]
        )
        number = np.array([nodes.setdefault(key, len(nodes)) for key in keys], dtype=np.intp)
        edges.append(np.stack([row, number[block.clusters] + n]))
    people, groups = np.concatenate(edges, axis=1)
    size = n + len(nodes)
    graph = coo_array((np.ones(len(people), dtype=bool), (people, groups)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][:n]
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.intp)


def _refuse_unknown(clustered: Sequence[tuple[Estimate, NDArray[np.intp]]], n: int) -> None:
    """Refuse people whose cluster in another estimate's column nobody can know: they are in no estimate that has it."""
    held: dict[Any, NDArray[np.bool_]] = {}
    for position, (block, row) in enumerate(clustered):
        known = held.setdefault(block.cluster_by or position, np.zeros(n, dtype=bool))
        known[row] = True
    # One column, the coarsest, must cover everybody; finer ones are then linked to it by their people.
    if not any(known.all() for known in held.values()):
        raise refusal(
            "EST-008",
            "some people are in no estimate that names their cluster",
            fix="cluster all estimates by the same column",
        )


def _refuse_crossing(
    one: Estimate, row: NDArray[np.intp], other: Estimate, other_row: NDArray[np.intp], n: int
) -> None:
    codes: FloatArray = np.full((2, n), -1.0)
    codes[0, row], codes[1, other_row] = one.clusters, other.clusters
    shared = codes[:, (codes >= 0).all(axis=0)]
    if not shared.size:
        return
    pairs = np.unique(shared, axis=1).shape[1]
    if pairs > max(len(np.unique(side)) for side in shared):
        raise refusal(
            "EST-008",
            "the clusters of two estimates cut across each other",
            fix="cluster both by the same column, or one within the other",
        )


def _refuse_shared_clusters(estimates: Sequence[Estimate]) -> None:
    seen: set[tuple[str, str]] = set()
    for block in estimates:
        if block.cluster_by is None or block.cluster_names is None:
            continue
        names = {(block.cluster_by, str(name)) for name in block.cluster_names}
        if names & seen:
            raise refusal(
                "EST-008",
                f"estimates stated as independent share clusters of '{block.cluster_by}'",
                fix="join them without independent=True, or name the clusters apart if they are different",
            )
        seen |= names
