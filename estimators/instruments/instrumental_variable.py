"""A lottery that not everybody followed: the effect on those whom it moved.

Estimand: the effect of taking part on compliers, the people who take part if the instrument says so and not otherwise (the local
average treatment effect). Where nobody takes part without being assigned, compliers are those who took part, and it is the
effect on the treated. It needs an instrument as good as random given covariates and groups; that acts on the outcome only
through taking part; that moves nobody the other way; and that moves somebody. With covariates the effects of compliers who
differ in them are averaged with weights that grow with how much the instrument moves such people.

For a treatment that is an amount it is the average effect of one unit, over the units that the instrument moved.

Sources: Imbens and Angrist (1994), Econometrica 62(2); Angrist and Imbens (1995), JASA 90, for amounts; Bloom (1984) for the
effect on the treated.
"""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import check_clusters
from counterfoil.estimators.instruments.instrument_fit import InstrumentFit
from counterfoil.estimators.instruments.instrument_sample import InstrumentSample
from counterfoil.estimators.instruments.partialled import ROUNDING, Partialled, partial_out
from counterfoil.estimators.instruments.people_moved import people_moved
from counterfoil.estimators.instruments.two_stage import k_class
from counterfoil.estimators.instruments.weak_instrument import first_stage_strength
from counterfoil.estimators.spec import Design, OwnRules, draw_sample


