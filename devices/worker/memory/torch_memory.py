"""GPU memory by PyTorch, for the runtime that is PyTorch: its allocator, its streams, its graphs."""

import importlib
from typing import Any, Dict, List, Sequence

from .base import DeviceBuffer, HostBuffer, Memory, described, nanoseconds
from .failure import cuda_errors, library_missing


class TorchMemory(Memory):
    """`DeviceBuffer.keep` is the tensor on `torch_device`, `HostBuffer.keep` one that shares the host's array. Copies
    and graphs go to the current stream: `make_current` first."""

    name = "torch"
    HAS_GRAPHS = True

    def __init__(self, device: int) -> None:
        try:
            self._torch: Any = importlib.import_module("torch")
        except Exception as error:
            raise library_missing("torch", error, "pip install torch")
        with cuda_errors("while starting the GPU"):
            # is_available answers False without saying why; starting it says why.
            self._torch.cuda.init()
            self._torch.cuda.set_device(device)
        self.torch_device = self._torch.device("cuda", device)
        self._number = device
        self._capture: List[Any] = []

    def facts(self) -> Dict[str, Any]:
        with cuda_errors("while asking the GPU what it is"):
            found = self._torch.cuda.get_device_properties(self._number)
            get_driver = getattr(self._torch._C, "_cuda_getDriverVersion", None)
            # Which GPU it is, PyTorch tells from 2.5 on.
            uuid, bus = getattr(found, "uuid", None), getattr(found, "pci_bus_id", None)
            domain, device = getattr(found, "pci_domain_id", 0), getattr(found, "pci_device_id", 0)
            return described(
                "torch %s" % self._torch.__version__,
                found.name,
                int(get_driver()) if get_driver else None,
                (found.major, found.minor),
                int(found.total_memory),
                None if uuid is None else str(uuid).lower(),
                None if bus is None else "%04x:%02x:%02x.0" % (domain, bus, device),
            )

    def host_buffer(self, shape: Sequence[int], dtype: str, pinned: bool) -> HostBuffer:
        torch = self._torch
        with cuda_errors("while allocating host memory"):
            tensor = torch.zeros(tuple(shape), dtype=getattr(torch, dtype), pin_memory=pinned)
        return HostBuffer(tensor.numpy(), pinned, tensor)

    def device_buffer(self, like: HostBuffer) -> DeviceBuffer:
        size_bytes = like.array.nbytes
        with cuda_errors("while allocating %d bytes" % size_bytes):
            # The memory format of `like` is kept, so that a copy is a plain copy.
            tensor = self._torch.empty_like(like.keep, device=self.torch_device)
        return DeviceBuffer(int(tensor.data_ptr()), size_bytes, tensor)

    def stream(self) -> Any:
        with cuda_errors("while making a stream"):
            return self._torch.cuda.Stream(self.torch_device)

    def stream_handle(self, stream: Any) -> int:
        return int(stream.cuda_stream)

    def event(self, spin: bool) -> Any:
        with cuda_errors("while making an event"):
            return self._torch.cuda.Event(enable_timing=True, blocking=not spin)

    def record(self, event: Any, stream: Any) -> None:
        event.record(stream)

    def wait(self, event: Any) -> None:
        event.synchronize()

    def elapsed_ns(self, start: Any, end: Any) -> int:
        return nanoseconds(start.elapsed_time(end))

    def copy_in(self, to: DeviceBuffer, host: HostBuffer, stream: Any) -> None:
        to.keep.copy_(host.keep, non_blocking=True)

    def copy_out(self, host: HostBuffer, of: DeviceBuffer, stream: Any) -> None:
        host.keep.copy_(of.keep, non_blocking=True)

    def begin_capture(self, stream: Any) -> None:
        graph = self._torch.cuda.CUDAGraph()
        context = self._torch.cuda.graph(graph, stream=stream)
        with cuda_errors("while starting to capture a graph"):
            context.__enter__()
        self._capture = [graph, context]

    def end_capture(self, stream: Any) -> Any:
        graph, context = self._capture
        self._capture = []
        with cuda_errors("while capturing a graph"):
            context.__exit__(None, None, None)
        return graph

    def launch(self, graph: Any, stream: Any) -> None:
        graph.replay()

    def make_current(self, stream: Any) -> None:
        self._torch.cuda.set_stream(stream)
