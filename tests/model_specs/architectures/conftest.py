"""What the tests of the modules share: parameters that no library's random generator decides, and the two exports."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

Run = Callable[[torch.nn.Module, Sequence[torch.Tensor]], list[np.ndarray]]
OPSET = 13


@pytest.fixture
def seeded() -> Callable[[torch.nn.Module], torch.nn.Module]:
    """Fill a module's parameters from numpy's RandomState, whose stream never changes, in the order of their names."""

    def fill(module: torch.nn.Module) -> torch.nn.Module:
        random = np.random.RandomState(0)
        for name, parameter in sorted(module.named_parameters()):
            values = random.standard_normal(tuple(parameter.shape))
            if parameter.ndim in (2, 4):
                values /= np.sqrt(parameter[0].numel())
            else:
                values = 0.1 * values + (0.0 if name.endswith("bias") else 1.0)
            parameter.data.copy_(torch.from_numpy(values))
        return module.eval().requires_grad_(False)

    return fill


@pytest.fixture
def image() -> Callable[..., torch.Tensor]:
    """image(height, width, batch=1): uniform in [0, 1), the same everywhere."""

    def draw(height: int, width: int, batch: int = 1) -> torch.Tensor:
        values = np.random.RandomState(1).random_sample((batch, 3, height, width))
        return torch.from_numpy(values.astype(np.float32))

    return draw


@pytest.fixture
def meta_counts() -> Callable[..., tuple[int, int]]:
    """meta_counts(build, shape, ...): parameters and MACs at batch 1, on the meta device, inputs without batch."""

    def count(build: Callable[[], torch.nn.Module], *shapes: tuple[int, ...]) -> tuple[int, int]:
        from torch.utils.flop_counter import FlopCounterMode

        with torch.device("meta"), torch.no_grad():
            module = build().requires_grad_(False)
            with FlopCounterMode(display=False) as counter:
                module(*(torch.empty(1, *shape) for shape in shapes))
        return sum(parameter.numel() for parameter in module.parameters()), counter.get_total_flops() // 2

    return count


@pytest.fixture
def onnx_outputs(tmp_path: Path) -> Run:
    """Export at opset 13 and run in ONNX Runtime."""

    def run(module: torch.nn.Module, inputs: Sequence[torch.Tensor]) -> list[np.ndarray]:
        import onnx
        import onnxruntime

        path = tmp_path / "model.onnx"
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(module, tuple(inputs), str(path), opset_version=OPSET, dynamo=False)
        model = onnx.load(str(path))
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        feed = {given.name: value.numpy() for given, value in zip(session.get_inputs(), inputs, strict=True)}
        return [np.asarray(output) for output in session.run(None, feed)]

    return run


@pytest.fixture
def tflite_outputs(tmp_path: Path) -> Run:
    """Convert to TFLite, refuse operators that are not built in, and run in LiteRT."""

    def run(module: torch.nn.Module, inputs: Sequence[torch.Tensor]) -> list[np.ndarray]:
        litert_torch = pytest.importorskip("litert_torch")
        from ai_edge_litert.interpreter import Interpreter

        from latency_bench.harness.export.tflite_graph import read_graph

        path = tmp_path / "model.tflite"
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            litert_torch.convert(module, tuple(inputs)).export(str(path))
        assert read_graph(path).custom_operators == frozenset()
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        runner = interpreter.get_signature_runner()
        names = sorted(runner.get_input_details(), key=lambda name: int(name.removeprefix("args_")))
        results = runner(**{name: value.numpy() for name, value in zip(names, inputs, strict=True)})
        return [results[name] for name in sorted(results, key=lambda name: int(name.removeprefix("output_")))]

    return run
