"""What a `bench run` spends outside measuring, and what `bench --help` costs.

    python benchmarks/run_overhead.py
    python benchmarks/run_overhead.py --model b1-seg --repeats 3

With a warm cache, as whole processes from outside: the wall time of the command less the warm-up and sampling that its
own record states, and the CPU time of `bench --help`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

BENCH = [sys.executable, "-m", "latency_bench"]


def help_cpu_ms() -> float:
    """User and system time of one `bench --help`, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*BENCH, "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def outside_measuring_s(model: str, store: str) -> tuple[float, float]:
    """(outside measuring, measuring) of one `bench run --protocol quick`, in seconds."""
    began_s = time.monotonic()
    done = subprocess.run(
        [*BENCH, "run", "--device", "local", "--model", model, "--protocol", "quick", "--store", store, "--json"],
        check=True,
        capture_output=True,
    )
    wall_s = time.monotonic() - began_s
    record = json.loads((Path(json.loads(done.stdout)["path"]) / "record.json").read_text())
    facts = [one["facts"] for one in record["rounds"]]
    measuring_s = sum(one["elapsed_ns"] + one["warmup"]["elapsed_ns"] for one in facts) / 1e9
    return wall_s - measuring_s, measuring_s


@click.command()
@click.option("--model", default="b1-cls-r224", show_default=True)
@click.option("--repeats", default=5, show_default=True)
def main(model: str, repeats: int) -> None:
    with tempfile.TemporaryDirectory() as store:
        outside_measuring_s(model, store)
        rows = [outside_measuring_s(model, store) for _ in range(repeats)]
    outside = [row[0] for row in rows]
    measuring = [row[1] for row in rows]
    helps = [help_cpu_ms() for _ in range(repeats)]
    print(
        f"{model}: outside measuring {np.median(outside):.2f} s ({min(outside):.2f} to {max(outside):.2f}), "
        f"measuring {np.median(measuring):.2f} s; bench --help {np.median(helps):.0f} ms of CPU time; {repeats} repeats"
    )


if __name__ == "__main__":
    main()
