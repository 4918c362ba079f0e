"""Agreement with difference-in-differences written out by hand, exact recovery, what biases others, and refusals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.panel import PanelOLS
from numpy.typing import NDArray
from pydantic import ValidationError

from counterfoil.attribution import RULES, EqualSplit, Shapley, attribute, rule_named
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Divisible, PanelContribution, PanelContributionFit

PERIODS = {"2019": "2019-01-01", "2020": "2020-01-01", "2021": "2021-01-01", "2022": "2022-01-01"}
LABELS = tuple(PERIODS)
NAMES = ("north", "south", "west")
NEVER = len(LABELS)
Array = NDArray[Any]
Gain = Callable[[Array, Array, int], Array]


def roll_out(seed: int, size: int, names: tuple[str, ...] = NAMES, joins: float = 0.4) -> Array:
    """Return the period in which each provider began with each person: entry in 2020, 2021 or never, then more."""
    rng = np.random.default_rng(seed)
    entry = rng.choice([1, 2, NEVER], size, p=[0.35, 0.3, 0.35])
    first = rng.random((size, len(names))) < 0.5
    first[np.arange(size), rng.integers(0, len(names), size)] = True
    later = np.where(rng.random((size, len(names))) < joins, entry[:, None] + 1, NEVER)
    began = np.where(first, entry[:, None], later)
    return np.asarray(np.where((began > NEVER - 1) | (entry[:, None] == NEVER), NEVER, began))


def study_of(
    began: Array,
    levels: Array,
    names: tuple[str, ...] = NAMES,
    people: pd.DataFrame | None = None,
    **terms: Any,
) -> Study:
    ids = [f"p{i:04d}" for i in range(len(began))]
    who, which = np.nonzero(began < NEVER)
    days = [f"{LABELS[began[i, j]]}-0{j + 2}-15" for i, j in zip(who, which, strict=True)]
    services = pd.DataFrame({
        "person": np.array(ids)[who], "provider": np.array(names)[which], "start": days, "dose": 1.0 + (who + which) % 3,
    })  # fmt: skip
    outcomes = pd.DataFrame({"person": np.repeat(ids, NEVER), "outcome": "jobs", "period": np.tile(LABELS, len(ids))})
    table = pd.DataFrame({"person": ids}) if people is None else people.assign(person=ids)
    return Study.from_tables(table, services=services, outcomes=outcomes.assign(value=levels.reshape(-1)), **terms)


def outcomes_of(began: Array, gain: Gain, seed: int, noise: float) -> Array:
    """Return person effects plus period effects plus the gain of everybody served, (n, periods)."""
    rng = np.random.default_rng(seed)
    first = began.min(axis=1)
    # People who enter earlier start higher, so that levels cannot be compared; trends are parallel.
    levels = 3.0 * rng.normal(size=(len(began), 1)) - 2.0 * first[:, None] + np.array([0.0, 0.7, -0.4, 1.5])
    levels = levels + noise * rng.normal(size=levels.shape)
    for period in range(NEVER):
        levels[:, period] += gain(began <= period, first, period)
    return np.asarray(levels)


def constant(active: Array, first: Array, period: int) -> Array:
    del first, period
    return np.asarray(active @ np.array([1.0, 0.5, -0.3])[: active.shape[1]])


def growing(active: Array, first: Array, period: int) -> Array:
    """Effects that grow with time since entry, and a joint effect of the first two."""
    since = np.where(active.any(axis=1), 1.0 + period - first, 0.0)
    return np.asarray(since * (constant(active, first, period) + active[:, :2].all(axis=1)))


def fitted(study: Study, **terms: Any) -> PanelContributionFit:
    return PanelContribution.model_validate({"providers": study.providers, "periods": PERIODS, **terms}).fit(study)


# --- two periods ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    size = 900
    x = rng.normal(size=size)
    group = rng.integers(0, 3, size)
    served = rng.random(size) < 1 / (1 + np.exp(0.3 - 0.6 * x - 0.3 * group))
    before = x + rng.normal(size=size)
    after = before + 0.4 + 0.5 * x + 0.3 * group + served * (1 + 0.5 * x) + rng.normal(size=size)
    frame = {"north": served.astype(int), "x": x, "group": group.astype(str), "before": before, "after": after}
    return pd.DataFrame(frame)


TWO = {"providers": ("north",), "baseline": "before", "period": "after"}


@pytest.mark.parametrize(("vcov", "same"), [(None, "HC2"), ("HC1", "HC1"), ("HC3", "HC3")])
def test_two_periods_and_one_provider_are_the_two_by_two_difference(
    wide: pd.DataFrame, vcov: str | None, same: str
) -> None:
    fit = PanelContribution.model_validate({**TWO, "vcov": vcov}).fit(wide)
    change, served = wide["after"] - wide["before"], wide["north"] == 1
    theirs = sm.OLS(change, sm.add_constant(served.astype(float))).fit(cov_type=same)
    gain = fit.by_cohort(Shapley()).select([1])
    assert gain.values[0] == pytest.approx(change[served].mean() - change[~served].mean(), abs=1e-12)
    assert gain.values[0] == pytest.approx(theirs.params.iloc[1], abs=1e-12)
    assert gain.std_error[0] == pytest.approx(theirs.bse.iloc[1], rel=1e-10)
    assert fit.total().values[0] == pytest.approx(gain.values[0] * served.mean(), abs=1e-12)
    assert fit.total().std_error[0] == pytest.approx(theirs.bse.iloc[1] * served.mean(), rel=1e-10)


@pytest.mark.parametrize("covariate", ["x", "group"])
def test_covariates_give_doubly_robust_differences(wide: pd.DataFrame, covariate: str) -> None:
    """Sant'Anna and Zhao (2020): an outcome regression of the comparison group, and odds from a logit."""
    spec = PanelContribution.model_validate({**TWO, "covariates": (covariate,), "effects_by_covariates": True})
    ours = spec.fit(wide).by_cohort(Shapley()).values[0]
    change, served = (wide["after"] - wide["before"]).to_numpy(), wide["north"].to_numpy() == 1
    columns = pd.get_dummies(wide[[covariate]], drop_first=True).to_numpy(dtype=float)
    design = sm.add_constant(columns)
    odds = np.exp(design @ sm.Logit(served.astype(float), design).fit(disp=0, tol=1e-12).params)
    gap = change - design @ np.linalg.lstsq(design[~served], change[~served], rcond=None)[0]
    weights = odds * ~served
    assert ours == pytest.approx(gap[served].mean() - (weights * gap).sum() / served.sum(), abs=1e-8)
    normalized = gap[served].mean() - (weights * gap).sum() / weights.sum()
    # Odds that sum to the number served are normalized as they are; a logit of groups makes them so.
    assert ours == pytest.approx(normalized, abs=1e-8 if covariate == "group" else 5e-3)


