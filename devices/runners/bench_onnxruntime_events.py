"""What bench-onnxruntime prints, checked: events of the worker's protocol, and its own where it has less to tell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bench_worker.job import DTYPES
from latency_bench.devices.runners.base import PHASES, Columns
from latency_bench.devices.runners.worker_events import (
    Column,
    Count,
    ErrorEvent,
    Nanoseconds,
    ProgressEvent,
    Samples,
    Stage,
    StageEnd,
    Text,
    check_event,
    protocol_error,
    read_fields,
)
from latency_bench.devices.runners.worker_round import check_times
from latency_bench.devices.transports.bounded_lines import Tail

_MOST_DIMENSIONS = 64
_MOST_SAMPLES = 1_000_000
"""Of a stage, for which the program has memory."""


class _Exact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Loaded(_Exact):
    """`version`: of ONNX Runtime."""

    event: Literal["loaded"]
    version: Text
    load_ns: Nanoseconds


class Output(_Exact):
    name: Text
    dtype: Literal[DTYPES]  # type: ignore[valid-type]
    shape: Annotated[list[Count], Field(max_length=_MOST_DIMENSIONS)]


class Outputs(_Exact):
    """In the order in which their bytes are in the file."""

    event: Literal["outputs"]
    tensors: Annotated[list[Output], Field(min_length=1)]


class EndOfStage(StageEnd):
    stopped_by: Literal["floors", "max_ns", "max_count"]


class Done(_Exact):
    event: Literal["done"]
    warmup: EndOfStage
    sampling: EndOfStage
    peak_rss_bytes: Count


_KINDS: dict[str, type[Loaded | Outputs | Done | Samples | ProgressEvent | ErrorEvent]] = {
    "loaded": Loaded,
    "outputs": Outputs,
    "done": Done,
    "samples": Samples,
    "progress": ProgressEvent,
    "error": ErrorEvent,
}


class Heard:
    """Takes the lines of the program's stdout one after the other. What does not fit raises WorkerError (protocol).

    `bounds`: the floors and caps that it was given, by stage (min_count, min_ns, max_count, max_ns).
    """

    def __init__(self, bounds: Mapping[Stage, Mapping[str, Any]]) -> None:
        self._bounds = bounds
        self.loaded: Loaded | None = None
        self.outputs: Outputs | None = None
        self.done: Done | None = None
        self.error: ErrorEvent | None = None
        self.printed = Tail()
        """What was on stdout and is no event."""
        self._columns: dict[Stage, dict[str, Column]] = {"warmup": {}, "sampling": {}}
        self._began_ns: int | None = None
        self._ended_ns: int | None = None

    @property
    def sampled_unix_ns(self) -> tuple[int, int] | None:
        """When sampling began and ended by this host's clock, from the moments at which its lines came in."""
        if self._began_ns is None or self._ended_ns is None or self._began_ns >= self._ended_ns:
            return None
        return self._began_ns, self._ended_ns

    def line(self, line: str) -> ProgressEvent | Loaded | None:
        """What of this line is to be told to somebody who waits."""
        fields = read_fields(line)
        if fields is None:
            self.printed.add(line)
            return None
        event = check_event(fields, _KINDS)
        if self.done is not None or self.error is not None:
            raise protocol_error(f"an event {event.event!r} after the last one")
        if isinstance(event, Samples):
            self._append(event)
        elif isinstance(event, ProgressEvent):
            if event.stage == "sampling" and self._began_ns is None:
                self._began_ns = time.time_ns()
            return event
        elif isinstance(event, Loaded):
            self.loaded = event
            return event
        elif isinstance(event, Outputs):
            self._ended_ns = time.time_ns()
            self.outputs = event
        elif isinstance(event, ErrorEvent):
            # The program knows nothing of how it was started, and so gives no advice.
            self.error = event.model_copy(update={"remedy": _REMEDIES.get(event.kind, "")})
        else:
            self._compare(event)
            self.done = event
        return None

    def everything(self) -> tuple[Loaded, Outputs, Done]:
        """What a program that ended well said. Raises WorkerError (protocol) where a part of it is missing."""
        if self.loaded is None or self.outputs is None or self.done is None:
            raise protocol_error("no 'done' that follows 'loaded' and 'outputs'")
        return self.loaded, self.outputs, self.done

    def columns(self, stage: Stage) -> Columns:
        """The requests of a stage, after `done`."""
        import numpy as np

        arrays = {name: np.array(values, dtype=np.int64) for name, values in self._columns[stage].items()}
        nothing = np.empty(0, dtype=np.int64)
        phases = {str(phase): arrays[f"{phase}_ns"] for phase in PHASES if f"{phase}_ns" in arrays}
        return Columns(arrays.get("start_ns", nothing), arrays.get("latency_ns", nothing), phases)

    def _append(self, event: Samples) -> None:
        columns = event.columns()
        kept = self._columns[event.stage] or {name: [] for name in columns}
        if event.first != len(kept["latency_ns"]) or columns.keys() != kept.keys():
            raise protocol_error(f"samples of the {event.stage} that do not go on with those before")
        if len({len(column) for column in columns.values()}) != 1:
            raise protocol_error(f"samples of the {event.stage} whose columns differ in length")
        # A warm-up lasts as long as its floor in time asks for, however many requests that takes.
        most = _MOST_SAMPLES if event.stage == "warmup" else self._bounds[event.stage]["max_count"]
        if event.first + len(event.latency_ns) > most:
            raise protocol_error(f"more samples of the {event.stage} than the {most} that it was to make at most")
        for name, column in columns.items():
            kept[name] += column
        self._columns[event.stage] = kept

    def _compare(self, done: Done) -> None:
        ends: dict[Stage, EndOfStage] = {"warmup": done.warmup, "sampling": done.sampling}
        for stage, end in ends.items():
            columns = self._columns[stage]
            arrived = len(columns.get("latency_ns", ()))
            if arrived != end.count:
                raise protocol_error(f"{arrived} samples of the {stage}, and says that it measured {end.count}")
            if columns:
                check_times(stage, columns)
                _check_phases(stage, columns)
            _check_end(stage, end, self._bounds[stage], sum(columns.get("latency_ns", ())))
        if not done.sampling.count:
            raise protocol_error("no sample")


