"""The memory seam: buffers, copies, streams and events of one NVIDIA GPU, by any of three libraries.

`pycuda` is the default; `cuda-python` where pycuda is missing or CUDA graphs are asked for (pycuda has none); `torch`
for the torch runtime, which has a context and an allocator of its own.
"""

import importlib
from typing import Any, List, Tuple, cast

from ..failure import RUNTIME_MISSING, WorkerError, bad_request
from .base import Memory

LIBRARIES = {
    "pycuda": "pycuda_memory:PycudaMemory",
    "cuda-python": "cuda_python_memory:CudaPythonMemory",
    "torch": "torch_memory:TorchMemory",
}
"""Module of this package and class, by name."""
AUTO = "auto"


def open_memory(name: str, device: int, graphs: bool = False) -> Memory:
    """The GPU number `device` by the library called `name`, or by the first that is there for `auto`.

    Raises WorkerError: bad-request for an unknown name, or where graphs are asked of a library without them;
    runtime-missing without library, driver or GPU.
    """
    if name not in LIBRARIES and name != AUTO:
        raise bad_request(
            "runtime_options.memory: there is no library called %r" % name,
            "known: %s, or %s" % (", ".join(sorted(LIBRARIES)), AUTO),
        )
    missing: List[str] = []
    for candidate in _candidates(name, graphs):
        memory_class = _memory_class(candidate)
        if graphs and not memory_class.HAS_GRAPHS:
            raise bad_request(
                "%s cannot capture CUDA graphs" % candidate,
                "choose runtime option memory=cuda-python, or cuda_graph=false",
            )
        try:
            return cast(Memory, memory_class(device))
        except WorkerError as error:
            # Another library does not help where the driver or the GPU is what is missing.
            if error.kind != RUNTIME_MISSING or not getattr(error, "library_missing", False):
                raise
            missing.append(error.message)
    raise WorkerError(
        RUNTIME_MISSING,
        "none of the libraries for GPU memory can be used: %s" % "; ".join(missing),
        "install one: pip install pycuda, or (Python 3.10 and up): pip install cuda-python",
    )


def _candidates(name: str, graphs: bool) -> Tuple[str, ...]:
    if name != AUTO:
        return (name,)
    return ("cuda-python",) if graphs else ("pycuda", "cuda-python")


def _memory_class(name: str) -> Any:
    module, class_name = LIBRARIES[name].split(":")
    return getattr(importlib.import_module("." + module, __name__), class_name)
