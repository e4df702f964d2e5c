"""One contract for every library of the memory seam; with -m gpu the same on a real GPU."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from bench_worker.failure import WorkerError
from bench_worker.memory import open_memory

_spec = importlib.util.spec_from_file_location("fake_gpu", Path(__file__).with_name("fake_gpu.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)


@pytest.fixture
def gpu():
    return fakes.FakeGpu()


def install(monkeypatch, gpu, *libraries):
    """Put the fakes of these libraries in place of what is installed, and hide the others."""
    for name in ("pycuda", "pycuda.driver", "cuda", "cuda.bindings", "cuda.bindings.driver", "cuda.cuda"):
        monkeypatch.setitem(sys.modules, name, None)
    made = {"pycuda": fakes.fake_pycuda, "cuda-python": fakes.fake_cuda_python}
    for library in libraries:
        for name, module in made[library](gpu).items():
            monkeypatch.setitem(sys.modules, name, module)


REAL = [pytest.param(name, marks=pytest.mark.gpu, id=f"real {name}") for name in ("pycuda", "cuda-python", "torch")]


@pytest.fixture(params=["pycuda", "cuda-python"])
def faked(request, monkeypatch, gpu):
    install(monkeypatch, gpu, request.param)
    return open_memory(request.param, 0)


@pytest.fixture(params=["fake pycuda", "fake cuda-python", *REAL])
def memory(request, monkeypatch, gpu):
    name = request.param
    if name.startswith("fake "):
        name = name.removeprefix("fake ")
        install(monkeypatch, gpu, name)
    else:
        pytest.importorskip({"pycuda": "pycuda.driver", "cuda-python": "cuda.bindings.driver", "torch": "torch"}[name])
    opened = open_memory(name, 0)
    yield opened
    opened.close()


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize(("shape", "dtype"), [((3, 5, 7), "float32"), ((1,), "uint8"), ((2, 1025), "float16")])
def test_copies_are_right_byte_for_byte(memory, pinned, shape, dtype):
    stream = memory.stream()
    memory.make_current(stream)
    source, target = (memory.host_buffer(shape, dtype, pinned) for _ in range(2))
    assert not target.array.any()
    source.array[...] = (np.random.RandomState(0).standard_normal(shape) * 50).astype(dtype)
    room = memory.device_buffer(source)
    assert room.size_bytes == source.array.nbytes
    memory.copy_in(room, source, stream)
    memory.copy_out(target, room, stream)
    done = memory.event(spin=False)
    memory.record(done, stream)
    memory.wait(done)
    assert target.array.tobytes() == source.array.tobytes()
    assert source.array.any()


def test_events_give_the_time_between_them(memory):
    stream = memory.stream()
    memory.make_current(stream)
    host = memory.host_buffer((1 << 20,), "uint8", True)
    room = memory.device_buffer(host)
    began, first, second = (memory.event(spin=True) for _ in range(3))
    memory.record(began, stream)
    memory.copy_in(room, host, stream)
    memory.record(first, stream)
    memory.copy_out(host, room, stream)
    memory.record(second, stream)
    memory.wait(second)
    parts = memory.elapsed_ns(began, first), memory.elapsed_ns(first, second)
    assert all(isinstance(part, int) and part > 0 for part in parts)
    assert sum(parts) == pytest.approx(memory.elapsed_ns(began, second), rel=0.01, abs=2000)


def test_facts_name_the_gpu(memory):
    facts = memory.facts()
    assert facts["name"]
    assert facts["memory_total_bytes"] > 0
    assert "." in facts["compute_capability"]
    assert "uuid" in facts or "pci_bus_id" in facts, "the host finds the GPU by one of them"
    assert memory.name.split("-")[0] in facts["library"]


def test_the_fake_moves_real_time(faked, gpu):
    host = faked.host_buffer((1000,), "uint8", True)
    began, ended = faked.event(False), faked.event(False)
    stream = faked.stream()
    room = faked.device_buffer(host)
    faked.record(began, stream)
    faked.copy_in(room, host, stream)
    faked.record(ended, stream)
    assert faked.elapsed_ns(began, ended) == round(1000 * fakes.COPY_NS_PER_BYTE)


def test_spinning_and_sleeping_are_different_events(faked):
    for spin, flags in ((True, 0), (False, 1)):
        event = faked.event(spin)
        assert getattr(event, "handle", event).flags == flags


def test_memory_runs_out(faked, gpu):
    gpu.free_bytes = 100
    host = faked.host_buffer((101,), "uint8", False)
    with pytest.raises(WorkerError) as caught:
        faked.device_buffer(host)
    assert caught.value.kind == "out-of-memory"
    assert "101 bytes" in caught.value.message
    assert "--batch" in caught.value.remedy


@pytest.mark.parametrize(
    ("words", "kind", "remedy"),
    [
        ("cuInit failed: no CUDA-capable device is detected", "runtime-missing", "CUDA_VISIBLE_DEVICES"),
        ("CUDA driver version is insufficient for CUDA runtime version", "runtime-missing", "update the driver"),
        ("the GPU is lost, reboot the system", "runtime-failed", "dmesg"),
        ("unspecified launch failure", "runtime-failed", "dmesg"),
    ],
)
@pytest.mark.parametrize("library", ["pycuda", "cuda-python"])
def test_what_a_failed_start_means(monkeypatch, gpu, library, words, kind, remedy):
    install(monkeypatch, gpu, library)
    gpu.broken = words
    with pytest.raises(WorkerError) as caught:
        open_memory(library, 0)
    assert caught.value.kind == kind
    assert words in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("library", ["pycuda", "cuda-python"])
def test_a_gpu_that_is_not_there_is_a_wrong_request(monkeypatch, gpu, library):
    install(monkeypatch, gpu, library)
    with pytest.raises(WorkerError) as caught:
        open_memory(library, 3)
    assert caught.value.kind == "bad-request"
    assert "device=" in caught.value.remedy


def test_which_library_is_taken(monkeypatch, gpu):
    install(monkeypatch, gpu, "pycuda", "cuda-python")
    assert open_memory("auto", 0).name == "pycuda"
    assert open_memory("auto", 0, graphs=True).name == "cuda-python"
    with pytest.raises(WorkerError, match="cannot capture CUDA graphs"):
        open_memory("pycuda", 0, graphs=True)
    install(monkeypatch, gpu, "cuda-python")
    assert open_memory("auto", 0).name == "cuda-python"
    install(monkeypatch, gpu)
    with pytest.raises(WorkerError) as caught:
        open_memory("auto", 0)
    assert caught.value.kind == "runtime-missing"
    assert "pip install pycuda" in caught.value.remedy
    with pytest.raises(WorkerError, match="there is no library called"):
        open_memory("cupy", 0)


def test_pycuda_without_a_driver_does_not_say_that_pycuda_is_missing(monkeypatch, tmp_path):
    (tmp_path / "pycuda").mkdir()
    (tmp_path / "pycuda" / "__init__.py").write_text("")
    (tmp_path / "pycuda" / "driver.py").write_text("raise ImportError('libcuda.so.1: cannot open shared object file')")
    for name in ("pycuda", "pycuda.driver"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WorkerError) as caught:
        open_memory("pycuda", 0)
    assert "no NVIDIA driver" in caught.value.message
    for name in ("pycuda", "pycuda.driver"):
        sys.modules.pop(name, None)


@pytest.mark.no_gpu
def test_torch_without_a_gpu_says_so():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(WorkerError) as caught:
        open_memory("torch", 0)
    assert caught.value.kind == "runtime-missing"
    assert "driver" in caught.value.message or "GPU" in caught.value.message


def test_a_graph_does_again_what_was_written_down(monkeypatch, gpu):
    install(monkeypatch, gpu, "cuda-python")
    memory = open_memory("cuda-python", 0, graphs=True)
    stream = memory.stream()
    source, target = memory.host_buffer((4,), "float32", True), memory.host_buffer((4,), "float32", True)
    room = memory.device_buffer(source)
    memory.begin_capture(stream)
    memory.copy_in(room, source, stream)
    graph = memory.end_capture(stream)
    source.array[...] = 5
    memory.launch(graph, stream)
    memory.copy_out(target, room, stream)
    assert (target.array == 5).all()


def test_closing_frees_what_was_allocated(monkeypatch, gpu):
    install(monkeypatch, gpu, "cuda-python")
    memory = open_memory("cuda-python", 0)
    kept = memory.device_buffer(memory.host_buffer((1000,), "uint8", True))
    memory.device_buffer(memory.host_buffer((500,), "uint8", True))
    assert gpu.free_bytes == gpu.total_bytes - 1000, "what nobody holds any more is free at once"
    memory.close()
    assert gpu.free_bytes == gpu.total_bytes
    del kept
    assert gpu.free_bytes == gpu.total_bytes


@pytest.mark.parametrize("last", [False, True])
def test_torch_copies_keep_bytes_and_memory_format(last):
    """The part of the torch library that does not need a GPU: its buffers and copies, on the processor's tensors."""
    torch = pytest.importorskip("torch")
    from bench_worker.memory.base import HostBuffer
    from bench_worker.memory.torch_memory import TorchMemory

    memory = TorchMemory.__new__(TorchMemory)
    memory._torch, memory.torch_device = torch, torch.device("cpu")
    shape = (2, 5, 7, 3) if last else (2, 3, 5, 7)
    hosts = [memory.host_buffer(shape, "float32", False) for _ in range(2)]
    if last:
        hosts = [HostBuffer(one.array.transpose(0, 3, 1, 2), False, one.keep.permute(0, 3, 1, 2)) for one in hosts]
    source, target = hosts
    source.array[...] = np.random.RandomState(0).standard_normal((2, 3, 5, 7))
    room = memory.device_buffer(source)
    assert room.keep.stride() == source.keep.stride()
    assert room.size_bytes == 2 * 3 * 5 * 7 * 4
    memory.copy_in(room, source, None)
    source.array[...] = 0
    memory.copy_out(target, room, None)
    np.testing.assert_array_equal(target.array, np.random.RandomState(0).standard_normal((2, 3, 5, 7)).astype("f4"))
