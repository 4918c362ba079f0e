import json

import causaldata
import numpy as np
import pytest

import counterfoil as cf
from counterfoil.datasets import EXAMPLES, example_folder, simulate_cradle, simulate_rollout


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_complete(name: str) -> None:
    folder = example_folder(name)
    assert {"people.csv", "outcomes.csv", "contract.yaml", "datapackage.json", "README.md", "LICENSE"} <= {
        path.name for path in folder.iterdir()
    }
    study = cf.datasets.load(name)
    promised = {r["path"]: r["hash"] for r in json.loads((folder / "datapackage.json").read_text("utf-8"))["resources"]}
    assert {f"sha256:{digest}" for digest in study.digests.values()} == set(promised.values())


def test_nsw_is_the_published_file() -> None:
    data = causaldata.nsw_mixtape.load_pandas().data
    study = cf.datasets.load("nsw")
    assert np.array_equal(study.outcome("earnings"), data["re78"].astype(float))
    assert np.array_equal(study.arm(), data["treat"] == 1)


def test_rice_is_the_published_file() -> None:
    data = causaldata.social_insure.load_pandas().data
    study = cf.datasets.load("rice")
    assert np.array_equal(study.outcome("takeup"), data["takeup_survey"])
    assert np.array_equal(study.roster(["default", "intensive"]).exposure, data[["default", "intensive"]] == 1)
    assert study.people["address"].tolist() == data["address"].tolist()


def test_rossi_has_its_published_counts(rossi: cf.Study) -> None:
    arm, arrest = rossi.arm(), rossi.outcome("arrest")
    assert (arm.sum(), (~arm).sum(), arrest[arm].sum(), arrest[~arm].sum()) == (216, 216, 48, 66)


def test_cradle_is_what_its_simulator_draws() -> None:
    drawn, shipped = simulate_cradle(), cf.datasets.load("cradle")
    assert np.array_equal(drawn.study.outcome("readiness"), shipped.outcome("readiness"))
    assert np.array_equal(drawn.study.roster().exposure, shipped.roster().exposure)
    one, other = drawn.study.roster().dose, shipped.roster().dose
    assert one is not None
    assert other is not None
    assert np.array_equal(one, other)


def test_cradle_deals_every_pattern_to_sixty_children_and_more_services_to_needier_families() -> None:
    study = simulate_cradle(size=2_000, seed=5).study
    players = [name for name in study.providers if name != "backbone"]
    roster = study.roster(players)
    patterns, index = roster.patterns()
    assert len(patterns) == 32
    assert np.bincount(index).min() >= 60
    assert np.corrcoef(roster.exposure.sum(axis=1), study.people["need"])[0, 1] > 0.3
    assert study.roster(["backbone"]).exposure.all()


def test_cradle_truth_is_own_effect_plus_half_the_pair() -> None:
    drawn = simulate_cradle(size=3_000, seed=1)
    order = ["home_visiting", "early_learning", "tutoring", "mentoring", "family_coaching"]
    served = drawn.study.roster(order).exposure
    both = (served[:, 1] & served[:, 2]).mean()
    expected = served.mean(axis=0) * [4.0, 3.0, 2.0, 1.5, 0.0] + [0, 1.5 * both, 1.5 * both, 0, 0]
    np.testing.assert_allclose(drawn.credits, expected)
    assert drawn.credits[4] == 0


def test_unknown_example_names_the_nearest() -> None:
    with pytest.raises(cf.CounterfoilError, match="did you mean 'rossi'"):
        cf.datasets.load("rosi")


def test_rollout_is_what_its_simulator_draws_and_its_truth_is_the_mean_over_years_since_opening() -> None:
    drawn = simulate_rollout()
    folder = cf.datasets.example_folder("cradle").parent / "rollout"
    packaged = cf.read_study(folder)
    assert packaged.people.equals(drawn.study.people)
    assert np.array_equal(
        packaged.outcome("days_after", complete=False),
        drawn.study.outcome("days_after", complete=False),
        equal_nan=True,
    )
    opened = drawn.study.people["opened"]
    exact = opened.map(
        {2019.0: (12 + 18 + 22 + 24 + 24) / 5, 2020.0: (12 + 18 + 22 + 24) / 4, 2021.0: (12 + 18 + 22) / 3}
    )
    assert drawn.effect == pytest.approx(exact.mean())
    assert (drawn.study.people["assigned"].notna() == (drawn.study.people["centre"] <= "centre-10")).all()
