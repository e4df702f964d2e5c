"""The same work on many runs, on all processors.

In threads: what takes the time (reading files, hashing them, unpacking Parquet) lets other threads run meanwhile.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_MOST_THREADS = 8
"""More wait for the interpreter alone."""
_AHEAD = 8
"""Results per thread that may wait until somebody takes them."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[tuple[_Item, _Result]]:
    """Each item with what `work` gives for it, in the order of the items. Raises whatever `work` raises."""
    threads = min(_MOST_THREADS, processors())
    if threads == 1:
        for item in items:
            yield item, work(item)
        return
    waiting: deque[tuple[_Item, Future[_Result]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="store") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) == _AHEAD * threads:
                    oldest, result = waiting.popleft()
                    yield oldest, result.result()
            for oldest, result in waiting:
                yield oldest, result.result()
        finally:
            for _, result in waiting:
                result.cancel()


def processors() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
