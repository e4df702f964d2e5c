"""Finding and opening stored runs."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from latency_bench.harness.store.errors import AmbiguousRunError, BrokenRunError, UnknownRunError
from latency_bench.harness.store.folders import names_in
from latency_bench.harness.store.layout import (
    ACCURACY_FOLDER,
    CHECKSUMS_FILE,
    IMAGES_FILE,
    OTHER_KINDS,
    PAIRS_FOLDER,
    RECORD_FILE,
    SAMPLES_FILE,
    TELEMETRY_FILE,
)
from latency_bench.harness.store.mirrors import mirror_of, store_label

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from latency_bench.harness.store.accuracy_record import AccuracyRecord
    from latency_bench.harness.store.pair_record import PairRecord
    from latency_bench.harness.store.pair_samples import PairSamples
    from latency_bench.harness.store.record import FileRecord, RunRecord
    from latency_bench.harness.store.sample_table import StageSamples
    from latency_bench.harness.store.telemetry_table import Telemetry

    AnyRecord: TypeAlias = RunRecord | PairRecord | AccuracyRecord

Parsed = TypeVar("Parsed")

LATEST = "latest"
_CANDIDATES_SHOWN = 5


@dataclass(frozen=True)
class BrokenRun:
    """A run directory whose record cannot be used, and why."""

    path: Path
    problem: str


@dataclass(frozen=True)
class StoredFolder:
    """A run's or a pair's folder."""

    path: Path

    @property
    def files(self) -> dict[str, FileRecord]:
        """Every file beside the record, by its path in the folder."""
        raise NotImplementedError

    def samples_file(self) -> Path | None:
        """The file with the samples; None for a run without any. Raises BrokenRunError where it cannot be fetched."""
        return self.fetch(SAMPLES_FILE) if SAMPLES_FILE in self.files else None

    def telemetry(self) -> Telemetry | None:
        """Every reading; None for a run without any. Raises BrokenRunError."""
        from latency_bench.harness.store.telemetry_table import read_telemetry

        return read_telemetry(self.fetch(TELEMETRY_FILE)) if TELEMETRY_FILE in self.files else None

    def check_telemetry(self) -> None:
        """As `telemetry`, without making texts of it. Raises BrokenRunError."""
        from latency_bench.harness.store.telemetry_table import read_readings

        if TELEMETRY_FILE in self.files:
            read_readings(self.fetch(TELEMETRY_FILE))

    def fetch(self, relative: str) -> Path:
        """Where a file of the run lies, which is brought here first where the store is a remote one.

        Raises BrokenRunError where what comes is not what the record says, StoreError.
        """
        path = self.path / relative
        mirror = None if path.exists() else mirror_of(self.path.parent.parent.parent)
        if mirror is not None:
            mirror.fetch(self.path, relative, self.files[relative].sha256)
        return path


@dataclass(frozen=True)
class StoredRun(StoredFolder):
    """A run and where it lies."""

    record: RunRecord

    @property
    def files(self) -> dict[str, FileRecord]:
        return self.record.files

    def samples(self) -> list[StageSamples]:
        """Every sample; an empty list for a run without any. Raises BrokenRunError."""
        from latency_bench.harness.store.sample_table import read_samples

        path = self.samples_file()
        return read_samples(path) if path is not None else []


@dataclass(frozen=True)
class StoredPair(StoredFolder):
    """A pair and where it lies."""

    record: PairRecord

    @property
    def files(self) -> dict[str, FileRecord]:
        return self.record.files

    def samples(self) -> list[PairSamples]:
        """Every sample of every side; an empty list for a pair without any. Raises BrokenRunError."""
        from latency_bench.harness.store.pair_samples import read_pair_samples

        path = self.samples_file()
        return read_pair_samples(path) if path is not None else []


@dataclass(frozen=True)
class StoredAccuracy(StoredFolder):
    """An accuracy and where it lies."""

    record: AccuracyRecord

    @property
    def files(self) -> dict[str, FileRecord]:
        return self.record.files

    def images(self) -> tuple[list[str], tuple[str, ...], npt.NDArray[np.float64]]:
        """Names of images, names of columns, counts (images, columns). Raises BrokenRunError."""
        from latency_bench.harness.store.accuracy_images import read_images

        return read_images(self.fetch(IMAGES_FILE))

    def labels(self) -> dict[str, str] | None:
        """What each image was held against, by its name; None where that is not stored. Raises BrokenRunError."""
        from latency_bench.harness.store.accuracy_images import read_labels

        return read_labels(self.fetch(IMAGES_FILE))


Stored: TypeAlias = StoredRun | StoredPair | StoredAccuracy


def fetch_checksums(run: Path) -> None:
    """Have the SHA256SUMS of a run of a remote store here, if it has one. Raises StoreError."""
    mirror = None if (run / CHECKSUMS_FILE).exists() else mirror_of(run.parent.parent.parent)
    if mirror is not None:
        mirror.fetch_checksums(run)


def run_names(store: Path, device: str | None = None, model: str | None = None) -> list[str]:
    """`device/model/run id` of all runs, latest first, told by the names of folders alone, no record read.

    A store that is not there has none. Raises StoreError for a folder that cannot be listed, or a remote store that
    does not exist, or does not answer and never did.
    """
    mirror = mirror_of(store)
    if mirror is not None:
        mirror.pull(device, model)
    return names_in(store, device, model)


def pair_names(store: Path, device: str | None = None) -> list[str]:
    """`device/_pairs/run id` of all pairs, otherwise as `run_names`."""
    return run_names(store, device, PAIRS_FOLDER)


def accuracy_names(store: Path, device: str | None = None) -> list[str]:
    """`device/_accuracy/run id` of all accuracies, otherwise as `run_names`."""
    return run_names(store, device, ACCURACY_FOLDER)


def other_names(store: Path) -> list[str]:
    """Of everything in a store that is no run, otherwise as `run_names`."""
    return [name for kind in OTHER_KINDS for name in run_names(store, None, kind)]


def run_paths(store: Path, device: str | None = None, model: str | None = None) -> list[Path]:
    """Folders of all runs, otherwise as `run_names`."""
    return [store / name for name in run_names(store, device, model)]


def read_record(run: Path) -> RunRecord:
    """The record of the run in the folder `run`. Raises BrokenRunError."""
    from latency_bench.harness.store.record import parse_record

    return _parsed(run / RECORD_FILE, parse_record)


def read_pair(folder: Path) -> PairRecord:
    """The record of the pair in `folder`. Raises BrokenRunError."""
    from latency_bench.harness.store.pair_record import parse_pair

    return _parsed(folder / RECORD_FILE, parse_pair)


def read_accuracy(folder: Path) -> AccuracyRecord:
    """The record of the accuracy in `folder`. Raises BrokenRunError."""
    from latency_bench.harness.store.accuracy_record import parse_accuracy

    return _parsed(folder / RECORD_FILE, parse_accuracy)


def _parsed(path: Path, parse: Callable[[bytes], Parsed]) -> Parsed:
    """Raises BrokenRunError naming the file."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise BrokenRunError(f"{path}: cannot be read: {error.strerror}.") from error
    except BrokenRunError as error:
        raise type(error)(f"{path}: {error}") from error


