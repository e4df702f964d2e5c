"""Android's wireless debugging: pairing once by code, and a phone by its serial whatever the network calls it now.

A phone that is paired announces itself as `adb-SERIAL-RANDOM` (mDNS, `_adb-tls-connect._tcp`), at a port that changes
each time debugging is switched on. adb lists it as `adb-SERIAL-RANDOM._adb-tls-connect._tcp`, with ` (2)` and so on
behind RANDOM where the network still remembers an earlier announcement, or by its address where that was connected to.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable

from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.transports.adb_words import shown

_NAME = re.compile(r"adb-(?P<serial>[A-Za-z0-9]{4,40})-\w{4,12}(?: \(\d{1,3}\))?(?:\._adb-tls-connect\._tcp\.?)?")
_SERVICE = re.compile(
    r"(?P<name>adb-.{1,80}?)\s+_adb-tls-connect\._tcp\.?\s+(?P<address>[0-9A-Za-z.\[\]:%-]{3,60}:\d{1,5})"
)
_ADDRESS = re.compile(r"[0-9A-Za-z.\[\]%-]{1,60}:\d{1,5}")
_PAIRED = re.compile(r"Successfully paired to \S+ \[guid=(?P<name>[\w ().-]{1,80})\]")
_PAIRING_S = 60.0
_HOW = (
    'open "Pair device with pairing code" in the phone\'s wireless debugging, and give the address and the code that '
    "it shows while that is open; both are new each time"
)


def serial_of(name: str) -> str:
    """The phone's own serial in a wireless name; any other name is a serial itself."""
    found = _NAME.fullmatch(name.strip())
    return found["serial"] if found else name


def same_phone(names: Iterable[str], serial: str) -> list[str]:
    """Which of adb's names may be the phone of this serial, or of this older name of it: the very name first."""
    listed = sorted(names)
    exact = [name for name in listed if name == serial]
    return exact or [name for name in listed if serial_of(name) == serial_of(serial)]


def is_address(name: str) -> bool:
    """Whether adb knows a device by its address, which says nothing of its serial."""
    return _ADDRESS.fullmatch(name) is not None


def announced_address(services: str, serial: str) -> str | None:
    """Where the phone of this serial says that it listens, from `adb mdns services`; the last announcement counts."""
    addresses = [
        found["address"]
        for line in services.splitlines()
        if (found := _SERVICE.fullmatch(line.strip())) and serial_of(found["name"]) == serial_of(serial)
    ]
    return addresses[-1] if addresses else None


def pair(program: str, address: str, code: str) -> str:
    """Pair with the phone that listens there. Returns its serial. Raises DeviceError, UnreachableError.

    The code goes through standard input: arguments of a process can be read by everybody on this computer.
    """
    try:
        done = subprocess.run(
            [program, "pair", address],
            input=f"{code}\n",
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PAIRING_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"{address} did not answer within {_PAIRING_S:.0f} s", _HOW) from None
    except OSError as error:
        raise DeviceError(f"cannot start {program}: {error.strerror or error}", "install platform-tools") from None
    said = f"{done.stdout}\n{done.stderr}"
    if found := _PAIRED.search(said):
        return serial_of(found["name"])
    words = said.replace("Enter pairing code:", "")
    if "Wrong password" in words:
        raise DeviceError(f"the phone at {address} did not take the code", _HOW)
    if "unknown host service" in words or "unknown command" in words:
        raise DeviceError("this adb is too old to pair", "install platform-tools 30 or newer")
    raise UnreachableError(f"cannot pair with {address}; adb said: {shown(words)}", _HOW)
