"""What a runtime is: it loads an artifact, is fed once, and then makes timed requests."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..affinity import usable_cpu_count
from ..clock import Clock
from ..failure import bad_request
from ..job import InputTensor
from ..request_times import RequestTimes
from .declaration import Option, RuntimeDeclaration
from .non_finite import NonFinite

if TYPE_CHECKING:
    import numpy as np


THREADS = Option(0, "Threads within an operator; 0: one for every processor that may be used.", minimum=0)
"""The option `threads` of runtimes on processors. The host sets it from the case."""


class TensorInfo(NamedTuple):
    """An input or output as the artifact has it. A size of None is one that the artifact leaves open."""

    name: str
    shape: Tuple[Optional[int], ...]
    dtype: str

    def to_json(self) -> Dict[str, Any]:
        return OrderedDict(name=self.name, shape=list(self.shape), dtype=self.dtype)


class LayerTime(NamedTuple):
    """One layer, or all calls of one operator: how often it ran, and its time in all of these calls together.
    `operator` is the runtime's own word for what the layer does (Conv, aten::conv2d)."""

    name: str
    operator: str
    calls: int
    total_ns: int

    def to_json(self) -> Dict[str, Any]:
        return OrderedDict(self._asdict())


class Lane:
    """One request at a time, of several that are in flight together when throughput is measured."""

    def submit(self) -> None:
        """Start a whole request: copy in, compute, copy out."""
        raise NotImplementedError

    def wait(self) -> None:
        """Block until the request that was submitted is finished, its outputs on the host."""
        raise NotImplementedError


class Runtime(RuntimeDeclaration):
    """One runtime with one artifact. Called in this order: the constructor (imports the package), `load`,
    `set_inputs`, `facts`, `request` many times with `outputs` in between, `close`. A check of the device closes it
    right after the constructor.

    A runtime of a device with a memory and a clock of its own times the phases there and leaves `start_ns` and `end_ns`
    to the host's clock, around everything and synchronised.
    """

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        self.options = self.with_defaults(options)
        self.clock = clock

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        """Load the file, ready to run, and return `inputs` in the artifact's order.

        Raises WorkerError: bad-artifact for a file that it cannot read, bad-request where `inputs` do not fit it.
        """
        raise NotImplementedError

    def facts(self) -> Dict[str, Any]:
        """What the runtime says of itself and of what it loaded: `runtime` (name, package, version), `options`,
        `inputs`, `outputs` (name, shape, dtype), and whatever else it knows. A fact that it cannot tell is absent."""
        raise NotImplementedError

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        """Keep the host arrays that every request copies in, in the artifact's order and layout, C-contiguous."""
        raise NotImplementedError

    def input_arrays(self) -> List["np.ndarray"]:
        """The very memory that every request copies from, in the artifact's order and layout: what is written there
        is what the next request computes with. For runtimes that declare `INPUTS_IN_PLACE`; after `set_inputs`."""
        raise bad_request("the runtime %s does not say where its inputs lie" % self.name, "leave --pipeline out")

    def request(self) -> RequestTimes:
        """Copy in, compute, copy out, wait for all of it; no allocation of ours and no output in between."""
        raise NotImplementedError

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        """The host arrays that the latest request copied out, by the artifact's own names, in its order."""
        raise NotImplementedError

    def lanes(self, count: int) -> List[Lane]:
        """`count` requests that can be in flight at once, each with memory of its own, fed with the same inputs.

        Called after the latency has been measured. Raises WorkerError (bad-request) where the runtime has fewer.
        """
        if count > 1:
            raise bad_request(
                "throughput.streams: %s has one stream, %d were asked for" % (self.name, count), "ask for 1"
            )
        return [_SerialLane(self)]

    def profile(self, count: int) -> List[LayerTime]:
        """Time by layer (or operator) over `count` requests, slowest first. Never part of a measurement: profiling
        slows what it watches. Raises WorkerError (bad-request) where the runtime cannot tell."""
        raise bad_request("the runtime %s does not report times of layers" % self.name, "choose another --runtime")

    def first_non_finite(self) -> Optional[NonFinite]:
        """The first layer, in the order of execution, whose output for the inputs that were set is not finite; None
        where there is none. Layers run apart from each other for this, so that a fused computation may come out
        otherwise. Raises WorkerError (bad-request) where the runtime cannot tell."""
        raise bad_request("the runtime %s does not show the outputs of layers" % self.name)

    def close(self) -> None:
        """Let go of the artifact."""


class _SerialLane(Lane):
    """A whole request, done when it is submitted."""

    def __init__(self, runtime: Runtime) -> None:
        self._request = runtime.request

    def submit(self) -> None:
        self._request()

    def wait(self) -> None:
        pass


class HostRuntime(Runtime):
    """A runtime that computes on the host's processors: three calls, timed by the host's clock one after the other, so
    that the phases add up to the latency exactly."""

    def copy_in(self) -> None:
        """From the host arrays into the runtime's own input tensors."""
        raise NotImplementedError

    def invoke(self) -> None:
        raise NotImplementedError

    def copy_out(self) -> None:
        """From the runtime's own output tensors into the host arrays."""
        raise NotImplementedError

    def request(self) -> RequestTimes:
        clock = self.clock
        start_ns = clock()
        self.copy_in()
        copied_in_ns = clock()
        self.invoke()
        computed_ns = clock()
        self.copy_out()
        end_ns = clock()
        return RequestTimes(start_ns, end_ns, copied_in_ns - start_ns, computed_ns - copied_in_ns, end_ns - computed_ns)

    def thread_count(self) -> int:
        """The option `threads`; 0 means one for every processor that this process may use."""
        return int(self.options["threads"]) or usable_cpu_count()
