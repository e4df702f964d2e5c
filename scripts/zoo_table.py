"""Write docs/zoo.md: every model, its parameters and MACs beside the published ones, its source and licence; and the
counts themselves into model_specs/families/counts.csv, for what needs them without torch.

    python scripts/zoo_table.py            write both
    python scripts/zoo_table.py --check    exit with 1 if they are not what the specs say now

Counting happens on the meta device: no weights, nothing computed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from latency_bench.harness.cli.model_check import CheckedModel, compare_counts
from latency_bench.harness.cli.models import tables_with
from latency_bench.model_specs import ModelSpec, list_specs
from latency_bench.model_specs.counting import count
from latency_bench.model_specs.known_counts import FILE as COUNTS
from latency_bench.model_specs.known_counts import as_csv
from latency_bench.reports.papers.catalog import default_paper

PAGE = Path(__file__).parents[1] / "docs" / "zoo.md"
Row = tuple[ModelSpec, CheckedModel]

TASKS = {
    "classification": "Classification",
    "segmentation": "Semantic segmentation",
    "detection": "Detection",
    "super-resolution": "Super-resolution",
    "segment-anything": "Segment anything",
    "attention": "Attention alone",
    "generic": "Others",
}

INTRODUCTION = """\
# The models

Written by `scripts/zoo_table.py` from the family files in `model_specs/families/`; do not edit.

Any other model of timm runs as `timm:NAME`, at the input size of its default configuration; a classifier or
segmentation network of torchvision as `torchvision:NAME`; what a `config.json` of transformers describes as
`transformers:FOLDER`.

**Counts.** MACs are those of convolutions, linear layers and the matrix products of attention, at batch 1, head
included; normalisation, activation, pooling and interpolation are not counted. In brackets: the published figure and
how far ours is from it. Where it is more than 3 %, the reason is below the table. Where the published figure counts
another variant than the deployed one (SegFormer and DeepLabV3+ on Cityscapes with 150 classes instead of 19), the
count here is the published variant's.

**Outputs.** A segmentation model ends at its own output stride, 1/4 or 1/8 of the input; resizing its logits to the
image's size is not part of any model here.

**ONNX** is the lowest opset that expresses the model (13 is what TensorRT 8.2 reads). **TFLite** says whether it
becomes a file of built-in operators alone. What became of each at the paper's resolution: [zoo-runs.md](zoo-runs.md)
with LiteRT, [zoo-runs-onnxruntime.md](zoo-runs-onnxruntime.md) for one model of each family with ONNX Runtime.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    options = parser.parse_args(arguments)
    counted = [(spec, count(spec)) for spec in list_specs()]
    texts = {
        PAGE: page([(spec, compare_counts(spec, counts)) for spec, counts in counted]),
        COUNTS: as_csv({spec.id: counts for spec, counts in counted}),
    }
    outdated = [path for path, text in texts.items() if not path.is_file() or path.read_text("utf-8") != text]
    if options.check:
        for path in outdated:
            print(f"{path} is not what the specs say; run `python scripts/zoo_table.py`.", file=sys.stderr)
        return 1 if outdated else 0
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        print(f"{path}: {len(text.splitlines())} lines")
    return 0


def page(rows: Iterable[Row]) -> str:
    """The whole page, models in the order given within each task."""
    rows = list(rows)
    parts = [INTRODUCTION]
    for task, heading in TASKS.items():
        of_task = [row for row in rows if row[0].task == task]
        if of_task:
            parts.append(f"## {heading}\n\n{table(of_task)}{remarks(of_task)}")
    parts.append(f"## Sources and licences\n\n{sources(spec for spec, _ in rows)}")
    return "\n".join(parts)


def table(rows: Sequence[Row]) -> str:
    """One line a model."""
    header = ("id", "model", "input", "output", "parameters (M)", "MACs (G)", "published in", "ONNX", "TFLite")
    lines = [header, tuple("---" for _ in header)]
    for spec, checked in rows:
        lines.append(
            (
                f"`{spec.id}`",
                _cell(spec.title),
                "x".join(map(str, spec.resolution)),
                ", ".join(_output(output.channels, output.stride) for output in spec.outputs),
                _figure(checked.params_m, checked.params_published_m, checked.params_diff_pct),
                _figure(checked.macs_g, checked.macs_published_g, checked.macs_diff_pct),
                tables_with(spec, default_paper()),
                str(spec.onnx_opset),
                "yes" if spec.tflite else "no",
            )
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def remarks(rows: Sequence[Row]) -> str:
    """What the specs say of single models: why a count is off, what runs where."""
    lines = []
    for spec, _ in rows:
        said = {
            "parameters": spec.deviation.params,
            "MACs": spec.deviation.macs,
            "fidelity": spec.tolerance.reason if spec.tolerance else None,
            "": spec.note,
        }
        for subject, text in said.items():
            if text:
                lines.append(f"- `{spec.id}`{f', {subject}' if subject else ''}: {' '.join(text.split())}\n")
    return "\n" + "".join(lines) if lines else ""


def sources(specs: Iterable[ModelSpec]) -> str:
    """One line for each family, or for each part of a family that has another source."""
    lines = [("models", "paper", "code", "licence", "note"), ("---",) * 5]
    ordered = sorted(specs, key=lambda spec: (spec.family, spec.provenance.model_dump_json()))
    for (family, _), members in groupby(ordered, key=lambda spec: (spec.family, spec.provenance)):
        given = list(members)
        source = given[0].provenance
        alone = len(given) == sum(spec.family == family for spec in ordered)
        names = family if alone else ", ".join(f"`{spec.id}`" for spec in given)
        design = "our own design; " if source.design == "ours" else ""
        note = design + (source.note or "")
        lines.append((names, _cell(source.paper), _cell(source.code), _cell(source.license), _cell(note.rstrip("; "))))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _figure(measured: float, published: float | None, difference_pct: float | None) -> str:
    """'25.0 (25, +0.1 %)'; three digits, more where a number has more before its point."""
    text = f"{measured:.0f}" if measured >= 100 else f"{measured:.3g}"
    if published is None or difference_pct is None:
        return text
    return f"{text} ({published:g}, {difference_pct:+.1f} %)"


def _output(channels: int | None, stride: float | None) -> str:
    """'19 at 1/8'; a stride below 1 enlarges."""
    if stride is None:
        return f"{channels}" if channels else "vectors"
    scale = f"1/{stride:g}" if stride >= 1 else f"x{1 / stride:g}"
    return f"{channels} at {scale}" if channels else scale


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    raise SystemExit(main())
