"""`bench run --device NAME` over a real SSH server: what works, and what every kind of trouble leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from PIL import Image


def _record(done) -> dict:
    return json.loads((Path(done.json()["path"]) / "record.json").read_text())


def test_a_remote_run_is_a_complete_run(remote):
    done = remote.run("--json")
    assert done.returncode == 0, done.stderr
    result = done.json()
    assert result["device"] == "remote"
    assert result["fidelity"]["passed"] is True
    assert result["latency_ms"]["median"] > 0
    record = _record(done)
    assert record["device"]["transport"] == "ssh"
    assert record["device"]["fingerprint"]["linux"]["cpu"]["logical_cpus"] == os.cpu_count()
    assert len(remote.stored()) == 1
    remote.server.wait_until_tidy()
    # What was pushed stays, and is not pushed again.
    store = remote.server.work / "store"
    before = {path.name: path.stat().st_ino for path in store.iterdir()}
    again = remote.run(env={"PYTHONWARNINGS": "always::ResourceWarning"})
    assert again.returncode == 0
    assert "unclosed" not in again.stderr
    assert {name: (store / name).stat().st_ino for name in before} == before
    assert not [path for path in store.iterdir() if path.name.startswith("part-")]


def test_the_phases_of_a_pipeline_are_those_of_the_board(remote):
    """The photograph is brought there, and decoded and prepared there in every request."""
    photograph = remote.folder / "mine.jpg"
    Image.effect_noise((90, 60), 50).convert("RGB").save(photograph)
    done = remote.run("--json", "--pipeline", "pillow", "--photograph", str(photograph))
    assert done.returncode == 0, done.stderr
    record = _record(done)
    assert {"decode", "preprocess", "postprocess"} <= set(record["summary"]["phases"])
    stated = record["runtime"]["facts"]["pipeline"]["photograph"]
    sha256 = hashlib.sha256(photograph.read_bytes()).hexdigest()
    assert (stated["size"], stated["sha256"]) == ("90x60", sha256)
    brought = [path for path in (remote.server.work / "store").iterdir() if path.is_file()]
    assert sha256 in [hashlib.sha256(path.read_bytes()).hexdigest() for path in brought]


@pytest.mark.usefixtures("bash_at_login")
def test_what_a_login_prints_is_told_apart(remote):
    (remote.server.home / ".bashrc").write_text("echo 'Welcome to the lab! @bench {'\nprintf 'no line break'\n")
    (remote.server.folder / "authorized_keys").write_text(
        'command="echo banner; printf more; eval \\"$SSH_ORIGINAL_COMMAND\\"" '
        + (remote.server.folder / "user_key.pub").read_text()
    )
    python = remote.folder / "chatty"
    python.write_text(f'#!/bin/sh\necho "a warning on stdout"\necho "and on stderr" >&2\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    # available_cpus reads what Python prints, so that only the measuring process may be chatty.
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *bench_worker*) echo "a warning on stdout"; echo "and on stderr" >&2 ;; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    remote.configure(python=[str(python)])
    done = remote.run("--json")
    assert done.returncode == 0, done.stderr
    evidence = (Path(done.json()["path"]) / "evidence" / "round0.log").read_text()
    assert "a warning on stdout" in evidence
    assert "and on stderr" in evidence
    assert "banner" in evidence


@pytest.mark.parametrize("version", ["8.2", pytest.param("10.3", marks=pytest.mark.slow)])
def test_a_jetson_with_trtexec(remote, version):
    remote.jetson(version)
    remote.set_environment(TRTEXEC_VERSION=version, TRTEXEC_SECONDS="4.2")
    done = remote.run("--json", "--power-mode", "MAXN", "--lock-clocks")
    assert done.returncode == 0, done.stderr
    record = _record(done)
    assert record["fidelity"]["passed"] is True
    assert record["rounds"][0]["sample_count"] == 24
    assert record["rounds"][0]["warmup_count"] == {"8.2": 4, "10.3": 0}[version]
    assert record["summary"]["latency"]["median_ms"] == pytest.approx({"8.2": 660, "10.3": 30.7}[version], rel=0.01)
    assert "not the wall clock" in record["summary"]["latency_covers"]
    assert record["runtime"]["version"].startswith(version)
    assert record["runtime"]["facts"]["engine"]["cached"] is False
    assert len(record["runtime"]["facts"]["engine"]["sha256"]) == 64
    energy = record["summary"]["energy"]
    assert energy["mean_power_w"] == pytest.approx(10.37)
    assert energy["rails"] == ["VDD_CPU_CV", "VDD_GPU_SOC", "VIN_SYS_5V0"]
    assert energy["joules_per_image"] * energy["images_per_joule"] == pytest.approx(1)
    fingerprint = record["device"]["fingerprint"]
    assert fingerprint["tuned"] == {
        "power_mode": {"before": "MODE_15W", "while_measuring": "MAXN"},
        "clocks": {"before": "free", "while_measuring": "locked"},
    }
    assert fingerprint["jetson"]["power_mode"] == "MAXN"
    assert record["verdicts"]["clocks_locked"] == "yes"
    # Put back, in reverse order.
    assert (remote.folder / "power_mode.history").read_text().split() == ["0", "1"]
    assert (remote.folder / "clocks.history").read_text().split() == ["locked", "restored"]
    assert (remote.folder / "clocks").read_text().strip() == "306000000"
    remote.server.wait_until_tidy()
    # The engine is kept: the next run builds none.
    again = remote.run("--json")
    assert again.returncode == 0, again.stderr
    assert _record(again)["runtime"]["facts"]["engine"]["cached"] is True
    calls = [json.loads(line) for line in (remote.folder / "trtexec.calls").read_text().splitlines()]
    assert sum(any(word.startswith("--onnx=") for word in call) for call in calls) == 1


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("build", ["node number 12", "onnx_opset"]),
        ("hang", ["trtexec on 127.0.0.1 ran for more than 1 s"]),
        ("killed", ["memory ran out", "workspace_mib"]),
    ],
)
def test_a_tool_in_trouble(remote, trouble, words):
    remote.jetson("8.2", trtexec={"build_timeout_s": 1})
    remote.set_environment(TRTEXEC_VERSION="8.2", TRTEXEC_TROUBLE=trouble)
    remote.assert_failed(remote.run("--power-mode", "MAXN"), *words)
    assert (remote.folder / "power_mode.history").read_text().split() == ["0", "1"]
    if trouble == "hang":
        # The next one works. A busy machine may need longer than that second for a build that is in no trouble.
        remote.jetson("8.2")
        remote.set_environment(TRTEXEC_VERSION="8.2")
        assert remote.run().returncode == 0


def test_an_unknown_power_mode_lists_those_that_there_are(remote):
    remote.jetson("8.2")
    remote.assert_failed(remote.run("--power-mode", "TURBO"), "TURBO", "MAXN", "MODE_15W")


def test_a_host_key_that_changed_is_never_accepted(remote, tmp_path):
    port = remote.server.port
    other = " ".join((remote.server.folder / "user_key.pub").read_text().split()[:2])
    known = remote.server.known_hosts.read_text()
    remote.server.known_hosts.write_text(f"[127.0.0.1]:{port} {other}\n")
    remote.assert_failed(remote.run(), "shows another host key", "ssh-keygen -R")
    remote.server.known_hosts.write_text("")
    remote.assert_failed(remote.run(), "host key of 127.0.0.1 is not known", "fingerprint")
    assert remote.server.known_hosts.read_text() == ""
    assert remote.stored() == []
    remote.server.known_hosts.write_text(known)
    assert remote.run().returncode == 0


def test_a_refused_key(remote):
    (remote.server.folder / "authorized_keys").write_text("")
    remote.assert_failed(remote.run(), "refuses every key", "ssh-copy-id")
    assert remote.stored() == []


def test_nobody_listens(remote):
    remote.server.stop()
    remote.assert_failed(remote.run(), "does not answer", "port")
    assert remote.stored() == []


@pytest.mark.parametrize(
    "stage",
    [
        *(pytest.param(stage, marks=pytest.mark.slow) for stage in ("available_cpus", "bench_worker", "loaded")),
        "sampling",
    ],
)
def test_the_link_is_cut(remote, bench_environment, stage, wait_until):
    """The server's side of all connections is killed when the run has come to a stage."""
    seen = remote.folder / "seen"
    hook = {
        "available_cpus": 'case "$*" in *sched_getaffinity*) touch SEEN; sleep 3 ;; esac',
        "bench_worker": 'case "$*" in *bench_worker*) touch SEEN; sleep 3 ;; esac',
    }.get(stage, "")
    python = remote.folder / "python"
    python.write_text(f'#!/bin/sh\n{hook}\nexec {sys.executable} "$@"\n'.replace("SEEN", str(seen)))
    python.chmod(0o755)
    remote.configure(python=[str(python)])
    protocol = (remote.folder / "fast.yaml").read_text()
    if stage in ("loaded", "sampling"):
        caps = "min_s: 60, max_s: 60"
        old = "min_s: 0.05, max_s: 0.5" if stage == "loaded" else "min_s: 0.2, max_s: 5"
        slow = protocol.replace(old, caps).replace("max_count: 500", "max_count: 900000")
        (remote.folder / "fast.yaml").write_text(slow)
    process = remote.begin(bench_environment)
    wait_until(lambda: seen.exists() if stage in ("available_cpus", "bench_worker") else _worker_runs(remote), process)
    if stage in ("loaded", "sampling"):
        # Past its start and far from its end, which the caps put a minute away.
        time.sleep(2)
    remote.server.cut()
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 1, stderr + stdout
    assert "127.0.0.1" in stderr + stdout
    assert "Traceback" not in stderr
    remote.server.wait_until_tidy()
    assert all(run["status"] == "failed" for run in remote.stored())
    (remote.folder / "fast.yaml").write_text(protocol)
    remote.configure()
    assert remote.run().returncode == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_host_process_that_ends_leaves_nothing_on_the_device(remote, bench_environment, how, wait_until):
    remote.configure(probes=["linux", "jetson"], power_mode="MAXN")
    remote.set_environment()
    path = remote.folder / "fast.yaml"
    path.write_text(path.read_text().replace("min_s: 0.2, max_s: 5", "min_s: 60, max_s: 60").replace("500", "900000"))
    process = remote.begin(bench_environment)
    wait_until(lambda: _worker_runs(remote), process)
    process.send_signal(how)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == (130 if how == signal.SIGINT else -how), stderr
    assert "Traceback" not in stderr
    remote.server.wait_until_tidy()
    wait_until(lambda: (remote.folder / "power_mode").read_text().strip() == "1")
    assert remote.bench("results", "ls", "--json").json() == []


