"""ONNX Runtime by a native program: what it is told, what its lines become, and what is refused of them."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench_worker.inputs import generate
from bench_worker.job import InputTensor
from latency_bench.devices.errors import DeviceError, InventoryError, WorkerError
from latency_bench.devices.runners import bench_onnxruntime
from latency_bench.devices.runners.base import Deployment, Progress, RoundJob, RoundResult
from latency_bench.devices.runners.bench_onnxruntime import BenchOnnxRuntimeRunner
from latency_bench.devices.runners.bench_onnxruntime_events import Heard
from latency_bench.devices.runners.program_options import ProgramOptions
from latency_bench.devices.transports.local import LocalTransport

IMAGE = {
    "name": "an image", "shape": [1, 3, 4, 5], "dtype": "float32", "layout": "NCHW",
    "low": 0.0, "high": 1.0, "distribution": "normal", "seed": 7,
}  # fmt: skip
COUNT = {**IMAGE, "name": "count", "shape": [2], "dtype": "int64", "distribution": "uniform", "high": 9.0, "seed": 8}
STAGE = {"min_count": 2, "max_count": 10, "min_ns": 0, "max_ns": 10**10}
JOB = RoundJob("onnxruntime", {"threads": 1}, [IMAGE, COUNT], STAGE, {**STAGE, "min_count": 3}, None)

Measure = Callable[..., RoundResult]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twice the image, and the count as it is."""
    import onnx

    helper, types = onnx.helper, {"an image": onnx.TensorProto.FLOAT, "count": onnx.TensorProto.INT64}
    shapes = {"an image": [1, 3, 4, 5], "count": [2]}
    inputs = [helper.make_tensor_value_info(name, kind, shapes[name]) for name, kind in types.items()]
    outputs = [
        helper.make_tensor_value_info("twice", types["an image"], shapes["an image"]),
        helper.make_tensor_value_info("same", types["count"], shapes["count"]),
    ]
    nodes = [
        helper.make_node("Add", ["an image", "an image"], ["twice"]),
        helper.make_node("Identity", ["count"], ["same"]),
    ]
    graph = helper.make_graph(nodes, "twice", inputs, outputs)
    path = tmp_path_factory.mktemp("model") / "twice.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear layer in half precision."""
    import onnx

    helper, kind = onnx.helper, onnx.TensorProto.FLOAT16
    weights = onnx.numpy_helper.from_array(np.ones((5, 3), np.float16), "w")
    inputs, outputs = ([helper.make_tensor_value_info(n, kind, s)] for n, s in (("x", [4, 5]), ("y", [4, 3])))
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "half", inputs, outputs, [weights])
    path = tmp_path_factory.mktemp("model") / "half.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.fixture
def transport() -> Iterator[LocalTransport]:
    opened = LocalTransport()
    yield opened
    opened.close()


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """program("cut"): the stand-in that goes wrong in this way."""

    def make(mode: str) -> Path:
        text = Path(__file__).with_name("stand_in_program.py").read_text()
        path = tmp_path / f"program-{mode}"
        path.write_text(text.replace("PYTHON", sys.executable).replace('MODE = "compute"', f"MODE = {mode!r}"))
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def measure(transport: LocalTransport, program: Callable[[str], Path], model: Path, tmp_path: Path) -> Measure:
    def measured(
        mode: str = "compute", told: list[Progress] | None = None, file: Path = model, **changes: Any
    ) -> RoundResult:
        runner = BenchOnnxRuntimeRunner(ProgramOptions(binary=program(mode)))
        keep = [] if told is None else told
        deployment = Deployment(str(file), "0" * 64)
        return runner.measure(transport, deployment, replace(JOB, **changes), tmp_path / "outputs.npz", keep.append)

    return measured


def drawn(entry: dict[str, Any]) -> np.ndarray:
    return generate(InputTensor(**{**entry, "shape": tuple(entry["shape"])}))


