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

from bench_worker.runtimes import runtime_class, runtime_names
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.store.pair_record import parse_pair
from latency_bench.harness.store.quantisation import Quantisation

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
INTRODUCTION = """\
# Runtimes and precisions, measured

Written by `scripts/runtimes_measured.py`; do not edit. Every ratio is the latency over that of ONNX Runtime in fp32, of
pairs of processes that took turns ([pairs](pairs.md)), with its 95 % interval; *outputs* is the comparison by value
with the fp32 module ([method](method.md)).
"""


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
    """What the command says of the second side: ratio and verdict, or why there is none."""
    done = subprocess.run(
        [sys.executable, "-m", "latency_bench", *words], cwd=ROOT, check=False, capture_output=True, text=True
    )
    try:
        document = json.loads(done.stdout)
    except ValueError:
        return {"reason": (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]}
    side = document["b"]
    told = {name: document.get(name) for name in ("ratio", "low", "high", "verdict", "path")}
    failure = document.get("failure") or {}
    outcome = {"reason": failure.get("message"), "fidelity": side.get("fidelity"), "flags": side.get("flags")}
    return {**told, **outcome, "integers": _integers(ROOT / document["path"])}


def _integers(folder: Path) -> str | None:
    """How much of the second side computed in int8, as its record says; None where nothing was asked for in it."""
    side = parse_pair((folder / "record.json").read_bytes()).sides[1]
    if side.runtime is None or not side.model.precision.startswith("int8"):
        return None
    return Quantisation.of_facts(side.runtime.facts, side.artifact.facts if side.artifact else {}).text()


def kept(path: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """What was measured before, by model, runtime and precision."""
    return {tuple(line["case"]): line["outcome"] for line in read_objects(path)}


def page(outcomes: Mapping[tuple[str, str, str], dict[str, Any]]) -> str:
    """One table a model."""
    parts = [INTRODUCTION]
    for model in dict.fromkeys(model for model, _, _ in outcomes):
        parts += [
            f"\n## `{model}`\n",
            "| runtime | precision | ratio | 95 % interval | outputs |",
            "|---|---|---|---|---|",
        ]
        parts += [_row(case, outcome) for case, outcome in outcomes.items() if case[0] == model]
    return "\n".join(parts) + "\n"


def _row(case: tuple[str, str, str], outcome: Mapping[str, Any]) -> str:
    _, runtime, precision = case
    ratio, low, high = (outcome.get(name) for name in ("ratio", "low", "high"))
    numbers = ("-", "-") if ratio is None else (f"{ratio:.3f}", "-" if low is None else f"{low:.3f} to {high:.3f}")
    return f"| `{runtime}` | `{precision}` | {' | '.join(numbers)} | {_outputs(outcome)} |"


def _outputs(outcome: Mapping[str, Any]) -> str:
    if outcome.get("reason"):
        # What a converter printed is behind the first line, and lies where it ran.
        return str(outcome["reason"]).partition("\n")[0].replace("|", "/")
    fidelity = outcome.get("fidelity") or {}
    # What could not be judged has numbers all the same, by input.
    checks = fidelity.get("checks") or ()
    every = fidelity.get("metrics") or (checks[-1].get("metrics") if checks else None) or {}
    words = []
    for metrics in every.values():
        words += [f"{title} {metrics[name]:{form}}" for name, title, form in _METRICS if metrics.get(name) is not None]
    if outcome.get("integers"):
        words.append(str(outcome["integers"]))
    flags = {flag["name"]: str(flag.get("text", "")) for flag in outcome.get("flags") or ()}
    words += [flags["partly_delegated"]] if "partly_delegated" in flags else []
    words += ["ranges from seeded data"] if "seeded_calibration" in flags else []
    if fidelity.get("passed") is None and fidelity.get("reason"):
        words.append(str(fidelity["reason"]).replace("|", "/"))
    return ", ".join([{True: "as the module's", None: "not checked"}.get(fidelity.get("passed"), "others"), *words])


_METRICS = (
    ("max_rel", "largest error", ".1e"),
    ("cosine", "cosine", ".5f"),
    ("psnr_db", "PSNR", ".1f"),
    ("argmax_agreement", "same class", ".2%"),
    ("top1_agreement", "same first class", ".0%"),
)


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
            options.page.write_text(page(outcomes), encoding="utf-8")
            print(f"{model} {runtime} {precision}: {outcome.get('ratio') or outcome.get('reason')}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
