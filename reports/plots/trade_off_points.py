"""Speed against published accuracy, as numbers: what figures 1 and 7 of the paper are drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.throughput import throughput_batch
from latency_bench.reports.evidence import Evidence, Run, settings
from latency_bench.reports.published.tables import number, published_row, table

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.columns.column import Column
    from latency_bench.model_specs.spec import ModelSpec, PublishedRow

Speed = Literal["latency", "throughput"]

COLUMNS: dict[str, str] = {
    "panel": "Device and setting, as the panel is titled.",
    "source": "measured, or published: printed in the paper.",
    "dataset": "Data set of the accuracy.",
    "model": "Id of the spec.",
    "label": "Name of the paper's row, with its resolution where the table has several of it.",
    "family": "Family of the model.",
    "speed": "Latency in ms, images per second, or what was asked for in their place.",
    "low": "Lower end of its interval; empty where there is none.",
    "high": "Upper end.",
    "unit": "Of the speed: ms, images/s, ...",
    "basis": "What the speed is.",
    "batch": "Images per request.",
    "accuracy": "As published, always.",
    "metric": "What the accuracy is.",
    "frontier": "Whether no other point of the panel is both quicker and at least as accurate, or as quick and better; "
    "never an inconclusive one.",
    "status": "done or unstable; empty for published points.",
    "flags": "Names of the run's flags, with spaces between.",
    "run_id": "The run; empty for published points.",
    "published_in": "The paper's table that has the accuracy.",
}
"""Name and meaning of every column of `trade_off_points`, in order."""


@dataclass(frozen=True)
class Accuracy:
    """Which column of a table of the paper is the accuracy of its models."""

    dataset: str
    metric: str
    column: str


ACCURACIES: dict[int, Accuracy] = {
    2: Accuracy("ImageNet", "top-1 accuracy, %", "top1"),
    3: Accuracy("Cityscapes", "mIoU, %", "miou"),
    4: Accuracy("ADE20K", "mIoU, %", "miou"),
    6: Accuracy("COCO", "box-prompted mAP, %", "coco_map"),
}
"""By number of the table."""
PUBLISHED_SPEEDS: dict[Speed, dict[str, str]] = {
    "latency": {"nano_ms_bs1": "Jetson Nano", "orin_ms_bs1": "Jetson AGX Orin"},
    "throughput": {"a100_img_per_s": "A100"},
}
"""Columns of the paper's tables with speeds, and the devices that they are of."""


def trade_off_points(
    runs: pd.DataFrame, speed: Speed, tables: Sequence[int], published: bool = False, column: Column | None = None
) -> pd.DataFrame:
    """One row a point, columns as in COLUMNS, panel by panel. With `column`, its value stands for the speed.

    Measured: the latest run of each model of the tables in each setting, at the resolution that the accuracy is of;
    latencies at batch 1, throughputs at the batch that harness/identity/throughput.py chooses.
    With `published`, what the paper prints of its own devices follows.
    """
    import pandas as pd

    models = list(_models(tables))
    points = list(_measured_points(runs, speed, models, column))
    if published:
        points += _published_points(speed, models)
    for panel in {(point["panel"], point["dataset"]) for point in points}:
        of_panel = [point for point in points if (point["panel"], point["dataset"]) == panel]
        _mark_frontier(of_panel, speed if column is None else frontier_of(column))
    table: pd.DataFrame = pd.DataFrame(points, columns=list(COLUMNS))
    return table


def _models(tables: Sequence[int]) -> Iterator[tuple[ModelSpec, PublishedRow]]:
    from latency_bench.model_specs.catalog import list_specs

    for spec in list_specs():
        for reference in spec.published:
            if reference.table in tables:
                yield spec, reference


