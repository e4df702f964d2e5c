"""Accuracies that `bench accuracy` measured, for reports to show beside the runs that timed the very same file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from latency_bench.harness.number_text import decimals_by_interval, interval
from latency_bench.reports.evidence import Run
from latency_bench.reports.tables.table import Cell
from latency_bench.reports.tables.text import MISSING, one_line

if TYPE_CHECKING:
    from latency_bench.harness.store.accuracy_record import Metric
    from latency_bench.harness.store.reader import StoredAccuracy

MEASURED_REMARK = (
    "Measured accuracy: of the very file that was timed, on the same device, with its 95 % interval over images; "
    "better is what the difference on the same images shows."
)
_File = tuple[str, str, str]
"""Device, runtime and SHA-256 of the file: what is timed and what is scored are the same where these are."""
_LENGTH = 40
"""Letters of a folder's name."""


@dataclass(frozen=True)
class Scored:
    """A metric over a set of images: what a column, or the axis of a figure, is of."""

    metric: str
    unit: str
    images: str
    """Which images, in words: `val, 500 images`."""
    digest: str
    """Of the images and their labels' layout; equal for the same ones."""
    is_agreement: bool = False
    """Whether the fp32 module's choices stood in for labels."""

    @property
    def words(self) -> str:
        """The metric with its unit: `top-1, %`."""
        named = f"{self.metric}, {self.unit}" if self.unit else self.metric
        return f"agreement with fp32: {named}" if self.is_agreement else named

    @property
    def title(self) -> str:
        """`top-1, % (measured on val, 500 images)`."""
        return f"{self.words} (measured on {self.images})"

    @property
    def key(self) -> str:
        """For columns of CSV and JSON, where two sets of images may have the same words."""
        letters = "".join(letter if letter.isalnum() else " " for letter in f"{self.words} {self.images}".lower())
        return "_".join(["measured", *letters.split(), self.digest[:6]])


@dataclass(frozen=True)
class MeasuredAccuracies:
    """The latest accuracy of every file, by a runtime on a device, over each set of images."""

    found: Mapping[_File, Mapping[str, StoredAccuracy]] = field(default_factory=dict)
    """By file, and then by the digest of the images."""

    @classmethod
    def of(cls, accuracies: Iterable[StoredAccuracy]) -> MeasuredAccuracies:
        """`accuracies`: latest first."""
        found: dict[_File, dict[str, StoredAccuracy]] = {}
        for one in accuracies:
            record = one.record
            file = (record.device.name, record.runtime.name, record.artifact.sha256)
            found.setdefault(file, {}).setdefault(_images_digest(one), one)
        return cls(found)

    def of_run(self, run: Run) -> dict[Scored, tuple[Metric, StoredAccuracy]]:
        """Of the file that a run (a row of the run table) timed, on its device and by its runtime."""
        stored = self.found.get((run["device"], run["runtime"] or "", run["artifact_sha256"] or ""), {})
        return {
            scored: (metric, one)
            for one in stored.values()
            for name, metric in one.record.metrics.items()
            for scored in [_scored(one, name)]
        }

    def columns(self, runs: Iterable[Run]) -> list[Scored]:
        """Everything that any of these runs has."""
        return list(dict.fromkeys(scored for run in runs for scored in self.of_run(run)))

    def cell(self, run: Run | None, scored: Scored) -> Cell:
        """`78.2 [77.1, 79.0]`, the 95 % interval over images; empty where the run's file was not scored so."""
        known = None if run is None else self.of_run(run).get(scored)
        if known is None:
            return Cell(MISSING)
        metric, _ = known
        decimals = decimals_by_interval(metric.value, metric.low, metric.high)
        text = f"{metric.value:.{decimals}f} {interval(metric.low, metric.high, decimals)}"
        return Cell(text, metric.value, metric.low, metric.high)


def _scored(one: StoredAccuracy, name: str) -> Scored:
    record = one.record
    count = record.images + sum(record.skipped.values())
    drawn = f" by seed {record.data.seed}" if record.data.limit is not None and record.data.seed else ""
    images = f"{one_line(record.data.folder, _LENGTH)}, {count} image{'' if count == 1 else 's'}{drawn}"
    return Scored(name, record.metrics[name].unit, images, _images_digest(one), record.data.against_module)


def _images_digest(one: StoredAccuracy) -> str:
    data = one.record.data
    return f"{data.digest} {data.layout} {data.against_module}"
