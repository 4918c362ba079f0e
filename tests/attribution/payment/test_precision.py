import itertools
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from counterfoil.attribution.payment.precision import RIDGE, SINGULAR, project_by_precision
from counterfoil.attribution.payment.projection import project_credits
from counterfoil.errors import PaymentError

FloatArray = NDArray[np.float64]


def decimals(values: list[float]) -> list[Decimal]:
    return [Decimal(f"{value:.11e}") for value in values]


def brute_force(raw: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the best of the stationary points over every set of credits at zero."""
    k, best, least = len(raw), raw, float("inf")
    for size in range(k):
        for zero in itertools.combinations(range(k), size):
            free = [j for j in range(k) if j not in zero]
            system = np.block([[weights[np.ix_(free, free)], np.ones((len(free), 1))], [np.ones((1, len(free))), 0]])
            right = np.append((weights @ raw)[free], raw.sum())
            paid = np.zeros(k)
            paid[free] = np.linalg.solve(system, right)[:-1]
            cost = float((paid - raw) @ weights @ (paid - raw))
            if paid.min() >= -1e-9 and cost < least:
                best, least = paid, cost
    return best


@pytest.mark.parametrize(
    ("credits", "variances", "even", "precise"),
    [
        (("0.30", "0.20", "-0.05"), (1e-4, 4e-4, 1e-4), (0.275, 0.175, 0.0), (0.29, 0.16, 0.0)),
        (("0.25", "0.25", "-0.10"), (1.0, 16.0, 1.0), (0.2, 0.2, 0.0), (0.2441176, 0.1558824, 0.0)),
    ],
)
def test_payment_vectors(
    credits: tuple[str, ...], variances: tuple[float, ...], even: tuple[float, ...], precise: tuple[float, ...]
) -> None:
    raw = [Decimal(credit) for credit in credits]
    assert [float(credit) for credit in project_credits(raw)] == pytest.approx(even, abs=1e-15)
    found = project_by_precision(raw, np.diag(variances))
    assert found.applied == "precision"
    assert [float(credit) for credit in found.credits] == pytest.approx(precise, abs=1e-7)
    assert sum(found.credits) == sum(raw)


@st.composite
def problems(draw: st.DrawFn, largest: int = 6) -> tuple[list[Decimal], FloatArray]:
    """Draw credits with a positive sum and one below zero, and a covariance of some rank and scale."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = draw(st.integers(2, largest))
    raw = rng.normal(size=k) * 10.0 ** draw(st.integers(-6, 6))
    raw[0] = -abs(raw[0])
    raw[1] = abs(raw[1]) + 1.1 * np.abs(raw).sum()
    root = rng.normal(size=(k, draw(st.integers(1, k + 2)))) * 10.0 ** rng.uniform(-2, 2, size=(k, 1))
    return decimals(raw.tolist()), root @ root.T * 10.0 ** draw(st.integers(-8, 4))


def effective(covariance: FloatArray) -> tuple[FloatArray, bool]:
    eigenvalues = np.linalg.eigvalsh(covariance)
    singular = bool(eigenvalues[0] < SINGULAR * eigenvalues[-1])
    return covariance + singular * RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance)), singular


@given(problems())
def test_it_is_the_best_of_every_active_set(problem: tuple[list[Decimal], FloatArray]) -> None:
    credits, covariance = problem
    used, singular = effective(covariance)
    found = project_by_precision(credits, covariance)
    assert found.applied == ("regularized precision" if singular else "precision")
    paid, raw = np.array([float(p) for p in found.credits]), np.array([float(c) for c in credits])
    weights: FloatArray = np.linalg.inv(used).astype(np.float64)
    scale = np.abs(raw).max()
    best = brute_force(raw, weights)
    cost, least = ((p - raw) @ weights @ (p - raw) for p in (paid, best))
    assert cost <= least * (1 + 1e-6)
    assert paid == pytest.approx(best, abs=1e-5 * scale)


