"""The response to doses: controls plus a polynomial in what each provider did, fitted once by least squares."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.roster import Roster
from counterfoil.errors import Problem, listed, raise_any, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.dose_monomials import dose_exponents, dose_monomials
from counterfoil.estimators.least_squares import LeastSquares, least_squares


class Asked(Protocol):
    """What the surface needs to know of a request; `DoseResponse` says it."""

    @property
    def design(self) -> Literal["randomized", "unconfounded"]:
        """How doses came about."""
        ...

    @property
    def degree(self) -> int:
        """Highest power of a dose."""
        ...

    @property
    def interactions(self) -> bool:
        """Whether products of two doses are in the model."""
        ...

    @property
    def min_pair(self) -> int:
        """Shared people below which a pair has no joint effect."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class DoseSurface:
    """A fitted response.

    Parameters
    ----------
    weights : ndarray, shape (n,)
        Observation weights, mean 1.
    unit : ndarray, shape (K,)
        Largest dose of each provider; doses enter the monomials as fractions of it.
    exponents : ndarray of int, shape (m, K)
        Of each monomial.
    design : ndarray, shape (n, 1 + n_covariates + m)
        Intercept, centred covariates, monomials.
    fit : LeastSquares
        Of the centred outcome on the design, rows scaled by the root of the weights.
    warnings : tuple of Problem
    """

    weights: FloatArray
    unit: FloatArray
    exponents: NDArray[np.intp]
    design: FloatArray
    fit: LeastSquares
    warnings: tuple[Problem, ...]

    @property
    def first(self) -> int:
        """Column of the first monomial in the design."""
        return int(self.design.shape[1] - len(self.exponents))

    @property
    def monomials(self) -> FloatArray:
        """Monomials of the people's own doses, shape (n, m)."""
        return np.asarray(self.design[:, self.first :])

    @property
    def coefficients(self) -> FloatArray:
        """Coefficients of the monomials, shape (m,); zero for a monomial that is a combination of earlier columns."""
        every = np.zeros(self.design.shape[1])
        every[self.fit.kept] = self.fit.coefficients
        return every[self.first :]

    def response(self, doses: FloatArray) -> FloatArray:
        """Return the gain of doses (n, K) over none, shape (n,).

        Raises
        ------
        IdentificationError
            IDENT-003 when the data do not determine the gain of such doses.
        """
        gains = dose_monomials(doses / self.unit, self.exponents)
        known = self.fit.estimable(np.hstack([np.zeros((len(gains), self.first)), gains]))
        if not known.all():
            what = f"the data do not determine the gain of {int((~known).sum())} of these doses"
            raise refusal("IDENT-003", what, "doses")
        return np.asarray(gains @ self.coefficients)


def fit_dose_surface(
    asked: Asked,
    providers: Sequence[str],
    doses: FloatArray,
    outcome: FloatArray,
    covariates: FloatArray,
    names: Sequence[str],
    weights: FloatArray,
) -> DoseSurface:
    """Regress the outcome (n,) on covariates (n, c) and monomials of doses (n, K).

    Raises
    ------
    EstimationError
        EST-003 with more parameters than people.
    """
    warnings: list[Problem] = []
    pairs = _pairs(asked, providers, doses > 0, warnings)
    if asked.design == "unconfounded" and not names:
        warnings.append(Problem("EST-006", "people are compared as they come, without covariates", "estimator"))
    if (doses > 0).any(axis=1).all():
        what = "everybody had some dose; what none would have been worth is read off the polynomial"
        warnings.append(Problem("IDENT-009", what, "services"))
    # Shares do not depend on the unit, and powers of doses of about one keep their digits.
    unit = doses.max(axis=0)
    exponents = dose_exponents(len(providers), asked.degree, pairs)
    centred = covariates - np.average(covariates, axis=0, weights=weights)
    design = np.hstack([np.ones((len(doses), 1)), centred, dose_monomials(doses / unit, exponents)])
    # The intercept takes up any constant; without it, outcomes far from zero would lose digits.
    centre = np.average(outcome, weights=weights)
    root = np.sqrt(weights)
    fit = least_squares(design * root[:, None], (outcome - centre) * root)
    idle = sorted({names[position - 1].partition("=")[0] for position in fit.dropped if 0 < position <= len(names)})
    if idle:
        warnings.append(Problem("EST-005", f"some of covariates {listed(idle)} carry no information", "estimator"))
    return DoseSurface(weights, unit, exponents, design, fit, tuple(warnings))


def checked_doses(roster: Roster) -> FloatArray:
    """Return how much each provider did for each person, shape (n, K).

    Raises
    ------
    AttributionError
        ATTR-002 when doses are not recorded; a study refuses blank ones.
    IdentificationError
        IDENT-005 when a provider gave nobody any dose.
    """
    if roster.dose is None:
        raise refusal("ATTR-002", "a response to doses is asked for, and the services table has no column 'dose'")
    raise_any(
        [
            Problem("IDENT-005", f"provider '{name}' gave nobody a dose above zero", "services")
            for name, most in zip(roster.providers, roster.dose.max(axis=0).tolist(), strict=True)
            if not most > 0
        ]
    )
    return roster.dose


def _pairs(
    asked: Asked, providers: Sequence[str], served: NDArray[np.bool_], warnings: list[Problem]
) -> list[tuple[int, int]]:
    if not asked.interactions:
        return []
    together = served.astype(np.float64).T @ served
    shared = [pair for pair in combinations(range(len(providers)), 2) if together[pair] > 0]
    sparse = [pair for pair in shared if together[pair] < asked.min_pair]
    if sparse:
        names = [" + ".join(providers[j] for j in pair) for pair in sparse]
        what = f"{len(sparse)} pairs share fewer than {asked.min_pair} people and act additively: {listed(names)}"
        warnings.append(Problem("IDENT-008", what, "estimator"))
    return [pair for pair in shared if together[pair] >= asked.min_pair]
