"""Runs and their samples as Parquet files for analysis elsewhere, columns described in the files themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.store.columns.column import Column, Kind
from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.durable import replacing
from latency_bench.harness.store.errors import from_os_error
from latency_bench.harness.store.index import Row
from latency_bench.harness.store.sample_table import samples_schema, samples_schemas

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_A_GROUP = 5_000
_OF_RUN = ("run_id", "device", "model", "runtime", "precision", "height", "width", "batch", "status")
SAMPLE_MEANINGS: dict[str, str] = {
    "round": "Number of the round, from 0; a round is a process of its own.",
    "warmup": "Whether the request was warm-up, which no statistic of the run contains.",
    "index": "Number of the request in its round and stage, from 0.",
    "start_ns": "Start of the request since the round's clock started, nanoseconds.",
    "latency_ns": "Wall clock of the request, nanoseconds; what it covers is in the run's row.",
    "h2d_ns": "Of it the copy to the device; null where not measured.",
    "compute_ns": "Of it the computation; null where not measured.",
    "d2h_ns": "Of it the copy back; null where not measured.",
    "enqueue_ns": "The host's time for handing the computation to the device; null where not measured.",
    "decode_ns": "Of a pipeline: decoding the photograph's bytes; null elsewhere.",
    "preprocess_ns": "Of a pipeline: resizing, cropping and normalising, into the host's array; null elsewhere.",
    "postprocess_ns": "Of a pipeline: making the answer of the outputs; null elsewhere.",
}
"""Name and meaning of what a sample has besides the columns of its run, in order."""


def runs_schema() -> pa.Schema:
    """Columns of the runs' file: those of the run table, with their meaning as the field's `description`."""
    import pyarrow as pa

    return pa.schema([run_field(column) for column in columns().values()])


def samples_file_schema() -> pa.Schema:
    """Columns of the samples' file: what tells the runs apart, then what a sample has."""
    import pyarrow as pa

    types = {field.name: field.type for field in samples_schema(enqueue=True, pipeline=True)}
    of_sample = [_field(name, types[name], meaning) for name, meaning in SAMPLE_MEANINGS.items()]
    return pa.schema([*(run_field(columns()[name]) for name in _OF_RUN), *of_sample])


def write_runs(rows: Iterable[Row], file: Path) -> int:
    """Write rows of the run table, a few thousand in memory at a time; returns their number. Raises StoreError."""
    import pyarrow as pa

    schema = runs_schema()
    rows = iter(rows)
    groups = iter(lambda: list(islice(rows, _ROWS_A_GROUP)), [])
    return _write((pa.Table.from_pylist(group, schema=schema) for group in groups), schema, file)


def write_samples(store: Path, rows: Iterable[Row], file: Path) -> int:
    """Write every sample of the runs with these rows, one run in memory at a time; returns the number of samples.

    Raises BrokenRunError for samples that cannot be read, StoreError.
    """
    schema = samples_file_schema()
    return _write(_sample_tables(store, rows, schema), schema, file)


def _sample_tables(store: Path, rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.Table]:
    import pyarrow as pa

    from latency_bench.harness.store.parquet import read_table
    from latency_bench.harness.store.reader import StoredRun, read_record

    for row in rows:
        run = store / row["path"]
        path = StoredRun(run, read_record(run)).samples_file()
        if path is None:
            continue
        samples = read_table(path, *samples_schemas())
        yield pa.Table.from_arrays([_sample_column(field, row, samples) for field in schema], schema=schema)


def _sample_column(field: pa.Field, row: Row, samples: pa.Table) -> Any:
    import pyarrow as pa

    if field.name in _OF_RUN:
        return pa.repeat(pa.scalar(row[field.name], field.type), samples.num_rows)
    if field.name in samples.column_names:
        return samples.column(field.name)
    return pa.nulls(samples.num_rows, field.type)


def run_field(column: Column) -> pa.Field:
    import pyarrow as pa

    types: dict[Kind, pa.DataType] = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
        "moment": pa.timestamp("ms", tz="UTC"),
        "texts": pa.list_(pa.string()),
        "integers": pa.list_(pa.int64()),
        "numbers": pa.list_(pa.float64()),
    }
    return _field(column.name, types[column.kind], column.meaning)


def _field(name: str, kind: pa.DataType, meaning: str) -> pa.Field:
    import pyarrow as pa

    return pa.field(name, kind, metadata={"description": meaning})


def _write(tables: Iterable[pa.Table], schema: pa.Schema, file: Path) -> int:
    import pyarrow.parquet as pq

    count = 0
    try:
        with replacing(file) as target, pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
                count += table.num_rows
    except OSError as error:
        raise from_os_error(error, file, "write") from error
    return count
