import itertools
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.datasets import EXAMPLES, example_folder
from counterfoil.errors import ContractError

GOOD = """\
counterfoil: 1
name: Jobs
currency: USD
parties:
  north: {role: provider}
  south: {role: provider}
  hub:   {role: backbone}
  city:  {role: outcome_payer}
effects:
  jobs:
    outcome: jobs
    better: higher
    estimator: {kind: contribution, model: additive}
    gate: {total_above: 0}
    split: {rule: shapley, carve_outs: {hub: "0.05"}}
payments:
  - {effect: jobs, per: person, price: "40.10"}
  - {cap: "5000.00", scope: contract}
"""


def read(folder: Path, text: str) -> Contract:
    path = folder / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    return cf.read_contract(path)


def problems(folder: Path, text: str) -> list[tuple[str, str, str]]:
    with pytest.raises(ContractError) as caught:
        read(folder, text)
    return [(problem.code, problem.where, problem.what) for problem in caught.value.problems]


def test_good_contract(tmp_path: Path) -> None:
    contract = read(tmp_path, GOOD)
    assert contract.players == ("north", "south")
    assert str(contract.payments[0].price) == "40.10"  # type: ignore[union-attr]
    assert contract.where("payments", 0, "price") == "contract.yaml, line 17, column 33"


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "said"),
    [
        ("currency: USD", "curency: USD", "CONTRACT-004", 3, "did you mean 'currency'"),
        ("model: additive", "modle: additive", "CONTRACT-004", 13, "did you mean 'model'"),
        ("effect: jobs,", "efect: jobs,", "CONTRACT-004", 17, "did you mean 'effect'"),
        ("model: additive", "model: aditive", "CONTRACT-007", 13, "did you mean 'additive'"),
        ("kind: contribution", "kind: contrbution", "CONTRACT-007", 13, "did you mean 'contribution'"),
        ("kind: contribution, ", "", "CONTRACT-005", 13, "`kind`"),
        ("rule: shapley", "rule: shaply", "CONTRACT-007", 15, "did you mean 'shapley'"),
        ("rule: shapley", "rule: last_in", "CONTRACT-014", 15, "do not sum"),
        ("better: higher\n", "\n", "CONTRACT-005", 10, "`better` is missing"),
        ("total_above: 0", "total_above: nothing", "CONTRACT-006", 14, "should be a number"),
        ("total_above: 0", "conf_level: 1.5", "CONTRACT-007", 14, "less than 1"),
        ("total_above: 0", "total_above: .nan", "CONTRACT-006", 14, "number"),
        ('"40.10"', '"-40.10"', "CONTRACT-011", 17, "negative"),
        ('"40.10"', '"40.105"', "CONTRACT-012", 17, "decimals of USD"),
        ('"40.10"', '"4,010.00"', "CONTRACT-006", 17, "thousands separator"),
        ('"40.10"', '"nan"', "CONTRACT-006", 17, "exponent"),
        ('"40.10"', '"1e30"', "CONTRACT-006", 17, "exponent"),
        ('"40.10"', "１２.５０", "CONTRACT-006", 17, "exponent"),
        ('"40.10"', '"9999999999999999999"', "CONTRACT-006", 17, "fifteen digits"),
        ("gate: {total_above: 0}", "gate:", "CONTRACT-005", 14, "has no value"),
        ("name: Jobs", 'name: "a\\u0000b"', "CONTRACT-002", 2, "control character"),
        ("name: Jobs", 'name: "\\ud800"', "CONTRACT-002", 2, "control character"),
        ('"5000.00"', '"-1"', "CONTRACT-011", 18, "negative"),
        ("currency: USD", "currency: USX", "CONTRACT-013", 3, "USX"),
        ("effect: jobs,", "effect: job,", "CONTRACT-010", 17, "did you mean 'jobs'"),
        ('hub: "0.05"', 'hubb: "0.05"', "CONTRACT-010", 15, "did you mean 'hub'"),
        ('hub: "0.05"', 'north: "0.05"', "CONTRACT-016", 15, "shares the gain already"),
        ('hub: "0.05"', 'hub: "1.05"', "CONTRACT-016", 15, "exceed"),
        ("role: outcome_payer", "role: investor", "CONTRACT-018", 17, "0 outcome payers"),
        ("model: additive", "scope: everyone", "CONTRACT-017", 17, "scope everyone"),
        ("kind: contribution, model: additive", "kind: experiment", "CONTRACT-016", 15, "no credits to split"),
        ("model: additive", "cluster: site, vcov: HC2", "CONTRACT-016", 13, "ignores the clusters"),
        ("scope: contract", "scope: effect", "CONTRACT-016", 18, "names its `effect:`"),
        ("price: ", "to: north, price: ", "CONTRACT-016", 17, "one receiver"),
        ("counterfoil: 1", "counterfoil: 2", "CONTRACT-009", 1, "must be 1"),
        ("parties:", "currency: EUR\nparties:", "CONTRACT-003", 4, "first in line 3"),
        ("parties:", "parties: &all", "CONTRACT-008", 4, "anchor"),
        ("name: Jobs", "name: !!str Jobs", "CONTRACT-008", 2, "tag"),
        ("name: Jobs", "name: [Jobs", "CONTRACT-002", 3, ""),
        ("  - {cap", "  - 7\n  - {cap", "CONTRACT-006", 18, "`key: value` terms"),
        ("parties:", "parties: none\nprties:", "CONTRACT-006", 4, "`key: value` terms"),
    ],
)  # fmt: skip
def test_problem_says_what_and_where(tmp_path: Path, old: str, new: str, code: str, line: int, said: str) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new))
    match = [what for found_code, where, what in found if found_code == code and f"line {line}," in where]
    assert match, found
    assert any(said in what for what in match), found