def test_wide_and_long_tables_give_the_same(wide: pd.DataFrame) -> None:
    ids = [f"p{i:03d}" for i in range(len(wide))]
    long = pd.concat(
        [
            pd.DataFrame({"person": ids, "outcome": "pay", "period": name, "value": wide[name]})
            for name in ("before", "after")
        ]
    )
    served = wide["north"].to_numpy() == 1
    services = pd.DataFrame({"person": np.array(ids)[served], "provider": "north"})
    study = Study.from_tables(pd.DataFrame({"person": ids}), services=services, outcomes=long)
    spec = PanelContribution.model_validate(TWO)
    one, other = spec.fit(wide).total(), spec.fit(study).total()
    assert (one.values, one.std_error) == (other.values, other.std_error)
    assert other.outcome == "pay"


# --- staggered entry --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def single() -> tuple[Array, Array, Study]:
    began = roll_out(1, 400, ("north",))
    began[:40] = 3
    levels = outcomes_of(began, growing, 2, 1.0)
    return began[:, 0], levels, study_of(began, levels, ("north",))


@pytest.mark.parametrize("comparison", ["never", "not_yet"])
def test_one_provider_is_callaway_and_santanna(single: tuple[Array, Array, Study], comparison: str) -> None:
    first, levels, study = single
    fit = fitted(study, comparison=comparison, vcov="HC0")
    cells = fit.by_cohort(Shapley())
    effect: dict[tuple[int, int], float] = {}
    for g in (1, 2, 3):
        for t in range(g, NEVER):
            change = levels[:, t] - levels[:, g - 1]
            control = first == NEVER if comparison == "never" else (first > t)
            effect[g, t] = change[first == g].mean() - change[control].mean()
            at = cells.terms.index(f"cohort {LABELS[g]}, period {LABELS[t]}: gain")
            assert cells.values[at] == pytest.approx(effect[g, t], abs=1e-12)
            variance = sum(change[who].var() / who.sum() for who in (first == g, control))
            assert cells.std_error[at] == pytest.approx(np.sqrt(variance), rel=1e-10)
    people = {g: (first == g).sum() for g in (1, 2, 3)}
    dynamic = fit.by_event_time(Shapley())
    for time in (0, 1, 2):
        there = [g for g in (1, 2, 3) if g + time < NEVER]
        expected = np.average([effect[g, g + time] for g in there], weights=[people[g] for g in there])
        assert dynamic.values[dynamic.terms.index(f"+{time}: gain")] == pytest.approx(expected, abs=1e-12)
    by_period = fit.by_period(Shapley())
    for t in (1, 2, 3):
        expected = sum(people[g] * effect[g, t] for g in (1, 2, 3) if g <= t) / len(first)
        assert by_period.values[by_period.terms.index(f"{LABELS[t]}: gain")] == pytest.approx(expected, abs=1e-12)
    per_person = sum(people[g] * value for (g, _), value in effect.items()) / len(first)
    assert fit.total().values[0] == pytest.approx(per_person / 3, abs=1e-12)
    assert fitted(study, comparison=comparison, across="sum").total().values[0] == pytest.approx(per_person, abs=1e-12)


