"""telemetry.parquet: clocks, temperatures, power over time, one row a reading."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latency_bench.harness.store.parquet import numbers_of, read_table, to_column, to_parquet

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Telemetry:
    """Readings as parallel columns of length n, in any order."""

    time_ns: NDArray[np.int64]
    """Since the run started."""
    source: list[str]
    """Who says so, e.g. a sensor's name."""
    quantity: list[str]
    """What it is; docs/store.md lists those of our own probes."""
    unit: list[str]
    """Of the value, the same for every reading of a quantity."""
    value: NDArray[np.float64]

    def __post_init__(self) -> None:
        lengths = {len(column) for column in (self.time_ns, self.source, self.quantity, self.unit, self.value)}
        if len(lengths) != 1:
            raise ValueError(f"columns of telemetry have unequal lengths: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.source)


@cache
def telemetry_schema() -> pa.Schema:
    """Columns of telemetry.parquet, in their order."""
    import pyarrow as pa

    columns = [("time_ns", pa.int64()), ("source", pa.string()), ("quantity", pa.string()), ("unit", pa.string())]
    columns.append(("value", pa.float64()))
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns])


def telemetry_to_parquet(telemetry: Telemetry) -> bytes:
    """The file's bytes."""
    import pyarrow as pa

    schema = telemetry_schema()
    arrays = [to_column(getattr(telemetry, field.name), field.type) for field in schema]
    return to_parquet(pa.Table.from_arrays(arrays, schema=schema))


def read_telemetry(path: Path) -> Telemetry:
    """The readings of a telemetry.parquet. Raises BrokenRunError for a damaged file or other columns."""
    table = read_readings(path)
    return Telemetry(
        time_ns=numbers_of(table.column("time_ns")),
        source=table.column("source").to_pylist(),
        quantity=table.column("quantity").to_pylist(),
        unit=table.column("unit").to_pylist(),
        value=numbers_of(table.column("value")),
    )


def read_readings(path: Path) -> pa.Table:
    """As `read_telemetry`, with the columns as they are in the file."""
    return read_table(path, telemetry_schema())
