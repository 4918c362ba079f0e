"""What a fitted design offers beside its one number, so that a report can show it without knowing the design."""

from typing import Protocol, runtime_checkable

from counterfoil.datasets.panel import Panel
from counterfoil.datasets.study import Study
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.panels.event_study import EventStudy


@runtime_checkable
class Fitted(Protocol):
    """A fit whose one number is its total; whatever else it is asked, nothing is fitted again."""

    def total(self) -> Estimate:
        """Return the gain: one term, in the outcome's units and sign."""
        ...


@runtime_checkable
class WithEventStudy(Protocol):
    """A fit that tells effects by periods since the services began."""

    def event_study(self) -> EventStudy:
        """Return effects by event time with their joint covariance.

        Raises
        ------
        CounterfoilError
            When the design has no effects by event time.
        """
        ...


@runtime_checkable
class ByPeriod(Protocol):
    """A design that makes the same comparison in every period, as changes since the last one before the services."""

    def by_period(self, data: Study | Panel) -> EventStudy:
        """Return effects by period with their joint covariance.

        Raises
        ------
        CounterfoilError
            As its fit.
        """
        ...
