"""Whole groups compared with whole groups: means of clusters, every cluster one observation.

Estimand: the effect on the mean of a cluster, every cluster counting alike, whatever its size. With few clusters the
number of people says nothing about how much clusters differ by themselves, so that the error comes from the clusters'
means alone, with t of few degrees of freedom: G − 2 where the means of both arms are taken to spread alike (Donald and
Lang 2007, *Inference with difference-in-differences and other panel data*, Review of Economics and Statistics 89(2),
221-233), and one less than the smaller arm has clusters where they are not (Ibragimov and Müller 2016,
*Inference with few heterogeneous clusters*, Review of Economics and Statistics 98(1), 83-96; valid at 5%). It
needs independent clusters with means near normal, and for G − 2 the same spread.

An arm of one cluster shows nothing of its own spread. Its interval holds on the assumption, which no data can test, that
the single cluster's mean is at most ``spread_ratio`` times as spread out as those of the other arm (Hagemann 2020,
*Inference with a single treated cluster*, on the same bound).
"""

from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.spec import Design, OwnRules
from counterfoil.estimators.trials.few_treated_warning import few_treated_warning
from counterfoil.estimators.trials.means_of_clusters import cluster_means


class ClusterMeans(Design):
    """Effect of a programme on the mean of a cluster, with an error from the clusters' means alone.

    Examples
    --------
    >>> import pandas as pd
    >>> towns = pd.DataFrame({"town": list("aaabbbccc"), "assigned": [1] * 3 + [0] * 6, "bmi": [3, 5, 4, 6, 7, 8, 5, 5, 5]})
    >>> found = ClusterMeans(outcome="bmi", cluster="town").fit(towns)
    >>> found.values, found.df, found.interval().round(1)
    (array([-2.]), 1.0, array([[-24.,  20.]]))
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "cluster_means", "assigned": "assigned", "cluster": "community"}]}
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "means of clusters measure one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["cluster_means"] = "cluster_means"
    assigned: str = Field(
        "assigned", description="Column of people: 1 = in a group with the programme, 0 = in one without."
    )
    spread: Literal["alike", "by_arm"] = Field(
        "alike",
        description="Whether the means of groups are taken to differ as much with the programme as without (alike), "
        "which one group in an arm needs, or each arm shows its own spread (by_arm), which needs two groups in each.",
    )
    spread_ratio: float = Field(
        1.0,
        gt=0,
        description="Where an arm has one group: how many times as spread out its mean may be as those of the other arm. "
        "No data can test this; a larger ratio gives a wider interval.",
    )

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        return (self.assigned, *super().columns())

    def fit(self, data: Study | pd.DataFrame) -> Estimate:
        """Compare the clusters' means.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a person and the person id as its index.

        Returns
        -------
        Estimate
            One term, ``gain``, in the outcome's units, with a textbook error and stated degrees of freedom.

        Raises
        ------
        ContractError
            CONTRACT-016 without clusters.
        IdentificationError
            IDENT-001 when an arm is empty, IDENT-022 with fewer than three clusters, a cluster that holds both arms, or
            a single cluster in an arm with ``spread: by_arm``.
        """
        means = cluster_means(self, data)
        treated, control = means.counts
        if self.spread == "by_arm" and min(treated, control) < 2:
            raise refusal(
                "IDENT-022", "an arm with one cluster shows no spread of its own", "estimator", "use `spread: alike`"
            )
        error, df = means.error(self.spread, self.spread_ratio)
        return Estimate(
            terms=("gain",),
            values=np.array([means.value]),
            ids=means.sample.study.ids,
            influence=means.influence[:, None],
            riesz=means.riesz[:, None],
            # The only error is the stated one: leverages of one withhold those by person and by cluster.
            leverage=np.ones(len(means.influence)),
            classical=np.array([[error**2]]),
            clusters=means.clusters,
            cluster_names=means.names,
            cluster_by=means.cluster_by,
            parameters=2,
            degrees=df,
            error_type="classical",
            outcome=self.outcome or means.sample.study.outcome_names[0],
            estimand="effect on the mean of a cluster, every cluster counting alike",
            people=means.people,
            population="people in clusters with the programme",
            warnings=(*means.warnings, *few_treated_warning(means.clusters, means.treated[means.clusters])),
            diagnostics={"treated clusters": treated, "control clusters": control, **means.sample.counts},
        )
