from pathlib import Path

import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.contract import Contract


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
