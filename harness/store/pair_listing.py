"""The pairs of a store, latest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.reader import BrokenRun, StoredPair, misplaced, pair_names, read_pair


def find_pairs(
    store: Path, device: str | None = None, on_broken: Callable[[BrokenRun], None] | None = None
) -> Iterator[StoredPair]:
    """A pair whose record cannot be read, or lies in another's place, is handed to `on_broken` and left out.

    Raises StoreError for a folder that cannot be listed, or a remote store that cannot be reached.
    """
    for name in pair_names(store, device):
        folder = store / name
        try:
            record = read_pair(folder)
        except BrokenRunError as error:
            problem: str | None = str(error)
        else:
            problem = misplaced(folder, record)
            if problem is None:
                yield StoredPair(folder, record)
        if problem is not None and on_broken is not None:
            on_broken(BrokenRun(folder, problem))
