"""Where this user's caches lie: exports, engines, the index and the mirrors of stores."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from latency_bench.harness.errors import UsageError


def cache_folder() -> Path:
    """BENCH_CACHE, else the platform's cache directory of this user. Raises UsageError for a user without a home."""
    if chosen := os.environ.get("BENCH_CACHE"):
        return Path(chosen)
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "bench"
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "bench"
    try:
        return Path.home() / ".cache" / "bench"
    except RuntimeError:
        raise UsageError("this user has no home folder to keep exports in: set BENCH_CACHE to a folder") from None
