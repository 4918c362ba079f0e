"""A specification curve as tables and as plain data."""

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from counterfoil.attribution.money.amounts import multiply
from counterfoil.specification_row import SpecificationRow

if TYPE_CHECKING:
    from counterfoil.specification_results import Changed, SpecificationCurve

FORMAT: Final = "counterfoil-curve-1"


def tidy(curve: "SpecificationCurve") -> pd.DataFrame:
    """Return one row a specification, in the order declared."""
    own = curve.primary
    rows = [
        {
            "specification": row.number,
            "primary": row.primary,
            **row.choices,
            "outcome": curve.terms.outcome,
            "estimand": row.estimand,
            **{name: getattr(row, name) for name in ("estimate", "std_error", "conf_low", "conf_high")},
            "gate_passes": row.gate_passes,
            "trigger_changes": None
            if row.payment is None or own.payment is None or not own.standing
            else row.standing != own.standing,
            "order_changes": None if not (row.order and own.order) else row.order != own.order,
            "payment": row.payment,
            "currency": curve.contract.currency,
            "refused": ", ".join(row.codes),
        }
        for row in curve.rows
    ]
    found = pd.DataFrame(rows)
    floats = ["estimate", "std_error", "conf_low", "conf_high"]
    return found.astype(dict.fromkeys(floats, "float64"))


def tidy_payments(curve: "SpecificationCurve") -> pd.DataFrame:
    """Return what each party receives under each specification that settles."""
    parties = list(dict.fromkeys(name for row in curve.settled for name in row.payments))
    rows = [
        (
            row.number,
            row.primary,
            name,
            row.payments.get(name, multiply(row.payment or 0, 0)),
            curve.contract.currency,
        )
        for row in curve.settled
        for name in parties
    ]
    return pd.DataFrame(rows, columns=["specification", "primary", "provider", "payment", "currency"])


def by_alternative(curve: "SpecificationCurve") -> pd.DataFrame:
    """Return what each alternative comes to, over all others."""
    rows = []
    for dimension, names in curve.specifications.dimensions.items():
        for name in names:
            here = [row for row in curve.estimated if row.choices[dimension] == name]
            paid = [row.payment for row in here if row.payment is not None]
            middle = median([row.estimate for row in here if row.estimate is not None]) if here else None
            rows.append((dimension, name, len(here), middle, median(paid) if paid else None))
    return pd.DataFrame(rows, columns=["varied", "alternative", "specifications", "estimate", "payment"])


def as_dict(curve: "SpecificationCurve") -> dict[str, Any]:
    """Return everything as plain data; money is decimal text."""
    own = curve.primary
    return {
        "format": FORMAT,
        "contract": {
            "name": curve.contract.name,
            "currency": curve.contract.currency,
            "digest": curve.contract.digest,
        },
        "study": dict(curve.study_digests),
        "specifications": {
            "digest": curve.specifications.digest,
            "terms": curve.specifications.model_dump(mode="json", exclude_unset=True),
        },
        "effect": curve.effect,
        "outcome": curve.terms.outcome,
        "summary": {
            "specifications": len(curve.rows),
            "estimated": len(curve.estimates),
            "settled": len(curve.payments),
            "refused": len(curve.refused),
            "left_out": len(curve.left_out),
            "alike": curve.alike,
            "estimands": curve.estimands,
            "estimate": _spread(curve.estimates, own.estimate, curve.percentile),
            "payment": _spread(curve.payments, own.payment, curve.payment_percentile),
            "trigger_changes": _share(curve.trigger),
            "order_changes": _share(curve.order),
        },
        "lines": curve.lines(),
        "specified": [_record(row) for row in curve.rows],
        "left_out": [
            {
                "choices": dict(one.choices),
                "same_as": one.same_as,
                "refused": [problem.to_dict() for problem in one.problems],
            }
            for one in curve.left_out
        ],
    }


def _record(row: SpecificationRow) -> dict[str, Any]:
    names = (
        "estimand",
        "people",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "gate_passes",
        "gate_tests",
        "standing",
    )
    return {
        "specification": row.number,
        "primary": row.primary,
        "choices": dict(row.choices),
        **{name: getattr(row, name) for name in names},
        "payment": row.payment,
        "payments": dict(row.payments),
        "order": row.order,
        "refused": [{"code": code, "what": what} for code, what in row.refused],
    }


def _spread(values: Sequence[Any], own: Any, percentile: float | None) -> dict[str, Any] | None:
    if not values:
        return None
    return {
        "median": median(values), "lowest": values[0], "highest": values[-1], "as_agreed": own, "percentile": percentile,
    }  # fmt: skip


def _share(changed: "Changed") -> dict[str, Any]:
    return {"count": changed.count, "among": changed.among, "share": changed.share}
