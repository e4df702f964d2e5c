"""Read an untrusted archive of runs.

A member is a file of a run, under a name that this program would give it, or nothing of the archive is used: no links,
devices, sparse files, absolute or climbing names. What may be read is bounded before it is read: each file by its
stated size, each header by a constant (a tar may have long names and attributes there), everything together by a total.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from latency_bench.harness.store.archive import compression_of
from latency_bench.harness.store.durable import CHUNK_BYTES
from latency_bench.harness.store.errors import ArchiveError
from latency_bench.harness.store.layout import (
    CHECKSUMS_FILE,
    RECORD_FILE,
    is_name,
    is_run_file,
    is_run_id,
    is_runs_folder,
)

GIB = 1 << 30
_HEADER_BYTES = 1 << 20
"""Of one member with its extended headers and padding, and what is read ahead."""
_READ_BYTES = 1 << 17
"""What is read at once."""
_END_BYTES = 1024
"""Zeros at the end of every tar."""
_SMALL_BYTES = 1 << 26
"""Of record.json and SHA256SUMS, which are read in one piece."""


@dataclass(frozen=True)
class Limits:
    """Of what an archive may hold, unpacked."""

    total_bytes: int = 64 * GIB
    file_bytes: int = 8 * GIB
    files: int = 2_000_000


@dataclass(frozen=True)
class RunFile:
    """One file of a run; `chunks` has to be used up before the next one is asked for."""

    run: str
    """device/model/run id."""
    relative: str
    chunks: Iterator[bytes]


def read_archive(file: Path, limits: Limits | None = None) -> Iterator[RunFile]:
    """The files of an archive's runs, in its order. Raises ArchiveError as soon as something is not as it should be."""
    limits = limits or Limits()
    compression = compression_of(file)
    with _explained(file), file.open("rb") as packed:
        stream = _Metered(_unpacked(packed, compression), limits.total_bytes)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_READ_BYTES) as archive:
            for number in itertools.count():
                stream.allow(_HEADER_BYTES)
                member = archive.next()
                if member is None:
                    stream.read_to_the_end()
                    return
                if number >= limits.files:
                    raise ArchiveError(f"it holds more than {limits.files} files.")
                archive.members = []  # type: ignore[attr-defined]  # it would keep every header
                if not member.isdir():
                    found = _checked(archive, member, limits)
                    stream.allow(member.size + _HEADER_BYTES)
                    yield replace(found, chunks=_explained_chunks(found.chunks, file))


def _checked(archive: tarfile.TarFile, member: tarfile.TarInfo, limits: Limits) -> RunFile:
    run, relative = _place(member)
    largest = _SMALL_BYTES if relative in (RECORD_FILE, CHECKSUMS_FILE) else limits.file_bytes
    content = archive.extractfile(member)
    if content is None or not 0 <= member.size <= largest:
        raise ArchiveError(f"{relative} of {run} has {member.size} bytes; {largest} are allowed.")
    return RunFile(run, relative, _chunks(content, member.size))


@contextlib.contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Whatever a damaged or hostile file makes the readers raise, in one line."""
    try:
        yield
    except ArchiveError as error:
        raise ArchiveError(f"{file}: {error} Nothing was imported.") from error
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, OverflowError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error).split("\n")[0]
        raise ArchiveError(f"{file} is not a readable archive: {reason}. Nothing was imported.") from error


def _explained_chunks(chunks: Iterator[bytes], file: Path) -> Iterator[bytes]:
    with _explained(file):
        yield from chunks


def _place(member: tarfile.TarInfo) -> tuple[str, str]:
    """(device/model/run id, path in the run). Raises ArchiveError."""
    parts = member.name.split("/", 3)
    if not member.isreg() or member.issparse():
        raise ArchiveError(f"{member.name!r} is not an ordinary file.")
    if len(parts) == 4 and is_name(parts[0]) and is_runs_folder(parts[1]) and is_run_id(parts[2]):
        relative = parts[3]
        if relative in (RECORD_FILE, CHECKSUMS_FILE) or is_run_file(relative):
            return "/".join(parts[:3]), relative
    raise ArchiveError(f"{member.name!r} is not a file of a run.")


def _chunks(content: IO[bytes], size_bytes: int) -> Iterator[bytes]:
    left = size_bytes
    while left:
        chunk = content.read(min(CHUNK_BYTES, left))
        if not chunk:
            raise ArchiveError("it ends in the middle of a file.")
        left -= len(chunk)
        yield chunk


def _unpacked(packed: IO[bytes], compression: str) -> IO[bytes]:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=packed, mode="rb")  # type: ignore[return-value]
    if compression == "zstd":
        import pyarrow as pa

        stream: IO[bytes] = pa.CompressedInputStream(pa.PythonFile(packed), "zstd")
        return stream
    return packed


class _Metered(io.RawIOBase):
    """Gives no more bytes than were allowed since the last `allow`, and no more than `total_bytes` altogether."""

    def __init__(self, source: IO[bytes], total_bytes: int) -> None:
        super().__init__()
        self._source = source
        self._total_left = total_bytes
        self._left = _HEADER_BYTES
        self._tail = b""

    def read_to_the_end(self) -> None:
        """tarfile takes a file that was cut between two members for a complete one; tars end with zeros."""
        self.allow(_HEADER_BYTES)
        while self.read():
            pass
        if self._tail != bytes(len(self._tail)) or len(self._tail) < _END_BYTES:
            raise ArchiveError("its end is missing.")

    def allow(self, count: int) -> None:
        self._left = count

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> Any:
        content = self._source.read(min(size if size >= 0 else CHUNK_BYTES, CHUNK_BYTES))
        self._left -= len(content)
        self._total_left -= len(content)
        if self._total_left < 0:
            raise ArchiveError("unpacked it is larger than allowed.")
        if self._left < 0:
            raise ArchiveError("a header in it is larger than any of ours.")
        self._tail = (self._tail + content[-_END_BYTES:])[-_END_BYTES:]
        return content
