"""Wireless debugging: names that change, addresses that change, and what `adb pair` says, in its own words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.adb_program import choose, find_program
from latency_bench.devices.transports.adb_wireless import announced_address, pair, same_phone, serial_of

OLD = "adb-R5CT1234567-4meRBj._adb-tls-connect._tcp"
NEW = "adb-R5CT1234567-4meRBj (2)._adb-tls-connect._tcp"
OTHER = "adb-39071FDJG0037M-mFgVOc._adb-tls-connect._tcp"


@pytest.mark.parametrize(
    ("name", "serial"),
    [
        (OLD, "R5CT1234567"),
        (NEW, "R5CT1234567"),
        ("adb-10ADAT0U58001GJ-raBpbs", "10ADAT0U58001GJ"),
        ("R5CT1234567", "R5CT1234567"),
        ("192.168.1.5:37123", "192.168.1.5:37123"),
        ("emulator-5554", "emulator-5554"),
    ],
)
def test_the_serial_in_a_name(name: str, serial: str) -> None:
    assert serial_of(name) == serial


@pytest.mark.parametrize("asked", ["R5CT1234567", OLD, NEW])
@pytest.mark.parametrize("listed", [OLD, NEW])
def test_a_phone_that_came_back_under_another_name_is_the_same(asked: str, listed: str) -> None:
    assert choose({listed: "device", OTHER: "device"}, asked) == listed


def test_of_several_names_of_a_phone_the_one_that_answers_is_taken() -> None:
    assert choose({OLD: "offline", NEW: "device"}, "R5CT1234567") == NEW
    assert choose({OLD: "device", NEW: "device"}, NEW) == NEW, "the very name"
    assert choose({"R5CT1234567": "device", OLD: "device"}, "R5CT1234567") == "R5CT1234567", "the cable"
    with pytest.raises(UnreachableError, match="offline"):
        choose({OLD: "offline"}, "R5CT1234567")


def test_another_phone_is_never_taken() -> None:
    assert same_phone([OTHER, "192.168.1.5:37123"], "R5CT1234567") == []
    with pytest.raises(UnreachableError, match="R5CT1234567 is not attached"):
        choose({OTHER: "device"}, "R5CT1234567")


def test_where_a_phone_says_that_it_listens() -> None:
    services = (
        "List of discovered mdns services\n"
        "adb-R5CT1234567-4meRBj\t_adb-tls-pairing._tcp\t192.168.1.5:33329\n"
        "adb-R5CT1234567-4meRBj\t_adb-tls-connect._tcp\t192.168.1.5:37123\n"
        "adb-R5CT1234567-4meRBj (2)\t_adb-tls-connect._tcp.\t192.168.1.5:41373\n"
        "adb-39071FDJG0037M-mFgVOc\t_adb-tls-connect._tcp\t192.168.1.6:39111\n"
        "outro\t_googlecast._tcp\t192.168.1.20:8009\n"
    )
    assert announced_address(services, "R5CT1234567") == "192.168.1.5:41373"
    assert announced_address(services, OTHER) == "192.168.1.6:39111"
    assert announced_address(services, "unknown") is None
    assert announced_address("ERROR: mdns discovery disabled", "R5CT1234567") is None


def _says(tmp_path: Path, words: str, code: int = 0) -> str:
    """An adb that notes its arguments and its standard input, and says what a real one says."""
    program = tmp_path / "adb"
    noted = f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/input'
    program.write_text(f"#!/bin/sh\n{noted}\necho '{words}'\nexit {code}\n")
    program.chmod(0o755)
    return str(program)


def test_pairing_gives_the_serial_and_the_code_is_no_argument(tmp_path: Path) -> None:
    words = "Enter pairing code: Successfully paired to 192.168.1.5:39687 [guid=adb-10ADAT0U58001GJ-raBpbs]"
    assert pair(_says(tmp_path, words), "192.168.1.5:39687", "123456") == "10ADAT0U58001GJ"
    assert (tmp_path / "arguments").read_text() == "pair 192.168.1.5:39687\n"
    assert (tmp_path / "input").read_text() == "123456\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("Failed: Wrong password or connection was dropped.", "did not take the code"),
        ("error: unknown host service", "too old to pair"),
        ("Failed: Unable to start pairing client.", "adb said: Failed: Unable to start pairing client."),
    ],
)
def test_pairing_that_fails_says_why(tmp_path: Path, words: str, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        pair(_says(tmp_path, words, 1), "192.168.1.5:39687", "123456")


def test_the_real_adb_with_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("adbutils", reason="install the extra [android]")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ADB_MDNS", "0")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "15977")
    program = find_program(AdbOptions())
    try:
        with pytest.raises(UnreachableError, match=r"cannot pair with 127\.0\.0\.1:9; adb said") as raised:
            pair(program, "127.0.0.1:9", "123456")
        assert "Pair device with pairing code" in raised.value.remedy
    finally:
        subprocess.run([program, "kill-server"], check=False, capture_output=True, timeout=120)
