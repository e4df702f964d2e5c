"""`bench run` as a user runs it: real exports, real runtimes, real processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

TINY = ("--model", "b0-cls-r224", "--resolution", "64x64")
# Small enough for a second a run, with every stage that a real one has.
FAST = "\n".join(
    [
        "name: fast",
        "rounds: 2",
        "campaign_rounds: 2",
        "warmup: {min_count: 3, max_count: 200, min_s: 0.05, max_s: 1, window: 5}",
        "sampling: {min_count: 80, max_count: 100, min_s: 0.1, max_s: 20, relative_interval: 0.05, confidence: 0.95}",
    ]
)


@pytest.fixture
def fast(tmp_path: Path) -> tuple[str, str]:
    path = tmp_path / "fast.yaml"
    path.write_text(FAST)
    return "--protocol", str(path)


@pytest.mark.parametrize("runtime", ["litert", "onnxruntime", pytest.param("torch", marks=pytest.mark.slow)])
def test_a_run_gives_a_result_and_a_complete_run_directory(bench, fast, runtime):
    done = bench("run", "--device", "local", *TINY, *fast, "--runtime", runtime, "--json")
    assert done.returncode == 0, done.stderr
    result = done.json()
    assert result["status"] in ("done", "unstable")
    assert (result["model"], result["device"], result["runtime"]) == ("b0-cls-r224", "local", runtime)
    latency = result["latency_ms"]
    assert latency["n"] >= 160
    assert 0 < latency["low"] <= latency["median"] <= latency["high"]
    assert result["throughput_img_s"] == pytest.approx(1e3 / latency["median"])
    assert result["fidelity"]["passed"] is True
    phases = result["phases_ms"]
    assert set(phases) == {"h2d", "compute", "d2h"}
    assert 0 < phases["compute"]["median"] <= latency["median"]
    path = Path(result["path"])
    record = json.loads((path / "record.json").read_text())
    assert {file.name for file in path.iterdir()} >= {"record.json", "samples.parquet", "telemetry.parquet"}
    assert len(record["rounds"]) == 2
    assert len({one["pid"] for one in record["rounds"]}) == 2, "each round is a fresh process"
    assert record["device"]["fingerprint"]["linux"]["cpu"]["logical_cpus"] == os.cpu_count()
    kept = record["device"]["conditions"]["linux"]
    assert kept["system"]["kernel"] == os.uname().release
    assert kept["device"]["cpu logical_cpus"] == os.cpu_count()
    covered = record["summary"]["telemetry_covered"]
    assert covered["memory_available"] == pytest.approx(1.0), "readings were taken while it was sampled"
    assert record["software"]["packages"]["torch"]
    assert record["command"][:2] == ["bench", "run"]
    assert bench("results", "verify").returncode == 0


def test_the_printed_result_says_what_was_measured(bench, fast):
    done = bench("run", *TINY, *fast)
    assert done.returncode == 0, done.stderr
    for words in ("EfficientViT-B0", "median", "95 %", "2 rounds", "1 thread", "litert", "64x64"):
        assert words in done.stdout
    shown = bench("results", "ls", "--json").json()
    assert len(shown) == 1


def test_unknown_names_offer_the_nearest(bench):
    wrong_model = bench("run", "--model", "b1-sge")
    assert wrong_model.returncode == 2
    assert "b1-seg" in wrong_model.stderr
    wrong_device = bench("run", "--device", "loacl", "--model", "b1-seg")
    assert wrong_device.returncode == 2
    assert "local" in wrong_device.stderr
    assert "devices.yaml" in wrong_device.stderr
    wrong_runtime = bench("run", *TINY, "--runtime", "tensorflow")
    assert wrong_runtime.returncode == 2
    assert "onnxruntime" in wrong_runtime.stderr
    for done in (wrong_model, wrong_device, wrong_runtime):
        assert "Traceback" not in done.stderr
        assert done.stdout == ""


def test_a_wrong_protocol_names_file_line_and_field(bench, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(FAST.replace("min_count: 80", "min_coutn: 80"))
    done = bench("run", *TINY, "--protocol", str(path))
    assert done.returncode == 2
    assert f"{path}:5: unknown field 'sampling.min_coutn'" in done.stderr


def test_more_threads_than_cores_is_refused(bench, fast):
    done = bench("run", *TINY, *fast, "--threads", "999")
    assert done.returncode == 2
    assert "999" in done.stderr
    assert bench("results", "ls", "--json").json() == []


# On the host: tests/installs/test_missing_extras.py does without the packages themselves.
@pytest.mark.parametrize("where", ["on the device", pytest.param("on the host", marks=pytest.mark.slow)])
def test_a_runtime_that_is_not_installed_gives_the_line_that_installs_it(bench, fast, tmp_path, where):
    # Modules of these names that refuse to import come first on the path: of the worker alone, or of the export too.
    for name in ("ai_edge_litert", "tflite_runtime"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('No module named {name}', name='{name}')\n")
    environment = {"BENCH_DEVICES": str(tmp_path / "devices.yaml")}
    if where == "on the host":
        environment |= {"PYTHONPATH": str(tmp_path), "BENCH_CACHE": str(tmp_path / "empty-cache")}
    _device(tmp_path, ["env", f"PYTHONPATH={tmp_path}", sys.executable])
    done = bench("run", *TINY, *fast, env=environment)
    assert done.returncode == 2
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr
    assert bench("results", "ls", "--json").json() == []


# Two ways to run out of memory: the kernel kills the worker, or an allocation inside it fails, here by a limit on the
# address space, which more memory would not help against.
@pytest.mark.parametrize(
    ("measure", "kind", "remedy"),
    [
        ("kill -9 $$", "out-of-memory", "batch"),
        (f'exec prlimit --as=150000000 {sys.executable} "$@"', "process-limit", "ulimit -v"),
    ],
)
def test_a_model_that_does_not_fit_in_memory_is_a_failed_run_without_a_number(
    bench, fast, tmp_path, measure, kind, remedy
):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *job.json*) {measure} ;; *) exec {sys.executable} "$@" ;; esac\n')
    python.chmod(0o755)
    _device(tmp_path, [str(python)])
    done = bench(
        "run", *TINY, *fast, "--json",
        env={"BENCH_DEVICES": str(tmp_path / "devices.yaml")},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    result = done.json()
    assert result["status"] == "failed"
    assert result["latency_ms"] is None
    assert result["throughput_img_s"] is None
    assert result["failure"]["kind"] == kind
    assert remedy in result["failure"]["remedy"]
    assert bench("results", "verify").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_it_leaves_no_run_no_process_and_no_file(bench, bench_environment, tmp_path, number):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    slow = tmp_path / "slow.yaml"
    endless = FAST.replace("min_s: 0.1, max_s: 20", "min_s: 60, max_s: 60").replace(
        "max_count: 100", "max_count: 9000000"
    )
    slow.write_text(endless)
    bench("export", *TINY, "--format", "tflite")
    process = subprocess.Popen(
        [sys.executable, "-m", "latency_bench", "run", *TINY, "--protocol", str(slow)],
        cwd=tmp_path,
        env={**bench_environment, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    worker = _wait_for_worker(process.pid)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert not list(temporary.iterdir())
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert stdout == ""
    assert not Path(f"/proc/{worker}").exists()
    assert not list(Path(bench_environment["BENCH_STORE"]).rglob("*"))


def test_a_store_without_space_is_said_and_left_clean(bench, fast, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(full)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        (full / "filler").write_bytes(bytes(56 * 1024))
        done = bench("run", *TINY, *fast, "--store", str(full))
        assert done.returncode == 1
        assert "--store" in done.stderr
        assert "may have no room" in done.stderr
        assert "exporting" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert [path.name for path in full.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", str(full)], check=True)


def _device(folder: Path, python: list[str]) -> None:
    """devices.yaml whose `local` starts its worker with these words."""
    (folder / "devices.yaml").write_text(json.dumps({"devices": {"local": {"python": python}}}))


def _record(result: dict[str, Any]) -> Any:
    return json.loads((Path(result["path"]) / "record.json").read_text())


def _wait_for_worker(parent: int) -> int:
    """Process id of the worker, once it samples."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    ppid = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                except OSError:
                    continue
                if ppid == parent and any(word.endswith(b"bench_worker/start.py") for word in words):
                    time.sleep(1.0)  # Let it get past its start, into the loop.
                    return int(folder.name)
        time.sleep(0.05)
    raise AssertionError("no worker was started")


