"""Matched people, before outcomes are read: who is compared with whom, how many were lost, and afterwards the effect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.comparison_design import Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.matching.matches import Matches

if TYPE_CHECKING:
    from counterfoil.estimators.matching.matching import Matching


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """A matched comparison; no outcome has been read.

    Parameters
    ----------
    spec : Matching
    sample : ComparisonSample
        Of the two groups that are compared.
    score : Score or None
        Chances of being treated, where they are used.
    matches : Matches
        Who is compared with whom, by position in the sample.
    balancing : ndarray, shape (n, 1)
        What each person counts, as a focal person who has partners and as a partner.
    places : ndarray, shape (n, d)
        Where people stand by the spec's distance.
    counts : mapping
        ``wanted``, ``matched`` and ``unmatched`` of the people whose effect is asked for, ``partners`` different people, and
        what the method counts, such as ``ties``.
    warnings : tuple of Problem
    """

    spec: "Matching"
    sample: ComparisonSample
    score: Score | None
    matches: Matches
    balancing: FloatArray
    places: FloatArray
    counts: Mapping[str, int | float]
    warnings: tuple[Problem, ...] = ()

    @property
    def estimand(self) -> Estimand:
        """Whose effect it is."""
        return self.spec.estimand

    def sets(self) -> pd.DataFrame:
        """Return every match as a row, so that an assessor can replicate the comparison.

        The frame holds record ids: whoever writes it to a file hands them on.

        Returns
        -------
        DataFrame
            Columns ``person`` (whose counterpart is made), ``partner``, ``weight`` (those of one person sum to one),
            ``distance`` (in the units of the spec's distance, where the method has one) and ``matched_set`` (where nobody
            is in two), ordered by person id and then partner id.

        Examples
        --------
        >>> from counterfoil.estimators.matching.matching import Matching
        >>> people = pd.DataFrame(
        ...     {"t": [1, 1, 0, 0, 0], "age": [30, 40, 41, 29, 60]}, index=["a", "b", "c", "d", "e"]
        ... )
        >>> design = Matching(treated="t", outcome="y", covariates=("age",), distance="scaled", order="data")
        >>> design.build(people.assign(y=0.0)).sets()[["person", "partner"]].to_numpy().tolist()
        [['a', 'd'], ['b', 'c']]
        """
        focal, partner, weight, distance = self.matches.rows()
        ids = self.sample.study.ids
        columns = {"person": ids[focal], "partner": ids[partner], "weight": weight}
        if distance is not None:
            columns["distance"] = distance
        if self.matches.sets is not None:
            columns["matched_set"] = self.matches.sets[focal]
        return pd.DataFrame(columns)

    def effect(self, outcome: str | None = None, period: str | None = None) -> Estimate:
        """Measure the effect on one outcome.

        Parameters
        ----------
        outcome, period : str, optional
            As the spec names them when omitted.

        Returns
        -------
        Estimate
            One term ``gain``, in the outcome's units per person. Its influence values are martingale scores (Abadie and
            Imbens 2012), so that ``using("HC0")`` can be joined with other estimates whatever errors the spec asks for.

        Raises
        ------
        DataError
            As `Study.outcome`.
        EstimationError
            EST-001 where the error asked for does not exist; EST-003 when a bias adjustment has more columns than partners.
        ContractError
            CONTRACT-016 when the error asked for ignores the study's clusters.
        """
        from counterfoil.estimators.matching.matched_effect import measure

        name = outcome or self.spec.outcome
        values = self.sample.study.outcome(name, period or (self.spec.period if outcome is None else None))
        return measure(self, values, name or self.sample.study.outcome_names[0])

    def __repr__(self) -> str:
        wanted, matched = self.counts["wanted"], self.counts["matched"]
        return f"Matched({self.spec.method}, {self.estimand}: {matched:,} of {wanted:,} people with partners)"


def replicates(matched: Matched, sets: pd.DataFrame) -> bool:
    """Tell whether matched sets that were written down are those that the data give now.

    Parameters
    ----------
    matched : Matched
    sets : DataFrame
        As `Matched.sets` returned it, in any order of rows.

    Examples
    --------
    >>> from counterfoil.estimators.matching.matching import Matching
    >>> people = pd.DataFrame({"t": [1, 1, 0, 0, 0], "age": [30, 40, 41, 29, 60], "y": 0.0})
    >>> made = Matching(treated="t", outcome="y", covariates=("age",), distance="scaled").build(people)
    >>> replicates(made, made.sets().iloc[::-1])
    True
    """
    now = matched.sets()
    keys = ["person", "partner"]
    if len(now) != len(sets):
        return False
    before, after = (frame.sort_values(keys, ignore_index=True) for frame in (sets, now))
    same = all((before[key].to_numpy() == after[key].to_numpy()).all() for key in keys)
    return same and bool(np.allclose(before["weight"], after["weight"], rtol=1e-9, atol=0.0))
