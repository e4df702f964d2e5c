"""The first layer of a TensorRT network whose output is not finite.

The network is built again with the outputs of its layers as its own, as many at once as fit into a part of the GPU's
memory. Such an engine fuses less than the one that was measured; a layer that overflows in half precision overflows in
both.
"""

from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Sequence

from ..memory.base import Memory
from ..runtime.non_finite import NonFinite, count_non_finite
from .tensorrt_api import Build, TensorRtApi
from .tensorrt_float32 import MARK
from .tensorrt_lane import EngineLane

if TYPE_CHECKING:
    import numpy as np

_SHARE_OF_MEMORY = 4
"""One part in so many of the GPU's memory may be taken by the outputs; they are there and on the host."""
_LEAST_BYTES = 1 << 30


class Watched(NamedTuple):
    """An output of a layer."""

    layer: str
    operator: str
    tensor: Any
    size_bytes: int


def first_non_finite(
    api: TensorRtApi, memory: Memory, onnx: str, wanted: Build, arrays: Sequence["np.ndarray"]
) -> Optional[NonFinite]:
    """`arrays` are the inputs in the engine's order. Raises WorkerError as building and running do."""
    total_bytes = memory.facts().get("memory_total_bytes")
    room_bytes = int(total_bytes) // _SHARE_OF_MEMORY if total_bytes else _LEAST_BYTES
    begin, count = 0, 1
    while begin < count:
        some: List[Watched] = []

        def mark(network: Any, begin: int = begin, some: List[Watched] = some) -> None:
            nonlocal count
            _close_sizes(network, wanted)
            candidates = _watchable(api.module, network)
            count = len(candidates)
            some += _fitting(candidates[begin:], room_bytes)
            _mark(api, network, some, wanted.precision)

        plan, _ = api.build(onnx, wanted, mark)
        found = _look(api, memory, plan, some, arrays)
        if found is not None:
            return found
        begin += len(some)
    return None


def _close_sizes(network: Any, wanted: Build) -> None:
    """Sizes that the file leaves open become those that are measured: outputs of layers get room by their size."""
    for tensor in (network.get_input(number) for number in range(network.num_inputs)):
        if any(int(size) < 0 for size in tensor.shape) and tensor.name in wanted.shapes:
            tensor.shape = tuple(wanted.shapes[tensor.name])


def _look(
    api: TensorRtApi, memory: Memory, plan: bytes, some: Sequence[Watched], arrays: Sequence["np.ndarray"]
) -> Optional[NonFinite]:
    lane = EngineLane(api, api.deserialise(plan), memory, pinned=False, spin=False)
    lane.feed(arrays)
    lane.submit()
    lane.wait()
    computed = lane.outputs()
    for one in some:
        values = computed[str(one.tensor.name)]
        nan_count, infinite_count = count_non_finite(values)
        if nan_count or infinite_count:
            return NonFinite(one.layer, one.operator, nan_count, infinite_count, int(values.size))
    return None


def _watchable(trt: Any, network: Any) -> List[Watched]:
    """In the order of the network, which is the file's. What comes of constants alone does not count: a mask may be
    infinite on purpose."""
    reached = {str(network.get_input(number).name) for number in range(network.num_inputs)}
    floats = [getattr(trt.DataType, name) for name in ("FLOAT", "HALF")]
    found = []
    for layer in (network.get_layer(number) for number in range(network.num_layers)):
        inputs = [layer.get_input(number) for number in range(layer.num_inputs)]
        if not any(tensor is not None and str(tensor.name) in reached for tensor in inputs):
            continue
        for tensor in (layer.get_output(number) for number in range(layer.num_outputs)):
            reached.add(str(tensor.name))
            shape = [int(size) for size in tensor.shape]
            if tensor.dtype in floats and not tensor.is_shape_tensor and min(shape, default=1) > 0:
                found.append(Watched(str(layer.name), _word(layer.type), tensor, 4 * _product(shape)))
    return found


def _fitting(candidates: Sequence[Watched], room_bytes: int) -> List[Watched]:
    """The first ones, at least one, that have room together."""
    taken: List[Watched] = []
    for one in candidates:
        room_bytes -= one.size_bytes
        if taken and room_bytes < 0:
            break
        taken.append(one)
    return taken


def _mark(api: TensorRtApi, network: Any, some: Sequence[Watched], precision: str) -> None:
    own = {str(network.get_output(number).name) for number in range(network.num_outputs)}
    for one in some:
        if str(one.tensor.name) in own:
            continue
        network.mark_output(one.tensor)
        if precision == "fp16" and not api.typed and MARK not in one.layer:
            # An output is float32 unless told otherwise, and would hold what overflows between two layers.
            one.tensor.dtype = api.module.DataType.HALF


def _word(kind: Any) -> str:
    return str(getattr(kind, "name", kind))


def _product(shape: Sequence[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
