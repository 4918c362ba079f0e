"""What a fit must offer so that its gain can be divided among providers: players, and their credits under a rule."""

from typing import Protocol, runtime_checkable

from counterfoil.datasets.roster import Roster
from counterfoil.errors import Problem
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.spec import Sample


@runtime_checkable
class Divisible(Protocol):
    """A fitted gain that attribution rules divide without refitting; one that its design cannot follow it refuses.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> isinstance(Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice")), Divisible)
    True
    """

    @property
    def providers(self) -> tuple[str, ...]:
        """Return the players, in order."""
        ...

    @property
    def roster(self) -> Roster:
        """Return who served whom, among the people whom the fit uses."""
        ...

    @property
    def sample(self) -> Sample:
        """Return whom the fit uses."""
        ...

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Return what a reader must know before using the fit."""
        ...

    def total(self) -> Estimate:
        """Return the total gain; it needs no attribution rule."""
        ...

    def apply(self, kernel: Kernel) -> Estimate:
        """Return the credit of each provider under a rule."""
        ...

    def joint(self, kernel: Kernel) -> Estimate:
        """Return the credits and, last, the total as one estimate with their joint covariance."""
        ...
