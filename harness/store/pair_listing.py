"""The pairs of a store, latest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from latency_bench.harness.store.kind_listing import whole_ones
from latency_bench.harness.store.reader import BrokenRun, StoredPair, pair_names, read_pair


def find_pairs(
    store: Path, device: str | None = None, on_broken: Callable[[BrokenRun], None] | None = None
) -> Iterator[StoredPair]:
    """A pair whose record cannot be read, or lies in another's place, is handed to `on_broken` and left out.

    Raises StoreError for a folder that cannot be listed, or a remote store that cannot be reached.
    """
    names = pair_names(store, device)
    yield from whole_ones(store, names, lambda folder: StoredPair(folder, read_pair(folder)), on_broken)
