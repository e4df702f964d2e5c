"""Device: one entry of devices.yaml, a composition of a transport (how to reach it), a runner (what executes there) and
probes (what it is)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions
from latency_bench.devices.runners.program_options import ProgramOptions
from latency_bench.devices.runners.trtexec_options import TrtexecOptions
from latency_bench.devices.settings import known_settings
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.ssh_options import SshOptions

INERT: dict[str, JsonValue] = {"inert": True}
"""Marks fields that decide neither what is executed nor what is reached: they are taken from a devices.yaml of the
current folder that the user has not trusted."""


class Device(BaseModel):
    """One entry of devices.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$", json_schema_extra=INERT)
    transport: str = "local"
    runner: str = "worker"
    probes: tuple[str, ...] = ("linux", "container")
    runtime: str = Field(default="litert", json_schema_extra=INERT)
    """Runtime used when the command line names none."""
    runtime_options: dict[str, Any] = Field(default_factory=dict)
    """Further options of the runtime, as the worker's runtime documents them."""
    threads: int = Field(default=1, ge=1, json_schema_extra=INERT)
    """Threads of a CPU runtime. One thread on one core is what reproduces best, so it is the default."""
    cpus: tuple[int, ...] | None = Field(default=None, json_schema_extra=INERT)
    """Cores that the measuring process is pinned to; by default the last `threads` of those available."""
    python: tuple[str, ...] | None = None
    """Command that starts Python on the device, e.g. [/opt/venv/bin/python]; by default the one bench runs with."""
    onnx_opset: int | None = Field(default=None, json_schema_extra=INERT)
    """Opset of exported ONNX files, where the device's runtime wants another than the model's own."""
    adb: AdbOptions = Field(default_factory=AdbOptions)
    """Which Android device, and over which link, for `transport: adb`."""
    benchmark_model: BenchmarkModelOptions = Field(default_factory=BenchmarkModelOptions)
    """TFLite's benchmark tool on the device, for `runner: benchmark_model`."""
    bench_onnxruntime: ProgramOptions = Field(default_factory=ProgramOptions)
    """Our program that runs ONNX Runtime without Python, for `runner: bench_onnxruntime`."""
    ssh: SshOptions | None = None
    """Which host, and how it is reached, for `transport: ssh`."""
    trtexec: TrtexecOptions = Field(default_factory=TrtexecOptions)
    """TensorRT's benchmark tool on the device, for `runner: trtexec`."""
    settings: dict[str, str | bool | int | float] = Field(default_factory=dict)
    """What the probes set for a run and put back afterwards, e.g. `power_mode`. In devices.yaml a setting of one of the
    entry's probes is written like any other field."""

    @model_validator(mode="before")
    @classmethod
    def _gather_settings(cls, entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry
        declared = known_settings(entry.get("probes", cls.model_fields["probes"].default))
        own = {name: value for name, value in entry.items() if name in declared and value is not None}
        rest = {name: value for name, value in entry.items() if name not in declared}
        given = entry.get("settings", {})
        return {**rest, "settings": {**given, **own}} if own and isinstance(given, dict) else rest

    @model_validator(mode="after")
    def _reachable(self) -> Device:
        if self.transport == "ssh" and self.ssh is None:
            raise ValueError("transport ssh needs `ssh`, with at least `host`")
        return self