def test_all_problems_are_reported_at_once_in_order(tmp_path: Path) -> None:
    text = GOOD.replace("better: higher", "better: up").replace("currency", "curency").replace('"5000.00"', "lots")
    found = problems(tmp_path, text)
    lines = [int(where.split("line ")[1].split(",")[0]) for _, where, _ in found]
    assert {code for code, _, _ in found} == {"CONTRACT-004", "CONTRACT-005", "CONTRACT-006", "CONTRACT-007"}
    assert lines == sorted(lines)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe\x00", b"a: \x00", b"? [a]\n: b", b"---\na: 1\n---\nb: 1"])
def test_what_is_no_contract_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "contract.yaml"
    path.write_bytes(content)
    with pytest.raises(ContractError):
        cf.read_contract(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(ContractError) as caught:
            cf.read_contract(path)
        assert caught.value.codes == ("CONTRACT-001",)


def test_text_stays_text(tmp_path: Path) -> None:
    """YAML would read these as 40.1, False and 750."""
    contract = read(tmp_path, GOOD.replace("name: Jobs", "name: no").replace('"40.10"', "40.10"))
    assert contract.name == "no"
    assert str(contract.payments[0].price) == "40.10"  # type: ignore[union-attr]


def test_every_example_fits_the_schema() -> None:
    schema = cf.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in (*EXAMPLES, "starter"):
        jsonschema.validate(yaml.safe_load((example_folder(name) / "contract.yaml").read_text("utf-8")), schema)
    bad = yaml.safe_load(GOOD) | {"extra": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema)


def _objects(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        return [node, *itertools.chain.from_iterable(map(_objects, node.values()))]
    return list(itertools.chain.from_iterable(map(_objects, node))) if isinstance(node, list) else []


def test_every_key_of_the_schema_says_what_it_means() -> None:
    for node in _objects(cf.json_schema()):
        for key, term in node.get("properties", {}).items():
            assert key == "kind" or "description" in term, key


def test_a_contract_made_in_python_has_a_digest_and_places(tmp_path: Path) -> None:
    contract = Contract.model_validate(yaml.safe_load(GOOD))
    assert contract.digest == Contract.model_validate(yaml.safe_load(GOOD)).digest != read(tmp_path, GOOD).digest
    assert contract.where("effects", "jobs") == "contract: effects.jobs"
    json.dumps(contract.model_dump(mode="json"))


TOGETHER = GOOD.replace("model: additive", "together: [[north, south]]").replace(
    "{rule: shapley,", '{rule: shapley, inside: {north: "0.4", south: "0.6"},'
)


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "said"),
    [
        ("[[north, south]]", "[[north, south], [south, north]]", "CONTRACT-016", 13, "'south' is named twice"),
        ("[[north, south]]", "[[north, north]]", "CONTRACT-016", 13, "'north' is named twice"),
        ("[[north, south]]", "[[north]]", "CONTRACT-016", 13, "fewer than two"),
        ("[[north, south]]", "[[]]", "CONTRACT-016", 13, "fewer than two"),
        ("[[north, south]]", "[[north, soth]]", "CONTRACT-010", 13, "did you mean 'south'"),
        ("[[north, south]]", "[[north, hub]]", "CONTRACT-010", 13, "'hub' is no provider"),
        ("together: [[north, south]]", "model: additive", "CONTRACT-016", 15, "credited by itself"),
        ("together: [[north, south]]", "backbone: [north]", "CONTRACT-016", 13, "shares the gain, and a backbone"),
        ('north: "0.4"', 'north: "0.5"', "CONTRACT-016", 15, "do not sum to one"),
    ],
)
def test_joint_credit_is_agreed_without_gaps(
    tmp_path: Path, old: str, new: str, code: str, line: int, said: str
) -> None:
    assert read(tmp_path, TOGETHER).credits("jobs") == ("north + south",)
    found = problems(tmp_path, TOGETHER.replace(old, new))
    assert any(c == code and f"line {line}," in where and said in what for c, where, what in found), found
