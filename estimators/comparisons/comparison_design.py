"""What every comparison without a lottery has in common: who was treated, what people must be alike in, and whose effect it is."""

from typing import Literal

import pandas as pd
from pydantic import Field, model_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.spec import Design, as_study
from counterfoil.estimators.trials.arms import Label

Estimand = Literal["att", "atc", "ate", "ato", "atm"]
"""Of whom an effect is the average: the treated, the untreated, everybody, those who could have been either (overlap), or
those whom one-to-one matching would keep."""

WHOSE: dict[Estimand, str] = {
    "att": "average effect on the treated",
    "atc": "average effect on the untreated",
    "ate": "average effect on everybody",
    "ato": "average effect on people who could have been either (overlap weights)",
    "atm": "average effect on people whom one-to-one matching would keep (matching weights)",
}


class ComparisonDesign(Design):
    """A request that compares people who were treated with people who were not and are alike otherwise.

    Subclasses say whose effect it is in a field ``estimand``.
    """

    treated: str | tuple[str, ...] | None = Field(
        None,
        description="Column of people: 1 = had the programme, 0 = had not; or each person's group, with `control`. Several columns "
        "of 0 and 1 are read as combinations of programmes. When omitted: served by any provider.",
    )
    control: Label | None = Field(
        None, description="Which group had no programme, as the column calls it; left out where the column is 0 and 1."
    )
    arm: Label | None = Field(
        None,
        description="Which group's effect is the gain; `any` counts all groups but the control as one. A contract needs it where "
        "there are several.",
    )
    squares: tuple[str, ...] = Field((), description="Covariates whose squares are adjusted for as well.")
    missing_covariates: Literal["refuse", "indicator"] = Field(
        "refuse",
        description="What to do about covariates that some people lack: refuse (or, with `missing: drop`, leave these people out), "
        "or set them to the mean and adjust for who lacks them.",
    )

    @model_validator(mode="after")
    def _groups_fit(self) -> "ComparisonDesign":
        if self.arm is not None and self.control is None and not isinstance(self.treated, tuple):
            raise ValueError("`arm` needs `control`: an effect of one group of several is measured against another")
        if isinstance(self.treated, tuple) and self.control is not None:
            raise ValueError("`control` is for one column of groups; of several columns it is who has 0 in all")
        if isinstance(self.treated, tuple) and len(set(self.treated)) < max(len(self.treated), 2):
            raise ValueError("several columns under `treated` are two or more different ones; name one without a list")
        unknown = [name for name in self.squares if name not in self.covariates]
        if unknown:
            raise ValueError(f"`squares` names {', '.join(unknown)}, which `covariates` does not")
        if set(self.covariates) & {*self.treated_columns, *filter(None, (self.outcome,))}:
            raise ValueError("a covariate is also the outcome or what people are compared by")
        return self

    @property
    def treated_columns(self) -> tuple[str, ...]:
        """The columns of people that say who was treated; none where services do."""
        return (self.treated,) if isinstance(self.treated, str) else self.treated or ()

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        return (*self.treated_columns, *super().columns())

    def study_of(self, data: Study | pd.DataFrame) -> Study:
        """Return the study itself, or one made of a plain frame.

        Raises
        ------
        DataError
            DATA-019 when nothing says who was treated.
        """
        study = as_study(self, data)
        if self.treated is None and study.services is None:
            raise refusal("DATA-019", "the study has no services, and `treated` names no column", study.name)
        return study
