"""The alternatives to a contract's own design that a specification curve runs, as one file that the parties sign beforehand.

Everything that is declared is combined with everything else: families of designs, sets of covariates, trims, learners, single
terms, and rules that divide the gain. The set is to be homogeneous: each alternative answers the question of the contract, and
nobody could say beforehand which answers it best. What answers another question, or answers it worse, does not belong to it.

Source: Simonsohn, Simmons and Nelson (2020), *Specification curve analysis*, Nature Human Behaviour 4, 1208-1214.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, StringConstraints

from counterfoil.contract import VERSION, Measured, Name
from counterfoil.source import Path_, Source
from counterfoil.translation import typed_file

FAMILY: Final = "family"
RULE: Final = "rule"
SINGLE: Final = {"families": FAMILY, "covariates": "covariates", "trims": "trim", "learners": "learner", "rules": RULE}
"""Section of the file to what one of its alternatives is called."""


def _named(value: Any) -> Any:
    """Return a list of rules by name as sections of a split."""
    if isinstance(value, list | tuple) and all(isinstance(rule, str) for rule in value):
        if len(set(value)) < len(value):
            raise ValueError("a rule stands twice")
        return {rule: {"rule": rule} for rule in value}
    return value


Called = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Override = dict[str, Any]
Overrides = dict[Called, Override]


class Specifications(BaseModel):
    """Alternatives for the estimator, and the split, of one effect.

    Examples
    --------
    >>> declared = {"covariates": {"none": [], "age": ["age"]}, "terms": {"errors": {"HC2": {"vcov": "HC2"}}}}
    >>> dict(Specifications.model_validate(declared).dimensions)
    {'covariates': ('none', 'age'), 'errors': ('HC2',)}
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "counterfoil": 1,
                    "effect": "earnings",
                    "reason": "Every set of covariates was recorded before the lottery; the error types are the usual ones.",
                    "covariates": {"none": [], "schooling": ["educ", "nodegree"]},
                    "terms": {
                        "adjustment": {
                            "interacted": {"adjustment": "interacted"},
                            "additive": {"adjustment": "additive"},
                        },
                        "errors": {"HC2": {"vcov": "HC2"}, "HC3": {"vcov": "HC3"}},
                    },
                },
                {
                    "counterfoil": 1,
                    "effect": "readiness",
                    "families": {
                        "additive": {"kind": "contribution", "design": "unconfounded", "model": "additive"},
                        "pairwise": {"kind": "contribution", "design": "unconfounded", "model": "pairwise"},
                    },
                    "covariates": {"need": ["need"]},
                    "rules": ["shapley", "equal_split"],
                },
                {
                    "counterfoil": 1,
                    "effect": "work",
                    "reason": "Three usual ways to compare the trained with people like them; site may or may not matter.",
                    "families": {
                        "matching": {"kind": "matching", "treated": "trained", "bias_adjustment": True},
                        "entropy": {"kind": "weighting", "treated": "trained", "method": "entropy"},
                        "doubly robust": {"kind": "doubly_robust", "treated": "trained"},
                    },
                    "covariates": {"agreed": ["age", "need"], "with site": ["age", "need", "site"]},
                    "trims": {"nobody": {}, "extremes": {"trim": "crump"}},
                },
            ]
        },
    )

    counterfoil: int = Field(VERSION, description="Version of the language; 1.")
    effect: Name | None = Field(
        None, description="The effect whose design is varied; may be omitted where the contract measures only one."
    )
    reason: str | None = Field(
        None,
        description="Why these alternatives, and no others, answer the contract's question as well as its own design; shown with "
        "the results.",
    )
    families: dict[Called, Annotated[Measured, Field(discriminator="kind")]] = Field(
        default_factory=dict,
        description="Complete designs by name, written as under `estimator:`; the contract's own when omitted.",
    )
    covariates: dict[Called, tuple[str, ...]] = Field(
        default_factory=dict, description="Sets of covariates by name; an empty list is a set too."
    )
    trims: Overrides = Field(
        default_factory=dict,
        description="Ways to leave out people who have nobody like them, by name: each a section of terms of the design.",
    )
    learners: Overrides = Field(
        default_factory=dict, description="What predicts, by name: each a section of terms of the design."
    )
    terms: dict[Called, Overrides] = Field(
        default_factory=dict,
        description="Any other terms of the design: what is varied, by a name of your own, to its alternatives by name, each a "
        "section of terms. A term that is written stands in place of the design's own, whole.",
    )
    rules: Annotated[Overrides, BeforeValidator(_named)] = Field(
        default_factory=dict,
        description="Rules that divide the gain: a list of their names, or by name a section of terms of the `split:`.",
    )

    _source: Source | None = PrivateAttr(default=None)

    def where(self, *path: str | int) -> str:
        """Return where a term stands: file, line and column, or its path in specifications made in Python."""
        if self._source is None:
            return ": ".join(filter(None, ("specifications", ".".join(str(part) for part in path))))
        # Rules that are listed stand in the file by number.
        listed = self._source.data.get("rules")
        place: Path_ = path
        if path[:1] == ("rules",) and len(path) > 1 and isinstance(listed, list):
            place = ("rules", listed.index(path[1]) if path[1] in listed else 0)
        return self._source.where(place)

    @property
    def digest(self) -> str | None:
        """SHA-256 of the file; None for specifications made in Python."""
        return None if self._source is None else self._source.digest

    @property
    def file(self) -> str:
        """What the file is called; empty for specifications made in Python."""
        return "" if self._source is None else self._source.name

    @property
    def dimensions(self) -> Mapping[str, tuple[str, ...]]:
        """What is varied, to the names of its alternatives; the rule last."""
        found = {SINGLE[key]: tuple(getattr(self, key)) for key in ("families", "covariates", "trims", "learners")}
        found |= {name: tuple(alternatives) for name, alternatives in self.terms.items()}
        found[RULE] = tuple(self.rules)
        return {name: alternatives for name, alternatives in found.items() if alternatives}

    def overrides(self) -> Iterator[tuple[str, Path_, Mapping[str, Override]]]:
        """Yield what varies terms of the design: what it is called, where it stands, and its alternatives."""
        if self.covariates:
            yield "covariates", ("covariates",), {name: {"covariates": list(x)} for name, x in self.covariates.items()}
        for key, alternatives in (("trims", self.trims), ("learners", self.learners)):
            if alternatives:
                yield SINGLE[key], (key,), alternatives
        for name, alternatives in self.terms.items():
            if alternatives:
                yield name, ("terms", name), alternatives


def read_specifications(path: str | Path) -> Specifications:
    """Read specifications from a YAML file.

    Raises
    ------
    ContractError
        With every problem of the file at once, each with line and column.
    """
    found, source = typed_file(path, Specifications, VERSION)
    found._source = source
    return found
