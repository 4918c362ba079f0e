"""Synthetic control and its relatives: a few treated places beside donors weighted to be like them before treatment.

Estimand: the average gain of the treated places over the periods since treatment began, in the outcome's units per place and
period. It needs donors that treatment does not reach, no anticipation, and that what made the donors follow the treated
places before treatment goes on.

Sources: Abadie, Diamond and Hainmueller (2010), JASA 105(490); Arkhangelsky et al. (2021), American Economic Review 111(12);
Ben-Michael, Feller and Rothstein (2021), JASA 116(536); Abadie (2021), Journal of Economic Literature 59(2) for practice.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from counterfoil.errors import refusal
from counterfoil.estimators.panels.panel_design import AdoptionDesign, PanelData
from counterfoil.estimators.spec import OwnRules
from counterfoil.estimators.synthetic.closeness import weaknesses
from counterfoil.estimators.synthetic.cohorts import Plan, by_cohort
from counterfoil.estimators.synthetic.counterfactual import Method
from counterfoil.estimators.synthetic.histories import Histories, read_histories
from counterfoil.estimators.synthetic.synthetic_fit import SyntheticControlFit


class SyntheticControl(AdoptionDesign):
    """Effect on a few places, told from untreated ones that moved like them before.

    Examples
    --------
    >>> from counterfoil.datasets import Panel
    >>> import pandas as pd
    >>> base = {"a": 2.0, "b": 1.0, "c": 5.0}
    >>> long = pd.DataFrame([(place, year) for place in base for year in range(2000, 2006)], columns=["place", "year"])
    >>> long["jobs"] = long["place"].map(base) * (long["year"] - 1999) + 5 * ((long["place"] == "a") & (long["year"] > 2003))
    >>> long["since"] = long["place"].map({"a": 2004})
    >>> fit = SyntheticControl(outcome="jobs", first_treated="since").fit(Panel.from_frame(long, unit="place", period="year"))
    >>> fit.total().values.round(6), fit.weights.round(3).tolist()
    (array([5.]), [0.75, 0.25])
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "synthetic_control", "first_treated": "since"},
                {
                    "kind": "synthetic_control",
                    "first_treated": "since",
                    "method": "synthetic_did",
                    "inference": "placebo_variance",
                },
            ]
        }
    )
    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "a synthetic control measures what happened in places as a whole, so there are no credits to split by"
    )

    kind: Literal["synthetic_control"] = "synthetic_control"
    level: Literal["people", "places"] = Field(
        "places",
        description="Whether the outcome is measured on people, or is an indicator of places in `indicators.csv`.",
    )
    method: Method = Field(
        "synthetic_control",
        description="How donors are weighted: to be at the treated places' level before treatment (synthetic_control), to move "
        "as they do (demeaned, synthetic_did), with a ridge correction (augmented), or equally (difference_in_differences).",
    )
    donors: str | tuple[str, ...] = Field(
        (),
        description="Places to compare with: a list of names, or a column that is 1 for them and 0 for others. All that are "
        "never treated when omitted.",
    )
    predictors: tuple[str, ...] = Field(
        (),
        description="Measures over time (of places: other indicators) whose averages before treatment are matched beside the "
        "outcome.",
    )
    penalty: float | None = Field(
        None,
        ge=0,
        description="How strongly unequal weights are avoided, in standard deviations of the donors' changes from period to "
        "period; for `augmented` how strongly the correction is held back, from 0 to 1. The method's own choice when omitted.",
    )
    inference: Literal["placebo", "conformal", "placebo_variance", "jackknife", "bootstrap"] = Field(
        "placebo",
        description="How uncertainty is told: a test against the donors (placebo) or against earlier periods (conformal), which "
        "give no standard error; or errors from the donors (placebo_variance) or from several treated places (jackknife, for "
        "synthetic_did and difference_in_differences; bootstrap).",
    )
    statistic: Literal["rmspe_ratio", "gain"] = Field(
        "rmspe_ratio",
        description="What the placebo test ranks: gaps after treatment over gaps before, or the size of the gain.",
    )
    permutations: Literal["moving_block", "iid"] = Field(
        "moving_block", description="How the conformal test shuffles periods: in one block, or each by itself."
    )
    draws: int = Field(500, ge=100, le=100_000, description="How many placebos, permutations or resamples are drawn.")
    seed: int = Field(0, ge=0, description="Number that fixes all random draws.")

    @model_validator(mode="after")
    def _fits_together(self) -> "SyntheticControl":
        unused = [name for name in ("cluster", "vcov") if getattr(self, name) is not None]
        if unused:
            raise ValueError(f"`{unused[0]}` has no meaning here: errors are as `inference` says")
        if (self.predictors or self.covariates) and self.method not in ("synthetic_control", "demeaned"):
            raise ValueError(f"method {self.method} matches outcomes only, without `predictors` or `covariates`")
        if self.penalty is not None and self.method == "difference_in_differences":
            raise ValueError("method difference_in_differences has equal weights, and no `penalty`")
        if self.inference == "jackknife" and self.method not in ("synthetic_did", "difference_in_differences"):
            raise ValueError(
                f"the jackknife holds weights fixed, which is not sound for {self.method}; use the bootstrap"
            )
        if self.inference == "conformal" and self.method == "synthetic_did":
            raise ValueError("conformal inference treats all periods alike, and synthetic_did weights them")
        return self

    def least_before(self) -> int:
        """Return the fewest periods before treatment that the method can use."""
        if self.method == "augmented" and self.penalty is None:
            return 3
        return 2 if self.method == "synthetic_did" else 1

    def fit(self, data: PanelData) -> SyntheticControlFit:
        """Weigh the donors.

        Parameters
        ----------
        data : Study, Panel, or DataFrame whose index has two levels, unit and period
            Units are places.

        Returns
        -------
        SyntheticControlFit
            Its `total` has one term, ``gain``, per treated place and period.

        Raises
        ------
        CounterfoilError
            As `read_histories`; IDENT-036 when there are too few places for the inference asked.
        """
        histories = read_histories(self, data)
        check_inference(self, histories)
        cohorts = by_cohort(Plan(self.method, self.penalty), histories.places)
        return SyntheticControlFit(
            spec=self,
            histories=histories,
            cohorts=cohorts,
            warnings=(*histories.warnings, *weaknesses(self.method, histories.places, cohorts)),
        )


