"""A directory of finished exports, each under the hash of what it was made from.

<cache>/exports/<key>/          manifest.json, model.onnx, reference.npz, export.log; last-used carries a time
<cache>/partial/                exports on their way; renamed into place when they are complete
<cache>/broken/<key>.<time>/    an entry whose files were no longer what the manifest says, for a look
<cache>/locks/<key>.lock        held while an entry is made
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.export.artifact import Artifact
from latency_bench.harness.export.errors import NO_SPACE_ERRNOS, CacheError
from latency_bench.harness.export.key import sha256_of

MANIFEST = "manifest.json"
LAST_USED = "last-used"


class BrokenCacheEntryWarning(UserWarning):
    """A cache entry was damaged; it was set aside and is made again."""


@dataclass(frozen=True)
class CacheEntry:
    """One finished export, as listed."""

    key: str
    path: Path
    model: str
    size_bytes: int
    last_used_s: float
    """Seconds since the epoch."""


class ArtifactCache:
    """Safe for several processes at once, on a file system with working locks and renames."""

    def __init__(self, directory: Path | str | None = None) -> None:
        self.directory = (Path(directory) if directory is not None else cache_folder()).expanduser().absolute()
        self.exports = self.directory / "exports"
        self.partial = self.directory / "partial"
        self.broken = self.directory / "broken"
        self.locks = self.directory / "locks"

    def find(self, key: str) -> Artifact | None:
        """The artifact, after size and hash of each of its files were checked; None where there is none.

        A damaged entry is set aside with a BrokenCacheEntryWarning and counts as none.
        """
        entry = self.exports / key
        try:
            artifact = read_entry(entry)
        except FileNotFoundError:
            if not entry.exists():
                return None
            self._set_aside(entry, "a file is missing")
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._set_aside(entry, str(error))
            return None
        with contextlib.suppress(OSError):  # a cache that is read-only still serves
            (entry / LAST_USED).touch()
        return artifact

    @contextlib.contextmanager
    def lock(self, key: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """One process makes an entry; the others wait, then find it. `on_wait` is called once, before waiting."""
        from filelock import FileLock, Timeout

        with self._explained():
            self.locks.mkdir(parents=True, exist_ok=True)
            held = FileLock(self.locks / f"{key}.lock")
            try:
                held.acquire(timeout=0)
            except Timeout:
                on_wait()
                held.acquire()
        try:
            yield
        finally:
            held.release()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        """A new directory for an export on its way; it is gone afterwards, unless it was committed."""
        with self._explained():
            self.partial.mkdir(parents=True, exist_ok=True)
            folder = TemporaryFolder("export", self.partial)
        with folder as directory, self._explained():
            yield directory

    def keep_log(self, key: str, log: Path) -> Path | None:
        """Save what a failed conversion printed; None where that is impossible."""
        kept = self.broken / f"{key}.log"
        try:
            self.broken.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log, kept)
        except OSError:
            with contextlib.suppress(OSError):
                kept.unlink(missing_ok=True)
            return None
        return kept

    def commit(
        self,
        key: str,
        directory: Path,
        artifact: dict[str, Any],
        document: dict[str, Any],
        stages_s: Mapping[str, float] | None = None,
    ) -> Artifact:
        """Write the manifest over all files in `directory` and rename it into place.

        `artifact` is Artifact.to_json() with file names instead of paths; `stages_s` is what the export took
        (time_left.py). Raises CacheError.
        """
        files = sorted(path for path in directory.iterdir() if path.is_file())
        manifest = {
            "key": key,
            "made_from": document,
            "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "files": {path.name: {"size_bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in files},
            "artifact": artifact,
            "stages_s": {name: round(seconds, 3) for name, seconds in (stages_s or {}).items()},
        }
        with self._explained():
            (directory / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            (directory / LAST_USED).touch()
            self.exports.mkdir(parents=True, exist_ok=True)
            directory.rename(self.exports / key)
        return read_entry(self.exports / key)

    def manifests(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Every entry with what it says of itself; those that cannot be read are left out. Files are not hashed."""
        for path in self.exports.glob("*") if self.exports.is_dir() else ():
            with contextlib.suppress(OSError, ValueError):
                manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
                if isinstance(manifest, dict):
                    yield path, manifest

    def entries(self) -> list[CacheEntry]:
        """What is there, the least recently used first. Files are not hashed."""
        found = []
        for path, manifest in self.manifests():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                size_bytes = sum(int(file["size_bytes"]) for file in manifest["files"].values())
                last_used_s = (path / LAST_USED).stat().st_mtime
                model = str(manifest["made_from"]["spec"]["id"])
                found.append(CacheEntry(path.name, path, model, size_bytes, last_used_s))
        return sorted(found, key=lambda entry: entry.last_used_s)

    def _set_aside(self, entry: Path, reason: str) -> None:
        destination = self.broken / f"{entry.name}.{time.time_ns()}"
        with self._explained():
            self.broken.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                entry.rename(destination)
        warnings.warn(
            f"the cache entry {entry} is damaged ({reason}); it was moved to {destination} and is made again",
            BrokenCacheEntryWarning,
            stacklevel=3,
        )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of the file system into one line that says what to do."""
        try:
            yield
        except OSError as error:
            if error.errno in NO_SPACE_ERRNOS:
                raise no_space_error(self.directory) from error
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
                raise CacheError(
                    f"cannot write to the cache {self.directory} ({error.strerror}); "
                    "choose another directory with BENCH_CACHE"
                ) from error
            raise


def no_space_error(directory: Path) -> CacheError:
    return CacheError(
        f"no space left for an export in {directory}; nothing was kept. "
        "Free some space, or choose another directory with BENCH_CACHE"
    )


def read_entry(entry: Path) -> Artifact:
    """Check every file against the manifest and return the artifact.

    Raises FileNotFoundError for a missing file, ValueError (and KeyError, TypeError) for a damaged one.
    """
    manifest = json.loads((entry / MANIFEST).read_text(encoding="utf-8"))
    for name, expected in manifest["files"].items():
        path = entry / plain_name(name)
        size_bytes = path.stat().st_size
        if size_bytes != expected["size_bytes"]:
            raise ValueError(f"{name} has {size_bytes} bytes instead of {expected['size_bytes']}")
        if sha256_of(path) != expected["sha256"]:
            raise ValueError(f"{name} was changed")
    document = dict(manifest["artifact"])
    image = document["check_image"]
    references: dict[str, str] = document["check_references"]
    used = [
        document["path"],
        document["reference"],
        *document["external_data"],
        *references.values(),
        *([] if image is None else [image]),
    ]
    for name in used:
        if name not in manifest["files"]:
            raise ValueError(f"{name} is not among the files of the entry")
    for field in ("path", "reference"):
        document[field] = str(entry / document[field])
    document["external_data"] = [str(entry / name) for name in document["external_data"]]
    document["check_references"] = {name: str(entry / file) for name, file in references.items()}
    document["check_image"] = None if image is None else str(entry / image)
    if document["sha256"] != manifest["files"][manifest["artifact"]["path"]]["sha256"]:
        raise ValueError("the manifest contradicts itself")
    return Artifact.from_json(document)


def plain_name(name: str) -> str:
    """A manifest names files beside it and nowhere else."""
    if not name or name in (".", "..") or Path(name).name != name or "\\" in name:
        raise ValueError(f"{name!r} is not the plain name of a file")
    return name
