"""What can be wrong with a device before anything is measured: one check, one line, one remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bench_worker.failure import PROCESS_LIMIT_REMEDY
from latency_bench.devices import numerals
from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.probes.address_space import address_space_limit_bytes
from latency_bench.devices.probes.cgroup import memory_limit
from latency_bench.devices.transports.base import Completed, Transport

Status = Literal["ok", "warning", "failed"]

LEAST_DISK_BYTES = 500_000_000
LEAST_MEMORY_BYTES = 500_000_000
MOST_SKEW_S = 2.0
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do if it is not as it should be."""

    name: str
    status: Status
    found: str
    remedy: str = ""


def general_checks(transport: Transport) -> Iterator[Check]:
    """What can be wrong with any device that has been reached."""
    load = (_load,) if transport.load_average_tells else ()
    for check in (_disk, _memory, *load, _users, _clock):
        yield from guarded(check.__name__.strip("_"), check(transport))


def guarded(name: str, checks: Iterator[Check]) -> Iterator[Check]:
    """The checks; one that itself fails is a failed check called `name`. Raises UnreachableError."""
    try:
        yield from checks
    except UnreachableError:
        raise
    except DeviceError as error:
        yield Check(name, "failed", error.message, error.remedy)


def _disk(transport: Transport) -> Iterator[Check]:
    completed = transport.run(["df", "-Pk", transport.workdir], timeout_s=TIMEOUT_S)
    words = completed.stdout.strip().splitlines()[-1].split() if completed.stdout.strip() else []
    if completed.returncode != 0 or len(words) < 6 or numerals.count(words[3]) is None:
        yield Check(
            "disk", "failed", f"`df` gave no usable output: {last_words(completed)}", "check the work directory"
        )
        return
    free_bytes = int(words[3]) * 1024
    found = f"{free_bytes / 1e9:.1f} GB free for {transport.workdir}"
    full = free_bytes < LEAST_DISK_BYTES
    yield Check("disk", "failed" if full else "ok", found, "free space, or give another folder in devices.yaml" * full)


def _memory(transport: Transport) -> Iterator[Check]:
    text = transport.read_text("/proc/meminfo") or ""
    sizes = {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+([0-9]{1,15}) kB", text, re.M)}
    if "MemAvailable" not in sizes:
        return
    available, total, swap = (sizes.get(name, 0) for name in ("MemAvailable", "MemTotal", "SwapTotal"))
    if limit := memory_limit(transport.read_text):
        available, total = min(available, limit.available_bytes), min(total, limit.limit_bytes)
    low = available < LEAST_MEMORY_BYTES
    found = f"{available / 1e9:.1f} of {total / 1e9:.1f} GB available" + (" in its container" if limit else "")
    remedy = "raise the container's memory limit" if limit else "stop what else runs there, such as a desktop"
    yield Check("memory", "warning" if low else "ok", found, remedy * low)
    if limit_bytes := address_space_limit_bytes(transport.read_text):
        found = f"limited to {limit_bytes / 1e9:.1f} GB for each process (ulimit -v)"
        yield Check("address space", "warning", found, PROCESS_LIMIT_REMEDY)
    used = swap - sizes.get("SwapFree", swap)
    if swap and used > swap // 10:
        yield Check("swap", "warning", f"{used / 1e6:.0f} MB in use", "swapping disturbs: free memory, or `swapoff -a`")
    elif not swap and total < 5_000_000_000:
        yield Check("swap", "warning", "none, and little memory", "building an engine may need it: add a swap file")
    else:
        yield Check("swap", "ok", f"{swap / 1e9:.1f} GB, {used / 1e6:.0f} MB in use")


def _load(transport: Transport) -> Iterator[Check]:
    words = (transport.read_text("/proc/loadavg") or "").split()
    load = numerals.number(words[0]) if words else None
    if load is None:
        return
    busy = load > 0.5
    yield Check(
        "load",
        "warning" if busy else "ok",
        f"{words[0]} processes ready on average",
        "stop what else runs there" * busy,
    )


def _users(transport: Transport) -> Iterator[Check]:
    completed = transport.run(["who"], timeout_s=TIMEOUT_S)
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
        "set it (`timedatectl set-ntp true`; on a phone: automatic date and time)" * off,
    )


def last_words(completed: Completed) -> str:
    """The last line that a command printed, for a message."""
    text = (completed.stderr.strip() or completed.stdout.strip()).splitlines()
    return text[-1][:300] if text else f"code {completed.returncode}"
