"""What a fitted panel answers: credits over all periods, by cohort, by period, by event time, and before entry.

Nothing is refitted for a rule; placebo credits fit the same people to earlier changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from counterfoil.datasets.roster import Roster
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.entry import Entry
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.group_time import GAIN, Block, averaged, gathered, group_time, membership_spread
from counterfoil.estimators.joint_test import joint_test
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.panel_blocks import fit_block
from counterfoil.estimators.spec import Sample
from counterfoil.estimators.sub_patterns import strong_trends

if TYPE_CHECKING:
    from counterfoil.estimators.panel_contribution import PanelContribution


@dataclass(frozen=True, slots=True, eq=False)
class PanelContributionFit:
    """Fitted cohorts; every attribution rule is applied to them without refitting.

    Parameters
    ----------
    spec : PanelContribution
        What was asked.
    outcome : str
        Name of the outcome.
    roster : Roster
        Who had been served by whom by the end of the last period.
    entry : Entry
        When each person was first served.
    sample : Sample
        Whom the fit uses.
    levels : ndarray, shape (n, n_periods)
        The outcome in every period.
    blocks : tuple of Block
        A fit for each cohort and period.
    frame : callable
        Makes an estimate about these people.
    """

    spec: "PanelContribution"
    outcome: str
    roster: Roster
    entry: Entry
    sample: Sample
    levels: FloatArray
    blocks: tuple[Block, ...]
    frame: Callable[..., Estimate]

    def __repr__(self) -> str:
        return (
            f"PanelContributionFit({self.outcome}: {len(self.roster.ids):,} people, {len(self.providers)} providers, "
            f"{len(self.entry.cohorts)} cohorts, {len(self.spec.labels)} periods, {self.spec.model} model)"
        )

    @property
    def providers(self) -> tuple[str, ...]:
        """The players, in order."""
        return self.roster.providers

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a reader must know before using the fit."""
        fits = gathered(self.blocks, [block.fit.warnings for block in self.blocks])
        return (*self.sample.warnings, *fits)

    def total(self) -> Estimate:
        """Return the total gain per person of the study, in the mean period or over all periods; see `across`."""
        return self._overall(None)

    def apply(self, kernel: Kernel) -> Estimate:
        """Return the credit of each provider under a rule, per person of the study."""
        return self.joint(kernel).select(range(len(self.providers)), "provider")

    def joint(self, kernel: Kernel) -> Estimate:
        """Return the credits and, last, the total as one estimate with their joint covariance."""
        return self._overall(kernel)

    def by_cohort(self, kernel: Kernel) -> Estimate:
        """Return the credits and the gain of each cohort in each period, per person of the cohort.

        With a single provider the gain is the group-time effect ATT(g, t) of Callaway and Sant'Anna.
        """
        groups = [([position], (block.cohort,)) for position, block in enumerate(self.blocks)]
        return self._per_entrant(self.blocks, kernel, groups, [block.where for block in self.blocks])

    def by_period(self, kernel: Kernel) -> Estimate:
        """Return the credits and the gain of each period, per person of the study."""
        periods = sorted({block.period for block in self.blocks})
        groups = [[at for at, block in enumerate(self.blocks) if block.period == period] for period in periods]
        labels = [self.spec.labels[period] for period in periods]
        found = averaged(self._cells(self.blocks, kernel), groups, [1.0] * len(groups), labels, self._names(kernel))
        return self._said(found, kernel, "gain by period, per person of the study")

    def by_event_time(self, kernel: Kernel) -> Estimate:
        """Return the credits and the gain by periods since entry, per person observed that long after entry."""
        times = sorted({block.period - block.cohort for block in self.blocks})
        found = [[at for at, b in enumerate(self.blocks) if b.period - b.cohort == time] for time in times]
        groups = [(at, tuple(self.blocks[position].cohort for position in at)) for at in found]
        return self._per_entrant(self.blocks, kernel, groups, [f"{time:+d}" for time in times])

    def pretrends(self, kernel: Kernel) -> Estimate:
        """Return placebo credits of periods before entry, by periods since entry, with a joint Wald test.

        Each cohort's credits of the last period are computed once more with the change from its baseline back to an
        earlier period as the outcome, when nobody had been served. Parallel trends and no anticipation make them zero.
        They are trends of the outcome without services and say nothing of strong parallel trends.

        Returns
        -------
        Estimate
            ``diagnostics`` hold ``wald``, ``directions`` and ``p_value`` of the test that all are zero.

        Raises
        ------
        IdentificationError
            IDENT-017 when no cohort has a period before its baseline.
        """
        last = len(self.spec.labels) - 1
        asked = [(cohort, early) for cohort in self.entry.cohorts for early in range(cohort - 1)]
        if not asked:
            what = "no cohort has a period before its baseline, so earlier trends cannot be compared"
            raise refusal("IDENT-017", what, "outcomes", "add an earlier period, if one was measured")
        spec, name, providers = self.spec, self.outcome, self.providers
        blocks = [
            fit_block(spec, self.entry, providers, self.sample, self.levels, name, cohort, early, last)
            for cohort, early in asked
        ]
        times = sorted({early - cohort for cohort, early in asked})
        found = [[at for at, (cohort, early) in enumerate(asked) if early - cohort == time] for time in times]
        groups = [(at, tuple(asked[position][0] for position in at)) for at in found]
        placebo = self._per_entrant(blocks, kernel, groups, [f"{time:+d}" for time in times])
        size = len(self._names(kernel))
        credits = placebo.select([at for at in range(len(placebo.terms)) if at % size < size - 1])
        test = joint_test(credits)
        return replace(
            placebo,
            estimand="placebo gain before entry, a test of trends without services only",
            diagnostics={
                **placebo.diagnostics,
                "wald": test.statistic,
                "directions": test.directions,
                "p_value": test.p_value,
            },
        )

    def _names(self, kernel: Kernel | None) -> tuple[str, ...]:
        return (GAIN,) if kernel is None else (*self.providers, GAIN)

    def _cells(self, blocks: Sequence[Block], kernel: Kernel | None) -> Estimate:
        frame = partial(self.frame, estimand="gain of a cohort in a period, per person of the study")
        population = self.spec.target == "population"
        return group_time(blocks, kernel, self.providers, self.sample.weights, frame, population)

    def _overall(self, kernel: Kernel | None) -> Estimate:
        periods = len({block.period for block in self.blocks})
        scale = 1.0 / periods if self.spec.across == "mean" else 1.0
        cells = self._cells(self.blocks, kernel)
        found = averaged(cells, [range(len(self.blocks))], [scale], [""], self._names(kernel))
        whom = "future people like these" if self.spec.target == "population" else "the people of this study"
        whom += " with their luck" if self.spec.target == "realized" else ""
        over = f", {self.spec.across} over {periods} periods" if periods > 1 else ""
        return self._said(found, kernel, f"gain from the services people had{over}, for {whom}")

    def _per_entrant(
        self,
        blocks: Sequence[Block],
        kernel: Kernel,
        groups: Sequence[tuple[Sequence[int], tuple[int, ...]]],
        labels: Sequence[str],
    ) -> Estimate:
        """Average blocks over the people of their cohorts; future people have an estimated share of entrants."""
        weights, names = self.sample.weights, self._names(kernel)
        entrants = [np.flatnonzero(np.isin(self.entry.first, cohorts)) for _, cohorts in groups]
        shares = [float(weights[people].sum() / len(weights)) for people in entrants]
        cells = self._cells(blocks, kernel)
        found = averaged(cells, [at for at, _ in groups], [1.0 / share for share in shares], labels, names)
        if self.spec.target == "population" and found.influence is not None:
            spread = np.column_stack([membership_spread(weights, people) for people in entrants]) / shares
            moved = np.repeat(spread, len(names), axis=1) * found.values
            found = replace(found, influence=found.influence - moved)
        return self._said(found, kernel, "gain since entry, per person who had entered")

    def _said(self, found: Estimate, kernel: Kernel | None, estimand: str) -> Estimate:
        patterns = {
            tuple(np.array(block.present)[row].tolist())
            for block in self.blocks
            for row in block.fit.roster.patterns()[0]
        }
        strong = (
            ()
            if kernel is None
            else strong_trends(kernel, sorted(patterns, key=lambda row: (len(row), row)), self.providers)
        )
        counts = {
            **found.diagnostics,
            "served": int(self.roster.exposure.any(axis=1).sum()),
            "cohorts": len(self.entry.cohorts),
            **self.sample.counts,
        }
        warnings = tuple(dict.fromkeys((*self.sample.warnings, *found.warnings, *strong)))
        return replace(found, estimand=estimand, warnings=warnings, diagnostics=counts)
