"""The images of a folder, and how they are named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.image_file import ENDINGS

_MOST_IMAGES = 5_000_000
_OF_OTHER_FORMATS = (".avif", ".gif", ".heic", ".heif", ".jp2", ".jpe", ".jfif", ".jxl", ".tga")
"""Images too: what is not read of them is counted and told, where it is opened."""


def images_below(folder: Path) -> Iterator[Path]:
    """By path; links that lead nowhere are among them, and are counted where they are opened. Raises UsageError for
    more than can be meant, and for a folder that cannot be read."""
    endings = (*ENDINGS, *_OF_OTHER_FORMATS)
    walked = os.walk(folder, onerror=_refuse_unreadable)
    paths = (Path(inside, name) for inside, _, names in walked for name in names)
    found = sorted(path for path in paths if path.suffix.lower() in endings)
    if len(found) > _MOST_IMAGES:
        raise UsageError(f"{folder} has more than {_MOST_IMAGES} images; name a folder below it")
    yield from found


def _refuse_unreadable(error: OSError) -> None:
    raise UsageError(f"{error.filename} cannot be read: {error.strerror}")


def relative_name(path: Path, folder: Path) -> str:
    """As Sample.name has it."""
    return os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")
