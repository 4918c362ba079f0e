"""What every design has in common: a frozen, strict spec, an outcome, and how errors are computed."""

from collections.abc import Sequence

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import BY_CLUSTER, ErrorType


class Design(BaseModel):
    """A request: the Python object, the node of the contract and the JSON Schema are one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: str | None = Field(None, description="The outcome; may be omitted when the study has only one.")
    period: str | None = Field(None, description="The outcome's period; may be omitted when there is only one.")
    cluster: str | None = Field(None, description="Column of people: groups treated alike, or that share fortunes.")
    vcov: ErrorType | None = Field(
        None,
        description="Error type. When omitted: CR1 with clusters; without, HC2 in an experiment and HC1 otherwise.",
    )

    @model_validator(mode="after")
    def _error_type_fits_cluster(self) -> "Design":
        if self.vcov is not None and self.cluster is not None and self.vcov not in BY_CLUSTER:
            raise ValueError(f"vcov {self.vcov} ignores the clusters of `cluster: {self.cluster}`; use CR0 or CR1")
        return self

    def errors_on(self, study: Study, unclustered: ErrorType) -> tuple[str | None, ErrorType]:
        """Return the cluster column and the error type, with the study's cluster where the spec names none.

        Raises
        ------
        ContractError
            CONTRACT-016 when the error type needs clusters and there are none, or ignores those that there are.
        """
        cluster = self.cluster or study.cluster
        error_type = self.vcov or ("CR1" if cluster else unclustered)
        if (error_type in BY_CLUSTER) != (cluster is not None):
            verb = "needs" if cluster is None else "ignores"
            fix = "name `cluster:` with CR0 or CR1, and leave it out with the others"
            raise refusal("CONTRACT-016", f"error type {error_type} {verb} clusters", "estimator", fix)
        return cluster, error_type


def as_study(
    data: Study | pd.DataFrame, outcome: str | None, providers: Sequence[str] = (), cluster: str | None = None
) -> Study:
    """Return the study, or read a plain frame as one; the frame's index is then the person id.

    Raises
    ------
    DataError
        DATA-022 when a plain frame comes without the name of the outcome.
    """
    if isinstance(data, Study):
        return data
    if outcome is None:
        raise refusal("DATA-022", f"a plain frame with {len(data.columns)} columns needs `outcome=`", "frame")
    return Study.from_frame(data, providers=providers, outcomes=[outcome], cluster=cluster)
