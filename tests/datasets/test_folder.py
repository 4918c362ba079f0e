import json
from pathlib import Path

import numpy as np
import pytest

from counterfoil.datasets import Study, read_study
from counterfoil.errors import DataError

PEOPLE = "person,age,note\n001,30,x\n002,41,y\n"
SERVICES = "person,provider,start,end,dose\n001,north,2024-01-05,2024-02-01,3\n"
OUTCOMES = "person,outcome,period,value\n001,jobs,1,1\n002,jobs,1,0\n"


def write(folder: Path, **tables: str) -> Path:
    for name, text in {"people": PEOPLE, "services": SERVICES, "outcomes": OUTCOMES, **tables}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def codes(folder: Path) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        read_study(folder)
    return caught.value.codes


def test_ids_keep_their_zeros(tmp_path: Path) -> None:
    study = read_study(write(tmp_path))
    assert study.ids.tolist() == ["001", "002"]
    assert study.people["age"].tolist() == [30.0, 41.0]
    assert study.outcome("jobs").tolist() == [1.0, 0.0]


def test_outcomes_can_stay_unread(tmp_path: Path) -> None:
    write(tmp_path, outcomes="not even,a table\n1\n2,3,4\n")
    assert read_study(tmp_path, outcomes=False).outcomes is None


def test_a_byte_order_mark_and_blank_lines_at_the_end_are_harmless(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, people="\ufeff" + PEOPLE + "\n\n"))
    assert study.n_people == 2


@pytest.mark.parametrize(
    ("tables", "expected", "where"),
    [
        ({"people": "person,age\n"}, "DATA-003", "people.csv"),
        ({"people": ""}, "DATA-003", "people.csv"),
        ({"services": "person,provider\n"}, "DATA-003", "services.csv"),
        ({"outcomes": "person,outcome,value\n"}, "DATA-003", "outcomes.csv"),
        ({"people": "persn,age\n001,3\n"}, "DATA-004", "people.csv"),
        ({"people": PEOPLE + "001,50,z\n"}, "DATA-005", "people.csv, line 4"),
        ({"people": "person,age\n001,30\n002\n"}, "DATA-002", "people.csv, line 3"),
        ({"people": "person,age\n001,30,9\n002,3\n"}, "DATA-002", "people.csv, line 2"),
        ({"people": 'person,age\n001,"30\n002,3\n'}, "DATA-002", "people.csv"),
        ({"people": "person,age,age\n001,30,1\n"}, "DATA-021", "people.csv"),
        ({"services": SERVICES + "003,north,2024-01-05,2024-02-01,3\n"}, "DATA-006", "services.csv, line 3"),
        (
            {"services": "person,provider,start,end\n001,north,5/1/2024,2024-02-01\n"},
            "DATA-007",
            "services.csv, line 2",
        ),
        (
            {"services": "person,provider,start,end\n001,north,2024-03-05,2024-02-01\n"},
            "DATA-009",
            "services.csv, line 2",
        ),
        ({"services": "person,provider,dose\n001,north,-3\n"}, "DATA-017", "services.csv, line 2"),
        ({"services": "person,provider\n001,\n"}, "DATA-014", "services.csv, line 2"),
        ({"outcomes": OUTCOMES.replace(",1\n", ",one\n")}, "DATA-007", "outcomes.csv, line 2"),
        ({"outcomes": OUTCOMES.replace(",1\n", ",inf\n")}, "DATA-008", "outcomes.csv, line 2"),
        ({"outcomes": OUTCOMES + "002,jobs,1,1\n"}, "DATA-012", "outcomes.csv, line 4"),
    ],
)
def test_problem_says_what_and_where(tmp_path: Path, tables: dict[str, str], expected: str, where: str) -> None:
    with pytest.raises(DataError) as caught:
        read_study(write(tmp_path, **tables))
    assert caught.value.codes == (expected,)
    assert caught.value.problems[0].where.startswith(where)


