"""Documentation says what the program does."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = load(ROOT / "docs" / "generate.py")


@pytest.mark.parametrize("name", GENERATE.PAGES)
def test_generated_pages_have_not_drifted(name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == GENERATE.PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("name", [name for name in GENERATE.PAGES if GENERATE.PAGES[name] is not GENERATE.index_page])
def test_every_example_on_a_page_runs_by_itself(name: str) -> None:
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / name).read_text("utf-8"), flags=re.DOTALL):
        exec(code, {})  # noqa: S102
    plt.close("all")


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text("utf-8")
        anchors = {line.lstrip("# ").strip().lower().replace(" ", "-") for line in text.splitlines() if line[:1] == "#"}
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            place, _, anchor = target.partition("#")
            assert not place or "://" in place or (page.parent / place).is_file(), f"{page.name}: {target}"
            assert place or anchor in anchors, f"{page.name}: {target}"


def test_ten_lines_of_the_readme_run() -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)
    assert len([line for line in code[0].splitlines() if line.strip()]) <= 10
    namespace: dict[str, Any] = {}
    exec(code[0], namespace)  # noqa: S102
    assert namespace["contract"] is not None


def test_what_the_readme_says_the_data_cannot_tell() -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)
    assert len(code) == 2
    namespace: dict[str, Any] = {}
    exec("\n".join(code), namespace)  # noqa: S102
    plt.close("all")
    said = re.search(r'# "(.*)"', code[1])
    assert said is not None
    assert namespace["fit"].warnings[0].what == said[1]
    assert namespace["fit"].choice.model == "pairwise"


def test_readme_shows_what_the_demo_prints() -> None:
    shown = re.findall(r"\n```\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)[0]
    program = Path(sys.executable).parent / "counterfoil"
    printed = subprocess.run([program, "demo", "rice"], capture_output=True, text=True, check=True).stdout
    for line in filter(None, shown.splitlines()):
        assert line in printed.splitlines(), line


def test_nothing_names_a_machine_or_a_registry() -> None:
    words = re.compile(r"/(work|tmp|root|home)/|python" + r"hosted|pypi" + r"\.org|file://")
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, files.stdout.split("\n")):
        path = ROOT / name
        if (
            path.is_file()
            and not path.is_symlink()
            and path.suffix not in {".csv", ".png"}
            and path.name != "test_docs.py"
        ):
            assert not words.search(path.read_text("utf-8")), name
