"""`bench run` on a phone that is a real adbd: from the command to the record, and every way in which it can fail."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from phone_runs import TFLITE, leftovers, records


@pytest.mark.parametrize("backend", ["program", "adb-shell"])
def test_a_run_is_measured_and_the_record_says_what_it_is(tmp_path, write_devices, run_phone, make_tool, backend):
    write_devices(make_tool("replay"), backend)
    done = run_phone("--json")
    assert done.returncode == 0, done.stderr
    (record,) = records(tmp_path)
    assert record["status"] == "done"
    assert 6 <= record["summary"]["latency"]["n"] <= 8
    assert 5.0 <= record["summary"]["latency"]["median_ms"] < 5.04, "the stand-in's median, in milliseconds"
    assert record["summary"]["phases"].keys() == {"compute"}
    assert record["summary"]["percentiles"] == {}
    assert "median of 4 inferences of one process" in record["summary"]["latency_covers"]
    facts = record["runtime"]["facts"]
    assert (facts["sample_is"], facts["transfer_counted"]) == ("median of 4 inferences of one process", False)
    assert facts["delegation"] == {"delegate": "XNNPACK", "full": True, "partitions": None}
    assert facts["tool"]["sha256"] == hashlib.sha256(make_tool("replay").read_bytes()).hexdigest()
    assert record["fidelity"]["passed"] is None
    android = record["device"]["fingerprint"]["android"]
    assert (android["soc"], android["soc_name"], android["abi"]) == ("SM8450", "Snapdragon 8 Gen 1", "arm64-v8a")
    assert android["condition"] == {
        "thermal_status": 0,
        "thermal_word": "none",
        "battery_percent": 87,
        "battery_c": 29.1,
        "battery_status": "charging",
        "powered_by": "USB",
        "screen": "on",
        "battery_saver": False,
    }
    assert record["rounds"][0]["facts"]["condition_after"]["thermal_status"] == 0
    assert record["rounds"][0]["facts"]["pinned"] is True
    assert not leftovers(tmp_path)


def test_a_model_is_not_called_checked_and_its_number_no_whole_request(tmp_path, write_devices, bench, make_tool):
    write_devices(make_tool("replay"))
    words = ("--model", "b0-cls-r224", "--resolution", "64x64", "--protocol", "short.yaml")
    done = bench("run", "--device", "phone", *words)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "not checked: this build of benchmark_model makes its own random input and gives no outputs" in said
    assert "passed" not in said
    assert "inference only (Invoke), the input copied before" in said
    assert "whole request" not in said
    assert "transfer included" not in said
    (record,) = records(tmp_path)
    assert record["fidelity"]["passed"] is None
    assert record["artifact"]["format"] == "tflite"


def test_a_second_run_carries_nothing(tmp_path, write_devices, run_phone, make_tool):
    write_devices(make_tool("replay"))
    assert run_phone().returncode == 0
    files = {path: path.stat() for path in (tmp_path / "device" / "files").rglob("*") if path.is_file()}
    assert {path.name for path in files} == {
        "benchmark_model",
        next(iter(p.name for p in files if p.suffix == ".tflite")),
    }
    assert run_phone().returncode == 0
    after = {path: path.stat() for path in (tmp_path / "device" / "files").rglob("*") if path.is_file()}
    assert {path: (one.st_ino, one.st_mtime_ns) for path, one in files.items()} == {
        path: (one.st_ino, one.st_mtime_ns) for path, one in after.items()
    }


def test_fixed_performance_mode_is_always_reset(write_devices, run_phone, make_tool, phone):
    write_devices(make_tool("crash"), benchmark_model={"fixed_performance": True})
    assert run_phone().returncode == 1
    command = "power set-fixed-performance-mode-enabled"
    deadline_s = time.monotonic() + 120
    while (phone / "log").read_text().splitlines() != [f"{command} true", f"{command} false"]:
        assert time.monotonic() < deadline_s, (phone / "log").read_text()
        time.sleep(0.05)


FAULTS = {
    "garbage": r"does not parse",
    "crash": r"ended with code|SIGABRT|code -6",
    "unconsumed": r"ignored --use_xnnpack",
    "partial": r"only a part of the model runs in the XNNPACK delegate",
    "short": r"made 3 inferences, not 4",
}


@pytest.mark.parametrize("mode", FAULTS)
def test_a_tool_that_misbehaves_is_a_failed_run_with_a_reason(
    tmp_path, write_devices, run_phone, make_tool, next_run_works, mode
):
    write_devices(make_tool(mode))
    done = run_phone()
    assert done.returncode == 1, done.stderr
    (record,) = records(tmp_path)
    assert record["status"] == "failed"
    assert record["summary"] is None
    assert re.search(FAULTS[mode], record["failure"]["message"]), record["failure"]
    assert not leftovers(tmp_path)
    if mode == "crash":
        next_run_works(before=1)


def test_a_partial_delegation_can_be_asked_for_and_is_recorded(tmp_path, write_devices, run_phone, make_tool):
    write_devices(make_tool("partial"))
    assert run_phone("--runtime-option", "allow_partial=true").returncode == 0
    (record,) = records(tmp_path)
    assert record["runtime"]["facts"]["delegation"] == {"delegate": "XNNPACK", "full": False, "partitions": 1}


def test_a_binary_of_another_architecture_is_said(tmp_path, write_devices, run_phone, next_run_works):
    foreign = tmp_path / "foreign"
    header = bytearray(Path(shutil.which("sleep") or "/bin/sleep").read_bytes()[:64])
    own = int.from_bytes(header[18:20], "little")
    header[18:20] = (0xF3 if own != 0xF3 else 0x3E).to_bytes(2, "little")
    foreign.write_bytes(header)
    write_devices(foreign)
    done = run_phone()
    assert done.returncode == 1
    assert "is built for" in done.stdout + done.stderr
    assert not leftovers(tmp_path)
    next_run_works(before=1)


def test_no_tool_at_all_says_where_to_get_one(tmp_path, write_devices, run_phone):
    write_devices(None)
    done = run_phone()
    assert done.returncode == 2, done.stdout
    assert "docs/android.md" in done.stderr
    assert not records(tmp_path)
    assert not leftovers(tmp_path)


def test_a_full_device_is_said(tmp_path, write_devices, run_phone, make_tool, next_run_works, daemon):
    folder = tmp_path / "device"
    folder.mkdir()
    # A daemon sees what was mounted when it started.
    daemon.kill()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], check=False).returncode != 0:
        pytest.skip("no tmpfs may be mounted here")
    daemon.start()
    try:
        big = make_tool("replay")
        big.write_bytes(big.read_bytes() + b"\n#" + os.urandom(400_000).hex().encode())
        write_devices(big)
        done = run_phone()
        assert done.returncode == 1
        (record,) = records(tmp_path)
        assert "No space left" in record["failure"]["message"]
        assert "free space" in record["failure"]["remedy"]
        assert not leftovers(tmp_path)
    finally:
        daemon.kill()
        # A sign of life that is under way keeps the folder in use for two seconds at most.
        deadline_s = time.monotonic() + 120
        while subprocess.run(["umount", str(folder)], check=False).returncode != 0:
            assert time.monotonic() < deadline_s, "something on the device still uses the folder"
            time.sleep(0.2)
    daemon.start()
    next_run_works(before=1)


@pytest.mark.parametrize("fault", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)])
def test_a_device_lost_while_measuring_is_a_failed_run(tmp_path, write_devices, run_phone, make_tool, daemon, fault):
    write_devices(make_tool("hang"), benchmark_model={"max_process_s": 300})

    def lose() -> None:
        deadline_s = time.monotonic() + 120
        pattern = f"{tmp_path}/device/files.*--num_runs=4"
        while time.monotonic() < deadline_s:
            if subprocess.run(["pgrep", "-f", pattern], capture_output=True, check=False).returncode == 0:
                daemon.signal(fault)
                return
            time.sleep(0.05)

    threading.Thread(target=lose, daemon=True).start()
    done = run_phone()
    daemon.signal(signal.SIGCONT)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "went away" in done.stdout + done.stderr
    (record,) = records(tmp_path)
    assert record["status"] == "failed"
    deadline_s = time.monotonic() + 120
    while any("--num_runs" in line for line in leftovers(tmp_path)):
        assert time.monotonic() < deadline_s, leftovers(tmp_path)
        time.sleep(0.1)
    if fault == signal.SIGKILL:
        daemon.kill()
        daemon.start()
    write_devices(make_tool("replay"))
    assert run_phone().returncode == 0, "the next run works"


def test_ctrl_c_leaves_nothing(tmp_path, write_devices, make_tool, bench_environment):
    write_devices(make_tool("hang"), benchmark_model={"max_process_s": 300})
    words = ["run", "--device", "phone", "--tflite", str(TFLITE), "--protocol", "short.yaml"]
    process = subprocess.Popen(
        # A test that was itself started in the background of a shell inherits that SIGINT is ignored.
        ["env", "--default-signal=INT", sys.executable, "-m", "latency_bench", *words],
        cwd=tmp_path,
        env=bench_environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pattern = f"{tmp_path}/device/files.*--num_runs=4"
    deadline_s = time.monotonic() + 120
    while subprocess.run(["pgrep", "-f", pattern], capture_output=True, check=False).returncode != 0:
        assert time.monotonic() < deadline_s
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) != 0
    deadline_s = time.monotonic() + 120
    while leftovers(tmp_path):
        assert time.monotonic() < deadline_s, leftovers(tmp_path)
        time.sleep(0.1)
    assert not records(tmp_path)
