"""What is declared of the runtime of a record: for readers of runs, which may come from another installation. What is
not known here declares nothing."""

from __future__ import annotations

from functools import cache

from bench_worker.precisions import Precision
from bench_worker.runtime.declaration import RuntimeDeclaration
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.parts import find_part, part_names
from latency_bench.devices.precisions import find_precision
from latency_bench.devices.runners.base import Runner


@cache
def runtimes_called(name: str) -> tuple[type[RuntimeDeclaration], ...]:
    """What the runners declare of a runtime of this name, the worker's last."""
    declared = []
    for runner in sorted(part_names("runner"), key=lambda runner: runner == "worker"):
        try:
            part: type[Runner] = find_part("runner", runner)
            declared.append(part.runtime(name))
        except InventoryError:
            continue
    return tuple(declared)


@cache
def computes_on_gpu(runtime: str) -> bool:
    return any(declared.ON_GPU for declared in runtimes_called(runtime))


@cache
def known_precision(name: str) -> Precision | None:
    """None for a precision that is not known here."""
    try:
        return find_precision(name)
    except InventoryError:
        return None
