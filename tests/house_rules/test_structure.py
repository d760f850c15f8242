"""The rules of the house that can be read off the source."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
from tests.support import configuration

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "sdk" / "spanledger", ROOT / "backend" / "spanledger_server")
SOURCES = sorted(
    path
    for package in (*PACKAGES, ROOT / "examples")
    for path in package.rglob("*.py")
    if "__pycache__" not in path.parts
)
BACKEND = ROOT / "backend" / "spanledger_server"

LEVELS = {
    "__main__": 9,
    "cli": 8,
    "main": 7,
    "api": 6,
    "alerts": 5,
    "audio": 4.5,
    "rules": 4.5,
    "care": 4,
    "ingest": 4,
    "slos": 4,
    "forecast": 3,  # both budgets and statistics stand on it
    "budgets": 4,
    "prices": 4,
    "bills": 4,
    "statistics": 4,
    "ledger": 3,
    "rollups": 3,
    "traces": 3,
    "logs": 3,
    "metrics": 3,
    "notify": 3,
    "health": 4.2,  # system checks read statistics
    "silences": 2.5,
    "sampling": 3,
    "auth": 3,
    "live": 3.5,
    "query": 3,
    "views": 3,
    "otlp": 2,
    "store": 2,
    "clock": 1,
    "errors": 0,
    "lasting": 1,
    "timegrid": 0.5,  # the settings name a zone
    "estimates": 1,
    "measures": 1,
    "settings": 1,
    "loops": 1,
}
SHARED_WITH_THE_SDK = {"semconv", "pricing", "settings", "usage", "variables", "version"}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "base", "manager", "service", "core", "handler"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """Every module that the file imports, as dotted names, function-level imports too."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def room(path: Path) -> str:
    return path.relative_to(BACKEND).parts[0].removesuffix(".py")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_a_file_is_at_most_400_lines_and_a_function_at_most_50(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, f"{node.name} is longer than 50 lines"


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_a_module_says_what_it_does_and_what_it_never_does(path: Path) -> None:
    doc = ast.get_docstring(tree(path))
    if path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip():
        return
    assert doc, "no docstring"
    if path.name not in {"__init__.py", "version.py", "__main__.py"}:
        assert "Never:" in doc, "the docstring lacks its Never line"


@pytest.mark.parametrize("path", [p for p in SOURCES if BACKEND in p.parents], ids=ids)
def test_the_backend_imports_downward_only(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "spanledger" and len(parts) > 1:
            assert parts[1] in SHARED_WITH_THE_SDK, f"{name}: the backend shares only {sorted(SHARED_WITH_THE_SDK)}"
        if parts[0] != "spanledger_server" or len(parts) < 2 or parts[1] == here:
            continue
        there = parts[1]
        assert there in LEVELS or there == "__version__", f"{there} has no level"
        assert LEVELS[there] < LEVELS[here], f"{here} may not import {there}"


@pytest.mark.parametrize("path", [p for p in SOURCES if PACKAGES[0] in p.parents], ids=ids)
def test_the_sdk_knows_nothing_of_the_backend(path: Path) -> None:
    assert not any(name.split(".")[0] in {"spanledger_server", "duckdb", "pyarrow"} for name in imported(path))


@pytest.mark.parametrize("path", [p for p in SOURCES if BACKEND in p.parents], ids=ids)
def test_duckdb_is_imported_in_one_file_and_web_frameworks_in_one_folder(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(path)}
    if path != BACKEND / "store" / "database.py":
        assert "duckdb" not in tops
    if room(path) not in {"api", "main"}:
        assert not tops & {"fastapi", "starlette", "grpc", "uvicorn"}


@pytest.mark.parametrize("path", [p for p in SOURCES if BACKEND in p.parents], ids=ids)
def test_the_clock_is_read_at_the_edges(path: Path) -> None:
    if path.name in {"clock.py", "main.py", "loops.py", "deps.py"} or room(path) in {"cli", "api"}:
        return
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\btime\.time\(|\btime_ns\(|datetime\.now\(|\.utcnow\(|date\.today\(", text)


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_nothing_is_called_by_a_name_that_says_nothing(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert not FORBIDDEN_NAMES & set(path.parent.parts[-2:])


@pytest.mark.parametrize("path", [p for p in SOURCES if BACKEND in p.parents], ids=ids)
def test_sql_stands_in_sql_files(path: Path) -> None:
    if path.name == "migrate.py":
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            assert not re.search(r"^\s*(SELECT|INSERT|DELETE|UPDATE|WITH)\b", text, re.IGNORECASE), "SQL in an f-string"


def statements() -> list[tuple[Path, str]]:
    return [
        (path, name)
        for path in BACKEND.rglob("queries.sql")
        for name in re.findall(r"^-- name: (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]


@pytest.mark.parametrize(("path", "name"), statements(), ids=lambda v: v if isinstance(v, str) else v.parent.name)
def test_every_sql_statement_is_used(path: Path, name: str) -> None:
    used = any(
        re.search(rf"""["']{name}["']""", source.read_text(encoding="utf-8")) for source in path.parent.rglob("*.py")
    )
    assert used, f"{name} is used nowhere in {path.parent.name}/"


def test_the_project_speaks_of_itself_alone() -> None:
    """No path of a machine, and no registry's host, in any file that is kept."""
    words = [
        r"/wo[r]k/",
        r"/ro[o]t/",
        r"python[h]osted",
        r"pyp[i]\.org/simple",
        r"registry\.npm[j]s",
        r"proxy\.gol[a]ng",
    ]
    pattern = re.compile("|".join(words))
    kept = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in kept:
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".wav", ".flac", ".csv"}:
            found = pattern.search(path.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{name}: {found.group(0) if found else ''}"


def test_changelog_and_version_agree() -> None:
    version = re.search(r'__version__ = "([^"]+)"', (ROOT / "sdk/spanledger/version.py").read_text())
    released = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version is not None
    assert released is not None
    assert version.group(1) == released.group(1)


def test_every_setting_is_documented() -> None:
    assert configuration.PAGE.read_text(encoding="utf-8") == configuration.page(), (
        "run python -m tests.support.configuration"
    )
