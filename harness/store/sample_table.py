"""samples.parquet: every request of every round, warm-up included, one row each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latency_bench.devices.runners.base import PHASES, PIPELINE_PHASES
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.parquet import numbers_of, read_table, to_column, to_parquet

if TYPE_CHECKING:
    import pyarrow as pa

Nanoseconds = NDArray[np.int64]

PIPELINE_COLUMNS = tuple(f"{phase}_ns" for phase in PIPELINE_PHASES)
"""In the file only where a pipeline was measured."""
PHASE_COLUMNS = tuple(f"{phase}_ns" for phase in PHASES if phase not in PIPELINE_PHASES)
ENQUEUE_COLUMN = "enqueue_ns"
"""In the file only where it was measured."""
_OPTIONAL_COLUMNS = (*PHASE_COLUMNS, ENQUEUE_COLUMN, *PIPELINE_COLUMNS)

ROW_BYTES = 64
"""That a row takes at most: 55 by its columns, and the file's own bookkeeping."""


@dataclass(frozen=True, eq=False)
class StageSamples:
    """The requests of one stage (warm-up or sampling) of one round, in the order in which they were made.

    Every array has shape [n] and holds integer nanoseconds. A phase that was not measured is None.
    """

    round: int
    warmup: bool
    start_ns: Nanoseconds
    """Since the round's clock started."""
    latency_ns: Nanoseconds
    h2d_ns: Nanoseconds | None = None
    compute_ns: Nanoseconds | None = None
    d2h_ns: Nanoseconds | None = None
    enqueue_ns: Nanoseconds | None = None
    """The host's time for handing the computation to the device; no part of the phases' sum."""
    decode_ns: Nanoseconds | None = None
    preprocess_ns: Nanoseconds | None = None
    postprocess_ns: Nanoseconds | None = None

    @classmethod
    def of(cls, round: int, warmup: bool, columns: dict[str, ArrayLike]) -> StageSamples:
        """A block from columns by name: `start_ns`, `latency_ns`, and what else was measured.

        Raises ValueError for unknown or missing columns, unequal lengths, anything but whole numbers.
        """
        missing = {"start_ns", "latency_ns"} - columns.keys()
        unknown = columns.keys() - {"start_ns", "latency_ns", *_OPTIONAL_COLUMNS}
        if missing or unknown:
            raise ValueError(f"samples of round {round}: missing columns {sorted(missing)}, unknown {sorted(unknown)}")
        arrays = {name: _whole_nanoseconds(name, values) for name, values in columns.items()}
        if len({array.shape for array in arrays.values()}) != 1:
            lengths = {name: array.shape[0] for name, array in arrays.items()}
            raise ValueError(f"samples of round {round}: columns of unequal length {lengths}")
        return cls(round=round, warmup=warmup, **arrays)

    def __len__(self) -> int:
        return int(self.latency_ns.shape[0])


def _whole_nanoseconds(name: str, values: ArrayLike) -> Nanoseconds:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name} is not a list of whole nanoseconds")
    return array.astype(np.int64)


@cache
def samples_schema(enqueue: bool = False, pipeline: bool = False) -> pa.Schema:
    """Columns of samples.parquet, in their order, with or without the one that few runtimes have, and those of a
    pipeline."""
    import pyarrow as pa

    optional = (*PHASE_COLUMNS, *((ENQUEUE_COLUMN,) if enqueue else ()), *(PIPELINE_COLUMNS if pipeline else ()))
    return pa.schema(
        [
            pa.field("round", pa.int16(), nullable=False),
            pa.field("warmup", pa.bool_(), nullable=False),
            pa.field("index", pa.int32(), nullable=False),
            pa.field("start_ns", pa.int64(), nullable=False),
            pa.field("latency_ns", pa.int64(), nullable=False),
            *(pa.field(name, pa.int64(), nullable=True) for name in optional),
        ]
    )


def samples_schemas() -> tuple[pa.Schema, ...]:
    """Every form that the file may have, the usual one first."""
    return tuple(samples_schema(enqueue, pipeline) for pipeline in (False, True) for enqueue in (False, True))


def samples_to_parquet(blocks: Iterable[StageSamples]) -> bytes:
    """The file's bytes. `index` counts the requests of each block from 0.

    Raises ValueError if two blocks are of the same stage of the same round.
    """
    import pyarrow as pa

    blocks = list(blocks)
    has_enqueue, has_pipeline = (
        any(getattr(block, name) is not None for block in blocks) for name in (ENQUEUE_COLUMN, PIPELINE_COLUMNS[0])
    )
    schema, tables, seen = samples_schema(has_enqueue, has_pipeline), [], set()
    for block in blocks:
        if (block.round, block.warmup) in seen:
            stage = "warm-up" if block.warmup else "sampling"
            raise ValueError(f"round {block.round} has two blocks of {stage} samples")
        seen.add((block.round, block.warmup))
        n = len(block)
        columns: dict[str, Any] = {
            "round": np.full(n, block.round),
            "warmup": np.full(n, block.warmup),
            "index": np.arange(n),
            "start_ns": block.start_ns,
            "latency_ns": block.latency_ns,
        }
        for name in _OPTIONAL_COLUMNS:
            measured = getattr(block, name)
            columns[name] = measured
        arrays = [
            pa.nulls(n, field.type) if columns[field.name] is None else to_column(columns[field.name], field.type)
            for field in schema
        ]
        tables.append(pa.Table.from_arrays(arrays, schema=schema))
    return to_parquet(pa.concat_tables(tables) if tables else schema.empty_table())


def read_samples(path: Path) -> list[StageSamples]:
    """The blocks of a samples.parquet: rounds ascending, the warm-up first.

    Raises BrokenRunError for a file that is damaged, has other columns, or lacks rows.
    """
    table = read_table(path, *samples_schemas())
    # A number for each stage of each round, ascending with the round, the warm-up first.
    stages = 2 * numbers_of(table.column("round")).astype(np.int64) + ~numbers_of(table.column("warmup"))
    index = numbers_of(table.column("index"))
    order = np.lexsort((index, stages))
    stages, index = stages[order], index[order]
    columns = {name: numbers_of(table.column(name))[order] for name in ("start_ns", "latency_ns")}
    measured = [name for name in table.column_names if name in _OPTIONAL_COLUMNS and _has_values(table.column(name))]
    columns |= {name: numbers_of(table.column(name).fill_null(0))[order] for name in measured}
    partly = {name: table.column(name) for name in measured if table.column(name).null_count}
    is_measured = {name: numbers_of(column.is_valid())[order] for name, column in partly.items()}
    counting = np.arange(len(stages))
    blocks = []
    for first, end in _equal_parts(stages):
        number, rows = int(stages[first]) // 2, slice(first, end)
        if not np.array_equal(index[rows], counting[: end - first]):
            raise BrokenRunError(f"{path}: samples of round {number} are missing or double.")
        absent = {name for name, known in is_measured.items() if not known[rows].any()}
        for name in is_measured.keys() - absent:
            if not is_measured[name][rows].all():
                raise BrokenRunError(f"{path}: {name} is missing in some samples of round {number}.")
        of_block = {name: values[rows] for name, values in columns.items() if name not in absent}
        blocks.append(StageSamples(round=number, warmup=not stages[first] % 2, **of_block))
    return blocks


def _has_values(column: pa.ChunkedArray) -> bool:
    return bool(column.null_count < len(column))


def _equal_parts(values: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First row and end of every run of equal values."""
    starts = (np.flatnonzero(np.diff(values)) + 1).tolist() if len(values) else []
    return pairwise([0, *starts, len(values)] if len(values) else [])
