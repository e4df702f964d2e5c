"""Seconds and requests that commands on a store at an address take, with an index there and without one.

    python benchmarks/store_at_address.py --runs 10000

A real server that speaks S3, on this computer and behind a proxy that counts requests; the runs, copies of those in
results/ under new ids, are put into the server's memory directly. Every command begins with a cache of its own unless
it is a second call. The server is written in Python and takes most of the seconds: a bucket answers quicker, and from
further away.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from faulty_proxy import FaultyProxy
from store_transfers import make_store

from latency_bench.harness.store.layout import RECORD_FILE
from latency_bench.harness.store.reader import run_names
from latency_bench.harness.store.record_packs import INDEX_FOLDER, PACK_RUNS, packed

BUCKET = "bench-scale"


def fill(store: Path, with_index: bool) -> None:
    """Put a folder's runs into the server's memory."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for path in store.rglob("*"):
        if path.is_file():
            bucket.put_object(BUCKET, f"runs/{path.relative_to(store).as_posix()}", path.read_bytes())
    names = run_names(store) if with_index else []
    for first in range(0, len(names), PACK_RUNS):
        pack = names[first : first + PACK_RUNS]
        content = packed({name: (store / name / RECORD_FILE).read_bytes() for name in pack})
        bucket.put_object(BUCKET, f"runs/{INDEX_FOLDER}/{first:016x}.jsonl.gz", content)


def run(proxy: FaultyProxy, cache: Path, words: list[str]) -> tuple[int, float]:
    """Requests and seconds of a `bench` command."""
    before, began_s = proxy.requests, time.perf_counter()
    command = [sys.executable, "-m", "latency_bench", *words, "--store", f"s3://{BUCKET}/runs"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "BENCH_CACHE": str(cache)})
    return proxy.requests - before, time.perf_counter() - began_s


@click.command(help=__doc__.split("\n", 1)[0])
@click.option("--runs", default=10_000, show_default=True)
@click.option("--without-index", is_flag=True, help="As a store is whose runs were copied there by another tool.")
@click.option("--folder", type=click.Path(exists=True, file_okay=False), help="Where everything lies meanwhile.")
def main(runs: int, without_index: bool, folder: str | None) -> None:
    import fsspec
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with tempfile.TemporaryDirectory(dir=folder) as made, FaultyProxy(*server.get_host_and_port()) as proxy:
        os.environ.update(
            AWS_ACCESS_KEY_ID="testing",
            AWS_SECRET_ACCESS_KEY="testing",
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{proxy.port}",
        )
        fsspec.filesystem("s3").mkdir(BUCKET)
        scratch = Path(made)
        make_store(scratch / "store", runs)
        fill(scratch / "store", not without_index)
        heading = f"{runs} runs, {'no ' if without_index else ''}index"
        print(f"| {heading} | requests | of a run | s | load |\n|---|---:|---:|---:|---:|")
        for what, cache, words in (
            ("first `ls`", "a", ["results", "ls"]),
            ("second `ls`", "a", ["results", "ls"]),
            ("`report` after that", "a", ["report", "--table", "2"]),
            ("first `ls` of another computer", "b", ["results", "ls"]),
            ("first `verify`", "a", ["results", "verify"]),
            ("second `verify`", "a", ["results", "verify"]),
        ):
            requests, seconds = run(proxy, scratch / cache, words)
            load = os.getloadavg()[0]
            print(f"| {what} | {requests} | {requests / runs:.3f} | {seconds:.1f} | {load:.0f} |", flush=True)
    server.stop()


if __name__ == "__main__":
    main()
