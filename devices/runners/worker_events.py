"""What a worker's events have to look like: whatever a line holds, it becomes a checked event or a WorkerError.

A device is not trusted to send what our worker would send: another process may write into its stdout, a link may lose
or double bytes, and a runtime of a third party adds facts of its own. Fields that are not listed here are kept where an
event carries facts (`hello`, `loaded`, `done`) and refused elsewhere; what the host reads later has its type here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench_worker import PROTOCOL_VERSION
from bench_worker.events import MARKER
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.numerals import LARGEST
from latency_bench.devices.strict_json import parse_json
from latency_bench.devices.transports.bounded_lines import LONGEST_LINE

Nanoseconds = Annotated[int, Field(ge=0, le=LARGEST)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Text = Annotated[str, Field(max_length=10_000)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Stage = Literal["warmup", "sampling"]
Column = list[Nanoseconds]


class _Exact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _WithFacts(BaseModel):
    """May hold more than is listed: any JSON."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class Clock(_WithFacts):
    resolution_ns: int = Field(ge=1)
    origin_ns: Nanoseconds
    origin_unix_ns: Nanoseconds


class Hello(_WithFacts):
    event: Literal["hello"]
    version: Literal[PROTOCOL_VERSION]  # type: ignore[valid-type]
    pid: int = Field(ge=1, le=LARGEST)
    clock: Clock
    pinned: bool
    cpus: list[Count]


class RuntimeFacts(_WithFacts):
    name: Text
    package: Text | None = None
    version: Text | None = None


class OptionsInEffect(_WithFacts):
    device: Count = 0
    """Number of the GPU, for the runtimes that have this option."""


class LoadedArtifact(_Exact):
    sha256: Sha256
    external_sha256: dict[str, Sha256]


class Loaded(_WithFacts):
    event: Literal["loaded"]
    artifact: LoadedArtifact
    import_ns: Nanoseconds
    load_ns: Nanoseconds
    runtime: RuntimeFacts
    options: OptionsInEffect
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    layer_precisions: dict[str, Count] | None = None
    sample_is: Text | None = None


class Outputs(_Exact):
    event: Literal["outputs"]
    tensors: list[dict[str, Any]]
    path: Text | None = None
    sha256: Sha256 | None = None


class ProgressEvent(_Exact):
    event: Literal["progress"]
    stage: Stage
    count: Count
    elapsed_ns: Nanoseconds
    median_ns: Nanoseconds | None = None


class Samples(_Exact):
    """Rows `first`, `first + 1`, ... of a stage; a column that was not measured is absent."""

    event: Literal["samples"]
    stage: Stage
    first: Count
    start_ns: Column
    latency_ns: Column
    h2d_ns: Column | None = None
    compute_ns: Column | None = None
    d2h_ns: Column | None = None
    enqueue_ns: Column | None = None
    decode_ns: Column | None = None
    preprocess_ns: Column | None = None
    postprocess_ns: Column | None = None

    def columns(self) -> dict[str, Column]:
        return {name: column for name in COLUMNS if (column := getattr(self, name)) is not None}


COLUMNS = tuple(name for name in Samples.model_fields if name.endswith("_ns"))


class StageEnd(_Exact):
    count: Count
    elapsed_ns: Nanoseconds
    stopped_by: Text


class SamplesSha256(_Exact):
    """Of a stage's columns in the order of `Samples`, as 64-bit integers, little-endian."""

    warmup: Sha256
    sampling: Sha256


class Usage(_WithFacts):
    user_ns: Nanoseconds | None = None
    system_ns: Nanoseconds | None = None
    runqueue_wait_ns: Nanoseconds | None = None
    voluntary_switches: Count | None = None
    involuntary_switches: Count | None = None


class OutputDrift(_WithFacts):
    bitwise_equal: bool
    max_abs_diff: float | None = Field(default=None, ge=0)


class Throughput(_Exact):
    streams: int = Field(ge=1, le=LARGEST)
    batch: int = Field(ge=1, le=LARGEST)
    requests: int = Field(ge=1, le=LARGEST)
    images: int = Field(ge=1, le=LARGEST)
    elapsed_ns: int = Field(ge=1, le=LARGEST)
    images_per_s: float = Field(gt=0)


class Layer(_Exact):
    name: Text
    operator: Text
    calls: Count
    total_ns: Nanoseconds


