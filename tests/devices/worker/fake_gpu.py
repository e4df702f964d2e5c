"""A GPU in software: memory with addresses, streams that run in order, events with a clock. Fakes of pycuda and
cuda-python sit on top, with the names and the manners of the real ones."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

COPY_NS_PER_BYTE = 0.1
KERNEL_NS = 50_000


class CudaError(Exception):
    """What a fake library raises; `pycuda` words."""


class FakeGpu:
    """`broken`: words of the error that every call raises from now on; `free_bytes`: what can still be allocated."""

    def __init__(self, total_bytes: int = 1 << 24) -> None:
        self.total_bytes = self.free_bytes = total_bytes
        self.broken: str | None = None
        self.now_ns = 0.0
        self.blocks: dict[int, np.ndarray] = {}
        self._next = 0x7F0000000000
        self.capturing: list[Any] | None = None
        self.refuse_capture = False
        self.log: list[str] = []

    def check(self) -> None:
        if self.broken:
            raise CudaError(self.broken)

    def allocate(self, size_bytes: int) -> int:
        self.check()
        if size_bytes > self.free_bytes:
            raise CudaError("cuMemAlloc failed: out of memory")
        self.free_bytes -= size_bytes
        self._next += 1 << 32
        self.blocks[self._next] = np.full(size_bytes, 0xAB, np.uint8)
        return self._next

    def free(self, address: int) -> None:
        self.free_bytes += self.blocks.pop(address).nbytes

    def enqueue(self, what: str, work: Any, ns: float, stream: int = 77) -> None:
        """Streams of this GPU are finished at once: the host sees the order, the events see the time."""
        self.check()
        assert stream == 77

        def run() -> None:
            work()
            self.now_ns += ns
            self.log.append(what)

        if self.capturing is not None:
            if self.refuse_capture:
                raise CudaError("operation not permitted when stream is capturing")
            self.capturing.append(run)
        else:
            run()

    def copy_in(self, address: int, host: np.ndarray) -> None:
        raw = host.reshape(-1).view(np.uint8)
        self.enqueue("in", lambda: self._write(address, raw), raw.nbytes * COPY_NS_PER_BYTE)

    def copy_out(self, host: np.ndarray, address: int) -> None:
        raw = host.reshape(-1).view(np.uint8)
        self.enqueue("out", lambda: self._read(raw, address), raw.nbytes * COPY_NS_PER_BYTE)

    def array(self, address: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        return self.blocks[address].view(dtype)[: int(np.prod(shape))].reshape(shape)

    def _write(self, address: int, raw: np.ndarray) -> None:
        self.blocks[address][: raw.nbytes] = raw

    def _read(self, raw: np.ndarray, address: int) -> None:
        raw[...] = self.blocks[address][: raw.nbytes]


class FakeEvent:
    def __init__(self, gpu: FakeGpu, flags: int) -> None:
        self._gpu = gpu
        self.flags = flags
        self.at_ns: float | None = None

    def record(self, stream: Any) -> None:
        self._gpu.check()
        self.at_ns = self._gpu.now_ns

    def synchronize(self) -> None:
        self._gpu.check()
        assert self.at_ns is not None, "waited for an event that was never recorded"

    def time_till(self, end: FakeEvent) -> float:
        assert self.at_ns is not None
        assert end.at_ns is not None
        return (end.at_ns - self.at_ns) / 1e6


def fake_pycuda(gpu: FakeGpu) -> dict[str, types.ModuleType]:
    """`pycuda` and `pycuda.driver`."""
    package, driver = types.ModuleType("pycuda"), types.ModuleType("pycuda.driver")

    class Context:
        def push(self) -> None:
            gpu.log.append("push")

        def pop(self) -> None:
            gpu.log.append("pop")

        def detach(self) -> None:
            gpu.log.append("detach")

        def synchronize(self) -> None:
            gpu.check()

    class Device:
        def __init__(self, number: int) -> None:
            gpu.check()
            if number != 0:
                raise CudaError("cuDeviceGet failed: invalid device ordinal")

        def retain_primary_context(self) -> Context:
            return Context()

        def name(self) -> str:
            return "Fake GPU"

        def compute_capability(self) -> tuple[int, int]:
            return 8, 7

        def total_memory(self) -> int:
            return gpu.total_bytes

        def pci_bus_id(self) -> str:
            return "0000:3B:00.0"

    class Allocation:
        def __init__(self, size_bytes: int) -> None:
            self._address = gpu.allocate(size_bytes)

        def __del__(self) -> None:
            if hasattr(self, "_address"):
                gpu.free(self._address)

        def __int__(self) -> int:
            return self._address

    class Stream:
        handle = 77

        def __init__(self, flags: int) -> None:
            gpu.check()

    def init() -> None:
        gpu.check()

    contents = {
        "init": init,
        "Device": Device,
        "Stream": Stream,
        "Event": lambda flags: FakeEvent(gpu, flags),
        "event_flags": types.SimpleNamespace(DEFAULT=0, BLOCKING_SYNC=1),
        "mem_alloc": Allocation,
        "pagelocked_zeros": np.zeros,
        "memcpy_htod_async": lambda address, host, stream: gpu.copy_in(address, host),
        "memcpy_dtoh_async": lambda host, address, stream: gpu.copy_out(host, address),
        "get_driver_version": lambda: 12040,
    }
    for name, value in contents.items():
        setattr(driver, name, value)
    package.VERSION_TEXT = "2022.1"  # type: ignore[attr-defined]
    package.driver = driver  # type: ignore[attr-defined]
    return {"pycuda": package, "pycuda.driver": driver}


class Code(int):
    """CUresult: an integer with a name."""

    name = "CUDA_ERROR_SOMETHING"


def fake_cuda_python(gpu: FakeGpu) -> dict[str, types.ModuleType]:
    """`cuda`, `cuda.bindings` and `cuda.bindings.driver`; nothing raises, every function returns a code first."""
    driver = types.ModuleType("cuda.bindings.driver")
    words: list[str] = []
    hosts: dict[int, np.ndarray] = {}

    def returns(function: Any) -> Any:
        def call(*arguments: Any) -> tuple[Any, ...]:
            try:
                value = function(*arguments)
            except CudaError as error:
                words.append(str(error))
                return (Code(1), None)
            return (Code(0), value)

        return call

    def host_array(address: int, size_bytes: int) -> np.ndarray:
        import ctypes

        raw = (ctypes.c_uint8 * size_bytes).from_address(address)
        return np.frombuffer(raw, np.uint8)

    def malloc_host(size_bytes: int, flags: int) -> int:
        gpu.check()
        array = np.empty(size_bytes, np.uint8)
        hosts[array.ctypes.data] = array
        return int(array.ctypes.data)

    def get_device(number: int) -> int:
        gpu.check()
        if number != 0:
            raise CudaError("invalid device ordinal")
        return number

    def begin(stream: Any, mode: Any) -> None:
        gpu.capturing = []

    def end(stream: Any) -> list[Any]:
        gpu.check()
        written, gpu.capturing = gpu.capturing, None
        assert written is not None
        return written

    def launch(graph: Any, stream: Any) -> None:
        gpu.check()
        for work in graph:
            work()

    capability = types.SimpleNamespace(
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR=8, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR=7
    )
    contents = {
        "cuInit": returns(lambda flags: gpu.check()),
        "cuDeviceGet": returns(get_device),
        "cuDevicePrimaryCtxRetain": returns(lambda device: "context"),
        "cuDevicePrimaryCtxRelease": returns(lambda device: None),
        "cuCtxSetCurrent": returns(lambda context: None),
        "cuDeviceGetName": returns(lambda length, device: b"Fake GPU\0      "),
        "cuDeviceGetAttribute": returns(lambda attribute, device: attribute),
        "cuDeviceTotalMem": returns(lambda device: gpu.total_bytes),
        "cuDeviceGetUuid": returns(lambda device: types.SimpleNamespace(bytes=bytes(range(16)))),
        "cuDeviceGetPCIBusId": returns(lambda length, device: b"0000:3B:00.0\0   "),
        "cuDriverGetVersion": returns(lambda: 12040),
        "cuMemHostAlloc": returns(malloc_host),
        "cuMemFreeHost": returns(lambda address: hosts.pop(address) is None),
        "cuMemAlloc": returns(gpu.allocate),
        "cuMemFree": returns(gpu.free),
        "cuStreamCreate": returns(lambda flags: 77),
        "cuStreamDestroy": returns(lambda stream: None),
        "cuEventCreate": returns(lambda flags: FakeEvent(gpu, flags)),
        "cuEventDestroy": returns(lambda event: None),
        "cuEventRecord": returns(lambda event, stream: event.record(stream)),
        "cuEventSynchronize": returns(lambda event: event.synchronize()),
        "cuEventElapsedTime": returns(lambda start, end: start.time_till(end)),
        "cuMemcpyHtoDAsync": returns(lambda to, of, size, stream: gpu.copy_in(to, host_array(of, size))),
        "cuMemcpyDtoHAsync": returns(lambda to, of, size, stream: gpu.copy_out(host_array(to, size), of)),
        "cuStreamBeginCapture": returns(begin),
        "cuStreamEndCapture": returns(end),
        "cuGraphInstantiate": returns(lambda graph, flags: graph),
        "cuGraphLaunch": returns(launch),
        "cuGraphDestroy": returns(lambda graph: None),
        "cuGraphExecDestroy": returns(lambda graph: None),
        "cuGetErrorString": lambda code: (Code(0), words[-1].encode()),
        "CUstream_flags": types.SimpleNamespace(CU_STREAM_NON_BLOCKING=1),
        "CUevent_flags": types.SimpleNamespace(CU_EVENT_DEFAULT=0, CU_EVENT_BLOCKING_SYNC=1),
        "CUstreamCaptureMode": types.SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL=1),
        "CUdevice_attribute": capability,
    }
    for name, value in contents.items():
        setattr(driver, name, value)
    package, bindings = types.ModuleType("cuda"), types.ModuleType("cuda.bindings")
    bindings.__version__ = "13.5.0"  # type: ignore[attr-defined]
    bindings.driver = driver  # type: ignore[attr-defined]
    return {"cuda": package, "cuda.bindings": bindings, "cuda.bindings.driver": driver}
