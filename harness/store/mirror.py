"""A store at an address, by way of a local folder that mirrors it.

Run directories do not change once they are stored, so a copy of one never becomes stale, and everything else of this
program can go on working with folders. The mirror is an ordinary store in the user's cache folder: listing runs
fetches the records that it lacks, opening samples fetches them, storing a run stores it here and then sends it, its
record last, so that others see it whole or not at all. What could not be sent is kept and sent by a later command; an
address that does not answer is asked once, and what was there the last time is used.

<cache>/mirrors/<hash of the address>/
    <device>/<model>/<run id>/      as in every store; files beside the record only once they were asked for
    .pending/<run id>               runs stored here that are not sent yet (pending.py)
    .gone/                          runs that are not at the address any more
    .address                        the address, without passwords
    .listed                         when the whole address was last listed
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import warnings
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.store.address import LISTED_TOGETHER, Address
from latency_bench.harness.store.copies import PARTIAL_FOLDER, keep_records
from latency_bench.harness.store.durable import replacing
from latency_bench.harness.store.errors import (
    BrokenRunError,
    NotAskedWarning,
    NotSentWarning,
    RunExistsError,
    StoreError,
    StoreLocationError,
    from_os_error,
)
from latency_bench.harness.store.folders import names_in
from latency_bench.harness.store.layout import (
    CHECKSUMS_FILE,
    OTHER_KINDS,
    PENDING_FOLDER,
    RECORD_FILE,
    holds,
    is_name,
    is_run_id,
)
from latency_bench.harness.store.pending import CONFLICT, PendingRun, mark_pending, pending_runs, unmark_pending
from latency_bench.harness.store.record_packs import WORTH_PACKING, RecordPacks

MIRRORS_FOLDER = "mirrors"
_GONE_FOLDER = ".gone"
_LISTED_FILE = ".listed"
_FRESH_S = 5.0
"""How long an answer about what runs there are holds, so that one command asks once."""
_FEW = 4
"""Records that are read one by one without a look at the packs."""
_FILES_OF_A_RUN = 5
_KEPT_TOGETHER = 1000
"""Records that are forced to the disk by one request."""


def mirrors_folder() -> Path:
    """Where the mirrors of all addresses lie."""
    return cache_folder() / MIRRORS_FOLDER


class Mirror:
    """The local side of a remote store.

    Raises StoreLocationError for an address that cannot be one, StoreError where the cache folder cannot be written.
    """

    def __init__(self, url: str) -> None:
        self.remote = Address(url)
        self.address = self.remote.label
        """For people; passwords are hidden."""
        digest = hashlib.sha256(self.address.rstrip("/").encode()).hexdigest()[:24]
        self.folder = (mirrors_folder() / digest).absolute()
        self._packs = RecordPacks(self.remote, self.folder)
        self._asked: dict[tuple[str | None, str | None], float] = {}
        self._make_folder()

    def pull(self, device: str | None = None, model: str | None = None) -> None:
        """Have the records of all runs (of a device, of a model) here, and send what is pending.

        An address that does not answer is left with a warning (NotAskedWarning) if it was ever listed. Raises
        StoreAbsentError for one that does not exist, StoreError where there is nothing to show or the mirror cannot be
        written.
        """
        now = time.monotonic()
        # An answer about all models says nothing of pairs and other kinds, which are of none.
        answers = {(device, model), (None, model if model in OTHER_KINDS else None)}
        if any(now - self._asked.get(scope, -_FRESH_S) < _FRESH_S for scope in answers):
            return
        try:
            self.list_now(device, model)
        except StoreLocationError:
            raise
        except StoreError as error:
            listed = self._last_listed()
            if listed is None:
                raise
            warnings.warn(f"{error} Shown is what was there at {listed}.", NotAskedWarning, stacklevel=2)
        self._asked[(device, model)] = time.monotonic()

    def list_now(self, device: str | None = None, model: str | None = None) -> None:
        """As `pull`, but raises StoreError where the address does not answer."""
        there = set(self._names(device, model))
        here = set(names_in(self.folder, device, model))
        self.send_pending()
        self._fetch_records(sorted(there - here))
        self._move_away_gone(sorted(here - there - {one.name for one in self.pending()}))
        if device is None and model is None:
            moment = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
            with contextlib.suppress(OSError):
                (self.folder / _LISTED_FILE).write_text(moment, encoding="ascii")

    def forget_listing(self) -> None:
        """Ask again the next time, however short ago the last was."""
        self._asked.clear()

    def check(self) -> None:
        """Before hours are measured: the address has to exist, and what keeps it from answering now is said.

        Raises StoreLocationError; warns (NotAskedWarning) otherwise.
        """
        try:
            self.remote.folders()
        except StoreLocationError:
            raise
        except StoreError as error:
            warnings.warn(f"{error} What is measured is kept here until it can be sent.", NotAskedWarning, stacklevel=2)

    def fetch(self, run: Path, relative: str, sha256: str) -> None:
        """Have one file of a run here. Raises BrokenRunError where it is not what the record says, StoreError."""
        path = run / relative
        try:
            path.parent.mkdir(exist_ok=True)
            with replacing(path, self.folder / PARTIAL_FOLDER) as file:
                digest = hashlib.sha256()
                for chunk in self.remote.chunks(f"{self._name(run)}/{relative}"):
                    digest.update(chunk)
                    file.write(chunk)
                if digest.hexdigest() != sha256:
                    raise BrokenRunError(
                        f"{path}: what {self.address} has of it is not what was stored (SHA-256 differs)."
                    )
        except FileNotFoundError as error:
            raise BrokenRunError(f"{path}: the file is missing at {self.address}.") from error

    def fetch_checksums(self, run: Path) -> None:
        """Have the SHA256SUMS of a run here; a run of before there were any has none. Raises StoreError."""
        content = self.remote.read(f"{self._name(run)}/{CHECKSUMS_FILE}")
        if content is not None:
            with replacing(run / CHECKSUMS_FILE, self.folder / PARTIAL_FOLDER) as file:
                file.write(content)

    def send(self, run: Path) -> None:
        """Send a run that is stored here; where that fails, say so and keep it for later (NotSentWarning)."""
        reason = self._try_to_send(self._name(run))
        if reason is not None:
            warnings.warn(
                f"{run} is stored here and not sent yet: {reason} `bench results push` tries again.",
                NotSentWarning,
                stacklevel=3,
            )

    def send_pending(self, conflicts: bool = False) -> list[PendingRun]:
        """Send what was stored while the address could not be reached, and give what is left; one warning for all.

        `conflicts`: also try what can only be sent once somebody has changed something at the address.
        """
        for one in self.pending():
            if conflicts or not one.is_conflict:
                self._try_to_send(one.name)
        left = self.pending()
        if left:
            warnings.warn(
                f"{len(left)} run{'s are' if len(left) > 1 else ' is'} stored here and not at {self.address}; "
                "`bench results push` says why, and tries again.",
                NotSentWarning,
                stacklevel=3,
            )
        return left

    def pending(self) -> list[PendingRun]:
        """What is stored here and not at the address."""
        return pending_runs(self.folder)

    def _try_to_send(self, name: str) -> str | None:
        """Why that was not possible, in a sentence; None where it was."""
        try:
            self._send(name)
        except RunExistsError as error:
            reason = f"{CONFLICT}{error}"
        except (StoreError, OSError) as error:
            reason = str(error)
        else:
            unmark_pending(self.folder, name)
            return None
        with contextlib.suppress(StoreError):
            mark_pending(self.folder, name, reason)
        return reason

    def _send(self, name: str) -> None:
        run = self.folder / name
        record, there = (run / RECORD_FILE).read_bytes(), self.remote.read(f"{name}/{RECORD_FILE}")
        if there is not None and there != record:
            raise RunExistsError(f"{self.address} has another run {run.name}; a stored run is never overwritten.")
        if there is not None:
            return
        files = sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
        for relative in [*(file for file in files if file != RECORD_FILE), RECORD_FILE]:
            self.remote.put_file(run / relative, f"{name}/{relative}")
        self._packs.add([name])

    def _names(self, device: str | None, model: str | None) -> Iterator[str]:
        """device/model/run id of everything that looks like a run at the address."""
        if model is None and self.remote.lists_all_at_once and self._has_many_folders(device):
            yield from self._names_of_files(device)
            return
        for in_device in (name for name in self.remote.folders() if is_name(name) and device in (None, name)):
            for in_model in (name for name in self.remote.folders(in_device) if holds(name, model)):
                for run in self.remote.folders(f"{in_device}/{in_model}"):
                    if is_run_id(run):
                        yield f"{in_device}/{in_model}/{run}"

    def _has_many_folders(self, device: str | None) -> bool:
        """Whether to list folder by folder would take more requests than to list all files, by what was there the last
        time; so it would for all that is known of an address that was never listed."""
        here = names_in(self.folder, device)
        folders = {name.rpartition("/")[0] for name in here}
        return len(folders) >= len(here) * _FILES_OF_A_RUN // LISTED_TOGETHER

    def _names_of_files(self, device: str | None) -> set[str]:
        if device is not None and not is_name(device):
            return set()
        names = set()
        for path in self.remote.files(device or ""):
            name, _, relative = path.rpartition("/")
            if relative == RECORD_FILE and name.count("/") == 2:
                in_device, in_model, run = name.split("/")
                if is_name(in_device) and holds(in_model, None) and is_run_id(run):
                    names.add(name)
        if not names:
            # Nothing there, or no place where anything could be.
            self.remote.folders()
        return names

    def _fetch_records(self, names: list[str]) -> None:
        """From packs, where these have them, else each from its own file."""
        records = self._packs.read(set(names)) if len(names) > _FEW else {}
        keep_records(self.folder, records)
        alone = [name for name in names if name not in records]
        kept: list[str] = []
        for first in range(0, len(alone), _KEPT_TOGETHER):
            some = alone[first : first + _KEPT_TOGETHER]
            contents = zip(some, self.remote.read_many([f"{name}/{RECORD_FILE}" for name in some]), strict=True)
            whole = {name: content for name, content in contents if content is not None and _is_whole(content)}
            keep_records(self.folder, whole)
            kept += whole
        if len(kept) >= WORTH_PACKING:
            self._packs.add(kept)

    def _move_away_gone(self, names: list[str]) -> None:
        """Runs that were not listed, unless another process sent them since."""
        records = self.remote.read_many([f"{name}/{RECORD_FILE}" for name in names])
        for name, record in zip(names, records, strict=True):
            if record is None:
                self._move_away(name)

    def _move_away(self, name: str) -> None:
        target = self.folder / _GONE_FOLDER / name
        with contextlib.suppress(OSError):  # another process was quicker
            target.parent.mkdir(parents=True, exist_ok=True)
            # It may have gone before, come back, and gone again.
            free = next(place for place in _numbered(target) if not place.exists())
            (self.folder / name).rename(free)

    def _last_listed(self) -> str | None:
        try:
            return (self.folder / _LISTED_FILE).read_text(encoding="ascii")[:40]
        except (OSError, ValueError):
            return None

    def _name(self, run: Path) -> str:
        return run.relative_to(self.folder).as_posix()

    def _make_folder(self) -> None:
        try:
            for name in (PENDING_FOLDER, PARTIAL_FOLDER):
                (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / ".address").write_text(f"{self.address}\n", encoding="utf-8")
        except OSError as error:
            raise from_os_error(error, self.folder, "write") from error


def _numbered(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.name}.{number}")
        number += 1


def _is_whole(record: bytes) -> bool:
    """One that is just being sent to a place without atomic writes can be read before it is complete."""
    try:
        return isinstance(json.loads(record), dict)
    except (ValueError, RecursionError):
        return False
