"""Which runs are meant: one run, all runs of a model on a device, or everything in a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.store.errors import UnknownRunError
from harness.store.layout import RECORD_FILE, is_name
from harness.store.reader import StoredRun, open_run, read_record, run_paths


@dataclass(frozen=True)
class RunSet:
    """Runs that go by one name. Failed ones are in it: a comparison has to say that they failed."""

    label: str
    runs: tuple[StoredRun, ...]


def select(store: Path, text: str) -> RunSet:
    """The runs meant by `text`: a run (id, its beginning, `latest`, or its folder), DEVICE/MODEL, DEVICE, MODEL, or the
    folder of another store.

    Raises UnknownRunError where nothing is meant by it, AmbiguousRunError, BrokenRunError.
    """
    folder = Path(text)
    if (folder / RECORD_FILE).is_file():
        return RunSet(text, (open_run(store, os.path.join(text, "")),))
    device, _, model = text.partition("/")
    if is_name(device) and is_name(model) and (paths := run_paths(store, device, model)):
        return RunSet(text, _read(paths))
    if is_name(text):
        by_name = [path for path in run_paths(store) if text in path.parts[-3:-1]]
        if by_name:
            return RunSet(text, _read(by_name))
    if folder.is_dir() and (paths := run_paths(folder)):
        return RunSet(text, _read(paths))
    if os.sep in text:
        raise UnknownRunError(
            f"{text!r} is neither a run's folder, nor a store, nor DEVICE/MODEL with runs in {store}. "
            "`bench results ls` lists the runs."
        )
    return RunSet(text, (open_run(store, text),))


def _read(paths: list[Path]) -> tuple[StoredRun, ...]:
    return tuple(StoredRun(path, read_record(path)) for path in paths)
