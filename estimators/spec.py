"""What every design has in common: a frozen, strict spec, an outcome, who is left out, weights, and how errors are made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers, blank, is_number
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.covariance import BY_CLUSTER, ErrorType


@dataclass(frozen=True, slots=True)
class OwnRules:
    """The only attribution rules that the credits of a design can follow, by name; and why no others."""

    names: tuple[str, ...]
    why: str


class Design(BaseModel):
    """A request: the Python object, the node of the contract and the JSON Schema are one.

    ``own_rules`` is None for a design whose gain any rule divides that weighs a person's own combinations of providers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    own_rules: ClassVar[OwnRules | None] = None

    outcome: str | None = Field(None, description="The outcome; may be omitted when the study has only one.")
    period: str | None = Field(None, description="The outcome's period; may be omitted when there is only one.")
    covariates: tuple[str, ...] = Field(
        (), description="Columns of people measured before the programme, to adjust for."
    )
    weights: str | None = Field(None, description="Column of people: positive observation weights.")
    missing: Literal["refuse", "drop"] = Field(
        "refuse",
        description="What to do about people who lack something that is used: refuse, or leave them out and say so.",
    )
    cluster: str | None = Field(None, description="Column of people: groups treated alike, or that share fortunes.")
    vcov: ErrorType | None = Field(
        None,
        description="Error type. When omitted: CR1 with clusters; without, HC2 in an experiment, HC0 in staggered_did and in "
        "comparison groups without a lottery, and HC1 otherwise.",
    )

    @model_validator(mode="after")
    def _error_type_fits_cluster(self) -> "Design":
        if self.vcov is not None and self.cluster is not None and self.vcov not in BY_CLUSTER:
            raise ValueError(f"vcov {self.vcov} ignores the clusters of `cluster: {self.cluster}`; use CR0, CR1 or CR2")
        return self

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        return tuple(name for name in (self.cluster, self.weights) if name is not None)

    def refuse_rule(self, name: str) -> None:
        """Refuse an attribution rule that the design's credits cannot follow.

        Raises
        ------
        AttributionError
            ATTR-003 with the reason.
        """
        if self.own_rules is not None and name not in self.own_rules.names:
            there = listed(self.own_rules.names)
            raise refusal("ATTR-003", f"rule '{name}': {self.own_rules.why}", fix=f"use the rule {there}")

    def errors_on(self, study: Study, unclustered: ErrorType) -> tuple[str | None, ErrorType]:
        """Return the cluster column and the error type, with the study's cluster where the spec names none.

        Raises
        ------
        ContractError
            CONTRACT-016 when the error type needs clusters and there are none, or ignores those that there are.
        """
        cluster = self.cluster or study.cluster
        error_type = self.vcov or ("CR1" if cluster else unclustered)
        if (error_type in BY_CLUSTER) != (cluster is not None):
            verb = "needs" if cluster is None else "ignores"
            fix = "name `cluster:` with CR0, CR1 or CR2, and leave it out with the others"
            raise refusal("CONTRACT-016", f"error type {error_type} {verb} clusters", "estimator", fix)
        return cluster, error_type


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The people whom a design uses, and what became of the others.

    Parameters
    ----------
    study : Study
        Of the people used.
    weights : ndarray, shape (n_people,)
        Positive, with mean 1; all ones where no weights are declared.
    weighted : bool
    counts : dict of str to int
        ``people_in``, ``people_used`` and, for each reason, how many were left out for it.
    warnings : tuple of Problem
    """

    study: Study
    weights: NDArray[np.float64]
    weighted: bool
    counts: dict[str, int] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()


def draw_sample(spec: Design, data: Any, providers: Sequence[str] = ()) -> Sample:
    """Read the data, apply the declared policy for missing values, and return whom the design uses.

    Parameters
    ----------
    spec : Design
        Names what is used, and the policy.
    data : Study or DataFrame
        A frame's index is the person id.
    providers : sequence of str
        Columns of a plain frame that say who was served by whom.

    Raises
    ------
    DataError
        DATA-022 when a plain frame comes without the name of the outcome, DATA-023 for weights that are not positive,
        DATA-003 when nobody is left.
    """
    study = as_study(spec, data, providers)
    counts = {"people_in": study.n_people, "people_used": study.n_people}
    warnings: tuple[Problem, ...] = ()
    if spec.missing == "drop":
        study, losses = _complete(spec, study)
        counts |= {"people_used": study.n_people, **losses}
        if losses:
            reasons = ", ".join(f"{shown(count)} without {reason}" for reason, count in losses.items())
            warnings = (Problem("EST-007", f"left out of the analysis, as declared: {reasons}", "people"),)
    name = spec.weights or study.weights
    if name is None:
        return Sample(study, np.ones(study.n_people), False, counts, warnings)
    weights, _ = as_numbers(study.column(name))
    wrong = ~(np.isfinite(weights) & (weights > 0))
    if wrong.any():
        raise refusal("DATA-023", f"column '{name}' is not a positive number for {int(wrong.sum())} people", "people")
    return Sample(study, weights / weights.mean(), True, counts, warnings)


def as_study(spec: Design, data: Any, providers: Sequence[str] = ()) -> Study:
    """Return the study itself, or one made of a plain frame that has the design's outcome.

    Raises
    ------
    DataError
        DATA-022 when a plain frame comes without the name of the outcome.
    """
    if isinstance(data, Study):
        return data
    if spec.outcome is None:
        raise refusal("DATA-022", f"a plain frame with {len(data.columns)} columns needs `outcome=`", "frame")
    return Study.from_frame(data, providers=providers, outcomes=[spec.outcome], cluster=spec.cluster)


def _complete(spec: Design, study: Study) -> tuple[Study, dict[str, int]]:
    """Return the study of people who have everything that the design uses, and how many lacked what, first reason first."""
    keep = np.ones(study.n_people, dtype=bool)
    losses: dict[str, int] = {}

    def lose(reason: str, lacking: NDArray[np.bool_]) -> None:
        nonlocal keep
        if count := int((keep & lacking).sum()):
            losses[reason] = count
        keep = keep & ~lacking

    lose(
        f"outcome {spec.outcome or study.outcome_names[0]}",
        np.isnan(study.outcome(spec.outcome, spec.period, complete=False)),
    )
    defaults = tuple(filter(None, (study.cluster, study.weights)))
    for name in dict.fromkeys((*spec.columns(), *defaults, *spec.covariates)):
        column = study.column(name, complete=False)
        lose(name, blank(column) | (~np.isfinite(as_numbers(column)[0]) if is_number(column) else False))
    if not keep.any():
        raise refusal("DATA-003", "nobody has everything that the design uses", "people")
    return (study if keep.all() else study.subset(keep)), losses
