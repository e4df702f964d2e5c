"""Do the store harm, many times, and count what is lost, torn, double or not noticed.

    python scripts/store_faults.py                      all faults, about ten minutes
    python scripts/store_faults.py --only writers --runs 1000

Every row of the Markdown table that it prints is a fault, how often it was done, and what came of it; the exit code is
1 if something was lost, torn, double or not noticed. The quick ones are tests too (tests/harness/store/).
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from latency_bench.harness.store.archive import write_archive
from latency_bench.harness.store.errors import ArchiveError, StoreFullError
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.index import index_file
from latency_bench.harness.store.layout import new_run_id
from latency_bench.harness.store.listing import find_rows, read_row
from latency_bench.harness.store.quarantine import set_aside
from latency_bench.harness.store.reader import run_names
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.verify import verify_run, verify_store
from latency_bench.harness.store.writer import RunWriter

ROOT = Path(__file__).parent.parent
GIVEN_UP_EVERY = 10
"""One run in so many is left without a commit, so that folders vanish under the other writer's feet."""

Outcome = tuple[str, str, bool]
"""What was done, what came of it, whether that is all right."""


def _examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples", ROOT / "tests" / "harness" / "conftest.py")
    if spec is None or spec.loader is None:
        raise SystemExit("run this from a checkout: it takes its example run from the tests")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_EXAMPLES = _examples()
_BLOCKS = _EXAMPLES.example_blocks(rounds=2, count=20, warmup=2)
_CONTENT: dict[str, Any] = _EXAMPLES.example_content(_BLOCKS)


def write_run(store: Path, run_id: str, device: str = "local", commit: bool = True, **changes: Any) -> None:
    """One whole run with samples and evidence."""
    content = {**_CONTENT, **changes, "run_id": run_id, "device": {**_CONTENT["device"], "name": device}}
    with RunWriter(store, device, "b1-seg", run_id) as writer:
        writer.add_evidence("worker.log", "loaded\n")
        writer.write_samples(_BLOCKS)
        if commit:
            writer.commit(RunRecord(**content))


