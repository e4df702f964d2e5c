"""Tests wait for what happens, not for how fast: a machine that is busy must not fail them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PATIENCE_S = 120
"""The least that a test may give a process before it calls it hung."""
WAITING = {"run", "check_output", "check_call", "communicate", "wait"}
"""Calls of subprocess whose `timeout` ends the test."""


def impatient_waits(source: str) -> Iterator[int]:
    """Lines that give a process less than PATIENCE_S, or that compute such a deadline."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WAITING:
            for keyword in node.keywords:
                if keyword.arg == "timeout" and _is_short(keyword.value):
                    yield node.lineno
        if isinstance(node, ast.BinOp) and ast.unparse(node.left) == "time.monotonic()" and _is_short(node.right):
            yield node.lineno


def _is_short(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and node.value < PATIENCE_S


def test_no_test_gives_up_while_the_machine_is_busy() -> None:
    folder = Path(__file__).parent
    found = [
        f"{file.relative_to(folder)}:{line}"
        for file in sorted(folder.rglob("*.py"))
        for line in impatient_waits(file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_an_impatient_wait_is_seen() -> None:
    assert list(impatient_waits("process.wait(timeout=10)")) == [1]
    assert list(impatient_waits("deadline_s = time.monotonic() + 5")) == [1]
    assert list(impatient_waits("process.communicate(timeout=300)")) == []
