"""What the plots of credits draw, not just that they run."""

from collections.abc import Iterator
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from counterfoil.attribution import attribute, plot_share_bars, plot_waterfall, rule_named
from counterfoil.attribution.share_bars import by_class
from counterfoil.datasets import Study
from counterfoil.estimators import Contribution, ContributionFit
from counterfoil.estimators.palette import GAIN, LOSS, WHOLE, hue, paler
from counterfoil.estimators.support import CLASSES, support


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fit() -> ContributionFit:
    """Four providers, one of whom harms, two of whom share few people."""
    rng = np.random.default_rng(1)
    served = rng.random((1200, 4)) < [0.5, 0.3, 0.1, 0.06]
    frame = pd.DataFrame(served.astype(int), columns=list("ABCD"))
    frame["y"] = served @ [1, 0.5, 0.8, -2.0] + rng.normal(size=1200)
    study = Study.from_frame(frame, providers="ABCD", outcomes=["y"])
    return Contribution(outcome="y", providers=tuple("ABCD"), model="pairwise").fit(study)


def test_waterfall_steps_from_nothing_to_the_total(fit: ContributionFit) -> None:
    shares = attribute(fit)
    ax = shares.plot(kind="waterfall")
    *parts, total = ax.patches
    ends = np.cumsum([bar.get_width() for bar in parts])
    np.testing.assert_allclose([bar.get_x() for bar in parts], [0, *ends[:-1]], atol=1e-12)
    np.testing.assert_allclose([bar.get_width() for bar in parts], shares.credits.values)
    assert total.get_x() == 0
    assert total.get_width() == pytest.approx(ends[-1]) == pytest.approx(shares.total.values[0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["A", "B", "C", "D", "total"]
    assert [text.get_text() for text in ax.texts] == [f"{x:+.3g}" for x in shares.joint.values]


@pytest.mark.parametrize(("better", "losses"), [("higher", [3]), ("lower", [0, 1, 2])])
def test_waterfall_shows_losses_in_another_colour(fit: ContributionFit, better: str, losses: list[int]) -> None:
    ax = attribute(fit, better=better).plot(kind="waterfall")  # type: ignore[arg-type]
    colors = [to_hex(bar.get_facecolor()).upper() for bar in ax.patches]
    assert colors == [LOSS if j in losses else GAIN for j in range(4)] + [WHOLE]


def test_waterfall_of_a_rule_that_does_not_divide_the_total_says_so(fit: ContributionFit) -> None:
    shares = attribute(fit, "first_in")
    ax = shares.plot(kind="waterfall")
    assert [label.get_text() for label in ax.get_yticklabels()][-2:] == ["not divided", "total"]
    widths = [bar.get_width() for bar in ax.patches]
    assert sum(widths[:-1]) == pytest.approx(shares.total.values[0])
    assert abs(widths[-2]) > 1e-6
    assert ax.patches[-2].get_hatch() == "///"


def test_every_bar_and_number_is_inside_the_waterfall() -> None:
    frame = pd.DataFrame({"provider": ["north", "south", "east", ""], "estimate": [3.0, -5.0, 1.0, -1.0]})
    ax = plot_waterfall(frame, unit="points")
    low, high = ax.get_xlim()
    assert low < -2
    assert high > 3
    assert ax.get_xlabel() == "points"
    ax.figure.canvas.draw()
    box = ax.figure.bbox
    for text in ax.texts:
        window = text.get_window_extent()
        assert box.x0 <= window.x0
        assert window.x1 <= box.x1


def test_forest_stays_the_default_and_other_kinds_are_refused(rice: Study) -> None:
    shares = attribute(Contribution(cluster="address").fit(rice))
    given_axes = plt.subplots()[1]
    assert shares.plot(given_axes) is given_axes
    assert [label.get_text() for label in given_axes.get_yticklabels()] == ["default", "intensive", "gain"]
    with pytest.raises(ValueError, match="'pie'"):
        shares.plot(kind="pie")  # type: ignore[arg-type]


def test_share_bars_sum_to_the_credits_class_by_class(fit: ContributionFit) -> None:
    rules = ["shapley", "equal_split", "last_in"]
    ax = plot_share_bars(fit, rules)
    assert [label.get_text() for label in ax.get_yticklabels()] == rules
    for row, rule in enumerate(rules):
        drawn = [bar for bar in ax.patches if round(bar.get_y() + bar.get_height() / 2) == row]
        credits = fit.apply(rule_named(rule, fit.providers)).values
        assert sum(bar.get_width() for bar in drawn) == pytest.approx(credits.sum())
        for j, credit in enumerate(credits.tolist()):
            full, pale = (
                sum(bar.get_width() for bar in drawn if to_hex(bar.get_facecolor()).upper() == color)
                for color in (hue(j), paler(hue(j)))
            )
            assert full + pale == pytest.approx(credit)
            assert full / credit == pytest.approx(support(fit, rule_named(rule, fit.providers)).fraction()[j])
        assert any(to_hex(bar.get_facecolor()).upper() == paler(hue(0)) for bar in drawn)


def test_share_bars_do_not_overlap_and_losses_lie_left_of_zero(fit: ContributionFit) -> None:
    ax = plot_share_bars(fit, ["shapley"])
    spans = sorted(tuple(sorted((bar.get_x(), bar.get_x() + bar.get_width()))) for bar in ax.patches)
    assert all(end <= start + 1e-12 for (_, end), (start, _) in pairwise(spans))
    assert spans[0][0] == pytest.approx(fit.apply(rule_named("shapley", fit.providers)).values[3])


def test_share_bars_write_shares_where_determinable_and_credits_elsewhere(fit: ContributionFit, rice: Study) -> None:
    table = attribute(fit).tidy()
    written = [text.get_text() for text in plot_share_bars(fit, ["shapley"]).texts]
    assert written[0] == f"{table['share'][0]:.0%}"
    assert written[-1] == "total gain"
    uncertain = Contribution(cluster="address").fit(rice)
    assert [t.get_text() for t in plot_share_bars(uncertain, ["equal_split"]).texts[:-1]] == ["0.0393", "0.0137"]


def test_joint_and_agreed_parts_are_hatched_and_explained(rice: Study) -> None:
    joint = Contribution(cluster="address", together=(("default", "intensive"),)).fit(rice)
    ax = plot_share_bars(joint, ["shapley"])
    assert [bar.get_hatch() for bar in ax.patches] == ["///"]
    plain = Contribution(cluster="address").fit(rice)
    agreed = rule_named("fixed", plain.providers, fractions={"default": "0.6", "intensive": "0.4"})
    ax = plot_share_bars(plain, ["shapley", agreed])
    assert [bar.get_hatch() for bar in ax.patches] == [None, None, "...", "..."]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["default", "intensive", "supported", "by agreement"]


def test_classes_sum_to_the_credits_and_joint_beats_the_rest(fit: ContributionFit) -> None:
    shapley = rule_named("shapley", fit.providers)
    credits = fit.apply(shapley).values
    np.testing.assert_allclose(by_class(support(fit, shapley), credits).sum(axis=1), credits)
    spec = Contribution(outcome="y", providers=tuple("ABCD"), model="pairwise", together=(("A", "B"),))
    joint = spec.fit(fit.sample.study)
    found = by_class(support(joint, shapley), joint.apply(shapley).values)
    assert (np.flatnonzero(found[0]) == [CLASSES.index("joint")]).all()
    assert found[1:, CLASSES.index("joint")].tolist() == [0, 0]


def test_share_bars_need_a_rule(fit: ContributionFit) -> None:
    with pytest.raises(ValueError, match="need a rule"):
        plot_share_bars(fit, [])
