"""The projection of credits weighted by their precision: credits that are known well move little, others more.

p = argmin (p − φ)′Σ⁻¹(p − φ) subject to p ≥ 0 and Σ p = Σ φ. Its conditions (Karush, Kuhn and Tucker) need no inverse:
p − φ = Σ(λ1 + μ), μ ≥ 0, p ≥ 0, μ′p = 0. The set of credits at zero is found by the primal active-set method (Nocedal and
Wright 2006, algorithm 16.3) in floats; given that set the conditions are linear and are solved in 60-digit decimals.

With correlated errors a credit may be paid above its estimate. A covariance whose smallest eigenvalue is below 1e-8 of the
largest counts as singular, and Σ + 1e-6 (tr Σ / K) I takes its place, which holds combinations of credits that are known
exactly almost fixed; a pseudo-inverse would move them for free. A covariance of zero means equal weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterfoil.attribution.money.amounts import PRECISION, add, largest_remainder
from counterfoil.attribution.payment.projection import project_credits
from counterfoil.errors import refusal

Applied = Literal["unchanged", "identity", "proportion", "precision", "regularized precision"]
FloatArray = NDArray[np.float64]

SINGULAR: Final = 1e-8
"""Smallest eigenvalue over the largest below which a covariance counts as singular."""

RIDGE: Final = 1e-6
"""Part of the mean variance that is added to every variance of a singular covariance."""

TOLERANCE: Final = Decimal("1e-10")
"""By how much, relative to the largest, a credit or multiplier may fall below zero for the conditions to hold."""

DIGITS: Final = 25
"""Digits of the total to which projected credits are written and sum to it; few enough for 28-digit arithmetic."""


@dataclass(frozen=True, slots=True)
class Projected:
    """Credits that can be paid, and which weights were applied; ``unchanged`` where no credit was negative."""

    credits: tuple[Decimal, ...]
    applied: Applied


def project_by_precision(credits: Sequence[Decimal], covariance: ArrayLike) -> Projected:
    """Return the closest non-negative credits with the same sum, weighted by the inverse covariance.

    Parameters
    ----------
    credits : sequence of Decimal, length k
    covariance : array, shape (k, k)
        Of the credits, in the same units squared.

    Raises
    ------
    PaymentError
        PAY-001 when the credits do not sum to a positive gain, PAY-006 when the covariance does not fit them or is not
        finite, or the conditions of the solution are missed.

    Examples
    --------
    >>> credits = [Decimal("0.30"), Decimal("0.20"), Decimal("-0.05")]
    >>> found = project_by_precision(credits, np.diag([1.0, 4.0, 1.0]))
    >>> [str(credit.normalize()) for credit in found.credits], found.applied
    (['0.29', '0.16', '0'], 'precision')
    """
    even = project_credits(credits)
    if min(credits) >= 0:
        return Projected(even, "unchanged")
    given = np.asarray(covariance, dtype=np.float64)
    if given.shape != (len(credits), len(credits)) or not np.isfinite(given).all():
        raise refusal("PAY-006", f"there is no finite covariance of the {len(credits)} credits")
    mean = float(np.trace(given)) / len(credits)
    if not given.any():
        return Projected(even, "identity")
    if mean <= 0:
        raise refusal("PAY-006", "the covariance of the credits has no positive variance")
    scaled = (given + given.T) / (2 * mean)
    eigenvalues = np.linalg.eigvalsh(scaled)
    singular = bool(eigenvalues[0] < SINGULAR * eigenvalues[-1])
    if singular:
        scaled = scaled + RIDGE * np.eye(len(credits))
    raw = np.array([float(credit) for credit in credits])
    at_zero = _active_set(raw, np.array([float(credit) for credit in even]), scaled)
    return Projected(_settled(credits, at_zero, scaled), "regularized precision" if singular else "precision")


def _active_set(raw: FloatArray, start: FloatArray, covariance: FloatArray) -> list[int]:
    """Return the positions of credits (k,) that are zero at the solution, from a feasible start (k,)."""
    paid = start.copy()
    active = [int(j) for j in np.flatnonzero(start <= 0)]
    small = 1e-12 * float(np.abs(raw).max())
    for _ in range(100 * len(raw)):
        goal, multipliers = _on_face(raw, active, covariance)
        below = [j for j in range(len(raw)) if j not in active and goal[j] < -small]
        if below:
            steps = [paid[j] / (paid[j] - goal[j]) for j in below]
            first = int(np.argmin(steps))
            paid = np.maximum(paid + min(1.0, steps[first]) * (goal - paid), 0.0)
            active.append(below[first])
        else:
            paid = np.maximum(goal, 0.0)
            limit = -1e-12 * float(np.abs(multipliers).max(initial=0.0))
            if not active or multipliers.min() >= limit:
                return active
            active.pop(int(np.argmin(multipliers)))
    raise refusal("PAY-006", "the credits that are zero could not be determined")


def _on_face(raw: FloatArray, active: list[int], covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the solution with the active credits at zero and the sum kept, and the multipliers of the active ones."""
    columns = np.column_stack([covariance[:, active], covariance.sum(axis=1)])
    system = np.vstack([columns[active], columns.sum(axis=0)])
    found = np.linalg.solve(system, np.append(-raw[active], 0.0))
    return raw + columns @ found, found[:-1]


