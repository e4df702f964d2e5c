"""Accuracies that are stored, held against a least value, or against those of a baseline store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from latency_bench.harness.accuracy.recording import difference, difference_unit
from latency_bench.harness.gating.gate_result import GatedCase
from latency_bench.harness.statistics.gate_answer import Answer
from latency_bench.harness.store.accuracy_listing import find_accuracies
from latency_bench.harness.store.reader import StoredAccuracy


def latest_accuracies(store: Path) -> dict[tuple[str, ...], StoredAccuracy]:
    """The latest of every model, device, runtime, precision and set of images."""
    found: dict[tuple[str, ...], StoredAccuracy] = {}
    for one in find_accuracies(store):
        found.setdefault(_key(one), one)
    return found


def gate_least_accuracy(accuracies: Sequence[StoredAccuracy], least: float) -> Iterator[GatedCase]:
    """Is the first metric of each (top-1 and mIoU in per cent, PSNR in dB) at least so much, by its interval?"""
    for one in accuracies:
        name, metric = next(iter(one.record.metrics.items()))
        answer: Answer = "fine" if metric.low >= least else "worse" if metric.high < least else "cannot tell"
        unit = metric.unit
        text = f"{name} {metric.value:.2f} {unit} ({metric.low:.2f} to {metric.high:.2f}) of {one.record.images} images"
        yield GatedCase(f"{_label(one)}: at least {least:g} {unit}", answer, text, candidate=one.record.run_id)


def gate_drop(baseline: Path, candidate: Path, most: float) -> Iterator[GatedCase]:
    """Is each accuracy at most so many points below that of the baseline store, on the same images?"""
    old, new = latest_accuracies(baseline), latest_accuracies(candidate)
    for key, a in old.items():
        name, metric = next(iter(a.record.metrics.items()))
        unit = difference_unit(metric.unit)
        case = f"{_label(a)}: at most {most:g} {unit} lost"
        b = new.get(key)
        if b is None:
            yield GatedCase(case, "cannot tell", "its accuracy was not measured for the candidate", a.record.run_id)
            continue
        compared = difference(a, b)
        if isinstance(compared, str):
            yield GatedCase(case, "cannot tell", compared, a.record.run_id, b.record.run_id)
            continue
        points = compared[name]
        answer: Answer = "fine" if points.low >= -most else "worse" if points.high < -most else "cannot tell"
        text = f"{name} {points.value:+.2f} {unit} ({points.low:+.2f} to {points.high:+.2f})"
        yield GatedCase(case, answer, text, a.record.run_id, b.record.run_id)


def _key(one: StoredAccuracy) -> tuple[str, ...]:
    record = one.record
    subject = (record.model.id, record.device.name, record.runtime.name, record.model.precision)
    return (*subject, record.data.layout, record.data.digest)


def _label(one: StoredAccuracy) -> str:
    record = one.record
    setting = f"{record.device.name}: {record.runtime.name} {record.model.precision}"
    return f"{record.model.id} on {record.data.folder}, {setting}"
