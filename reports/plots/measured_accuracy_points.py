"""Points whose accuracy was measured too: of the very file that was timed, with an interval in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from latency_bench.harness.identity.setting import Setting
from latency_bench.reports.evidence import Run
from latency_bench.reports.measured_accuracies import MeasuredAccuracies, Scored
from latency_bench.reports.plots.family_looks import family_name
from latency_bench.reports.plots.plot_selection import latest
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

MEASURED = "measured"


def accurate_runs(runs: pd.DataFrame, accuracies: MeasuredAccuracies) -> Iterator[tuple[Run, Scored, dict[str, Any]]]:
    """Of every case the latest run whose file was scored by labels, with the first metric over each set of images (as
    top-1, mIoU), and what a point says of it. Precisions stand in one panel, where int8 is set against fp32."""
    if not accuracies.found:
        return
    found = [
        (run, scored, metric)
        for run in rows_of(latest(runs))
        for scored, metric in _first_metrics(run, accuracies).items()
    ]
    precisions = _several([(_panel_key(run), run["precision"]) for run, _, _ in found])
    sizes = _several([((_panel_key(run), run["model"]), (run["height"], run["width"])) for run, _, _ in found])
    for run, scored, metric in found:
        setting, mixed = Setting.of_row(run), _panel_key(run) in precisions
        size = f"r{run['height']}x{run['width']}" if (_panel_key(run), run["model"]) in sizes else ""
        about = {
            "panel": _without_precision(setting) if mixed else setting.label(),
            "dataset": scored.images,
            "model": run["model"],
            "label": " ".join(filter(None, [run["model"], size, run["precision"] if mixed else ""])),
            "family": family_name(run["family"]),
            "accuracy": metric.value,
            "accuracy_low": metric.low,
            "accuracy_high": metric.high,
            "metric": scored.words,
            "accuracy_from": MEASURED,
        }
        yield run, scored, about


def _first_metrics(run: Run, accuracies: MeasuredAccuracies) -> dict[Scored, Any]:
    return {
        scored: metric
        for scored, (metric, stored) in accuracies.of_run(run).items()
        if not scored.is_agreement and scored.metric == next(iter(stored.record.metrics))
    }


def _panel_key(run: Run) -> Setting:
    return replace(Setting.of_row(run), precision="")


def _without_precision(setting: Setting) -> str:
    return setting.label().replace(f" {setting.precision}", "", 1)


def _several(pairs: Sequence[tuple[Any, Any]]) -> set[Any]:
    """Keys that stand with more than one value."""
    values: dict[Any, set[Any]] = {}
    for key, value in pairs:
        values.setdefault(key, set()).add(value)
    return {key for key, of_key in values.items() if len(of_key) > 1}
