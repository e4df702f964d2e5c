"""A module runs for its references once, whatever formats and precisions it is exported to; anything else that they
depend on has references of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latency_bench.harness.export import ExportOptions, export_artifact

pytest.importorskip("torch")
pytest.importorskip("onnx")


@pytest.fixture
def export(tiny_spec, tmp_path):
    """export("onnx", batch=2): the artifact, and whether its references were computed for it."""

    def run(format_: str, spec=None, **options):
        lines: list[str] = []
        artifact = export_artifact(
            spec or tiny_spec(), format_, ExportOptions(**options), cache=tmp_path / "cache", progress=lines.append
        )
        return artifact, any("computing the reference output" in line for line in lines)

    return run


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "references").iterdir())


def test_another_format_and_precision_take_them(export, tmp_path):
    first, computed = export("onnx")
    assert computed
    for format_, precision in (("pt2", "fp32"), ("onnx", "fp16"), ("pt2", "bf16")):
        again, computed = export(format_, precision=precision)
        assert not computed
        np.testing.assert_equal(arrays(again.reference), arrays(first.reference))
        assert again.check_references.keys() == first.check_references.keys() == {"natural"}
        np.testing.assert_equal(arrays(again.check_references["natural"]), arrays(first.check_references["natural"]))
        for fact in ("output_changes", "rounding_errors"):
            assert again.facts[fact] == first.facts[fact]
    assert len(kept(tmp_path)) == 1


def test_another_module_or_input_has_its_own(export, tiny_spec, tmp_path):
    export("onnx")
    assert export("onnx", batch=2)[1]
    assert export("onnx", seed=1)[1]
    assert export("onnx", input_seed=1)[1]
    assert export("onnx", spec=tiny_spec(channels=5))[1]
    assert len(kept(tmp_path)) == 5


def test_a_format_that_changes_the_module_has_its_own(export):
    """TFLite has no bicubic resize, and its module another upsampling."""
    first, _ = export("onnx")
    second, computed = export("tflite")
    assert computed
    assert not np.allclose(arrays(first.reference)["result"], arrays(second.reference)["result"])


@pytest.mark.parametrize("damage", ["changed", "missing", "no JSON"])
def test_what_is_damaged_is_computed_again(export, tmp_path, damage):
    first, _ = export("onnx")
    (entry,) = kept(tmp_path)
    if damage == "no JSON":
        (entry / "kept.json").write_text("{")
    elif damage == "missing":
        (entry / "reference.npz").unlink()
    else:
        (entry / "reference.npz").write_bytes(first.reference.read_bytes()[:-1] + b"?")
    second, computed = export("pt2")
    assert computed
    np.testing.assert_equal(arrays(second.reference), arrays(first.reference))
    assert not export("onnx", precision="fp16")[1]
