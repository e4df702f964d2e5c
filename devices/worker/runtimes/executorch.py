"""ExecuTorch on the CPU: XNNPACK computes what it takes of the graph, ExecuTorch's own kernels compute the rest."""

import importlib.util
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

from ..clock import Clock
from ..failure import BAD_ARTIFACT, RUNTIME_FAILED, RUNTIME_MISSING, WorkerError
from ..job import InputTensor
from ..libraries.executorch_profile import profile_operators
from ..libraries.executorch_program import METHOD, read_program
from ..runtime.base import THREADS, HostRuntime, LayerTime
from ..runtime.declaration import QUANTISED_FILE, TYPED_FILE
from ..runtime.packages import import_package, package_version, require_file, unreadable
from ..runtime.tensors import aligned_empty, match_inputs

if TYPE_CHECKING:
    import numpy as np

_BINDINGS = tuple("executorch.extension.pybindings.%s" % name for name in ("_C", "_portable_lib"))
"""The extension itself, newer name first. The module around it imports the exporter too, for seconds of every process
and in the memory that is measured."""
_THREAD_CALLS = ("_unsafe_reset_threadpool", "_threadpool_get_thread_count")
_CODES = {
    0x14: "it has no kernel for an operator",
    0x21: "out of memory",
    0x23: "the file is not a program, or damaged",
    0x30: "the part for a delegate was made by another release",
    0x31: "out of memory",
}
"""What errors mean that are told as a number alone (`runtime/core/error.h`)."""


class ExecuTorch(HostRuntime):
    """The method `forward` of a program, with tensors of PyTorch on the host's arrays."""

    name = "executorch"
    FORMAT = "pte"
    MODULES = (("executorch",),)
    DISTRIBUTIONS = ("executorch", "torch")
    INSTALL = "pip install executorch torch"
    INPUTS_IN_PLACE = True
    PROFILES = True
    PRECISIONS = {"fp32": TYPED_FILE, "int8-dynamic": QUANTISED_FILE, "int8": QUANTISED_FILE}
    OPTIONS = {"threads": THREADS}

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        super().__init__(options, clock)
        self.options["threads"] = self.thread_count()
        self._torch = import_package("torch", self.name, self.INSTALL)
        self._version = import_package("executorch.version", self.name, self.INSTALL)
        there = [name for name in _BINDINGS if importlib.util.find_spec(name) is not None]
        self._bindings = import_package((there or _BINDINGS)[0], self.name, self.INSTALL)
        self._set_threads()
        self._method: Any = None

    def load(self, artifact: str, inputs: Sequence[InputTensor]) -> List[InputTensor]:
        require_file(artifact)
        self._artifact = artifact
        try:
            # The whole file is looked at: with less, a damaged one takes the process down.
            whole = self._bindings.Verification.InternalConsistency
            program = self._bindings._load_program(artifact, program_verification=whole)
            self._program = read_program(artifact)
            self._check_kernels(artifact)
            self._method = program.load_method(METHOD)
        except Exception as error:
            raise unreadable(artifact, "ExecuTorch", _explained(error))
        return match_inputs(inputs, self._program.inputs)

    def facts(self) -> Dict[str, Any]:
        facts: Dict[str, Any] = {
            "runtime": {
                "name": self.name,
                "package": "executorch",
                "version": package_version(self._version, "executorch"),
            },
            "options": self.options,
            "inputs": [tensor.to_json() for tensor in self._program.inputs],
            "outputs": [tensor.to_json() for tensor in self._program.outputs],
            "delegation": self._program.delegation(),
        }
        layers = self._program.weighted_layers()
        if layers.precisions:
            facts["layer_precisions"] = layers.precisions
        if set(layers.precisions) - {"float32"}:
            facts["weighted_layers"] = layers.to_json()
        return facts

    def set_inputs(self, arrays: Sequence["np.ndarray"]) -> None:
        self._arrays = list(arrays)
        self._tensors = [self._torch.from_numpy(array) for array in arrays]
        self._hosts = [aligned_empty([size or 0 for size in one.shape], one.dtype) for one in self._program.outputs]

    def input_arrays(self) -> List["np.ndarray"]:
        return self._arrays

    def copy_in(self) -> None:
        # Into the memory that the program has planned for them.
        self._method.set_inputs(self._tensors)

    def invoke(self) -> None:
        try:
            self._method.execute()
        except RuntimeError as error:
            raise _explained(error)

    def copy_out(self) -> None:
        # Not cloned: these tensors are on the program's own memory, and copying from them is the one copy.
        for host, tensor in zip(self._hosts, self._method.get_outputs(False)):
            host[...] = tensor.numpy()

    def outputs(self) -> Mapping[str, "np.ndarray"]:
        return OrderedDict((tensor.name, host) for tensor, host in zip(self._program.outputs, self._hosts))

    def profile(self, count: int) -> List[LayerTime]:
        return profile_operators(self._bindings, self._artifact, self._tensors, count)

    def close(self) -> None:
        self._method = None

    def _set_threads(self) -> None:
        """Of the one pool that XNNPACK and the kernels share. Before a program is loaded, which keeps the pool."""
        lacking = [name for name in _THREAD_CALLS if not hasattr(self._bindings, name)]
        if lacking:
            raise WorkerError(
                RUNTIME_MISSING,
                "this release of ExecuTorch has no %s, by which threads are set" % lacking[0],
                "install executorch 1.4 or later",
            )
        threads = self.options["threads"]
        self._bindings._unsafe_reset_threadpool(threads)
        there = int(self._bindings._threadpool_get_thread_count())
        if there != threads:
            raise WorkerError(RUNTIME_FAILED, "ExecuTorch has %d threads, and %d were asked for" % (there, threads))

    def _check_kernels(self, artifact: str) -> None:
        missing = self._program.missing_kernels(
            [*self._bindings._get_operator_names(), *self._bindings._get_registered_backend_names()]
        )
        if missing:
            raise WorkerError(
                BAD_ARTIFACT,
                "ExecuTorch has no kernel here for %s, which %s calls" % (", ".join(missing), artifact),
                "export a network without it, or choose another runtime",
            )


def _explained(error: Exception) -> Exception:
    """ExecuTorch's error with words for its number."""
    code = re.search(r"0x:?([0-9a-f]+)", str(error))
    words = _CODES.get(int(code.group(1), 16)) if code is not None else None
    return error if words is None else RuntimeError("%s (%s)" % (error, words))
