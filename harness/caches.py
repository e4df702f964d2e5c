"""What this program keeps to be quicker, and removing of it what is old or too much. Nothing in it is the only copy.

What was set aside of a store is no cache: it goes by its age alone, and only where that is asked for."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench_worker.libraries.engine_cache import default_folder as engines_folder
from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.export.cache import ArtifactCache
from latency_bench.harness.export.kept_references import FOLDER as KEPT_REFERENCES
from latency_bench.harness.frozen_files import files_folder, is_in_use
from latency_bench.harness.store.checked_runs import checked_folder
from latency_bench.harness.store.folders import names_in
from latency_bench.harness.store.index import index_folder
from latency_bench.harness.store.layout import PENDING_FOLDER
from latency_bench.harness.store.mirror import mirrors_folder
from latency_bench.harness.store.quarantine import set_aside_folders

Kind = Literal[
    "export",
    "damaged export",
    "reference outputs",
    "brought file",
    "engine",
    "index file",
    "list of checked runs",
    "mirrored run",
    "run set aside",
]

IN_USE_S = 3600.0
"""What was used within the last hour may be in use now, and stays."""


@dataclass(frozen=True)
class Cached:
    """One thing that can be removed by itself."""

    kind: Kind
    name: str
    paths: tuple[Path, ...]
    size_bytes: int
    last_used_s: float
    """Seconds since the epoch, by the file system's clock."""


def everything_cached(store: Path | None = None) -> list[Cached]:
    """All that is kept on this host, and what was set aside in `store`, the least recently used first. Files are not
    read."""
    found = [
        *_exports(),
        *_damaged_exports(),
        *_references(),
        *_brought_files(),
        *_engines(),
        *_indexes(),
        *_lists_of_checked_runs(),
    ]
    found += _mirrored_runs()
    if store is not None:
        found += _set_aside(store)
    return sorted(found, key=lambda one: (one.last_used_s, one.name))


def superfluous(
    cached: Iterable[Cached], max_age_s: float | None, max_bytes: int | None, now_s: float | None = None
) -> list[Cached]:
    """What is older than `max_age_s`, and then the least recently used until the rest is at most `max_bytes`.

    A clock that was set back makes things seem to be used in the future; they count as used now.
    """
    now_s = time.time() if now_s is None else now_s
    kept: list[Cached] = []
    chosen: list[Cached] = []
    for one in cached:
        age_s = now_s - one.last_used_s
        (chosen if max_age_s is not None and age_s > max(max_age_s, IN_USE_S) else kept).append(one)
    kept = [one for one in kept if one.kind != "run set aside"]
    left_bytes = sum(one.size_bytes for one in kept)
    for one in sorted(kept, key=lambda one: one.last_used_s):
        if max_bytes is None or left_bytes <= max_bytes:
            break
        if now_s - one.last_used_s > IN_USE_S:
            chosen.append(one)
            left_bytes -= one.size_bytes
    return chosen


def remove(cached: Cached) -> bool:
    """Remove it; False where something of it could not be removed, or it is being made again just now."""
    with contextlib.ExitStack() as held:
        if cached.kind == "export":
            try:
                held.enter_context(ArtifactCache().lock(cached.name, on_wait=_refuse_to_wait))
            except _BusyError:
                return False
        if cached.kind == "brought file" and any(is_in_use(path) for path in cached.paths):
            return False
        for path in cached.paths:
            with contextlib.suppress(OSError):
                if cached.kind == "run set aside":
                    shutil.rmtree(path)
                elif path.is_dir() and not path.is_symlink():
                    _remove_folder(path)
                else:
                    path.unlink(missing_ok=True)
    return not any(path.exists() for path in cached.paths)


def _remove_folder(folder: Path) -> None:
    """At once for everybody else: nobody is to find half of it."""
    bin_folder = cache_folder() / "removed"
    bin_folder.mkdir(parents=True, exist_ok=True)
    moved = folder.rename(bin_folder / secrets.token_hex(8))
    shutil.rmtree(moved, ignore_errors=True)


class _BusyError(Exception):
    """Somebody holds the lock."""


def _refuse_to_wait() -> None:
    raise _BusyError


def _exports() -> Iterator[Cached]:
    for entry in ArtifactCache().entries():
        yield Cached("export", entry.key, (entry.path,), entry.size_bytes, entry.last_used_s)


def _damaged_exports() -> Iterator[Cached]:
    for path in _children(ArtifactCache().broken):
        yield _cached("damaged export", path.name, (path,))


def _references() -> Iterator[Cached]:
    for path in _children(cache_folder() / KEPT_REFERENCES):
        yield _cached("reference outputs", path.name, (path,))


def _brought_files() -> Iterator[Cached]:
    for path in _children(files_folder()):
        yield _cached("brought file", path.name, (path,))


def _engines() -> Iterator[Cached]:
    by_key: dict[str, list[Path]] = {}
    for path in _children(Path(engines_folder())):
        if path.suffix in (".engine", ".json", ".timings"):
            by_key.setdefault(path.stem, []).append(path)
    for key, paths in by_key.items():
        yield _cached("engine", key, tuple(paths))


def _indexes() -> Iterator[Cached]:
    for path in _children(index_folder()):
        if path.suffix == ".sqlite":
            yield _cached("index file", path.stem, (path, path.with_name(f"{path.name}-journal")))


def _lists_of_checked_runs() -> Iterator[Cached]:
    for path in _children(checked_folder()):
        yield _cached("list of checked runs", path.stem, (path,))


def _mirrored_runs() -> Iterator[Cached]:
    for mirror in _children(mirrors_folder()):
        pending = {path.name for path in _children(mirror / PENDING_FOLDER)}
        for name in names_in(mirror):
            if name.rpartition("/")[2] not in pending:
                yield _cached("mirrored run", f"{mirror.name}/{name}", (mirror / name,))


def _set_aside(store: Path) -> Iterator[Cached]:
    for folder, since_s in set_aside_folders(store):
        found = _cached("run set aside", folder.relative_to(store).as_posix(), (folder,))
        yield replace(found, last_used_s=since_s)


def _cached(kind: Kind, name: str, paths: tuple[Path, ...]) -> Cached:
    size_bytes, last_used_s = 0, 0.0
    for path in paths:
        inside = [Path(folder) / file for folder, _, files in os.walk(path) for file in files] if path.is_dir() else []
        for one in (path, *inside):
            with contextlib.suppress(OSError):
                found = one.lstat()
                size_bytes += found.st_size
                last_used_s = max(last_used_s, found.st_mtime, found.st_atime if one.is_file() else 0.0)
    return Cached(kind, name, paths, size_bytes, last_used_s)


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
