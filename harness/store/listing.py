"""The rows of a store's runs: from the index where it knows them, else from their records, which it then knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.index import LOOKUP_MAX, Index, Row, index_file, stamp_of
from latency_bench.harness.store.layout import RECORD_FILE
from latency_bench.harness.store.reader import BrokenRun, run_names

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.columns.column import Column
    from latency_bench.harness.store.record import Status

OnBroken = Callable[[BrokenRun], None]
_NEEDED = ("path", "status")
"""Columns that every row has."""


def find_rows(
    store: Path,
    device: str | None = None,
    model: str | None = None,
    status: Status | None = None,
    on_broken: OnBroken | None = None,
    only: Sequence[str] = (),
) -> Iterator[Row]:
    """Rows of the runs of a store, latest first, by column's name; a few hundred in memory at a time.

    `only` names the columns that are wanted: a store that is read for the first time is then read for these alone,
    which takes a quarter of the time.

    A run whose record cannot be read, or lies in another's place, is handed to `on_broken` and left out. Whether a
    record that the index knows was touched since is told by its size and times; those of another status are not
    looked at.
    """
    names = run_names(store, device, model)
    yield from rows_of(store, names, status, on_broken, only)
    if names and device is None and model is None:
        with closing(_index(store, only)) as index:
            index.forget_all_but(names)


def rows_of(
    store: Path,
    names: Sequence[str],
    status: Status | None = None,
    on_broken: OnBroken | None = None,
    only: Sequence[str] = (),
) -> Iterator[Row]:
    """Rows of the runs at `names` (device/model/run id), in that order, otherwise as `find_rows`."""
    if not names:
        return
    with closing(_index(store, only)) as index:
        if status is not None:
            others = index.of_another_status(names, status)
            names = [name for name in names if name not in others]
        for first in range(0, len(names), LOOKUP_MAX):
            yield from _rows(store, index, names[first : first + LOOKUP_MAX], status, on_broken)


def _index(store: Path, only: Sequence[str]) -> Index:
    """That of all columns where there is one already, or all are wanted."""
    whole = index_file(store)
    if not only or whole.exists():
        return Index(whole)
    names = [name for name in columns() if name in _NEEDED or name in only]
    return Index(index_file(store, names), names)


def read_row(store: Path, name: str, only: tuple[Column, ...] | None = None) -> Row:
    """The row of the run at `name` (device/model/run id), from its record. Raises BrokenRunError."""
    from latency_bench.harness.store.run_table import read_row_of

    path = f"{store}/{name}/{RECORD_FILE}"
    try:
        # Not through pathlib, which would take a fifth of the time that an index is made in.
        with open(path, "rb") as file:
            row = read_row_of(file.read(), only)
    except OSError as error:
        raise BrokenRunError(f"{path}: cannot be read: {error.strerror}.") from error
    except BrokenRunError as error:
        raise type(error)(f"{path}: {error}") from error
    if row["path"] != name:
        raise BrokenRunError(f"{store / name}: the record is of {row['path']}, which is not where it lies.")
    return row


def _rows(
    store: Path, index: Index, names: Sequence[str], status: Status | None, on_broken: OnBroken | None
) -> Iterator[Row]:
    known = index.known(names)
    rows, new = [], []
    for name in names:
        entry, stamp = known.get(name), stamp_of(f"{store}/{name}")
        if entry is not None and entry.stamp == stamp:
            row = entry.row
        else:
            try:
                row = read_row(store, name, index.columns)
            except BrokenRunError as error:
                if on_broken:
                    on_broken(BrokenRun(store / name, str(error)))
                continue
            if stamp is not None:
                new.append((name, stamp, row))
        if status in (None, row["status"]):
            rows.append(row)
    if new:
        index.keep(new)
    yield from rows


def load_runs(store: Path, on_broken: Callable[[BrokenRun], None] | None = None) -> pd.DataFrame:
    """All runs of a store, latest first, with all columns; no rows for a store without runs.

    A run whose record cannot be read, or lies in another's place, is handed to `on_broken` and left out.
    """
    import pandas as pd

    # Most texts, the long one of conditions above all, are those of many runs: each is kept once.
    texts: dict[str, str] = {}
    rows = (
        tuple(texts.setdefault(value, value) if isinstance(value, str) else value for value in row.values())
        for row in find_rows(store, on_broken=on_broken)
    )
    table: pd.DataFrame = pd.DataFrame(rows, columns=list(columns()))
    return table
