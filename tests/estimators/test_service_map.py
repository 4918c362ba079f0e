from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from counterfoil.datasets import Roster, Study
from counterfoil.estimators import co_service, plot_service_map
from counterfoil.estimators.palette import HUES, ink
from counterfoil.estimators.service_map import MOST_NODES, STEPS, stepped


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def roster_of(counts: dict[str, int], names: str) -> Roster:
    """Return a roster with so many people a pattern, written in the providers' letters."""
    rows = np.array([[name in pattern for name in names] for pattern in counts])
    exposure = np.repeat(rows, list(counts.values()), axis=0)
    return Roster(np.arange(len(exposure)), tuple(names), exposure)


def test_counts_are_those_of_a_loop_over_people(rice: Study) -> None:
    roster = rice.roster()
    both = sum(all(row) for row in roster.exposure.tolist())
    own = [sum(row[j] for row in roster.exposure.tolist()) for j in range(2)]
    assert co_service(roster)["people"].tolist() == [*map(str, own), str(both)]


def test_small_counts_are_nowhere_in_the_picture() -> None:
    counts = {"": 200, "A": 90, "B": 80, "C": 70, "AB": 60, "AC": 7, "BC": 50}
    roster = roster_of(counts, "ABC")
    table = co_service(roster).set_index(["provider", "other"])["people"]
    assert table["A", "C"] == "<11"
    # The table of combinations with any other margin would tell the seven by subtraction.
    assert set(table.drop(("A", "C"))) == {"suppressed"}
    written = {text.get_text() for text in plot_service_map(roster).texts}
    assert written == {"A\nwithheld", "B\nwithheld", "C\nwithheld", "<11", "×"}


def test_what_a_shared_count_leaves_of_a_provider_is_withheld_too() -> None:
    """No count here is small, but 1,005 of one's 1,010 people being shared would tell of the five that are not."""
    roster = roster_of({"": 1200, "A": 5, "AB": 1005, "B": 400}, "AB")
    assert co_service(roster)["people"].tolist() == ["suppressed"] * 3
    whole = roster_of({"": 1200, "AB": 1005, "B": 400}, "AB")
    assert co_service(whole)["people"].tolist() == ["1,005", "1,405", "1,005"]


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40))
def test_marks_hide_ten_people_or_more(counts: list[int]) -> None:
    people = np.array(counts)
    drawn = stepped(people)
    assert ((drawn == 0) == (people == 0)).all()
    assert (drawn >= people).all()
    assert len(set(drawn[drawn > 0].tolist())) <= STEPS
    assert all(width >= 11 for width in np.diff(np.unique(drawn)).tolist())


def test_lines_are_wider_the_more_people_are_shared_and_absent_without_any() -> None:
    roster = roster_of({"": 100, "AB": 400, "AC": 40, "B": 100, "C": 100}, "ABC")
    ax = plot_service_map(roster)
    widths = [line.get_linewidth() for line in ax.lines]
    assert len(widths) == 2
    assert widths[0] > widths[1]
    areas = ax.collections[0].get_sizes()
    assert areas[1] > areas[0] > areas[2]


def test_a_count_cannot_be_read_off_the_size_of_a_mark() -> None:
    """Two rosters that differ by one person, within a step, draw the same."""
    one, other = (roster_of({"": 300, "A": 200, "B": 150, "AB": both}, "AB") for both in (5, 6))
    first, second = plot_service_map(one), plot_service_map(other)
    assert [t.get_text() for t in first.texts] == [t.get_text() for t in second.texts]
    assert first.lines[0].get_linewidth() == second.lines[0].get_linewidth()
    np.testing.assert_array_equal(first.collections[0].get_sizes(), second.collections[0].get_sizes())


def test_many_providers_make_a_heatmap_with_every_label() -> None:
    rng = np.random.default_rng(4)
    names = tuple(f"p{j}" for j in range(MOST_NODES + 1))
    exposure = rng.random((2000, len(names))) < 0.3
    roster = Roster(np.arange(2000), names, exposure)
    ax = plot_service_map(roster)
    assert [label.get_text() for label in ax.get_xticklabels()] == list(names)
    np.testing.assert_array_equal(ax.images[0].get_array(), stepped(exposure.T.astype(int) @ exposure))
    assert {text.get_text() for text in ax.texts} == {"×"}
    fewer = Roster(np.arange(2000), names[:-1], exposure[:, :-1])
    assert not plot_service_map(fewer).images


def test_it_draws_on_the_axes_it_is_given_and_the_same_each_time(rice: Study) -> None:
    given_axes = plt.subplots()[1]
    assert plot_service_map(rice.roster(), given_axes) is given_axes
    again = plot_service_map(rice.roster())
    assert [t.get_position() for t in given_axes.texts] == [t.get_position() for t in again.texts]


def test_text_on_every_hue_has_enough_contrast() -> None:
    """WCAG 2 asks 4.5 : 1 of small text; an independent computation of the ratio."""

    def luminance(color: str) -> float:
        parts = [int(to_hex(color)[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    assert len(set(HUES)) == len(HUES)
    for color in HUES:
        bright, dark = sorted((luminance(color), luminance(ink(color))), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) > 4.5, color
