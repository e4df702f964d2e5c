"""What a file of the user's is, where it plainly is no model."""

from __future__ import annotations

import re
from pathlib import Path

from latency_bench.harness.export.errors import ExportError

_LOOK_BYTES = 512
_LINK = re.compile(rb"\.{1,2}/[!-~ ]+")
_KINDS = (
    (b"version https://git-lfs", "is a pointer of Git LFS, not the file itself; fetch that with `git lfs pull`"),
    (b"<!DOCTYPE", "is a web page; download the file itself"),
    (b"<html", "is a web page; download the file itself"),
    (b"\x1f\x8b", "is compressed by gzip; unpack it first"),
)


def refuse_foreign(path: Path) -> None:
    """Raises ExportError for an empty file, and for one whose beginning is that of another kind."""
    with path.open("rb") as file:
        beginning = file.read(_LOOK_BYTES).lstrip()
    if not beginning:
        raise ExportError(f"{path.name} is empty")
    if _LINK.fullmatch(beginning.rstrip()):
        # So do archives and checkouts where links cannot be made.
        led_to = beginning.decode().strip()
        raise ExportError(f"{path.name} is not a model but the text of a link to {led_to}; copy the file itself")
    for mark, words in _KINDS:
        if beginning.startswith(mark):
            raise ExportError(f"{path.name} {words}")
