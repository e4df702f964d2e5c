"""Write docs/runtimes.md: what every runtime, file format and precision declares of itself.

python scripts/runtimes_table.py            write it
python scripts/runtimes_table.py --check    exit with 1 if it is not what they declare now
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench_worker.precisions import PRECISIONS
from bench_worker.runtime.declaration import Option, RuntimeDeclaration
from bench_worker.runtimes import runtime_class, runtime_names
from latency_bench.devices.runners.bench_onnxruntime import BenchOnnxRuntimeRunner
from latency_bench.devices.runners.benchmark_model import BenchmarkModelRunner
from latency_bench.devices.runners.trtexec import TrtexecRunner
from latency_bench.harness.export.formats import own_formats

PAGE = Path(__file__).parents[1] / "docs" / "runtimes.md"

INTRODUCTION = """\
# Runtimes, file formats and precisions

Written by `scripts/runtimes_table.py` from what they declare (`devices/worker/runtimes/`, `devices/runners/`,
`harness/export/formats/`, `devices/worker/precisions.py`); do not edit. How to compare them:
[choosing a runtime](choosing-a-runtime.md); how to add one: [adding a device](adding-a-device.md).
"""
WAYS = """
How a runtime comes to a precision: *typed file*, the file is exported in it; *builder flag*, the builder on the device
is asked for it and the file stays fp32 (TensorRT from 10.12 on takes the types of the file instead); *quantised file*,
the file holds smaller weights and its inputs and outputs stay fp32.
"""
OPTIONS = """
`--runtime-option NAME=VALUE`, or `runtime_options` of a device in devices.yaml. An option that is unknown, of another
type, or that contradicts a field of the case is refused before anything runs: `threads` is set by `--threads`,
`precision` by `--precision`.
"""
Declared = type[RuntimeDeclaration]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    text = page()
    if not parser.parse_args(arguments).check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE.name} is not what is declared; run `python scripts/runtimes_table.py`.", file=sys.stderr)
    return 1


def page() -> str:
    runtimes = declared_runtimes()
    parts = [
        INTRODUCTION,
        "## Runtimes",
        table(("runner", "runtime", "loads", "needs", "can"), (runtime_row(*one) for one in runtimes)),
        "## Precisions",
        WAYS,
        table(("precision", "meaning", "runtimes"), precision_rows(runtimes)),
        "## Options",
        OPTIONS,
        table(("runner", "runtime", "option", "default", ""), option_rows(runtimes)),
        "## File formats",
        table(("format", "ending", "carries", "exported with", "can be brought"), format_rows()),
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def declared_runtimes() -> list[tuple[str, Declared]]:
    """(runner, runtime), the worker's first."""
    ours: list[tuple[str, Declared]] = [("worker", runtime_class(name)) for name in runtime_names()]
    runners = (BenchmarkModelRunner, BenchOnnxRuntimeRunner, TrtexecRunner)
    tools = [(runner.name, one) for runner in runners for one in runner.RUNTIMES]
    return [*ours, *tools]


def runtime_row(runner: str, declared: Declared) -> tuple[str, ...]:
    needs = "; ".join(" or ".join(f"`{module}`" for module in group) for group in declared.MODULES)
    abilities = {
        "computes on a GPU": declared.ON_GPU,
        "builds engines on the device": declared.BUILDS_ENGINES,
        "several requests in flight": declared.OVERLAPS_REQUESTS,
        "`bench profile`": declared.PROFILES,
        "finds the first layer that is not finite": declared.FINDS_NON_FINITE,
    }
    can = ", ".join(ability for ability, has in abilities.items() if has)
    can += f"{', ' if can else ''}int8 files by {declared.QUANTISER}" if declared.QUANTISER else ""
    return (f"`{runner}`", f"`{declared.name}`", f"`{declared.FORMAT}`", needs, can)


def precision_rows(runtimes: Iterable[tuple[str, Declared]]) -> Iterable[tuple[str, ...]]:
    for precision in PRECISIONS:
        ways: dict[str, list[str]] = {}
        for _, declared in runtimes:
            way = declared.PRECISIONS.get(precision.name)
            if way is not None and f"`{declared.name}`" not in ways.setdefault(way, []):
                ways[way].append(f"`{declared.name}`")
        told = "; ".join(f"{way}: {', '.join(names)}" for way, names in ways.items() if names)
        yield f"`{precision.name}`", precision.meaning, told


def option_rows(runtimes: Iterable[tuple[str, Declared]]) -> Iterable[tuple[str, ...]]:
    for runner, declared in runtimes:
        for name, option in sorted(declared.OPTIONS.items()):
            yield f"`{runner}`", f"`{declared.name}`", f"`{name}`", f"`{json.dumps(option.default)}`", told(option)


def told(option: Option) -> str:
    return f"{option.help} One of: {', '.join(map(str, option.choices))}." if len(option.choices) > 1 else option.help


def format_rows() -> Iterable[tuple[str, ...]]:
    for target in own_formats():
        brought = f"yes, for `{target.usual_runtime}`" if target.usual_runtime else "no"
        carries, modules = ", ".join(target.precisions), ", ".join(f"`{name}`" for name in target.modules)
        yield f"`{target.name}`", f"`{target.suffix}`", carries, modules, brought


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
