"""What can be wrong with a device before anything is measured: one check, one line, one remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.transports.base import Completed, Transport
from latency_bench.devices.tuning.jetson import clocks, power_mode

if TYPE_CHECKING:
    from latency_bench.devices.device import Device

Status = Literal["ok", "warning", "failed"]

LEAST_DISK_BYTES = 500_000_000
LEAST_MEMORY_BYTES = 500_000_000
MOST_SKEW_S = 2.0
LEAST_PYTHON = (3, 6)
_TIMEOUT_S = 60.0

MODULES: dict[str, tuple[tuple[str, ...], ...]] = {
    "litert": (("ai_edge_litert", "tflite_runtime"),),
    "onnxruntime": (("onnxruntime",),),
    "torch": (("torch",),),
    "torch-cuda": (("torch",),),
    "tensorrt": (("tensorrt",), ("cuda", "pycuda", "torch")),
}
"""What a runtime of the worker imports: of every group one."""

# Prints one JSON line, also on the oldest Python that the worker runs on. Words: the modules to look for.
_INSPECT = (
    "import importlib.util as u, json, sys; "
    "n = getattr(__import__('numpy'), '__version__', None) if u.find_spec('numpy') else None; "
    "print('@python ' + json.dumps([list(sys.version_info[:3]), n, [m for m in sys.argv[1:] if u.find_spec(m)]]))"
)


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do if it is not as it should be."""

    name: str
    status: Status
    found: str
    remedy: str = ""


def checks(device: Device, transport: Transport) -> Iterator[Check]:
    """The checks of a device that has been reached. A check that itself fails is a failed check."""
    for check in (_disk, _memory, _load, _users, _clock):
        yield from _guarded(check.__name__.strip("_"), partial(check, transport))
    if device.runner == "worker":
        yield from _guarded("python", partial(_python, device, transport))
    if device.runner == "trtexec":
        yield from _guarded("trtexec", partial(_trtexec, device, transport))
    if "jetson" in device.probes:
        yield from _guarded("power mode", partial(_power_mode, device, transport))
        yield from _guarded("clocks", partial(_clocks, device, transport))


