"""Anderson-Rubin confidence sets: values of the effect that the instruments do not reject, valid however weak they are.

At the true effect β the instruments do not predict ``outcome − β · received``. With reduced form ρ, first stage π, their joint
covariance and L instruments, a value is kept when ``(ρ − βπ)' V(β)⁻¹ (ρ − βπ) / L ≤ F(L, df)``, V(β) the covariance of ρ − βπ.
The set may be an interval, two rays, the whole line, empty (the instruments contradict each other) or several pieces; a weak
instrument makes it unbounded. Sources: Anderson and Rubin (1949); Fieller (1954); Andrews, Stock and Sun (2019), *Weak
instruments in instrumental variables regression*, section 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.linalg import eig
from scipy.special import fdtrc, fdtri

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.instruments.linear_forms import invertible

Shape = Literal["interval", "two rays", "whole line", "empty", "several pieces"]

Excess = Callable[[FloatArray], FloatArray]

REAL: Final = 1e-4
"""How far from real a root may be; a false one does no harm, because the arcs beside it are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class AndersonRubinSet:
    """Effects that the instruments do not reject.

    Parameters
    ----------
    pieces : tuple of (float, float)
        Disjoint intervals, rising; ends may be infinite.
    shape : str
        ``interval``, ``two rays``, ``whole line``, ``empty`` or ``several pieces``.
    conf_level : float
    error_type : str
        Of the errors in the test; ``classical`` gives the F form of Anderson and Rubin.
    df : float
        Degrees of freedom of the denominator.
    p_value : float
        Of an effect of nothing.
    """

    pieces: tuple[tuple[float, float], ...]
    shape: Shape
    conf_level: float
    error_type: str
    df: float
    p_value: float

    @property
    def bounded(self) -> bool:
        """Whether the set lies between two numbers."""
        return self.shape == "empty" or bool(np.isfinite(self.pieces).all())

    def __contains__(self, effect: float) -> bool:
        return any(low <= effect <= high for low, high in self.pieces)

    def sentence(self) -> str:
        """Return the set in words."""
        level = f"{self.conf_level:.0%} Anderson-Rubin set"
        if self.shape == "empty":
            return f"the {level} is empty: no effect agrees with all instruments, so one of them or the model is wrong"
        if self.shape == "whole line":
            return f"the {level} is every number: the first stage is too weak to say anything about the effect"
        parts = [
            f"below {high:.4g}"
            if low == -np.inf
            else f"above {low:.4g}"
            if high == np.inf
            else f"{low:.4g} to {high:.4g}"
            for low, high in self.pieces
        ]
        return f"the {level} is {' or '.join(parts)}"


