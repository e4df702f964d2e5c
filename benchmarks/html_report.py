"""What the HTML report costs: seconds and memory to make it, its size, and how soon Chromium shows it.

    python benchmarks/html_report.py --runs 10000

Makes a store of so many made-up runs, writes the report in a process of its own, as a user would, and opens it in
headless Chromium without a network, each time in a fresh window. First contentful paint is the browser's own figure
(W3C, Paint Timing), counted from the start of the navigation. Files are in the page cache: what is measured is this
program and the browser, not the disk.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from example_store import make_store

ROOT = Path(__file__).parent.parent
_WRITE = """
import json, resource, sys, time
from pathlib import Path
store, page, details = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
start = time.perf_counter()
from latency_bench.harness.store.listing import load_runs
from latency_bench.reports.html import write_html
runs = load_runs(store)
loaded = time.perf_counter()
write_html(runs, store, page, most_details=details)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([loaded - start, time.perf_counter() - loaded, peak]))
"""
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
_MOMENT = "() => performance.now()"


def write_page(store: Path, page: Path, details: int, cache: Path) -> tuple[float, float, int]:
    """Seconds to load the table of runs, seconds to write the page, peak memory in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, str(store), str(page), str(details)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "BENCH_CACHE": str(cache)},
    )
    load_s, write_s, peak_bytes = json.loads(done.stdout)
    return load_s, write_s, peak_bytes


def open_page(page: Path, repetitions: int) -> dict[str, list[float]]:
    """Milliseconds by what was waited for, one a repetition."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise click.ClickException("no Chromium is installed: scripts/install_test_tools.sh")
    taken: dict[str, list[float]] = {"first contentful paint": [], "runs decoded, page usable": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        for _ in range(repetitions):
            window = browser.new_context(offline=True).new_page()
            window.goto(page.as_uri(), wait_until="commit")
            window.wait_for_selector("html[data-ready]", state="attached")
            taken["runs decoded, page usable"].append(window.evaluate(_MOMENT))
            window.wait_for_load_state("load")
            window.wait_for_timeout(200)
            taken["first contentful paint"].append(window.evaluate(_PAINT))
            window.context.close()
        browser.close()
    return taken


@click.command()
@click.option("--runs", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--samples", type=click.IntRange(min=1), default=300, show_default=True, help="Requests a round.")
@click.option("--details", type=click.IntRange(min=0), default=2000, show_default=True, help="Runs with details.")
@click.option("--repetitions", type=click.IntRange(min=1), default=7, show_default=True, help="Openings in Chromium.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where to make the store.")
def main(runs: int, samples: int, details: int, repetitions: int, folder: Path | None) -> None:
    """Print a Markdown table."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        store, cache, page = (Path(temporary) / name for name in ("store", "cache", "report.html"))
        make_store(store, runs, samples=samples)
        print(f"{runs} runs of {samples} requests a round, {os.cpu_count()} processors\n\n| what | |\n|---|---|")
        for what in ("without an index", "with one"):
            load_s, write_s, peak_bytes = write_page(store, page, details, cache)
            print(f"| table of runs, {what} | {load_s:.2f} s |")
            print(f"| page with details of {min(runs, details)} runs | {write_s:.2f} s, peak {peak_bytes >> 20} MiB |")
        print(f"| size of the page | {page.stat().st_size / 1e6:.1f} MB |")
        for what, taken_ms in open_page(page, repetitions).items():
            median_ms = statistics.median(taken_ms)
            print(f"| {what} | {median_ms:.0f} ms ({min(taken_ms):.0f} to {max(taken_ms):.0f}) |")


if __name__ == "__main__":
    main()
