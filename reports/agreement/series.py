"""Latencies of many models in one place: a paper's device, or a platform of the atlas (own_series.py: of the user)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from latency_bench.harness.identity.workload import own_resolution
from latency_bench.reports.atlas.looking_up import timm_name
from latency_bench.reports.atlas.published_run import PublishedRun, published_runs
from latency_bench.reports.papers.catalog import find_paper, papers
from latency_bench.reports.papers.errors import PaperError
from latency_bench.reports.papers.library_models import run_id
from latency_bench.reports.papers.measured_models import MeasuredModel
from latency_bench.reports.papers.paper import Paper, PaperTable, TablePart
from latency_bench.reports.papers.printed_digits import Range

Key = tuple[str, str]
"""A network, by timm's name where it has one, and the size of its input; where a source does not print sizes, the
source: its figures of one network are of one size."""
LEAST_MODELS = 5
"""A series with fewer orders nothing."""
_TWIN = "tf_"
"""How timm's names of networks with TensorFlow's padding begin; otherwise they are those without it."""


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
    """`is_measured`: by the user's own runs, `paired` of them as pairs with one model. `confidence`: of the least sure
    figure, A to D; empty where nobody says."""

    name: str
    latencies: Mapping[Key, Latency]
    is_measured: bool = False
    paired: int = 0
    confidence: str = ""


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
        raise PaperError(f"{text} does not print latencies at batch 1 of at least {LEAST_MODELS} models for any device")
    return found


def every_paper() -> list[Series]:
    """All devices of all papers."""
    return [series for name in papers() for series in series_of_paper(find_paper(name))]


def series_of_paper(paper: Paper) -> list[Series]:
    """Of several tables the first that prints a model counts."""
    of_devices: dict[str, list[tuple[str, str, Latency]]] = {}
    letters: dict[str, set[str]] = {}
    for table in paper.tables:
        for part in table.parts:
            for device, column in part.latency.items():
                of_devices.setdefault(device, []).extend(_printed(table, part, column, paper.name))
                letters.setdefault(device, set()).add(table.fields.confidence or "")
    return [
        Series(f"{paper.file.devices[device].title} ({paper.name})", latencies, confidence=max(letters[device]))
        for device, found in of_devices.items()
        if len(latencies := by_network(found)) >= LEAST_MODELS
    ]


def _printed(table: PaperTable, part: TablePart, column: str, paper: str) -> Iterator[tuple[str, str, Latency]]:
    scale = table.column(column).scale
    for row in table.rows:
        model = MeasuredModel.of_row(table, part, row)
        ms = table.figure(row, column)
        if model is not None and ms is not None:
            size = model.resolution or own_resolution(model.id)
            printed = Range.of_text(row.published[column], scale)
            place = f"not printed by {paper}" if size is None else f"{size[0]}x{size[1]}"
            yield network(model.id), place, Latency(ms, printed.low, printed.high, row.name)


def series_of_atlas(text: str) -> list[Series]:
    """Of the devices with this text in their names: latencies at batch 1, and times of an image in large batches."""
    platforms: dict[str, list[tuple[str, str, Latency]]] = {}
    letters: dict[str, set[str]] = {}
    for run in published_runs():
        if text.lower() not in run.device.lower() or not run.timm:
            continue
        for ms, name in ((run.ms, run.platform), (run.ms_per_image, f"{run.platform}, throughput")):
            if ms is not None:
                printed = _as_printed(run)
                latency = Latency(ms, printed.low, printed.high, run.model)
                place = run.resolution or f"not stated in {run.source}"
                platforms.setdefault(name, []).append((run.timm, place, latency))
                letters.setdefault(name, set()).add(run.confidence)
    return [
        Series(name, latencies, confidence=max(letters[name]))
        for name, found in platforms.items()
        if len(latencies := by_network(found)) >= LEAST_MODELS
    ]


def _as_printed(run: PublishedRun) -> Range:
    """Milliseconds of an image, in all values that are printed like this one. The atlas keeps no zeros at the end."""
    if run.latency_ms is not None:
        return Range.of_text(repr(run.latency_ms).removesuffix(".0"))
    img_s = Range.of_text(repr(run.img_s).removesuffix(".0"))
    return Range(1e3 / img_s.high, 1e3 / img_s.low)


def by_network(found: Iterable[tuple[str, str, Latency]]) -> dict[Key, Latency]:
    """Of (network, size, latency), the first of each network and size. A network with TensorFlow's padding stands for
    the one without it where that one is not there: their layers and sizes are the same."""
    latencies: dict[Key, Latency] = {}
    for name, size, latency in sorted(found, key=lambda one: one[0].startswith(_TWIN)):
        latencies.setdefault((name.removeprefix(_TWIN), size), latency)
    return latencies


def network(model: str) -> str:
    """What a model is called wherever it was measured."""
    return timm_name(model) or run_id(model)
