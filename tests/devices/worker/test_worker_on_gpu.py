"""What only a real GPU can show; `pytest -m gpu`. The torch-cuda runtime needs nothing but PyTorch with CUDA."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from bench_worker.clock import now_ns
from bench_worker.failure import WorkerError
from bench_worker.inputs import generate
from bench_worker.job import InputTensor, ThroughputBounds
from bench_worker.memory import open_memory
from bench_worker.runtimes import create_runtime
from bench_worker.throughput import measure_throughput

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def torch():
    found = pytest.importorskip("torch")
    if not found.cuda.is_available():
        pytest.skip("PyTorch finds no GPU here")
    return found


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A program of tens of milliseconds: (path, its input)."""
    torch = pytest.importorskip("torch")
    layers = [torch.nn.Conv2d(3, 256, 3, padding=1)]
    layers += [torch.nn.Conv2d(256, 256, 3, padding=1) for _ in range(8)]
    torch.manual_seed(0)
    module = torch.nn.Sequential(*layers, torch.nn.Conv2d(256, 3, 1)).eval()
    path = tmp_path_factory.mktemp("large") / "model.pt2"
    torch.export.save(torch.export.export(module, (torch.zeros(1, 3, 768, 1024),)), path)
    return path, InputTensor("input", (1, 3, 768, 1024), "float32", "NCHW", "normal", 0.0, 1.0, 1)


def open_runtime(large, **options):
    path, tensor = large
    runtime = create_runtime("torch-cuda", options, now_ns)
    runtime.load(str(path), [tensor])
    runtime.set_inputs([generate(tensor)])
    for _ in range(5):
        runtime.request()
    return runtime


def medians(runtime, count=30):
    rows = [runtime.request() for _ in range(count)]
    latency = statistics.median(row.end_ns - row.start_ns for row in rows)
    return latency, [statistics.median(column) for column in zip(*[row[2:5] for row in rows], strict=True)]


def test_event_times_add_up_to_the_wall_clock(large):
    runtime = open_runtime(large)
    latency, phases = medians(runtime)
    assert all(phase > 0 for phase in phases)
    assert sum(phases) == pytest.approx(latency, rel=0.05)
    runtime.close()


def test_the_transfer_takes_what_a_plain_copy_of_these_bytes_takes(large):
    runtime = open_runtime(large)
    _, phases = medians(runtime)
    runtime.close()
    memory = open_memory("torch", 0)
    stream = memory.stream()
    memory.make_current(stream)
    host = memory.host_buffer((1, 3, 768, 1024), "float32", True)
    room = memory.device_buffer(host)
    began, ended = memory.event(False), memory.event(False)
    times = []
    for _ in range(50):
        memory.record(began, stream)
        memory.copy_in(room, host, stream)
        memory.record(ended, stream)
        memory.wait(ended)
        times.append(memory.elapsed_ns(began, ended))
    plain = statistics.median(times)
    # A copy right after another's end may find the link in another state of power: 30 % and 20 us.
    assert phases[0] == pytest.approx(plain, rel=0.3, abs=20_000)


def test_graph_and_no_graph_give_equal_outputs(large):
    plain, graph = open_runtime(large), open_runtime(large, cuda_graph=True)
    plain.request()
    graph.request()
    for one, other in zip(plain.outputs().values(), graph.outputs().values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    graph.close()
    plain.close()


def test_pinned_and_pageable_give_equal_outputs(large):
    pinned, pageable = open_runtime(large), open_runtime(large, pinned=False)
    for one, other in zip(pinned.outputs().values(), pageable.outputs().values(), strict=True):
        np.testing.assert_array_equal(one, other)
    pageable.close()
    pinned.close()


@pytest.mark.parametrize("streams", [1, 2])
def test_throughput_is_at_least_that_of_one_request_after_the_other(large, streams):
    runtime = open_runtime(large)
    latency, _ = medians(runtime)
    bounds = ThroughputBounds(streams, 200_000_000, 10, 1_000_000_000, 5_000_000_000)
    found = measure_throughput(runtime.lanes(streams), 1, bounds, now_ns)
    assert found["images_per_s"] > 0.9 * 1e9 / latency
    runtime.close()


def test_memory_that_runs_out_is_said(torch):
    memory = open_memory("torch", 0)
    total = memory.facts()["memory_total_bytes"]

    class Huge:
        array = np.broadcast_to(np.zeros(1, np.uint8), (total,))
        keep = torch.empty(0, dtype=torch.uint8).expand(0)

    Huge.keep = torch.zeros(1, dtype=torch.uint8).expand(2 * total)
    with pytest.raises(WorkerError) as caught:
        memory.device_buffer(Huge)
    assert caught.value.kind == "out-of-memory"


def test_enqueueing_is_part_of_the_latency_and_short_beside_a_large_model(large):
    runtime = open_runtime(large)
    rows = [runtime.request() for _ in range(20)]
    runtime.close()
    assert all(0 < row.enqueue_ns < row.end_ns - row.start_ns for row in rows)
    assert statistics.median(row.enqueue_ns / row.compute_ns for row in rows) < 0.5


def test_the_operator_that_overflows_in_half_precision_is_named(torch, tmp_path):
    from latency_bench.harness.export.formats.pt2 import half_inside

    class Overflowing(torch.nn.Module):
        def forward(self, image):
            return image / (image * 60000.0 * image)

    values = np.full((1, 3, 8, 8), 3.0, np.float32)
    module = half_inside(Overflowing().eval(), torch.float16)
    torch.export.save(torch.export.export(module, (torch.from_numpy(values),)), tmp_path / "model.pt2")
    runtime = create_runtime("torch-cuda", {}, now_ns)
    runtime.load(
        str(tmp_path / "model.pt2"), [InputTensor("input", values.shape, "float32", "NCHW", "normal", 0, 1, 1)]
    )
    runtime.set_inputs([values])
    runtime.request()
    (output,) = runtime.outputs().values()
    assert np.isfinite(output).all()
    found = runtime.first_non_finite()
    runtime.close()
    assert found.operator.startswith("aten.mul")
    assert found.infinite_count == values.size
