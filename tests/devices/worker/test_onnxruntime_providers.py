"""ONNX Runtime's providers: one that a build has not is refused, and what fell back to the processor is counted."""

from __future__ import annotations

import onnxruntime
import pytest

from bench_worker.failure import WorkerError
from bench_worker.libraries.onnx_file import read_nodes
from bench_worker.libraries.onnxruntime_providers import (
    PROVIDERS,
    RECORD_ASSIGNMENT,
    assignment,
    check_started,
    provider_list,
)
from bench_worker.runtimes import create_runtime
from latency_bench.harness.store.delegation import Delegation


@pytest.fixture
def session(onnx_artifact):
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(RECORD_ASSIGNMENT, "1")
    return onnxruntime.InferenceSession(str(onnx_artifact), options, providers=["CPUExecutionProvider"])


def test_a_provider_that_is_not_in_the_build_is_refused_with_what_is():
    absent = [name for name, provider in PROVIDERS.items() if provider not in onnxruntime.get_available_providers()]
    assert "xnnpack" in absent
    for name in absent:
        with pytest.raises(WorkerError) as caught:
            create_runtime("onnxruntime", {"threads": 1, "provider": name}, lambda: 0)
        assert caught.value.kind == "runtime-missing"
        assert PROVIDERS[name] in caught.value.message
        assert "it has" in caught.value.message
        assert "CPUExecutionProvider" in caught.value.message
        assert "\n" not in caught.value.message


def test_the_processor_is_asked_for_alone(onnx_artifact):
    assert provider_list(onnxruntime, "cpu", 1) == ["CPUExecutionProvider"]


def test_a_provider_that_did_not_start_is_no_measurement_of_it(session):
    check_started(session, "cpu")
    with pytest.raises(
        WorkerError, match="could not start OpenVINOExecutionProvider, and would have computed with CPU"
    ):
        check_started(session, "openvino")


def test_nodes_are_counted_by_who_took_them(session, onnx_artifact):
    nodes = len(read_nodes(onnx_artifact.read_bytes()))
    taken = assignment(session, "cpu")
    assert (taken["nodes"], taken["delegated"], taken["full"], taken["outside"]) == (nodes, nodes, True, {})

    fallen_back = assignment(session, "openvino")
    assert (fallen_back["delegated"], fallen_back["full"], fallen_back["partitions"]) == (0, False, 0)
    assert sum(fallen_back["outside"].values()) == nodes
    assert fallen_back["outside"]["ReduceSum"] == 1
    known = Delegation.of_facts(fallen_back, None)
    assert known.delegate_took_all is False
    assert known.text() == f"OpenVINOExecutionProvider: 0 of {nodes} nodes in 0 partitions"
