"""MNN on the CPU, by sessions: copying in, computing and copying out are three calls of its own."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

from ..clock import Clock
from ..failure import BAD_ARTIFACT, RUNTIME_FAILED, WorkerError
from ..job import InputTensor
from ..runtime.base import THREADS, HostRuntime, LayerTime, TensorInfo
from ..runtime.layer_times import LayerTimes
from ..runtime.packages import import_package, package_version, require_file, unreadable
from ..runtime.tensors import aligned_empty, match_inputs

if TYPE_CHECKING:
    import numpy as np


_NO_MEMORY = 1
"""ErrorCode::OUT_OF_MEMORY of MNN."""


class Mnn(HostRuntime):
    """MNN's kernels for processors, in the precision that it calls high: fp32."""

    name = "mnn"
    INPUTS_IN_PLACE = True
    FORMAT = "mnn"
    MODULES = (("MNN",),)
    DISTRIBUTIONS = ("MNN",)
    INSTALL = "pip install MNN"
    PROFILES = True
    OPTIONS = {"threads": THREADS}

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        self._module = import_package("MNN", self.name, self.INSTALL)
        self._interpreter: Any = None
        self._session: Any = None

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        try:
            self._interpreter = self._module.Interpreter(artifact)
            self._session = self._interpreter.createSession(
                {"backend": "CPU", "precision": "high", "numThread": self.options["threads"]}
            )
            self._runtime_inputs = self._interpreter.getSessionInputAll(self._session)
            self._runtime_outputs = self._interpreter.getSessionOutputAll(self._session)
            found = [self._tensor(name, tensor) for name, tensor in self._runtime_inputs.items()]
        except Exception as error:
            raise unreadable(artifact, "MNN", error)
        ordered = match_inputs(inputs, found)
        self._inputs = found
        self._outputs = [self._tensor(name, tensor) for name, tensor in self._runtime_outputs.items()]
        return ordered

    def facts(self) -> Dict[str, Any]:
        return {
            "runtime": {"name": self.name, "package": "MNN", "version": package_version(self._module, "MNN")},
            "options": self.options,
            "inputs": [tensor.to_json() for tensor in self._inputs],
            "outputs": [tensor.to_json() for tensor in self._outputs],
        }

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        # Both the arrays and MNN's tensors on them have to live as long as they are copied from.
        self._arrays = list(arrays)
        self._copies_in = [
            (self._runtime_inputs[one.name], self._host_tensor(array)) for one, array in zip(self._inputs, arrays)
        ]
        self._hosts = [aligned_empty([size or 0 for size in one.shape], one.dtype) for one in self._outputs]
        self._landings = [self._host_tensor(host) for host in self._hosts]

    def input_arrays(self) -> List["np.ndarray"]:
        # MNN's tensors have copies of what they were made from.
        return [host.getNumpyData() for _, host in self._copies_in]

    def copy_in(self) -> None:
        for tensor, host in self._copies_in:
            tensor.copyFrom(host)

    def invoke(self) -> None:
        _check(self._interpreter.runSession(self._session))

    def copy_out(self) -> None:
        for tensor, landing, host in zip(self._runtime_outputs.values(), self._landings, self._hosts):
            tensor.copyToHostTensor(landing)
            host[...] = landing.getNumpyData().reshape(host.shape)

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        return OrderedDict((tensor.name, host) for tensor, host in zip(self._outputs, self._hosts))

    def profile(self, count: int) -> List[LayerTime]:
        """MNN calls back before and after each of its operators."""
        times, began_ns = LayerTimes(), 0

        def begin(tensors: Any, operator: Any) -> bool:
            nonlocal began_ns
            began_ns = self.clock()
            return True

        def end(tensors: Any, operator: Any) -> bool:
            ended_ns = self.clock()
            times.add(operator.getName(), operator.getType(), ended_ns - began_ns)
            return True

        self.request()
        for _ in range(count):
            self.copy_in()
            _check(self._interpreter.runSessionWithCallBackInfo(self._session, begin, end))
        return times.slowest_first()

    def close(self) -> None:
        self._copies_in = []
        self._session = self._interpreter = None

    def _host_tensor(self, array: "np.ndarray") -> Any:
        """MNN's tensor with the values of `array`, channel-first."""
        kind = self._types()[str(array.dtype)]
        return self._module.Tensor(tuple(array.shape), kind, array, self._module.Tensor_DimensionType_Caffe)

    def _tensor(self, name: str, tensor: Any) -> TensorInfo:
        for dtype, kind in self._types().items():
            if tensor.getDataType() == kind:
                return TensorInfo(str(name), tuple(int(size) for size in tensor.getShape()), dtype)
        raise WorkerError(BAD_ARTIFACT, "%s is of a type that is not known here" % name)

    def _types(self) -> Dict[str, Any]:
        module = self._module
        return {
            "float32": module.Halide_Type_Float,
            "int32": module.Halide_Type_Int,
            "uint8": module.Halide_Type_Uint8,
            "int64": module.Halide_Type_Int64,
        }


def _check(code: int) -> None:
    """Of a run. Raises MemoryError and WorkerError."""
    if code == _NO_MEMORY:
        raise MemoryError("MNN had none left for a tensor")
    if code != 0:
        raise WorkerError(RUNTIME_FAILED, "MNN could not compute the model (code %s)" % code)
