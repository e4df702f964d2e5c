"""The accuracies of a store, latest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.reader import BrokenRun, StoredAccuracy, accuracy_names, misplaced, read_accuracy


def find_accuracies(
    store: Path, device: str | None = None, on_broken: Callable[[BrokenRun], None] | None = None
) -> Iterator[StoredAccuracy]:
    """One whose record cannot be read, or lies in another's place, is handed to `on_broken` and left out.

    Raises StoreError for a folder that cannot be listed, or a remote store that cannot be reached.
    """
    for name in accuracy_names(store, device):
        folder = store / name
        try:
            record = read_accuracy(folder)
        except BrokenRunError as error:
            problem: str | None = str(error)
        else:
            problem = misplaced(folder, record)
            if problem is None:
                yield StoredAccuracy(folder, record)
        if problem is not None and on_broken is not None:
            on_broken(BrokenRun(folder, problem))
