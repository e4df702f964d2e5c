"""Results of long computations as JSON lines, each written when it is there: a script goes on where it ended."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from json_lines import append_object, read_objects

Row = TypeVar("Row")


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Rows of a data class, as `read_objects` has them."""
    return [kind(**content) for content in read_objects(path)]


def append(path: Path, row: Any) -> None:
    """Add a row to the file."""
    append_object(path, asdict(row))
