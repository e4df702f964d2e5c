"""A job, what one worker process has to do: parsed, checked, and refused with the name of the field that is wrong."""

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import PROTOCOL_VERSION
from .failure import bad_request
from .fields import (
    Fields,
    boolean,
    cpus,
    dictionary,
    file_names,
    integer,
    listing,
    number,
    numbers,
    one_of,
    optional,
    shape,
    text,
)

DTYPES = (
    "float32", "float16", "bfloat16", "float64",
    "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool",
)  # fmt: skip
"""What can be fed. numpy has no bfloat16: its bits are in arrays of uint16 (`runtime/tensors.py`)."""
LAYOUTS = ("NCHW", "NHWC")
DISTRIBUTIONS = ("normal", "uniform", "natural")


class InputTensor(NamedTuple):
    """One input. `shape` is the spec's, channel-first; `layout` is what the artifact wants."""

    name: str
    shape: Tuple[int, ...]
    dtype: str
    layout: str
    distribution: str
    low: float
    high: float
    seed: int
    values: Optional[str] = None
    """Path of an .npy file with the values, in place of those that are drawn."""
    mean: Tuple[float, ...] = ()
    std: Tuple[float, ...] = ()
    """`natural`: by channel, what is subtracted from light in [0, 1], and what the rest is divided by."""

    @property
    def artifact_shape(self) -> Tuple[int, ...]:
        """The shape as the artifact has it."""
        if self.layout == "NHWC":
            batch, channels, height, width = self.shape
            return (batch, height, width, channels)
        return self.shape


class CheckJob(NamedTuple):
    """Further inputs, run once after everything else, and where their outputs go."""

    inputs: Tuple[InputTensor, ...]
    write_outputs: str


class WarmupBounds(NamedTuple):
    """`window` samples a window; 0: no test of steadiness, the warm-up ends at its floors."""

    min_count: int
    max_count: int
    min_ns: int
    max_ns: int
    window: int


class SamplingBounds(NamedTuple):
    """`relative_interval`: full width of the median's interval over the median; None: the floors alone decide."""

    min_count: int
    max_count: int
    min_ns: int
    max_ns: int
    relative_interval: Optional[float]
    confidence: float


class ThroughputBounds(NamedTuple):
    """Images per wall second: `streams` requests in flight, for `min_ns` and `min_count` requests, `max_ns` at most,
    after `warmup_ns` of the same that do not count."""

    streams: int
    warmup_ns: int
    min_count: int
    min_ns: int
    max_ns: int
    images: Optional[int] = None
    """In one request; None: the first dimension of the first input."""


class Job(NamedTuple):
    runtime: str
    runtime_options: Dict[str, Any]
    artifact: str
    inputs: Tuple[InputTensor, ...]
    cpus: Optional[Tuple[int, ...]]
    write_outputs: Optional[str]
    warmup: WarmupBounds
    sampling: SamplingBounds
    die_with_parent: bool
    parent_pid: Optional[int]
    throughput: Optional[ThroughputBounds] = None
    profile: Optional[int] = None
    """Requests to be profiled by layer, after everything else."""
    find_non_finite: bool = False
    """Whether to look for the first layer whose output is not finite, after everything else."""
    on_command: bool = False
    """Whether warm-up and requests wait for commands from stdin; of `sampling` `max_count` alone counts then."""
    external_data: Tuple[str, ...] = ()
    """Names of files beside the artifact that belong to it."""
    runtime_class: Optional[str] = None
    """`module:Class` of a third party's runtime, whose module lies beside the worker or is installed."""
    checks: Tuple[CheckJob, ...] = ()
    batches: Optional[str] = None
    """Where further requests come while this process computes (batches.py): the beginning of their files' path."""
    pipeline: Optional[Dict[str, Any]] = None
    """What stands around the network in every request (pipeline/pipeline_job.py), paths as they came; None: nothing."""
    folder: str = ""
    """Of the job's file, to which its paths are relative."""


def read_job(path: str) -> Job:
    """Parse a job file; paths in it are relative to its folder. Raises WorkerError (bad-request)."""
    return parse_job(read_json(path), os.path.dirname(os.path.abspath(path)))


def read_json(path: str) -> Any:
    """Raises WorkerError (bad-request)."""
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except OSError as error:
        raise bad_request("cannot read the job file %s: %s" % (path, error.strerror or error))
    except ValueError as error:
        raise bad_request("the job file %s is not JSON: %s" % (path, error))


def parse_job(document: Any, folder: str) -> Job:
    fields = Fields("request", document)
    version = fields.take("version", integer(0))
    if version != PROTOCOL_VERSION:
        raise bad_request(
            "the job is of protocol version %d, this worker speaks version %d" % (version, PROTOCOL_VERSION),
            "copy the worker of the same release as the host to the device",
        )
    write_outputs = fields.take("write_outputs", optional(text), None)
    batches = fields.take("batches", optional(text), None)
    job = Job(
        runtime=fields.take("runtime", text),
        runtime_options=fields.take("runtime_options", dictionary, {}),
        artifact=os.path.join(folder, fields.take("artifact", text)),
        inputs=parse_inputs("inputs", fields.take("inputs", listing), folder),
        cpus=fields.take("cpus", optional(cpus), None),
        write_outputs=None if write_outputs is None else os.path.join(folder, write_outputs),
        warmup=_parse_warmup(fields.take("warmup", dictionary)),
        sampling=_parse_sampling(fields.take("sampling", dictionary)),
        die_with_parent=fields.take("die_with_parent", boolean, False),
        parent_pid=fields.take("parent_pid", optional(integer(1)), None),
        throughput=_parse_throughput(fields.take("throughput", optional(dictionary), None)),
        profile=fields.take("profile", optional(integer(1, 10000)), None),
        find_non_finite=fields.take("find_non_finite", boolean, False),
        on_command=fields.take("on_command", boolean, False),
        external_data=fields.take("external_data", file_names, ()),
        runtime_class=fields.take("runtime_class", optional(text), None),
        checks=tuple(
            _parse_check("checks[%d]" % index, item, folder)
            for index, item in enumerate(fields.take("checks", optional(listing), None) or ())
        ),
        batches=None if batches is None else os.path.join(folder, batches),
        pipeline=fields.take("pipeline", optional(dictionary), None),
        folder=folder,
    )
    fields.finish()
    return job


