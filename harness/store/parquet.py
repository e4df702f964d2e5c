"""Parquet in and out, with exactly the columns that were promised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.store.errors import BrokenRunError

if TYPE_CHECKING:
    import pyarrow as pa


def to_parquet(table: pa.Table) -> bytes:
    """A Parquet file's bytes. In memory, so that one place writes, hashes and meets a full disk."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """The table in the file at `path`, checked against `schema`.

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
