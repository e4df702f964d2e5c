"""Times by operator from LiteRT's own profiler, which only its C interface has (litert/c/*.h of LiteRT 2).

The interpreter of the Python package cannot be profiled. So the model is compiled once more, by the library that the
package brings, with the same threads and the same kernels.
"""

import ctypes
import os
import re
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from ..failure import RUNTIME_FAILED, WorkerError, bad_request
from ..runtime.base import LayerTime

if TYPE_CHECKING:
    import numpy as np

_LIBRARY = "libLiteRt.so"
_CPU = 1
_WITHOUT_DELEGATES = 2
"""Kernel mode; the default one is XNNPACK's."""
_WRITING = 1
_TENSOR_TYPE_BYTES = 1024
"""More than the description of a tensor's type and shape takes."""
_Handle = ctypes.c_void_p


def profile_operators(
    package: Any, artifact: str, options: Dict[str, Any], arrays: Sequence["np.ndarray"], output_count: int, count: int
) -> List[LayerTime]:
    """Over `count` requests with `arrays` as inputs, slowest first. Raises WorkerError: bad-request where the package
    has no such library, runtime-failed where a call of it fails."""
    path = os.path.join(os.path.dirname(str(getattr(package, "__file__", ""))), _LIBRARY)
    if not os.path.isfile(path):
        raise bad_request(
            "this package of LiteRT comes without its profiler (%s)" % _LIBRARY,
            "install ai-edge-litert 2.3 or later, or profile with the runtime onnxruntime or torch",
        )
    return parse_summary(_Profiled(path, artifact, options, arrays, output_count).summary(count))


class _Profiled:
    """A compiled model with buffers. It lives as long as the process: nothing is taken apart, because the process ends
    after a profile."""

    def __init__(
        self, library: str, artifact: str, options: Dict[str, Any], arrays: Sequence["np.ndarray"], output_count: int
    ) -> None:
        self._library = ctypes.CDLL(library)
        self._c = ctypes.CDLL(None)
        self._environment = self._make("LiteRtCreateEnvironment", 0, None)
        model = self._make("LiteRtCreateModelFromFile", self._environment, os.fsencode(artifact))
        self._compiled = self._make("LiteRtCreateCompiledModel", self._environment, model, self._compilation(options))
        subgraph = self._make("LiteRtGetModelSubgraph", model, ctypes.c_size_t(0))
        self._inputs = self._buffers("Input", subgraph, len(arrays))
        self._outputs = self._buffers("Output", subgraph, output_count)
        for buffer, array in zip(self._inputs, arrays):
            place = self._make("LiteRtLockTensorBuffer", _Handle(buffer), after=(_WRITING,))
            ctypes.memmove(place, array.ctypes.data, array.nbytes)
            self._call("LiteRtUnlockTensorBuffer", _Handle(buffer))

    def summary(self, count: int) -> str:
        """LiteRT's table of what every operator took, as text."""
        profiler = self._make("LiteRtCompiledModelGetProfiler", self._compiled)
        self._request()
        self._call("LiteRtResetProfiler", profiler)
        self._call("LiteRtStartProfiler", profiler)
        for _ in range(count):
            self._request()
        self._call("LiteRtStopProfiler", profiler)
        text = self._make("LiteRtGetProfileSummary", profiler, self._compiled)
        return ctypes.cast(text, ctypes.c_char_p).value.decode("utf-8", "replace")  # type: ignore[union-attr]

    def _request(self) -> None:
        sizes = [ctypes.c_size_t(len(buffers)) for buffers in (self._inputs, self._outputs)]
        self._call(
            "LiteRtRunCompiledModel",
            self._compiled,
            ctypes.c_size_t(0),
            sizes[0],
            self._inputs,
            sizes[1],
            self._outputs,
        )

    def _compilation(self, options: Dict[str, Any]) -> _Handle:
        made = self._make("LiteRtCreateOptions")
        self._call("LiteRtSetOptionsHardwareAccelerators", made, _CPU)
        kernels = "" if options["xnnpack"] else "kernel_mode = %d\n" % _WITHOUT_DELEGATES
        self._add(made, "runtime_options_string", "enable_profiling = true\n")
        self._add(made, "xnnpack", "num_threads = %d\n%s" % (options["threads"], kernels))
        return made

    def _add(self, options: _Handle, kind: str, toml: str) -> None:
        """Options that the library takes as text, which it frees itself."""
        self._c.strdup.restype = _Handle
        text = _Handle(self._c.strdup(toml.encode()))
        free = ctypes.cast(self._c.free, _Handle)
        self._call(
            "LiteRtAddOpaqueOptions", options, self._make("LiteRtCreateOpaqueOptions", kind.encode(), text, free)
        )

    def _buffers(self, kind: str, subgraph: _Handle, count: int) -> Any:
        buffers = (_Handle * count)()
        for number in range(count):
            index = ctypes.c_size_t(number)
            tensor = self._make("LiteRtGetSubgraph%s" % kind, subgraph, index)
            described = ctypes.create_string_buffer(_TENSOR_TYPE_BYTES)
            self._call("LiteRtGetRankedTensorType", tensor, described)
            wanted = self._make(
                "LiteRtGetCompiledModel%sBufferRequirements" % kind, self._compiled, ctypes.c_size_t(0), index
            )
            made = self._make("LiteRtCreateManagedTensorBufferFromRequirements", self._environment, described, wanted)
            buffers[number] = made.value
        return buffers

    def _make(self, name: str, *arguments: Any, after: Sequence[Any] = ()) -> _Handle:
        """A call that gives something through a pointer, which stands after `arguments`."""
        given = _Handle()
        self._call(name, *arguments, ctypes.byref(given), *after)
        return given

    def _call(self, name: str, *arguments: Any) -> None:
        try:
            status = int(getattr(self._library, name)(*arguments))
        except AttributeError:
            raise bad_request("this release of LiteRT has no %s" % name, "install another ai-edge-litert to profile")
        if status != 0:
            raise WorkerError(
                RUNTIME_FAILED,
                "LiteRT could not be profiled: %s gave status %d" % (name, status),
                "profile with the runtime onnxruntime or torch",
            )


_HEADER = "[node type]"
_ROW = re.compile(
    r"\s*(?P<type>\S.*?)\s+(?P<start>[\d.]+)\s+(?P<first>[\d.]+)\s+(?P<mean_ms>[\d.]+)\s+[\d.]+%\s+[\d.]+%"
    r"\s+[-\d.]+\s+(?P<calls>\d+)\s+(?P<name>\S.*?)\s*"
)
_DELEGATE = "Delegate/"


def parse_summary(text: str) -> List[LayerTime]:
    """The table in the order of execution, sorted by time. Raises WorkerError (runtime-failed) for anything else."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.strip().startswith(_HEADER):
            break
    layers = []
    for line in lines:
        if not line.strip():
            break
        found = _ROW.fullmatch(line)
        if found is None:
            raise WorkerError(RUNTIME_FAILED, "a line of LiteRT's profile does not parse: %r" % line.strip()[:200])
        operator = found.group("type")
        if operator.startswith(_DELEGATE):
            operator = operator[len(_DELEGATE) :]
        calls = int(found.group("calls"))
        total_ns = round(float(found.group("mean_ms")) * calls * 1e6)
        name = found.group("name").replace("[", "").replace("]:", " ")
        layers.append(LayerTime(name, operator, calls, total_ns))
    if not layers:
        raise WorkerError(RUNTIME_FAILED, "LiteRT's profile lists no operators", "install another ai-edge-litert")
    return sorted(layers, key=lambda layer: -layer.total_ns)
