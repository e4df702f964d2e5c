"""ncnn and MNN for real: the converter's file, the runtime's values, and what is refused."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from bench_worker.failure import WorkerError
from bench_worker.inputs import generate
from bench_worker.job import InputTensor
from bench_worker.runtimes import create_runtime
from latency_bench.harness.export import ExportError
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.export.formats.ncnn import layer_types

SEEDED = InputTensor("image", (1, 3, 16, 24), "float32", "NCHW", "normal", 0.0, 1.0, 3)
RUNTIMES = ("mnn", "ncnn")


class Network(torch.nn.Module):
    """A map whose width is no multiple of anything, a vector, and a bilinear resize."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 7, 3, padding=1)
        self.second = torch.nn.Conv2d(7, 5, 3, stride=2, padding=1)

    def forward(self, image):
        features = torch.nn.functional.hardswish(self.first(image))
        reduced = self.second(features)
        larger = torch.nn.functional.interpolate(reduced, scale_factor=2.0, mode="bilinear", align_corners=False)
        return larger, features.mean((2, 3))


@pytest.fixture
def exported(make_export_job):
    """By runtime: the file of the network, and what it computes for SEEDED."""

    def export(runtime, module=None):
        torch.manual_seed(0)
        module = (module or Network()).eval()
        job = make_export_job(module, find_format(runtime), image=torch.from_numpy(generate(SEEDED)))
        find_format(runtime).export(job)
        return job.path, {name: tensor.numpy() for name, tensor in job.outputs.items()}

    return export


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_file_computes_the_module(run_worker, request_for, exported, runtime):
    path, expected = exported(runtime)
    finished = run_worker(request_for(runtime, path))
    assert finished.returncode == 0, finished.stdout[-1000:] + finished.stderr[-1000:]
    with np.load(finished.folder / "outputs.npz", allow_pickle=False) as saved:
        outputs = {name: saved[name] for name in saved.files}
    assert set(outputs) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, rtol=1e-4, atol=1e-4)
    loaded = finished.event("loaded")
    assert loaded["runtime"]["version"]
    assert loaded["options"] == {"threads": 1}
    assert finished.event("done")["output_drift"]["bitwise_equal"]
    for phase in ("h2d", "compute", "d2h"):
        assert min(finished.column("sampling", f"{phase}_ns")) > 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_other_inputs_give_other_outputs(exported, runtime):
    """What is copied in is what is computed with, in every request."""
    path, _ = exported(runtime)
    made = create_runtime(runtime, {"threads": 1}, lambda: 0)
    made.load(str(path), [SEEDED])
    seen = []
    for scale in (1.0, 2.0, 1.0):
        made.set_inputs([scale * generate(SEEDED)])
        made.request()
        seen.append([values.copy() for values in made.outputs().values()])
    for first, second, third in zip(*seen, strict=True):
        np.testing.assert_array_equal(first, third)
        assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_layers_have_their_times_and_the_next_request_is_right(exported, runtime):
    path, expected = exported(runtime)
    made = create_runtime(runtime, {"threads": 1}, time.perf_counter_ns)
    made.load(str(path), [SEEDED])
    made.set_inputs([generate(SEEDED)])
    layers = made.profile(3)
    assert [layer for layer in layers if layer.total_ns <= 0] == []
    assert {layer.calls for layer in layers} == {3}
    assert layers == sorted(layers, key=lambda layer: -layer.total_ns)
    assert sum(layer.operator.startswith("Convolution") for layer in layers) == 2, layers
    assert sum(layer.operator in ("Interp", "Interp3D", "Resize") for layer in layers) == 1, layers
    made.request()
    for values, wanted in zip(made.outputs().values(), expected.values(), strict=True):
        np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_is_no_model_is_refused_in_one_line(tmp_path, runtime):
    path = tmp_path / f"damaged.{runtime}"
    path.write_bytes(b"nothing that it knows")
    with pytest.raises(WorkerError) as caught:
        create_runtime(runtime, {"threads": 1}, lambda: 0).load(str(path), [SEEDED])
    assert caught.value.kind == "bad-artifact"
    assert "\n" not in caught.value.message


class Sorted(torch.nn.Module):
    """An operator that ncnn has not."""

    def forward(self, image):
        return torch.sort(image, dim=3)[0] + torch.special.bessel_j0(image)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_operator_that_it_has_not_is_refused_while_exporting(exported, runtime):
    with pytest.raises((ExportError, torch.onnx.errors.OnnxExporterError)) as caught:
        exported(runtime, Sorted())
    assert "bessel" in str(caught.value).lower() or runtime in str(caught.value).lower()


def test_layers_of_a_graph_are_its_lines_after_the_second():
    assert layer_types("7767517\n2 2\nInput in0 0 1 in0\npnnx.Expression e 1 1 in0 1\n") == ["Input", "pnnx.Expression"]
