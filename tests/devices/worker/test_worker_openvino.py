"""OpenVINO for real: values, what its execution graph tells, and that it does what it was asked for."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from bench_worker.failure import WorkerError
from bench_worker.inputs import generate
from bench_worker.job import InputTensor
from bench_worker.libraries.openvino_graph import Layer, precision_facts
from bench_worker.runtimes import create_runtime

SEEDED = InputTensor("image", (1, 3, 16, 24), "float32", "NCHW", "normal", 0.0, 1.0, 3)


def _expected(path):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(zip(("map", "total"), session.run(None, {"image": generate(SEEDED)}), strict=True))


def _outputs(finished):
    with np.load(finished.folder / "outputs.npz", allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


@pytest.mark.parametrize("sizes", ["fixed", "open"])
def test_it_computes_what_onnx_runtime_does_and_tells_how(
    run_worker, request_for, onnx_artifact, open_onnx_artifact, sizes
):
    path = onnx_artifact if sizes == "fixed" else open_onnx_artifact
    finished = run_worker(request_for("openvino", path, profile=3))
    assert finished.returncode == 0, finished.stdout[-1000:] + finished.stderr[-1000:]
    outputs = _outputs(finished)
    for name, expected in _expected(path).items():
        np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-4)
    loaded = finished.event("loaded")
    assert loaded["runtime"]["package"] == "openvino"
    assert loaded["runtime"]["version"].startswith("20")
    assert loaded["options"] == {"threads": 1, "precision": "fp32"}
    assert set(loaded["layer_precisions"]) == {"float32"}
    assert loaded["weighted_layers"]["precisions"] == {"float32": 1}

    done = finished.event("done")
    assert done["output_drift"]["bitwise_equal"]
    for phase in ("h2d", "compute", "d2h"):
        assert min(finished.column("sampling", f"{phase}_ns")) > 0
    layers = done["profile"]["layers"]
    assert {layer["calls"] for layer in layers} == {3}
    assert "Convolution" in {layer["operator"] for layer in layers}


def test_it_tells_nobody_that_it_was_used(run_worker, request_for, onnx_artifact, tmp_path, monkeypatch):
    """Its own package of telemetry keeps files in ~/intel from the first import on, but not in a CI job."""
    for variable in ("CI", "TF_BUILD", "JENKINS_URL"):
        monkeypatch.delenv(variable, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert run_worker(request_for("openvino", onnx_artifact)).returncode == 0
    assert not list(home.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threads": 1, "xnnpack": True}, "openvino does not have this option"),
        ({"precision": "int4"}, "one of fp32, fp16, bf16, int8"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options, said):
    with pytest.raises(WorkerError) as caught:
        create_runtime("openvino", options, lambda: 0)
    assert said in caught.value.message
    assert "\n" not in caught.value.message


def test_what_is_no_model_is_refused_in_one_line(tmp_path):
    runtime = create_runtime("openvino", {"threads": 1}, lambda: 0)
    for name, content in (("damaged.onnx", b"\x08\x07nonsense"), ("empty.onnx", b"")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(WorkerError) as caught:
            runtime.load(str(path), [SEEDED])
        assert caught.value.kind == "bad-artifact"
        assert "OpenVINO cannot load" in caught.value.message
        assert "\n" not in caught.value.message


def test_an_operator_that_nobody_has_is_named(tmp_path):
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Sideways", ["image"], ["map"], domain="of.nobody")],
        "foreign",
        [helper.make_tensor_value_info("image", floats, [1, 3, 16, 24])],
        [helper.make_tensor_value_info("map", floats, [1, 3, 16, 24])],
    )
    path = tmp_path / "foreign.onnx"
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("of.nobody", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
    with pytest.raises(WorkerError) as caught:
        create_runtime("openvino", {"threads": 1}, lambda: 0).load(str(path), [SEEDED])
    assert caught.value.kind == "bad-artifact"
    assert "Sideways" in caught.value.message
    assert "\n" not in caught.value.message


def _refusal(runtime, path, tensor=SEEDED):
    try:
        runtime.load(str(path), [tensor])
    except WorkerError as error:
        return error
    return None


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", "bfloat16"), ("fp16", "float16")])
def test_layers_compute_in_half_precision_or_it_is_refused(onnx_artifact, tmp_path, precision, dtype):
    """Which of both depends on the processor; never is it fp32 without a word."""
    file = _typed(onnx_artifact, tmp_path) if precision == "fp16" else onnx_artifact
    runtime = create_runtime("openvino", {"threads": 1, "precision": precision}, lambda: 0)
    refused = _refusal(runtime, file)
    if refused is None:
        runtime.set_inputs([generate(SEEDED)])
        assert runtime.facts()["layer_precisions"].get(dtype, 0) > 0
    else:
        assert refused.kind == "bad-request"
        assert "computes in f32 on this processor" in refused.message


def test_a_processor_without_half_precision_is_told(onnx_artifact, monkeypatch):
    class Core:
        def get_property(self, device, name):
            assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
            return ["FP32", "INT8", "BIN", "EXPORT_IMPORT"]

    runtime = create_runtime("openvino", {"threads": 1, "precision": "fp16"}, lambda: 0)
    monkeypatch.setattr(runtime._module, "Core", Core)
    assert "computes in f32 on this processor, fp16 was asked for" in _refusal(runtime, onnx_artifact).message


def _typed(fp32, folder):
    from latency_bench.harness.export.half_precision import to_half

    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(fp32))
    to_half(model)
    onnx.save(model, str(folder / "half.onnx"))
    return folder / "half.onnx"


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_sums_of_a_linear_attention_do_not_overflow(tmp_path, precision):
    """Values around 1000 over 1024 tokens: K^T V is near 10^9."""
    torch = pytest.importorskip("torch")
    from latency_bench.model_specs.architectures.efficientvit.attention_formulas import relu_linear_attention

    class Attends(torch.nn.Module):
        def forward(self, image):
            tokens = image.reshape(1, 3, 32, 1024).transpose(2, 3)
            return relu_linear_attention(*tokens.split(1, dim=1))

    image = 1000 * torch.rand(1, 96, 32, 32, generator=torch.Generator().manual_seed(0))
    file = tmp_path / "attends.onnx"
    torch.onnx.export(Attends(), (image,), str(file), input_names=["image"], opset_version=17, dynamo=False)
    if precision == "fp16":
        file = _typed(file, tmp_path)
    runtime = create_runtime("openvino", {"threads": 1, "precision": precision}, lambda: 0)
    refused = _refusal(runtime, file, SEEDED._replace(shape=tuple(image.shape)))
    if refused is not None:
        assert "computes in f32 on this processor" in refused.message
        return
    runtime.set_inputs([image.numpy()])
    runtime.request()
    (computed,) = runtime.outputs().values()
    expected = Attends()(image).numpy()
    assert abs(computed - expected).max() < 2e-2 * abs(expected).max()


def test_layers_that_only_move_or_convert_data_are_no_layers_that_compute():
    layers = [
        Layer("in", "Input", "float32"),
        Layer("quantise", "FakeQuantize", "float32"),
        Layer("first", "Convolution", "int8"),
        Layer("reorder", "Reorder", "float32"),
        Layer("second", "Convolution", "float32"),
        Layer("sum", "Eltwise", "float32"),
        Layer("out", "Output", "float32"),
    ]
    facts = precision_facts(layers)
    assert facts["layer_precisions"] == {"int8": 1, "float32": 2}
    assert facts["weighted_layers"] == {"precisions": {"float32": 1, "int8": 1}, "conversions": 2}
    assert precision_facts([Layer("a", "Convolution", "")]) == {}
