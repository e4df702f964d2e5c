"""RunWriter: a run directory is there whole or not at all.

Everything is written into a temporary folder beside the run's place; files and folders are forced to the disk; then
one rename makes the run visible. Whatever happens before that rename leaves no run behind. Addresses with a password in
them lose it on the way into the record and into evidence that is text.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from latency_bench.devices.ownership import OWNER_FILE, claim
from latency_bench.harness.store.accuracy_images import images_to_parquet
from latency_bench.harness.store.accuracy_record import AccuracyRecord
from latency_bench.harness.store.checksums import checksums
from latency_bench.harness.store.durable import write_once
from latency_bench.harness.store.errors import RunExistsError, StoreError, from_os_error
from latency_bench.harness.store.layout import (
    CHECKSUMS_FILE,
    EVIDENCE_FOLDER,
    IMAGES_FILE,
    RECORD_FILE,
    SAMPLES_FILE,
    TELEMETRY_FILE,
    checked_name,
    run_folder,
    temporary_folder,
)
from latency_bench.harness.store.left_overs import remove_left_overs
from latency_bench.harness.store.mirrors import check_store
from latency_bench.harness.store.pair_record import PairRecord
from latency_bench.harness.store.pair_samples import PairSamples, pair_samples_to_parquet
from latency_bench.harness.store.placing import put_in_place
from latency_bench.harness.store.record import FileRecord, RunRecord
from latency_bench.harness.store.redaction import json_without_secrets, without_secrets
from latency_bench.harness.store.sample_table import StageSamples, samples_to_parquet
from latency_bench.harness.store.telemetry_table import Telemetry, telemetry_to_parquet

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_ATTEMPTS = 20


class RunWriter:
    """Writes one run into a store, or with one of OTHER_KINDS for a model one of that kind.

        with RunWriter(store, "local", "b1-seg", run_id) as writer:
            writer.add_evidence("build.log", log)
            writer.write_samples(blocks)
            path = writer.commit(record)

    Leaving the block without a commit, by an exception or Ctrl-C for instance, removes everything again.
    Raises InvalidNameError for a name that must not become a path, StoreFullError where no space is left, StoreError
    for anything else the file system refuses.
    """

    def __init__(self, store: Path, device: str, model: str, run_id: str) -> None:
        self.store = store
        self.device, self.model, self.run_id = device, model, run_id
        self.path = run_folder(store, device, model, run_id)
        """Where the run will be."""
        self._temporary = temporary_folder(store, device, model, run_id)
        self._files: dict[str, FileRecord] = {}
        self._owner: TextIO | None = None

    def __enter__(self) -> RunWriter:
        check_store(self.store)
        if self.path.exists():
            raise RunExistsError(f"{self.path} exists already; a stored run is never overwritten.")
        remove_left_overs(self.store)
        try:
            self._make_temporary()
            self._owner = claim(self._temporary)
        except OSError as error:
            self._remove()
            raise from_os_error(error, self._temporary, "create") from error
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After a commit the temporary folder is gone, and this finds nothing to remove.
        self._remove()

    def add_evidence(self, name: str, content: bytes | str) -> None:
        """Keep what a tool printed as evidence/`name`; text is stored as UTF-8."""
        relative = f"{EVIDENCE_FOLDER}/{checked_name(name, 'evidence file')}"
        if isinstance(content, str):
            content = without_secrets(content).encode("utf-8", "backslashreplace")
        self._add(relative, content)

    def write_samples(self, blocks: Iterable[StageSamples]) -> None:
        """Store all samples, warm-up included."""
        self._add(SAMPLES_FILE, samples_to_parquet(blocks))

    def write_telemetry(self, telemetry: Telemetry) -> None:
        """Store all readings."""
        self._add(TELEMETRY_FILE, telemetry_to_parquet(telemetry))

    def write_pair_samples(self, parts: Iterable[PairSamples]) -> None:
        """Store all samples of a pair, warm-up included."""
        self._add(SAMPLES_FILE, pair_samples_to_parquet(parts))

    def write_images(
        self,
        names: Sequence[str],
        columns: Sequence[str],
        counts: npt.NDArray[np.float64],
        labels: Sequence[str] | None = None,
    ) -> None:
        """Store what was counted of every image, and what it was held against."""
        self._add(IMAGES_FILE, images_to_parquet(names, columns, counts, labels))

    def commit(self, record: RunRecord | PairRecord | AccuracyRecord) -> Path:
        """Store the run for good and return its folder; `record.files` is filled in here.

        Raises ValueError if the record is of another run than this writer's.
        """
        for what, expected, found in (
            ("run", self.run_id, record.run_id),
            ("device", self.device, record.device.name),
            ("model", self.model, record.folder),
        ):
            if expected != found:
                raise ValueError(f"the record is of {what} {found!r}, the writer of {expected!r}")
        complete = record.model_copy(update={"files": dict(sorted(self._files.items()))})
        complete = type(record).model_validate_json(json_without_secrets(complete.to_json()))
        written = self._write(RECORD_FILE, complete.to_json().encode())
        self._write(CHECKSUMS_FILE, checksums({**complete.files, RECORD_FILE: written}))
        try:
            (self._temporary / OWNER_FILE).unlink()
        except OSError as error:
            raise from_os_error(error, self.path, "store the run as") from error
        put_in_place(self._temporary, self.path)
        return self.path

    def _add(self, relative: str, content: bytes) -> None:
        if relative in self._files:
            raise StoreError(f"{relative} was added to run {self.run_id} already; give it another name.")
        self._files[relative] = self._write(relative, content)

    def _write(self, relative: str, content: bytes) -> FileRecord:
        path = self._temporary / relative
        try:
            if path.parent != self._temporary:
                path.parent.mkdir(exist_ok=True)
            size_bytes, sha256 = write_once(path, [content])
        except OSError as error:
            raise from_os_error(error, self.path / relative, "write") from error
        return FileRecord(sha256=sha256, size_bytes=size_bytes)

    def _make_temporary(self) -> None:
        # Another writer that gives up removes the empty folders above its run, maybe those made here a moment ago.
        for attempt in range(_ATTEMPTS):
            try:
                self._temporary.parent.mkdir(parents=True, exist_ok=True)
                self._temporary.mkdir()
                return
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise

    def _remove(self) -> None:
        if self._owner is not None:
            self._owner.close()
            self._owner = None
        shutil.rmtree(self._temporary, ignore_errors=True)
        for folder in (self.path.parent, self.path.parent.parent, self.store):
            try:
                folder.rmdir()
            except FileNotFoundError:
                # Stopped before this one was made; those above it may be there.
                continue
            except OSError:
                return
