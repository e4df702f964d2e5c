"""The TensorRT runtime against a fake of each version's API: what is built, kept, fed, timed, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bench_worker.clock import now_ns
from bench_worker.failure import WorkerError
from bench_worker.job import InputTensor
from bench_worker.libraries.engine_layers import layer_precisions
from bench_worker.libraries.tensorrt_float32 import MARK
from bench_worker.runtimes import create_runtime


def _sibling(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fake_gpu, fake_trt = _sibling("fake_gpu"), _sibling("fake_tensorrt")
SHAPE = (1, 3, 4, 4)
IMAGE = InputTensor("image", SHAPE, "float32", "NCHW", "normal", 0.0, 1.0, 0)
VERSIONS = ["8.2.1.8", "8.6.1", "10.3.0", "10.13.3.9", "11.0.0"]


@pytest.fixture
def gpu():
    return fake_gpu.FakeGpu()


@pytest.fixture
def install(monkeypatch, gpu, tmp_path):
    """install(version) -> the fake module; GPU memory by both libraries, the engine cache in tmp_path."""
    monkeypatch.setenv("BENCH_ENGINES", str(tmp_path / "engines"))
    for modules in (fake_gpu.fake_pycuda(gpu), fake_gpu.fake_cuda_python(gpu)):
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)

    def put(version, rtx=False):
        module = fake_trt.fake_tensorrt(version, gpu, rtx)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return module

    return put


@pytest.fixture
def onnx(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text(json.dumps({"opset": 13, "scale": 2.0, "shape": SHAPE}))
    return path


def loaded(path, name="tensorrt", **options):
    runtime = create_runtime(name, options, now_ns)
    assert runtime.load(str(path), [IMAGE]) == [IMAGE]
    return runtime


def feed(runtime):
    values = np.random.RandomState(1).standard_normal(SHAPE).astype(np.float32)
    runtime.set_inputs([values])
    return values


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_copies_in_computes_and_copies_out(install, gpu, onnx, version, pinned):
    install(version)
    runtime = loaded(onnx, pinned=pinned)
    values = feed(runtime)
    gpu.log.clear()
    times = runtime.request()
    assert gpu.log == ["in", "compute", "out"]
    outputs = runtime.outputs()
    assert list(outputs) == ["y"]
    np.testing.assert_array_equal(outputs["y"], values * 2)
    runtime.input_arrays()[0][...] = values + 1
    times = runtime.request()
    np.testing.assert_array_equal(runtime.outputs()["y"], (values + 1) * 2)
    copy_ns = round(values.nbytes * fake_gpu.COPY_NS_PER_BYTE)
    assert (times.h2d_ns, times.compute_ns, times.d2h_ns) == (copy_ns, 50_000, copy_ns)
    assert times.end_ns > times.start_ns
    assert 0 < times.enqueue_ns <= times.end_ns - times.start_ns
    facts = runtime.facts()
    assert facts["runtime"] == {"name": "tensorrt", "package": "tensorrt", "version": version}
    assert facts["gpu"]["name"] == "Fake GPU"
    assert facts["gpu"]["empty_phase_ns"] == 0, "the fake's host takes no time"
    runtime.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_sizes_that_the_file_leaves_open_become_a_profile_and_are_told_to_the_context(install, tmp_path, version):
    trt = install(version)
    path = tmp_path / "open.onnx"
    path.write_text(json.dumps({"opset": 13, "scale": 2.0, "shape": [1, 3, -1, -1]}))
    runtime = loaded(path)
    assert [profile.shapes for profile in trt.log[-1][1].profiles] == [{"image": SHAPE}]
    values = feed(runtime)
    runtime.request()
    np.testing.assert_array_equal(runtime.outputs()["y"], values * 2)
    other = IMAGE._replace(shape=(1, 3, 8, 8))
    again = create_runtime("tensorrt", {}, now_ns)
    again.load(str(path), [other])
    assert trt.log[-1][1].profiles[0].shapes == {"image": (1, 3, 8, 8)}, "another size is another engine"


@pytest.mark.parametrize("version", VERSIONS)
def test_fp16_is_asked_of_the_builder_or_of_the_file(install, onnx, tmp_path, version):
    trt = install(version)
    numbers = tuple(map(int, version.split(".")))
    facts = loaded(onnx, precision="fp16").facts()
    network, config = trt.log[-1]
    flags = {flag.name for flag in config.set}
    if numbers < (10, 12):
        assert "FP16" in flags
        assert facts["layer_precisions"] == {"float16": 2}
    else:
        # An fp32 file stays fp32 there, whatever is asked: the record shows it, and the gate refuses it.
        assert "FP16" not in flags
        assert network.flags == 1 << trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
        assert facts["layer_precisions"] == {"float32": 2}
        half = tmp_path / "half.onnx"
        half.write_text(json.dumps({"opset": 13, "scale": 2.0, "shape": SHAPE, "typed": "fp16"}))
        assert loaded(half, precision="fp16").facts()["layer_precisions"] == {"float16": 2}
    if numbers < (10,):
        assert network.flags == 1 << trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH
    assert "TF32" not in flags


@pytest.mark.parametrize("version", VERSIONS)
def test_int8_is_in_the_file_and_a_builder_without_types_is_told_of_it(install, onnx, version):
    trt = install(version)
    loaded(onnx, precision="int8")
    _, config = trt.log[-1]
    flags = {flag.name for flag in config.set}
    assert ("INT8" in flags) == (tuple(map(int, version.split("."))) < (10, 12))
    assert not flags & {"FP16", "OBEY_PRECISION_CONSTRAINTS"}
    if version != "11.0.0":
        trt.has_fast_int8 = False
        with pytest.raises(WorkerError, match="no kernels in int8 for this GPU"):
            loaded(onnx, precision="int8", build=1)


def test_tf32_and_workspace_are_as_asked(install, onnx):
    trt = install("8.6.1")
    loaded(onnx, tf32=True, workspace_mb=64, optimisation_level=5)
    config = trt.log[-1][1]
    assert "TF32" in {flag.name for flag in config.set}
    assert (config.pool, config.builder_optimization_level) == (64 << 20, 5)
    trt = install("8.2.1.8")
    loaded(onnx, workspace_mb=64)
    assert trt.log[-1][1].max_workspace_size == 64 << 20
    loaded(onnx, cache=False)
    assert trt.log[-1][1].max_workspace_size == 1 << 30, "0 would leave 8.2 without most of its kernels"
    with pytest.raises(WorkerError, match="does not have optimisation levels"):
        loaded(onnx, optimisation_level=5)


def test_an_engine_is_built_once_for_what_it_depends_on(install, gpu, onnx):
    trt = install("10.3.0")
    first = loaded(onnx).facts()["engine"]
    again = loaded(onnx).facts()["engine"]
    assert len(trt.log) == 1
    assert (first["origin"], again["origin"]) == ("built", "cache")
    assert first["sha256"] == again["sha256"]
    assert again["build_ns"] == first["build_ns"] > 0
    loaded(onnx, precision="fp16")
    loaded(onnx, build=1)
    onnx.write_text(json.dumps({"opset": 13, "scale": 3.0, "shape": SHAPE}))
    loaded(onnx)
    assert len(trt.log) == 4
    newer = install("10.3.1")
    loaded(onnx)
    assert len(newer.log) == 1
    loaded(onnx, cache=False)
    assert len(newer.log) == 2


def test_timings_are_kept_between_builds_and_not_used_for_a_second_opinion(install, onnx):
    trt = install("8.6.1")
    loaded(onnx)
    loaded(onnx, precision="fp16")
    loaded(onnx, build=1)
    assert [config.cache.content for _, config in trt.log] == [b"", b"timed;", b""]


def test_a_damaged_engine_in_the_cache_is_built_again(install, onnx, tmp_path):
    trt = install("10.3.0")
    loaded(onnx)
    (engine,) = (tmp_path / "engines").glob("*.engine")
    engine.write_bytes(engine.read_bytes()[:-5])
    assert loaded(onnx).facts()["engine"]["origin"] == "built"
    assert len(trt.log) == 2


def test_an_engine_of_another_version_is_refused_with_the_way_out(install, onnx, tmp_path):
    install("10.3.0")
    loaded(onnx)
    (engine,) = (tmp_path / "engines").glob("*.engine")
    install("8.6.1")
    with pytest.raises(WorkerError) as caught:
        loaded(engine)
    assert caught.value.kind == "bad-artifact"
    assert "current 8.6.1, 10.3.0" in caught.value.message
    assert "ONNX" in caught.value.remedy


def test_a_ready_made_engine_is_loaded_as_it_is(install, onnx, tmp_path):
    trt = install("10.3.0")
    loaded(onnx)
    (engine,) = (tmp_path / "engines").glob("*.engine")
    runtime = loaded(engine)
    assert len(trt.log) == 1
    assert runtime.facts()["engine"]["origin"] == "given"


def test_a_file_that_the_parser_refuses(install, onnx):
    install("8.2.1.8")
    onnx.write_text(json.dumps({"opset": 17, "scale": 2.0, "shape": SHAPE}))
    with pytest.raises(WorkerError) as caught:
        loaded(onnx)
    assert caught.value.kind == "bad-artifact"
    assert "opset 17 is newer than 13" in caught.value.message
    assert "onnx_opset" in caught.value.remedy


def test_a_file_without_a_graph(install, onnx):
    install("11.0.0")
    onnx.write_text(json.dumps({"opset": 13, "outputs": 0}))
    with pytest.raises(WorkerError) as caught:
        loaded(onnx)
    assert caught.value.kind == "bad-artifact"
    assert "no graph" in caught.value.message


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 3, 8, 8)])
def test_a_batch_or_shape_that_is_not_in_the_engine(install, onnx, shape):
    install("10.3.0")
    with pytest.raises(WorkerError) as caught:
        create_runtime("tensorrt", {}, now_ns).load(str(onnx), [IMAGE._replace(shape=shape)])
    assert caught.value.kind == "bad-request"
    assert str(list(shape)) in caught.value.message
    assert "1, 3, 4, 4" in caught.value.message


def test_a_full_disk_leaves_nothing_half_written(install, onnx, tmp_path, monkeypatch):
    install("10.3.0")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench_worker.libraries.engine_cache.os.fsync", full)
    with pytest.raises(WorkerError) as caught:
        loaded(onnx)
    assert caught.value.kind == "storage"
    assert "BENCH_ENGINES" in caught.value.remedy
    assert "cache=false" in caught.value.remedy
    assert list((tmp_path / "engines").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "kind"),
    [("CUDA initialization failure with error: 35", "runtime-missing"), ("the GPU is lost", "runtime-failed")],
)
def test_no_driver_when_the_builder_starts(install, gpu, onnx, words, kind):
    install("10.3.0")
    runtime = create_runtime("tensorrt", {}, now_ns)
    monkeyed = words if kind != "runtime-missing" else "CUDA driver version is insufficient (error: 35)"
    # Only the builder sees it: memory was opened before.
    facts = runtime.memory.facts()
    runtime.memory.facts = lambda: facts
    gpu.broken = monkeyed
    with pytest.raises(WorkerError) as caught:
        runtime.load(str(onnx), [IMAGE])
    assert caught.value.kind == kind


def test_memory_that_runs_out_while_building_or_in_buffers(install, gpu, onnx):
    trt = install("10.3.0")
    trt.fail_build = "Requested amount of GPU memory (1073741824 bytes) could not be allocated: out of memory"
    with pytest.raises(WorkerError) as caught:
        loaded(onnx)
    assert caught.value.kind == "out-of-memory"
    trt.fail_build = None
    runtime = loaded(onnx)
    gpu.free_bytes = 10
    with pytest.raises(WorkerError) as caught:
        feed(runtime)
    assert caught.value.kind == "out-of-memory"


@pytest.mark.parametrize("memory", ["pycuda", "cuda-python"])
def test_a_gpu_that_goes_away_between_two_requests(install, gpu, onnx, memory):
    install("10.3.0")
    runtime = loaded(onnx, memory=memory)
    feed(runtime)
    runtime.request()
    gpu.broken = "the GPU is lost"
    with pytest.raises(WorkerError) as caught:
        runtime.request()
    assert caught.value.kind == "runtime-failed"
    assert "went away" in caught.value.message
    assert "dmesg" in caught.value.remedy


@pytest.mark.parametrize("asked", [lambda runtime: runtime.facts(), lambda runtime: runtime.lanes(1)[0].submit()])
def test_a_gpu_that_goes_away_outside_of_the_timed_requests(install, gpu, onnx, asked):
    install("10.3.0")
    runtime = loaded(onnx, memory="pycuda")
    feed(runtime)
    gpu.broken = "the GPU is lost"
    with pytest.raises(WorkerError, match="went away"):
        asked(runtime)


def test_a_cuda_graph_computes_the_same(install, gpu, onnx):
    install("10.3.0")
    runtime = loaded(onnx, cuda_graph=True)
    values = feed(runtime)
    assert runtime.facts()["gpu"]["library"].startswith("cuda-python")
    gpu.log.clear()
    times = runtime.request()
    assert gpu.log == ["in", "compute", "out"]
    assert times.compute_ns == 50_000
    np.testing.assert_array_equal(runtime.outputs()["y"], values * 2)


def test_a_graph_that_cannot_be_captured_is_an_error(install, gpu, onnx):
    install("10.3.0")
    gpu.refuse_capture = True
    runtime = loaded(onnx, cuda_graph=True)
    with pytest.raises(WorkerError) as caught:
        feed(runtime)
    assert "could not be captured" in caught.value.message
    assert "cuda_graph=false" in caught.value.remedy


@pytest.mark.parametrize("graph", [False, True])
def test_times_by_layer(install, onnx, graph):
    install("10.3.0")
    runtime = loaded(onnx, cuda_graph=graph)
    feed(runtime)
    first, second = runtime.profile(5)
    assert (first.name, first.calls, first.total_ns) == ("conv", 5, pytest.approx(200_000, abs=2))
    assert (second.name, second.operator, second.calls) == ("gemm", "gemm", 5)
    assert first.operator == "CaskConvolution"


def test_a_profile_without_a_layer_is_an_error(install, onnx):
    install("10.3.0")
    runtime = loaded(onnx)
    feed(runtime)
    with pytest.raises(WorkerError, match="time of any layer"):
        runtime.profile(0)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_engine_with_a_plugin_in_it_is_found_again_by_a_later_process(install, onnx, version):
    onnx.write_text(json.dumps({"opset": 13, "scale": 2.0, "shape": SHAPE, "plugin": "InstanceNormalization_TRT"}))
    for origin in ("built", "cache"):
        install(version)
        assert loaded(onnx).facts()["engine"]["origin"] == origin


def test_buffers_of_the_inputs_before_are_free_when_new_ones_are_set(install, gpu, onnx):
    install("10.3.0")
    for memory in ("pycuda", "cuda-python"):
        runtime = loaded(onnx, memory=memory)
        feed(runtime)
        free_bytes = gpu.free_bytes
        for _ in range(3):
            feed(runtime)
        assert gpu.free_bytes == free_bytes
        runtime.close()


CHAIN = [
    ["mask", "CONSTANT", None, "mask", float("inf")],
    ["keys", "CONVOLUTION", "image", "k", 200.0],
    ["values", "CONVOLUTION", "k", "v", 1000.0],
    ["product", "ELEMENTWISE", "v", "p", 1000.0],
    ["divided", "ELEMENTWISE", "p", "y", 1e-8],
]
"""The values of the third overflow in half precision, and everything behind them."""


@pytest.mark.parametrize("room", ["for all", "for one at a time"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_first_layer_that_overflows_is_named(install, gpu, onnx, version, room):
    if room != "for all":
        gpu.total_bytes = 1
    trt = install(version)
    onnx.write_text(json.dumps({"opset": 13, "layers": CHAIN, "shape": SHAPE, "typed": "fp16"}))
    runtime = loaded(onnx, precision="fp16")
    feed(runtime)
    runtime.request()
    built = len(trt.log)
    found = runtime.first_non_finite()
    assert (found.layer, found.operator) == ("values", "CONVOLUTION")
    assert found.nan_count == 0
    assert 0 < found.infinite_count <= found.value_count == np.prod(SHAPE)
    assert len(trt.log) - built == (1 if room == "for all" else 2)


@pytest.mark.parametrize("version", ["8.0.1", *VERSIONS[:3]])
def test_layers_that_the_file_marks_stay_float32_where_the_builder_is_asked_for_half(install, onnx, version):
    trt = install(version)
    marked = [*CHAIN[:2], *([f"{name}_{MARK}", *rest] for name, *rest in CHAIN[2:])]
    onnx.write_text(json.dumps({"opset": 13, "layers": marked, "shape": SHAPE}))
    runtime = loaded(onnx, precision="fp16")
    values = feed(runtime)
    runtime.request()
    np.testing.assert_allclose(runtime.outputs()["y"], 2 * values, rtol=2e-3)
    network, config = trt.log[-1]
    obey = "STRICT_TYPES" if version == "8.0.1" else "OBEY_PRECISION_CONSTRAINTS"
    assert {"FP16", obey} <= {flag.name for flag in config.set}
    assert [layer.precision for layer in network.layers] == [None, None, *[trt.DataType.FLOAT] * 3]
    assert runtime.first_non_finite() is None
    loaded(onnx)
    assert {layer.precision for layer in trt.log[-1][0].layers} == {None}, "nobody is asked for anything but float32"


def test_the_layer_is_named_where_the_file_leaves_sizes_open(install, onnx):
    install("10.3.0")
    onnx.write_text(json.dumps({"opset": 13, "layers": CHAIN, "shape": [1, 3, -1, -1]}))
    runtime = loaded(onnx, precision="fp16")
    feed(runtime)
    assert runtime.first_non_finite().layer == "values"


def test_an_engine_in_which_all_is_finite_names_no_layer(install, onnx):
    install("10.3.0")
    onnx.write_text(json.dumps({"opset": 13, "layers": CHAIN, "shape": SHAPE}))
    runtime = loaded(onnx)
    feed(runtime)
    assert runtime.first_non_finite() is None


def test_lanes_have_buffers_of_their_own(install, gpu, onnx):
    install("10.3.0")
    runtime = loaded(onnx)
    values = feed(runtime)
    lanes = runtime.lanes(3)
    assert len({lane.copies_in[0][0].address for lane in lanes}) == 3
    for lane in lanes:
        lane.submit()
    for lane in lanes:
        lane.wait()
        np.testing.assert_array_equal(lane.copies_out[0][0].array, values * 2)


def test_rtx_is_the_same_seam(install, onnx):
    trt = install("1.7.1.116", rtx=True)
    onnx.write_text(json.dumps({"opset": 13, "scale": 2.0, "shape": SHAPE, "typed": "fp16"}))
    runtime = loaded(onnx, "tensorrt-rtx", precision="fp16")
    values = feed(runtime)
    runtime.request()
    np.testing.assert_array_equal(runtime.outputs()["y"], values * 2)
    assert trt.log[-1][1].cache is None
    assert runtime.facts()["layer_precisions"] == {"float16": 2}


def test_bf16_is_refused_where_no_file_carries_it(install, onnx):
    install("11.0.0")
    with pytest.raises(WorkerError, match="bf16"):
        loaded(onnx, precision="bf16")
    install("8.6.1")
    with pytest.raises(WorkerError, match="no bf16"):
        loaded(onnx, precision="bf16")


def test_without_tensorrt_it_says_how_to_get_it(install, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(WorkerError) as caught:
        create_runtime("tensorrt", {}, now_ns)
    assert caught.value.kind == "runtime-missing"
    assert "JetPack" in caught.value.remedy


def test_precisions_of_layers_that_do_not_compute_do_not_count():
    def layer(kind, *types):
        return {"Name": "x", "LayerType": kind, "Inputs": [{"Format/Datatype": one} for one in types]}

    layers = [
        layer("CaskConvolution", "Channel major FP16 format where channel % 8 == 0"),
        layer("Reformat", "Row major linear FP32"),
        layer("kgen", "Half", "Float"),
        layer("gemm", "Row major linear FP32"),
        layer("CaskConvolution", "Thirty-two wide channel vectorized row major Int8 format"),
        layer("conv", "N/A due to dynamic shapes"),
    ]
    assert layer_precisions(layers) == {"float16": 2, "float32": 1, "int8": 1}
    assert layer_precisions(["conv", "reformat"]) is None
    assert layer_precisions([]) is None
    assert layer_precisions(None) is None
