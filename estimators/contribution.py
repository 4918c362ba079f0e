"""Several providers serving overlapping people: what each person's combination of providers was worth.

Estimand: θ(S) = E[Y(A∩S)], the mean outcome if everybody's services were cut to the providers in S, and
V = θ(all) − θ(none). Because A∩S only removes providers that a person really had, the game on 2^K coalitions is an
average of small games on each person's own providers. It needs no hidden versions of a provider, no interference
between people, and either a lottery over patterns or all common causes among the covariates.

The fit holds the counterfactual surface m(b, X) = E[Y | A = b, X] once; `functional` applies any attribution rule to it.

Sources: Haneuse and Rotnitzky (2013) and Díaz and van der Laan (2012) for the estimand (a modified treatment policy);
Chernozhukov, Newey and Singh (2022) for the debiased functional of a regression; Robins, Rotnitzky and Zhao (1994) for
the augmented weighting.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.roster import Roster
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, raise_any, refusal
from counterfoil.estimators.bias_reduced import bias_reduced
from counterfoil.estimators.cells import Cells, cells_of
from counterfoil.estimators.covariance import LEVERAGE_ONE, ErrorType, FloatArray, leverage_that_matters
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import check_clusters
from counterfoil.estimators.functional import Applied, apply_kernel, averaged, side_by_side
from counterfoil.estimators.kernel import GrandTotal, Kernel
from counterfoil.estimators.learned import Learning, learn_surfaces
from counterfoil.estimators.model_choice import ModelChoice, choose_model
from counterfoil.estimators.players import OnPlayers, Players, arrange
from counterfoil.estimators.spec import Design, Sample, draw_sample
from counterfoil.estimators.surface import Surface, fit_surface
from counterfoil.estimators.written import Written


class Contribution(Written, Design):
    """Contributions of several providers to one outcome.

    Examples
    --------
    >>> import counterfoil as cf
    >>> fit = Contribution(outcome="takeup", model="saturated", cluster="address").fit(cf.datasets.load("rice"))
    >>> fit.total().values.round(6)
    array([0.053019])
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "contribution", "design": "unconfounded", "covariates": ["age"], "model": "additive"}]
        }
    )

    kind: Literal["contribution"] = "contribution"
    providers: tuple[str, ...] = Field(
        (), description="Providers among whom the gain is divided; in a contract, its parties with role provider."
    )
    design: Literal["randomized", "unconfounded"] = Field(
        "randomized", description="Patterns dealt out by lottery, or as good as random given the covariates."
    )
    model: Literal["auto", "additive", "pairwise", "saturated", "learner"] = Field(
        "saturated",
        description="Own effects; own effects and pairs; every observed pattern by itself; auto: the richest of these "
        "that the rosters can carry; or learner: cross-fitted predictions.",
    )
    learning: Learning = Field(Learning(), description="For model learner: what predicts, and how it is cross-fitted.")
    effects_by_covariates: bool = Field(False, description="Whether effects may differ with the covariates.")
    min_pair: int = Field(30, ge=2, description="Shared people below which a pair's joint effect is shrunk to none.")
    missing: Literal["refuse", "drop", "weight"] = Field(  # type: ignore[assignment]  # wider than other designs
        "refuse",
        description="What to do about people who lack something that is used: refuse; leave them out and say so; or, for "
        "outcomes, let people like them with the same providers count for them.",
    )
    together: tuple[tuple[str, ...], ...] = Field(
        (), description="Sets of providers that are credited together, as one player."
    )
    aliases: Literal["refuse", "joint"] = Field(
        "refuse",
        description="What to do about providers that the rosters do not tell apart: refuse, or credit them together; "
        "one that serves everybody is then taken as a backbone.",
    )
    backbone: tuple[str, ...] = Field(
        (), description="Providers that serve everybody and are no players: gains are over what they do alone."
    )
    scope: Literal["served", "everyone"] = Field(
        "served", description="Cut the services people really had, or compare everybody having all with nobody any."
    )
    target: Literal["sample", "population", "realized"] = Field(
        "sample",
        description="Errors for the people of this study at average luck, for future people like them, or for the people "
        "of this study with their luck.",
    )

    @model_validator(mode="after")
    def _terms_fit(self) -> "Contribution":
        if self.model == "learner" and (self.scope == "everyone" or self.missing == "weight"):
            raise ValueError("model learner takes scope served and complete outcomes")
        if self.scope == "everyone" and self.design != "randomized":
            raise ValueError("scope everyone needs design randomized: only a lottery deals out every pattern")
        if self.scope == "everyone" and self.target == "realized":
            raise ValueError("target realized needs scope served: only what people really had was realized")
        if len(set(self.providers)) != len(self.providers):
            raise ValueError("providers are named twice")
        return self

    def fit(self, data: Study | pd.DataFrame) -> "ContributionFit":
        """Fit the counterfactual surface; no attribution rule is needed yet.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a person, the person id as its index, and a column of 0 and 1 for each of `providers`.

        Raises
        ------
        DataError
            When columns are missing or blank, or a provider is not in the services table.
        IdentificationError
            IDENT-005 when a provider served nobody, IDENT-006 with too few clusters.
        EstimationError
            EST-002 when the propensity model fails, EST-003 with more parameters than people.
        """
        sample = draw_sample(self, data, tuple(dict.fromkeys((*self.providers, *self.backbone))))
        study = sample.study
        cluster, error_type = self.errors_on(study, unclustered="HC1")
        roster = study.roster(self.providers or None)
        raise_any(
            [
                Problem("IDENT-005", f"provider '{name}' served nobody in the study", "services")
                for name, served in zip(roster.providers, np.any(roster.exposure, axis=0).tolist(), strict=True)
                if not served
            ]
        )
        clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
        covariates, names = study.covariates(self.covariates)
        roster, players, notes = arrange(self, study, roster, covariates)
        check_clusters(clusters, *(served for served in roster.exposure.T if not served.all()))
        outcome = study.outcome(self.outcome, self.period, complete=self.missing != "weight")
        seen = ~np.isnan(outcome)
        choice = (
            choose_model(roster, self.min_pair, seen)
            if self.model == "auto"
            else ModelChoice(self.model, "as asked" if "model" in self.model_fields_set else "the default")
        )
        if choice.model == "learner":
            surfaces = learn_surfaces(self.learning, roster, outcome, covariates, sample.weights, clusters)
        else:
            surfaces = (fit_surface(self, choice.model, roster, outcome, covariates, names, sample.weights),)
        return ContributionFit(
            spec=self,
            outcome=self.outcome or study.outcome_names[0],
            roster=roster,
            players=players,
            choice=choice,
            surfaces=surfaces,
            clusters=clusters,
            cluster_names=cluster_names,
            cluster_by=cluster,
            error_type=error_type,
            sample=sample,
            notes=notes,
        )