def test_two_way_fixed_effects_are_biased_and_cohorts_are_not(single: tuple[Array, Array, Study]) -> None:
    """Effects that grow, no noise: the regression that most evaluators run uses people already served as controls."""
    first = single[0]
    gain = np.column_stack([growing((first <= t)[:, None], first, t) for t in range(NEVER)])
    levels = outcomes_of(first[:, None], growing, 5, 0.0)
    fit = fitted(study_of(first[:, None], levels, ("north",)))
    served = first[:, None] <= np.arange(NEVER)
    index = pd.MultiIndex.from_product([range(len(first)), range(NEVER)])
    frame = pd.DataFrame({"y": levels.reshape(-1), "d": served.reshape(-1).astype(float)}, index=index)
    fixed = float(PanelOLS(frame["y"], frame[["d"]], entity_effects=True, time_effects=True).fit().params.iloc[0])
    per_served = gain[served].mean()
    ours = fit.total().values[0] * 3 * len(first) / served.sum()
    assert ours == pytest.approx(per_served, abs=1e-10)
    assert fixed < 0.8 * per_served


@pytest.mark.parametrize("model", ["additive", "pairwise", "saturated"])
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
def test_constant_effects_are_recovered_exactly(model: str, comparison: str) -> None:
    began = roll_out(7, 600)
    study = study_of(began, outcomes_of(began, constant, 8, 0.0))
    fit = fitted(study, model=model, comparison=comparison, min_pair=5)
    truth = np.array([(began <= t).mean(axis=0) * [1.0, 0.5, -0.3] for t in (1, 2, 3)])
    for rule in ("shapley", "banzhaf", "last_in", "order_of_service", "weighted_shapley"):
        np.testing.assert_allclose(attribute(fit, rule).credits.values, truth.mean(axis=0), atol=1e-10)
    by_period = fit.by_period(Shapley()).values.reshape(3, 4)
    np.testing.assert_allclose(by_period, np.column_stack([truth, truth.sum(axis=1)]), atol=1e-10)


def test_joint_effects_that_grow_are_recovered_exactly() -> None:
    began = roll_out(9, 900)
    fit = fitted(study_of(began, outcomes_of(began, growing, 10, 0.0)))
    first = began.min(axis=1)
    truth = np.zeros(3)
    for t in (1, 2, 3):
        active = began <= t
        both = np.logical_and(active[:, 0], active[:, 1])[:, None] * np.array([0.5, 0.5, 0.0])
        own = active * np.array([1.0, 0.5, -0.3])
        truth += (np.where(active.any(axis=1), 1.0 + t - first, 0.0)[:, None] * (own + both)).mean(axis=0) / 3
    np.testing.assert_allclose(fit.apply(Shapley()).values, truth, atol=1e-10)