def check_inference(spec: SyntheticControl, histories: Histories) -> None:
    """Refuse an inference that these places cannot carry; nothing of the outcome is read.

    Raises
    ------
    IdentificationError
        IDENT-036.
    """
    places = histories.places
    treated, donors = len(places.treated), len(places.donors)
    begins, sizes = np.unique(places.begins[places.treated], return_counts=True)
    what = ""
    if spec.inference == "jackknife" and (sizes.min() < 2 or donors < 2):
        what = f"the jackknife needs two treated places that began together and two donors; there are {sizes.min()} and {donors}"
    elif spec.inference == "bootstrap" and (treated < 2 or donors < 2):
        what = f"the bootstrap needs two treated places and two donors; there are {treated} and {donors}"
    elif spec.inference in ("placebo", "placebo_variance") and donors <= treated:
        what = f"placebos need more donors than treated places; there are {donors} and {treated}"
    elif spec.inference == "placebo_variance" and donors < 3:
        what = f"a variance between placebos needs three donors; there are {donors}"
    elif spec.inference == "conformal" and len(begins) > 1:
        what = f"conformal inference needs one beginning of treatment; there are {len(begins)}"
    if what:
        fix = "name more donors, or use `inference: conformal`" if spec.inference == "placebo" else ""
        raise refusal("IDENT-036", what, f"inference {spec.inference}", fix)
