from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.quarantine import set_aside
from latency_bench.harness.store.reader import run_names
from latency_bench.harness.store.verify import verify_run, verify_store

StoreRun = Callable[..., Path]

FIRST, SECOND, THIRD = "20261122T101500Z-3f9a1c", "20261122T101501Z-aaaaaa", "20261122T101502Z-bbbbbb"
DEAD = 2**22 + 7
"""No process of any Linux has so large an id."""


def _everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _set_aside(store: Path) -> list[str]:
    moved = set_aside(store, verify_store(store).findings)
    return sorted(path.relative_to(store).as_posix() for path in moved.values())


def test_torn_and_damaged_runs_are_moved_whole_and_the_rest_stays(tmp_path: Path, store_run: StoreRun) -> None:
    store = tmp_path / "store"
    store_run(run_id=FIRST)
    damaged = store_run(run_id=SECOND)
    (damaged / "record.json").unlink()
    torn = store / "local" / "b1-seg" / f".tmp-{THIRD}-{DEAD}"
    torn.mkdir()
    (torn / "samples.parquet").write_bytes(b"half")
    imported = store / f".tmp-import-0123abcd-{DEAD}"
    (imported / "local").mkdir(parents=True)
    before = _everything(store)
    assert _set_aside(store) == [
        f".quarantine/.tmp-import-0123abcd-{DEAD}",
        f".quarantine/local/b1-seg/.tmp-{THIRD}-{DEAD}",
        f".quarantine/local/b1-seg/{SECOND}",
    ]
    after = {name.removeprefix(".quarantine/"): content for name, content in _everything(store).items()}
    assert after == before
    assert run_names(store) == [f"local/b1-seg/{FIRST}"]
    assert (verify_store(store).runs, verify_store(store).findings) == (1, [])
    assert len(list(find_rows(store, on_broken=lambda one: pytest.fail(str(one))))) == 1


def test_the_same_name_twice_keeps_both(tmp_path: Path, store_run: StoreRun) -> None:
    store = tmp_path / "store"
    for content in ("first", "second"):
        run = store_run()
        (run / "record.json").unlink()
        (run / "record.json").write_text(content)
        assert len(_set_aside(store)) == 1
    kept = sorted((store / ".quarantine").rglob("record.json"))
    assert sorted(path.read_text() for path in kept) == ["first", "second"]


def test_what_can_still_be_used_or_is_being_written_stays(tmp_path: Path, store_run: StoreRun) -> None:
    store = tmp_path / "store"
    run = store_run()
    (run / "notes.txt").write_text("mine")
    (run.parent / "notes").mkdir()
    (store / "local" / "b1-seg" / f".tmp-{SECOND}-{os.getpid()}").mkdir()
    assert len(verify_store(store).findings) == 2
    assert _set_aside(store) == []


def test_a_run_outside_the_store_stays_where_it_is(tmp_path: Path, store_run: StoreRun) -> None:
    run = store_run()
    (run / "samples.parquet").unlink()
    assert set_aside(tmp_path / "another", verify_run(run)) == {}
    assert run.is_dir()
