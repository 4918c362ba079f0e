"""Lee and worst-case bounds: by hand, by every completion, by the bootstrap, and what they refuse."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment
from counterfoil.estimators.imbens_manski import imbens_manski
from counterfoil.estimators.trials.lee_bounds import lee_bounds, trim
from counterfoil.estimators.trials.worst_case import worst_case

SPEC = Experiment(outcome="y", missing="drop")


def lottery(seed: int, size: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    assigned, place = rng.integers(0, 2, size), rng.integers(0, 3, size)
    y = rng.normal(size=size) + assigned + 2 * place
    seen = rng.random(size) < 0.6 + 0.25 * assigned
    return pd.DataFrame(
        {"assigned": assigned, "place": place, "y": np.where(seen, y, np.nan), "town": np.arange(size) % 15}
    )


def by_sorting(frame: pd.DataFrame) -> tuple[float, float]:
    """Lee's estimator with whole people cut; exact where the share cut is a whole number of them."""
    treated, control = (frame.loc[frame["assigned"] == d, "y"] for d in (1, 0))
    kept = control.notna().mean() / treated.notna().mean()
    values = np.sort(treated.dropna())
    count = round(kept * len(values))
    assert count == pytest.approx(kept * len(values))
    return values[:count].mean() - control.mean(), values[-count:].mean() - control.mean()


def test_lee_by_sorting() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"assigned": [0, 1] * 40, "y": rng.normal(size=80)})
    frame.loc[frame.index[:32:2], "y"] = np.nan
    frame.loc[frame.index[1:9:2], "y"] = np.nan
    found = lee_bounds(SPEC, frame)
    assert (found.low, found.high) == pytest.approx(by_sorting(frame))
    mirrored = lee_bounds(SPEC, frame.assign(assigned=1 - frame["assigned"]))
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
    assert mirrored.diagnostics["cut_arm"] == "control"


def test_lee_errors_are_the_bootstraps() -> None:
    frame = lottery(1, 800)
    rng = np.random.default_rng(2)
    for tighten in ((), ("place",)):
        found = lee_bounds(SPEC, frame, tighten)
        drawn = []
        for _ in range(120):
            again = lee_bounds(SPEC, frame.iloc[rng.integers(0, 800, 800)].reset_index(drop=True), tighten)
            drawn.append(again.ends.values)
        np.testing.assert_allclose(found.ends.std_error, np.std(drawn, axis=0), rtol=0.25)
        np.testing.assert_allclose(found.ends.influence.mean(axis=0), 0, atol=1e-10)  # type: ignore[union-attr]


def test_covariates_tighten_and_one_group_is_none() -> None:
    frame = lottery(3, 2_000)
    wide, tight = lee_bounds(SPEC, frame), lee_bounds(SPEC, frame, ["place"])
    assert tight.low > wide.low
    assert tight.high < wide.high
    same = lee_bounds(SPEC, frame.assign(one="a"), ["one"])
    np.testing.assert_allclose(same.ends.std_error, wide.ends.std_error)


def test_nobody_lost_is_the_difference_in_means() -> None:
    frame = lottery(4).assign(y=lambda d: d["town"] * 1.0 + d["assigned"])
    found, plain = lee_bounds(SPEC, frame), Experiment(outcome="y", vcov="HC1").fit(frame)
    assert (found.low, found.high) == pytest.approx((plain.values[0], plain.values[0]))
    np.testing.assert_allclose(found.ends.std_error, plain.std_error[0])
    np.testing.assert_allclose(found.interval(), plain.interval()[0], rtol=1e-6)


@given(st.integers(0, 200), st.booleans())
def test_ties_and_order_of_rows_do_not_matter(seed: int, tied: bool) -> None:
    rng = np.random.default_rng(seed)
    m = 60
    outcome = rng.integers(0, 4, m).astype(float) if tied else rng.normal(size=m)
    assigned = np.arange(m) % 2 == 0
    responded = rng.random(m) < np.where(assigned, 0.9, 0.6)
    weights = rng.uniform(0.5, 2, m)
    order = rng.permutation(m)
    one = trim(outcome, responded, assigned, weights)
    other = trim(outcome[order], responded[order], assigned[order], weights[order])
    np.testing.assert_allclose(one.ends, other.ends, atol=1e-9)
    np.testing.assert_allclose(one.influence[order], other.influence, atol=1e-7)
    plain = np.average(outcome[assigned & responded], weights=weights[assigned & responded]) - np.average(
        outcome[~assigned & responded], weights=weights[~assigned & responded]
    )
    assert one.ends[0] <= plain + 1e-9
    assert plain <= one.ends[1] + 1e-9


