"""What `bench report` costs: seconds and memory for tables and figures from a store of so many runs.

    python benchmarks/report_speed.py --runs 10000 --runs 100000

Makes each store of made-up runs (example_store.py), then runs `bench report` for Tables 1 to 7 and the claims in every
format and for Figure 1, in a process of its own, as a user would: first without an index of the store, then with it.
The time is the whole command's, the start of Python included. Files are in the page cache: what is measured is this
program, not the disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from example_store import make_store

ROOT = Path(__file__).parent.parent
_PARTS = [word for number in range(1, 8) for word in ("--table", str(number))]
_PARTS += ["--claims", "--figure", "1", "--device", "desk"]


def report_once(store: Path, folder: Path, cache: Path) -> tuple[float, float, int]:
    """Wall seconds, processor seconds, and peak resident memory in bytes of one `bench report`."""
    command = [
        sys.executable,
        "-m",
        "latency_bench.harness.cli.main",
        "report",
        "--store",
        str(store),
        "--to",
        str(folder),
        *_PARTS,
    ]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, env={**os.environ, "BENCH_CACHE": str(cache)}
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"bench report ended with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


@click.command()
@click.option("--runs", "counts", type=click.IntRange(min=100), multiple=True, default=(10_000,), help="Repeatable.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where to make the stores.")
def main(counts: tuple[int, ...], folder: Path | None) -> None:
    """Print a Markdown table."""
    print("| runs | index | seconds | processor seconds | peak memory, MB |\n|---:|---|---:|---:|---:|")
    for runs in counts:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            store, cache, written = (Path(temporary) / name for name in ("store", "cache", "report"))
            make_store(store, runs, samples=20)
            for index in ("none", "there"):
                seconds, processor_s, peak_bytes = report_once(store, written, cache)
                figures = f"{seconds:.1f} | {processor_s:.1f} | {peak_bytes / 1e6:.0f}"
                print(f"| {runs} | {index} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
