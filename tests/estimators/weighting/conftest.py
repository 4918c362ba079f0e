"""The public cases that weighting is held against."""

from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest

X10 = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")


@pytest.fixture(scope="session")
def training() -> pd.DataFrame:
    """Case 13: 185 people who were trained, and 15,992 of a survey."""
    treated = causaldata.nsw_mixtape.load_pandas().data.query("treat == 1")
    data = pd.concat([treated, causaldata.cps_mixtape.load_pandas().data], ignore_index=True)
    return data.assign(u74=(data["re74"] == 0).astype("int8"), u75=(data["re75"] == 0).astype("int8"))


@pytest.fixture(scope="session")
def smoking() -> pd.DataFrame:
    """Case 14: people who stopped smoking, and others."""
    data = causaldata.nhefs_complete.load_pandas().data
    words = {name: data[name].astype(str) for name in ("sex", "race", "education", "exercise", "active")}
    return data[["wt82_71", "qsmk", "age", "smokeintensity", "smokeyrs", "wt71"]].assign(**words)


@pytest.fixture(scope="session")
def training_terms() -> dict[str, Any]:
    """What is asked of case 13."""
    return {"outcome": "re78", "treated": "treat", "covariates": X10}


@pytest.fixture(scope="session")
def smoking_terms() -> dict[str, Any]:
    """What is asked of case 14."""
    numbers = ("age", "smokeintensity", "smokeyrs", "wt71")
    words = ("sex", "race", "education", "exercise", "active")
    return {"outcome": "wt82_71", "treated": "qsmk", "covariates": (*words, *numbers), "squares": numbers}


@pytest.fixture(scope="session")
def ship() -> pd.DataFrame:
    """Case S6: who survived the Titanic, by class, sex and age."""
    data = causaldata.titanic.load_pandas().data.astype(str)
    cell = data["sex"] + " " + data["age"]
    first = (data["class"] == "1st class").astype(int)
    return pd.DataFrame({"lived": (data["survived"] == "yes").astype(float), "first": first, "cell": cell})


def groups_of(seed: int, size: int = 900) -> pd.DataFrame:
    """Draw three groups, two covariates, observation weights and clusters."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    odds = np.exp(np.column_stack([np.zeros(size), 0.5 * x[:, 0] - 0.3, 0.4 * x[:, 1] - 0.4 * x[:, 0]]))
    group = (rng.random((size, 1)) > (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)).sum(axis=1)
    return pd.DataFrame(
        {
            "group": np.array(["none", "north", "south"])[group],
            "any": (group > 0).astype(int),
            "a": x[:, 0],
            "b": x[:, 1],
            "w": rng.uniform(0.5, 2.0, size),
            "town": rng.integers(0, 40, size),
            "y": x.sum(axis=1) + x[:, 0] ** 2 + 0.5 * group * (1 + x[:, 0]) + rng.normal(size=size),
        }
    )


@pytest.fixture(scope="session")
def groups() -> pd.DataFrame:
    """Three groups, drawn once."""
    return groups_of(5)