def test_calendar_that_is_a_period_late_shows() -> None:
    """A seeded fault: with every service dated one period late the baseline is already served, and credits are far off."""
    began = roll_out(7, 600)
    levels = outcomes_of(began, constant, 8, 0.0)
    late = np.where(began < NEVER, began + 1, NEVER)
    gone = np.where(late > NEVER - 1, NEVER, late)
    right, wrong = fitted(study_of(began, levels)).total().values[0], fitted(study_of(gone, levels)).total().values[0]
    assert right == pytest.approx(np.mean([constant(began <= t, began, t).mean() for t in (1, 2, 3)]), abs=1e-10)
    assert abs(wrong) < 0.5 * right


# --- rules ------------------------------------------------------------------------------------------------------------

TERMS: dict[str, dict[str, Any]] = {
    "owen": {"unions": [["north", "west"]]},
    "stage_respecting": {"stages": [["south"], ["north", "west"]]},
    "plurality": {"ties": "equal"},
    "fixed": {"fractions": {"north": "0.7", "west": "0.3"}},
}


@pytest.fixture(scope="module")
def noisy() -> tuple[Array, Array, Study]:
    began = roll_out(11, 700)
    early = began.min(axis=1) == 1
    began[early, 1] = NEVER  # south has no one in the cohort of 2020, whose blocks have two providers of three
    began[early & (began.min(axis=1) > 1), 0] = 1
    levels = outcomes_of(began, growing, 12, 1.0)
    return began, levels, study_of(began, levels)


def by_hand(began: Array, levels: Array, g: int, t: int, shares: Callable[..., Array]) -> Array:
    """Credits of a cohort in a period from its cell means, in dividend form; per person of the cohort."""
    change, cohort = levels[:, t] - levels[:, g - 1], began.min(axis=1) == g
    pattern = (began <= t) @ (1 << np.arange(3))
    mean = {mask: change[cohort & (pattern == mask)].mean() for mask in np.unique(pattern[cohort])}
    mean[0] = change[began.min(axis=1) == NEVER].mean()
    credits = np.zeros(3)
    for mask in np.unique(pattern[cohort]):
        members = tuple(j for j in range(3) if mask >> j & 1)
        subsets = np.arange(1, 1 << len(members))
        whole = [sum(1 << members[r] for r in range(len(members)) if s >> r & 1) for s in range(1 << len(members))]
        dividend = np.array([
            sum((-1.0) ** ((s ^ u).bit_count()) * mean[whole[u]] for u in range(s + 1) if u & s == u)
            for s in subsets.tolist()
        ])  # fmt: skip
        table = shares(members, subsets)
        rows = range(3) if len(table) == 3 else members
        credits[list(rows)] += (table @ dividend) * (cohort & (pattern == mask)).sum()
    return np.asarray(credits / cohort.sum())


@pytest.mark.parametrize(
    "name", ["shapley", "banzhaf", "last_in", "first_in", "equal_split", "owen", "stage_respecting", "fixed"]
)
def test_credits_equal_cell_means_by_hand(noisy: tuple[Array, Array, Study], name: str) -> None:
    """Also where a provider has not begun: rules with terms still mean the same providers."""
    began, levels, study = noisy
    rule = rule_named(name, NAMES, **TERMS.get(name, {}))
    cells = fitted(study).by_cohort(rule)
    for g, t in ((1, 1), (1, 2), (1, 3), (2, 2), (2, 3)):
        where = f"cohort {LABELS[g]}, period {LABELS[t]}: "
        ours = [cells.values[cells.terms.index(where + provider)] for provider in NAMES]
        expected = by_hand(began, levels, g, t, lambda a, s, rule=rule: rule.dividend_shares(a, s, None))
        np.testing.assert_allclose(ours, expected, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("banzhaf", "last_in", "first_in")])
def test_efficient_rules_sum_to_the_gain_everywhere(noisy: tuple[Array, Array, Study], name: str) -> None:
    _, levels, study = noisy
    fit = fitted(study)
    rule = rule_named(name, NAMES, **TERMS.get(name, {}))
    largest = np.abs(levels).max()
    for found in (fit.joint(rule), fit.by_cohort(rule), fit.by_period(rule), fit.by_event_time(rule)):
        table = found.values.reshape(-1, 4)
        np.testing.assert_allclose(table[:, :3].sum(axis=1), table[:, 3], atol=1e-12 * largest)
        scores = found.scores().reshape(found.n, -1, 4)
        np.testing.assert_allclose(scores[:, :, :3].sum(axis=2), scores[:, :, 3], atol=1e-9 * np.abs(scores).max())
    assert fit.joint(rule).values[-1] == pytest.approx(fit.total().values[0], abs=1e-12 * largest)


