"""Which names of TensorRT the worker's source asks for in one release.

The worker tells releases apart by what they have (`hasattr`) and by their numbers. Both are known of a recorded
release, so a branch that is not taken there asks for nothing; one of which nothing is known may be taken. Functions are
followed from the methods that the rest of the worker calls, so that a call behind such a branch is not read either.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from source_reading import FunctionReading
from tensorrt_kinds import UNKNOWN, Name

import bench_worker


def worker_sources() -> dict[str, str]:
    """By file, what of the worker touches TensorRT."""
    folder = Path(bench_worker.__file__).parent
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*/tensorrt*.py"))}


class Asked:
    """`needed`: without these a call fails; `tried`: where they are missing, the worker goes on without.

    `has` is what the release has (kind, name). (kind, "*") stands for names that are made while the worker runs.
    """

    def __init__(
        self, has: Callable[[str, str], bool], release: Sequence[int], rtx: bool, sources: Mapping[str, str]
    ) -> None:
        self.needed: set[Name] = set()
        self.tried: set[Name] = set()
        self.has, self.release, self.rtx = has, tuple(release), rtx
        self.functions: dict[str, list[ast.FunctionDef]] = {}
        self.constants: dict[str, Any] = {}
        self._values: dict[ast.FunctionDef, Any] = {}
        classes = []
        for source in sources.values():
            for node in ast.parse(source).body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    self.constants[node.targets[0].id] = _literal(node.value)
                elif isinstance(node, ast.ClassDef):
                    classes.append(node)
                self._add_functions(node.body if isinstance(node, ast.ClassDef) else [node])
        for node in (method for one in classes for method in one.body):
            if isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
                self.run(node)

    def _add_functions(self, nodes: Iterable[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.FunctionDef):
                self.functions.setdefault(node.name, []).append(node)

    def run(self, function: ast.FunctionDef) -> Any:
        """Read it, once; what it returns as far as that is known."""
        if function not in self._values:
            self._values[function] = UNKNOWN
            self._values[function] = FunctionReading(self).result(function.body)
        return self._values[function]

    def call(self, name: str) -> Any:
        """What the functions of ours with this name return."""
        values = [self.run(function) for function in self.functions.get(name, ())]
        return values[0] if len(values) == 1 else UNKNOWN


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return UNKNOWN
