"""Every run of a store as one row of a table: what lists, comparisons, tables, figures and campaigns select from.

A row holds what a reader may want to filter, sort or print by, never samples: a value for each of the columns
(harness/store/columns). The truth stays in the run directories; a row can be made again from its record at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, ValidationError

from latency_bench.harness.store import record as records
from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.row_source import RecordReader

if TYPE_CHECKING:
    from latency_bench.harness.store.index import Row


def read_row_of(text: bytes, only: tuple[Column, ...] | None = None) -> Row:
    """The row of a run from the bytes of its record.json, of whatever version; keys are the columns' names.

    `only`: no other columns than these, of which nothing else is read. Raises BrokenRunError, NewerRecordError;
    ColumnError where a package's column cannot be made.
    """
    try:
        return _reader(only or tuple(columns().values()), records.RunRecord).row(text)
    except ValidationError:
        # Rare, and slow does not matter: the whole record says best what is wrong, or migrates it.
        return row_of(records.parse_record(text), only)


def row_of(record: records.RunRecord, only: tuple[Column, ...] | None = None) -> Row:
    """The row of a record that is read already."""
    return _reader(only or tuple(columns().values()), records.RunRecord).row(record.to_json().encode())


_CHECKED_BY_THE_RECORD = {str: "text", float: "number", bool: "truth", AwareDatetime: "moment"}
"""Kind of a column by the type of a field: such values need no second look."""


class _RowReader:
    """Reads rows of some columns; made once, for it takes as long as reading some hundred rows."""

    def __init__(self, declared: tuple[Column, ...], record: type[records.RunRecord]) -> None:
        paths = list(dict.fromkeys(path for column in declared for path in column.reads))
        self._record = RecordReader(paths, record)
        place = {path: number for number, path in enumerate(paths)}
        self._names = [column.name for column in declared]
        self._ways = [(self._check_of(column), [place[path] for path in column.reads]) for column in declared]

    def row(self, text: bytes) -> dict[str, Any]:
        values = self._record.values(text)
        cells = [
            values[places[0]] if check is None else check([values[place] for place in places])
            for check, places in self._ways
        ]
        return dict(zip(self._names, cells, strict=True))

    def _check_of(self, column: Column) -> Callable[[list[Any]], Any] | None:
        type_of_field = self._record.type_of(column.reads[0])
        is_checked = column.value is None and _CHECKED_BY_THE_RECORD.get(type_of_field) == column.kind
        return None if is_checked else column.of


@cache
def _reader(declared: tuple[Column, ...], record: type[records.RunRecord]) -> _RowReader:
    return _RowReader(declared, record)
