"""Parquet in and out, with exactly the columns that were promised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from latency_bench.harness.store.errors import BrokenRunError

if TYPE_CHECKING:
    import pyarrow as pa


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


def read_table(path: Path, schema: pa.Schema, *or_else: pa.Schema) -> pa.Table:
    """The table in the file at `path`, checked against `schema`, or against the one of `or_else` with its columns.

    Raises BrokenRunError for a file that cannot be read, whose columns differ, or that has null where none may be.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Straight from the file: read_table would take the folders of its path for partition columns.
        with pa.OSFile(str(path)) as source:
            table = pq.ParquetFile(source).read()
    except (OSError, pa.ArrowException) as error:
        raise BrokenRunError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    schema = next((one for one in or_else if set(one.names) == set(table.column_names)), schema)
    expected = {field.name: str(field.type) for field in schema}
    found = {field.name: str(field.type) for field in table.schema}
    if found != expected:
        wrong = sorted(set(expected.items()) ^ set(found.items()))
        raise BrokenRunError(
            f"{path}: columns are not the expected ones; different: "
            + ", ".join(f"{name} ({kind}) {'missing' if name not in found else 'found'}" for name, kind in wrong)
        )
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise BrokenRunError(f"{path}: column {field.name} has empty values.")
    return table.select(schema.names)
