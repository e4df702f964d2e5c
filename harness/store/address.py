"""A place that fsspec opens: lists, reads and writes there, each within a bounded time, errors in one line without
passwords.

Whoever finds that nobody answers says so to all who ask soon after: a command waits once for an address that is away.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from latency_bench.harness.store.durable import CHUNK_BYTES
from latency_bench.harness.store.errors import (
    StoreAbsentError,
    StoreError,
    StoreLocationError,
    StoreUnreachableError,
)
from latency_bench.harness.store.redaction import HIDDEN, address_without_secrets, secrets_of, without_secrets

ANSWER_S = 30.0
"""For an answer of a few bytes; transfers have more."""
SLOWEST_BYTES_PER_S = 10_000.0
_SLOW_S_OF_ANSWER_S = 10.0
"""How much longer many small files may take than one, or a list of all files."""
_LISTING_S = 3600.0
"""For a list of all files where the driver bounds each of its requests: a bucket may hold millions."""
AWAY_S = 30.0
"""For so long nobody asks again after an address that did not answer."""
LISTED_TOGETHER = 1000
"""Names in an answer of an object store, at most."""
_BATCH = 200
"""Files that are read together."""

_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss"})
"""Where a path is a key in a bucket: there are no folders that could be made or be missing."""
_BOUNDED_REQUESTS = frozenset({"s3", "s3a"})
"""Whose driver is told how long a request may take (_options)."""
_ERRNO = re.compile(r"\[Errno -?\d+\] ")
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class RemoteFile:
    """What a listing tells of a file."""

    size_bytes: int
    md5: str | None
    """Where the server states it."""


class Address:
    """Paths are relative to the address, with `/`. Raises StoreLocationError for what cannot be an address; every
    other method StoreUnreachableError where nobody answers in time, StoreError where something is refused."""

    def __init__(self, url: str) -> None:
        self.label = address_without_secrets(url)
        """For people; passwords are hidden."""
        self._url = url
        self._secrets = secrets_of(url)
        self._protocol = url.partition("://")[0].rpartition("::")[2].lower()
        self._opened: tuple[Any, str] | None = None
        self._alone = threading.Lock()
        """Held while it is opened, and for every request where the driver has one connection (FTP, SFTP)."""
        self._away_until_s = 0.0
        self._away_because = ""
        self._check_protocol()

    def folders(self, within: str = "") -> list[str]:
        """Names of the folders in a folder; none where it is not there. Raises StoreAbsentError where the bucket, or
        the folder that should hold the store, does not exist."""

        def ask(remote: Any, root: str) -> list[Any] | None:
            remote.invalidate_cache()
            try:
                return list(remote.ls(f"{root}/{within}".rstrip("/"), detail=True))
            except FileNotFoundError:
                return None

        entries = self._bounded(ask)
        if entries is None and not within:
            self._check_parent()
        return [PurePosixPath(entry["name"]).name for entry in entries or () if entry["type"] == "directory"]

    @property
    def lists_all_at_once(self) -> bool:
        """Whether all files below a folder are listed by a request for every LISTED_TOGETHER of them, folders of
        folders included."""
        return self._protocol in _OBJECT_STORES

    def files(self, within: str = "") -> dict[str, RemoteFile]:
        """All files below a folder; none where it is not there."""

        def ask(remote: Any, root: str) -> dict[str, Any]:
            remote.invalidate_cache()
            try:
                found: dict[str, Any] = remote.find(f"{root}/{within}".rstrip("/"), detail=True)
            except FileNotFoundError:
                return {}
            return {name.lstrip("/").removeprefix(root.lstrip("/")).lstrip("/"): entry for name, entry in found.items()}

        limit_s = _LISTING_S if self._protocol in _BOUNDED_REQUESTS else _slow_s()
        found = self._bounded(ask, limit_s)
        return {name: RemoteFile(int(entry.get("size") or 0), _md5(entry)) for name, entry in found.items()}

    def read(self, path: str) -> bytes | None:
        """A small file; None where it is not there."""
        return next(self.read_many([path]))

    def read_many(self, paths: Sequence[str], size_bytes: int = 0) -> Iterator[bytes | None]:
        """Small files, one request each, many at once; None for those that are not there. `size_bytes`: of all of them,
        where it is known."""
        for first in range(0, len(paths), _BATCH):
            batch = list(paths[first : first + _BATCH])
            yield from self._bounded(functools.partial(_read_batch, batch), _slow_s(), size_bytes)

    def chunks(self, path: str) -> Iterator[bytes]:
        """A file's content, piece by piece. Raises FileNotFoundError."""
        file = self._bounded(lambda remote, root: remote.open(f"{root}/{path}", "rb"))
        try:
            while chunk := self._bounded(lambda *_: file.read(CHUNK_BYTES), size_bytes=CHUNK_BYTES):
                yield chunk
        finally:
            self._bounded(lambda *_: file.close())

    def put_file(self, source: Path, path: str) -> None:
        """Write a file from one of this computer."""

        def send(remote: Any, root: str) -> None:
            self._make_folder_of(remote, f"{root}/{path}")
            remote.put_file(str(source), f"{root}/{path}")

        self._bounded(send, size_bytes=source.stat().st_size)

    def put(self, path: str, content: bytes) -> None:
        """Write a small file, over what is there."""

        def send(remote: Any, root: str) -> None:
            self._make_folder_of(remote, f"{root}/{path}")
            remote.pipe_file(f"{root}/{path}", content)

        self._bounded(send, size_bytes=len(content))

    def put_new(self, path: str, content: bytes) -> bool:
        """Write a small file unless there is one already, and say whether it was written. Of several that try at once
        one succeeds, where the server knows conditional writes (S3 does) or refuses to create what is there."""

        def send(remote: Any, root: str) -> bool:
            self._make_folder_of(remote, f"{root}/{path}")
            try:
                remote.pipe_file(f"{root}/{path}", content, mode="create")
            except FileExistsError:
                return False
            except Exception as error:
                if _is_precondition(error):
                    return False
                raise
            return True

        return self._bounded(send, size_bytes=len(content))

    def remove(self, path: str) -> None:
        """Delete a file; nothing where it is not there."""

        def ask(remote: Any, root: str) -> None:
            try:
                remote.rm_file(f"{root}/{path}")
            except FileNotFoundError:
                return

        self._bounded(ask)

    def _make_folder_of(self, remote: Any, path: str) -> None:
        if self._protocol not in _OBJECT_STORES:
            remote.makedirs(path.rpartition("/")[0], exist_ok=True)

    def _check_parent(self) -> None:
        """Nothing is listed: an empty store, or none that could be."""

        def ask(remote: Any, root: str) -> str | None:
            if self._protocol == "memory":
                return None
            bucket, _, rest = root.strip("/").partition("/")
            if self._protocol in _OBJECT_STORES:
                parent, what = bucket, "bucket"
                if not rest:
                    return f"the bucket {bucket!r} does not exist"
            else:
                parent, what = root.rpartition("/")[0], "folder"
            try:
                remote.ls(parent or "/", detail=False)
            except FileNotFoundError:
                return f"the {what} {parent!r} does not exist"
            return None

        problem = self._bounded(ask)
        if problem is not None:
            raise StoreAbsentError(f"{self.label}: {problem}, or may not be seen. Create it, or mend the address.")

    def _check_protocol(self) -> None:
        from fsspec import get_filesystem_class

        for protocol in self._url.partition("://")[0].split("::"):
            try:
                get_filesystem_class(protocol)
            except (ImportError, ValueError) as error:
                raise StoreLocationError(f"{self.label} cannot be a store: {self._words(error)}.") from None

    def _remote(self) -> tuple[Any, str]:
        """Opened by the first who asks: some drivers connect at once."""
        if self._opened is None:
            from fsspec.core import url_to_fs

            try:
                remote, root = url_to_fs(self._url, **_options(self._protocol))
            except (ValueError, TypeError, ImportError) as error:
                raise StoreLocationError(f"{self.label} cannot be a store: {self._words(error)}.") from None
            if self._protocol in _BOUNDED_REQUESTS:
                # Besides those of botocore, which _options bounds.
                remote.retries = 1
            if remote.async_impl and remote.loop is not None:
                # Requests of a connection that broke while several waited: the one that was asked for says so itself.
                remote.loop.set_exception_handler(lambda *_: None)
            self._opened = remote, str(root).rstrip("/")
        return self._opened

    def _bounded(
        self, ask: Callable[[Any, str], _Answer], within_s: float | None = None, size_bytes: int = 0
    ) -> _Answer:
        """The answer, or an error of the store. Asked by a thread of its own, because some drivers wait for ever."""
        if time.monotonic() < self._away_until_s:
            raise StoreUnreachableError(self._away_because)
        outcome: list[tuple[bool, Any]] = []

        def run() -> None:
            try:
                with self._alone:
                    remote, root = self._remote()
                with contextlib.nullcontext() if remote.async_impl else self._alone:
                    outcome.append((True, ask(remote, root)))
            except BaseException as error:
                outcome.append((False, error))

        limit_s = (ANSWER_S if within_s is None else within_s) + size_bytes / SLOWEST_BYTES_PER_S
        thread = threading.Thread(target=run, name="store-address", daemon=True)
        thread.start()
        thread.join(limit_s)
        if not outcome:
            raise self._away(f"it does not answer within {limit_s:.0f} s")
        good, value = outcome[0]
        if good:
            answer: _Answer = value
            return answer
        raise self._described(value)

    def _described(self, error: BaseException) -> BaseException:
        """Whatever a driver of fsspec raises, in one line and without passwords."""
        if isinstance(error, (StoreError, FileNotFoundError)) or not isinstance(error, Exception):
            return error
        words = self._words(error)
        if isinstance(error, PermissionError) or type(error).__name__ in ("error_perm", "AuthenticationException"):
            return StoreError(
                f"{self.label} refuses access: {words}. Give rights or credentials where the protocol looks for them."
            )
        return self._away(words)

    def _away(self, why: str) -> StoreUnreachableError:
        self._away_because = f"cannot use the store at {self.label}: {why}."
        self._away_until_s = time.monotonic() + AWAY_S
        return StoreUnreachableError(self._away_because)

    def _words(self, error: BaseException) -> str:
        text = without_secrets(_ERRNO.sub("", " ".join(str(error).split())))
        for secret in filter(None, self._secrets):
            text = text.replace(secret, HIDDEN)
        return text.rstrip(".") or type(error).__name__


