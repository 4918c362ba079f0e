"""From a contract and assumptions to draws of everything that a settlement follows from.

Each number has a stream of random numbers of its own, named after it, so that scenarios differ by what they assume and not by
chance, and the same seed gives the same draws in every process. Estimates vary together as their stated correlations say;
quantities are drawn independently of them and of each other.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from counterfoil.assumptions import AssumedEffect, AssumedQuantity, Assumptions, Enrolment, Scenario
from counterfoil.attribution.counting.kinds import count, in_order
from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.money.amounts import add, exact, multiply
from counterfoil.attribution.payment.settlement import Inputs
from counterfoil.attribution.payment.trace import Priced
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.attribution.risk.drawing import correlations, standard_draws
from counterfoil.contract import Contract, Effect
from counterfoil.errors import Problem, did_you_mean
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.published import Clusters
from counterfoil.measuring import EffectResult
from counterfoil.references import references

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SupposedEffect:
    """An effect drawn around its assumed true value.

    Parameters
    ----------
    terms : Effect
        What the contract asks.
    assumed : AssumedEffect
    estimates, std_errors : ndarray, shape (size,)
        In the outcome's own units and sign.
    people : ndarray of int, shape (size,), or None
        Over how many people a gain per person counts; None where that is not assumed.
    period : str
    """

    terms: Effect
    assumed: AssumedEffect
    estimates: FloatArray
    std_errors: FloatArray
    people: NDArray[np.int64] | None
    period: str

    @property
    def sign(self) -> int:
        """1 where higher is better, −1 where lower is."""
        return 1 if self.terms.better == "higher" else -1

    @property
    def true_gain(self) -> float:
        """The assumed true gain, oriented so that higher is better."""
        return self.sign * float(self.assumed.true[0])

    def priced(self, number: int) -> Priced:
        """Return the effect as a payment clause sees it in one draw: rounded, and held against its gate."""
        value, people = float(self.estimates[number]), None if self.people is None else int(self.people[number])
        total = Estimate.published(
            [value],
            [float(self.std_errors[number])],
            terms=["gain"],
            outcome=self.terms.outcome,
            estimand="assumed effect",
            people=people or 0,
            df=self.assumed.df or math.inf,
        )
        groups = getattr(self.terms.estimator, "clusters", None)
        clusters = groups if isinstance(groups, Clusters) else None
        result = EffectResult("", self.terms, total=total, own=exact(value), settled_in=self.period, clusters=clusters)
        made = result.at(value)
        credits = {provider: multiply(made.level, part) for provider, part in self.assumed.credits.items()}
        return replace(made, credits=credits or None, people=people)


@dataclass(frozen=True, slots=True, eq=False)
class Supposed:
    """A scenario whose draws can be settled.

    Parameters
    ----------
    contract : Contract
    effects : mapping of str to SupposedEffect
    numbers : mapping of str to sequence of (Cell, sequence of Decimal)
        Quantity to its cells, each with its amount in every draw.
    derived : tuple of str
        Quantities that are made of those, each after what it is made of.
    clauses : mapping of str to sequence
        Period to the clauses in force in it.
    """

    contract: Contract
    effects: Mapping[str, SupposedEffect]
    numbers: Mapping[str, tuple[tuple[Cell, tuple[Decimal, ...]], ...]]
    derived: tuple[str, ...]
    clauses: Mapping[str, tuple[Any, ...]]

    def at(self, number: int) -> Inputs:
        """Return what the settlement of one draw follows from."""
        contract = self.contract
        quantities = {
            name: Quantity(tuple(Cell(amounts[number], *cell.place) for cell, amounts in cells))
            for name, cells in self.numbers.items()
        }
        for name in self.derived:
            quantities[name] = count(contract.quantities[name], name, None, {}, quantities)
        return Inputs(
            self.clauses,
            {name: (effect.priced(number),) for name, effect in self.effects.items()},
            {name: effect.split for name, effect in contract.effects.items() if effect.split is not None},
            quantities,
            contract.currency,
            contract.payers[0] if contract.payers else "",
            contract.rounding,
            contract.settlement.basis == "cumulative",
            contract.settlement.claw_back,
        )


def suppose(contract: Contract, assumptions: Assumptions, size: int, seed: int) -> Supposed:
    """Draw everything that a contract pays for, under assumptions that leave nothing open; see `missing`."""
    names = [name for name in contract.effects if name in assumptions.effects and _needed_effect(contract, name)]
    pairs = {
        (name, other): float(value)
        for name in names
        for other, value in assumptions.effects[name].correlation.items()
        if other in names
    }
    noise = standard_draws(correlations(names, pairs), size, _number(seed, "effects")) if names else np.zeros((size, 0))
    effects = {name: _effect(contract, assumptions, name, noise[:, k], seed) for k, name in enumerate(names)}
    numbers = {
        name: tuple(
            (_cell(contract, terms), _amounts(terms, size, seed, name, str(place))) for place, terms in enumerate(given)
        )
        for name, given in assumptions.quantities.items()
    }
    needed = set(_needed_quantities(contract, assumptions))
    derived = tuple(name for name in in_order(contract.quantities) if name in needed and name not in numbers)
    versions = {label: contract.as_of(label) for label in contract.labels}
    clauses = {
        label: tuple(version.received(clause) for clause in version.payments) for label, version in versions.items()
    }
    return Supposed(contract, effects, numbers, derived, clauses)


def misfits(contract: Contract, assumptions: Assumptions) -> Iterator[Problem]:
    """Yield what the assumptions name and the contract does not have, and rosters that do not sum to one."""
    there: dict[str, Mapping[str, Any]] = {"effects": contract.effects, "quantities": contract.quantities}
    for kind, names in assumptions.named().items():
        for name in names:
            if name not in there[kind]:
                what = f"the contract has no '{name}' under `{kind}:`{did_you_mean(name, there[kind])}"
                yield Problem("CONTRACT-024", what, assumptions.where(kind, name))
    parts: list[tuple[tuple[str, ...], Assumptions | Scenario]] = [((), assumptions)]
    parts += [(("scenarios", name), part) for name, part in assumptions.scenarios.items()]
    for at, part in parts:
        for name, terms in part.effects.items():
            yield from _effect_misfits(contract, assumptions, terms, (*at, "effects", name))
        for name, numbers in part.quantities.items():
            for period in (given.period for given in numbers if given.period is not None):
                if period not in contract.labels:
                    where = assumptions.where(*at, "quantities", name)
                    hint = did_you_mean(period, contract.labels)
                    yield Problem("CONTRACT-024", f"the contract has no period '{period}'{hint}", where)


def _effect_misfits(
    contract: Contract, assumptions: Assumptions, terms: AssumedEffect, at: tuple[str, ...]
) -> Iterator[Problem]:
    where = assumptions.where(*at)
    if terms.period is not None and terms.period not in contract.labels:
        hint = did_you_mean(terms.period, contract.labels)
        yield Problem("CONTRACT-024", f"the contract has no period '{terms.period}'{hint}", where)
    for provider in terms.credits:
        if provider not in contract.parties:
            what = f"no party is called '{provider}'{did_you_mean(provider, contract.parties)}"
            yield Problem("CONTRACT-024", what, where)
    if terms.credits and add(terms.credits.values()) != 1:
        yield Problem(
            "CONTRACT-024", f"the credits of '{at[-1]}' sum to {add(terms.credits.values())}, not to 1", where
        )
    for other, value in terms.correlation.items():
        if other not in contract.effects or other == at[-1]:
            yield Problem("CONTRACT-024", f"'{other}' is no other effect of the contract", where)
        elif abs(value) > 1:
            yield Problem("CONTRACT-024", f"the correlation with '{other}' is not between -1 and 1", where)


def missing(contract: Contract, assumptions: Assumptions) -> Iterator[Problem]:
    """Yield everything that payment depends on and that the assumptions, one true value an effect, leave open."""
    drawn: list[str] = []
    if not contract.prices:
        yield Problem(
            "CONTRACT-025", "the contract prices nothing, so no assumption makes anything due", contract.where()
        )
    for name in contract.effects:
        if not _needed_effect(contract, name):
            continue
        drawn.append(name)
        terms = assumptions.effects.get(name, AssumedEffect())
        for what in _open_terms(contract, name, terms):
            yield Problem("CONTRACT-025", f"effect '{name}': {what}", assumptions.where("effects", name))
    for number, name in enumerate(drawn):
        for other in drawn[:number]:
            stated = (assumptions.effects.get(one) for one in (name, other))
            if not any(terms and {name, other} & set(terms.correlation) for terms in stated):
                what = f"nothing states the `correlation:` of the estimates of '{other}' and '{name}'"
                yield Problem("CONTRACT-025", what, assumptions.where("effects", name))
    for name in dict.fromkeys(_needed_quantities(contract, assumptions)):
        if name not in assumptions.quantities and not contract.quantities[name].refers_to:
            yield Problem("CONTRACT-025", f"quantity '{name}' is not assumed", assumptions.where("quantities"))
    for name, numbers in assumptions.quantities.items():
        if len(contract.labels) > 1 and any(terms.period is None for terms in numbers):
            what = f"quantity '{name}': `period:`, of which the contract has {len(contract.labels)}"
            yield Problem("CONTRACT-025", what, assumptions.where("quantities", name))


def _open_terms(contract: Contract, name: str, terms: AssumedEffect) -> Iterator[str]:
    effect = contract.effects[name]
    if not terms.true:
        yield "`true:`, the effect that is assumed"
    if len(contract.labels) > 1 and terms.period is None and effect.settled_in is None:
        yield f"`period:`, of which the contract has {len(contract.labels)}"
    if terms.std_error is None:
        planned = effect.planning
        if terms.std_dev is None and planned is None:
            yield "`std_error:`, or `std_dev:` and `people:`, from which it follows"
        if terms.people is None:
            yield "`people:`, from whom the standard error follows"
        if (terms.icc or (planned is not None and planned.icc)) and terms.clusters is None:
            yield "`clusters:`, how many the correlation within clusters is about"
    elif terms.people is None and any(
        isinstance(clause, UnitPrice) and clause.effect == name and clause.per == "person" for clause in contract.prices
    ):
        yield "`people:`, over whom it is paid"
    if not terms.credits and _divides(contract, name):
        yield "`credits:`, the roster by which it is divided"


def _divides(contract: Contract, name: str) -> bool:
    """Whether an effect's credits divide money."""
    own = contract.effects[name].split is not None and any(clause.effect == name for clause in contract.prices)
    return own or any(clause.split is not None and clause.split.credits_from == name for clause in contract.prices)


