"""Several providers giving doses to overlapping people: what the doses that people really had were worth.

Estimand: E[f(D, X) − f(0, X)], the gain from the doses D against none, and φ_j = E ∫₀¹ D_j ∂_j f(tD, X) dt, provider j's
Aumann-Shapley credit. The outcome is regressed on controls and monomials of doses; a monomial's gain is divided by its
exponents, so that the credits are combinations of coefficients and sum to the gain. It needs doses dealt out by lottery or
as good as random given the covariates, and a response that is a polynomial of the degree declared. A dose that depends on
how a person was faring, such as after dropping out, is a consequence and not a cause: use `Contribution` with who was served.

Sources: Aumann and Shapley (1974) for the value; Hirano and Imbens (2004) for the dose-response estimand; Chernozhukov,
Newey and Singh (2022) for the debiased functional of a regression.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.roster import Roster
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.bias_reduced import bias_reduced
from counterfoil.estimators.covariance import ErrorType, FloatArray, leverage_that_matters
from counterfoil.estimators.dose_monomials import monomial_shares
from counterfoil.estimators.dose_surface import DoseSurface, checked_doses, fit_dose_surface
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import check_clusters
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.spec import Design, OwnRules, Sample, draw_sample


class DoseResponse(Design):
    """Contributions of several providers whose services differ in amount.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"north": 1, "south": 1, **{f"{name}_hours": rng.integers(0, 5, 400) for name in "ns"}})
    >>> n, s = frame["n_hours"], frame["s_hours"]
    >>> frame["score"] = n + 0.5 * n * s + 0.1 * rng.normal(size=400)
    >>> hours = {"north": "n_hours", "south": "s_hours"}
    >>> study = Study.from_frame(frame, providers=["north", "south"], outcomes=["score"], doses=hours)
    >>> DoseResponse(interactions=True).fit(study).credits().values.round(1)
    array([3.2, 1.1])
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "dose_response", "degree": 2}]})

    own_rules: ClassVar[OwnRules] = OwnRules(
        ("aumann_shapley",),
        "a response to doses is divided dose by dose (Aumann-Shapley), and not among combinations of providers",
    )

    kind: Literal["dose_response"] = "dose_response"
    providers: tuple[str, ...] = Field(
        (), description="Providers among whom the gain is divided; in a contract, its parties with role provider."
    )
    design: Literal["randomized", "unconfounded"] = Field(
        "randomized", description="Doses dealt out by lottery, or as good as random given the covariates."
    )
    degree: int = Field(1, ge=1, le=3, description="Highest power of each provider's dose in the response.")
    interactions: bool = Field(False, description="Whether the product of two providers' doses is in the response.")
    min_pair: int = Field(30, ge=2, description="Shared people below which a pair has no joint effect in the model.")
    target: Literal["sample", "population"] = Field(
        "sample", description="Errors for the people of this study at average luck, or for future people like them."
    )

    @model_validator(mode="after")
    def _providers_once(self) -> "DoseResponse":
        if len(set(self.providers)) != len(self.providers):
            raise ValueError("providers are named twice")
        return self

    def fit(self, data: Study | pd.DataFrame) -> "DoseResponseFit":
        """Regress the outcome on controls and monomials of doses.

        Parameters
        ----------
        data : Study or DataFrame
            With a dose for every service; a plain frame has none, so that it is refused.

        Raises
        ------
        AttributionError
            ATTR-002 when doses are not recorded; a study refuses blank ones.
        DataError
            When columns are missing or blank, or a provider is not in the services table.
        IdentificationError
            IDENT-005 when a provider gave nobody any dose, IDENT-006 with too few clusters.
        EstimationError
            EST-003 with more parameters than people.
        """
        sample = draw_sample(self, data, self.providers)
        study = sample.study
        cluster, error_type = self.errors_on(study, unclustered="HC1")
        roster = study.roster(self.providers or None)
        doses = checked_doses(roster)
        clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
        check_clusters(clusters, *(served for served in (doses > 0).T if not served.all()))
        covariates, names = study.covariates(self.covariates)
        outcome = study.outcome(self.outcome, self.period)
        surface = fit_dose_surface(self, roster.providers, doses, outcome, covariates, names, sample.weights)
        name = self.outcome or study.outcome_names[0]
        return DoseResponseFit(self, name, roster, surface, clusters, cluster_names, cluster, error_type, sample)


