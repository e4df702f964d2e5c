"""A store at any address that fsspec can open, by way of a local folder that mirrors it.

Run directories do not change once they are stored, so a copy of one never becomes stale, and everything else of this
program can go on working with folders. The mirror is an ordinary store in the user's cache folder: listing runs
fetches the records that it lacks, opening samples fetches them, storing a run stores it here and then sends it, its
record last, so that others see it whole or not at all. What could not be sent is kept and sent by a later command.

<cache>/mirrors/<hash of the address>/
    <device>/<model>/<run id>/      as in every store; files beside the record only once they were asked for
    .pending/<run id>               runs stored here that are not sent yet: their place in the store
    .gone/                          runs that are not at the address any more
    .address                        the address, without passwords
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.store.checksums import recorded_sha256
from latency_bench.harness.store.durable import CHUNK_BYTES, replacing, write_once
from latency_bench.harness.store.errors import (
    BrokenRunError,
    RunExistsError,
    StoreError,
    StoreLocationError,
    from_os_error,
)
from latency_bench.harness.store.folders import names_in
from latency_bench.harness.store.layout import (
    CHECKSUMS_FILE,
    PENDING_FOLDER,
    RECORD_FILE,
    is_name,
    is_run_id,
    temporary_folder,
)
from latency_bench.harness.store.redaction import HIDDEN, secrets_of, without_secrets

MIRRORS_FOLDER = "mirrors"
_PARTIAL_FOLDER = ".partial"
_GONE_FOLDER = ".gone"
_FRESH_S = 5.0
"""How long an answer about what runs there are holds, so that one command asks once."""
_BATCH = 200
"""Records that are asked for together."""


class NotSentWarning(UserWarning):
    """A run is stored here and not at the store's address yet."""


def mirrors_folder() -> Path:
    """Where the mirrors of all addresses lie."""
    return cache_folder() / MIRRORS_FOLDER


