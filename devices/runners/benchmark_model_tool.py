"""The benchmark tool's binary on a device: is it there, does it run there, what can it do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.runners.benchmark_model_failures import start_error
from latency_bench.devices.runners.benchmark_model_flags import LISTING_ARGUMENT, is_compiled_model, parse_flags
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions
from latency_bench.devices.runners.benchmark_model_runtimes import ToolRuntime
from latency_bench.devices.runners.brought_program import BroughtProgram, bring_program
from latency_bench.devices.transports.base import Transport

_WHERE = (
    "Google publishes it for android_arm64 (tensorflow.org/lite/performance/measurement); name the file with "
    "`benchmark_model: {binary: ...}` in devices.yaml (docs/android.md)"
)
_SHORT_S = 60.0


@dataclass(frozen=True)
class Tool(BroughtProgram):
    """A binary that runs on the device."""

    flags: frozenset[str]

    @property
    def compiled_model(self) -> bool:
        return is_compiled_model(self.flags)


def find_tool(transport: Transport, settings: BenchmarkModelOptions) -> Tool:
    """Bring the tool to the device if it is not there, and ask it for its flags.

    Raises InventoryError where devices.yaml names none, DeviceError or WorkerError where it does not run there.
    """
    brought = bring_program(transport, "benchmark_model", settings, _WHERE)
    listed = transport.run([brought.path, LISTING_ARGUMENT], timeout_s=_SHORT_S)
    if (error := start_error(brought.path, listed.returncode, f"{listed.stdout}\n{listed.stderr}")) is not None:
        raise error
    return Tool(brought.path, brought.sha256, parse_flags(listed.stdout + "\n" + listed.stderr))


def check_android(transport: Transport, declared: type[ToolRuntime]) -> None:
    """Raises DeviceError where the phone's Android is newer than what the runtime is for."""
    if declared.NEWEST_SDK is None:
        return
    sdk = transport.run(["getprop", "ro.build.version.sdk"], timeout_s=_SHORT_S).stdout.strip()
    if re.fullmatch(r"[0-9]{1,3}", sdk) and int(sdk) > declared.NEWEST_SDK:
        raise DeviceError(
            f"{declared.name} is for Android API {declared.NEWEST_SDK} and older: deprecated here (API {sdk})",
            "use litert-npu with the vendor's libraries, or litert-gpu",
        )
