"""Which cores a phone has, slowest first, and the mask that pins a process to some of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from latency_bench.devices import numerals
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.transports.base import Transport

_SCRIPT = """\
cd /sys/devices/system/cpu || exit 1
read online < online && echo "online $online"
for c in cpu[0-9]*; do
  speed=- capacity=-
  [ -r $c/cpufreq/cpuinfo_max_freq ] && read speed < $c/cpufreq/cpuinfo_max_freq
  [ -r $c/cpu_capacity ] && read capacity < $c/cpu_capacity
  echo "$c $speed $capacity"
done
"""
_LINE = re.compile(r"cpu([0-9]{1,4}) ([0-9]{1,9}|-) ([0-9]{1,9}|-)")
_ONLINE = re.compile(r"online ([0-9,-]{1,4000})")


@dataclass(frozen=True)
class Core:
    """One core that is online. None where the kernel does not tell."""

    number: int
    max_khz: int | None
    capacity: int | None
    """Relative to the strongest core's 1024, clock and work per clock together (Linux's cpu_capacity)."""


def read_cores(transport: Transport) -> tuple[Core, ...]:
    """Cores that are online, slowest first: little, big, prime. Raises DeviceError where the device does not tell."""
    done = transport.run(["sh", "-c", _SCRIPT], timeout_s=30)
    return parse_cores(done.stdout)


def read_offline(transport: Transport) -> tuple[int, ...]:
    """Cores that the phone has and has taken offline: what they would do is not measured, and that has to be said."""
    return parse_offline(transport.run(["sh", "-c", _SCRIPT], timeout_s=30).stdout)


def parse_offline(text: str) -> tuple[int, ...]:
    """Of what the script prints; nothing where the kernel does not tell which cores are online."""
    known = {int(found[1]) for line in text.splitlines() if (found := _LINE.fullmatch(line.strip()))}
    lists = (numerals.cpu_list(found[1]) for line in text.splitlines() if (found := _ONLINE.fullmatch(line.strip())))
    online = next((set(cpus) for cpus in lists if cpus is not None), known)
    return tuple(sorted(known - online))


def parse_cores(text: str) -> tuple[Core, ...]:
    """What the script prints. Lines that are not understood are left out; without a core it is a DeviceError."""
    online: set[int] | None = None
    cores = []
    for line in text.splitlines():
        if found := _ONLINE.fullmatch(line.strip()):
            cpus = numerals.cpu_list(found.group(1))
            online = online if cpus is None else set(cpus)
        elif found := _LINE.fullmatch(line.strip()):
            number, speed, capacity = found.groups()
            cores.append(Core(int(number), numerals.count(speed), numerals.count(capacity)))
    if online is not None:
        cores = [core for core in cores if core.number in online]
    if not cores:
        raise DeviceError(f"the device gives no usable list of its cores; it printed {text.strip()[:200]!r}")
    return tuple(sorted(cores, key=lambda core: (core.capacity or 0, core.max_khz or 0, core.number)))


def clusters(cores: Sequence[Core]) -> tuple[tuple[int, ...], ...]:
    """Numbers of the cores that are alike, slowest cluster first, e.g. ((0, 1, 2, 3), (4, 5, 6), (7,))."""
    groups: dict[tuple[int | None, int | None], list[int]] = {}
    for core in cores:
        groups.setdefault((core.capacity, core.max_khz), []).append(core.number)
    return tuple(tuple(sorted(group)) for group in groups.values())


def taskset_mask(cpus: Sequence[int]) -> str:
    """Hexadecimal mask as `taskset` takes it: (4, 5, 6, 7) is f0, (7,) is 80."""
    return f"{sum(1 << cpu for cpu in set(cpus)):x}"