def test_a_python_that_is_too_old_for_the_runtime(remote, find_python):
    python = find_python("3.6")
    if python is None:
        pytest.skip("no Python 3.6 is installed here")
    remote.configure(python=[str(python)])
    remote.assert_failed(remote.run(), "numpy is missing in Python 3.6", "pip install numpy", "devices.yaml")
    assert [run["status"] for run in remote.stored()] == ["failed"]


def test_a_python_that_is_far_too_old(remote, find_python):
    python = find_python("2.7")
    if python is None:
        pytest.skip("no Python 2.7 is installed here")
    remote.configure(python=[str(python)])
    remote.assert_failed(remote.run(), "Python on the device does not run", "3.6 or newer")


def test_the_worker_on_a_board_with_power_rails(remote):
    remote.configure(probes=["linux", "jetson"])
    remote.set_environment()
    path = remote.folder / "fast.yaml"
    path.write_text(path.read_text().replace("min_s: 0.2, max_s: 5", "min_s: 4.2, max_s: 6").replace("500", "900000"))
    done = remote.run("--json")
    assert done.returncode == 0, done.stderr
    record = _record(done)
    energy = record["summary"]["energy"]
    assert energy["mean_power_w"] == pytest.approx(10.37)
    elapsed_s = record["rounds"][0]["facts"]["elapsed_ns"] / 1e9
    images = record["rounds"][0]["sample_count"]
    assert energy["joules_per_image"] == pytest.approx(10.37 * elapsed_s / images, rel=0.02)


def test_a_work_directory_that_cannot_be_written(remote):
    remote.configure(ssh={"work_directory": "/proc/nowhere"})
    remote.assert_failed(remote.run(), "/proc/nowhere", "work_directory")
    assert remote.stored() == []


def test_a_python_that_is_not_there(remote):
    remote.configure(python=["/nowhere/python3"])
    remote.assert_failed(remote.run(), "Python on the device does not run", "/nowhere/python3")


def _worker_runs(remote) -> bool:
    return any("job.json" in line for line in remote.server.started_here())
