"""Flags of TFLite's benchmark tool: what the binary lists, and what a request becomes.

An unknown flag only makes the tool warn, with exit code 0, and measure something else. So the binary is asked first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from latency_bench.devices.errors import DeviceError, WorkerError
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions

LISTING_ARGUMENT = "--num_runs=list"
"""A value that does not parse makes every version print its flags and stop; not every build has `--help`."""
_FLAG = re.compile(r"^\s*--([a-z][a-z0-9_-]{0,63})=\S*\s+(bool|int32|int64|float|string)\b", re.M)
_NEEDED = ("graph", "num_runs", "min_secs", "max_secs", "warmup_runs", "warmup_min_secs", "num_threads")
_WHERE = "docs/android.md says where to get the tool"


def parse_flags(text: str) -> frozenset[str]:
    """Names of the flags that the tool lists. Raises WorkerError where those that everything rests on are missing."""
    names = frozenset(name for name, _ in _FLAG.findall(text))
    if missing := [name for name in _NEEDED if name not in names]:
        said = " ".join(text.split())[:200] or "nothing"
        raise WorkerError(
            "runtime-failed",
            f"this is no benchmark_model that bench can use: it lists no --{missing[0]}; it printed {said!r}",
            _WHERE,
        )
    return names


def is_compiled_model(flags: Collection[str]) -> bool:
    """Whether the binary is the CompiledModel tool (benchmark_litert_model): it has --use_cpu in place of delegates."""
    return "use_cpu" in flags and "use_xnnpack" not in flags


def tool_flags(
    known: Collection[str], on_gpu: bool, chosen: Mapping[str, Any], settings: BenchmarkModelOptions, graph: str
) -> list[str]:
    """The tool's arguments, each known to the binary. Raises DeviceError where the build cannot do what is asked."""
    flags: dict[str, Any] = {
        "graph": graph,
        "num_threads": chosen.get("threads", 1),
        "num_runs": settings.runs,
        "warmup_runs": settings.warmup_runs,
        # Counts are exact only without these floors.
        "min_secs": 0,
        "warmup_min_secs": 0,
        "max_secs": f"{settings.max_process_s:g}",
    }
    if is_compiled_model(known):
        if not on_gpu and not chosen["xnnpack"]:
            raise DeviceError("the CompiledModel tool has no kernels but XNNPACK's", "use the classic benchmark_model")
        flags |= {"use_cpu": not on_gpu, "use_gpu": on_gpu}
        if on_gpu:
            flags["require_full_delegation"] = not chosen["allow_partial"]
            # LiteRT 2.2 renamed it; `auto` is half precision where the GPU has it, as `allow_fp16` was.
            if "gpu-precision" in known:
                flags["gpu-precision"] = "auto" if chosen["allow_fp16"] else "fp32"
            else:
                flags["allow_fp16"] = chosen["allow_fp16"]
    else:
        if on_gpu:
            flags |= {"use_gpu": True, "gpu_precision_loss_allowed": chosen["allow_fp16"]}
        # Left out, XNNPACK is applied all the same; only an explicit false switches it off. A build without the flag
        # has no XNNPACK to switch off.
        if chosen["xnnpack"] or "use_xnnpack" in known:
            flags["use_xnnpack"] = chosen["xnnpack"]
    for name in flags:
        if name not in known:
            what = "the GPU delegate" if "gpu" in name else "XNNPACK" if "xnnpack" in name else f"the flag --{name}"
            raise DeviceError(
                f"this build of benchmark_model was made without {what} (it lists no --{name})",
                f"get another build ({_WHERE}), or --runtime-option xnnpack=false for its own kernels",
            )
    return [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in flags.items()]