def _measured_points(
    runs: pd.DataFrame, speed: Speed, models: Sequence[tuple[ModelSpec, PublishedRow]], column: Column | None
) -> Iterator[dict[str, Any]]:
    evidence = Evidence(runs)
    for setting in settings(runs):
        for spec, reference in models:
            run = _run_for(evidence, setting, spec, speed if column is None else "latency")
            if run is not None and (column is None or (run[column.name] or 0) > 0):
                yield {
                    **_about(spec, reference),
                    **_speed_of(run, speed, column),
                    "panel": setting.label(),
                    "source": "measured",
                    "batch": run["batch"],
                    "status": run["status"],
                    "conclusive": run["conclusive"],
                    "flags": " ".join(run["flags"]),
                    "run_id": run["run_id"],
                }


def _run_for(evidence: Evidence, setting: Setting, spec: ModelSpec, speed: Speed) -> Run | None:
    if speed == "latency":
        return evidence.find(spec.id, setting).run
    batch = throughput_batch(spec.throughput_batch, evidence.throughputs_img_s(spec.id, setting))
    return None if batch is None else evidence.find(spec.id, setting, batch=batch).run


def _latency(run: Run) -> dict[str, Any]:
    return {
        "speed": run["median_ms"],
        "low": run["low_ms"],
        "high": run["high_ms"],
        "unit": "ms",
        "basis": run["latency_covers"],
    }


def _speed_of(run: Run, speed: Speed, column: Column | None) -> dict[str, Any]:
    if column is None:
        return _latency(run) if speed == "latency" else _throughput(run)
    low, high = (run[end] for end in column.ends) if column.ends else (None, None)
    return {"speed": run[column.name], "low": low, "high": high, "unit": column.unit, "basis": column.meaning}


def frontier_of(column: Column) -> Speed:
    """The speed that a column is like: a lower latency is better, and a higher throughput."""
    return "throughput" if column.better == "higher" else "latency"


def _throughput(run: Run) -> dict[str, Any]:
    """Measured with several requests in flight where that was done (no interval is stored of it), else batch / latency
    with the latency's interval turned round."""
    if run["throughput_img_s"] is not None:
        basis = f"images per wall second, {run['streams']:g} requests in flight"
        return {"speed": run["throughput_img_s"], "low": None, "high": None, "unit": "images/s", "basis": basis}
    low, high = (None if end is None else run["batch"] / end * 1e3 for end in (run["high_ms"], run["low_ms"]))
    return {"speed": run["img_s"], "low": low, "high": high, "unit": "images/s", "basis": "batch / median latency"}


def _published_points(speed: Speed, models: Sequence[tuple[ModelSpec, PublishedRow]]) -> Iterator[dict[str, Any]]:
    for column, device in PUBLISHED_SPEEDS[speed].items():
        for spec, reference in models:
            printed = number(published_row(reference), column)
            if printed is not None:
                yield {
                    **_about(spec, reference),
                    "panel": f"{device} (published)",
                    "source": "published",
                    "speed": printed,
                    "unit": "ms" if speed == "latency" else "images/s",
                    "basis": "as printed in the paper",
                    "batch": 1 if speed == "latency" else spec.throughput_batch,
                    "flags": "",
                }


def _about(spec: ModelSpec, reference: PublishedRow) -> dict[str, Any]:
    accuracy = ACCURACIES[reference.table]
    same = [row for row in table(reference.table) if row["model"] == reference.model]
    return {
        "dataset": accuracy.dataset,
        "model": spec.id,
        "label": reference.model if len(same) == 1 else f"{reference.model} r{reference.resolution}",
        "family": spec.family,
        "accuracy": number(published_row(reference), accuracy.column),
        "metric": accuracy.metric,
        "published_in": f"Table {reference.table}",
    }


def _mark_frontier(points: list[dict[str, Any]], speed: Speed) -> None:
    sign = 1 if speed == "latency" else -1
    best = float("-inf")
    ranked = [point for point in points if point.get("conclusive") != "no"]
    for point in points:
        point["frontier"] = False
    # Quickest first, and of equally quick ones the most accurate.
    for point in sorted(ranked, key=lambda one: (sign * one["speed"], -one["accuracy"])):
        point["frontier"] = point["accuracy"] > best
        best = max(best, point["accuracy"])