@dataclass(frozen=True, eq=False)
class ContributionFit:
    """A fitted counterfactual surface; every attribution rule is applied to it without refitting.

    Parameters
    ----------
    spec : Contribution
        What was asked.
    outcome : str
        Name of the outcome.
    roster : Roster
        Who served whom; providers credited together have a column for each combination of them.
    players : Players
        Whose credit is whose.
    choice : ModelChoice
        The outcome model, and why that one.
    surfaces : tuple of Surface
        The fitted surface; several where cross-fitting is repeated over splits, whose influence values are averaged.
    clusters : ndarray of int, shape (n,), or None
    cluster_names : ndarray, shape (G,), or None
    cluster_by : str or None
    error_type : str
    sample : Sample
        Whom the fit uses.
    notes : tuple of Problem
        What was decided about providers that the data do not tell apart.
    """

    spec: Contribution
    outcome: str
    roster: Roster
    players: Players
    choice: ModelChoice
    surfaces: tuple[Surface, ...]
    clusters: NDArray[np.intp] | None
    cluster_names: NDArray[Any] | None
    cluster_by: str | None
    error_type: ErrorType
    sample: Sample
    notes: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        return (
            f"ContributionFit({self.outcome}: {len(self.roster.ids):,} people, {len(self.providers)} providers, "
            f"{self.choice.model} model, {self.spec.design}, scope {self.spec.scope})"
        )

    @property
    def providers(self) -> tuple[str, ...]:
        """The players, in order; several providers that are credited together are one."""
        return self.players.names

    @property
    def surface(self) -> Surface:
        """The fitted surface; the first one where there are several."""
        return self.surfaces[0]

    @property
    def served(self) -> NDArray[np.bool_]:
        """Whom each player served, shape (n_people, n_players)."""
        columns = [self.roster.exposure[:, self.players.owner == j].any(axis=1) for j in range(len(self.providers))]
        return np.column_stack(columns)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a reader must know before using the fit."""
        return (*self.notes, *self.sample.warnings, *self.surface.warnings)

    def total(self) -> Estimate:
        """Return the total gain per person; it needs no attribution rule.

        Raises
        ------
        IdentificationError
            IDENT-004 when nobody was unserved and the model cannot tell what that would have been like.
        """
        return self.estimate(self._total, ("gain",), "term")

    def apply(self, kernel: Kernel) -> Estimate:
        """Return the credit of each provider under a rule; see `functional`."""
        return self.estimate(self.applied(kernel), self.providers, "provider")

    def joint(self, kernel: Kernel) -> Estimate:
        """Return the credits and, last, the total as one estimate with their joint covariance."""
        both = side_by_side(self.applied(kernel), self._total)
        return self.estimate(both, (*self.providers, "gain"), "term")

    def cells(self) -> Cells:
        """Return what people with a pattern would have had on average with each observed part of it; for `bounds`."""
        outcome = self.sample.study.outcome(self.spec.outcome, self.spec.period, complete=False)
        return cells_of(
            self.surface,
            self.roster,
            outcome,
            population=self.spec.target == "population",
            measured=self.outcome,
            clusters=self.clusters,
            cluster_names=self.cluster_names,
            cluster_by=self.cluster_by,
            error_type=self.error_type,
        )

    def per_served(self, kernel: Kernel) -> Estimate:
        """Return the credit of each provider per person that it served, in the outcome's units.

        For future people the share served is estimated too (methods: τ_j = φ_j / q_j). Under scope everyone everybody has
        every service, so that nothing is left to divide by.
        """
        among = self.served if self.spec.scope == "served" else np.ones_like(self.served)
        scaled = self.per_person(self.apply(kernel), among)
        return replace(scaled, label="provider", estimand=f"{scaled.estimand}, per person served")

    def per_person(self, results: Estimate, among: NDArray[np.bool_]) -> Estimate:
        """Return results per person of the study as results per person of those ``among`` whom they arise, (n, k)."""
        weights, there = self.surface.weights[:, None], among.astype(np.float64)
        share = (weights * there).mean(axis=0)
        scaled = results.contrast(np.diag(1.0 / share), results.terms)
        if self.spec.target == "population" and scaled.influence is not None and scaled.spread is not None:
            moved = weights * (results.values - there * scaled.values) / share
            scaled = replace(scaled, influence=scaled.influence + moved, spread=scaled.spread + moved)
        return scaled

    @cached_property
    def _total(self) -> Applied:
        return self.applied(GrandTotal())

    @property
    def everything(self) -> NDArray[np.intp] | None:
        """Columns of the roster that scope everyone takes everybody to have had; None under scope served.

        Raises
        ------
        IdentificationError
            IDENT-002 when nobody had all of some providers that are credited together.
        """
        if self.spec.scope == "served":
            return None
        lacking = [name for name, column in zip(self.providers, self.players.whole, strict=True) if column < 0]
        if lacking:
            raise refusal("IDENT-002", f"nobody had all of: {listed(lacking)}", "services")
        return self.players.whole

    def on_columns(self, kernel: Kernel) -> Kernel:
        """Return a rule among players as a rule among the columns of the roster."""
        return OnPlayers(kernel, self.players) if self.players.merged else kernel

    def applied(self, kernel: Kernel, among: FloatArray | None = None) -> Applied:
        """Return what a kernel makes of the surface, person by person; see `apply_kernel`."""
        rule, had = self.on_columns(kernel), self.everything
        return averaged(
            [apply_kernel(surface, self.roster, rule, had, self.providers, among) for surface in self.surfaces]
        )

    def estimate(self, applied: Applied, terms: tuple[str, ...], label: Literal["term", "provider"]) -> Estimate:
        """Return the estimate of what a kernel made of the surface: its means and their influence values."""
        weights = self.surface.weights[:, None]
        residual = weights * applied.correction
        # Under target realized a person's own residual counts as part of what is estimated, and is no error of it.
        realized = self.spec.target == "realized"
        own = applied.own if realized else np.zeros_like(applied.own)
        luck = weights * applied.luck if realized else 0.0
        fixed = weights * applied.fixed
        values = (fixed + residual).mean(axis=0)
        population = self.spec.target == "population"
        had = "if everybody had every service" if self.spec.scope == "everyone" else "from the services people had"
        whom = {
            "population": "future people like these",
            "sample": "the people of this study",
            "realized": "the people of this study with their luck",
        }[self.spec.target]
        details: dict[str, Any] = {}
        leverage = leverage_that_matters(self.surface.leverage, applied.riesz)
        if applied.direction is None and leverage.max() > LEVERAGE_ONE:
            raise refusal("EST-001", f"{self.error_type} errors are not defined: a pattern has a single person")
        if applied.direction is not None:
            details["leverage"] = leverage
            if self.spec.target == "sample" and not self.surface.shrunk and self.surface.answered.all():
                details["classical"] = self._textbook(applied.direction)
            if self.clusters is not None and isinstance(self.surface.design, np.ndarray) and not self.surface.shrunk:
                details |= self._bias_reduced(
                    applied.riesz - own, fixed - weights * fixed.mean(axis=0) if population else None
                )
        return Estimate(
            terms=terms,
            label=label,
            values=values,
            ids=self.roster.ids,
            influence=fixed + residual - weights * values if population else residual - luck,
            spread=fixed - weights * fixed.mean(axis=0) if population else None,
            riesz=weights * (applied.riesz - own),
            clusters=self.clusters,
            cluster_names=self.cluster_names,
            cluster_by=self.cluster_by,
            parameters=self.surface.rank,
            error_type=self.error_type,
            target="population" if population else "sample",
            outcome=self.outcome,
            estimand=f"gain {had}, for {whom}",
            people=len(self.roster.ids),
            population="people in the study"
            if self.spec.scope == "served"
            else "everybody, as if all had every service",
            warnings=tuple(dict.fromkeys((*self.warnings, *applied.warnings))),
            diagnostics={"served": int(self.roster.exposure.any(axis=1).sum()), **self.sample.counts},
            **details,
        ).using(self.error_type)

    def _bias_reduced(self, riesz: FloatArray, spread: FloatArray | None) -> dict[str, FloatArray]:
        root = np.sqrt(self.surface.weights * self.surface.answered)[:, None]
        design, fit = self.surface.regression
        if self.clusters is None:
            raise ValueError("bias-reduced errors are by cluster")
        kept = root * np.asarray(design)[:, fit.kept]
        reduced, df = bias_reduced(kept, fit.bread, self.clusters, fit.residuals, root * riesz)
        return {"reduced": reduced if spread is None else reduced + spread, "reduced_df": df}

    def _textbook(self, direction: FloatArray) -> FloatArray:
        fit = self.surface.regression[1]
        variance = fit.residuals @ fit.residuals / (len(fit.residuals) - fit.rank)
        return np.asarray(variance * (direction @ fit.bread @ direction.T))


def functional(fit: ContributionFit, kernel: Kernel) -> Estimate:
    """Return the credit of each provider under a rule, with one influence value per person and provider.

    Parameters
    ----------
    fit : ContributionFit
        A fitted surface.
    kernel : Kernel
        An attribution rule, such as ``counterfoil.attribution.Shapley()``.

    Returns
    -------
    Estimate
        Terms are the providers; values in the outcome's units per person of the study.

    Raises
    ------
    IdentificationError
        IDENT-002 when the rule needs a pattern that nobody had, IDENT-003 when rosters cannot be told apart,
        IDENT-004 when nobody was unserved.
    AttributionError
        ATTR-002 or ATTR-003 when the rule needs doses that there are none of.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> functional(fit, Shapley()).values.round(6)
    array([0.051725, 0.001294])
    """
    return fit.apply(kernel)
