"""What trtexec leaves behind: its log, the exported times, the exported outputs. Nothing unparsed ever becomes a 0."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.devices import numerals
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.base import Columns
from latency_bench.devices.runners.trtexec_failure import Failure, failure_of
from latency_bench.devices.strict_json import parse_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_PASSED = re.compile(r"^&&&& PASSED TensorRT\.trtexec", re.M)
_FAILED = re.compile(r"^&&&& FAILED TensorRT\.trtexec", re.M)
_WARMUP = re.compile(r"Warmup completed (\d+) queries over")
_TRACE = re.compile(r"Timing trace has (\d+) queries over ([\d.]+) s")
_DEVICE = re.compile(r"Selected Device: (.+)")
_BUILT = re.compile(r"Engine built in ([\d.]+) sec")
_DEVICE_UUID = re.compile(r"Selected Device UUID: (GPU-[0-9a-fA-F-]{36})")
_WARNING = re.compile(r"\[W\] (?:\* )?(.+)")

# Name in our columns, and in trtexec's rows.
_PHASES = {"h2d": "h2dMs", "compute": "computeMs", "d2h": "d2hMs"}
_ROUNDING, _ROUNDING_NS = 1e-4, 1000
"""The latency is the sum of the phases, each of them printed with six digits."""
_DIGITS = 6
"""Of the moments too: after 120 s they are told to a millisecond, however short what lies between them."""
_ENQUEUE_RESOLVED = 0.1
"""An enqueue time is the difference of two moments: it is told where these are printed in steps of at most this part of
it, so that the median is right to half of that."""
_LONGEST_MS = 24 * 3600 * 1e3
"""Of a duration or a moment of one call, which ends after hours at most."""


@dataclass(frozen=True)
class Log:
    """What its log says; None where it does not."""

    passed: bool
    warmup_count: int | None
    sample_count: int | None
    sampling_s: float | None
    device: str | None
    device_uuid: str | None
    """Told from TensorRT 10 on."""
    build_s: float | None
    warnings: tuple[str, ...]
    failure: Failure | None
    """Why it failed; None where it passed, whatever it complained of on the way: a tactic that finds no room is
    skipped, and another is taken."""


def parse_log(text: str) -> Log:
    """A log of one call of trtexec, stdout and stderr in any order."""

    def first(pattern: re.Pattern[str], group: int = 1) -> str | None:
        found = pattern.search(text)
        return found[group].strip() if found else None

    passed = _PASSED.search(text) is not None and _FAILED.search(text) is None
    return Log(
        passed=passed,
        warmup_count=numerals.count(first(_WARMUP)),
        sample_count=numerals.count(first(_TRACE)),
        sampling_s=numerals.number(first(_TRACE, 2)),
        device=first(_DEVICE),
        device_uuid=first(_DEVICE_UUID),
        build_s=numerals.number(first(_BUILT)),
        warnings=tuple(dict.fromkeys(one.strip()[:300] for one in _WARNING.findall(text))),
        failure=None if passed else failure_of(text),
    )


def parse_times(text: str, log: Log) -> tuple[Columns, Columns]:
    """Warm-up and samples from `--exportTimes`. Raises WorkerError (protocol) for anything unexpected.

    TensorRT 8.2 exports the rows of the warm-up too, later versions do not; how many they are, the log says.
    `latency_ns` is trtexec's own: the sum of the three phases' device events, not the wall clock of a request.
    `enqueue_ns` is the host's time for enqueueing the computation, None where the moments are printed too coarsely.
    """

    if not log.passed:
        raise _unexpected("trtexec did not report that the run passed, so it has no times")
    rows = _rows(text)
    warmup_count = 0
    if log.sample_count is not None and len(rows) != log.sample_count:
        if log.warmup_count is None or len(rows) != log.warmup_count + log.sample_count:
            raise _unexpected(
                f"{len(rows)} exported rows, but the log counts {log.sample_count} requests after {log.warmup_count}"
            )
        warmup_count = log.warmup_count
    elif log.sample_count is None:
        raise _unexpected("the log does not say how many requests were timed")

    def column(name: str) -> npt.NDArray[np.int64]:
        return _milliseconds([row[name] for row in rows], name)

    latency, start = column("latencyMs"), column("startEnqMs")
    enqueue = _enqueue(rows)
    if not (latency > 0).all():
        raise _unexpected("a latency of 0")
    together = sum(column(theirs) for theirs in _PHASES.values())
    if (latency < together * (1 - _ROUNDING) - _ROUNDING_NS).any():
        raise _unexpected("a latency below the sum of its phases")
    # With transfers switched off trtexec writes 0 for them: not measured, and not a duration.
    phases = {ours: values for ours, theirs in _PHASES.items() if (values := column(theirs)).any()}
    parts = [slice(None, warmup_count), slice(warmup_count, None)]
    warmup, samples = (
        Columns(
            start[part],
            latency[part],
            {name: values[part] for name, values in phases.items()},
            None if enqueue is None else enqueue[part],
        )
        for part in parts
    )
    return warmup, samples


def _enqueue(rows: list[dict[str, float]]) -> npt.NDArray[np.int64] | None:
    import numpy as np

    spans_ms = np.array([row["endEnqMs"] - row["startEnqMs"] for row in rows])
    latest_ms = max(row["endEnqMs"] for row in rows)
    values = _milliseconds(list(spans_ms), "endEnqMs - startEnqMs")
    step_ms = 10.0 ** (math.floor(math.log10(latest_ms)) + 1 - _DIGITS) if latest_ms > 0 else 0.0
    return values if step_ms <= _ENQUEUE_RESOLVED * float(np.median(spans_ms)) else None


def _milliseconds(values: list[float], name: str) -> npt.NDArray[np.int64]:
    """In nanoseconds. Raises WorkerError (protocol) for what is no duration."""
    import numpy as np

    array = np.array(values, dtype=np.float64)
    if not np.isfinite(array).all() or (array < 0).any() or (array > _LONGEST_MS).any():
        raise _unexpected(f"{name} holds values that cannot be durations")
    return np.rint(array * 1e6).astype(np.int64)


def parse_outputs(text: str) -> dict[str, npt.NDArray[np.float32]]:
    """`--exportOutput`: arrays by name. Raises WorkerError (protocol) for anything unexpected."""
    import numpy as np

    arrays = {}
    for one in _json_list(text, "outputs", finite=False):
        try:
            shape = tuple(_size(text) for text in str(one["dimensions"]).split("x"))
            values = np.array([_value(value) for value in one["values"]], np.float64)
            with np.errstate(over="ignore"):
                arrays[str(one["name"])] = values.astype(np.float32).reshape(shape)
        except (KeyError, TypeError, ValueError) as error:
            raise _unexpected(f"an exported output does not parse: {error}") from None
    return arrays


def _size(text: str) -> int:
    size = numerals.count(text)
    if size is None:
        raise ValueError(f"{text[:40]!r} is not a size")
    return size


def _value(value: Any) -> float:
    # Values that are not finite are written as bare words, which Python's parser reads, or as text.
    if isinstance(value, str) and value.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{str(value)[:40]!r} is not a number")
    return float(value)


def _rows(text: str) -> list[dict[str, float]]:
    rows = _json_list(text, "times", finite=True)
    wanted = ("startEnqMs", "endEnqMs", "latencyMs", *_PHASES.values())
    for row in rows:
        # Not isinstance: `true` is an int to Python.
        if not isinstance(row, dict) or not all(type(row.get(name)) in (int, float) for name in wanted):
            raise _unexpected(f"a row of the exported times lacks one of {', '.join(wanted)}")
    if not rows:
        raise _unexpected("no times were exported")
    return rows


def _json_list(text: str, what: str, *, finite: bool) -> list[Any]:
    try:
        # C++ streams write nan and inf in lower case.
        spelled = re.sub(r"(?<=[\s,\[:-])(nan|inf)(?=[\s,\]}])", _spelled, text)
        document = parse_json(spelled, finite=finite)
    except ValueError as error:
        raise _unexpected(f"the exported {what} are not JSON: {error}") from None
    if not isinstance(document, list):
        raise _unexpected(f"the exported {what} are not a list")
    return document


def _spelled(word: re.Match[str]) -> str:
    return {"nan": "NaN", "inf": "Infinity"}[word[1]]


def _unexpected(what: str) -> WorkerError:
    return WorkerError("protocol", f"trtexec: {what}", "the log is in the run's evidence/; please report it")