@dataclass(frozen=True, eq=False)
class DoseResponseFit:
    """A fitted response to doses, and the credits that follow from it.

    Parameters
    ----------
    spec : DoseResponse
        What was asked.
    outcome : str
        Name of the outcome.
    roster : Roster
        Who served whom, with how much.
    surface : DoseSurface
        The fitted response.
    clusters : ndarray of int, shape (n,), or None
    cluster_names : ndarray, shape (G,), or None
    cluster_by : str or None
    error_type : str
    sample : Sample
        Whom the fit uses.
    """

    spec: DoseResponse
    outcome: str
    roster: Roster
    surface: DoseSurface
    clusters: NDArray[np.intp] | None
    cluster_names: NDArray[Any] | None
    cluster_by: str | None
    error_type: ErrorType
    sample: Sample

    def __repr__(self) -> str:
        return (
            f"DoseResponseFit({self.outcome}: {len(self.roster.ids):,} people, {len(self.providers)} providers, "
            f"{len(self.surface.exponents)} monomials)"
        )

    @property
    def providers(self) -> tuple[str, ...]:
        """The players, in order."""
        return self.roster.providers

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a reader must know before using the fit."""
        return (*self.sample.warnings, *self.surface.warnings)

    def response(self, doses: ArrayLike) -> FloatArray:
        """Return the fitted gain of any doses (n, K) over none, shape (n,), in the outcome's units.

        Raises
        ------
        IdentificationError
            IDENT-003 when the data do not determine the gain of such doses.
        """
        return self.surface.response(np.atleast_2d(np.asarray(doses, dtype=np.float64)))

    def total(self) -> Estimate:
        """Return the gain per person from the doses that people had.

        Raises
        ------
        IdentificationError
            IDENT-004 when everybody had some dose and the model cannot tell what none would have been like.
        """
        return self._estimate(np.ones((len(self.surface.exponents), 1)), ("gain",), "term")

    def credits(self) -> Estimate:
        """Return each provider's Aumann-Shapley credit per person; they sum to the total.

        Raises
        ------
        IdentificationError
            IDENT-003 when the data do not separate the providers, IDENT-004 as for the total.
        """
        return self._estimate(monomial_shares(self.surface.exponents), self.providers, "provider")

    def apply(self, kernel: Kernel) -> Estimate:
        """Return the credits under a rule, of which there is one; see `own_rules` of the spec."""
        self.spec.refuse_rule(kernel.name)
        return self.credits()

    def joint(self, kernel: Kernel | None = None) -> Estimate:
        """Return the credits and, last, the total as one estimate with their joint covariance."""
        if kernel is not None:
            self.spec.refuse_rule(kernel.name)
        shares = monomial_shares(self.surface.exponents)
        return self._estimate(np.column_stack([shares, np.ones(len(shares))]), (*self.providers, "gain"), "term")

    def _estimate(self, shares: FloatArray, terms: tuple[str, ...], label: Literal["term", "provider"]) -> Estimate:
        """Return Σ_m share_m · coefficient_m · monomial_m on average, for shares (m, k)."""
        surface, fit, weights = self.surface, self.surface.fit, self.surface.weights[:, None]
        direction = np.zeros((len(terms), surface.design.shape[1]))
        direction[:, surface.first :] = ((weights * surface.monomials).mean(axis=0)[:, None] * shares).T
        self._refuse_inestimable(direction, terms)
        short, kept = direction[:, fit.kept], surface.design[:, fit.kept]
        riesz = len(kept) * (kept @ (fit.bread @ short.T))
        fixed = weights * (surface.monomials @ (surface.coefficients[:, None] * shares))
        residual = np.sqrt(weights) * riesz * fit.residuals[:, None]
        # Least squares leave no residual in the mean.
        values = fixed.mean(axis=0)
        population = self.spec.target == "population"
        spread = fixed - weights * values if population else None
        details: dict[str, Any] = {}
        if self.clusters is not None:
            root = np.sqrt(weights)
            reduced, df = bias_reduced(root * kept, fit.bread, self.clusters, fit.residuals, root * riesz)
            details = {"reduced": reduced if spread is None else reduced + spread, "reduced_df": df}
        if not population:
            variance = fit.residuals @ fit.residuals / (len(kept) - fit.rank)
            details["classical"] = variance * (short @ fit.bread @ short.T)
        whom = "future people like these" if population else "the people of this study"
        return Estimate(
            terms=terms,
            label=label,
            values=values,
            ids=self.roster.ids,
            influence=residual if spread is None else residual + spread,
            spread=spread,
            riesz=weights * riesz,
            leverage=leverage_that_matters(fit.leverage, riesz),
            clusters=self.clusters,
            cluster_names=self.cluster_names,
            cluster_by=self.cluster_by,
            parameters=fit.rank,
            error_type=self.error_type,
            target=self.spec.target,
            outcome=self.outcome,
            estimand=f"gain from the doses people had against none, for {whom}",
            people=len(kept),
            population="people in the study",
            warnings=self.warnings,
            diagnostics={"served": int(self.roster.exposure.any(axis=1).sum()), **self.sample.counts},
            **details,
        ).using(self.error_type)

    def _refuse_inestimable(self, direction: FloatArray, terms: tuple[str, ...]) -> None:
        known = self.surface.fit.estimable(direction)
        if known.all():
            return
        if (self.surface.monomials > 0).any(axis=1).all():
            raise refusal("IDENT-004", "everybody had some dose", "services")
        names = [term for term, determined in zip(terms, known.tolist(), strict=True) if not determined]
        raise refusal("IDENT-003", f"the data do not separate {listed(names)}", "services")
