"""The contract reference: a template whose tables, examples and amounts come from the program itself.

Directives of the template, each alone on its line:

    {{spec Name}}         docstring, table of keys, and the spec's examples with what they come to in the frame
    {{keys Name}}         the table of keys alone
    {{common name}}       the table of keys that several specs share
    {{file name.yaml}}    a file of this folder
    {{rows 6 name.csv}}   the first rows of one
    {{settled name}}      name.yaml with name.reported.yaml, the command, and what it comes to
"""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import counterfoil as cf
from counterfoil.assumptions import Assumptions
from counterfoil.attribution.counting.claimed import Claimed
from counterfoil.attribution.payment.price import Price
from counterfoil.attribution.payment.scope import Scope
from counterfoil.contract import Contract, json_schema
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.panels.panel_design import AdoptionDesign, PanelDesign
from counterfoil.estimators.panels.regression_design import RegressionDesign
from counterfoil.estimators.spec import Design
from counterfoil.evaluation import Evaluation
from counterfoil.reported import Reported, read_reported
from counterfoil.source import read_source

HERE = Path(__file__).parent
Terms = dict[str, Any]

COMMON: Mapping[str, tuple[type[BaseModel], str]] = {
    "price": (Price, "the [terms of every price](#terms-of-every-price)"),
    "scope": (Scope, "the [terms of scope](#scope-of-limits-and-floors)"),
    "claimed": (Claimed, "the [terms of counting claims](#terms-of-counting-claims)"),
    "design": (Design, "the [terms of every design](#terms-of-every-design)"),
    "comparison": (ComparisonDesign, "the [terms of comparison groups](#terms-of-comparison-groups)"),
    "periods": (PanelDesign, "the [terms of designs over time](#terms-of-designs-over-time)"),
    "since": (AdoptionDesign, "the [terms of when treatment began](#terms-of-when-treatment-began)"),
    "regression": (RegressionDesign, "the [terms of regressions over time](#terms-of-regressions-over-time)"),
}
"""Terms that several specs share: they stand once on the page."""

ROLES = {
    "state": "outcome_payer",
    "south": "provider",
    "hub": "backbone",
    "agent": "intermediary",
    "bank": "investor",
    "fund": "investor",
}
"""Parties that join the frame in the examples that name them."""

HOUSING: Terms = {"name": "housing", "quantity": "homes", "price": "1000.00"}
PUBLISHED: Terms = {"kind": "published", "design": "lottery", "estimand": "ITT", "source": "final report"}


# Where an example of a spec stands in a contract.


def _among(*before: Terms) -> Callable[[Terms], Terms]:
    return lambda example: {"payments": [*map(dict, before), example]}


def _in_price(key: str, price: Terms = HOUSING, several: bool = False) -> Callable[[Terms], Terms]:
    return lambda example: {"payments": [{**price, key: [example] if several else example}]}


def _in_effect(**terms: Any) -> Callable[[Terms], Terms]:
    effect = {"outcome": "reoffences per 100 people", "better": "lower", "estimator": PUBLISHED} | terms
    return lambda example: {"effects": {"reoffending": _put(effect, example)}}


def _put(into: Any, example: Any) -> Any:
    if into is ...:
        return example
    if isinstance(into, Mapping):
        return {key: _put(value, example) for key, value in into.items()}
    return [_put(value, example) for value in into] if isinstance(into, list) else into


def _counted(**terms: Any) -> Callable[[Terms], Terms]:
    count = {"kind": "count", "metric": "job", "each": "once"} | terms
    return lambda example: {"quantities": {"counted": _put(count, example)}}


def _measured(better: str = "higher", **terms: Any) -> Callable[[Terms], Terms]:
    effect = {"outcome": "days_worked", "better": better} | terms
    return lambda example: {"effects": {"work": _put(effect, example)}}


def _lottery(**terms: Any) -> Callable[[Terms], Terms]:
    """Return the effect on which outcome of the small study an example of a lottery is."""

    def effect(example: Terms) -> Terms:
        spec = _put(terms["estimator"], example)
        outcome = "income" if "before" in spec else "wellbeing" if "attrition" in spec else "days_worked"
        return {"effects": {"work": {"outcome": outcome, "better": "higher", "estimator": spec}}}

    return effect


