"""A store that does not take a run at its end: what was measured is kept, and stored once there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from latency_bench.harness.benchmark import run_benchmarks
from latency_bench.harness.protocol import load_protocol, profile_names
from latency_bench.harness.room import largest_run_bytes, require_room
from latency_bench.harness.store.archive import write_archive
from latency_bench.harness.store.errors import StoreError, StoreFullError
from latency_bench.harness.store.reader import read_record, run_names
from latency_bench.harness.store.spool import UnstoredError, keep, spool_folder
from latency_bench.harness.store.verify import verify_store


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("no permission to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


class Meanwhile:
    """An observer that does something once the last round begins."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def stage(self, text: str) -> None:
        if "round 2 of 2" in text:
            self._act()

    def progress(self, *_: object) -> None: ...


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass


@pytest.fixture
def case(tmp_path: Path, load_script: Callable[[str], Any]) -> Any:
    return load_script("scripts/clock_free_device.py").clock_free_plan(tmp_path, 1).cases[0].case


def test_a_disk_that_fills_up_meanwhile_costs_nothing(case, bench, disk, tmp_path, own_cache):
    store = disk / "store"
    with pytest.raises(UnstoredError, match=r"No space left.*`bench results recover` stores it"):
        run_benchmarks([case], store, ["bench", "run"], Meanwhile(lambda: fill(disk)))
    assert not list(store.rglob("*")), "nothing half-written"
    (kept,) = spool_folder().iterdir()
    (name,) = run_names(kept)
    assert len(read_record(kept / name).rounds) == 2

    environment = {"BENCH_CACHE": str(own_cache)}
    still = bench("results", "recover", env=environment)
    assert still.returncode == 1
    assert f"{name}: still in the cache: " in still.stdout
    (disk / "filler").unlink()
    done = bench("results", "recover", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{name}: stored in {store}" in done.stdout
    assert (verify_store(store).runs, verify_store(store).findings) == (1, [])
    assert not list(spool_folder().iterdir())
    assert "0 runs stored" in bench("results", "recover", env=environment).stdout


def test_where_nothing_can_be_written_both_reasons_are_said(case, disk, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(disk / "cache"))
    with pytest.raises(UnstoredError, match=r"lost: it could not be kept in the cache either: .*No space left"):
        run_benchmarks([case], disk / "store", ["bench", "run"], Meanwhile(lambda: fill(disk)))
    assert not list(spool_folder().rglob("*"))


def test_runs_of_an_archive_are_kept_and_go_where_they_are_told(store_run, bench, tmp_path, own_cache):
    """As those that another host has measured."""
    run = store_run()
    write_archive([run], tmp_path / "runs.tar")

    def unpack(folder: Path) -> None:
        from latency_bench.harness.store.importing import import_runs

        import_runs(folder, tmp_path / "runs.tar")

    error = keep(tmp_path / "gone", StoreError("it is gone."), unpack)
    assert "bench results recover" in str(error)
    done = bench(
        "results", "recover", "--store", str(tmp_path / "other"), "--json", env={"BENCH_CACHE": str(own_cache)}
    )
    assert done.json() == {
        "stored": {run.relative_to(run.parents[2]).as_posix(): str(tmp_path / "other")},
        "refused": {},
    }
    assert (verify_store(tmp_path / "other").runs, (tmp_path / "gone").exists()) == (1, False)


def test_room_is_asked_for_before_anything_is_measured(case, disk, own_cache):
    (disk / "filler").write_bytes(bytes(30 << 20))
    begun: list[str] = []
    observer = Meanwhile(lambda: begun.append("round"))
    with pytest.raises(StoreFullError, match=r"may have no room.*takes up to.*--store"):
        run_benchmarks([case], disk / "store", ["bench", "run"], observer)
    assert begun == []
    assert [path.name for path in disk.iterdir()] == ["filler"]


def test_every_protocol_fits_on_a_small_disk(tmp_path):
    """A bound that no laptop meets would stop everybody."""
    for name in profile_names():
        protocol = load_protocol(name)
        assert largest_run_bytes(protocol, protocol.rounds) < 1 << 30
    require_room(tmp_path / "not" / "there" / "yet", 1)
