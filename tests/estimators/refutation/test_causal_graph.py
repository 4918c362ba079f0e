"""A declared graph: how it is written, how it reads, and what is refused."""

import re

import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.refutation.causal_graph import CausalGraph

WRITTEN = """
edges:
  tutoring: [need, distance]
  grades: [tutoring, need, home]
unobserved: [home]
"""


def study() -> Study:
    people = pd.DataFrame({"person": [1, 2], "need": [0.1, 0.2], "distance": [1.0, 2.0], "tutoring": [0, 1]})
    outcomes = pd.DataFrame({"person": [1, 2], "outcome": "grades", "value": [1.0, 2.0]})
    return Study.from_tables(people, outcomes=outcomes)


def test_two_ways_of_writing_are_one_graph() -> None:
    by_child = CausalGraph.model_validate(yaml.safe_load(WRITTEN))
    arrows = ("need -> tutoring", "distance->tutoring", "tutoring -> grades", "need -> grades", "home -> grades")
    by_arrow = CausalGraph(edges=arrows, unobserved=("home",))
    assert by_child.pairs == by_arrow.pairs
    assert CausalGraph.model_validate_json(by_child.model_dump_json()) == by_child
    assert by_child.reading() == (
        "tutoring depends on need and distance",
        "grades depends on tutoring, need and home",
        "nobody recorded home",
    )


def test_up_and_down() -> None:
    graph = CausalGraph(edges=("a -> b -> c", "a -> d", "e -> c"))
    assert graph.downstream("a") == {"b", "c", "d"}
    assert graph.upstream("c") == {"a", "b", "e"}
    assert graph.observed == ("a", "b", "c", "d", "e")


@pytest.mark.parametrize("edge", ["a", "a - b", "a ->", "-> b", "a <- b", "a <-> b", "a -> -> b", "a => b"])
def test_what_is_no_arrow_is_refused(edge: str) -> None:
    with pytest.raises(ValidationError, match="is no arrow"):
        CausalGraph(edges=(edge,))
    with pytest.raises(ValidationError):
        CausalGraph(edges=())


def test_a_graph_that_fits_passes() -> None:
    CausalGraph.model_validate(yaml.safe_load(WRITTEN)).check(("tutoring",), ("grades",), study())


@pytest.mark.parametrize(
    ("edges", "unobserved", "said"),
    [
        (("need -> tutoring -> grades -> need",), (), "need, tutoring, grades move each other in a circle"),
        (("tutoring -> tutoring", "tutoring -> grades"), (), "tutoring move each other in a circle"),
        (("need -> grades",), (), "treatment 'tutoring' is not in the graph"),
        (("need -> tutoring",), (), "outcome 'grades' is not in the graph"),
        (("tutoring -> grade",), (), "outcome 'grades' is not in the graph; did you mean 'grade'?"),
        (("nead -> tutoring -> grades",), (), "no column, provider or outcome 'nead'; did you mean 'need'?"),
        (("tutoring -> grades",), ("mood",), "'mood' is marked as unobserved and has no arrow"),
        (("need -> tutoring -> grades",), ("need",), "'need' is marked as unobserved, and the study has it"),
        (("tutoring -> grades",), ("tutoring",), "treatment 'tutoring' is marked as unobserved"),
    ],
)
def test_what_does_not_hold_together_is_refused(edges: tuple[str, ...], unobserved: tuple[str, ...], said: str) -> None:
    graph = CausalGraph(edges=edges, unobserved=unobserved)
    with pytest.raises(CounterfoilError, match=re.escape(said)) as caught:
        graph.check(("tutoring",), ("grades",), study())
    assert set(caught.value.codes) == {"CONTRACT-026"}


def test_all_problems_come_at_once() -> None:
    with pytest.raises(CounterfoilError) as caught:
        CausalGraph(edges=("nead -> tutoring",), unobserved=("mood",)).check(("tutoring",), ("grades",), study())
    assert len(caught.value.problems) == 3


def test_only_what_goes_round_is_named() -> None:
    with pytest.raises(CounterfoilError, match="a, b move each other"):
        CausalGraph(edges=("x -> a -> b -> a", "b -> y")).check(("x",), ("y",))
