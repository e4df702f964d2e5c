"""What could be measured on from here: phones that adb lists, hosts of the user's SSH configuration, GPUs of this
computer. Whatever cannot be asked is left out."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

from pydantic import ValidationError

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.adb_program import find_program, listed_devices

_MOST_BYTES = 1 << 20
_ANSWER_S = 20.0


def attached_phones() -> dict[str, str]:
    """State by serial, as `adb devices` says it: `device`, `unauthorized`, ... Only serials that an entry may have."""
    with contextlib.suppress(DeviceError):
        return {
            serial: state for serial, state in listed_devices(find_program(AdbOptions())).items() if is_serial(serial)
        }
    return {}


def is_serial(text: str) -> bool:
    """Whether an entry of devices.yaml may name a phone so."""
    try:
        return AdbOptions(serial=text).serial == text
    except ValidationError:
        return False


def ssh_hosts(configuration: Path | None = None) -> list[str]:
    """Names that `Host` lines of ~/.ssh/config give, without patterns, in their order."""
    try:
        path = configuration or Path("~/.ssh/config").expanduser()
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", errors="replace")
    except (OSError, RuntimeError):
        return []
    names = []
    for line in text.splitlines():
        keyword, _, values = line.strip().replace("=", " ", 1).partition(" ")
        if keyword.lower() == "host":
            names += [name.strip('"') for name in values.split() if not set(name) & set("*?!")]
    return list(dict.fromkeys(names))


def gpus_here() -> list[str]:
    """Names of the NVIDIA GPUs of this computer, as its driver's tool lists them."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            query, capture_output=True, text=True, errors="replace", timeout=_ANSWER_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []
