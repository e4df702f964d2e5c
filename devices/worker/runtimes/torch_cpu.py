"""PyTorch on the CPU: a program saved by torch.export, run operator by operator or compiled."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ..clock import Clock
from ..failure import RUNTIME_FAILED, WorkerError, bad_request
from ..request import InputTensor
from .base import HostRuntime, LayerTime
from .packages import import_package, package_version, require_file, unreadable
from .tensors import match_inputs
from .torch_profile import profile_operators
from .torch_program import layer_precisions, program_module, signature

if TYPE_CHECKING:
    import numpy as np

_INSTALL = "pip install torch (or, on a host: pip install 'latency-bench[export]')"
_MODES = ("eager", "compile")


class TorchCpu(HostRuntime):
    """Options: `threads` within an operator; `mode`, `eager` or `compile` (then the first request compiles);
    `channels_last`, the memory format of weights, inputs and outputs."""

    name = "torch"
    DEFAULTS = {"threads": 0, "mode": "eager", "channels_last": False}

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        if self.options["mode"] not in _MODES:
            raise bad_request("runtime_options.mode: expected %s, got %r" % (" or ".join(_MODES), self.options["mode"]))
        self._torch = torch = import_package("torch", self.name, _INSTALL)
        torch.set_num_threads(self.options["threads"])
        torch.set_num_interop_threads(1)
        # Entered once: the mode belongs to the thread, and entering it in every request would be part of the latency.
        self._inference_mode = torch.inference_mode()
        self._inference_mode.__enter__()
        self._hosts: Optional[List[Any]] = None

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        try:
            program = self._torch.export.load(artifact)
            module = program_module(program)
            self._inputs, self._outputs = signature(program)
            self._precisions = layer_precisions(program)
        except Exception as error:
            raise unreadable(artifact, "PyTorch", error)
        ordered = match_inputs(inputs, self._inputs)
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
            "layer_precisions": self._precisions,
        }

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        # The host's copy has the memory format of the runtime's, so that copying in is a plain copy.
        hosts = [self._in_memory_format(self._torch.from_numpy(array)) for array in arrays]
        self._arguments = [self._torch.empty_like(host) for host in hosts]
        self._copies_in = list(zip(self._arguments, hosts))

    def copy_in(self) -> None:
        for argument, host in self._copies_in:
            argument.copy_(host)

    def invoke(self) -> None:
        computed = self._module(*self._arguments)
        self._computed = (computed,) if isinstance(computed, self._torch.Tensor) else computed

    def copy_out(self) -> None:
        if self._hosts is None:
            # Only a computed tensor knows its memory format; so the first request, which is warm-up, allocates.
            self._hosts = [self._torch.empty_like(tensor) for tensor in self._computed]
        for host, tensor in zip(self._hosts, self._computed):
            host.copy_(tensor)

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        hosts = self._hosts or []
        if len(hosts) != len(self._outputs):
            raise WorkerError(
                RUNTIME_FAILED,
                "the program returns %d values and names %d outputs" % (len(hosts), len(self._outputs)),
                "export a module that returns one tensor or a tuple of tensors",
            )
        return OrderedDict((tensor.name, self._as_numpy(host)) for tensor, host in zip(self._outputs, hosts))

    def profile(self, count: int) -> List[LayerTime]:
        return profile_operators(self._torch, self.request, count, on_gpu=False)

    def close(self) -> None:
        self._module = self._computed = None
        self._inference_mode.__exit__(None, None, None)

    def _in_memory_format(self, tensor: Any) -> Any:
        if self.options["channels_last"] and tensor.dim() == 4:
            return tensor.contiguous(memory_format=self._torch.channels_last)
        return tensor

    def _as_numpy(self, tensor: Any) -> "np.ndarray":
        # numpy has no bfloat16; float32 holds every value of it.
        array: "np.ndarray" = (tensor.float() if tensor.dtype == self._torch.bfloat16 else tensor).numpy()
        return array
