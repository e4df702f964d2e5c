"""What the process has used so far: peak memory, processor time, and how often it had to make room for others."""

import glob
import os
import resource
import sys
from typing import Dict, NamedTuple, Optional

_KIB = 1024


def peak_rss_bytes() -> int:
    """Largest resident set of this process until now.

    From /proc where there is one: Linux keeps `ru_maxrss` over exec, so that a process that a large one started (a host
    with torch loaded) would begin with its parent's peak.
    """
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * _KIB
    except (OSError, ValueError, IndexError):
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * _KIB


class Usage(NamedTuple):
    """Totals since the process began, over all of its threads."""

    user_ns: int
    system_ns: int
    voluntary_switches: int
    involuntary_switches: int
    minor_faults: int
    major_faults: int
    runqueue_wait_ns: Optional[int]
    """Time that threads were ready to run and another one had the processor; None where the kernel does not tell."""

    def since(self, earlier: "Usage") -> Dict[str, int]:
        """What was used between two readings, by name; what the kernel does not tell is absent."""
        used = {}
        for name, before, after in zip(self._fields, earlier, self):
            if before is not None and after is not None:
                used[name] = after - before
        return used


def read_usage() -> Usage:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(
        user_ns=int(used.ru_utime * 1e9),
        system_ns=int(used.ru_stime * 1e9),
        voluntary_switches=used.ru_nvcsw,
        involuntary_switches=used.ru_nivcsw,
        minor_faults=used.ru_minflt,
        major_faults=used.ru_majflt,
        runqueue_wait_ns=_runqueue_wait_ns(),
    )


def _runqueue_wait_ns() -> Optional[int]:
    """Second field of schedstat (Documentation/scheduler/sched-stats.rst), summed over the threads there are now."""
    waits = []
    for path in glob.glob("/proc/self/task/*/schedstat"):
        try:
            with open(path) as stream:
                waits.append(int(stream.read().split()[1]))
        except (OSError, ValueError, IndexError):
            # A thread that ended between the listing and the reading is no reason to give up the others.
            if os.path.exists(path):
                return None
    return sum(waits) if waits else None
