"""One request through a TensorRT engine: its context, its buffers, its place on a stream."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ..failure import bad_request
from ..memory.base import DeviceBuffer, Memory
from ..runtime.base import TensorInfo
from ..runtime.gpu import GpuLane, host_buffers
from .tensorrt_api import TensorRtApi

if TYPE_CHECKING:
    import numpy as np


def refuse_open(outputs: Sequence[TensorInfo]) -> None:
    """Raises WorkerError for an output whose size depends on values, for which there is no room to be made."""
    for tensor in outputs:
        if None in tensor.shape:
            raise bad_request(
                "the size of the output %s depends on the values of the inputs" % tensor.name,
                "cut the model off before it, or measure it with onnxruntime",
            )


class EngineLane(GpuLane):
    """An execution context with buffers of its own, so that several can run at once."""

    def __init__(
        self,
        api: TensorRtApi,
        engine: Any,
        memory: Memory,
        pinned: bool,
        spin: bool,
        shapes: Optional[Mapping[str, Sequence[int]]] = None,
    ) -> None:
        super().__init__(memory, spin)
        self.context = api.context(engine)
        inputs, self._outputs = api.tensors(engine)
        if any(None in tensor.shape for tensor in inputs):
            api.set_shapes(engine, self.context, shapes or {})
            sized = api.sized(self.context, [*inputs, *self._outputs])
            inputs, self._outputs = sized[: len(inputs)], sized[len(inputs) :]
            refuse_open(self._outputs)
        in_hosts, out_hosts = (host_buffers(memory, tensors, pinned) for tensors in (inputs, self._outputs))
        self.copies_in = [(memory.device_buffer(host), host) for host in in_hosts]
        self.copies_out = [(host, memory.device_buffer(host)) for host in out_hosts]
        self._handle = memory.stream_handle(self.stream)
        self._execution = api.bind(engine, self.context, self._addresses([*inputs, *self._outputs]))

    def feed(self, arrays: Sequence["np.ndarray"]) -> None:
        """In the engine's order of inputs."""
        for (_, host), array in zip(self.copies_in, arrays):
            host.array[...] = array

    def input_arrays(self) -> List["np.ndarray"]:
        return [host.array for _, host in self.copies_in]

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        """By the engine's names, in its order."""
        return OrderedDict((tensor.name, host.array) for tensor, (host, _) in zip(self._outputs, self.copies_out))

    def enqueue_copy_in(self) -> None:
        for device, host in self.copies_in:
            self.memory.copy_in(device, host, self.stream)

    def enqueue_compute(self) -> None:
        self._execution.enqueue(self._handle)

    def enqueue_copy_out(self) -> None:
        for host, device in self.copies_out:
            self.memory.copy_out(host, device, self.stream)

    def _addresses(self, tensors: Sequence[TensorInfo]) -> Dict[str, int]:
        devices: List[DeviceBuffer] = [device for device, _ in self.copies_in]
        devices += [device for _, device in self.copies_out]
        return {tensor.name: device.address for tensor, device in zip(tensors, devices)}
