"""How much of a model a delegate computed: from what a runtime says of it to columns, a flag and a sentence.

The worker's LiteRT counts nodes and has no other delegate than XNNPACK. TFLite's tools name the delegate that they
applied and its backend, and, depending on their age, how many nodes it took in how many partitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

PARTLY_DELEGATED = "partly_delegated"
"""Name of the flag of a run in which other kernels computed the rest."""


class Delegation(NamedTuple):
    """What is known of one run; None: not told. A run without a delegate has nothing but None."""

    delegate: str | None = None
    delegate_backend: str | None = None
    delegate_took_all: bool | None = None
    graph_nodes: int | None = None
    delegated_nodes: int | None = None
    delegate_partitions: int | None = None

    @classmethod
    def of_facts(cls, facts: Any, xnnpack: Any) -> Delegation:
        """From a runtime's fact `delegation`, which may have any shape, and its option of that name."""
        told = facts if isinstance(facts, Mapping) else {}
        nodes, taken, partitions = (_count(told.get(name)) for name in ("nodes", "delegated", "partitions"))
        name, full = told.get("delegate"), told.get("full")
        if isinstance(name, str):
            backend = told.get("backend")
            backend = backend if isinstance(backend, str) else None
            return cls(name, backend, full if isinstance(full, bool) else None, nodes, taken, partitions)
        if xnnpack is not True or nodes is None or taken is None:
            return cls()
        return cls("XNNPACK", None, nodes == taken, nodes, taken, partitions)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Delegation:
        """From a row of the run table; a table in memory has a column of counts as numbers where some are missing."""
        values = (row[name] for name in cls._fields)
        return cls._make(int(value) if isinstance(value, float) else value for value in values)

    def text(self) -> str | None:
        """`GPU (OpenCL): 12 of 366 nodes in 2 partitions`; None where no delegate was asked for."""
        if self.delegate is None:
            return None
        parts = []
        if self.graph_nodes is not None and self.delegated_nodes is not None:
            parts.append(f"{self.delegated_nodes} of {self.graph_nodes} nodes")
        if self.delegate_partitions is not None:
            parts.append(f"{self.delegate_partitions} partition{'' if self.delegate_partitions == 1 else 's'}")
        unknown = "the whole model" if self.delegate_took_all else "it does not say how much"
        return f"{self._name()}: {' in '.join(parts) or unknown}"

    def note(self, runner: str | None) -> str | None:
        """What a reader of the number has to know of it. Runs of many models share the sentence where a delegate took
        all; a part is told by its nodes. The worker has no other delegate, so taking all goes without saying there."""
        if self.delegate_took_all is None or (self.delegate_took_all and runner == "worker"):
            return None
        if self.delegate_took_all:
            return f"the whole model was computed by the delegate {self._name()}"
        return f"only a part of the model was computed by the delegate {self.text()}"

    def _name(self) -> str:
        return f"{self.delegate} ({self.delegate_backend})" if self.delegate_backend else str(self.delegate)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
