"""Every call of TensorRT that the worker makes exists in the release that it makes it in.

The names are those of NVIDIA's own bindings, release by release (scripts/tensorrt_names.py); software stands in for
what they do. A name that a release lacks is missing here too.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench_worker.clock import now_ns
from bench_worker.job import InputTensor
from bench_worker.libraries.tensorrt_float32 import MARK
from bench_worker.runtimes import create_runtime

TABLE = json.loads(Path(__file__).with_name("tensorrt_names.json").read_text(encoding="utf-8"))
RELEASES: list[str] = TABLE["releases"]
SHAPE = (1, 3, 4, 4)
IMAGE = InputTensor("image", SHAPE, "float32", "NCHW", "normal", 0.0, 1.0, 0)
KINDS = {
    "Config": "IBuilderConfig",
    "Engine": "ICudaEngine",
    "Context": "IExecutionContext",
    "Network": "INetworkDefinition",
    "Inspector": "EngineInspector",
    "Tensor": "ITensor",
    "Layer": "ILayer",
    "TimingCache": "ITimingCache",
    "Profile": "IOptimizationProfile",
    **{name: name for name in ("Builder", "OnnxParser", "Runtime")},
}
"""The software's classes, by the names of the real ones."""
ENUMERATIONS = set(TABLE["names"]) - {"", *KINDS.values()}
WITHOUT_NAMES = ("ILogger", "IProfiler")
"""What a class of ours inherits from."""


def _sibling(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fake_gpu, fake_trt = _sibling("fake_gpu"), _sibling("fake_tensorrt")


class Release:
    """What one release has, and what was asked of it."""

    def __init__(self, release: str) -> None:
        self.release = release
        self.used: set[tuple[str, str]] = set()
        self.lacked: set[tuple[str, str]] = set()

    def check(self, kind: str, name: str) -> None:
        first, last = TABLE["names"].get(kind, {}).get(name, ("none", "none"))
        if first == "none" or not RELEASES.index(first) <= RELEASES.index(self.release) <= RELEASES.index(last):
            self.lacked.add((kind, name))
            raise AttributeError(f"TensorRT {self.release} has no {kind}.{name}")
        self.used.add((kind, name))

    def wrap(self, value: Any) -> Any:
        if isinstance(value, type) and value.__name__ in ENUMERATIONS:
            return Real(self, value.__name__, value)
        if (kind := KINDS.get(type(value).__name__)) is not None:
            return Real(self, kind, value)
        if isinstance(value, type) or not callable(value) or isinstance(value, Real):
            return value if not (isinstance(value, type) and value.__name__ in KINDS) else self._calls(value)
        return self._calls(value)

    def _calls(self, function: Any) -> Any:
        return lambda *arguments: self.wrap(function(*(unwrapped(one) for one in arguments)))


class Real:
    """An object of the software behind the names of the real one."""

    def __init__(self, release: Release, kind: str, thing: Any) -> None:
        object.__setattr__(self, "_parts", (release, kind, thing))

    def __getattr__(self, name: str) -> Any:
        release, kind, thing = self._parts
        if name in WITHOUT_NAMES or name.startswith("__"):
            return getattr(thing, name)
        release.check(kind, name)
        return release.wrap(getattr(thing, name))

    def __setattr__(self, name: str, value: Any) -> None:
        release, kind, thing = self._parts
        release.check(kind, name)
        setattr(thing, name, unwrapped(value))


def unwrapped(value: Any) -> Any:
    return value._parts[2] if isinstance(value, Real) else value


@pytest.mark.parametrize("release", RELEASES)
def test_the_worker_calls_what_the_release_has(release: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gpu, known = fake_gpu.FakeGpu(), Release(release)
    software = fake_trt.fake_tensorrt(f"{release}.1", gpu)
    for name, module in {**fake_gpu.fake_pycuda(gpu), "tensorrt": Real(known, "", software)}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("BENCH_ENGINES", str(tmp_path))
    model = tmp_path / "model.onnx"
    rows = [["a", "CONVOLUTION", "image", "k", 2.0], [f"b_{MARK}", "ELEMENTWISE", "k", "y", 1.0]]
    for shape in ([1, 3, -1, -1], list(SHAPE)):
        model.write_text(json.dumps({"opset": 13, "layers": rows, "shape": shape, "typed": "fp16"}))
        runtime = create_runtime("tensorrt", {"precision": "fp16"}, now_ns)
        runtime.load(str(model), [IMAGE])
        values = np.random.RandomState(1).standard_normal(SHAPE).astype(np.float32)
        runtime.set_inputs([values])
        runtime.request()
        np.testing.assert_allclose(runtime.outputs()["y"], values * 2, rtol=2e-3)
        runtime.facts()
        runtime.profile(2)
        assert runtime.first_non_finite() is None
        runtime.close()
    asked = {name for _, name in known.used}
    assert ("execute_async_v3" in asked) == (RELEASES.index(release) >= RELEASES.index("8.5"))
    assert ("execute_async_v2" in asked) == (RELEASES.index(release) < RELEASES.index("8.5"))
    assert ("FP16" in asked) == (RELEASES.index(release) < RELEASES.index("10.12"))
    assert ("STRONGLY_TYPED" in asked) == (RELEASES.index(release) >= RELEASES.index("10.12"))
    # What was asked for in vain is what other releases have: no name is a mistake.
    assert all(name in TABLE["names"].get(kind, {}) for kind, name in known.lacked), known.lacked
    assert isinstance(software, types.ModuleType)
