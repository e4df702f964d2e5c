"""What a device can reach with a runtime: calibration subjects, measured and stored like any other runs.

Compute subjects grow until the next one would take too long; the memory subject starts large and shrinks where the
device has no room for it. reports/roofline.py makes peaks of the runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from latency_bench.harness.benchmark import run_benchmarks
from latency_bench.harness.case import Case
from latency_bench.harness.rounds import Observer
from latency_bench.harness.store.record import RunRecord
from latency_bench.model_specs.calibration_specs import CONVOLUTIONS, PRODUCTS, SUMS, calibration_spec
from latency_bench.model_specs.spec import ModelSpec

LONGEST_REQUEST_S = 2.0
"""A compute subject is left out where the one before it predicts a longer request than this."""

Run = tuple[RunRecord, Path]


def calibrate(
    case_of: Callable[[ModelSpec], Case], store: Path, command: Sequence[str], observer: Observer, wait: bool = False
) -> list[Run]:
    """Measure the calibration subjects one after the other; each is stored as soon as it is finished, failed ones too.

    `case_of` says how a subject is measured: device, runtime, precision, threads, protocol.
    Raises UsageError (and its like) where no such measurement is possible, DeviceBusyError where another one has the
    device; `wait`: waits for it.
    """

    def measure(subject: str) -> Run:
        (run,) = run_benchmarks([case_of(calibration_spec(subject))], store, command, observer, wait=wait)
        return run

    return [
        *_ascend(PRODUCTS, measure),
        *_ascend(CONVOLUTIONS, measure),
        *_descend(SUMS, measure),
    ]


def _ascend(subjects: Sequence[str], measure: Callable[[str], Run]) -> list[Run]:
    """Until one fails, or the next would take too long at this one's rate."""
    runs: list[Run] = []
    for subject, larger in zip(subjects, (*subjects[1:], None), strict=True):
        runs.append(measure(subject))
        seconds = _seconds(runs[-1][0])
        if larger is None or seconds is None or seconds * _growth(subject, larger) > LONGEST_REQUEST_S:
            break
    return runs


def _descend(subjects: Sequence[str], measure: Callable[[str], Run]) -> list[Run]:
    """Until one has a number."""
    runs: list[Run] = []
    for subject in subjects:
        runs.append(measure(subject))
        if _seconds(runs[-1][0]) is not None:
            break
    return runs


def _growth(subject: str, larger: str) -> float:
    """How many times the arithmetic of the larger subject: matrix products and convolutions of `n` channels on images
    that grow as well do n^3 and n^4 of it."""
    sizes = [int(name.rsplit("-", 1)[1]) for name in (subject, larger)]
    return (sizes[1] / sizes[0]) ** (3 if subject in PRODUCTS else 4)


def _seconds(record: RunRecord) -> float | None:
    return record.summary.latency.median_ms / 1e3 if record.summary else None
