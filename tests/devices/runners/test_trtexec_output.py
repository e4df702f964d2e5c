"""trtexec's help, log and exported files, of several versions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latency_bench.devices.errors import InventoryError, WorkerError
from latency_bench.devices.runners.trtexec import TrtexecRunner
from latency_bench.devices.runners.trtexec_flags import Tool, build_flags, measure_flags, parse_help, version_of
from latency_bench.devices.runners.trtexec_inputs import shape_flags
from latency_bench.devices.runners.trtexec_output import parse_log, parse_outputs, parse_times

DATA = Path(__file__).parent / "data" / "trtexec"
WARMUP = {"min_ns": 200_000_000}
SAMPLING = {"min_count": 100, "min_ns": 0}


def _text(name: str) -> str:
    return (DATA / name).read_text()


def _tool(version: str) -> Tool:
    tool = parse_help("trtexec", _text(f"help_{version}.txt"))
    assert tool is not None
    return tool


@pytest.mark.parametrize(
    ("number", "version"),
    [(8201, (8, 2, 1)), (8602, (8, 6, 2)), (100300, (10, 3, 0)), (101600, (10, 16, 0)), (110401, (11, 4, 1))],
)
def test_version_numbers(number, version):
    assert version_of(number) == version


def test_help_of_something_else_is_no_trtexec():
    assert parse_help("x", "usage: x [--onnx]") is None


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("8.2", ["--buildOnly", "--workspace=512", "--fp16", "--noTF32"]),
        ("8.6", ["--skipInference", "--memPoolSize=workspace:512", "--fp16", "--noTF32"]),
        ("10.3", ["--skipInference", "--memPoolSize=workspace:512", "--fp16", "--noTF32"]),
    ],
)
def test_build_flags_are_those_of_the_version(version, wanted):
    flags = build_flags(_tool(version), "m.onnx", "m.engine", "fp16", tf32=False, workspace_mib=512)
    assert flags == ["--onnx=m.onnx", "--saveEngine=m.engine", *wanted]
    assert "--fp16" not in build_flags(_tool(version), "m", "e", "fp32", tf32=False, workspace_mib=512)


@pytest.mark.parametrize(("version", "told"), [("8.2", True), ("8.6", True), ("11", False)])
def test_a_file_with_int8_in_it_is_told_to_a_builder_without_types(version, told):
    flags = build_flags(_tool(version), "m", "e", "int8", tf32=False, workspace_mib=512, float32_layers=["a"])
    assert ("--int8" in flags) == told
    assert not [flag for flag in flags if flag.startswith(("--fp16", "--layerPrecisions"))]


@pytest.mark.parametrize(("version", "can"), [("8.2", False), ("8.6", True), ("10.3", True), ("11", False)])
def test_layers_that_overflow_stay_float32_where_the_version_can_be_told(version, can):
    def asked(precision):
        return build_flags(
            _tool(version), "m", "e", precision, tf32=False, workspace_mib=512, float32_layers=["a", "b"]
        )

    types = "a:fp32,b:fp32"
    told = ["--precisionConstraints=obey", f"--layerPrecisions={types}", f"--layerOutputTypes={types}"]
    assert [flag for flag in asked("fp16") if flag in told] == (told if can else [])
    assert not set(told) & set(asked("fp32"))


def test_half_precision_is_the_files_own_where_there_is_no_flag():
    assert "--fp16" not in build_flags(_tool("11"), "m.onnx", "m.engine", "fp16", tf32=False, workspace_mib=512)
    with pytest.raises(InventoryError, match="one of fp32, fp16, int8, got int4"):
        TrtexecRunner.options("tensorrt", {"precision": "int4"})


def test_transfers_are_counted_and_no_graph_is_used_in_every_version():
    plain = ["--loadEngine=e", "--exportTimes=t", "--warmUp=200", "--iterations=100", "--duration=0"]
    for version in ("8.2", "8.6", "10.3"):
        assert measure_flags(_tool(version), "e", "t", WARMUP, SAMPLING) == plain
    asked = ["--includeDataTransfers", "--noCudaGraph", "--noSpinWait"]
    assert measure_flags(_tool("11"), "e", "t", WARMUP, SAMPLING) == plain + asked


def test_the_warm_up_rows_of_8_2_are_told_apart():
    rows = json.loads(_text("times_8.2.json"))
    warmup, samples = parse_times(_text("times_8.2.json"), parse_log(_text("measure_8.2.log")))
    assert (len(warmup.latency_ns), len(samples.latency_ns)) == (4, 24)
    assert samples.latency_ns.tolist() == [round(row["latencyMs"] * 1e6) for row in rows[4:]]
    assert samples.phases_ns["h2d"][0] == round(rows[4]["h2dMs"] * 1e6)
    enqueued = [round((row["endEnqMs"] - row["startEnqMs"]) * 1e6) for row in rows]
    assert [*warmup.enqueue_ns, *samples.enqueue_ns] == enqueued
    assert warmup.latency_ns.min() > samples.latency_ns.max()


def test_later_versions_have_no_warm_up_rows():
    warmup, samples = parse_times(_text("times_10.3.json"), parse_log(_text("measure_10.3.log")))
    assert (len(warmup.latency_ns), len(samples.latency_ns)) == (0, 24)
    assert set(samples.phases_ns) == {"h2d", "compute", "d2h"}


def test_transfers_that_were_not_measured_are_absent_and_not_0():
    rows = [{**row, "h2dMs": 0, "d2hMs": 0} for row in json.loads(_text("times_10.3.json"))]
    _, samples = parse_times(json.dumps(rows), parse_log(_text("measure_10.3.log")))
    assert set(samples.phases_ns) == {"compute"}


@pytest.mark.parametrize(
    "broken",
    [
        lambda rows: rows[:-1],
        lambda rows: [*rows[:-1], {**rows[-1], "latencyMs": 0}],
        lambda rows: [*rows[:-1], {**rows[-1], "latencyMs": -3.0}],
        lambda rows: [*rows[:-1], {**rows[-1], "latencyMs": "3"}],
        lambda rows: [{name: value for name, value in row.items() if name != "computeMs"} for row in rows],
        lambda rows: {"rows": rows},
        lambda rows: [],
    ],
)
def test_anything_unexpected_is_an_error_and_never_a_number(broken):
    with pytest.raises(WorkerError, match="trtexec"):
        parse_times(json.dumps(broken(json.loads(_text("times_10.3.json")))), parse_log(_text("measure_10.3.log")))


def test_a_log_says_what_happened():
    log = parse_log(_text("build_8.2.log"))
    assert (log.passed, log.device, log.build_s) == (True, "NVIDIA Tegra X1", 441.5)
    assert "INT64" in log.warnings[0]
    failed = parse_log(_text("failed_8.2.log"))
    assert not failed.passed
    assert "node number 12" in failed.failure.reason
    assert not failed.failure.out_of_memory
    assert parse_log(_text("memory_8.2.log")).failure.out_of_memory


def test_outputs_with_values_that_are_not_finite():
    text = '[{ "name" : "a", "dimensions" : "1x2x2", "values" : [ 1.5, nan, -inf, 2e-05 ] }]'
    array = parse_outputs(text)["a"]
    assert array.shape == (1, 2, 2)
    np.testing.assert_array_equal(array.ravel(), np.array([1.5, np.nan, -np.inf, 2e-05], np.float32))
    with pytest.raises(WorkerError):
        parse_outputs('[{"name": "a", "dimensions": "1x3", "values": [1, 2]}]')


def _one_row(**changes: object) -> str:
    row = {"startEnqMs": 1.0, "endEnqMs": 1.5, "h2dMs": 0.25, "computeMs": 2.0, "d2hMs": 0.25, "latencyMs": 2.5}
    return json.dumps([{**row, **changes}])


_ONE_REQUEST = parse_log("Timing trace has 1 queries over 1 s\n&&&& PASSED TensorRT.trtexec [TensorRT v100300] # x\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"computeMs": 9.3e12, "latencyMs": 9.3e12},
        {"h2dMs": True},
        {"latencyMs": 2.4},
        {"latencyMs": 0},
        {"d2hMs": -0.1},
        {"computeMs": float("nan")},
        {"startEnqMs": 1e300},
        {"latencyMs": "2.5"},
        {"latencyMs": 10**400},
    ],
)
def test_times_that_cannot_be_are_refused(changes):
    assert parse_times(_one_row(), _ONE_REQUEST)[1].latency_ns.tolist() == [2_500_000]
    with pytest.raises(WorkerError) as caught:
        parse_times(_one_row(**changes), _ONE_REQUEST)
    assert caught.value.kind == "protocol"


_TIMES = _text("times_8.2.json")
_LOG = _text("measure_8.2.log")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_changed_files_are_read_or_refused(data):
    """Whatever is changed in what trtexec left behind: columns of possible times, or an error of ours."""

    def changed(text: str) -> str:
        position = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(position, min(len(text), position + 20)))
        return text[:position] + data.draw(st.text(max_size=8) | st.sampled_from(_HOSTILE)) + text[end:]

    try:
        stages = parse_times(changed(_TIMES), parse_log(changed(_LOG)))
        parse_outputs(changed('[{"name": "out", "dimensions": "1x2", "values": [0.5, nan]}]'))
    except WorkerError as error:
        kind = error.kind
    else:
        kind = "protocol"
        for columns in stages:
            assert ((columns.latency_ns > 0) & (columns.latency_ns <= 10**14)).all()
    assert kind == "protocol"


_HOSTILE = ["1e400", "true", "-1", "9" * 5000, "[" * 50_000, "null", "9.3e12", "1.2.3"]


def test_open_sizes_are_given_to_trtexec_and_fixed_ones_are_not():
    image = {"name": "image", "shape": [1, 3, 8, 8]}
    boxes = {"name": "boxes", "shape": [5, 4]}
    assert shape_flags([image, boxes], ("boxes",)) == ["--shapes=boxes:5x4"]
    assert shape_flags([image, boxes], ()) == []
    with pytest.raises(WorkerError, match="'a:0'"):
        shape_flags([{**image, "name": "a:0"}], ("a:0",))
