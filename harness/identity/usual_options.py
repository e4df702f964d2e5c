"""Options of runtimes at the values that they have unless asked otherwise, as they declare them: labels leave these
out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from latency_bench.devices.declarations import computes_on_gpu, runtimes_called


@cache
def usual_options(runtime: str) -> Mapping[str, Any]:
    """Value by name of option; an option that is not in it has no usual value."""
    return {name: option.default for declared in runtimes_called(runtime) for name, option in declared.OPTIONS.items()}


def threads_of(runtime: str | None, options: Mapping[str, Any]) -> int | None:
    """Threads of a runtime on the CPU, from its options; None on a GPU, where older records name some too, and where no
    whole number is stated."""
    threads = options.get("threads")
    return threads if isinstance(threads, int) and not (runtime and computes_on_gpu(runtime)) else None
