"""What the runtimes of a GPU share: the timed request, by events on a stream, and lanes for throughput."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Sequence

from ..clock import Clock
from ..memory import open_memory
from ..memory.base import HostBuffer, Memory
from ..memory.failure import cuda_errors, cuda_failure
from ..request_times import RequestTimes
from .base import Lane, Runtime, TensorInfo
from .declaration import Option

if TYPE_CHECKING:
    import numpy as np

GPU_OPTIONS: Dict[str, Option] = {
    "device": Option(0, "Number of the GPU.", minimum=0),
    "pinned": Option(True, "Page-locked host buffers; false: pageable."),
    "spin": Option(False, "The host polls while it waits: quicker to answer, and one core is busy."),
    "cuda_graph": Option(False, "Compute is one launch of a captured graph in place of the single kernels."),
}
"""Options that all of them have."""

_EMPTY_PHASES = 21


class GpuLane(Lane):
    """One stream with buffers of its own. A subclass enqueues; this class times.

    Device time is read from four events around the three phases. Where the GPU waits for the host, a phase also
    contains the time in which the host enqueued it. The host's clock goes around all of it: enqueueing,
    the work, and the wait for the last event, which is when the host may read the outputs. It also goes around the
    enqueueing of the computation alone, as trtexec's does: where that takes as long as the computation, the GPU waits
    for the host.
    """

    def __init__(self, memory: Memory, spin: bool) -> None:
        self.memory = memory
        self.stream: Any = memory.stream()
        # The host waits for the last one alone.
        self._events = [memory.event(spin) for _ in range(4)]
        self._graph: Any = None

    def enqueue_copy_in(self) -> None:
        raise NotImplementedError

    def enqueue_compute(self) -> None:
        """Raises where the library reports at once that it cannot; what fails later shows in the wait."""
        raise NotImplementedError

    def enqueue_copy_out(self) -> None:
        raise NotImplementedError

    def input_arrays(self) -> List["np.ndarray"]:
        """The host buffers that are copied in."""
        raise NotImplementedError

    def make_current(self) -> None:
        self.memory.make_current(self.stream)

    def capture(self) -> None:
        """Turn the compute phase into a graph. Raises WorkerError where it cannot be captured: running on without would
        be another measurement than was asked for."""
        self.make_current()
        # The first request allocates and chooses kernels, which cannot be captured; so it goes before.
        self.submit()
        self.wait()
        try:
            self.memory.begin_capture(self.stream)
            try:
                self.enqueue_compute()
            finally:
                graph = self.memory.end_capture(self.stream)
        except Exception as error:
            raise cuda_failure("the CUDA graph cannot be captured: %s" % error, "while capturing")
        self._graph = graph

    @contextmanager
    def without_graph(self) -> Iterator[None]:
        """Compute is enqueued anew meanwhile: a graph that is launched tells a profiler nothing of its layers."""
        graph, self._graph = self._graph, None
        try:
            yield
        finally:
            self._graph = graph

    def empty_phase_ns(self) -> int:
        """What a phase takes in which nothing is done: two events, one recorded right after the other on a GPU that
        has no work. It is the host's time for recording one, which every phase of a request contains."""
        began, ended = self._events[:2]
        memory, stream, gaps = self.memory, self.stream, []
        for _ in range(_EMPTY_PHASES):
            memory.record(began, stream)
            memory.record(ended, stream)
            memory.wait(ended)
            gaps.append(memory.elapsed_ns(began, ended))
        return sorted(gaps)[len(gaps) // 2]

    def submit(self) -> None:
        try:
            self.make_current()
            self.enqueue_copy_in()
            self._compute()
            self.enqueue_copy_out()
            self.memory.record(self._events[3], self.stream)
        except Exception as error:
            raise cuda_failure(error, "in a request")

    def wait(self) -> None:
        try:
            self.memory.wait(self._events[3])
        except Exception as error:
            raise cuda_failure(error, "in a request")

    def request(self, clock: Clock) -> RequestTimes:
        memory, stream = self.memory, self.stream
        began, copied_in, computed, ended = self._events
        start_ns = clock()
        memory.record(began, stream)
        self.enqueue_copy_in()
        memory.record(copied_in, stream)
        enqueueing_ns = clock()
        self._compute()
        enqueued_ns = clock()
        memory.record(computed, stream)
        self.enqueue_copy_out()
        memory.record(ended, stream)
        memory.wait(ended)
        end_ns = clock()
        elapsed_ns = memory.elapsed_ns
        return RequestTimes(
            start_ns,
            end_ns,
            elapsed_ns(began, copied_in),
            elapsed_ns(copied_in, computed),
            elapsed_ns(computed, ended),
            enqueued_ns - enqueueing_ns,
        )

    def _compute(self) -> None:
        if self._graph is None:
            self.enqueue_compute()
        else:
            self.memory.launch(self._graph, self.stream)


class GpuRuntime(Runtime):
    """A runtime on one GPU. The first lane serves the latency's requests, one in flight."""

    ON_GPU = True
    INPUTS_IN_PLACE = True
    OVERLAPS_REQUESTS = True
    OPTIONS = GPU_OPTIONS
    LIBRARY = ""
    """Of the memory seam, where the runtime cannot use another."""

    def open_gpu(self) -> None:
        self.memory = open_memory(
            str(self.options.get("memory", self.LIBRARY)), self.options["device"], self.options["cuda_graph"]
        )
        self._lanes: List[GpuLane] = []
        self._arrays: List["np.ndarray"] = []

    def make_lane(self) -> GpuLane:
        """A stream and everything that a request needs, not yet fed."""
        raise NotImplementedError

    def feed(self, lane: GpuLane, arrays: Sequence["np.ndarray"]) -> None:
        raise NotImplementedError

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        self._arrays = list(arrays)
        # The memory of the lanes before, where there were any, is free before more is asked for.
        self._lanes = []
        self._lanes = [self._ready_lane()]
        self._lanes[0].make_current()

    def input_arrays(self) -> List["np.ndarray"]:
        return self._lanes[0].input_arrays()

    def gpu_facts(self) -> Dict[str, Any]:
        """Those of the memory seam, and `empty_phase_ns` once there is a lane."""
        facts = self.memory.facts()
        if self._lanes:
            with cuda_errors("while timing two events"):
                facts["empty_phase_ns"] = self._lanes[0].empty_phase_ns()
        return facts

    def request(self) -> RequestTimes:
        try:
            return self._lanes[0].request(self.clock)
        except Exception as error:
            raise cuda_failure(error, "in a request")

    def lanes(self, count: int) -> List[Lane]:
        while len(self._lanes) < count:
            self._lanes.append(self._ready_lane())
        return list(self._lanes[:count])

    def close(self) -> None:
        self._lanes = []
        self.memory.close()

    def _ready_lane(self) -> GpuLane:
        lane = self.make_lane()
        self.feed(lane, self._arrays)
        if self.options["cuda_graph"]:
            lane.capture()
        return lane


def host_buffers(memory: Memory, tensors: Sequence[TensorInfo], pinned: bool) -> List[HostBuffer]:
    """One a tensor; all sizes have to be known."""
    return [
        memory.host_buffer([size for size in tensor.shape if size is not None], tensor.dtype, pinned)
        for tensor in tensors
    ]
