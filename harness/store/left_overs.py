"""What a writer left in a store that was killed: removed by the next one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from latency_bench.devices.ownership import owner_state
from latency_bench.harness.store.layout import is_name, temporary_pid


def remove_left_overs(store: Path) -> list[Path]:
    """Remove temporary folders whose writer is dead; those of other hosts and of living processes stay. Never raises
    for what cannot be listed or removed."""
    removed = []
    for folder in temporary_folders(store):
        if writer_state(folder) == "dead":
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def writer_state(temporary: Path) -> Literal["alive", "dead", "elsewhere"]:
    """Whether the process that fills a temporary folder of a store still runs; `elsewhere`: on another host."""
    return owner_state(temporary, temporary_pid(temporary.name))


def temporary_folders(store: Path) -> Iterator[Path]:
    """Runs that are being written, and imports: beside the store's devices, and beside the runs of each model."""
    for device in _folders(store):
        if temporary_pid(device.name) is not None:
            yield Path(device.path)
        elif is_name(device.name):
            for model in _folders(device.path):
                yield from (Path(run.path) for run in _folders(model.path) if temporary_pid(run.name) is not None)


def _folders(folder: str | Path) -> list[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []
