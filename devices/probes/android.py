"""An Android phone: what it is, and how it feels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from latency_bench.devices.checks import Check, guarded
from latency_bench.devices.probes.android_checks import busy_checks, condition_checks, core_checks, system_checks
from latency_bench.devices.probes.android_chip import chip_facts
from latency_bench.devices.probes.android_condition import THERMAL_STATUS, read_condition
from latency_bench.devices.probes.android_cpus import clusters, read_cores, read_offline, taskset_mask
from latency_bench.devices.probes.android_zones import HEATED, choose_zones, place_of, temperature_c, unused_zones
from latency_bench.devices.probes.base import Probe, Reading
from latency_bench.devices.probes.conditions import Conditions, gigabytes, part
from latency_bench.devices.probes.governor import limits_agree
from latency_bench.devices.probes.observed import Answer, ObservedRun, ProbeFlag, ThrottleEvidence
from latency_bench.devices.probes.readings import CPU_TIME_BUSY, FREQUENCY, MEMORY_AVAILABLE, TEMPERATURE
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.setting import SettingValue

_FORCED = {
    "thermal_status_overridden": ("thermal status", "reset it: adb shell cmd thermalservice reset"),
    "battery_overridden": ("battery", "reset it: adb shell dumpsys battery reset"),
}
"""Facts of the condition that say it was set by hand: what was set, and the command that undoes it."""
_PROPERTIES = {
    "manufacturer": ("ro.product.manufacturer",),
    "model": ("ro.product.model",),
    "abi": ("ro.product.cpu.abi",),
    "android": ("ro.build.version.release",),
    "sdk": ("ro.build.version.sdk",),
    "build": ("ro.build.fingerprint",),
    "security_patch": ("ro.build.version.security_patch",),
}
_PROPERTY = re.compile(r"^\[([\w.\-]{1,128})\]: \[([^\]\x00-\x1f]{0,256})\]\s*$", re.M)
# Everything with the shell's own `read`: a process a file would load the phone that is being measured.
_READ_SCRIPT = """\
for c in /sys/devices/system/cpu/cpu[0-9]*; do
  [ -r $c/cpufreq/scaling_cur_freq ] && read v < $c/cpufreq/scaling_cur_freq && echo "f ${c##*/} $v"
done
for z in ZONES; do
  read t < $z/type && read v < $z/temp && echo "t ${z##*/} $t $v"
done
while read k v u; do
  [ "$k" = MemAvailable: ] && echo "m $v"
done < /proc/meminfo
read a u n s i w q o x < /proc/stat && echo "c $u $n $s $q $o"
true
"""
_ZONE_SCRIPT = """\
for z in /sys/class/thermal/thermal_zone[0-9]*; do
  read t < $z/type && echo "$z $t"
