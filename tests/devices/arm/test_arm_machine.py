"""A real ARM64 Linux under emulation, over its own SSH server: runs go through, and nothing stays behind.

Its times mean nothing, and none is looked at.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

from arm_machine import PYTHON, CannotRunError, build, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PROTOCOL = """name: fast
rounds: 1
campaign_rounds: 1
warmup: {min_count: 1, max_count: 2, min_s: 0, max_s: 60, window: 0}
sampling: {min_count: 5, max_count: 10, min_s: 0, max_s: 120, relative_interval: null, confidence: 0.95}
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[tuple[Path, int]]:
    """The folder with its keys, and its port."""
    base = os.environ.get("BENCH_TEST_CACHE") or Path(tempfile.gettempdir()) / f"bench-test-cache-{os.getuid()}"
    folder = Path(base) / "arm-machine"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            build(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with running(folder, port):
            yield folder, port
    except CannotRunError as reason:
        pytest.skip(f"no ARM machine here: {reason}")


@pytest.fixture
def arm(machine: tuple[Path, int], user_devices: Any, tmp_path: Path) -> Callable[..., list[str]]:
    """arm("--runtime", "litert"): the words of `bench` that measure b0-cls-r224 on it."""
    folder, port = machine
    ssh = {
        "host": "127.0.0.1",
        "port": port,
        "user": "root",
        "key": str(folder / "user_key"),
        "known_hosts": str(folder / "known_hosts"),
        "work_directory": "/tmp/bench",
        "connect_timeout_s": 120,
        "silence_s": 120,
    }
    fields = {"transport": "ssh", "ssh": ssh, "python": [PYTHON], "runtime": "litert", "probes": ["linux", "container"]}
    user_devices({"arm": fields})
    (tmp_path / "fast.yaml").write_text(PROTOCOL)
    model = ["--model", "b0-cls-r224", "--protocol", str(tmp_path / "fast.yaml"), "--quiet"]
    return lambda *more: ["run", "--device", "arm", *model, *more]


def on_machine(machine: tuple[Path, int], *words: str) -> str:
    folder, port = machine
    options = ["-o", f"UserKnownHostsFile={folder / 'known_hosts'}", "-o", "BatchMode=yes", "-F", "/dev/null"]
    command = ["ssh", "-p", str(port), "-i", str(folder / "user_key"), *options, "root@127.0.0.1", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def left_behind(machine: tuple[Path, int]) -> list[str]:
    """Sessions' folders, and processes of the worker."""
    folders = on_machine(machine, "ls -d /tmp/bench/session.* 2>/dev/null || true").split()
    return folders + on_machine(machine, "pgrep -f '[b]ench_worker' || true").split()


@pytest.mark.parametrize("runtime", ["litert", "onnxruntime"])
def test_a_run_goes_through(
    bench: Any, arm: Callable[..., list[str]], machine: tuple[Path, int], tmp_path: Path, runtime: str
) -> None:
    done = bench(*arm("--runtime", runtime, "--json"), timeout_s=1800)
    assert done.returncode == 0, done.stderr
    result = done.json()
    assert result["fidelity"]["passed"] is True
    record = json.loads((Path(result["path"]) / "record.json").read_text())
    facts = record["device"]["fingerprint"]["linux"]
    assert facts["machine"] == "aarch64"
    assert facts["cpu"]["logical_cpus"] == 2
    assert facts["cpu"].get("arm_parts"), "an ARM's /proc/cpuinfo names no model, but parts"
    assert left_behind(machine) == []


def test_doctor_and_probe_know_the_machine(bench: Any, arm: Callable[..., list[str]]) -> None:
    assert arm()
    doctor = bench("devices", "doctor", "arm", timeout_s=900)
    assert "reachable" in doctor.stdout, doctor.stderr
    assert "failed" not in doctor.stdout


def test_a_killed_run_leaves_nothing_on_it(
    bench: Any,
    bench_environment: dict[str, str],
    arm: Callable[..., list[str]],
    machine: tuple[Path, int],
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "latency_bench", *arm("--runtime", "onnxruntime")]
    process = subprocess.Popen(command, cwd=tmp_path, env=bench_environment, stdout=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 900
    while not left_behind(machine):
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while left_behind(machine):
        assert time.monotonic() < deadline_s, left_behind(machine)
        time.sleep(0.5)
    again = bench(*arm("--runtime", "onnxruntime"), timeout_s=1800)
    assert again.returncode == 0, "its lock is free again: " + again.stderr
