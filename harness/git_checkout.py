"""What git says of a folder: the commit that is checked out there, and whether anything was changed since."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_TIMEOUT_S = 10


@dataclass(frozen=True)
class Checkout:
    """`dirty`: whether files that git tracks differ from the commit; None where git could not tell in time."""

    commit: str
    dirty: bool | None


@lru_cache(maxsize=16)
def checkout_of(folder: Path) -> Checkout | None:
    """The checkout that a folder is in, asked once a process; None where it is in none, or git is not there."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Checkout(commit, None if status is None else status != "")


def _git(folder: Path, *words: str) -> str | None:
    command = ["git", "-C", str(folder), "--no-optional-locks", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
