"""LiteRT (TensorFlow Lite): ai-edge-litert, or tflite-runtime where only that is installed."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Tuple

from ..clock import Clock
from ..failure import RUNTIME_FAILED, RUNTIME_MISSING, WorkerError
from ..job import InputTensor
from ..libraries.litert_delegation import count_delegated
from ..libraries.litert_profile import profile_operators
from ..libraries.litert_quantised import weighted_layers
from ..runtime.base import THREADS, HostRuntime, LayerTime, TensorInfo
from ..runtime.declaration import QUANTISED_FILE, TYPED_FILE, Option
from ..runtime.packages import import_package, package_version, require_file, unreadable
from ..runtime.tensors import aligned_empty, match_inputs

if TYPE_CHECKING:
    import numpy as np


class LiteRT(HostRuntime):
    """TensorFlow Lite's interpreter on the processor, with XNNPACK unless told otherwise."""

    name = "litert"
    FORMAT = "tflite"
    MODULES = (("ai_edge_litert", "tflite_runtime"),)
    DISTRIBUTIONS = ("ai-edge-litert", "tflite-runtime")
    INSTALL = "pip install ai-edge-litert"
    INPUTS_IN_PLACE = True
    PROFILES = True
    PRECISIONS = {
        "fp32": TYPED_FILE,
        "fp16-weights": QUANTISED_FILE,
        "int8-dynamic": QUANTISED_FILE,
        "int8": QUANTISED_FILE,
    }
    OPTIONS = {
        "threads": THREADS,
        "xnnpack": Option(True, "XNNPACK's kernels; false: the reference and Ruy kernels."),
    }

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        self._module, self._package, self._version = _import_interpreter()
        self._interpreter: Any = None

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        self._artifact = artifact
        arguments = {"model_path": artifact, "num_threads": self.options["threads"]}
        if not self.options["xnnpack"]:
            resolvers = self._module.OpResolverType
            arguments["experimental_op_resolver_type"] = resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            self._interpreter = interpreter = self._module.Interpreter(**arguments)
            details = interpreter.get_input_details()
            ordered = match_inputs(inputs, [_tensor(detail) for detail in details])
            for detail, wanted in zip(details, ordered):
                if None in _tensor(detail).shape:
                    interpreter.resize_tensor_input(detail["index"], list(wanted.artifact_shape))
            interpreter.allocate_tensors()
        except Exception as error:
            raise unreadable(artifact, self._package, error)
        self._input_details = interpreter.get_input_details()
        self._output_details = interpreter.get_output_details()
        # Functions that give a view of the runtime's own output: copying from it is one copy, get_tensor would be two.
        views = [interpreter.tensor(detail["index"]) for detail in self._output_details]
        self._copies_out = [
            (aligned_empty(detail["shape"].tolist(), _dtype(detail)), view)
            for detail, view in zip(self._output_details, views)
        ]
        self._sized = False
        return ordered

    def facts(self) -> Dict[str, Any]:
        facts: Dict[str, Any] = {
            "runtime": {"name": self.name, "package": self._package, "version": self._version},
            "options": self.options,
            "inputs": [_tensor(detail).to_json() for detail in self._input_details],
            "outputs": [_tensor(detail).to_json() for detail in self._output_details],
        }
        delegated = count_delegated(self._interpreter)
        if delegated is not None:
            facts["delegation"] = OrderedDict(delegated._asdict())
        layers = weighted_layers(self._interpreter)
        if layers is not None and set(layers.precisions) != {"float32"}:
            facts["weighted_layers"] = layers.to_json()
        return facts

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        self._copies_in = [(detail["index"], array) for detail, array in zip(self._input_details, arrays)]

    def input_arrays(self) -> List["np.ndarray"]:
        return [array for _, array in self._copies_in]

    def copy_in(self) -> None:
        for index, array in self._copies_in:
            self._interpreter.set_tensor(index, array)

    def invoke(self) -> None:
        self._interpreter.invoke()

    def copy_out(self) -> None:
        if not self._sized:
            self._size_outputs()
        for host, view in self._copies_out:
            host[...] = view()

    def _size_outputs(self) -> None:
        """An output whose size depends on values has it only after the first inference, which is warm-up."""
        self._copies_out = [
            (host if host.shape == view().shape else aligned_empty(view().shape, str(view().dtype)), view)
            for host, view in self._copies_out
        ]
        self._sized = True

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        for host, view in self._copies_out:
            if view().shape != host.shape:
                raise WorkerError(
                    RUNTIME_FAILED,
                    "an output has shape %s after the request and had %s before, for the same inputs"
                    % (view().shape, host.shape),
                    "a model that gives outputs of random size cannot be timed here",
                )
        return OrderedDict((detail["name"], host) for detail, (host, _) in zip(self._output_details, self._copies_out))

    def profile(self, count: int) -> List[LayerTime]:
        arrays = [array for _, array in self._copies_in]
        return profile_operators(self._module, self._artifact, self.options, arrays, len(self._copies_out), count)

    def close(self) -> None:
        self._copies_out = []
        self._interpreter = None


def _import_interpreter() -> Tuple[Any, str, Any]:
    """The module with Interpreter, the package it is from, and that one's version."""
    try:
        package = import_package("ai_edge_litert", "litert", LiteRT.INSTALL)
        module = import_package("ai_edge_litert.interpreter", "litert", LiteRT.INSTALL)
        return module, "ai-edge-litert", package_version(package, "ai-edge-litert")
    except WorkerError as missing:
        try:
            package = import_package("tflite_runtime", "litert", LiteRT.INSTALL)
        except WorkerError:
            raise missing
    _refuse_numpy_2(package_version(package, "tflite-runtime"))
    module = import_package("tflite_runtime.interpreter", "litert", LiteRT.INSTALL)
    return module, "tflite-runtime", package_version(package, "tflite-runtime")


def _refuse_numpy_2(version: Any) -> None:
    """tflite-runtime is built against numpy 1 and takes the process down with numpy 2, though its metadata allow it."""
    import numpy as np

    if int(np.__version__.split(".")[0]) >= 2:
        raise WorkerError(
            RUNTIME_MISSING,
            "tflite-runtime %s crashes with numpy %s" % (version, np.__version__),
            "install ai-edge-litert, or: pip install 'numpy<2'",
        )


def _tensor(detail: Dict[str, Any]) -> TensorInfo:
    signature = detail.get("shape_signature", detail["shape"])
    shape = tuple(None if size < 0 else int(size) for size in signature)
    return TensorInfo(detail["name"], shape, _dtype(detail))


def _dtype(detail: Dict[str, Any]) -> str:
    # numpy 1 calls its truth value bool_.
    return str(detail["dtype"].__name__).rstrip("_")
