"""The factor that a claim is about, as it was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latency_bench.harness.identity.setting import Setting
from latency_bench.harness.identity.throughput import common_batch
from latency_bench.model_specs.architectures.attention.subject import EQUAL_MACS
from latency_bench.reports.attention_ratios import attention_ratios
from latency_bench.reports.claims.subjects import Subject
from latency_bench.reports.evidence import Found, Run
from latency_bench.reports.rows import rows_of
from latency_bench.reports.tables.measured_block import at_batch
from latency_bench.reports.tables.notes import failure_note
from latency_bench.reports.tables.quantities import Measurements, speed_up, throughput_gain
from latency_bench.reports.tables.table import Cell
from latency_bench.reports.tables.text import ratio

if TYPE_CHECKING:
    import pandas as pd

UNSTATED_BATCH = 16
"""For the command where the paper does not state the batch of a throughput."""
COUNTED = "MACs, counted from the modules: the same on every device"
UNPUBLISHED = "the paper's network is not published: measured is our own design of its size"
_FORM = "softmax"


def latency_factor(subject: Subject, setting: Setting, measurements: Measurements) -> Cell:
    """Latency of the baseline over the candidate's, at batch 1."""
    baseline, candidate = (
        measurements.evidence.find(model, setting) for model in (subject.baseline, subject.candidate)
    )
    missing = _missing(subject, baseline, candidate, setting, measurements, batch=1, throughput=False)
    if missing is not None:
        return missing
    found = speed_up(candidate.run, baseline.run, measurements.across, measurements.paired)
    return _noted(found, UNPUBLISHED) if _is_our_design(subject.candidate) else found


def throughput_factor(subject: Subject, setting: Setting, measurements: Measurements) -> Cell:
    """Throughput of the candidate over the baseline's, at one batch (harness/identity/throughput.py); it is noted where
    it is not the paper's."""
    stated = _stated_batch(subject.baseline)
    in_setting = (
        measurements.evidence.throughputs_img_s(model, setting) for model in (subject.baseline, subject.candidate)
    )
    batch = common_batch(stated, *in_setting) or UNSTATED_BATCH
    baseline, candidate = (
        measurements.evidence.find(model, setting, batch=batch) for model in (subject.baseline, subject.candidate)
    )
    missing = _missing(subject, baseline, candidate, setting, measurements, batch=batch, throughput=True)
    if missing is not None:
        return missing
    found = throughput_gain(candidate.run, baseline.run, measurements.across)
    if batch == stated:
        return found
    return _noted(found, at_batch(batch, stated))


def counted_factor(subject: Subject) -> Cell:
    """MACs of the baseline over the candidate's, counted from the modules as the paper's figures were."""
    from latency_bench.model_specs.known_counts import known_counts

    baseline, candidate = known_counts(subject.baseline), known_counts(subject.candidate)
    assert baseline is not None, "the models of the claims ship here"
    assert candidate is not None, "the models of the claims ship here"
    factor = baseline.macs / candidate.macs
    return Cell(ratio(factor), factor, notes=(COUNTED,))


def attention_factors(runs: pd.DataFrame) -> dict[Setting, Cell]:
    """By setting, softmax attention's latency over that of ReLU linear attention at equal MACs: the smallest and the
    largest factor of all shapes. `value` is the smallest, with its interval."""
    ratios = attention_ratios(runs)
    chosen = ratios[(ratios["definition"] == EQUAL_MACS) & (ratios["label"] == _FORM) & ratios["ratio"].notna()]
    wanted = set(chosen["run_id"]) | set(chosen["linear_run_id"])
    rows: dict[str, Run] = {row["run_id"]: row for row in rows_of(runs[runs["run_id"].isin(wanted)])}
    by_setting: dict[Setting, list[Run]] = {}
    for point in rows_of(chosen):
        by_setting.setdefault(Setting.of_row(rows[point["run_id"]]), []).append(point)
    return {setting: _range(_of_one_version(points), rows) for setting, points in by_setting.items()}


def _of_one_version(points: list[Run]) -> list[Run]:
    """Those of the version of the runtime that was measured last."""
    latest = max(points, key=lambda point: str(point["run_id"]))["runtime_version"]
    return [point for point in points if point["runtime_version"] == latest]


def _range(points: list[Run], rows: dict[str, Run]) -> Cell:
    ordered = sorted(points, key=lambda point: float(point["ratio"]))
    least, most = ordered[0], ordered[-1]
    tokens = sorted({int(point["tokens"]) for point in points})
    shapes = f"{len(points)} shape{'' if len(points) == 1 else 's'}, {tokens[0]} to {tokens[-1]} tokens"
    scopes = ", ".join(sorted({str(point["scope"]) for point in points}))
    runs = [rows[point[name]]["path"] for point in (least, most) for name in ("run_id", "linear_run_id")]
    return Cell(
        ratio(least["ratio"]) if least is most else f"{ratio(least['ratio'])} to {ratio(most['ratio'])}",
        float(least["ratio"]),
        least["ratio_low"],
        least["ratio_high"],
        notes=(f"smallest and largest factor at equal MACs of {shapes} ({scopes})",),
        runs=tuple(dict.fromkeys(runs)),
    )


def _is_our_design(model: str) -> bool:
    from latency_bench.model_specs.catalog import load_spec

    return load_spec(model).provenance.design == "ours"


def _stated_batch(model: str) -> int | None:
    from latency_bench.model_specs.catalog import load_spec

    return load_spec(model).throughput_batch


def _missing(
    subject: Subject,
    baseline: Found,
    candidate: Found,
    setting: Setting,
    measurements: Measurements,
    *,
    batch: int,
    throughput: bool,
) -> Cell | None:
    """A cell that says what lacks; None where both sides have a number."""
    if baseline.run is not None and candidate.run is not None:
        return None
    sides = ((subject.baseline, baseline), (subject.candidate, candidate))
    failures = tuple(f"{model} {failure_note(one.failure)}" for model, one in sides if one.failure is not None)
    commands = tuple(
        measurements.command(model, setting, batch, throughput)
        for model, one in sides
        if one.run is None and one.failure is None
    )
    if failures:
        return Cell("failed", status="failed", notes=failures, commands=commands)
    return Cell("not measured", status="not measured", commands=commands)


def _noted(cell: Cell, note: str) -> Cell:
    return replace(cell, notes=(note, *cell.notes))
