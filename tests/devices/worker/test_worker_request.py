from __future__ import annotations

import copy
import json

import pytest

from bench_worker.failure import WorkerError
from bench_worker.job import parse_job, read_job


@pytest.fixture
def document(request_for):
    return request_for("litert", "model.tflite", cpus=[1, 0, 1], die_with_parent=True)


def _refused(document, path, value):
    changed = copy.deepcopy(document)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    with pytest.raises(WorkerError) as refusal:
        parse_job(changed, "/folder")
    assert refusal.value.kind == "bad-request"
    assert refusal.value.exit_code == 2
    return refusal.value.message


def test_a_request_is_parsed(document):
    request = parse_job(document, "/folder")
    assert request.artifact == "/folder/model.tflite"
    assert request.write_outputs == "/folder/outputs.npz"
    assert request.cpus == (0, 1)
    assert request.inputs[0].shape == (1, 3, 16, 24)
    assert request.sampling.confidence == 0.95
    assert request.die_with_parent


def test_a_channel_last_artifact_has_another_shape(document):
    document["inputs"][0]["layout"] = "NHWC"
    assert parse_job(document, ".").inputs[0].artifact_shape == (1, 16, 24, 3)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["runtime"], ..., "request.runtime: missing"),
        (["runtime"], "", "request.runtime: expected a text"),
        (["artifact"], 7, "request.artifact: expected a text that is not empty, got 7"),
        (["artifact"], "a\0b", "request.artifact"),
        (["inputs"], {}, "request.inputs: expected a list"),
        (["inputs", 0, "shape"], [1, -1, 4, 4], "inputs[0].shape: expected a list of integers of at least 0"),
        (["inputs", 0, "shape"], [1, 3.0, 4, 4], "inputs[0].shape"),
        (["inputs", 0, "dtype"], "complex64", "inputs[0].dtype: expected one of float32"),
        (["inputs", 0, "layout"], "CHWN", "inputs[0].layout"),
        (["inputs", 0, "seed"], -1, "inputs[0].seed"),
        (["inputs", 0, "seed"], True, "inputs[0].seed"),
        (["inputs", 0, "low"], float("nan"), "inputs[0].low: expected a finite number"),
        (["inputs", 0, "colour"], 1, "inputs[0].colour: unknown field"),
        (["cpus"], [], "request.cpus"),
        (["cpus"], [-1], "request.cpus"),
        (["warmup", "window"], ..., "warmup.window: missing"),
        (["warmup", "min_count"], 31, "warmup.min_count: 31 is more than max_count, 30"),
        (["warmup", "min_ns"], 10**12, "warmup.min_ns"),
        (["sampling", "min_count"], 0, "sampling.min_count"),
        (["sampling", "relative_interval"], 0, "sampling.relative_interval"),
        (["sampling", "confidence"], 1, "sampling.confidence"),
        (["die_with_parent"], 1, "request.die_with_parent"),
        (["parent_pid"], 0, "request.parent_pid"),
        (["threads"], 2, "request.threads: unknown field"),
    ],
)
def test_a_wrong_field_is_named(document, path, value, words):
    assert words in _refused(document, path, value)


def test_another_version_of_the_protocol_is_refused(document):
    assert "version 2" in _refused(document, ["version"], 2)


def test_inputs_that_make_no_sense_are_refused(document):
    document["inputs"][0].update(layout="NHWC", shape=[1, 16])
    with pytest.raises(WorkerError, match="4 dimensions"):
        parse_job(document, ".")
    document["inputs"][0].update(layout="NCHW", dtype="int32")
    with pytest.raises(WorkerError, match="normal gives no int32"):
        parse_job(document, ".")
    document["inputs"][0].update(distribution="uniform", low=2, high=2)
    with pytest.raises(WorkerError, match="low < high"):
        parse_job(document, ".")


def test_null_precision_and_outputs_are_allowed(document):
    document["sampling"]["relative_interval"] = None
    document["write_outputs"] = None
    request = parse_job(document, ".")
    assert request.sampling.relative_interval is None
    assert request.write_outputs is None


def test_a_file_that_is_no_request(tmp_path):
    with pytest.raises(WorkerError, match="cannot read"):
        read_job(str(tmp_path / "none.json"))
    file = tmp_path / "request.json"
    file.write_text("{")
    with pytest.raises(WorkerError, match="not JSON"):
        read_job(str(file))
    file.write_text("[1]")
    with pytest.raises(WorkerError, match="expected an object"):
        read_job(str(file))


def test_paths_are_relative_to_the_request(tmp_path, document):
    file = tmp_path / "request.json"
    file.write_text(json.dumps(document))
    assert read_job(str(file)).artifact == str(tmp_path / "model.tflite")
