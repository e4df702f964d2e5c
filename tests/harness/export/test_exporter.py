"""export_artifact with real converter processes: once, whole, and with the reason when it fails."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from latency_bench.harness.export import (
    ArtifactCache,
    BrokenCacheEntryWarning,
    CacheError,
    ExportError,
    ExportOptions,
    ExportOutOfMemoryError,
    export_artifact,
)
from latency_bench.model_specs.spec import ModelSpec

MakeSpec = Callable[..., ModelSpec]
EXPORT = """
import sys
from latency_bench.harness.export import export_artifact
from latency_bench.model_specs.spec import ModelSpec
spec = ModelSpec.model_validate_json(open(sys.argv[1]).read())
artifact = export_artifact(spec, sys.argv[3], cache=sys.argv[2])
heavy = {"torch", "onnx", "onnxslim", "litert_torch", "ai_edge_litert", "jax"} & set(sys.modules)
print(artifact.sha256, sorted(heavy))
"""


def start_export(
    spec: ModelSpec, cache: Path, tmp_path: Path, format: str = "onnx", **environment: str
) -> subprocess.Popen[str]:
    """The harness exporting in a process of its own, as a user's command would."""
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    return subprocess.Popen(
        [sys.executable, "-c", EXPORT, str(tmp_path / "spec.json"), str(cache), format],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def converters(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def left_behind(cache: Path) -> list[str]:
    """Everything under the cache that is an export or could be taken for one."""
    found = [path for folder in ("exports", "partial") for path in (cache / folder).glob("*")]
    return [str(path.relative_to(cache)) for path in found]


def test_an_export_is_made_once_and_a_warm_cache_imports_nothing_heavy(
    tiny_spec: MakeSpec, builds: Callable[[], int], tmp_path: Path
) -> None:
    stages: list[str] = []
    artifact = export_artifact(tiny_spec(), "onnx", cache=tmp_path / "cache", progress=stages.append)
    assert builds() == 1
    assert any("reference" in stage for stage in stages)
    assert all(stage.startswith("exporting tiny to onnx: ") for stage in stages)

    again = start_export(tiny_spec(), tmp_path / "cache", tmp_path)
    output, errors = again.communicate(timeout=120)
    assert output == f"{artifact.sha256} []\n"
    assert errors == ""
    assert builds() == 1

    export_artifact(tiny_spec(), "onnx", ExportOptions(seed=1), tmp_path / "cache", stages.append)
    assert builds() == 2


def test_the_artifact_says_what_it_is(tiny_spec: MakeSpec, tmp_path: Path) -> None:
    artifact = export_artifact(tiny_spec(), "onnx", ExportOptions(batch=3), tmp_path / "cache")
    assert artifact.inputs[0].shape == (3, 3, 8, 8)
    assert artifact.outputs[0].shape == (3, 4, 16, 16)
    with np.load(artifact.reference, allow_pickle=False) as reference:
        assert {name: reference[name].shape for name in reference.files} == {"result": (3, 4, 16, 16)}
        assert reference["result"].dtype == np.float32
    facts = artifact.facts
    assert facts["upsampling"] == "bicubic"
    assert facts["opset"] == 13
    assert facts["precision"] == "fp32"
    assert facts["versions"]["torch"].startswith("2.")
    assert 50e6 < facts["peak_memory_bytes"] < 5e9
    assert facts["conversion_s"] > 0


def test_a_damaged_entry_is_made_again(tiny_spec: MakeSpec, builds: Callable[[], int], tmp_path: Path) -> None:
    first = export_artifact(tiny_spec(), "onnx", cache=tmp_path / "cache")
    content = first.path.read_bytes()
    first.path.write_bytes(content[: len(content) // 2])
    with pytest.warns(BrokenCacheEntryWarning, match="damaged"):
        second = export_artifact(tiny_spec(), "onnx", cache=tmp_path / "cache")
    assert builds() == 2
    assert second.path.stat().st_size == second.size_bytes > len(content) // 2


def test_two_processes_at_once_make_one_export(tiny_spec: MakeSpec, builds: Callable[[], int], tmp_path: Path) -> None:
    running = [start_export(tiny_spec(), tmp_path / "cache", tmp_path, TINY_SLEEP_S="2") for _ in range(2)]
    results = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0, 0], results
    assert results[0][0].split()[0] == results[1][0].split()[0]
    assert builds() == 1
    assert sum("another process is exporting" in errors for _, errors in results) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("how", ["ctrl-c", "kill -9 of the harness", "kill -9 of the converter"])
def test_an_interrupted_export_leaves_nothing_that_could_be_taken_for_one(
    tiny_spec: MakeSpec, builds: Callable[[], int], tmp_path: Path, how: str
) -> None:
    cache = tmp_path / "cache"
    process = start_export(tiny_spec(), cache, tmp_path, TINY_SLEEP_S="300")
    wait_for(lambda: builds() == 1, "the converter to get going")
    (converter,) = converters(process)
    if how == "kill -9 of the converter":
        converter.kill()
    else:
        process.send_signal(signal.SIGINT if how == "ctrl-c" else signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    wait_for(lambda: not converter.is_running() or converter.status() == psutil.STATUS_ZOMBIE, "the converter to end")
    if how == "kill -9 of the harness":
        assert all(name.startswith("partial/") for name in left_behind(cache))
    else:
        assert left_behind(cache) == []
    if how == "kill -9 of the converter":
        assert "ExportOutOfMemoryError" in errors
        assert "while building the module" in errors
    if how == "kill -9 of the harness":
        # Which is what leaves most behind; the next export works, and clears it away.
        artifact = export_artifact(tiny_spec(), "onnx", cache=cache)
        assert left_behind(cache) == [f"exports/{artifact.path.parent.name}"]
        assert builds() == 2


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A real file system that is nearly full from the start; skips where one cannot be mounted."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no permission to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.parametrize("format", ["onnx", "pt2"])
def test_no_space_left(tiny_spec: MakeSpec, tmp_path: Path, format: str) -> None:
    with small_disk(tmp_path / "disk", "300k") as disk:  # the weights alone are 540 kB
        with pytest.raises(CacheError, match=r"no space left.*BENCH_CACHE"):
            export_artifact(tiny_spec(channels=5000), format, cache=disk)  # type: ignore[arg-type]
        assert left_behind(disk) == []


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits of Unix")
def test_no_space_left_by_a_limit_of_the_user(tiny_spec: MakeSpec, tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(CacheError, match="no space left"):
            export_artifact(tiny_spec(channels=5000), "onnx", cache=tmp_path / "cache")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_behind(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("builder", "error", "message"),
    [
        ("killed", ExportOutOfMemoryError, "killed while building the module.*memory"),
        ("no_memory", ExportOutOfMemoryError, "ran out of memory"),
        ("wrong_outputs", ExportError, "returns 2 outputs, the spec names 1"),
        ("not_finite", ExportError, "'result' is not finite"),
        ("no_package", ExportError, "needs a_package_nobody_has, which is not installed"),
    ],
)
def test_a_failure_says_why(
    tiny_spec: MakeSpec, tmp_path: Path, builder: str, error: type[Exception], message: str
) -> None:
    cache = ArtifactCache(tmp_path / "cache")
    with pytest.raises(error, match=message) as raised:
        export_artifact(tiny_spec(builder), "onnx", cache=cache)
    assert left_behind(cache.directory) == []
    (log,) = cache.broken.glob("*.log")
    assert str(log) in str(raised.value)
    if builder == "wrong_outputs":
        assert "a converter that talks" in log.read_text()


def test_a_checkpoint_that_does_not_fit_is_named_as_the_user_named_it(tiny_spec: MakeSpec, tmp_path: Path) -> None:
    """And not as a copy in the cache."""
    weights = tmp_path / "a folder of the cache" / "net.pt"
    weights.parent.mkdir()
    torch.save({"other": torch.zeros(1)}, weights)
    with pytest.raises(ExportError, match=r"onnx: net\.pt does not fit the model; keys missing"):
        export_artifact(tiny_spec(), "onnx", ExportOptions(weights=weights), tmp_path / "cache")


def test_what_cannot_work_is_refused_before_anything_runs(tiny_spec: MakeSpec, tmp_path: Path) -> None:
    spec = tiny_spec()
    refused = [
        (spec, "coreml", ExportOptions(), "called .coreml.; the formats are engine, mnn, ncnn, onnx, pt2, pte, tflite"),
        (spec, "tflite", ExportOptions(precision="fp16"), "fp32"),
        (spec.model_copy(update={"tflite": False, "note": "needs a sort"}), "tflite", ExportOptions(), "needs a sort"),
        (spec.model_copy(update={"onnx_opset": 17}), "onnx", ExportOptions(opset=13), "needs ONNX opset 17"),
    ]
    for refused_spec, format, options, message in refused:
        with pytest.raises(ExportError, match=message):
            export_artifact(refused_spec, format, options, tmp_path / "cache")  # type: ignore[arg-type]
    assert not (tmp_path / "cache").exists()


def test_an_export_from_edited_sources_is_not_kept_under_the_old_name(tiny_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="changed while they were loaded; run it again"):
        export_artifact(tiny_spec("edits_itself"), "onnx", cache=tmp_path / "cache")
    assert left_behind(tmp_path / "cache") == []


def test_the_callers_own_python_settings_do_not_reach_the_converter(
    tiny_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cold_conversions: None
) -> None:
    for name, value in (("PYTHONWARNINGS", "error"), ("PYTHONSAFEPATH", "1"), ("PYTHONINSPECT", "1")):
        monkeypatch.setenv(name, value)
    artifact = export_artifact(tiny_spec(), "onnx", cache=tmp_path / "cache")
    assert artifact.path.is_file()
