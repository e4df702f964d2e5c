"""The trial of an hour: its parts are there, and a command in a warm process is the command."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from warm_python import WarmProcess, WarmPython, run_warm

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trial(load_script):
    return load_script("scripts/trial.py")


def test_every_part_names_programs_and_tests_that_there_are(trial):
    for part in (*trial.COUNTED, *trial.TESTED):
        named = [word for word in trial.command_of(part, 0.5) if word.endswith(".py")]
        assert named, part
        assert [word for word in named if not (ROOT / word).is_file()] == []


def test_a_warm_command_ends_as_a_cold_one_and_nothing_is_shared_between_two(cold_bench, bench_environment, tmp_path):
    """In one server, one after the other; its own environment and folder are the caller's each time."""
    with WarmPython(["latency_bench.harness.cli.results.ls"], os.environ) as server:
        for words, code, said in (
            (["results", "ls", "--store", str(tmp_path / "none")], 0, ""),
            (["results", "show", "latest", "--store", str(tmp_path / "none")], 2, "does not hold any run"),
            (["resultss"], 2, "Did you mean 'results'?"),
            (["results", "ls", "--store", str(tmp_path / "none")], 0, ""),
            (["models", "ls", "--json"], 0, ""),
        ):
            done = run_warm(server.socket, "latency_bench", words, cwd=tmp_path, env=bench_environment, timeout_s=300)
            cold = cold_bench(*words)
            assert (done.returncode, done.stdout, done.stderr) == (cold.returncode, cold.stdout, cold.stderr)
            assert code == done.returncode
            assert said in done.stderr
    assert server.server.returncode == 0


def test_a_warm_process_has_what_a_child_has_and_ends_as_one(tmp_path):
    (tmp_path / "probe.py").write_text(PROBE)
    environment = {**os.environ, "PROBE": "\udcff told", "PYTHONPATH": str(tmp_path)}
    with WarmPython([], os.environ) as server:
        where = {"cwd": tmp_path, "env": environment}
        done = run_warm(server.socket, "probe", ["a b", "--c"], **where, timeout_s=300)
        assert done.stderr == ""
        seen = json.loads(done.stdout)
        assert seen.pop("pid") != os.getpid()
        assert seen == {
            "arguments": ["a b", "--c"],
            "folder": str(tmp_path),
            "told": "\udcff told",
            "cpus": sorted(os.sched_getaffinity(0)),
            "file_bytes": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
            "input": "",
        }
        assert run_warm(server.socket, "probe", ["raise"], **where, timeout_s=300).returncode == 1
        waiting = WarmProcess(server.socket, "probe", ["wait"], **where, stdout=subprocess.PIPE)
        assert waiting.stdout.readline() == b"waiting\n"
        assert waiting.poll() is None
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(300) == -signal.SIGTERM
        waiting.stdout.close()


PROBE = """
import json, os, resource, sys, time
if sys.argv[1] == "raise":
    raise ValueError("told to")
if sys.argv[1] == "wait":
    print("waiting", flush=True)
    time.sleep(600)
print(json.dumps({
    "arguments": sys.argv[1:],
    "folder": os.getcwd(),
    "told": os.environ["PROBE"],
    "cpus": sorted(os.sched_getaffinity(0)),
    "file_bytes": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
    "input": sys.stdin.read(),
    "pid": os.getpid(),
}))
"""
