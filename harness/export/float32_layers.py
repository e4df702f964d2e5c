"""Layers of an fp32 ONNX file that stay in float32 where a builder on the device is asked for half precision.

A builder's flag leaves the types of all layers to it. So the file says in the names of its nodes which ones hold sums
over all tokens of a linear attention, and pass the largest float16.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench_worker.libraries.tensorrt_float32 import MARK
from latency_bench.harness.export.half_precision import linear_attention_nodes

if TYPE_CHECKING:
    import onnx


def mark_float32_layers(graph: onnx.GraphProto) -> None:
    """Rename the nodes, each to a name of its own."""
    for number, node in enumerate(linear_attention_nodes(graph)):
        node.name = f"{node.op_type}_{number}_{MARK}"


@cache
def float32_layers(path: Path, sha256: str) -> tuple[str, ...]:
    """The names of those nodes in an ONNX file, whose content `sha256` stands for."""
    from latency_bench.harness.export.onnx_reading import read_model

    return tuple(node.name for node in read_model(path).graph.node if MARK in node.name)
