"""Flags of TFLite's benchmark tool: what the binary lists, and what a request becomes.

An unknown flag only makes the tool warn, with exit code 0, and measure something else. So the binary is asked first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from latency_bench.devices.errors import DeviceError, WorkerError
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions
from latency_bench.devices.runners.benchmark_model_runtimes import ToolRuntime
from latency_bench.devices.runners.brought_libraries import (
    COMPILER_PLUGIN,
    DISPATCH,
    DISPATCH_NAMES,
    Libraries,
)

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
            f"bench cannot use this benchmark_model: it does not list the flag --{missing[0]}; it printed {said!r}",
            _WHERE,
        )
    return names


def is_compiled_model(flags: Collection[str]) -> bool:
    """Whether the binary is the CompiledModel tool (benchmark_litert_model): it has --use_cpu in place of delegates."""
    return "use_cpu" in flags and "use_xnnpack" not in flags


def tool_flags(
    known: Collection[str],
    declared: type[ToolRuntime],
    chosen: Mapping[str, Any],
    settings: BenchmarkModelOptions,
    graph: str,
    libraries: Libraries | None = None,
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
    having = libraries or Libraries()
    of_tool = _compiled_model_flags if is_compiled_model(known) else _classic_flags
    flags |= of_tool(known, declared, chosen, having)
    for name in flags:
        if name not in known:
            raise DeviceError(
                f"this build of benchmark_model was made without {_what(name)} (it lists no --{name})",
                f"get another build ({_WHERE}), or --runtime-option xnnpack=false for its own kernels"
                if name == "use_xnnpack"
                else f"get another build ({_WHERE})",
            )
    return [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in flags.items()]


def _compiled_model_flags(
    known: Collection[str], declared: type[ToolRuntime], chosen: Mapping[str, Any], libraries: Libraries
) -> dict[str, Any]:
    """Of the CompiledModel tool."""
    if declared.DELEGATE in ("NNAPI", "EXTERNAL"):
        raise DeviceError(f"the CompiledModel tool does not offer {declared.name}", "use the classic benchmark_model")
    if declared.ON_CPU:
        if not chosen["xnnpack"]:
            raise DeviceError("the CompiledModel tool cannot run without XNNPACK", "use the classic benchmark_model")
        return {"use_cpu": True, "use_gpu": False}
    flags: dict[str, Any] = {"use_cpu": False, "require_full_delegation": not chosen["allow_partial"]}
    if declared.DELEGATE == "NPU":
        folder = libraries.folder_with(DISPATCH)
        if folder is None:
            raise DeviceError(
                "devices.yaml does not name the dispatch library that the NPU needs",
                f"list {DISPATCH_NAMES} and the vendor's libraries under `benchmark_model: {{libraries: [...]}}`",
            )
        flags |= {"use_npu": True, "dispatch_library_path": folder}
        if (plugin := libraries.folder_with(COMPILER_PLUGIN)) is not None:
            flags["compiler_plugin_library_path"] = plugin
        return flags | _given(chosen, "qualcomm_htp_performance_mode", "mediatek_nerun_pilot_version")
    flags["use_gpu"] = True
    # LiteRT 2.2 renamed it; `auto` is half precision where the GPU has it, as `allow_fp16` was.
    if "gpu-precision" in known:
        return flags | {"gpu-precision": "auto" if chosen["allow_fp16"] else "fp32"}
    return flags | {"allow_fp16": chosen["allow_fp16"]}


def _classic_flags(
    known: Collection[str], declared: type[ToolRuntime], chosen: Mapping[str, Any], libraries: Libraries
) -> dict[str, Any]:
    """Of the tool of TFLite's interpreter."""
    flags: dict[str, Any] = {}
    if declared.DELEGATE == "NPU":
        raise DeviceError(
            "this benchmark_model cannot use an NPU", f"use LiteRT's CompiledModel tool ({_WHERE}), or litert-external"
        )
    if declared.DELEGATE == "GPU":
        flags |= {"use_gpu": True, "gpu_precision_loss_allowed": chosen["allow_fp16"]}
    if declared.DELEGATE == "NNAPI":
        # Without it, what no accelerator takes is computed by NNAPI's own reference code on the processor.
        flags |= {"use_nnapi": True, "disable_nnapi_cpu": True, "nnapi_allow_fp16": chosen["allow_fp16"]}
        flags |= _given(chosen, "nnapi_accelerator_name")
    if declared.DELEGATE == "EXTERNAL":
        if libraries.delegate is None:
            raise DeviceError(
                "devices.yaml does not name the delegate's library",
                "give its file: `benchmark_model: {delegate_library: FILE}`",
            )
        flags |= {"external_delegate_path": libraries.delegate, **_given(chosen, "external_delegate_options")}
    # Left out, XNNPACK is applied all the same; only an explicit false switches it off. A build without the flag has no
    # XNNPACK to switch off.
    xnnpack = bool(chosen.get("xnnpack", False))
    if xnnpack or "use_xnnpack" in known:
        flags["use_xnnpack"] = xnnpack
    return flags


def _given(chosen: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Options that carry the flag's own name, as far as they are not left to the tool."""
    return {name: chosen[name] for name in names if chosen.get(name)}


def _what(flag: str) -> str:
    parts = {"gpu": "the GPU delegate", "xnnpack": "XNNPACK", "npu": "the NPU", "nnapi": "NNAPI"}
    return next((what for part, what in parts.items() if part in flag), f"the flag --{flag}")
