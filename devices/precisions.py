"""The precisions that `--precision` takes: ours, and those that runtimes of third parties declare as their own."""

from __future__ import annotations

from bench_worker.precisions import FORMER_NAMES, PRECISIONS, Precision
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.runtimes import third_party_runtimes


def find_precision(name: str) -> Precision:
    """Raises InventoryError with the known names."""
    name = FORMER_NAMES.get(name, name)
    # Packages of others are imported only for a name that is not ours.
    for precision in PRECISIONS:
        if precision.name == name:
            return precision
    known = all_precisions()
    for precision in known:
        if precision.name == name:
            return precision
    raise InventoryError(
        f"there is no precision called {name!r}",
        f"Known precisions: {', '.join(precision.name for precision in known)}",
    )


def all_precisions() -> list[Precision]:
    """Ours first; nobody can declare one of ours again."""
    known = {precision.name: precision for precision in PRECISIONS}
    for declared in third_party_runtimes():
        for precision in declared.OWN_PRECISIONS:
            known.setdefault(precision.name, precision)
    return list(known.values())