class InstrumentalVariable(Design):
    """Effect on the people whom a lottery, or another instrument, moved to take part.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"assigned": rng.integers(0, 2, 500), "willing": rng.random(500) < 0.6})
    >>> frame["took_part"] = frame["assigned"] * frame["willing"]
    >>> frame["wage"] = 3 * frame["took_part"] + 2 * frame["willing"] + rng.normal(size=500)
    >>> fit = InstrumentalVariable(outcome="wage", received="took_part").fit(frame)
    >>> fit.total().values.round(2), fit.ols().values.round(2)
    (array([3.37]), array([4.14]))
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "instrumental_variable", "instrument": ["assigned"], "received": "took_part"}]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "an instrument measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["instrumental_variable"] = "instrumental_variable"
    instrument: tuple[str, ...] = Field(
        ("assigned",),
        min_length=1,
        description="Columns of people that moved them to take part and act on the outcome in no other way, such as the "
        "assignment of a lottery.",
    )
    received: str = Field(description="Column of people: 1 = took part, 0 = did not; or the amount received.")
    within: str | None = Field(
        None,
        description="Column of people whose groups (sites, villages, years) are absorbed: people are compared within.",
    )
    method: Literal["2sls", "liml"] = Field(
        "2sls",
        description="Two-stage least squares, or limited information maximum likelihood, which is less biased when several "
        "instruments are weak; with one instrument they are the same.",
    )

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        return (*self.instrument, self.received, *filter(None, (self.within,)), *super().columns())

    def fit(self, data: Study | pd.DataFrame) -> InstrumentFit:
        """Estimate the effect on those whom the instrument moved.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a person and the person id as its index.

        Returns
        -------
        InstrumentFit
            ``total()`` is the `Estimate` with one term, ``gain``, in the outcome's units per unit received. Its errors are
            classical, HC0, HC1, CR0 or CR1; corrections for leverage are not defined for it.

        Raises
        ------
        DataError
            When a column is missing or blank, or the treatment received is no number.
        IdentificationError
            IDENT-023 when the instrument moves nobody: it is constant, a combination of covariates and groups, or unrelated to
            the treatment received; IDENT-006 with too few clusters.
        EstimationError
            EST-029 when `liml` has no solution; EST-001 when the error type is not defined, or one person alone determines the
            first stage; EST-003 with more parameters than people.
        """
        sample = draw_sample(self, data)
        study = sample.study
        cluster, error_type = self.errors_on(study, unclustered="HC1")
        outcome = study.outcome(self.outcome, self.period)
        received = _amounts(study, self.received)
        instruments, instrument_names = study.covariates(self.instrument)
        covariates, covariate_names = study.covariates(self.covariates)
        groups = None if self.within is None else study.codes(self.within)
        clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
        check_clusters(clusters, *([instruments[:, 0] == 1] if _is_binary(instruments) else []))
        parts = partial_out(outcome, received, instruments, covariates, groups, sample.weights)
        self._refuse_unmoved(parts)
        names = tuple(instrument_names[position] for position in parts.kept)
        found = k_class(parts, self.method)
        counted = parts.parameters - (parts.groups - 1 if _nested(groups, clusters) else 0)
        used = InstrumentSample(
            parts=parts,
            outcome=outcome,
            received=received,
            instruments=instruments[:, parts.kept],
            names=names,
            covariates=covariates,
            covariate_names=covariate_names,
            groups=groups,
            weights=sample.weights,
            ids=study.ids,
            clusters=clusters,
            cluster_names=cluster_names,
            cluster_by=cluster,
            error_type=error_type,
            counted=counted,
            outcome_name=self.outcome or study.outcome_names[0],
            received_name=self.received,
        )
        # Refused where one person alone determines the first stage: no robust error sees what that person adds.
        joint = used.forms().using(error_type)
        size = len(names)
        first = joint.select(range(size, 2 * size))
        moved = people_moved(received, used.instruments, float(first.values[0]), self.received)
        gain = Estimate(
            terms=("gain",),
            values=np.array([found.value]),
            ids=study.ids,
            influence=found.influence[:, None],
            riesz=(found.riesz * np.sqrt(sample.weights))[:, None],
            classical=np.array([[found.variance]]),
            clusters=clusters,
            cluster_names=cluster_names,
            cluster_by=cluster,
            parameters=counted + 1,
            error_type=error_type,
            outcome=used.outcome_name,
            estimand=moved.estimand,
            people=moved.people,
            population=moved.population,
            diagnostics={**sample.counts, **moved.counts, **_group_counts(groups, parts)},
        ).using(error_type)
        strength = first_stage_strength(gain, first, parts)
        warnings = (
            *sample.warnings,
            *_left_out(parts, covariate_names, instrument_names),
            *moved.warnings,
            *strength.warnings(),
        )
        return InstrumentFit(used, replace(gain, warnings=warnings), strength)

    def _refuse_unmoved(self, parts: Partialled) -> None:
        where = f"people, columns {listed([*self.instrument, self.received])}"
        if not len(parts.kept):
            beside = [*self.covariates, *filter(None, (self.within,))]
            given = f" once {listed(beside)} are taken into account" if beside else ""
            raise refusal("IDENT-023", f"the instrument does not vary{given}", where)
        size = float(np.linalg.norm(parts.received))
        if size == 0:
            raise refusal("IDENT-023", f"'{self.received}' does not vary beside covariates and groups", where)
        basis = np.linalg.qr(parts.instruments)[0]
        if float(np.linalg.norm(basis.T @ parts.received)) <= ROUNDING * size:
            raise refusal("IDENT-023", "the instrument and the treatment received are unrelated", where)


def _amounts(study: Study, name: str) -> FloatArray:
    values, wrong = as_numbers(study.column(name))
    wrong = wrong | ~np.isfinite(values)
    if wrong.any():
        raise refusal("DATA-014", f"column '{name}' is no number for {int(wrong.sum())} people", "people")
    return values


def _is_binary(instruments: FloatArray) -> bool:
    return instruments.shape[1] == 1 and bool(np.isin(instruments, (0.0, 1.0)).all()) and bool(np.ptp(instruments) > 0)


def _nested(groups: NDArray[np.intp] | None, clusters: NDArray[np.intp] | None) -> bool:
    """Tell whether each absorbed group lies in one cluster; its mean is then no parameter that clusters share."""
    if groups is None or clusters is None:
        return False
    return len(np.unique(groups * (int(clusters.max()) + 1) + clusters)) == int(groups.max()) + 1


def _group_counts(groups: NDArray[np.intp] | None, parts: Partialled) -> dict[str, int]:
    if groups is None:
        return {}
    moving = np.bincount(groups, weights=(parts.instruments != 0).any(axis=1)) > 0
    alone = np.bincount(groups) == 1
    return {"groups": parts.groups, "groups of one": int(alone.sum()), "groups that inform": int(moving.sum())}


def _left_out(
    parts: Partialled, covariate_names: tuple[str, ...], instrument_names: tuple[str, ...]
) -> tuple[Problem, ...]:
    words = []
    if len(parts.dropped_covariates):
        columns = sorted({covariate_names[position].partition("=")[0] for position in parts.dropped_covariates})
        words.append(f"some of covariates {listed(columns)}")
    lost = sorted({instrument_names[p] for p in range(len(instrument_names)) if p not in parts.kept})
    words += [f"instruments {listed(lost)}"] if lost else []
    return (Problem("EST-005", f"left out of the model: {' and '.join(words)}", "estimator"),) if words else ()
