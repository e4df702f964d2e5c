"""Which extra brings what, read from the installed metadata; pyproject.toml, README and code name the same extras."""

from __future__ import annotations

from importlib.metadata import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment

from latency_bench.harness.installation.extras import PURPOSES, extra_that_has, least_extras, without_release

ROOT = Path(__file__).parents[3]


def test_every_extra_of_the_distribution_has_its_purpose() -> None:
    assert set(PURPOSES) == set(metadata("latency-bench").get_all("Provides-Extra") or ())


def test_the_readme_lists_them() -> None:
    rows = [f"| `[{extra}]` | {purpose} |" for extra, purpose in PURPOSES.items()]
    assert "\n".join(["| extra | for |", "|---|---|", *rows]) in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch", "export"),
        ("ai_edge_litert.interpreter", "litert"),
        ("onnxruntime", "onnxruntime"),
        ("openvino", "openvino"),
        ("nncf", "openvino"),
        ("ncnn", "ncnn"),
        ("pnnx", "ncnn"),
        ("MNN", "mnn"),
        ("executorch.exir", "executorch"),
        ("torchao", "executorch"),
        ("timm.layers", "zoo"),
        ("torchvision", "zoo"),
        ("matplotlib", "reports"),
        ("markupsafe", "reports"),
        ("dask", "campaign"),
        ("fsspec", "remote"),
        ("adb_shell", "android"),
        ("pynvml", "tensorrt"),
        ("cuda", "tensorrt"),
        ("pycuda", "pycuda"),
        ("numpy", None),
        ("harness.nothing", None),
        ("pytest", None),
        (None, None),
    ],
)
def test_the_extra_that_brings_a_module(module: str | None, extra: str | None) -> None:
    assert extra_that_has(module) == extra


def test_extras_that_another_one_includes_are_not_named() -> None:
    assert least_extras(["torch", "onnx"]) == ("export",)
    assert least_extras(["torch", "onnx", "ai_edge_litert", "pandas"]) == ("litert", "reports")
    assert least_extras(["adbutils", "ai_edge_litert", "torch"]) == ("android",)
    assert least_extras(["numpy"]) == ()


def test_nothing_of_tensorrts_extra_has_to_be_compiled() -> None:
    assert least_extras(["tensorrt", "cuda", "pynvml", "torch"]) == ("tensorrt",)
    assert least_extras(["tensorrt", "pycuda"]) == ("pycuda",)


def test_on_python_3_14_it_is_litert_that_has_no_release(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**default_environment(), "python_version": "3.14"}
    monkeypatch.setattr("packaging.markers.default_environment", lambda: environment)
    assert without_release(["torch", "litert_torch", "ai_edge_litert", "timm"]) == ("litert_torch", "ai_edge_litert")


def test_nothing_is_without_a_release_on_a_python_that_is_supported() -> None:
    assert without_release(["torch", "litert_torch", "timm"]) == ()
