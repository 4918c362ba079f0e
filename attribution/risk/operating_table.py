"""What a contract does at stated true effects: how often and how much it pays, how often wrongly, and how much it exaggerates.

A row is a true effect. Where the truth is no gain, or none above the agreed minimum, every payment is a false one
(``false_pay``); where it is one, every draw without payment is a false refusal (``false_no_pay``). The mean estimate among the
draws that are paid, over the truth, is the exaggeration of what passes.

For one price of every unit of a normally distributed gain above a cutoff there is a closed form
(`counterfoil.attribution.payment.operating`); everything else is settled draw by draw. Both leave the draws' standard error as
it was stated; degrees of freedom enter through the gate's critical value alone.

Source: Gelman and Carlin (2014), *Beyond power calculations*, Perspectives on Psychological Science 9(6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from counterfoil.attribution.gains.any_gate import AnyGate, hold_gate, needs_design
from counterfoil.attribution.gains.held import Better
from counterfoil.attribution.payment.operating import gate_operating
from counterfoil.attribution.payment.settlement import Inputs
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.attribution.risk.drawing import Uncertain, positive, standard_draws
from counterfoil.attribution.risk.payments import FloatArray, settle_draws
from counterfoil.attribution.risk.standing import looking_at
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate


@dataclass(frozen=True, slots=True)
class OperatingRow:
    """What a contract does at one true effect.

    Parameters
    ----------
    effect : str
    true_gain : float
        Oriented so that higher is better, in the effect's unit.
    pay_chance : float
        Chance that something is due under the prices that look at the effect.
    expected_payment : float
        In major units of the currency.
    payment_error : float
        Monte Carlo error of it; 0 for a closed form.
    false_pay : float or None
        Chance of payment where there is no gain above the minimum; None where there is one.
    false_no_pay : float or None
        Chance of no payment where there is such a gain; None where there is none.
    estimate_if_paid : float or None
        Mean estimate among the draws that are paid; None where none is.
    how : {"closed form", "simulation"}
    """

    effect: str
    true_gain: float
    pay_chance: float
    expected_payment: float
    payment_error: float
    false_pay: float | None
    false_no_pay: float | None
    estimate_if_paid: float | None
    how: Literal["closed form", "simulation"]

    @property
    def exaggeration(self) -> float | None:
        """Mean estimate when paid over the true gain; None where there is no gain to exaggerate."""
        if self.estimate_if_paid is None or self.true_gain <= 0:
            return None
        return self.estimate_if_paid / self.true_gain


def operate_by_formula(
    effect: str,
    true_gains: Sequence[float],
    std_error: float,
    *,
    cutoff: float,
    price: float,
    people: int = 1,
    minimum: float = 0.0,
) -> tuple[OperatingRow, ...]:
    """Return the closed form for one price of every unit of gain above a cutoff, before rounding and limits.

    Parameters
    ----------
    effect : str
    true_gains : sequence of float
        Oriented so that higher is better.
    std_error : float
    cutoff : float
        The estimate above which the gate opens; see `gate_cutoff`. A loss is never collected.
    price : float
        For one unit of gain for one person.
    people : int
        Over how many people the gain counts; 1 for a price of the gain as it stands.
    minimum : float
        The true gain that the parties want to pay for.

    Examples
    --------
    >>> nothing, target = operate_by_formula("jobs", [0.0, 2.49], 1.0, cutoff=1.645, price=100.0, people=50)
    >>> round(nothing.false_pay, 3), round(target.false_no_pay, 3), round(target.exaggeration, 2)
    (0.05, 0.199, 1.14)
    """
    rows = []
    for gain in true_gains:
        found = gate_operating(gain, positive(std_error, effect), 0.0, cutoff)
        pays = found.pay_chance
        rows.append(
            OperatingRow(
                effect,
                gain,
                pays,
                found.expected_payment(price, people),
                0.0,
                pays if gain <= minimum else None,
                1 - pays if gain > minimum else None,
                found.estimate_if_paid if pays > 0 else None,
                "closed form",
            )
        )
    return tuple(rows)


def linear_price(inputs: Inputs, effect: str) -> UnitPrice | None:
    """Return the one clause of a contract that pays for every unit of one effect; None where there is anything else.

    It is what `operate_by_formula` needs: no minimum, no bands, no condition, no discount, no limit beside it, one period.
    """
    clauses = [clause for period in inputs.periods for clause in inputs.clauses[period]]
    if len(clauses) != 1 or not isinstance(clauses[0], UnitPrice):
        return None
    clause = clauses[0]
    plain = (
        clause.effect == effect
        and clause.at_least is None
        and not clause.bands
        and clause.only_if is None
        and clause.escalator is None
        and not clause.discount
    )
    return clause if plain else None


def gate_cutoff(gate: AnyGate, total: Estimate, better: Better, people: int | None = None) -> float:
    """Return the gain at which a gate turns, with the error that the estimate has, oriented so that higher is better.

    Parameters
    ----------
    gate : any gate
    total : Estimate
        One term, in the outcome's own sign; its value does not matter.
    better : {"higher", "lower"}
    people : int, optional
        For a minimum by people.

    Raises
    ------
    PaymentError
        PAY-018 for a gate that tests no gain, such as one on clusters alone.

    Examples
    --------
    >>> from counterfoil.attribution.payment import Gate
    >>> total = Estimate.published([7], [2], terms=["gain"], outcome="jobs", estimand="ITT", people=100)
    >>> round(gate_cutoff(Gate(), total, "higher"), 4)
    3.2897
    """
    if needs_design(gate):
        raise refusal("PAY-018", "the gate is tested on the data of its design, and turns at no gain that is assumed")
    sign = 1.0 if better == "higher" else -1.0
    error = float(total.std_error[0]) if total.error_type != "unknown" else 1.0
    gains = np.array([0.0, error])
    margins = []
    for gain in gains:
        held = hold_gate(gate, replace(total, values=np.array([sign * gain])), better, people=people)
        if held.margin is None:
            raise refusal("PAY-018", "the gate does not turn at any gain")
        margins.append(held.margin)
    # A prior weighs the estimate, so that the margin may rise more slowly than the gain; it is a line all the same.
    slope = (margins[1] - margins[0]) / (gains[1] - gains[0])
    return float(gains[0] - margins[0] / slope)


def operate_by_draws(
    inputs: Inputs,
    effects: Mapping[str, Uncertain],
    truths: Sequence[Mapping[str, float]],
    std_errors: Mapping[str, float],
    correlation: FloatArray,
    size: int,
    seed: int,
    *,
    better: Mapping[str, Better] | None = None,
    minimum: Mapping[str, float] | None = None,
) -> tuple[OperatingRow, ...]:
    """Settle draws of the estimates around stated true effects.

    Every row uses the same standard normal draws, so that rows differ by the truth alone.

    Parameters
    ----------
    inputs : Inputs
        What the settlement follows from; its effects are replaced by the draws.
    effects : mapping of str to Uncertain
        Each prices itself at a drawn value.
    truths : sequence of mapping of str to float
        Effect to its true value, in the outcome's own sign; every effect in each.
    std_errors : mapping of str to float
    correlation : ndarray, shape (k, k)
        Of the estimates, in the order of ``effects``; see `correlations`.
    size, seed : int
    better : mapping of str to {"higher", "lower"}, optional
        ``higher`` where it is not given.
    minimum : mapping of str to float, optional
        The true gain that the parties want to pay for, oriented so that higher is better; 0 where it is not given.

    Returns
    -------
    tuple of OperatingRow
        One for each truth and effect. Payment is what is due under the prices that look at the effect, as it stands after
        limits; a draw that could not be settled is left out.

    Raises
    ------
    PaymentError
        PAY-016 for few draws or a standard error that is not positive.
    """
    names = list(effects)
    errors = [positive(std_errors[name], name) for name in names]
    drawn = standard_draws(correlation, size, seed) * np.array(errors)
    signs = {name: 1.0 if (better or {}).get(name, "higher") == "higher" else -1.0 for name in names}
    rows: list[OperatingRow] = []
    for truth in truths:
        values = drawn + np.array([truth[name] for name in names])

        def at(number: int, values: FloatArray = values) -> Inputs:
            known = {
                name: (replace(effects[name].at(float(values[number, k])), period=_period(inputs, name)),)
                for k, name in enumerate(names)
            }
            return replace(inputs, effects={**inputs.effects, **known})

        paid = settle_draws(at, size)
        for k, name in enumerate(names):
            own = (minimum or {}).get(name, 0.0)
            due, estimates = paid.under(looking_at(inputs, name)), signs[name] * values[paid.draws, k]
            rows.append(operating_row(name, signs[name] * truth[name], estimates, due, own))
    return tuple(rows)


def _period(inputs: Inputs, name: str) -> str:
    known = inputs.effects.get(name, ())
    return known[-1].period if known else inputs.periods[-1]


def operating_row(name: str, gain: float, estimates: FloatArray, due: FloatArray, minimum: float = 0.0) -> OperatingRow:
    """Return the row of one effect from settled draws of its estimate.

    Parameters
    ----------
    name : str
    gain : float
        The true one, oriented so that higher is better.
    estimates : ndarray, shape (size,)
        Of the draws that were settled, oriented alike.
    due : ndarray, shape (size,)
        What is due in each under the prices that look at the effect.
    minimum : float
        The true gain that the parties want to pay for.
    """
    paid = due > 0
    chance = float(paid.mean())
    return OperatingRow(
        name,
        gain + 0.0,  # where lower is better, no effect is -0.0
        chance,
        float(due.mean()),
        float(due.std(ddof=1) / np.sqrt(len(due))),
        chance if gain <= minimum else None,
        1 - chance if gain > minimum else None,
        float(estimates[paid].mean()) if paid.any() else None,
        "simulation",
    )


def tidy_operating(rows: Sequence[OperatingRow], currency: str) -> pd.DataFrame:
    """Return rows as a table.

    Returns
    -------
    DataFrame
        Columns effect, true_gain, pay_chance, payment (expected), payment_error, false_pay, false_no_pay,
        estimate_if_paid, exaggeration, how, currency.
    """
    found = [
        {
            "effect": row.effect,
            "true_gain": row.true_gain,
            "pay_chance": row.pay_chance,
            "payment": row.expected_payment,
            "payment_error": row.payment_error,
            "false_pay": row.false_pay,
            "false_no_pay": row.false_no_pay,
            "estimate_if_paid": row.estimate_if_paid,
            "exaggeration": row.exaggeration,
            "how": row.how,
            "currency": currency,
        }
        for row in rows
    ]
    return pd.DataFrame(found, dtype=object)
