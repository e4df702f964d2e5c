"""Speed against accuracy, as numbers: what a paper's figures of that kind are drawn from. Accuracies are the published
ones, those that a user has, and those that were measured of the files that were timed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from latency_bench.harness.identity.dataset_names import dataset_key
from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.throughput import throughput_batch
from latency_bench.harness.statistics.pareto import measured_standings, standings
from latency_bench.harness.store.columns.registry import columns
from latency_bench.reports.accuracy_file import Accuracy, stated_accuracies
from latency_bench.reports.evidence import Evidence, Run, settings
from latency_bench.reports.measured_accuracies import MeasuredAccuracies, Scored
from latency_bench.reports.paired_ratios import PairedRatios
from latency_bench.reports.papers.measured_models import MeasuredModel
from latency_bench.reports.plots.accurate_models import AccurateModel, accurate_models
from latency_bench.reports.plots.family_looks import family_name
from latency_bench.reports.plots.measured_accuracy_points import accurate_runs
from latency_bench.reports.rows import rows_of
from latency_bench.reports.shown_better import ShownBetter
from latency_bench.reports.shown_more_accurate import ShownMoreAccurate

if TYPE_CHECKING:
    import pandas as pd

    from latency_bench.harness.store.columns.column import Column
    from latency_bench.reports.papers.paper import PaperTable

Speed = Literal["latency", "throughput"]

COLUMNS: dict[str, str] = {
    "panel": "Device and setting, as the panel is titled.",
    "source": "measured, or published: printed in the paper.",
    "dataset": "Data set of the accuracy.",
    "model": "Id of the spec.",
    "label": "Name of the paper's row, with its resolution where the table has several of it.",
    "family": "Family of the model, as legends call it.",
    "speed": "Latency in ms, images per second, or what was asked for in their place.",
    "low": "Lower end of its interval; empty where there is none.",
    "high": "Upper end.",
    "unit": "Of the speed: ms, images/s, ...",
    "basis": "What the speed is.",
    "batch": "Images per request.",
    "accuracy": "As published, as its owner says, or as measured: accuracy_from tells.",
    "accuracy_low": "Lower end of its 95 % interval over images; empty where it was not measured.",
    "accuracy_high": "Upper end.",
    "metric": "What the accuracy is.",
    "accuracy_from": "published, the name of a file, the model's spec, or measured: of the file that was timed.",
    "frontier": "Whether, by the numbers, no other point of the panel is both quicker and at least as accurate, or as "
    "quick and better; never an inconclusive one.",
    "on_front": "on: against every other point shown to be quicker or more accurate; off: another one is shown to be "
    "quicker and at least as accurate; open: neither was shown.",
    "status": "done or unstable; empty for published points.",
    "flags": "Names of the run's flags, with spaces between.",
    "run_id": "The run; empty for published points.",
    "published_in": "The paper's table that has the accuracy; empty for a user's own.",
}
"""Name and meaning of every column of `trade_off_points`, in order."""


def trade_off_points(
    runs: pd.DataFrame,
    speed: Speed,
    tables: Sequence[PaperTable],
    published: bool = False,
    column: Column | None = None,
    own: Sequence[Accuracy] = (),
    datasets: Sequence[str] = (),
    paired: PairedRatios | None = None,
    measured: MeasuredAccuracies | None = None,
) -> pd.DataFrame:
    """One row a point, columns as in COLUMNS, panel by panel. With `column`, its value stands for the speed.

    Measured: the latest run of each model of the tables in each setting, at the resolution that the accuracy is of;
    latencies at batch 1, throughputs at the batch that harness/identity/throughput.py chooses.
    With `published`, what the paper prints of its own devices follows, for the `datasets` alone where any are named.
    With accuracies of the user's `own`, the models are theirs, and nothing that is published is shown; without, those
    that specs state are shown beside the published ones. Accuracies that were `measured` have panels of their own.
    """
    import pandas as pd

    evidence = Evidence(runs)
    models = [] if own else accurate_models(tables)
    found = list(_measured_points(evidence, settings(runs), speed, models, column))
    found += _own_points(evidence, settings(runs), speed, own or stated_accuracies(rows_of(runs)), column)
    if published:
        found += [(point, None) for point in _published_points(speed, models)
                  if not datasets or dataset_key(point["dataset"]) in set(map(dataset_key, datasets))]  # fmt: skip
    shown = columns()[_SHOWN_BY[speed]] if column is None else column
    like = speed if column is None else frontier_of(column)
    quicker = Quicker(like, shown, ShownBetter(paired or PairedRatios()))
    for of_panel in _panels(found):
        _mark_frontier([point for point, _ in of_panel], like)
        _mark_standings(of_panel, quicker)
    accurate = list(_accurate_points(runs, speed, column, measured or MeasuredAccuracies()))
    # Precisions stand in one panel, so that a difference in precision is meant.
    quicker = Quicker(like, shown, ShownBetter(paired or PairedRatios(), across=("precision",)))
    more_accurate = ShownMoreAccurate(measured or MeasuredAccuracies())
    for of_panel in _panels([(point, run) for point, run, _ in accurate]):
        _mark_frontier([point for point, _ in of_panel], like)
        (scored,) = {one for point, _, one in accurate if _panel_of(point) == _panel_of(of_panel[0][0])}
        _mark_measured_standings(of_panel, quicker, more_accurate, scored)
    found += [(point, run) for point, run, _ in accurate]
    table: pd.DataFrame = pd.DataFrame([point for point, _ in found], columns=list(COLUMNS))
    return table


_SHOWN_BY: dict[Speed, str] = {"latency": "median_ms", "throughput": "throughput_img_s"}
Point: TypeAlias = dict[str, Any]
Measured: TypeAlias = tuple[Point, "Run | None"]
"""A point with the run that it is of; a published one has none."""


def _panel_of(point: Point) -> tuple[str, str, str]:
    return point["panel"], point["dataset"], point["metric"]


def _measured_points(
    evidence: Evidence,
    measured_in: Sequence[Setting],
    speed: Speed,
    models: Sequence[AccurateModel],
    column: Column | None,
) -> Iterator[Measured]:
    for setting in measured_in:
        for one in models:
            run = _run_for(evidence, setting, one.model, speed if column is None else "latency")
            if run is not None and (column is None or (run[column.name] or 0) > 0):
                yield _point(run, setting, speed, column, one.about()), run


def _own_points(
    evidence: Evidence,
    measured_in: Sequence[Setting],
    speed: Speed,
    accuracies: Sequence[Accuracy],
    column: Column | None,
) -> Iterator[Measured]:
    for setting in measured_in:
        for one in accuracies:
            model = MeasuredModel(one.model, one.model, None, None)
            run = _run_for(evidence, setting, model, speed if column is None else "latency")
            if run is not None and (column is None or (run[column.name] or 0) > 0):
                about = {
                    "dataset": run["dataset"] or "",
                    "model": one.model,
                    "label": one.model,
                    "family": family_name(run["family"]),
                    "accuracy": one.value,
                    "metric": one.metric,
                    "accuracy_from": one.source,
                }
                yield _point(run, setting, speed, column, about), run


def _point(run: Run, setting: Setting, speed: Speed, column: Column | None, about: Point) -> Point:
    return {
        **about,
        **_speed_of(run, speed, column),
        "panel": setting.label(),
        "source": "measured",
        "batch": run["batch"],
        "status": run["status"],
        "conclusive": run["conclusive"],
        "flags": " ".join(run["flags"]),
        "run_id": run["run_id"],
    }


def _run_for(evidence: Evidence, setting: Setting, model: MeasuredModel, speed: Speed) -> Run | None:
    if speed == "latency":
        return evidence.find(model.run_id, setting, resolution=model.resolution).run
    measured = evidence.throughputs_img_s(model.run_id, setting, resolution=model.resolution)
    batch = throughput_batch(model.throughput_batch, measured)
    if batch is None:
        return None
    return evidence.find(model.run_id, setting, batch=batch, resolution=model.resolution).run


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


def _published_points(speed: Speed, models: Sequence[AccurateModel]) -> Iterator[dict[str, Any]]:
    devices = {name: device for one in models for name, device in one.table.file.devices.items()}
    for name, device in devices.items():
        for one in models:
            printed = one.printed(speed, name)
            if printed is not None:
                yield {
                    **one.about(),
                    "panel": f"{device.title} (published)",
                    "source": "published",
                    "speed": printed,
                    "unit": "ms" if speed == "latency" else "images/s",
                    "basis": "as printed in the paper",
                    "batch": 1 if speed == "latency" else one.model.throughput_batch,
                    "flags": "",
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


@dataclass(frozen=True)
class Quicker:
    """Which of two points is shown to be quicker. What is published has no interval, and counts as it is printed."""

    speed: Speed
    column: Column
    better: ShownBetter

    def __call__(self, one: Measured, other: Measured) -> bool:
        (mine, my_run), (theirs, their_run) = one, other
        if my_run is not None and their_run is not None:
            return self.better(my_run, their_run, self.column)
        return bool(mine["speed"] < theirs["speed"] if self.speed == "latency" else mine["speed"] > theirs["speed"])


def _mark_standings(points: Sequence[Measured], quicker: Quicker) -> None:
    accuracies = [point["accuracy"] for point, _ in points]
    found = standings(accuracies, lambda one, other: quicker(points[one], points[other]))
    for (point, _), standing in zip(points, found, strict=True):
        point["on_front"] = standing


def _mark_measured_standings(
    points: Sequence[Measured], quicker: Quicker, more_accurate: ShownMoreAccurate, scored: Scored
) -> None:
    runs = [run for _, run in points if run is not None]
    found = measured_standings(
        len(points),
        lambda one, other: quicker(points[one], points[other]),
        lambda one, other: more_accurate(runs[one], runs[other], scored),
        lambda one, other: more_accurate.at_least(runs[one], runs[other], scored),
    )
    for (point, _), standing in zip(points, found, strict=True):
        point["on_front"] = standing


def _panels(found: Sequence[Measured]) -> list[list[Measured]]:
    """In the order of their first points."""
    panels: dict[tuple[str, str, str], list[Measured]] = {}
    for point, run in found:
        panels.setdefault(_panel_of(point), []).append((point, run))
    return list(panels.values())


def _accurate_points(
    runs: pd.DataFrame, speed: Speed, column: Column | None, measured: MeasuredAccuracies
) -> Iterator[tuple[Point, Run, Scored]]:
    for run, scored, about in accurate_runs(runs, measured):
        if column is None or (run[column.name] or 0) > 0:
            yield {**_point(run, Setting.of_row(run), speed, column, about), "panel": about["panel"]}, run, scored
