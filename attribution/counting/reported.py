"""Quantity: numbers that were verified or published elsewhere, and are taken as they are reported."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.words import Words


class Reported(BaseModel):
    """Take numbers from the file of reported values."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"kind": "reported", "unit": "day"},
                {"kind": "reported", "unit": "person", "rungs": ["start", "stay"]},
            ]
        },
    )

    kind: Literal["reported"] = Field("reported", description="Numbers verified or published elsewhere.")
    unit: str = Field("person", description="What was counted, in the contract's words: person, family, day, quarter.")
    rungs: tuple[str, ...] = Field((), description="Rungs that the reported numbers may name; none when left out.")
    groups: tuple[str, ...] = Field((), description="Groups that the reported numbers may name; none when left out.")

    @property
    def refers_to(self) -> tuple[str, ...]:
        """Other quantities that it is made of: none."""
        return ()

    def sentence(self, words: Words, name: str) -> str:
        """Return the definition in one sentence.

        Examples
        --------
        >>> Reported(unit="day").sentence(Words("USD"), "housing_days")
        'housing_days is reported, in the unit day, and taken as it was verified elsewhere.'
        """
        parts = [
            f"by {what} ({words.listed(names)})"
            for what, names in (("group", self.groups), ("rung", self.rungs))
            if names
        ]
        apart = f", {words.listed(parts)}" if parts else ""
        return f"{name} is reported, in the unit {self.unit}{apart}, and taken as it was verified elsewhere."
