"""The request: parsed, checked, and refused with the name of the field that is wrong."""

import json
import math
import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import PROTOCOL_VERSION
from .failure import WorkerError, bad_request

DTYPES = ("float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64")
LAYOUTS = ("NCHW", "NHWC")
DISTRIBUTIONS = ("normal", "uniform")
_REQUIRED = object()


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

    @property
    def artifact_shape(self) -> Tuple[int, ...]:
        """The shape as the artifact has it."""
        if self.layout == "NHWC":
            batch, channels, height, width = self.shape
            return (batch, height, width, channels)
        return self.shape


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


class Request(NamedTuple):
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


def read_request(path: str) -> Request:
    """Parse a request file; paths in it are relative to its folder. Raises WorkerError (bad-request)."""
    try:
        with open(path, encoding="utf-8") as stream:
            document = json.load(stream)
    except OSError as error:
        raise bad_request("cannot read the request %s: %s" % (path, error.strerror or error))
    except ValueError as error:
        raise bad_request("the request %s is not JSON: %s" % (path, error))
    return parse_request(document, os.path.dirname(os.path.abspath(path)))


def parse_request(document: Any, folder: str) -> Request:
    fields = _Fields("request", document)
    version = fields.take("version", _integer(0))
    if version != PROTOCOL_VERSION:
        raise bad_request(
            "the request is of protocol version %d, this worker speaks version %d" % (version, PROTOCOL_VERSION),
            "copy the worker of the same release as the host to the device",
        )
    write_outputs = fields.take("write_outputs", _optional(_text), None)
    request = Request(
        runtime=fields.take("runtime", _text),
        runtime_options=fields.take("runtime_options", _dictionary, {}),
        artifact=os.path.join(folder, fields.take("artifact", _text)),
        inputs=tuple(
            _parse_input("inputs[%d]" % index, item) for index, item in enumerate(fields.take("inputs", _filled_list))
        ),
        cpus=fields.take("cpus", _optional(_cpus), None),
        write_outputs=None if write_outputs is None else os.path.join(folder, write_outputs),
        warmup=_parse_warmup(fields.take("warmup", _dictionary)),
        sampling=_parse_sampling(fields.take("sampling", _dictionary)),
        die_with_parent=fields.take("die_with_parent", _boolean, False),
        parent_pid=fields.take("parent_pid", _optional(_integer(1)), None),
        throughput=_parse_throughput(fields.take("throughput", _optional(_dictionary), None)),
        profile=fields.take("profile", _optional(_integer(1, 10000)), None),
    )
    fields.finish()
    return request


def _parse_input(where: str, document: Any) -> InputTensor:
    fields = _Fields(where, document)
    tensor = InputTensor(
        name=fields.take("name", _text),
        shape=tuple(fields.take("shape", _shape)),
        dtype=fields.take("dtype", _one_of(DTYPES), "float32"),
        layout=fields.take("layout", _one_of(LAYOUTS), "NCHW"),
        distribution=fields.take("distribution", _one_of(DISTRIBUTIONS), "normal"),
        low=fields.take("low", _number, 0.0),
        high=fields.take("high", _number, 1.0),
        seed=fields.take("seed", _integer(0, 2**32 - 1), 0),
    )
    fields.finish()
    if tensor.layout == "NHWC" and len(tensor.shape) != 4:
        raise fields.bad("layout", "NHWC needs a shape of 4 dimensions, this one is %s" % list(tensor.shape))
    if tensor.distribution == "uniform" and not tensor.low < tensor.high:
        raise fields.bad("high", "uniform values need low < high, got [%g, %g)" % (tensor.low, tensor.high))
    if tensor.distribution == "normal" and "int" in tensor.dtype:
        raise fields.bad("distribution", "normal gives no %s; use uniform with low and high" % tensor.dtype)
    return tensor


def _parse_warmup(document: Any) -> WarmupBounds:
    fields = _Fields("warmup", document)
    bounds = WarmupBounds(
        min_count=fields.take("min_count", _integer(0)),
        max_count=fields.take("max_count", _integer(1)),
        min_ns=fields.take("min_ns", _integer(0)),
        max_ns=fields.take("max_ns", _integer(0)),
        window=fields.take("window", _integer(0)),
    )
    fields.finish()
    fields.floors_below_caps(bounds.min_count, bounds.max_count, bounds.min_ns, bounds.max_ns)
    return bounds


def _parse_sampling(document: Any) -> SamplingBounds:
    fields = _Fields("sampling", document)
    bounds = SamplingBounds(
        min_count=fields.take("min_count", _integer(1)),
        max_count=fields.take("max_count", _integer(1)),
        min_ns=fields.take("min_ns", _integer(0)),
        max_ns=fields.take("max_ns", _integer(0)),
        relative_interval=fields.take("relative_interval", _optional(_number), None),
        confidence=fields.take("confidence", _number, 0.95),
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
    fields = _Fields("throughput", document)
    bounds = ThroughputBounds(
        streams=fields.take("streams", _integer(1, 64)),
        warmup_ns=fields.take("warmup_ns", _integer(0), 0),
        min_count=fields.take("min_count", _integer(1)),
        min_ns=fields.take("min_ns", _integer(0)),
        max_ns=fields.take("max_ns", _integer(1)),
    )
    fields.finish()
    if bounds.min_ns > bounds.max_ns:
        raise fields.bad("min_ns", "%d is more than max_ns, %d" % (bounds.min_ns, bounds.max_ns))
    return bounds


Check = Callable[[Any], Any]


class _Fields:
    """One JSON object; every field is taken once, and what is left over is an error."""

    def __init__(self, where: str, document: Any) -> None:
        if not isinstance(document, dict):
            raise bad_request("%s: expected an object, got %s" % (where, _shown(document)))
        self._where = where
        self._left = dict(document)

    def bad(self, key: str, message: str) -> WorkerError:
        return bad_request("%s.%s: %s" % (self._where, key, message))

    def take(self, key: str, check: Check, default: Any = _REQUIRED) -> Any:
        if key not in self._left:
            if default is _REQUIRED:
                raise self.bad(key, "missing")
            return default
        value = self._left.pop(key)
        try:
            return check(value)
        except ValueError as error:
            raise self.bad(key, "expected %s, got %s" % (error, _shown(value)))

    def finish(self) -> None:
        if self._left:
            raise self.bad(sorted(self._left)[0], "unknown field")

    def floors_below_caps(self, min_count: int, max_count: int, min_ns: int, max_ns: int) -> None:
        if min_count > max_count:
            raise self.bad("min_count", "%d is more than max_count, %d" % (min_count, max_count))
        if min_ns > max_ns:
            raise self.bad("min_ns", "%d is more than max_ns, %d" % (min_ns, max_ns))


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _integer(low: int, high: Optional[int] = None) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
            raise ValueError("an integer of at least %d" % low + ("" if high is None else " and at most %d" % high))
        return value

    return check


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("a finite number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("a text that is not empty")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _dictionary(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("an object")
    return value


def _filled_list(value: Any) -> List[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError("a list that is not empty")
    return value


def _shape(value: Any) -> List[int]:
    check = _integer(1)
    try:
        return [check(size) for size in _filled_list(value)]
    except ValueError:
        raise ValueError("a list of integers of at least 1")


def _cpus(value: Any) -> Tuple[int, ...]:
    check = _integer(0)
    try:
        return tuple(sorted({check(cpu) for cpu in _filled_list(value)}))
    except ValueError:
        raise ValueError("a list of processor numbers that is not empty")


def _one_of(choices: Tuple[str, ...]) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return str(value)

    return check


def _optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)
