"""The runtimes of the worker, as the host knows them: ours, and those of packages with an entry point in the group
`bench.runtimes`. Only what a class declares is read here; no runtime's package is imported."""

from __future__ import annotations

import contextlib
import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from bench_worker.failure import WorkerError as WorkerFailure
from bench_worker.runtime.base import Runtime
from bench_worker.runtimes import runtime_class, runtime_names, third_party_class
from latency_bench.devices.errors import InventoryError

GROUP = "bench.runtimes"


def worker_runtime_names() -> list[str]:
    """Ours and those of third parties, sorted."""
    return sorted({*runtime_names(), *_third_parties()})


def worker_runtime(name: str) -> type[Runtime]:
    """Raises InventoryError for an unknown name, and for a third party's that cannot be imported or declares less than
    it has to."""
    if name in runtime_names():
        return runtime_class(name)
    entry = third_party_entry(name)
    if entry is None:
        raise InventoryError(
            f"there is no runtime called {name!r}", f"Known runtimes: {', '.join(worker_runtime_names())}"
        )
    try:
        declared = third_party_class(name, entry.value)
    except WorkerFailure as error:
        raise InventoryError(error.message, error.remedy) from error
    if declared.name != name or not declared.FORMAT:
        raise InventoryError(
            f"the runtime {name} ({entry.value}) declares the name {declared.name!r} and the file format "
            f"{declared.FORMAT!r}",
            "its class needs `name`, as its entry point has it, and `FORMAT`",
        )
    return declared


def third_party_runtimes() -> list[type[Runtime]]:
    """Those of other packages that can be imported; the others are told where they are asked for by name."""
    declared = []
    for name in sorted(set(_third_parties()) - set(runtime_names())):
        with contextlib.suppress(InventoryError):
            declared.append(worker_runtime(name))
    return declared


def third_party_entry(name: str) -> EntryPoint | None:
    """Where a runtime of a third party is; None for ours, and for a name that nobody has."""
    return None if name in runtime_names() else _third_parties().get(name)


def _third_parties() -> dict[str, EntryPoint]:
    return _installed(tuple(sys.path))


@lru_cache(maxsize=32)
def _installed(_path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Looked for again when sys.path has changed."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}
