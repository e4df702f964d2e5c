"""The clock: monotonic, integer nanoseconds."""

import time
from typing import Any, Callable, Dict

Clock = Callable[[], int]


def _from_seconds() -> int:
    """Python 3.6 has the clock in float seconds only; 53 bits keep 1 ns for 104 days of uptime."""
    return int(time.perf_counter() * 1e9)


now_ns: Clock = getattr(time, "perf_counter_ns", _from_seconds)


def describe(clock: Clock = now_ns) -> Dict[str, Any]:
    """Which clock it is, and one instant in it and in Unix time: `start_ns` of every sample counts from here."""
    info = time.get_clock_info("perf_counter")
    before = clock()
    unix_s = time.time()
    after = clock()
    return {
        "implementation": info.implementation,
        "resolution_ns": max(1, round(info.resolution * 1e9)),
        "origin_ns": (before + after) // 2,
        "origin_unix_ns": int(unix_s * 1e9),
    }


def measure_resolution_ns(clock: Clock = now_ns, reads: int = 2000) -> int:
    """Smallest difference other than 0 between two consecutive reads: what the clock can tell apart, its cost included.

    Reads on until the clock has moved at least once; a clock that never moves in a million reads is an error.
    """
    smallest = 0
    previous = clock()
    for index in range(1000000):
        current = clock()
        step = current - previous
        previous = current
        if step > 0 and (smallest == 0 or step < smallest):
            smallest = step
        if smallest and index >= reads:
            return smallest
    if smallest:
        return smallest
    raise RuntimeError("the clock does not move")
