"""Every runtime for real, in a worker of its own, on a model that takes microseconds."""

from __future__ import annotations

import numpy as np
import pytest

from bench_worker.inputs import generate, in_artifact_layout
from bench_worker.job import InputTensor

SEEDED = InputTensor("image", (1, 3, 16, 24), "float32", "NCHW", "normal", 0.0, 1.0, 3)


def _image(layout="NCHW"):
    return in_artifact_layout(generate(SEEDED), layout)


def _channel_last(document):
    document["inputs"][0]["layout"] = "NHWC"
    return document


def _check_complete(finished, runtime):
    """What every runtime's events have to have, whatever it is."""
    assert finished.returncode == 0, finished.stdout[-1000:] + finished.stderr[-1000:]
    names = [event["event"] for event in finished.events if event["event"] != "progress"]
    assert names == ["hello", "loaded", "outputs", "samples", "samples", "done"]
    assert finished.event("loaded")["runtime"]["name"] == runtime
    assert finished.event("loaded")["runtime"]["version"]
    assert finished.event("loaded")["options"]["threads"] == 1
    assert finished.event("hello")["pid"] > 0

    done = finished.event("done")
    assert done["stopped_by"] in ("interval", "max_count", "max_ns")
    assert isinstance(done["steady"], bool)
    assert done["output_drift"]["bitwise_equal"]
    assert done["timer_resolution_ns"] > 0
    assert done["loop_overhead_ns"] > 0
    assert done["usage"]["user_ns"] + done["usage"]["system_ns"] > 0
    assert done["usage"]["involuntary_switches"] >= 0
    peaks = done["peak_rss_bytes"]
    assert 10e6 < peaks["before_load"] <= peaks["after_load"] <= peaks["end"]

    for stage, count in (("warmup", done["warmup"]["count"]), ("sampling", done["count"])):
        columns = {name: finished.column(stage, f"{name}_ns") for name in ("start", "latency", "h2d", "compute", "d2h")}
        assert {len(column) for column in columns.values()} == {count}
        phases = np.array([columns["h2d"], columns["compute"], columns["d2h"]])
        assert (phases > 0).all()
        assert (phases.sum(0) <= columns["latency"]).all()
        ends = np.add(columns["start"], columns["latency"])
        assert (columns["start"][1:] >= ends[:-1]).all()
    assert done["median_ns"] == np.median(finished.column("sampling", "latency_ns"))
    low, high = done["interval_ns"]
    assert low <= done["median_ns"] <= high


def _outputs(finished):
    with np.load(finished.folder / "outputs.npz", allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    described = [(tensor["name"], tensor["shape"]) for tensor in finished.event("outputs")["tensors"]]
    assert described == [(name, list(array.shape)) for name, array in arrays.items()]
    assert described == [(tensor["name"], tensor["shape"]) for tensor in finished.event("loaded")["outputs"]]
    return arrays


@pytest.mark.parametrize("xnnpack", [True, False])
def test_litert(run_worker, request_for, tflite_artifact, xnnpack):
    interpreters = pytest.importorskip("ai_edge_litert.interpreter")
    document = request_for("litert", tflite_artifact, runtime_options={"threads": 1, "xnnpack": xnnpack})
    finished = run_worker(_channel_last(document))
    _check_complete(finished, "litert")

    resolver = interpreters.OpResolverType.AUTO if xnnpack else (
        interpreters.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )  # fmt: skip
    interpreter = interpreters.Interpreter(str(tflite_artifact), num_threads=1, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], _image("NHWC"))
    interpreter.invoke()
    outputs = _outputs(finished)
    for detail in interpreter.get_output_details():
        assert outputs[detail["name"]].tobytes() == interpreter.get_tensor(detail["index"]).tobytes()

    loaded = finished.event("loaded")
    assert loaded["runtime"]["package"] == "ai-edge-litert"
    assert loaded["options"]["xnnpack"] is xnnpack
    delegation = loaded["delegation"]
    if xnnpack:
        assert delegation["delegated"] == delegation["nodes"] > 0
        assert delegation["partitions"] == 1
    else:
        assert (delegation["delegated"], delegation["partitions"]) == (0, 0)


