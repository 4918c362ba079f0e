"""A condition on what is known: nothing is due under a clause unless it holds.

Conditions reach across metrics: a payment for job starts may depend on a fall in recidivism (New York State and the Center
for Employment Opportunities), and a guard-rail such as "special education placements refused to entitled children, at most
0" blocks a payment. What is not known yet does not hold.
"""

from decimal import Decimal
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.moment import Moment

BOUNDS: Final = {"at_least": "at least", "above": "above", "at_most": "at most", "below": "below"}


class Condition(BaseModel):
    """What must hold before a clause pays: bounds on one number, an open gate, or several conditions together."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"effect": "reoffending", "at_least": "8"},
                {"quantity": "refusals", "at_most": "0"},
                {"gate": "attendance"},
                {
                    "all": [
                        {"effect": "reoffending", "above": "5"},
                        {"any": [{"quantity": "refusals", "below": "5"}, {"gate": "attendance"}]},
                    ]
                },
            ]
        },
    )

    effect: str | None = Field(None, description="The effect whose gain is held against the bounds.")
    quantity: str | None = Field(None, description="The quantity that is held against the bounds.")
    at_least: Amount | None = Field(None, description="The smallest value that satisfies it.")
    above: Amount | None = Field(None, description="The value that must be exceeded.")
    at_most: Amount | None = Field(None, description="The largest value that satisfies it.")
    below: Amount | None = Field(None, description="The value that must not be reached.")
    near: str | None = Field(None, description="Another effect, such as a replication, that the gain must lie near to.")
    within: Amount | None = Field(None, ge=0, description="With `near`: by how much the two may differ at most.")
    gate: str | None = Field(None, description="The effect whose gate must be open.")
    any: tuple["Condition", ...] = Field((), description="One of these conditions must hold.")
    all: tuple["Condition", ...] = Field((), description="All of these conditions must hold.")

    @model_validator(mode="after")
    def _one_thing(self) -> "Condition":
        given = [name for name in ("effect", "quantity", "gate", "any", "all") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("a condition names exactly one of effect, quantity, gate, any and all")
        if (self.near is None) != (self.within is None) or (self.near is not None and self.effect is None):
            raise ValueError("`near:` and `within:` go together, with an `effect:`")
        bounded = self.near is not None or any(getattr(self, name) is not None for name in BOUNDS)
        if bounded != (given[0] in ("effect", "quantity")):
            raise ValueError("a condition on an effect or quantity has a bound (at_least, above, at_most or below)")
        return self

    def names(self) -> tuple[tuple[str, str], ...]:
        """Return what the condition refers to, as (effect or quantity, name)."""
        own = [("effect", self.effect), ("quantity", self.quantity), ("effect", self.gate), ("effect", self.near)]
        inner = [pair for condition in (*self.any, *self.all) for pair in condition.names()]
        return (*((kind, name) for kind, name in own if name is not None), *inner)

    def sentence(self, words: Words) -> str:
        """Say the condition, to follow "only if"."""
        if self.gate is not None:
            return f"the gate on {self.gate} is open"
        if self.any or self.all:
            parts = [
                f"({said})" if part.any or part.all else said
                for part in (*self.any, *self.all)
                for said in (part.sentence(words),)
            ]
            return (" or " if self.any else " and ").join(parts)
        what = f"the gain in {self.effect}" if self.effect is not None else f"{self.quantity}"
        bounds = [(said, getattr(self, name)) for name, said in BOUNDS.items()]
        asked = [f"{said} {words.number(value)}" for said, value in bounds if value is not None]
        if self.near is not None and self.within is not None:
            asked.append(f"within {words.number(self.within)} of the gain in {self.near}")
        return f"{what} is {' and '.join(asked)}"


def holds(condition: Condition, moment: Moment) -> tuple[bool, str]:
    """Return whether a condition holds, and why.

    Examples
    --------
    >>> from counterfoil.attribution.payment.trace import Priced
    >>> known = {"recidivism": [Priced(Decimal("8.387"), "1 - 142/155", True)]}
    >>> holds(Condition(effect="recidivism", at_least=Decimal(10)), Moment("", ("",), {}, known))
    (False, 'the gain in recidivism is 8.387, not at least 10')
    """
    if condition.any or condition.all:
        found = [holds(part, moment) for part in (*condition.any, *condition.all)]
        met = any(ok for ok, _ in found) if condition.any else all(ok for ok, _ in found)
        joined = "; ".join(why for ok, why in found if ok == met)
        return met, joined
    words = Words("")
    if condition.gate is not None:
        priced = moment.gain(condition.gate)
        if priced is None:
            return False, f"{condition.gate} is not known yet"
        return priced.gate_passes, f"the gate on {condition.gate} is {'open' if priced.gate_passes else 'shut'}"
    value = moment.value(effect=condition.effect, quantity=condition.quantity)
    if value is None:
        return False, f"{condition.effect or condition.quantity} is not known yet"
    tests = {
        "near": True,
        "at_least": condition.at_least is None or value >= condition.at_least,
        "above": condition.above is None or value > condition.above,
        "at_most": condition.at_most is None or value <= condition.at_most,
        "below": condition.below is None or value < condition.below,
    }
    what = f"the gain in {condition.effect}" if condition.effect is not None else f"{condition.quantity}"
    asked = [
        f"{said} {words.number(getattr(condition, name))}"
        for name, said in BOUNDS.items()
        if getattr(condition, name) is not None
    ]
    if condition.near is not None and condition.within is not None:
        other = moment.value(effect=condition.near, quantity=None)
        if other is None:
            return False, f"{condition.near} is not known yet"
        tests["near"] = abs(value - other) <= condition.within
        asked.append(
            f"within {words.number(condition.within)} of the gain in {condition.near}, which is {shown(other)}"
        )
    met = all(tests.values())
    said = f"which is {' and '.join(asked)}" if met else f"not {' and '.join(asked)}"
    return met, f"{what} is {shown(value)}, {said}"


def shown(value: Decimal) -> str:
    """Write a number to the six digits that a reader compares, or fully where it has fewer.

    Examples
    --------
    >>> shown(Decimal("8.38709677419")), shown(Decimal("38.000"))
    ('8.3871', '38')
    """
    written = f"{value:,f}"
    full = written.rstrip("0").rstrip(".") if "." in written else written
    return full if len(full.replace(",", "")) <= 12 else f"{float(value):,.6g}"
