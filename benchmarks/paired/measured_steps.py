"""Benchmarks in steps: each is measured once and kept as a line of JSON, so that a session goes on where one ended.

A benchmark is a module with NAME, `steps(effort)`, and `table(results)`, which makes Markdown of what is kept.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from json_lines import append_object, read_objects

Result = dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """How much time the steps may take."""

    repeats: int = 20
    """Of what is repeated."""
    minutes: float = 2.0
    """Of one pair; a benchmark of several workloads gives larger ones more."""
    store: Path = Path("results")
    """Where pairs and runs are kept."""


@dataclass(frozen=True)
class Step:
    """`rank`: of worth, the lowest is measured first. `minutes`: about what it takes."""

    key: str
    rank: float
    minutes: float
    measure: Callable[[], Result]


class Benchmark(Protocol):
    """A module of this folder."""

    NAME: str

    def steps(self, effort: Effort) -> list[Step]:
        """Everything that there is to measure."""

    def table(self, results: Sequence[Result]) -> str:
        """What was measured, as Markdown."""


class Results:
    """A file of JSON lines; a line that was cut off counts for nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, benchmark: str) -> list[Result]:
        """The latest result of each step that was measured, in the order of the file."""
        latest: dict[str, Result] = {}
        for result in read_objects(self.path):
            if result.get("benchmark") == benchmark:
                latest[result["step"]] = result
        return list(latest.values())

    def append(self, benchmark: str, step: str, load: float, result: Result) -> None:
        """`load`: the load average of the last minute before the step."""
        at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        told = {"benchmark": benchmark, "step": step, "at": at, "load_before": round(load, 2)}
        append_object(self.path, {**told, **result})


def measure_open(benchmarks: Iterable[Benchmark], effort: Effort, results: Results, budget_minutes: float) -> None:
    """Every step that has no result yet, in order of worth, as far as the time goes. A step that fails is kept as a
    result with its `error`, and is measured again in the next session."""
    began_s = time.monotonic()
    found = [(benchmark.NAME, step) for benchmark in benchmarks for step in benchmark.steps(effort)]
    names = {name for name, _ in found}
    done = {(name, one["step"]) for name in names for one in results.of(name) if "error" not in one}
    for name, step in sorted(found, key=lambda one: (one[1].rank, one[0])):
        left_minutes = budget_minutes - (time.monotonic() - began_s) / 60
        if (name, step.key) in done or step.minutes > left_minutes:
            continue
        print(f"{name}: {step.key}, about {step.minutes:.1f} of {left_minutes:.1f} minutes left", flush=True)
        load = os.getloadavg()[0]
        try:
            result = step.measure()
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
            print(f"{name}: {step.key} failed: {result['error']}", flush=True)
        results.append(name, step.key, load, result)


def print_tables(benchmarks: Iterable[Benchmark], results: Results) -> None:
    """Of whatever has results."""
    for benchmark in benchmarks:
        found = results.of(benchmark.NAME)
        good = [one for one in found if "error" not in one]
        if found:
            print(f"\n### {benchmark.NAME}\n\n{benchmark.table(good)}" if good else f"\n### {benchmark.NAME}\n")
        for one in found:
            if "error" in one:
                print(f"\n{one['step']} failed: {one['error']}")


def main(benchmarks: Sequence[Benchmark], description: str | None) -> None:
    """The command line of one benchmark, or of all of them."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget-minutes", type=float, default=60.0, help="no step begins that would take longer")
    parser.add_argument("--minutes", type=float, default=2.0, help="of one pair; larger models take a multiple of it")
    parser.add_argument("--repeats", type=int, default=20, help="of what is repeated")
    parser.add_argument("--results", type=Path, default=Path("results/paired-benchmarks.jsonl"))
    parser.add_argument("--store", type=Path, default=Path("results"), help="where pairs and runs are kept")
    parser.add_argument("--only", action="append", help="benchmarks by name; repeatable")
    parser.add_argument("--tables", action="store_true", help="measure nothing, print what is kept")
    options = parser.parse_args()
    chosen = [one for one in benchmarks if not options.only or one.NAME in options.only]
    if not chosen:
        parser.error(f"there are {', '.join(one.NAME for one in benchmarks)}")
    results = Results(options.results)
    if not options.tables:
        effort = Effort(options.repeats, options.minutes, options.store)
        measure_open(chosen, effort, results, options.budget_minutes)
    print_tables(chosen, results)