class Profile(_Exact):
    requests: int = Field(ge=1, le=LARGEST)
    layers: list[Layer]


class NonFinite(_Exact):
    """Empty where every layer's output is finite."""

    layer: Text | None = None
    operator: Text | None = None
    nan_count: Count = 0
    infinite_count: Count = 0
    value_count: Count = 0


class SavedOutputs(_Exact):
    path: Text
    sha256: Sha256


class Done(_WithFacts):
    event: Literal["done"]
    steady: bool | None = None
    warmup: StageEnd
    count: Count
    elapsed_ns: Nanoseconds
    stopped_by: Text
    median_ns: float | None = Field(default=None, ge=0)
    interval_ns: list[Nanoseconds] | None = Field(default=None, min_length=2, max_length=2)
    samples_sha256: SamplesSha256
    peak_rss_bytes: dict[str, Count]
    timer_resolution_ns: float = Field(ge=0)
    loop_overhead_ns: float = Field(ge=0)
    loop_gap_ns: float = Field(ge=0)
    usage: Usage
    output_drift: OutputDrift
    throughput: Throughput | None = None
    profile: Profile | None = None
    non_finite: NonFinite | None = None
    checks: list[SavedOutputs] = Field(default_factory=list)
    """Outputs for the inputs of `checks`, in the job's order."""


class Answered(_Exact):
    """The outputs of a batch's requests are written. `batch`: its number, from 0."""

    event: Literal["answered"]
    batch: Count
    path: Text
    sha256: Sha256


class Waiting(_Exact):
    """A sign of life while the next batch is not there yet."""

    event: Literal["waiting"]


class Checked(_Exact):
    """The end of a check: the runtime was made. `modules`: versions of what it imported, by name."""

    event: Literal["checked"]
    import_ns: Nanoseconds
    modules: dict[str, Text]


class ErrorEvent(_Exact):
    event: Literal["error"]
    kind: str = Field(pattern=r"^[a-z][a-z-]{0,39}$")
    message: Text
    remedy: Text = ""


AnyEvent = TypeVar("AnyEvent", bound=BaseModel)

Event = Hello | Loaded | Outputs | ProgressEvent | Samples | Answered | Waiting | Done | Checked | ErrorEvent
_KINDS: dict[str, type[Event]] = {
    "hello": Hello,
    "loaded": Loaded,
    "outputs": Outputs,
    "progress": ProgressEvent,
    "samples": Samples,
    "answered": Answered,
    "waiting": Waiting,
    "done": Done,
    "checked": Checked,
    "error": ErrorEvent,
}


def read_event(line: str) -> tuple[Event, dict[str, Any]] | None:
    """The event of a line of a worker's stdout, checked and as it came; None for a line that is none of ours.

    Raises WorkerError (protocol).
    """
    fields = read_fields(line)
    return None if fields is None else (check_worker_event(fields), fields)


def read_fields(line: str) -> dict[str, Any] | None:
    """The fields of an event, not checked yet; None for a line that is none of ours. Raises WorkerError (protocol)."""
    if not line.startswith(MARKER):
        return None
    if len(line) > LONGEST_LINE:
        raise protocol_error(f"a line of {len(line)} characters")
    try:
        fields = parse_json(line[len(MARKER) :])
    except ValueError as error:
        raise protocol_error(f"a line that is not JSON ({error}): {line[:200]!r}") from None
    if not isinstance(fields, dict):
        raise protocol_error(f"a line that is not an event: {line[:200]!r}")
    return fields


def check_event(fields: dict[str, Any], kinds: Mapping[str, type[AnyEvent]]) -> AnyEvent:
    """The event that these fields are, of one of `kinds` by name. Raises WorkerError (protocol)."""
    kind = fields.get("event")
    model = kinds.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise protocol_error(f"a line that is not an event: {str(fields)[:200]!r}")
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "fields"
        raise protocol_error(f"an event {kind!r} with {where}: {first['msg']}") from None


def check_worker_event(fields: dict[str, Any]) -> Event:
    """One of a worker's events. Raises WorkerError (protocol)."""
    return check_event(fields, _KINDS)


def protocol_error(what: str) -> WorkerError:
    return WorkerError(
        "protocol",
        f"the worker on the device sent {what}",
        "measure again; if it happens again, something else writes to its output, or this is a fault to be reported",
    )
