"""What lies in a store and is no run of a model: everything of one kind, latest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.reader import BrokenRun, StoredAccuracy, StoredPair, misplaced

Kind = TypeVar("Kind", StoredPair, StoredAccuracy)


def whole_ones(
    store: Path,
    names: Iterable[str],
    open_: Callable[[Path], Kind],
    on_broken: Callable[[BrokenRun], None] | None = None,
) -> Iterator[Kind]:
    """Those of these names whose record can be read and lies in its own place; any other is handed to `on_broken`."""
    for name in names:
        folder = store / name
        try:
            stored = open_(folder)
        except BrokenRunError as error:
            problem: str | None = str(error)
        else:
            problem = misplaced(folder, stored.record)
            if problem is None:
                yield stored
        if problem is not None and on_broken is not None:
            on_broken(BrokenRun(folder, problem))
