"""The quantities of a measured cell: latency, throughput, speed-up over a baseline, ratio to the published figure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.run_conditions import read_conditions
from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.throughput import round_throughputs_img_s, throughput_img_s
from latency_bench.harness.store.columns.column import Column as RunColumn
from latency_bench.reports.attention_ratios import ratio_of
from latency_bench.reports.evidence import Evidence, Found, Run
from latency_bench.reports.measured_accuracies import MeasuredAccuracies
from latency_bench.reports.paired_ratios import PairedRatios
from latency_bench.reports.papers.paper_file import PaperDevice
from latency_bench.reports.tables.commands import Command, run_command
from latency_bench.reports.tables.notes import (
    TOO_FEW_ROUNDS,
    failure_note,
    meant_difference,
    no_ratio,
    notes_of,
    throughput_notes,
)
from latency_bench.reports.tables.table import Cell, Status
from latency_bench.reports.tables.text import MISSING, ratio, with_interval

NO_NETWORK = Cell(MISSING, notes=("no such network is published",))
NOTHING = Cell(MISSING)


@dataclass(frozen=True)
class Measurements:
    """What a report is made from."""

    evidence: Evidence
    settings: tuple[Setting, ...]
    """The ways of measuring that get columns where they have anything to say."""
    asked_for: tuple[Setting, ...] = ()
    """Those that get columns even without a single run."""
    same_as: dict[str, str] | None = None
    """By the device's name: which of the paper's devices it is."""
    store: str | None = None
    """As the user named it; the commands name it too."""
    columns: tuple[RunColumn, ...] = ()
    """Of the run table, shown beside the latency of every way of measuring."""
    across: tuple[str, ...] = ()
    """Dimensions of conditions in which the two sides of a ratio may differ."""
    paired: PairedRatios = field(default_factory=PairedRatios)
    """Ratios that were measured as such, preferred over quotients of two runs."""
    accuracies: MeasuredAccuracies = field(default_factory=MeasuredAccuracies)
    """Shown beside the runs that timed the same file."""

    def paper_device(self, setting: Setting) -> str | None:
        """Which of the paper's devices a setting was measured on, if any."""
        return (self.same_as or {}).get(setting.device)

    def command(
        self,
        model: str,
        setting: Setting,
        batch: int = 1,
        throughput: bool = False,
        resolution: tuple[int, int] | None = None,
    ) -> Command:
        """The line that would measure it."""
        found = run_command(model, setting, batch=batch, resolution=resolution, throughput=throughput)
        return found if self.store is None else Command(found.model, (*found.options, "--store", self.store))


def latency_cell(found: Found, command: Command) -> Cell:
    """Median with its interval in milliseconds; `failed` with the reason; `not measured` with the command."""
    if (run := found.run) is None:
        return _no_number(found, command)
    text = with_interval(run["median_ms"], run["low_ms"], run["high_ms"])
    return Cell(
        text, run["median_ms"], run["low_ms"], run["high_ms"], _status(run), notes_of(run), (run["path"],)
    )  # fmt: skip


def column_cell(found: Found, column: RunColumn) -> Cell:
    """What a column of the run table says of the run that the latency is of; a number has its interval."""
    if (run := found.run) is None or run[column.name] in (None, []):
        return NOTHING
    value, text = run[column.name], column.text(run[column.name])
    if not column.is_number:
        return Cell(text, status=_status(run), runs=(run["path"],))
    low, high = (run[end] for end in column.ends) if column.ends else (None, None)
    text = f"{text} {column.interval_text(value, low, high)}".rstrip()
    return Cell(text, float(value), low, high, _status(run), runs=(run["path"],))


def throughput_cell(found: Found, command: Command, notes: tuple[str, ...] = ()) -> Cell:
    """Images a second, measured with requests in flight where that was done, else from the latency, which is noted."""
    if (run := found.run) is None:
        return _no_number(found, command)
    value = throughput_img_s(run)
    return Cell(
        with_interval(value, None, None),
        value,
        status=_status(run),
        notes=(*notes, *throughput_notes(run)),
        runs=(run["path"],),
    )


def speed_up(
    run: Run | None, baseline: Run | None, across: Collection[str] = (), paired: PairedRatios | None = None
) -> Cell:
    """How many times as fast as the baseline: its latency over the run's. As the two were measured as a pair, which is
    noted, unless that has no interval and the rounds have one; else with the interval that the rounds of both support
    (harness/statistics/comparison.py). `across` names dimensions of conditions that may differ."""
    if run is None or baseline is None:
        return NOTHING
    by_rounds = _ratio_cell(baseline["round_medians_ms"], run["round_medians_ms"], run, baseline, across)
    known = None if paired is None else paired.find(run, baseline)
    if known is None or (known.low is None and by_rounds.low is not None):
        return by_rounds
    text = ratio(known.speed_up, known.low, known.high)
    return Cell(text, known.speed_up, known.low, known.high, notes=known.notes, runs=(known.path,))


def throughput_gain(run: Run | None, baseline: Run | None, across: Collection[str] = ()) -> Cell:
    """Throughput over the baseline's, with the interval that the rounds of both support. As `speed_up`."""
    if run is None or baseline is None:
        return NOTHING
    if (run["throughput_img_s"] is None) != (baseline["throughput_img_s"] is None):
        return Cell(MISSING, notes=("no ratio: one throughput was measured, the other is from the latency",))
    return _ratio_cell(round_throughputs_img_s(run), round_throughputs_img_s(baseline), run, baseline, across)


def to_published(value: float | None, published: float | None, run: Run | None, device: PaperDevice | None) -> Cell:
    """The measured figure over the one that the paper prints for the same device."""
    if value is None or not published or run is None:
        return NOTHING
    notes: tuple[str, ...] = ()
    if device is not None and not device.is_measured_alike(str(run["runtime"]), run["precision"]):
        notes = (f"the paper measured with {device.how}",)
    return Cell(ratio(value / published), value / published, notes=notes, runs=(run["path"],))


def _ratio_cell(above: list[float], below: list[float], run: Run, baseline: Run, across: Collection[str]) -> Cell:
    """No number where more differs than what is asked about: it would be read as the models' own."""
    unlike = differences(read_conditions(run["conditions"]), read_conditions(baseline["conditions"]), across)
    runs = (run["path"], baseline["path"])
    if unlike.obstacles:
        return Cell("not comparable", status="not comparable", notes=(no_ratio(unlike.obstacles),), runs=runs)
    value, low, high = ratio_of(above, below)
    if value is None:
        return NOTHING
    notes = (*((TOO_FEW_ROUNDS,) if low is None else ()), *map(meant_difference, unlike.meant))
    return Cell(ratio(value, low, high), value, low, high, notes=notes, runs=runs)


def _no_number(found: Found, command: Command) -> Cell:
    if found.failure is not None:
        return Cell("failed", status="failed", notes=(failure_note(found.failure),), runs=(found.failure["path"],))
    return Cell("not measured", status="not measured", commands=(command,))


def _status(run: Run) -> Status:
    return "unstable" if run["status"] == "unstable" else "done"
