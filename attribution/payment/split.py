"""Clause: a pot divided among providers by credit, after fixed carve-outs for parties that are no players.

The credits are those of the effect itself, or of another effect on the same outcome (`credits_from`): then one design, such
as a lottery, fixes how much is paid, and a contribution model how it is divided, pot_j = pot · p_j/Σ p. Where that model
finds no gain nothing follows for the parts, and the contract's `otherwise` applies, or the pot is held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import PRECISION, Amount, add, largest_remainder, multiply
from counterfoil.attribution.payment.division import lifted
from counterfoil.attribution.payment.precision import Projected, project_by_precision
from counterfoil.attribution.payment.projection import ProjectionWeights, project_credits
from counterfoil.attribution.payment.trace import Pot, Priced, Step
from counterfoil.errors import refusal


class Split(BaseModel):
    """How the gain, and with it the money, is divided."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"rule": "shapley", "carve_outs": {"hub": "0.10"}}]},
    )

    rule: str = Field(
        description="An attribution rule whose credits sum to the gain. Kind sequential_contribution is divided by shapley only, "
        "dose_response by aumann_shapley only, which goes with no other kind."
    )
    unions: tuple[tuple[str, ...], ...] = Field((), description="For owen: alliances of providers, fixed at signing.")
    stages: tuple[tuple[str, ...], ...] = Field(
        (), description="For stage_respecting: stages of providers, first ones first."
    )
    fractions: dict[str, Amount] = Field(
        default_factory=dict, description="For fixed: provider to its agreed fraction of the gain; they sum to one."
    )
    ties: Literal["equal", "contract_order"] | None = Field(
        None, description="For plurality: who receives the gain of a person for whom two did equally much."
    )
    carve_outs: dict[str, Amount] = Field(
        default_factory=dict, description="Party to the fraction of the pot it receives first, such as a backbone."
    )
    inside: dict[str, Amount] = Field(
        default_factory=dict,
        description="For providers credited together: provider to its agreed fraction of their joint credit; those of one "
        "joint credit sum to one.",
    )
    credits: Literal["raw", "shrunk"] = Field(
        "raw",
        description="Pay on the credits as estimated, or shrunk towards each other (empirical Bayes) with the same total.",
    )
    minimum: dict[str, Amount] = Field(
        default_factory=dict,
        description="Provider to the fraction of what is divided that it receives at least; the others give way in proportion.",
    )
    negative: Literal["project", "in_proportion", "refuse"] = Field(
        "project",
        description="What becomes of negative credits: they are raised to zero and the others moved so that the sum stays, by "
        "`projection_weights` or in proportion to themselves; or nothing is settled.",
    )
    projection_weights: ProjectionWeights = Field(
        "identity",
        description="How: all others lowered by one constant, or each the more the less precisely it is estimated.",
    )
    credits_from: str | None = Field(
        None,
        description="Another effect, of a kind that has credits and with the same outcome, whose credits divide the pot.",
    )
    otherwise: dict[str, Amount] = Field(
        default_factory=dict,
        description="With credits_from: provider to its agreed fraction of the pot if that effect shows no gain; they sum "
        "to one.",
    )
    disagreement: Literal["warn", "refuse"] = Field(
        "warn",
        description="With credits_from: what follows when the two effects' gains differ by more than chance (95 % interval).",
    )

    @model_validator(mode="after")
    def _one_policy(self) -> "Split":
        if self.negative != "project" and self.projection_weights != "identity":
            raise ValueError("`projection_weights:` goes with `negative: project`")
        return self

    @property
    def terms(self) -> dict[str, Any]:
        """The terms of the rule that are given."""
        given = {name: getattr(self, name) for name in ("unions", "stages", "fractions", "ties")}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Divided:
    """A divided pot: each party's amount with the reason for it, and what had to be done to the credits."""

    parts: dict[str, tuple[Decimal, str]]
    steps: tuple[Step, ...] = ()


def divide(pot: Pot, split: Split, effect: Priced, unit: Decimal) -> Divided:
    """Divide a pot; the amounts sum to it.

    Parameters
    ----------
    pot : Pot
        Its amount is a positive multiple of ``unit``.
    split : Split
        The clause.
    effect : Priced
        With the raw credit of each provider, gain per person, in contract order.
    unit : Decimal
        Smallest unit of the currency.

    Raises
    ------
    PaymentError
        PAY-001 when the credits do not sum to a positive gain, PAY-004 when they are another effect's and nothing else is
        agreed, PAY-006 when they are projected by precision and their covariance is missing, PAY-007 when providers are
        credited together and no agreement says how they share, PAY-024 when a credit is below zero and the contract refuses that.
    """
    parts: dict[str, tuple[Decimal, str]] = {}
    with localcontext(prec=PRECISION):
        rest = 1 - sum(split.carve_outs.values(), Decimal(0))
    *carved, left = largest_remainder(pot.amount, [*split.carve_outs.values(), rest], unit)
    for (party, fraction), amount in zip(split.carve_outs.items(), carved, strict=True):
        parts[party] = (amount, f"agreed carve-out of {_percent(fraction)} of {pot.amount:,}")
    credits = effect.credits or {}
    if split.credits_from is not None and add(credits.values()) <= 0:
        return _by_agreement(pot, split, credits, left, unit, parts)
    projected = _project(split, credits, effect, pot)
    whole = add(projected.credits)
    weights = _at_least(split, list(credits), projected.credits, whole)
    amounts = largest_remainder(left, weights, unit)
    how = f" by {projected.applied}" if "precision" in projected.applied else ""
    parties = zip(credits.items(), projected.credits, weights, amounts, strict=True)
    for (party, raw), credit, weight, amount in parties:
        moved = "" if raw == credit else f" (estimated {float(raw):.6g}, adjusted{how} so that no credit is negative)"
        share = float(weight / add(weights))
        least = " (moved by agreed minimum parts)" if weight is not credit else ""
        reason = f"{split.rule} credit {float(credit):.6g}{moved}, {share:.2%} of {left:,}{least}"
        parts |= _inside(party, effect.groups.get(party, (party,)), amount, reason, split, unit, pot.effect)
    return Divided(parts, _projection_step(pot, split, credits, projected))


