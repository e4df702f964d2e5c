"""Which runs were checked before, by what they contain.

Whether a record is valid, and whether samples agree with it, follows from the bytes of their files. Where the hashes
of all files are those of a run in which nothing was wrong, only hashing is left to do. Kept in the user's cache folder,
one file for every version of the code that checks; it is derived and may be deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path

from latency_bench.harness.cache_folder import cache_folder

WORTH_KNOWING = 16
"""Of fewer runs it takes longer to read what is known than to check them."""
_KEY_LENGTH = 64


def checked_folder() -> Path:
    """Where it is kept."""
    return cache_folder() / "checked"


class CheckedRuns:
    """Use as a context manager: what is added is written at the end. Where nothing can be read or written,
    everything is checked."""

    def __init__(self) -> None:
        self._file = checked_folder() / f"{_version()}.txt"
        self._known: set[str] = set()
        self._new: set[str] = set()
        self._adding = threading.Lock()
        with contextlib.suppress(OSError, ValueError):
            # A line that was cut by a full disk is no key.
            self._known = {
                line for line in self._file.read_text(encoding="ascii").split("\n") if len(line) == _KEY_LENGTH
            }

    def has(self, key: str) -> bool:
        """Whether nothing was wrong with the run of this key (`key_of`)."""
        return key in self._known or key in self._new

    def add(self, key: str) -> None:
        """Nothing is wrong with it."""
        with self._adding:
            self._new.add(key)

    def __enter__(self) -> CheckedRuns:
        return self

    def __exit__(self, *_: object) -> None:
        lines = "".join(f"\n{key}" for key in sorted(self._new - self._known))
        if lines:
            with contextlib.suppress(OSError):
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with self._file.open("a", encoding="ascii") as file:
                    file.write(f"{lines}\n")


def checked_before(runs: int) -> AbstractContextManager[CheckedRuns | None]:
    """For so many runs; None where it is not worth it."""
    return CheckedRuns() if runs >= WORTH_KNOWING else contextlib.nullcontext()


def key_of(place: str, checksums: bytes) -> str:
    """Of a run at `place` (device/model/run id) by the content of its SHA256SUMS: the hashes of all its files."""
    return hashlib.sha256(place.encode() + b"\n" + checksums).hexdigest()


def _version() -> str:
    """Changes with the code that checks."""
    digest = hashlib.sha256(f"pydantic {version('pydantic')}, pyarrow {version('pyarrow')}".encode())
    here = Path(__file__).parent
    for file in sorted(here.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