def test_every_request_is_a_sample_with_its_phases_and_outputs_come_back(measure: Measure) -> None:
    told: list[Progress] = []
    other = {**IMAGE, "seed": 9}
    result = measure(told=told, checks={"natural": [other, COUNT]}, cpus=(0,))
    assert (len(result.warmup.latency_ns), len(result.samples.latency_ns)) == (2, 3)
    assert list(result.samples.phases_ns) == ["h2d", "compute", "d2h"]
    assert result.hello == {"pinned": True, "cpus": [0]}
    assert result.done["peak_rss_bytes"] == {"end": 1 << 20}
    assert result.sampled_unix_ns is not None
    assert [one.stage for one in told] == ["starting", "loaded", "warmup", "sampling"]
    assert result.outputs is not None
    for path, image in ((result.outputs, IMAGE), (result.check_outputs["natural"], other)):
        with np.load(path, allow_pickle=False) as outputs:
            np.testing.assert_array_equal(outputs["twice"], 2 * drawn(image))
            np.testing.assert_array_equal(outputs["same"], drawn(COUNT))


def test_in_what_the_layers_compute_is_read_from_the_graph_that_ran(measure: Measure, half: Path) -> None:
    assert "weighted_layers" not in measure().loaded
    assert measure(tell_layers=True).loaded["weighted_layers"] == {"precisions": {}, "conversions": 0}
    image = {**IMAGE, "name": "x", "shape": [4, 5], "dtype": "float16"}
    computed = measure(file=half, inputs=[image], tell_layers=True).loaded["layer_precisions"]
    assert sum(computed.values()) == 1
    if platform.machine() == "x86_64":
        # It has no kernels in half precision for it.
        assert computed == {"float32": 1}
    with pytest.raises(WorkerError, match="wrote a graph that is none"):
        measure("no graph", tell_layers=True)


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [
        ("error", "bad-artifact", "no such operator"),
        ("crash", "crashed", r"was killed by signal 6 \(SIGABRT\): terminate called"),
        ("silent", "crashed", "ended with code 0: nothing was printed"),
        ("full", "out-of-memory", r"memory ran out in bench-onnxruntime: .*bad_alloc"),
        ("lost", "protocol", "3 samples of the sampling"),
        ("cut", "protocol", "bytes of outputs"),
        ("long", "device", "bytes, and 256 are the most that were to come"),
        ("unwritten", "device", "cannot be read"),
        ("folder", "device", "is not a file"),
        ("killed", "out-of-memory", "most likely because memory ran out"),
        ("fault", "crashed", "was killed by signal 11"),
    ],
)
def test_a_program_that_did_not_do_everything_gives_no_number(
    measure: Measure, mode: str, kind: str, words: str
) -> None:
    with pytest.raises(DeviceError, match=words) as failure:
        measure(mode)
    assert failure.value.kind == kind


