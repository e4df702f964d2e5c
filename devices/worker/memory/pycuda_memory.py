"""GPU memory by pycuda. Its last release for Python 3.6, as on the first Jetsons, is 2022.1."""

import importlib
from typing import Any, Dict, Optional, Sequence

from .base import DeviceBuffer, HostBuffer, Memory, described, nanoseconds
from .failure import cuda_errors, cuda_failure, library_missing


class PycudaMemory(Memory):
    """In the GPU's primary context, which TensorRT uses as well. Not `pycuda.autoinit`: it makes one of its own."""

    name = "pycuda"

    def __init__(self, device: int) -> None:
        try:
            package = importlib.import_module("pycuda")
            self._cuda: Any = importlib.import_module("pycuda.driver")
        except Exception as error:
            # Where the driver is missing, `import pycuda` works and `import pycuda.driver` fails on libcuda.
            if "libcuda" in str(error):
                raise cuda_failure(error, "while starting pycuda")
            raise library_missing("pycuda", error, "pip install pycuda")
        self._version = str(getattr(package, "VERSION_TEXT", "unknown version"))
        with cuda_errors("while starting the GPU"):
            self._cuda.init()
            self._device = self._cuda.Device(device)
            self._context = self._device.retain_primary_context()
            self._context.push()

    def facts(self) -> Dict[str, Any]:
        with cuda_errors("while asking the GPU what it is"):
            return described(
                "pycuda " + self._version,
                self._device.name(),
                self._cuda.get_driver_version(),
                self._device.compute_capability(),
                self._device.total_memory(),
                None,  # pycuda does not ask for it
                self._pci_bus_id(),
            )

    def _pci_bus_id(self) -> Optional[str]:
        try:
            return str(self._device.pci_bus_id())
        except Exception:
            return None  # this driver does not tell it

    def host_buffer(self, shape: Sequence[int], dtype: str, pinned: bool) -> HostBuffer:
        import numpy as np

        if not pinned:
            return HostBuffer(np.zeros(tuple(shape), dtype), False)
        with cuda_errors("while allocating pinned host memory"):
            return HostBuffer(self._cuda.pagelocked_zeros(tuple(shape), np.dtype(dtype)), True)

    def device_buffer(self, like: HostBuffer) -> DeviceBuffer:
        size_bytes = like.array.nbytes
        with cuda_errors("while allocating %d bytes" % size_bytes):
            allocation = self._cuda.mem_alloc(max(1, size_bytes))
            return DeviceBuffer(int(allocation), size_bytes, allocation)

    def stream(self) -> Any:
        with cuda_errors("while making a stream"):
            return self._cuda.Stream(1)  # CU_STREAM_NON_BLOCKING

    def stream_handle(self, stream: Any) -> int:
        return int(stream.handle)

    def event(self, spin: bool) -> Any:
        flags = self._cuda.event_flags
        with cuda_errors("while making an event"):
            return self._cuda.Event(flags.DEFAULT if spin else flags.BLOCKING_SYNC)

    def record(self, event: Any, stream: Any) -> None:
        event.record(stream)

    def wait(self, event: Any) -> None:
        event.synchronize()

    def elapsed_ns(self, start: Any, end: Any) -> int:
        return nanoseconds(start.time_till(end))

    def copy_in(self, to: DeviceBuffer, host: HostBuffer, stream: Any) -> None:
        self._cuda.memcpy_htod_async(to.address, host.array, stream)

    def copy_out(self, host: HostBuffer, of: DeviceBuffer, stream: Any) -> None:
        self._cuda.memcpy_dtoh_async(host.array, of.address, stream)

    def close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            with cuda_errors("while letting go of the GPU"):
                context.pop()
                context.detach()
