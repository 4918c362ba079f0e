"""An effect that was estimated elsewhere and published: what it claims to be, and where it stands.

Nothing is estimated here. The spec fixes beforehand which figure of which report counts: its design, its estimand, its
window and its sample. Which of these a contract prices can decide the money: the effect of Denver's supportive housing on
jail days is -27% of the control mean for everybody drawn in the lottery (intention to treat), and about -34% for those
whom the programme housed.

Source: Cunningham, Hanson, Gillespie and others, *Breaking the Homelessness-Jail Cycle with Housing First: Results from
the Denver Supportive Housing Social Impact Bond Initiative*, Urban Institute (2021).
"""

import math
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.spec import OwnRules

ESTIMANDS: Final = {
    "ITT": "effect of being offered the programme (intention to treat)",
    "TOT": "effect on the people who took the programme up, of those offered it (treatment on the treated)",
    "LATE": "effect on the people who took the programme up because it was offered (local average treatment effect)",
    "ATT": "effect on the people served (average treatment effect on the treated)",
    "ATE": "effect on everybody (average treatment effect)",
}
"""What each short name stands for."""


class Clusters(BaseModel):
    """How many groups of people a published comparison is of."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"treated": 4, "control": 4}]}
    )

    treated: int = Field(ge=1, description="Groups with the programme, such as towns or villages.")
    control: int = Field(ge=1, description="Groups without.")


class Published(BaseModel):
    """An effect taken from a report; its value stands in the file of reported figures.

    Examples
    --------
    >>> Published(design="lottery", estimand="ITT", source="final report, table 4").estimand_in_words
    'effect of being offered the programme (intention to treat)'
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "published",
                    "design": "lottery",
                    "estimand": "ITT",
                    "window": "three years from entry",
                    "source": "evaluation report, table 4",
                }
            ]
        },
    )
    period: ClassVar[str | None] = None
    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "a published effect is of one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["published"] = "published"
    outcome: str | None = Field(None, description="The outcome, as the contract calls it.")
    design: str = Field(description="How the effect is estimated, such as lottery or difference in differences.")
    estimand: Literal["ITT", "TOT", "LATE", "ATT", "ATE", "other"] = Field(
        description="Whose effect it is: of the people offered the programme (ITT), of those who took it up (TOT, LATE), "
        "of those served (ATT), of everybody (ATE), or as `meaning` says (other)."
    )
    meaning: str | None = Field(None, description="The estimand in words, with `estimand: other`.")
    window: str | None = Field(
        None, description="Over which time outcomes are counted, such as three years from entry."
    )
    sample: str | None = Field(None, description="Which people are in the comparison, and who is left out.")
    source: str = Field(description="Where the figure stands or will stand: the report, its version and the table.")
    clusters: Clusters | None = Field(
        None, description="How many groups had the programme and how many did not, where groups were compared."
    )

    @model_validator(mode="after")
    def _other_is_explained(self) -> "Published":
        if (self.estimand == "other") != (self.meaning is not None):
            raise ValueError("`estimand: other` needs `meaning`, and the other estimands have their own")
        return self

    @property
    def estimand_in_words(self) -> str:
        """What the effect is of."""
        return self.meaning if self.meaning is not None else ESTIMANDS[self.estimand]


def published_estimate(
    spec: Published,
    value: Decimal,
    std_error: Decimal | None = None,
    people: int | None = None,
    df: float | None = None,
    outcome: str | None = None,
) -> Estimate:
    """Return a published figure as an estimate.

    Parameters
    ----------
    spec : Published
        What the figure is.
    value : Decimal
        In the outcome's own units and sign.
    std_error : Decimal, optional
        Without one the estimate has its value and nothing else: whatever asks for its error is refused with EST-018.
    people : int, optional
        Over how many people a value per person counts; 0 when it is not known.
    df : float, optional
        Degrees of freedom of t; the normal distribution when omitted.
    outcome : str, optional
        What the contract calls the outcome, where the spec does not name it.

    Returns
    -------
    Estimate
        One term, ``gain``.

    Raises
    ------
    EstimationError
        EST-018 when the standard error is not positive.

    Examples
    --------
    >>> spec = Published(outcome="bmi_z", design="matched cities", estimand="ATT", source="Economos and others 2013")
    >>> published_estimate(spec, Decimal("-0.06"), Decimal("0.01"), people=1028).interval().round(3)
    array([[-0.08, -0.04]])
    """
    if std_error is not None and std_error <= 0:
        raise refusal("EST-018", "the standard error of a published effect is not positive", spec.source)
    measured = spec.outcome or outcome or ""
    made = Estimate.published(
        [float(value)],
        [float(std_error or 1)],
        terms=["gain"],
        outcome=measured,
        estimand=spec.estimand_in_words,
        people=people or 0,
        df=math.inf if df is None else df,
    )
    made = replace(made, population=spec.sample or made.population, diagnostics={"design": spec.design})
    return made if std_error is not None else replace(made, covariance=None, error_type="unknown")