class Mirror:
    """The local side of a remote store.

    Raises StoreLocationError for an address that cannot be one, StoreError where the cache folder cannot be written.
    """

    def __init__(self, url: str) -> None:
        self.address = without_secrets(url)
        """For people; passwords are hidden."""
        self._secrets = secrets_of(url)
        self._remote, self._root = self._opened(url)
        digest = hashlib.sha256(self.address.rstrip("/").encode()).hexdigest()[:24]
        self.folder = (mirrors_folder() / digest).absolute()
        self._asked: dict[tuple[str | None, str | None], float] = {}
        self._make_folder()

    def pull(self, device: str | None = None, model: str | None = None) -> None:
        """Have the records of all runs (of a device, of a model) here, and send what is pending.

        Raises StoreError where the address cannot be reached or the mirror not be written.
        """
        now = time.monotonic()
        if any(now - self._asked.get(scope, -_FRESH_S) < _FRESH_S for scope in ((None, None), (device, model))):
            return
        self.send_pending()
        with self._reaching():
            there = set(self._names(device, model))
        here = set(names_in(self.folder, device, model))
        self._fetch_records(sorted(there - here))
        for name in here - there - set(self._pending().values()):
            self._move_away(name)
        self._asked[(device, model)] = now

    def fetch(self, run: Path, relative: str, sha256: str) -> None:
        """Have one file of a run here. Raises BrokenRunError where it is not what the record says, StoreError."""
        path = run / relative
        source = f"{self._place(run)}/{relative}"
        try:
            path.parent.mkdir(exist_ok=True)
            with (
                self._reaching(),
                replacing(path, self.folder / _PARTIAL_FOLDER) as file,
                self._remote.open(source, "rb") as remote,
            ):
                digest = hashlib.sha256()
                while chunk := remote.read(CHUNK_BYTES):
                    digest.update(chunk)
                    file.write(chunk)
                if digest.hexdigest() != sha256:
                    raise BrokenRunError(
                        f"{path}: what {self.address} has of it is not what was stored (SHA-256 differs)."
                    )
        except FileNotFoundError as error:
            raise BrokenRunError(f"{path}: the file is missing at {self.address}.") from error

    def send(self, run: Path) -> None:
        """Send a run that is stored here; where that fails, say so and keep it for later (NotSentWarning)."""
        try:
            with self._reaching():
                self._send(run)
        except RunExistsError:
            raise
        except StoreError as error:
            warnings.warn(
                f"{run} is stored here and not sent yet: {error} The next command with this store sends it.",
                NotSentWarning,
                stacklevel=3,
            )

    def send_pending(self) -> None:
        """Send what was stored while the address could not be reached."""
        for name in self._pending().values():
            if (self.folder / name / RECORD_FILE).is_file():
                self.send(self.folder / name)

    def _opened(self, url: str) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        try:
            remote, root = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError, TypeError, OSError) as error:
            raise StoreLocationError(f"{self.address} cannot be a store: {_reason(error, self._secrets)}.") from None
        return remote, str(root).rstrip("/")

    def _send(self, run: Path) -> None:
        place = self._place(run)
        record = (run / RECORD_FILE).read_bytes()
        with contextlib.suppress(FileNotFoundError):
            if self._remote.cat_file(f"{place}/{RECORD_FILE}") != record:
                raise RunExistsError(f"{self.address} has another run {run.name}; a stored run is never overwritten.")
            self._unmark(run)
            return
        files = sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
        for relative in [*(name for name in files if name != RECORD_FILE), RECORD_FILE]:
            self._remote.put_file(str(run / relative), f"{place}/{relative}")
        self._unmark(run)

    def _unmark(self, run: Path) -> None:
        (self.folder / PENDING_FOLDER / run.name).unlink(missing_ok=True)

    def _pending(self) -> dict[str, str]:
        """Place in the store by run id."""
        marks = self.folder / PENDING_FOLDER
        found = {}
        for mark in marks.iterdir() if marks.is_dir() else ():
            with contextlib.suppress(OSError, ValueError):
                device, model, run_id = mark.read_text(encoding="ascii").split("/")
                if is_name(device) and is_name(model) and run_id == mark.name and is_run_id(run_id):
                    found[run_id] = f"{device}/{model}/{run_id}"
        return found

    def _names(self, device: str | None, model: str | None) -> Iterator[str]:
        """device/model/run id of everything that looks like a run at the address."""
        self._remote.invalidate_cache()
        for in_device in self._folders("", device):
            for in_model in self._folders(in_device, model):
                for run in self._list(f"{in_device}/{in_model}"):
                    if is_run_id(run):
                        yield f"{in_device}/{in_model}/{run}"

    def _folders(self, within: str, only: str | None) -> list[str]:
        return [name for name in self._list(within) if is_name(name) and only in (None, name)]

    def _list(self, within: str) -> list[str]:
        try:
            entries = self._remote.ls(f"{self._root}/{within}".rstrip("/"), detail=True)
        except FileNotFoundError:
            return []
        return [PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory"]

    def _fetch_records(self, names: list[str]) -> None:
        for first in range(0, len(names), _BATCH):
            batch = names[first : first + _BATCH]
            paths = [f"{self._root}/{name}/{file}" for name in batch for file in (RECORD_FILE, CHECKSUMS_FILE)]
            with self._reaching():
                found: Mapping[str, Any] = self._remote.cat(paths, on_error="return")
                for answer in found.values():
                    if isinstance(answer, Exception) and not isinstance(answer, FileNotFoundError):
                        raise answer
            for name in batch:
                record, sums = (_found(found, f"{self._root}/{name}/{file}") for file in (RECORD_FILE, CHECKSUMS_FILE))
                if record is not None and _is_whole(record, sums):
                    self._keep(name, {RECORD_FILE: record, CHECKSUMS_FILE: sums})

    def _keep(self, name: str, files: Mapping[str, bytes | None]) -> None:
        device, model, run_id = name.split("/")
        temporary = temporary_folder(self.folder, device, model, run_id)
        place = self.folder / name
        try:
            temporary.mkdir(parents=True)
            for relative, content in files.items():
                if content is not None:
                    write_once(temporary / relative, [content])
            temporary.rename(place)
        except OSError as error:
            _remove(temporary, files)
            if not (place / RECORD_FILE).is_file():  # else another process was quicker
                raise from_os_error(error, place, "write") from error

    def _move_away(self, name: str) -> None:
        target = self.folder / _GONE_FOLDER / name
        with contextlib.suppress(OSError):  # another process was quicker, or it lies there already
            target.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).rename(target)

    def _place(self, run: Path) -> str:
        return f"{self._root}/{run.relative_to(self.folder).as_posix()}"

    def _make_folder(self) -> None:
        try:
            for name in (PENDING_FOLDER, _PARTIAL_FOLDER):
                (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / ".address").write_text(f"{self.address}\n", encoding="utf-8")
        except OSError as error:
            raise from_os_error(error, self.folder, "write") from error

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        """Whatever a driver of fsspec raises, in one line and without passwords."""
        try:
            yield
        except (StoreError, FileNotFoundError):
            raise
        except Exception as error:
            raise StoreError(f"cannot use the store at {self.address}: {_reason(error, self._secrets)}.") from None


def _reason(error: Exception, secrets: Iterable[str]) -> str:
    text = without_secrets(" ".join(str(error).split()))
    for secret in filter(None, secrets):
        text = text.replace(secret, HIDDEN)
    return text.rstrip(".") or type(error).__name__


def _found(answers: Mapping[str, Any], path: str) -> bytes | None:
    answer = answers.get(path, answers.get(f"/{path.lstrip('/')}"))
    return answer if isinstance(answer, bytes) else None


def _is_whole(record: bytes, sums: bytes | None) -> bool:
    """A record that is just being sent to a place without atomic writes can be read before it is complete."""
    expected = recorded_sha256(sums) if sums is not None else None
    return expected is None or expected == hashlib.sha256(record).hexdigest()


def _remove(temporary: Path, files: Iterable[str]) -> None:
    for relative in files:
        with contextlib.suppress(OSError):
            os.unlink(temporary / relative)
    with contextlib.suppress(OSError):
        temporary.rmdir()
