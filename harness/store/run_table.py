"""Every run of a store as one row of a table: what lists, comparisons, tables, figures and campaigns select from.

A row holds what a reader may want to filter, sort or print by, never samples: a value for each of the columns
(harness/store/columns). The truth stays in the run directories; a row can be made again from its record at any time.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from latency_bench.harness.store import record as records
from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.row_source import RecordReader

if TYPE_CHECKING:
    from latency_bench.harness.store.index import Row


def read_row_of(text: bytes) -> Row:
    """The row of a run from the bytes of its record.json, of whatever version; keys are the columns' names.

    Raises BrokenRunError, NewerRecordError; ColumnError where a package's column cannot be made.
    """
    try:
        return _reader(tuple(columns().values()), records.RunRecord).row(text)
    except ValidationError:
        # Rare, and slow does not matter: the whole record says best what is wrong, or migrates it.
        return row_of(records.parse_record(text))


def row_of(record: records.RunRecord) -> Row:
    """The row of a record that is read already."""
    return _reader(tuple(columns().values()), records.RunRecord).row(record.to_json().encode())


class _RowReader:
    def __init__(self, declared: tuple[Column, ...], record: type[records.RunRecord]) -> None:
        paths = list(dict.fromkeys(path for column in declared for path in column.reads))
        self._record = RecordReader(paths, record)
        place = {path: number for number, path in enumerate(paths)}
        self._places = [(column, [place[path] for path in column.reads]) for column in declared]

    def row(self, text: bytes) -> dict[str, Any]:
        values = self._record.values(text)
        return {column.name: column.of([values[place] for place in places]) for column, places in self._places}


@cache
def _reader(declared: tuple[Column, ...], record: type[records.RunRecord]) -> _RowReader:
    return _RowReader(declared, record)