def test_warning_stands_beside_credits_that_compare_patterns(noisy: tuple[Array, Array, Study]) -> None:
    fit = fitted(noisy[2])
    for name in RULES:
        shares = attribute(fit, name, **TERMS.get(name, {}))
        warned = "IDENT-016" in {problem.code for problem in shares.warnings}
        assert warned == (name not in ("equal_split", "dose_split", "plurality", "fixed"))
    assert "IDENT-016" not in {problem.code for problem in fit.total().warnings}
    (problem,) = (p for p in fit.apply(Shapley()).warnings if p.code == "IDENT-016")
    assert "E[dY(b)|A=a,X] = E[dY(b)|A=b,X]" in problem.what
    assert "north of north + west" in problem.what


def test_fit_is_divisible(noisy: tuple[Array, Array, Study]) -> None:
    fit = fitted(noisy[2])
    assert isinstance(fit, Divisible)
    assert "700 people, 3 providers, 2 cohorts, 4 periods" in repr(fit)
    assert attribute(fit).tidy()["provider"].tolist() == [*NAMES, ""]


def test_constants_of_people_and_periods_and_the_order_of_providers_change_nothing(
    noisy: tuple[Array, Array, Study],
) -> None:
    began, levels, study = noisy
    rng = np.random.default_rng(13)
    moved = levels + rng.normal(size=(len(began), 1)) + rng.normal(size=NEVER)
    backward = NAMES[::-1]
    for found in ("joint", "by_cohort", "by_event_time", "pretrends"):
        base = getattr(fitted(study), found)(Shapley())
        shifted = getattr(fitted(study_of(began, moved)), found)(Shapley())
        np.testing.assert_allclose(shifted.values, base.values, atol=1e-10)
        np.testing.assert_allclose(shifted.cov(), base.cov(), atol=1e-10)
        turned = getattr(fitted(study, providers=backward), found)(Shapley())
        order = [turned.terms.index(term) for term in base.terms]
        np.testing.assert_allclose(turned.values[order], base.values, atol=1e-10)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("comparison", ["never", "not_yet"])
def test_influence_is_what_a_little_more_of_a_person_does(comparison: str) -> None:
    """People are in several blocks, and future people have an estimated share of each: the derivative sees it all."""
    began = roll_out(21, 160, ("north", "south"))
    levels = outcomes_of(began, growing, 22, 1.0)
    terms = {"target": "population", "vcov": "HC0", "comparison": comparison, "weights": "weight"}

    def estimates(weight: Array) -> list[Any]:
        fit = fitted(study_of(began, levels, ("north", "south"), pd.DataFrame({"weight": weight})), **terms)
        return [getattr(fit, found)(Shapley()) for found in ("joint", "by_cohort", "by_period", "by_event_time")]

    rng = np.random.default_rng(23)
    base, step = rng.uniform(0.5, 2.0, 160), 1e-4
    ours = estimates(base)
    first = began.min(axis=1)
    for person in (int(np.flatnonzero(first == cohort)[0]) for cohort in (1, 2, NEVER)):
        nudge = step * (np.arange(160) == person)
        up, down = estimates(base + nudge), estimates(base - nudge)
        for found, above, below in zip(ours, up, down, strict=True):
            slope = (above.values - below.values) / (2 * step)
            np.testing.assert_allclose(
                slope * base.sum(), found.influence[person] / (base[person] / base.mean()), atol=1e-5
            )


def test_whole_weights_count_people_several_times() -> None:
    began = roll_out(23, 200)
    levels = outcomes_of(began, growing, 24, 1.0)
    times = 1 + np.arange(200) % 3
    weighted = study_of(began, levels, people=pd.DataFrame({"times": times.astype(float)}), weights="times")
    repeated = study_of(np.repeat(began, times, axis=0), np.repeat(levels, times, axis=0))
    for found in ("joint", "by_cohort", "by_period", "by_event_time"):
        one, other = (getattr(fitted(study, model="additive"), found)(Shapley()) for study in (weighted, repeated))
        np.testing.assert_allclose(one.values, other.values, atol=1e-10)


