"""Several effects together, with the covariance that is known of them and none that is not.

Effects on the same people are joined person by person (`counterfoil.estimators.stack`), which needs no statement of the
parties. Of published effects, and of effects that share nobody, nothing tells how they vary together; the contract says
that they are independent, or which correlation was agreed, or the effects are not joined.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from counterfoil.attribution.money.amounts import Amount
from counterfoil.errors import did_you_mean, listed, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.spec import OwnRules
from counterfoil.estimators.stack import stack

NO_CREDITS: Final = OwnRules(
    (), "an effect made of others is of a programme as a whole, so there are no credits to split by"
)


class Joined(BaseModel):
    """What a contract says of effects that are put together."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    own_rules: ClassVar[OwnRules] = NO_CREDITS
    outcome: ClassVar[str | None] = None
    period: ClassVar[str | None] = None

    independent: bool | None = Field(
        None,
        description="True states that parts without people in common vary independently; published parts with standard errors "
        "need this or `correlation`.",
    )
    correlation: Amount | None = Field(
        None, ge=-1, le=1, description="The agreed correlation between any two parts, where no people tell it."
    )

    @model_validator(mode="after")
    def _one_statement(self) -> "Joined":
        if self.independent and self.correlation is not None:
            raise ValueError("`independent: true` and `correlation` contradict each other; write one of the two")
        return self


def chosen(effects: Mapping[str, Estimate], names: Sequence[str]) -> dict[str, Estimate]:
    """Return the effects named, in that order.

    Raises
    ------
    ContractError
        CONTRACT-010 for an effect that is not there.
    ValueError
        When an effect has more than one term.
    """
    for name in names:
        if name not in effects:
            raise refusal("CONTRACT-010", f"there is no effect '{name}'{did_you_mean(name, effects)}")
        if len(effects[name].terms) != 1:
            raise ValueError(f"effect '{name}' has {len(effects[name].terms)} values; one is needed")
    return {name: effects[name] for name in names}


def refuse_mixture(parts: Mapping[str, Estimate]) -> None:
    """Refuse to average effects on different outcomes.

    Raises
    ------
    ContractError
        CONTRACT-022 when two parts name different outcomes.
    """
    outcomes = dict.fromkeys(str(part.outcome) for part in parts.values() if part.outcome)
    if len(outcomes) > 1:
        raise refusal("CONTRACT-022", f"the effects {listed(parts)} are on the outcomes {listed(outcomes)}")


def joint(parts: Mapping[str, Estimate], stated: Joined) -> Estimate:
    """Return effects as one estimate, one term each, with their joint covariance.

    Parameters
    ----------
    parts : mapping of str to Estimate
        One term each.
    stated : Joined
        What the contract says of parts that share nobody.

    Returns
    -------
    Estimate
        With influence values where people join all parts, with a covariance where some are independent or correlated as
        stated, and with values alone where a part has no standard error.

    Raises
    ------
    ContractError
        CONTRACT-021 when the covariance of two parts is neither told by people nor stated, CONTRACT-016 when a correlation
        is stated of parts whose people tell it, or is impossible between so many parts.
    EstimationError
        EST-008 when estimates cannot be joined.
    """
    names = list(parts)
    named = [replace(part, terms=(name,), label="term") for name, part in parts.items()]
    if any(part.error_type == "unknown" for part in named):
        return _values_alone(named)
    groups = _sharing(named)
    if len(groups) == 1:
        return named[0] if len(named) == 1 else stack(named)
    if stated.correlation is not None:
        return _correlated(named, groups, float(stated.correlation))
    if not stated.independent:
        apart = listed(" with ".join(names[i] for i in group) for group in groups)
        raise refusal("CONTRACT-021", f"nothing tells how these vary together: {apart}")
    blocks = [named[group[0]] if len(group) == 1 else stack([named[i] for i in group]) for group in groups]
    joined = stack(blocks, independent=True)
    return joined.select([joined.terms.index(name) for name in names], "term")


def share_people(parts: Sequence[Estimate]) -> bool:
    """Tell whether people link all estimates to each other."""
    return len(_sharing(parts)) == 1


def _sharing(parts: Sequence[Estimate]) -> list[list[int]]:
    """Return positions of parts, grouped by whether people link them."""
    links = np.eye(len(parts))
    people = [None if part.ids is None else pd.Index(part.ids) for part in parts]
    for i, mine in enumerate(people):
        for j, theirs in enumerate(people[:i]):
            if mine is not None and theirs is not None and mine.isin(theirs).any():
                links[i, j] = 1
    labels = connected_components(coo_array(links), directed=False)[1]
    return [np.flatnonzero(labels == label).tolist() for label in dict.fromkeys(labels.tolist())]


def _values_alone(parts: Sequence[Estimate]) -> Estimate:
    return Estimate(
        terms=tuple(part.terms[0] for part in parts),
        values=np.concatenate([part.values for part in parts]),
        error_type="unknown",
        outcome=tuple(str(part.outcome) for part in parts),
        estimand="; ".join(dict.fromkeys(part.estimand for part in parts)),
        people=max(part.people for part in parts),
        population="; ".join(dict.fromkeys(part.population for part in parts)),
        sample_size=sum(part.n for part in parts),
        warnings=tuple(dict.fromkeys(problem for part in parts for problem in part.warnings)),
    )


def _correlated(parts: Sequence[Estimate], groups: Sequence[Sequence[int]], correlation: float) -> Estimate:
    if any(len(group) > 1 for group in groups):
        what = "some parts share people, who tell how they vary together, and `correlation` states it too"
        raise refusal("CONTRACT-016", what, fix="leave `correlation` out, and write `independent: true` for the others")
    if correlation * (len(parts) - 1) < -1:
        what = f"{len(parts)} parts cannot all have a correlation of {correlation:g} with each other"
        raise refusal("CONTRACT-016", what, "correlation", "agree on a correlation that is not so far below zero")
    joined = stack(parts, independent=True)
    error: FloatArray = joined.std_error
    matrix = np.full((len(parts), len(parts)), correlation)
    np.fill_diagonal(matrix, 1.0)
    return replace(joined, covariance=matrix * np.outer(error, error))