def anderson_rubin_set(
    reduced: FloatArray, first: FloatArray, covariance: FloatArray, conf_level: float, df: float, error_type: str
) -> AndersonRubinSet:
    """Return the set.

    Parameters
    ----------
    reduced, first : ndarray, shape (L,)
        Coefficients of the instruments in the outcome and in the treatment received.
    covariance : ndarray, shape (2L, 2L)
        Of ``reduced`` and ``first`` together, in this order.
    conf_level : float
    df : float
        Degrees of freedom of the denominator.
    error_type : str
        Of the covariance.

    Raises
    ------
    EstimationError
        EST-029 when there are not more clusters than instruments, so that the covariance cannot be inverted.

    Examples
    --------
    >>> found = anderson_rubin_set(np.array([1.0]), np.array([2.0]), np.diag([0.01, 0.01]), 0.95, 1e9, "HC1")
    >>> found.shape, np.round(found.pieces, 3).tolist()
    ('interval', [[0.395, 0.615]])
    >>> anderson_rubin_set(np.array([0.1]), np.array([0.1]), np.eye(2), 0.95, 1e9, "HC1").shape
    'whole line'
    """
    size = len(first)
    if df < size or not invertible(covariance[:size, :size]):
        what = f"an Anderson-Rubin test of {size} instruments needs more clusters, or more people with a residual"
        raise refusal("EST-029", what)
    # The effect is scale · tan(angle), so that infinity is a point like any other.
    above = np.trace(covariance[:size, :size]) + reduced @ reduced
    scale = float(np.sqrt(above / (np.trace(covariance[size:, size:]) + first @ first)))
    blocks = covariance.reshape(2, size, 2, size)
    joint = blocks[0, :, 0] / scale**2, (blocks[0, :, 1] + blocks[1, :, 0]) / scale, blocks[1, :, 1]
    whiten = np.linalg.inv(np.linalg.cholesky(joint[0] + joint[2]))
    reduced, first = whiten @ reduced / scale, whiten @ first
    outer, cross, inner = (whiten @ block @ whiten.T for block in joint)
    critical = float(size * fdtri(size, df, conf_level))

    def excess(angle: FloatArray) -> FloatArray:
        """Return the Wald statistic less its critical value at each angle."""
        cos, sin = np.cos(angle), np.sin(angle)
        gap = cos[:, None] * reduced - sin[:, None] * first
        weight = (cos**2)[:, None, None] * outer - (cos * sin)[:, None, None] * cross + (sin**2)[:, None, None] * inner
        return np.asarray(np.einsum("ap,ap->a", gap, np.linalg.solve(weight, gap[:, :, None])[:, :, 0]) - critical)

    # The excess is zero where c·V(β) − (ρ − βπ)(ρ − βπ)' is singular, with c the critical value: a quadratic eigenvalue problem.
    constant = critical * outer - np.outer(reduced, reduced)
    linear = np.outer(reduced, first) + np.outer(first, reduced) - critical * cross
    square = critical * inner - np.outer(first, first)
    ends = np.sort([_polished(angle, excess) for angle in _real_angles(constant, linear, square)])
    kept = _arcs_kept(ends, excess)
    zero = float(excess(np.zeros(1))[0]) + critical
    pieces = tuple((float(scale * low), float(scale * high)) for low, high in kept)
    return AndersonRubinSet(pieces, _shape(pieces), conf_level, error_type, df, float(fdtrc(size, df, zero / size)))


def _real_angles(constant: FloatArray, linear: FloatArray, square: FloatArray) -> FloatArray:
    """Return the angles whose tangents β are real and make ``constant + β linear + β² square`` singular."""
    size = len(constant)
    none, one = np.zeros((size, size)), np.eye(size)
    above, below = eig(
        np.block([[none, one], [-constant, -linear]]),
        np.block([[one, none], [none, square]]),
        right=False,
        homogeneous_eigvals=True,
    )
    # The angle of the complex point (below, above); turning both so that below is real leaves it as it is.
    above, below = above * np.conj(below), np.abs(below) ** 2
    length = np.sqrt(np.abs(above) ** 2 + below**2)
    known = length > 0
    near = np.abs(above.imag[known]) <= REAL * length[known]
    return np.asarray(np.arctan2(above.real[known][near], below[known][near]))


def _polished(angle: float, excess: Excess) -> float:
    """Bring a root to full precision by three secant steps."""
    step = 1e-7
    for _ in range(3):
        here, ahead = excess(np.array([angle, angle + step]))
        if ahead == here or abs(move := here * step / (ahead - here)) > 1e-3:
            break
        angle -= move
    return float(angle)


def _arcs_kept(ends: FloatArray, excess: Excess) -> list[tuple[float, float]]:
    """Return tangents of the arcs on which the excess is not positive; neighbours are joined."""
    inside = ends[np.abs(ends) < np.pi / 2]
    borders = np.concatenate([[-np.pi / 2], inside, [np.pi / 2]])
    middles = (borders[1:] + borders[:-1]) / 2
    tangents = np.concatenate([[-np.inf], np.tan(inside), [np.inf]])
    kept: list[tuple[float, float]] = []
    for low, high, outside in zip(tangents[:-1], tangents[1:], excess(middles) > 0, strict=True):
        if outside:
            continue
        if kept and kept[-1][1] == low:
            kept[-1] = (kept[-1][0], float(high))
        else:
            kept.append((float(low), float(high)))
    return kept


def _shape(pieces: tuple[tuple[float, float], ...]) -> Shape:
    finite = [bool(np.isfinite(piece).all()) for piece in pieces]
    if not pieces:
        return "empty"
    if len(pieces) == 1:
        return "interval" if finite[0] else "whole line"
    return "two rays" if len(pieces) == 2 and not any(finite) else "several pieces"
