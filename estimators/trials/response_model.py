"""How people without an outcome are made up for, as a contract says it."""

from pydantic import BaseModel, ConfigDict, Field


class Attrition(BaseModel):
    """Terms for people of a lottery who have no outcome.

    Examples
    --------
    >>> Attrition(weight_by=("age", "school")).weight_by
    ('age', 'school')
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"weight_by": ["age"]}]})

    weight_by: tuple[str, ...] = Field(
        min_length=1,
        description="Columns of people, known for everybody, that say who was lost. People with an outcome count for "
        "those of their arm without one who are like them in these columns; `missing: drop` is needed.",
    )
