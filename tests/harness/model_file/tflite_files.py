"""Small TFLite files, written as a converter writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CHANNELS = 3


def save_convolution(path: Path, size: tuple[int, int] | None, dtype: str = "FLOAT32", name: str = "image") -> Path:
    """A 3x3 convolution of three channels into three, which keeps the size. None: height, width and batch are open, as
    Keras leaves them, which states ones in `shape` and -1 in `shape_signature`. Other types than FLOAT32 have an
    addition of the input and itself in the place of the convolution."""
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    shape = [1, *(size or (1, 1)), CHANNELS]
    model, graph, code, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []

    def tensor(of_name: str, of_shape: list[int], values: np.ndarray | None = None) -> int:
        one = schema.TensorT()
        one.name, one.shape, one.type = of_name, of_shape, getattr(schema.TensorType, dtype)
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            model.buffers.append(buffer)
            one.buffer = len(model.buffers) - 1
        elif size is None:
            one.shapeSignature = [-1, -1, -1, CHANNELS]
        if dtype != "FLOAT32":
            one.quantization = schema.QuantizationParametersT()
            one.quantization.scale, one.quantization.zeroPoint = [0.5], [0]
        graph.tensors.append(one)
        return len(graph.tensors) - 1

    image = tensor(name, shape)
    if dtype == "FLOAT32":
        weights = np.random.RandomState(0).randn(CHANNELS, 3, 3, CHANNELS).astype(np.float32)
        constants = [
            tensor("w", list(weights.shape), weights),
            tensor("b", [CHANNELS], np.zeros(CHANNELS, np.float32)),
        ]
        builtin, options = schema.BuiltinOperator.CONV_2D, schema.Conv2DOptionsT()
        operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
        options.padding, options.strideH, options.strideW = schema.Padding.SAME, 1, 1
        options.dilationHFactor = options.dilationWFactor = 1
    else:
        constants = [image]
        builtin, options = schema.BuiltinOperator.ADD, schema.AddOptionsT()
        operator.builtinOptionsType = schema.BuiltinOptions.AddOptions
    output = tensor("mask", shape)
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1 if dtype == "FLOAT32" else 2
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [image, *constants], [output]
    operator.builtinOptions = options
    model.operatorCodes, graph.operators, graph.inputs, graph.outputs = [code], [operator], [image], [output]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path
