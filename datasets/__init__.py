"""Studies: checked tables of people, services and outcomes, and the packaged examples."""

from counterfoil.datasets.cradle import Cradle, simulate_cradle
from counterfoil.datasets.examples import EXAMPLES, STARTER, example_folder, load
from counterfoil.datasets.folder import read_study
from counterfoil.datasets.panel import Panel
from counterfoil.datasets.rollout import Rollout, simulate_rollout
from counterfoil.datasets.roster import Roster
from counterfoil.datasets.study import Study

__all__ = [
    "EXAMPLES",
    "STARTER",
    "Cradle",
    "Panel",
    "Rollout",
    "Roster",
    "Study",
    "example_folder",
    "load",
    "read_study",
    "simulate_cradle",
    "simulate_rollout",
]
