"""A file of JSON objects, a line each, that is added to while something long goes on and may be cut off in between."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def read_objects(path: Path) -> list[dict[str, Any]]:
    """In the order of the file; none where there is no file yet. A line that was cut off counts for nothing."""
    objects = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            objects.append(json.loads(line))
        except ValueError:
            continue
    return objects


def append_object(path: Path, content: dict[str, Any]) -> None:
    """Add a line, behind whatever was cut off; it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_torn = path.is_file() and bool(before := path.read_bytes()) and not before.endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if is_torn else "") + json.dumps(content) + "\n")
        file.flush()
        os.fsync(file.fileno())
