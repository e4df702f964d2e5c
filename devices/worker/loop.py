"""The loop: one request after the other, nothing else in flight, until a rule says that it is enough."""

import contextlib
import gc
from typing import Callable, Iterator, NamedTuple, Optional, Sequence

from .clock import Clock
from .request_times import RequestTimes, Samples

PROGRESS_INTERVAL_NS = 1000000000
_PROGRESS_WINDOW = 1000


Rule = Callable[[Sequence[int], int, int], Optional[str]]
"""Called before every request with latency_ns (valid up to count), count and elapsed_ns; why it ends, or None."""


class StageEnd(NamedTuple):
    stopped_by: str
    sample_count: int
    elapsed_ns: int


Progress = Callable[[int, int, int], None]
"""Called with count, elapsed_ns and the median_ns of the latest requests; at most once a second, between requests."""


def run_stage(
    request: Callable[[], RequestTimes], samples: Samples, rule: Rule, progress: Progress, clock: Clock
) -> StageEnd:
    """Repeat `request` into `samples` until `rule` gives a reason. Samples that are there already count.

    The time that elapsed is read off the requests' own clock readings, so that the loop adds none.
    """
    began_ns = clock()
    elapsed_ns = 0
    next_progress_ns = PROGRESS_INTERVAL_NS
    while True:
        stopped_by = rule(samples.latency_ns, samples.count, elapsed_ns)
        if stopped_by is not None:
            return StageEnd(stopped_by, samples.count, elapsed_ns)
        if elapsed_ns >= next_progress_ns:
            progress(samples.count, elapsed_ns, recent_median(samples))
            next_progress_ns = elapsed_ns + PROGRESS_INTERVAL_NS
        times = request()
        samples.append(times)
        elapsed_ns = times[1] - began_ns


@contextlib.contextmanager
def garbage_collector_paused() -> Iterator[None]:
    """No garbage collection inside, and nothing that exists already is ever looked at by one (freeze: Python 3.7)."""
    was_enabled = gc.isenabled()
    gc.collect()
    freeze = getattr(gc, "freeze", None)
    gc.disable()
    if freeze is not None:
        freeze()
    try:
        yield
    finally:
        if freeze is not None:
            getattr(gc, "unfreeze")()  # noqa: B009
        if was_enabled:
            gc.enable()


def recent_median(samples: Samples) -> int:
    """Latency of the last thousand requests, nanoseconds."""
    recent = sorted(samples.latency_ns[max(0, samples.count - _PROGRESS_WINDOW) : samples.count])
    return recent[len(recent) // 2]
