"""The JSON Schema of ``evaluation.json``, the machine-readable twin of the report; its ``format`` is the version."""

from typing import Any, Final

FORMAT: Final = 1
"""Version of the machine-readable result; it changes when a key changes its meaning or goes away."""

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": ["number", "null"]}
_MONEY: Final = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "description": "Exact decimal text."}
_DIGEST: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _map(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def evaluation_schema() -> dict[str, Any]:
    """Return the JSON Schema of what ``counterfoil evaluate --format json`` prints.

    Examples
    --------
    >>> evaluation_schema()["properties"]["format"]
    {'const': 1}
    """
    problem = _object({"code": _TEXT, "where": _TEXT, "what": _TEXT, "fix": _TEXT})
    row = {
        "outcome": _TEXT, "term": _TEXT, "estimate": _NUMBER, "std_error": _NUMBER, "statistic": _NUMBER,
        "p_value": _NUMBER, "conf_low": _NUMBER, "conf_high": _NUMBER,
    }  # fmt: skip
    credit = {"provider": _TEXT, **row, "share": _NUMBER, "share_low": _NUMBER, "share_high": _NUMBER}
    test = _object({"error_type": _TEXT, "bound": _TEXT, "lower": _NUMBER, "passes": {"type": "boolean"}})
    gate = _object({
        "total_above": _NUMBER, "conf_level": _NUMBER, "looks": {"type": "integer"}, "passes": {"type": "boolean"}, "margin": _NUMBER, "decided": test,
        "others": _list(test),
    })  # fmt: skip
    held = _object({
        "passes": {"type": "boolean"}, "what": _TEXT, "tested": _NUMBER, "minimum": _NUMBER, "margin": _NUMBER,
    })  # fmt: skip
    robust = _object({
        "claim": _TEXT, "threshold": _NUMBER, "parallel_trends": {"type": "boolean"}, "breakdown": _NUMBER,
    })  # fmt: skip
    alike = _object({
        "balance": _list(_object({
            "term": _TEXT, "covariate": _TEXT, "before": _NUMBER, "after": _NUMBER, "balanced": {"type": "boolean"},
        })),
        "overlap": _list({"type": "object"}),
    })  # fmt: skip
    said = _object(
        {"provider": _TEXT, "finding": _TEXT, "columns": _TEXT, "holds": {"type": "boolean"}, "sentence": _TEXT}
    )
    control = _object({
        "provider": _TEXT, "test": _TEXT, "against": _TEXT, "estimate": _NUMBER, "p_value": _NUMBER, "conf_low": _NUMBER,
        "conf_high": _NUMBER, "expected": _NUMBER, "consistent": {"type": "boolean"}, "sentence": _TEXT,
    })  # fmt: skip
    pot_and_split = _object({
        "credits_from": _TEXT, "basis": _TEXT, "pot": _object(row), "split": _object(row), "difference": _object(row),
        "disagree": {"type": "boolean"},
    })  # fmt: skip
    tables = ("support", "interactions", "ranks", "rules", "hidden_factor", "influence", "contamination")
    findings = _object(
        {
            "model": _TEXT,
            "why": _TEXT,
            **{name: _list({"type": "object"}) for name in tables},
            "groups": _map(_list({"type": "object"})),
            "left_out": _map(_TEXT),
        },
        optional=tables,
    )
    answered = {
        "estimand": _TEXT, "error_type": _TEXT, "degrees_of_freedom": _NUMBER, "clusters": {"type": ["integer", "null"]},
        "people": {"type": "integer"}, "population": _TEXT, "counts": _map({"type": "integer"}), "std_error_by_type": _map(_NUMBER), "total": _object(row), "priced_at": _MONEY,
        "gate": gate, "held": held, "rule": _TEXT, "credits": _list(_object(credit)), "credit_warnings": _list(problem),
        "pot_and_split": pot_and_split, "findings": findings, "robustness": _list(robust), "alike": alike, "identification": _list(said), "negative_controls": _list(control),
    }  # fmt: skip
    effect = _object(
        {
            "outcome": _TEXT, "better": {"enum": ["higher", "lower"]}, "estimator": {"type": "object"},
            "refused": _list(problem), "warnings": _list(problem), **answered,
        },
        optional=tuple(answered),
    )  # fmt: skip
    line = _object({
        "clause": _TEXT, "name": _TEXT, "period": _TEXT, "group": _TEXT, "rung": _TEXT, "effect": _TEXT, "payer": _TEXT, "provider": _TEXT, "quantity": _MONEY, "price": _MONEY,
        "payment": _MONEY, "reason": _TEXT,
    })  # fmt: skip
    step = _object(
        {
            "pot": _TEXT,
            "period": _TEXT,
            "clause": _TEXT,
            "effect": _TEXT,
            "action": _TEXT,
            "amount": _MONEY,
            "reason": _TEXT,
        }
    )
    settlement = _object({
        "currency": _TEXT, "total": _MONEY, "by_party": _map(_MONEY), "lines": _list(line), "steps": _list(step),
    })  # fmt: skip
    alternative = _object({"provider": _TEXT, "term": _TEXT, "payment": _MONEY, "currency": _TEXT})
    cell = {"period": _TEXT, "group": _TEXT, "rung": _TEXT, "provider": _TEXT, "amount": _MONEY}
    quantity = _object({"cells": _list(_object(cell)), "notes": _list(_TEXT)})
    body = _object(
        {
            "format": {"const": FORMAT},
            "verdict": _TEXT,
            "answered": {"type": "boolean"},
            "refused": _list(problem),
            "contract": _object({"name": _TEXT, "currency": _TEXT, "digest": _DIGEST}),
            "study": {
                "anyOf": [
                    _object({"name": _TEXT, "people": {"type": "integer"}, "digests": _map(_DIGEST)}),
                    {"type": "null"},
                ]
            },
            "reported": {"anyOf": [_DIGEST, {"type": "null"}]},
            "quantities": _map(quantity),
            "effects": _map(effect),
            "settlement": {"anyOf": [settlement, {"type": "null"}]},
            "alternatives": _list(alternative),
            "sampling_error": _object(
                {
                    "draws": {"type": "integer"},
                    "why": _TEXT,
                    "nothing_due": _NUMBER,
                    "payments": _list({"type": "object"}),
                }
            ),
            "hidden_causes": {"anyOf": [{"type": "object"}, {"type": "null"}]},
            "versions": _map(_TEXT),
        }
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "counterfoil evaluation", **body}
