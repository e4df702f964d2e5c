"""A fault of ours: the terminal gets a line, and a file the traceback that whoever mends it needs."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.redaction import command_without_secrets, without_secrets

FOLDER = "faults"
MOST_KEPT = 20
"""The oldest go, so that a script that fails every minute fills nothing."""
_MOST_LETTERS = 200


def words_of_fault(error: BaseException) -> str | None:
    """The line; None where the traceback cannot be kept anywhere, so that it has to be shown."""
    path = _kept(_report(error))
    if path is None:
        return None
    first = str(error).strip().partition("\n")[0]
    what = f"{type(error).__name__}: {first}"[:_MOST_LETTERS] if first else type(error).__name__
    return f"a fault of bench itself, not of what you asked for ({what}); please report it with {path}"


def _report(error: BaseException) -> str:
    lines = [
        f"latency-bench {version('latency-bench')}, Python {platform.python_version()}, {platform.platform()}",
        shlex.join(["bench", *command_without_secrets(sys.argv[1:])]),
        without_secrets("".join(traceback.format_exception(error))),
    ]
    return "\n".join(lines)


def _kept(report: str) -> Path | None:
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.txt"
    for folder in _places():
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name
            path.write_text(report, encoding="utf-8", errors="backslashreplace")
            for old in sorted(folder.glob("*.txt"))[:-MOST_KEPT]:
                old.unlink(missing_ok=True)
            return path
    return None


def _places() -> Iterator[Path]:
    """In the cache, else where temporary files go, in a folder that nobody else can have prepared."""
    with suppress(UsageError, OSError):
        yield cache_folder() / FOLDER
    with suppress(OSError):
        yield Path(tempfile.mkdtemp(prefix=f"bench-{FOLDER}-"))
