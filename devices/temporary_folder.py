"""Folders for temporary files. What a killed process left of them is removed by the next one that needs such a folder.

<temporary directory>/bench-<user id>-<process id>-<random>/     claimed by its process (ownership.py)
    <purpose>-<random>/                                         one `TemporaryFolder`
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import secrets
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

from latency_bench.devices.ownership import claim, owner_state

_LEASE_S = 7 * 86400.0
"""After which nobody is at work in a folder of another host, of caches that hosts share, that has not changed."""
_NAME = re.compile(r"bench-(?P<uid>[0-9]{1,10})-(?P<pid>[0-9]{1,10})-[0-9a-f]{8}")


class TemporaryFolder:
    """A new folder from construction to `remove`, or to the end of the process. As a context manager it gives the path.

    `parent`: where it lies, by default the system's directory for temporary files (TMPDIR). Raises OSError.
    """

    def __init__(self, purpose: str, parent: Path | None = None) -> None:
        with _lock:
            self._shared = _of_this_process(parent or _system_directory())
            self.path = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=self._shared.path))
            self._shared.in_use.add(self.path)

    def remove(self) -> None:
        """Idempotent; never raises for what cannot be removed."""
        shutil.rmtree(self.path, ignore_errors=True)
        with _lock:
            self._shared.in_use.discard(self.path)
            if not self._shared.in_use:
                self._shared.remove()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


class _ProcessFolder:
    """What all temporary folders of this process below one parent lie in. There once `make` was called."""

    def __init__(self, parent: Path) -> None:
        self.in_use: set[Path] = set()
        self.path = parent / f"bench-{os.getuid()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._owner: TextIO | None = None

    def make(self) -> None:
        """Raises OSError."""
        self.path.mkdir(mode=0o700)
        self._owner = claim(self.path)

    def remove(self) -> None:
        """Everything below it too. Idempotent."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.let_go()

    def let_go(self) -> None:
        if self._owner is not None:
            self._owner.close()


_lock = threading.RLock()
_folders: dict[Path, _ProcessFolder] = {}
"""Of this process, by the parent."""


def _system_directory() -> Path:
    """TMPDIR or its like. The first time Python writes a file there, to see whether it can: no signal comes between.

    Raises OSError."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        return Path(tempfile.gettempdir())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def remove_left_overs(parent: Path) -> list[Path]:
    """Remove what killed processes of this user left in `parent`. Never raises for what cannot be listed or removed."""
    removed = []
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match is None or int(match["uid"]) != os.getuid() or not entry.is_dir(follow_symlinks=False):
                continue
            state = owner_state(Path(entry.path), int(match["pid"]))
            if state == "dead" or (state == "elsewhere" and _age_s(entry) > _LEASE_S):
                shutil.rmtree(entry.path, ignore_errors=True)
                removed.append(Path(entry.path))
    return removed


def _age_s(entry: os.DirEntry[str]) -> float:
    return time.time() - entry.stat(follow_symlinks=False).st_mtime


def _of_this_process(parent: Path) -> _ProcessFolder:
    folder = _folders.get(parent)
    if folder is None or not folder.path.is_dir():
        remove_left_overs(parent)
        # Known before it is there: an interruption may come right after it was made.
        folder = _folders[parent] = _ProcessFolder(parent)
        folder.make()
    return folder


def _remove_all() -> None:
    """Of an interruption at any moment nothing is left either."""
    for folder in _folders.values():
        folder.remove()


def _forget() -> None:
    """In a forked child: the folders are its parent's."""
    for folder in _folders.values():
        folder.let_go()
    _folders.clear()
    _lock.release()


atexit.register(_remove_all)
# Held while the process forks, so that no other thread of it is in the middle of something.
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_forget)
