"""Every kind is read from a contract's text, says itself, and is in the schema with each term described."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from counterfoil.attribution.counting import Cell, Counted, Period, PeriodTerms, Quantity, count, in_order
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study

ADAPTER: TypeAdapter[Any] = TypeAdapter(Counted)
CONTRACT = """\
housing_days: {kind: reported, unit: day, groups: [first, second]}
stable_days:
  kind: count
  metric: leased_day
  unit: day
  requires: {metric: leased_day, days: "365", retroactive: "true"}
  less: [jail_day]
  where: [{column: risk, above: "3"}, {column: site, is: "2"}]
work: {kind: ladder, rungs: {attachment: {metric: attached}, sustainment: {metric: four_weeks, times: "13"}}}
outcomes: {kind: breadth, metrics: [reading, wellbeing], at_least: ["1", "2"], unit: child}
employed: {kind: stock, start: hired, end: left, on: "2016-12-31"}
net_jobs: {kind: net, of: [employed], deduct: {deadweight: "0.2"}}
rate: {kind: ratio, of: restored, to: [restored, exits], reversed: returned, treatment: remove}
"""


def specs() -> dict[str, Any]:
    """Return the specs, with every scalar read as text, as a contract is."""
    read = yaml.load(CONTRACT, Loader=yaml.BaseLoader)  # noqa: S506, it builds text only
    return {name: ADAPTER.validate_python(terms) for name, terms in read.items()}


def test_every_kind_is_read_from_text_and_says_itself() -> None:
    read = specs()
    assert [spec.kind for spec in read.values()] == ["reported", "count", "ladder", "breadth", "stock", "net", "ratio"]
    for name, spec in read.items():
        said = spec.sentence(Words("USD"), name)
        assert said.startswith(f"{name} ")
        assert said.endswith(".")
        assert ".." not in said
    assert "of people whose risk is above 3 and site is 2" in read["stable_days"].sentence(Words("USD"), "stable_days")


def test_a_spec_written_out_and_read_again_is_the_same() -> None:
    for spec in specs().values():
        assert ADAPTER.validate_python(spec.model_dump(by_alias=True)) == spec


def described(schema: Any, name: str = "") -> list[str]:
    """Return the terms that have no description."""
    if not isinstance(schema, dict):
        return []
    without = [f"{name}.{key}" for key, term in schema.get("properties", {}).items() if "description" not in term]
    return without + [found for key, part in schema.items() for found in described(part, key)]


def test_the_schema_describes_every_term() -> None:
    assert described(ADAPTER.json_schema()["$defs"]) == []
    assert described(PeriodTerms.model_json_schema()) == []
    assert set(PeriodTerms.model_json_schema()["properties"]) == {"from", "to"}


@pytest.mark.parametrize(
    "terms", [{"kind": "sum"}, {"metric": "job"}, {"kind": "count", "metric": "job", "metrc": "job"}]
)
def test_unknown_kinds_and_keys_are_refused(terms: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(terms)


def test_all_kinds_in_one_go(make: Callable[..., Study], years: dict[str, Period]) -> None:
    people = {"person": ["a", "b"], "risk": [4, 5], "site": [2, 2]}
    rows = [("a", "leased_day", "2016-12-31", "400"), ("a", "jail_day", "2016-05-01", "10"), ("a", "attached", "2016-05-01", "1"),
            ("a", "four_weeks", "2017-05-01", "14"), ("b", "reading", "2017-05-01", "1"), ("b", "wellbeing", "2017-06-01", "1"),
            ("b", "hired", "2016-03-01", "1"), ("a", "hired", "2017-03-01", "1")]  # fmt: skip
    study = make(rows, "person metric date quantity", people)
    reported = {"housing_days": 258_858, "restored": 61, "exits": 39, "returned": 3}
    done = {name: Quantity((Cell(Decimal(amount), "y6"),)) for name, amount in reported.items()}
    read = specs()
    for name in in_order(read):
        done[name] = count(read[name], name, study, years, done)
    totals = {name: float(done[name].total) for name in read}
    assert totals == pytest.approx(
        {
            "housing_days": 258_858,
            "stable_days": 390,
            "work": 14,
            "outcomes": 2,
            "employed": 1,
            "net_jobs": 0.8,
            "rate": 5800 / 97,
        }
    )
