"""An ONNX file with some more work in it: a convolution of the image beside everything else, whose mean is one more
output, so that no optimiser leaves it out. How much slower it is follows from the number of its channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from latency_bench.harness.export import export_artifact
from latency_bench.model_specs import load_spec


def exported(model: str) -> Path:
    """The ONNX export of a model, from the cache."""
    return export_artifact(load_spec(model), "onnx").path


def write_slower(original: Path, channels: int, target: Path) -> Path:
    """`original` with a convolution of 3x3, stride 2, of its first input to so many channels."""
    model = onnx.load(str(original))
    image = model.graph.input[0]
    depth = image.type.tensor_type.shape.dim[1].dim_value
    values = np.random.RandomState(0).standard_normal((channels, depth, 3, 3)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(values, "more_weights"))
    convolution = helper.make_node("Conv", [image.name, "more_weights"], ["more_map"], strides=[2, 2])
    mean = helper.make_node("GlobalAveragePool", ["more_map"], ["more_mean"])
    model.graph.node.extend([convolution, mean])
    model.graph.output.append(helper.make_tensor_value_info("more_mean", TensorProto.FLOAT, [1, channels, 1, 1]))
    onnx.save(model, str(target))
    return target
