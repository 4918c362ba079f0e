"""Aumann-Shapley as the rule of a contract: the credits that a response to doses has by itself.

It weighs no combinations of providers. A design that knows what every amount was worth, such as `DoseResponse`, answers
it; any other refuses it. The value itself is computed in `counterfoil.attribution.aumann_shapley`, or in closed form.

Source: Aumann and Shapley (1974).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.errors import CounterfoilError, refusal
from counterfoil.estimators.kernel import FloatArray, Need


@dataclass(frozen=True, slots=True)
class AumannShapley(Rule):
    """Credit each provider for its doses, along the way from no dose to all.

    Examples
    --------
    >>> AumannShapley().efficient
    True
    """

    name: str = "aumann_shapley"
    efficient: bool = True
    needs: Need = ""

    def weights(self, members: Sequence[int], record: FloatArray | None) -> NoReturn:
        """Refuse: there are no weights on combinations.

        Raises
        ------
        AttributionError
            ATTR-003.
        """
        del members, record
        raise _no_weights()

    def dividend_shares(self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None) -> NoReturn:
        """Refuse: there are no shares of joint effects.

        Raises
        ------
        AttributionError
            ATTR-003.
        """
        del members, subsets, record
        raise _no_weights()


def _no_weights() -> CounterfoilError:
    what = "rule 'aumann_shapley' divides a response to doses, and this design compares combinations of providers"
    return refusal("ATTR-003", what, fix="use a design of kind dose_response, or the rule shapley or dose_split")
