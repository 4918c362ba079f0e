"""The support ledger: how much of each credit rests on data, how much on the model's shape, and how much on agreement.

A credit is a sum over the patterns that people had. The part from a pattern is *supported* where every coalition that
the rule compares that pattern with was observed for enough people and with some chance for everybody concerned,
*model-based* where the model's shape fills one in, *joint* where it belongs to providers that the data cannot tell
apart, and *by agreement* under a rule that is agreed whatever the data say.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import suppress_counts
from counterfoil.datasets.display import titled_table
from counterfoil.estimators.coalition import Lookup, pattern_words, subset_words
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.functional import Part, augmented_weights, parts_of
from counterfoil.estimators.kernel import FloatArray, Kernel
from counterfoil.estimators.surface import OVERLAP_FLOOR

ENOUGH: Final = 25
"""People with a coalition from which its mean counts as observed."""

Support = Literal["supported", "model-based", "joint", "by agreement"]
CLASSES: Final[tuple[Support, ...]] = ("supported", "model-based", "joint", "by agreement")


@dataclass(frozen=True, slots=True, eq=False)
class SupportLedger:
    """What each credit rests on.

    Parameters
    ----------
    rule : str
    providers : tuple of str
    patterns : tuple of str
        The combinations of providers that people had.
    people : ndarray of int, shape (n_patterns,)
    fewest : ndarray of int, shape (n_patterns,)
        Of the coalitions that the rule compares a pattern with, the number of people who had the rarest.
    chance : ndarray, shape (n_patterns,)
        The smallest chance of a compared coalition for anybody with the pattern; NaN where chances are not modelled.
    support : tuple of str
        The class of each pattern.
    parts : ndarray, shape (n_patterns, n_providers)
        Credit of each provider from people with the pattern; they sum to the credits.
    together : tuple of bool
        Which players are several providers credited together.
    """

    rule: str
    providers: tuple[str, ...]
    patterns: tuple[str, ...]
    people: NDArray[np.intp]
    fewest: NDArray[np.intp]
    chance: FloatArray
    support: tuple[Support, ...]
    parts: FloatArray
    together: tuple[bool, ...]

    def tidy(self) -> pd.DataFrame:
        """Return a row a provider: its credit by class, in the outcome's units.

        Returns
        -------
        DataFrame
            Columns provider, supported, model-based, joint, by agreement, estimate; the first four sum to the last.
        """
        kinds, joint, whole = np.array(self.support), np.array(self.together), self.parts.sum(axis=0)
        amounts: dict[str, FloatArray] = {
            kind: np.where(joint, 0.0, self.parts[kinds == kind].sum(axis=0)) for kind in CLASSES
        }
        amounts["joint"] = np.where(joint, whole, 0.0)
        return pd.DataFrame({"provider": self.providers, **amounts, "estimate": whole})

    def by_pattern(self) -> pd.DataFrame:
        """Return a row a pattern: how many had it, the rarest coalition it is compared with, and its class.

        Returns
        -------
        DataFrame
            Columns pattern, people, rarest, chance, support; small counts are suppressed.
        """
        return pd.DataFrame({
            "pattern": self.patterns,
            "people": suppress_counts(self.people),
            "rarest": suppress_counts(self.fewest),
            "chance": self.chance,
            "support": self.support,
        })  # fmt: skip

    def fraction(self) -> FloatArray:
        """Return the supported fraction of each credit, shape (n_providers,).

        Parts of a credit may have opposite signs, so it is of their absolute sum, and 1 where a credit is nothing.
        """
        size = np.abs(self.parts)
        observed = size[[kind == "supported" for kind in self.support]].sum(axis=0)
        whole = size.sum(axis=0)
        return np.asarray(np.divide(observed, whole, out=np.ones_like(whole), where=whole > 0))

    def __repr__(self) -> str:
        table = self.tidy().to_string(index=False, float_format=lambda value: f"{value:.6g}")
        return f"what the {self.rule} credits rest on\n{table}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), f"What the {self.rule} credits rest on")


def support(fit: ContributionFit, kernel: Kernel) -> SupportLedger:
    """Return what the credits of a rule rest on.

    Parameters
    ----------
    fit : ContributionFit
    kernel : Kernel
        An attribution rule. Rules ask for different coalitions: an equal split only for nobody, Shapley for all.

    Raises
    ------
    IdentificationError
        When the data do not determine the credits; see `functional`.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> support(fit, Shapley()).tidy().round(4)
        provider  supported  model-based  joint  by agreement  estimate
    0    default     0.0517          0.0    0.0           0.0    0.0517
    1  intensive     0.0013          0.0    0.0           0.0    0.0013
    """
    roster, surface = fit.roster, fit.surface
    credits = _one_step(fit).applied(kernel)
    found = list(parts_of(surface, roster, fit.on_columns(kernel), fit.everything))
    counts = np.bincount(surface.pattern[surface.answered > 0], minlength=len(surface.patterns))
    observed = Lookup.of(pattern_words(surface.patterns))
    augmented = _augmented_parts(fit, found)
    labels: list[str] = []
    columns: list[tuple[NDArray[np.intp], NDArray[np.intp], FloatArray, FloatArray]] = []
    floor = OVERLAP_FLOOR / len(surface.patterns)
    for number, part in enumerate(found):
        used = np.flatnonzero(part.used)
        place = observed.find(subset_words(part.members, used, len(roster.providers)))
        n_units = len(part.members)
        parts = augmented.get(number, np.zeros((n_units, len(fit.providers))))
        np.add.at(
            parts, part.unit, surface.weights[part.people, None] * credits.fixed[part.people] / len(surface.weights)
        )
        fewest = np.where(place >= 0, counts[place], 0).min(axis=1, initial=len(surface.weights))
        chance = np.full(n_units, np.nan)
        if surface.propensity is not None:
            chance[:] = np.inf
            for column in range(len(used)):
                own = place[part.unit, column]
                np.minimum.at(chance, part.unit, np.where(own >= 0, surface.propensity[part.people, own], 0.0))
        labels += [roster.label(np.isin(np.arange(len(roster.providers)), members)) for members in part.members]
        columns.append((np.bincount(part.unit, minlength=n_units), fewest, chance, parts))
    people, fewest, chance, parts = (np.concatenate(column) for column in zip(*columns, strict=True))
    kinds: tuple[Support, ...] = tuple(
        "by agreement" if kernel.by_agreement else "model-based" if weak else "supported"
        for weak in ((fewest < ENOUGH) | (chance < floor)).tolist()
    )
    return SupportLedger(
        rule=kernel.name,
        providers=fit.providers,
        patterns=tuple(labels),
        people=people,
        fewest=fewest,
        chance=chance,
        support=kinds,
        parts=parts,
        together=tuple(len(group) > 1 for group in fit.players.groups),
    )


def _one_step(fit: ContributionFit) -> ContributionFit:
    """Return the fit with the coefficients that its one-step correction amounts to, so that patterns carry theirs.

    Only shrunk pairs leave one: mean(α e) = z′ mean(M) with z = (X′X + penalty)⁻¹ X′e.
    """
    if not fit.surface.shrunk:
        return fit
    surface = fit.surface
    design, regression = surface.regression
    left = design.T @ (surface.weights * surface.answered * surface.residuals)
    moved = regression.coefficients + regression.bread @ left[regression.kept]
    return replace(fit, surfaces=(replace(surface, fit=replace(regression, coefficients=moved)),))


def _augmented_parts(fit: ContributionFit, parts: list[Part]) -> dict[int, FloatArray]:
    """Return the correction of the credits that belongs to each pattern, by part; none on the regression path."""
    number = {id(part): place for place, part in enumerate(parts)}
    found: dict[int, FloatArray] = {}
    for surface in fit.surfaces:
        if surface.propensity is None:
            continue
        scaled = surface.weights * surface.answered * surface.residuals / len(surface.weights) / len(fit.surfaces)
        for part, unit, people, weight in augmented_weights(surface, fit.roster, parts):
            into = found.setdefault(number[id(part)], np.zeros((len(part.members), len(fit.providers))))
            np.add.at(into[unit], part.rows[unit], scaled[people] @ weight)
    return found
