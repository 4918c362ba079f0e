"""What can be said before outcomes are read: tables, rosters, patterns, and whether each effect can be answered.

The estimators are rehearsed with every outcome at zero, so that a refusal that lies in the design (an empty arm, a
pattern nobody had, rosters that cannot be told apart) is known before anybody looks at results.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from counterfoil.agreement import disagreements
from counterfoil.contract import Contract, contradictions
from counterfoil.datasets.disclosure import suppress_counts
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, raise_any
from counterfoil.evaluation import EffectResult, measure
from counterfoil.plain import plain


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """What a study can answer of a contract, before outcomes.

    Parameters
    ----------
    contract : Contract
    study : Study
        Without its outcomes.
    served : DataFrame or None
        Columns provider and people; small counts suppressed.
    patterns : DataFrame or None
        Columns pattern and people; small counts suppressed.
    effects : mapping of str to EffectResult
        Rehearsed with every outcome at zero: only refusals and warnings mean anything.
    """

    contract: Contract
    study: Study
    served: pd.DataFrame | None
    patterns: pd.DataFrame | None
    effects: Mapping[str, EffectResult]

    @property
    def refused(self) -> tuple[Problem, ...]:
        """Why effects cannot be answered; empty when all can."""
        return tuple(dict.fromkeys(problem for result in self.effects.values() for problem in result.refused))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "contract": {"name": self.contract.name, "digest": self.contract.digest},
            "study": {"name": self.study.name, "people": self.study.n_people, "digests": dict(self.study.digests)},
            "answerable": not self.refused,
            "served": [] if self.served is None else self.served.to_dict("records"),
            "patterns": [] if self.patterns is None else self.patterns.to_dict("records"),
            "effects": {
                name: {
                    "refused": [problem.to_dict() for problem in result.refused],
                    "warnings": [problem.to_dict() for problem in result.warnings],
                }
                for name, result in self.effects.items()
            },
        }

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(plain(self.to_dict()), indent=2, ensure_ascii=False) + "\n"

    def summary(self) -> str:
        """Return everything as text."""
        lines = [f"{self.contract.name}: {self.study.n_people:,} people; outcomes were not looked at"]
        for title, frame in (
            ("People served, by provider", self.served),
            ("People, by pattern of providers", self.patterns),
        ):
            if frame is not None:
                lines += ["", title, *(f"  {line}" for line in frame.to_string(index=False, header=False).splitlines())]
        lines.append("")
        for name, result in self.effects.items():
            lines.append(f"effect {name}: {'cannot be answered' if result.refused else 'can be answered'}")
            lines += [f"  {problem}" for problem in result.refused]
            lines += [f"  {problem.code} {problem.what}" for problem in result.warnings]
        return "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        return self.summary()


def check(contract: Contract, study: Study) -> Check:
    """Hold a contract against a study without looking at outcomes; the study may have none.

    Raises
    ------
    ContractError
        When the contract contradicts itself.
    DataError
        When contract and tables do not fit, with every problem at once.

    Examples
    --------
    >>> import counterfoil as cf
    >>> folder = cf.datasets.example_folder("rice")
    >>> report = check(cf.read_contract(folder / "contract.yaml"), cf.read_study(folder, outcomes=False))
    >>> report.refused
    ()
    """
    raise_any(contradictions(contract))
    blind = study.without_outcomes()
    raise_any(disagreements(contract, blind))
    rehearsal = _at_zero(contract, blind)
    effects = {name: measure(contract, rehearsal, name) for name in contract.effects}
    served = patterns = None
    if blind.services is not None:
        roster = blind.roster([name for name in contract.parties if name in blind.providers])
        counts = [*roster.exposure.sum(axis=0)]
        served = pd.DataFrame({"provider": roster.providers, "people": suppress_counts(counts)})
        patterns = blind.roster([name for name in contract.players if name in blind.providers]).tidy()
    return Check(contract, blind, served, patterns, effects)


def _at_zero(contract: Contract, study: Study) -> Study:
    """Return the study with every outcome that the contract names at zero for everybody."""
    asked = dict.fromkeys((effect.outcome, effect.estimator.period or "") for effect in contract.effects.values())
    parts = [
        pd.DataFrame({"person": study.people["person"], "outcome": outcome, "period": period, "value": 0.0})
        for outcome, period in asked
    ]
    return Study.from_tables(
        study.people,
        services=study.services,
        outcomes=pd.concat(parts, ignore_index=True),
        cluster=study.cluster,
        name=study.name,
    )
