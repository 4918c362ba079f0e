"""Write the tables and descriptions of the packaged examples.

Run by hand when an example changes: ``python tests/reference/make_examples.py path/to/rossi.csv`` with causaldata
installed. rossi.csv comes from lifelines, which is installed apart because it asks for an older pandas.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from counterfoil.datasets import simulate_cradle, simulate_rollout

DATA = Path(__file__).parents[2] / "datasets" / "data"
MIT = [{"name": "MIT", "path": "https://opensource.org/license/mit", "title": "MIT License"}]


def write(name: str, tables: dict[str, pd.DataFrame], title: str, sources: list[str], **own: Any) -> None:
    folder = DATA / name
    resources = []
    for table, frame in tables.items():
        path = folder / f"{table}.csv"
        frame.to_csv(path, index=False, lineterminator="\n")
        fields = [
            {"name": column, "type": "number" if pd.api.types.is_numeric_dtype(frame[column]) else "string"}
            for column in frame.columns
        ]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        resources.append(
            {
                "name": table,
                "path": path.name,
                "format": "csv",
                "hash": f"sha256:{digest}",
                "schema": {"fields": fields},
            }
        )
    description: dict[str, Any] = {
        "name": name,
        "title": title,
        "licenses": MIT,
        "sources": [{"title": source} for source in sources],
        "resources": resources,
    }
    if own:
        description["counterfoil"] = own
    (folder / "datapackage.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def ids(letter: str, size: int) -> list[str]:
    return [f"{letter}{number:04d}" for number in range(1, size + 1)]


def long(person: list[str], name: str, value: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"person": person, "outcome": name, "value": value.to_numpy()})


def nsw() -> None:
    from causaldata import nsw_mixtape

    data = nsw_mixtape.load_pandas().data
    person = ids("n", len(data))
    columns = ["treat", "age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75"]
    people = data[columns].astype(float).rename(columns={"treat": "assigned"})
    people = people.astype(dict.fromkeys(columns[1:7], int) | {"assigned": int})
    people.insert(0, "person", person)
    tables = {"people": people, "outcomes": long(person, "earnings", data["re78"].astype(float))}
    write(
        "nsw",
        tables,
        "National Supported Work: job training, randomized",
        [
            "LaLonde, R. (1986), American Economic Review 76(4), 604-620",
            "Dehejia, R. and Wahba, S. (1999), Journal of the American Statistical Association 94(448), 1053-1062",
            "causaldata 0.1.5 (MIT), data set nsw_mixtape",
        ],
    )


def rice() -> None:
    from causaldata import social_insure

    data = social_insure.load_pandas().data
    person = ids("r", len(data))
    columns = [
        "address",
        "village",
        "male",
        "age",
        "agpop",
        "ricearea_2010",
        "literacy",
        "risk_averse",
        "disaster_prob",
    ]
    people = data[columns].copy()
    people.insert(0, "person", person)
    services = pd.concat(
        pd.DataFrame({"person": np.array(person)[data[name].to_numpy() == 1], "provider": name})
        for name in ("default", "intensive")
    )
    services = services.sort_values(["person", "provider"])
    tables = {"people": people, "services": services, "outcomes": long(person, "takeup", data["takeup_survey"])}
    write(
        "rice",
        tables,
        "Rice insurance outreach: two overlapping interventions, randomized",
        [
            "Cai, J., de Janvry, A. and Sadoulet, E. (2015), American Economic Journal: Applied Economics 7(2), 81-108",
            "causaldata 0.1.5 (MIT), data set social_insure",
        ],
    )


def rossi(path: str) -> None:
    data = pd.read_csv(path)
    person = ids("p", len(data))
    people = data[["fin", "age", "race", "wexp", "mar", "paro", "prio"]].rename(columns={"fin": "assigned"})
    people.insert(0, "person", person)
    tables = {"people": people, "outcomes": long(person, "arrest", data["arrest"])}
    write(
        "rossi",
        tables,
        "Transitional aid for released prisoners (TARP), randomized",
        [
            "Rossi, P. H., Berk, R. A. and Lenihan, K. J. (1980), Money, Work, and Crime, Academic Press",
            "lifelines 0.30.3 (MIT), data set rossi",
        ],
    )


def cradle(name: str = "cradle", size: int = 4_000, seed: int = 2024) -> None:
    study = simulate_cradle(size, seed).study
    if study.services is None or study.outcomes is None:
        raise ValueError("the simulator returns all three tables")
    services = study.services.copy()
    for column in ("start", "end"):
        services[column] = services[column].dt.strftime("%Y-%m-%d")
    services["dose"] = services["dose"].astype(int)
    outcomes = study.outcomes.drop(columns="period")
    write(
        name,
        {"people": study.people, "services": services, "outcomes": outcomes},
        study.title,
        [f"simulated: counterfoil.datasets.simulate_cradle(size={size}, seed={seed})"],
        window={"start": "2024-09-02", "end": "2025-06-13"},
    )


def rollout(size: int = 960, seed: int = 2026) -> None:
    study = simulate_rollout(size, seed).study
    if study.outcomes is None:
        raise ValueError("the simulator returns outcomes")
    people = study.people.assign(**{name: study.people[name].astype("Int64") for name in ("age", "assigned", "opened")})
    write(
        "rollout",
        {"people": people, "outcomes": study.outcomes},
        study.title,
        [f"simulated: counterfoil.datasets.simulate_rollout(size={size}, seed={seed})"],
    )


def starter(size: int = 240, seed: int = 7) -> None:
    """Two clubs that tutor overlapping pupils, dealt out by lottery."""
    rng = np.random.default_rng(seed)
    person = [f"pupil-{number:03d}" for number in range(1, size + 1)]
    exposure = np.tile([[0, 0], [1, 0], [0, 1], [1, 1]], (size // 4, 1))[rng.permutation(size)]
    days = np.clip(np.round(80 + exposure @ [3.0, 2.0] + 6 * rng.normal(size=size)), 0, 100).astype(int)
    row, column = np.nonzero(exposure)
    services = pd.DataFrame(
        {
            "person": np.array(person)[row],
            "provider": np.array(["reading_club", "family_visits"])[column],
            "start": "2025-09-08",
            "end": "2026-06-19",
            "dose": rng.integers(5, 31, size=len(row)),
        }
    )
    school = rng.integers(1, 13, size=size)
    people = pd.DataFrame({"person": person, "school": [f"school-{number:02d}" for number in school]})
    tables = {"people": people, "services": services, "outcomes": long(person, "attendance", pd.Series(days))}
    write(
        "starter",
        tables,
        "Attendance clubs (an invented starter study)",
        ["invented"],
        window={"start": "2025-09-01", "end": "2026-06-30"},
    )
    description = DATA / "starter" / "datapackage.json"
    plain = json.loads(description.read_text("utf-8"))
    for resource in plain["resources"]:
        del resource["hash"]  # the starter is there to be edited
    description.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    nsw()
    rice()
    if len(sys.argv) > 1:
        rossi(sys.argv[1])
    cradle()
    rollout()
    starter()
