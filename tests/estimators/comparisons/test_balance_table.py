"""Balance tables: case 13 at its digits, groups, functions, disclosure, and the pictures drawn from them."""

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.balance_joint import joint_balance, prognostic_balance
from counterfoil.estimators.comparisons.balance_plots import love_plot, score_plot
from counterfoil.estimators.comparisons.balance_result import love_rows
from counterfoil.estimators.comparisons.balance_table import balance_table
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign

mpl.use("Agg")

Maker = Callable[..., Any]
PUBLISHED = {"re75": -3.7645, "re74": -2.4396, "black": 2.1113, "marr": -1.3306, "u74": 1.2909, "age": -1.0355}


def arms(n: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    age = rng.normal(size=n)
    index = np.column_stack([np.zeros(n), 0.6 * age - 0.2, -0.5 * age])
    group = (index + rng.gumbel(size=(n, 3))).argmax(axis=1)
    site = np.where(np.arange(n) < 12, "tiny", np.array(["east", "north", "south", "west"])[rng.integers(0, 4, n)])
    names = np.array(["none", "coaching", "visits"])
    words = {"group": names[group], "site": site, "sex": np.where(rng.random(n) < 0.5, "f", "m")}
    return pd.DataFrame({"age": age, **words, "y": 0.0})


def spec(**terms: Any) -> ComparisonDesign:
    asked = {"outcome": "y", "treated": "group", "control": "none", "covariates": ("age", "sex")}
    return ComparisonDesign.model_validate({**asked, **terms})


def test_case_13_at_its_digits(by_score: Maker, nsw_cps: pd.DataFrame, nsw_cps_spec: ComparisonDesign) -> None:
    table = balance_table(by_score(nsw_cps_spec, nsw_cps))
    found = table.tidy().set_index("covariate")
    assert found.loc[list(PUBLISHED), "smd_before"].round(4).to_dict() == PUBLISHED
    assert set(found["unit_of"]) == {"treated"}
    sizes = table.sizes.iloc[0]
    assert (sizes["people_treated"], sizes["people_untreated"]) == ("185", "15,992")
    assert sizes["ess_untreated_after"] == pytest.approx(258.222, abs=5e-4)
    assert table.worst.name == "age"
    assert "9 of 10 before, 1 of 10 after" in table.summary()
    assert [row.name for row in love_rows(table)][:2] == ["re75", "re74"]


@pytest.mark.parametrize(
    ("estimand", "unit"), [("att", "treated"), ("atc", "untreated"), ("ate", "pooled"), ("ato", "pooled")]
)
def test_whose_standard_deviation_follows_the_estimand(by_score: Maker, estimand: str, unit: str) -> None:
    data = arms()
    found = balance_table(by_score(spec(arm="coaching"), data, estimand)).tidy().iloc[0]
    groups = [data.loc[data["group"] == name, "age"] for name in ("coaching", "none")]
    expected = {
        "treated": groups[0].std(),
        "untreated": groups[1].std(),
        "pooled": np.sqrt((groups[0].var() + groups[1].var()) / 2),
    }
    assert found["unit"] == pytest.approx(expected[unit])
    assert found["smd_before"] == pytest.approx((groups[0].mean() - groups[1].mean()) / expected[unit])


def test_overlap_weights_balance_means_exactly(by_score: Maker) -> None:
    table = balance_table(by_score(spec(arm="coaching"), arms().query("group != 'visits'"), "ato"))
    rows = table.tidy()
    assert rows["smd_after"].abs().max() < 1e-6
    assert rows["balanced"].all()
    assert set(rows["covariate"]) == {"age", "sex=f", "sex=m"}
    assert rows.set_index("covariate")["adjusted"].to_dict() == {"age": True, "sex=f": False, "sex=m": True}


def test_every_term_has_its_own_rows(by_score: Maker) -> None:
    table = balance_table(by_score(spec(), arms(), "ate"))
    assert table.overall.groupby("term").size().to_dict() == {"coaching": 3, "visits": 3}
    assert set(table.sizes["term"]) == {"coaching", "visits"}
    assert "term" in table.summary()


def test_a_function_left_out_of_the_design_is_looked_at(by_score: Maker) -> None:
    compared = by_score(spec(arm="coaching"), arms().query("group != 'visits'"), "ato")
    age = compared.sample.study.column("age").to_numpy()
    found = balance_table(compared, functions={"age squared": age**2, "old": age > 1}).tidy().set_index("covariate")
    assert not found.loc["age squared", "adjusted"]
    assert found.loc["old", "binary"]
    assert abs(found.loc["age squared", "smd_after"]) > 1e-3
    for wrong in ({"x": age[1:]}, {"age": age}, {"x": np.where(age > 0, np.nan, age)}):
        with pytest.raises(ValueError):
            balance_table(compared, functions=wrong)


def test_groups_are_told_in_everybodys_unit_and_small_ones_not_at_all(by_score: Maker) -> None:
    compared = by_score(spec(arm="coaching"), arms(), "att")
    table = balance_table(compared, by="site")
    assert ("gain", "tiny") in table.hidden
    # One hidden site could be told from the others and the total, so that another is hidden with it.
    assert len(table.hidden) >= 2
    sizes = table.sizes.set_index("group")
    assert sizes.loc["tiny", ["people_treated", "people_untreated"]].tolist() == ["<11", "<11"]
    assert sizes.loc["tiny"].filter(like="ess").isna().all()
    rows = table.tidy()
    assert not rows["group"].isin([label for _, label in table.hidden]).any()
    assert rows.groupby("covariate")["unit"].nunique().eq(1).all()
    label = next(label for label in ("east", "north", "south", "west") if ("gain", label) not in table.hidden)
    inside = compared.sample.study.people.query(f"site == '{label}'")
    means = [inside.loc[inside["group"] == name, "age"].mean() for name in ("coaching", "none")]
    row = rows[(rows["group"] == label) & (rows["covariate"] == "age")].iloc[0]
    assert row["difference_before"] == pytest.approx(means[0] - means[1])
    assert "by site:" in table.summary()
    assert "not shown" in table.summary()
    assert love_rows(table, label)[0].term == "gain"


def test_numbers_name_groups_as_they_are_written(by_score: Maker) -> None:
    data = arms().assign(site=lambda frame: frame["site"].factorize()[0])
    table = balance_table(by_score(spec(arm="coaching"), data), by="site")
    assert set(table.sizes["group"]) == {"", "0", "1", "2", "3", "4"}
    with pytest.raises(CounterfoilError, match="DATA-004"):
        balance_table(by_score(spec(arm="coaching"), data), by="sitee")


def test_the_table_does_not_read_outcomes(by_score: Maker) -> None:
    one, other = (balance_table(by_score(spec(), arms().assign(y=value))).tidy() for value in (0.0, 5.0))
    pd.testing.assert_frame_equal(one, other)


def test_a_comparison_without_columns_has_nothing_to_show(by_score: Maker) -> None:
    with pytest.raises(CounterfoilError, match="EST-015"):
        balance_table(by_score(spec(covariates=()), arms()))


def test_a_table_shows_itself_escaped(by_score: Maker) -> None:
    compared = by_score(spec(arm="coaching"), arms())
    age = compared.sample.study.column("age").to_numpy()
    table = balance_table(compared, functions={"<b>": age})
    assert "<b>" not in table._repr_html_()
    assert "&lt;b&gt;" in table._repr_html_()
    assert repr(table) == table.summary()


def test_the_summary_of_all_columns_counts_what_is_apart(by_score: Maker) -> None:
    table = balance_table(by_score(spec(), arms(), "ate"))
    joint = joint_balance(table)
    rows = table.overall
    frame = joint.set_index("term")
    for term in ("coaching", "visits"):
        own = rows.loc[rows["term"] == term, "smd_after"].abs()
        assert frame.loc[term, ["largest_after", "mean_after", "apart_after"]].tolist() == pytest.approx(
            [own.max(), own.mean(), (own >= 0.1).sum()]
        )
    assert set(frame["columns"]) == {3}


def test_prognostic_balance_is_that_of_the_prediction(by_score: Maker) -> None:
    compared = by_score(spec(), arms(), "ate")
    age = compared.sample.study.column("age").to_numpy()
    found = prognostic_balance(compared, 3.0 - 2.0 * age).set_index("term")
    rows = balance_table(compared).overall.query("covariate == 'age'").set_index("term")
    assert found["smd_after"].to_numpy() == pytest.approx(-rows["smd_after"].to_numpy())
    assert found["balanced"].tolist() == rows["balanced"].tolist()


def test_a_love_plot_has_a_line_a_column_and_the_limits(by_score: Maker) -> None:
    table = balance_table(by_score(spec(), arms(), "ate"), by="site")
    ax = table.plot()
    names = list(dict.fromkeys(row.name for row in love_rows(table)))
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    dashed = {line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"}
    assert dashed == {-0.1, 0.1}
    assert len(ax.get_legend().get_texts()) == 4
    assert love_plot(table, ax) is ax
    mpl.pyplot.close("all")


def test_a_picture_of_chances_mirrors_the_groups(by_score: Maker) -> None:
    compared = by_score(spec(), arms(), "ate")
    with pytest.raises(ValueError, match="coaching, visits"):
        score_plot(compared)
    ax = score_plot(compared, term="visits")
    filled = [patch for patch in ax.patches if patch.get_fill()]
    heights = [np.asarray(patch.get_data().values) for patch in filled]
    assert heights[0].sum() == pytest.approx(1.0)
    assert heights[1].sum() == pytest.approx(-1.0)
    assert "visits" in [text.get_text() for text in ax.texts]
    mpl.pyplot.close("all")


def test_a_comparison_without_chances_has_no_picture_of_them(by_score: Maker) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="no chances"):
        score_plot(replace(by_score(spec(arm="coaching"), arms()), score=None))