def _slow_s() -> float:
    return _SLOW_S_OF_ANSWER_S * ANSWER_S


def _read_batch(paths: list[str], remote: Any, root: str) -> list[bytes | None]:
    # From byte 0 on: asked for a whole file, the driver of S3 asks for its size first.
    found = remote.cat_ranges([f"{root}/{path}" for path in paths], 0, None, on_error="return")
    return [_content(answer) for answer in found]


def _content(answer: bytes | Exception) -> bytes | None:
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, FileNotFoundError):
        return None
    if isinstance(answer, OSError) and answer.errno == errno.EINVAL:
        # An empty file has no byte 0.
        return b""
    raise answer


def _options(protocol: str) -> dict[str, Any]:
    """Bounds of the driver's own waiting and trying."""
    if protocol not in _BOUNDED_REQUESTS:
        return {}
    from fsspec.config import conf

    bounds = {"connect_timeout": 10, "read_timeout": ANSWER_S, "retries": {"total_max_attempts": 2}}
    return {"config_kwargs": {**bounds, **conf.get(protocol, {}).get("config_kwargs", {})}}


def _md5(entry: Any) -> str | None:
    """An S3 ETag is the MD5 of an object that was sent in one piece; of others it has a dash in it."""
    found = _MD5.fullmatch(str(entry.get("ETag", "")))
    return found[1] if found else None


def _is_precondition(error: Exception) -> bool:
    response: Any = getattr(error, "response", None) or getattr(error.__cause__, "response", None) or {}
    code = str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
    return code in ("PreconditionFailed", "ConditionalRequestConflict") or "PreconditionFailed" in str(error)
