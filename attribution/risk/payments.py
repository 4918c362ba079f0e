"""What would be paid if the estimate had come out differently: draws of the estimate, each settled exactly.

Draws of the estimate around the estimate describe the sampling spread: what a repetition of the study would have paid if the
truth were what was found. They are no distribution of the truth, and no chance that the programme works. A payment that is a
kinked function of the estimate has no standard interval: at a threshold the bootstrap distribution does not settle, however
many people there are, so the interval is one of draws and promises no coverage there. Where the price is smooth, it is the
usual percentile interval.

Sources: Efron and Tibshirani (1993), *An introduction to the bootstrap*, chapter 13, for percentile intervals; Fang and Santos
(2019), *Inference on directionally differentiable functions*, Review of Economic Studies 86(1), for what fails at a kink.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.attribution.payment.settlement import Inputs
from counterfoil.attribution.payment.settling import settle_inputs
from counterfoil.attribution.payment.trace import Priced
from counterfoil.attribution.risk.standing import Standing, standings
from counterfoil.datasets.display import titled_table
from counterfoil.errors import PaymentError, refusal

FloatArray = NDArray[np.float64]

FEWEST: Final = 100
"""Draws below which a 95% interval would rest on the two or three most extreme of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Payments:
    """Settlements of many draws.

    Parameters
    ----------
    currency : str
        ISO 4217 code.
    totals : ndarray, shape (size,)
        What is due in each draw, in major units.
    parties, payers, clauses : mapping of str to ndarray, shape (size,)
        The same by who receives it, who pays it, and the price that makes it due.
    chances : mapping of Standing to float
        Chance of each tier, condition and gate.
    draws : ndarray of int, shape (size,)
        The numbers of the draws that were settled.
    refused : mapping of str to int
        Code to the number of further draws that could not be settled, such as a pot that no credit divides; nothing above
        counts them.
    """

    currency: str
    totals: FloatArray
    parties: Mapping[str, FloatArray]
    payers: Mapping[str, FloatArray]
    clauses: Mapping[str, FloatArray]
    chances: Mapping[Standing, float]
    draws: NDArray[np.intp]
    refused: Mapping[str, int]

    @property
    def size(self) -> int:
        """Draws that were settled."""
        return len(self.totals)

    @property
    def mean(self) -> float:
        """Expected payment."""
        return float(self.totals.mean())

    @property
    def std_dev(self) -> float:
        """Standard deviation of the payment from draw to draw."""
        return float(self.totals.std(ddof=1))

    @property
    def std_error(self) -> float:
        """Monte Carlo error of the expected payment, which falls with the number of draws."""
        return float(self.std_dev / np.sqrt(self.size))

    @property
    def nothing_due(self) -> float:
        """Chance that nothing is due."""
        return float((self.totals == 0).mean())

    def interval(self, conf_level: float = 0.95) -> tuple[float, float]:
        """Return the quantiles that the middle of the draws lies between.

        Parameters
        ----------
        conf_level : float
            The fraction of draws between them.
        """
        low, high = np.quantile(self.totals, [(1 - conf_level) / 2, (1 + conf_level) / 2])
        return float(low), float(high)

    def under(self, clauses: Collection[str]) -> FloatArray:
        """Return what is due under some of the prices together, shape (size,)."""
        found = np.zeros(self.size)
        for name in clauses:
            found = found + self.clauses.get(name, 0.0)
        return found

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row for the total and each party, payer and price.

        Parameters
        ----------
        conf_level : float
            Of the quantile interval.

        Returns
        -------
        DataFrame
            Columns term (total, party, payer or payment), name, estimate (mean), std_error (Monte Carlo), std_dev,
            conf_low, conf_high, nothing_due; in major units of the currency.
        """
        parts: list[tuple[str, str, FloatArray]] = [("total", "", self.totals)]
        for term, found in (("party", self.parties), ("payer", self.payers), ("payment", self.clauses)):
            parts += [(term, name, values) for name, values in found.items()]
        rows = []
        for term, name, values in parts:
            one = replace(self, totals=values)
            rows.append((term, name, one.mean, one.std_error, one.std_dev, *one.interval(conf_level), one.nothing_due))
        columns = ["term", "name", "estimate", "std_error", "std_dev", "conf_low", "conf_high", "nothing_due"]
        frame = pd.DataFrame(rows, columns=columns)
        frame.attrs = {"currency": self.currency, "draws": self.size, "conf_level": conf_level}
        return frame

    def standing(self) -> pd.DataFrame:
        """Return the chance of each tier, condition and gate.

        Returns
        -------
        DataFrame
            Columns clause, period, kind (tier, condition or gate), name, chance.
        """
        rows = [(one.clause, one.period, one.kind, one.name, chance) for one, chance in self.chances.items()]
        return pd.DataFrame(rows, columns=["clause", "period", "kind", "name", "chance"])

    def summary(self) -> str:
        """Return what is expected, how it spreads, by party, and the chance of each tier, as text."""
        low, high = self.interval()
        said = (
            f"Expected payment {self.mean:,.2f} {self.currency}, over {self.size:,} draws (Monte Carlo error "
            f"{self.std_error:,.2f}); 95% of the draws lie between {low:,.2f} and {high:,.2f}; nothing is due in "
            f"{self.nothing_due:.1%} of them."
        )
        table = self.tidy().iloc[1:]
        lines = [
            said,
            *(
                f"  {'clause' if row.term == 'payment' else row.term:<8}{row.name_:<24}{row.estimate:>18,.2f}   95% {row.conf_low:,.2f} to {row.conf_high:,.2f}"
                for row in table.rename(columns={"name": "name_"}).itertuples()
            ),
        ]
        lines += [
            f"  {one.kind:<10}{one.clause}{f' ({one.period})' if one.period else ''}: {one.name}  {chance:.1%}"
            for one, chance in self.chances.items()
        ]
        lines += [f"  {count:,} further draws could not be settled: {code}" for code, count in self.refused.items()]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self.summary().partition("\n")[0])


def draw_payments(
    inputs: Inputs,
    draw: Callable[[int], Mapping[str, Sequence[Priced]]],
    size: int,
    *,
    gated: Collection[str] = (),
    progress: Callable[[int], Any] | None = None,
) -> Payments:
    """Settle many draws of the effects, everything else as it is.

    Draws of the estimate around the estimate describe the sampling spread and not what the truth may be; a payment that is a
    kinked function of the estimate has no standard interval.

    Parameters
    ----------
    inputs : Inputs
        What the settlement follows from; see `counterfoil.attribution.payment.settle`.
    draw : callable
        From the number of a draw, 0 to ``size`` − 1, to the effects as they would be priced. What it leaves out stays as it
        is: other effects, and the same effect as it was known in earlier periods.
    size : int
        At least 100.
    gated : collection of str
        Effects that have a gate, whose chance of opening is then told.
    progress : callable, optional
        Called with the number of draws done, after each.

    Raises
    ------
    PaymentError
        PAY-016 for fewer than 100 draws; the refusal itself where no draw can be settled.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from counterfoil.attribution.payment import StepTable, exact, settle
    >>> table = StepTable(effect="fall", to="spv", steps=({"from": "8.5", "pays": "4800000.00"},))
    >>> due = settle([table], {"fall": Priced(Decimal(9), "found", True)}, {}, currency="USD", payer="city")
    >>> values = np.random.default_rng(1).normal(9, 1, size=1000)
    >>> drawn = draw_payments(due.inputs, lambda k: {"fall": [Priced(exact(values[k]), "drawn", True)]}, 1000)
    >>> bool(drawn.nothing_due == (values < 8.5).mean())
    True
    """
    return settle_draws(
        lambda number: replace(inputs, effects={**inputs.effects, **_beside_earlier(inputs, draw(number))}),
        size,
        gated=gated,
        progress=progress,
    )


def _beside_earlier(inputs: Inputs, drawn: Mapping[str, Sequence[Priced]]) -> dict[str, tuple[Priced, ...]]:
    """Return drawn effects after what was known of them in other periods."""
    found = {}
    for name, values in drawn.items():
        periods = {priced.period for priced in values}
        found[name] = (*(known for known in inputs.effects.get(name, ()) if known.period not in periods), *values)
    return found


def settle_draws(
    at: Callable[[int], Inputs],
    size: int,
    *,
    gated: Collection[str] = (),
    progress: Callable[[int], Any] | None = None,
) -> Payments:
    """Settle many draws of everything that a settlement follows from; see `draw_payments`.

    Parameters
    ----------
    at : callable
        From the number of a draw, 0 to ``size`` − 1, to what its settlement follows from.
    size : int
        At least 100.
    gated : collection of str
    progress : callable, optional

    Raises
    ------
    PaymentError
        PAY-016 for fewer than 100 draws; the refusal itself where no draw can be settled.
    """
    if size < FEWEST:
        raise refusal("PAY-016", f"{size:,} draws were asked for, and there are at least {FEWEST}")
    found = _Found()
    last: PaymentError | None = None
    for number in range(size):
        try:
            found.add(number, at(number), gated)
        except PaymentError as error:
            found.refused[error.codes[0]] = found.refused.get(error.codes[0], 0) + 1
            last = error
        if progress is not None:
            progress(number + 1)
    if last is not None and len(found.totals) < 2:
        raise last
    return found.payments()


class _Found:
    """What the draws have come to so far."""

    def __init__(self) -> None:
        self.currency = ""
        self.draws: list[int] = []
        self.totals: list[float] = []
        self.sums: dict[str, list[dict[str, float]]] = {"party": [], "payer": [], "clause": []}
        self.counts: dict[Standing, int] = {}
        self.refused: dict[str, int] = {}

    def add(self, number: int, inputs: Inputs, gated: Collection[str]) -> None:
        settlement = settle_inputs(inputs)
        self.currency = inputs.currency
        self.draws.append(number)
        self.totals.append(float(settlement.total))
        by = {"party": settlement.by_party(), "payer": settlement.by_payer(), "clause": settlement.by_clause()}
        for what, amounts in by.items():
            self.sums[what].append({name: float(amount) for name, amount in amounts.items()})
        for one, holds in standings(inputs, gated):
            self.counts[one] = self.counts.get(one, 0) + holds

    def payments(self) -> Payments:
        size = len(self.totals)
        return Payments(
            self.currency,
            np.array(self.totals),
            _columns(self.sums["party"]),
            _columns(self.sums["payer"]),
            _columns(self.sums["clause"]),
            {one: count / size for one, count in self.counts.items()},
            np.array(self.draws, dtype=np.intp),
            self.refused,
        )


def _columns(rows: list[dict[str, float]]) -> dict[str, FloatArray]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, 0.0) for row in rows]) for name in names}