def _in_places(example: Terms) -> Terms:
    return {"effects": {"crime": {"outcome": "burglaries", "better": "lower", "estimator": example}}}


def _made_of(**values: str) -> Callable[[Terms], Terms]:
    parts = {name: {"outcome": "points", "better": "higher", "estimator": PUBLISHED} for name in values}
    return lambda example: {
        "effects": {**parts, "whole": {"outcome": "points", "better": "higher", "estimator": example}}
    }


def _capital(**terms: Any) -> Callable[[Terms], Terms]:
    stack: Terms = {
        "receiver": "north",
        "drawn": [{"date": "2025-01-01", "amount": "90000.00"}],
        "tranches": [{"name": "senior", "investor": "bank", "principal": "90000.00"}],
        "rest": {"bank": "1"},
    }
    return lambda example: {"payments": [HOUSING], "capital": [_put(stack | terms, example)]}


WEIGHTED: Terms = {"kind": "weighting", "treated": "trained", "covariates": ["worked_before"]}
PLACED: Terms = {"kind": "synthetic_control", "first_treated": "since"}
GUARANTEED = {**HOUSING, "price": "500.00"}
INDEX = {"attendance": "4.2", "reading": "3"}
HOSTS: Mapping[str, Callable[[Terms], Terms]] = {
    **dict.fromkeys(("UnitPrice", "StepTable", "Curve", "SlidingScale", "Bonus", "SavingsShare"), _among()),
    **dict.fromkeys(("Grant", "PayerSplit", "Floor", "Hold", "Fees"), _among(HOUSING)),
    **dict.fromkeys(("Cap", "TopUp"), _among(HOUSING)),
    "Band of a unit price": _in_price("bands", {"quantity": "homes", "price": "100.00"}, several=True),
    "StepTerms": lambda example: {"payments": [{"effect": "reoffending", "steps": [example]}]},
    "Piece": lambda example: {"payments": [{"effect": "reoffending", "curve": [example]}]},
    "Scale": lambda example: {"payments": [{"effect": "reoffending", "sliding": example}]},
    "Fee": lambda example: {"payments": [HOUSING, {"prime": "north", "fees": {"south": example}}]},
    "BonusPool": lambda example: {
        "payments": [HOUSING, {"prime": "north", "fees": {"south": {"fraction": "0.30"}}, "bonus_pool": example}]
    },
    "Escalator": _in_price("escalator"),
    "PresentValue": _in_price("present_value"),
    "Division": _in_price("split"),
    "Condition": _in_price("only_if", {"quantity": "homes", "price": "100.00"}),
    "Gate": _in_effect(gate=...),
    "PointGate": _in_effect(gate=...),
    "PValueGate": lambda example: (
        {"effects": {"crime": {**_in_places(PLACED)["effects"]["crime"], "gate": example}}}
        if "test" in example
        else _in_effect(gate=...)(example)
    ),
    "ProbabilityGate": _in_effect(gate=...),
    "Prior": _in_effect(gate={"probability": "0.90", "above": "2", "prior": ...}),
    "PrecisionGate": _in_effect(gate=...),
    "RobustGate": _measured(
        estimator={"kind": "staggered_did", "first_treated": "joined", "base": "universal"}, gate=...
    ),
    "Band of a precision gate": _in_effect(gate={"minimum_by_people": [...]}),
    "FewClusters": _in_effect(gate=..., estimator=PUBLISHED | {"clusters": {"treated": 4, "control": 4}}),
    "Clusters": _in_effect(gate={"clusters_at_least": 6}, estimator=PUBLISHED | {"clusters": ...}),
    "RoundEffect": _in_effect(round=...),
    "Completion": _in_effect(completion=...),
    "Published": _in_effect(estimator=...),
    "Effect": lambda example: {"effects": {"reoffending": example}},
    "Planning": _in_effect(planning=...),
    "Blend": _made_of(lottery="5", comparison="2"),
    "Index": _made_of(**INDEX),
    "Metric": lambda example: _made_of(**INDEX)(
        {
            "kind": "index",
            "of": {"attendance": example, "reading": {"weight": "0.40", "target": "4"}},
            "independent": True,
        }
    ),
    "Pool": _made_of(cohort_1="8", cohort_2="3"),
    "FixedBaseline": _measured(estimator=...),
    "Risk": _measured(
        estimator={
            "kind": "fixed_baseline",
            "baseline": "benchmark",
            "rate": "12",
            "source": "agreed table",
            "risk": ...,
            "among": "everyone",
        }
    ),
    "Experiment": _lottery(estimator=...),
    "Attrition": _lottery(estimator={"kind": "experiment", "missing": "drop", "attrition": ...}),
    **dict.fromkeys(("ClusterMeans", "InstrumentalVariable"), _measured(estimator=...)),
    **dict.fromkeys(
        ("DifferenceInDifferences", "EventStudyRegression", "TwoWayFixedEffects", "StaggeredDiD"),
        _measured(estimator=...),
    ),
    **dict.fromkeys(("Matching", "Weighting", "LongitudinalWeighting", "DoublyRobust"), _measured(estimator=...)),
    "ChanceRange": _measured(estimator={**WEIGHTED, "covariates": ["age"], "trim": ...}),
    "CrossFitting": _measured(estimator={**WEIGHTED, "kind": "doubly_robust", "learning": ...}),
    "CausalGraph": _measured(estimator=WEIGHTED, graph=...),
    "NegativeControls": _measured(estimator=WEIGHTED, negative_controls=...),
    "NegativeOutcome": _measured(estimator=WEIGHTED, negative_controls={"outcomes": [...]}),
    "NegativeTreatment": _measured(estimator=WEIGHTED, negative_controls={"treatments": [...]}),
    **dict.fromkeys(("SyntheticControl", "InterruptedTimeSeries"), _in_places),
    "Truncate": _measured(estimator={"kind": "experiment"}, truncate=...),
    "Contribution": _measured(estimator=..., split={"rule": "shapley"}),
    "Learning": _measured(
        estimator={"kind": "contribution", "model": "learner", "learning": ...}, split={"rule": "shapley"}
    ),
    "OutcomeLearner": _measured(
        estimator={"kind": "contribution", "model": "learner", "learning": {"outcome": ...}}, split={"rule": "shapley"}
    ),
    "PropensityLearner": _measured(
        estimator={"kind": "contribution", "model": "learner", "learning": {"propensity": ...}},
        split={"rule": "shapley"},
    ),
    "PanelContribution": _measured(estimator=..., split={"rule": "shapley"}),
    "SequentialContribution": _measured(estimator=..., split={"rule": "shapley"}),
    "DoseResponse": _measured(estimator=..., split={"rule": "aumann_shapley"}),
    "Split": _measured(estimator={"kind": "contribution", "model": "additive"}, split=...),
    **dict.fromkeys(("Count", "Ladder", "Breadth", "Stock"), lambda example: {"quantities": {"counted": example}}),
    "Net": lambda example: {"quantities": {"counted": example}},
    "Ratio": lambda example: {"quantities": {"counted": example}},
    "Reported": lambda example: {"quantities": {"verified": example}},
    "Deductions": lambda example: {"quantities": {"counted": {"kind": "net", "of": ["homes"], "deduct": example}}},
    "Rung": lambda example: {
        "quantities": {"counted": {"kind": "ladder", "rungs": {"start": {"metric": "job"}, "stay": example}}}
    },
    "Requires": _counted(unit="day", metric="housed_days", each="every", requires=...),
    "Within": _counted(within=...),
    "Reversal": _counted(reversal=...),
    "Dose": _counted(dose=...),
    "Audit": _counted(audit=...),
    "PeopleCondition": _counted(where=[...]),
    "Assign": _counted(assign=...),
    "AssignStep": _counted(assign={"by": "first", "otherwise": "nobody", "steps": [...]}),
    "Party": lambda example: {"parties": {"north": example}},
    "PeriodTerms": lambda example: {"periods": {"y1": example}},
    "Settling": lambda example: {
        "payments": [
            {
                "quantity": "homes",
                "steps": [{"from": "40", "pays": "10000.00"}, {"from": "100", "pays": "50000.00"}],
            }
        ],
        "settlement": example,
    },
    "Amendment": lambda example: {"payments": [HOUSING], "amendments": [example]},
    "Capital": lambda example: {"payments": [HOUSING], "capital": [example]},
    "Tranche": _capital(drawn=[{"date": "2025-01-01", "amount": "60000.00"}], tranches=[...]),
    "Draw": _capital(
        drawn=[...], tranches=[{"name": "senior", "investor": "bank", "principal": "60000.00", "rate": "0.05"}]
    ),
    "Guarantee": lambda example: _capital(guarantee=...)(example) | {"payments": [GUARANTEED]},
    "ReturnLimit": _capital(return_limit=..., rest={"bank": "0.90", "hub": "0.10"}),
    "Recycle": _capital(recycle=...),
    "Termination": _capital(early_termination=[...]),
}