def test_copies_of_people_in_one_cluster_add_no_information() -> None:
    began = roll_out(25, 240)
    levels = outcomes_of(began, growing, 26, 1.0)
    village = pd.DataFrame({"village": [f"v{i:03d}" for i in np.repeat(np.arange(240), 2)]})
    twice = study_of(np.repeat(began, 2, axis=0), np.repeat(levels, 2, axis=0), people=village)
    for found in ("joint", "by_cohort", "by_event_time", "pretrends"):
        one = getattr(fitted(study_of(began, levels), vcov="HC0", model="additive"), found)(Shapley())
        other = getattr(fitted(twice, vcov="CR0", cluster="village", model="additive"), found)(Shapley())
        np.testing.assert_allclose(one.cov(), other.cov(), atol=1e-12)
        assert other.n_clusters == 240


def test_targets_share_the_credits_and_differ_in_their_errors(noisy: tuple[Array, Array, Study]) -> None:
    """Effects differ between cohorts, so future people vary more; the luck of these people is no error of theirs."""
    joint = {name: fitted(noisy[2], target=name).joint(Shapley()) for name in ("realized", "sample", "population")}
    for found in joint.values():
        np.testing.assert_allclose(found.values, joint["sample"].values, atol=1e-12)
    assert (joint["realized"].std_error < joint["sample"].std_error).all()
    assert (joint["sample"].std_error < joint["population"].std_error).all()


# --- earlier trends ---------------------------------------------------------------------------------------------------


def test_earlier_trends_of_one_provider_by_hand(single: tuple[Array, Array, Study]) -> None:
    first, levels, study = single
    placebo = fitted(study).pretrends(Shapley())
    assert placebo.terms == ("-3: north", "-3: gain", "-2: north", "-2: gain")
    effect = {}
    for g, s in ((2, 0), (3, 1), (3, 0)):
        change = levels[:, s] - levels[:, g - 1]
        effect[g, s] = change[first == g].mean() - change[first == NEVER].mean()
    two = np.average([effect[2, 0], effect[3, 1]], weights=[(first == 2).sum(), (first == 3).sum()])
    np.testing.assert_allclose(placebo.values, [effect[3, 0], effect[3, 0], two, two], atol=1e-12)
    assert placebo.diagnostics["directions"] == 2
    assert placebo.diagnostics["p_value"] > 0.01
    assert "trends without services only" in placebo.estimand


def test_different_earlier_trends_are_found(single: tuple[Array, Array, Study]) -> None:
    first, levels, _ = single
    drifting = levels + np.where(first < NEVER, 0.5, 0.0)[:, None] * np.arange(NEVER)
    placebo = fitted(study_of(first[:, None], drifting, ("north",))).pretrends(Shapley())
    assert placebo.diagnostics["p_value"] < 1e-4


def test_earlier_trends_cannot_see_that_strong_parallel_trends_fail() -> None:
    """Whoever had both would have gained more from north alone: credits are wrong, the total and equal split are right."""

    def selected(active: Array, first: Array, period: int) -> Array:
        return constant(active, first, period) + 2.0 * active.all(axis=1)

    names = ("north", "south")
    began = roll_out(31, 4_000, names, joins=0.0)
    fit = fitted(study_of(began, outcomes_of(began, selected, 32, 1.0), names))
    # The extra gain is north's alone, in people who also had south; seen from outside it looks like a joint effect.
    both = np.mean([(began <= t).all(axis=1).mean() for t in (1, 2, 3)])
    truth = np.array(
        [np.mean([(began <= t)[:, j].mean() for t in (1, 2, 3)]) * own for j, own in enumerate((1.0, 0.5))]
    )
    truth[0] += 2.0 * both
    credits = fit.joint(Shapley())
    assert fit.pretrends(Shapley()).diagnostics["p_value"] > 0.05
    assert abs(credits.values[-1] - truth.sum()) < 3 * credits.std_error[-1]
    assert abs(credits.values[0] - truth[0]) > 8 * credits.std_error[0]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base() -> tuple[Array, Array]:
    began = roll_out(41, 300)
    return began, outcomes_of(began, constant, 42, 1.0)


def refused(
    code: str, study: Study, call: Callable[[PanelContributionFit], Any] = lambda fit: fit, **terms: Any
) -> str:
    with pytest.raises(CounterfoilError) as caught:
        call(fitted(study, **terms))
    assert code in caught.value.codes
    return str(caught.value)


