"""A native program that the user has, for a device's processor: where it is, and whether it runs there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from latency_bench.devices.errors import DeviceError, InventoryError
from latency_bench.devices.runners.brought_libraries import Libraries
from latency_bench.devices.runners.program_options import ProgramOptions
from latency_bench.devices.transports.adb_words import shell_error
from latency_bench.devices.transports.base import Transport

_ARCHITECTURES = {0x03: "x86", 0x28: "arm", 0x3E: "x86_64", 0xB7: "aarch64", 0xF3: "riscv"}
"""e_machine of an ELF file (elf(5))."""
_RUNS_ON = {"aarch64": ("aarch64", "arm"), "x86_64": ("x86_64", "x86"), "riscv64": ("riscv",)}
_BUILDS = {"aarch64": "android_aarch64", "arm": "android_arm"}
"""What builds for phones are called."""
_SHORT_S = 60.0


@dataclass(frozen=True)
class BroughtProgram:
    """A program as it lies on the device."""

    path: str
    sha256: str

    def facts(self, libraries: Libraries) -> dict[str, Any]:
        """For the record: it and what it loads, by content."""
        loaded = {"libraries_sha256": dict(libraries.sha256)} if libraries.sha256 else {}
        return {"path": self.path, "sha256": self.sha256, **loaded}


def bring_program(transport: Transport, name: str, options: ProgramOptions, where: str) -> BroughtProgram:
    """The program, brought to the device if it is not there. `where`: how a user gets one.

    Raises InventoryError where devices.yaml names none, DeviceError where it is for another processor.
    """
    if options.binary is not None:
        local = options.binary.expanduser()
        if not local.is_file():
            raise InventoryError(f"{name}: {local} is {'not a file' if local.exists() else 'not there'}", where)
        path = transport.push(local, name)
    elif options.remote_binary is not None:
        path = options.remote_binary
    else:
        raise InventoryError(f"devices.yaml does not say where this device's {name} is", where)
    _check_architecture(transport, name, path, where)
    return BroughtProgram(path, _sha256_there(transport, path))


def _sha256_there(transport: Transport, path: str) -> str:
    """Of a file on the device. Raises DeviceError where that cannot be had."""
    done = transport.run(["sha256sum", path], timeout_s=_SHORT_S)
    found = re.match(r"\\?([0-9a-f]{64})\s", done.stdout)
    if not found:
        raise shell_error("the device", done.stderr, f"the hash of {path} cannot be had")
    return found.group(1)


def _check_architecture(transport: Transport, name: str, path: str, where: str) -> None:
    """A binary for another processor fails in ways that say nothing: the C library hands it to a shell."""
    header = transport.run(["od", "-An", "-tx1", "-N20", path], timeout_s=_SHORT_S)
    if header.returncode != 0:
        raise DeviceError(f"{path} cannot be read on the device: {_short(header.stderr)}", where)
    data = bytes(int(word, 16) for word in header.stdout.split() if re.fullmatch(r"[0-9a-fA-F]{2}", word))
    machine = transport.run(["uname", "-m"], timeout_s=_SHORT_S).stdout.strip()
    if data[:4] != b"\x7fELF" or len(data) < 20:
        return
    order = "big" if data[5] == 2 else "little"
    built_for = _ARCHITECTURES.get(int.from_bytes(data[18:20], order), "an unknown processor")  # type: ignore[arg-type]
    runs = _RUNS_ON.get(machine, ("arm",) if machine.startswith("arm") else ("x86",) if machine.endswith("86") else ())
    if runs and built_for not in runs:
        raise DeviceError(
            f"{name} is built for {built_for}, and the device's system is {machine[:40]}",
            f"get the build for {runs[0]} ({_BUILDS.get(runs[0], 'from source')}; docs/android.md)",
        )


def _short(text: str) -> str:
    return " ".join(text.split())[-200:] or "nothing was printed"
