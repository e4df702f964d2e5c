"""What measuring itself costs: the same loop and the same code path with a runtime that does nothing."""

from typing import NamedTuple, Optional, Sequence

from .clock import Clock
from .loop import run_stage
from .request_times import Samples
from .runtime.base import HostRuntime

_REQUESTS = 2000


class LoopOverhead(NamedTuple):
    in_sample_ns: int
    """Median latency of a request that does nothing: clock readings and calls, part of every latency."""
    between_samples_ns: int
    """Median time from the end of one request to the start of the next: no part of any latency."""


class EmptyRuntime(HostRuntime):
    """Three phases in which nothing happens."""

    def copy_in(self) -> None:
        pass

    def invoke(self) -> None:
        pass

    def copy_out(self) -> None:
        pass


def measure_loop_overhead(clock: Clock) -> LoopOverhead:
    samples = Samples(0, _REQUESTS)
    run_stage(EmptyRuntime({}, clock).request, samples, _after_enough, lambda *_: None, clock)
    columns = samples.columns()
    starts, latencies = columns["start_ns"], columns["latency_ns"]
    gaps = [starts[row + 1] - starts[row] - latencies[row] for row in range(len(starts) - 1)]
    return LoopOverhead(_median(latencies), _median(gaps))


def _after_enough(latency_ns: Sequence[int], count: int, elapsed_ns: int) -> Optional[str]:
    return "max_count" if count >= _REQUESTS else None


def _median(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]
