"""The factor that a claim is about, as it was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.throughput import common_batch
from latency_bench.harness.number_text import decimals_for, interval
from latency_bench.model_specs.architectures.attention.subject import EQUAL_MACS
from latency_bench.reports.attention_ratios import attention_ratios
from latency_bench.reports.claims.subjects import Subject
from latency_bench.reports.evidence import Found, Run
from latency_bench.reports.paired_ratios import PAIRED, PairedRatios
from latency_bench.reports.papers.library_models import LIBRARIES
from latency_bench.reports.rows import rows_of
from latency_bench.reports.tables.measured_block import at_batch
from latency_bench.reports.tables.notes import TOO_FEW_ROUNDS, failure_note
from latency_bench.reports.tables.quantities import Measurements, speed_up, throughput_gain
from latency_bench.reports.tables.table import Cell
from latency_bench.reports.tables.text import RATIO_DIGITS, ratio

if TYPE_CHECKING:
    import pandas as pd

UNSTATED_BATCH = 16
"""For the command where the paper does not state the batch of a throughput."""
COUNTED_OF = {"macs": "MACs", "params": "parameters"}
"""Quantities that are counted and not measured."""
UNPUBLISHED = "the paper's network is not published: measured is our own design after the paper's words"
_FORM = "softmax"
_NO_MODEL = Cell("not measured", status="not measured", notes=("one of the two networks is not among the models here",))
_NOT_COUNTED = Cell("not counted", notes=("the counts of one of the two networks are not known here",))


@dataclass(frozen=True)
class Factor:
    """The cell of a factor, and the runs that it is the quotient of: pairs of the baseline's and the candidate's."""

    cell: Cell
    pairs: tuple[tuple[Run, Run], ...] = ()
    is_the_papers: bool = True
    """Whether both networks are the paper's; a factor of our own design says nothing of its claim."""
    is_counted: bool = False
    """Exact, so that it needs no interval."""


def latency_factor(subject: Subject, setting: Setting, measurements: Measurements) -> Factor:
    """Latency of the baseline over the candidate's, at batch 1."""
    if subject.baseline is None or subject.candidate is None:
        return Factor(_NO_MODEL)
    baseline, candidate = (
        measurements.evidence.find(model.run_id, setting, resolution=model.resolution) for model in subject.models
    )
    if baseline.run is None or candidate.run is None:
        return Factor(_missing(subject, baseline, candidate, setting, measurements, batch=1, throughput=False))
    quotient = speed_up(candidate.run, baseline.run, measurements.across, measurements.paired)
    return _factor(subject, quotient, baseline.run, candidate.run)


def throughput_factor(subject: Subject, setting: Setting, measurements: Measurements) -> Factor:
    """Throughput of the candidate over the baseline's, at one batch (harness/identity/throughput.py); it is noted where
    it is not the paper's."""
    if subject.baseline is None or subject.candidate is None:
        return Factor(_NO_MODEL)
    stated = subject.baseline.throughput_batch
    evidence = measurements.evidence
    in_setting = (
        evidence.throughputs_img_s(model.run_id, setting, resolution=model.resolution) for model in subject.models
    )
    batch = common_batch(stated, *in_setting) or UNSTATED_BATCH
    baseline, candidate = (
        evidence.find(model.run_id, setting, batch=batch, resolution=model.resolution) for model in subject.models
    )
    if baseline.run is None or candidate.run is None:
        return Factor(_missing(subject, baseline, candidate, setting, measurements, batch=batch, throughput=True))
    gain = throughput_gain(candidate.run, baseline.run, measurements.across)
    if batch != stated:
        gain = _noted(gain, at_batch(batch, stated))
    return _factor(subject, gain, baseline.run, candidate.run)


def _factor(subject: Subject, cell: Cell, baseline: Run, candidate: Run) -> Factor:
    ours = any(_is_our_design(model.id) for model in subject.models)
    # A ratio that was measured as one rests on the pair, not on the two runs.
    pairs = () if PAIRED in cell.notes else ((baseline, candidate),)
    return Factor(_noted(cell, UNPUBLISHED) if ours else cell, pairs, is_the_papers=not ours)


