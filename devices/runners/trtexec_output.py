"""What trtexec leaves behind: its log, the exported times, the exported outputs. Nothing unparsed ever becomes a 0."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.base import Columns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_WARMUP = re.compile(r"Warmup completed (\d+) queries over")
_TRACE = re.compile(r"Timing trace has (\d+) queries over ([\d.]+) s")
_DEVICE = re.compile(r"Selected Device: (.+)")
_BUILT = re.compile(r"Engine built in ([\d.]+) sec")
_WARNING = re.compile(r"\[W\] (?:\* )?(.+)")
_ERROR = re.compile(r"\[E\] (?:Error\[\d+\]: )?(.+)")
_OUT_OF_MEMORY = re.compile(r"out of memory|bad_alloc|Requested amount of GPU memory .* could not be allocated", re.I)

# Name in our columns, and in trtexec's rows.
_PHASES = {"h2d": "h2dMs", "compute": "computeMs", "d2h": "d2hMs"}


@dataclass(frozen=True)
class Log:
    """What its log says; None where it does not."""

    passed: bool
    warmup_count: int | None
    sample_count: int | None
    sampling_s: float | None
    device: str | None
    build_s: float | None
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    out_of_memory: bool


def parse_log(text: str) -> Log:
    """A log of one call of trtexec, stdout and stderr in any order."""

    def first(pattern: re.Pattern[str], group: int = 1) -> str | None:
        found = pattern.search(text)
        return found[group].strip() if found else None

    warmup, trace, built = first(_WARMUP), first(_TRACE), first(_BUILT)
    seconds = first(_TRACE, 2)
    errors = tuple(dict.fromkeys(one.strip()[:300] for one in _ERROR.findall(text)))
    return Log(
        passed="&&&& PASSED" in text,
        warmup_count=None if warmup is None else int(warmup),
        sample_count=None if trace is None else int(trace),
        sampling_s=None if seconds is None else float(seconds),
        device=first(_DEVICE),
        build_s=None if built is None else float(built),
        warnings=tuple(dict.fromkeys(one.strip()[:300] for one in _WARNING.findall(text))),
        errors=errors,
        out_of_memory=any(_OUT_OF_MEMORY.search(one) for one in errors) or "Cuda failure: out of memory" in text,
    )


def parse_times(text: str, log: Log) -> tuple[Columns, Columns]:
    """Warm-up and samples from `--exportTimes`. Raises WorkerError (protocol) for anything unexpected.

    TensorRT 8.2 exports the rows of the warm-up too, later versions do not; how many they are, the log says.
    `latency_ns` is trtexec's own: the sum of the three phases' device events, not the wall clock of a request.
    `enqueue_ns` is the host's time for enqueueing the computation.
    """

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
    enqueue = _milliseconds([row["endEnqMs"] - row["startEnqMs"] for row in rows], "endEnqMs - startEnqMs")
    if not (latency > 0).all():
        raise _unexpected("a latency of 0")
    # With transfers switched off trtexec writes 0 for them: not measured, and not a duration.
    phases = {ours: values for ours, theirs in _PHASES.items() if (values := column(theirs)).any()}
    parts = [slice(None, warmup_count), slice(warmup_count, None)]
    warmup, samples = (
        Columns(start[part], latency[part], {name: values[part] for name, values in phases.items()}, enqueue[part])
        for part in parts
    )
    return warmup, samples


def _milliseconds(values: list[float], name: str) -> npt.NDArray[np.int64]:
    """In nanoseconds. Raises WorkerError (protocol) for what is no duration."""
    import numpy as np

    array = np.array(values, dtype=np.float64)
    if not np.isfinite(array).all() or (array < 0).any():
        raise _unexpected(f"{name} holds values that are no durations")
    return np.rint(array * 1e6).astype(np.int64)


def parse_outputs(text: str) -> dict[str, npt.NDArray[np.float32]]:
    """`--exportOutput`: arrays by name. Raises WorkerError (protocol) for anything unexpected."""
    import numpy as np

    arrays = {}
    for one in _json_list(text, "outputs"):
        try:
            shape = tuple(int(size) for size in str(one["dimensions"]).split("x"))
            arrays[str(one["name"])] = np.array([_number(value) for value in one["values"]], np.float32).reshape(shape)
        except (KeyError, TypeError, ValueError) as error:
            raise _unexpected(f"an exported output does not parse: {error}") from None
    return arrays


def _number(value: Any) -> float:
    # Not finite values are written as bare words, which Python's parser reads, or as text.
    return float(value)


def _rows(text: str) -> list[dict[str, float]]:
    rows = _json_list(text, "times")
    wanted = ("startEnqMs", "endEnqMs", "latencyMs", *_PHASES.values())
    for row in rows:
        if not isinstance(row, dict) or not all(isinstance(row.get(name), (int, float)) for name in wanted):
            raise _unexpected(f"a row of the exported times lacks one of {', '.join(wanted)}")
    if not rows:
        raise _unexpected("no times were exported")
    return rows


def _json_list(text: str, what: str) -> list[Any]:
    try:
        # C++ streams write nan and inf in lower case.
        document = json.loads(re.sub(r"(?<=[\s,\[:-])(nan|inf)(?=[\s,\]}])", _spelled, text))
    except ValueError as error:
        raise _unexpected(f"the exported {what} are not JSON: {error}") from None
    if not isinstance(document, list):
        raise _unexpected(f"the exported {what} are no list")
    return document


def _spelled(word: re.Match[str]) -> str:
    return {"nan": "NaN", "inf": "Infinity"}[word[1]]


def _unexpected(what: str) -> WorkerError:
    return WorkerError("protocol", f"trtexec: {what}", "the log is in the run's evidence/; please report it")