def _settled(credits: Sequence[Decimal], active: list[int], covariance: FloatArray) -> tuple[Decimal, ...]:
    """Solve the conditions in decimals for a given active set, check them, and return credits with exactly the same sum."""
    total = add(credits)
    with localcontext(prec=PRECISION):
        exactly = [[Decimal(value) for value in row] for row in covariance.tolist()]
        columns = [[*(row[j] for j in active), sum(row, Decimal(0))] for row in exactly]
        sums = [sum(column, Decimal(0)) for column in zip(*columns, strict=True)]
        system = [*(columns[j] for j in active), sums]
        found = _solve(system, [*(-credits[j] for j in active), Decimal(0)])
        paid = [
            credit + sum((a * b for a, b in zip(row, found, strict=True)), Decimal(0))
            for credit, row in zip(credits, columns, strict=True)
        ]
        free = [value for j, value in enumerate(paid) if j not in active]
        if min(free) < -TOLERANCE * max(map(abs, credits)) or min(found[:-1], default=Decimal(0)) < -TOLERANCE * max(
            map(abs, found)
        ):
            raise refusal("PAY-006", "the projected credits miss the conditions of the solution")
        shares = [Decimal(0) if j in active else max(Decimal(0), value) for j, value in enumerate(paid)]
        last = min(total.adjusted() - DIGITS, int(total.as_tuple().exponent))
        return largest_remainder(total, shares, Decimal(1).scaleb(last))


def _solve(system: Sequence[Sequence[Decimal]], right: Sequence[Decimal]) -> list[Decimal]:
    """Solve a regular linear system by elimination with partial pivoting, in the precision of the context."""
    rows = [[*row, value] for row, value in zip(system, right, strict=True)]
    size = len(rows)
    for pivot in range(size):
        best = max(range(pivot, size), key=lambda row: abs(rows[row][pivot]))
        rows[pivot], rows[best] = rows[best], rows[pivot]
        head = rows[pivot]
        for row in rows[pivot + 1 :]:
            ratio = row[pivot] / head[pivot]
            if ratio:
                row[pivot:] = [a - ratio * b for a, b in zip(row[pivot:], head[pivot:], strict=True)]
    found = [Decimal(0)] * size
    for pivot in reversed(range(size)):
        known = sum((a * b for a, b in zip(rows[pivot][pivot + 1 : size], found[pivot + 1 :], strict=True)), Decimal(0))
        found[pivot] = (rows[pivot][size] - known) / rows[pivot][pivot]
    return found
