"""Shuffled rosters: every true credit is zero, whatever the outcomes are like.

Dealing the providers' patterns out anew within sites makes services have nothing to do with outcomes, so that the
estimates must centre on zero and reject at their level.

Source: Rosenbaum (2002), *Observational Studies*, chapter 2, for shuffles within strata.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.display import titled_table
from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.joint_test import joint_test
from counterfoil.estimators.kernel import Kernel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shuffles:
    """Credits under rosters dealt out anew, where every true credit is zero.

    Parameters
    ----------
    providers : tuple of str
    outcome : str
    within : str
        The column within whose groups patterns were shuffled.
    values : ndarray, shape (draws, K)
        Credits, in the outcome's units.
    std_error : ndarray, shape (draws, K)
    rejected : ndarray of bool, shape (draws, K)
        Whether the interval excludes zero.
    p_value : ndarray, shape (draws,)
        Of the joint test.
    conf_level : float
    """

    providers: tuple[str, ...]
    outcome: str
    within: str
    values: FloatArray
    std_error: FloatArray
    rejected: NDArray[np.bool_]
    p_value: FloatArray
    conf_level: float

    def tidy(self) -> pd.DataFrame:
        """Return a row a provider and, last, a row ``joint`` for the test of all credits together.

        Returns
        -------
        DataFrame
            Columns provider, outcome, term, estimate (mean over the shuffles), std_error (its Monte Carlo error), statistic
            (their ratio) and size (part of the shuffles in which zero is rejected).
        """
        mean, error = self.values.mean(axis=0), self.values.std(axis=0, ddof=1) / np.sqrt(len(self.values))
        frame = pd.DataFrame({"provider": (*self.providers, ""), "outcome": self.outcome, "term": "placebo"})
        frame.loc[len(mean), "term"] = "joint"
        frame["estimate"] = [*mean, np.nan]
        frame["std_error"] = [*error, np.nan]
        frame["statistic"] = frame["estimate"] / frame["std_error"]
        frame["size"] = [*self.rejected.mean(axis=0), (self.p_value < 1 - self.conf_level).mean()]
        return frame

    @property
    def _header(self) -> str:
        return f"{len(self.values):,} shuffles within {self.within}, {self.outcome}: every true credit is zero"

    def summary(self) -> str:
        """Return the table under a sentence that reads it."""
        table = self.tidy().drop(columns="outcome")
        return f"{self._header}\n{table.to_string(index=False, float_format=lambda x: f'{x:.4g}')}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)


def shuffled(study: Study, within: str, seed: int) -> Study:
    """Return the study with everybody's whole service record given to somebody of the same group.

    Raises
    ------
    DataError
        DATA-004 without the column, DATA-019 without a services table.
    EstimationError
        EST-014 when the people of every group have the same providers, so that nothing moves.
    """
    groups = study.codes(within)
    pattern = study.roster().patterns()[1]
    together = pd.Series(pattern).groupby(groups).nunique()
    if (together == 1).all():
        raise refusal("EST-014", f"within '{within}' everybody has the same providers", "services")
    services = study.services
    if services is None:
        raise ValueError("a roster comes from a services table")
    rng = np.random.default_rng(seed)
    new_owner = np.empty(study.n_people, dtype=np.intp)
    order = np.argsort(groups, kind="stable")
    # A random order within groups, laid over the order of the groups.
    new_owner[order] = np.lexsort((rng.random(study.n_people), groups))
    person = services["person"].cat
    moved = pd.Categorical.from_codes(new_owner[person.codes.to_numpy()], categories=person.categories)
    return replace(study, services=services.assign(person=moved), digests={})


def permuted_rosters(
    spec: Contribution, study: Study, kernel: Kernel, within: str, draws: int, seed: int, conf_level: float = 0.95
) -> Shuffles:
    """Shuffle the providers' patterns within groups and refit, many times.

    Where groups differ in outcomes and in patterns, `spec` must adjust for them, as it must in the study itself.

    Parameters
    ----------
    spec : Contribution
        The design.
    study : Study
        With a services table.
    kernel : Kernel
        An attribution rule.
    within : str
        Column of people: groups within which patterns are exchanged, such as sites.
    draws : int
        Two or more.
    seed : int
        Same seed, same shuffles.
    conf_level : float

    Raises
    ------
    EstimationError
        EST-014 when nothing can be exchanged.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> study = cf.datasets.load("rice")
    >>> permuted_rosters(Contribution(outcome="takeup"), study, Shapley(), "address", 20, 1).values.shape
    (20, 2)
    """
    if draws < 2:
        raise ValueError("draws is two or more")
    streams = np.random.SeedSequence(seed).generate_state(draws, np.uint64)
    rows: dict[str, list[Any]] = {"values": [], "std_error": [], "rejected": [], "p_value": []}
    credits = None
    for stream in streams.tolist():
        credits = spec.fit(shuffled(study, within, stream)).apply(kernel)
        low, high = credits.interval(conf_level).T
        rows["values"].append(credits.values)
        rows["std_error"].append(credits.std_error)
        rows["rejected"].append((low > 0) | (high < 0))
        rows["p_value"].append(joint_test(credits).p_value)
    if credits is None:
        raise ValueError("there are no draws")
    table = {name: np.array(column) for name, column in rows.items()}
    return Shuffles(credits.terms, str(credits.outcome), within, conf_level=conf_level, **table)
