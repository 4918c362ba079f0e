"""The layout is what it claims to be: on disk, for editors, in the wheel, and at import time."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import counterfoil

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
TOOL = PROJECT["tool"]
FOLDERS = {name: ROOT / path for name, path in TOOL["setuptools"]["package-dir"].items()}
REQUIRED = ("attribution", "estimators", "datasets", "notebooks", "tests")
HEAVY = {
    "numpy", "scipy", "pandas", "sklearn", "statsmodels", "linearmodels", "dowhy", "duckdb", "distributed", "pydantic",
    "yaml", "jinja2", "matplotlib", "rich",
}  # fmt: skip


def test_required_folders_and_files_are_there() -> None:
    assert all((ROOT / name).is_dir() for name in REQUIRED)
    assert all((ROOT / name).is_file() for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"))


def test_every_package_on_disk_is_declared_and_nothing_else() -> None:
    found = {
        ".".join([name, *init.parent.relative_to(folder).parts])
        for name, folder in FOLDERS.items()
        for init in folder.rglob("__init__.py")
        if not any(part.is_symlink() for part in [init.parent, *init.parent.parents] if ROOT in part.parents)
    }
    assert set(TOOL["setuptools"]["packages"]) == found


@pytest.mark.parametrize("name", sorted(name for name in FOLDERS if "." in name))
def test_editors_and_checkers_reach_the_real_folder(name: str) -> None:
    path = Path("src", *name.split("."))
    assert path.as_posix() in TOOL["pyright"]["include"]
    if (ROOT / path).is_file():
        return  # a checkout without symbolic links: everything runs, only editors lose sight of the folder
    assert (ROOT / path).resolve() == FOLDERS[name].resolve()


def test_the_two_lists_of_public_names_agree() -> None:
    tree = ast.parse(Path(counterfoil.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {*imported, "__version__"} == set(counterfoil.__all__)
    assert all(getattr(counterfoil, name) is not None for name in counterfoil.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        counterfoil.nothing  # noqa: B018


def test_no_module_takes_the_name_of_a_function() -> None:
    """Importing counterfoil.evaluate would put the module in the place of the function."""
    modules = {path.stem for path in Path(counterfoil.__file__).parent.glob("*.py")}
    assert not (modules - {"errors"}) & set(counterfoil.__all__)
    for room in (counterfoil.attribution, counterfoil.datasets, counterfoil.estimators):
        assert not [name for name in room.__all__ if isinstance(getattr(room, name), ModuleType)]


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_import_is_light() -> None:
    assert not HEAVY & modules_after("import counterfoil")


def test_help_is_light() -> None:
    code = (
        "import contextlib, io\nfrom counterfoil.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    main(['--help'])"
    )
    assert not HEAVY & modules_after(code)


def test_bare_room_names_are_banned() -> None:
    banned = TOOL["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert set(banned) == {"attribution", "estimators", "datasets"}
    probe = "import estimators\nfrom datasets import load\nfrom .estimate import Estimate\n"
    ruff = Path(sys.executable).parent / "ruff"
    run = subprocess.run(
        [ruff, "check", "--select", "TID", "--stdin-filename", "estimators/probe.py", "-"],
        input=probe, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert run.returncode == 1
    assert all(name in run.stdout for name in ("`estimators` is banned", "TID252"))


def test_safe_path_keeps_the_rooms_out_of_the_way() -> None:
    code = "import importlib.util as u; print(*(u.find_spec(n) for n in ('estimators', 'attribution')))"
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "None None"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, as a fresh checkout would."""
    place = tmp_path_factory.mktemp("wheel")
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    for name in filter(None, files):
        source, target = ROOT / name, place / "tree" / name
        if source.is_file() and not source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(place / "dist"),
        str(place / "tree"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return next((place / "dist").glob("*.whl"))


def test_wheel_holds_all_and_only_what_it_should(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names} == {
        "counterfoil",
        f"counterfoil-{PROJECT['project']['version']}.dist-info",
    }
    assert "counterfoil/py.typed" in names
    for package, folder in FOLDERS.items():
        prefix = package.replace(".", "/")
        code = {f"{prefix}/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*.py") if not _linked(path)}
        assert code <= names
    data = ROOT / "datasets" / "data"
    shipped = {
        f"counterfoil/datasets/data/{path.relative_to(data).as_posix()}" for path in data.rglob("*") if path.is_file()
    }
    assert shipped <= names
    assert not any("__pycache__" in name for name in names)


def _linked(path: Path) -> bool:
    return any(parent.is_symlink() for parent in path.parents if ROOT in parent.parents)


def test_installed_wheel_settles_an_example(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    environment = {"PYTHONPATH": str(target), "PYTHONSAFEPATH": "1", "PATH": ""}
    code = (
        "import counterfoil, sys\nassert counterfoil.__file__.startswith(sys.argv[1]), counterfoil.__file__\n"
        "from counterfoil.cli import main\nmain(['demo', 'rice', '--report', 'rice.html'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(target)], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert run.returncode == 0, run.stderr
    assert "2,917.29 to default" in run.stdout
    assert run.stderr == "wrote rice.html\n"
    assert "2,917.29" in (tmp_path / "rice.html").read_text("utf-8")


def test_nothing_but_the_command_line_prints() -> None:
    for folder in FOLDERS.values():
        for path in folder.rglob("*.py"):
            if path.name != "cli.py" and not _linked(path):
                calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
                assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"], path