ONLY_READ = (
    "Contribution",
    "CrossFitting",
    "Learning",
    "OutcomeLearner",
    "PropensityLearner",
    "PanelContribution",
    "SequentialContribution",
    "DoseResponse",
    "Split",
    "Planning",
    "Party",
    "PeriodTerms",
)
"""Specs whose examples are read and not settled: they move no money by themselves, or need a larger study."""

OVER_TIME = {
    "difference_in_differences",
    "event_study",
    "two_way_fixed_effects",
    "staggered_did",
    "synthetic_control",
    "interrupted_time_series",
}
"""Kinds whose examples run on the small study over time."""

PARTS = {
    "lottery": ("5", 400),
    "comparison": ("2", 400),
    "reading": ("3", 300),
    "cohort_1": ("8", 400),
    "cohort_2": ("3", 100),
}
"""Values and people of the effects of which blends, indices and pools are made."""


def framed(terms: Terms) -> Terms:
    """Return a whole contract: the frame, with the sections of an example in place of its own."""
    frame = read_source(HERE / "frame.yaml").data
    sections = {"quantities", "effects", "parties", "periods"}
    whole = {**frame, **terms, **{key: {**frame[key], **terms.get(key, {})} for key in sections}}
    both = _names(terms, "hours") or _needs_study(whole)
    joining = {
        name: {"role": role} for name, role in ROLES.items() if _names(terms, name) or (name == "south" and both)
    }
    whole["parties"] = frame["parties"] | joining | terms.get("parties", {})
    return whole