def test_window_bounds_the_services(tmp_path: Path) -> None:
    write(tmp_path)
    window = {"counterfoil": {"window": {"start": "2024-01-10", "end": "2024-12-31"}}}
    (tmp_path / "datapackage.json").write_text(json.dumps(window))
    assert codes(tmp_path) == ("DATA-009",)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"counterfoil": 3}',
        '{"counterfoil": {"clusters": "age"}}',
        '{"counterfoil": {"cluster": ["age"]}}',
        '{"counterfoil": {"windw": {"start": "2024-01-01", "end": "2025-01-01"}}}',
        '{"counterfoil": {"window": {"start": "2024-01-01", "end": "2025-01-01", "stop": "2025-01-01"}}}',
        "[" * 100_000,
        '{"counterfoil": ' + "9" * 5_000 + "}",
        '{"counterfoil": {"window": {"start": "2024"}}}',
        '{"counterfoil": {"window": {"start": "2024-02-01", "end": "2024-01-01"}}}',
        '{"resources": [{"path": "people.csv", "hash": "sha256:00"}]}',
    ],
)
def test_description_must_fit(tmp_path: Path, text: str) -> None:
    write(tmp_path)
    (tmp_path / "datapackage.json").write_text(text)
    assert set(codes(tmp_path)) == {"DATA-011"} or "DATA-009" in codes(tmp_path)


def test_declared_numbers_are_held_to_it(tmp_path: Path) -> None:
    write(tmp_path, people=PEOPLE.replace("30", "thirty"))
    assert isinstance(read_study(tmp_path), Study)  # undeclared: a column of text
    schema = {"fields": [{"name": "age", "type": "integer"}]}
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": [{"path": "people.csv", "schema": schema}]}))
    assert codes(tmp_path) == ("DATA-007",)


def test_missing_folder_and_missing_people(tmp_path: Path) -> None:
    assert codes(tmp_path / "nowhere") == ("DATA-001",)
    assert codes(tmp_path) == ("DATA-001",)


def test_not_text(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "people.csv").write_bytes(b"person,age\n\xff\xfe,3\n")
    assert codes(tmp_path) == ("DATA-002",)


@pytest.mark.parametrize("text", ["NaN", "", "NA"])
def test_a_missing_outcome_is_kept_as_missing_and_refused_when_asked_for(tmp_path: Path, text: str) -> None:
    study = read_study(write(tmp_path, outcomes=OUTCOMES.replace(",1,1\n", f",1,{text}\n")))
    assert np.isnan(study.outcome("jobs", complete=False)).tolist() == [True, False]
    with pytest.raises(DataError) as caught:
        study.outcome("jobs")
    assert caught.value.codes == ("DATA-008",)


def test_a_provider_may_be_called_na(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, services=SERVICES.replace("north", "NA")))
    assert study.providers == ("NA",)


def test_a_file_without_a_header_shows_nobody(tmp_path: Path) -> None:
    write(tmp_path, people="Persons,555-12-3456,555-12-3456\nq,1,2\n")
    with pytest.raises(DataError) as caught:
        read_study(tmp_path)
    assert "555" not in str(caught.value)
    assert "columns 2, 3 have the same name" in str(caught.value)


def test_swapped_columns_show_nobody(tmp_path: Path) -> None:
    people = "".join(f"secret-{k:03d},1\n" for k in range(40))
    write(tmp_path, people="person,age\n" + people, outcomes="outcome,person,value\n" + people.replace(",1", ",jobs,1"))
    with pytest.raises(DataError) as caught:
        read_study(tmp_path)
    assert "secret" not in str(caught.value)


def test_a_table_that_is_a_folder_and_a_blank_date_in_a_window(tmp_path: Path) -> None:
    write(tmp_path, services="person,provider,start\n001,north,\n")
    (tmp_path / "datapackage.json").write_text('\ufeff{"counterfoil": {"window": {"start": "2024-01-01", "end": "2025-01-01"}}}', encoding="utf-8")  # fmt: skip
    assert codes(tmp_path) == ("DATA-009",)
    (tmp_path / "services.csv").unlink()
    (tmp_path / "services.csv").mkdir()
    assert codes(tmp_path) == ("DATA-001",)


def test_places_stand_beside_people_or_alone(tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("place,since\nnorth,2021\nsouth,\n")
    (tmp_path / "indicators.csv").write_text("place,indicator,period,value\nnorth,crimes,2020,3\nsouth,crimes,2020,4\n")
    alone = read_study(tmp_path)
    assert (alone.n_people, alone.outcome_names, alone.outcome("crimes").tolist()) == (2, ("crimes",), [3.0, 4.0])
    (tmp_path / "people.csv").write_text("person\na\nb\n")
    beside = read_study(tmp_path)
    assert beside.outcome_names == ()
    assert beside.places is not None
    assert beside.places.column("since", complete=False).count() >= 1
    blind = read_study(tmp_path, outcomes=False)
    assert blind.places is not None
    assert blind.places.outcomes is None
    assert beside.without_outcomes().places is not None
    (tmp_path / "indicators.csv").write_text("town,indicator,period,value\nnorth,crimes,2020,3\n")
    with pytest.raises(DataError, match="column 'place' is missing"):
        read_study(tmp_path)