def test_weights_count_people() -> None:
    frame = lottery(5, 200).assign(w=lambda d: 1 + d.index % 2)
    copies = frame.loc[frame.index.repeat(frame["w"])].reset_index(drop=True)
    one = lee_bounds(Experiment(outcome="y", missing="drop", weights="w"), frame, ["place"])
    other = lee_bounds(SPEC, copies, ["place"])
    np.testing.assert_allclose(one.ends.values, other.ends.values)


def test_groups_that_disagree_are_told() -> None:
    frame = lottery(6, 900)
    rng = np.random.default_rng(0)
    gone = (frame["place"] == 0) & (frame["assigned"] == 1) & (rng.random(900) < 0.6)
    frame.loc[gone, "y"] = np.nan
    found = lee_bounds(SPEC, frame, ["place"])
    assert any("one direction" in problem.what for problem in found.warnings if problem.code == "EST-024")


def test_worst_case_is_the_extreme_over_all_completions() -> None:
    frame = pd.DataFrame({"assigned": [1, 1, 1, 0, 0, 0, 1, 0], "y": [1, 0, np.nan, 0, np.nan, 1, np.nan, 0]})
    found = worst_case(SPEC, frame, (0, 1))
    effects = []
    for values in itertools.product((0.0, 1.0), repeat=3):
        whole = frame["y"].to_numpy(copy=True)
        whole[np.isnan(whole)] = values
        effects.append(whole[frame["assigned"] == 1].mean() - whole[frame["assigned"] == 0].mean())
    assert (found.low, found.high) == pytest.approx((min(effects), max(effects)))


def test_worst_case_with_clusters_covariates_and_interval() -> None:
    frame = lottery(7)
    spec = Experiment(outcome="y", missing="drop", cluster="town", covariates=("place",))
    found = worst_case(spec, frame, (-5.0, 12.0))
    filled = [
        spec.fit(frame.assign(y=frame["y"].fillna(pd.Series(np.where(frame["assigned"] == 1, mine, other)))))
        for mine, other in ((-5.0, 12.0), (12.0, -5.0))
    ]
    np.testing.assert_allclose(found.ends.values, [fit.values[0] for fit in filled])
    np.testing.assert_allclose(found.ends.std_error, [fit.std_error[0] for fit in filled])
    low, high = found.interval()
    critical = imbens_manski(found.high - found.low, max(found.ends.std_error), df=found.ends.df)
    assert (low, high) == pytest.approx(
        (found.low - critical * found.ends.std_error[0], found.high + critical * found.ends.std_error[1])
    )
    lee = lee_bounds(Experiment(outcome="y", missing="drop", cluster="town"), frame)
    assert lee.ends.error_type == "CR1"
    assert found.low < lee.low < lee.high < found.high
    assert found.tidy().attrs["assumption"] in found.summary()
    assert "Horowitz" in found._repr_html_()


def test_refusals() -> None:
    frame = lottery(8)
    with pytest.raises(CounterfoilError, match="EST-026"):
        lee_bounds(SPEC, frame.assign(y=frame["y"].where(frame["place"] > 0)), ["place"])
    with pytest.raises(CounterfoilError, match="EST-026"):
        worst_case(SPEC, frame, (0, 1))
    with pytest.raises(CounterfoilError, match="EST-026"):
        worst_case(SPEC, frame, (3, 3))
    with pytest.raises(CounterfoilError, match="IDENT-001"):
        lee_bounds(SPEC, frame.assign(assigned=0))
    with pytest.raises(CounterfoilError, match="EST-001"):
        lee_bounds(Experiment(outcome="y", missing="drop", vcov="HC2"), frame)
