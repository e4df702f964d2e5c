"""PyTorch on an NVIDIA GPU: a program saved by torch.export, run eagerly, compiled, or as a CUDA graph."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ..clock import Clock
from ..failure import RUNTIME_FAILED, WorkerError, bad_request
from ..memory.base import DeviceBuffer, HostBuffer
from ..memory.failure import cuda_failure
from ..request import InputTensor
from .base import LayerTime
from .gpu import GPU_DEFAULTS, GpuLane, GpuRuntime
from .packages import import_package, package_version, require_file, unreadable
from .tensors import match_inputs
from .torch_profile import profile_operators
from .torch_program import layer_precisions, program_module, signature

if TYPE_CHECKING:
    import numpy as np

_INSTALL = "pip install torch, a build with CUDA (https://pytorch.org/get-started/locally)"
_MODES = ("eager", "compile")


class TorchCuda(GpuRuntime):
    """Options beyond those of every GPU runtime: `mode`, `eager` or `compile` (then the first request compiles);
    `channels_last`, the memory format of weights and 4-D inputs; `tf32`, off by default: with it fp32 products keep 10
    bits of mantissa; `cudnn_benchmark`, whether cuDNN tries its convolutions out in the first request."""

    name = "torch-cuda"
    LIBRARY = "torch"
    DEFAULTS = dict(GPU_DEFAULTS, mode="eager", channels_last=False, tf32=False, cudnn_benchmark=False)

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        if self.options["mode"] not in _MODES:
            raise bad_request("runtime_options.mode: expected %s, got %r" % (" or ".join(_MODES), self.options["mode"]))
        self._torch = torch = import_package("torch", self.name, _INSTALL)
        self.open_gpu()
        torch.set_float32_matmul_precision("high" if self.options["tf32"] else "highest")
        torch.backends.cudnn.allow_tf32 = self.options["tf32"]
        torch.backends.cudnn.benchmark = self.options["cudnn_benchmark"]
        # Entered once: the mode belongs to the thread, and entering it in every request would be part of the latency.
        self._inference_mode = torch.inference_mode()
        self._inference_mode.__enter__()

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        try:
            program = self._torch.export.load(artifact)
            self._inputs, self._outputs = signature(program)
            self._precisions = layer_precisions(program)
        except Exception as error:
            raise unreadable(artifact, "PyTorch", error)
        ordered = match_inputs(inputs, self._inputs)
        try:
            module = self._on_gpu(program)
        except Exception as error:
            raise cuda_failure(error, "while bringing the weights to the GPU")
        if self.options["channels_last"]:
            module = module.to(memory_format=self._torch.channels_last)
        self._module = self._torch.compile(module) if self.options["mode"] == "compile" else module
        return ordered

    def facts(self) -> Dict[str, Any]:
        return {
            "runtime": {"name": self.name, "package": "torch", "version": package_version(self._torch, "torch")},
            "options": self.options,
            "inputs": [tensor.to_json() for tensor in self._inputs],
            "outputs": [tensor.to_json() for tensor in self._outputs],
            "gpu": self.memory.facts(),
            "cuda": getattr(self._torch.version, "cuda", None),
            "layer_precisions": self._precisions,
        }

    def make_lane(self) -> "TorchLane":
        return TorchLane(self, self._module)

    def feed(self, lane: GpuLane, arrays: Sequence["np.ndarray"]) -> None:
        assert isinstance(lane, TorchLane)
        lane.feed(arrays)

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        lane = self._lanes[0]
        assert isinstance(lane, TorchLane)
        hosts = lane.hosts or []
        if len(hosts) != len(self._outputs):
            raise WorkerError(
                RUNTIME_FAILED,
                "the program returns %d values and names %d outputs" % (len(hosts), len(self._outputs)),
                "export a module that returns one tensor or a tuple of tensors",
            )
        return OrderedDict((tensor.name, host.array) for tensor, host in zip(self._outputs, hosts))

    def profile(self, count: int) -> List[LayerTime]:
        return profile_operators(self._torch, self.request, count, on_gpu=True)

    def close(self) -> None:
        self._module = None
        self._inference_mode.__exit__(None, None, None)
        super().close()

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

    def _on_gpu(self, program: Any) -> Any:
        """The module with its weights, and the constants that its graph makes, on the GPU."""
        passes = import_package("torch.export.passes", self.name, _INSTALL)
        device = self.memory.torch_device  # type: ignore[attr-defined]
        return program_module(passes.move_to_device_pass(program, device))


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
        self._arguments = [device.keep for device in devices]

    def enqueue_copy_in(self) -> None:
        for device, host in self._copies_in:
            self.memory.copy_in(device, host, self.stream)

    def enqueue_compute(self) -> None:
        computed = self._module(*self._arguments)
        self._computed = computed if isinstance(computed, (tuple, list)) else (computed,)

    def enqueue_copy_out(self) -> None:
        if self.hosts is None:
            self.hosts = [self._runtime.output_buffer(tensor) for tensor in self._computed]
        for host, tensor in zip(self.hosts, self._computed):
            self.memory.copy_out(host, DeviceBuffer(0, 0, tensor), self.stream)


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).replace("torch.", "")
