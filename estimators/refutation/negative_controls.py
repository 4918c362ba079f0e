"""Outcomes that the programme cannot have moved, and programmes that cannot have moved the outcome, as declared.

Whatever makes the two groups differ without the programme will as a rule make them differ in these as well, so that an
"effect" where there can be none shows it. Which these are is knowledge of the matter and not of the data: the parties declare
them, with the reason, before outcomes are read.

Sources: Rosenbaum (1989), Journal of the American Statistical Association 84, for known effects; Lipsitch, Tchetgen Tchetgen
and Cohen (2010), Epidemiology 21(3), for negative controls; Imbens and Rubin (2015), *Causal Inference*, chapter 21, for
outcomes from before.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import ContractError, Problem, did_you_mean
from counterfoil.estimators.refutation.causal_graph import CausalGraph

WHERE = "negative controls"


class NegativeOutcome(BaseModel):
    """An outcome that the programme cannot have moved."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"outcome": "income", "period": "2024", "why": "before the programme began"}]},
    )

    outcome: str = Field(description="An outcome of the study, or a column of people that holds numbers.")
    period: str | None = Field(None, description="Its period, where it has several.")
    without: tuple[str, ...] = Field(
        (),
        description="Covariates that hold the same in another form, such as whether there were any earnings; like the column itself "
        "they are not adjusted for in this test.",
    )
    why: str = Field("", description="Why the programme cannot have moved it, in the parties' words.")

    @property
    def called(self) -> str:
        """The outcome with its period."""
        return f"{self.outcome}, {self.period}" if self.period else self.outcome


class NegativeTreatment(BaseModel):
    """A programme, or a mark of people, that cannot have moved the outcome."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"column": "signed_up_later", "why": "began after the outcome was measured"}]},
    )

    column: str = Field(description="Column of people that is 0 or 1; of a contribution, a provider.")
    why: str = Field("", description="Why it cannot have moved the outcome, in the parties' words.")


class NegativeControls(BaseModel):
    """What must show no effect if the groups differ in nothing but the programme.

    Examples
    --------
    >>> controls = NegativeControls.model_validate({"outcomes": ["re75"], "treatments": [{"column": "later"}]})
    >>> controls.outcomes[0].called, controls.treatments[0].column
    ('re75', 'later')
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "outcomes": [{"outcome": "income", "period": "2024", "why": "before the programme began"}],
                    "treatments": [{"column": "signed_up_later", "why": "began after the outcome was measured"}],
                },
                {"outcomes": ["age"]},
            ]
        },
    )

    outcomes: tuple[NegativeOutcome, ...] = Field(
        (), description="Outcomes that the programme cannot have moved: from before it, or of no concern to it."
    )
    treatments: tuple[NegativeTreatment, ...] = Field(
        (),
        description="Columns of 0 and 1 for programmes that cannot have moved the outcome, but reach people of the same kind.",
    )

    @field_validator("outcomes", mode="before")
    @classmethod
    def _outcome_by_name(cls, given: Any) -> Any:
        return _named(given, "outcome")

    @field_validator("treatments", mode="before")
    @classmethod
    def _treatment_by_name(cls, given: Any) -> Any:
        return _named(given, "column")

    @model_validator(mode="after")
    def _something(self) -> "NegativeControls":
        if not self.outcomes and not self.treatments:
            raise ValueError("name outcomes or treatments that can show no effect")
        called = [*(one.called for one in self.outcomes), *(one.column for one in self.treatments)]
        if len(set(called)) < len(called):
            raise ValueError("a negative control is named twice")
        return self

    def check(self, graph: CausalGraph, treatments: Sequence[str], outcome: str) -> None:
        """Refuse controls that the declared graph says can be moved by what they are to test.

        Parameters
        ----------
        graph : CausalGraph
        treatments : sequence of str
        outcome : str
            What is paid for.

        Raises
        ------
        ContractError
            CONTRACT-026 for an outcome that a treatment moves, or a treatment that moves the outcome.
        """
        moved = graph.downstream(*treatments)
        problems = [
            Problem(
                "CONTRACT-026",
                f"the graph says that the programme moves '{one.outcome}'",
                WHERE,
                "name another outcome",
            )
            for one in self.outcomes
            if one.period is None and one.outcome in moved
        ]
        problems += [
            Problem(
                "CONTRACT-026", f"the graph says that '{one.column}' moves '{outcome}'", WHERE, "name another column"
            )
            for one in self.treatments
            if one.column in graph.upstream(outcome) - set(treatments)
        ]
        if problems:
            raise ContractError(*problems)

    def check_names(self, study: Study) -> None:
        """Refuse names that the study does not have; outcomes need not be there yet.

        Raises
        ------
        ContractError
            CONTRACT-026 with every problem at once.
        """
        columns = {str(name) for name in study.people.columns} - {"person"}
        problems = []
        for word, name, known in (
            *(("outcome", one.outcome, columns | set(study.outcome_names)) for one in self.outcomes),
            *(("treatment", one.column, columns | set(study.providers)) for one in self.treatments),
        ):
            if name not in known and not (word == "outcome" and study.outcomes is None):
                what = f"the study has no {word} '{name}'{did_you_mean(name, known)}"
                problems.append(Problem("CONTRACT-026", what, WHERE, "correct the name"))
        if problems:
            raise ContractError(*problems)


def _named(given: Any, key: str) -> Any:
    """Read names alone as what they stand for."""
    items = [given] if isinstance(given, str | dict) else given
    if not isinstance(items, list | tuple):
        return items
    return tuple({key: item} if isinstance(item, str) else item for item in items)
