"""A lottery: the effect of being assigned to the programme (intention to treat).

Estimand: the average effect of assignment on the people of the lottery, E[Y(1) − Y(0)]. It needs random assignment
(within blocks, where blocks are named) and no spill-over between people.

The estimator is the coefficient on assignment in a regression of the outcome on assignment and, where named, on block
dummies and covariates, both centred and by default fully interacted with assignment. Without either it is the
difference in means; with blocks alone it is the average of the blocks' differences, weighted by block size.

Sources: Neyman (1923); Lin (2013), Annals of Applied Statistics 7(1), 295-318, section 3; Imbens and Rubin (2015),
chapters 6 to 9.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.bias_reduced import bias_reduced
from counterfoil.estimators.covariance import ErrorType, FloatArray, leverage_that_matters
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.spec import Design, OwnRules, draw_sample
from counterfoil.estimators.trials.attrition_table import attrition_warning
from counterfoil.estimators.trials.response_model import Attrition


class Experiment(Design):
    """Effect of assignment in a randomized experiment.

    Examples
    --------
    >>> import counterfoil as cf
    >>> Experiment(outcome="earnings", vcov="classical").fit(cf.datasets.load("nsw")).std_error.round(2)
    array([632.85])
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "experiment", "assigned": "assigned"}]})

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "an experiment measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["experiment"] = "experiment"
    assigned: str = Field("assigned", description="Column of people: 1 = assigned to the programme, 0 = control.")
    blocks: str | None = Field(None, description="Column of people within whose groups the lottery was drawn.")
    adjustment: Literal["interacted", "additive"] = Field(
        "interacted", description="Whether slopes of covariates differ by arm (Lin 2013) or not."
    )
    attrition: Attrition | None = Field(
        None, description="How people without an outcome are made up for; without it they are left out, or refused."
    )

    @model_validator(mode="after")
    def _attrition_drops(self) -> "Experiment":
        if self.attrition is not None and self.missing != "drop":
            raise ValueError("`attrition` makes up for people who are left out; write `missing: drop` with it")
        return self

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        predictors = () if self.attrition is None else self.attrition.weight_by
        return (self.assigned, *filter(None, (self.blocks,)), *super().columns(), *predictors)

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
        return self._regression(data, ("gain",))

    def _regression(self, data: Study | pd.DataFrame, terms: tuple[str, ...]) -> Estimate:
        """Return the terms asked for, of ``control mean`` and ``gain``, as one regression has them."""
        if self.attrition is not None:
            from counterfoil.estimators.trials.attrition import response_weighted  # which builds on this module

            return response_weighted(self, data, terms)
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
            outcome,
            assigned,
            blocks,
            covariates,
            self.adjustment == "interacted",
            sample.weights,
            clusters,
            columns=[COLUMNS[term] for term in terms],
        )
        return Estimate(
            terms=terms,
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
            warnings=(*sample.warnings, *attrition_warning(self, data), *_dropped(gain.dropped, blocks, names)),
            diagnostics={"assigned": int(assigned.sum()), "control": int((~assigned).sum()), **sample.counts},
        ).using(error_type)


COLUMNS: Final = {"control mean": 0, "gain": 1}
"""Where the regression has its coefficients."""


def arm_means(spec: Experiment, data: Study | pd.DataFrame) -> Estimate:
    """Estimate the mean outcome of each arm of a lottery, jointly; their difference is the gain of `Experiment.fit`.

    With covariates or blocks these are the means that the regression predicts for everybody in the lottery under each arm.

    Parameters
    ----------
    spec : Experiment
    data : Study or DataFrame

    Returns
    -------
    Estimate
        Terms ``assigned mean`` and ``control mean``, in the outcome's units.

    Raises
    ------
    CounterfoilError
        As `Experiment.fit`.

    Examples
    --------
    >>> import counterfoil as cf
    >>> arm_means(Experiment(outcome="earnings"), cf.datasets.load("nsw")).values.round(2)
    array([6349.14, 4554.8 ])
    """
    found = spec._regression(data, ("control mean", "gain"))
    return replace(
        found.contrast([[1, 1], [1, 0]], ["assigned mean", "control mean"]), estimand="mean outcome under each arm"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Gain:
    """What `intention_to_treat` returns, for k coefficients.

    Shapes: value (k,), influence (n, k), leverage (n,), riesz (n, k), classical (k, k), and with clusters reduced (n, k)
    and reduced_df (k,); ``dropped`` are positions of columns that carry no information of their own.
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
    columns: Sequence[int] = (1,),
) -> Gain:
    """Regress outcome (n,) on assignment (n,), centred block dummies and covariates (n, p), and their products.

    ``weights`` (n,) are positive with mean 1. ``columns`` says which coefficients are returned: 0 is the intercept, the mean
    outcome in control at the mean of blocks and covariates, and 1 assignment.

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
    level = np.average(outcome, weights=weights)
    centred = outcome - level
    root = np.sqrt(weights)
    design, outcome = design * root[:, None], centred * root
    fit = least_squares(design, outcome)
    asked = np.asarray(columns)  # with both arms filled, neither the intercept nor assignment is ever dropped
    rows = fit.bread[asked]
    n = len(outcome)
    riesz = n * (design[:, fit.kept] @ rows.T)
    variance = fit.residuals @ fit.residuals / (n - fit.rank)
    reduced = reduced_df = None
    if clusters is not None:
        kept = design[:, fit.kept]
        reduced, reduced_df = bias_reduced(kept, fit.bread, clusters, fit.residuals, riesz)
    return Gain(
        value=fit.coefficients[asked] + level * (asked == 0),
        influence=riesz * fit.residuals[:, None],
        leverage=fit.leverage,
        riesz=riesz,
        classical=variance * rows[:, asked],
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
