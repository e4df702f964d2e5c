"""How much of a TFLite graph a delegate took over, as far as the interpreter's Python API lets it be seen."""

from typing import Any, Dict, List, NamedTuple, Optional, Set


class Delegation(NamedTuple):
    nodes: int
    """Of the main graph, as it is in the file."""
    delegated: int
    partitions: int


def count_delegated(interpreter: Any) -> Optional[Delegation]:
    """Count nodes and partitions; None where the interpreter does not tell, which is not the same as no delegation.

    `_get_ops_details` is no public method, so nothing is taken for granted about it. It lists the graph's nodes with
    those that delegates took over still among them, and one node called DELEGATE for every partition. Which nodes a
    partition has follows from its tensors: go from its outputs to the nodes that produce them, and on through their
    inputs, as far as the partition's own inputs.
    """
    try:
        nodes = [(str(node["op_name"]), list(node["inputs"]), list(node["outputs"])) for node in _details(interpreter)]
    except Exception:
        return None
    if not nodes:
        return None
    partitions = [node for node in nodes if node[0].upper() == "DELEGATE"]
    producers: Dict[int, int] = {}
    original = 0
    for number, (name, _, results) in enumerate(nodes):
        if name.upper() != "DELEGATE":
            original += 1
            producers.update((int(tensor), number) for tensor in results)
    delegated: Set[int] = set()
    for _, entries, exits in partitions:
        borders = {int(tensor) for tensor in entries}
        pending: List[int] = [int(tensor) for tensor in exits]
        while pending:
            number = producers.get(pending.pop(), -1)
            if number < 0 or number in delegated:
                continue
            delegated.add(number)
            pending.extend(int(tensor) for tensor in nodes[number][1] if int(tensor) not in borders)
    return Delegation(original, len(delegated), len(partitions))


def _details(interpreter: Any) -> List[Dict[str, Any]]:
    return list(interpreter._get_ops_details())
