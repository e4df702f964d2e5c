"""SHA256SUMS: the hashes of a run's files as coreutils writes them, so that `sha256sum -c SHA256SUMS` checks a run.

The record has the hashes of all files but its own; this file has that one too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.layout import CHECKSUMS_FILE, RECORD_FILE, is_run_file

if TYPE_CHECKING:
    from latency_bench.harness.store.record import FileRecord

_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<path>[^\n]+)")
_MAX_BYTES = 1 << 24


def checksums(files: Mapping[str, FileRecord]) -> bytes:
    """The file's content for files by their path in the run."""
    return "".join(f"{files[path].sha256}  {path}\n" for path in sorted(files)).encode()


def read_checksums(run: Path) -> dict[str, str] | None:
    """SHA-256 by path in the run; None for a run without the file.

    Raises BrokenRunError where it is not what `checksums` writes.
    """
    path = run / CHECKSUMS_FILE
    try:
        with path.open("rb") as file:
            return _parsed(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BrokenRunError(f"{path}: cannot be read: {error}.") from error


def recorded_sha256(content: bytes) -> str | None:
    """The hash of record.json in the content of a SHA256SUMS; None where there is none."""
    try:
        return _parsed(content).get(RECORD_FILE)
    except ValueError:
        return None


def _parsed(content: bytes) -> dict[str, str]:
    found = {}
    for line in content.decode("ascii").removesuffix("\n").split("\n"):
        match = _LINE.fullmatch(line)
        if match is None or not (match["path"] == RECORD_FILE or is_run_file(match["path"])):
            raise ValueError("a line is not the checksum of a file of a run")
        found[match["path"]] = match["sha256"]
    return found
