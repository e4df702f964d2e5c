"""Options of runtimes at the values that they have unless asked otherwise: labels leave these out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GPU_RUNTIMES = frozenset({"litert-gpu", "tensorrt", "tensorrt-rtx", "torch-cuda"})
"""Their options name threads too, which mean nothing there."""

_USUAL: Mapping[str, Any] = {
    "allow_fp16": False,
    "allow_partial": False,
    "cache": True,
    "channels_last": False,
    "cuda_graph": False,
    "cudnn_benchmark": False,
    "device": 0,
    "memory": "auto",
    "mode": "eager",
    "optimisation_level": -1,
    "pinned": True,
    "sdpa": "auto",
    "spin": True,
    "tf32": False,
    "workspace_mb": 0,
    "xnnpack": True,
}
_USUAL_OF_GPUS: Mapping[str, Any] = {**_USUAL, "spin": False}


def usual_options(runtime: str) -> Mapping[str, Any]:
    """Value by name of option; an option that is not in it has no usual value."""
    if runtime == "litert-gpu":
        return {**_USUAL_OF_GPUS, "xnnpack": False}
    return _USUAL_OF_GPUS if runtime in GPU_RUNTIMES else _USUAL


def threads_of(runtime: str | None, options: Mapping[str, Any]) -> int | None:
    """Threads of a runtime on the CPU, from its options; None on a GPU, and where no whole number is stated."""
    threads = options.get("threads")
    return threads if isinstance(threads, int) and runtime not in GPU_RUNTIMES else None
