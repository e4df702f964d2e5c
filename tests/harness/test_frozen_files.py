"""Files of the user are measured, and recorded, as they were when they were first read."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from latency_bench.devices.device import Device
from latency_bench.harness.benchmark import run_benchmarks
from latency_bench.harness.caches import everything_cached, remove, superfluous
from latency_bench.harness.case import Case
from latency_bench.harness.case_options import CaseOptions, case_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.errors import CacheError
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.frozen_files import files_folder, freeze
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.recording import failed_record
from latency_bench.harness.run_data import Measured
from latency_bench.harness.store.layout import new_run_id
from latency_bench.harness.store.reader import open_run
from latency_bench.model_specs.catalog import load_spec

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A graph that adds a constant, which lies in a file of its own."""
    onnx = pytest.importorskip("onnx")
    import numpy as np

    floats, helper = onnx.TensorProto.FLOAT, onnx.helper
    tensors = [helper.make_tensor_value_info(name, floats, [1, 3, 8, 8]) for name in ("image", "out")]
    constant = onnx.numpy_helper.from_array(np.ones((1, 3, 8, 8), np.float32), "constant")
    node = helper.make_node("Add", ["image", "constant"], ["out"])
    graph = helper.make_graph([node], "add", tensors[:1], tensors[1:], [constant])
    path = tmp_path / "model.onnx"
    beside = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path, **beside)
    return path


class Vandal:
    """Writes other content into files whenever a benchmark goes on to its next stage."""

    def __init__(self, *files: Path) -> None:
        self._files = files
        self.stages = 0

    def stage(self, text: str) -> None:
        self.stages += 1
        for file in self._files:
            file.write_bytes(b"something else")

    def progress(self, case: Case, round_index: int, progress: object) -> None:
        pass


def test_a_file_that_is_rewritten_while_it_is_measured_is_measured_as_it_was(model, tmp_path):
    pytest.importorskip("onnxruntime")
    hashes = [hashlib.sha256(model.with_name(name).read_bytes()).hexdigest() for name in ("model.onnx", "weights.bin")]
    request = CaseOptions(file=(model, "onnx"), runtime="onnxruntime", protocol="paper", rounds=2)
    vandal = Vandal(model, model.with_name("weights.bin"))
    case = case_of(request, single=True)
    vandal.stage("while it waits for the device")
    run_benchmarks([case], tmp_path / "results", ("run",), vandal)
    record = open_run(tmp_path / "results", "latest").record
    assert record.status in ("done", "unstable"), record.failure
    combined = hashlib.sha256(f"{hashes[0]}\n{hashes[1]}  weights.bin".encode()).hexdigest()
    assert record.artifact.sha256 == record.model.weights.sha256 == combined
    assert vandal.stages > 2
    assert case.artifact.external_data[0].parent == case.artifact.path.parent
    assert hashlib.sha256(case.artifact.external_data[0].read_bytes()).hexdigest() == hashes[1]


def test_weights_that_are_deleted_meanwhile_are_named_all_the_same(tmp_path):
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"a checkpoint")
    case = Case(
        load_spec("b1-seg"), Device(name="local"), load_protocol("quick"), "litert", 1, 1, weights=freeze(weights)
    )
    weights.unlink()
    measured = Measured(case, new_run_id(), ("run",), datetime.now(timezone.utc))
    record = failed_record(measured, UsageError("an example"))
    assert record.model.weights.sha256 == hashlib.sha256(b"a checkpoint").hexdigest()
    assert case.export_options().weights.read_bytes() == b"a checkpoint"


def test_the_same_content_is_kept_once_and_damage_is_mended(tmp_path):
    file = tmp_path / "model.tflite"
    file.write_bytes(b"content")
    first, second = freeze(file), freeze(file)
    assert first == second
    first.path.chmod(0o644)
    first.path.write_bytes(b"damaged")
    assert freeze(file).path.read_bytes() == b"content"
    assert len(list(files_folder().iterdir())) == 1


def test_what_is_kept_already_is_not_copied_again(model, own_cache):
    """Unless anything of it has changed, also what lies beside it."""
    beside = find_format("onnx").external_data
    first = freeze(model, beside)
    (own_cache / "partial").rmdir()
    assert freeze(model, beside) == first
    assert not (own_cache / "partial").exists()
    weights = model.with_name("weights.bin")
    weights.write_bytes(bytes(weights.stat().st_size))
    second = freeze(model, beside)
    assert second.sha256 == first.sha256
    assert second.content_sha256 != first.content_sha256
    assert second.beside[0].read_bytes() == weights.read_bytes()
    assert freeze(model, beside) == second
    assert len(list(files_folder().iterdir())) == 2


def test_what_cannot_be_frozen_is_said_and_leaves_nothing(tmp_path, own_cache, monkeypatch):
    pipe = tmp_path / "pipe"
    pipe.touch()
    freeze(pipe)
    pipe.unlink()
    os.mkfifo(pipe)
    wrong = {pipe: "not an ordinary file", tmp_path: "not an ordinary file", tmp_path / "none": "cannot be read"}
    for path, words in wrong.items():
        with pytest.raises(UsageError, match=words):
            freeze(path)
    assert not list((own_cache / "partial").iterdir())
    (tmp_path / "occupied").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "occupied"))
    with pytest.raises(CacheError, match="BENCH_CACHE"):
        freeze(tmp_path / "occupied")


def test_a_cache_without_space_is_said(tmp_path, monkeypatch, small_file_system):
    file = tmp_path / "model.onnx"
    file.write_bytes(os.urandom(1 << 20))
    monkeypatch.setenv("BENCH_CACHE", str(small_file_system))
    with pytest.raises(CacheError, match="no space left"):
        freeze(file)
    assert not list((small_file_system / "partial").iterdir())


HOLDER = """
import sys
from pathlib import Path
from latency_bench.harness.frozen_files import freeze
print(freeze(Path(sys.argv[1])).path, flush=True)
sys.stdin.read()
"""


def test_what_another_process_measures_with_is_not_removed(tmp_path, own_cache):
    file = tmp_path / "model.tflite"
    file.write_bytes(b"content")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        kept = Path(process.stdout.readline().strip())
        (cached,) = superfluous(everything_cached(), 0.0, None, time.time() + 1e6)
        assert cached.kind == "brought file"
        assert not remove(cached)
        assert kept.read_bytes() == b"content"
        process.stdin.close()
        process.wait()
    assert remove(cached)
    assert not kept.exists()
