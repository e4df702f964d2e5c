"""PyTorch on an NVIDIA GPU: a program saved by torch.export, run eagerly, compiled, or as a CUDA graph."""

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ..clock import Clock
from ..libraries.torch_base import TORCH_OPTIONS, TorchRuntime
from ..libraries.torch_profile import profile_operators
from ..libraries.torch_program import program_module
from ..memory.base import DeviceBuffer, HostBuffer
from ..memory.failure import cuda_failure
from ..runtime.base import LayerTime
from ..runtime.declaration import Option
from ..runtime.gpu import GPU_OPTIONS, GpuLane, GpuRuntime
from ..runtime.packages import import_package

if TYPE_CHECKING:
    import numpy as np


class TorchCuda(TorchRuntime, GpuRuntime):
    """On one stream, by events."""

    name = "torch-cuda"
    INSTALL = "pip install torch, a build with CUDA (https://pytorch.org/get-started/locally)"
    LIBRARY = "torch"
    OPTIONS = dict(
        GPU_OPTIONS,
        **TORCH_OPTIONS,
        tf32=Option(False, "fp32 products keep 10 bits of mantissa."),
        cudnn_benchmark=Option(False, "cuDNN tries its convolutions out in the first request."),
    )

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        torch = self.import_torch()
        self.open_gpu()
        torch.set_float32_matmul_precision("high" if self.options["tf32"] else "highest")
        torch.backends.cudnn.allow_tf32 = self.options["tf32"]
        torch.backends.cudnn.benchmark = self.options["cudnn_benchmark"]
        self.enter_inference_mode()

    def placed(self, program: Any) -> Any:
        """The module with its weights, and the constants that its graph makes, on the GPU."""
        passes = import_package("torch.export.passes", self.name, self.INSTALL)
        device = self.memory.torch_device  # type: ignore[attr-defined]
        try:
            return program_module(passes.move_to_device_pass(program, device))
        except Exception as error:
            raise cuda_failure(error, "while bringing the weights to the GPU")

    def facts(self) -> Dict[str, Any]:
        facts = super().facts()
        facts.update(gpu=self.gpu_facts(), cuda=getattr(self._torch.version, "cuda", None))
        return facts

    def make_lane(self) -> "TorchLane":
        return TorchLane(self, self._module)

    def feed(self, lane: GpuLane, arrays: Sequence["np.ndarray"]) -> None:
        assert isinstance(lane, TorchLane)
        lane.feed(arrays)

    def arguments(self) -> Sequence[Any]:
        lane = self._lanes[0]
        assert isinstance(lane, TorchLane)
        return lane.arguments

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        lane = self._lanes[0]
        assert isinstance(lane, TorchLane)
        return self.named([host.array for host in lane.hosts or []])

    def profile(self, count: int) -> List[LayerTime]:
        with self._lanes[0].without_graph():
            return profile_operators(self._torch, self.request, count, on_gpu=True)

    def input_buffer(self, array: "np.ndarray") -> HostBuffer:
        host = self.host_buffer(array.shape, str(array.dtype), self.options["channels_last"] and array.ndim == 4)
        host.array[...] = array
        return host

    def output_buffer(self, tensor: Any) -> HostBuffer:
        """In the memory format of the computed tensor, so that copying out is a plain copy."""
        strided = not tensor.is_contiguous() and tensor.dim() == 4
        last = strided and tensor.is_contiguous(memory_format=self._torch.channels_last)
        return self.host_buffer(tuple(tensor.shape), _dtype(tensor), last)

    def host_buffer(self, shape: Sequence[int], dtype: str, channels_last: bool) -> HostBuffer:
        if not channels_last:
            return self.memory.host_buffer(shape, dtype, self.options["pinned"])
        batch, channels, height, width = shape
        host = self.memory.host_buffer((batch, height, width, channels), dtype, self.options["pinned"])
        return HostBuffer(host.array.transpose(0, 3, 1, 2), host.pinned, host.keep.permute(0, 3, 1, 2))


class TorchLane(GpuLane):
    """Outputs are the tensors that PyTorch allocates in every request; their host buffers are made in the first."""

    def __init__(self, runtime: TorchCuda, module: Any) -> None:
        super().__init__(runtime.memory, runtime.options["spin"])
        self._runtime = runtime
        self._module = module
        self._computed: Sequence[Any] = ()
        self.hosts: Optional[List[HostBuffer]] = None

    def feed(self, arrays: Sequence["np.ndarray"]) -> None:
        hosts = [self._runtime.input_buffer(array) for array in arrays]
        devices = [self.memory.device_buffer(host) for host in hosts]
        self._copies_in = list(zip(devices, hosts))
        self.arguments = [device.keep for device in devices]

    def input_arrays(self) -> List["np.ndarray"]:
        return [host.array for _, host in self._copies_in]

    def enqueue_copy_in(self) -> None:
        for device, host in self._copies_in:
            self.memory.copy_in(device, host, self.stream)

    def enqueue_compute(self) -> None:
        computed = self._module(*self.arguments)
        self._computed = computed if isinstance(computed, (tuple, list)) else (computed,)

    def enqueue_copy_out(self) -> None:
        if self.hosts is None:
            self.hosts = [self._runtime.output_buffer(tensor) for tensor in self._computed]
        for host, tensor in zip(self.hosts, self._computed):
            self.memory.copy_out(host, DeviceBuffer(0, 0, tensor), self.stream)


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).replace("torch.", "")
