"""What a contract would pay, before anything is signed: draws under assumed effects, enrolments and rosters.

The distributions are those of payments if the assumptions are true, with the chance that lies in the estimate and in how many
people come. They say nothing of how likely the assumptions are.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.assumptions import Assumptions, Scenario
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.payment.line import titled
from counterfoil.attribution.payment.price import Price
from counterfoil.attribution.risk.cliff import Cliff, cliff_cost, jumps, knots_of, tidy_cliffs
from counterfoil.attribution.risk.histogram import plot_payments
from counterfoil.attribution.risk.operating_table import OperatingRow, operating_row, tidy_operating
from counterfoil.attribution.risk.payments import Payments, settle_draws
from counterfoil.attribution.risk.standing import looking_at
from counterfoil.contract import Contract
from counterfoil.contradictions import contradictions
from counterfoil.datasets.display import titled_table
from counterfoil.errors import PaymentError, listed, raise_any
from counterfoil.plain import plain
from counterfoil.supposed import Supposed, misfits, missing, suppose

DRAWS: Final = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """One scenario, or one point of the grid.

    Parameters
    ----------
    name : str
    payments : Payments
    operating : tuple of OperatingRow
        For each effect: how often something is due, how often wrongly, and how far paid estimates exaggerate.
    cliffs : mapping of str to Cliff
        Price with a jump to what its cliff costs against the graduated table, before limits, gates and escalators.
    """

    name: str
    payments: Payments
    operating: tuple[OperatingRow, ...]
    cliffs: Mapping[str, Cliff]


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """Distributions of payments under assumptions.

    Parameters
    ----------
    contract : Contract
    assumptions : Assumptions
    scenarios : tuple of Simulated
    size, seed : int
        Draws of each scenario, and what they follow from.
    """

    contract: Contract
    assumptions: Assumptions
    scenarios: tuple[Simulated, ...]
    size: int
    seed: int

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row for each scenario and its total, parties, payers and prices; see `Payments.tidy`."""
        frames = [one.payments.tidy(conf_level).assign(scenario=one.name) for one in self.scenarios]
        found = pd.concat(frames, ignore_index=True)
        return found[["scenario", *(column for column in found if column != "scenario")]]

    def standing(self) -> pd.DataFrame:
        """Return the chance of each tier, condition and gate in each scenario; see `Payments.standing`."""
        frames = [one.payments.standing().assign(scenario=one.name) for one in self.scenarios]
        found = pd.concat(frames, ignore_index=True)
        return found[["scenario", *(column for column in found if column != "scenario")]]

    def operating(self) -> pd.DataFrame:
        """Return chances of payment, error rates and exaggeration, a row for each scenario and effect."""
        frames = [
            tidy_operating(one.operating, self.contract.currency).assign(scenario=one.name)
            for one in self.scenarios
            if one.operating
        ]
        if not frames:
            return pd.DataFrame()
        found = pd.concat(frames, ignore_index=True)
        return found[["scenario", *(column for column in found if column != "scenario")]]

    def cliffs(self) -> pd.DataFrame:
        """Return what each jump costs, a row for each scenario and price that jumps; see `counterfoil.attribution.risk.Cliff`."""
        frames = [
            tidy_cliffs(list(one.cliffs.values())).assign(scenario=one.name, clause=list(one.cliffs))
            for one in self.scenarios
            if one.cliffs
        ]
        if not frames:
            return pd.DataFrame()
        found = pd.concat(frames, ignore_index=True)
        first = ["scenario", "clause"]
        return found[[*first, *(column for column in found if column not in first)]]

    def summary(self) -> str:
        """Return every scenario as text: what is expected and how it spreads, parties, tiers, error rates, cliffs."""
        said = (
            f"{self.contract.name}: what would be due, in {self.contract.currency}; {self.size:,} draws a scenario, "
            f"seed {self.seed}. The assumptions are taken to be true; nothing here says how likely they are."
        )
        lines = [
            said,
            *_unassumed(self.contract, self.assumptions),
            "",
            f"{'scenario':<28}{'expected':>18}{'std dev':>18}{'95% from':>18}{'to':>18}{'nothing due':>13}",
        ]
        for one in self.scenarios:
            low, high = one.payments.interval()
            money = "".join(f"{x:>18,.2f}" for x in (one.payments.mean, one.payments.std_dev, low, high))
            lines.append(f"{one.name:<28}{money}{one.payments.nothing_due:>13.1%}")
        for one in self.scenarios:
            lines += ["", f"{one.name}", one.payments.summary(), *_wrongly(one.operating), *_cliffs(one.cliffs)]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, without the single draws; money is a mean of draws and therefore no exact amount."""
        return {
            "contract": {"name": self.contract.name, "digest": self.contract.digest},
            "assumptions": {
                "digest": self.assumptions.digest,
                "terms": self.assumptions.model_dump(mode="json", exclude_unset=True),
            },
            "currency": self.contract.currency,
            "draws": self.size,
            "seed": self.seed,
            "scenarios": [
                {
                    "name": one.name,
                    "payments": one.payments.tidy().to_dict("records"),
                    "standing": one.payments.standing().to_dict("records"),
                    "refused": dict(one.payments.refused),
                    "operating": tidy_operating(one.operating, self.contract.currency).to_dict("records"),
                    "cliffs": {name: _cliff_dict(found) for name, found in one.cliffs.items()},
                }
                for one in self.scenarios
            ],
        }

    def to_json(self) -> str:
        """Return everything as JSON; the same inputs and seed give the same bytes."""
        return json.dumps(plain(self.to_dict()), indent=2, ensure_ascii=False) + "\n"

    def plot(self, axes: Any = None) -> Any:
        """Draw a histogram of what is due in each scenario; return the matplotlib Axes."""
        drawn = {one.name: one.payments.totals for one in self.scenarios}
        return plot_payments(drawn, axes, self.contract.currency)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), f"{self.contract.name}: what would be due")


def simulate(contract: Contract, assumptions: Assumptions, *, size: int = DRAWS, seed: int = 0) -> Simulation:
    """Settle draws of everything that a contract pays for, in each assumed scenario.

    Parameters
    ----------
    contract : Contract
    assumptions : Assumptions
        See `counterfoil.assumptions.read_assumptions`.
    size : int
        Draws of each scenario, at least 100.
    seed : int
        Same seed, same draws, in every process; scenarios share them, so that they differ by what is assumed alone.

    Raises
    ------
    ContractError
        When the contract contradicts itself; CONTRACT-024 when the assumptions do not fit it, CONTRACT-025 when they leave
        open what payment depends on, with everything that is missing.
    PaymentError
        PAY-016 for few draws, PAY-017 for correlations that cannot hold together, or the refusal of every draw.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")
    >>> roster = {"default": "0.5", "intensive": "0.5"}
    >>> takeup = {"true": ["0", "0.05"], "std_error": "0.02", "people": 900, "credits": roster}
    >>> found = simulate(contract, Assumptions.model_validate({"effects": {"takeup": takeup}}), size=400)
    >>> [(one.name, round(one.payments.nothing_due, 1)) for one in found.scenarios]
    [('takeup 0', 0.9), ('takeup 0.05', 0.2)]
    """
    raise_any(contradictions(contract))
    raise_any(list(dict.fromkeys(misfits(contract, assumptions))))
    points = assumptions.points()
    raise_any(list(dict.fromkeys(problem for point in points.values() for problem in missing(contract, point))))
    scenarios = tuple(_simulated(name, suppose(contract, point, size, seed), size) for name, point in points.items())
    return Simulation(contract, assumptions, scenarios, size, seed)


def _simulated(name: str, supposed: Supposed, size: int) -> Simulated:
    gated = tuple(effect for effect, found in supposed.effects.items() if found.terms.gate is not None)
    paid = settle_draws(supposed.at, size, gated=gated)
    inputs = supposed.at(0)
    rows = tuple(
        operating_row(
            effect,
            found.true_gain,
            found.sign * found.estimates[paid.draws],
            paid.under(looking_at(inputs, effect)),
            float(found.assumed.minimum),
        )
        for effect, found in supposed.effects.items()
    )
    return Simulated(name, paid, rows, dict(_costs(supposed)))


def _costs(supposed: Supposed) -> Iterator[tuple[str, Cliff]]:
    """Yield the prices that jump in the value of a drawn effect, and what that costs."""
    for number, clause in enumerate(supposed.contract.payments):
        if not isinstance(clause, Price):
            continue
        name = clause.only_if.effect if isinstance(clause, Bonus) else clause.effect
        effect = supposed.effects.get(name or "")
        if effect is None:
            continue
        people = None if effect.people is None else round(float(effect.people.mean()))
        try:
            if jumps(knots_of(clause, people)):
                error = float(np.sqrt(np.mean(effect.std_errors**2)))
                found = cliff_cost(clause, effect.true_gain, error, people=people)
                yield titled(f"payments[{number}]", clause.name), found
        except PaymentError:
            continue


def _unassumed(contract: Contract, assumptions: Assumptions) -> Iterator[str]:
    """Say in which periods nothing is assumed to happen."""
    if len(contract.labels) < 2:
        return
    parts: tuple[Assumptions | Scenario, ...] = (assumptions, *assumptions.scenarios.values())
    named = {terms.period for part in parts for terms in part.effects.values()}
    named |= {number.period for part in parts for numbers in part.quantities.values() for number in numbers}
    silent = [label for label in contract.labels if label not in named]
    if silent:
        yield f"Nothing is assumed for {listed(silent)}, so that only what is due without counts and effects is due in it."


def _cliff_dict(found: Cliff) -> dict[str, float]:
    names = (
        "true_gain",
        "std_error",
        "expected",
        "graduated",
        "cost",
        "std_dev",
        "graduated_std_dev",
        "near",
        "within",
    )
    return {name: getattr(found, name) for name in names}


def _wrongly(rows: tuple[OperatingRow, ...]) -> Iterator[str]:
    for row in rows:
        if row.false_pay is not None:
            yield (
                f"  {row.effect}: a true gain of {row.true_gain:g} is none worth paying for, and something is due for it in "
                f"{row.false_pay:.1%}"
            )
        elif row.false_no_pay is not None:
            ratio = "" if row.exaggeration is None else f"; estimates that are paid are {row.exaggeration:.2f} times it"
            yield f"  {row.effect}: at a true gain of {row.true_gain:g} nothing is due for it in {row.false_no_pay:.1%}{ratio}"


def _cliffs(found: Mapping[str, Cliff]) -> Iterator[str]:
    for name, one in found.items():
        yield (
            f"  {name} jumps: expected {one.expected:,.2f} (std dev {one.std_dev:,.2f}), graduated {one.graduated:,.2f} "
            f"({one.graduated_std_dev:,.2f}); within {one.within:g} of a threshold in {one.near:.1%}"
        )