def hosted(name: str, example: Terms) -> Terms:
    """Return the sections of a contract in which an example of a spec stands."""
    terms = deepcopy(HOSTS[name](example))
    parties = [party for party in ROLES if _names(terms, party)] + ["south"] * _names(terms, "hours")
    divided = any("payers" in clause for clause in terms.get("payments", ()))
    for clause in terms.get("payments", ()):
        if not ({"price", "prices", "steps", "bonus", "grant", "curve", "sliding"} & set(clause)):
            continue
        if "south" in parties and not {"to", "split"} & set(clause) and clause.get("quantity") != "hours":
            clause["to"] = "north"
        if "state" in parties and not divided and "payer" not in clause:
            clause["payer"] = "city"
    return terms


def _names(value: Any, name: str) -> bool:
    if isinstance(value, Mapping):
        return name in value or any(_names(item, name) for item in value.values())
    return any(_names(item, name) for item in value) if isinstance(value, list | tuple) else value == name


def settled(terms: Terms) -> Evaluation:
    """Settle a whole contract on what the frame reports and the small study."""
    contract = Contract.model_validate(terms)
    figures = read_source(HERE / "frame.reported.yaml").data["reported"]
    kinds: Mapping[str, Any] = {"quantity": contract.quantities, "effect": contract.effects}

    def wanted(row: Mapping[str, str]) -> bool:
        if row.get("provider", "north") not in contract.parties:
            return False
        return all(key not in row or _reportable(known.get(row[key])) for key, known in kinds.items())

    rows = [row for row in figures if wanted(row)]
    there = {row.get("effect") for row in rows}
    rows += [
        {"effect": name, "period": "y2", "value": PARTS[name][0], "std_error": "1.5", "people": PARTS[name][1]}
        for name in contract.effects
        if name in PARTS and name not in there
    ]
    folder = "small_years" if _kinds(terms) & OVER_TIME else "small_study"
    study = cf.read_study(HERE / folder) if _needs_study(terms) else None
    return cf.evaluate(contract, study, reported=Reported.model_validate({"reported": rows}))


