"""The memory that a process of this computer can have: of the machine, and of the container that it runs in."""

from __future__ import annotations

from pathlib import Path

from latency_bench.devices.probes.address_space import address_space_limit_bytes
from latency_bench.devices.probes.cgroup import memory_limit


def available_bytes() -> int:
    """What can be had now."""
    import psutil

    limit = memory_limit(_read)
    machine = int(psutil.virtual_memory().available)
    return machine if limit is None else min(machine, limit.available_bytes)


def total_bytes() -> int:
    """What could be had if nothing else ran."""
    import psutil

    limit = memory_limit(_read)
    machine = int(psutil.virtual_memory().total)
    return machine if limit is None else min(machine, limit.limit_bytes)


def address_space_bytes() -> int | None:
    """What each process may have of it (`ulimit -v`); None where that is not limited."""
    return address_space_limit_bytes(_read)


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
