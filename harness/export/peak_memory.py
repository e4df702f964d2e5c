"""The most memory that this process has had resident."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def peak_memory_bytes() -> int:
    """Peak resident set size in bytes.

    On Linux from VmHWM: getrusage() keeps the peak of the process that forked us across exec (the kernel's fs/exec.c,
    `setmax_mm_hiwater_rss`), which would be the harness's own.
    """
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
