"""What adb and an Android shell say when something is wrong, and what a person has to do about it.

Every text is matched as a whole line, with the paths in it taken out first: a folder that happens to be called
"closed-models" says nothing of the link. A text that is not in the tables is passed on as it is, without a guess.

Sources: the messages of adb in Android's platform-tools (client/adb_install.cpp, client/file_sync_client.cpp,
client/commandline.cpp, client/usb_linux.cpp, transport.cpp, adb.cpp), and of mksh and toybox on devices.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.transports.adb_link import gone, unauthorised

MOST_SHOWN = 600
"""Characters of a device's own words in an error; the end of a text says more than its beginning."""

_PREFIX = re.compile(r"^(?:(?:adb|error|connect failed|failed to (?:get feature set|check server version)): *)+")
_COPY = re.compile(r"failed to copy '.*' to '.*?': (?P<reason>.*)")
_REMOTE = re.compile(r"(?:remote )?(?:couldn't create file|\w{2,20} failed(?: when trying to push to .{1,200})?): (.*)")

OLD_ANDROID = "bench needs Android 8 or newer on the phone (its shell has no {missing})"
_UDEV = (
    "this computer's user may not open the USB device: install the udev rules for Android "
    "(Debian: android-sdk-platform-tools-common), add the user to the group plugdev, and plug the phone in again"
)
_ANOTHER_FOLDER = "name a folder that may be written to with `adb: {folder: ...}` in devices.yaml"

_LINK_WORDS: tuple[tuple[str, Callable[[str, str], DeviceError]], ...] = (
    (
        r"device unauthorized\.?|failed to authenticate to .*|device still authorizing",
        lambda device, _: unauthorised(device),
    ),
    (
        r"insufficient permissions for device.*|no permissions.*",
        lambda device, words: UnreachableError(f"adb may not open the device {device}: {words}", _UDEV),
    ),
    (
        r"target doesn't support PTY args -Tt|device only supports allocating a pty",
        lambda device, _: DeviceError(
            f"the Android of {device} is too old: its shell does not report exit codes",
            "bench needs Android 8 or newer",
        ),
    ),
)
"""Whole lines about the link itself that say why it cannot be, and the error that each means for a device."""

_GONE = (
    r"device '.*' not found|device not found|device offline|no devices/emulators found|closed|protocol fault.*"
    r"|(?:.*: )?[Cc]onnection reset(?: by peer)?|failed to read copy response.*|cannot connect to daemon.*"
    r"|transport (?:error|id .* not found).*"
)
"""Whole lines that say no more than that it is not there any more."""

_FILE_WORDS: tuple[tuple[str, str], ...] = (
    (r"No space left on device|Disk quota exceeded", "free space on the device (`adb shell df /data`)"),
    (r"Permission denied|Operation not permitted|Read-only file system|Not a directory", _ANOTHER_FOLDER),
    (r"No such file or directory", "see whether something on the phone cleans that folder up, then run again"),
)
"""Why a device refused a file (strerror), and what to do."""

_MISSING_PROGRAM = re.compile(
    r"(?:E: )?(?:/[\w./-]*/)?sh(?:\[\d+\])?: (?:<stdin>\[\d+\]: |\d+: )?(?P<shell>[\w.-]+): "
    r"(?:inaccessible or )?not found"
    r"|toybox: Unknown command:? (?P<toybox>[\w.-]+).*"
    r"|(?:timeout|setsid|env|taskset): (?:exec|failed to (?:run command|execute)) "
    r"[\"'\u2018]?(?P<under>[\w.-]+)[\"'\u2019]?: No such file or directory"
)
"""Said by the shell, by toybox, or by a program that was to run another one."""

