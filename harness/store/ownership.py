"""Whose temporary folder is this, and is its writer still alive?"""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path
from typing import Literal, TextIO

from latency_bench.harness.store.layout import temporary_pid

OWNER_FILE = ".owner"


def claim(temporary: Path) -> TextIO:
    """Mark a temporary folder as this process's own until the returned file is closed.

    The operating system drops the lock with the process, however that ends, and whatever becomes of its process id.
    Raises OSError.
    """
    owner = (temporary / OWNER_FILE).open("x", encoding="utf-8")
    try:
        owner.write(socket.gethostname())
        owner.flush()
        fcntl.flock(owner, fcntl.LOCK_EX)
    except BaseException:
        owner.close()
        raise
    return owner


def writer_state(temporary: Path) -> Literal["alive", "dead", "elsewhere"]:
    """Whether the process that fills `temporary` still runs; `elsewhere`: on another host, unknown here."""
    try:
        with (temporary / OWNER_FILE).open(encoding="utf-8") as owner:
            if owner.read(1024) not in ("", socket.gethostname()):
                return "elsewhere"
            fcntl.flock(owner, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return "dead"
    except BlockingIOError:
        return "alive"
    except (OSError, ValueError):
        # Not claimed yet, just about to be renamed, or no locks on this file system: the name has to do.
        return _state_by_pid(temporary)


def _state_by_pid(temporary: Path) -> Literal["alive", "dead"]:
    import psutil

    pid = temporary_pid(temporary.name)
    try:
        return "alive" if pid is not None and psutil.pid_exists(pid) else "dead"
    except OverflowError:
        return "dead"