def _reportable(spec: Any) -> bool:
    return spec is not None and getattr(getattr(spec, "estimator", spec), "kind", "") in ("reported", "published")


def _kinds(terms: Terms) -> set[str]:
    kinds = {spec["kind"] for spec in terms["quantities"].values()}
    return kinds | {effect["estimator"]["kind"] for effect in terms["effects"].values()}


def _needs_study(terms: Terms) -> bool:
    return not _kinds(terms) <= {"reported", "published", "net", "ratio", "blend", "index", "pool"}


def comes_to(found: Evaluation, terms: Terms) -> str:
    """Say what an example comes to, in the order in which it is settled."""
    if found.refused:
        return f"It is refused: {found.refused[0].code}, {found.refused[0].what}."
    said = [*_counts(found, terms), *_gains(found, terms)]
    said += _held_against(found, terms)
    if found.settlement is not None and terms.get("payments"):
        said.append(_due(found))
    if found.onward is not None:
        for fees in found.onward.fees:
            parts = [f"{line.to} {line.amount:,}" for line in fees.paid.lines]
            said.append(f"Of the receipts in {fees.period}: {', '.join(parts)}.")
        for stack in found.onward.distributions:
            parts = [f"{line.period} {line.kind} {line.amount:,} to {line.to}" for line in stack.lines]
            said.append(f"Returned: {'; '.join(parts)}.")
    return " ".join(said)


def _due(found: Evaluation) -> str:
    settlement = found.settlement
    if settlement is None:
        return ""
    sums: dict[tuple[str, str, str], Decimal] = {}
    for line in settlement.lines:
        key = (line.period, line.payer, line.provider)
        sums[key] = sums.get(key, Decimal(0)) + line.amount
    pairs = {key[1:] for key in sums}
    parts = []
    for (period, payer, party), amount in sums.items():
        way = "" if len(pairs) == 1 else f" from {payer} to {party}"
        parts.append(f"{amount:,}{way}" + (f" in {period}" if period else ""))
    return f"Due: {'; '.join(parts)}." if parts else "Nothing is due."


def _counts(found: Evaluation, terms: Terms) -> Iterator[str]:
    for name in terms.get("quantities", {}):
        cells = found.quantities[name].cells
        parts = [
            f"{cell.amount.normalize():f} in {cell.period}"
            + "".join(f", {at}" for at in (cell.rung, cell.group, cell.provider) if at)
            for cell in cells
        ]
        if parts:
            yield f"It counts {'; '.join(parts)}."


def _gains(found: Evaluation, terms: Terms) -> Iterator[str]:
    for name in list(terms.get("effects", {}))[-1:]:
        result = found.effects[name]
        priced = result.priced(None)
        if priced is not None:
            gate = "" if result.held is None else f"; the gate is {'open' if priced.gate_passes else 'shut'}"
            spec = result.terms.estimator
            among = "people" if getattr(spec, "level", "people") == "people" else f"place{'s' * (priced.people > 1)}"
            yield f"A gain of {float(priced.level):.6g} over {priced.people:,} {among}{gate}."


