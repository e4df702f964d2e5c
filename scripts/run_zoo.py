"""Run every model once on this computer, and write down what ran and what did not.

    python scripts/run_zoo.py                          # every spec, protocol quick, LiteRT; hours
    python scripts/run_zoo.py --runtime onnxruntime --only b1-seg --only segformer-b1
    python scripts/run_zoo.py --runtime onnxruntime --one-a-family             # the smallest of each family, as ONNX
    python scripts/run_zoo.py --device NAME            # this computer under the name that its stored runs carry

Every model is exported at its own (the paper's) resolution, run, and its outputs compared with the fp32 module by
value. Runs are kept in a store of their own, docs/zoo-runs, because one quick round is no result for a report; a model
that has a run of this device there or in results/, or a number of another device, is not run again, so that the script
can be stopped and started, here or elsewhere. A model that cannot become a TFLite file runs on ONNX Runtime. The table
goes to docs/zoo-runs.md, that of another runtime to docs/zoo-runs-RUNTIME.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.reader import StoredRun, read_record
from latency_bench.harness.store.run_table import row_of
from latency_bench.model_specs import list_specs
from latency_bench.model_specs.known_counts import known_counts
from latency_bench.model_specs.spec import ModelSpec

ROOT = Path(__file__).parent.parent
RESULTS, RUNS = ROOT / "results", ROOT / "docs" / "zoo-runs"
BENCH = [sys.executable, "-m", "latency_bench"]


def able(spec: ModelSpec, runtime: str) -> str:
    """The runtime, or its stand-in for a model that cannot become its file."""
    return "onnxruntime" if runtime == "litert" and not spec.tflite else runtime


def run(spec: ModelSpec, device: str, runtime: str, store: Path, timeout_s: float) -> str | None:
    """Measure one model; None, or why there is not even a failed run in the store."""
    words = ["run", "--device", device, "--model", spec.id, "--runtime", able(spec, runtime), "--protocol", "quick"]
    try:
        done = subprocess.run(
            # By its place in the repository where it lies there: the command is kept in the record.
            [*BENCH, *words, "--store", os.path.relpath(store, ROOT), "--json", "--quiet"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return f"not finished within {timeout_s / 60:.0f} minutes"
    try:
        json.loads(done.stdout)
    except ValueError:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"ended with code {done.returncode}"
    return None


def stored(specs: list[ModelSpec], device: str, runtime: str, stores: Sequence[Path]) -> dict[str, StoredRun]:
    """A run of each model with this runtime, or its stand-in, in fp32, at batch 1 and its own resolution: the latest of
    this device, whatever came of it, else the latest number of another one; of the first store that has one.

    Failed ones may know no runtime, and count.
    """
    wanted = {spec.id: (able(spec, runtime), spec.resolution) for spec in specs}
    here: dict[str, Path] = {}
    elsewhere: dict[str, Path] = {}
    for place in stores:
        for run in find_rows(place):
            known = (run["runtime"] or wanted.get(run["model"], ("",))[0], (run["height"], run["width"]))
            if (run["precision"], run["batch"]) != ("fp32", 1) or wanted.get(run["model"]) != known:
                continue
            if run["device"] == device:
                here.setdefault(run["model"], place / run["path"])
            elif run["status"] != "failed":
                elsewhere.setdefault(run["model"], place / run["path"])
    return {model: StoredRun(path, read_record(path)) for model, path in {**elsewhere, **here}.items()}


def smallest_of_each_family(specs: list[ModelSpec]) -> list[ModelSpec]:
    """By MACs, in the order of `specs`."""
    macs = {spec.id: counts.macs for spec in specs if (counts := known_counts(spec.id))}
    smallest: dict[str, ModelSpec] = {}
    for spec in sorted(specs, key=lambda spec: macs[spec.id]):
        smallest.setdefault(spec.family, spec)
    return [spec for spec in specs if smallest[spec.family] is spec]


def row(spec: ModelSpec, found: StoredRun | None, reason: str | None) -> str:
    height, width = spec.resolution
    if found is None:
        return f"| `{spec.id}` | {height}x{width} | - | | | | | {_cell(reason or 'not run yet')} |"
    record = found.record
    if record.summary is None or record.runtime is None:
        failure = record.failure
        why = f"{failure.stage}: {failure.message}" if failure else "failed"
        return f"| `{spec.id}` | {height}x{width} | failed | | | | {record.device.name} | {_cell(why)} |"
    memory_gb = (record.summary.peak_rss_bytes or 0) / 1e9
    cells = [
        f"`{spec.id}`",
        f"{height}x{width}",
        f"{record.summary.latency.median_ms:.4g} ms",
        f"{memory_gb:.2f} GB",
        _largest_error(record),
        _delegated(record.runtime.facts),
        record.device.name,
        ", ".join([record.runtime.name, *(flag.name for flag in record.flags if flag.severity == "error")]),
    ]
    return f"| {' | '.join(cells)} |"


def devices(runs: Iterable[StoredRun]) -> list[str]:
    """A line a device: its processor, and the protocols it ran."""
    protocols: dict[str, Counter[str]] = {}
    processors: dict[str, str] = {}
    for run in runs:
        line = row_of(run.record)
        protocols.setdefault(line["device"], Counter())[line["protocol"]] += 1
        processors[line["device"]] = line["processor"] or processors.get(line["device"], "unknown processor")
    return [
        f"- `{name}`: {processors[name]}, "
        + ", ".join(f"{count} models with protocol `{protocol}`" for protocol, count in used.most_common())
        for name, used in sorted(protocols.items())
    ]


def _largest_error(record: Any) -> str:
    errors = [values["max_rel"] for values in record.fidelity.metrics.values()] if record.fidelity else []
    return f"{max(errors):.1e}" if errors else "-"


def _delegated(facts: dict[str, Any]) -> str:
    found = facts.get("delegation")
    if not isinstance(found, dict):
        return "-"
    return f"{found['delegated']} of {found['nodes']} in {found['partitions']}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:300]


@click.command()
@click.option("--device", default="local", show_default=True, help="A name of this computer in devices.yaml.")
@click.option("--runtime", default="litert", show_default=True)
@click.option("--only", multiple=True, metavar="ID", help="Only these models.")
@click.option("--one-a-family", is_flag=True, help="Only the model with the fewest MACs of each family.")
@click.option("--store", type=click.Path(path_type=Path), default=RUNS, show_default=False)
@click.option("--timeout-min", default=30.0, show_default=True, help="A model that takes longer is given up.")
def main(device: str, runtime: str, only: tuple[str, ...], one_a_family: bool, store: Path, timeout_min: float) -> None:
    specs = [spec for spec in list_specs() if not only or spec.id in only]
    if one_a_family:
        specs = smallest_of_each_family(specs)
    reasons: dict[str, str] = {}
    done = stored(specs, device, runtime, (store, RESULTS))
    for index, spec in enumerate(specs):
        if spec.id in done:
            continue
        print(f"{index + 1} of {len(specs)}: {spec.id}", flush=True)
        if reason := run(spec, device, runtime, store, 60 * timeout_min):
            reasons[spec.id] = reason
            print(f"  {reason}", flush=True)
    found = stored(specs, device, runtime, (store, RESULTS))
    lines = [
        f"# {'One model of each family' if one_a_family else 'Every model'}, run once with {runtime}",
        "",
        f"Written by `scripts/run_zoo.py --device {device} --runtime {runtime}{' --one-a-family' * one_a_family}`;",
        "do not edit. At the paper's resolution, in fp32 on one thread, to say what runs and what does not: compare",
        "numbers of one device only, and quote [measured.md](measured.md). `error` is the largest difference from the",
        "fp32 module's outputs over their largest value, `delegated` how many nodes XNNPACK took, in how many parts.",
        "`bench results ls --store docs/zoo-runs` lists the runs that are not in `results/`.",
        "",
        *devices(found.values()),
        "",
        "| model | input | latency | memory | error | delegated | on | with |",
        "|---|---|---:|---:|---:|---|---|---|",
        *(row(spec, found.get(spec.id), reasons.get(spec.id)) for spec in specs),
    ]
    if not only:
        page = ROOT / "docs" / ("zoo-runs.md" if runtime == "litert" else f"zoo-runs-{runtime}.md")
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        print("\n".join(lines[9:]))


if __name__ == "__main__":
    main()
