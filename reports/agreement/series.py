"""Latencies of many models in one place: a setting of the store, a paper's device, a platform of the atlas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latency_bench.harness.identity.workload import own_resolution
from latency_bench.reports.atlas.looking_up import timm_name
from latency_bench.reports.atlas.own_runs import Run, latest_by_setting
from latency_bench.reports.atlas.published_run import published_runs
from latency_bench.reports.papers.catalog import find_paper, papers
from latency_bench.reports.papers.errors import PaperError
from latency_bench.reports.papers.library_models import run_id
from latency_bench.reports.papers.measured_models import MeasuredModel
from latency_bench.reports.papers.paper import Paper, PaperTable, TablePart
from latency_bench.reports.papers.printed_digits import Range

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = tuple[str, str]
"""A network, by timm's name where it has one, and the size of its input."""
LEAST_MODELS = 4
"""A series with fewer orders nothing."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds with what they may be: the interval of the rounds, or all values that are printed alike."""

    ms: float
    low: float
    high: float
    name: str
    """The model's, as its source calls it."""


@dataclass(frozen=True)
class Series:
    """`is_measured`: by the user's own runs."""

    name: str
    latencies: Mapping[Key, Latency]
    is_measured: bool = False


def own_series(rows: Iterable[Run]) -> list[Series]:
    """One for each setting, of its latest runs at batch 1; `rows` are of the run table, latest first."""
    found = []
    for setting, runs in latest_by_setting(rows).items():
        latencies: dict[Key, Latency] = {}
        for (model, size), run in runs.items():
            ms = float(run["median_ms"])
            low, high = (float(ms if run[end] is None else run[end]) for end in ("low_ms", "high_ms"))
            latencies.setdefault((identity(model), size), Latency(ms, low, high, model))
        if len(latencies) >= LEAST_MODELS:
            found.append(Series(setting.label(), latencies, is_measured=True))
    return sorted(found, key=lambda series: series.name)


def series_named(text: str) -> list[Series]:
    """Of a paper, one for each device that it has latencies of; of a device of the atlas whose name has this text, one
    for each platform. Raises PaperError where there is none with enough models."""
    try:
        found = series_of_paper(find_paper(text))
    except PaperError as error:
        found = series_of_atlas(text)
        if not found:
            raise PaperError(f"{error}; nor does the atlas have a device like {text!r} with enough models") from None
    if not found:
        raise PaperError(f"{text} has no device with latencies at batch 1 of {LEAST_MODELS} models that are here")
    return found


def series_of_paper(paper: Paper) -> list[Series]:
    """Of several tables the first that prints a model counts."""
    of_devices: dict[str, dict[Key, Latency]] = {}
    for table in paper.tables:
        for part in table.parts:
            for device, column in part.latency.items():
                for key, latency in _printed(table, part, column):
                    of_devices.setdefault(device, {}).setdefault(key, latency)
    return [
        Series(f"{paper.file.devices[device].title} ({paper.name})", latencies)
        for device, latencies in of_devices.items()
        if len(latencies) >= LEAST_MODELS
    ]


def _printed(table: PaperTable, part: TablePart, column: str) -> Iterator[tuple[Key, Latency]]:
    scale = table.column(column).scale
    for row in table.rows:
        model = MeasuredModel.of_row(table, part, row)
        size = None if model is None else model.resolution or own_resolution(model.id)
        ms = table.figure(row, column)
        if model is not None and size is not None and ms is not None:
            printed = Range.of_text(row.published[column], scale)
            yield (identity(model.id), f"{size[0]}x{size[1]}"), Latency(ms, printed.low, printed.high, row.name)


def series_of_atlas(text: str) -> list[Series]:
    """Of the devices with this text in their names: latencies at batch 1, and times of an image in large batches."""
    platforms: dict[str, dict[Key, Latency]] = {}
    for run in published_runs():
        if text.lower() not in run.device.lower() or not run.timm or not run.resolution:
            continue
        for ms, name in ((run.ms, run.platform), (run.ms_per_image, f"{run.platform}, throughput")):
            if ms is not None:
                latency = Latency(ms, ms, ms, run.model)
                platforms.setdefault(name, {}).setdefault((run.timm, run.resolution), latency)
    return [Series(name, latencies) for name, latencies in platforms.items() if len(latencies) >= LEAST_MODELS]


def every_paper() -> list[Series]:
    """All devices of all papers."""
    return [series for name in papers() for series in series_of_paper(find_paper(name))]


def identity(model: str) -> str:
    """What a model is called wherever it was measured."""
    return timm_name(model) or run_id(model)