def exact_solution(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Solve a linear system in fractions (Gauss and Jordan)."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for pivot in range(len(rows)):
        best = max(range(pivot, len(rows)), key=lambda row: abs(rows[row][pivot]))
        rows[pivot], rows[best] = rows[best], rows[pivot]
        rows[pivot] = [value / rows[pivot][pivot] for value in rows[pivot]]
        for other in range(len(rows)):
            if other != pivot:
                rows[other] = [a - rows[other][pivot] * b for a, b in zip(rows[other], rows[pivot], strict=True)]
    return [row[-1] for row in rows]


@given(problems())
def test_the_conditions_hold_to_ten_digits_and_the_sum_is_exact(problem: tuple[list[Decimal], FloatArray]) -> None:
    """With p − φ = Σ(λ1 + μ), the multipliers of credits above zero vanish and the others are not negative."""
    credits, covariance = problem
    scaled = covariance * len(credits) / np.trace(covariance)
    used = effective(np.asarray((scaled + scaled.T) / 2))[0]
    paid = project_by_precision(credits, covariance).credits
    assert sum(paid) == sum(credits)
    assert min(paid) >= 0
    moved = [Fraction(p) - Fraction(c) for p, c in zip(paid, credits, strict=True)]
    force = exact_solution([[Fraction(value) for value in row] for row in used.tolist()], moved)
    free = [value for value, p in zip(force, paid, strict=True) if p > 0]
    common = sum(free, Fraction(0)) / len(free)
    room = Fraction(1, 10**10) * max(map(abs, force))
    assert all(abs(value - common) <= room for value in free)
    assert all(value - common >= -room for value in force)


@given(problems())
def test_equal_and_independent_errors_give_the_identity(problem: tuple[list[Decimal], FloatArray]) -> None:
    credits, _ = problem
    even = project_credits(credits)
    alike = project_by_precision(credits, 3e-5 * np.eye(len(credits)))
    assert alike.applied == "precision"
    scale = float(max(map(abs, credits)))
    assert [float(p) for p in alike.credits] == pytest.approx([float(p) for p in even], abs=1e-12 * scale)
    known = project_by_precision(credits, np.zeros((len(credits), len(credits))))
    assert known == type(known)(even, "identity")


@given(problems())
def test_nothing_below_zero_stays_as_it_is(problem: tuple[list[Decimal], FloatArray]) -> None:
    credits, covariance = problem
    positive = [abs(credit) for credit in credits]
    found = project_by_precision(positive, covariance)
    assert (found.credits, found.applied) == (tuple(positive), "unchanged")


def test_what_is_known_exactly_hardly_moves() -> None:
    """A credit without error, and twins whose difference is known, keep what is known of them."""
    raw = [Decimal("0.30"), Decimal("0.20"), Decimal("-0.05")]
    found = project_by_precision(raw, np.diag([0.0, 4.0, 1.0]))
    assert found.applied == "regularized precision"
    assert [float(p) for p in found.credits] == pytest.approx((0.3, 0.15, 0.0), abs=1e-6)
    twins = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    one, other, _ = project_by_precision(raw, twins).credits
    assert float(one - other) == pytest.approx(0.10, abs=1e-6)


def test_correlated_errors_may_pay_above_the_estimate() -> None:
    """A negative credit whose error is shared is raised together with the credit that shares it."""
    covariance = np.array([[1.0, 0.0, 0.9], [0.0, 4.0, 0.0], [0.9, 0.0, 1.0]])
    paid = project_by_precision([Decimal("0.30"), Decimal("0.20"), Decimal("-0.05")], covariance).credits
    assert float(paid[0]) > 0.30


def test_a_hundred_providers() -> None:
    rng = np.random.default_rng(4)
    raw = rng.normal(0.3, 1.0, size=100)
    root = rng.normal(size=(100, 110))
    covariance = root @ root.T
    credits = decimals(raw.tolist())
    paid = project_by_precision(credits, covariance).credits
    assert sum(paid) == sum(credits)
    force = np.linalg.solve(covariance, np.array([float(p) for p in paid]) - np.array([float(c) for c in credits]))
    free = np.array([p > 0 for p in paid])
    assert 20 < free.sum() < 100
    assert np.ptp(force[free]) <= 1e-10 * max(1.0, np.abs(force).max())
    assert (force[~free] >= force[free].mean() - 1e-10).all()


@pytest.mark.parametrize("covariance", [np.eye(2), np.full((3, 3), np.nan), -np.eye(3)])
def test_a_covariance_that_does_not_fit_is_refused(covariance: FloatArray) -> None:
    with pytest.raises(PaymentError) as caught:
        project_by_precision([Decimal(3), Decimal(1), Decimal(-1)], covariance)
    assert caught.value.codes == ("PAY-006",)


def test_a_loss_is_refused() -> None:
    with pytest.raises(PaymentError) as caught:
        project_by_precision([Decimal(1), Decimal(-1)], np.eye(2))
    assert caught.value.codes == ("PAY-001",)
