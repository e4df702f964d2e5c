"""GPU memory by cuda-python, NVIDIA's own bindings: has CUDA graphs, needs Python 3.7 or later.

By CUDA's driver API alone. The bindings' runtime API is another library, which differs by release: up to 12.8 it was
written on top of the driver API, from 12.9 on it is NVIDIA's own. Both work in the GPU's primary context, which is the
one that TensorRT uses.
"""

import ctypes
import importlib
import weakref
from typing import Any, Callable, Dict, Optional, Sequence

from ..failure import WorkerError
from .base import DeviceBuffer, HostBuffer, Memory, described, nanoseconds, uuid_text
from .failure import cuda_failure, library_missing

_LONGEST_NAME = 256
_LONGEST_BUS_ID = 32


class Owned:
    """A handle that is given back when nobody holds this object any more, or when the GPU is closed."""

    __slots__ = ("__weakref__", "_give_back", "handle")

    def __init__(self, handle: Any, give_back: Callable[[Any], Any]) -> None:
        self.handle = handle
        self._give_back = give_back

    def give_back(self) -> None:
        handle, self.handle = self.handle, None
        if handle is not None:
            # What it answers changes nothing: a GPU that went away has nothing left to free.
            self._give_back(handle)

    def __del__(self) -> None:
        self.give_back()


