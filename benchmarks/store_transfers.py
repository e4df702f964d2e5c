"""How long it takes to verify, export and import a store, and to list it for the first time.

    python benchmarks/store_transfers.py --runs 1000

Makes a store of so many runs, copies of those in results/ under new ids, and lets every command run in this process,
one after the other. Prints seconds, milliseconds a run and those of the processor. The disk takes part in it:
an import forces what it stores to the disk.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from latency_bench.harness.store.archive import write_archive
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.layout import CHECKSUMS_FILE, RECORD_FILE
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.reader import run_paths
from latency_bench.harness.store.verify import verify_store

RESULTS = Path(__file__).parents[1] / "results"


def make_store(store: Path, runs: int) -> None:
    """Copies of the repository's own runs: their records, samples, telemetry and logs."""
    originals = run_paths(RESULTS)
    for number in range(runs):
        original = originals[number % len(originals)]
        run_id = f"20260101T000000Z-{number:06x}"
        folder = store / original.parent.parent.name / original.parent.name / run_id
        shutil.copytree(original, folder)
        record = folder / RECORD_FILE
        content = record.read_bytes().replace(original.name.encode(), run_id.encode())
        record.chmod(0o644)
        record.write_bytes(content)
        sums = folder / CHECKSUMS_FILE
        if sums.exists():
            lines = sums.read_text().splitlines()
            digest = hashlib.sha256(content).hexdigest()
            changed = [f"{digest}  {RECORD_FILE}" if line.endswith(f"  {RECORD_FILE}") else line for line in lines]
            sums.chmod(0o644)
            sums.write_text("\n".join(changed) + "\n")


@click.command(help=__doc__.split("\n", 1)[0])
@click.option("--runs", default=1000, show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="On the disk that is to take part.")
def main(runs: int, folder: Path | None) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as made:
        root = Path(made)
        os.environ["BENCH_CACHE"] = str(root / "cache")
        store, archive, copy = root / "store", root / "runs.tar", root / "copy"
        make_store(store, runs)

        def verified() -> None:
            assert not verify_store(store).findings

        def listed() -> None:
            assert sum(1 for _ in find_rows(store)) == runs

        def imported() -> None:
            assert len(import_runs(copy, archive).added) == runs

        steps: dict[str, Callable[[], object]] = {
            "first list": listed,
            "verify": verified,
            "export to .tar": lambda: write_archive(run_paths(store), archive),
            "import": imported,
        }
        print(f"| {runs} runs | s | ms a run | of it processor |\n|---|---|---|---|")
        for name, step in steps.items():
            began_s, used_s = time.perf_counter(), time.process_time()
            step()
            took_s, used_s = time.perf_counter() - began_s, time.process_time() - used_s
            print(f"| {name} | {took_s:.2f} | {took_s / runs * 1e3:.2f} | {used_s / runs * 1e3:.2f} |", flush=True)


if __name__ == "__main__":
    main()
