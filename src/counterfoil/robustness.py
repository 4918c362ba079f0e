"""How far trends may differ before a gate or a tier flips: breakdown values of the claims that a contract pays on.

A claim is that the gain is beyond a threshold: zero, the gate's minimum, the edges of a table of steps. It is shown when the
lower end of the robust confidence set is beyond it. The breakdown value M̄ is the largest violation of parallel trends, in
multiples of the largest seen before the services began, up to which the claim is shown. Source: Rambachan and Roth (2023).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from counterfoil.attribution.gains.robust_gate import RobustGate
from counterfoil.attribution.money.amounts import exact
from counterfoil.attribution.payment.condition import shown as shown_number
from counterfoil.attribution.payment.gate import Gate
from counterfoil.attribution.risk.thresholds import thresholds
from counterfoil.contract import Contract
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.panels.breakdown import Breakdown, breakdown
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.pretrend_power import pretrend_power

if TYPE_CHECKING:
    from counterfoil.measuring import EffectResult

CONF_LEVEL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Robustness:
    """What an effect's claims stand up to.

    Parameters
    ----------
    claims : tuple of str
        Each in words, from the lowest threshold.
    found : Breakdown
        Of the average effect over periods since the services began, in the order of the claims.
    power : str
        What a test of earlier trends could have seen; empty where it cannot be told.
    average : float
        The average effect that the claims are about, in the outcome's own sign: of the event times as the gain weighs them.
    """

    claims: tuple[str, ...]
    found: Breakdown
    power: str
    average: float

    def tidy(self) -> pd.DataFrame:
        """Return one row a claim: claim, threshold (oriented so that higher is better), parallel_trends, breakdown."""
        table = self.found.tidy()
        sign = 1.0 if self.found.sensitivity.better == "higher" else -1.0
        table = table.assign(threshold=sign * table["threshold"] + 0.0, claim=self.claims)
        return table[["claim", "threshold", "parallel_trends", "breakdown"]]

    def to_records(self) -> list[dict[str, Any]]:
        """Return the table as plain data; a breakdown is None where there is none, or none in the range searched."""
        return [
            {**row, "breakdown": None if pd.isna(row["breakdown"]) else float(row["breakdown"])}
            for row in self.tidy().to_dict("records")
        ]

    def lines(self) -> list[str]:
        """Return a sentence for each claim."""
        said = []
        for claim, value in zip(self.claims, self.found.values, strict=True):
            if value is None:
                said.append(f"{claim}: not shown, even if trends were parallel")
            elif value == float("inf"):
                limit = self.found.sensitivity.limits[-1]
                said.append(
                    f"{claim}: shown up to the largest difference of trends searched, {limit:g} times the largest before"
                )
            else:
                said.append(f"{claim}: shown if trends differ by up to {value:.2f} times the largest difference before")
        return said


def robustness(contract: Contract, result: "EffectResult") -> Robustness | None:
    """Return the breakdown value of each claim that the contract pays on, or None where an effect has no earlier periods.

    Parameters
    ----------
    contract : Contract
    result : EffectResult
        Of a design with effects by period.
    """
    study = result.over_time
    if study is None or not study.pre_times or result.total is None:
        return None
    claims = _claims(contract, result)
    bound: Literal["one_sided", "two_sided"] = "one_sided"
    level = CONF_LEVEL
    gate = result.terms.gate
    if isinstance(gate, Gate):
        bound, level = gate.bound, gate.level
    elif isinstance(gate, RobustGate):
        bound, level = gate.bound, float(gate.conf_level)
    try:
        found = breakdown(
            study,
            [result.sign * threshold for threshold in claims.values()],
            better=result.terms.better,
            conf_level=level,
            bound=bound,
        )
        average = float(study.average().values[0])
    except CounterfoilError:
        return None
    return Robustness(tuple(claims), found, _power(study), average)


def _claims(contract: Contract, result: "EffectResult") -> dict[str, float]:
    """Return each claim in words with its threshold, oriented so that higher is better, from the lowest."""
    found = {"a gain above 0": 0.0}
    gate = result.terms.gate
    minimum = getattr(gate, "total_above", getattr(gate, "above", None))
    if minimum:
        found[f"the gate: a gain above {shown_number(exact(minimum))}"] = float(minimum)
    for clause in contract.prices:
        if clause.effect != result.name:
            continue
        for edge in thresholds(clause, result.total.people if result.total is not None else None):
            words = {"step": "the tier", "piece": "the piece", "scale": "the scale", "band": "the band"}.get(
                edge.kind, "the minimum"
            )
            found[f"{words} from {shown_number(edge.value)}"] = float(edge.value)
    return dict(sorted(found.items(), key=lambda claim: claim[1]))


def _power(study: EventStudy) -> str:
    try:
        return pretrend_power(study).sentence
    except CounterfoilError:
        return ""
