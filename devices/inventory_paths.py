"""Files that a devices.yaml names: relative ones lie beside it, wherever `bench` is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

Entry = TypeVar("Entry", bound=BaseModel)


def with_files_beside(entry: Entry, folder: Path) -> Entry:
    """The entry with the relative paths of files of this computer made absolute; those of a home (`~`) stay."""
    values = {name: getattr(entry, name) for name in type(entry).model_fields}
    moved = {name: _moved(value, folder) for name, value in values.items()}
    changes = {name: value for name, value in moved.items() if value is not values[name]}
    return entry.model_copy(update=changes) if changes else entry


def _moved(value: Any, folder: Path) -> Any:
    """The value itself where nothing of it is moved."""
    if isinstance(value, Path):
        return value if value.is_absolute() or str(value).startswith("~") else (folder / value).absolute()
    if isinstance(value, BaseModel):
        return with_files_beside(value, folder)
    if isinstance(value, tuple):
        moved = tuple(_moved(one, folder) for one in value)
        return moved if any(new is not old for new, old in zip(moved, value, strict=True)) else value
    return value
