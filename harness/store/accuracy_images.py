"""images.parquet of an accuracy: a row an image, its name, its label where it had one, and what was counted of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.parquet import read_any_table, to_column, to_parquet

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

IMAGE, LABEL = "image", "label"


def images_to_parquet(
    names: Sequence[str], columns: Sequence[str], counts: npt.NDArray[np.float64], labels: Sequence[str] | None = None
) -> bytes:
    """`counts`: (images, columns). `labels`: what each image was held against, in words; None where there were none."""
    import pyarrow as pa

    texts = {IMAGE: names, **({} if labels is None else {LABEL: labels})}
    arrays = [to_column(text, pa.string()) for text in texts.values()]
    arrays += [to_column(column, pa.float64()) for column in counts.T]
    return to_parquet(pa.table(arrays, names=[*texts, *columns]))


def read_images(path: Path) -> tuple[list[str], tuple[str, ...], npt.NDArray[np.float64]]:
    """Names of the images, names of the columns, and the counts. Raises BrokenRunError."""
    table = _table(path)
    names = [name for name in table.column_names if name not in (IMAGE, LABEL)]
    columns = [table.column(name).to_numpy() for name in names]
    counts = np.stack(columns, axis=1) if columns else np.empty((table.num_rows, 0))
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise BrokenRunError(f"{path}: has counts that are none.")
    return table.column(IMAGE).to_pylist(), tuple(names), counts


def read_labels(path: Path) -> dict[str, str] | None:
    """What each image was held against, by its name; None where that was not stored. Raises BrokenRunError."""
    table = _table(path)
    if LABEL not in table.column_names:
        return None
    return dict(zip(table.column(IMAGE).to_pylist(), table.column(LABEL).to_pylist(), strict=True))


def _table(path: Path) -> pa.Table:
    """Texts first, then counts. Raises BrokenRunError."""
    table = read_any_table(path)
    kinds = [str(field.type) for field in table.schema]
    texts = 2 if table.column_names[1:2] == [LABEL] else 1
    if table.column_names[:1] != [IMAGE] or kinds != ["string"] * texts + ["double"] * (len(kinds) - texts):
        raise BrokenRunError(f"{path} is not a table of images and counts.")
    return table
