"""Runs of a mirror that are not at the store's address yet: a file for each, with its place and why it was not sent.

<mirror>/.pending/<run id>      device/model/run id, and in the second line what the last try came to
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from latency_bench.harness.store.errors import from_os_error
from latency_bench.harness.store.layout import PENDING_FOLDER, RECORD_FILE, is_name, is_run_id, is_runs_folder

CONFLICT = "conflict: "
"""Begins the reason of a run that stays unsent however often it is tried."""


@dataclass(frozen=True)
class PendingRun:
    """A run that waits to be sent."""

    name: str
    """device/model/run id."""
    reason: str
    """Of the last try; empty where none was made."""

    @property
    def is_conflict(self) -> bool:
        return self.reason.startswith(CONFLICT)


def mark_pending(store: Path, name: str, reason: str = "") -> None:
    """Note that a run of a mirror has to be sent, by whatever process. Raises StoreError."""
    mark = store / PENDING_FOLDER / name.rpartition("/")[2]
    try:
        mark.write_text(f"{name}\n{' '.join(reason.split())}\n", encoding="utf-8")
    except OSError as error:
        raise from_os_error(error, mark, "write") from error


def unmark_pending(store: Path, name: str) -> None:
    """It is at the address."""
    (store / PENDING_FOLDER / name.rpartition("/")[2]).unlink(missing_ok=True)


def pending_runs(store: Path) -> list[PendingRun]:
    """Those that are stored, the oldest first. A mark that makes no sense is none."""
    marks = store / PENDING_FOLDER
    found = []
    for mark in sorted(marks.iterdir()) if marks.is_dir() else ():
        with contextlib.suppress(OSError, ValueError):
            name, _, reason = mark.read_text(encoding="utf-8").partition("\n")
            device, model, run_id = name.split("/")
            sound = is_name(device) and is_runs_folder(model) and run_id == mark.name and is_run_id(run_id)
            if sound and (store / name / RECORD_FILE).is_file():
                found.append(PendingRun(name, reason.strip()))
    return found
