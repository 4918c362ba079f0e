"""A lottery: the effect of being assigned to the programme (intention to treat).

Estimand: the average effect of assignment on the people of the lottery, E[Y(1) − Y(0)]; with several arms, of each against
the control. It needs random assignment (within blocks or pairs, where they are named) and no spill-over between people.

The estimator is the coefficient on assignment in a regression of the outcome on assignment and, where named, on block
dummies and covariates, both centred and by default fully interacted with assignment. Without either it is the
difference in means; with blocks alone it is the average of the blocks' differences, weighted by block size. Arms share one
regression, hence one control mean. Pairs are compared pair by pair. The outcome itself, measured earlier, is one more
covariate.

Sources: Neyman (1923); Lin (2013), Annals of Applied Statistics 7(1), 295-318, section 3; Imbens and Rubin (2015),
chapters 6 to 10; Deng, Xu, Kohavi and Walker (2013), WSDM, for earlier values of the outcome (CUPED). Sources for arms and
pairs stand in ``counterfoil.estimators.trials``.
"""

from dataclasses import replace
from typing import Any, ClassVar, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.covariance import BY_CLUSTER, ErrorType, leverage_that_matters
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.spec import Design, OwnRules, Sample, draw_sample
from counterfoil.estimators.trials.arms import Label, check_blocks, in_words, read_arms
from counterfoil.estimators.trials.assignment_regression import Gain, intention_to_treat
from counterfoil.estimators.trials.attrition_table import attrition_warning
from counterfoil.estimators.trials.few_treated_warning import few_treated_warning
from counterfoil.estimators.trials.pairs import error_groups, pair_differences, whole_pairs
from counterfoil.estimators.trials.response_model import Attrition

CONTROL_MEAN: Final = "control mean"


class Experiment(Design):
    """Effect of assignment in a randomized experiment.

    Examples
    --------
    >>> import counterfoil as cf
    >>> Experiment(outcome="earnings", vcov="classical").fit(cf.datasets.load("nsw")).std_error.round(2)
    array([632.85])
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "experiment", "assigned": "assigned"},
                {"kind": "experiment", "assigned": "arm", "control": "usual care", "arm": "any"},
                {"kind": "experiment", "assigned": "assigned", "pairs": "pair", "before": ["2024"], "period": "2025"},
            ]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "an experiment measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["experiment"] = "experiment"
    assigned: str = Field(
        "assigned",
        description="Column of people: 1 = assigned to the programme, 0 = control; or each person's arm, with `control`.",
    )
    control: Label | None = Field(
        None, description="Which arm is the control, as the column calls it; left out when the column is 0 and 1."
    )
    arm: Label | None = Field(
        None,
        description="Which arm's effect is the gain; `any` counts all arms but the control as one. A contract needs it where the "
        "control has several others.",
    )
    blocks: str | None = Field(None, description="Column of people within whose groups the lottery was drawn.")
    pairs: str | None = Field(
        None, description="Column of people: matched pairs, one of whose two people, or clusters, was drawn by lot."
    )
    before: tuple[str, ...] = Field(
        (), description="Earlier periods of the same outcome, from before the programme, to adjust for."
    )
    adjustment: Literal["interacted", "additive"] = Field(
        "interacted",
        description="Whether covariates may matter differently in each arm (interacted; Lin 2013) or are taken to matter alike "
        "(additive).",
    )
    target: Literal["sample", "population"] = Field(
        "sample",
        description="Whether errors are for the people of this lottery, or for future people like them; they differ where effects "
        "differ with covariates or blocks.",
    )
    attrition: Attrition | None = Field(
        None, description="How people without an outcome are made up for; without it they are left out, or refused."
    )

    @model_validator(mode="after")
    def _terms_fit_each_other(self) -> "Experiment":
        if self.arm is not None and self.control is None:
            raise ValueError("`arm` needs `control`: an effect of one arm of several is measured against another")
        if self.pairs is not None and self.blocks is not None:
            raise ValueError("pairs are blocks of two; name either `pairs` or `blocks`")
        if self.pairs is not None and self.vcov is not None and self.vcov not in BY_CLUSTER:
            raise ValueError(f"vcov {self.vcov} ignores the pairs; use CR0, CR1 or CR2")
        if self.target == "population" and (self.pairs is not None or self.attrition is not None):
            raise ValueError("`target: population` is for lotteries without `pairs` and `attrition`")
        if self.attrition is not None and self.missing != "drop":
            raise ValueError("`attrition` makes up for people who are left out; write `missing: drop` with it")
        if self.attrition is not None and (self.control is not None or self.pairs is not None or self.before):
            raise ValueError("`attrition` is for two arms without `pairs` and `before`")
        if self.period is not None and self.period in self.before:
            raise ValueError(f"`before` names the outcome's own period '{self.period}'")
        return self

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        predictors = () if self.attrition is None else self.attrition.weight_by
        return (self.assigned, *filter(None, (self.blocks, self.pairs)), *super().columns(), *predictors)

    def fit(self, data: Study | pd.DataFrame) -> Estimate:
        """Estimate the effect of assignment.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a person and the person id as its index.

        Returns
        -------
        Estimate
            In the outcome's units per person assigned: one term, ``gain``; or, with several arms beside the control and no
            ``arm``, one term for each, called as the column calls it.

        Raises
        ------
        DataError
            When a column is missing or blank; DATA-013 when the assignment is not 0 or 1 and no control is named;
            DATA-015 for an earlier period that the outcome does not have.
        IdentificationError
            IDENT-001 when an arm is empty, IDENT-019 when the column has no such arm, IDENT-007 when a block lacks an arm,
            IDENT-020 when a pair does not hold one unit in either arm, IDENT-006 with too few clusters or pairs.
        EstimationError
            EST-001 when the error type is not defined, EST-003 with more parameters than people; with ``attrition``, EST-026
            when nobody of an arm has an outcome and EST-002 when a column separates who has one.
        """
        return self._estimate(data)

    def _estimate(self, data: Study | pd.DataFrame, control_mean: bool = False) -> Estimate:
        """Return the gains of the arms asked for, after the mean outcome in control if it is wanted."""
        if self.attrition is not None:
            from counterfoil.estimators.trials.attrition import response_weighted  # which builds on this module

            return response_weighted(self, data, ("control mean", "gain") if control_mean else ("gain",))
        sample, names = self.sample(data)
        study = sample.study
        arms = read_arms(study, self.assigned, self.control, self.arm)
        labels = [arms.labels[code] for code in arms.chosen]
        terms = ["gain"] if len(labels) == 1 else labels
        wanted = [*([0] if control_mean else []), *arms.chosen]
        outcome = study.outcome(self.outcome, self.period)
        covariates, columns = study.covariates(names)
        interacted = self.adjustment == "interacted"
        cluster: str | None
        clusters: NDArray[np.intp] | None
        cluster_names: NDArray[Any] | None
        blocks = None
        if self.pairs is not None:
            pairs = study.codes(self.pairs)
            _, error_type = self.errors_on(study, unclustered="HC2")
            cluster, clusters, cluster_names = error_groups(study, self.pairs, self.cluster)
            check_clusters(clusters, arms.codes > 0)
            groups = None if cluster == self.pairs else clusters
            gain = pair_differences(
                outcome, arms.codes > 0, pairs, covariates, interacted, sample.weights, groups, wanted
            )
        else:
            cluster, error_type = self.errors_on(study, unclustered="HC2")
            clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
            check_clusters(clusters, *(arms.codes == code for code in range(1, len(arms.labels))))
            blocks = None if self.blocks is None else study.codes(self.blocks)
            if blocks is not None:
                check_blocks(blocks, arms, error_type)
            gain = intention_to_treat(
                outcome, arms.indicators, blocks, covariates, interacted, sample.weights, clusters, wanted
            )
            gain = gain.of_population() if self.target == "population" else gain
        counts = arms.counts
        assigned = sum(counts[label] for label in labels)
        several = {f"arm {label}": count for label, count in counts.items()} if len(counts) > 2 else {}
        return Estimate(
            terms=(*([CONTROL_MEAN] if control_mean else []), *terms),
            values=gain.value,
            ids=study.ids,
            influence=gain.influence,
            spread=gain.spread if self.target == "population" else None,
            riesz=gain.riesz,
            leverage=None if gain.leverage is None else leverage_that_matters(gain.leverage, gain.riesz),
            classical=gain.classical,
            reduced=gain.reduced,
            reduced_df=gain.reduced_df,
            clusters=clusters,
            cluster_names=cluster_names,
            cluster_by=cluster,
            parameters=gain.parameters,
            error_type=error_type,
            target=self.target if blocks is not None or names else "either",
            outcome=self.outcome or study.outcome_names[0],
            estimand="effect of assignment (intention to treat)",
            people=assigned,
            population="people assigned to the programme" if self.control is None else in_words(labels),
            warnings=(
                *sample.warnings,
                *self._lost(data),
                *(() if clusters is None else few_treated_warning(clusters, arms.codes > 0)),
                *_dropped(gain, columns),
            ),
            diagnostics={"assigned": assigned, "control": counts[arms.labels[0]], **several, **sample.counts},
        ).using(error_type)

    def _lost(self, data: Study | pd.DataFrame) -> tuple[Problem, ...]:
        """Warn where people were lost more often in one arm of two than in the other."""
        return attrition_warning(self, data) if self.control is None else ()

    def errors_on(self, study: Study, unclustered: ErrorType) -> tuple[str | None, ErrorType]:
        """Return what errors are clustered by, and their type: CR2 by pair where people or clusters were paired."""
        if self.pairs is None:
            return super().errors_on(study, unclustered)
        return self.pairs, self.vcov or "CR2"

    def sample(self, data: Study | pd.DataFrame) -> tuple[Sample, tuple[str, ...]]:
        """Return whom the design uses, and the names of what it adjusts for, earlier outcomes among them."""
        if not self.before:
            return self._whole(draw_sample(self, data)), self.covariates
        if not isinstance(data, Study):
            raise refusal("DATA-015", "a plain frame has no periods", "frame", "name the column in `covariates`")
        data.outcome(self.outcome, self.period, complete=False)  # refuses what is not there, or could be several
        study, name = data, self.outcome or data.outcome_names[0]
        known = study.periods(name)
        unknown = [period for period in self.before if period not in known]
        if unknown:
            what = f"outcome '{name}' has no period {listed(unknown)}"
            raise refusal(
                "DATA-015", what, study.name, "name periods of the outcome, or name the column in `covariates`"
            )
        earlier = {f"{name}, {period}": study.outcome(name, period, complete=False) for period in self.before}
        names = (*self.covariates, *earlier)
        widened = replace(study, people=study.people.assign(**earlier))
        return self._whole(draw_sample(self.model_copy(update={"covariates": names}), widened)), names

    def _whole(self, sample: Sample) -> Sample:
        """Return the sample of people in complete pairs, if people were paired."""
        if self.pairs is None:
            return sample
        arms = read_arms(sample.study, self.assigned, self.control, self.arm)
        return whole_pairs(sample, arms, self.pairs, self.cluster, self.missing == "drop")


def arm_means(spec: Experiment, data: Study | pd.DataFrame) -> Estimate:
    """Estimate the mean outcome of each arm of a lottery, jointly; their differences are the gains of `Experiment.fit`.

    With covariates or blocks these are the means that the regression predicts for everybody in the lottery under each arm.

    Parameters
    ----------
    spec : Experiment
    data : Study or DataFrame

    Returns
    -------
    Estimate
        In the outcome's units: terms ``assigned mean`` and ``control mean``; or, with several arms and none chosen, one
        term ``mean in ...`` an arm and then ``control mean``.

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
    found = spec._estimate(data, control_mean=True)
    count = len(found.terms) - 1
    names = ["assigned mean"] if found.terms[1:] == ("gain",) else [f"mean in {term}" for term in found.terms[1:]]
    rows = np.vstack([np.column_stack([np.ones(count), np.eye(count)]), np.eye(1, count + 1)])
    return replace(found.contrast(rows, [*names, CONTROL_MEAN]), estimand="mean outcome under each arm")


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


def _dropped(gain: Gain, names: tuple[str, ...]) -> tuple[Problem, ...]:
    """Name the covariates, and count the products, that carry no information of their own."""
    if not len(gain.dropped):
        return ()
    columns = [names[position].partition("=")[0] for position in gain.dropped if 0 <= position < len(names)]
    products = len(gain.dropped) - len(columns)
    words = [f"some of covariates {listed(sorted(set(columns)))}"] if columns else []
    words += [f"{products} products with assignment"] if products else []
    return (Problem("EST-005", f"left out of the model: {' and '.join(words)}", "estimator"),)
