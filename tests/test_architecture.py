"""The import table of docs/architecture.md holds, no files go round in a circle, and ours has one name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKER = ROOT / "devices" / "worker"
PACKAGES = {
    "latency_bench.harness": ROOT / "harness",
    "latency_bench.devices": ROOT / "devices",
    "latency_bench.model_specs": ROOT / "model_specs",
    "latency_bench.reports": ROOT / "reports",
    "bench_worker": WORKER,
}
"""The folders of the program, by the name under which they are imported."""
_ROW = re.compile(r"^\| `(?P<folder>[\w/]+)/` \| [^|]+ \| (?P<allowed>[^|]+) \|$", re.M)


@cache
def module_files() -> dict[str, Path]:
    """Every module of the program by its name."""
    files = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            if package == "bench_worker" or not path.is_relative_to(WORKER):
                parts = path.relative_to(folder).with_suffix("").parts
                files[".".join([package, *(parts[:-1] if parts[-1] == "__init__" else parts)])] = path
    return files


def imported_names(path: Path, module: str) -> Iterator[str]:
    """Full names of what a file imports, inside functions and for types alone too; `from a import b` gives `a.b` where
    that is a module of ours, else `a`."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in module_files() else base


@cache
def import_graph() -> dict[str, frozenset[str]]:
    files = module_files()
    return {
        name: frozenset(imported for imported in imported_names(path, name) if imported in files and imported != name)
        for name, path in files.items()
    }


def circles(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or by way of others (Tarjan)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        stack.append(module)
        for imported in graph[module]:
            if imported not in number:
                visit(imported)
                lowest[module] = min(lowest[module], lowest[imported])
            elif imported in stack:
                lowest[module] = min(lowest[module], number[imported])
        if lowest[module] == number[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for module in graph:
        if module not in number:
            visit(module)
    return groups


@cache
def import_table() -> dict[str, frozenset[str]]:
    """By folder, the folders and files that it may import, as docs/architecture.md has it."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = {row["folder"]: frozenset(re.findall(r"`([\w/.]+)`", row["allowed"])) for row in _ROW.finditer(text)}
    named = [*rows, *(name for allowed in rows.values() for name in allowed)]
    missing = [name for name in named if not (ROOT / name).exists()]
    assert rows, "docs/architecture.md has no table of imports any more"
    assert not missing, f"docs/architecture.md names what is not there: {missing}"
    return rows


def folder_of(file: str) -> str:
    """The innermost folder of the table that a file lies in."""
    return max((folder for folder in import_table() if file.startswith(f"{folder}/")), key=len)


def may_import(importer: str, imported: str) -> bool:
    """Both are paths from the root of the repository. A folder with a row is meant by its own name alone."""
    own, other = folder_of(importer), folder_of(imported)
    return own == other or bool(import_table()[own] & {other, imported})


def test_the_import_table_of_the_documentation_holds() -> None:
    paths = {module: path.relative_to(ROOT).as_posix() for module, path in module_files().items()}
    wrong = sorted(
        f"{paths[module]} imports {paths[imported]}"
        for module, imports in import_graph().items()
        for imported in imports
        if not may_import(paths[module], paths[imported])
    )
    assert not wrong, "docs/architecture.md does not allow that:\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("reports/rows.py", "harness/benchmark.py"),
        ("reports/rows.py", "harness/cli/main.py"),
        ("devices/device.py", "harness/case.py"),
        ("devices/worker/session.py", "devices/errors.py"),
        ("harness/store/listing.py", "harness/benchmark.py"),
        ("harness/statistics/summary.py", "harness/store/record.py"),
        ("harness/benchmark.py", "harness/cli/main.py"),
        ("harness/benchmark.py", "reports/rows.py"),
        ("model_specs/spec.py", "devices/device.py"),
    ],
)
def test_what_reaches_back_would_be_found(importer: str, imported: str) -> None:
    assert (ROOT / importer).exists()
    assert (ROOT / imported).exists()
    assert not may_import(importer, imported)


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(import_graph()) == []


def test_a_circle_would_be_found() -> None:
    graph = {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"a"}), "d": frozenset({"a"})}
    assert circles(graph) == [["a", "b", "c"]]


@pytest.mark.parametrize("folder", ["harness", "devices", "model_specs", "reports", "tests", "scripts", "benchmarks"])
def test_ours_is_imported_under_its_installed_name_alone(folder: str) -> None:
    """`harness` found by chance in the working directory would be a second copy of every class."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in imported_names(path, ".".join(path.relative_to(ROOT).with_suffix("").parts))
        if name.partition(".")[0] in {"harness", "model_specs", "reports"}
        or (name.partition(".")[0] == "devices" and not path.is_relative_to(WORKER))
        or name.startswith("latency_bench.devices.worker")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_worker_imports_its_own_modules_relatively() -> None:
    """So that it works from whatever folder a copy of it was pushed to."""
    for path in sorted(WORKER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not any(name.startswith(("bench_worker", "latency_bench")) for name in names), path
