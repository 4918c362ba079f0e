"""Who counts: conditions on what is recorded about people, all of which must hold."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study
from counterfoil.datasets.table import as_numbers, is_number
from counterfoil.errors import refusal

TESTS = ("is", "one_of", "at_least", "above", "at_most", "below")


def _as_written(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Written = Annotated[str, BeforeValidator(_as_written)]


class PeopleCondition(BaseModel):
    """A condition on one column of people; exactly one of its tests is given."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "examples": [{"column": "age", "below": "25"}, {"column": "site", "one_of": ["east", "west"]}]
        },
    )

    column: str = Field(description="A column of the people table; nobody's value may be blank.")
    equals: Written | None = Field(None, alias="is", description="The value that people must have.")
    one_of: tuple[Written, ...] | None = Field(None, description="The values of which people must have one.")
    at_least: Amount | None = Field(None, description="The lowest number that people may have.")
    above: Amount | None = Field(None, description="The number that people's must exceed.")
    at_most: Amount | None = Field(None, description="The highest number that people may have.")
    below: Amount | None = Field(None, description="The number that people's must be below.")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if len(self._tests()) != 1:
            raise ValueError(f"a condition has exactly one of {', '.join(TESTS)}")
        return self

    def _tests(self) -> dict[str, Any]:
        given = {name: getattr(self, "equals" if name == "is" else name) for name in TESTS}
        return {name: value for name, value in given.items() if value is not None}

    def sentence(self, words: Words) -> str:
        """Return the condition in words.

        Examples
        --------
        >>> PeopleCondition(column="age", at_least=18).sentence(Words("USD"))
        'age is at least 18'
        """
        ((test, value),) = self._tests().items()
        if test == "is":
            return f"{self.column} is {value}"
        if test == "one_of":
            return f"{self.column} is one of {words.listed(value)}"
        return f"{self.column} is {test.replace('_', ' ')} {words.number(value)}"

    def holds(self, study: Study) -> NDArray[np.bool_]:
        """Return for whom it holds, shape (n_people,).

        Raises
        ------
        DataError
            DATA-004 without the column, DATA-007 when numbers are compared with words, DATA-014 when it has blanks.
        """
        column = study.column(self.column)
        ((test, value),) = self._tests().items()
        if test in ("is", "one_of"):
            wanted = (value,) if test == "is" else value
            if not is_number(column):
                return np.asarray(column.isin(wanted).to_numpy())
            return np.asarray(np.isin(as_numbers(column)[0], [self._number(word) for word in wanted]))
        numbers, wrong = as_numbers(column)
        if wrong.any():
            what = f"column '{self.column}' holds {int(wrong.sum())} values that are no number"
            raise refusal("DATA-007", what, "people")
        bound = float(value)
        tests = {
            "at_least": numbers >= bound,
            "above": numbers > bound,
            "at_most": numbers <= bound,
            "below": numbers < bound,
        }
        return np.asarray(tests[test])

    def _number(self, word: str) -> float:
        try:
            return float(word)
        except ValueError:
            what = f"column '{self.column}' holds numbers, and a condition compares it with a word"
            raise refusal("DATA-007", what, "people") from None


def eligible(study: Study, conditions: Sequence[PeopleCondition]) -> NDArray[np.bool_]:
    """Return for whom all conditions hold, shape (n_people,).

    Examples
    --------
    >>> import counterfoil as cf
    >>> study = cf.datasets.load("nsw")
    >>> int(eligible(study, [PeopleCondition.model_validate({"column": "nodegree", "is": "1"})]).sum())
    348
    """
    kept = np.ones(study.n_people, dtype=bool)
    for condition in conditions:
        kept &= condition.holds(study)
    return kept
