"""What adb and Android's shells said on real machines, and what a person is told to do about it."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.transports.adb_options import AdbOptions
from latency_bench.devices.transports.adb_program import choose, states_of
from latency_bench.devices.transports.adb_words import link_error, missing_program, refusal, shell_error, transfer_error

TEXTS = Path(__file__).parents[1] / "android_texts"


def text(number: int) -> str:
    (path,) = TEXTS.glob(f"{number:02d}-*.txt")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("number", "message", "remedy"),
    [
        (69, "refused the file: remote couldn't create file: Permission denied", "adb: {folder: ...}"),
        (70, "refused the file: remote couldn't create file: Permission denied", "adb: {folder: ...}"),
        (72, "refused the file: remote couldn't create file: Read-only file system", "adb: {folder: ...}"),
        (73, "refused the file: remote fchown failed: Operation not permitted", "adb: {folder: ...}"),
        (75, "adb may not open the device", "udev rules"),
        (76, "too old", "Android 8"),
        (78, "does not trust this computer", "accept the dialog"),
        (79, "went away: device '0123456789ABCDEF' not found", "check cable"),
        (80, "does not trust this computer", "accept the dialog"),
    ],
)
def test_a_transfer_that_failed(number: int, message: str, remedy: str) -> None:
    error = transfer_error("phone-1", text(number), "adb push failed")
    assert message in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(
    "said",
    [
        "error: closed",
        "adb: error: failed to copy 'a' to '/data/local/tmp/b': Connection reset by peer",
        "adb: error: failed to read copy response: EOF",
        "error: protocol fault (couldn't read status): Connection reset by peer",
        "error: no devices/emulators found",
        "error: device offline",
    ],
)
def test_a_link_that_broke(said: str) -> None:
    error = transfer_error("phone-1", said, "adb push failed")
    assert isinstance(error, UnreachableError)
    assert "went away" in error.message


@pytest.mark.parametrize(
    "said",
    [
        "adb: error: failed to copy 'x' to '/sdcard/y': remote fchmod failed: Operation not permitted",
        "adb: error: stat failed when trying to push to /data: Permission denied",
    ],
)
def test_a_refusal_by_whatever_call_it_came(said: str) -> None:
    error = transfer_error("phone-1", said, "adb push failed")
    assert "refused the file" in error.message
    assert "adb: {folder: ...}" in error.remedy


def test_a_full_device() -> None:
    said = "adb: error: failed to copy 'm.tflite' to '/data/x': remote write failed: No space left on device"
    assert "free space" in transfer_error("phone-1", said, "adb push failed").remedy


def test_connections_that_are_refused() -> None:
    assert link_error("192.168.1.5:5555", text(82)) is None, "that is the address, not the device's trust"
    error = link_error("192.168.1.5:5555", text(83))
    assert error is not None
    assert "does not trust this computer" in error.message


@pytest.mark.parametrize("number", [84])
@pytest.mark.parametrize("program", ["sha256sum", "setsid", "timeout"])
def test_an_android_that_lacks_a_program(number: int, program: str) -> None:
    error = shell_error("phone-1", text(number).replace("sha256sum", program), "cannot make /data/local/tmp/bench")
    assert "too old" in error.message
    assert f"Android 8 or newer on the phone (its shell has no {program})" in error.remedy
    assert "free space" not in str(error)


@pytest.mark.parametrize(
    "said",
    [
        "/bin/sh: 3: setsid: not found",
        "/system/bin/sh[3]: setsid: not found",
        "/vendor/bin/sh: setsid: inaccessible or not found",
        "E: /bin/sh: setsid: inaccessible or not found",
        "sh: <stdin>[3]: setsid: inaccessible or not found",
        "timeout: exec setsid: No such file or directory",
        "timeout: failed to run command \u2018setsid\u2019: No such file or directory",
        "timeout: failed to run command 'setsid': No such file or directory",
    ],
)
def test_a_missing_program_by_whoever_was_to_run_it(said: str) -> None:
    assert missing_program(said) == "setsid"
    assert missing_program(said.replace("setsid", "/data/local/tmp/my tool")) is None, "a file of ours is no program"


@pytest.mark.parametrize(
    "said", ["error: device only supports allocating a pty", "error: target doesn't support PTY args -Tt"]
)
def test_an_android_without_exit_codes_by_the_words_of_old_and_new_adb(said: str) -> None:
    error = refusal("phone-1", said)
    assert error is not None
    assert "too old" in error.message


@pytest.mark.parametrize(
    "said",
    [
        "adb: error: connect failed: closed",
        "error: failed to get feature set: device offline",
        "adb: failed to check server version: cannot connect to daemon",
    ],
)
def test_where_a_reason_is_behind_what_failed(said: str) -> None:
    assert "went away" in transfer_error("phone-1", said, "adb push failed").message


def test_the_devices_that_adb_lists() -> None:
    assert states_of(text(67)) == {"0123456789ABCDEF": "device"}
    assert states_of(text(66)) == {"0123456789ABCDEF": "unauthorized", "emulator-5554": "offline"}
    assert states_of("List of devices attached\n????????????\tno permissions\n(no serial number)\tdevice\n") == {
        "????????????": "no permissions",
        "(no serial number)": "device",
    }


def test_one_of_two_wireless_names_can_be_named() -> None:
    devices = states_of(text(64))
    serial = "adb-XXXXXXXX-4meRBj (2)._adb-tls-connect._tcp"
    assert serial in devices
    assert choose(devices, AdbOptions(serial=serial).serial) == serial
    with pytest.raises(DeviceError, match="2 Android devices are attached"):
        choose(devices, None)


@pytest.mark.parametrize("serial", ["-s", "a\nb", "a\tb", " a", "", "x" * 200])
def test_what_is_no_serial_is_refused(serial: str) -> None:
    with pytest.raises(ValueError, match="serial"):
        AdbOptions(serial=serial)


@pytest.mark.parametrize(
    ("listed", "message", "remedy"),
    [
        (62, "may not open the device", "udev rules"),
        ("recovery", "recovery mode", "adb reboot"),
        ("sideload", "sideload mode", "adb reboot"),
        ("authorizing", "still asking", "accept the dialog"),
        ("offline", "offline", "plug it in again"),
        ("unauthorized", "does not trust", "accept the dialog"),
        ("something new", "'something new'", "adb devices -l"),
    ],
)
def test_a_device_in_a_state_it_cannot_be_used_in(listed: int | str, message: str, remedy: str) -> None:
    said = text(listed) if isinstance(listed, int) else f"List of devices attached\n0123456789ABCDEF\t{listed}\n"
    with pytest.raises(DeviceError) as raised:
        choose(states_of(said), "0123456789ABCDEF")
    assert message in raised.value.message
    assert remedy in raised.value.remedy


def test_several_devices_are_listed_with_their_states() -> None:
    with pytest.raises(DeviceError, match=r"0123456789ABCDEF \(unauthorized\), emulator-5554 \(offline\)"):
        choose(states_of(text(66)), None)


def test_a_reason_at_the_end_of_a_long_text_is_kept() -> None:
    said = f"adb: error: failed to copy '{'/deep' * 200}/m.tflite' to '/data/x': remote something new happened"
    assert "remote something new happened" in str(transfer_error("phone-1", said, "adb push failed"))


def test_an_unknown_text_is_passed_on_without_a_guess() -> None:
    for said in ("error: the folder closed-models is closed today", "error: device offline mode is experimental"):
        error = transfer_error("phone-1", said, "adb push failed")
        assert not isinstance(error, UnreachableError)
        assert said in error.message


def test_mutated_texts_never_raise_anything_else() -> None:
    draw = random.Random(0)
    for number in (62, 64, 66, 69, 70, 75, 78, 79, 83, 84):
        for _ in range(60):
            changed = list(text(number))
            for _ in range(draw.randrange(1, 6)):
                changed[draw.randrange(len(changed))] = draw.choice(string.printable)
            said = "".join(changed)
            assert isinstance(transfer_error("phone-1", said, "adb push failed"), DeviceError)
            assert isinstance(shell_error("phone-1", said, "mkdir failed"), DeviceError)
            states_of(said)
