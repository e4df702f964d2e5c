"""Runs and their samples as Parquet files for analysis elsewhere, columns described in the files themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.store.durable import replacing
from latency_bench.harness.store.errors import from_os_error
from latency_bench.harness.store.index import Row
from latency_bench.harness.store.run_table import COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_A_GROUP = 5_000
_BYTES = ("peak_rss_bytes", "artifact_bytes", "io_bytes")
_SIZES = ("height", "width", "batch", "threads", "streams", "params", "macs", *_BYTES)
_INTEGERS = frozenset((*_SIZES, "samples", "rounds"))
_DURATIONS = ("median_ms", "low_ms", "high_ms", "h2d_ms", "compute_ms", "d2h_ms")
_NUMBERS = frozenset((*_DURATIONS, "confidence", "img_s", "throughput_img_s", "joules_per_image"))
_TRUTHS = frozenset(("seeded", "fidelity"))
_LISTS_OF_NUMBERS = frozenset(("round_medians_ms", "round_throughputs_img_s"))

_OF_RUN = ("run_id", "device", "model", "runtime", "precision", "height", "width", "batch", "status")
SAMPLE_COLUMNS: dict[str, str] = {
    **{name: COLUMNS[name] for name in _OF_RUN},
    "round": "Number of the round, from 0; a round is a process of its own.",
    "warmup": "Whether the request was warm-up, which no statistic of the run contains.",
    "index": "Number of the request in its round and stage, from 0.",
    "start_ns": "Start of the request since the round's clock started, nanoseconds.",
    "latency_ns": "Wall clock of the request, nanoseconds; what it covers is in the run's row.",
    "h2d_ns": "Of it the copy to the device; null where not measured.",
    "compute_ns": "Of it the computation; null where not measured.",
    "d2h_ns": "Of it the copy back; null where not measured.",
    "enqueue_ns": "The host's time for handing the computation to the device; null where not measured.",
}
"""Name and meaning of the columns of the samples' file, in order; those of a run are its row's."""


def runs_schema() -> pa.Schema:
    """Columns of the runs' file: those of the run table, with their meaning as the field's `description`."""
    return _schema(COLUMNS)


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
    schema = _schema(SAMPLE_COLUMNS)
    return _write(_sample_tables(store, rows, schema), schema, file)


def _sample_tables(store: Path, rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.Table]:
    import pyarrow as pa

    from latency_bench.harness.store.parquet import read_table
    from latency_bench.harness.store.reader import StoredRun, read_record
    from latency_bench.harness.store.sample_table import samples_schema

    for row in rows:
        run = store / row["path"]
        path = StoredRun(run, read_record(run)).samples_file()
        if path is None:
            continue
        samples = read_table(path, samples_schema(), samples_schema(enqueue=True))
        yield pa.Table.from_arrays([_sample_column(field, row, samples) for field in schema], schema=schema)


def _sample_column(field: pa.Field, row: Row, samples: pa.Table) -> Any:
    import pyarrow as pa

    if field.name in _OF_RUN:
        return pa.repeat(pa.scalar(row[field.name], field.type), samples.num_rows)
    if field.name in samples.column_names:
        return samples.column(field.name)
    return pa.nulls(samples.num_rows, field.type)


def _schema(columns: dict[str, str]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([pa.field(name, _kind(name), metadata={"description": columns[name]}) for name in columns])


def _kind(name: str) -> Any:
    import pyarrow as pa

    kinds: Sequence[tuple[frozenset[str], Any]] = (
        (_INTEGERS, pa.int64()),
        (_NUMBERS, pa.float64()),
        (_TRUTHS, pa.bool_()),
        (_LISTS_OF_NUMBERS, pa.list_(pa.float64())),
        (frozenset(("flags",)), pa.list_(pa.string())),
        (frozenset(("started_at",)), pa.timestamp("ms", tz="UTC")),
        (frozenset(("round",)), pa.int16()),
        (frozenset(("warmup",)), pa.bool_()),
        (frozenset(("index",)), pa.int32()),
    )
    if name.endswith("_ns"):
        return pa.int64()
    return next((kind for names, kind in kinds if name in names), pa.string())


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