done 2>/dev/null
true
"""
_MODES_SCRIPT = """\
cmd power help 2>/dev/null | grep -o set-fixed-performance-mode-enabled | head -n 1
cmd game help >/dev/null 2>&1 && echo game-service
true
"""
_BUSY_SCRIPT = """\
look() { read up rest < /proc/uptime; read a u n s i w q o x < /proc/stat; echo "$up c $u $n $s $q $o"; }
look; sleep 1; look
"""
_ZONE = re.compile(r"(/sys/class/thermal/thermal_zone\d{1,4}) (\S{1,64})")


class AndroidProbe(Probe):
    name = "android"
    cool_c = 40.0
    """A phone at rest in a room; makers begin to slow down from skin temperatures of 40 to 45."""

    def __init__(self) -> None:
        self._read_command: list[str] | None = None

    def fingerprint(self, transport: Transport) -> dict[str, Any]:
        facts = parse_properties(transport.run(["getprop"], timeout_s=30).stdout)
        kernel = transport.read_text("/proc/sys/kernel/osrelease")
        cores = read_cores(transport)
        facts |= {
            "kernel": kernel.strip()[:200] if kernel else None,
            "logical_cpus": len(cores),
            "clusters": [
                {"cpus": list(group), "max_khz": next(core.max_khz for core in cores if core.number == group[0])}
                for group in clusters(cores)
            ],
            "frequency": _frequency(transport),
            "condition": read_condition(transport),
            "link": getattr(transport, "facts", None),
            "offline_cpus": list(read_offline(transport)),
            "thermal_zones_not_used": unused_zones(_zones(transport)),
        }
        memory = re.search(r"^MemTotal:\s+([0-9]{1,12}) kB", transport.read_text("/proc/meminfo") or "", re.M)
        if memory:
            facts["memory_total_bytes"] = int(memory.group(1)) * 1024
        return {name: value for name, value in facts.items() if value not in (None, {}, "", [])}

    def read(self, transport: Transport) -> list[Reading]:
        """One command for everything, pinned to the slowest core, which no measurement uses by default."""
        if self._read_command is None:
            script = _READ_SCRIPT.replace("ZONES", " ".join(choose_zones(_zones(transport))))
            self._read_command = ["taskset", taskset_mask([read_cores(transport)[0].number]), "sh", "-c", script]
        return parse_readings(transport.run(self._read_command, timeout_s=20).stdout)

    def is_heat(self, reading: Reading) -> bool:
        """Battery and power chips stay warm for long, and follow the rest."""
        return place_of(reading.source.partition(" ")[2]) in HEATED

    def checks(self, transport: Transport, settings: Mapping[str, SettingValue]) -> Iterator[Check]:
        yield from guarded("Android", _system_checks(transport))
        yield from guarded("condition", _condition_checks(transport))
        yield from guarded("cores", _core_checks(transport))
        yield from guarded("background load", busy_checks(_busy_cores(transport)))

    @classmethod
    def conditions(cls, facts: Any, tuned: Mapping[str, Any]) -> Conditions:
        known = facts if isinstance(facts, dict) else {}
        frequency, condition = part(facts, "frequency"), part(facts, "condition")
        return Conditions.of(
            device={
                "phone": _words(known, "manufacturer", "model"),
                "SoC": _words(known, "soc_manufacturer", "soc"),
                "memory": gigabytes(known.get("memory_total_bytes")),
            },
            system={
                "Android": known.get("android"),
                "build": known.get("build"),
                "kernel": known.get("kernel"),
                "abi": known.get("abi"),
                # Cores are taken offline and back by the phone itself.
                "cores": _clusters(known.get("clusters")),
                "cores offline": known.get("offline_cpus"),
                **{f"cpu {name}": frequency.get(name) for name in ("governor", "min_khz", "max_khz")},
                "screen": condition.get("screen"),
                "battery saver": condition.get("battery_saver"),
                "battery": condition.get("battery_status"),
                "powered by": condition.get("powered_by"),
            },
        )

    @classmethod
    def clocks_locked(cls, run: ObservedRun) -> Answer:
        return limits_agree(part(run.facts, "frequency"))

    @classmethod
    def throttling(cls, run: ObservedRun) -> ThrottleEvidence:
        """The phone's own thermal status, where it was above none (0) before or after a round.

        Status 0 at both ends is no proof: it may rise and fall in between, and makers throttle below it.
        """
        hottest = 0
        for one in run.rounds:
            for condition in (part(one.hello, "condition_before"), part(one.done, "condition_after")):
                status = condition.get("thermal_status")
                hottest = max(hottest, status if isinstance(status, int) else 0)
        if hottest <= 0:
            return ThrottleEvidence()
        word = THERMAL_STATUS[min(hottest, len(THERMAL_STATUS) - 1)]
        return ThrottleEvidence(signs=(f"Android's thermal status was {word} ({hottest})",))

    @classmethod
    def flags(cls, run: ObservedRun) -> list[ProbeFlag]:
        """What tools have set on the phone is no observation; a core that is off is missing from the number."""
        forced = set()
        for one in run.rounds:
            for condition in (part(one.hello, "condition_before"), part(one.done, "condition_after")):
                forced |= {name for name in _FORCED if condition.get(name)}
        flags = [
            ProbeFlag(name, "warning", f"the phone's {what} was set by a tool, not measured", remedy)
            for name, (what, remedy) in sorted(_FORCED.items())
            if name in forced
        ]
        offline = run.facts.get("offline_cpus") if isinstance(run.facts, dict) else None
        if isinstance(offline, list) and offline:
            cores = ", ".join(map(str, offline))
            remedy = "wake the phone and leave power saving modes, so that it brings all cores online"
            flags.append(ProbeFlag("cores_offline", "warning", f"core {cores} of the phone was offline", remedy))
        return flags


def _system_checks(transport: Transport) -> Iterator[Check]:
    facts = parse_properties(transport.run(["getprop"], timeout_s=30).stdout)
    sdk = str(facts.get("sdk", ""))
    services = transport.run(["sh", "-c", _MODES_SCRIPT], timeout_s=30).stdout
    yield from system_checks(
        int(sdk) if _digits(sdk) else None,
        facts.get("android"),
        fixed_performance="set-fixed-performance-mode-enabled" in services,
        game_mode="game-service" in services,
    )


def _busy_cores(transport: Transport) -> float | None:
    """Cores busy on average over a second in which nothing of ours runs; None where the phone does not tell."""
    counted = [
        (at_s, reading.value)
        for at_s, text in ((float(line.split()[0]), line) for line in _two_looks(transport))
        for reading in parse_readings(text.partition(" ")[2])
    ]
    if len(counted) != 2 or counted[1][0] <= counted[0][0]:
        return None
    return max(0.0, (counted[1][1] - counted[0][1]) / (counted[1][0] - counted[0][0]))


def _two_looks(transport: Transport) -> list[str]:
    """`UPTIME c USER NICE SYSTEM IRQ SOFTIRQ`, twice."""
    lines = transport.run(["sh", "-c", _BUSY_SCRIPT], timeout_s=30).stdout.splitlines()
    return [line for line in lines if re.fullmatch(r"[0-9]{1,10}(?:\.[0-9]{1,3})? c(?: [0-9]{1,15}){5}", line)]


def _condition_checks(transport: Transport) -> Iterator[Check]:
    yield from condition_checks(read_condition(transport))


def _core_checks(transport: Transport) -> Iterator[Check]:
    governors = _frequency(transport).get("governor")
    yield from core_checks(read_offline(transport), clusters(read_cores(transport)), governors)


def _words(facts: dict[str, Any], *names: str) -> str:
    """`Google Pixel 8 Pro`: the texts that are known, one after the other."""
    return " ".join(word for name in names if isinstance(word := facts.get(name), str))


def _clusters(clusters: Any) -> list[str]:
    """`4 x 1803200 kHz`, one text a cluster, slowest first."""
    known = [one for one in clusters if isinstance(one, dict)] if isinstance(clusters, list) else []
    return [f"{len(one['cpus'])} x {one.get('max_khz')} kHz" for one in known if isinstance(one.get("cpus"), list)]


def parse_properties(text: str) -> dict[str, Any]:
    """`getprop`'s output as facts."""
    properties = dict(_PROPERTY.findall(text))
    facts: dict[str, Any] = {}
    for name, keys in _PROPERTIES.items():
        if value := next((properties[key].strip() for key in keys if properties.get(key, "").strip()), None):
            facts[name] = value
    return {**facts, **chip_facts(properties)}


