"""A gate on the number of groups that were compared, and whether they can show anything at all.

With t of c groups treated there are C(c, t) ways in which chance could have chosen them, and what is seen is one of these
ways. Under no effect no permutation test can give a p-value below 1/C(c, t); with as many treated as untreated and both
sides counted, the mirror image is as extreme, and the smallest is 2/C(c, t). One town against two can show nothing below
1/3, whatever a t-test over their inhabitants says.

Sources: Fisher (1935), *The design of experiments*, chapter 2; MacKinnon and Webb (2020), *Randomization inference for
difference-in-differences with few treated clusters*, Journal of Econometrics 218(2), 435-450.
"""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.gains.held import Held
from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words
from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.published import Clusters
from counterfoil.estimators.spec import draw_sample
from counterfoil.estimators.trials.arms import read_arms
from counterfoil.estimators.trials.cluster_means import ClusterMeans


class FewClusters(BaseModel):
    """Terms of a gate on the number of groups.

    Examples
    --------
    >>> FewClusters(clusters_at_least=10).sentence(Words("USD"), "bmi")
    'The gate on bmi opens when at least 10 groups were compared.'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"clusters_at_least": 6}]})

    clusters_at_least: int | None = Field(
        None, ge=2, description="How many groups, treated and untreated, there must be."
    )
    permutation: Amount | None = Field(
        None,
        gt=0,
        lt=1,
        description="A p-value that a permutation of the groups must be able to reach; a settlement with fewer is refused.",
    )
    sides: Literal["one", "two"] = Field(
        "one", description="Whether the p-value of `permutation` counts one side or two."
    )

    @model_validator(mode="after")
    def _asks_something(self) -> "FewClusters":
        if self.clusters_at_least is None and self.permutation is None:
            raise ValueError("write `clusters_at_least` or `permutation`")
        return self

    def sentence(self, words: Words, name: str) -> str:
        """Say the gate in one sentence."""
        asked = []
        if self.clusters_at_least is not None:
            asked.append(f"at least {self.clusters_at_least} groups were compared")
        if self.permutation is not None:
            level = words.number(self.permutation)
            asked.append(f"a permutation of the groups can give a {self.sides}-sided p-value of {level} or less")
        return f"The gate on {name} opens when {' and '.join(asked)}."


def smallest_permutation_p(clusters: int, treated: int, sides: Literal["one", "two"] = "one") -> Fraction:
    """Return the smallest p-value that a permutation test can give.

    Parameters
    ----------
    clusters : int
        Groups compared.
    treated : int
        How many of them had the programme.
    sides : {"one", "two"}

    Examples
    --------
    >>> smallest_permutation_p(3, 1), smallest_permutation_p(8, 4), smallest_permutation_p(8, 4, "two")
    (Fraction(1, 3), Fraction(1, 70), Fraction(1, 35))
    """
    if not 0 < treated < clusters:
        raise ValueError("some groups are treated and some are not")
    mirrored = sides == "two" and 2 * treated == clusters
    return Fraction(2 if mirrored else 1, math.comb(clusters, treated))


def refuse_unreachable(
    level: Decimal | float, clusters: Clusters, sides: Literal["one", "two"] = "one", *, below: bool = False
) -> None:
    """Refuse a gate that no permutation of the groups there are could ever open.

    Parameters
    ----------
    level : Decimal or float
        The error level of any gate: 0.05 for a lower bound at 95%.
    clusters : Clusters
        How many groups were treated and how many were not.
    sides : {"one", "two"}
    below : bool
        True asks for a p-value below the level; False, as is usual for permutations, for one at or below it.

    Raises
    ------
    EstimationError
        EST-020, in words.

    Examples
    --------
    >>> refuse_unreachable(Decimal("0.4"), Clusters(treated=1, control=2))
    """
    smallest = smallest_permutation_p(clusters.treated + clusters.control, clusters.treated, sides)
    # A level such as 1 - 0.9 is a float a little below 0.1, which is what was agreed.
    limit = Fraction(level).limit_denominator(10**9)
    if smallest > limit or (below and smallest == limit):
        group = "group" if clusters.treated == 1 else "groups"
        what = (
            f"with {clusters.treated} treated {group} and {clusters.control} untreated, chance alone gives the clearest "
            f"result with probability {smallest}, and the gate asks for {float(level):g}"
        )
        raise refusal("EST-020", what, "gate")


def hold_clusters(terms: FewClusters, clusters: Clusters) -> Held:
    """Hold the number of groups against the gate.

    Raises
    ------
    EstimationError
        EST-020 when `permutation` cannot be reached.

    Examples
    --------
    >>> hold_clusters(FewClusters(clusters_at_least=10), Clusters(treated=1, control=2)).passes
    False
    """
    if terms.permutation is not None:
        refuse_unreachable(terms.permutation, clusters, terms.sides)
    found = clusters.treated + clusters.control
    minimum = terms.clusters_at_least or 0
    return Held(found >= minimum, "groups compared", found, minimum, None)


def clusters_of(spec: Experiment | ClusterMeans, study: Study) -> Clusters:
    """Return how many clusters of a lottery were assigned to the programme, or its arm, and how many to control.

    Raises
    ------
    EstimationError
        EST-020 when there are no clusters, when one holds both arms (the lottery drew people), or when an arm has none.
    """
    column = spec.cluster or study.cluster
    if column is None:
        raise refusal("EST-020", "a gate on clusters needs `cluster:` in the estimator", "estimator")
    drawn = spec.sample(study)[0].study if isinstance(spec, Experiment) else draw_sample(spec, study).study
    codes, names = drawn.groups(column)
    labels = (spec.control, spec.arm) if isinstance(spec, Experiment) else (None, None)
    arms = read_arms(drawn, spec.assigned, *labels)
    held = np.zeros((len(names), len(arms.labels)), dtype=bool)
    held[codes, arms.codes] = True
    mixed = int((held.sum(axis=1) > 1).sum())
    treated, control = int(held[:, list(arms.chosen)].any(axis=1).sum()), int(held[:, 0].sum())
    if mixed or not treated or not control:
        what = f"{mixed} of {len(names)} groups of '{column}' hold both arms" if mixed else "one arm has no group"
        raise refusal("EST-020", what, "people")
    return Clusters(treated=treated, control=control)
