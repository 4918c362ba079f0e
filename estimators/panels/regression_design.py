"""What regressions on panels read: controls, covariates with a slope in every period, the periods used, and fixed effects."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from counterfoil.datasets.panel import Panel
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import BY_CLUSTER, ErrorType, FloatArray
from counterfoil.estimators.panels.panel_design import PanelDesign, PanelSample

OWN: Final = ("unit", "period")
"""Names of fixed effects that are not columns."""
BETWEEN: Final = " by "
"""Between the names of columns whose combinations are one fixed effect."""


class RegressionDesign(PanelDesign):
    """A request for a regression on units by periods."""

    covariates: tuple[str, ...] = Field(
        (),
        description="Columns of people measured before the programme, to adjust for: in a panel each may have another "
        "slope in every period; where each person has one row, one slope.",
    )
    controls: tuple[str, ...] = Field(
        (),
        description="Measures over time (of places: other indicators) to adjust for, which the programme itself must not move.",
    )
    first_period: str | None = Field(None, description="The first period used; the first of the data when left out.")
    last_period: str | None = Field(None, description="The last period used; the last of the data when left out.")
    vcov: ErrorType | None = Field(
        None,
        description="Error type. When omitted: CR1 by person, or by `cluster`, in a panel; HC1 where each person has one "
        "row. classical, HC0 and HC1 take each row of a panel for a person of its own.",
    )

    @property
    def window(self) -> tuple[str | None, str | None]:
        """The first and the last period used."""
        return self.first_period, self.last_period

    def errors_by(self, panel: Panel) -> tuple[str | None, ErrorType]:
        """Return the cluster column and the error type; with CR types and no column, clusters are units.

        Raises
        ------
        ContractError
            CONTRACT-016 when the error type ignores the clusters that there are, or needs some and each unit has one row.
        """
        cluster = self.cluster or panel.cluster
        alone = panel.n_rows == panel.n_units
        error_type = self.vcov or ("CR1" if cluster or not alone else "HC1")
        ignored = cluster is not None and error_type not in BY_CLUSTER
        if ignored or (cluster is None and alone and error_type in BY_CLUSTER):
            verb = "ignores" if ignored else "needs"
            fix = "name `cluster:` with CR0, CR1 or CR2, and leave it out with the others"
            raise refusal("CONTRACT-016", f"error type {error_type} {verb} clusters", "estimator", fix)
        return cluster, error_type


class FixedEffectsDesign(RegressionDesign):
    """A request for a regression whose fixed effects are named."""

    fixed_effects: tuple[str, ...] = Field(
        ("unit", "period"),
        description="What rows are compared within: unit (each person or place with itself), period, a column, or columns joined "
        "by `by`, such as `region by period` (only within the same region and period).",
    )

    def effect_columns(self) -> tuple[str, ...]:
        """Return the columns that fixed effects are made of."""
        parts = [part for name in self.fixed_effects for part in name.split(BETWEEN)]
        return tuple(dict.fromkeys(part for part in parts if part not in OWN))

    @model_validator(mode="after")
    def _names_effects_once(self) -> "FixedEffectsDesign":
        if len(set(self.fixed_effects)) < len(self.fixed_effects):
            raise ValueError("`fixed_effects` names one twice")
        return self


def adjustment(spec: RegressionDesign, sample: PanelSample, by_unit: bool) -> tuple[FloatArray, tuple[str, ...]]:
    """Return columns of controls and covariates, shape (n_rows, c), and the column that each comes from.

    With effects of units, which take up levels, a covariate has a slope in every period but the first.
    """
    panel = sample.panel
    fixed, labels = panel.covariates(spec.covariates)
    names = [label.partition("=")[0] for label in labels]
    periods = np.flatnonzero(np.bincount(panel.period))[1:]
    width = len(spec.controls) + len(names) * (len(periods) if by_unit else 1)
    columns = np.empty((panel.n_rows, width), order="F")
    for position, name in enumerate(spec.controls):
        columns[:, position] = sample.panel.varying(name)
    place = len(spec.controls)
    found = list(spec.controls)
    for name, column in zip(names, (fixed - fixed.mean(axis=0)).T, strict=True):
        rows = column[panel.unit]
        for part in [rows * (panel.period == period) for period in periods] if by_unit else [rows]:
            columns[:, place] = part
            place += 1
            found.append(name)
    return columns, tuple(found)


def effect_codes(names: Sequence[str], panel: Panel) -> tuple[bool, tuple[NDArray[np.integer[Any]], ...]]:
    """Return whether units have an effect, and codes of the other fixed effects named.

    Parameters
    ----------
    names : sequence of str
        ``unit``, ``period``, a column, or several joined by ``by``.
    """
    by_unit = "unit" in names
    found: list[NDArray[np.integer[Any]]] = []
    for name in names:
        if name == "unit":
            continue
        codes: NDArray[np.integer[Any]] = np.zeros(panel.n_rows, dtype=np.int64)
        for part in name.split(BETWEEN):
            own: NDArray[np.integer[Any]] = panel.row_groups(part)[0] if part not in OWN else _own(part, panel)
            codes = codes * (int(own.max()) + 1) + own
        found.append(codes if BETWEEN not in name else np.unique(codes, return_inverse=True)[1])
    return by_unit, tuple(found)


def _own(name: str, panel: Panel) -> NDArray[np.integer[Any]]:
    return panel.period if name == "period" else panel.unit
