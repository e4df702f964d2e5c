"""Helpers that check many runs: they say the same as one process does, and none outlives who asked."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from latency_bench.harness.store import check_ahead as module
from latency_bench.harness.store import checked_runs
from latency_bench.harness.store.check_ahead import check_ahead
from latency_bench.harness.store.checked_runs import CheckedRuns
from latency_bench.harness.store.layout import new_run_id
from latency_bench.harness.store.reader import run_paths
from latency_bench.harness.store.verify import verify_store

ASKS = """
import sys
from pathlib import Path
from latency_bench.harness.store import check_ahead
from latency_bench.harness.store.checked_runs import CheckedRuns
check_ahead.processors = lambda: 2
runs = [Path(word) for word in sys.argv[1:]]
check_ahead.check_ahead(runs * 10_000, CheckedRuns())
"""


@pytest.fixture
def store(store_run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven runs: four whole, one damaged, one misplaced, one without SHA256SUMS; worth two helpers."""
    monkeypatch.setattr(module, "WORTH_HELPERS", 4)
    monkeypatch.setattr(module, "processors", lambda: 2)
    monkeypatch.setattr(checked_runs, "WORTH_KNOWING", 1)
    *_, damaged, misplaced, old = (store_run(run_id=f"20261122T101500Z-{number:06x}") for number in range(7))
    (damaged / "samples.parquet").chmod(0o644)
    (damaged / "samples.parquet").write_bytes(b"other bytes")
    misplaced.rename(misplaced.with_name(new_run_id()))
    (old / "SHA256SUMS").unlink()
    return tmp_path / "store"


def test_helpers_vouch_for_what_is_whole_and_nothing_else(store):
    checked = CheckedRuns()
    runs = run_paths(store)
    check_ahead(runs, checked)
    whole = {run.name for run in runs if (key := module._key(run)) is not None and checked.has(key)}
    assert whole == {f"20261122T101500Z-{number:06x}" for number in range(4)}


def test_a_store_is_found_to_be_the_same_with_helpers_and_without(store, monkeypatch, own_cache, tmp_path):
    with_helpers = verify_store(store)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "another"))
    monkeypatch.setattr(module, "WORTH_HELPERS", 1000)
    assert verify_store(store) == with_helpers
    assert len(with_helpers.findings) == 2


def test_an_interruption_ends_the_helpers(store):
    class Interrupted(CheckedRuns):
        def add(self, key: str) -> None:
            raise KeyboardInterrupt

    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(KeyboardInterrupt):
        check_ahead(run_paths(store), Interrupted())
    assert {child.pid for child in psutil.Process().children()} <= before


def test_helpers_end_with_who_asked_however_that_ends(store):
    runs = [str(run) for run in run_paths(store)]
    with subprocess.Popen([sys.executable, "-c", ASKS, *runs]) as asking:
        end_s = time.monotonic() + 300
        while not (helpers := psutil.Process(asking.pid).children()):
            assert time.monotonic() < end_s
            time.sleep(0.01)
        asking.kill()
    while any(_runs(one) for one in helpers):
        assert time.monotonic() < end_s
        time.sleep(0.05)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
