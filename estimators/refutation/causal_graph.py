"""What the parties hold to be causes of what: a directed graph without cycles, declared before outcomes are read.

An arrow says that one thing may move another; an arrow that is left out says that it does not, which is the stronger claim.
What nobody recorded stands in the graph too, marked as unobserved.

Source: Pearl (2009), *Causality*, second edition, section 1.2.
"""

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import ContractError, Problem, did_you_mean, listed

ARROW = "->"
WHERE = "graph"


class CausalGraph(BaseModel):
    """What moves what, as the parties see it.

    Examples
    --------
    >>> graph = CausalGraph(edges=("need -> tutoring -> grades", "need -> grades"), unobserved=("need",))
    >>> graph.pairs
    (('need', 'tutoring'), ('tutoring', 'grades'), ('need', 'grades'))
    >>> CausalGraph(edges={"tutoring": ["need"], "grades": ["tutoring", "need"]}).edges
    ('need -> tutoring', 'tutoring -> grades', 'need -> grades')
    >>> graph.reading()
    ('tutoring depends on need', 'grades depends on tutoring and need', 'nobody recorded need')
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"edges": ["worked_before -> trained -> days_worked", "worked_before -> days_worked"]},
                {
                    "edges": {
                        "trained": ["worked_before", "zeal"],
                        "days_worked": ["trained", "worked_before", "zeal"],
                    },
                    "unobserved": ["zeal"],
                },
            ]
        },
    )

    edges: tuple[str, ...] = Field(
        min_length=1,
        description="What moves what: arrows such as `need -> tutoring` (also in a chain, `a -> b -> c`), or under each name the "
        "list of what moves it. Names are those of columns of people, of providers and of outcomes.",
    )
    unobserved: tuple[str, ...] = Field(
        (),
        description="Names among them that nobody recorded; they may move several things and cannot be adjusted for.",
    )

    @field_validator("edges", mode="before")
    @classmethod
    def _as_arrows(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        rows = [(child, [parents] if isinstance(parents, str) else parents) for child, parents in given.items()]
        return tuple(f"{parent} {ARROW} {child}" for child, parents in rows for parent in parents)

    @field_validator("edges")
    @classmethod
    def _readable(cls, edges: tuple[str, ...]) -> tuple[str, ...]:
        for edge in edges:
            ends = [end.strip() for end in edge.split(ARROW)]
            if len(ends) < 2 or not all(ends) or any(mark in edge for mark in ("<-", "--", "=>", "→")):
                raise ValueError(f"'{edge}' is no arrow; write `cause -> effect`")
        return edges

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Cause and effect of each arrow, once each, in the order of the declaration."""
        chains = [[end.strip() for end in edge.split(ARROW)] for edge in self.edges]
        return tuple(dict.fromkeys(pair for chain in chains for pair in pairwise(chain)))

    @property
    def names(self) -> tuple[str, ...]:
        """Everything in the graph, in the order of the declaration."""
        return tuple(dict.fromkeys(name for pair in self.pairs for name in pair))

    @property
    def observed(self) -> tuple[str, ...]:
        """What is recorded."""
        return tuple(name for name in self.names if name not in self.unobserved)

    def parents(self, name: str) -> tuple[str, ...]:
        """Return what moves something directly."""
        return tuple(cause for cause, effect in self.pairs if effect == name)

    def downstream(self, *names: str) -> frozenset[str]:
        """Return everything that some things move, directly or through others; without themselves."""
        return reached(names, self.pairs) - frozenset(names)

    def upstream(self, *names: str) -> frozenset[str]:
        """Return everything that moves some things, directly or through others; without themselves."""
        return reached(names, tuple((effect, cause) for cause, effect in self.pairs)) - frozenset(names)

    def reading(self) -> tuple[str, ...]:
        """Return the graph in sentences: what each thing depends on, and what nobody recorded."""
        moved = [name for name in self.names if self.parents(name)]
        found = [f"{name} depends on {_and(self.parents(name))}" for name in moved]
        return (*found, *([f"nobody recorded {_and(self.unobserved)}"] if self.unobserved else []))

    def check(
        self,
        treatments: Collection[str],
        outcomes: Collection[str],
        study: Study | None = None,
        others: Collection[str] = (),
    ) -> None:
        """Refuse a graph that goes round in a circle, lacks what it is about, or names what the study does not have.

        Parameters
        ----------
        treatments, outcomes : collection of str
            What is paid for and what it is to move; each must be in the graph.
        study : Study, optional
            Whose columns, providers, outcomes and measures the observed names must be.
        others : collection of str
            Names that are known besides, such as what a contract calls its outcomes.

        Raises
        ------
        ContractError
            CONTRACT-026 with every problem at once.
        """
        problems = [*self._circles(), *self._absent(treatments, outcomes), *self._unknown(study, others)]
        if problems:
            raise ContractError(*problems)

    def _circles(self) -> Iterator[Problem]:
        # Taken away from the ends: what neither begins nor ends in a thing without causes goes round.
        left = {name: set(self.parents(name)) for name in self.names}
        while free := [name for name, causes in left.items() if not causes]:
            left = {name: causes - set(free) for name, causes in left.items() if name not in free}
        round_ = [name for name in left if name in self.downstream_of_itself(name)]
        if round_:
            what = f"{listed(round_)} move each other in a circle"
            fix = "leave out an arrow, or tell earlier and later values apart by name"
            yield Problem("CONTRACT-026", what, WHERE, fix)

    def downstream_of_itself(self, name: str) -> frozenset[str]:
        """Return everything that something moves, itself among it where there is a circle."""
        children = tuple(effect for cause, effect in self.pairs if cause == name)
        return reached(children, self.pairs)

    def _absent(self, treatments: Collection[str], outcomes: Collection[str]) -> Iterator[Problem]:
        for word, wanted in (("treatment", treatments), ("outcome", outcomes)):
            for name in wanted:
                if name not in self.names:
                    what = f"{word} '{name}' is not in the graph{did_you_mean(name, self.names)}"
                    yield Problem("CONTRACT-026", what, WHERE, "add an arrow from what moves it, or to what it moves")
                elif name in self.unobserved:
                    yield Problem("CONTRACT-026", f"{word} '{name}' is marked as unobserved", WHERE)

    def _unknown(self, study: Study | None, others: Collection[str]) -> Iterator[Problem]:
        for name in self.unobserved:
            if name not in self.names:
                what = f"'{name}' is marked as unobserved and has no arrow{did_you_mean(name, self.names)}"
                yield Problem("CONTRACT-026", what, WHERE, "add its arrows, or leave it out")
        if study is None:
            return
        known = known_names(study) | set(others)
        for name in self.observed:
            if name not in known:
                what = f"the study has no column, provider or outcome '{name}'{did_you_mean(name, known)}"
                yield Problem("CONTRACT-026", what, WHERE, "correct the name, or list it under `unobserved:`")
        for name in self.unobserved:
            if name in known:
                what = f"'{name}' is marked as unobserved, and the study has it"
                yield Problem("CONTRACT-026", what, WHERE, "take it off the list of what nobody recorded")


def known_names(study: Study) -> set[str]:
    """Return what a graph may name of a study: columns of people, providers, outcomes and measures."""
    measures = () if study.measures is None else study.measures["measure"].cat.categories
    columns = {str(column) for column in study.people.columns} - {"person"}
    return {*columns, *study.providers, *study.outcome_names, *map(str, measures)}


def reached(names: Collection[str], pairs: Collection[tuple[str, str]]) -> frozenset[str]:
    """Return some names and everything that arrows lead to from them."""
    found, new = set(names), set(names)
    while new:
        new = {effect for cause, effect in pairs if cause in new} - found
        found |= new
    return frozenset(found)


def _and(names: Collection[str]) -> str:
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
