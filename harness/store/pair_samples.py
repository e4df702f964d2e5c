"""samples.parquet of a pair: every request of every side, with its place in the order, one row each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.parquet import read_table, to_column, to_parquet
from latency_bench.harness.store.sample_table import ENQUEUE_COLUMN, PHASE_COLUMNS, PIPELINE_COLUMNS, Nanoseconds

if TYPE_CHECKING:
    import pyarrow as pa

_PHASES = (*PHASE_COLUMNS, ENQUEUE_COLUMN)
"""In every file; those of a pipeline where a side has them."""


@dataclass(frozen=True, eq=False)
class PairSamples:
    """The requests of one stage (warm-up, or taking turns) of one process, in the order in which they were made.

    Every array has shape [n]. A phase that was not measured is None.
    """

    side: int
    pair: int
    """Which set of fresh processes, from 0."""
    process: int
    """Of the side, from 0: several a pair where short processes take turns."""
    warmup: bool
    start_ns: Nanoseconds
    """Since the first process of the pair started its clock: all sides of a pair share it."""
    latency_ns: Nanoseconds
    block: NDArray[np.int64]
    """Number of the block, one burst of every side, from 0; -1 in the warm-up."""
    kept: NDArray[np.bool_]
    """Whether it counts: not in the warm-up, in settling blocks, or at the start of a burst if that is left out."""
    phases_ns: dict[str, Nanoseconds]

    def __len__(self) -> int:
        return int(self.latency_ns.shape[0])


def pair_samples_schema(pipeline: bool = False) -> pa.Schema:
    """Columns of the file, in their order, with or without those of a pipeline."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("side", pa.int8(), nullable=False),
            pa.field("pair", pa.int16(), nullable=False),
            pa.field("process", pa.int16(), nullable=False),
            pa.field("warmup", pa.bool_(), nullable=False),
            pa.field("index", pa.int32(), nullable=False),
            pa.field("block", pa.int32(), nullable=False),
            pa.field("kept", pa.bool_(), nullable=False),
            pa.field("start_ns", pa.int64(), nullable=False),
            pa.field("latency_ns", pa.int64(), nullable=False),
            *(pa.field(name, pa.int64(), nullable=True) for name in _PHASES),
            *(pa.field(name, pa.int64(), nullable=True) for name in (PIPELINE_COLUMNS if pipeline else ())),
        ]
    )


def pair_samples_to_parquet(parts: Iterable[PairSamples]) -> bytes:
    """The file's bytes. `index` counts the requests of each stage of each process from 0."""
    import pyarrow as pa

    parts = list(parts)
    schema = pair_samples_schema(pipeline=any(PIPELINE_COLUMNS[0] in part.phases_ns for part in parts))
    tables = []
    for part in parts:
        n = len(part)
        columns = {
            "side": np.full(n, part.side),
            "pair": np.full(n, part.pair),
            "process": np.full(n, part.process),
            "warmup": np.full(n, part.warmup),
            "index": np.arange(n),
            "block": part.block,
            "kept": part.kept,
            "start_ns": part.start_ns,
            "latency_ns": part.latency_ns,
            **part.phases_ns,
        }
        arrays = [
            to_column(columns[field.name], field.type) if field.name in columns else pa.nulls(n, field.type)
            for field in schema
        ]
        tables.append(pa.Table.from_arrays(arrays, schema=schema))
    return to_parquet(pa.concat_tables(tables) if tables else schema.empty_table())


def read_pair_samples(path: Path) -> list[PairSamples]:
    """The parts of a pair's samples.parquet, by pair, side and process, the warm-up first.

    Raises BrokenRunError for a file that is damaged, has other columns, or lacks rows.
    """
    table = read_table(path, pair_samples_schema(), pair_samples_schema(pipeline=True))
    plain = {field.name: table.column(field.name).to_numpy() for field in pair_samples_schema() if not field.nullable}
    names = [name for name in (*_PHASES, *PIPELINE_COLUMNS) if name in table.column_names]
    phases = {name: table.column(name).combine_chunks() for name in names}
    values = {name: array.fill_null(0).to_numpy(zero_copy_only=False) for name, array in phases.items()}
    absent = {name: array.is_null().to_numpy(zero_copy_only=False) for name, array in phases.items()}
    keys = np.stack([plain["pair"], plain["side"], plain["process"], ~plain["warmup"]], axis=1).astype(np.int64)
    # Sorted once, by index within each part: a file may say that each of its rows is a process of its own.
    order = np.lexsort((plain["index"], *keys.T[::-1]))
    starts = np.flatnonzero((np.diff(keys[order], axis=0) != 0).any(axis=1)) + 1
    parts = []
    for first, end in pairwise([0, *starts.tolist(), len(order)] if len(order) else []):
        rows = order[first:end]
        pair, side, process, counted = keys[rows[0]]
        where = f"pair {pair}, side {side}, process {process}"
        if not np.array_equal(plain["index"][rows], np.arange(rows.size)):
            raise BrokenRunError(f"{path}: samples of {where} are missing or double.")
        measured = {}
        for name in names:
            if not absent[name][rows].any():
                measured[name] = values[name][rows].astype(np.int64)
            elif not absent[name][rows].all():
                raise BrokenRunError(f"{path}: {name} is missing in some samples of {where}.")
        parts.append(
            PairSamples(
                side=int(side),
                pair=int(pair),
                process=int(process),
                warmup=not counted,
                start_ns=plain["start_ns"][rows],
                latency_ns=plain["latency_ns"][rows],
                block=plain["block"][rows].astype(np.int64),
                kept=plain["kept"][rows],
                phases_ns=measured,
            )
        )
    return parts
