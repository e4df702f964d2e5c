"""Copies in a mirror of what lies at an address: many at once, on the disk before any of them is at its place."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.store.durable import force_to_disk, write_once
from latency_bench.harness.store.errors import from_os_error
from latency_bench.harness.store.layout import RECORD_FILE, temporary_folder

PARTIAL_FOLDER = ".partial"
"""In a mirror: files on their way."""


def keep_records(mirror: Path, records: Mapping[str, bytes]) -> None:
    """Make folders of these runs (device/model/run id), each with its record. Raises StoreError."""
    copies = [(temporary_folder(mirror, *name.split("/")), mirror / name) for name in records]
    try:
        for (temporary, _), record in zip(copies, records.values(), strict=True):
            temporary.mkdir(parents=True)
            write_once(temporary / RECORD_FILE, [record], force=False)
        if copies:
            force_to_disk(mirror)
        for temporary, place in copies:
            _put_in_place(temporary, place)
    except OSError as error:
        raise from_os_error(error, mirror, "write") from error
    finally:
        for temporary, _ in copies:
            shutil.rmtree(temporary, ignore_errors=True)


def keep_files(mirror: Path, contents: Mapping[str, bytes]) -> None:
    """Put files of runs that are here (device/model/run id/path) into their folders. Raises StoreError."""
    if not contents:
        return
    try:
        with TemporaryFolder("files", mirror / PARTIAL_FOLDER) as partial:
            copies = [(partial / str(number), mirror / path) for number, path in enumerate(contents)]
            for (copy, place), content in zip(copies, contents.values(), strict=True):
                place.parent.mkdir(exist_ok=True)
                write_once(copy, [content], force=False)
            force_to_disk(partial)
            for copy, place in copies:
                copy.replace(place)
    except OSError as error:
        raise from_os_error(error, mirror, "write") from error


def _put_in_place(temporary: Path, place: Path) -> None:
    try:
        temporary.rename(place)
    except OSError:
        if not (place / RECORD_FILE).is_file():  # else another process was quicker
            raise
