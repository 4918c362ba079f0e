"""One design fixes the pot, another divides it: what the two say of the gain, compared.

The pot comes from a gain V_pot that a lottery identifies; the credits that divide it, and their sum V_split, come from a
contribution model. The two are compared as counts, the gain over everybody that each counts for, and written per person
whom the pot counts for: V_pot − V_split · people_split/people_pot. A model of what every service would be worth to
everybody counts no services that were given, and is compared per person, V_pot − V_split. The difference has a joint
standard error, because both use the same people: influence values are stacked by person id (`stack`).

An interval of the difference that excludes zero says that one of the designs is wrong for this use, or that they count
different people's gains. One that holds zero says only that the data do not show it. The interval is on the wide side: a
lottery's error counts how gains differ between people, which is in both.
"""

from dataclasses import dataclass, replace
from typing import Final

from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.stack import stack

NOISE: Final = 1e-12
"""Differences below this part of the gains are rounding, and no disagreement."""


@dataclass(frozen=True, slots=True, eq=False)
class PotAndSplit:
    """What the pot's design and the dividing one say of the same gain.

    Parameters
    ----------
    both : Estimate
        Terms ``pot``, ``split`` and ``pot less split``, in the outcome's own sign, per person whom the pot counts for.
    basis : str
        How the two were made comparable, in words.
    """

    both: Estimate
    basis: str

    @property
    def difference(self) -> Estimate:
        """The pot less the split."""
        return self.both.select([2])

    @property
    def disagree(self) -> bool:
        """Whether the 95 % interval of the difference excludes zero."""
        pot, split, difference = self.both.values.tolist()
        low, high = self.both.interval()[2].tolist()
        return bool((low > 0 or high < 0) and abs(difference) > NOISE * max(abs(pot), abs(split)))


def compare_pot_and_split(pot: Estimate, split: Estimate, *, as_counts: bool = True) -> PotAndSplit:
    """Return the gain that fixes the pot, the gain that divides it, and their difference, with joint errors.

    Parameters
    ----------
    pot, split : Estimate
        One term each, on people of the same study.
    as_counts : bool
        False compares per person as the values stand, for a split that counts services nobody had.

    Raises
    ------
    EstimationError
        EST-008 when the two cannot be joined by person.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Experiment
    >>> study = cf.datasets.load("nsw")
    >>> with_age = Experiment(covariates=("age",)).fit(study)
    >>> compare_pot_and_split(Experiment().fit(study), with_age).both.values.round(1)
    array([1794.3, 1748. ,   46.4])
    """
    joined = stack([pot, split], ["pot", "split"])
    ratio = split.people / pot.people if as_counts else 1.0
    both = joined.contrast([[1.0, 0.0], [0.0, ratio], [1.0, -ratio]], ["pot", "split", "pot less split"])
    both = replace(
        both, people=pot.people, population=pot.population, estimand="gain that is paid for and gain that divides it"
    )
    if not as_counts or (pot.people, pot.population) == (split.people, split.population):
        return PotAndSplit(both, "both per person")
    counted = f"the gain over {split.people:,} {split.population}, per each of the {pot.people:,} {pot.population}"
    return PotAndSplit(both, f"compared as counts: {counted}")
