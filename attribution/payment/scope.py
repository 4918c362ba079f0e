"""Which pots a limit, a floor, a hold or a split of payers is about."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.trace import Pot

ScopeName = Literal["contract", "effect", "quantity", "payment", "payer", "provider", "group", "period", "person"]
NAMED: tuple[str, ...] = ("effect", "quantity", "payment", "payer", "provider", "group")
"""Scopes that go with the name of one thing."""


class Scope(BaseModel):
    """What a clause about other clauses' amounts covers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: ScopeName = Field(
        description="Whether it is about all payments of the contract together, those of one effect, quantity, payment (named "
        "clause), payer, provider or group, all of each period by itself, or all for each person by themselves."
    )
    effect: str | None = Field(None, description="The effect, with scope effect.")
    quantity: str | None = Field(None, description="The quantity, with scope quantity.")
    payment: str | None = Field(None, description="The name of the clause, with scope payment.")
    payer: str | None = Field(None, description="The payer, with scope payer.")
    provider: str | None = Field(None, description="Who receives it, with scope provider.")
    group: str | None = Field(None, description="The group of the quantity, with scope group.")
    of: tuple[str, ...] = Field(
        (), description="With scope period or person: only the payments of these names; all when omitted."
    )
    periods: tuple[str, ...] = Field((), description="The periods in which it applies; all when omitted.")

    @model_validator(mode="after")
    def _named_as_scoped(self) -> "Scope":
        for name in NAMED:
            if (getattr(self, name) is not None) != (self.scope == name):
                verb = "names its" if self.scope == name else "does not name a"
                raise ValueError(f"a clause with scope {self.scope} {verb} `{name}:`")
        if self.of and self.scope not in ("period", "person"):
            raise ValueError("`of:` goes with scope period or person")
        return self

    def about(self, words: Words) -> str:
        """Say what it covers."""
        if self.scope in NAMED:
            name = getattr(self, self.scope)
            what = {
                "payer": f"all payments by {words.party(name)}",
                "provider": f"all payments to {words.party(name)}",
                "payment": f"payment {name}",
                "group": f"all payments for group {name}",
            }.get(self.scope, f"payments for {name}")
        else:
            of = f"payments {words.listed(self.of)}" if self.of else "all payments"
            what = {
                "contract": "all payments together",
                "period": f"{of} of each period",
                "person": f"{of} for one person",
            }[self.scope]
        return what + (f", in {words.listed(self.periods)}" if self.periods else "")


def covered(scope: Scope, pots: Sequence[Pot]) -> list[int]:
    """Return the positions of the pots that a scope covers."""
    return [number for number, pot in enumerate(pots) if _covers(scope, pot)]


def _covers(scope: Scope, pot: Pot) -> bool:
    if scope.scope in ("period", "person"):
        return not scope.of or pot.name in scope.of
    if scope.scope == "contract":
        return True
    own = {
        "effect": pot.effect,
        "quantity": pot.effect,
        "payment": pot.name,
        "payer": pot.payer,
        "provider": pot.to,
        "group": pot.group,
    }
    return bool(own[scope.scope] == getattr(scope, scope.scope))
