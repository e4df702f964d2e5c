"""Limits of the control group that a process runs in, as containers and services set them: memory and CPU.

Read from the files of control groups v1 and v2, also where both are mounted. A limit of any group above counts too, so
that the smallest one on the way up is the one in force (Linux, Documentation/admin-guide/cgroup-v2.rst and
cgroup-v1/memory.rst, scheduler/sched-bwc.rst).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from latency_bench.devices.numerals import count

ReadText = Callable[[str], str | None]
"""The text of a file, None where it does not exist."""

OWN = "/proc/self/cgroup"
ROOT = "/sys/fs/cgroup"
UNLIMITED_BYTES = 1 << 60
"""v1 has no word for no limit: it gives the largest multiple of a page."""
_DEEPEST = 32
_MEMORY_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}
"""By version: the limit, what is used of it, and the field of memory.stat that gives way."""


@dataclass(frozen=True)
class MemoryLimit:
    """The tightest group: `limit_bytes`, and what of it is still to be had. A cache of files gives way."""

    limit_bytes: int
    available_bytes: int


@dataclass(frozen=True)
class CpuQuota:
    """The tightest group: `cores` of CPU time a second, and how often it was stopped for having used them up."""

    cores: float
    periods: int | None = None
    stopped_periods: int | None = None
    stopped_s: float | None = None
    """Summed over the processors on which it was stopped."""


def memory_limit(read: ReadText, own: str = OWN) -> MemoryLimit | None:
    """None where nothing limits the memory of the process whose groups `own` lists."""
    limits = []
    for folder, version in _folders(read, own, "memory"):
        limit, usage, cache = _MEMORY_FILES[version]
        limit_bytes = count(read(f"{folder}/{limit}"))
        if limit_bytes is None or limit_bytes >= UNLIMITED_BYTES:
            continue
        used = count(read(f"{folder}/{usage}")) or 0
        used -= _fields(read(f"{folder}/memory.stat")).get(cache, 0)
        limits.append(MemoryLimit(limit_bytes, max(0, limit_bytes - max(0, used))))
    return min(limits, key=lambda found: found.available_bytes, default=None)


def cpu_quota(read: ReadText, own: str = OWN) -> CpuQuota | None:
    """None where nothing limits the CPU time of the process whose groups `own` lists."""
    quotas = []
    for folder, version in _folders(read, own, "cpu"):
        if version == 1:
            quota, period = (count(read(f"{folder}/cpu.cfs_{name}_us")) for name in ("quota", "period"))
        else:
            words = (read(f"{folder}/cpu.max") or "").split()
            quota, period = (count(word) for word in words) if len(words) == 2 else (None, None)
        if quota and period:
            counts = _fields(read(f"{folder}/cpu.stat"))
            stopped_ns = counts.get("throttled_time", counts.get("throttled_usec", -1) * 1000)
            quotas.append(
                CpuQuota(
                    cores=quota / period,
                    periods=counts.get("nr_periods"),
                    stopped_periods=counts.get("nr_throttled"),
                    stopped_s=stopped_ns / 1e9 if stopped_ns >= 0 else None,
                )
            )
    return min(quotas, key=lambda found: found.cores, default=None)


def _folders(read: ReadText, own: str, controller: str) -> Iterator[tuple[str, int]]:
    """Folders of the process's group and of those above it, innermost first, each with its version, 1 or 2."""
    for line in (read(own) or "").splitlines()[:64]:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            mounts, version = (ROOT, f"{ROOT}/unified"), 2
        elif controller in controllers.split(","):
            mounts, version = (f"{ROOT}/{controllers}", f"{ROOT}/{controller}"), 1
        else:
            continue
        for mount in mounts:
            for group in _upwards(path):
                yield f"{mount}{group}", version


def _upwards(path: str) -> Iterator[str]:
    """`/a/b` -> `/a/b`, `/a`, ``. In a container the path may be the host's, or lead out of what is mounted: what is
    not there is not read, and the top of the mount is then the container's own group."""
    parts = [part for part in path.split("/") if part]
    if len(parts) <= _DEEPEST and ".." not in parts:
        for length in range(len(parts), 0, -1):
            yield "/" + "/".join(parts[:length])
    yield ""


def _fields(text: str | None) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"^(\w{1,64}) ([0-9]{1,18})$", text or "", re.M)}
