"""Placebo outcomes: credits that ought to be zero.

The same kernel and design on an outcome from before the services must find nothing: φ̂′Σ̂⁻φ̂ is chi-squared with rank(Σ̂)
degrees of freedom, or Hotelling's T² where errors are by cluster. A rejection says that the people of the providers
differed before (or that a covariate is missing); for designs on changes it tests trends without services only.

Source: Hotelling (1931) for T².
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.display import titled_table
from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.joint_test import joint_test
from counterfoil.estimators.kernel import Kernel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Placebo:
    """Credits for an outcome that the services cannot have changed.

    Parameters
    ----------
    credits : Estimate
        Credit of each provider for the placebo outcome; each ought to be zero.
    statistic : float
        φ̂′Σ̂⁻φ̂.
    rank : int
        Rank of Σ̂, the degrees of freedom of the test.
    p_value : float
        Chance of so large a statistic when all credits are zero.
    """

    credits: Estimate
    statistic: float
    rank: int
    p_value: float

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return a row a provider and, last, a row ``joint`` that has the statistic and p-value of the joint test.

        Returns
        -------
        DataFrame
            Columns provider, outcome, term, estimate, std_error, statistic, p_value, conf_low, conf_high.
        """
        frame = self.credits.tidy(conf_level)
        frame["term"] = "placebo"
        last = {"provider": "", "outcome": self.credits.outcome, "term": "joint"}
        joint = pd.DataFrame([{**last, "statistic": self.statistic, "p_value": self.p_value}])
        together = pd.concat([frame, joint.reindex(columns=frame.columns).astype(frame.dtypes)], ignore_index=True)
        together.attrs = {**frame.attrs, "rank": self.rank}
        return together

    @property
    def _header(self) -> str:
        return (
            f"placebo on {self.credits.outcome}: all {self.rank} credits zero has statistic {self.statistic:.3f}, "
            f"p = {self.p_value:.3f}"
        )

    def summary(self) -> str:
        """Return the table under a sentence that reads it."""
        table = self.tidy()[:-1].drop(columns=["outcome", "term"])
        return f"{self._header}\n{table.to_string(index=False, float_format=lambda x: f'{x:.4g}')}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)


def placebo(
    fit: ContributionFit, kernel: Kernel, study: Study | pd.DataFrame, outcome: str, period: str | None = None
) -> Placebo:
    """Fit the same design and apply the same rule to an outcome from before the services.

    Parameters
    ----------
    fit : ContributionFit
        The fit whose design is put to the test.
    kernel : Kernel
        An attribution rule.
    study : Study or DataFrame
        Holds the placebo outcome.
    outcome, period : str
        The outcome, and its period where it has several.

    Raises
    ------
    EstimationError
        EST-014 when the placebo is the outcome of the fit itself; EST-015 when a joint test is not defined.

    Examples
    --------
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"north": rng.integers(0, 2, 400), "south": rng.integers(0, 2, 400)})
    >>> frame["before"] = rng.normal(size=400)
    >>> frame["after"] = frame["before"] + frame["north"]
    >>> fit = Contribution(outcome="after", providers=("north", "south")).fit(frame)
    >>> placebo(fit, Shapley(), frame, "before").p_value > 0.05
    True
    """
    # A period may be left unnamed only where there is one, which is then the same.
    if outcome == fit.outcome and (period == fit.spec.period or None in (period, fit.spec.period)):
        raise refusal("EST-014", f"'{outcome}' is the outcome that the fit explains", "placebo")
    spec = fit.spec.model_copy(update={"outcome": outcome, "period": period})
    credits = spec.fit(study).apply(kernel)
    return Placebo(credits, *joint_test(credits))
