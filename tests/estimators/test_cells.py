"""Cells: put together by a rule's weights they are the engine's credits, value by value and person by person."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import Banzhaf, LastIn, Shapley
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, ContributionFit
from counterfoil.estimators.bounds import bounds
from counterfoil.estimators.cells import Cells, cells_of

NAMES = ("p0", "p1", "p2")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(21)
    x = rng.normal(size=(1_600, 2))
    served = rng.random((1_600, 3)) < 1 / (1 + np.exp(-(x @ [[0.5, -0.3, 0.2], [0.0, 0.4, -0.4]])))
    effect = served @ [0.5, 0.4, 0.3] + 0.4 * (served[:, 0] & served[:, 1]) * (1 + 0.5 * x[:, 0])
    data = {"x1": x[:, 0], "x2": x[:, 1], **{name: served[:, j].astype(int) for j, name in enumerate(NAMES)}}
    weight = rng.uniform(0.5, 2.0, 1_600)
    return pd.DataFrame({**data, "w": weight, "y": 40 + x @ [1.0, 0.5] + effect + rng.normal(size=1_600)})


def fitted(frame: pd.DataFrame, **terms: Any) -> tuple[ContributionFit, Cells]:
    spec = {"outcome": "y", "providers": NAMES, "covariates": ("x1", "x2"), "vcov": "HC0", **terms}
    fit = Contribution.model_validate(spec).fit(frame)
    population = terms.get("target") == "population"
    return fit, cells_of(
        fit.surface, fit.roster, frame["y"].to_numpy(), population=population, outcome="y", error_type="HC0"
    )


def combined(cells: Cells, kernel: Any) -> np.ndarray:
    """The combination of cells that each provider's credit is, shape (K, n_terms)."""
    rows = np.zeros((3, len(cells.estimate.terms)))
    for column, (a, b) in enumerate(cells.pairs):
        table = kernel.weights(a, None)
        rows[list(a), column] = table[:, sum(1 << a.index(j) for j in b)]
    return rows


@pytest.mark.parametrize("design", ["randomized", "unconfounded"])
@pytest.mark.parametrize("target", ["sample", "population"])
@pytest.mark.parametrize("more", [{}, {"effects_by_covariates": True, "weights": "w"}], ids=["plain", "bent"])
def test_cells_add_up_to_the_engines_credits(
    frame: pd.DataFrame, design: str, target: str, more: dict[str, Any]
) -> None:
    fit, cells = fitted(frame, design=design, target=target, **more)
    assert len(cells.pairs) == 3 * 2 + 3 * 4 + 8
    for kernel in (Shapley(), LastIn(), Banzhaf()):
        ours, theirs = cells.estimate.contrast(combined(cells, kernel), NAMES), fit.apply(kernel)
        np.testing.assert_allclose(ours.values, theirs.values, atol=1e-10)
        assert ours.influence is not None
        assert theirs.influence is not None
        np.testing.assert_allclose(ours.influence, theirs.influence, atol=1e-8)


def test_own_cells_are_what_happened(frame: pd.DataFrame) -> None:
    for design in ("randomized", "unconfounded"):
        _, cells = fitted(frame, design=design)
        for a, mass in zip(cells.patterns, cells.mass, strict=True):
            had = (frame[list(NAMES)].to_numpy() == np.isin(range(3), a)).all(axis=1)
            assert cells.estimate.values[cells.pairs.index((a, a))] == pytest.approx(
                (had * frame["y"]).mean(), abs=1e-9
            )
            assert mass == pytest.approx(had.mean(), abs=1e-12)


def test_masses_are_uncertain_for_future_people_only(frame: pd.DataFrame) -> None:
    _, here = fitted(frame)
    _, future = fitted(frame, target="population")
    assert len(here.estimate.terms) == len(here.pairs)
    share = future.estimate.select(range(len(future.pairs), len(future.estimate.terms)))
    np.testing.assert_allclose(share.values, future.mass, atol=1e-12)
    expected = np.sqrt(future.mass * (1 - future.mass) / len(frame))
    np.testing.assert_allclose(share.std_error, expected, rtol=1e-9)


def test_a_hole_leaves_the_cell_out_and_bounds_take_over(frame: pd.DataFrame) -> None:
    alone = (frame["p1"] == 1) & (frame["p0"] == 0) & (frame["p2"] == 0)
    fit, cells = fitted(frame[~alone], effects_by_covariates=True)
    assert not any(b == (1,) for _, b in cells.pairs)
    found = bounds(cells, Shapley(), NAMES, ["monotone"], draws=50)
    assert found.open_cells == 3
    assert (found.low <= found.high).all()
    assert (found.high - found.low > 0.01).all()
    with pytest.raises(CounterfoilError, match="IDENT-002"):
        fit.apply(Shapley())
    few = cells_of(fit.surface, fit.roster, frame["y"][~alone].to_numpy(), enough=300)
    assert len(few.pairs) < len(cells.pairs)


def test_refusals(frame: pd.DataFrame) -> None:
    pairwise = Contribution(outcome="y", providers=NAMES, model="pairwise").fit(frame)
    with pytest.raises(ValueError, match="saturated"):
        cells_of(pairwise.surface, pairwise.roster, frame["y"].to_numpy())
    alone = (frame["p1"] == 1) & (frame["p0"] == 0) & (frame["p2"] == 0)
    lone = frame.drop(index=frame.index[alone][1:])
    with pytest.raises(CounterfoilError) as caught:
        fitted(lone)
    assert caught.value.codes == ("EST-001",)
