"""Whether fresh processes are fresh in memory: how many physical pages the two processes of a pair have in common with
those of the pair before.

    sudo python benchmarks/paired/shared_pages.py --minutes 1

Pages differ: in what backs them on a virtual machine, and in which lines of a cache they fall into. Where a side keeps
its pages from pair to pair, it keeps its luck with them. Reads /proc/PID/pagemap, which only root may.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from measured_steps import Effort
from pair_steps import CLASSIFIER, measured_pair

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LEAST_BYTES = 80_000_000
"""Of a process that has loaded the model."""
_SETTLED_S = 0.5
_PRESENT = 1 << 63
_NUMBER = (1 << 55) - 1


def anonymous_pages(process: int) -> frozenset[int]:
    """Numbers of the physical pages that hold a process's own memory, files left out."""
    numbers: set[int] = set()
    with open(f"/proc/{process}/pagemap", "rb") as pagemap:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            span, _, _, _, inode, *_ = line.split()
            first, end = (int(part, 16) // _PAGE for part in span.split("-"))
            if inode == "0" and "[v" not in line:
                pagemap.seek(8 * first)
                entries = struct.iter_unpack("<Q", pagemap.read(8 * (end - first)))
                numbers.update(entry & _NUMBER for (entry,) in entries if entry & _PRESENT)
    return frozenset(numbers)


class Watch:
    """Looks at the workers of every pair, in a thread beside it."""

    def __init__(self) -> None:
        self.pairs: list[tuple[frozenset[int], frozenset[int]]] = []
        """Of the process that started first and of the other."""
        self.over = threading.Event()

    def run(self) -> None:
        seen: set[tuple[int, ...]] = set()
        while not self.over.wait(0.1):
            loaded = tuple(sorted(_loaded()))
            if len(loaded) == 2 and loaded not in seen:
                time.sleep(_SETTLED_S)
                try:
                    first, second = map(anonymous_pages, loaded)
                except OSError:
                    continue
                seen.add(loaded)
                self.pairs.append((first, second))


def _loaded() -> Iterator[int]:
    """Processes below this one that have loaded the model."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.memory_info().rss > _LEAST_BYTES:
                yield process.pid


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--store", type=Path, default=Path("results"))
    options = parser.parse_args()
    watch = Watch()
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        measured_pair([f"{CLASSIFIER}@litert"] * 2, Effort(minutes=options.minutes, store=options.store), seed=0)
    finally:
        watch.over.set()
        thread.join()
    print("| pages of the process that starts | in common with the one that had started | median | in pairs |")
    print("|---|---|---:|---:|")
    following = list(zip(watch.pairs, watch.pairs[1:], strict=False))
    for place, name in enumerate(("first", "second")):
        for before, earlier in enumerate(("first", "second")):
            shares = [len(now[place] & then[before]) / len(now[place]) for then, now in following]
            share = f"{statistics.median(shares):.0%}" if shares else "-"
            print(f"| {name} | {earlier} in the pair before | {share} | {len(shares)} |")


if __name__ == "__main__":
    main()
