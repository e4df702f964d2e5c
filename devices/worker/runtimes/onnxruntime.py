"""ONNX Runtime on the CPU, its inputs and outputs bound to memory of ours, so that the copies are phases."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ..clock import Clock
from ..failure import BAD_ARTIFACT, WorkerError
from ..job import InputTensor
from ..libraries.onnxruntime_non_finite import first_non_finite
from ..libraries.onnxruntime_profile import profile_nodes
from ..runtime.base import THREADS, HostRuntime, LayerTime, TensorInfo
from ..runtime.declaration import TYPED_FILE, Option
from ..runtime.non_finite import NonFinite
from ..runtime.packages import import_package, package_version, require_file, unreadable
from ..runtime.tensors import aligned_empty, match_inputs

if TYPE_CHECKING:
    import numpy as np

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(uint16)": "uint16",
    "tensor(int32)": "int32",
    "tensor(uint32)": "uint32",
    "tensor(int64)": "int64",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
}


class OnnxRuntime(HostRuntime):
    """Operators run one after the other, all graph optimisations are on, the provider is the CPU."""

    name = "onnxruntime"
    FORMAT = "onnx"
    MODULES = (("onnxruntime",),)
    DISTRIBUTIONS = ("onnxruntime",)
    INSTALL = "pip install onnxruntime"
    PROFILES = True
    FINDS_NON_FINITE = True
    PRECISIONS = {"fp32": TYPED_FILE, "fp16": TYPED_FILE}
    OPTIONS = {"threads": THREADS, "spin": Option(True, "Idle threads of the pool wait actively.")}

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        self._module = import_package("onnxruntime", self.name, self.INSTALL)
        self._session: Any = None

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        self._artifact = artifact
        try:
            self._session = self._module.InferenceSession(
                artifact, self._session_options(), providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise unreadable(artifact, "ONNX Runtime", error)
        self._inputs = [_tensor(node) for node in self._session.get_inputs()]
        self._outputs = [_tensor(node) for node in self._session.get_outputs()]
        ordered = match_inputs(inputs, self._inputs)
        self._binding = self._session.io_binding()
        self._bound_inputs = [
            aligned_empty(wanted.artifact_shape, found.dtype) for wanted, found in zip(ordered, self._inputs)
        ]
        for tensor, array in zip(self._inputs, self._bound_inputs):
            self._binding.bind_input(tensor.name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        self._probed = any(None in tensor.shape for tensor in self._outputs)
        if self._probed:
            self._outputs = self._probe_outputs()
        self._bound_outputs = [aligned_empty(_sizes(tensor), tensor.dtype) for tensor in self._outputs]
        self._hosts = [aligned_empty(_sizes(tensor), tensor.dtype) for tensor in self._outputs]
        for tensor, array in zip(self._outputs, self._bound_outputs):
            self._binding.bind_output(tensor.name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        self._copies_out = list(zip(self._hosts, self._bound_outputs))
        return ordered

    def facts(self) -> Dict[str, Any]:
        return {
            "runtime": {
                "name": self.name,
                "package": "onnxruntime",
                "version": package_version(self._module, "onnxruntime"),
            },
            "options": self.options,
            "providers": self._session.get_providers(),
            "shape_probe": self._probed,
            "inputs": [tensor.to_json() for tensor in self._inputs],
            "outputs": [tensor.to_json() for tensor in self._outputs],
        }

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        self._copies_in = list(zip(self._bound_inputs, arrays))

    def copy_in(self) -> None:
        for bound, array in self._copies_in:
            bound[...] = array

    def invoke(self) -> None:
        self._session.run_with_iobinding(self._binding)

    def copy_out(self) -> None:
        for host, bound in self._copies_out:
            host[...] = bound

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        return OrderedDict((tensor.name, host) for tensor, host in zip(self._outputs, self._hosts))

    def profile(self, count: int) -> List[LayerTime]:
        return profile_nodes(self._module, self._session_options(), self._artifact, self._feeds(), count)

    def first_non_finite(self) -> Optional[NonFinite]:
        outputs = [tensor.name for tensor in self._outputs]
        return first_non_finite(self._module, self._session_options, self._artifact, self._feeds(), outputs)

    def close(self) -> None:
        self._binding = self._session = None

    def _feeds(self) -> Dict[str, "np.ndarray"]:
        return {tensor.name: array for tensor, (_, array) in zip(self._inputs, self._copies_in)}

    def _session_options(self) -> Any:
        options = self._module.SessionOptions()
        options.intra_op_num_threads = self.options["threads"]
        options.inter_op_num_threads = 1
        options.execution_mode = self._module.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = self._module.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if self.options["spin"] else "0")
        return options

    def _probe_outputs(self) -> List[TensorInfo]:
        """One run on zeros for the sizes that the file leaves open; `shape_probe` in the facts says that it was there,
        because the first request is then no longer the first inference."""
        for array in self._bound_inputs:
            array.fill(0)
        for tensor in self._outputs:
            self._binding.bind_output(tensor.name, "cpu")
        self._session.run_with_iobinding(self._binding)
        shapes = [tuple(value.shape()) for value in self._binding.get_outputs()]
        self._binding.clear_binding_outputs()
        return [tensor._replace(shape=shape) for tensor, shape in zip(self._outputs, shapes)]


def _tensor(node: Any) -> TensorInfo:
    if node.type not in _DTYPES:
        raise WorkerError(BAD_ARTIFACT, "%s is a %s, which numpy has no type for" % (node.name, node.type))
    shape = tuple(size if isinstance(size, int) and size >= 0 else None for size in node.shape)
    return TensorInfo(node.name, shape, _DTYPES[node.type])


def _sizes(tensor: TensorInfo) -> List[int]:
    return [size for size in tensor.shape if size is not None]
