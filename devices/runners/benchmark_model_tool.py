"""The benchmark tool's binary on a device: is it there, does it run there, what can it do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from latency_bench.devices.errors import DeviceError, InventoryError
from latency_bench.devices.runners.benchmark_model_failures import start_error
from latency_bench.devices.runners.benchmark_model_flags import LISTING_ARGUMENT, is_compiled_model, parse_flags
from latency_bench.devices.runners.benchmark_model_options import BenchmarkModelOptions
from latency_bench.devices.runners.benchmark_model_runtimes import ToolRuntime
from latency_bench.devices.transports.adb_words import shell_error
from latency_bench.devices.transports.base import Transport

_WHERE = (
    "Google publishes it for android_arm64 (tensorflow.org/lite/performance/measurement); name the file with "
    "`benchmark_model: {binary: ...}` in devices.yaml (docs/android.md)"
)
_ARCHITECTURES = {0x03: "x86", 0x28: "arm", 0x3E: "x86_64", 0xB7: "aarch64", 0xF3: "riscv"}
"""e_machine of an ELF file (elf(5))."""
_RUNS_ON = {"aarch64": ("aarch64", "arm"), "x86_64": ("x86_64", "x86"), "riscv64": ("riscv",)}
_BUILDS = {"aarch64": "android_aarch64", "arm": "android_arm"}
"""What the published builds are called."""
_SHORT_S = 60.0


@dataclass(frozen=True)
class Tool:
    """A binary that runs on the device."""

    path: str
    sha256: str
    flags: frozenset[str]

    @property
    def compiled_model(self) -> bool:
        return is_compiled_model(self.flags)


def find_tool(transport: Transport, settings: BenchmarkModelOptions) -> Tool:
    """Bring the tool to the device if it is not there, and ask it for its flags.

    Raises InventoryError where devices.yaml names none, DeviceError or WorkerError where it does not run there.
    """
    if settings.binary is not None:
        local = settings.binary.expanduser()
        if not local.is_file():
            raise InventoryError(f"benchmark_model: {local} is not there", _WHERE)
        path = transport.push(local, "benchmark_model")
    elif settings.remote_binary is not None:
        path = settings.remote_binary
    else:
        raise InventoryError("devices.yaml does not say where this device's benchmark_model is", _WHERE)
    _check_architecture(transport, path)
    listed = transport.run([path, LISTING_ARGUMENT], timeout_s=_SHORT_S)
    if (error := start_error(path, listed.returncode, f"{listed.stdout}\n{listed.stderr}")) is not None:
        raise error
    return Tool(path, _sha256(transport, path), parse_flags(listed.stdout + "\n" + listed.stderr))


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


def _check_architecture(transport: Transport, path: str) -> None:
    """A binary for another processor fails in ways that say nothing: the C library hands it to a shell."""
    header = transport.run(["od", "-An", "-tx1", "-N20", path], timeout_s=_SHORT_S)
    if header.returncode != 0:
        raise DeviceError(f"{path} cannot be read on the device: {_short(header.stderr)}", _WHERE)
    data = bytes(int(word, 16) for word in header.stdout.split() if re.fullmatch(r"[0-9a-fA-F]{2}", word))
    machine = transport.run(["uname", "-m"], timeout_s=_SHORT_S).stdout.strip()
    if data[:4] != b"\x7fELF" or len(data) < 20:
        return
    order = "big" if data[5] == 2 else "little"
    built_for = _ARCHITECTURES.get(int.from_bytes(data[18:20], order), "an unknown processor")  # type: ignore[arg-type]
    runs = _RUNS_ON.get(machine, ("arm",) if machine.startswith("arm") else ("x86",) if machine.endswith("86") else ())
    if runs and built_for not in runs:
        raise DeviceError(
            f"benchmark_model is built for {built_for}, and the device's system is {machine[:40]}",
            f"get the build for {runs[0]} ({_BUILDS.get(runs[0], 'from source')}; docs/android.md)",
        )


def _sha256(transport: Transport, path: str) -> str:
    done = transport.run(["sha256sum", path], timeout_s=_SHORT_S)
    found = re.match(r"\\?([0-9a-f]{64})\s", done.stdout)
    if not found:
        raise shell_error("the device", done.stderr, f"the hash of {path} cannot be had")
    return found.group(1)


def _short(text: str) -> str:
    return " ".join(text.split())[-200:] or "nothing was printed"