def test_nobody_to_compare_with_is_refused(base: tuple[Array, Array]) -> None:
    began, levels = base
    served = (began < NEVER).any(axis=1)
    study = study_of(began[served], levels[served])
    assert "comparison: not_yet" in refused("IDENT-004", study)
    # The last people to enter have nobody left to be compared with, and say so; without their periods they are compared.
    assert "cohort 2020, period 2021" in refused("IDENT-004", study, comparison="not_yet")
    short = {"2019": "2019-01-01", "2020": "2020-01-01"}
    fit = fitted(study, periods=short, until="2021-01-01")
    assert fit.entry.cohorts == (1,)
    assert np.isfinite(fit.total().values).all()


def test_no_period_before_entry_is_refused_or_left_out(base: tuple[Array, Array]) -> None:
    began, levels = base
    early = began.copy()
    early[:12, 0] = 0
    study = study_of(early, levels)
    assert "12 people" in refused("IDENT-017", study)
    fit = fitted(study, missing="drop")
    assert fit.sample.counts == {"people_in": 300, "people_used": 288, "a period before entry": 12}
    assert [problem.code for problem in fit.total().warnings if problem.code == "EST-007"] == ["EST-007"]
    alone = fitted(study_of(early[12:], levels[12:]))
    np.testing.assert_allclose(fit.joint(Shapley()).values, alone.joint(Shapley()).values, atol=1e-12)


def test_no_period_before_the_baseline_has_no_earlier_trends(wide: pd.DataFrame) -> None:
    fit = PanelContribution.model_validate(TWO).fit(wide)
    with pytest.raises(CounterfoilError, match="IDENT-017"):
        fit.pretrends(Shapley())
    longer = wide.assign(earlier=wide["before"] - 1.0)
    spec = PanelContribution.model_validate({**TWO, "before": ("earlier",)})
    np.testing.assert_allclose(spec.fit(longer).pretrends(Shapley()).values, 0.0, atol=1e-12)
    np.testing.assert_allclose(spec.fit(longer).total().values, fit.total().values, atol=1e-12)


def test_missing_dates_are_refused(base: tuple[Array, Array]) -> None:
    study = study_of(*base)
    assert study.services is not None
    for services, code in (
        (study.services.drop(columns="start"), "DATA-004"),
        (study.services.assign(start=study.services["start"].where(study.services.index > 2)), "DATA-014"),
    ):
        people, outcomes = study.people, study.outcomes
        refused(code, Study.from_tables(people, services=services, outcomes=outcomes))
    refused("DATA-019", Study.from_tables(study.people, outcomes=study.outcomes), providers=NAMES)


def test_provider_that_nobody_met_is_refused(base: tuple[Array, Array]) -> None:
    assert "'east'" in refused("IDENT-005", study_of(*base), providers=(*NAMES, "east"))


def test_pattern_that_nobody_of_the_cohort_had_is_named(base: tuple[Array, Array]) -> None:
    began, levels = base
    only = ((began == 2).sum(axis=1) == 1) & (began.min(axis=1) == 2) & (began[:, 1] == 2)
    study = study_of(began[~only], levels[~only])
    text = refused("IDENT-002", study, lambda fit: fit.apply(Shapley()))
    assert "cohort 2021, period 2021" in text
    assert np.isfinite(fitted(study).apply(EqualSplit()).values).all()


def test_missing_outcomes_are_refused_or_left_out(base: tuple[Array, Array]) -> None:
    began, levels = base
    gaps = levels.copy()
    gaps[5, 2] = gaps[6, 0] = np.nan
    study = study_of(began, gaps)
    assert "period '2019'" in refused("DATA-008", study)
    kept = fitted(study, missing="drop")
    assert kept.sample.counts["people_used"] == 298
    refused("DATA-012", study_of(began, levels), periods={**PERIODS, "2023": "2023-01-01"})


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"baseline": "2019"},
        {"periods": PERIODS, "baseline": "2019", "period": "2020"},
        {"periods": PERIODS, "before": ("2018",)},
        {"periods": {"2019": "2019-01-01"}},
        {"periods": {"2020": "2020-01-01", "2019": "2019-01-01"}},
        {"periods": PERIODS, "until": "2021-01-01"},
        {"baseline": "2019", "period": "2020", "until": "2021-01-01"},
        {"baseline": "2019", "period": "2019"},
        {"baseline": "2019", "period": "2020", "providers": ("north", "north")},
        {"periods": PERIODS, "vcov": "classical"},
    ],
)
def test_terms_that_contradict_each_other_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PanelContribution.model_validate(terms)
