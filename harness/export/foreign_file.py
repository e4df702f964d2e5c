"""What a file of the user's is, where it plainly is no model."""

from __future__ import annotations

from pathlib import Path

from latency_bench.harness.export.errors import ExportError

_LOOK_BYTES = 512
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
    for mark, words in _KINDS:
        if beginning.startswith(mark):
            raise ExportError(f"{path.name} {words}")
