"""A lottery: the effect of being assigned to the programme (intention to treat).

Estimand: the average effect of assignment on the people of the lottery, E[Y(1) − Y(0)]. It needs random assignment
(within blocks, where blocks are named) and no spill-over between people.

The estimator is the coefficient on assignment in a regression of the outcome on assignment and, where named, on block
dummies and covariates, both centred and by default fully interacted with assignment. Without either it is the
difference in means; with blocks alone it is the average of the blocks' differences, weighted by block size.

Sources: Neyman (1923); Lin (2013), Annals of Applied Statistics 7(1), 295-318, section 3; Imbens and Rubin (2015),
chapters 6 to 9.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.bias_reduced import bias_reduced
from counterfoil.estimators.covariance import ErrorType, FloatArray, leverage_that_matters
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.spec import Design, OwnRules, draw_sample


class Experiment(Design):
    """Effect of assignment in a randomized experiment.

    Examples
    --------
    >>> import counterfoil as cf
    >>> Experiment(outcome="earnings", vcov="classical").fit(cf.datasets.load("nsw")).std_error.round(2)
    array([632.85])
    """

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "an experiment measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["experiment"] = "experiment"
    assigned: str = Field("assigned", description="Column of people: 1 = assigned to the programme, 0 = control.")
    blocks: str | None = Field(None, description="Column of people within whose groups the lottery was drawn.")
    adjustment: Literal["interacted", "additive"] = Field(
        "interacted", description="Whether slopes of covariates differ by arm (Lin 2013) or not."
    )

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        return (self.assigned, *filter(None, (self.blocks,)), *super().columns())

    def fit(self, data: Study | pd.DataFrame) -> Estimate:
        """Estimate the effect of assignment.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a person and the person id as its index.

        Returns
        -------
        Estimate
            One term, ``gain``, in the outcome's units per person assigned.

        Raises
        ------
        DataError
            When a column is missing, blank, or no 0/1 assignment.
        IdentificationError
            IDENT-001 when an arm is empty, IDENT-007 when a block holds one arm only, IDENT-006 with too few clusters.
        EstimationError
            EST-001 when the error type is not defined, EST-003 with more parameters than people.
        """
        sample = draw_sample(self, data)
        study = sample.study
        cluster, error_type = self.errors_on(study, unclustered="HC2")
        assigned = study.arm(self.assigned)
        if assigned.all() or not assigned.any():
            empty = "control" if assigned.all() else "assigned"
            raise refusal("IDENT-001", f"the {empty} arm has nobody", f"people, column '{self.assigned}'")
        clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
        check_clusters(clusters, assigned)
        blocks = None if self.blocks is None else study.codes(self.blocks)
        if blocks is not None:
            _check_blocks(blocks, assigned, error_type)
        covariates, names = study.covariates(self.covariates)
        outcome = study.outcome(self.outcome, self.period)
        gain = intention_to_treat(
            outcome, assigned, blocks, covariates, self.adjustment == "interacted", sample.weights, clusters
        )
        return Estimate(
            terms=("gain",),
            values=gain.value,
            ids=study.ids,
            influence=gain.influence,
            riesz=gain.riesz * np.sqrt(sample.weights)[:, None],
            leverage=leverage_that_matters(gain.leverage, gain.riesz),
            classical=gain.classical,
            reduced=gain.reduced,
            reduced_df=gain.reduced_df,
            clusters=clusters,
            cluster_names=cluster_names,
            cluster_by=cluster,
            parameters=gain.parameters,
            error_type=error_type,
            target="sample" if blocks is not None or self.covariates else "either",
            outcome=self.outcome or study.outcome_names[0],
            estimand="effect of assignment (intention to treat)",
            people=int(assigned.sum()),
            population="people assigned to the programme",
            warnings=(*sample.warnings, *_dropped(gain.dropped, blocks, names)),
            diagnostics={"assigned": int(assigned.sum()), "control": int((~assigned).sum()), **sample.counts},
        ).using(error_type)


@dataclass(frozen=True, slots=True, eq=False)
class Gain:
    """What `intention_to_treat` returns.

    Shapes: value (1,), influence (n, 1), leverage (n,), riesz (n, 1), classical (1, 1), and with clusters reduced (n, 1)
    and reduced_df (1,); ``dropped`` are positions of columns that carry no information of their own.
    """

    value: FloatArray
    influence: FloatArray
    leverage: FloatArray
    riesz: FloatArray
    classical: FloatArray
    reduced: FloatArray | None
    reduced_df: FloatArray | None
    parameters: int
    dropped: NDArray[np.intp]


def intention_to_treat(
    outcome: FloatArray,
    assigned: NDArray[np.bool_],
    blocks: NDArray[np.intp] | None,
    covariates: FloatArray,
    interacted: bool,
    weights: FloatArray,
    clusters: NDArray[np.intp] | None = None,
) -> Gain:
    """Regress outcome (n,) on assignment (n,), centred block dummies and covariates (n, p), and their products.

    ``weights`` (n,) are positive with mean 1.

    The blocks are always interacted with assignment, so that the effect is weighted by block size.
    """
    treated = assigned.astype(np.float64)[:, None]
    fixed = np.empty((len(outcome), 0))
    if blocks is not None:
        fixed = (blocks[:, None] == np.arange(1, blocks.max() + 1)).astype(np.float64)
    fixed, covariates = (part - np.average(part, axis=0, weights=weights) for part in (fixed, covariates))
    products = [treated * fixed, *([treated * covariates] if interacted else [])]
    design = np.hstack([np.ones_like(treated), treated, fixed, covariates, *products])
    # The intercept takes up any constant; without it, outcomes far from zero would lose digits.
    centred = outcome - np.average(outcome, weights=weights)
    root = np.sqrt(weights)
    design, outcome = design * root[:, None], centred * root
    fit = least_squares(design, outcome)
    row = fit.bread[1]  # assignment is column 1 and, with both arms filled, never dropped
    n = len(outcome)
    riesz = n * (design[:, fit.kept] @ row)
    variance = fit.residuals @ fit.residuals / (n - fit.rank)
    reduced = reduced_df = None
    if clusters is not None:
        kept = design[:, fit.kept]
        reduced, reduced_df = bias_reduced(kept, fit.bread, clusters, fit.residuals, riesz[:, None])
    return Gain(
        value=fit.coefficients[1:2],
        influence=(riesz * fit.residuals)[:, None],
        leverage=fit.leverage,
        riesz=riesz[:, None],
        classical=np.array([[variance * row[1]]]),
        reduced=reduced,
        reduced_df=reduced_df,
        parameters=fit.rank,
        dropped=fit.dropped,
    )


def check_clusters(clusters: NDArray[np.intp] | None, *treatments: NDArray[np.bool_]) -> None:
    """Refuse clusters by which no error can be computed.

    Raises
    ------
    IdentificationError
        IDENT-006 with fewer than two clusters, or when all treated or all untreated people share one.
    """
    if clusters is None:
        return
    if clusters.max() < 1:
        raise refusal("IDENT-006", "all people are in one cluster")
    for treated in treatments:
        for group, word in ((treated, "treated"), (~treated, "untreated")):
            if len(np.unique(clusters[group])) < 2:
                raise refusal("IDENT-006", f"all {word} people are in one cluster")


def _check_blocks(blocks: NDArray[np.intp], assigned: NDArray[np.bool_], error_type: ErrorType) -> None:
    sizes = np.array([np.bincount(blocks[arm], minlength=blocks.max() + 1) for arm in (assigned, ~assigned)])
    empty = (sizes == 0).any(axis=0)
    if empty.any():
        raise refusal("IDENT-007", f"{int(empty.sum())} of {len(empty)} blocks hold one arm only")
    alone = (sizes == 1).any(axis=0)
    if alone.any() and error_type in {"HC2", "HC3"}:
        what = f"{int(alone.sum())} blocks have a single person in an arm, which {error_type} cannot use"
        raise refusal("EST-001", what)


def _dropped(dropped: NDArray[np.intp], blocks: NDArray[np.intp] | None, names: tuple[str, ...]) -> tuple[Problem, ...]:
    """Name the covariates, and count the products, that carry no information of their own."""
    if not len(dropped):
        return ()
    first = 2 + (0 if blocks is None else int(blocks.max()))
    columns = [
        names[position - first].partition("=")[0] for position in dropped if first <= position < first + len(names)
    ]
    products = len(dropped) - len(columns)
    words = [f"some of covariates {listed(sorted(set(columns)))}"] if columns else []
    words += [f"{products} products with assignment"] if products else []
    return (Problem("EST-005", f"left out of the model: {' and '.join(words)}", "estimator"),)