def _held_against(found: Evaluation, terms: Terms) -> Iterator[str]:
    for name in terms.get("effects", {}):
        result = found.effects[name]
        if result.identification is not None:
            verdict = "identified" if result.identification.identified else "not identified"
            sentences = "; ".join(one.sentence for one in result.identification.findings)
            yield f"By the graph the effect is {verdict}: {sentences}."
        if result.controls is not None:
            yield from (f"{one.sentence[0].upper()}{one.sentence[1:]}." for one in result.controls.tests)


# Text of the page.


@cache
def names() -> dict[str, str]:
    """Return each spec's name in the schema and the heading it has on the page."""
    found = {}
    for name, definition in json_schema()["$defs"].items():
        if "properties" in definition:
            *module, own = name.split("__")
            found[name] = f"{own} of a {module[-1].replace('_', ' ')}" if module else own
    return found


@cache
def specs() -> dict[str, Terms]:
    """Return the schema of every spec, by its heading."""
    schema = json_schema()
    found = {heading: schema["$defs"][name] for name, heading in names().items()}
    assumed = Assumptions.model_json_schema()
    reported = Reported.model_json_schema()
    found |= {name: definition for part in (assumed, reported) for name, definition in part["$defs"].items()}
    return found | {"Contract": schema, "Assumptions": assumed, "Reported file": reported}


def examples(name: str) -> list[Terms]:
    """Return the examples that a spec carries, their keys in the order in which they are written."""
    waiting: list[type[BaseModel]] = [BaseModel]
    while waiting:
        spec = waiting.pop()
        waiting += spec.__subclasses__()
        own = f"Band of a {_module(spec)}" if spec.__name__ == "Band" else spec.__name__
        extra = spec.__dict__.get("model_config", {}).get("json_schema_extra")
        if own == name and spec.__module__.startswith("counterfoil.") and isinstance(extra, dict):
            return list(extra["examples"])
    return []


def _module(spec: type[BaseModel]) -> str:
    return spec.__module__.rpartition(".")[2].replace("_", " ")


def page() -> str:
    """Return the contract reference."""
    lines: list[str] = []
    for line in (HERE / "contract.template").read_text("utf-8").splitlines():
        asked = re.fullmatch(r"\{\{(\w+) (.+)\}\}", line)
        lines += [line] if asked is None else DIRECTIVES[asked[1]](asked[2])
    return "\n".join(lines) + "\n"


def _spec(name: str) -> Iterator[str]:
    definition = specs()[name]
    yield f"#### {name}"
    yield ""
    yield definition.get("description", "").partition("\n\n")[0].replace("\n", " ")
    yield ""
    yield from _keys(name)
    for example in examples(name):
        yield from _shown_example(name, example)


def _shown_example(name: str, example: Terms) -> Iterator[str]:
    if name not in HOSTS:
        yield from ("", "```yaml", *_yaml(example), "```")
        return
    terms = hosted(name, example)
    yield from ("", "```yaml", *_yaml(terms), "```")
    if name not in ONLY_READ:
        yield from ("", comes_to(settled(framed(terms)), terms))


def _keys(name: str) -> Iterator[str]:
    definition = specs()[name]
    properties = definition["properties"]
    said = []
    for common, where in COMMON.values():
        shared = common.model_json_schema()["properties"]
        if set(shared) <= set(definition["properties"]):
            properties = {key: term for key, term in properties.items() if term != shared.get(key)}
            said.append(where)
    yield from _table(definition, properties)
    if said:
        yield from ("", f"Besides these: {', '.join(said)}.")


def _common(name: str) -> Iterator[str]:
    """Yield the table of terms that several specs share, without those that stand in the table of a wider group of specs."""
    spec = COMMON[name][0]
    definition = spec.model_json_schema()
    wider = [other.model_json_schema()["properties"] for other, _ in COMMON.values() if other in spec.__mro__[1:]]
    own = {key: term for key, term in definition["properties"].items() if all(term != o.get(key) for o in wider)}
    yield from _table(definition, own)


