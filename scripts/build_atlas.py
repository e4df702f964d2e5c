"""Make the atlas (`reports/atlas/published.csv.xz`) from a folder of tables: one folder a source, CSV files in it.

    python scripts/build_atlas.py FOLDER

A table has a row for each measurement with `model` and `source`, and of `timm_name`, `dataset`, `resolution`, `batch`,
`device`, `runtime`, `precision`, `latency_ms`, `throughput_img_per_s`, `confidence`, `form_factor`,
`primary_compute_unit` and `layers_*` what it knows. Rows without a number are left out, the same row twice too.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from latency_bench.reports.atlas.published_run import FILE, PublishedRun, write_runs

LEFT_OUT = ("table_phones.csv", "files.csv", "table_imagenet_accuracy.csv")
"""Copies of rows of other tables, and tables without a time."""
WIDTH_FIRST = ("mmsegmentation", "segformer", "segnext")
"""Sources that print sizes as width x height."""
CONTAINS = {
    "ai_hub": "the compiled graph on the device",
    "efficientnetv2": "the graph, without transfer",
    "efficientvit_mit": "the request with transfer",
    "mmsegmentation": "forward and post-processing of whole images",
    "segformer": "forward and post-processing of whole images",
    "segnext": "forward and post-processing of whole images",
    "timm": "forward of a batch, synchronised",
    "fastvit": "a request of the app ModelBench",
    "mobileone": "a request of the app ModelBench",
}
"""What is inside a time, by source, as far as its authors say."""
_CONFIDENCE = (
    (r"secondary", "D"),
    (r"image|screenshot|figure", "B"),
    (r"third-party|framework|community|rounded|text copy", "C"),
)
_KINDS = (
    (r"iphone|pixel|galaxy|phone|snapdragon (7|8)", "phone"),
    (r"jetson|dragonwing|qcs|sa\d{4}", "board"),
    (r"a100|v100|rtx|gpu|h100", "gpu"),
    (r"intel|cpu|epyc|xeon", "cpu"),
)
_FORM_FACTORS = {"phone": "phone", "iot": "board", "auto": "board", "xr": "board", "compute": "other"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--to", type=Path, default=FILE)
    options = parser.parse_args()
    runs = list(dict.fromkeys(_runs(options.folder)))
    if not runs:
        print(f"{options.folder} has no table with a time", file=sys.stderr)
        return 1
    write_runs(runs, options.to)
    print(f"{options.to}: {len(runs)} measurements, {options.to.stat().st_size} bytes")
    return 0


def _runs(folder: Path) -> Iterator[PublishedRun]:
    for path in sorted(folder.glob("*/*.csv")):
        if path.name not in LEFT_OUT:
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    if (run := _run(path.parent.name, row)) is not None:
                        yield run


def _run(source: str, row: Mapping[str, str]) -> PublishedRun | None:
    latency, img_s = _number(row, "latency_ms"), _number(row, "throughput_img_per_s", "x_fps")
    # What sources call FLOPs of a network are multiply-accumulates.
    if (latency is None and img_s is None) or not row.get("device"):
        return None
    unit = row.get("primary_compute_unit", "")
    batch = _number(row, "batch")
    return PublishedRun(
        model=_words(row["model"]),
        timm=row.get("timm_name", "").partition(".")[0].lower(),
        dataset=row.get("dataset", ""),
        resolution=_size(source, row.get("resolution", "")),
        batch=None if batch is None else int(batch),
        device=_words(row["device"]).partition(" (model not named")[0],
        kind=_kind(row),
        unit="" if unit.lower() == "null" else unit,
        runtime=_words(row.get("runtime", "")) + (" compiled" if row.get("torch_compile") == "yes" else ""),
        precision=row.get("precision", "").lower(),
        latency_ms=latency,
        img_s=img_s,
        macs_g=_number(row, "macs_g", "flops_g"),
        contains=CONTAINS.get(source, ""),
        layers=", ".join(
            f"{row[f'layers_{name}']} {name.upper()}"
            for name in ("npu", "gpu", "cpu")
            if row.get(f"layers_{name}", "0") not in ("", "0")
        ),
        confidence=_confidence(row.get("confidence") or ""),
        source=_words(row["source"]).partition(" (markdown copy")[0].partition("; repository name")[0],
    )


def _number(row: Mapping[str, str], *names: str) -> float | None:
    for name in names:
        try:
            value = float(row.get(name) or "")
        except ValueError:
            continue
        if 0 < value < 1e9:
            return value
    return None


def _size(source: str, text: str) -> str:
    first, _, second = text.replace(" ", "").partition("x")
    if not first.isdigit():
        return ""
    second = second or first
    return f"{second}x{first}" if source in WIDTH_FIRST else f"{first}x{second}"


def _kind(row: Mapping[str, str]) -> str:
    form = row.get("form_factor", "").lower()
    if form in _FORM_FACTORS:
        return _FORM_FACTORS[form]
    device = row["device"].lower()
    return next((kind for pattern, kind in _KINDS if re.search(pattern, device)), "other")


def _confidence(text: str) -> str:
    return next((letter for pattern, letter in _CONFIDENCE if re.search(pattern, text.lower())), "A")


def _words(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
