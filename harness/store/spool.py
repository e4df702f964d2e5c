"""Runs that were measured and could not be stored where they were to go: kept in the cache until they are.

<cache>/unstored/<random>/          a store of what one attempt to store held: a run, a pair, or the runs of an archive
    destination                     the folder of the store that it was to go to; empty for a store at an address
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.store.errors import StoreError, from_os_error
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.mirrors import mirror_of, store_label
from latency_bench.harness.store.reader import pair_names, run_names

DESTINATION_FILE = "destination"


class UnstoredError(StoreError):
    """A store did not take what was measured; the message says where it is kept instead, and how it is stored."""


@dataclass
class Recovered:
    """What became of the runs in the spool, by device/model/run id."""

    stored: dict[str, str] = field(default_factory=dict)
    """And in which store they are now."""
    refused: dict[str, str] = field(default_factory=dict)
    """Still in the spool, and why."""


def spool_folder() -> Path:
    return cache_folder() / "unstored"


def keep(store: Path, error: StoreError, write: Callable[[Path], object]) -> UnstoredError:
    """Have `write` store elsewhere what `store` did not take, and say in an error to be raised what came of both."""
    folder = spool_folder() / secrets.token_hex(8)
    try:
        folder.mkdir(parents=True)
        destination = b"" if mirror_of(store) is not None else os.fsencode(store.absolute())
        (folder / DESTINATION_FILE).write_bytes(destination)
        write(folder)
    except (OSError, StoreError) as second:
        shutil.rmtree(folder, ignore_errors=True)
        reason = from_os_error(second, folder, "write") if isinstance(second, OSError) else second
        return UnstoredError(f"{error} What was measured is lost: it could not be kept in the cache either: {reason}")
    words = f"bench results recover{'' if destination else f' --store {store_label(store)}'}"
    return UnstoredError(f"{error} What was measured is kept in the cache; once there is room, `{words}` stores it.")


def recover(store: Path | None) -> Recovered:
    """Store what is kept, in `store` or where each was to go. What is stored leaves the spool."""
    outcome = Recovered()
    for folder in _kept():
        names = [*run_names(folder), *pair_names(folder)]
        try:
            destination = store or _destination(folder)
            imported = import_runs(destination, folder)
        except StoreError as error:
            outcome.refused.update(dict.fromkeys(names or [folder.name], str(error)))
            continue
        outcome.refused.update(imported.refused)
        for name in (*imported.added, *imported.present):
            outcome.stored[name] = store_label(destination)
        if not imported.refused:
            shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _kept() -> Iterator[Path]:
    """The oldest first."""
    with contextlib.suppress(OSError):
        folders = [path for path in spool_folder().iterdir() if path.is_dir()]
        yield from sorted(folders, key=lambda path: path.stat().st_mtime)


def _destination(folder: Path) -> Path:
    try:
        content = (folder / DESTINATION_FILE).read_bytes()
    except OSError as error:
        raise from_os_error(error, folder / DESTINATION_FILE, "read") from error
    if not content:
        raise StoreError("it belongs in a store at an address; name that with --store.")
    return Path(os.fsdecode(content))
