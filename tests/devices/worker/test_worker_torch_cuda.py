"""The torch-cuda runtime, all of it but the GPU: its memory seam keeps tensors on the processor here. The same tests
run on a real GPU with -m gpu."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bench_worker.clock import now_ns
from bench_worker.failure import WorkerError
from bench_worker.inputs import generate
from bench_worker.job import InputTensor
from bench_worker.memory.base import DeviceBuffer, HostBuffer, Memory
from bench_worker.runtime import gpu
from bench_worker.runtimes import create_runtime

torch = pytest.importorskip("torch")
IMAGE = InputTensor("image", (1, 3, 16, 24), "float32", "NCHW", "normal", 0.0, 1.0, 3)


class ProcessorMemory(Memory):
    """The seam's contract on the processor: everything is finished when it is enqueued, events read the clock."""

    name = "torch"
    HAS_GRAPHS = True

    def __init__(self) -> None:
        self.torch_device = torch.device("cpu")
        self.fail: str | None = None
        self.refuse_capture = False
        self.current: object = None
        self.pinned: list[bool] = []

    def facts(self):
        return {"name": "processor"}

    def host_buffer(self, shape, dtype, pinned):
        self.pinned.append(pinned)
        tensor = torch.zeros(tuple(shape), dtype=getattr(torch, dtype))
        return HostBuffer(tensor.numpy(), pinned, tensor)

    def device_buffer(self, like):
        tensor = torch.full_like(like.keep, float("nan"))
        return DeviceBuffer(tensor.data_ptr(), like.array.nbytes, tensor)

    def stream(self):
        return object()

    def event(self, spin):
        return [None]

    def record(self, event, stream):
        assert stream is self.current, "work was enqueued on a stream that is not the current one"
        event[0] = time.perf_counter_ns()

    def wait(self, event):
        if self.fail:
            raise RuntimeError(self.fail)

    def elapsed_ns(self, start, end):
        return end[0] - start[0]

    def copy_in(self, to, host, stream):
        to.keep.copy_(host.keep)

    def copy_out(self, host, of, stream):
        host.keep.copy_(of.keep)

    def make_current(self, stream):
        self.current = stream

    def begin_capture(self, stream):
        if self.refuse_capture:
            raise RuntimeError("operation not permitted when stream is capturing")

    def end_capture(self, stream):
        return "graph"

    def launch(self, graph, stream):
        assert graph == "graph"


@pytest.fixture
def memory(monkeypatch):
    made = ProcessorMemory()
    monkeypatch.setattr(gpu, "open_memory", lambda name, device, graphs: made)
    return made


@pytest.fixture
def runtime(pt2_artifact):
    opened = []

    def open_runtime(**options):
        one = create_runtime("torch-cuda", options, now_ns)
        opened.append(one)
        one.load(str(pt2_artifact), [IMAGE])
        one.set_inputs([generate(IMAGE)])
        return one

    yield open_runtime
    for one in opened:
        one.close()


def expected(module):
    with torch.inference_mode():
        return [tensor.numpy() for tensor in module(torch.from_numpy(generate(IMAGE)))]


@pytest.mark.parametrize("options", [{}, {"channels_last": True}, {"pinned": False}])
def test_it_computes_the_module_and_times_its_phases(memory, runtime, two_layer_module, options):
    one = runtime(**options)
    for _ in range(2):
        times = one.request()
    outputs = one.outputs()
    for actual, wanted in zip(outputs.values(), expected(two_layer_module), strict=True):
        np.testing.assert_allclose(actual, wanted, atol=1e-5)
    one.input_arrays()[0][...] = 0
    times = one.request()
    with torch.inference_mode():
        wanted = two_layer_module(torch.zeros(IMAGE.shape))[0].numpy()
    np.testing.assert_allclose(next(iter(one.outputs().values())), wanted, atol=1e-5)
    phases = [times.h2d_ns, times.compute_ns, times.d2h_ns]
    assert all(phase > 0 for phase in phases)
    assert sum(phases) <= times.end_ns - times.start_ns
    # On this memory everything is computed while it is enqueued.
    assert 0 < times.enqueue_ns <= times.compute_ns
    assert set(memory.pinned) == {options.get("pinned", True)}


def test_facts_say_in_which_precision_the_program_computes(memory, runtime):
    facts = runtime().facts()
    assert facts["layer_precisions"] == {"float32": 2}
    assert facts["gpu"].pop("empty_phase_ns") >= 0
    assert facts["gpu"] == {"name": "processor"}
    assert facts["options"]["tf32"] is False


def test_half_precision_is_seen_in_the_program(two_layer_module, tmp_path):
    import copy

    from bench_worker.libraries.torch_program import layer_precisions
    from latency_bench.harness.export.formats.pt2 import half_inside

    for dtype in (torch.float16, torch.bfloat16):
        half = half_inside(copy.deepcopy(two_layer_module), dtype)
        program = torch.export.export(half, (torch.zeros(1, 3, 16, 24),))
        assert layer_precisions(program) == {str(dtype).removeprefix("torch."): 2}


@pytest.mark.parametrize("tf32", [False, True])
def test_tf32_is_off_unless_asked_for(memory, runtime, tf32):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        runtime(tf32=tf32)
        assert torch.get_float32_matmul_precision() == ("high" if tf32 else "highest")
        assert torch.backends.cudnn.allow_tf32 is tf32
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def test_a_graph_is_launched_in_place_of_the_module(memory, runtime):
    one = runtime(cuda_graph=True)
    launched = []
    memory.launch = lambda graph, stream: launched.append(graph)
    one.request()
    assert launched == ["graph"]


def test_a_graph_that_cannot_be_captured_is_an_error(memory, runtime):
    memory.refuse_capture = True
    with pytest.raises(WorkerError) as caught:
        runtime(cuda_graph=True)
    assert "could not be captured" in caught.value.message


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("CUDA error: out of memory", "out-of-memory"),
        ("CUDA error: unspecified launch failure", "runtime-failed"),
        ("CUDA error: the GPU is lost", "runtime-failed"),
    ],
)
def test_what_fails_in_a_request_is_explained(memory, runtime, words, kind):
    one = runtime()
    one.request()
    memory.fail = words
    with pytest.raises(WorkerError) as caught:
        one.request()
    assert caught.value.kind == kind
    assert words.removeprefix("CUDA error: ") in caught.value.message
    assert caught.value.remedy


def test_the_first_operator_that_is_not_finite_is_named(memory, runtime, two_layer_module):
    one = runtime()
    one.request()
    assert one.first_non_finite() is None
    one.set_inputs([np.full(IMAGE.shape, 1e38, np.float32)])
    one.request()
    found = one.first_non_finite()
    assert found.operator == "aten.mean.dim", "a sum is the first to overflow"
    assert found.infinite_count > 0


def test_each_lane_has_its_own_stream_and_buffers(memory, runtime, two_layer_module):
    lanes = runtime().lanes(2)
    for lane in lanes:
        lane.submit()
    for lane in lanes:
        lane.wait()
        np.testing.assert_allclose(lane.hosts[0].array, expected(two_layer_module)[0], atol=1e-5)
    assert lanes[0].stream is not lanes[1].stream
    assert not np.shares_memory(lanes[0].hosts[0].array, lanes[1].hosts[0].array)


def test_a_wrong_mode_is_refused(memory):
    with pytest.raises(WorkerError, match="one of eager, compile, got jit"):
        create_runtime("torch-cuda", {"mode": "jit"}, now_ns)
