"""What a program saved by torch.export is, whatever it runs on: its tensors, and the types it computes in."""

import inspect
from typing import Any, Dict, List, Tuple

from ..runtime.base import TensorInfo

# Operators whose type decides the speed of a vision model; the rest moves data or is cheap.
_HEAVY_WORDS = ("conv", "linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "attention", "einsum")


def program_module(program: Any) -> Any:
    """The program as a module. Its graph checks its inputs' shapes in Python in every call where torch can be asked not
    to: they are checked once, when the request is matched with it."""
    takes = inspect.signature(program.module).parameters
    return program.module(check_guards=False) if "check_guards" in takes else program.module()


def signature(program: Any) -> Tuple[List[TensorInfo], List[TensorInfo]]:
    """Inputs and outputs of an ExportedProgram, by the names of its graph."""
    nodes = {node.name: node for node in program.graph.nodes}
    found = []
    for names in (program.graph_signature.user_inputs, program.graph_signature.user_outputs):
        found.append([_tensor(name, nodes[name].meta["val"]) for name in names])
    return found[0], found[1]


def layer_precisions(program: Any) -> Dict[str, int]:
    """How many convolutions and matrix products compute in which type: {"float16": 70, "float32": 8}."""
    counts: Dict[str, int] = {}
    for node in program.graph.nodes:
        value = node.meta.get("val") if node.op == "call_function" else None
        words = str(node.target).lower().replace(".", " ").replace("_", " ").split()
        if value is None or not hasattr(value, "dtype"):
            continue
        if any(word.rstrip("0123456789d").startswith(_HEAVY_WORDS) for word in words):
            dtype = str(value.dtype).replace("torch.", "")
            counts[dtype] = counts.get(dtype, 0) + 1
    return counts


def _tensor(name: str, value: Any) -> TensorInfo:
    # A size that the export left open is symbolic, not an int.
    shape = tuple(size if type(size) is int else None for size in value.shape)
    return TensorInfo(name, shape, str(value.dtype).replace("torch.", ""))
