"""Errors are sentences that an engineer would write: "is not a number", and not "is no number"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
RIDDLE = re.compile(r"\b(?<!there )(is|are) no [a-z]")


def errors() -> Iterator[tuple[str, str]]:
    """(place, text) of everything that is raised, values left out."""
    for folder in ("harness", "devices", "reports", "model_specs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Raise) and node.exc is not None:
                    for text in ast.walk(node.exc):
                        if isinstance(text, ast.Constant) and isinstance(text.value, str):
                            yield f"{path.relative_to(ROOT)}:{text.lineno}", text.value


def test_nothing_is_said_to_be_no_thing() -> None:
    found = list(errors())
    assert len(found) > 1000
    riddles = [f"{place}: {text}" for place, text in found if RIDDLE.search(text)]
    assert not riddles, "\n".join(riddles)
