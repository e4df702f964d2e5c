"""GPU memory by cuda-python, NVIDIA's own bindings: has CUDA graphs, needs Python 3.10 or later."""

import ctypes
import importlib
from typing import Any, Dict, List, Sequence

from ..failure import WorkerError
from .base import DeviceBuffer, HostBuffer, Memory, described, nanoseconds
from .failure import cuda_failure, library_missing


class CudaPythonMemory(Memory):
    """By CUDA's runtime API. Its functions return a code and the values; a code other than 0 is raised here."""

    name = "cuda-python"
    HAS_GRAPHS = True

    def __init__(self, device: int) -> None:
        self._runtime: Any = _import_runtime()
        self._number = device
        self._held_host: List[int] = []
        self._held_device: List[int] = []
        self._call("while starting the GPU", self._runtime.cudaSetDevice, device)

    def facts(self) -> Dict[str, Any]:
        doing = "while asking the GPU what it is"
        found = self._call(doing, self._runtime.cudaGetDeviceProperties, self._number)
        driver = self._call(doing, self._runtime.cudaDriverGetVersion)
        name = found.name.decode(errors="replace") if isinstance(found.name, bytes) else str(found.name)
        version = str(getattr(importlib.import_module("cuda.bindings"), "__version__", "unknown version"))
        library = "cuda-python " + version
        return described(name, int(driver), (found.major, found.minor), int(found.totalGlobalMem), library)

    def host_buffer(self, shape: Sequence[int], dtype: str, pinned: bool) -> HostBuffer:
        import numpy as np

        if not pinned:
            return HostBuffer(np.zeros(tuple(shape), dtype), False)
        count = int(np.prod(tuple(shape), dtype=np.int64))
        size_bytes = max(1, count * np.dtype(dtype).itemsize)
        address = self._call("while allocating pinned host memory", self._runtime.cudaMallocHost, size_bytes)
        self._held_host.append(address)
        raw = (ctypes.c_uint8 * size_bytes).from_address(int(address))
        array: np.ndarray = np.frombuffer(memoryview(raw), dtype=np.dtype(dtype), count=count).reshape(tuple(shape))
        array.fill(0)
        return HostBuffer(array, True, address)

    def device_buffer(self, like: HostBuffer) -> DeviceBuffer:
        size_bytes = like.array.nbytes
        address = self._call("while allocating %d bytes" % size_bytes, self._runtime.cudaMalloc, max(1, size_bytes))
        self._held_device.append(address)
        return DeviceBuffer(int(address), size_bytes, address)

    def stream(self) -> Any:
        flag = self._runtime.cudaStreamNonBlocking
        return self._call("while making a stream", self._runtime.cudaStreamCreateWithFlags, flag)

    def stream_handle(self, stream: Any) -> int:
        return int(stream)

    def event(self, spin: bool) -> Any:
        flag = self._runtime.cudaEventDefault if spin else self._runtime.cudaEventBlockingSync
        return self._call("while making an event", self._runtime.cudaEventCreateWithFlags, flag)

    def record(self, event: Any, stream: Any) -> None:
        self._call("while recording an event", self._runtime.cudaEventRecord, event, stream)

    def wait(self, event: Any) -> None:
        self._call("while waiting for the GPU", self._runtime.cudaEventSynchronize, event)

    def elapsed_ns(self, start: Any, end: Any) -> int:
        doing = "while reading an event's time"
        return nanoseconds(float(self._call(doing, self._runtime.cudaEventElapsedTime, start, end)))

    def copy_in(self, to: DeviceBuffer, host: HostBuffer, stream: Any) -> None:
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        source, size_bytes = host.array.ctypes.data, host.array.nbytes
        self._call(
            "while copying to the GPU", self._runtime.cudaMemcpyAsync, to.address, source, size_bytes, kind, stream
        )

    def copy_out(self, host: HostBuffer, of: DeviceBuffer, stream: Any) -> None:
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        to, size_bytes = host.array.ctypes.data, host.array.nbytes
        self._call(
            "while copying from the GPU", self._runtime.cudaMemcpyAsync, to, of.address, size_bytes, kind, stream
        )

    def begin_capture(self, stream: Any) -> None:
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("while starting to capture a graph", self._runtime.cudaStreamBeginCapture, stream, mode)

    def end_capture(self, stream: Any) -> Any:
        graph = self._call("while capturing a graph", self._runtime.cudaStreamEndCapture, stream)
        return self._call("while capturing a graph", self._runtime.cudaGraphInstantiate, graph, 0)

    def launch(self, graph: Any, stream: Any) -> None:
        self._call("while launching a graph", self._runtime.cudaGraphLaunch, graph, stream)

    def close(self) -> None:
        held_host, held_device = self._held_host, self._held_device
        self._held_host, self._held_device = [], []
        for address in held_device:
            self._call("while freeing memory", self._runtime.cudaFree, address)
        for address in held_host:
            self._call("while freeing memory", self._runtime.cudaFreeHost, address)

    def _call(self, doing: str, function: Any, *arguments: Any) -> Any:
        try:
            returned = function(*arguments)
        except WorkerError:
            raise
        except Exception as error:
            # Without a driver some of the functions raise instead of returning a code.
            raise cuda_failure(error, doing)
        code, values = returned[0], returned[1:]
        if int(code) != 0:
            raise cuda_failure(self._words(code), doing)
        return values[0] if values else None

    def _words(self, code: Any) -> str:
        found = self._runtime.cudaGetErrorString(code)[1]
        text = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
        return "%s (%s, %d)" % (text, getattr(code, "name", "cudaError"), int(code))


def _import_runtime() -> Any:
    missing = None
    # Before release 12.6 the package was called cuda.cudart.
    for name in ("cuda.bindings.runtime", "cuda.cudart"):
        try:
            return importlib.import_module(name)
        except Exception as error:
            missing = missing or error
    raise library_missing("cuda-python", missing, "pip install cuda-python")