def test_a_program_that_tells_progress_without_end_is_ended(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is silent has a limit of its own; here only the process as a whole can have one: the caps of its stages, and
    the silence before, between and behind them."""
    assert bench_onnxruntime.longest_s({"warmup": STAGE, "sampling": STAGE}, 30.0) == 10 + 10 + 4 * 30
    monkeypatch.setattr(bench_onnxruntime, "longest_s", lambda stages, idle_s: 3.0)
    with pytest.raises(DeviceError, match="ran for more than 3"):
        measure("chatty")


@pytest.mark.parametrize(
    "line",
    [
        '{"event":"loaded","version":"1"}',
        '{"event":"outputs","tensors":[]}',
        '{"event":"outputs","tensors":[{"name":"y","dtype":"object","shape":[1]}]}',
        '{"event":"outputs","tensors":[{"name":"y","dtype":"float32","shape":[-1]}]}',
        '{"event":"samples","stage":"sampling","first":1,"start_ns":[1],"latency_ns":[1]}',
        '{"event":"samples","stage":"sampling","first":0,"start_ns":[1],"latency_ns":[1,2]}',
        f'{{"event":"samples","stage":"sampling","first":0,"start_ns":{[1] * 11},"latency_ns":{[1] * 11}}}',
        '{"event":"hello"}',
        "[]",
    ],
)
def test_lines_that_are_none_of_the_programs_are_refused(line: str) -> None:
    with pytest.raises(WorkerError) as failure:
        Heard({"warmup": STAGE, "sampling": STAGE}).line(f"@bench {line}")
    assert failure.value.kind == "protocol"


def test_an_end_without_what_comes_before_it_is_none() -> None:
    heard = Heard({"warmup": {**STAGE, "min_count": 0}, "sampling": STAGE})
    with pytest.raises(WorkerError, match="no 'done' that follows") as failure:
        heard.everything()
    assert failure.value.kind == "protocol"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"start_ns": [0, 15, 20]}, "starts before the one before it has ended"),
        ({"compute_ns": [10, 10, 11]}, "phases take longer than the request"),
        ({"latency_ns": [10, 0, 10]}, "took 0 ns"),
        ({"count": 2}, "3 samples of the sampling"),
        ({"min_count": 4}, "ended by floors, after 3 requests"),
        ({"min_ns": 31}, "ended by floors"),
        ({"min_count": 4, "max_ns": 30, "stopped_by": "max_ns"}, None),
        ({"stopped_by": "max_ns"}, "ended by max_ns"),
        ({"min_count": 4, "max_count": 3, "stopped_by": "max_count"}, None),
        ({"stopped_by": "max_count"}, "ended by max_count"),
        ({"elapsed_ns": 29}, "took 29 ns, and requests that took 30"),
        ({"stopped_by": "boredom"}, "stopped_by"),
    ],
)
def test_what_was_measured_agrees_with_itself_and_with_what_was_asked_for(
    changes: dict[str, Any], words: str | None
) -> None:
    bounds = {**STAGE, **{name: changes[name] for name in STAGE if name in changes}}
    heard = Heard({"warmup": {**STAGE, "min_count": 0}, "sampling": bounds})
    columns = {"start_ns": [0, 10, 20], "latency_ns": [10, 10, 10], "compute_ns": [9, 9, 9]}
    columns |= {name: value for name, value in changes.items() if name in columns}
    end = {"count": 3, "elapsed_ns": 30, "stopped_by": "floors"}
    end |= {name: value for name, value in changes.items() if name in end}
    done = {"event": "done", "warmup": {"count": 0, "elapsed_ns": 0, "stopped_by": "floors"}, "sampling": end}
    events = [{"event": "samples", "stage": "sampling", "first": 0, **columns}, {**done, "peak_rss_bytes": 1}]
    told = ["@bench " + json.dumps(event) for event in events]
    with nullcontext() if words is None else pytest.raises(WorkerError, match=words):
        for line in told:
            heard.line(line)
    if words is None:
        with pytest.raises(WorkerError, match="after the last one"):
            heard.line(told[0])


def test_a_warm_up_of_a_fast_model_lasts_as_long_as_its_floor_in_time() -> None:
    heard = Heard({"warmup": {**STAGE, "max_count": 3}, "sampling": STAGE})
    columns = {"start_ns": [0, 10, 20, 30], "latency_ns": [10] * 4}
    for stage, words in (("warmup", None), ("sampling", "more samples of the sampling than the 10")):
        times = columns if words is None else {name: values * 3 for name, values in columns.items()}
        with nullcontext() if words is None else pytest.raises(WorkerError, match=words):
            heard.line("@bench " + json.dumps({"event": "samples", "stage": stage, "first": 0, **times}))


def test_the_doctor_says_whether_the_program_starts(
    transport: LocalTransport, program: Callable[[str], Path], tmp_path: Path
) -> None:
    (good,) = BenchOnnxRuntimeRunner(ProgramOptions(binary=program("compute"))).checks(transport, "onnxruntime", {})
    assert good.status == "ok"
    assert "with ONNX Runtime" in good.found
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'library libonnxruntime.so not found' >&2\nexit 1\n")
    broken.chmod(0o755)
    (bad,) = BenchOnnxRuntimeRunner(ProgramOptions(binary=broken)).checks(transport, "onnxruntime", {})
    assert (bad.status, "libonnxruntime.so not found" in bad.found) == ("failed", True)
    for options in (ProgramOptions(), ProgramOptions(binary=tmp_path / "none")):
        with pytest.raises(InventoryError, match="bench-onnxruntime"):
            list(BenchOnnxRuntimeRunner(options).checks(transport, "onnxruntime", {}))
    foreign = tmp_path / "arm"
    foreign.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xb7\x00" + bytes(40))
    with pytest.raises(DeviceError, match="is built for aarch64"):
        list(BenchOnnxRuntimeRunner(ProgramOptions(binary=foreign)).checks(transport, "onnxruntime", {}))
