"""Throughput: what is counted, and for how long; and for real with a runtime of the processor."""

from __future__ import annotations

import pytest

from bench_worker.failure import WorkerError
from bench_worker.job import ThroughputBounds
from bench_worker.runtime.base import Lane
from bench_worker.throughput import measure_throughput


class Belt(Lane):
    """Lanes that share one device, which does one request after the other, `request_ns` each."""

    def __init__(self, clock, request_ns, device):
        self._clock, self._request_ns, self._device = clock, request_ns, device
        self.ready_ns = None
        self.submitted = 0

    def submit(self):
        assert self.ready_ns is None, "submitted twice without a wait"
        self._device[0] = max(self._device[0], self._clock()) + self._request_ns
        self.ready_ns = self._device[0]
        self.submitted += 1

    def wait(self):
        assert self.ready_ns is not None, "waited for nothing"
        self._clock.now_ns = max(self._clock.now_ns, self.ready_ns)
        self.ready_ns = None


def _belts(clock, count, request_ns):
    device = [clock()]
    return [Belt(clock, request_ns, device) for _ in range(count)]


@pytest.mark.parametrize("streams", [1, 2, 3])
def test_a_device_that_is_never_idle_gives_its_own_rate(fake_clock, streams):
    bounds = ThroughputBounds(streams, 5_000_000, 10, 100_000_000, 200_000_000)
    lanes = _belts(fake_clock, streams, 1_000_000)
    found = measure_throughput(lanes, 4, bounds, fake_clock)
    assert found["images_per_s"] == pytest.approx(4 * 1000, rel=0.02)
    assert (found["streams"], found["batch"]) == (streams, 4)
    assert found["images"] == 4 * found["requests"] == 400
    assert found["elapsed_ns"] == 100_000_000
    assert all(lane.ready_ns is None for lane in lanes), "requests were left in flight"
    # The warm-up's requests are not counted.
    assert sum(lane.submitted for lane in lanes) >= found["requests"] + 5


def test_slow_requests_end_at_the_cap_and_few_ones_at_the_count(fake_clock):
    slow = measure_throughput(_belts(fake_clock, 1, 300), 1, ThroughputBounds(1, 0, 1000, 0, 3000), fake_clock)
    assert slow["requests"] == 10
    few = measure_throughput(_belts(fake_clock, 1, 300), 1, ThroughputBounds(1, 0, 7, 0, 10**9), fake_clock)
    assert few["requests"] == 7


BOUNDS = {"streams": 1, "warmup_ns": 1_000_000, "min_count": 5, "min_ns": 20_000_000, "max_ns": 1_000_000_000}


def test_for_real_on_the_processor(run_worker, request_for, onnx_artifact):
    pytest.importorskip("onnxruntime")
    finished = run_worker(request_for("onnxruntime", onnx_artifact, throughput=BOUNDS))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = finished.event("done")["throughput"]
    assert found["elapsed_ns"] >= 20_000_000
    assert found["images_per_s"] == pytest.approx(found["images"] * 1e9 / found["elapsed_ns"])
    # One stream, one request after the other: close to what the latency says, whatever the machine does.
    assert found["images_per_s"] < 3e9 / min(finished.column("sampling", "latency_ns"))


def test_a_processor_has_one_stream(run_worker, request_for, onnx_artifact):
    pytest.importorskip("onnxruntime")
    finished = run_worker(request_for("onnxruntime", onnx_artifact, throughput=dict(BOUNDS, streams=2)))
    assert finished.returncode == 2
    assert "one stream" in finished.event("error")["message"]


@pytest.mark.parametrize(
    ("change", "field"), [({"streams": 0}, "streams"), ({"min_ns": 2 * 10**9}, "min_ns"), ({"stream": 1}, "stream")]
)
def test_wrong_bounds_are_refused_with_their_field(change, field):
    from bench_worker.job import _parse_throughput

    with pytest.raises(WorkerError, match=f"throughput.{field}"):
        _parse_throughput({**BOUNDS, **change})
