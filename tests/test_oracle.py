"""A naive second implementation, from the raw tables to the cent, that uses nothing of counterfoil."""

import csv
import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.contract import Contract


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def naive_cents(pot: Fraction, credits: dict[str, Fraction]) -> dict[str, int]:
    """Round the pot half up to cents, then divide by largest remainder, ties to the earlier party."""
    cents = int(pot * 100 + Fraction(1, 2))
    quotas = {party: cents * credit / sum(credits.values()) for party, credit in credits.items()}
    parts = {party: int(quota) for party, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda party: quotas[party] - parts[party], reverse=True)
    for party in by_remainder[: cents - sum(parts.values())]:
        parts[party] += 1
    return parts


def naive_credits(
    sets: list[frozenset[str]], value: dict[frozenset[str], Fraction], players: list[str]
) -> dict[str, Fraction]:
    """Average marginal contributions over every order, person by person."""
    credits = dict.fromkeys(players, Fraction(0))
    for served in sets:
        orders = list(itertools.permutations(sorted(served)))
        for order in orders:
            for place, player in enumerate(order):
                step = value[frozenset(order[: place + 1])] - value[frozenset(order[:place])]
                credits[player] += step / len(orders)
    return credits


def naive_rice(folder: Path) -> dict[str, int]:
    outcome = {row["person"]: Fraction(row["value"]) for row in rows(folder, "outcomes")}
    served: dict[str, set[str]] = {person: set() for person in outcome}
    for row in rows(folder, "services"):
        served[row["person"]].add(row["provider"])
    sets = {person: frozenset(had) for person, had in served.items()}
    cells: dict[frozenset[str], list[Fraction]] = {}
    for person, had in sets.items():
        cells.setdefault(had, []).append(outcome[person])
    means = {had: sum(values, Fraction(0)) / len(values) for had, values in cells.items()}
    credits = naive_credits(list(sets.values()), means, ["default", "intensive"])
    return naive_cents(40 * sum(credits.values(), Fraction(0)), credits)


def naive_experiment(folder: Path, price: Fraction, sign: int) -> int:
    outcome = {row["person"]: Fraction(row["value"]) for row in rows(folder, "outcomes")}
    arms: dict[bool, list[Fraction]] = {True: [], False: []}
    for row in rows(folder, "people"):
        arms[float(row["assigned"]) == 1.0].append(outcome[row["person"]])
    gain = sign * (sum(arms[True]) / len(arms[True]) - sum(arms[False]) / len(arms[False]))
    return int(price * gain * len(arms[True]) * 100 + Fraction(1, 2))


def naive_cradle(folder: Path) -> dict[str, int]:
    players = ["home_visiting", "early_learning", "tutoring", "mentoring", "family_coaching"]
    need = {row["person"]: float(row["need"]) for row in rows(folder, "people")}
    outcome = {row["person"]: float(row["value"]) for row in rows(folder, "outcomes")}
    had = {(row["person"], row["provider"]) for row in rows(folder, "services")}
    pairs = list(itertools.combinations(players, 2))
    sets = [frozenset(player for player in players if (person, player) in had) for person in need]
    columns = [[1.0, x, *(float(p in s) for p in players), *(float(set(pair) <= s) for pair in pairs)]
               for x, s in zip(need.values(), sets, strict=True)]  # fmt: skip
    slopes = np.linalg.lstsq(np.array(columns), np.array([outcome[person] for person in need]), rcond=None)[0]
    effect = dict(zip([*map(frozenset, ([p] for p in players)), *map(frozenset, pairs)], slopes[2:], strict=True))
    value = {
        subset: Fraction(sum(float(slope) for part, slope in effect.items() if part <= subset))
        for size in range(6) for subset in map(frozenset, itertools.combinations(players, size))
    }  # fmt: skip
    credits = naive_credits(sets, value, players)
    cents = naive_cents(30 * sum(credits.values(), Fraction(0)), {"all": Fraction(1)})["all"]
    backbone = int(Fraction(cents, 10) + Fraction(1, 2))
    return {"backbone": backbone, **naive_cents(Fraction(cents - backbone, 100), credits)}


def paid(name: str) -> dict[str, int]:
    folder = cf.datasets.example_folder(name)
    settlement = cf.evaluate(cf.read_contract(folder / "contract.yaml"), cf.read_study(folder)).settlement
    assert settlement is not None
    return {party: int(amount * 100) for party, amount in settlement.by_party().items()}