STATES = {
    "offline": (
        "does not answer (offline)",
        "plug it in again, or switch USB debugging off and on; `adb reconnect` helps at times",
    ),
    "authorizing": ("is still asking whether it may trust this computer", "accept the dialog on the phone, run again"),
    "connecting": ("is still connecting", "wait a moment and run again"),
    "recovery": ("is in recovery mode", "start its Android (`adb reboot`)"),
    "rescue": ("is in rescue mode", "start its Android (`adb reboot`)"),
    "sideload": ("is in sideload mode", "start its Android (`adb reboot`)"),
    "bootloader": ("is in its bootloader", "start its Android (`fastboot reboot`)"),
    "host": ("is an adb host, not a phone", "name the phone's serial in devices.yaml"),
}
"""States that `adb devices` prints beside a device which cannot be used in them: what that means, what to do."""


def state_error(serial: str, state: str) -> DeviceError:
    """The error for a device in a state other than `device`."""
    if state == "unauthorized":
        return unauthorised(serial)
    if state.startswith("no permissions"):
        return UnreachableError(f"adb may not open the device {serial}", _UDEV)
    what, remedy = STATES.get(state, (f"is in the state {state[:60]!r}", "see `adb devices -l`"))
    return UnreachableError(f"the device {serial} {what}", remedy)


def link_error(device: str, said: str) -> DeviceError | None:
    """The error that adb's words about the link mean; None where no line of them is one of those."""
    for line in _lines(said):
        if (error := refusal(device, line)) is not None:
            return error
        if re.fullmatch(_GONE, line):
            return gone(device, line)
    return None


def refusal(device: str, line: str) -> DeviceError | None:
    """The error that a line of adb's own means, where it says why the device cannot be used; None for any other."""
    words = _PREFIX.sub("", line)
    return next((error(device, words) for pattern, error in _LINK_WORDS if re.fullmatch(pattern, words)), None)


def transfer_error(device: str, said: str, what: str) -> DeviceError:
    """The error for a transfer that failed (`what`: "adb push failed"), by what adb or the device said of it."""
    if (error := link_error(device, said)) is not None:
        return error
    for line in _lines(said):
        copy = _COPY.fullmatch(line)
        reason = copy["reason"] if copy else line
        refused = _REMOTE.fullmatch(reason)
        because = refused[1] if refused else reason
        if copy and (error := link_error(device, reason)) is not None:
            return error
        for pattern, remedy in _FILE_WORDS:
            if re.fullmatch(pattern, because):
                return DeviceError(f"the device {device} refused the file: {reason}", remedy)
    return DeviceError(f"{what}; the tool said: {shown(said)}", "see docs/android.md, and run again")


def missing_program(said: str) -> str | None:
    """The program that an Android shell has not found, by its own words; None where it says nothing of the kind."""
    for line in _lines(said):
        if found := _MISSING_PROGRAM.fullmatch(line):
            return found["shell"] or found["toybox"] or found["under"]
    return None


def shell_error(device: str, said: str, what: str, remedy: str = "") -> DeviceError:
    """The error for a command of ours that failed in the device's shell (`what`: "cannot make /data/...")."""
    if (program := missing_program(said)) is not None:
        return DeviceError(f"{what} on {device}: its Android is too old", OLD_ANDROID.format(missing=program))
    for line in _lines(said):
        reason = line.rpartition(": ")[2].strip("'")
        for pattern, file_remedy in _FILE_WORDS:
            if re.fullmatch(pattern, reason):
                return DeviceError(f"{what} on {device}: {line}", file_remedy)
    return DeviceError(f"{what} on {device}; the device said: {shown(said)}", remedy)


def shown(said: str) -> str:
    """Words of a program for an error: on one line, their end where they are long."""
    text = " ".join(said.split())
    if not text:
        return "nothing"
    return text if len(text) <= MOST_SHOWN else f"... {text[-MOST_SHOWN:]}"


def _lines(said: str) -> list[str]:
    """The lines of a text without adb's own prefixes; progress and hints are lines like others."""
    return [_PREFIX.sub("", line.strip()) for line in said.splitlines() if line.strip()]
