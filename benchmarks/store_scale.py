"""How long lists of a large store take: with an index, without one, and how much memory.

    python benchmarks/store_scale.py --runs 100000

Makes a store of so many runs (records as long as real ones, no samples: no list reads them), lets every measured
command run in a process of its own, as a user would, and prints a Markdown table. Files are in the page cache: what is
measured is this program, not the disk.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "tests" / "harness" / "store" / "examples" / "schema_1.json"
RECORD_BYTES = 16_000
"""What the records of CPU runs with all probes have here."""
DEVICES, MODELS = 20, 50
REPETITIONS = 5

_ROWS = (
    "from pathlib import Path; from latency_bench.harness.store.listing import find_rows; "
    "n = sum(1 for _ in find_rows(Path({!r})))"
)
_TABLE = (
    "from pathlib import Path; from latency_bench.harness.store.listing import load_runs; "
    "n = len(load_runs(Path({!r})))"
)
_MEASURED = (
    "import time, resource, json; start = time.perf_counter(); {}; "
    "print(json.dumps([n, time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))"
)


def make_store(store: Path, runs: int) -> None:
    """Write the runs' records, spread evenly over devices and models, one in fifty failed."""
    template = _template()
    for number in range(runs):
        device, model = f"device-{number % DEVICES:02d}", f"model-{number // DEVICES % MODELS:02d}"
        second = 1_700_000_000 + number * 60
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        run_id = f"{moment}-{number:06x}"
        record = _record(template, run_id, device, model, failed=number % 50 == 0)
        folder = store / device / model / run_id
        folder.mkdir(parents=True)
        (folder / "record.json").write_bytes(record)


def _template() -> dict[str, Any]:
    from latency_bench.harness.store.record import parse_record

    content: dict[str, Any] = json.loads(parse_record(EXAMPLE.read_bytes()).to_json())
    missing = RECORD_BYTES - len(json.dumps(content, indent=2))
    # In a place that no column reads, as most of a real record is.
    facts = content["artifact"]["facts"]
    facts |= {f"layer_{number}": {"time_ms": number / 7, "kind": "convolution"} for number in range(missing // 90)}
    return content


def _record(template: dict[str, Any], run_id: str, device: str, model: str, failed: bool) -> bytes:
    content = {
        **template,
        "run_id": run_id,
        "device": {**template["device"], "name": device},
        "model": {**template["model"], "id": model},
    }
    if failed:
        failure = {"stage": "measure", "kind": "worker-died", "message": "killed", "remedy": None}
        content |= {"status": "failed", "summary": None, "rounds": [], "fidelity": None, "failure": failure}
    return json.dumps(content, indent=2).encode()


def in_a_process(code: str, cache: Path) -> tuple[int, float, int]:
    """Run `code`, which sets n; returns n, its seconds without Python's start, and the peak of its memory in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED.format(code)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "BENCH_CACHE": str(cache)},
    )
    n, seconds, peak_bytes = json.loads(done.stdout)
    return n, seconds, peak_bytes


def command_seconds(words: list[str], cache: Path) -> float:
    """Wall seconds of a whole `bench` command, Python's start included: the median of several."""
    taken = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "latency_bench", *words],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "BENCH_CACHE": str(cache)},
        )
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def measure(store: Path, cache: Path) -> Iterator[tuple[str, str]]:
    """Rows of the table: what, and how long or how much."""
    place = str(store)
    runs, seconds, peak_bytes = in_a_process(_ROWS.format(place), cache)
    yield f"index made anew, {runs} runs", f"{seconds:.1f} s ({runs / seconds:.0f} runs/s), peak {peak_bytes >> 20} MiB"
    size_bytes = sum(file.stat().st_size for file in cache.rglob("*.sqlite"))
    yield "size of the index", f"{size_bytes >> 20} MiB"
    _, seconds, peak_bytes = in_a_process(_ROWS.format(place), cache)
    yield "all rows, from the index", f"{seconds:.2f} s, peak {peak_bytes >> 20} MiB"
    _, seconds, peak_bytes = in_a_process(_TABLE.format(place), cache)
    yield "all rows as a pandas table", f"{seconds:.2f} s, peak {peak_bytes >> 20} MiB"
    store_option = ["--store", place]
    for what in (
        ["ls", "--device", "device-07", "--model", "model-11"],
        ["ls", "--device", "device-07"],
        ["ls", "--status", "failed"],
        ["ls", "--limit", "20"],
        ["show", "latest"],
    ):
        seconds = command_seconds(["results", *what, *store_option], cache)
        yield f"`bench results {' '.join(what)}`, the whole command", f"{seconds:.2f} s"


@click.command()
@click.option("--runs", type=click.IntRange(min=1), default=100_000, show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where to make the store.")
def main(runs: int, folder: Path | None) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        store, cache = Path(temporary) / "store", Path(temporary) / "cache"
        make_store(store, runs)
        print(f"{runs} runs on {DEVICES} devices of {MODELS} models, {os.cpu_count()} processors\n")
        print("| what | |\n|---|---|")
        for what, result in measure(store, cache):
            print(f"| {what} | {result} |", flush=True)


if __name__ == "__main__":
    main()
