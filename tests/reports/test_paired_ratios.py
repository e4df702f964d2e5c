"""Speed-ups prefer a ratio that was measured as one, and say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.store.pair_record import PairRecord, parse_pair
from latency_bench.harness.store.reader import StoredPair
from latency_bench.harness.store.run_table import row_of
from latency_bench.reports.paired_ratios import PAIRED, PairedRatios
from latency_bench.reports.tables.quantities import speed_up

EXAMPLE = Path(__file__).parents[1] / "harness" / "store" / "examples" / "pair_1.json"


@pytest.fixture
def record() -> PairRecord:
    return parse_pair(EXAMPLE.read_bytes())


def _stored(record: PairRecord) -> StoredPair:
    return StoredPair(Path("store") / "local" / "_pairs" / record.run_id, record)


def _row(record: PairRecord, side: int) -> dict[str, Any]:
    """What the run table would say of a run of the side's case."""
    return dict(row_of(record.sides[side]))


def test_a_pair_is_found_from_both_of_its_ends(record: PairRecord) -> None:
    paired, ratio = PairedRatios.of([_stored(record)]), record.ratios[0]
    forth = paired.find(_row(record, 1), _row(record, 0))
    assert forth is not None
    assert forth.speed_up == pytest.approx(1 / ratio.ratio)
    assert forth.path == f"local/_pairs/{record.run_id}"
    back = paired.find(_row(record, 0), _row(record, 1))
    assert back is not None
    assert (back.speed_up, back.low, back.high) == (ratio.ratio, ratio.low, ratio.high)
    if ratio.low is not None and ratio.high is not None:
        assert (forth.low, forth.high) == (pytest.approx(1 / ratio.high), pytest.approx(1 / ratio.low))
    assert paired.find(_row(record, 0), {**_row(record, 1), "runtime": "litert"}) is None


def test_the_latest_pair_counts_and_one_by_short_processes_does_not(record: PairRecord) -> None:
    turns = record.turns.model_copy(update={"mode": "processes"})
    rounds = record.model_copy(update={"turns": turns})
    assert PairedRatios.of([_stored(rounds)]).found == {}
    later = record.model_copy(update={"run_id": "20300101T000000Z-abcdef"})
    known = PairedRatios.of([_stored(later), _stored(record)]).find(_row(record, 1), _row(record, 0))
    assert known is not None
    assert known.path.endswith("20300101T000000Z-abcdef")


def test_a_speed_up_is_the_pairs_and_is_marked(record: PairRecord) -> None:
    rows = [_row(record, side) for side in (0, 1)]
    cell = speed_up(rows[1], rows[0], paired=PairedRatios.of([_stored(record)]))
    assert cell.value == pytest.approx(1 / record.ratios[0].ratio)
    assert cell.notes == (PAIRED, "the time was over at 1 process pairs")
    assert cell.runs == (f"local/_pairs/{record.run_id}",)


def test_a_pair_without_an_interval_does_not_hide_that_of_the_rounds(record: PairRecord) -> None:
    """One pair of processes tells less than the rounds of both."""
    single = record.ratios[0].model_copy(update={"low": None, "high": None})
    paired = PairedRatios.of([_stored(record.model_copy(update={"ratios": (single,)}))])
    few = [_row(record, side) for side in (0, 1)]
    assert PAIRED in speed_up(few[1], few[0], paired=paired).notes
    many = [
        {**row, "round_medians_ms": [level + step for step in range(6)]}
        for row, level in zip(few, (90, 40), strict=True)
    ]
    cell = speed_up(many[1], many[0], paired=paired)
    assert PAIRED not in cell.notes
    assert cell.low is not None
    sure = record.ratios[0].model_copy(update={"low": record.ratios[0].ratio, "high": record.ratios[0].ratio})
    paired = PairedRatios.of([_stored(record.model_copy(update={"ratios": (sure,)}))])
    assert PAIRED in speed_up(many[1], many[0], paired=paired).notes
