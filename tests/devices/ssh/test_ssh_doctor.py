"""`bench devices doctor`: one line a check, what to do, and an exit code."""

from __future__ import annotations


def _checks(done) -> dict[str, dict]:
    return {one["check"]: one for one in done.json()["checks"]}


def test_a_healthy_device(remote):
    done = remote.bench("devices", "doctor", "remote", "--json")
    checks = _checks(done)
    assert done.returncode == 0, done.stdout
    assert {
        name: checks[name]["status"] for name in ("reachable", "disk", "python", "numpy", "clock")
    } == dict.fromkeys(("reachable", "disk", "python", "numpy", "clock"), "ok")
    assert checks["onnxruntime modules"]["found"] == "onnxruntime"
    remote.server.wait_until_tidy()


def test_a_jetson_and_a_tensorrt_that_reads_old_files_only(remote):
    remote.jetson("8.2", onnx_opset=17)
    done = remote.bench("devices", "doctor", "remote", "--json")
    checks = _checks(done)
    assert done.returncode == 1
    assert checks["trtexec"]["found"].startswith("TensorRT 8.2.1")
    assert checks["onnx opset"]["status"] == "failed"
    assert "13" in checks["onnx opset"]["remedy"]
    assert checks["power mode"]["found"] == "MODE_15W"
    assert checks["clocks"]["status"] == "warning"
    assert "lock" in checks["clocks"]["remedy"]


def test_every_failure_has_its_remedy(remote):
    remote.configure(python=["/nowhere/python3"], probes=["linux", "jetson"])
    done = remote.bench("devices", "doctor", "remote", "--json")
    assert done.returncode == 1
    failed = {name: one for name, one in _checks(done).items() if one["status"] == "failed"}
    assert set(failed) == {"python", "power mode"}
    assert all(one["remedy"] for one in failed.values())
    shown = remote.bench("devices", "doctor", "remote")
    assert shown.returncode == 1
    assert "/nowhere/python3" in shown.stdout


def test_a_device_that_cannot_be_reached(remote):
    remote.server.known_hosts.write_text("")
    done = remote.bench("devices", "doctor", "remote", "--json")
    assert done.returncode == 1
    check = _checks(done)["reachable"]
    assert check["status"] == "failed"
    assert "ssh_host_ed25519_key.pub" in check["remedy"]


def test_this_computer(bench):
    done = bench("devices", "doctor", "local", "--json")
    assert _checks(done)["reachable"]["status"] == "ok"
    assert done.returncode == (0 if done.json()["passed"] else 1)
