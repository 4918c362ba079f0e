"""A published figure is an estimate; without its error, whatever needs one is refused and the value is kept."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from counterfoil.attribution.payment import Gate, apply_gate
from counterfoil.errors import EstimationError
from counterfoil.estimators import Clusters, Estimate, Published, published_estimate, stack

SPEC = Published(
    outcome="jail_days",
    design="lottery",
    estimand="ITT",
    source="final report",
    sample="724 people drawn",
    window="3 years",
)
BARE = published_estimate(SPEC, Decimal(-27), people=724)


def test_a_published_effect_is_what_the_report_says() -> None:
    found = published_estimate(SPEC, Decimal(-27), Decimal(6), 724)
    assert found.values.tolist() == [-27.0]
    assert found.std_error.tolist() == [6.0]
    assert (found.people, found.outcome, found.population) == (724, "jail_days", "724 people drawn")
    assert found.estimand == "effect of being offered the programme (intention to treat)"
    assert pytest.approx(found.interval()[0, 1], abs=1e-5) == -27 + 1.959964 * 6


def test_one_degree_of_freedom_undoes_a_published_interval() -> None:
    """Three towns: the published -0.06 with half-width 0.02 is no longer told from zero (Economos and others 2013)."""
    spec = Published(design="towns", estimand="ATT", source="s", clusters=Clusters(treated=1, control=2))
    error = Decimal("0.02") / Decimal("1.959964")
    (row,) = published_estimate(spec, Decimal("-0.06"), error, 1028, df=1.0).tidy().itertuples()
    assert row.p_value == pytest.approx(0.11, abs=0.005)
    assert (row.conf_low, row.conf_high) == pytest.approx((-0.19, 0.07), abs=0.005)


@pytest.mark.parametrize(
    "use",
    [
        lambda e: e.interval(),
        lambda e: e.tidy(),
        lambda e: e.draws(10, seed=1),
        lambda e: apply_gate(Gate(), e, "lower"),
        lambda e: e.contrast([[2]], ["twice"]).std_error,
        lambda e: stack([e, e], ["a", "b"], independent=True),
        lambda e: e.ratio(0, 0),
    ],
)
def test_without_an_error_whatever_needs_one_is_refused(use: Callable[[Estimate], object]) -> None:
    with pytest.raises(EstimationError) as caught:
        use(BARE)
    assert caught.value.codes == ("EST-018",)


def test_without_an_error_the_value_is_kept_shown_and_written() -> None:
    assert BARE.map(lambda v: v / 2, ["half"]).values.tolist() == [-13.5]
    assert "-27" in repr(BARE)
    assert "-27" in BARE._repr_html_()
    back = Estimate.from_json(BARE.to_json())
    assert (back.values.tolist(), back.error_type) == ([-27.0], "unknown")


@pytest.mark.parametrize("error", ["0", "-1"])
def test_an_error_is_positive(error: str) -> None:
    with pytest.raises(EstimationError, match="EST-018"):
        published_estimate(SPEC, Decimal(1), Decimal(error))


def test_another_estimand_is_put_in_words() -> None:
    with pytest.raises(ValueError, match="meaning"):
        Published(design="d", estimand="other", source="s")
    with pytest.raises(ValueError, match="meaning"):
        Published(design="d", estimand="ITT", meaning="something", source="s")
    assert Published(design="d", estimand="other", meaning="of stayers", source="s").estimand_in_words == "of stayers"
