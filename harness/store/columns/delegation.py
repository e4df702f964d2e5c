"""How much of the model a delegate computed."""

from __future__ import annotations

from typing import Any

from latency_bench.harness.store.columns.column import Column, Kind
from latency_bench.harness.store.delegation import Delegation


def _column(name: str, meaning: str, kind: Kind, title: str) -> Column:
    def value(facts: Any, xnnpack: Any) -> Any:
        return getattr(Delegation.of_facts(facts, xnnpack), name)

    return Column(name, meaning, kind, ("runtime.facts.delegation", "runtime.options.xnnpack"), value, title=title)


COLUMNS = (
    _column("delegate", "Which delegate was applied to the model; null where there is none.", "text", "delegate"),
    _column("delegate_backend", "What it computes by, such as OpenCL.", "text", "delegate's backend"),
    _column(
        "delegate_took_all",
        "true: it computed every node; false: a part of them; null: no delegate, or it does not tell.",
        "truth",
        "delegate took the whole model",
    ),
    _column("graph_nodes", "Nodes of the graph before it was applied.", "integer", "nodes of the graph"),
    _column("delegated_nodes", "Nodes that it took.", "integer", "delegated nodes"),
    _column("delegate_partitions", "Pieces of the graph in which it took them.", "integer", "delegated partitions"),
)
