"""Every name of TensorRT that the worker asks for exists in the release in which it asks for it.

The names are those of NVIDIA's own bindings, release by release (scripts/tensorrt_names.py). What the worker asks for
is read from its source (tensorrt_calls.py), and seen when it runs over software that stands in for what the names do;
a name that a release lacks is missing there too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fake_gpu
import fake_tensorrt
from recorded_tensorrt import RELEASES, RTX, TABLE, Recorded, Release, is_there, numbers, recorded_release
from tensorrt_calls import Asked, worker_sources
from tensorrt_kinds import Name

from bench_worker.clock import now_ns
from bench_worker.job import InputTensor
from bench_worker.libraries.tensorrt_float32 import MARK
from bench_worker.runtimes import create_runtime

SHAPE = (1, 3, 4, 4)
IMAGE = InputTensor("image", SHAPE, "float32", "NCHW", "normal", 0.0, 1.0, 0)


def asked_in(release: str, sources: dict[str, str]) -> Asked:
    rtx = release == "rtx"
    version = numbers(RTX["version"] if rtx else release)
    return Asked(lambda kind, name: is_there(release, kind, name), version, rtx, sources)


def missing_in(release: str, asked: Asked) -> set[Name]:
    return {(kind, name) for kind, name in asked.needed if name != "*" and not is_there(release, kind, name)}


@pytest.mark.parametrize("release", [*RELEASES, "rtx"])
def test_every_name_in_the_source_is_in_the_release(release: str) -> None:
    asked = asked_in(release, worker_sources())
    assert len(asked.needed) > 55
    assert missing_in(release, asked) == set()
    for kind, name in asked.tried:
        assert name in TABLE["names"][kind], f"no release has {kind}.{name}"


@pytest.mark.parametrize(
    ("written", "instead", "release", "missing"),
    [
        ('hasattr(context, "execute_async_v3")', "True", "8.2", ("IExecutionContext", "execute_async_v3")),
        ('hasattr(engine, "num_io_tensors")', "False", "11.1", ("ICudaEngine", "num_bindings")),
        ('hasattr(config, "set_memory_pool_limit")', "True", "8.2", ("MemoryPoolType", "WORKSPACE")),
        ("not self.typed and ", "", "11.1", ("ILayer", "precision")),
        ("parser.num_errors", "parser.count_of_errors", "10.3", ("OnnxParser", "count_of_errors")),
        ("builder.build_serialized_network", "builder.build_engine_now", "8.6", ("Builder", "build_engine_now")),
        ("def report_layer_time", "def report_time", "8.4", ("IProfiler", "report_time")),
        ("ILogger.WARNING", "ILogger.WARN", "11.0", ("ILogger", "WARN")),
    ],
)
def test_a_name_that_the_release_lacks_is_found_in_the_source(
    written: str, instead: str, release: str, missing: Name
) -> None:
    sources = worker_sources()
    assert written in sources["tensorrt_api.py"]
    sources["tensorrt_api.py"] = sources["tensorrt_api.py"].replace(written, instead)
    assert missing in missing_in(release, asked_in(release, sources))


@pytest.fixture
def run_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Release]:
    """run_in("10.3"): what the worker asked for while it ran with the names of this release."""

    def run(release: str, runtime_name: str = "tensorrt", version: str = "") -> Release:
        gpu, known = fake_gpu.FakeGpu(), Release(release)
        software = fake_tensorrt.fake_tensorrt(version or f"{release}.1", gpu, rtx=release == "rtx")
        for name, module in {**fake_gpu.fake_pycuda(gpu), software.__name__: Recorded(known, "", software)}.items():
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setenv("BENCH_ENGINES", str(tmp_path))
        model = tmp_path / "model.onnx"
        rows = [["a", "CONVOLUTION", "image", "k", 2.0], [f"b_{MARK}", "ELEMENTWISE", "k", "y", 1.0]]
        for shape in ([1, 3, -1, -1], list(SHAPE)):
            model.write_text(json.dumps({"opset": 13, "layers": rows, "shape": shape, "typed": "fp16"}))
            runtime = create_runtime(runtime_name, {"precision": "fp16"}, now_ns)
            runtime.load(str(model), [IMAGE])
            values = np.random.RandomState(1).standard_normal(SHAPE).astype(np.float32)
            runtime.set_inputs([values])
            runtime.request()
            np.testing.assert_allclose(runtime.outputs()["y"], values * 2, rtol=2e-3)
            runtime.facts()
            runtime.profile(2)
            assert runtime.first_non_finite() is None
            runtime.close()
        return known

    return run


def assert_source_says_no_less(known: Release) -> None:
    """What was asked for in vain is what other releases have, no mistake; and the source, read, has all of it."""
    assert all(name in TABLE["names"].get(kind, {}) for kind, name in known.lacked), known.lacked
    asked = asked_in(known.release, worker_sources())
    in_source = asked.needed | asked.tried
    assert {(kind, name) for kind, name in known.used if (kind, "*") not in in_source} <= in_source


@pytest.mark.parametrize("release", RELEASES)
def test_the_worker_calls_what_the_release_has(release: str, run_in: Callable[..., Release]) -> None:
    known = run_in(release)
    called = {name for _, name in known.used}
    assert ("execute_async_v3" in called) == (RELEASES.index(release) >= RELEASES.index("8.5"))
    assert ("execute_async_v2" in called) == (RELEASES.index(release) < RELEASES.index("8.5"))
    assert ("FP16" in called) == (RELEASES.index(release) < RELEASES.index("10.12"))
    assert ("STRONGLY_TYPED" in called) == (RELEASES.index(release) >= RELEASES.index("10.12"))
    assert_source_says_no_less(known)


def test_the_worker_calls_what_tensorrt_for_rtx_has(run_in: Callable[..., Release]) -> None:
    known = run_in("rtx", "tensorrt-rtx", RTX["version"])
    assert {"execute_async_v3", "STRONGLY_TYPED"} <= {name for _, name in known.used}
    assert_source_says_no_less(known)


def test_a_version_has_the_names_of_the_last_recorded_release_before_it() -> None:
    versions = {"8.0.1": "8.0", "8.2.1.8": "8.2", "8.6.1": "8.6", "10.13.3.9": "10.12", "11.0.0": "11.0"}
    assert {version: recorded_release(version) for version in versions} == versions
