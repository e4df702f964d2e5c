"""OpenVINO on the CPU: it reads ONNX files itself, and computes on one stream."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

from ..clock import Clock
from ..failure import RUNTIME_FAILED, WorkerError, bad_request
from ..job import InputTensor
from ..libraries.openvino_graph import executed_layers, layer_times, precision_facts
from ..libraries.openvino_tensors import host_tensor, is_open, tensor_info, without_places
from ..quiet_libraries import without_openvino_telemetry
from ..runtime.base import THREADS, HostRuntime, LayerTime, TensorInfo
from ..runtime.declaration import BUILDER_FLAG, QUANTISED_FILE, TYPED_FILE, Option
from ..runtime.packages import import_package, package_version, require_file, unreadable
from ..runtime.tensors import aligned_empty, from_bfloat16, match_inputs

if TYPE_CHECKING:
    import numpy as np

_OF_FILE = "dynamic"
"""Every layer in its own type. Asked for f16, the plugin would take the layers that a file keeps in float32 too, sums
over all tokens of a linear attention among them, which pass the largest float16."""
_ASKED_TYPES = {"fp16": _OF_FILE, "bf16": "bf16"}
"""What the plugin is asked to compute in, by precision. Every other precision is asked for as f32: the default of newer
processors is bf16."""
_CAPABILITIES = {"fp16": "FP16"}
"""What a processor has to be able to do, by precision; without it the plugin would compute in f32."""


class OpenVino(HostRuntime):
    """OpenVINO's plugin for processors, one stream with the latency hint."""

    name = "openvino"
    FORMAT = "onnx"
    MODULES = (("openvino",),)
    DISTRIBUTIONS = ("openvino",)
    INSTALL = "pip install openvino"
    INPUTS_IN_PLACE = True
    PROFILES = True
    QUANTISER = "nncf"
    PRECISIONS = {
        "fp32": TYPED_FILE,
        "fp16": TYPED_FILE,
        "bf16": BUILDER_FLAG,
        "int8": QUANTISED_FILE,
    }
    OPTIONS = {
        "threads": THREADS,
        "precision": Option("fp32", "What the plugin computes in.", choices=tuple(PRECISIONS)),
    }

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        without_openvino_telemetry()
        self._module = import_package("openvino", self.name, self.INSTALL)
        self._compiled: Any = None
        self._request: Any = None

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        self._artifact = artifact
        core = self._module.Core()
        self._check_processor(core)
        try:
            model = core.read_model(artifact)
            ordered = match_inputs(inputs, [tensor_info(port) for port in model.inputs])
            if any(is_open(tensor_info(port)) for port in model.inputs):
                model.reshape({port: list(one.artifact_shape) for port, one in zip(model.inputs, ordered)})
            self._compiled = core.compile_model(model, "CPU", self._configuration())
            self._request = self._compiled.create_infer_request()
        except Exception as error:
            raise unreadable(artifact, "OpenVINO", without_places(error))
        self._check_configuration()
        self._outputs = [tensor_info(port) for port in self._compiled.outputs]
        self._bound_inputs = []
        for position, one in enumerate(map(tensor_info, self._compiled.inputs)):
            bound = aligned_empty(_sizes(one), one.dtype)
            self._request.set_input_tensor(position, host_tensor(self._module, one, bound))
            self._bound_inputs.append(bound)
        return ordered

    def facts(self) -> Dict[str, Any]:
        # `2026.4.1-22982-e213a147257-releases/2026/4`
        build = package_version(self._module, "openvino") or ""
        return {
            "runtime": {"name": self.name, "package": "openvino", "version": build.partition("-")[0] or None},
            "build": build,
            "options": self.options,
            "inputs": [tensor_info(port).to_json() for port in self._compiled.inputs],
            "outputs": [tensor.to_json() for tensor in self._outputs],
            **precision_facts(executed_layers(self._compiled)),
        }

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        self._copies_in = list(zip(self._bound_inputs, arrays))
        self._hosts: Dict[int, "np.ndarray"] = {}
        self._bound_outputs = []
        for position, tensor in enumerate(self._outputs):
            if is_open(tensor):
                continue  # its size depends on values: the runtime allocates it in every request
            bound = aligned_empty(_sizes(tensor), tensor.dtype)
            self._request.set_output_tensor(position, host_tensor(self._module, tensor, bound))
            self._hosts[position] = aligned_empty(_sizes(tensor), tensor.dtype)
            self._bound_outputs.append((self._hosts[position], bound))

    def input_arrays(self) -> List["np.ndarray"]:
        return [array for _, array in self._copies_in]

    def copy_in(self) -> None:
        for bound, array in self._copies_in:
            bound[...] = array

    def invoke(self) -> None:
        # Without sharing it would copy the outputs itself, here and not where copies are timed.
        self._request.infer(share_outputs=True)

    def copy_out(self) -> None:
        for host, bound in self._bound_outputs:
            host[...] = bound
        for position, tensor in enumerate(self._outputs):
            if is_open(tensor):
                self._hosts[position] = self._request.get_output_tensor(position).data.copy()

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        return OrderedDict(
            (tensor.name, from_bfloat16(self._hosts[position]) if tensor.dtype == "bfloat16" else self._hosts[position])
            for position, tensor in enumerate(self._outputs)
        )

    def profile(self, count: int) -> List[LayerTime]:
        """The plugin counts only where it was compiled to: in a model of its own."""
        core = self._module.Core()
        model = core.read_model(self._artifact)
        if any(is_open(tensor_info(port)) for port in model.inputs):
            model.reshape({port: list(array.shape) for port, array in zip(model.inputs, self._bound_inputs)})
        request = core.compile_model(model, "CPU", dict(self._configuration(), PERF_COUNT=True)).create_infer_request()
        for position, bound in enumerate(self._bound_inputs):
            request.set_input_tensor(
                position, host_tensor(self._module, tensor_info(self._compiled.inputs[position]), bound)
            )
        self.copy_in()
        return layer_times(request, count)

    def close(self) -> None:
        self._request = self._compiled = None

    def _configuration(self) -> Dict[str, Any]:
        threads = self.options["threads"]
        return {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": self._asked_type(),
            "EXECUTION_MODE_HINT": "ACCURACY" if self._asked_type() == "f32" else "PERFORMANCE",
            # The worker is pinned already; the plugin would choose cores of its own, and leave out siblings.
            "ENABLE_CPU_PINNING": False,
            "ENABLE_HYPER_THREADING": True,
            "SCHEDULING_CORE_TYPE": "ANY_CORE",
        }

    def _asked_type(self) -> str:
        return _ASKED_TYPES.get(self.options["precision"], "f32")

    def _check_processor(self, core: Any) -> None:
        needed = _CAPABILITIES.get(self.options["precision"])
        if needed is not None and needed not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise _wrong_type("f32", self.options["precision"])

    def _check_configuration(self) -> None:
        """What was asked for is what the plugin says that it does. It changes a wish without a word."""
        found = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if found != self._asked_type():
            raise _wrong_type(found, self._asked_type())
        for name, asked in (("INFERENCE_NUM_THREADS", self.options["threads"]), ("NUM_STREAMS", 1)):
            value = int(self._compiled.get_property(name))
            if value != asked:
                raise WorkerError(
                    RUNTIME_FAILED,
                    "OpenVINO took %s=%d, %d was asked for" % (name, value, asked),
                    "ask for no more --threads than there are cores",
                )


def _wrong_type(found: str, asked: str) -> WorkerError:
    return bad_request(
        "OpenVINO computes in %s on this processor, %s was asked for" % (found, asked), "choose another --precision"
    )


def _sizes(tensor: TensorInfo) -> List[int]:
    return [size for size in tensor.shape if size is not None]
