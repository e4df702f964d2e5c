"""Which source files can change the result of an export: found by reading imports, without importing anything."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from latency_bench.harness.export.errors import ExportError

OWN = frozenset({"latency_bench", "bench_worker"})


def hash_sources(
    modules: Iterable[str], leave_out: frozenset[str] = frozenset(), root: Path | None = None
) -> tuple[str, frozenset[str]]:
    """SHA-256 over the modules, and all they import from their own part of the program, however indirectly.

    `root` is a folder of the user's: the modules lie in it, and what they import from it is their own part.

    An import inside a function counts like any other; the `__init__.py` of a package only where it is imported by name,
    since ours hold nothing but lazy names. `leave_out` names modules that are neither hashed nor followed
    (a registry that every family is entered in). Also returns the names of the packages imported from elsewhere.
    Raises ExportError for a module whose source cannot be found.
    """
    files: dict[str, Path] = {}
    foreign: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in files or name in leave_out:
            continue
        path = find_source(name, root)
        if path is None:
            raise ExportError(
                f"the source of the module {name!r}, which the export depends on, was not found; is it installed?"
            )
        files[name] = path
        part = _part_of(name)
        for imported in _imported_by(path, name):
            ours = _part_of(imported) == part if root is None else _is_below(root, imported)
            if not ours:
                foreign |= {imported.partition(".")[0]} - OWN
            elif find_source(imported, root) is not None:  # else: `from package import function`
                waiting.append(imported)
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name].read_bytes()).digest())
    return digest.hexdigest(), frozenset(foreign)


def _imported_by(path: Path, module: str) -> list[str]:
    """Raises ExportError for a file that is no Python."""
    try:
        return list(imported_modules(path, module))
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ExportError(f"{path}{line}: no Python that this version reads: {error.args[0]}") from error


def _part_of(module: str) -> str:
    """The top-level package, and within our own the folder: `latency_bench.harness`, `torch`."""
    return ".".join(module.split(".")[: 2 if module.startswith("latency_bench.") else 1])


def _is_below(root: Path, module: str) -> bool:
    top_level = root / module.partition(".")[0]
    return top_level.is_dir() or top_level.with_suffix(".py").is_file()


def find_source(module: str, root: Path | None = None) -> Path | None:
    """The file of a module, below `root` or where Python finds it; its parent packages are not imported, as
    importlib.util.find_spec would."""
    if root is not None:
        return _source_in(root, module.split("."))
    top_level, *rest = module.split(".")
    spec = importlib.util.find_spec(top_level)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    found = (_source_in(Path(folder), rest) for folder in spec.submodule_search_locations or ())
    return next((path for path in found if path is not None), None)


def _source_in(folder: Path, names: list[str]) -> Path | None:
    candidate = folder.joinpath(*names)
    for path in (candidate / "__init__.py", candidate.with_name(candidate.name + ".py")):
        if path.is_file():
            return path
    return None


def imported_modules(path: Path, module: str) -> Iterator[str]:
    """Absolute names of everything that the file imports; `from a import b` gives both `a` and `a.b`."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in _statements(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            yield base
            for alias in node.names:
                yield f"{base}.{alias.name}"


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All of a file's, however deep they lie. Expressions, of which there are ten times as many, hold no imports."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, field, ())
