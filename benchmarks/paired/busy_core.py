"""Another process that keeps a core busy half of the time, in stretches of random length, as a neighbour would."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

SHORTEST_S, LONGEST_S = 0.05, 3.0


@contextmanager
def half_busy_core(seed: int = 0) -> Iterator[None]:
    """While this lasts. The kernel chooses the core, which may be the one that is measured."""
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(seed,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _work(seed: int) -> None:
    generator = random.Random(seed)
    parent = multiprocessing.parent_process()
    # A benchmark that is killed does not come to its `finally`.
    while parent is not None and parent.is_alive():
        stretch_s = generator.uniform(SHORTEST_S, LONGEST_S)
        ends_s = time.monotonic() + stretch_s
        while time.monotonic() < ends_s:
            pass
        time.sleep(stretch_s)
