"""What the rosters of an effect can tell apart, before outcomes: in providers' names only, without any count of people."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterfoil.contract import Contract, Dividing
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers, blank, is_number
from counterfoil.errors import listed
from counterfoil.estimators.aliases import AliasSet, alias_sets
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.dose_response import DoseResponse
from counterfoil.estimators.service_graph import ServiceGraph, service_graph


@dataclass(frozen=True, slots=True)
class Separation:
    """What rosters tell apart.

    Parameters
    ----------
    aliases : tuple of AliasSet, or None
        Sets of providers that rosters do not tell apart, given the covariates; None where doses tell them apart, or not.
    graph : ServiceGraph
        Which providers are joined by shared people.
    """

    aliases: tuple[AliasSet, ...] | None
    graph: ServiceGraph

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        sets = self.aliases
        return {
            "aliases": None if sets is None else [{"providers": s.providers, "determined": s.determined} for s in sets],
            "connected": self.graph.connected,
            "joined_by_people": self.graph.by_people,
        }

    def lines(self) -> Iterator[str]:
        """Yield it as sentences."""
        several = sum(map(len, self.graph.by_people)) > 1
        if self.aliases == () and several:
            yield "The rosters tell all providers apart."
        for found in self.aliases or ():
            names = listed(found.providers, limit=20)
            if found.determined:
                yield f"The rosters do not tell {names} apart; what they did together is determined."
            else:
                yield f"The rosters do not tell what {names} did from what would have been anyway."
        if several and self.graph.connected:
            yield "Shared people join all providers."
        elif several:
            groups = "; ".join(listed(names, limit=20) for names in self.graph.by_people)
            yield f"No shared people join these groups of providers, which are compared through unserved people only: {groups}."


def separation(contract: Contract, study: Study, effect: str) -> Separation | None:
    """Return what the rosters of an effect tell apart; None for an effect with no providers in the study.

    People who lack a covariate are left out; providers that served nobody and backbones are no part of it.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")
    >>> found = separation(contract, cf.datasets.load("rice"), "takeup")
    >>> found.aliases, found.graph.connected
    ((), True)
    """
    spec = contract.spec(effect)
    backbone = spec.backbone if isinstance(spec, Contribution) else ()
    if not isinstance(spec, Dividing) or study.services is None:
        return None
    names = [name for name in spec.providers if name in study.providers and name not in backbone]
    if not names:
        return None
    columns = [study.column(name, complete=False) for name in spec.covariates]
    lacking = np.zeros(study.n_people, dtype=bool)
    for column in columns:
        lacking |= np.asarray(blank(column) | (~np.isfinite(as_numbers(column)[0]) if is_number(column) else False))
    used = study.subset(~lacking) if lacking.any() else study
    roster = used.roster(names)
    met = np.any(roster.exposure, axis=0).tolist()
    roster = roster.only([name for name, somebody in zip(names, met, strict=True) if somebody])
    if not roster.providers:
        return None
    controls = np.hstack([np.ones((used.n_people, 1)), used.covariates(spec.covariates)[0]])
    aliases = None if isinstance(spec, DoseResponse) else alias_sets(roster, controls)
    return Separation(aliases, service_graph(roster))
