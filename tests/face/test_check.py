from pathlib import Path

import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.rosters import write_rosters


def test_check_needs_no_outcomes(rice_contract: Contract) -> None:
    study = cf.read_study(cf.datasets.example_folder("rice"), outcomes=False)
    found = cf.check(rice_contract, study)
    assert found.refused == ()
    assert "can be answered" in found.summary()
    assert found.patterns is not None
    assert found.patterns["people"].tolist() == ["370", "347", "357", "336"]


def test_check_never_looks_at_outcomes(rice_contract: Contract, rice_frame: pd.DataFrame) -> None:
    studies = [
        cf.Study.from_frame(data, person="person", providers=["default", "intensive"], outcomes=["takeup"])
        for data in (rice_frame, rice_frame.assign(takeup=1.0))
    ]
    texts = [cf.check(rice_contract, study).to_json() for study in studies]
    assert texts[0] == texts[1]


def test_check_foresees_refusals(rice_contract: Contract, rice_frame: pd.DataFrame) -> None:
    served = rice_frame[rice_frame["default"] == 1]
    study = cf.Study.from_frame(served, person="person", providers=["default", "intensive"], outcomes=["takeup"])
    assert [problem.code for problem in cf.check(rice_contract, study).refused] == ["IDENT-004"]


def test_check_suppresses_small_counts(rice_contract: Contract, rice_frame: pd.DataFrame) -> None:
    few = pd.concat([rice_frame[rice_frame["intensive"] == 0], rice_frame[rice_frame["intensive"] == 1][:12]])
    study = cf.Study.from_frame(few, person="person", providers=["default", "intensive"], outcomes=["takeup"])
    found = cf.check(rice_contract, study)
    assert found.patterns is not None
    small = [shown for shown in found.patterns["people"] if shown in {"<11", "suppressed"}]
    assert len(small) == 2


def test_check_refuses_what_does_not_fit(rice_contract: Contract, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("person,adress\n1,a\n2,b\n")
    with pytest.raises(cf.CounterfoilError) as caught:
        cf.check(rice_contract, cf.read_study(tmp_path))
    assert set(caught.value.codes) == {"DATA-004", "DATA-019"}


def test_detectable_amounts_follow_from_the_plan(rice_contract: Contract) -> None:
    found = cf.check(rice_contract, cf.read_study(cf.datasets.example_folder("rice"), outcomes=False))
    frame = found.detectable.set_index("term")
    assert list(frame.index) == ["total gain", "default", "intensive"]
    assert str(frame.loc["default", "payment"]) == "2654.90"
    assert "which would pay 3,336.33 USD" in found.summary()
    unplanned = cf.datasets.example_folder("cradle")
    plain = cf.check(cf.read_contract(unplanned / "contract.yaml"), cf.read_study(unplanned, outcomes=False))
    assert plain.detectable["payment"].isna().all()
    assert "in standard deviations" in plain.summary()


def test_rosters_are_written_for_each_provider_and_never_over_another_file(
    rice_contract: Contract, tmp_path: Path
) -> None:
    study = cf.datasets.load("rice")
    paths = write_rosters(rice_contract, study, tmp_path / "rosters")
    assert [path.name for path in paths] == ["roster-default.csv", "roster-intensive.csv"]
    first = pd.read_csv(paths[0], dtype=str)
    assert list(first.columns) == ["person", "confirmed", "correction"]
    assert len(first) == 683
    with pytest.raises(cf.CounterfoilError) as caught:
        write_rosters(rice_contract, study, tmp_path / "rosters")
    assert set(caught.value.codes) == {"DATA-020"}


def test_a_roster_holds_no_formula(tmp_path: Path) -> None:
    services = pd.DataFrame({"person": ["=cmd", "p2"], "provider": "north", "start": ["2024-01-05", "2024-01-06"]})
    study = cf.Study.from_tables(pd.DataFrame({"person": ["=cmd", "p2"]}), services=services)
    terms = {"counterfoil": 1, "name": "x", "currency": "USD", "parties": {"north": {"role": "provider"}},
             "effects": {"y": {"outcome": "y", "better": "higher", "estimator": {"kind": "contribution"}}}}  # fmt: skip
    (path,) = write_rosters(Contract.model_validate(terms), study, tmp_path)
    assert path.read_text("utf-8").splitlines()[1:] == ["'=cmd,2024-01-05,,", "p2,2024-01-06,,"]


def test_weights_periods_and_every_price_count_in_a_check(rice_frame: pd.DataFrame, rice_contract: Contract) -> None:
    weighted = rice_frame.assign(w=1.0 + (rice_frame["male"] == 1) * 5)
    names = {"person": "person", "providers": ["default", "intensive"], "outcomes": ["takeup"]}
    plain, heavy = (
        cf.check(rice_contract, cf.Study.from_frame(weighted, weights=w, **names)).detectable["detectable"][0]  # type: ignore[arg-type]
        for w in (None, "w")
    )
    assert heavy > plain
    terms = rice_contract.model_dump()
    terms["payments"] = [terms["payments"][0], terms["payments"][0]]
    terms["effects"]["later"] = {
        **terms["effects"]["takeup"],
        "estimator": {**terms["effects"]["takeup"]["estimator"], "period": "6m"},
    }
    twice = cf.check(Contract.model_validate(terms), cf.datasets.load("rice"))
    assert twice.refused == ()
    assert str(twice.detectable["payment"][1]) == "5309.80"


def test_rosters_of_providers_with_like_names_do_not_meet(tmp_path: Path) -> None:
    services = pd.DataFrame({"person": ["p", "q"], "provider": ["North Side", "North_Side"]})
    study = cf.Study.from_tables(pd.DataFrame({"person": ["p", "q"]}), services=services)
    parties = {"North Side": {"role": "provider"}, "North_Side": {"role": "provider"}}
    terms = {"counterfoil": 1, "name": "x", "currency": "USD", "parties": parties,
             "effects": {"y": {"outcome": "y", "better": "higher", "estimator": {"kind": "contribution"}}}}  # fmt: skip
    paths = write_rosters(Contract.model_validate(terms), study, tmp_path)
    assert len(set(paths)) == len(list(tmp_path.iterdir())) == 2
