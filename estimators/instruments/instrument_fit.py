"""A fitted instrument: the effect on those it moved, and every question that needs no second fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from counterfoil.datasets.disclosure import SMALL_CELL
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import ErrorType, FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.instruments.anderson_rubin import AndersonRubinSet, anderson_rubin_set
from counterfoil.estimators.instruments.complier_effect import Form, complier_effect_influence
from counterfoil.estimators.instruments.compliers import (
    KINDS,
    Compliers,
    characteristic_influence,
    share_influence,
    small_cells,
)
from counterfoil.estimators.instruments.instrument_model import InstrumentModel
from counterfoil.estimators.instruments.instrument_sample import InstrumentSample
from counterfoil.estimators.instruments.overidentification import OverIdentification, over_identification
from counterfoil.estimators.instruments.partialled import ROUNDING
from counterfoil.estimators.instruments.weak_instrument import WeakInstrument


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentFit:
    """The effect on those whom an instrument moved, with what must be known to trust it.

    Parameters
    ----------
    sample : InstrumentSample
        What was fitted.
    gain : Estimate
    strength : WeakInstrument
    """

    sample: InstrumentSample
    gain: Estimate
    strength: WeakInstrument

    def total(self) -> Estimate:
        """Return the effect: one term, ``gain``, in the outcome's units per unit received."""
        return self.gain

    def first_stage(self, vcov: ErrorType | None = None) -> Estimate:
        """Return what each instrument does to the treatment received; one term an instrument.

        Parameters
        ----------
        vcov : str, optional
            Error type; that of the fit when omitted. As least squares, HC2, HC3 and CR2 are defined too (CR2 not with `within`).
        """
        size = len(self.sample.names)
        return replace(
            self._forms(vcov).select(range(size, 2 * size)), estimand="effect of the instrument on what was received"
        )

    def reduced_form(self, vcov: ErrorType | None = None) -> Estimate:
        """Return what each instrument does to the outcome: for a lottery, the effect of assignment; see `first_stage`."""
        chosen = self._forms(vcov).select(range(len(self.sample.names)))
        assigned = self.gain.diagnostics.get("assigned")
        return replace(
            chosen,
            estimand="effect of the instrument on the outcome (intention to treat)",
            people=chosen.people if assigned is None else assigned,
            population=chosen.population if assigned is None else "people assigned to the programme",
        )

    def ols(self, vcov: ErrorType | None = None) -> Estimate:
        """Return the coefficient of least squares, as if who took part were random; see `first_stage`."""
        return self.sample.ols(vcov or self.sample.error_type)

    def weak_instrument(self) -> WeakInstrument:
        """Return how strong the first stage is, and the tF interval where there is one instrument."""
        return self.strength

    def anderson_rubin(self, conf_level: float = 0.95, vcov: ErrorType | None = None) -> AndersonRubinSet:
        """Return the effects that the instruments do not reject, valid however weak they are.

        Parameters
        ----------
        conf_level : float
        vcov : str, optional
            Error type; that of the fit when omitted. ``classical`` is the F form; ``CR2``, for one instrument without absorbed
            groups, is made for few clusters.

        Raises
        ------
        EstimationError
            EST-001 when the error type is not defined, EST-029 for CR2 with several instruments or with too few clusters,
            EST-015 when nothing is left of the outcome.
        """
        wanted = vcov or self.sample.error_type
        size = len(self.sample.names)
        if wanted == "CR2" and size > 1:
            raise refusal("EST-029", f"an Anderson-Rubin test with CR2 errors takes one instrument; there are {size}")
        self._residuals()
        joint = self.sample.forms(wanted == "CR2")
        if wanted == "classical" and joint.classical is not None:
            # With clusters `using` does not offer it: it is the F form that Anderson and Rubin gave, asked for by name.
            covariance, df = joint.classical, float(joint.n - self.sample.parts.parameters - size)
        else:
            joint = joint.using(wanted)
            covariance, df = joint.cov(), joint.df
        return anderson_rubin_set(joint.values[:size], joint.values[size:], covariance, conf_level, df, wanted)

    def over_identification(self) -> OverIdentification:
        """Return Sargan's and Hansen's tests of whether the instruments agree.

        Raises
        ------
        EstimationError
            EST-029 with a single instrument, EST-015 when nothing is left of the outcome.
        """
        if len(self.sample.names) < 2:
            raise refusal("EST-029", "one instrument cannot disagree with itself")
        return over_identification(self.sample.parts, self._residuals(), self.sample.clusters)

    def compliers(self, of: Sequence[str] = (), *, model: InstrumentModel | None = None) -> Compliers:
        """Return shares of compliers, always-takers and never-takers, and what compliers are like.

        Parameters
        ----------
        of : sequence of str
            Covariates of the design to describe; all of them when omitted.
        model : {"mean", "groups", "logit", "probit"}, optional
            How the chance of the instrument depends on covariates. When omitted: by absorbed groups, else a logit of the
            covariates, else one chance for everybody.

        Raises
        ------
        EstimationError
            EST-029 unless instrument and treatment are one column of 0 and 1 each, or for a column that is no covariate;
            EST-002 when covariates decide the instrument.
        """
        sample = self.sample
        instrument, chance = sample.binary_instrument(), sample.chance(model)
        shares, influence = share_influence(instrument, sample.received, chance, sample.weights)
        estimate = sample.weighted(
            KINDS, shares, influence, "shares of people by what the instrument does to them", chance
        )
        unknown = [name for name in of if not any(name == known.partition("=")[0] for known in sample.covariate_names)]
        if unknown:
            raise refusal("EST-029", f"{', '.join(unknown)} are not among the covariates of the design")
        chosen = [p for p, name in enumerate(sample.covariate_names) if not of or name.partition("=")[0] in of]
        names, columns = [sample.covariate_names[p] for p in chosen], sample.covariates[:, chosen]
        number = float(shares[0]) * len(instrument)
        if not chosen or number < SMALL_CELL:
            return Compliers(estimate, None, np.empty(0), tuple(names), chance.model)
        means, by_mean = characteristic_influence(instrument, sample.received, columns, chance, sample.weights)
        hidden = np.array(small_cells(names, columns, means, number))
        suppressed = tuple(name for name, hide in zip(names, hidden, strict=True) if hide)
        if hidden.all():
            return Compliers(estimate, None, np.empty(0), suppressed, chance.model)
        described = sample.weighted(
            [name for name, hide in zip(names, hidden, strict=True) if not hide],
            means[~hidden],
            by_mean[:, ~hidden],
            "mean of each covariate among compliers",
            chance,
        )
        everybody = np.average(columns[:, ~hidden], axis=0, weights=sample.weights)
        return Compliers(estimate, described, everybody, suppressed, chance.model)

    def complier_effect(self, form: Form = "linear", *, model: InstrumentModel | None = None) -> Estimate:
        """Return the effect on compliers by weights, instead of by two-stage least squares.

        Parameters
        ----------
        form : {"linear", "ratio"}
            The linear model that fits compliers best, or the ratio of weighted differences; they are different estimands.
        model : {"mean", "groups", "logit", "probit"}, optional
            As in `compliers`.

        Raises
        ------
        EstimationError
            As `compliers`.
        """
        sample = self.sample
        chance = sample.chance(model)
        value, influence = complier_effect_influence(
            sample.outcome,
            sample.received,
            sample.binary_instrument(),
            sample.covariates,
            chance,
            sample.weights,
            form,
        )
        words = {"linear": "coefficient of the linear model that fits compliers best", "ratio": "weighted Wald ratio"}
        estimand = f"effect on compliers: {words[form]}, instrument by {chance.model}"
        found = sample.weighted(("gain",), np.array([value]), influence[:, None], estimand, chance)
        return replace(found, outcome=sample.outcome_name, people=self.gain.people, population=self.gain.population)

    def tidy(self) -> pd.DataFrame:
        """Return the effect beside what it is made of and what plain least squares would say, one row each."""
        parts = {
            "gain": self.gain,
            "reduced form": self.reduced_form(),
            "first stage": self.first_stage(),
            "least squares": self.ols(),
        }
        rows = []
        for name, estimate in parts.items():
            table = estimate.tidy()
            names = [name] if len(table) == 1 else [f"{name}: {column}" for column in self.sample.names]
            rows.append(table.assign(term=names))
        return pd.concat(rows, ignore_index=True)

    def _residuals(self) -> FloatArray:
        """Return residuals (n,) of two-stage least squares, where there are any."""
        parts, basis = self.sample.parts, np.linalg.qr(self.sample.parts.instruments)[0]
        projected = basis.T @ parts.received
        two_stage = float(projected @ (basis.T @ parts.outcome)) / float(projected @ projected)
        residuals = parts.outcome - two_stage * parts.received
        if np.linalg.norm(residuals) <= ROUNDING * np.linalg.norm(parts.outcome):
            raise refusal(
                "EST-015", "nothing is left of the outcome beside treatment, covariates and groups", "outcome"
            )
        return residuals

    def _forms(self, vcov: ErrorType | None) -> Estimate:
        wanted = vcov or self.sample.error_type
        return self.sample.forms(wanted == "CR2").using(wanted)
