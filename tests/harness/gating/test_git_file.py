"""A model file as it was at a revision, from a real repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from latency_bench.harness.case_options import CaseOptions
from latency_bench.harness.errors import UsageError
from latency_bench.harness.gating.gate_sides import GateSide, side_at_revision, with_own_commit
from latency_bench.harness.gating.git_file import file_at


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """`models/m.tflite` is `old` at the tag v1, and `new` beside what lies there now."""
    root = tmp_path / "repository"
    (root / "models").mkdir(parents=True)
    git(tmp_path, "init", "-q", str(root))
    (root / "models" / "m.tflite").write_bytes(b"old")
    (root / "large.tflite").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    git(root, "tag", "v1")
    (root / "models" / "m.tflite").write_bytes(b"new")
    git(root, "commit", "-q", "-a", "-m", "second")
    return root


@pytest.mark.parametrize(
    ("text", "content"),
    [("git:v1", b"old"), ("git:HEAD", b"new"), ("git:HEAD~1:models/m.tflite", b"old"), ("git:v1^{commit}", b"old")],
)
def test_the_file_is_what_the_revision_has(repository: Path, tmp_path: Path, text: str, content: bytes) -> None:
    place, commit = file_at(text, repository / "models" / "m.tflite", tmp_path)
    assert place.read_bytes() == content
    assert place.name == "m.tflite", "the side has the candidate's name"
    assert len(commit) == 40
    assert (repository / "models" / "m.tflite").read_bytes() == b"new", "nothing is checked out"


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("git:", "models/m.tflite", "write git:REVISION"),
        ("git:--output=x", "models/m.tflite", "write git:REVISION"),
        ("git:nowhere", "models/m.tflite", "no revision 'nowhere'"),
        ("git:v1", "models/other.tflite", "there is no file models/other.tflite"),
        ("git:v1:../m.tflite", "models/m.tflite", "there is no file"),
        ("git:v1:models", "models/m.tflite", "there is no file models"),
        ("git:v1", "large.tflite", "Git LFS"),
    ],
)
def test_what_is_not_there_is_named(repository: Path, tmp_path: Path, text: str, path: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        file_at(text, repository / path, tmp_path)


def test_a_file_outside_of_a_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not lie in a git repository"):
        file_at("git:main", tmp_path / "m.tflite", tmp_path)


def test_weights_beside_an_onnx_file_come_along(repository: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    import numpy as np

    values = onnx.numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4]) for name in "xy"]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [values]))
    place = repository / "models" / "m.onnx"
    onnx.save(model, str(place), save_as_external_data=True, location="m.data", size_threshold=0)
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "weights")
    (repository / "models" / "m.data").unlink()
    found, _ = file_at("git:HEAD", place, tmp_path)
    assert (found.parent / "m.data").stat().st_size >= 64


def test_the_baseline_has_the_candidates_options_and_says_its_commit(repository: Path, tmp_path: Path) -> None:
    options = CaseOptions(file=(repository / "models" / "m.tflite", "tflite"), runtime="litert", threads=2)
    side = side_at_revision("git:v1", GateSide("m", options), tmp_path)
    assert side.options.threads == 2
    assert side.options.file == (tmp_path / "m.tflite", "tflite")
    assert f"m.tflite of git:v1 (commit {side.options.labels['commit'][:12]})" == side.name
    with pytest.raises(UsageError, match="only a file"):
        side_at_revision("git:v1", GateSide("b1", CaseOptions(model="b1-seg")), tmp_path)


def test_the_candidate_beside_it_has_the_commit_that_is_checked_out(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = CaseOptions(file=(repository / "models" / "m.tflite", "tflite"))
    monkeypatch.chdir(repository)
    commit = with_own_commit(GateSide("m", options)).options.labels["commit"]
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    assert head.startswith(commit)
    named = options.model_copy(update={"labels": {"commit": "mine"}})
    assert with_own_commit(GateSide("m", named)).options.labels["commit"] == "mine"
