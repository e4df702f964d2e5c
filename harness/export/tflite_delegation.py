"""How much of a TFLite graph the XNNPACK delegate takes, and in how many pieces."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any


def xnnpack_delegation(path: Path) -> dict[str, Any]:
    """`partitions`: pieces that run inside XNNPACK; `outside`: nodes by type that run one by one beside them.

    Every piece is an entry and an exit, with the tensors converted between: one partition and nothing outside is best.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    # Private, but there is no public list: all nodes of the file, replaced ones included, then the delegates.
    nodes = interpreter._get_ops_details()
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    wanted = [int(detail["index"]) for detail in interpreter.get_output_details()]
    outside = executed_nodes(nodes, wanted)
    names = Counter(node["op_name"] for node in outside if node["op_name"] != "DELEGATE")
    return {"partitions": len(delegates), "outside": dict(sorted(names.items()))}


def executed_nodes(nodes: list[dict[str, Any]], outputs: list[int]) -> list[dict[str, Any]]:
    """The nodes that really run: walking back from the outputs, a delegate stands in for whatever it replaced."""
    producers: dict[int, dict[str, Any]] = {}
    for node in sorted(nodes, key=lambda node: node["op_name"] == "DELEGATE"):  # delegates last: they win
        producers.update((int(tensor), node) for tensor in node["outputs"])
    executed: dict[int, dict[str, Any]] = {}
    waiting = list(outputs)
    while waiting:
        node_found = producers.get(waiting.pop())
        if node_found is not None and node_found["index"] not in executed:
            executed[node_found["index"]] = node_found
            waiting += [int(tensor) for tensor in node_found["inputs"]]
    return list(executed.values())
