"""The wall clock may be set back at any time: nothing is lost, double or torn because of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from latency_bench.harness.store.layout import new_run_id
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.reader import open_run
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.verify import verify_store

StoreRun = Callable[..., Path]
MakeRecord = Callable[..., RunRecord]

NOW = datetime(2026, 11, 22, 10, 15, tzinfo=timezone.utc)


def test_a_run_that_ends_before_it_started_is_a_run(make_record: MakeRecord) -> None:
    record = make_record(started_at=NOW, ended_at=NOW - timedelta(days=400))
    assert record.ended_at < record.started_at


def test_ids_stay_apart_when_the_same_second_comes_again() -> None:
    assert len({new_run_id(NOW) for _ in range(300)}) == 300


def test_runs_of_a_clock_that_jumps_are_all_there_and_in_the_order_of_their_own_times(
    tmp_path: Path, store_run: StoreRun
) -> None:
    moments = [NOW, NOW - timedelta(days=9000), NOW + timedelta(days=9000), NOW - timedelta(seconds=1), NOW]
    ids = []
    for moment in moments:
        ids.append(new_run_id(moment))
        store_run(run_id=ids[-1], started_at=moment, ended_at=moment - timedelta(hours=1))
        # In between the index is made and used.
        assert len(list(find_rows(tmp_path / "store"))) == len(ids)
    assert [row["run_id"] for row in find_rows(tmp_path / "store")] == sorted(ids, reverse=True)
    assert verify_store(tmp_path / "store").findings == []


def test_latest_is_the_latest_by_the_clock_that_named_the_runs(tmp_path: Path, store_run: StoreRun) -> None:
    ahead = store_run(run_id=new_run_id(NOW + timedelta(days=1)))
    store_run(run_id=new_run_id(NOW))  # stored later, after the clock was put right
    assert open_run(tmp_path / "store", "latest").path == ahead


@pytest.mark.parametrize("year", [1970, 9999])
def test_a_clock_that_was_never_set_makes_valid_ids(year: int, tmp_path: Path, store_run: StoreRun) -> None:
    run_id = new_run_id(NOW.replace(year=year))
    store_run(run_id=run_id)
    assert [row["run_id"] for row in find_rows(tmp_path / "store")] == [run_id]
