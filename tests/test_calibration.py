"""The calibration: its harness can fail, one quick case a subject, exact figures of a hidden factor, the committed table."""

import numpy as np
import pytest

from calibration import checks, learners
from calibration.case import (
    ALWAYS,
    AT_MOST,
    CHANCE,
    DRAWS,
    POWER,
    REPORTED,
    SETS,
    SMOOTH,
    TARGETS,
    UNBIASED,
    Case,
    Draw,
    Row,
    seed_of,
    summarize,
)
from calibration.designs import oracle, three_providers
from calibration.table import CASES, PAGE, SUBJECTS, chunk, committed, draws_of, key_of, line, page_of
from counterfoil.attribution import attribute

QUICK = {
    "Experiments": "experiment, Lin-adjusted, HC2",
    "Few clusters, lost outcomes, several outcomes": "1 of 8 communities, means of clusters",
    "Comparison groups": "AIPW, two programmes",
    "Contributions": "B1: three providers, saturated by covariates",
    "Learned and misspecified nuisances": "B11: three providers, wrong outcome model, right propensity",
    "Enrolment in stages": "B8: enrolment responds to progress, sequential",
    "Trends that are not parallel": "smoothness, every bend at M",
    "Panels": "panel, 500 people, pairwise",
    "Staggered adoption": "staggered, by cohort then units",
    "Few treated places": "synthetic DiD, 8 of 32 places, jackknife",
    "Doses": "doses by lottery, degree 2 and pair",
    "Many small providers": "B4: 50 small providers, normal prior",
    "Bounds and backbones": "B7: hole, everybody helps, regression",
    "Checks": "B13: three providers, one does harm",
    "Instruments": "instrument, strong first stage, HC1",
    "Missing covariates": "10 imputations of a covariate, odds of a logit",
    "Hidden causes": "sensitivity, linear regression",
    "Matching": "matching by score, again, Abadie-Imbens",
    "Weighting": "weighting, logit",
    "Doubly robust comparisons": "AIPW, everybody",
    "Money": "a lottery pays, no gain, contributions divide",
}


def titled(title: str) -> int:
    return next(position for position, case in enumerate(CASES) if case.title == title)


def row_of(title: str, draws: int) -> Row:
    position = titled(title)
    return summarize(CASES[position], chunk(position, range(draws)))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_one_quick_case_a_subject(subject: str) -> None:
    assert CASES[titled(QUICK[subject])] in SUBJECTS[subject]
    row = row_of(QUICK[subject], 30)
    if row.case.target == AT_MOST:
        assert (row.bias < 4 * row.noise).all()
        return
    assert row.case.target == SETS or row.worst < 4
    assert row.coverage is not None
    assert row.coverage.min() > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 30)


def test_leaving_out_the_pair_shows() -> None:
    """The harness can fail: a model without the pair is far off for the two providers that reinforce each other."""
    row = row_of("cradle, additive (the pair is left out)", 40)
    assert row.worst > 8
    assert row.coverage is not None
    assert row.coverage.min() < 0.5


