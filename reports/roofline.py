"""How near a run came to what its device can do: the roofline model.

Williams, Waterman & Patterson, "Roofline: an insightful visual performance model for multicore architectures", CACM 52,
2009. A request does W multiply-accumulates and moves at least Q bytes; a device that reaches P MACs/s and B bytes/s
needs at least max(W / P, Q / B). docs/roofline.md has the definitions and their limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.devices.declarations import known_precision
from latency_bench.harness.identity.run_conditions import machine_text, read_conditions
from latency_bench.harness.identity.setting import PLATFORM_COLUMNS
from latency_bench.model_specs.calibration_specs import PREFIX, SUMS
from latency_bench.reports.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: dict[str, str] = {
    "run_id": "Of the run.",
    "macs": "Multiply-accumulates of a request: of one image, times the batch.",
    "least_bytes": "Bytes a request cannot do without: parameters once, inputs once, outputs once.",
    "macs_per_byte": "Their ratio, the arithmetic intensity.",
    "measured_ms": "Median time that is held against the limit.",
    "measured_as": "compute: the phase of that name; latency: where the phase was not measured.",
    "macs_per_s": "Reached: macs / measured_ms.",
    "peak_macs_per_s": "Largest that a calibration reached: same device, state, runtime, precision and threads.",
    "peak_bytes_per_s": "As the largest memory calibration reached it.",
    "compute_limit_ms": "macs / peak_macs_per_s.",
    "memory_limit_ms": "least_bytes / peak_bytes_per_s.",
    "least_ms": "The larger of the two: no request can be quicker, as far as the peaks are true.",
    "bound": "compute or memory: which limit is the larger.",
    "fraction": "least_ms / measured_ms. Above 1: the calibration did not reach the peak, or a cache held the bytes.",
    "compute_run": "Calibration run that the peak of MACs is from.",
    "memory_run": "Calibration run that the peak of bytes is from.",
}
"""Name and meaning of every column of `roofline`, in order."""
_OF_THE_WORK = ("macs", "params", "io_bytes", "artifact_bytes")
_NEEDED = ["run_id", "model", *PLATFORM_COLUMNS, "conditions", "median_ms", "compute_ms", "batch", *_OF_THE_WORK]

Platform = tuple[Any, ...]


@dataclass(frozen=True)
class Work:
    """What a request has to do at least."""

    macs: int
    least_bytes: int


@dataclass(frozen=True)
class Peaks:
    """What a device reached, and in which runs."""

    macs_per_s: float
    bytes_per_s: float
    compute_run: str
    memory_run: str

    @property
    def balance(self) -> float:
        """MACs a byte above which arithmetic is the limit."""
        return self.macs_per_s / self.bytes_per_s


def work_of(row: dict[str, Any]) -> Work | None:
    """The work of one request of a run, from its row of the run table; None where MACs, parameters or tensors are not
    known.

    A byte is counted once however often it is moved, and what passes between layers not at all: it may stay in a cache.
    """
    if any(row[name] is None for name in _OF_THE_WORK):
        return None
    macs, params, io_bytes, file_bytes = (int(row[name]) for name in _OF_THE_WORK)
    precision = known_precision(row["precision"])
    # A file with smaller weights than its precision says is read as it is.
    weights = min(params * (1 if precision is None else precision.weight_bytes), file_bytes)
    return Work(macs=macs * int(row["batch"]), least_bytes=weights + io_bytes)


def roofline(runs: pd.DataFrame, calibrations: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row a run with a number, columns as in COLUMNS, in the order of `runs`.

    `runs` and `calibrations` are rows of the run table, latest first; without `calibrations` those among `runs` are
    taken. A run that no calibration is there for, or whose work is not known, has no row.
    """
    import pandas as pd

    peaks = find_peaks(runs if calibrations is None else calibrations)
    rows = []
    for row in _with_numbers(runs):
        of_platform = peaks.get(_platform(row))
        work = work_of(row) if of_platform else None
        if of_platform and work:
            rows.append(_row(row, work, of_platform))
    table: pd.DataFrame = pd.DataFrame(rows, columns=list(COLUMNS))
    return table


def find_peaks(runs: pd.DataFrame) -> dict[Platform, Peaks]:
    """The peaks of every platform that was calibrated, from the latest run of each calibration subject. A platform is
    device, runtime, precision, threads, and the conditions of the machine.

    MACs: the most that any subject reached. Bytes: of the largest memory subject that ran, since a smaller one may have
    fitted a cache. Platforms that lack either are left out.
    """
    rates: dict[Platform, dict[str, tuple[float, float, str]]] = {}
    for row in _with_numbers(runs[runs["model"].str.startswith(PREFIX)]):
        subjects = rates.setdefault(_platform(row), {})
        if row["model"] in subjects:
            continue
        work = work_of(row)
        if work is not None:
            seconds = _measured(row)[0] / 1e3
            subjects[row["model"]] = (work.macs / seconds, work.least_bytes / seconds, row["run_id"])
    return {platform: found for platform, subjects in rates.items() if (found := _peaks(subjects))}


def _peaks(subjects: dict[str, tuple[float, float, str]]) -> Peaks | None:
    memory = next((subjects[subject] for subject in SUMS if subject in subjects), None)
    compute = max((rate for subject, rate in subjects.items() if subject not in SUMS), default=None)
    if memory is None or compute is None or compute[0] <= 0:
        return None
    return Peaks(compute[0], memory[1], compute_run=compute[2], memory_run=memory[2])


def _row(row: dict[str, Any], work: Work, peaks: Peaks) -> dict[str, Any]:
    measured_ms, measured_as = _measured(row)
    compute_ms, memory_ms = work.macs / peaks.macs_per_s * 1e3, work.least_bytes / peaks.bytes_per_s * 1e3
    least_ms = max(compute_ms, memory_ms)
    return {
        "run_id": row["run_id"],
        "macs": work.macs,
        "least_bytes": work.least_bytes,
        "macs_per_byte": work.macs / work.least_bytes,
        "measured_ms": measured_ms,
        "measured_as": measured_as,
        "macs_per_s": work.macs / measured_ms * 1e3,
        "peak_macs_per_s": peaks.macs_per_s,
        "peak_bytes_per_s": peaks.bytes_per_s,
        "compute_limit_ms": compute_ms,
        "memory_limit_ms": memory_ms,
        "least_ms": least_ms,
        "bound": "compute" if compute_ms >= memory_ms else "memory",
        "fraction": least_ms / measured_ms,
        "compute_run": peaks.compute_run,
        "memory_run": peaks.memory_run,
    }


def _measured(row: dict[str, Any]) -> tuple[float, str]:
    """Without transfers, where the device told them apart: no roof is about the link to the host."""
    compute = row["compute_ms"]
    if compute:
        return float(compute), "compute"
    return float(row["median_ms"]), "latency"


def _with_numbers(runs: pd.DataFrame) -> Iterable[dict[str, Any]]:
    return rows_of(runs.loc[runs["median_ms"].notna(), _NEEDED])


def _platform(row: dict[str, Any]) -> Platform:
    """What a run and its calibration agree in: a peak of another power mode, say, is none of this run's."""
    return (*(row[name] for name in PLATFORM_COLUMNS), machine_text(read_conditions(row["conditions"])))
