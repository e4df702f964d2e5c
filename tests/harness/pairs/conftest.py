"""Small ONNX files whose cost is known by construction, and a protocol that warms up in a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from latency_bench.devices.device import Device
from latency_bench.harness.case import Case
from latency_bench.harness.case_options import CaseOptions, case_of

FAST = "\n".join(
    [
        "name: fast",
        "rounds: 2",
        "campaign_rounds: 2",
        "warmup: {min_count: 6, max_count: 40, min_s: 0.02, max_s: 0.3, window: 3}",
        "sampling: {min_count: 10, max_count: 200, min_s: 0.02, max_s: 1, relative_interval: 0.2, confidence: 0.95}",
    ]
)
WriteModel = Callable[..., Path]
MakeCase = Callable[..., Case]


def save_convolutions(path: Path, layers: int, size: int = 48, channels: int = 16, operator: str = "Conv") -> Path:
    """So many equal convolutions one after the other; `operator`: what stands in their place."""
    onnx = pytest.importorskip("onnx")
    import numpy as np

    random = np.random.RandomState(0)
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    nodes, weights, name, inputs = [], [], "image", 3
    for layer in range(layers):
        values = (0.1 * random.standard_normal((channels, inputs, 3, 3))).astype(np.float32)
        weights.append(onnx.numpy_helper.from_array(values, f"weights{layer}"))
        nodes.append(helper.make_node(operator, [name, f"weights{layer}"], [f"map{layer}"], pads=[1, 1, 1, 1]))
        name, inputs = f"map{layer}", channels
    graph = helper.make_graph(
        nodes,
        "convolutions",
        [helper.make_tensor_value_info("image", floats, [1, 3, size, size])],
        [helper.make_tensor_value_info(name, floats, [1, channels, size, size])],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """write_model("name", layers=3): an ONNX file."""
    return lambda name, **sizes: save_convolutions(tmp_path / f"{name}.onnx", **sizes)


@pytest.fixture
def fast_protocol(tmp_path: Path) -> Path:
    path = tmp_path / "fast.yaml"
    path.write_text(FAST)
    return path


def onnx_case(path: Path, protocol: Path, device: Device | None = None, **fields: object) -> Case:
    """An ONNX file on this computer, whose memory nobody asks about."""
    device = device or Device(name="local", runtime="onnxruntime", probes=())
    options = CaseOptions(file=(path, "onnx"), protocol=str(protocol), runtime="onnxruntime", **fields)  # type: ignore[arg-type]
    return case_of(options, single=True, device=device)


@pytest.fixture
def case_for(fast_protocol: Path) -> MakeCase:
    """case_for(file, ...): as `onnx_case`, by a fast protocol."""
    return lambda path, device=None, **fields: onnx_case(path, fast_protocol, device, **fields)


class Silent:
    """An observer that remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def progress(self, case: Case, round_index: int, progress: object) -> None:
        pass


@pytest.fixture
def observer() -> Silent:
    return Silent()
