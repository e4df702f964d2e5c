"""Which processors, whose child, how it ends, what it used: only seen from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from bench_worker.events import parse_event

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and Linux's scheduler calls")

SLEEPER = """
import ctypes, time
from bench_worker.api import HostRuntime
class Sleeper(HostRuntime):
    "One long call into C, as an inference of minutes would be."
    name, FORMAT = "sleeper", "none"
    def load(self, artifact, inputs):
        return list(inputs)
    def facts(self):
        return {"inputs": [{}]}
    def set_inputs(self, arrays):
        pass
    def outputs(self):
        return {}
    def copy_in(self):
        pass
    def copy_out(self):
        pass
    def invoke(self):
        libc = ctypes.CDLL(None)
        for _ in range(10):
            libc.sleep(600)
"""
SLEEPS = {"runtime_options": {}, "runtime_class": "sleeper_runtime:Sleeper"}


@pytest.fixture
def sleeper(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sleeper_runtime.py").write_text(SLEEPER)
    return site


def _wait_for(process, name):
    for line in process.stdout:
        event = parse_event(line)
        if event is not None and event["event"] == name:
            return event
    raise AssertionError(f"the worker ended without {name}: {process.stderr.read()[-1000:]}")


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_the_worker_runs_where_it_is_pinned(start_worker, request_for, sleeper):
    cpu = max(os.sched_getaffinity(0))
    process = start_worker(
        request_for("sleeper", "any", **SLEEPS, cpus=[cpu]),
        paths=(sleeper,),
    )
    hello = _wait_for(process, "hello")
    assert hello["cpus"] == [cpu]
    assert hello["pinned"]
    _wait_for(process, "loaded")
    for task in os.listdir(f"/proc/{process.pid}/task"):
        assert os.sched_getaffinity(int(task)) == {cpu}


def test_threads_default_to_the_processors_that_are_left(run_worker, request_for, onnx_artifact):
    pytest.importorskip("onnxruntime")
    cpu = min(os.sched_getaffinity(0))
    finished = run_worker(request_for("onnxruntime", onnx_artifact, runtime_options={}, cpus=[cpu]))
    assert finished.event("loaded")["options"]["threads"] == 1


def test_a_processor_that_is_not_there(run_worker, request_for):
    finished = run_worker(request_for("litert", "any", cpus=[4095]))
    assert finished.returncode == 2
    assert "4095" in finished.event("error")["message"]


def test_without_cpus_nothing_is_pinned(start_worker, request_for, sleeper):
    process = start_worker(request_for("sleeper", "any", **SLEEPS), paths=(sleeper,))
    hello = _wait_for(process, "hello")
    assert not hello["pinned"]
    assert hello["cpus"] == sorted(os.sched_getaffinity(0))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_the_middle_of_an_inference(start_worker, request_for, sleeper, number):
    process = start_worker(request_for("sleeper", "any", **SLEEPS), paths=(sleeper,))
    _wait_for(process, "loaded")
    time.sleep(0.2)
    process.send_signal(number)
    error = _wait_for(process, "error")
    assert error["kind"] == "interrupted"
    assert signal.Signals(number).name in error["message"]
    assert process.wait(timeout=120) == 128 + number


PARENT = """
import subprocess, sys, time
worker = subprocess.Popen([sys.executable, sys.argv[1], sys.argv[2]], stdout=subprocess.PIPE, text=True)
for line in worker.stdout:
    if '"loaded"' in line:
        print(worker.pid, flush=True)
        break
time.sleep(600)
"""


@pytest.mark.parametrize("follows", [True, False])
def test_it_dies_with_its_parent_if_asked(tmp_path, request_for, sleeper, worker_program, follows):
    request = tmp_path / "request.json"
    request.write_text(json.dumps(request_for("sleeper", "any", **SLEEPS, die_with_parent=follows)))
    environment = {**os.environ, "PYTHONPATH": str(sleeper)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, worker_program, str(request)], stdout=subprocess.PIPE, text=True, env=environment
    )
    worker = int(parent.stdout.readline())
    try:
        assert _runs(worker)
        parent.kill()
        parent.wait()
        deadline_s = time.monotonic() + 120
        while follows and _runs(worker) and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert _runs(worker) is not follows
    finally:
        parent.stdout.close()
        if _runs(worker):
            os.kill(worker, signal.SIGKILL)


def test_a_parent_that_is_gone_already_is_noticed(run_worker, request_for):
    # Somebody else is the parent by the time that the worker looks.
    finished = run_worker(request_for("litert", "any", die_with_parent=True, parent_pid=os.getpid() + 1))
    assert finished.returncode == 128 + signal.SIGKILL
    assert finished.events == []


def test_the_peak_of_memory_is_the_workers_own_and_not_its_parents(
    tmp_path, request_for, onnx_artifact, worker_program
):
    pytest.importorskip("onnxruntime")
    request = tmp_path / "request.json"
    request.write_text(json.dumps(request_for("onnxruntime", onnx_artifact)))
    parent = f"""
import subprocess, sys
ballast = bytearray(700 << 20)
ballast[::4096] = b"x" * len(ballast[::4096])
sys.stdout.write(subprocess.run([sys.executable, {worker_program!r}, {str(request)!r}],
                                capture_output=True, text=True).stdout)
"""
    printed = subprocess.run(
        [sys.executable, "-c", parent], capture_output=True, text=True, check=True, timeout=120
    ).stdout  # fmt: skip
    done = [event for event in map(parse_event, printed.splitlines()) if event][-1]
    assert done["event"] == "done"
    assert 20 << 20 < done["peak_rss_bytes"]["end"] < 400 << 20


def test_usage_counts_the_time_of_every_thread():
    script = """
import hashlib, threading
from bench_worker.usage import read_usage
before = read_usage()
block = b"x" * (64 << 20)
thread = threading.Thread(target=lambda: hashlib.sha256(block).digest())
thread.start(); thread.join()
used = read_usage().since(before)
assert used["user_ns"] + used["system_ns"] > 5e6, used
assert used["minor_faults"] > 1000, used
assert used["voluntary_switches"] >= 1, used
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
