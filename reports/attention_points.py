"""Runs of attention as points: what was measured, of which shape, under which conditions. One row a subject."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from latency_bench.harness.store.outcome import DOES_NOT_FIT
from latency_bench.model_specs.architectures.attention.subject import Subject, parse_subject
from latency_bench.model_specs.errors import UnknownModelError

if TYPE_CHECKING:
    import pandas as pd

CONDITIONS = ["device", "runtime", "runtime_version", "threads", "precision", "batch"]
"""Numbers are compared within one combination of these alone."""
SHAPE = ["scope", "multi_scale", "heads", "head_dim", "tokens", "repeats"]
LINEAR = "relu-linear"
_MEASURED = [
    "height",
    "width",
    "macs",
    "median_ms",
    "low_ms",
    "high_ms",
    "round_medians_ms",
    "peak_rss_bytes",
    "processor",
    "failure",
    "run_id",
]
COLUMNS = [*CONDITIONS, *SHAPE, "form", "kernel", "label", "fits", *_MEASURED, "macs_s"]


def attention_points(runs: pd.DataFrame) -> pd.DataFrame:
    """From a table of runs (harness/store/run_table.py), columns as in COLUMNS; the latest run of each subject and
    condition. `fits` is False where it needed more memory than there was; other failures are left out.

    `macs_s` is MACs per second, of the median latency.
    """
    import pandas as pd

    runs = with_known_versions(answered(runs))
    rows = [
        {**point, **{name: row[name] for name in (*CONDITIONS, *_MEASURED)}, "fits": row["status"] != "failed"}
        for row in runs.loc[(runs["task"] == "attention").astype(bool)].to_dict("records")
        if (point := _point(row)) is not None
    ]
    points = pd.DataFrame(rows, columns=COLUMNS)
    points["macs_s"] = points["macs"].astype(float) * points["batch"].astype(float) / (points["median_ms"] / 1e3)
    latest = points.drop_duplicates([*CONDITIONS, *SHAPE, "form", "kernel"])
    ordered: pd.DataFrame = latest.sort_values([*CONDITIONS, *SHAPE, "form", "kernel"]).reset_index(drop=True)
    return ordered


def answered(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that have a number, or none because they do not fit."""
    found: pd.DataFrame = runs.loc[
        ((runs["status"] != "failed") | runs["failure_kind"].isin(DOES_NOT_FIT)).astype(bool)
    ]
    return found


def with_known_versions(runs: pd.DataFrame) -> pd.DataFrame:
    """A run that never started knows no version of its runtime: it has that of the run before it on the same device and
    runtime, else of the one after it."""
    platform = ["device", "runtime"]
    runs = runs.sort_values("run_id")
    versions = runs.groupby(platform, dropna=False)["runtime_version"]
    filled = versions.ffill().fillna(versions.bfill()).fillna("unknown")
    runs = runs.assign(runtime_version=filled, threads=runs["threads"].fillna(0).astype(int))
    latest_first: pd.DataFrame = runs.iloc[::-1]
    return latest_first


def label_of(form: str, multi_scale: bool, kernel: str = "") -> str:
    """`softmax, fused (flash)`."""
    names = {
        "relu-linear": "ReLU linear",
        "relu-quadratic": "ReLU quadratic",
        "softmax": "softmax",
        "sdpa": "softmax, fused",
    }
    return names[form] + (f" ({kernel})" if kernel else "") + (", multi-scale" if multi_scale else "")


def condition_words(row: dict[str, Any]) -> str:
    """`local, litert 2.3.0, 1 thread, fp32, batch 1`."""
    return ", ".join(filter(None, condition_parts(row)))


def condition_parts(row: dict[str, Any]) -> tuple[str, ...]:
    """The words of a condition one by one, always as many; empty for threads that a runtime does not have."""
    threads = row["threads"]
    return (
        str(row["device"]),
        f"{row['runtime']} {row['runtime_version']}",
        f"{threads} thread{'s' if threads > 1 else ''}" if threads else "",
        str(row["precision"]),
        f"batch {row['batch']}",
    )


def _point(row: dict[str, Any]) -> dict[str, Any] | None:
    try:
        subject: Subject = parse_subject(str(row["model"]))
    except UnknownModelError:
        return None
    kernel = str(json.loads(row["runtime_options"]).get("sdpa", "")) if subject.form == "sdpa" else ""
    kernel = "" if kernel == "auto" else kernel
    return {
        "form": subject.form,
        "kernel": kernel,
        "label": label_of(subject.form, subject.multi_scale, kernel),
        "scope": subject.scope,
        "multi_scale": subject.multi_scale,
        "heads": subject.heads,
        "head_dim": subject.head_dim,
        "tokens": subject.tokens,
        "repeats": subject.repeats,
    }