def open_folder(folder: Path) -> Stored:
    """What lies in `folder`; which kind is told by the folder above it. Raises BrokenRunError."""
    kind = folder.absolute().parent.name
    if kind == PAIRS_FOLDER:
        return StoredPair(folder, read_pair(folder))
    if kind == ACCURACY_FOLDER:
        return StoredAccuracy(folder, read_accuracy(folder))
    return StoredRun(folder, read_record(folder))


def place_of(record: AnyRecord) -> str:
    """device/model/run id, or device/_pairs/run id: where in a store it belongs."""
    return f"{record.device.name}/{record.folder}/{record.run_id}"


def misplaced(path: Path, record: AnyRecord) -> str | None:
    """What is wrong if the record in `path` is of another run, model or device than the folders say."""
    place = place_of(record)
    if "/".join(path.parts[-3:]) == place:
        return None
    return f"{path}: the record is of {place}, which is not where it lies."


def open_run(store: Path, reference: str) -> StoredRun:
    """The run meant by `reference`: a run's folder, a run id, its beginning, its last six characters, or `latest`.

    Raises UnknownRunError, AmbiguousRunError, BrokenRunError.
    """
    path = find_run(store, reference)
    return StoredRun(path, read_record(path))


def open_stored(store: Path, reference: str) -> Stored:
    """As `open_run`, among runs, pairs and accuracies alike."""
    return open_folder(find_run(store, reference, every_kind=True))


def find_run(store: Path, reference: str, every_kind: bool = False) -> Path:
    """The folder of the run meant by `reference`, its record unread; `every_kind`: of a pair or an accuracy as well.

    Raises UnknownRunError, AmbiguousRunError.
    """
    if os.sep in reference or reference in (os.curdir, os.pardir):
        folder = Path(reference)
        if (folder / RECORD_FILE).is_file():
            return folder
        raise UnknownRunError(
            f"{reference} is not the folder of a run: it does not hold a {RECORD_FILE}. `bench results ls` lists runs."
        )
    names = run_names(store)
    if every_kind:
        names = sorted([*names, *other_names(store)], key=lambda name: name.rpartition("/")[2], reverse=True)
    if not names:
        raise UnknownRunError(
            f"{store_label(store)} does not hold any run. Name another store with --store, or measure with `bench run`."
        )
    if reference == LATEST:
        return store / names[0]
    by_id = [(name.rpartition("/")[2], name) for name in names]
    short = f"-{reference}"
    matches = [one for one in by_id if reference and (one[0].startswith(reference) or one[0].endswith(short))]
    if len(matches) == 1:
        return store / matches[0][1]
    if matches:
        shown = [f"{run_id} ({name.rpartition('/')[0]})" for run_id, name in matches[:_CANDIDATES_SHOWN]]
        more = f" and {len(matches) - len(shown)} more" if len(matches) > len(shown) else ""
        raise AmbiguousRunError(
            f"{len(matches)} runs go by {reference!r}: {', '.join(shown)}{more}. Give a whole id or a folder."
        )
    near = difflib.get_close_matches(reference, [run_id for run_id, _ in by_id[:1000]], n=3, cutoff=0.5)
    hint = f"Nearest: {', '.join(near)}." if near else f"The latest is {by_id[0][0]}; `bench results ls` lists all."
    raise UnknownRunError(f"there is no run {reference!r} in {store_label(store)}. {hint}")
