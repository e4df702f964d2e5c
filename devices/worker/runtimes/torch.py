"""PyTorch on the CPU: a program saved by torch.export, run operator by operator or compiled."""

from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence

from ..clock import Clock
from ..libraries.torch_base import TORCH_OPTIONS, TorchRuntime
from ..libraries.torch_profile import profile_operators
from ..runtime.base import THREADS, HostRuntime, LayerTime

if TYPE_CHECKING:
    import numpy as np


class TorchCpu(TorchRuntime, HostRuntime):
    """Eager or compiled, in inference mode."""

    name = "torch"
    INPUTS_IN_PLACE = True
    INSTALL = "pip install torch"
    OPTIONS = dict(TORCH_OPTIONS, threads=THREADS)

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        torch = self.import_torch()
        torch.set_num_threads(self.options["threads"])
        torch.set_num_interop_threads(1)
        self.enter_inference_mode()
        self._hosts: Optional[List[Any]] = None

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        # The host's copy has the memory format of the runtime's, so that copying in is a plain copy.
        hosts = [self._in_memory_format(self._torch.from_numpy(array)) for array in arrays]
        self._arguments = [self._torch.empty_like(host) for host in hosts]
        self._copies_in = list(zip(self._arguments, hosts))

    def arguments(self) -> Sequence[Any]:
        return self._arguments

    def input_arrays(self) -> List["np.ndarray"]:
        return [host.numpy() for _, host in self._copies_in]

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
        return self.named([self._as_numpy(host) for host in self._hosts or []])

    def profile(self, count: int) -> List[LayerTime]:
        return profile_operators(self._torch, self.request, count, on_gpu=False)

    def close(self) -> None:
        self._computed = None
        super().close()

    def _in_memory_format(self, tensor: Any) -> Any:
        if self.options["channels_last"] and tensor.dim() == 4:
            return tensor.contiguous(memory_format=self._torch.channels_last)
        return tensor

    def _as_numpy(self, tensor: Any) -> "np.ndarray":
        # numpy has no bfloat16; float32 holds every value of it.
        array: "np.ndarray" = (tensor.float() if tensor.dtype == self._torch.bfloat16 else tensor).numpy()
        return array