def _needed_effect(contract: Contract, name: str) -> bool:
    return name in contract.paid_effects


def _needed_quantities(contract: Contract, assumptions: Assumptions) -> Iterator[str]:
    """Yield the quantities that clauses name, and what those are made of where they are not assumed themselves."""
    asked = [name for clause in contract.payments for _, kind, name in references(clause) if kind == "quantity"]
    while asked:
        name = asked.pop(0)
        yield name
        if name not in assumptions.quantities:
            asked += contract.quantities[name].refers_to


def _effect(contract: Contract, assumptions: Assumptions, name: str, noise: FloatArray, seed: int) -> SupposedEffect:
    terms, assumed = contract.effects[name], assumptions.effects[name]
    people = None
    if assumed.people is not None:
        people = np.maximum(1, _people(assumed.people, len(noise), _stream(seed, name, "people")))
    errors = _errors(terms, assumed, people, len(noise))
    period = assumed.period or terms.settled_in or contract.labels[-1]
    estimates = float(assumed.true[0]) + errors * noise
    return SupposedEffect(terms, assumed, estimates, errors, people, period)


def _errors(terms: Effect, assumed: AssumedEffect, people: NDArray[np.int64] | None, size: int) -> FloatArray:
    if assumed.std_error is not None or people is None:
        return np.full(size, float(assumed.std_error or 0))
    planned = terms.planning
    std_dev = float(assumed.std_dev) if assumed.std_dev is not None else (planned.std_dev if planned else 0.0)
    icc = float(assumed.icc) if assumed.icc is not None else (planned.icc if planned else 0.0)
    share = float(assumed.assigned)
    per_cluster = people / assumed.clusters if assumed.clusters else np.ones(size)
    inflated = 1 + np.maximum(per_cluster - 1, 0) * icc
    return np.asarray(std_dev * np.sqrt(inflated / (people * share * (1 - share))))


