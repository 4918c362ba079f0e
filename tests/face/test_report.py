"""The report: the same bytes, nothing from outside, everything escaped, small cells withheld, and fit for any screen."""

import html
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.datasets import EXAMPLES, example_folder

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--v=0",
]  # fmt: skip


def evaluation_of(name: str) -> cf.Evaluation:
    folder = example_folder(name)
    return cf.evaluate(cf.read_contract(folder / "contract.yaml"), cf.read_study(folder))


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: evaluation_of(name).report() for name in EXAMPLES}


class Outline(HTMLParser):
    """Collect tags, ids and links, and check that tags close in order."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", EXAMPLES)
def test_page_is_whole_and_self_contained(pages: dict[str, str], name: str) -> None:
    outline = Outline()
    outline.feed(pages[name])
    assert outline.open == []
    tags = [tag for tag, _ in outline.seen]
    assert not {"script", "link", "iframe", "img"} & set(tags)
    assert tags.count("h1") == 1
    assert not re.search(r"https?://|@import|url\((?!#)", pages[name])
    ids = [attrs["id"] for _, attrs in outline.seen if "id" in attrs]
    links = [attrs["href"] for tag, attrs in outline.seen if tag == "a"]
    assert {f"#{name}" for name in ids} >= set(links)
    assert all(attrs.get("aria-label") for tag, attrs in outline.seen if tag == "svg")


def test_sections_stand_in_the_order_in_which_people_decide(pages: dict[str, str]) -> None:
    order = [pages["rice"].index(f'id="{name}"') for name in ("verdict", "trust", "shares", "data", "audit")]
    assert order == sorted(order)
    assert "2,990.27 USD is due from county" in pages["rice"][: order[1]]


@pytest.mark.parametrize("name", EXAMPLES)
def test_same_inputs_same_bytes(pages: dict[str, str], name: str) -> None:
    assert evaluation_of(name).report() == pages[name]


def test_doubtful_assumption_is_shown(pages: dict[str, str]) -> None:
    row = pages["rice"].split("One person&#39;s services do not change")[1][:200]
    assert "doubtful" in row
    assert "doubtful" not in pages["nsw"]


def test_raw_outcomes_are_visibly_wrong_on_cradle(pages: dict[str, str]) -> None:
    """The provider without any effect gets a fifth of raw outcomes and next to nothing of the gain."""
    shares = [float(share) for share in re.findall(r"<title>family_coaching: ([0-9.]+)%</title>", pages["cradle"])]
    assert shares[0] < 3
    assert shares[-1] > 18
    assert "raw outcomes" in pages["cradle"]


EVIL = "<script>alert(1)</script>&\"'"


def evil() -> cf.Evaluation:
    frame = pd.DataFrame({"a": [0, 1] * 40, EVIL: [0, 0, 1, 1] * 20, "jobs": [float(k % 7) for k in range(80)]})
    study = cf.Study.from_frame(frame, providers=["a", EVIL], outcomes=["jobs"], name=EVIL)
    terms = {
        "counterfoil": 1,
        "name": EVIL,
        "currency": "USD",
        "parties": {"a": {"role": "provider", "name": EVIL}, "b": {"role": "provider"}, "city": {"role": "outcome_payer"}},
        "effects": {"jobs": {"outcome": "jobs", "better": "higher", "estimator": {"kind": "contribution"}, "split": {"rule": "shapley"}}},
        "payments": [{"effect": "jobs", "per": "person", "price": "10.00"}],
    }  # fmt: skip
    renamed = cf.Study(
        study.people,
        study.services.assign(provider=study.services["provider"].cat.rename_categories({EVIL: "b"}))
        if study.services is not None else None,
        study.outcomes,
        title=EVIL,
    )  # fmt: skip
    return cf.evaluate(Contract.model_validate(terms), renamed)


def test_every_string_is_escaped() -> None:
    page = evil().report()
    assert "<script" not in page
    assert html.escape("<script>") in page
    assert EVIL not in evil()._repr_html_()


def few(size: int) -> cf.Evaluation:
    """A study in which provider b served few people; every pattern has several."""
    north = [0, 1] * 60
    south = [0] * (120 - size) + [1] * size
    frame = pd.DataFrame(
        {"a": north, "b": south, "c": [0, 0, 1, 1] * 30, "jobs": [float(k % 5) + 2 * north[k] for k in range(120)]}
    )
    parties = {**{name: {"role": "provider"} for name in "abc"}, "city": {"role": "outcome_payer"}}
    effect = {"outcome": "jobs", "better": "higher", "estimator": {"kind": "contribution", "model": "additive"}, "split": {"rule": "shapley"}}  # fmt: skip
    terms = {
        "counterfoil": 1, "name": "few", "currency": "USD", "parties": parties, "effects": {"jobs": effect},
        "payments": [{"effect": "jobs", "per": "person", "price": "10.00"}],
    }  # fmt: skip
    study = cf.Study.from_frame(frame, providers=["a", "b", "c"], outcomes=["jobs"])
    return cf.evaluate(Contract.model_validate(terms), study)


def test_figures_that_rest_on_few_people_are_withheld_with_what_reveals_them() -> None:
    evaluation = few(8)
    page, whole = evaluation.report(), evaluation.report(show_small_cells=True)
    assert evaluation.settlement is not None
    paid = {name: f"{amount:,}" for name, amount in evaluation.settlement.by_party().items()}
    hidden = [name for name, amount in paid.items() if f'<td class="n">{amount}</td>' not in page]
    assert "b" in hidden
    assert len(hidden) == 2  # one alone would follow from the total
    assert "withheld" in page
    assert all(amount in whole for amount in paid.values())
    assert "withheld" not in few(40).report()


def test_refusal_stands_on_top(rice_frame: pd.DataFrame, rice_contract: Contract) -> None:
    served = rice_frame[rice_frame["default"] == 1]
    study = cf.Study.from_frame(served, person="person", providers=["default", "intensive"], outcomes=["takeup"])
    page = cf.evaluate(rice_contract, study).report()
    top = page[: page.index('id="trust"')]
    assert "IDENT-004" in top
    assert "What would lift it" in top


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("name", EXAMPLES)
def test_page_fits_the_screen_without_an_error(pages: dict[str, str], name: str, width: int, tmp_path: Path) -> None:
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<body style="margin:0"><iframe id="f" style="width:{width}px;height:900px;border:0" '
        f'srcdoc="{html.escape(pages[name])}"></iframe><script>document.getElementById("f").onload = e => '
        "{ const d = e.target.contentDocument.documentElement; document.title = d.scrollWidth + ' of ' + d.clientWidth; }"
        "</script>",
        encoding="utf-8",
    )
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", frame.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    measured = re.search(r"<title>(\d+) of (\d+)</title>", run.stdout)
    assert measured is not None
    assert int(measured[1]) <= int(measured[2])
    assert "CONSOLE" not in run.stderr


def counted(cells: dict[tuple[int, int], int], **effect: Any) -> cf.Evaluation:
    """Settle a study of two providers with so many people in each pattern."""
    rows = [(a, b, float((17 * k) % 7) + a) for (a, b), count in cells.items() for k in range(count)]
    frame = pd.DataFrame(rows, columns=["a", "b", "jobs"])
    terms = {
        "counterfoil": 1, "name": "counted", "currency": "USD",
        "parties": {"a": {"role": "provider"}, "b": {"role": "provider"}, "city": {"role": "outcome_payer"}},
        "effects": {"jobs": {"outcome": "jobs", "better": "higher", "estimator": {"kind": "contribution", "model": "additive"},
                             "split": {"rule": "shapley"}, **effect}},
        "payments": [{"effect": "jobs", "per": "person", "price": "10.00"}],
    }  # fmt: skip
    return cf.evaluate(
        Contract.model_validate(terms), cf.Study.from_frame(frame, providers=["a", "b"], outcomes=["jobs"])
    )


def cells_of(page: str) -> str:
    return " ".join(re.findall(r">([^<>]+)</td>", page[page.index('id="data"') : page.index('id="audit"')]))


def test_margins_and_patterns_together_reveal_no_small_cell() -> None:
    shown = cells_of(counted({(0, 0): 100, (1, 0): 50, (0, 1): 40, (1, 1): 3}).report())
    assert "53" not in shown
    assert "43" not in shown
    assert "&lt;11" in shown
    complement = counted({(0, 0): 5, (1, 0): 100, (1, 1): 95}).report()
    assert "195" not in cells_of(complement)


def test_few_left_out_are_not_given_away_by_the_total() -> None:
    frame = pd.DataFrame({"assigned": [0, 1] * 100, "jobs": [float(k % 7) + k % 2 for k in range(200)]})
    frame.loc[:3, "jobs"] = float("nan")
    effect = {"outcome": "jobs", "better": "higher", "estimator": {"kind": "experiment", "missing": "drop"}}
    terms = {"counterfoil": 1, "name": "few lost", "currency": "USD", "parties": {"city": {"role": "outcome_payer"}},
             "effects": {"jobs": effect}}  # fmt: skip
    page = cf.evaluate(Contract.model_validate(terms), cf.Study.from_frame(frame, outcomes=["jobs"])).report()
    assert "200 people in the study" not in page
    assert "&lt;11 people without" in page


def test_a_small_arm_withholds_its_payment_and_the_total() -> None:
    frame = pd.DataFrame({"assigned": [1] * 8 + [0] * 192, "jobs": [float(k % 5) + 9 * (k < 8) for k in range(200)]})
    effect = {"outcome": "jobs", "better": "higher", "estimator": {"kind": "experiment"}}
    terms = {"counterfoil": 1, "name": "small arm", "currency": "USD",
             "parties": {"city": {"role": "outcome_payer"}, "north": {"role": "provider"}}, "effects": {"jobs": effect},
             "payments": [{"effect": "jobs", "per": "person", "price": "10.00"}]}  # fmt: skip
    evaluation = cf.evaluate(Contract.model_validate(terms), cf.Study.from_frame(frame, outcomes=["jobs"]))
    assert evaluation.settlement is not None
    page = evaluation.report()
    assert f"{evaluation.settlement.total:,}" not in page
    assert ">192<" not in page
    assert f"{evaluation.settlement.total:,}" in evaluation.report(show_small_cells=True)


def test_a_shut_gate_is_said_although_few_people_are_withheld() -> None:
    page = counted({(0, 0): 100, (1, 0): 50, (1, 1): 5}, gate={"total_above": 99}).report()
    assert "Nothing is due: the gate on jobs is shut" in page


def test_the_agreed_bar_is_the_settlement_itself() -> None:
    """With two effects under two rules no single rule's bar is what was agreed."""
    base = counted({(0, 0): 60, (1, 0): 60, (0, 1): 60, (1, 1): 60})
    terms = base.contract.model_dump()
    terms["effects"]["more"] = {**terms["effects"]["jobs"], "split": {"rule": "equal_split"}}
    terms["payments"] = [*terms["payments"], {"effect": "more", "per": "person", "price": "70.00"}]
    both = cf.evaluate(Contract.model_validate(terms), base.study)
    assert both.settlement is not None
    share = float(both.settlement.by_party()["a"] / both.settlement.total)
    bar = both.report().split("as agreed")[1].split("<title>a: ")[1]
    assert float(bar.split("%")[0]) == pytest.approx(100 * share, abs=0.06)
