import numpy as np
import pandas as pd

from counterfoil.attribution import EqualSplit, Shapley
from counterfoil.datasets import Study
from counterfoil.estimators import Contribution
from counterfoil.estimators.support import supported_fraction


def test_everything_is_supported_where_every_pattern_has_people(rice: Study) -> None:
    assert supported_fraction(Contribution().fit(rice), Shapley()).tolist() == [1.0, 1.0]


def test_an_unobserved_combination_makes_its_part_model_based() -> None:
    """Nobody has a alone, so people with a and b are compared with a combination that the model fills in."""
    rng = np.random.default_rng(3)
    cells = [(0, 0, 0)] * 60 + [(0, 1, 0)] * 60 + [(1, 1, 0)] * 60 + [(0, 0, 1)] * 60
    frame = pd.DataFrame(cells, columns=["a", "b", "c"])
    frame["y"] = frame[["a", "b", "c"]].sum(axis=1) + rng.normal(size=len(frame))
    fit = Contribution(outcome="y", providers=("a", "b", "c"), model="additive").fit(frame)
    shapley = supported_fraction(fit, Shapley())
    assert shapley[0] == 0.0
    assert 0.0 < shapley[1] < 1.0
    assert shapley[2] == 1.0
    assert supported_fraction(fit, EqualSplit()).tolist() == [1.0, 1.0, 1.0]  # it asks for nobody only
