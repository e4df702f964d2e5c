"""images.parquet of an accuracy: a row an image, its name and what was counted of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.parquet import read_any_table, to_column, to_parquet

if TYPE_CHECKING:
    import numpy.typing as npt

IMAGE = "image"


def images_to_parquet(names: Sequence[str], columns: Sequence[str], counts: npt.NDArray[np.float64]) -> bytes:
    """`counts`: (images, columns)."""
    import pyarrow as pa

    arrays = [to_column(names, pa.string()), *(to_column(column, pa.float64()) for column in counts.T)]
    return to_parquet(pa.table(arrays, names=[IMAGE, *columns]))


def read_images(path: Path) -> tuple[list[str], tuple[str, ...], npt.NDArray[np.float64]]:
    """Names of the images, names of the columns, and the counts. Raises BrokenRunError."""
    table = read_any_table(path)
    names = table.column_names
    if not names or names[0] != IMAGE or not all(str(table.schema.field(name).type) == "double" for name in names[1:]):
        raise BrokenRunError(f"{path}: is no table of images and counts.")
    columns = [table.column(name).to_numpy() for name in names[1:]]
    counts = np.stack(columns, axis=1) if columns else np.empty((table.num_rows, 0))
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise BrokenRunError(f"{path}: has counts that are none.")
    return table.column(IMAGE).to_pylist(), tuple(names[1:]), counts
