"""Throughput: images per second of wall time, with several requests in flight. Measured apart from the latency, which
is that of one request alone."""

from collections import OrderedDict
from typing import Any, Dict, Sequence

from .clock import Clock
from .job import ThroughputBounds
from .runtime.base import Lane


def measure_throughput(
    lanes: Sequence[Lane], images_per_request: int, bounds: ThroughputBounds, clock: Clock
) -> Dict[str, Any]:
    """Keep every lane busy, and count what is finished.

    The lanes are served in turn: wait for the oldest request, count it, submit the next one in its place. So one lane's
    copies overlap with another's computation. The count starts when all lanes are busy and stops at the end of a
    request, so that neither filling nor draining is in it.
    """
    for lane in lanes:
        lane.submit()
    warm_ns = clock() + bounds.warmup_ns
    turn = 0
    now_ns = clock()
    while now_ns < warm_ns:
        turn = _next(lanes, turn)
        now_ns = clock()
    began_ns = now_ns
    count = 0
    while True:
        turn = _next(lanes, turn)
        count += 1
        elapsed_ns = clock() - began_ns
        enough = count >= bounds.min_count and elapsed_ns >= bounds.min_ns
        if enough or elapsed_ns >= bounds.max_ns:
            break
    for lane in lanes:
        lane.wait()
    images = count * images_per_request
    return OrderedDict(
        streams=len(lanes),
        batch=images_per_request,
        requests=count,
        images=images,
        elapsed_ns=elapsed_ns,
        images_per_s=images * 1e9 / elapsed_ns,
    )


def _next(lanes: Sequence[Lane], turn: int) -> int:
    lanes[turn].wait()
    lanes[turn].submit()
    return (turn + 1) % len(lanes)
