"""Which processors this process may use. Set before numpy or a runtime starts a thread: threads inherit it."""

import os
from typing import List, Optional, Sequence

from .failure import bad_request


def usable_cpus() -> Optional[List[int]]:
    """Numbers of the processors that this process may run on, ascending; None where the system does not tell."""
    get = getattr(os, "sched_getaffinity", None)
    return None if get is None else sorted(get(0))


def usable_cpu_count() -> int:
    cpus = usable_cpus()
    return len(cpus) if cpus else (os.cpu_count() or 1)


def pin(cpus: Sequence[int]) -> None:
    """Keep this process and every thread that it starts from now on to `cpus`. Raises WorkerError (bad-request)."""
    usable = usable_cpus()
    if usable is None:
        raise bad_request("this system cannot pin a process to processors", "leave out `cpus`")
    missing = sorted(set(cpus) - set(usable))
    if missing:
        raise bad_request(
            "cpus: this process may not use %s" % ", ".join(map(str, missing)),
            "choose from %s" % ", ".join(map(str, usable)),
        )
    os.sched_setaffinity(0, cpus)