def test_litert_computes_the_module(run_worker, request_for, tflite_artifact, two_layer_module):
    torch = pytest.importorskip("torch")
    outputs = list(_outputs(run_worker(_channel_last(request_for("litert", tflite_artifact)))).values())
    with torch.inference_mode():
        expected = [tensor.numpy() for tensor in two_layer_module(torch.from_numpy(_image()))]
    np.testing.assert_allclose(outputs[0].transpose(0, 3, 1, 2), expected[0], atol=1e-5)
    np.testing.assert_allclose(outputs[1], expected[1], atol=1e-5)


def test_onnxruntime(run_worker, request_for, onnx_artifact):
    onnxruntime = pytest.importorskip("onnxruntime")
    finished = run_worker(request_for("onnxruntime", onnx_artifact, runtime_options={"threads": 1, "spin": False}))
    _check_complete(finished, "onnxruntime")
    session = onnxruntime.InferenceSession(str(onnx_artifact), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"image": _image()})
    outputs = _outputs(finished)
    assert list(outputs) == ["map", "total"]
    assert [array.tobytes() for array in outputs.values()] == [array.tobytes() for array in expected]
    loaded = finished.event("loaded")
    assert loaded["options"] == {"threads": 1, "spin": False}
    assert loaded["providers"] == ["CPUExecutionProvider"]
    assert not loaded["shape_probe"]


def test_onnxruntime_with_sizes_left_open(run_worker, request_for, open_onnx_artifact):
    onnxruntime = pytest.importorskip("onnxruntime")
    finished = run_worker(request_for("onnxruntime", open_onnx_artifact))
    _check_complete(finished, "onnxruntime")
    session = onnxruntime.InferenceSession(str(open_onnx_artifact), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"image": _image()})
    assert [array.tobytes() for array in _outputs(finished).values()] == [array.tobytes() for array in expected]
    assert finished.event("loaded")["shape_probe"]


@pytest.mark.parametrize("channels_last", [False, True])
def test_torch(run_worker, request_for, pt2_artifact, two_layer_module, channels_last):
    torch = pytest.importorskip("torch")
    options = {"threads": 1, "channels_last": channels_last}
    finished = run_worker(request_for("torch", pt2_artifact, runtime_options=options))
    _check_complete(finished, "torch")
    image = torch.from_numpy(_image())
    if channels_last:
        two_layer_module = two_layer_module.to(memory_format=torch.channels_last)
        image = image.contiguous(memory_format=torch.channels_last)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            expected = [tensor.numpy() for tensor in two_layer_module(image)]
    finally:
        torch.set_num_threads(threads)
        two_layer_module.to(memory_format=torch.contiguous_format)
    outputs = list(_outputs(finished).values())
    assert [array.shape for array in outputs] == [array.shape for array in expected]
    for array, reference in zip(outputs, expected, strict=True):
        assert np.ascontiguousarray(array).tobytes() == np.ascontiguousarray(reference).tobytes()
    assert finished.event("loaded")["options"]["mode"] == "eager"


def test_inputs_reach_the_runtime_by_name_where_the_names_agree(tmp_path, run_worker, request_for):
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Sub", ["a", "b"], ["difference"])],
        "sub",
        [helper.make_tensor_value_info(name, floats, [2]) for name in "ab"],
        [helper.make_tensor_value_info("difference", floats, [2])],
    )
    path = tmp_path / "sub.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    document = request_for("onnxruntime", path)
    document["inputs"] = [{"name": name, "shape": [2], "seed": seed} for name, seed in (("b", 7), ("a", 8))]
    finished = run_worker(document)
    values = {name: np.random.RandomState(seed).standard_normal(2).astype("f4") for name, seed in (("b", 7), ("a", 8))}
    assert _outputs(finished)["difference"].tolist() == (values["a"] - values["b"]).tolist()


@pytest.mark.parametrize("bounds", [{"max_count": 1, "max_ns": 0, "window": 0}, {"max_count": 100, "max_ns": 1}])
def test_without_two_windows_steadiness_is_neither_claimed_nor_denied(run_worker, request_for, onnx_artifact, bounds):
    pytest.importorskip("onnxruntime")
    warmup = {"min_count": 1, "min_ns": 0, "window": 10, **bounds}
    finished = run_worker(request_for("onnxruntime", onnx_artifact, warmup=warmup, write_outputs=None))
    assert "steady" not in finished.event("done")
    # The cold request is counted, and stopped nothing.
    assert len(finished.column("warmup", "latency_ns")) <= 2
    assert "path" not in finished.event("outputs")
    assert not (finished.folder / "outputs.npz").exists()