def counted_factor(subject: Subject) -> Factor:
    """MACs or parameters of the baseline over the candidate's, counted from the modules as the paper's figures were."""
    from latency_bench.model_specs.known_counts import known_counts

    counts = [known_counts(model.id) for model in subject.models]
    if len(counts) < 2 or None in counts:
        return Factor(_NOT_COUNTED)
    baseline, candidate = (getattr(known, subject.quantity) for known in counts)
    factor = baseline / candidate
    note = f"{COUNTED_OF[subject.quantity]}, counted from the modules: the same on every device"
    return Factor(Cell(ratio(factor), factor, notes=(note,)), is_counted=True)


def attention_factors(runs: pd.DataFrame, paired: PairedRatios | None = None) -> dict[Setting, Factor]:
    """By setting, softmax attention's latency over that of ReLU linear attention at equal MACs: the smallest and the
    largest factor of all shapes. The cell's `value` is the smallest, its interval holds those of all shapes."""
    ratios = attention_ratios(runs, paired)
    chosen = ratios[(ratios["definition"] == EQUAL_MACS) & (ratios["label"] == _FORM) & ratios["ratio"].notna()]
    needed = set(chosen["run_id"]) | set(chosen["linear_run_id"])
    rows: dict[str, Run] = {row["run_id"]: row for row in rows_of(runs[runs["run_id"].isin(needed)])}
    by_setting: dict[Setting, list[Run]] = {}
    for point in rows_of(chosen):
        by_setting.setdefault(Setting.of_row(rows[point["run_id"]]), []).append(point)
    return {setting: _range(_of_one_version(points), rows) for setting, points in by_setting.items()}


def _of_one_version(points: list[Run]) -> list[Run]:
    """Those of the version of the runtime that was measured last."""
    latest = max(points, key=lambda point: str(point["run_id"]))["runtime_version"]
    return [point for point in points if point["runtime_version"] == latest]


def _range(points: list[Run], rows: dict[str, Run]) -> Factor:
    ordered = sorted(points, key=lambda point: float(point["ratio"]))
    least, most = ordered[0], ordered[-1]
    tokens = sorted({int(point["tokens"]) for point in points})
    shapes = f"{len(points)} shape{'' if len(points) == 1 else 's'}, {tokens[0]} to {tokens[-1]} tokens"
    scopes = ", ".join(sorted({str(point["scope"]) for point in points}))
    pairs = tuple((rows[point["run_id"]], rows[point["linear_run_id"]]) for point in ordered)
    low, high = _hull(points)
    marks = ((TOO_FEW_ROUNDS,) if low is None else ()) + ((PAIRED,) if all(point["paired"] for point in points) else ())
    text = ratio(least["ratio"]) if least is most else f"{ratio(least['ratio'])} to {ratio(most['ratio'])}"
    cell = Cell(
        f"{text} {interval(low, high, decimals_for(least['ratio'], RATIO_DIGITS))}".rstrip(),
        float(least["ratio"]),
        low,
        high,
        notes=(f"smallest and largest factor at equal MACs of {shapes} ({scopes})", *marks),
        runs=tuple(dict.fromkeys(run["path"] for pair in pairs for run in pair)),
    )
    return Factor(cell, pairs)


def _hull(points: list[Run]) -> tuple[float | None, float | None]:
    """From the lowest to the highest end of all intervals; none where one of them is missing."""
    ends = [(point["ratio_low"], point["ratio_high"]) for point in points]
    if any(low is None or high is None for low, high in ends):
        return None, None
    return min(low for low, _ in ends), max(high for _, high in ends)


def _is_our_design(model: str) -> bool:
    from latency_bench.model_specs.catalog import load_spec

    return not model.startswith(LIBRARIES) and load_spec(model).provenance.design == "ours"


def _missing(
    subject: Subject,
    baseline: Found,
    candidate: Found,
    setting: Setting,
    measurements: Measurements,
    *,
    batch: int,
    throughput: bool,
) -> Cell:
    """A cell that says what lacks."""
    sides = tuple(zip(subject.models, (baseline, candidate), strict=True))
    failures = tuple(f"{model.id} {failure_note(one.failure)}" for model, one in sides if one.failure is not None)
    commands = tuple(
        measurements.command(model.id, setting, batch, throughput, model.resolution)
        for model, one in sides
        if one.run is None and one.failure is None
    )
    if failures:
        return Cell("failed", status="failed", notes=failures, commands=commands)
    return Cell("not measured", status="not measured", commands=commands)


def _noted(cell: Cell, note: str) -> Cell:
    return replace(cell, notes=(note, *cell.notes))