def _cell(contract: Contract, terms: AssumedQuantity) -> Cell:
    return Cell(Decimal(0), terms.period or contract.labels[-1], terms.group, terms.rung, terms.provider)


def _amounts(terms: AssumedQuantity, size: int, seed: int, *names: str) -> tuple[Decimal, ...]:
    """Return a number in every draw."""
    if terms.value is not None:
        return (terms.value,) * size
    rng = _stream(seed, *names)
    if terms.low is not None and terms.high is not None:
        return tuple(Decimal(int(value)) for value in rng.integers(terms.low, terms.high, size, endpoint=True))
    if terms.people is not None:
        people = _people(terms.people, size, _stream(seed, *names, "people"))
        mean = np.asarray(people * float(terms.per_person_mean or 0), dtype=np.float64)
        spread = np.asarray(np.sqrt(people) * float(terms.per_person_std_dev), dtype=np.float64)
    else:
        mean, spread = np.full(size, float(terms.mean or 0)), np.full(size, float(terms.std_dev or 0))
    return tuple(exact(float(value)) for value in _above_zero(mean, spread, rng))


def _people(terms: int | Enrolment, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    if isinstance(terms, int):
        return np.full(size, terms, dtype=np.int64)
    if terms.low is not None and terms.high is not None:
        return rng.integers(terms.low, terms.high, size, endpoint=True)
    mean, spread = np.full(size, float(terms.mean or 0)), np.full(size, float(terms.std_dev or 0))
    return np.rint(_above_zero(mean, spread, rng)).astype(np.int64)


def _above_zero(mean: FloatArray, std_dev: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw normal numbers on the condition that they are not negative, by the inverse of their distribution."""
    uniform = rng.random(len(mean))
    scale = np.where(std_dev > 0, std_dev, 1.0)
    below = ndtr(-mean / scale)
    drawn = mean + scale * ndtri(below + (1 - below) * uniform)
    return np.asarray(np.where(std_dev > 0, np.maximum(drawn, 0.0), mean))


def _stream(seed: int, *names: str) -> np.random.Generator:
    return np.random.default_rng(_number(seed, *names))


def _number(seed: int, *names: str) -> int:
    return int.from_bytes(hashlib.sha256("\x1f".join((str(seed), *names)).encode()).digest()[:8], "little")
