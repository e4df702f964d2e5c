"""A tiny network of which anybody can say what it answers, for all ways to bring inputs to a device and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latency_bench.devices.runners.base import RoundJob
from latency_bench.devices.runners.batch import Arrays, Batch

SHAPES = {"image": [1, 3, 4, 6], "shift": [1, 2], "same": [1, 1]}


@dataclass(frozen=True)
class EchoNetwork:
    """`twice` is twice the image, `total` the sum of `shift` and of `same`, which is drawn and not given."""

    path: Path

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def job(self) -> RoundJob:
        once = {"min_count": 1, "max_count": 1, "min_ns": 0, "max_ns": 10**9}
        sampling = {**once, "relative_interval": None, "confidence": 0.95}
        return RoundJob("onnxruntime", {}, self.inputs, {**once, "window": 0}, sampling, None)

    @property
    def inputs(self) -> list[dict[str, Any]]:
        described = {"dtype": "float32", "layout": "NCHW", "low": 0.0, "high": 1.0, "distribution": "uniform"}
        return [
            {"name": name, "shape": shape, "seed": seed, **described}
            for seed, (name, shape) in enumerate(SHAPES.items())
        ]

    def batches(self, sizes: Sequence[int]) -> Iterator[Batch]:
        """So many requests each, no two alike; those of a batch of four share their image."""
        random = np.random.RandomState(len(sizes))
        for size in sizes:
            images = [random.standard_normal(SHAPES["image"]).astype(np.float32) for _ in range(size)]
            shifts = [random.standard_normal(SHAPES["shift"]).astype(np.float32) for _ in range(size)]
            requests = [
                {"image": images[0 if size == 4 else number], "shift": shifts[number]} for number in range(size)
            ]
            yield Batch(tuple(self.inputs), tuple(requests))

    def check(self, sizes: Sequence[int], answers: Sequence[Sequence[Arrays]]) -> None:
        """That every request was answered with its own outputs, in order."""
        same = np.random.RandomState(2).random_sample(1).astype(np.float32)
        assert [len(one) for one in answers] == list(sizes)
        for batch, outputs in zip(self.batches(sizes), answers, strict=True):
            for request, given in zip(batch.requests, outputs, strict=True):
                np.testing.assert_array_equal(given["twice"], 2 * request["image"])
                np.testing.assert_allclose(given["total"].reshape(1), request["shift"].sum() + same, rtol=1e-5)


@pytest.fixture(scope="session")
def echo_network(tmp_path_factory: pytest.TempPathFactory) -> EchoNetwork:
    import onnx
    from onnx import TensorProto, helper

    path = tmp_path_factory.mktemp("echo") / "echo.onnx"
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in SHAPES.items()]
    outputs = [
        helper.make_tensor_value_info("twice", TensorProto.FLOAT, SHAPES["image"]),
        helper.make_tensor_value_info("total", TensorProto.FLOAT, [1, 1]),
    ]
    nodes = [
        helper.make_node("Add", ["image", "image"], ["twice"]),
        helper.make_node("ReduceSum", ["shift"], ["of_shift"], keepdims=1),
        helper.make_node("Add", ["of_shift", "same"], ["total"]),
    ]
    graph = helper.make_graph(nodes, "echo", info, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return EchoNetwork(path)
