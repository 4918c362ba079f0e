"""The order of two providers turns exactly where a confounder's bound meets the difference of their credits."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import Shapley, attribute
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, ContributionFit, covariate_strength, omitted_variable
from counterfoil.estimators.sensitivity.order_flips import credit_benchmarks, order_flips
from counterfoil.estimators.sensitivity.strength import as_strong_as

NAMES = ("a", "b", "c")


def study(seed: int = 2, size: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    need, town = rng.normal(size=size), rng.integers(0, 2, size)
    served = (rng.random((size, 3)) < 1 / (1 + np.exp(-0.6 * need[:, None] + np.array([0, 0.3, 0.6])))).astype(int)
    days = 10 + served @ [3.0, 2.0, 0.5] - 2 * need + 0.2 * town + rng.normal(0, 3, size)
    return pd.DataFrame(served, columns=list(NAMES)).assign(need=need, town=town, days=days)


def fitted(**terms: object) -> ContributionFit:
    asked = {"outcome": "days", "providers": NAMES, "design": "unconfounded", "covariates": ("need", "town")}
    return Contribution.model_validate({**asked, "model": "additive", **terms}).fit(study())


def test_order_turns_where_the_bound_meets_the_difference() -> None:
    fit, rule = fitted(), Shapley()
    found = order_flips(fit, rule)
    bounds = omitted_variable(fit, rule)
    credits = dict(zip(NAMES, fit.apply(rule).values, strict=True))
    assert len(found.pairs) == 3
    assert [pair.strength for pair in found.pairs] == sorted(pair.strength for pair in found.pairs)
    for pair in found.pairs:
        assert credits[pair.provider] >= credits[pair.other]
        assert pair.difference == pytest.approx(credits[pair.provider] - credits[pair.other])
        term = f"{min(pair.provider, pair.other)} - {max(pair.provider, pair.other)}"
        place = bounds.terms.index(term)
        assert bounds.bound(pair.strength, pair.strength)[place] == pytest.approx(pair.difference)
        assert pair.multiple is not None
        direction = np.array([float(name == pair.provider) - float(name == pair.other) for name in (*NAMES, "gain")])
        (like,) = (one for one in credit_benchmarks(fit, rule).of(direction, term) if one.covariate == pair.covariate)
        there = like.times(pair.multiple) if pair.multiple * like.odds_treatment < 1 else None
        assert there is not None
        assert bounds.bound(there.r2_outcome, there.r2_treatment)[place] == pytest.approx(pair.difference)
    assert found.tidy()["strength"].tolist() == [pair.strength for pair in found.pairs]
    assert "flips at strength" in found.lines()[0]
    assert "order of credits" in repr(found)
    assert "<table" in found._repr_html_()


def test_lower_is_better_turns_the_places_over() -> None:
    fit, rule = fitted(), Shapley()
    higher, lower = order_flips(fit, rule), order_flips(fit, rule, better="lower")
    assert [(p.provider, p.other) for p in higher.pairs] == [(p.other, p.provider) for p in lower.pairs]
    assert [p.strength for p in higher.pairs] == [p.strength for p in lower.pairs]


def test_benchmarks_of_single_terms_are_those_of_covariate_strength() -> None:
    fit, rule = fitted(), Shapley()
    table = covariate_strength(fit, rule, study())
    found = credit_benchmarks(fit, rule)
    assert found.terms == (*NAMES, "gain")
    for place, term in enumerate(found.terms):
        for one in found.of(np.eye(4)[place], term):
            row = table[(table["covariate"] == one.covariate) & (table["term"] == term)].iloc[0]
            assert one.r2_outcome == pytest.approx(row["r2_outcome"])
            assert one.r2_treatment == pytest.approx(max(0.0, row["r2_riesz"]))
    assert found.of_gain() == found.of(np.eye(4)[3], "gain")


def test_an_order_that_is_not_shown_is_said_so_and_large_multiples_are_not_numbered() -> None:
    frame = study().assign(days=lambda f: f["days"] - 0.98 * f["a"] + 0.02 * f["b"])
    fit = Contribution(
        outcome="days", providers=NAMES, design="unconfounded", covariates=("need",), model="additive"
    ).fit(frame)
    weakest = order_flips(fit, Shapley()).pairs[0]
    assert weakest.interval_strength == 0
    assert weakest.sentence().endswith("not shown by the data as it is")
    assert as_strong_as("need", 5000.0) == "more than 100 times as strong as need"
    bare = order_flips(fitted(covariates=()), Shapley())
    assert bare.pairs[0].covariate is None
    assert "as strong" not in bare.pairs[0].sentence()


def test_bad_input_is_refused() -> None:
    rule = attribute(fitted()).rule
    with pytest.raises(CounterfoilError, match="EST-015"):
        credit_benchmarks(fitted(covariates=()), rule)
    with pytest.raises(CounterfoilError, match="EST-015"):
        credit_benchmarks(fitted(), rule, ["age"])
