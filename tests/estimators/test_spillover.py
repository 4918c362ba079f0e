"""Spillovers are found where they are, and not where they are not; sites as units credit what spills over inside them."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, DoseResponse
from counterfoil.estimators.spillover import site_level, spillover


def towns(seed: int, near: float, sites: int = 80, size: int = 40) -> Study:
    """Draw towns in which provider a's reach varies; unserved people gain ``near`` when all others are served by a."""
    rng = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), size)
    reach = rng.uniform(0.0, 0.6, (sites, 2))
    served = rng.random((sites * size, 2)) < reach[site]
    around = np.array([served[site == s].mean(axis=0) for s in range(sites)])[site]
    y = served @ [0.5, 0.3] + near * around[:, 0] + 0.2 * rng.normal(size=sites)[site] + rng.normal(size=sites * size)
    frame = pd.DataFrame(served.astype(int), columns=["a", "b"]).assign(site=site, y=y)
    return Study.from_frame(frame, providers=["a", "b"], outcomes=["y"])


def test_a_spillover_is_found_and_belongs_to_its_provider() -> None:
    found, p_value = spillover(towns(1, near=1.0), "site")
    assert p_value < 0.01
    low, high = found.interval().T
    assert low[0] > 0
    assert low[0] < 1.0 < high[0]
    assert low[1] < 0 < high[1]
    assert (found.error_type, found.n_clusters) == ("CR1", 80)


def test_where_there_is_none_the_test_keeps_its_size() -> None:
    p_values = [spillover(towns(seed, near=0.0, sites=40, size=20), "site")[1] for seed in range(120)]
    assert np.mean(np.array(p_values) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)


def test_sites_as_units_credit_what_spills_over() -> None:
    study = towns(2, near=1.0)
    by_person = Contribution(providers=("a", "b"), model="additive", cluster="site").fit(study).total()
    sites = site_level(study, "site")
    by_site = DoseResponse(providers=("a", "b"), degree=1, interactions=False).fit(sites)
    share = study.roster().exposure.mean(axis=0)
    truth = share @ [1.5, 0.3]
    assert abs(by_site.total().values[0] - truth) < 3 * by_site.total().std_error[0]
    assert by_person.values[0] < truth - 0.1  # people without services are compared who gained too
    dose = sites.roster().dose
    assert dose is not None
    np.testing.assert_allclose(dose.mean(axis=0), share)


def test_what_it_refuses() -> None:
    study = towns(3, near=0.0, sites=3, size=10)
    everybody = study.people[["site"]].assign(a=1, b=1, y=0.0)
    with pytest.raises(CounterfoilError, match="IDENT-004"):
        spillover(Study.from_frame(everybody, providers=["a", "b"], outcomes=["y"]), "site")
    one = study.people[["site"]].assign(site=1, a=[1] * 15 + [0] * 15, y=0.0)
    with pytest.raises(CounterfoilError, match="IDENT-006"):
        spillover(Study.from_frame(one, providers=["a"], outcomes=["y"]), "site")
