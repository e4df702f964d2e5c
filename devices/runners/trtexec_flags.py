"""trtexec's version, and its flags: which exist differs by version, and `--help` lists those that do."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from latency_bench.devices.errors import WorkerError

_RUNNING = re.compile(r"&&&& RUNNING TensorRT\.trtexec(?: \[TensorRT v([0-9]{4,7})\])?")
_FLAG = re.compile(r"^\s*(--[A-Za-z][A-Za-z0-9]*)", re.M)
LAYERS = "layers.json"


@dataclass(frozen=True)
class Tool:
    """A trtexec as its `--help` describes it."""

    program: str
    version: tuple[int, int, int]
    flags: frozenset[str]

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    def has(self, flag: str) -> bool:
        return flag in self.flags


def parse_help(program: str, text: str) -> Tool | None:
    """None where this is no help of a trtexec. Raises WorkerError (runtime-missing) for one that is too old."""
    found = _RUNNING.search(text)
    if found is None:
        return None
    if found[1] is None:
        raise WorkerError(
            "runtime-missing",
            f"{program} is the trtexec of TensorRT 7 or older, which does not say its version",
            "TensorRT 8.0 is the least that works (JetPack 4.6): update the device",
        )
    return Tool(program, version_of(int(found[1])), frozenset(_FLAG.findall(text)))


def version_of(number: int) -> tuple[int, int, int]:
    """8201 -> 8.2.1; from 10.0 on with two digits a part, 100300 -> 10.3.0."""
    if number < 10_000:
        return number // 1000, number // 100 % 10, number % 100
    return number // 10_000, number // 100 % 100, number % 100


def build_flags(
    tool: Tool,
    onnx: str,
    engine: str,
    precision: str,
    tf32: bool,
    workspace_mib: int,
    float32_layers: Sequence[str] = (),
) -> list[str]:
    """Flags that build an engine and end. `float32_layers` stay in float32 in half precision too."""
    flags = [f"--onnx={onnx}", f"--saveEngine={engine}"]
    flags.append("--skipInference" if tool.has("--skipInference") else "--buildOnly")
    if tool.has("--memPoolSize"):
        flags.append(f"--memPoolSize=workspace:{workspace_mib}")
    elif tool.has("--workspace"):
        flags.append(f"--workspace={workspace_mib}")
    # From TensorRT 11 on networks are strongly typed: there is no such flag, and the file carries the precision.
    if precision == "fp16" and tool.has("--fp16"):
        flags.append("--fp16")
        if float32_layers and tool.has("--layerPrecisions"):
            types = ",".join(f"{name}:fp32" for name in float32_layers)
            flags += ["--precisionConstraints=obey", f"--layerPrecisions={types}", f"--layerOutputTypes={types}"]
    if precision == "int8" and tool.has("--int8"):
        flags.append("--int8")
    if not tf32 and tool.has("--noTF32"):
        flags.append("--noTF32")
    if tool.has("--exportLayerInfo") and tool.has("--profilingVerbosity"):
        # Else the engine does not keep which precision its layers have.
        flags.append("--profilingVerbosity=detailed")
    return flags


def measure_flags(tool: Tool, engine: str, times: str, warmup: dict[str, Any], sampling: dict[str, Any]) -> list[str]:
    """Flags that time an engine as the paper's authors did: one stream, transfers counted, no CUDA graph, no spinning.

    Those are the defaults until TensorRT 10, and have to be asked for from 11 on. trtexec knows no precision to stop
    at: it stops when both the count and the time are reached.
    """
    flags = [f"--loadEngine={engine}", f"--exportTimes={times}"]
    flags.append(f"--warmUp={math.ceil(warmup['min_ns'] / 1e6)}")
    flags.append(f"--iterations={sampling['min_count']}")
    flags.append(f"--duration={math.ceil(sampling['min_ns'] / 1e9)}")
    if tool.has("--exportLayerInfo") and tool.has("--profilingVerbosity"):
        flags += [f"--exportLayerInfo={LAYERS}", "--profilingVerbosity=detailed"]
    return flags + [flag for flag in ("--includeDataTransfers", "--noCudaGraph", "--noSpinWait") if tool.has(flag)]