def _at_least(split: Split, parties: Sequence[str], credits: Sequence[Decimal], whole: Decimal) -> Sequence[Decimal]:
    """Return what the parts are in proportion to: the credits, lifted to the agreed minimum parts."""
    if not split.minimum:
        return credits
    with localcontext(prec=PRECISION):
        shares = {party: credit / whole for party, credit in zip(parties, credits, strict=True)}
    found = lifted(shares, split.minimum)
    return [found[party] for party in parties]


def _inside(
    credited: str,
    members: tuple[str, ...],
    amount: Decimal,
    reason: str,
    split: Split,
    unit: Decimal,
    where: str,
) -> dict[str, tuple[Decimal, str]]:
    """Return the amount of one credit, by agreement among the providers that it is of together."""
    if len(members) == 1:
        return {members[0]: (amount, reason)}
    fractions = [split.inside.get(member, Decimal(0)) for member in members]
    if sum(fractions, Decimal(0)) != 1:
        what = f"{credited} are credited together, and `inside:` does not say how they share it (fractions that sum to one)"
        raise refusal("PAY-007", what, where)
    amounts = largest_remainder(amount, fractions, unit)
    return {
        member: (part, f"by agreement {_percent(fraction)} of the joint credit of {credited} ({reason})")
        for member, fraction, part in zip(members, fractions, amounts, strict=True)
    }


def _percent(fraction: Decimal) -> str:
    return f"{multiply(fraction, 100).normalize():f} %"


def _by_agreement(
    pot: Pot,
    split: Split,
    credits: Mapping[str, Decimal],
    left: Decimal,
    unit: Decimal,
    parts: dict[str, tuple[Decimal, str]],
) -> Divided:
    why = f"effect {split.credits_from} shows no gain to divide by"
    if not split.otherwise:
        raise refusal("PAY-004", f"{why}, and the split does not say what then applies", pot.effect)
    parties = dict.fromkeys([*credits, *split.otherwise])
    fractions = [split.otherwise.get(party, Decimal(0)) for party in parties]
    for party, fraction, amount in zip(parties, fractions, largest_remainder(left, fractions, unit), strict=True):
        parts[party] = (amount, f"by agreement {_percent(fraction)} of {left:,}, because {why}")
    step = Step(pot.clause, pot.clause, pot.effect, "agreement", pot.amount, f"divided by agreement, because {why}")
    return Divided(parts, (step,))


def _project(split: Split, credits: Mapping[str, Decimal], effect: Priced, pot: Pot) -> Projected:
    raw = list(credits.values())
    if split.negative == "refuse" and min(raw) < 0:
        below = [party for party, credit in credits.items() if credit < 0]
        raise refusal("PAY-024", f"the credit of {', '.join(below)} is below zero", pot.effect)
    if split.negative == "in_proportion" and min(raw) < 0:
        return _in_proportion(raw)
    if split.projection_weights == "identity" or min(raw) >= 0:
        return Projected(project_credits(raw), "unchanged" if min(raw) >= 0 else "identity")
    if effect.covariance is None:
        raise refusal("PAY-006", "the credits come without a covariance", pot.effect)
    return project_by_precision(raw, effect.covariance)


def _in_proportion(raw: Sequence[Decimal]) -> Projected:
    """Raise negative credits to zero and lower the others in proportion, so that the sum stays."""
    whole = add(project_credits(raw))
    kept = [max(Decimal(0), credit) for credit in raw]
    with localcontext(prec=PRECISION):
        factor = whole / add(kept)
        return Projected(tuple(credit * factor for credit in kept), "proportion")


def _projection_step(pot: Pot, split: Split, credits: Mapping[str, Decimal], projected: Projected) -> tuple[Step, ...]:
    if projected.applied == "unchanged":
        return ()
    said = {
        "identity": "the others are lowered by one constant",
        "proportion": "the others are lowered in proportion",
        "precision": "the others are moved by their precision, the inverse of their covariance",
        "regularized precision": "the others are moved by their precision, the inverse of their covariance, which was "
        "regularized because it is singular",
    }[projected.applied]
    if projected.applied == "identity" and split.projection_weights == "precision":
        said += ", because their covariance is zero"
    above = [
        party
        for (party, raw), credit in zip(credits.items(), projected.credits, strict=True)
        if credit > max(raw, Decimal(0))
    ]
    raised = f"; above the estimate, because errors are correlated: {', '.join(above)}" if above else ""
    reason = f"credits below zero are raised to zero and {said} ({projected.applied}){raised}"
    return (Step(pot.clause, pot.clause, pot.effect, "project", pot.amount, reason),)
