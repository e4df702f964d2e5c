"""The names of classes in the order of a network's outputs, as --classes has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from latency_bench.harness.errors import UsageError


def lines_of(path: Path) -> Sequence[str]:
    """One a line, empty lines left out. Raises UsageError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return [line.strip() for line in lines if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--classes {path} cannot be read: {error}") from None
