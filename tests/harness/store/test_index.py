"""The index may be missing, damaged, locked or stale: what is listed is always what the run directories say."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.store import listing
from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.index import Index, Row, index_file
from latency_bench.harness.store.listing import find_rows

StoreRun = Callable[..., Path]

RUNS = [f"20261122T1015{second:02d}Z-3f9a1c" for second in range(8)]


@pytest.fixture
def store(tmp_path: Path, store_run: StoreRun) -> Path:
    for number, run_id in enumerate(RUNS):
        store_run(run_id=run_id, device=f"device-{number % 2}", failed=number % 3 == 0)
    return tmp_path / "store"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs whose records are read, in order."""
    names: list[str] = []
    real = listing.read_row

    def spy(store: Path, name: str, only: tuple[Column, ...] | None = None) -> Row:
        names.append(name)
        return real(store, name, only)

    monkeypatch.setattr(listing, "read_row", spy)
    return names


def _truth(store: Path) -> list[Row]:
    names = sorted((path.parent.relative_to(store).as_posix() for path in store.glob("*/*/*/record.json")), key=_run_id)
    return [listing.read_row(store, name) for name in reversed(names)]


def _run_id(name: str) -> str:
    return name.rpartition("/")[2]


def _replace_record(run: Path, **changes: Any) -> None:
    content = json.loads((run / "record.json").read_text())
    (run / "record.json").unlink()
    (run / "record.json").write_text(json.dumps({**content, **changes}))


def test_records_are_read_once_and_only_new_ones_after_that(store: Path, store_run: StoreRun, read: list[str]) -> None:
    first = list(find_rows(store))
    assert len(read) == len(RUNS)
    read.clear()
    assert list(find_rows(store)) == first
    assert read == []
    store_run(run_id="20261123T000000Z-aaaaaa")
    assert [row["run_id"] for row in find_rows(store)] == ["20261123T000000Z-aaaaaa", *reversed(RUNS)]
    assert read == ["local/b1-seg/20261123T000000Z-aaaaaa"]


def test_filters_give_the_same_with_and_without_an_index(store: Path) -> None:
    def filtered() -> list[list[str]]:
        return [
            [row["run_id"] for row in find_rows(store, device="device-1")],
            [row["run_id"] for row in find_rows(store, status="failed")],
            [row["run_id"] for row in find_rows(store, device="device-0", model="b1-seg", status="done")],
            [row["run_id"] for row in find_rows(store, model="other")],
        ]

    without = filtered()
    assert [len(found) for found in without] == [4, 3, 2, 0]
    assert filtered() == without


