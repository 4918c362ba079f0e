"""Mean outcomes that people would have in one group, and what each person adds to them.

With target people T (everybody, or one group), chances π_a and e_T = P(T | X), and the predicted outcome m_a, the mean outcome
that the target people would have in group a is

    E[T m_a] / P(T)  +  E[1{A = a} (e_T / π_a)(Y − m_a)] / D,

with D = P(T), or D = E[1{A = a} e_T / π_a] where weights are normalized. Where the target people are group a itself it is their
mean outcome. An effect is a difference of two such means. Sources: Robins, Rotnitzky and Zhao (1994), JASA 89, for everybody;
Hahn (1998), Econometrica 66, for the treated; Cattaneo (2010), Journal of Econometrics 155, for several groups.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.comparisons.comparison_design import Estimand
from counterfoil.estimators.covariance import FloatArray


@dataclass(frozen=True, slots=True)
class Side:
    """The mean outcome of target people in one group.

    Parameters
    ----------
    arm : int
        Code of the group.
    target : int or None
        Code of the target people's group; None for everybody.
    """

    arm: int
    target: int | None

    @property
    def own(self) -> bool:
        """Whether the target people are the group itself, so that nothing is to be predicted."""
        return self.arm == self.target

    def wanted(self, codes: NDArray[np.intp], weights: FloatArray) -> FloatArray:
        """Return weights (n,) of the target people: those given, and zero for others."""
        return weights if self.target is None else weights * (codes == self.target)

    def given(self, codes: NDArray[np.intp], weights: FloatArray, chance: FloatArray) -> FloatArray:
        """Return weights (n,) that make the group like the target people: weight · e_T / π_a, zero outside the group.

        Parameters
        ----------
        codes : ndarray of int, shape (n,)
        weights : ndarray, shape (n,)
        chance : ndarray, shape (n, G)
        """
        own = np.where(codes == self.arm, chance[:, self.arm], 1.0)
        held = weights * (codes == self.arm)
        if self.target is not None:
            held *= chance[:, self.target]
        held /= own
        return np.asarray(held)

    def slopes(self, codes: NDArray[np.intp], given: FloatArray, chance: FloatArray) -> FloatArray:
        """Return the derivatives of the weights `given` by each chance, shape (n, G)."""
        found = np.zeros_like(chance)
        inside = codes == self.arm
        found[inside, self.arm] -= given[inside] / chance[inside, self.arm]
        if self.target is not None:
            found[inside, self.target] += given[inside] / chance[inside, self.target]
        return found


def sides_of(estimand: Estimand, chosen: tuple[int, ...]) -> tuple[tuple[Side, ...], FloatArray]:
    """Return the means that effects are differences of, and the differences, shape (k, number of means).

    Examples
    --------
    >>> sides_of("ate", (1, 2))[1].tolist()
    [[1.0, -1.0, 0.0], [0.0, -1.0, 1.0]]
    """
    target = {"ate": (None,) * len(chosen), "att": chosen, "atc": (0,) * len(chosen)}[estimand]
    pairs = [(Side(code, whose), Side(0, whose)) for code, whose in zip(chosen, target, strict=True)]
    sides = tuple(dict.fromkeys(side for pair in pairs for side in pair))
    matrix = np.zeros((len(pairs), len(sides)))
    for row, (treated, untreated) in enumerate(pairs):
        matrix[row, sides.index(treated)] += 1.0
        matrix[row, sides.index(untreated)] -= 1.0
    return sides, matrix


@dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """Means of o outcomes, with everybody's influence.

    Parameters
    ----------
    values : ndarray, shape (o,)
    influence : ndarray, shape (n, o)
        With predictions and chances taken as known.
    riesz : ndarray, shape (n,)
        Weights of residuals, times n.
    missed : ndarray, shape (o,)
        Weighted mean residual of the group.
    """

    values: FloatArray
    influence: FloatArray
    riesz: FloatArray
    missed: FloatArray


def mean_of_own(wanted: FloatArray, outcomes: FloatArray) -> Mean:
    """Return the weighted mean outcome of people who are in the group, with weights (n,) and outcomes (n, o)."""
    share = wanted * (len(wanted) / wanted.sum())
    values = wanted @ outcomes / wanted.sum()
    return Mean(values, share[:, None] * (outcomes - values), share, np.zeros(len(values)))


def augmented_mean(
    wanted: FloatArray, given: FloatArray | None, outcomes: FloatArray, means: FloatArray, normalize: bool
) -> Mean:
    """Return the mean of predictions and, with weights, of what they missed.

    Parameters
    ----------
    wanted : ndarray, shape (n,)
        Weights of the target people.
    given : ndarray, shape (n,), or None
        Weights of the group's people that make them like the target people; None for predictions alone.
    outcomes, means : ndarray, shapes (n, o)
        Observed, and predicted for the group.
    normalize : bool
        Whether the weights are divided by their own sum.
    """
    n, total = len(wanted), float(wanted.sum())
    share = wanted * (n / total)
    plain = wanted @ means / total
    influence = means - plain
    influence *= share[:, None]
    if given is None:
        return Mean(plain, influence, np.zeros(n), np.zeros(len(plain)))
    divisor = float(given.sum()) if normalize else total
    weight = given * (n / divisor)
    residual = outcomes - means
    missed = weight @ residual / n
    if normalize:
        residual -= missed
    else:
        influence -= share[:, None] * missed
    residual *= weight[:, None]
    influence += residual
    return Mean(plain + missed, influence, weight, missed)
