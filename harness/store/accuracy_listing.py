"""The accuracies of a store, latest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from latency_bench.harness.store.kind_listing import whole_ones
from latency_bench.harness.store.reader import BrokenRun, StoredAccuracy, accuracy_names, read_accuracy


def find_accuracies(
    store: Path, device: str | None = None, on_broken: Callable[[BrokenRun], None] | None = None
) -> Iterator[StoredAccuracy]:
    """One whose record cannot be read, or lies in another's place, is handed to `on_broken` and left out.

    Raises StoreError for a folder that cannot be listed, or a remote store that cannot be reached.
    """
    names = accuracy_names(store, device)
    yield from whole_ones(store, names, lambda folder: StoredAccuracy(folder, read_accuracy(folder)), on_broken)
