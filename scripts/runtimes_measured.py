"""Measure models on every runtime in every precision it has, as pairs against ONNX Runtime in fp32, and write the page.

    python scripts/runtimes_measured.py --minutes 3                 # docs/runtimes-measured.md; hours
    python scripts/runtimes_measured.py --model b1-cls-r224 --runtime openvino --runtime mnn
    python scripts/runtimes_measured.py --list                      # the commands, and measure nothing
    python scripts/runtimes_measured.py --minutes 0.1 --page /tmp/trial.md --store /tmp/trial    # does everything run?

Each line is one `bench pair`: both sides on the device at once, taking turns, so that what the machine does meanwhile
is the same for both. A runtime whose outputs are not those of the model has no ratio, and the page has the reason. What
was measured is kept in a file of JSON lines beside the page; a pair that is in it is not measured again, so that the
script can be ended and started at any time. Lines that are taken out of it are measured anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from json_lines import append_object, read_objects
from machine_text import machine_text
from markdown_lines import without_folders
from runtimes_figure import draw_runtimes
from runtimes_page import FIGURE, Case, page

from bench_worker.runtimes import runtime_class, runtime_names
from latency_bench.harness.changed_model import change_of
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.store.pair_record import PairRecord, parse_pair
from latency_bench.reports.plots.style import save_drawn

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "runtimes-measured.md"
MODELS = (
    "b1-cls-r224",
    "b1-seg,resolution=512x1024",
    "timm:mobilenetv4_conv_small",
    "timm:fastvit_t8",
    "segformer-b1,resolution=512x512",
)
REFERENCE = "onnxruntime"


def sides(model: str, runtimes: Iterable[str]) -> list[tuple[str, str]]:
    """(runtime, precision) of everything that is held against the reference, in order."""
    found = []
    for name in runtimes:
        declared = runtime_class(name)
        if declared.ON_GPU:
            continue
        carried = find_format(declared.FORMAT).precisions
        found += [
            (name, precision)
            for precision, way in declared.PRECISIONS.items()
            if (name, precision) != (REFERENCE, "fp32") and (precision in carried or way == "builder flag")
        ]
    return found


def command(model: str, runtime: str, precision: str, minutes: float, store: str) -> list[str]:
    """The words after `bench`."""
    name, _, options = model.partition(",")
    rest = f",{options}" if options else ""
    first, second = f"{name}@{REFERENCE}{rest}", f"{name}@{runtime},precision={precision}{rest}"
    bounds = ["--within", "2%", "--max-minutes", f"{minutes:g}", "--threads", "1"]
    return ["pair", first, second, *bounds, "--store", store, "--json", "--quiet"]


def measured(words: Sequence[str]) -> dict[str, Any]:
    """What came of the command: of the pair's record, or why there is none."""
    done = subprocess.run(
        [sys.executable, "-m", "latency_bench", *words], cwd=ROOT, check=False, capture_output=True, text=True
    )
    try:
        document = json.loads(done.stdout)
    except ValueError:
        return {"reason": (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]}
    return outcome_of(parse_pair((ROOT / document["path"] / "record.json").read_bytes()))


def outcome_of(record: PairRecord) -> dict[str, Any]:
    """What the page needs of a pair: everything of its second side, and what its first one was."""
    first, second = record.sides[:2]
    facts = {} if second.runtime is None else second.runtime.facts
    weighted = facts.get("weighted_layers") or {}
    found = record.ratios[0] if record.ratios else None
    reference = first.summary.latency if first.summary else None
    return {
        "run_id": record.run_id,
        "ended_at": record.ended_at.isoformat(timespec="seconds"),
        "machine": machine_text(record.device),
        "reference_version": None if first.runtime is None else first.runtime.version,
        "reference_ms": None if reference is None else reference.median_ms,
        "version": None if second.runtime is None else second.runtime.version,
        "ratio": None if found is None else found.ratio,
        "low": None if found is None else found.low,
        "high": None if found is None else found.high,
        "process_pairs": len(record.pairs),
        "max_minutes": record.request["max_minutes"],
        "stage": None if record.failure is None else record.failure.stage,
        "reason": None if record.failure is None else without_folders(record.failure.message.partition("\n")[0]),
        "fidelity": None if second.fidelity is None else second.fidelity.model_dump(mode="json"),
        "changed_model": change_of({} if second.artifact is None else second.artifact.facts),
        "flags": {flag.name: flag.text for flag in (*record.flags, *second.flags)},
        "layers": weighted.get("precisions") or facts.get("layer_precisions"),
        "conversions": weighted.get("conversions"),
    }


def kept(path: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """What was measured before, by model, runtime and precision."""
    return {tuple(line["case"]): line["outcome"] for line in read_objects(path)}


def in_order(outcomes: Mapping[Case, dict[str, Any]]) -> dict[Case, dict[str, Any]]:
    """As the script goes through them, whenever each was measured; models that it does not name come last."""
    every = [(model, *side) for model in MODELS for side in sides(model, runtime_names())]
    places = {case: place for place, case in enumerate(every)}
    return dict(sorted(outcomes.items(), key=lambda item: places.get(item[0], len(places))))


def write_page(path: Path, outcomes: Mapping[Case, dict[str, Any]]) -> None:
    """The page, and its figure in a folder beside it."""
    outcomes = in_order(outcomes)
    path.write_text(page(outcomes, REFERENCE), encoding="utf-8")
    (path.parent / FIGURE).parent.mkdir(parents=True, exist_ok=True)
    save_drawn(draw_runtimes(outcomes), path.parent / FIGURE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", action="append", help="repeatable; with options as a side of `bench pair` has them")
    parser.add_argument("--runtime", action="append", help="repeatable; default: all that compute on a processor")
    parser.add_argument("--minutes", type=float, default=3.0, help="the longest that a pair is measured")
    parser.add_argument("--page", type=Path, default=PAGE, help="written with every pair; its lines lie beside it")
    parser.add_argument("--store", default="results")
    parser.add_argument("--list", action="store_true", help="print the commands and measure nothing")
    options = parser.parse_args()
    lines = options.page.with_suffix(".jsonl")
    outcomes = kept(lines)
    for model in options.model or MODELS:
        for runtime, precision in sides(model, options.runtime or runtime_names()):
            words = command(model, runtime, precision, options.minutes, options.store)
            if options.list or (model, runtime, precision) in outcomes:
                print(f"bench {' '.join(words)}" if options.list else f"measured before: {model} {runtime} {precision}")
                continue
            outcome = outcomes[model, runtime, precision] = measured(words)
            append_object(lines, {"case": [model, runtime, precision], "outcome": outcome})
            write_page(options.page, outcomes)
            print(f"{model} {runtime} {precision}: {outcome.get('ratio') or outcome.get('reason')}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