def drawn(bias: float, covered: float, together: float = 0.95, *, draws: int = 1_000) -> list[Draw]:
    """Return draws of spread one whose mean and rates of coverage are exactly these."""
    noise = np.tile([-1.0, 1.0], draws // 2) + bias
    order = (np.arange(draws) + 0.5) / draws
    return [
        Draw(np.array([value]), np.zeros(1), np.array([rank < covered]), np.ones(1), bool(rank < together))
        for value, rank in zip(noise, order, strict=True)
    ]


@pytest.mark.parametrize(
    ("target", "good", "bad"),
    [
        (SMOOTH, [(0.09, 0.95, 0.95), (0, 0.92, 0.95), (0, 0.98, 0.95)], [(0.1, 0.95, 0.95), (0, 0.9, 0.95), (0, 0.995, 0.95), (0, 0.95, 0.9)]),
        (SETS, [(5, 0.92, 0), (5, 1, 0)], [(0, 0.9, 0.95)]),
        (CHANCE, [(0.02, 0, 0), (-1, 0, 0)], [(0.03, 0, 0)]),
        (POWER, [(5, 0.88, 0)], [(0, 0.86, 0)]),
        (ALWAYS, [(5, 1, 0)], [(0, 0.999, 0)]),
        (UNBIASED, [(0.09, 0, 0)], [(0.1, 1, 1), (-0.1, 1, 1)]),
        (AT_MOST, [(0.09, 0, 0), (-9, 0, 0)], [(0.1, 1, 1)]),
    ],
)  # fmt: skip
def test_each_target_is_met_and_missed(
    target: str, good: list[tuple[float, ...]], bad: list[tuple[float, ...]]
) -> None:
    case = Case("a", "b", lambda _: drawn(0, 1)[0], target, shortfall="too short")
    assert [summarize(case, drawn(*terms)).met for terms in good] == [True] * len(good)
    assert [summarize(case, drawn(*terms)).met for terms in bad] == [False] * len(bad)
    assert line(summarize(case, drawn(*bad[0]))).endswith("| **not met**: too short |")


def test_every_target_is_known_and_reported_rows_have_none() -> None:
    assert {case.target for case in CASES} <= set(TARGETS)
    row = summarize(Case("a", "b", lambda _: drawn(0, 1)[0], REPORTED), drawn(9, 0))
    assert row.met is None


def test_a_draw_follows_from_its_case_alone() -> None:
    first, second = (Case(name, "what", lambda _: drawn(0, 1)[0]) for name in ("a", "b"))
    assert seed_of(first, 3) != seed_of(first, 4)
    assert seed_of(first, 3) != seed_of(second, 3)
    assert seed_of(first, 3) == seed_of(Case("a", "what", second.run, SETS, design="B1"), 3)


def test_written_rows_are_read_back() -> None:
    case = next(case for case in CASES if case.fewer)
    written = line(summarize(case, drawn(0, 1, draws=20)))
    assert draws_of(written) == 20
    assert committed(page_of({key_of(case): written})) == {key_of(case): written}


def test_committed_table_has_every_case_with_enough_draws() -> None:
    page = PAGE.read_text("utf-8")
    rows = committed(page)
    assert list(rows) == [key_of(case) for case in CASES]
    assert page == page_of(rows)
    for case in CASES:
        assert case.draws >= DRAWS or case.fewer
        assert draws_of(rows[key_of(case)]) >= case.draws


def test_a_row_that_falls_short_says_by_how_much_and_why() -> None:
    rows = committed(PAGE.read_text("utf-8"))
    for case in CASES:
        verdict = rows[key_of(case)].rsplit(" | ", 1)[1].removesuffix(" |")
        expected = f"**not met**: {case.shortfall}" if case.shortfall else "met"
        assert verdict == ("reported" if case.target == REPORTED else expected), case.title


def test_every_benchmark_design_has_rows() -> None:
    """B12, a provider split in two, is exact: `test_a_provider_split_in_two_keeps_its_total_under_owen_and_not_under_shapley`."""
    numbers = {f"B{number}" for number in range(1, 14)} - {"B12"} | {"B5b", ""}
    assert {case.design for case in CASES} == numbers


def test_without_a_hidden_factor_the_credits_are_those_known() -> None:
    nothing = checks.hidden_factor(0.0, 0.0)
    np.testing.assert_allclose(nothing["long"], [0.275712, 0.212208, -0.012650], atol=1e-6)
    np.testing.assert_allclose(nothing["short"], nothing["long"], atol=1e-12)
    np.testing.assert_allclose(nothing["bound"], 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("strength", "gap", "bound"), [((0.2, 0.3), 0.028, 0.091), ((0.4, 0.6), 0.102, 0.365), ((0.6, 1.0), 0.227, 0.967)]
)
def test_the_hidden_factor_stays_within_its_bound(strength: tuple[float, float], gap: float, bound: float) -> None:
    found = checks.hidden_factor(*strength)
    shift = found["short"] - found["long"]
    assert (shift[0], found["bound"][0]) == (pytest.approx(gap, abs=5e-4), pytest.approx(bound, abs=5e-4))
    assert (np.abs(shift) <= found["bound"]).all()


def test_the_drawn_population_is_the_one_integrated() -> None:
    """The short credits of a large draw, by the package, are those of the quadrature."""
    found = checks.hidden_factor(0.4, 0.6)
    credits = attribute(checks.spec().fit(three_providers(3, 30_000, hidden=(0.4, 0.6)))).credits
    assert np.abs((credits.values - found["short"]) / credits.std_error).max() < 4
    assert np.abs((credits.values - found["long"]) / credits.std_error).min() > 6


def test_the_oracle_holds_the_truth_in_a_large_draw() -> None:
    u = oracle(three_providers(5, 40_000))
    error = u.std(axis=0) / np.sqrt(len(u))
    assert np.abs((u.mean(axis=0) - [0.275712, 0.212208, -0.012650]) / error).max() < 4
    wrong = learners.misspecified(5, means_right=False, propensity_right=False)
    assert np.abs(wrong.values - wrong.truth).max() > 0.08
