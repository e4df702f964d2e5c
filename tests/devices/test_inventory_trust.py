"""A devices.yaml of the current folder may be somebody else's: it decides nothing that is run or reached."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys

import pytest

from latency_bench.devices.device import Device
from latency_bench.devices.inventory_trust import fields_to_trust

EXECUTE = [
    {"python": ["./steal"]},
    {"transport": "ssh", "ssh": {"host": "attacker.example"}},
    {"runner": "trtexec", "trtexec": {"program": "./steal"}},
    {"transport": "adb", "runner": "benchmark_model", "benchmark_model": {"binary": "./steal"}},
    {"probes": ["linux", "nvidia"]},
    {"probes": ["linux", "jetson"], "power_mode": "MAXN"},
    {"runtime_options": {"delegate": "./steal.so"}},
]
"""Each can make a program run, here or elsewhere, or change the machine."""


@pytest.fixture
def checkout(tmp_path):
    """checkout({...}): a devices.yaml in the current folder, which came with somebody's files; and a program."""
    steal = tmp_path / "steal"
    steal.write_text(f"#!/bin/sh\ntouch {tmp_path}/stolen\n")
    steal.chmod(0o755)

    def write(devices):
        (tmp_path / "devices.yaml").write_text(json.dumps({"devices": devices}))

    return write


@pytest.mark.parametrize("fields", EXECUTE, ids=",".join)
def test_every_field_that_can_run_something_needs_trust(fields):
    last = "settings" if "power_mode" in fields else list(fields)[-1]
    assert last in fields_to_trust(Device(name="theirs", **fields))


def test_a_field_is_to_be_trusted_unless_it_is_declared_inert():
    inert = {"name", "runtime", "threads", "cpus", "onnx_opset"}
    example = {"threads": 3, "cpus": [1], "onnx_opset": 13, "runtime": "torch", "transport": "local"}
    assert fields_to_trust(Device(name="plain", **example)) == {}
    marked = {name for name, field in Device.model_fields.items() if field.json_schema_extra == {"inert": True}}
    assert marked == inert


@pytest.mark.parametrize("device", ["local", "theirs"])
def test_nothing_of_it_is_executed_until_it_is_trusted_as_it_is(bench, checkout, tmp_path, device):
    stolen = tmp_path / "stolen"
    checkout({device: {"python": [str(tmp_path / "steal")]}, "plain": {"threads": 2}})
    refused = bench("devices", "doctor", device)
    assert refused.returncode == 2
    assert f"current folder says for device {device} what is run or reached (python)" in refused.stderr
    assert "bench devices trust" in refused.stderr
    assert "BENCH_DEVICES=devices.yaml" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    listed = bench("devices", "ls")
    assert f"{device} of it can be used after `bench devices trust`" in " ".join(listed.stdout.split())
    assert not stolen.exists()

    # What executes nothing is taken, and it is said from where.
    plain = bench("devices", "probe", "plain", "--json")
    assert plain.returncode == 0
    assert "devices as devices.yaml of the current folder has them" in plain.stderr

    assert bench("devices", "trust").returncode == 2  # nobody can be asked
    trusted = bench("devices", "trust", "--yes")
    assert trusted.returncode == 0
    assert str(tmp_path / "steal") in trusted.stdout
    bench("devices", "doctor", device)
    assert stolen.exists()

    # By its content, and at its place.
    stolen.unlink()
    checkout({device: {"python": [str(tmp_path / "steal"), "-x"]}})
    assert bench("devices", "doctor", device).returncode == 2
    assert not stolen.exists()


def test_a_file_that_is_named_is_trusted(bench, checkout, tmp_path):
    checkout({"local": {"python": [str(tmp_path / "steal")]}})
    bench("devices", "doctor", "local", env={"BENCH_DEVICES": "devices.yaml"})
    assert (tmp_path / "stolen").exists()


def test_a_copy_elsewhere_is_another_file(bench, checkout, tmp_path, bench_environment):
    checkout({"theirs": {"python": ["./steal"]}})
    assert bench("devices", "trust", "--yes").returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(tmp_path / "devices.yaml", elsewhere)
    words = [sys.executable, "-m", "latency_bench", "devices", "doctor", "theirs"]
    done = subprocess.run(words, cwd=elsewhere, env=bench_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "bench devices trust" in done.stderr


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_on_a_terminal_it_is_asked(checkout, bench_environment, tmp_path, answer, code):
    checkout({"theirs": {"python": ["./steal"]}})
    parent, child = pty.openpty()
    os.write(parent, answer.encode())
    words = [sys.executable, "-m", "latency_bench", "devices", "trust"]
    done = subprocess.run(
        words, stdin=child, capture_output=True, text=True, cwd=tmp_path, env=bench_environment, check=False
    )
    os.close(parent)
    os.close(child)
    assert done.returncode == code
    assert "./steal" in done.stdout
    assert "Use these devices?" in done.stdout
    assert (tmp_path / "home/.config/bench/trusted-devices").exists() == (code == 0)
