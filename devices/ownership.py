"""Whose temporary folder is this, and does the process that fills it still run?

A folder is claimed by a lock on a file inside it, which the kernel drops with the process, however that ends and
whoever has its process id afterwards. Where locks say nothing, id and start time of the process decide.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
from pathlib import Path
from typing import Literal, TextIO

OWNER_FILE = ".owner"
_CLOCK_S = 2.0
"""How far the time of a file and the start of the process that made it may be apart by their two clocks."""


def claim(folder: Path) -> TextIO:
    """Mark a temporary folder as this process's own until the returned file is closed. Raises OSError."""
    # Under its name only once it is locked: what is there and is not locked has lost its process.
    unlocked = folder / f"{OWNER_FILE}.new"
    owner = unlocked.open("x", encoding="utf-8")
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(owner, fcntl.LOCK_EX)
        owner.write(socket.gethostname())
        owner.flush()
        unlocked.rename(folder / OWNER_FILE)
    except BaseException:
        owner.close()
        raise
    return owner


def owner_state(folder: Path, pid: int | None) -> Literal["alive", "dead", "elsewhere"]:
    """Whether process `pid`, which made `folder`, still runs; `elsewhere`: on another host, unknown here."""
    try:
        with (folder / OWNER_FILE).open(encoding="utf-8") as owner:
            if owner.read(1024) not in ("", socket.gethostname()):
                return "elsewhere"
            fcntl.flock(owner, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return "dead"
    except BlockingIOError:
        return "alive"
    except (OSError, ValueError):
        # Not claimed yet, just about to be renamed, or no locks on this file system.
        return _state_by_pid(folder, pid)


def _state_by_pid(folder: Path, pid: int | None) -> Literal["alive", "dead"]:
    import psutil

    if pid is None:
        return "dead"
    try:
        process = psutil.Process(pid)
        # A process that began later has the id of one that is gone.
        is_another = process.create_time() > folder.stat().st_mtime + _CLOCK_S
        return "dead" if is_another or process.status() == psutil.STATUS_ZOMBIE else "alive"
    except (psutil.NoSuchProcess, FileNotFoundError, OverflowError, ValueError):
        return "dead"
    except (psutil.Error, OSError):
        return "alive"
