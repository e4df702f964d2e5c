"""Processes that are killed for real, at random points. A thousand of them: scripts/campaign_kills.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import campaign_kills
import pytest

from latency_bench.harness.store.reader import run_paths
from latency_bench.harness.store.verify import verify_store


@pytest.fixture(autouse=True)
def own_places(monkeypatch):
    """The script gives its process folders of its own; other tests have theirs afterwards."""
    for name in ("BENCH_LOCKS", "BENCH_CACHE", "TMPDIR"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
        if not os.environ[name]:
            monkeypatch.delenv(name)
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)


def test_no_finished_run_is_lost_torn_or_double(tmp_path):
    counts = campaign_kills.kill_campaigns(tmp_path, kills=8, cases=4, longest_s=0.4, seed=3)
    assert counts.kills == 8
    assert counts.finished + counts.unannounced == 4 * counts.campaigns
    assert (counts.lost, counts.torn, counts.double) == (0, 0, 0)


def test_the_script_sees_what_is_lost_torn_and_double(tmp_path, make_plan, run_plan, store):
    """The counting itself: a store that was damaged by hand."""
    plan = make_plan(3)
    run_plan(plan)
    folder = str(tmp_path)
    runs, torn, leftovers, double = campaign_kills.look_at(folder, 3)
    assert (len(runs), torn, leftovers, double) == (3, 0, 0, 0)
    (run_paths(store)[0] / "samples.parquet").unlink()
    assert campaign_kills.look_at(folder, 3)[1] > 0
    again = make_plan(3, name="other")
    run_plan(again)
    assert campaign_kills.look_at(folder, 4)[3] == 1, "a fourth case that has no run"


FAST = """name: fast
rounds: 1
campaign_rounds: 2
warmup: {min_count: 1, max_count: 2, min_s: 0, max_s: 1, window: 0}
sampling: {min_count: 5, max_count: 20, min_s: 0.2, max_s: 1, relative_interval: null, confidence: 0.95}
"""


def test_bench_sweep_goes_on_after_ctrl_c_and_says_so(bench, bench_environment, tmp_path):
    (tmp_path / "fast.yaml").write_text(FAST)
    words = ["sweep", "--model", "b0-cls-r224", "--runtime", "onnxruntime", "--protocol", "fast.yaml"]
    words += ["--case-batch", "1"]
    words += ["--resolution", "64", "--threads", "1", "--batch", "1", "--batch", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "latency_bench", *words],
        cwd=tmp_path,
        env=bench_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("bench: [1/2]"):
            process.send_signal(signal.SIGINT)
            break
    said, rest = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "the same command goes on" in rest
    assert "1 done, 1 open" in said
    store = tmp_path / "store"
    (first,) = run_paths(store)
    watched = bench("watch", "--json").json()
    assert (watched["running"], watched["ended"]) == (False, "interrupted")
    done = bench(*words, "--json")
    assert done.returncode == 0, done.stderr
    cases = done.json()["cases"]
    assert [case["status"] for case in cases] == ["done", "done"]
    assert first.name in {case["run"].rpartition("/")[2] for case in cases}
    assert len(run_paths(store)) == 2
    assert verify_store(store).findings == []


HOLD = """
import sys, time
from latency_bench.devices.locking import Holder, lock_device_here
lock_device_here("local", Holder.here("bench run --model theirs"), shared=False)
print("held", flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("wait", [False, True])
def test_bench_run_says_who_measures_or_waits_until_they_are_gone(bench, bench_environment, tmp_path, wait):
    (tmp_path / "fast.yaml").write_text(FAST)
    words = [
        "run",
        "--model",
        "b0-cls-r224",
        "--resolution",
        "64",
        "--runtime",
        "onnxruntime",
        "--protocol",
        "fast.yaml",
    ]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, "600"], env=bench_environment, stdout=subprocess.PIPE, text=True, cwd=os.getcwd()
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    if not wait:
        done = bench(*words)
        assert done.returncode == 1
        assert f"process {holder.pid}" in done.stderr
        assert "bench run --model theirs" in done.stderr
        holder.kill()
        holder.wait()
        assert not run_paths(tmp_path / "store")
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "latency_bench", *words, "--wait", "--json"],
        cwd=tmp_path,
        env=bench_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "waiting for local" in process.stderr.readline()
    time.sleep(0.2)
    # Killed, not ended: nobody is there to give the lock back.
    holder.kill()
    holder.wait()
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert len(run_paths(Path(tmp_path / "store"))) == 1
