"""Times by layer, as the runtimes' own profilers give them."""

from __future__ import annotations

import json
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_worker.failure import WorkerError
from bench_worker.libraries.litert_profile import parse_summary, profile_operators
from bench_worker.libraries.onnxruntime_profile import read_profile

SUMMARY = """
====== Run Order ======
      [node type]    [start]    [first]   [avg ms]        [%]     [cdf%]   [mem KB] [times called]   [Name]
 Delegate/Convolution (NHWC, F32) IGEMM      0.000      0.448      0.455     60.1%     60.1%      0.000  5  [Delegate]:0
              CONV_2D      0.1      0.9      0.303     39.9%    100.0%      0.000              10   [Builtin]:15

====== Top by Computation Time ======
"""


@pytest.mark.parametrize("xnnpack", [True, False])
def test_operators_of_litert(run_worker, request_for, tflite_artifact, xnnpack):
    request = request_for("litert", tflite_artifact, runtime_options={"threads": 1, "xnnpack": xnnpack}, profile=3)
    request["inputs"][0]["layout"] = "NHWC"
    finished = run_worker(request)
    profile = finished.event("done")["profile"]
    assert profile["requests"] == 3
    layers = profile["layers"]
    assert {layer["calls"] for layer in layers} == {3}
    found = [layer["operator"] for layer in layers]
    assert sum("Convolution" in one or "CONV_2D" in one for one in found) == 2, found
    assert {layer["name"].split()[0] for layer in layers} <= ({"Delegate", "Builtin"} if xnnpack else {"Builtin"})


def test_the_summary_of_litert_is_read_line_by_line():
    first, second = parse_summary(SUMMARY)
    assert second == ("Delegate 0", "Convolution (NHWC, F32) IGEMM", 5, 2_275_000)
    assert first == ("Builtin 15", "CONV_2D", 10, 3_030_000)


@pytest.mark.parametrize("text", ["", SUMMARY.replace("0.455", "x"), SUMMARY.partition(" Delegate")[0]])
def test_a_summary_that_is_none_is_an_error(text):
    with pytest.raises(WorkerError):
        parse_summary(text)


@given(text=st.text())
def test_any_text_is_refused_or_read(text):
    try:
        parse_summary("[node type]\n" + text)
    except WorkerError:
        return


def test_a_package_without_the_library_says_what_to_do():
    with pytest.raises(WorkerError) as caught:
        profile_operators(types.ModuleType("tflite_runtime"), "model.tflite", {}, [], 1, 1)
    assert caught.value.kind == "bad-request"
    assert "ai-edge-litert" in caught.value.remedy


def _event(name, duration_us, category="Node", operator="Conv"):
    return {"cat": category, "name": name, "dur": duration_us, "args": {"op_name": operator}}


def test_only_the_kernels_of_the_requests_asked_for_count():
    events = [_event("model_run", 99, "Session")]
    for duration_us in (900, 10, 20):
        events += [
            _event("a_kernel_time", duration_us),
            _event("a_fence_before", 77),
            _event("b_kernel_time", 1, operator="Add"),
        ]
    first, second = read_profile(json.dumps(events), 2)
    assert first == ("a", "Conv", 2, 30_000)
    assert second == ("b", "Add", 2, 2_000)


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[{"cat": "Node", "name": "a_kernel_time"}]'])
def test_a_profile_of_another_form_is_an_error(text):
    with pytest.raises(WorkerError, match="does not parse"):
        read_profile(text, 1)