def _table(definition: Terms, properties: Terms) -> Iterator[str]:
    required = set(definition.get("required", ()))
    yield "| key | value | when omitted | meaning |"
    yield "|---|---|---|---|"
    for key, term in sorted(properties.items(), key=lambda pair: pair[0] != "kind"):
        default = "required" if key in required else _default(term.get("default"))
        yield f"| `{key}` | {kind(term)} | {default} | {term.get('description', 'Which kind of term this is.')} |"


def _default(value: Any) -> str:
    if value in (None, [], {}):
        return ""
    if isinstance(value, dict):
        return "each with what it says when omitted"
    written = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"`{written.lower() if isinstance(value, bool) else written}`"


def kind(term: Terms) -> str:
    """Describe a term's values in words."""
    if "$ref" in term:
        heading = names().get(term["$ref"].rpartition("/")[2], term["$ref"].rpartition("/")[2])
        return f"[{heading}](#{heading.lower().replace(' ', '-')})"
    if "const" in term:
        return f"`{term['const']}`"
    if "enum" in term:
        return ", ".join(f"`{value}`" for value in term["enum"])
    if options := term.get("anyOf") or term.get("oneOf"):
        words = dict.fromkeys(kind(option) for option in options if option.get("type") != "null")
        return "amount" if set(words) == {"number", "text"} else " or ".join(words)
    if term.get("type") == "array":
        return f"list of {kind(term.get('items', {}))}"
    if term.get("type") == "object":
        values = term.get("additionalProperties") or next(iter(term.get("patternProperties", {}).values()), {})
        if not isinstance(values, dict) or not values:
            return "keys with values"
        return f"names, each with {kind(values)}"
    if term.get("format") == "date":
        return "date"
    return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(
        term.get("type", ""), term.get("type", "")
    )


def _yaml(value: Terms) -> Iterator[str]:
    for key, term in value.items():
        if isinstance(term, list) and term and all(isinstance(item, dict) for item in term):
            yield f"{key}:"
            for item in term:
                yield from _item(item)
        elif isinstance(term, Mapping) and len(f"{key}: {flow(term)}") > 100:
            yield f"{key}:"
            yield from (f"  {line}" for line in _yaml(dict(term)))
        else:
            yield f"{key}: {flow(term)}"


def _item(item: Terms) -> Iterator[str]:
    if len(flow(item)) <= 105:
        yield f"  - {flow(item)}"
        return
    first, *rest = _yaml(item)
    yield f"  - {first}"
    yield from (f"    {line}" for line in rest)


def flow(value: Any) -> str:
    """Write a value as YAML on one line, amounts in quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(term)}" for key, term in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    amount = re.fullmatch(r"-?[0-9.]+", value)
    return f'"{value}"' if amount or re.search(r"[:,#{}\[\]]", value) else value


def _file(name: str) -> Iterator[str]:
    language = "csv" if name.endswith(".csv") else "yaml"
    yield from (f"```{language}", (HERE / name).read_text("utf-8").rstrip("\n"), "```")


def _rows(asked: str) -> Iterator[str]:
    count, name = asked.split(" ")
    lines = (HERE / name).read_text("utf-8").splitlines()
    yield from ("```csv", *lines[: int(count) + 1], "...", "```")


def _settled(name: str) -> Iterator[str]:
    reported = HERE / f"{name}.reported.yaml"
    yield from (f"`{name}.yaml`:", "", *_file(f"{name}.yaml"), "")
    yield from (f"`{name}.reported.yaml`:", "", *_file(reported.name), "")
    yield from ("```", f"counterfoil evaluate {name}.yaml --reported {name}.reported.yaml", "```", "")
    found = whole(name)
    yield f"> {found.verdict}"
    yield ""
    yield comes_to(found, {"payments": True})


def whole(name: str) -> Evaluation:
    """Settle a whole contract of the page."""
    reported = read_reported(HERE / f"{name}.reported.yaml")
    return cf.evaluate(cf.read_contract(HERE / f"{name}.yaml"), reported=reported)


DIRECTIVES: Mapping[str, Callable[[str], Iterator[str]]] = {
    "spec": _spec,
    "common": _common,
    "keys": _keys,
    "file": _file,
    "rows": _rows,
    "settled": _settled,
}
