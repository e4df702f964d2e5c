"""An ONNX graph in half precision, for runtimes that take the types of the file as they are (TensorRT from 11 on).

Convolutions, matrix products and activations become half. Float32 stays, behind casts, where half precision overflows
or loses its meaning: sums over many elements (the mean of a LayerNorm), the products of a linear attention, whose sums
over all tokens are divided by one another only at the end, what is divided by them, softmax, every operator with a
constant that float16 cannot hold (an eps of 1e-15), and operators that only move data between two of those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.errors import ExportError

if TYPE_CHECKING:
    import numpy as np
    import onnx

SENSITIVE = frozenset(
    {
        "Div", "Exp", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "Log", "LogSoftmax",
        "LpNormalization", "Pow", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMean", "ReduceProd",
        "ReduceSum", "ReduceSumSquare", "Softmax", "Softplus", "Sqrt",
    }
)  # fmt: skip
"""Computed in float32."""
MOVES_DATA = frozenset(
    {
        "Concat", "Expand", "Flatten", "Gather", "Identity", "Pad", "Reshape", "Slice", "Split", "Squeeze", "Tile",
        "Transpose", "Unsqueeze",
    }
)  # fmt: skip
"""Stay in float32 where their data is."""
TYPED_BY_ATTRIBUTE = frozenset(
    {
        "Bernoulli", "Cast", "ConstantOfShape", "DequantizeLinear", "EyeLike", "QuantizeLinear", "RandomNormal",
        "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    }
)  # fmt: skip
"""An attribute or another operator decides on their types: left as they are."""

BOUNDS = frozenset({"Clip", "Max"})
"""What keeps a denominator from 0."""

LARGE_WEIGHT_BYTES = 4096
"""No shape is written in a constant of this size."""


def to_half(model: onnx.ModelProto) -> list[str]:
    """Rewrite the graph in place; its inputs and outputs keep their types. The operator types that stayed float32.

    Raises ExportError for a graph with branches or loops.
    """
    promote_constants(model.graph)
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    rewriter = _Rewriter(model.graph, element_types(model), opset)
    kept = rewriter.rewrite()
    del model.graph.value_info[:]
    model.graph.value_info.extend(infer_types(model).value_info)
    return kept


def promote_constants(graph: onnx.GraphProto) -> None:
    """Constant nodes become initializers, so that there is one kind of constant."""
    import onnx

    others = []
    for node in graph.node:
        if any(attribute.type == onnx.AttributeProto.GRAPH for attribute in node.attribute):
            raise ExportError(
                f"a graph with {node.op_type} cannot be made half precision: the operator's branches are not rewritten"
            )
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = node.attribute[0].t
            tensor.name = node.output[0]
            graph.initializer.append(tensor)
        else:
            others.append(node)
    del graph.node[:]
    graph.node.extend(others)


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Element type (TensorProto.DataType) of every tensor by name."""
    graph = infer_types(model)
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for values in (graph.input, graph.output, graph.value_info):
        types.update((value.name, value.type.tensor_type.elem_type) for value in values)
    return types


def infer_types(model: onnx.ModelProto) -> onnx.GraphProto:
    """The graph with the type of every tensor, checked; its large weights are empty.

    They are set aside meanwhile: inference goes through one protobuf message, which ends at 2 GiB.
    """
    import onnx

    large = [tensor for tensor in model.graph.initializer if len(tensor.raw_data) > LARGE_WEIGHT_BYTES]
    contents = [tensor.raw_data for tensor in large]
    for tensor in large:
        tensor.raw_data = b""
    try:
        return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True).graph
    finally:
        for tensor, content in zip(large, contents, strict=True):
            tensor.raw_data = content


