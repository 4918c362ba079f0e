"""Pure effects are the game's dividends, sum to the gain, and their mass is that of the public vector."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import dividends
from counterfoil.attribution.interaction_mass import interaction_mass, pure_effects
from counterfoil.attribution.of_sets import Dividends
from counterfoil.estimators import Contribution

GAME = np.array([0, 0.3, 0.2, 0.7, 0.1, 0.3, 0.3, 1.0])


def played(copies: int = 4) -> pd.DataFrame:
    """Every pattern of three providers equally often, with the public game's worth and no noise around it."""
    masks = np.repeat(np.arange(8), copies)
    noise = np.tile([0.1, -0.1] * (copies // 2), 8)
    frame = pd.DataFrame({name: masks >> j & 1 for j, name in enumerate("abc")})
    return frame.assign(y=GAME[masks] + noise)


def test_the_table_is_the_dividend() -> None:
    sets = tuple(tuple(j for j in range(3) if mask >> j & 1) for mask in range(1, 8))
    found = Dividends(sets).weights((0, 1, 2)) @ GAME
    np.testing.assert_allclose(found, dividends(GAME)[1:], atol=1e-12)


@pytest.mark.parametrize("model", ["additive", "pairwise", "saturated"])
def test_pure_effects_sum_to_the_gain(model: str) -> None:
    fit = Contribution.model_validate({"outcome": "y", "providers": tuple("abc"), "model": model, "min_pair": 2}).fit(
        played()
    )
    effects = pure_effects(fit)
    assert effects.values.sum() == pytest.approx(fit.total().values[0], abs=1e-12)
    assert len(effects.terms) == {"additive": 3, "pairwise": 6, "saturated": 7}[model]


def test_mass_by_hand() -> None:
    """Singles .6 for half the people, pairs .3 for a quarter, the triple .3 for an eighth."""
    fit = Contribution(outcome="y", providers=tuple("abc")).fit(played())
    joint = 0.3 / 4 + 0.3 / 8
    assert interaction_mass(fit) == pytest.approx(joint / (0.6 / 2 + joint), abs=1e-12)
    additive = Contribution(outcome="y", providers=tuple("abc"), model="additive").fit(played())
    assert interaction_mass(additive) == 0.0
