"""ONNX Runtime, its inputs and outputs bound to memory of ours, so that the copies are phases."""

import os
import shutil
import tempfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..clock import Clock
from ..failure import BAD_ARTIFACT, WorkerError
from ..job import InputTensor
from ..libraries.onnxruntime_layers import is_single_precision, layer_facts
from ..libraries.onnxruntime_non_finite import first_non_finite
from ..libraries.onnxruntime_profile import profile_nodes
from ..libraries.onnxruntime_providers import (
    CPU,
    PROVIDERS,
    RECORD_ASSIGNMENT,
    assignment,
    check_started,
    provider_list,
)
from ..runtime.base import THREADS, HostRuntime, LayerTime, TensorInfo
from ..runtime.declaration import QUANTISED_FILE, TYPED_FILE, Option
from ..runtime.non_finite import NonFinite
from ..runtime.packages import import_package, package_version, require_file, unreadable
from ..runtime.tensors import aligned_empty, from_bfloat16, match_inputs, storage_dtype

if TYPE_CHECKING:
    import numpy as np

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(bfloat16)": "bfloat16",
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
_BFLOAT16 = 16
"""Of onnx.TensorProto.DataType; other types are told by numpy's."""


class OnnxRuntime(HostRuntime):
    """Operators run one after the other, and all graph optimisations are on."""

    name = "onnxruntime"
    FORMAT = "onnx"
    MODULES = (("onnxruntime",),)
    DISTRIBUTIONS = ("onnxruntime",)
    INSTALL = "pip install onnxruntime"
    INPUTS_IN_PLACE = True
    PROFILES = True
    FINDS_NON_FINITE = True
    QUANTISER = "onnxruntime"
    PRECISIONS = {
        "fp32": TYPED_FILE,
        "fp16": TYPED_FILE,
        "int8-dynamic": QUANTISED_FILE,
        "int8": QUANTISED_FILE,
    }
    OPTIONS = {
        "threads": THREADS,
        "spin": Option(True, "Idle threads of the pool wait actively."),
        "provider": Option(
            CPU,
            "Execution provider; nodes that it does not take are computed by the processor, and counted.",
            choices=tuple(PROVIDERS),
        ),
    }

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        self._module = import_package("onnxruntime", self.name, self.INSTALL)
        self._provider = self.options["provider"]
        self._providers = provider_list(self._module, self._provider, self.options["threads"])
        if self._provider == CPU:
            del self.options["provider"]  # runs from before there was a choice say nothing of it either
        self._session: Any = None

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        self._artifact = artifact
        try:
            self._session, self._graph_facts = self._open(artifact)
        except Exception as error:
            raise unreadable(artifact, "ONNX Runtime", error)
        self._inputs = [_tensor(node) for node in self._session.get_inputs()]
        self._stated_outputs = [_tensor(node) for node in self._session.get_outputs()]
        self._outputs = self._stated_outputs
        ordered = match_inputs(inputs, self._inputs)
        self._binding = self._session.io_binding()
        self._bound_inputs = [
            aligned_empty(wanted.artifact_shape, found.dtype) for wanted, found in zip(ordered, self._inputs)
        ]
        for tensor, array in zip(self._inputs, self._bound_inputs):
            self._binding.bind_input(tensor.name, "cpu", 0, _element_type(tensor), array.shape, array.ctypes.data)
        return ordered

    def facts(self) -> Dict[str, Any]:
        allocated = [self._outputs[position].name for position in self._allocated]
        misstated = [name for name in self._misstated if name in allocated]
        return {
            "runtime": {
                "name": self.name,
                "package": "onnxruntime",
                "version": package_version(self._module, "onnxruntime"),
            },
            "options": self.options,
            "providers": self._session.get_providers(),
            "shape_probe": self._probed,
            **self._graph_facts,
            **({"outputs_allocated": allocated} if allocated else {}),
            **({"outputs_misstated": misstated} if misstated else {}),
            "inputs": [tensor.to_json() for tensor in self._inputs],
            "outputs": [tensor.to_json() for tensor in self._outputs],
        }

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        self._copies_in = list(zip(self._bound_inputs, arrays))
        # Other inputs may give other sizes than those before them.
        self._outputs = self._stated_outputs
        # Of an output without a rank it says the same as of a scalar.
        self._probed = any(None in tensor.shape or not tensor.shape for tensor in self._outputs)
        self._allocated: List[int] = []
        self._misstated: List[str] = []
        if self._probed:
            self._outputs, self._allocated = self._probe_outputs()
        self._hosts = [aligned_empty(_sizes(tensor), tensor.dtype) for tensor in self._outputs]
        self._copies_out = []
        for position, (tensor, host) in enumerate(zip(self._outputs, self._hosts)):
            if position in self._allocated:
                self._binding.bind_output(tensor.name, "cpu")
                continue
            bound = aligned_empty(_sizes(tensor), tensor.dtype)
            self._binding.bind_output(tensor.name, "cpu", 0, _element_type(tensor), bound.shape, bound.ctypes.data)
            self._copies_out.append((host, bound))

    def input_arrays(self) -> List["np.ndarray"]:
        return [array for _, array in self._copies_in]

    def copy_in(self) -> None:
        for bound, array in self._copies_in:
            bound[...] = array
        for position in self._allocated:
            # Else what the last request gave is bound, and anything of another shape refused.
            self._binding.bind_output(self._outputs[position].name, "cpu")

    def invoke(self) -> None:
        self._session.run_with_iobinding(self._binding)

    def copy_out(self) -> None:
        for host, bound in self._copies_out:
            host[...] = bound
        if self._allocated:
            values = self._binding.get_outputs()
            for position in self._allocated:
                self._hosts[position] = values[position].numpy()

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        return OrderedDict(
            (tensor.name, from_bfloat16(host) if tensor.dtype == "bfloat16" else host)
            for tensor, host in zip(self._outputs, self._hosts)
        )

    def profile(self, count: int) -> List[LayerTime]:
        return profile_nodes(
            self._module, self._session_options(), self._providers, self._artifact, self._feeds(), count
        )

    def first_non_finite(self) -> Optional[NonFinite]:
        outputs = [tensor.name for tensor in self._outputs]
        return first_non_finite(self._module, self._session_options, self._artifact, self._feeds(), outputs)

    def close(self) -> None:
        self._binding = self._session = None

    def _open(self, artifact: str) -> Tuple[Any, Dict[str, Any]]:
        """The session, and what it made of the graph: nodes that a provider took, layers that compute in integers."""
        options, chosen = self._session_options(), self._provider
        if chosen != CPU:
            options.add_session_config_entry(RECORD_ASSIGNMENT, "1")
            session = self._module.InferenceSession(artifact, options, providers=self._providers)
            check_started(session, chosen)
            return session, {"delegation": assignment(session, chosen)}
        if is_single_precision(artifact):
            return self._module.InferenceSession(artifact, options, providers=self._providers), {}
        # In the folder that the worker was started in, which goes with the session, even if this process is killed.
        folder = tempfile.mkdtemp(prefix="graph-", dir=os.getcwd())
        try:
            options.optimized_model_filepath = os.path.join(folder, "graph.onnx")
            # Apart from the graph, which could not be written with more than 2 GiB of weights in it.
            options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights")
            # It warns that the graph is for this kind of processor alone, which is what it is wanted for.
            options.log_severity_level = 3
            session = self._module.InferenceSession(artifact, options, providers=self._providers)
            with open(options.optimized_model_filepath, "rb") as stream:
                return session, layer_facts(stream.read())
        finally:
            shutil.rmtree(folder, ignore_errors=True)

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

    def _probe_outputs(self) -> Tuple[List[TensorInfo], List[int]]:
        """The outputs with the sizes that the file leaves open, and the positions of those whose size depends on the
        values of the inputs: these the runtime allocates in every request. `shape_probe` in the facts says that this
        was there, because the first request is then no longer the first inference."""
        self.copy_in()
        shapes = self._computed_shapes()
        # Of other numbers. Integers stay: they may be indices, or divisors.
        for array in self._bound_inputs:
            if array.dtype.kind in "fb":
                array.fill(0)
        try:
            others = self._computed_shapes()
        except Exception:
            others = shapes
        # The runtime takes no memory of another shape than the file states, even where that is what it computes.
        self._misstated = [tensor.name for tensor, shape in zip(self._outputs, shapes) if not _may_be(tensor, shape)]
        outputs = [tensor._replace(shape=shape) for tensor, shape in zip(self._outputs, shapes)]
        allocated = [
            position
            for position, (tensor, shape) in enumerate(zip(outputs, shapes))
            if shape != others[position] or tensor.name in self._misstated
        ]
        return outputs, allocated

    def _computed_shapes(self) -> List[Tuple[int, ...]]:
        for tensor in self._outputs:
            self._binding.bind_output(tensor.name, "cpu")
        self._session.run_with_iobinding(self._binding)
        shapes = [tuple(value.shape()) for value in self._binding.get_outputs()]
        self._binding.clear_binding_outputs()
        return shapes


def _tensor(node: Any) -> TensorInfo:
    if node.type not in _DTYPES:
        raise WorkerError(BAD_ARTIFACT, "%s has the type %s, and numpy has no such type" % (node.name, node.type))
    shape = tuple(size if isinstance(size, int) and size >= 0 else None for size in node.shape)
    return TensorInfo(node.name, shape, _DTYPES[node.type])


def _may_be(stated: TensorInfo, shape: Tuple[int, ...]) -> bool:
    """Whether a computed shape is one that the file allows. Of an output without a rank the file says nothing."""
    if not stated.shape:
        return True
    return len(stated.shape) == len(shape) and all(
        size is None or size == actual for size, actual in zip(stated.shape, shape)
    )


def _element_type(tensor: TensorInfo) -> Any:
    return _BFLOAT16 if tensor.dtype == "bfloat16" else storage_dtype(tensor.dtype).type


def _sizes(tensor: TensorInfo) -> List[int]:
    return [size for size in tensor.shape if size is not None]