@pytest.mark.parametrize(("format_", "runtime"), [("onnx", "onnxruntime"), ("tflite", "litert")])
def test_a_file_of_the_user_is_measured_as_it_is(bench, brief, tmp_path, format_, runtime):
    bench("export", *TINY, "--format", format_, "--to", str(tmp_path / f"mine.{format_}"))
    done = bench("run", f"--{format_}", str(tmp_path / f"mine.{format_}"), *brief, "--json")
    assert done.returncode == 0, done.stderr
    result = done.json()
    content = hashlib.sha256((tmp_path / f"mine.{format_}").read_bytes()).hexdigest()
    assert (result["model"], result["runtime"]) == (f"file-mine-{content[:8]}", runtime)
    assert result["fidelity"]["passed"] is None, "there is no module to compare with, and nothing is claimed"
    assert result["latency_ms"]["median"] > 0
    wrong = bench("run", f"--{format_}", str(tmp_path / f"mine.{format_}"), *brief, "--runtime", "torch")
    assert wrong.returncode == 2
    assert "torch loads pt2 files" in wrong.stderr


def test_rounds_of_several_models_are_interleaved_and_each_is_stored(bench, fast):
    done = bench("run", *TINY, "--model", "b0-cls-r224", *fast, "--json")
    assert done.returncode == 0, done.stderr
    results = done.json()
    assert len({result["run_id"] for result in results}) == 2
    positions = [sorted(one["order_position"] for one in _record(result)["rounds"]) for result in results]
    assert sorted(positions[0] + positions[1]) == [0, 1, 2, 3]
    assert all(len({position // 2 for position in run}) == 2 for run in positions), "one round of each in every block"


def test_a_request_without_a_model_says_what_to_name(bench):
    done = bench("run", "--protocol", "quick")
    assert done.returncode == 2
    assert "--model" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--weights", "net.pt"), "say which model it is for, as in --weights b0-cls-r224=net.pt"),
        (("--weights", "b3-seg=net.pt"), "b3-seg is not measured here"),
        (("--weights", "b1-cls-r224=net.pt", "--weights", "b1-cls-r224=net.pt"), "has two checkpoints"),
        (("--weights", "b1-cls-r224=gone.pt"), "there is no file 'gone.pt'"),
    ],
)
def test_a_checkpoint_of_one_of_several_models_says_which(bench, tmp_path, words, message):
    (tmp_path / "net.pt").write_bytes(b"weights")
    done = bench("run", "--model", "b0-cls-r224", "--model", "b1-cls-r224", *words)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert not (tmp_path / "store").exists(), "nothing was measured"
