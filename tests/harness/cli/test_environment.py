"""The environment of the person who calls: paths that are no text, an ASCII terminal, no home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from latency_bench.devices.inventory import find_device
from latency_bench.harness.cache_folder import cache_folder
from latency_bench.harness.errors import UsageError
from tests.conftest import Bench

FAST = """\
name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 3, max_count: 20, min_s: 0.05, max_s: 1, window: 5}
sampling: {min_count: 20, max_count: 30, min_s: 0.1, max_s: 2, relative_interval: 0.2, confidence: 0.95}
"""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_run_into_a_folder_whose_name_is_no_text_is_stored_and_shown(
    tmp_path: Path, bench_environment: dict[str, str], words: list[str]
) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    store = os.fsencode(tmp_path) + b"/caf\xe9"
    model = ["--model", "b0-cls-r224", "--resolution", "64", "--runtime", "onnxruntime", "--protocol", "fast.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "latency_bench", "run", *model, "--quiet", *words, "--store", store],
        check=False,
        capture_output=True,
        cwd=tmp_path,
        env={**bench_environment, **ASCII},
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    (record,) = Path(os.fsdecode(store)).rglob("record.json")
    assert json.loads(record.read_text(encoding="utf-8"))["command"][-1].endswith("/caf\\xe9")


def test_what_was_opened_is_closed(cold_bench: Bench, tmp_path: Path) -> None:
    """Python tells of every file, pipe and process that was forgotten."""
    onnx = pytest.importorskip("onnx")
    (tmp_path / "fast.yaml").write_text(FAST)
    ends = [onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, [1, 3, 8, 8]) for end in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
    opsets = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), str(tmp_path / "mine.onnx"))
    for words in (
        ("run", "--onnx", "mine.onnx", "--protocol", "fast.yaml", "--quiet"),
        ("devices", "doctor", "local"),
        ("results", "verify"),
    ):
        done = cold_bench(*words, env={"PYTHONWARNINGS": "always::ResourceWarning"})
        assert "Traceback" not in done.stderr
        assert "unclosed" not in done.stderr
        assert "is still running" not in done.stderr
    assert done.returncode == 0, "one run is stored, and whole"


def test_a_user_without_a_home_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", no_entry)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "BENCH_CACHE", "BENCH_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert find_device("local").name == "local"
    with pytest.raises(UsageError, match="set BENCH_CACHE"):
        cache_folder()


def limited(kilobytes: int, *words: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A command of a shell that limits the address space of what it starts."""
    shell = ["sh", "-c", f'ulimit -v {kilobytes}; exec "$@"', "sh", sys.executable, "-m", "latency_bench", *words]
    return subprocess.run(shell, check=False, capture_output=True, text=True, env=environment)


def test_too_small_an_address_space_is_told_before_a_library_tries_for_ever(bench_environment: dict[str, str]) -> None:
    done = limited(300_000, "run", "--model", "b0-cls-r224", environment=bench_environment)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "bench: the address space of bench is limited to 0.3 GB; lift it where bench is started: ulimit -v unlimited"
    ]


def test_a_limit_of_the_address_space_is_shown_by_doctor(bench_environment: dict[str, str]) -> None:
    done = limited(8_000_000, "devices", "doctor", "local", environment=bench_environment)
    (line,) = [line for line in done.stdout.splitlines() if "address space" in line]
    assert line.startswith("warning")
    assert "limited to 8.2 GB for each process (ulimit -v)" in line
    assert "ulimit -v unlimited" in line


def test_a_closed_stdout_is_told_before_anything_is_measured(bench_environment, tmp_path):
    done = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -m latency_bench results ls >&-'],
        check=False, capture_output=True, text=True, cwd=tmp_path, env=bench_environment, timeout=300,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "bench: stdout is closed; send it to a file, or to /dev/null\n"


def test_a_pipe_in_the_place_of_devices_yaml_is_not_waited_for(bench, tmp_path):
    os.mkfifo(tmp_path / "devices.yaml")
    done = bench("devices", "ls")
    assert done.returncode == 2
    assert "is not an ordinary file" in done.stderr
