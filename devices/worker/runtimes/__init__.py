"""The runtimes: one file each, found by name. A package of somebody else's adds one by an entry point of the group
`bench.runtimes` that names a class with the methods of `base.Runtime`."""

import importlib
from typing import Any, Dict, List, cast

from ..clock import Clock
from ..failure import WorkerError, bad_request, one_line
from .base import Runtime

RUNTIMES = {
    "litert": "litert:LiteRT",
    "onnxruntime": "onnxruntime:OnnxRuntime",
    "torch": "torch_cpu:TorchCpu",
    "torch-cuda": "torch_cuda:TorchCuda",
    "tensorrt": "tensorrt:TensorRt",
    "tensorrt-rtx": "tensorrt:TensorRtRtx",
}
"""Module of this package and class, by name."""
ENTRY_POINT_GROUP = "bench.runtimes"


def create_runtime(name: str, options: Dict[str, Any], clock: Clock) -> Runtime:
    """Import the runtime called `name`. Raises WorkerError: bad-request for an unknown name or option,
    runtime-missing, with the line that installs it, where its package is not there."""
    if name in RUNTIMES:
        module, class_name = RUNTIMES[name].split(":")
        runtime_class = getattr(importlib.import_module("." + module, __name__), class_name)
    else:
        runtime_class = _third_party(name)
    return cast(Runtime, runtime_class(options, clock))


def _third_party(name: str) -> Any:
    known = sorted(RUNTIMES)
    for entry in _entry_points():
        if entry.name == name:
            try:
                return entry.load()
            except Exception as error:
                raise WorkerError(
                    "runtime-missing",
                    "the runtime %s (%s) cannot be imported: %s" % (name, entry.value, one_line(str(error))),
                    "reinstall the package that brings it",
                )
        known.append(entry.name)
    raise bad_request("no runtime is called %r" % name, "known runtimes: %s" % ", ".join(known))


def _entry_points() -> List[Any]:
    try:
        metadata = importlib.import_module("importlib.metadata")
    except ImportError:  # Python 3.6 and 3.7
        return []
    found = metadata.entry_points()
    # A dictionary of lists before Python 3.10.
    select = getattr(found, "select", None)
    return list(select(group=ENTRY_POINT_GROUP) if select else found.get(ENTRY_POINT_GROUP, ()))