class CudaPythonMemory(Memory):
    """The driver's functions return a code and the values; a code other than 0 is raised here."""

    name = "cuda-python"
    HAS_GRAPHS = True

    def __init__(self, device: int) -> None:
        self._driver: Any = _import_driver()
        self._owned: Any = weakref.WeakSet()
        doing = "while starting the GPU"
        self._call(doing, self._driver.cuInit, 0)
        self._device = self._call(doing, self._driver.cuDeviceGet, device)
        self._context = self._call(doing, self._driver.cuDevicePrimaryCtxRetain, self._device)
        self._call(doing, self._driver.cuCtxSetCurrent, self._context)

    def facts(self) -> Dict[str, Any]:
        doing, driver = "while asking the GPU what it is", self._driver
        attributes = driver.CUdevice_attribute
        capability = [
            int(self._call(doing, driver.cuDeviceGetAttribute, getattr(attributes, name), self._device))
            for name in (
                "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR",
                "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR",
            )
        ]
        return described(
            "cuda-python " + _version(),
            _text(self._call(doing, driver.cuDeviceGetName, _LONGEST_NAME, self._device)),
            int(self._call(doing, driver.cuDriverGetVersion)),
            capability,
            int(self._call(doing, driver.cuDeviceTotalMem, self._device)),
            self._uuid(),
            self._pci_bus_id(),
        )

    def host_buffer(self, shape: Sequence[int], dtype: str, pinned: bool) -> HostBuffer:
        import numpy as np

        if not pinned:
            return HostBuffer(np.zeros(tuple(shape), dtype), False)
        count = int(np.prod(tuple(shape), dtype=np.int64))
        size_bytes = max(1, count * np.dtype(dtype).itemsize)
        address = self._call("while allocating pinned host memory", self._driver.cuMemHostAlloc, size_bytes, 0)
        raw = (ctypes.c_uint8 * size_bytes).from_address(int(address))
        # The memory lives as long as any array that looks into it.
        raw.owner = self._own(address, self._driver.cuMemFreeHost)  # type: ignore[attr-defined]
        array: np.ndarray = np.frombuffer(memoryview(raw), dtype=np.dtype(dtype), count=count).reshape(tuple(shape))
        array.fill(0)
        return HostBuffer(array, True)

    def device_buffer(self, like: HostBuffer) -> DeviceBuffer:
        size_bytes = like.array.nbytes
        address = self._call("while allocating %d bytes" % size_bytes, self._driver.cuMemAlloc, max(1, size_bytes))
        return DeviceBuffer(int(address), size_bytes, self._own(address, self._driver.cuMemFree))

    def stream(self) -> Any:
        flag = int(self._driver.CUstream_flags.CU_STREAM_NON_BLOCKING)
        stream = self._call("while making a stream", self._driver.cuStreamCreate, flag)
        return self._own(stream, self._driver.cuStreamDestroy)

    def stream_handle(self, stream: Any) -> int:
        return int(stream.handle)

    def event(self, spin: bool) -> Any:
        flags = self._driver.CUevent_flags
        flag = int(flags.CU_EVENT_DEFAULT if spin else flags.CU_EVENT_BLOCKING_SYNC)
        return self._own(
            self._call("while making an event", self._driver.cuEventCreate, flag), self._driver.cuEventDestroy
        )

    def record(self, event: Any, stream: Any) -> None:
        self._call("while recording an event", self._driver.cuEventRecord, event.handle, stream.handle)

    def wait(self, event: Any) -> None:
        self._call("while waiting for the GPU", self._driver.cuEventSynchronize, event.handle)

    def elapsed_ns(self, start: Any, end: Any) -> int:
        doing = "while reading an event's time"
        return nanoseconds(float(self._call(doing, self._driver.cuEventElapsedTime, start.handle, end.handle)))

    def copy_in(self, to: DeviceBuffer, host: HostBuffer, stream: Any) -> None:
        source, size_bytes = host.array.ctypes.data, host.array.nbytes
        copy = self._driver.cuMemcpyHtoDAsync
        self._call("while copying to the GPU", copy, to.keep.handle, source, size_bytes, stream.handle)

    def copy_out(self, host: HostBuffer, of: DeviceBuffer, stream: Any) -> None:
        to, size_bytes = host.array.ctypes.data, host.array.nbytes
        copy = self._driver.cuMemcpyDtoHAsync
        self._call("while copying from the GPU", copy, to, of.keep.handle, size_bytes, stream.handle)

    def begin_capture(self, stream: Any) -> None:
        mode = self._driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._call("while starting to capture a graph", self._driver.cuStreamBeginCapture, stream.handle, mode)

    def end_capture(self, stream: Any) -> Any:
        doing, driver = "while capturing a graph", self._driver
        graph = self._own(self._call(doing, driver.cuStreamEndCapture, stream.handle), driver.cuGraphDestroy)
        # In the bindings for CUDA 11 the plain name is an older function with other arguments.
        instantiate = getattr(driver, "cuGraphInstantiateWithFlags", None) or driver.cuGraphInstantiate
        return self._own(self._call(doing, instantiate, graph.handle, 0), driver.cuGraphExecDestroy)

    def launch(self, graph: Any, stream: Any) -> None:
        self._call("while launching a graph", self._driver.cuGraphLaunch, graph.handle, stream.handle)

    def close(self) -> None:
        for owned in list(self._owned):
            owned.give_back()
        if self._context is not None:
            self._context = None
            self._call("while letting go of the GPU", self._driver.cuDevicePrimaryCtxRelease, self._device)

    def _own(self, handle: Any, give_back: Callable[[Any], Any]) -> Owned:
        owned = Owned(handle, give_back)
        self._owned.add(owned)
        return owned

    def _uuid(self) -> Optional[str]:
        # The second version tells a part of a GPU (MIG) from the whole.
        ask = getattr(self._driver, "cuDeviceGetUuid_v2", None) or self._driver.cuDeviceGetUuid
        found = self._told(ask, self._device)
        return None if found is None else uuid_text(found.bytes)

    def _pci_bus_id(self) -> Optional[str]:
        found = self._told(self._driver.cuDeviceGetPCIBusId, _LONGEST_BUS_ID, self._device)
        return None if found is None else _text(found)

    def _told(self, function: Any, *arguments: Any) -> Any:
        """None where this driver does not tell it."""
        try:
            return self._call("while asking the GPU what it is", function, *arguments)
        except WorkerError:
            return None

    def _call(self, doing: str, function: Any, *arguments: Any) -> Any:
        try:
            returned = function(*arguments)
        except WorkerError:
            raise
        except Exception as error:
            # Without a driver, or with one that lacks the function, the bindings raise instead of returning a code.
            raise cuda_failure(error, doing)
        code, values = returned[0], returned[1:]
        if int(code) != 0:
            raise cuda_failure(self._words(code), doing)
        return values[0] if values else None

    def _words(self, code: Any) -> str:
        text = self._driver.cuGetErrorString(code)[1]
        return "%s (%s, %d)" % (
            _text(text) if text else "an error that the driver has no words for",
            getattr(code, "name", "CUresult"),
            int(code),
        )


def _text(content: Any) -> str:
    """The bindings give a C string with all that its buffer holds behind it."""
    return content.split(b"\0")[0].decode(errors="replace").strip() if isinstance(content, bytes) else str(content)


def _version() -> str:
    for module in ("cuda.bindings", "cuda"):
        try:
            version = getattr(importlib.import_module(module), "__version__", None)
        except ImportError:
            continue
        if version is not None:
            return str(version)
    return "unknown version"


def _import_driver() -> Any:
    missing = None
    # Before release 12.6 the module was called cuda.cuda.
    for name in ("cuda.bindings.driver", "cuda.cuda"):
        try:
            return importlib.import_module(name)
        except Exception as error:
            missing = missing or error
    raise library_missing("cuda-python", missing, "pip install cuda-python")
