"""Every ratio of a store's pairs as one row of a table: the ratio, and both sides as the run table has a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.pair_listing import find_pairs
from latency_bench.harness.store.pair_record import PairedEstimate, PairRecord
from latency_bench.harness.store.run_table import row_of

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.reader import BrokenRun, StoredPair

OF_A, OF_B = "a_", "b_"
"""Before the names of the run table's columns: of the baseline, and of the side that is held against it."""

_OF_THE_PAIR: dict[str, Callable[[PairRecord], Any]] = {
    "pair": lambda record: record.run_id,
    "status": lambda record: record.status,
    "started_at": lambda record: record.started_at,
    "device": lambda record: record.device.name,
    "mode": lambda record: record.turns.mode,
    "process_pairs": lambda record: len(record.pairs),
    "seconds": lambda record: record.seconds,
    "flags": lambda record: [flag.name for flag in record.flags],
    "failure": lambda record: None if record.failure is None else record.failure.message,
}
_OF_THE_RATIO: dict[str, Callable[[PairedEstimate], Any]] = {
    "ratio": lambda one: one.ratio,
    "ratio_low": lambda one: one.low,
    "ratio_high": lambda one: one.high,
    "p_adjusted": lambda one: one.p_adjusted,
    "verdict": lambda one: one.verdict,
    "request_pairs": lambda one: one.request_pairs,
}


def pair_rows(pair: StoredPair) -> Iterator[dict[str, Any]]:
    """One a side but the first; without the ratio's own values where the pair failed."""
    record = pair.record
    of_pair = {name: value(record) for name, value in _OF_THE_PAIR.items()} | {"path": str(pair.path)}
    a, *others = (row_of(side) for side in record.sides)
    for number, b in enumerate(others):
        ratio = record.ratios[number] if record.ratios else None
        of_ratio = {name: None if ratio is None else value(ratio) for name, value in _OF_THE_RATIO.items()}
        sides = {f"{of}{name}": row[name] for of, row in ((OF_A, a), (OF_B, b)) for name in columns()}
        yield {**of_pair, **of_ratio, **sides}


def load_pairs(store: Path, on_broken: Callable[[BrokenRun], None] | None = None) -> pd.DataFrame:
    """All ratios of a store, latest pair first. Raises as `find_pairs`."""
    import pandas as pd

    names = [*_OF_THE_PAIR, "path", *_OF_THE_RATIO, *(f"{of}{name}" for of in (OF_A, OF_B) for name in columns())]
    rows = [row for pair in find_pairs(store, on_broken=on_broken) for row in pair_rows(pair)]
    table: pd.DataFrame = pd.DataFrame(rows, columns=names)
    return table
