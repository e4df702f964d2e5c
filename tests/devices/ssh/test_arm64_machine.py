"""An ARM64 machine, booted: its kernel, user land and wheels. Its times mean nothing (scripts/arm64_machine.py)."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

from arm64_machine import Arm64Machine, CannotBootError

pytestmark = pytest.mark.slow
PROTOCOL = """\
name: short
rounds: 1
campaign_rounds: 1
warmup: {min_count: 1, max_count: 3, min_s: 0, max_s: 300, window: 0}
sampling: {min_count: 3, max_count: 5, min_s: 0, max_s: 300, relative_interval: null}
"""
Ssh = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def machine(kept_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Arm64Machine, int, Path]]:
    """The machine, the port of its sshd, and the file that knows its key."""
    folder = tmp_path_factory.mktemp("arm64")
    try:
        built = Arm64Machine(kept_folder / "arm64")
        with built.booted(folder / "console.log") as port:
            (folder / "known_hosts").write_text(built.known_hosts(port))
            yield built, port, folder / "known_hosts"
    except CannotBootError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def arm(
    machine: tuple[Arm64Machine, int, Path],
    bench_environment: dict[str, str],
    user_devices: Callable[..., Path],
    tmp_path: Path,
) -> Ssh:
    """Writes devices.yaml with the device `arm`; runs a command on it."""
    built, port, known_hosts = machine
    ssh = {"host": "127.0.0.1", "port": port, "user": "bench", "key": str(built.key), "known_hosts": str(known_hosts)}
    device: dict[str, Any] = {"transport": "ssh", "ssh": {**ssh, "connect_timeout_s": 120, "silence_s": 300}}
    user_devices({"arm": {**device, "runner": "worker", "python": ["python3"], "probes": ["linux"]}})
    (tmp_path / "short.yaml").write_text(PROTOCOL)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        options = ["-o", f"UserKnownHostsFile={known_hosts}", "-o", "BatchMode=yes", "-i", str(built.key)]
        return subprocess.run(
            ["ssh", *options, "-p", str(port), "bench@127.0.0.1", *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run


@pytest.mark.parametrize("runtime", ["litert", "onnxruntime"])
def test_a_model_goes_through(arm: Ssh, bench: Any, runtime: str) -> None:
    words = ["--model", "b0-cls-r224", "--runtime", runtime, "--protocol", "short.yaml"]
    done = bench("run", "--device", "arm", *words, "--json", timeout_s=1800)
    assert done.returncode == 0, done.stderr
    assert done.json()["fidelity"]["passed"] is True
    shown = bench("results", "show", done.json()["run_id"], "--json").json()
    facts = shown["device"]["fingerprint"]["linux"]
    assert facts["kernel"].endswith("-arm64")
    assert facts["cpu"]["logical_cpus"] == 2
    assert "asimd" in facts["cpu"]["vector_extensions"]
    assert facts["cpu"]["arm_parts"]
    assert facts["cpu"]["model"] == "linux,dummy-virt", "from its device tree: /proc/cpuinfo of ARM names no model"
    assert facts["virtualised"] == "emulated processor"
    assert "emulated_processor" in {flag["name"] for flag in shown["flags"]}


def test_a_host_keeps_others_out_and_leaves_nothing_there_when_it_ends(
    arm: Ssh, bench: Any, bench_environment: dict[str, str], tmp_path: Path
) -> None:
    long = PROTOCOL.replace("min_count: 3, max_count: 5, min_s: 0", "min_count: 3, max_count: 900000, min_s: 250")
    (tmp_path / "long.yaml").write_text(long)
    words = ["--device", "arm", "--model", "b0-cls-r224", "--runtime", "onnxruntime", "--protocol", "long.yaml"]
    process = subprocess.Popen(
        [sys.executable, "-m", "latency_bench", "run", *words],
        cwd=tmp_path,
        env=bench_environment,
        stderr=subprocess.PIPE,
    )
    _until(lambda: "bench_worker" in arm("ps", "-eo", "args").stdout or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    # Another host knows nothing of this one's locks: it is the machine that keeps it out.
    other = bench("run", *words, env={"BENCH_LOCKS": str(tmp_path / "other")}, timeout_s=900)
    assert other.returncode != 0
    assert "is measured by" in other.stderr
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _until(lambda: "bench_worker" not in arm("ps", "-eo", "args").stdout)
    _until(lambda: not arm("ls", "-d", ".cache/bench/session-*").stdout)


def test_the_doctor_has_nothing_to_say_of_it(arm: Ssh, bench: Any) -> None:
    done = bench("devices", "doctor", "arm", "--json", timeout_s=900)
    wrong = [check for check in done.json()["checks"] if check["status"] == "failed"]
    assert not wrong, wrong


def _until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 900
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(1)
