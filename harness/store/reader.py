"""Finding and opening stored runs."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.store.errors import AmbiguousRunError, BrokenRunError, UnknownRunError, from_os_error
from harness.store.layout import RECORD_FILE, SAMPLES_FILE, TELEMETRY_FILE, is_name, is_run_id
from harness.store.record import RunRecord, Status, parse_record
from harness.store.samples import SampleBlock, read_samples
from harness.store.telemetry import Telemetry, read_telemetry

LATEST = "latest"
_CANDIDATES_SHOWN = 5


@dataclass(frozen=True)
class RunSummary:
    """One line about a run. Latencies are None for a failed one."""

    path: Path
    run_id: str
    status: Status
    started_at: datetime
    device: str
    model: str
    runtime: str | None
    resolution: tuple[int, int]
    batch: int
    precision: str
    median_ms: float | None
    low_ms: float | None
    high_ms: float | None
    n: int | None
    flags: tuple[str, ...]
    """Names of the flags that are more than information."""


@dataclass(frozen=True)
class BrokenRun:
    """A run directory whose record cannot be used, and why."""

    path: Path
    problem: str


@dataclass(frozen=True)
class StoredRun:
    """A run and where it lies."""

    path: Path
    record: RunRecord

    def samples(self) -> list[SampleBlock]:
        """Every sample; an empty list for a run without any. Raises BrokenRunError."""
        return read_samples(self.path / SAMPLES_FILE) if SAMPLES_FILE in self.record.files else []

    def telemetry(self) -> Telemetry | None:
        """Every reading; None for a run without any. Raises BrokenRunError."""
        return read_telemetry(self.path / TELEMETRY_FILE) if TELEMETRY_FILE in self.record.files else None


def run_paths(store: Path, device: str | None = None, model: str | None = None) -> list[Path]:
    """Folders of all runs, latest first, told by their names alone. A store that is not there has none.

    Raises StoreError for a folder that cannot be listed.
    """
    paths = [
        run
        for device_folder in _folders(store)
        if is_name(device_folder.name) and device in (None, device_folder.name)
        for model_folder in _folders(device_folder)
        if is_name(model_folder.name) and model in (None, model_folder.name)
        for run in _folders(model_folder)
        if is_run_id(run.name)
    ]
    return sorted(paths, key=lambda path: (path.name, path), reverse=True)


def read_record(run: Path) -> RunRecord:
    """The record of the run in the folder `run`. Raises BrokenRunError."""
    path = run / RECORD_FILE
    try:
        return parse_record(path.read_bytes())
    except OSError as error:
        raise BrokenRunError(f"{path}: cannot be read: {error.strerror}.") from error
    except BrokenRunError as error:
        raise type(error)(f"{path}: {error}") from error


def find_runs(
    store: Path,
    device: str | None = None,
    model: str | None = None,
    status: Status | None = None,
    on_broken: Callable[[BrokenRun], None] | None = None,
) -> Iterator[RunSummary]:
    """The runs of a store, latest first, one record in memory at a time.

    A run whose record cannot be read is handed to `on_broken` and left out.
    """
    for path in run_paths(store, device, model):
        try:
            record = read_record(path)
        except BrokenRunError as error:
            if on_broken:
                on_broken(BrokenRun(path, str(error)))
            continue
        problem = misplaced(path, record)
        if problem:
            if on_broken:
                on_broken(BrokenRun(path, problem))
            continue
        if status in (None, record.status):
            yield summarise(path, record)


def summarise(path: Path, record: RunRecord) -> RunSummary:
    """The one line about a run."""
    latency = record.summary.latency if record.summary else None
    return RunSummary(
        path=path,
        run_id=record.run_id,
        status=record.status,
        started_at=record.started_at,
        device=record.device.name,
        model=record.model.id,
        runtime=record.runtime.name if record.runtime else None,
        resolution=record.model.resolution,
        batch=record.model.batch,
        precision=record.model.precision,
        median_ms=latency.median_ms if latency else None,
        low_ms=latency.low_ms if latency else None,
        high_ms=latency.high_ms if latency else None,
        n=latency.n if latency else None,
        flags=tuple(flag.name for flag in record.flags if flag.severity != "info"),
    )


def misplaced(path: Path, record: RunRecord) -> str | None:
    """What is wrong if the record in `path` is of another run, model or device than the folders say."""
    says = (record.device.name, record.model.id, record.run_id)
    if path.parts[-3:] == says:
        return None
    return f"{path}: the record is of {'/'.join(says)}, which is not where it lies."


def open_run(store: Path, reference: str) -> StoredRun:
    """The run meant by `reference`: a run's folder, a run id, its beginning, its last six characters, or `latest`.

    Raises UnknownRunError, AmbiguousRunError, BrokenRunError.
    """
    path = find_run(store, reference)
    return StoredRun(path, read_record(path))


def find_run(store: Path, reference: str) -> Path:
    """The folder of the run meant by `reference`, its record unread.

    Raises UnknownRunError, AmbiguousRunError.
    """
    if os.sep in reference or reference in (os.curdir, os.pardir):
        folder = Path(reference)
        if (folder / RECORD_FILE).is_file():
            return folder
        raise UnknownRunError(
            f"{reference} is no run directory: it has no {RECORD_FILE}. `bench results ls` lists runs."
        )
    paths = run_paths(store)
    if not paths:
        raise UnknownRunError(
            f"no run is stored in {store}. Give the store with --store, or make one with `bench run`."
        )
    if reference == LATEST:
        return paths[0]
    short = f"-{reference}"
    matches = [path for path in paths if reference and (path.name.startswith(reference) or path.name.endswith(short))]
    if len(matches) == 1:
        return matches[0]
    if matches:
        shown = [f"{path.name} ({path.parts[-3]}/{path.parts[-2]})" for path in matches[:_CANDIDATES_SHOWN]]
        more = f" and {len(matches) - len(shown)} more" if len(matches) > len(shown) else ""
        raise AmbiguousRunError(
            f"{len(matches)} runs go by {reference!r}: {', '.join(shown)}{more}. Give a whole id or a folder."
        )
    near = difflib.get_close_matches(reference, [path.name for path in paths[:1000]], n=3, cutoff=0.5)
    hint = f"Nearest: {', '.join(near)}." if near else f"The latest is {paths[0].name}; `bench results ls` lists all."
    raise UnknownRunError(f"no run {reference!r} in {store}. {hint}")


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            return [parent / entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise from_os_error(error, parent, "list") from error