def _parse_check(where: str, document: Any, folder: str) -> CheckJob:
    fields = Fields(where, document)
    check = CheckJob(
        inputs=parse_inputs(where + ".inputs", fields.take("inputs", listing), folder),
        write_outputs=os.path.join(folder, fields.take("write_outputs", text)),
    )
    fields.finish()
    return check


def parse_inputs(where: str, documents: List[Any], folder: str) -> Tuple[InputTensor, ...]:
    """Raises WorkerError (bad-request) with the field that is wrong."""
    return tuple(_parse_input("%s[%d]" % (where, index), item, folder) for index, item in enumerate(documents))


def _parse_input(where: str, document: Any, folder: str) -> InputTensor:
    fields = Fields(where, document)
    values = fields.take("values", optional(text), None)
    tensor = InputTensor(
        name=fields.take("name", text),
        shape=tuple(fields.take("shape", shape)),
        dtype=fields.take("dtype", one_of(DTYPES), "float32"),
        layout=fields.take("layout", one_of(LAYOUTS), "NCHW"),
        distribution=fields.take("distribution", one_of(DISTRIBUTIONS), "normal"),
        low=fields.take("low", number, 0.0),
        high=fields.take("high", number, 1.0),
        seed=fields.take("seed", integer(0, 2**32 - 1), 0),
        values=None if values is None else os.path.join(folder, values),
        mean=tuple(fields.take("mean", numbers, ())),
        std=tuple(fields.take("std", numbers, ())),
    )
    fields.finish()
    if tensor.layout == "NHWC" and len(tensor.shape) != 4:
        raise fields.bad("layout", "NHWC needs a shape of 4 dimensions, this one is %s" % list(tensor.shape))
    if tensor.distribution == "uniform" and not tensor.low < tensor.high:
        raise fields.bad("high", "uniform values need low < high, got [%g, %g)" % (tensor.low, tensor.high))
    # Pixels of a natural image are bytes.
    pixels = tensor.distribution == "natural" and tensor.dtype == "uint8"
    if tensor.distribution != "uniform" and "float" not in tensor.dtype and tensor.values is None and not pixels:
        raise fields.bad(
            "distribution", "%s gives no %s; use uniform with low and high" % (tensor.distribution, tensor.dtype)
        )
    if tensor.distribution == "natural":
        if len(tensor.shape) != 4:
            raise fields.bad("shape", "an image has 4 dimensions with the batch, this one is %s" % list(tensor.shape))
        for name, values in (("mean", tensor.mean), ("std", tensor.std)):
            if len(values) != tensor.shape[1]:
                raise fields.bad(name, "%d numbers for %d channels" % (len(values), tensor.shape[1]))
        if not all(value > 0 for value in tensor.std):
            raise fields.bad("std", "expected more than 0, got %s" % list(tensor.std))
    return tensor


def _parse_warmup(document: Any) -> WarmupBounds:
    fields = Fields("warmup", document)
    bounds = WarmupBounds(
        min_count=fields.take("min_count", integer(0)),
        max_count=fields.take("max_count", integer(1)),
        min_ns=fields.take("min_ns", integer(0)),
        max_ns=fields.take("max_ns", integer(0)),
        window=fields.take("window", integer(0)),
    )
    fields.finish()
    fields.floors_below_caps(bounds.min_count, bounds.max_count, bounds.min_ns, bounds.max_ns)
    return bounds


def _parse_sampling(document: Any) -> SamplingBounds:
    fields = Fields("sampling", document)
    bounds = SamplingBounds(
        min_count=fields.take("min_count", integer(1)),
        max_count=fields.take("max_count", integer(1)),
        min_ns=fields.take("min_ns", integer(0)),
        max_ns=fields.take("max_ns", integer(0)),
        relative_interval=fields.take("relative_interval", optional(number), None),
        confidence=fields.take("confidence", number, 0.95),
    )
    fields.finish()
    fields.floors_below_caps(bounds.min_count, bounds.max_count, bounds.min_ns, bounds.max_ns)
    if bounds.relative_interval is not None and not bounds.relative_interval > 0:
        raise fields.bad("relative_interval", "expected more than 0 (or null), got %g" % bounds.relative_interval)
    if not 0.5 < bounds.confidence < 1:
        raise fields.bad("confidence", "expected a number between 0.5 and 1, got %g" % bounds.confidence)
    return bounds


def _parse_throughput(document: Any) -> Optional[ThroughputBounds]:
    if document is None:
        return None
    fields = Fields("throughput", document)
    bounds = ThroughputBounds(
        streams=fields.take("streams", integer(1, 64)),
        warmup_ns=fields.take("warmup_ns", integer(0), 0),
        min_count=fields.take("min_count", integer(1)),
        min_ns=fields.take("min_ns", integer(0)),
        max_ns=fields.take("max_ns", integer(1)),
        images=fields.take("images", optional(integer(1)), None),
    )
    fields.finish()
    if bounds.min_ns > bounds.max_ns:
        raise fields.bad("min_ns", "%d is more than max_ns, %d" % (bounds.min_ns, bounds.max_ns))
    return bounds
