"""Runs of attention as points: what was measured, of which shape, under which conditions. One row a subject."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.setting import SETTING_COLUMNS, Setting
from latency_bench.harness.store.outcome import DOES_NOT_FIT
from latency_bench.model_specs.architectures.attention.subject import Subject, parse_subject
from latency_bench.model_specs.errors import UnknownModelError
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

PLACE = [*SETTING_COLUMNS, "runtime_version", "batch"]
"""Forms are compared within one combination of these alone: the setting, but for the kernel of a fused form."""
KERNEL_OPTION = "sdpa"
"""Option of PyTorch's runtimes that names the kernel: with a fused form it is part of what is compared."""
SHAPE = ["scope", "multi_scale", "heads", "head_dim", "tokens", "repeats"]
LINEAR = "relu-linear"
_MEASURED = [
    "status",
    "height",
    "width",
    "macs",
    "median_ms",
    "low_ms",
    "high_ms",
    "round_samples",
    "round_medians_ms",
    "peak_rss_bytes",
    "processor",
    "failure",
    "conditions",
    "run_id",
]
COLUMNS = [*PLACE, *SHAPE, "form", "kernel", "label", "fits", *_MEASURED, "macs_s"]


def attention_points(runs: pd.DataFrame) -> pd.DataFrame:
    """From a table of runs (harness/store/run_table.py), columns as in COLUMNS; the latest run of each subject and
    condition. `fits` is False where it needed more memory than there was; other failures are left out.

    `macs_s` is MACs per second, of the median latency.
    """
    import pandas as pd

    runs = answered(runs)
    kernels = {row["run_id"]: _kernel(row["runtime_options"]) for row in rows_of(runs[["run_id", "runtime_options"]])}
    runs = placed(runs, without=[KERNEL_OPTION])
    rows = [
        {**point, **{name: row[name] for name in (*PLACE, *_MEASURED)}, "fits": row["status"] != "failed"}
        for row in runs.loc[(runs["task"] == "attention").astype(bool)].to_dict("records")
        if (point := _point(row, kernels[row["run_id"]])) is not None
    ]
    points = pd.DataFrame(rows, columns=COLUMNS)
    points["macs_s"] = points["macs"].astype(float) * points["batch"].astype(float) / (points["median_ms"] / 1e3)
    latest = points.drop_duplicates([*PLACE, *SHAPE, "form", "kernel"])
    ordered: pd.DataFrame = latest.sort_values([*PLACE, *SHAPE, "form", "kernel"]).reset_index(drop=True)
    return ordered


def answered(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that have a number, or none because they do not fit."""
    found: pd.DataFrame = runs.loc[
        ((runs["status"] != "failed") | runs["failure_kind"].isin(DOES_NOT_FIT)).astype(bool)
    ]
    return found


def placed(runs: pd.DataFrame, without: Collection[str] = ()) -> pd.DataFrame:
    """The runs, latest first, each in the setting that it belongs to, without the options of the names `without`.

    A run that never started knows few of its options and no version of its runtime. It has the options of a setting
    that it may belong to, and the version of the run before it on the same device and runtime, else of the one after.
    """
    runs = runs.sort_values("run_id", ascending=False).reset_index(drop=True)
    settings = [Setting.of_row(row).without(without) for row in rows_of(runs[list(SETTING_COLUMNS)])]
    failed = (runs["status"] == "failed").tolist()
    known = list(dict.fromkeys(setting for setting, fails in zip(settings, failed, strict=True) if not fails))
    settings = [
        next((one for one in known if one.explains(setting)), setting) if fails else setting
        for setting, fails in zip(settings, failed, strict=True)
    ]
    versions = runs.iloc[::-1].groupby(["device", "runtime"], dropna=False)["runtime_version"]
    filled = versions.ffill().fillna(versions.bfill()).fillna("unknown")
    in_place: pd.DataFrame = runs.assign(
        runtime_version=filled,
        threads=[setting.threads or 0 for setting in settings],
        runtime_options=[setting.options for setting in settings],
    )
    return in_place


def label_of(form: str, multi_scale: bool, kernel: str = "") -> str:
    """`softmax, fused (flash)`."""
    names = {
        "relu-linear": "ReLU linear",
        "relu-quadratic": "ReLU quadratic",
        "softmax": "softmax",
        "sdpa": "softmax, fused",
    }
    return names[form] + (f" ({kernel})" if kernel else "") + (", multi-scale" if multi_scale else "")


def place_words(row: Mapping[str, Any]) -> str:
    """`local, litert 2.3.0, 1 thread, fp32, batch 1`."""
    return ", ".join(filter(None, place_parts(row)))


def place_parts(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of a place one by one, always as many; empty for threads that a runtime does not have, for the usual
    runner and for options that are all as usual."""
    setting = Setting.of_row({name: None if row[name] != row[name] else row[name] for name in SETTING_COLUMNS})
    threads = row["threads"]
    return (
        str(row["device"]),
        f"{row['runtime']} {row['runtime_version']}",
        f"{threads} thread{'s' if threads > 1 else ''}" if threads else "",
        str(row["precision"]),
        f"batch {row['batch']}",
        setting.unusual_runner(),
        " ".join(setting.unusual_options()),
    )


def _kernel(options: str) -> str:
    """As it was asked for by name; empty for the runtime's own choice."""
    kernel = str(json.loads(options or "{}").get(KERNEL_OPTION, "auto"))
    return "" if kernel == "auto" else kernel


def _point(row: dict[str, Any], kernel: str) -> dict[str, Any] | None:
    try:
        subject: Subject = parse_subject(str(row["model"]))
    except UnknownModelError:
        return None
    kernel = kernel if subject.form == "sdpa" else ""
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
