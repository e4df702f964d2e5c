"""`bench devices doctor` on the loopback phone: all right is quiet; each thing set wrong is named with its remedy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from loopback_phone import LoopbackPhone

from latency_bench.devices.probes.android import AndroidProbe
from latency_bench.devices.transports.adb import AdbTransport, open_link
from latency_bench.devices.transports.adb_options import AdbOptions


@pytest.fixture
def doctor(start_phone, tmp_path):
    """What the probe's checks find wrong: (name, remedy) of each."""
    options = AdbOptions(host="127.0.0.1", port=start_phone().port, folder=str(tmp_path / "device"))
    transport = AdbTransport(open_link(options), options.folder)

    def look() -> list[tuple[str, str]]:
        checks = AndroidProbe().checks(transport, {})
        return [(check.name, check.remedy) for check in checks if check.status != "ok"]

    yield look
    transport.close()


WRONG: dict[str, tuple[Callable[[LoopbackPhone], None], str, str]] = {
    "hot": (lambda phone: phone.set(status=2), "thermal status", "cool down"),
    "status forced": (lambda phone: phone.set(status_forced=True), "thermal status", "cmd thermalservice reset"),
    "battery forced": (lambda phone: phone.set(battery_forced=True), "battery", "dumpsys battery reset"),
    "battery low": (lambda phone: phone.set(percent=12), "battery", "charge it"),
    "battery warm": (lambda phone: phone.set(battery_tenths=412), "battery temperature", "cool down"),
    "charging": (lambda phone: phone.set(charging=True), "charging", "wireless debugging"),
    "saver": (lambda phone: phone.set(saver=True), "battery saver", "low_power 0"),
    "screen": (lambda phone: phone.set(awake=True), "screen", "keyevent 26"),
    "old": (lambda phone: phone.set(sdk=25), "Android", "Android 8"),
    "core off": (lambda phone: phone.set_online("0-6"), "cores", "wake the phone"),
}


def test_each_thing_set_wrong_is_named_with_its_remedy_and_all_right_is_quiet(doctor, loopback_phone):
    """One daemon for all: each is set wrong, named, and set right again."""
    assert doctor() == []
    for case, (set_wrong, name, remedy) in WRONG.items():
        set_wrong(loopback_phone)
        ((found, advised),) = doctor()
        assert (found, remedy in advised) == (name, True), f"{case}: {found}: {advised}"
        loopback_phone.set_right()
    assert doctor() == []


def test_the_command_tries_the_tool_and_what_it_offers(write_phone, make_tool, loopback_phone, bench):
    write_phone(make_tool("half"))
    done = bench("devices", "doctor", "phone", "--json", timeout_s=300)
    assert done.returncode == 0, done.stdout + done.stderr
    checks = {check["check"]: check for check in done.json()["checks"]}
    # The machine's own disk, memory and swap are no part of what is set here.
    own = {name for name, check in checks.items() if check["status"] != "ok"} - {"disk", "memory", "swap"}
    assert own == set()
    assert "one request works" in checks["litert"]["found"]
    assert "GPU took 183 of 366 nodes in 3 partitions by OpenCL" in checks["litert-gpu"]["found"]
    assert "cannot use an NPU" in checks["litert-npu"]["found"]
    assert "fixed performance" in checks["performance modes"]["found"]


def test_a_tool_that_fails_is_a_failed_check(write_phone, make_tool, bench):
    write_phone(make_tool("crash"))
    done = bench("devices", "doctor", "phone", "--json", timeout_s=300)
    assert done.returncode == 1
    checks = {check["check"]: check for check in done.json()["checks"]}
    assert checks["litert"]["status"] == "failed"
    assert checks["litert-gpu"]["status"] == "ok", "only what the device is measured with has to work"