def test_rice_to_the_cent() -> None:
    assert naive_rice(cf.datasets.example_folder("rice")) == paid("rice") == {"default": 291_729, "intensive": 7_298}


@pytest.mark.parametrize(("name", "price", "sign"), [("nsw", Fraction(1, 4), 1), ("rossi", Fraction(5000), -1)])
def test_experiments_to_the_cent(name: str, price: Fraction, sign: int) -> None:
    assert list(paid(name).values()) == [naive_experiment(cf.datasets.example_folder(name), price, sign)]


def test_cradle_to_the_cent() -> None:
    assert naive_cradle(cf.datasets.example_folder("cradle")) == paid("cradle")


def naive_projection(credits: list[float], variance: np.ndarray) -> list[Fraction]:
    """Try every set of credits at zero, and keep the cheapest point that the conditions allow."""
    size, total, inverse = len(credits), sum(credits), np.linalg.inv(variance)
    found: list[tuple[float, list[float]]] = []
    for zero in itertools.chain.from_iterable(itertools.combinations(range(size), k) for k in range(size)):
        free = [j for j in range(size) if j not in zero]
        rows = np.array([[*inverse[j, free], 1.0] for j in free] + [[1.0] * len(free) + [0.0]])
        right = [*(inverse @ credits)[free], total]
        paid = np.zeros(size)
        paid[free] = np.linalg.solve(rows, right)[:-1]
        if paid.min() >= 0:
            move = paid - credits
            found.append((float(move @ inverse @ move), paid.tolist()))
    return [Fraction(value) for value in min(found)[1]]


def lottery_of_three(seed: int = 7, size: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"assigned": rng.integers(0, 2, size)})
    for name, chance in (("a", 0.6), ("b", 0.4), ("c", 0.3)):
        data[name] = ((rng.random(size) < chance) & (data["assigned"] == 1)).astype(int)
    gain = 2.0 * data["a"] + 1.0 * data["b"] - 0.7 * data["c"] + 0.5 * data["a"] * data["b"]
    data["jobs"] = (gain + rng.normal(size=size) * (1 + data["b"])).round(3)
    return data


@pytest.mark.parametrize("weights", ["identity", "precision"])
def test_pot_of_a_lottery_divided_by_precision_to_the_cent(weights: str) -> None:
    data, players = lottery_of_three(), ["a", "b", "c"]
    jobs = [Fraction(str(value)) for value in data["jobs"]]
    sets = [frozenset(name for name in players if row[name]) for row in data.to_dict("records")]
    arms = [[y for y, arm in zip(jobs, data["assigned"], strict=True) if arm == which] for which in (1, 0)]
    pot = 20 * (sum(arms[0]) - sum(arms[1]) * Fraction(len(arms[0]), len(arms[1])))
    cells = {had: [y for y, own in zip(jobs, sets, strict=True) if own == had] for had in set(sets)}
    means = {had: sum(values, Fraction(0)) / len(values) for had, values in cells.items()}
    credits = [float(value) / len(data) for value in naive_credits(sets, means, players).values()]
    variance = np.zeros((3, 3))
    for had, values in cells.items():
        one = naive_credits(sets, {cell: Fraction(int(cell == had)) for cell in cells}, players)
        slope = np.array([float(value) / len(data) for value in one.values()])
        spread = float(sum((y - means[had]) ** 2 for y in values)) / len(values) ** 2
        variance += np.outer(slope, slope) * spread * len(data) / (len(data) - len(cells))
    paid = naive_projection(credits, np.eye(3) if weights == "identity" else variance)
    expected = naive_cents(pot, dict(zip(players, paid, strict=True)))
    assert min(credits) < 0
    terms = {
        "counterfoil": 1, "name": "oracle", "currency": "USD",
        "parties": {**{name: {"role": "provider"} for name in players}, "city": {"role": "outcome_payer"}},
        "effects": {
            "lottery": {"outcome": "jobs", "better": "higher", "estimator": {"kind": "experiment"},
                        "split": {"rule": "shapley", "credits_from": "parts", "projection_weights": weights}},
            "parts": {"outcome": "jobs", "better": "higher", "estimator": {"kind": "contribution"}},
        },
        "payments": [{"effect": "lottery", "per": "person", "price": "20.00"}],
    }  # fmt: skip
    study = cf.Study.from_frame(data, providers=players, outcomes=["jobs"])
    settlement = cf.evaluate(Contract.model_validate(terms), study).settlement
    assert settlement is not None
    assert {party: int(amount * 100) for party, amount in settlement.by_party().items()} == expected