class _Rewriter:
    """One pass over the nodes, in their topological order, that inserts casts where the precision changes."""

    def __init__(self, graph: onnx.GraphProto, types: dict[str, int], opset: int) -> None:
        import onnx

        self.graph = graph
        self.types = types
        self.opset = opset
        self.float32 = onnx.TensorProto.FLOAT
        self.weights: dict[str, np.ndarray[Any, Any]] = {
            tensor.name: onnx.numpy_helper.to_array(tensor)
            for tensor in graph.initializer
            if tensor.data_type == self.float32
        }
        self.half: set[str] = set()
        """Variables that are half now, under their old names."""
        self.behind_float: set[str] = set()
        """Variables that a node computes in float32."""
        self.nodes: list[onnx.NodeProto] = []
        self.casts: set[str] = set()
        self.quotients = parts_of_quotients(graph)

    def rewrite(self) -> list[str]:
        kept = set()
        for node in self.graph.node:
            keep = self._stays_float(node)
            if keep and any(self.types.get(name) == self.float32 for name in node.output):
                kept.add(node.op_type)
            self._rewrite_node(node, keep)
        self._restore_outputs()
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        self._drop_unused_weights()
        return sorted(kept)

    def _stays_float(self, node: onnx.NodeProto) -> bool:
        if node.op_type in SENSITIVE or node.op_type in TYPED_BY_ATTRIBUTE:
            return True
        if node.output[0] in self.quotients:
            return True
        if any(name in self.weights and not fits_half(self.weights[name]) for name in node.input):
            return True
        return node.op_type in MOVES_DATA and any(name in self.behind_float for name in node.input)

    def _rewrite_node(self, node: onnx.NodeProto, keep: bool) -> None:
        import onnx

        schema = onnx.defs.get_schema(node.op_type, self.opset, node.domain)
        may_be_half = {
            constraint.type_param_str
            for constraint in schema.type_constraints
            if "tensor(float16)" in constraint.allowed_type_strs
        }
        for index, name in enumerate(node.input):
            if self.types.get(name) == self.float32:
                formal = schema.inputs[min(index, len(schema.inputs) - 1)]
                wants_half = not keep and formal.type_str in may_be_half
                node.input[index] = self._in_half(name) if wants_half else self._in_float(name)
        self.nodes.append(node)
        for index, name in enumerate(node.output):
            if self.types.get(name) == self.float32:
                formal = schema.outputs[min(index, len(schema.outputs) - 1)]
                is_half = not keep and formal.type_str in may_be_half
                (self.half if is_half else self.behind_float).add(name)

    def _in_half(self, name: str) -> str:
        import numpy as np
        import onnx

        if name in self.half:
            return name
        halved = f"{name}_as_half"
        if halved not in self.casts:
            self.casts.add(halved)
            if name in self.weights:
                array = self.weights[name].astype(np.float16)
                self.graph.initializer.append(onnx.numpy_helper.from_array(array, halved))
            else:
                self._cast(name, halved, onnx.TensorProto.FLOAT16)
        return halved

    def _in_float(self, name: str) -> str:
        if name not in self.half:
            return name
        widened = f"{name}_as_float"
        if widened not in self.casts:
            self.casts.add(widened)
            self._cast(name, widened, self.float32)
        return widened

    def _cast(self, source: str, target: str, to: int) -> None:
        import onnx

        self.nodes.append(onnx.helper.make_node("Cast", [source], [target], name=f"cast_{target}", to=to))

    def _restore_outputs(self) -> None:
        """The graph's outputs keep name and type: what computes them in half is renamed, and cast."""
        for output in self.graph.output:
            if output.name not in self.half:
                continue
            inner = f"{output.name}_before_cast"
            for node in self.nodes:
                for names in (node.input, node.output):
                    for index, name in enumerate(names):
                        if name == output.name:
                            names[index] = inner
            self._cast(inner, output.name, self.float32)

    def _drop_unused_weights(self) -> None:
        used = {name for node in self.nodes for name in node.input}
        remaining = [tensor for tensor in self.graph.initializer if tensor.name in used]
        del self.graph.initializer[:]
        self.graph.initializer.extend(remaining)


def parts_of_quotients(graph: onnx.GraphProto) -> set[str]:
    """Outputs of the matrix products whose quotient is a mean, and of the bounds of their denominators: a linear
    attention's numerator and denominator, and the product of keys and values in them."""
    return {
        node.output[0]
        for nodes in _behind_divisions(graph).values()
        for node in nodes
        if node.op_type == "MatMul" or node.op_type in BOUNDS
    }


def linear_attention_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that hold sums over all tokens of a linear attention, from those sums to the division, with it."""
    kept = []
    for division, nodes in _behind_divisions(graph).items():
        if not any(node.op_type == "MatMul" for node in nodes):
            continue
        reached = {node.output[0] for node in nodes}
        sums: set[str] = set()
        for node in graph.node:
            moves = node.op_type in MOVES_DATA
            if node.output[0] == division or (node.output[0] in reached and (not moves or sums & set(node.input))):
                sums.update(node.output)
                kept.append(node)
    return kept


def _behind_divisions(graph: onnx.GraphProto) -> dict[str, list[onnx.NodeProto]]:
    """By the output of each division by something that is no constant: products of variables, bounds, and operators
    that only hand data on, backwards from it, and the sums that they end at. A product with weights (a projection) ends
    the search."""
    constants = {tensor.name for tensor in graph.initializer}
    by_output = {name: node for node in graph.node for name in node.output}
    found: dict[str, list[onnx.NodeProto]] = {}
    for division in graph.node:
        if division.op_type != "Div" or division.input[1] in constants:
            continue
        waiting = list(division.input)
        seen: set[str] = set()
        nodes: list[onnx.NodeProto] = []
        while waiting:
            name = waiting.pop()
            node = by_output.get(name)
            if name in seen or node is None:
                continue
            seen.add(name)
            if _hands_sums_on(node, constants):
                nodes.append(node)
                waiting.extend(node.input)
            elif node.op_type == "ReduceSum":
                nodes.append(node)
        found[division.output[0]] = nodes
    return found


def _hands_sums_on(node: onnx.NodeProto, constants: set[str]) -> bool:
    if node.op_type == "MatMul":
        return not constants & set(node.input)
    return node.op_type in BOUNDS or node.op_type in MOVES_DATA or node.op_type == "Cast"


def fits_half(weight: np.ndarray[Any, Any]) -> bool:
    """No value overflows in float16; and a single value, which may guard a division, does not become 0 either."""
    import numpy as np

    with np.errstate(over="ignore", under="ignore"):
        halved = weight.astype(np.float16)
    if not np.array_equal(np.isfinite(halved), np.isfinite(weight)):
        return False
    return weight.size != 1 or bool(np.all((halved != 0) == (weight != 0)))
