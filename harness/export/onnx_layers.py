"""The layers with weights of an ONNX graph: the ones that are quantised.

What lies between them stays fp32: in int8 the division of a linear attention fails outright, since a small denominator
becomes 0, and normalisations lose too much.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from latency_bench.harness.export.errors import ExportError

if TYPE_CHECKING:
    import onnx

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators whose second input may be weights."""


class Draft(NamedTuple):
    """A file that a quantiser is about to rewrite: the model with a name for every node, as `source` has it, and where
    the quantised one goes."""

    model: onnx.ModelProto
    source: Path
    target: Path


@contextlib.contextmanager
def rewritten(path: Path) -> Iterator[Draft]:
    """The file at `path` for a quantiser that reads and writes files; the target takes its place afterwards."""
    import onnx

    draft = Draft(onnx.load(str(path)), path.with_name("named.onnx"), path.with_name("quantised.onnx"))
    name_nodes(draft.model)
    onnx.save(draft.model, str(draft.source))
    try:
        yield draft
        draft.target.replace(path)
    finally:
        draft.source.unlink()


def weighted_layers(model: onnx.ModelProto, operators: tuple[str, ...] = WEIGHTED) -> list[str]:
    """Names of the nodes of these operators whose second input is a constant, in the order of the graph.

    Raises ExportError where there is none: there is nothing to quantise then.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    constants |= {name for node in model.graph.node if node.op_type == "Constant" for name in node.output}
    names = [
        node.name
        for node in model.graph.node
        if node.op_type in operators and len(node.input) > 1 and node.input[1] in constants
    ]
    if not names:
        raise ExportError(f"the model has no {' or '.join(operators)} with weights: there is nothing to quantise")
    return names


def name_nodes(model: onnx.ModelProto) -> None:
    """Give every node a name of its own, by which quantisers choose nodes."""
    taken: set[str] = set()
    for number, node in enumerate(model.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{number}"
        taken.add(node.name)
