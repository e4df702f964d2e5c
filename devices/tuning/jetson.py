"""A Jetson's power mode (`nvpmodel`) and clocks (`jetson_clocks`), by NVIDIA's own tools."""

from __future__ import annotations

import re
from collections.abc import Sequence

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.base import TIMEOUT_S, Operation, as_root, attempt, run_checked

_MODE = re.compile(r"^\s*NV Power Mode:\s*(\S.*?)\s*$\s*^\s*(\d+)\s*$", re.M)
_MODE_NAME = re.compile(r"NV Power Mode:\s*(\S.*?)\s*$", re.M)
# `< POWER_MODEL ID=0 NAME=MAXN >` in the file, `POWER_MODEL: ID=0 NAME=MAXN` as the tool prints it.
_CONFIGURED = re.compile(r"POWER_MODEL:?\s+ID=(\d+)\s+NAME=([^\s>]+)")
_GPU_LIMITS = re.compile(r"^GPU MinFreq=(\d+) MaxFreq=(\d+)", re.M)
_CONFIGURATION = "/etc/nvpmodel.conf"
_SAVED_CLOCKS = "jetson_clocks.saved"


def power_modes(transport: Transport) -> dict[str, str]:
    """Number by name, as the board's configuration has them."""
    text = transport.read_text(_CONFIGURATION)
    if text is None and (printed := attempt(transport, ["nvpmodel", "-p", "--verbose"])):
        text = printed.stdout + printed.stderr
    return {name: number for number, name in _CONFIGURED.findall(text or "")}


def power_mode(transport: Transport) -> tuple[str, str | None] | None:
    """Name and number of the mode in force; None where there is no nvpmodel."""
    completed = attempt(transport, ["nvpmodel", "-q"])
    text = completed.stdout + completed.stderr if completed else ""
    if found := _MODE.search(text):
        return found[1], found[2]
    named = _MODE_NAME.search(text)
    return (named[1], None) if named else None


def clocks(transport: Transport) -> str | None:
    """`locked` where the GPU's least and greatest clocks are the same, else `free`; None where neither can be read."""
    completed = attempt(transport, as_root(transport, ["jetson_clocks", "--show"]))
    found = _GPU_LIMITS.search(completed.stdout) if completed else None
    limits = found.groups() if found else _limits_by_sysfs(transport)
    return None if limits is None else "locked" if limits[0] == limits[1] else "free"


def _limits_by_sysfs(transport: Transport) -> tuple[str, str] | None:
    for folder in gpu_folders(transport):
        low, high = (transport.read_text(f"{folder}/{name}_freq") for name in ("min", "max"))
        if low and high:
            return low.strip(), high.strip()
    return None


def gpu_folders(transport: Transport) -> list[str]:
    """The GPU's folder of clocks: 57000000.gpu on a Nano, 17000000.ga10b or .gpu on an Orin, .gv11b on a Xavier,
    gpu-gpc-0 and further ones on a Thor."""
    names = ("*.gpu", "*.ga10b", "*.gv11b", "*.gp10b", "gpu-gpc-*")
    return [path for name in names for path in transport.glob(f"/sys/class/devfreq/{name}")]


class PowerMode(Operation):
    name = "power_mode"

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    def available(self, transport: Transport) -> str | None:
        if power_mode(transport) is None:
            return "the device does not have the program nvpmodel"
        known = power_modes(transport)
        if self._wanted not in known:
            modes = ", ".join(known) or f"none in {_CONFIGURATION}"
            return f"there is no power mode called {self._wanted!r}; the modes are {modes}"
        return None

    def show(self, transport: Transport) -> str | None:
        found = power_mode(transport)
        return found[0] if found else None

    def apply(self, transport: Transport) -> None:
        run_checked(transport, ["nvpmodel", "-m", power_modes(transport)[self._wanted]], "setting the power mode")
        if (now := self.show(transport)) != self._wanted:
            raise DeviceError(
                f"the power mode is {now} and not {self._wanted}: this change needs a reboot",
                "set it by hand on the device (`sudo nvpmodel -m NUMBER`), let it reboot, and measure again",
            )

    def restore(self, transport: Transport) -> Sequence[str]:
        found = power_mode(transport)
        number = found and (found[1] or power_modes(transport).get(found[0]))
        if not number:
            raise DeviceError("the present power mode cannot be read, so that it could not be put back")
        return as_root(transport, ["nvpmodel", "-m", number])


class LockedClocks(Operation):
    name = "clocks"

    def available(self, transport: Transport) -> str | None:
        found = transport.run(["sh", "-c", "command -v jetson_clocks"], timeout_s=TIMEOUT_S)
        return None if found.returncode == 0 else "the device does not have the program jetson_clocks"

    def show(self, transport: Transport) -> str | None:
        return clocks(transport)

    def apply(self, transport: Transport) -> None:
        run_checked(transport, ["jetson_clocks"], "locking the clocks")
        if self.show(transport) == "free":
            raise DeviceError("jetson_clocks ran, and the clocks are not locked", "look at `jetson_clocks --show`")

    def restore(self, transport: Transport) -> Sequence[str]:
        saved = f"{transport.workdir}/{_SAVED_CLOCKS}"
        run_checked(transport, ["jetson_clocks", "--store", saved], "saving the clocks")
        return as_root(transport, ["jetson_clocks", "--restore", saved])
