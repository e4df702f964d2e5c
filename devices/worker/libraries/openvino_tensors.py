"""OpenVINO's tensors: what a port says of itself, memory of ours as its tensor; and its errors, for people."""

from typing import TYPE_CHECKING, Any

from ..failure import BAD_ARTIFACT, WorkerError
from ..runtime.base import TensorInfo

if TYPE_CHECKING:
    import numpy as np

_DTYPES = {
    "f16": "float16",
    "bf16": "bfloat16",
    "f32": "float32",
    "f64": "float64",
    "i8": "int8",
    "u8": "uint8",
    "i16": "int16",
    "u16": "uint16",
    "i32": "int32",
    "u32": "uint32",
    "i64": "int64",
    "u64": "uint64",
    "boolean": "bool",
}


def tensor_info(port: Any) -> TensorInfo:
    """Of an input or output of a model. Raises WorkerError (bad-artifact) for a type that numpy has none for."""
    kind = port.get_element_type().get_type_name()
    name = str(port.get_any_name())
    if kind not in _DTYPES:
        raise WorkerError(BAD_ARTIFACT, "%s has OpenVINO's type %s, and numpy has no such type" % (name, kind))
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        raise WorkerError(BAD_ARTIFACT, "%s does not state how many dimensions it has" % name)
    return TensorInfo(name, tuple(None if size.is_dynamic else size.get_length() for size in shape), _DTYPES[kind])


def is_open(tensor: TensorInfo) -> bool:
    """Whether some size is not known."""
    return None in tensor.shape


def host_tensor(openvino: Any, tensor: TensorInfo, array: "np.ndarray") -> Any:
    """A tensor of the runtime in the memory of `array`, which has to outlive it."""
    if tensor.dtype == "bfloat16":
        return openvino.Tensor(array, openvino.Shape(list(array.shape)), openvino.Type.bf16)
    return openvino.Tensor(array, shared_memory=True)


def without_places(error: Exception) -> Exception:
    """OpenVINO's error without the lines that name its own source files, which come first and fill a line."""
    lines = [line.strip() for line in str(error).splitlines()]
    words = [line for line in lines if line and not line.startswith("Exception from ")]
    return RuntimeError(" ".join(words)) if type(error) is RuntimeError and words else error