def parse_zones(text: str) -> list[tuple[str, str]]:
    """(path, name) of every thermal zone that the script lists."""
    return _ZONE.findall(text)


def parse_readings(text: str) -> list[Reading]:
    """What the script prints. A line that is not understood is left out: a reading is absent, never guessed."""
    readings = []
    for line in text.splitlines():
        words = line.split()
        if not words or not all(word.lstrip("-").isascii() for word in words):
            continue
        kind, *rest = words
        if kind == "f" and len(rest) == 2 and re.fullmatch(r"cpu[0-9]{1,4}", rest[0]) and _digits(rest[1]):
            readings.append(FREQUENCY.of(rest[0], int(rest[1]) / 1000))
        elif kind == "t" and len(rest) == 3 and re.fullmatch(r"-?[0-9]{1,7}", rest[2]):
            degrees = temperature_c(rest[1], int(rest[2]))
            if degrees is not None:
                readings.append(TEMPERATURE.of(f"{rest[0]} {rest[1]}"[:80], degrees))
        elif kind == "m" and len(rest) == 1 and _digits(rest[0]):
            readings.append(MEMORY_AVAILABLE.of("system", int(rest[0]) * 1024))
        elif kind == "c" and len(rest) == 5 and all(map(_digits, rest)):
            # USER_HZ is 100 for everything that Linux tells user space (man 5 proc).
            readings.append(CPU_TIME_BUSY.of("cpu", sum(map(int, rest)) / 100))
    return readings


def _zones(transport: Transport) -> list[tuple[str, str]]:
    return parse_zones(transport.run(["sh", "-c", _ZONE_SCRIPT], timeout_s=30).stdout)


def _digits(word: str) -> bool:
    return re.fullmatch(r"[0-9]{1,15}", word) is not None


def _frequency(transport: Transport) -> dict[str, Any]:
    """Governor and limits, one value where all cores agree, else a list in the order of the cores."""
    script = """\
for c in /sys/devices/system/cpu/cpu[0-9]*/cpufreq; do
  read g < $c/scaling_governor && read l < $c/scaling_min_freq && read h < $c/scaling_max_freq && echo "$g $l $h"
done 2>/dev/null
true
"""
    rows = [
        found.groups()
        for line in transport.run(["sh", "-c", script], timeout_s=30).stdout.splitlines()
        if (found := re.fullmatch(r"([\w\-]{1,32}) ([0-9]{1,9}) ([0-9]{1,9})", line.strip()))
    ]
    facts: dict[str, Any] = {}
    for index, name in enumerate(("governor", "min_khz", "max_khz")):
        values = [row[index] for row in rows]
        if values:
            facts[name] = values[0] if len(set(values)) == 1 else values
    return facts
