"""What pairs say of runs, as columns beside those of the run table. They are made of other records than a run's own, so
that they are joined to its rows where somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.case_key import CASE_COLUMNS, CaseKey
from latency_bench.harness.store.columns.column import Column
from latency_bench.reports.paired_ratios import PairedRatios
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.index import Row

PAIR_COLUMNS = (
    Column(
        "pair_ratio",
        "Latency over that of the first side, in the latest pair in which the run's case was a further side.",
        "number",
        (),
        title="ratio of its pair",
        ends=("pair_ratio_low", "pair_ratio_high"),
        better="lower",
    ),
    Column("pair_ratio_low", "Lower end of its interval.", "number", ()),
    Column("pair_ratio_high", "Upper end of its interval.", "number", ()),
    Column("pair_over", "The first side of that pair: its model, and what else tells the two apart.", "text", ()),
    Column("pair_id", "Id of that pair.", "text", ()),
)


def need_pairs(columns: Iterable[Column]) -> bool:
    """Whether one of these columns is made of pairs."""
    return any(column in PAIR_COLUMNS for column in columns)


def with_pair_columns(rows: Iterable[Row], paired: PairedRatios) -> Iterator[Row]:
    """Rows of the run table with PAIR_COLUMNS; None in all of them where the case was never a further side."""
    for row in rows:
        yield {**row, **dict(zip(_NAMES, _values(row, paired), strict=True))}


def frame_with_pair_columns(runs: pd.DataFrame, paired: PairedRatios) -> pd.DataFrame:
    """The same for a whole run table."""
    import pandas as pd

    rows = rows_of(runs[list(CASE_COLUMNS)]) if paired.latest else [{}] * len(runs)
    values = [_values(row, paired) if row else [None] * len(_NAMES) for row in rows]
    joined = pd.DataFrame(values, columns=list(_NAMES), index=runs.index, dtype=object)
    frame: pd.DataFrame = pd.concat([runs, joined], axis=1)
    return frame


_NAMES = tuple(column.name for column in PAIR_COLUMNS)


def _values(row: Row, paired: PairedRatios) -> Sequence[Any]:
    latest = paired.latest.get(CaseKey.of_row(row))
    return [None] * len(_NAMES) if latest is None else [latest.ratio, latest.low, latest.high, latest.over, latest.id]
