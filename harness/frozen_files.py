"""Files that a user brings, kept as they were when they were first read: what is measured then cannot change under way.

<cache>/files/<key>/     the files under their own names, read-only; `key` is a hash of names and contents
<cache>/partial/         copies on their way

While a process uses an entry it holds a shared lock on the folder, so that `bench results gc` leaves it alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bench_worker.files import file_sha256, stream_sha256
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.errors import NO_SPACE_ERRNOS, CacheError

_FICLONE = 0x40049409
"""ioctl of Linux: the new file shares the old one's blocks until one of them is written to (btrfs, XFS)."""


@dataclass(frozen=True)
class FrozenFile:
    """A copy that nobody writes to, and the copies of what has to lie beside it."""

    path: Path
    sha256: str
    """Of the file at `path`."""
    beside: tuple[Path, ...]
    content_sha256: str
    """Of all of it: `sha256` where nothing lies beside, else a hash of the names and hashes of what does, and of it."""
    size_bytes: int
    """Of `path` and what lies beside it."""


def files_folder() -> Path:
    return cache_folder() / "files"


def freeze(path: Path, names_beside: Callable[[Path], Iterable[str]] = lambda _: ()) -> FrozenFile:
    """A copy of `path` in the cache, which serves from now on. `names_beside` is given the copy, so that it reads what
    is measured, and says which files have to lie beside it, or in folders below.

    Raises UsageError where a file cannot be read or would lie elsewhere, CacheError where it cannot be kept.
    """
    return _kept_before(path, names_beside) or _copied(path, names_beside)


def _kept_before(path: Path, names_beside: Callable[[Path], Iterable[str]]) -> FrozenFile | None:
    """The whole entry that has what lies at `path` now, found without a copy: a large file takes longer to write than
    to read. None where there is no such entry. Raises UsageError as `freeze` does."""
    own = None
    for entry in _entries_alike(path):
        own = own or _sha256(path)
        if not (_is_whole(entry, {path.name: own}) and _use(entry)):
            continue
        names = sorted(set(names_beside(entry / path.name)))
        hashes = {path.name: own, **{name: _sha256(_place_beside(path, name)) for name in names}}
        if entry == _entry_of(hashes) and _is_whole(entry, {name: hashes[name] for name in names}):
            return _frozen(entry, path.name, names, hashes)
    return None


def _entries_alike(path: Path) -> Iterator[Path]:
    """Those with a file of this name and size, which is cheap to see."""
    with contextlib.suppress(OSError):
        size_bytes = path.stat().st_size
        for entry in sorted(files_folder().iterdir()):
            with contextlib.suppress(OSError):
                if (entry / path.name).stat().st_size == size_bytes:
                    yield entry


def _copied(path: Path, names_beside: Callable[[Path], Iterable[str]]) -> FrozenFile:
    with _explained():
        partial = cache_folder() / "partial"
        partial.mkdir(parents=True, exist_ok=True)
        copies = TemporaryFolder("file", partial)
    folder = copies.path
    try:
        _copy(path, folder / path.name)
        names = sorted(set(names_beside(folder / path.name)))
        for name in names:
            _copy(_place_beside(path, name), folder / name)
        hashes = {name: file_sha256(str(folder / name)) for name in (path.name, *names)}
        kept = _keep(folder, hashes)
    finally:
        copies.remove()
    return _frozen(kept, path.name, names, hashes)


def _frozen(entry: Path, own: str, names: Sequence[str], hashes: dict[str, str]) -> FrozenFile:
    return FrozenFile(
        path=entry / own,
        sha256=hashes[own],
        beside=tuple(entry / name for name in names),
        content_sha256=_content(own, names, hashes),
        size_bytes=sum((entry / name).stat().st_size for name in hashes),
    )


def _place_beside(path: Path, name: str) -> Path:
    """A link to a model stands for it: what belongs to it lies beside the link, as in a hub's cache, or else beside the
    file itself. Raises UsageError for a name that leaves the folder."""
    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise UsageError(f"{path}: its weights lie in {name!r}, outside its own folder, from where nothing is read")
    if Path(name) == Path(path.name):
        raise UsageError(f"{path}: says that its weights lie in itself; export it anew, with another file for them")
    places = [path.parent / name, path.resolve().parent / name]
    place = next((one for one in places if one.is_file()), None)
    if place is None:
        raise UsageError(f"{path}: its weights lie in {name!r}, which is not beside it; copy it there")
    return place


def _content(own: str, names: Sequence[str], hashes: dict[str, str]) -> str:
    """Whatever the file itself is called. A name in the file decides which of its tensors are meant."""
    if not names:
        return hashes[own]
    lines = [hashes[own], *(f"{hashes[name]}  {name}" for name in names)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with _opened(source) as content, _explained(), target.open("xb") as copy:
        try:
            fcntl.ioctl(copy.fileno(), _FICLONE, content.fileno())
        except OSError:
            # Another file system, or one that does not share blocks.
            shutil.copyfileobj(content, copy, 1 << 20)
        target.chmod(0o444)


def _sha256(source: Path) -> str:
    """Raises UsageError."""
    with _opened(source) as content:
        return stream_sha256(content)


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[BinaryIO]:
    """Raises UsageError; never waits for the other end of a pipe."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{source}: cannot be read: {error.strerror or error}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError(f"{source}: is not an ordinary file")
    with os.fdopen(descriptor, "rb") as content:
        yield content


def _keep(folder: Path, hashes: dict[str, str]) -> Path:
    """The entry with this content: the one that is there if it is whole, else `folder`, moved."""
    entry = _entry_of(hashes)
    with _explained():
        entry.parent.mkdir(parents=True, exist_ok=True)
        while True:
            if not _is_whole(entry, hashes):
                with contextlib.suppress(FileNotFoundError):
                    entry.rename(cache_folder() / "partial" / f"file.{secrets.token_hex(4)}")
                with contextlib.suppress(OSError):  # another process was quicker
                    folder.rename(entry)
            if _use(entry):
                return entry


def _entry_of(hashes: dict[str, str]) -> Path:
    """Where files of these names and contents are kept."""
    content = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return files_folder() / hashlib.sha256(os.fsencode(content)).hexdigest()


def _is_whole(entry: Path, hashes: dict[str, str]) -> bool:
    try:
        return all(file_sha256(str(entry / name)) == digest for name, digest in hashes.items())
    except OSError:
        return False


_in_use: dict[Path, int] = {}
"""Descriptors of the folders that this process holds; the kernel lets go of them when it ends."""


def _use(entry: Path) -> bool:
    """Hold the entry until this process ends; False where it was removed meanwhile."""
    if entry in _in_use:
        return True
    try:
        descriptor = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        os.utime(entry)
        same = os.stat(entry).st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        same = False
    if not same:
        os.close(descriptor)
        return False
    _in_use[entry] = descriptor
    return True


def is_in_use(entry: Path) -> bool:
    """Whether a process, this one included, measures with an entry."""
    try:
        descriptor = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn errors of the cache's file system into one line that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in NO_SPACE_ERRNOS
        raise CacheError(
            f"{'no space left' if full else 'cannot be written to'}: the cache {cache_folder()}, where the file is "
            f"kept while it is measured ({error.strerror or error}); "
            f"{'free some space there, or ' if full else ''}choose another folder with BENCH_CACHE"
        ) from error