def _guarded(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from check()
    except UnreachableError:
        raise
    except DeviceError as error:
        yield Check(name, "failed", error.message, error.remedy)


def _disk(transport: Transport) -> Iterator[Check]:
    completed = transport.run(["df", "-Pk", transport.workdir], timeout_s=_TIMEOUT_S)
    words = completed.stdout.strip().splitlines()[-1].split() if completed.stdout.strip() else []
    if completed.returncode != 0 or len(words) < 6 or not words[3].isdigit():
        yield Check("disk", "failed", f"`df` does not tell: {_said(completed)}", "check the work directory")
        return
    free_bytes = int(words[3]) * 1024
    found = f"{free_bytes / 1e9:.1f} GB free for {transport.workdir}"
    full = free_bytes < LEAST_DISK_BYTES
    yield Check("disk", "failed" if full else "ok", found, "free space, or give another `ssh.work_directory`" * full)


def _memory(transport: Transport) -> Iterator[Check]:
    text = transport.read_text("/proc/meminfo") or ""
    sizes = {name: int(size) * 1024 for name, size in re.findall(r"^(\w+):\s+(\d+) kB", text, re.M)}
    if "MemAvailable" not in sizes:
        return
    available, total, swap = (sizes.get(name, 0) for name in ("MemAvailable", "MemTotal", "SwapTotal"))
    low = available < LEAST_MEMORY_BYTES
    found = f"{available / 1e9:.1f} of {total / 1e9:.1f} GB available"
    yield Check("memory", "warning" if low else "ok", found, "stop what else runs there, such as a desktop" * low)
    used = swap - sizes.get("SwapFree", swap)
    if swap and used > swap // 10:
        yield Check("swap", "warning", f"{used / 1e6:.0f} MB in use", "swapping disturbs: free memory, or `swapoff -a`")
    elif not swap and total < 5_000_000_000:
        yield Check("swap", "warning", "none, and little memory", "building an engine may need it: add a swap file")
    else:
        yield Check("swap", "ok", f"{swap / 1e9:.1f} GB, {used / 1e6:.0f} MB in use")


def _load(transport: Transport) -> Iterator[Check]:
    words = (transport.read_text("/proc/loadavg") or "").split()
    if not words:
        return
    busy = float(words[0]) > 0.5
    yield Check(
        "load",
        "warning" if busy else "ok",
        f"{words[0]} processes ready on average",
        "stop what else runs there" * busy,
    )


def _users(transport: Transport) -> Iterator[Check]:
    completed = transport.run(["who"], timeout_s=_TIMEOUT_S)
    names = sorted({line.split()[0] for line in completed.stdout.splitlines() if line.split()})
    if completed.returncode == 0:
        several = len(names) > 1
        found = ", ".join(names) or "nobody logged in at a terminal"
        yield Check("users", "warning" if several else "ok", found, "agree with them who measures when" * several)


def _clock(transport: Transport) -> Iterator[Check]:
    skew_s = transport.clock_offset_ns() / 1e9
    off = abs(skew_s) > MOST_SKEW_S
    yield Check(
        "clock",
        "warning" if off else "ok",
        f"{skew_s:+.3f} s from this host",
        "set it (`timedatectl set-ntp true`)" * off,
    )


def _python(device: Device, transport: Transport) -> Iterator[Check]:
    python = device.python or transport.python
    groups = MODULES.get(device.runtime, ())
    words = [module for group in groups for module in group]
    completed = transport.run([*python, "-c", _INSPECT, *words], timeout_s=_TIMEOUT_S)
    lines = [line for line in completed.stdout.splitlines() if line.startswith("@python ")]
    if not lines:
        yield Check(
            "python", "failed", f"{' '.join(python)} does not run: {_said(completed)}", "set `python` in devices.yaml"
        )
        return
    version, numpy, found = json.loads(lines[0].removeprefix("@python "))
    text = ".".join(map(str, version))
    old = tuple(version[:2]) < LEAST_PYTHON
    yield Check("python", "failed" if old else "ok", f"{text} ({' '.join(python)})", "3.6 or newer is needed" * old)
    pip = f"{' '.join(python)} -m pip install"
    yield Check("numpy", "ok" if numpy else "failed", numpy or "missing", "" if numpy else f"{pip} numpy")
    for group in groups:
        there = [module for module in group if module in found]
        yield Check(
            f"{device.runtime} modules",
            "ok" if there else "failed",
            ", ".join(there) or f"none of {', '.join(group)}",
            "" if there else f"install one of them for {' '.join(python)}, or choose another `runtime`",
        )


def _trtexec(device: Device, transport: Transport) -> Iterator[Check]:
    from latency_bench.devices.runners.trtexec import TrtexecRunner

    tool = TrtexecRunner(device.trtexec).tool(transport)
    yield Check("trtexec", "ok", f"TensorRT {tool.version_text} ({tool.program})")
    opset = device.onnx_opset
    if tool.version < (8, 5, 0) and (opset is None or opset > 13):
        yield Check(
            "onnx opset", "failed", f"TensorRT {tool.version_text} reads opset 13 at most", "set `onnx_opset: 13`"
        )


def _power_mode(device: Device, transport: Transport) -> Iterator[Check]:
    mode = power_mode(transport)
    if mode is None:
        yield Check(
            "power mode", "failed", "nvpmodel does not tell", "is this a Jetson? Else take `jetson` off its probes"
        )
        return
    wanted = device.power_mode
    other = wanted is not None and wanted != mode[0]
    found = f"{mode[0]}; runs set {wanted} and put it back" if other else mode[0]
    # Anything but the greatest mode is a choice, and the record says it.
    yield Check("power mode", "ok", found)


def _clocks(device: Device, transport: Transport) -> Iterator[Check]:
    found = clocks(transport)
    if found is None:
        yield Check("clocks", "warning", "cannot be read", "log in as root, or allow `sudo -n jetson_clocks --show`")
    elif found == "free" and not device.lock_clocks:
        yield Check("clocks", "warning", "not locked: they follow the load", "--lock-clocks, or `lock_clocks: true`")
    else:
        yield Check("clocks", "ok", found if found == "locked" else "not locked; runs lock them and put them back")


def _said(completed: Completed) -> str:
    text = (completed.stderr.strip() or completed.stdout.strip()).splitlines()
    return text[-1][:300] if text else f"code {completed.returncode}"
