"""Runs from an archive or another store into this one.

Everything that comes is first written beside the store's runs, checked there as `verify` checks a run, and moved to its
place only once the whole source was read. A run that is here already stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.devices.ownership import claim
from latency_bench.harness.store.archive_reader import Limits, RunFile, read_archive
from latency_bench.harness.store.check_ahead import check_ahead
from latency_bench.harness.store.checked_runs import checked_before
from latency_bench.harness.store.durable import CHUNK_BYTES, force_to_disk, write_once
from latency_bench.harness.store.errors import (
    ArchiveError,
    BrokenRunError,
    RunExistsError,
    StoreError,
    StoreLocationError,
    from_os_error,
)
from latency_bench.harness.store.layout import CHECKSUMS_FILE, OTHER_KINDS, RECORD_FILE, staging_folder
from latency_bench.harness.store.left_overs import remove_left_overs
from latency_bench.harness.store.mirrors import mirror_of
from latency_bench.harness.store.placing import put_in_place
from latency_bench.harness.store.reader import fetch_checksums, open_folder, other_names, run_names
from latency_bench.harness.store.side_by_side import side_by_side
from latency_bench.harness.store.verify import check_run

if TYPE_CHECKING:
    from latency_bench.harness.store.mirror import Mirror


_FETCHED_AHEAD = 100
"""Runs of a store at an address whose files are fetched together."""


@dataclass
class Imported:
    """What became of each run of the source, by device/model/run id."""

    added: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    """Here already, with the same content."""
    refused: dict[str, str] = field(default_factory=dict)
    """Not whole, or another run than the one that is here under this id; and which."""


def import_runs(store: Path, source: Path, limits: Limits | None = None, tidy: bool = True) -> Imported:
    """Bring the runs of an archive, or of the store in the folder `source`, into `store`.

    `tidy`: look through the whole store first for what writers that were killed left behind.

    Raises ArchiveError for an archive that must not be trusted, StoreLocationError where `source` is neither,
    StoreError where this store cannot be written; then nothing was imported, but for runs that were moved to their
    places already, each of which is whole.
    """
    if source.is_file():
        files = read_archive(source, limits)
    elif source.is_dir() or mirror_of(source) is not None:
        files = _files_of_store(source)
    else:
        raise StoreLocationError(f"{source} is neither an archive of runs nor a store.")
    mirror = mirror_of(store)
    if mirror is not None:
        # What is at the address already should be known; what comes in is stored here whatever becomes of the address.
        with contextlib.suppress(StoreError):
            mirror.pull()
            for kind in OTHER_KINDS:
                mirror.pull(model=kind)
    if tidy:
        remove_left_overs(store)
    staging = staging_folder(store)
    existed = store.exists()
    try:
        try:
            staging.mkdir(parents=True)
            owner = claim(staging)
        except OSError as error:
            raise from_os_error(error, staging, "create") from error
        with owner:
            staged = _stage(staging, files)
            # All of it at once, and before the first run is moved to its place: a run is on the disk, or not there.
            _force(staging)
            outcome = _place(store, staging, staged)
            if outcome.added:
                _force(store)
            return outcome
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if not existed and store.is_dir() and not any(store.iterdir()):
            store.rmdir()


def _force(folder: Path) -> None:
    try:
        force_to_disk(folder)
    except OSError as error:
        raise from_os_error(error, folder, "force to the disk") from error


def _stage(staging: Path, files: Iterable[RunFile]) -> list[str]:
    runs: list[str] = []
    folder = staging
    for file in files:
        if not runs or file.run != runs[-1]:
            if (staging / file.run).exists():
                raise ArchiveError(f"the files of {file.run} do not lie together. Nothing was imported.")
            runs.append(file.run)
        path = staging / file.run / file.relative
        try:
            if path.parent != folder:
                folder = path.parent
                folder.mkdir(parents=True, exist_ok=True)
            write_once(path, file.chunks, force=False)
        except FileExistsError:
            raise ArchiveError(f"{file.relative} of {file.run} is there twice. Nothing was imported.") from None
        except OSError as error:
            raise from_os_error(error, path, "write") from error
    return runs


def _place(store: Path, staging: Path, runs: list[str]) -> Imported:
    outcome = Imported()
    with checked_before(len(runs)) as checked:
        check_ahead([staging / name for name in runs], checked)
        for name, check in side_by_side(lambda name: check_run(staging / name, True, checked=checked), runs):
            if check.findings:
                outcome.refused[name] = check.findings[0].problem.replace(f"{staging}{os.sep}", "")
            elif _compare(store, staging, name, outcome):
                try:
                    put_in_place(staging / name, store / name, force=False)
                    outcome.added.append(name)
                except RunExistsError:  # another process was quicker
                    _compare(store, staging, name, outcome)
    return outcome


def _compare(store: Path, staging: Path, name: str, outcome: Imported) -> bool:
    """Whether there is no such run yet; else note what its being there means."""
    if not (store / name).exists():
        return True
    try:
        same = (store / name / RECORD_FILE).read_bytes() == (staging / name / RECORD_FILE).read_bytes()
    except OSError:
        same = False
    if same:
        outcome.present.append(name)
    else:
        outcome.refused[name] = "the store has another run with this id, which stays."
    return False


def _files_of_store(source: Path) -> Iterator[RunFile]:
    names = [*run_names(source), *other_names(source)]
    if not names:
        raise StoreLocationError(f"{source} is not a store: it does not hold any run.")
    mirror = mirror_of(source)
    for number, name in enumerate(names):
        if mirror is not None and number % _FETCHED_AHEAD == 0:
            _fetch_ahead(mirror, names[number : number + _FETCHED_AHEAD])
        run = source / name
        try:
            stored = open_folder(run)
            listed = sorted(stored.files)
            fetch_checksums(run)
            for relative in listed:
                stored.fetch(relative)
        except BrokenRunError:
            # Its record comes along alone and is refused for what is wrong with it.
            listed = []
        for relative in (RECORD_FILE, CHECKSUMS_FILE, *listed):
            if (run / relative).is_file():
                yield RunFile(name, relative, _chunks(run / relative))


def _fetch_ahead(mirror: Mirror, names: Sequence[str]) -> None:
    """Have the files of these runs here, many at once. What is missing or damaged there is told of its run later."""
    from latency_bench.harness.store.bulk_fetch import WantedFile, fetch_files

    wanted = []
    for name in names:
        run = mirror.folder / name
        with contextlib.suppress(BrokenRunError):
            wanted += [
                WantedFile(name, one, file.sha256, file.size_bytes) for one, file in open_folder(run).files.items()
            ]
            wanted.append(WantedFile(name, CHECKSUMS_FILE, None, 0))
    fetch_files(mirror, [one for one in wanted if not (mirror.folder / one.path).exists()])


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    with os.fdopen(descriptor, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