def _check_phases(stage: Stage, columns: Mapping[str, Column]) -> None:
    """Phases are parts of a request, by the same clock."""
    phases = [columns[f"{phase}_ns"] for phase in PHASES if f"{phase}_ns" in columns]
    for latency_ns, *parts_ns in zip(columns["latency_ns"], *phases, strict=True):
        if sum(parts_ns) > latency_ns:
            raise protocol_error(f"a sample of the {stage} whose phases take longer than the request")


def _check_end(stage: Stage, end: EndOfStage, bounds: Mapping[str, Any], took_ns: int) -> None:
    """`took_ns`: all its requests together."""
    if end.elapsed_ns < took_ns:
        raise protocol_error(f"that the {stage} took {end.elapsed_ns} ns, and requests that took {took_ns}")
    reached = {
        "floors": end.count >= bounds["min_count"] and end.elapsed_ns >= bounds["min_ns"],
        "max_ns": end.elapsed_ns >= bounds["max_ns"],
        "max_count": end.count >= min(bounds["max_count"], _MOST_SAMPLES),
    }
    if not reached[end.stopped_by]:
        raise protocol_error(f"that the {stage} was ended by {end.stopped_by}, after {end.count} requests")


_REMEDIES = {
    "out-of-memory": "close apps on the device, or choose a smaller model, --resolution or --batch",
    "bad-artifact": "this build of ONNX Runtime may be older than the file's operators: set `onnx_opset`",
    "runtime-failed": "the run's evidence has everything that was printed",
}
