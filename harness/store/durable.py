"""Files that are on the disk once they are there: written once, forced out, read-only."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20


def write_once(path: Path, chunks: Iterable[bytes], force: bool = True) -> tuple[int, str]:
    """Write a new file, force it to the disk, and return its size in bytes and its SHA-256. Raises OSError.

    `force` is False where many files are forced there together later (`force_to_disk`).

    A name that is there already, a link for instance, is never written through.
    """
    size_bytes, digest = 0, hashlib.sha256()
    with open(path, "xb", opener=_read_only) as file:
        for chunk in chunks:
            file.write(chunk)
            size_bytes += len(chunk)
            digest.update(chunk)
        if force:
            file.flush()
            os.fsync(file.fileno())
    return size_bytes, digest.hexdigest()


def _read_only(path: str, flags: int) -> int:
    # A stored run does not change; this keeps an editor from doing it by accident.
    return os.open(path, flags, 0o444)


@contextmanager
def replacing(path: Path, folder: Path | None = None) -> Iterator[BinaryIO]:
    """A new file to write to, which becomes `path` once the block ends well, and is removed otherwise. Raises OSError.

    Until then it lies in `folder`, which has to be on the same file system; by default beside `path`. What a process
    that was killed left of its own try is removed first.
    """
    folder = folder or path.parent
    _remove_left_overs(folder, path.name)
    temporary = folder / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        with temporary.open("xb") as file:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_left_overs(folder: Path, name: str) -> None:
    """Files that were to become `name`, whose process is gone: it has no such id here, and nobody holds their lock."""
    own = re.compile(rf"\.{re.escape(name)}\.([0-9]{{1,10}})-[0-9a-f]{{8}}\.tmp")
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = own.fullmatch(entry.name)
            if match is None or _is_running(int(match[1])) or not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(OSError), open(entry.path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                os.unlink(entry.path)


def _is_running(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)


def force_to_disk(folder: Path) -> None:
    """Force everything that was written below `folder` to the disk, names included: one request for any number of
    files, where Linux has it (syncfs, which takes the whole file system). Raises OSError.
    """
    import ctypes

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is not None:
            if syncfs(descriptor) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
            return
    finally:
        os.close(descriptor)
    for parent, _, names in os.walk(folder):
        for name in names:
            with (Path(parent) / name).open("rb") as file:
                os.fsync(file.fileno())
        force_folder_to_disk(Path(parent))


_REFUSED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EISDIR)
"""What file systems say that have no such request for folders (FUSE, SMB, some overlays), and keep names otherwise."""


def force_folder_to_disk(folder: Path) -> None:
    """Make the names in a folder last, where its file system has a request for that. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
    finally:
        os.close(descriptor)


def size_and_sha256(path: Path) -> tuple[int, str]:
    """Of a file's content. Raises OSError."""
    size_bytes, digest = 0, hashlib.sha256()
    for chunk in file_chunks(path):
        size_bytes += len(chunk)
        digest.update(chunk)
    return size_bytes, digest.hexdigest()


def file_chunks(path: Path) -> Iterator[bytes]:
    """A file's content, a mebibyte at a time. Raises OSError."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
