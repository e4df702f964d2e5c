"""Which files of a folder a process reads, told by Python's own audit of `open`."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

_PYTHON = (".py", ".pyc", ".pyi")


class OpenedFiles:
    """Within a `with`. What compiled code opens by itself is not seen; PyTorch and NumPy open files through Python."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._opened: set[str] = set()
        self._watches = False

    def __enter__(self) -> OpenedFiles:
        self._watches = True
        sys.addaudithook(self._note)
        return self

    def __exit__(self, *error: object) -> None:
        # A hook cannot be taken back; it does nothing any more.
        self._watches = False

    def data(self) -> list[Path]:
        """Ordinary files below the root that are no Python, of no installed package and in no hidden folder; sorted."""
        found = set()
        for name in self._opened:
            with contextlib.suppress(OSError, ValueError):
                path = Path(name).resolve()
                inside = path.relative_to(self._root)
                hidden = any(part.startswith((".", "__pycache__")) for part in inside.parts)
                installed = path.is_relative_to(Path(sys.prefix).resolve())
                if path.is_file() and path.suffix not in _PYTHON and not hidden and not installed:
                    found.add(path)
        return sorted(found)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watches or event != "open" or len(arguments) < 2 or not isinstance(arguments[0], str | bytes):
            return
        mode = arguments[1]
        if mode is None or "r" in str(mode):
            self._opened.add(os.fsdecode(arguments[0]))
