"""What verify found torn or damaged, moved out of the way on request; only `bench results gc` deletes it, by age."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from latency_bench.harness.store.errors import from_os_error
from latency_bench.harness.store.findings import Finding
from latency_bench.harness.store.layout import QUARANTINE_FOLDER, temporary_pid


def set_aside(store: Path, findings: Iterable[Finding]) -> dict[Path, Path]:
    """Move the folders that findings name as unusable to <store>/.quarantine/<their place in the store>.

    Returns where each went. A folder that lies outside the store stays where it is. Raises StoreError.
    """
    moved: dict[Path, Path] = {}
    for folder in dict.fromkeys(one.folder for one in findings if one.folder is not None):
        if store not in folder.parents:
            continue
        place = store / QUARANTINE_FOLDER / folder.relative_to(store)
        if place.exists():
            place = place.with_name(f"{place.name}.{secrets.token_hex(3)}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(place)
            # From now on its age counts, and not from when it was measured.
            os.utime(place)
        except OSError as error:
            raise from_os_error(error, folder, "set aside") from error
        moved[folder] = place
    return moved


def set_aside_folders(store: Path) -> Iterator[tuple[Path, float]]:
    """What was set aside in a store, and when, in seconds since the epoch. Links are not followed."""
    for device in _folders(store / QUARANTINE_FOLDER):
        if temporary_pid(device.name) is not None:
            yield Path(device.path), device.stat().st_mtime
            continue
        for model in _folders(device.path):
            yield from ((Path(run.path), run.stat().st_mtime) for run in _folders(model.path))


def _folders(folder: str | Path) -> list[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []
