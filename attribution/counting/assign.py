"""To which provider a person belongs: plurality, first or last touch, a hierarchy, or a recorded partition.

Exclusive: one person, one provider, and with it the person's whole quantity. The provider with the most need not have a
majority, and a later step is for people about whom the earlier ones say nothing (42 CFR 425.402, the assignment of
Medicare beneficiaries). A tie is broken by a declared rule or refused. Only ``claim`` is not exclusive: each claim
counts for the provider that it names.
"""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.counting.touches import Touches, claim_touches, partition_touches, service_touches
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study


class AssignStep(BaseModel):
    """One way to find a person's provider."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"by": "partition", "column": "caseworker"}]}
    )

    by: Literal["plurality", "first", "last", "hierarchy", "partition", "claim"] = Field(
        description="plurality: the provider that did most; first, last: that came first or last; hierarchy: the first in "
        "`order` that did anything; partition: the one in a column of people; claim: each claim for the provider it names."
    )
    of: str = Field("services", description="What is compared: services, or claims of this metric.")
    measure: Literal["claims", "quantity", "dose"] = Field(
        "claims", description="For plurality: the number of claims or services, claims' quantity, or services' dose."
    )
    order: tuple[str, ...] = Field((), description="Providers in contract order, for hierarchy and for ties.")
    column: str | None = Field(None, description="For partition: the column of people that names the provider.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.by == "partition" and self.column is None:
            raise ValueError("by: partition needs `column:`")
        if self.measure == ("quantity" if self.of == "services" else "dose"):
            raise ValueError("services are measured by claims (their number) or dose, claims by claims or quantity")
        return self

    def touches(self, study: Study) -> Touches:
        """Return who did how much for whom, and when."""
        if self.by == "partition":
            return partition_touches(study, str(self.column))
        return service_touches(study, self.measure) if self.of == "services" else claim_touches(study, self.of)

    def sentence(self, words: Words, order: Sequence[str] = ()) -> str:
        """Return the step in words; ``order`` is what applies where it has none of its own."""
        what = "services" if self.of == "services" else f"claims of {self.of}"
        most = {"claims": what, "quantity": f"{self.of} by quantity", "dose": "services by dose"}[self.measure]
        return {
            "plurality": f"the provider with the most {most} (no majority is needed)",
            "first": f"the provider that came first by {what}",
            "last": f"the provider that came last by {what}",
            "hierarchy": f"the first of {', '.join(words.party(name) for name in self.order or order)} with any {what}",
            "partition": f"the provider in column {self.column}",
            "claim": "the provider that each claim names",
        }[self.by]


class Assign(AssignStep):
    """How a person's quantity is given to one provider."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"by": "plurality", "ties": "contract_order", "order": ["north", "south"], "otherwise": "nobody"},
                {"by": "claim"},
            ]
        }
    )

    scope: Literal["contract", "period"] = Field(
        "contract",
        description="Whether a person has one provider throughout, by all that is recorded, or one in each period, by what "
        "happened in it.",
    )
    steps: tuple[AssignStep, ...] = Field(
        (), description="Fallbacks, in turn, for people about whom nothing was found."
    )
    providers: tuple[str, ...] = Field(
        (), description="Who can be assigned people; people won by somebody else are nobody's. Everybody when left out."
    )
    ties: Literal["contract_order"] | None = Field(
        None, description="How a tie is broken: the provider earlier in `order`. Without it a tie is refused."
    )
    otherwise: str | None = Field(
        None, description="A provider for people whom no step assigns, or `nobody`, which leaves them out of the count."
    )

    @model_validator(mode="after")
    def _has_order(self) -> Self:
        if self.ties and not self.order:
            raise ValueError("ties: contract_order needs `order:`, the providers in contract order")
        ways: tuple[AssignStep, ...] = (self, *self.steps)
        if not self.order and any(way.by == "hierarchy" and not way.order for way in ways):
            raise ValueError("by: hierarchy needs `order:`")
        if any(step.by == "claim" for step in self.steps) or (self.by == "claim" and self.steps):
            raise ValueError("by: claim is not exclusive and stands alone, without steps")
        return self

    @property
    def parties(self) -> tuple[str, ...]:
        """The providers that it names."""
        named = [*self.order, *self.providers, *(name for step in self.steps for name in step.order)]
        if self.otherwise not in (None, "nobody"):
            named.append(str(self.otherwise))
        return tuple(dict.fromkeys(named))

    def describe(self, words: Words) -> str:
        """Return the rule in words.

        Examples
        --------
        >>> Assign(by="plurality", of="charges", measure="quantity", otherwise="nobody").describe(Words("USD"))
        'each person belongs to the provider with the most charges by quantity (no majority is needed); who belongs to no provider is left out'
        """
        if self.by == "claim":
            said = "each claim counts for the provider that it names"
        else:
            when = " in each period" if self.scope == "period" else ""
            said = f"each person belongs{when} to {self.sentence(words)}"
        said += "".join(f"; where that finds none, to {step.sentence(words, self.order)}" for step in self.steps)
        if self.ties:
            said += f"; ties go to the earlier of {', '.join(words.party(name) for name in self.order)}"
        if self.otherwise == "nobody":
            said += "; who belongs to no provider is left out"
        elif self.otherwise is not None:
            said += f"; who belongs to no provider counts for {words.party(self.otherwise)}"
        return said
