"""Which runs are meant: one run, all runs of a model on a device, or everything in a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from latency_bench.harness.store.errors import UnknownRunError
from latency_bench.harness.store.layout import RECORD_FILE, is_name, is_run_id
from latency_bench.harness.store.reader import LATEST, StoredRun, find_run, read_record, run_names, run_paths


@dataclass(frozen=True)
class RunSet:
    """Runs that go by one name. Failed ones are in it: a comparison has to say that they failed."""

    label: str
    runs: tuple[StoredRun, ...]


def select(store: Path, text: str) -> RunSet:
    """The runs meant by `text`, their records read. Otherwise as `select_paths`. Raises BrokenRunError too."""
    return RunSet(text, tuple(StoredRun(path, read_record(path)) for path in select_paths(store, text)))


def select_paths(store: Path, text: str) -> list[Path]:
    """The folders of the runs meant by `text`, latest first: a run (id, its beginning, `latest`, or its folder),
    DEVICE/MODEL, DEVICE, MODEL, or the folder of another store.

    Raises UnknownRunError where nothing is meant by it, AmbiguousRunError.
    """
    folder = Path(text)
    if (folder / RECORD_FILE).is_file():
        return [folder]
    device, _, model = text.partition("/")
    if is_name(device) and is_name(model) and (paths := run_paths(store, device, model)):
        return paths
    if is_name(text) and (names := [name for name in run_names(store) if text in name.split("/")[:2]]):
        return [store / name for name in names]
    if folder.is_dir() and (paths := run_paths(folder)):
        return paths
    if os.sep in text:
        raise UnknownRunError(
            f"{text!r} is neither a run's folder, nor a store, nor DEVICE/MODEL with runs in {store}. "
            "`bench results ls` lists the runs."
        )
    try:
        return [find_run(store, text)]
    except UnknownRunError as error:
        if text == LATEST or is_run_id(text):
            raise
        raise UnknownRunError(f"{text!r} is neither a folder nor a device or model with runs: {error}") from None
