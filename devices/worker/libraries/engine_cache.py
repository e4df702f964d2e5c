"""Engines that were built here, kept: building takes minutes, and the next build may choose other kernels."""

import errno
import hashlib
import json
import os
import tempfile
import time
from collections import OrderedDict
from typing import Any, Dict, Mapping, NamedTuple, Optional

from ..failure import STORAGE, WorkerError
from ..files import remove

ENVIRONMENT_VARIABLE = "BENCH_ENGINES"
_UNFINISHED = "writing-"
_UNFINISHED_S = 3600.0
"""Nobody writes a file for so long: its process was killed."""


class CachedEngine(NamedTuple):
    plan: bytes
    facts: Dict[str, Any]


class EngineCache:
    """One file an engine and one with its facts, by the hash of everything that it depends on."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find(self, key: str) -> Optional[CachedEngine]:
        """The engine; None where there is none, or where its file is not what was stored."""
        try:
            with open(self._path(key, "json"), encoding="utf-8") as stream:
                facts = json.load(stream)
            with open(self._path(key, "engine"), "rb") as stream_of_bytes:
                plan = stream_of_bytes.read()
        except (OSError, ValueError):
            return None
        if not isinstance(facts, dict) or facts.get("sha256") != hashlib.sha256(plan).hexdigest():
            return None
        return CachedEngine(plan, facts)

    def store(self, key: str, plan: bytes, facts: Mapping[str, Any]) -> Dict[str, Any]:
        """Keep it; returns the facts with `sha256` and `size_bytes`. Raises WorkerError (storage), and leaves nothing
        half-written: the facts come last, and an engine without them is not found."""
        complete: Dict[str, Any] = OrderedDict(facts)
        complete.update(sha256=hashlib.sha256(plan).hexdigest(), size_bytes=len(plan))
        self._write(self._path(key, "engine"), plan)
        self._write(self._path(key, "json"), json.dumps(complete, indent=1, sort_keys=True).encode())
        return complete

    def timings(self, key: str) -> bytes:
        """The timing cache of an earlier build, empty if there is none."""
        try:
            with open(self._path(key, "timings"), "rb") as stream:
                return stream.read()
        except OSError:
            return b""

    def store_timings(self, key: str, content: bytes) -> None:
        if content:
            self._write(self._path(key, "timings"), content)

    def _path(self, key: str, ending: str) -> str:
        return os.path.join(self.folder, "%s.%s" % (key, ending))

    def _write(self, path: str, content: bytes) -> None:
        temporary = None
        try:
            os.makedirs(self.folder, exist_ok=True)
            self._remove_left_overs()
            handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=_UNFINISHED)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.rename(temporary, path)
        except OSError as error:
            if temporary is not None:
                remove(temporary)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise WorkerError(
                STORAGE,
                "cannot keep the engine (%d bytes) in %s: %s" % (len(content), self.folder, error.strerror or error),
                ("free some space there, or " if full else "")
                + "name another folder (%s), or keep none: runtime option cache=false" % ENVIRONMENT_VARIABLE,
            )

    def _remove_left_overs(self) -> None:
        """Engines that a process began to write before it was killed: they may be as large as whole ones."""
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            if name.startswith(_UNFINISHED) and _age_s(path) > _UNFINISHED_S:
                remove(path)


def _age_s(path: str) -> float:
    """Since it was last written to; 0 where it is gone by now."""
    try:
        return time.time() - os.stat(path).st_mtime
    except OSError:
        return 0.0


def default_folder() -> str:
    """BENCH_ENGINES, or bench/engines in the user's cache folder."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return os.path.expanduser(named)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "bench", "engines")


def engine_key(parts: Mapping[str, Any]) -> str:
    """A name for everything that the engine depends on: file, TensorRT, GPU, driver, options."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
