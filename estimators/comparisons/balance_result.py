"""What a balance table is: rows of everybody and of groups, sizes, and the lines of a love plot."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.estimators.balance import LARGEST
from counterfoil.estimators.comparisons.comparison_design import WHOSE, Estimand

BRIEF: Final = ("smd_before", "smd_after", "variance_ratio_after", "ks_after", "overlap_after", "balanced")
"""What a summary shows of each column."""


@dataclass(frozen=True, slots=True)
class LoveRow:
    """One line of a love plot: a term's column, its standardised difference before and after, and whether that is below .1."""

    term: str
    name: str
    before: float
    after: float
    balanced: bool


@dataclass(frozen=True, slots=True, eq=False)
class BalanceTable:
    """How alike the people of a comparison are, one row a term, a group and a column.

    Parameters
    ----------
    rows : DataFrame
        See `tidy`.
    sizes : DataFrame
        Columns term, group, people_treated, people_untreated (small counts hidden), and ess_treated_before,
        ess_treated_after, ess_untreated_before, ess_untreated_after (missing where a group is not shown, or fewer than 11
        people are used on a side).
    by : str or None
        Column of people by which groups were told apart.
    hidden : tuple of (str, str)
        Terms and groups not shown: a side has too few people, or none, or would give another group's count away.
    estimand : str
    rare : tuple of (str, str)
        Terms and columns of 0 and 1, such as a level, that 1 to 10 people have, or all but so few.
    unshown : int
        Rows that `safe` has left out.
    """

    rows: pd.DataFrame
    sizes: pd.DataFrame
    by: str | None
    hidden: tuple[tuple[str, str], ...]
    estimand: Estimand
    rare: tuple[tuple[str, str], ...] = ()
    unshown: int = 0

    def safe(self) -> "BalanceTable | None":
        """Return the table of everybody without rare columns, whose differences would tell how few have them; None if none is left."""
        rows = self.overall
        few = pd.Series([pair in self.rare for pair in zip(rows["term"], rows["covariate"], strict=True)], rows.index)
        if few.all():
            return None
        sizes = self.sizes[self.sizes["group"] == ""]
        return replace(self, rows=rows[~few], sizes=sizes, by=None, hidden=(), rare=(), unshown=int(few.sum()))

    def tidy(self) -> pd.DataFrame:
        """Return one row a term, a group and a column.

        Returns
        -------
        DataFrame
            Columns term, group ("" for everybody), covariate, adjusted (whether the design adjusts for it), binary, unit
            and unit_of (the standard deviation that differences are told in, and whose it is), then each with ``_before`` and
            ``_after``: treated and untreated (means), difference (of the means), smd (the difference in units),
            variance_ratio (missing for columns of 0 and 1, and where a side has one value), ks, overlap; and balanced (whether
            smd_after is below .1).
        """
        return self.rows.copy()

    @property
    def overall(self) -> pd.DataFrame:
        """The rows of everybody, without those of groups."""
        return self.rows[self.rows["group"] == ""]

    @property
    def worst(self) -> LoveRow:
        """The column that is least alike after weighting, of everybody."""
        place = int(np.argmax(self.overall["smd_after"].abs().to_numpy()))
        row = self.overall.iloc[place]
        return LoveRow(
            row["term"],
            row["covariate"],
            float(row["smd_before"]),
            float(row["smd_after"]),
            bool(row["balanced"]),
        )

    def summary(self) -> str:
        """Return what a reader needs: how many columns are balanced, the worst, the sizes, and the table of everybody."""
        table = self.overall.drop(columns="group")
        table = table if table["term"].nunique() > 1 else table.drop(columns="term")
        keys = [name for name in ("term", "covariate") if name in table]
        lines = [self._header, *self.lines(), ""]
        lines += [table[[*keys, *BRIEF]].to_string(index=False, na_rep="", float_format=lambda x: f"{x:.3f}"), ""]
        return "\n".join([*lines, self.sizes.to_string(index=False, na_rep="", float_format=lambda x: f"{x:,.1f}")])

    @property
    def _header(self) -> str:
        return f"balance for the {WHOSE[self.estimand]}"

    def lines(self) -> list[str]:
        """Say how many columns are alike before and after, which is the least so, and what is not shown."""
        before, after = ((self.overall[f"smd_{stage}"].abs() >= LARGEST).sum() for stage in ("before", "after"))
        many, worst = len(self.overall), self.worst
        of = "" if worst.term == "gain" else f" of {worst.term}"
        told = [
            f"standardised differences of {LARGEST:g} or more: {before} of {many} before, {after} of {many} after",
            f"largest after: {worst.name}{of}, {worst.after:.3f}",
        ]
        if self.unshown:
            told.append(f"{self.unshown} not shown, which fewer than 11 people have, or all but so few")
        if self.by is not None:
            rows = self.rows[self.rows["group"] != ""]
            told.append(f"by {self.by}: {(~rows['balanced']).sum()} of {len(rows)} are {LARGEST:g} or more after")
        if self.hidden:
            told.append(f"{len(self.hidden)} groups by {self.by} are not shown: too few people on a side")
        return told

    def plot(self, ax: Any = None) -> Any:
        """Draw the differences before and after as a love plot; return the matplotlib Axes."""
        from counterfoil.estimators.comparisons.balance_plots import love_plot

        return love_plot(self, ax)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        shown_rows = self.overall[["term", "covariate", *BRIEF]]
        return titled_table(shown_rows, f"{self._header}; {'; '.join(self.lines())}") + titled_table(
            self.sizes, "people and effective sizes"
        )


def love_rows(table: BalanceTable, group: str = "") -> list[LoveRow]:
    """Return the lines of a love plot, largest difference before weighting first: numbers only.

    Parameters
    ----------
    table : BalanceTable
    group : str
        Of one group; of everybody when omitted.

    Examples
    --------
    >>> rows = pd.DataFrame({"term": "gain", "group": "", "covariate": ["age", "need"], "smd_before": [0.2, -0.3]})
    >>> rows = rows.assign(smd_after=[0.02, -0.2], balanced=[True, False])
    >>> love_rows(BalanceTable(rows, rows, None, (), "att"))[0]
    LoveRow(term='gain', name='need', before=-0.3, after=-0.2, balanced=False)
    """
    rows = table.rows[table.rows["group"] == group]
    order = rows["smd_before"].abs().sort_values(ascending=False, kind="stable").index
    kept = rows.loc[order, ["term", "covariate", "smd_before", "smd_after", "balanced"]]
    return [LoveRow(*row) for row in kept.itertuples(index=False, name=None)]