def two_writers(folder: Path, runs: int) -> Outcome:
    """Two processes write into one store while a third lists it all the time."""
    store = folder / "store"
    context = multiprocessing.get_context("fork")
    stop, lists, broken = context.Event(), context.Value("q", 0), context.Value("q", 0)
    reader = context.Process(target=_list_until, args=(store, stop, lists, broken))
    writers = [context.Process(target=_write_many, args=(store, runs // 2, seed)) for seed in (1, 2)]
    for process in (reader, *writers):
        process.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()
    committed = 2 * sum(number % GIVEN_UP_EVERY != 0 for number in range(runs // 2))
    names, result = run_names(store), verify_store(store)
    listed = [row["run_id"] for row in find_rows(store)]
    good = len(names) == len(set(names)) == len(listed) == result.runs == committed
    good = good and not result.findings and not broken.value and all(writer.exitcode == 0 for writer in writers)
    return (
        f"two writers, {runs} runs, {runs - committed} of them given up; meanwhile {lists.value} lists by a third",
        f"{len(names)} stored of {committed}, {len(names) - len(set(names))} double, "
        f"{len(result.findings)} found wrong, {broken.value} seen broken",
        good,
    )


def _write_many(store: Path, runs: int, seed: int) -> None:
    draw = random.Random(seed)
    for number in range(runs):
        write_run(store, new_run_id(), f"device-{draw.randrange(3)}", commit=number % GIVEN_UP_EVERY != 0)


def _list_until(store: Path, stop: Any, lists: Any, broken: Any) -> None:
    while not stop.is_set():
        seen: list[Any] = []
        for _ in find_rows(store, on_broken=seen.append):
            pass
        lists.value += 1
        broken.value += len(seen)


def killed_writers(folder: Path, kills: int) -> Outcome:
    """A writer is killed (SIGKILL) at random moments, again and again."""
    store, draw, context = folder / "store", random.Random(3), multiprocessing.get_context("fork")
    written = context.RawValue("q", 0)  # without a lock, which a killed process would keep
    for _ in range(kills):
        process = context.Process(target=_write_and_count, args=(store, written))
        process.start()
        time.sleep(draw.uniform(0.0, 0.3))
        process.kill()
        process.join()
    before = run_names(store)
    result = verify_store(store)
    torn = [one for one in result.findings if one.path.name.startswith(".tmp-")]
    moved = set_aside(store, result.findings)
    after = verify_store(store)
    # The last commit before a kill may have happened without being counted.
    good = written.value <= len(before) <= written.value + kills and len(torn) == len(result.findings) == len(moved)
    good = good and not after.findings and run_names(store) == before
    return (
        f"{kills} SIGKILLs of a writer at random moments, {written.value} runs known to be stored",
        f"{len(before)} runs whole, {len(result.findings) - len(torn)} torn ones visible, "
        f"{len(torn)} unfinished folders told from runs and set aside",
        good,
    )


def _write_and_count(store: Path, written: Any) -> None:
    while True:
        write_run(store, new_run_id())
        written.value += 1


def full_disks(folder: Path, _: int) -> Outcome:
    """A file system of every size from nothing to enough, for a run and for an import of three runs."""
    source = folder / "source"
    for second in range(3):
        write_run(source, f"20261122T10150{second}Z-3f9a1c")
    write_archive([source / name for name in run_names(source)], folder / "runs.tar")
    tried = refused = wrong = 0
    disk = folder / "disk"
    disk.mkdir()
    store = disk / "store"
    for act in (lambda: write_run(store, new_run_id()), lambda: import_runs(store, folder / "runs.tar")):
        pages, done = 0, False
        while not done:
            pages += 1
            mount = ["mount", "-t", "tmpfs", "-o", f"size={pages * 4}k", "tmpfs", str(disk)]
            if subprocess.run(mount, check=False, capture_output=True).returncode:
                return "full disks of every size", "not done: mounting a small file system needs root", True
            try:
                act()
                done = True
            except StoreFullError:
                refused += 1
            finally:
                left = [path for path in disk.rglob("*") if path.is_file()]
                wrong += bool(verify_store(store).findings) or bool(left and not run_names(store))
                subprocess.run(["umount", str(disk)], check=True)
            tried += 1
    return (
        f"{tried} file systems from 4 KiB to enough, a run or an import of three into each",
        f"{refused} times said to be full, {wrong} times something torn was left",
        wrong == 0,
    )


def corrupted(name: str) -> Callable[[Path, int], Outcome]:
    """Bytes of one file of a run are changed at random."""

    def fault(folder: Path, count: int) -> Outcome:
        store = folder / "store"
        write_run(store, "20261122T101500Z-3f9a1c")
        run = store / run_names(store)[0]
        whole, draw, missed = (run / name).read_bytes(), random.Random(name), 0
        for _ in range(count):
            (run / name).unlink()
            (run / name).write_bytes(_damaged(whole, draw))
            missed += not verify_run(run)
        return f"`{name}` damaged {count} times", f"{count - missed} found by verify, {missed} not", missed == 0

    return fault


def corrupted_index(folder: Path, count: int) -> Outcome:
    """Bytes of the index are changed at random, or its end is cut off."""
    store = folder / "store"
    for second in range(30):
        write_run(store, f"20261122T1015{second:02d}Z-3f9a1c", f"device-{second % 2}")
    truth = [read_row(store, name) for name in run_names(store)]
    list(find_rows(store))
    whole, draw, wrong = index_file(store).read_bytes(), random.Random(4), 0
    for _ in range(count):
        damaged = _damaged(whole, draw)
        index_file(store).write_bytes(damaged[: draw.randrange(len(damaged))] if draw.random() < 0.1 else damaged)
        wrong += list(find_rows(store, status="done")) != truth or list(find_rows(store)) != truth
    return f"the index damaged {count} times", f"{count - wrong} lists right, {wrong} not", wrong == 0


def corrupted_archive(folder: Path, count: int) -> Outcome:
    """Bytes of an archive are changed at random before it is imported."""
    store = folder / "store"
    for second in range(3):
        write_run(store, f"20261122T10150{second}Z-3f9a1c")
    write_archive([store / name for name in run_names(store)], folder / "runs.tar")
    whole, draw = (folder / "runs.tar").read_bytes(), random.Random(5)
    refused = partly = unharmed = wrong = 0
    for _ in range(count):
        (folder / "runs.tar").write_bytes(_damaged(whole, draw))
        there = folder / "there"
        try:
            outcome = import_runs(there, folder / "runs.tar")
            partly += bool(outcome.refused)
            unharmed += not outcome.refused
            wrong += any(
                (there / name / "record.json").read_bytes() != (store / name / "record.json").read_bytes()
                for name in outcome.added
            ) or bool(verify_store(there).findings)
        except ArchiveError:
            refused += 1
            wrong += there.exists()
        shutil.rmtree(there, ignore_errors=True)
    return (
        f"an archive of three runs damaged {count} times",
        f"{refused} refused whole, {partly} with the damaged run refused, {unharmed} damaged where nothing is read, "
        f"{wrong} times anything wrong imported",
        wrong == 0,
    )


def _damaged(whole: bytes, draw: random.Random) -> bytes:
    content = bytearray(whole)
    for _ in range(draw.choice((1, 1, 1, 20))):
        content[draw.randrange(len(content))] ^= draw.randrange(1, 256)
    return bytes(content)


def jumping_clock(folder: Path, count: int) -> Outcome:
    """Before every run the wall clock is set somewhere between 1970 and 2100."""
    store, draw, ids = folder / "store", random.Random(6), []
    earliest = datetime(1970, 1, 1, tzinfo=timezone.utc)
    for _ in range(count):
        moment = earliest + timedelta(seconds=draw.randrange(4_000_000_000))
        ids.append(new_run_id(moment))
        ended_at = max(earliest, moment - timedelta(seconds=draw.randrange(10**8)))
        write_run(store, ids[-1], started_at=moment, ended_at=ended_at)
        if draw.random() < 0.05:
            list(find_rows(store))
    listed, findings = [row["run_id"] for row in find_rows(store)], verify_store(store).findings
    good = listed == sorted(ids, reverse=True) and not findings
    return f"{count} runs by a clock that jumps", f"{len(listed)} listed, {len(findings)} found wrong", good


FAULTS: dict[str, tuple[Callable[[Path, int], Outcome], int]] = {
    "writers": (two_writers, 10_000),
    "kills": (killed_writers, 1_000),
    "full": (full_disks, 0),
    "record": (corrupted("record.json"), 10_000),
    "samples": (corrupted("samples.parquet"), 10_000),
    "evidence": (corrupted("evidence/worker.log"), 1_000),
    "checksums": (corrupted("SHA256SUMS"), 1_000),
    "index": (corrupted_index, 5_000),
    "archive": (corrupted_archive, 2_000),
    "clock": (jumping_clock, 1_000),
}
"""Fault by name, and how often it is done."""


@click.command()
@click.option("--only", type=click.Choice(list(FAULTS)), multiple=True, help="Only these faults.")
@click.option("--runs", type=click.IntRange(min=2), help="How often, instead of what each fault has.")
def main(only: tuple[str, ...], runs: int | None) -> None:
    """Print the table."""
    print("| fault | outcome |\n|---|---|")
    survived = True
    for name in only or FAULTS:
        fault, count = FAULTS[name]
        with tempfile.TemporaryDirectory() as folder:
            os.environ["BENCH_CACHE"] = str(Path(folder) / "cache")
            done, outcome, good = fault(Path(folder), runs or count)
        print(f"| {done} | {outcome}{'' if good else ' **(wrong)**'} |", flush=True)
        survived = survived and good
    sys.exit(0 if survived else 1)


if __name__ == "__main__":
    main()