def test_a_limited_list_reads_no_more_than_it_has_to(store: Path, read: list[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(listing, "LOOKUP_MAX", 2)
    rows = find_rows(store)
    assert next(rows)["run_id"] == RUNS[-1]
    assert len(read) == 2


def test_runs_that_are_gone_are_not_listed_and_then_forgotten(store: Path) -> None:
    list(find_rows(store))
    shutil.rmtree(store / "device-0")
    assert {row["device"] for row in find_rows(store)} == {"device-1"}
    with sqlite3.connect(index_file(store)) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (4,)


def test_a_record_that_was_touched_is_read_again(store: Path) -> None:
    run = store / "device-1" / "b1-seg" / RUNS[1]
    assert next(row for row in find_rows(store) if row["run_id"] == RUNS[1])["status"] == "done"
    times = os.stat(run / "record.json")
    _replace_record(run, status="unstable")
    os.utime(run / "record.json", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert next(row for row in find_rows(store) if row["run_id"] == RUNS[1])["status"] == "unstable"


def test_a_record_that_broke_after_it_was_indexed_is_reported(store: Path) -> None:
    list(find_rows(store))
    record = store / "device-1" / "b1-seg" / RUNS[1] / "record.json"
    record.unlink()
    record.write_text("{")
    broken: list[str] = []
    rows = list(find_rows(store, on_broken=lambda one: broken.append(one.path.name)))
    assert (len(rows), broken) == (len(RUNS) - 1, [RUNS[1]])
    shutil.rmtree(record.parent)
    assert len(list(find_rows(store, on_broken=lambda one: pytest.fail(str(one))))) == len(RUNS) - 1


def test_the_same_store_by_another_path_has_the_same_index(store: Path, tmp_path: Path, read: list[str]) -> None:
    list(find_rows(store))
    read.clear()
    (tmp_path / "link").symlink_to(store)
    assert len(list(find_rows(tmp_path / "link"))) == len(RUNS)
    assert read == []


def test_code_that_makes_other_rows_has_another_index(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = index_file(store)
    monkeypatch.setattr("latency_bench.harness.store.index.newest_version", lambda: 99)
    assert index_file(store) != before


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 500, b"SQLite format 3\x00" + bytes(5000)])
def test_a_file_that_is_no_index_is_made_anew(store: Path, read: list[str], content: bytes) -> None:
    truth = _truth(store)
    index_file(store).parent.mkdir(parents=True)
    index_file(store).write_bytes(content)
    for _ in range(2):
        assert list(find_rows(store)) == truth
    read.clear()
    assert list(find_rows(store)) == truth
    assert read == []


def test_any_byte_of_the_index_may_be_wrong(store: Path) -> None:
    truth = _truth(store)
    assert list(find_rows(store)) == truth
    whole = index_file(store).read_bytes()
    failed = [row for row in truth if row["status"] == "failed"]
    draw = random.Random(1)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(draw.choice((1, 1, 20))):
            damaged[draw.randrange(len(damaged))] ^= draw.randrange(1, 256)
        index_file(store).write_bytes(damaged)
        assert list(find_rows(store, status="failed")) == failed
        assert list(find_rows(store)) == truth


def test_an_index_cut_short_at_any_place(store: Path) -> None:
    truth = _truth(store)
    list(find_rows(store))
    whole = index_file(store).read_bytes()
    for length in range(0, len(whole), len(whole) // 40):
        index_file(store).write_bytes(whole[:length])
        assert list(find_rows(store)) == truth


def test_a_cache_that_cannot_be_written_costs_only_time(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = _truth(store)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file" / "below"))
    assert list(find_rows(store)) == truth


def test_a_locked_index_costs_only_time(store: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]) -> None:
    monkeypatch.setattr("latency_bench.harness.store.index._BUSY_S", 0.05)
    truth = _truth(store)
    list(find_rows(store))
    read.clear()
    holder = sqlite3.connect(index_file(store))
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert list(find_rows(store)) == truth
    finally:
        holder.close()
    assert len(read) == len(RUNS)
    read.clear()
    assert list(find_rows(store)) == truth
    assert read == []  # it was locked, not damaged, and is still there


def test_a_full_disk_costs_only_time(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Index, *statements: Any) -> None:
        self._give_up(sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(Index, "_write", full)
    assert list(find_rows(store)) == _truth(store)


def _list_many_times(store: Path, seed: int) -> int:
    wrong = 0
    for _ in range(15):
        if random.Random(seed).random() < 0.3:
            index_file(store).unlink(missing_ok=True)
        wrong += len(list(find_rows(store))) != len(RUNS)
    return wrong


def test_several_processes_make_and_drop_the_index_at_once(store: Path, own_cache: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.starmap(_list_many_times, [(store, seed) for seed in range(4)]) == [0, 0, 0, 0]


def test_rows_of_some_columns_are_those_of_all_of_them(store):
    wanted = ("device", "started_at", "round_samples")
    names = [name for name in columns() if name in {"path", "status", *wanted}]
    truth = [{name: row[name] for name in names} for row in _truth(store)]
    for _ in range(2):
        assert list(find_rows(store, only=wanted)) == truth, "read, then from an index of their own"
        assert not index_file(store).exists()
    assert [row["status"] for row in find_rows(store, status="failed", only=wanted)] == ["failed"] * sum(
        row["status"] == "failed" for row in truth
    )
    list(find_rows(store))
    assert list(find_rows(store, only=wanted)) == _truth(store), "an index of all columns serves everybody"
