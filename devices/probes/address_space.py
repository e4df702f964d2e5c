"""How much address space a process and its children may have, as a shell (`ulimit -v`) or a service limits it."""

from __future__ import annotations

import re

from latency_bench.devices.probes.cgroup import ReadText

OWN = "/proc/self/limits"
_LIMIT = re.compile(r"^Max address space +([0-9]{1,19}) ", re.M)


def address_space_limit_bytes(read: ReadText) -> int | None:
    """Of the process that reads, and so of the workers that it starts; None where there is no limit."""
    limit = _LIMIT.search(read(OWN) or "")
    return int(limit[1]) if limit else None
