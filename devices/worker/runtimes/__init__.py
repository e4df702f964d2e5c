"""The runtimes: one file each in this folder, found by listing it. The file of `torch-cuda` is `torch_cuda.py`, and
holds one class of that name. A class of a third party is named by the job, as `module:Class`."""

import importlib
import os
from typing import Any, Dict, List, Optional, Type

from ..clock import Clock
from ..failure import RUNTIME_MISSING, WorkerError, bad_request, one_line
from ..runtime.base import Runtime


def runtime_names() -> List[str]:
    """Names of the runtimes in this folder, sorted."""
    files = os.listdir(os.path.dirname(os.path.abspath(__file__)))
    return sorted(file[: -len(".py")].replace("_", "-") for file in files if _is_runtime_file(file))


def runtime_class(name: str) -> Type[Runtime]:
    """The class of one of these names. Nothing but this module and its own is imported: no runtime's package."""
    module = importlib.import_module("." + name.replace("-", "_"), __name__)
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Runtime) and value.name == name:
            return value
    raise AssertionError("runtimes/%s.py has no runtime called %r" % (name.replace("-", "_"), name))


def create_runtime(name: str, options: Dict[str, Any], clock: Clock, third_party: Optional[str] = None) -> Runtime:
    """A runtime, its package imported. `third_party`: `module:Class` of one that is not in this folder.

    Raises WorkerError: bad-request for an unknown name or option, runtime-missing, with the line that installs it,
    where its package is not there.
    """
    if third_party is not None:
        return third_party_class(name, third_party)(options, clock)
    if name not in runtime_names():
        raise bad_request("there is no runtime called %r" % name, "known runtimes: %s" % ", ".join(runtime_names()))
    return runtime_class(name)(options, clock)


def third_party_class(name: str, target: str) -> Type[Runtime]:
    """The class that `module:Class` names. Raises WorkerError (runtime-missing) where it cannot be had."""
    module, _, class_name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), class_name)
    except Exception as error:
        raise WorkerError(
            RUNTIME_MISSING,
            "the runtime %s (%s) cannot be imported: %s"
            % (name, target, one_line("%s: %s" % (type(error).__name__, error))),
            "its module may import bench_worker.api, numpy, and at its top nothing that the device's Python lacks",
        )
    if not (isinstance(found, type) and issubclass(found, Runtime)):
        raise WorkerError(
            RUNTIME_MISSING, "the runtime %s (%s) is not a subclass of bench_worker.api.Runtime" % (name, target)
        )
    return found


def _is_runtime_file(file: str) -> bool:
    return file.endswith(".py") and not file.startswith("_")
