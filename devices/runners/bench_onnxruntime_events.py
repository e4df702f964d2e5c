"""What bench-onnxruntime prints, checked: events of the worker's protocol, and its own where it has less to tell."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bench_worker.job import DTYPES
from latency_bench.devices.errors import WorkerError
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
from latency_bench.devices.transports.bounded_lines import Tail

_MOST_DIMENSIONS = 64


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
    tensors: list[Output]


class Done(_Exact):
    event: Literal["done"]
    warmup: StageEnd
    sampling: StageEnd
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
    """Takes the lines of the program's stdout one after the other. What does not fit raises WorkerError (protocol)."""

    def __init__(self) -> None:
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
            self.error = event
        else:
            self._compare(event)
            self.done = event
        return None

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
        for name, column in columns.items():
            kept[name] += column
        self._columns[event.stage] = kept

    def _compare(self, done: Done) -> None:
        ends: dict[Stage, StageEnd] = {"warmup": done.warmup, "sampling": done.sampling}
        for stage, end in ends.items():
            latencies = self._columns[stage].get("latency_ns", [])
            if len(latencies) != end.count or not all(latencies):
                raise protocol_error(f"{len(latencies)} samples of the {stage}, and says that it measured {end.count}")
        if not done.sampling.count:
            raise protocol_error("no sample")


def require_done(heard: Heard, returncode: int, stderr: str) -> tuple[Loaded, Outputs, Done]:
    """What a program that did everything said. Raises WorkerError with what went wrong."""
    if heard.error is not None:
        raise WorkerError(heard.error.kind, heard.error.message, _REMEDIES.get(heard.error.kind, ""), stderr)
    if returncode == -9:
        raise WorkerError(
            "out-of-memory",
            "bench-onnxruntime was killed (SIGKILL), most likely because memory ran out",
            _REMEDIES["out-of-memory"],
            stderr,
        )
    if returncode != 0 or heard.loaded is None or heard.outputs is None or heard.done is None:
        last = (stderr.strip() or str(heard.printed).strip() or "it printed nothing").splitlines()[-1][:300]
        raise WorkerError("runtime-failed", f"bench-onnxruntime ended with code {returncode}: {last}", "", stderr)
    return heard.loaded, heard.outputs, heard.done


_REMEDIES = {
    "out-of-memory": "close apps on the device, or choose a smaller model, --resolution or --batch",
    "bad-artifact": "this build of ONNX Runtime may be older than the file's operators: set `onnx_opset`",
    "runtime-failed": "the run's evidence has everything that was printed",
}
