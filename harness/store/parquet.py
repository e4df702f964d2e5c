"""Parquet in and out, with exactly the columns that were promised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latency_bench.harness.store.errors import BrokenRunError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_MOST_ROWS = 50_000_000
"""More than an hour of requests of 100 microseconds."""
_MOST_BYTES = 4 << 30
_MOST_ROW_GROUPS = 10_000


def to_column(values: ArrayLike | Sequence[str], kind: pa.DataType) -> pa.Array:
    """Numbers, truth values or texts as a column without empty values, straight from memory: `pyarrow.array` would
    import pandas first, which takes longer than a short run takes to be stored."""
    import pyarrow as pa

    if pa.types.is_string(kind):
        encoded = [str(text).encode() for text in values]  # type: ignore[union-attr]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
        return pa.Array.from_buffers(kind, len(encoded), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))])
    array = np.asarray(values)
    # pyarrow's names of fixed types are numpy's, and its truth values are bits.
    packed = np.packbits(array, bitorder="little") if pa.types.is_boolean(kind) else array.astype(str(kind))
    return pa.Array.from_buffers(kind, array.size, [None, pa.py_buffer(np.ascontiguousarray(packed))])


def to_parquet(table: pa.Table) -> bytes:
    """A Parquet file's bytes. In memory, so that one place writes, hashes and meets a full disk."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _check_size(path: Path, metadata: pq.FileMetaData) -> None:
    """Before anything is unpacked: two megabytes of zeros can say that they are gigabytes. Raises BrokenRunError."""
    groups = [metadata.row_group(number) for number in range(min(metadata.num_row_groups, _MOST_ROW_GROUPS + 1))]
    size_bytes = sum(max(group.total_byte_size, 0) for group in groups)
    rows = max(metadata.num_rows, sum(group.num_rows for group in groups))
    if rows > _MOST_ROWS or size_bytes > _MOST_BYTES or len(groups) > _MOST_ROW_GROUPS:
        raise BrokenRunError(
            f"{path}: holds {rows} rows, {size_bytes} bytes and {metadata.num_row_groups} groups of rows; "
            f"{_MOST_ROWS}, {_MOST_BYTES} and {_MOST_ROW_GROUPS} are allowed."
        )


def numbers_of(column: pa.ChunkedArray) -> NDArray[Any]:
    """A column of numbers or truth values without empty values, straight from memory, as `to_column`."""
    import pyarrow as pa

    array = column.combine_chunks()
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
        return numbers_of(pa.chunked_array([array])).astype(bool)
    name = str(array.type).replace("double", "float64")
    if not len(array):
        return np.empty(0, dtype=name)
    values = np.frombuffer(array.buffers()[1], dtype=name)
    return values[array.offset : array.offset + len(array)]


def read_any_table(path: Path) -> pa.Table:
    """The table in the file at `path`, whatever its columns. Raises BrokenRunError for a file that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Straight from the file: read_table would take the folders of its path for partition columns. Threads cost more
        # than they gain for files as small as ours.
        with pa.OSFile(str(path)) as source, pq.ParquetFile(source, pre_buffer=False) as file:
            _check_size(path, file.metadata)
            return file.read(use_threads=False)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BrokenRunError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error


def read_table(path: Path, schema: pa.Schema, *or_else: pa.Schema) -> pa.Table:
    """The table in the file at `path`, checked against `schema`, or against the one of `or_else` with its columns.

    Raises BrokenRunError for a file that cannot be read, whose columns differ, or that has null where none may be.
    """
    table = read_any_table(path)
    schema = next((one for one in or_else if set(one.names) == set(table.column_names)), schema)
    if not table.schema.equals(schema):
        _check_columns(path, table.schema, schema)
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise BrokenRunError(f"{path}: column {field.name} has empty values.")
    return table.select(schema.names)


def _check_columns(path: Path, schema: pa.Schema, promised: pa.Schema) -> None:
    """Their order and whether they may be empty is left open. Raises BrokenRunError."""
    expected = {field.name: str(field.type) for field in promised}
    found = {field.name: str(field.type) for field in schema}
    if found != expected:
        wrong = sorted(set(expected.items()) ^ set(found.items()))
        raise BrokenRunError(
            f"{path}: columns are not the expected ones; different: "
            + ", ".join(f"{name} ({kind}) {'missing' if name not in found else 'found'}" for name, kind in wrong)
        )
