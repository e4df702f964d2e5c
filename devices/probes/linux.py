"""A Linux machine, read from procfs and sysfs alone, so that it works over any transport."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from latency_bench.devices import numerals
from latency_bench.devices.probes.address_space import address_space_limit_bytes
from latency_bench.devices.probes.base import Probe, Reading
from latency_bench.devices.probes.conditions import Conditions, gigabytes, part
from latency_bench.devices.probes.governor import limits_agree
from latency_bench.devices.probes.observed import Answer, ObservedRun, ProbeFlag
from latency_bench.devices.probes.readings import (
    CPU_TIME_BUSY,
    CPU_TIME_STEAL,
    FREQUENCY,
    LOAD_AVERAGE,
    MEMORY_AVAILABLE,
    TEMPERATURE,
)
from latency_bench.devices.transports.base import Transport

# Only what decides which kernels a runtime picks: the whole list of flags is long and says no more.
_VECTOR_EXTENSIONS = (
    *("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile"),
    *("asimd", "asimdhp", "asimddp", "sve", "i8mm", "bf16"),
)
_ARM_PART = ("CPU implementer", "CPU part", "CPU variant", "CPU revision")
EMULATED = "emulated processor"
"""QEMU without the machine's own virtualisation: `implementer 0x00` is none of ARM's licensees (Arm Architecture
Reference Manual, MIDR_EL1: reserved for software), and QEMU's `max` processor has it."""
_FREQUENCY_CONDITIONS = ("governor", "driver", "min_khz", "max_khz", "turbo")
_CPUFREQ = "/sys/devices/system/cpu/cpu[0-9]*/cpufreq"


class LinuxProbe(Probe):
    name = "linux"

    def fingerprint(self, transport: Transport) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "cpu": _cpu(transport),
            "memory_total_bytes": _memory_bytes(transport, "MemTotal"),
            "swap_total_bytes": _memory_bytes(transport, "SwapTotal"),
            "address_space_limit_bytes": address_space_limit_bytes(transport.read_text),
            "kernel": _line(transport, "/proc/sys/kernel/osrelease"),
            "os": _os_name(transport),
            "virtualised": _virtualised(transport),
            "frequency": _frequency(transport),
            "load_average_1min": _load_average(transport),
            "transparent_hugepages": _chosen(_line(transport, "/sys/kernel/mm/transparent_hugepage/enabled")),
            "aslr": _line(transport, "/proc/sys/kernel/randomize_va_space"),
        }
        return {name: value for name, value in facts.items() if value not in (None, {}, "")}

    def read(self, transport: Transport) -> list[Reading]:
        return [*_frequencies(transport), *_temperatures(transport), *_load(transport), *_cpu_times(transport)]

    @classmethod
    def conditions(cls, facts: Any, tuned: Mapping[str, Any]) -> Conditions:
        cpu, frequency = part(facts, "cpu"), part(facts, "frequency")
        known = facts if isinstance(facts, dict) else {}
        return Conditions.of(
            device={
                "cpu model": cpu.get("model"),
                "cpu family-model-stepping": cpu.get("family_model_stepping"),
                "cpu part": cpu.get("arm_parts"),
                "cpu logical_cpus": cpu.get("logical_cpus"),
                "memory": gigabytes(known.get("memory_total_bytes")),
            },
            system={
                "kernel": known.get("kernel"),
                "virtualised": known.get("virtualised"),
                "microcode": cpu.get("microcode"),
                **{
                    f"cpu {name}": frequency.get(name) for name in ("governor", "driver", "min_khz", "max_khz", "turbo")
                },
                "transparent_hugepages": known.get("transparent_hugepages"),
                "aslr": known.get("aslr"),
            },
        )

    @classmethod
    def clocks_locked(cls, run: ObservedRun) -> Answer:
        return limits_agree(part(run.facts, "frequency")) if not run.on_gpu else "unknown"

    @classmethod
    def flags(cls, run: ObservedRun) -> list[ProbeFlag]:
        known = run.facts if isinstance(run.facts, dict) else {}
        if EMULATED not in str(known.get("virtualised")):
            return []
        text = "the processor is emulated by another one: its times say nothing of any processor"
        return [ProbeFlag("emulated_processor", "error", text, "measure on the machine itself")]


def _line(transport: Transport, path: str) -> str | None:
    text = transport.read_text(path)
    return text.strip("\0\n ") if text else None


def _chosen(options: str | None) -> str | None:
    """The bracketed word of `always [madvise] never`."""
    found = re.search(r"\[(\w+)\]", options or "")
    return found.group(1) if found else None


def _fields(block: str) -> dict[str, str]:
    """`name : value` lines of /proc/cpuinfo."""
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _cpu(transport: Transport) -> dict[str, Any]:
    text = transport.read_text("/proc/cpuinfo") or ""
    blocks = [_fields(block) for block in text.strip().split("\n\n")]
    processors = [block for block in blocks if "processor" in block]
    first = processors[0] if processors else {}
    flags = set((first.get("flags") or first.get("Features") or "").split())
    cores = {(block.get("physical id"), block.get("core id")) for block in processors if "core id" in block}
    facts: dict[str, Any] = {
        "model": first.get("model name") or first.get("Hardware") or _line(transport, "/proc/device-tree/model"),
        "logical_cpus": len(processors) or None,
        "physical_cores": len(cores) or None,
        "vector_extensions": [name for name in _VECTOR_EXTENSIONS if name in flags],
        "microcode": first.get("microcode"),
    }
    # Family, model and stepping tell parts apart that a cloud names alike ("Intel(R) Xeon(R) Processor").
    stepping = [first.get(key) for key in ("cpu family", "model", "stepping")]
    # ARM has numbers alone, and no name of the model. Kinds of cores side by side are several parts.
    arm = {
        "-".join(str(block[key]) for key in _ARM_PART) for block in processors if all(key in block for key in _ARM_PART)
    }
    if arm:
        facts["arm_parts"] = sorted(arm)
    if all(stepping):
        facts["family_model_stepping"] = "-".join(str(part) for part in stepping)
    caches = {}
    for index in transport.glob("/sys/devices/system/cpu/cpu0/cache/index[0-9]*"):
        level, kind, size = (_line(transport, f"{index}/{name}") for name in ("level", "type", "size"))
        if level and kind and size:
            caches[f"L{level} {kind.lower()}"] = size
    facts["caches"] = caches
    return {name: value for name, value in facts.items() if value not in (None, [], {})}


def _memory_bytes(transport: Transport, field: str) -> int | None:
    found = re.search(rf"^{field}:\s+(\d+) kB", transport.read_text("/proc/meminfo") or "", re.M)
    kib = numerals.count(found.group(1)) if found else None
    return None if kib is None else kib * 1024


def _os_name(transport: Transport) -> str | None:
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', transport.read_text("/etc/os-release") or "", re.M)
    return found.group(1) if found else None


def _virtualised(transport: Transport) -> str | None:
    """`no`, or what the machine says it is; None where neither can be told."""
    cpuinfo = transport.read_text("/proc/cpuinfo") or ""
    vendor = _line(transport, "/sys/class/dmi/id/sys_vendor")
    found = []
    if re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.M):
        found.append(f"virtual machine ({vendor})" if vendor else "virtual machine")
    if re.search(r"^CPU implementer\s*:\s*0x00$", cpuinfo, re.M) or "QEMU Virtual CPU" in cpuinfo:
        found.append(EMULATED)
    if transport.glob("/.dockerenv") or transport.glob("/run/.containerenv"):
        found.append("container")
    if found:
        return ", ".join(found)
    # Only x86 says in its flags that there is no hypervisor.
    return "no" if re.search(r"^flags\s*:", cpuinfo, re.M) else None


def _frequency(transport: Transport) -> dict[str, Any]:
    """Governor and limits, one value where all cores agree, else a list."""
    found: dict[str, Any] = {}
    folders = transport.glob(_CPUFREQ)
    for name, file in (
        ("governor", "scaling_governor"),
        ("driver", "scaling_driver"),
        ("min_khz", "scaling_min_freq"),
        ("max_khz", "scaling_max_freq"),
    ):
        values = [value for folder in folders if (value := _line(transport, f"{folder}/{file}"))]
        if values:
            found[name] = values[0] if len(set(values)) == 1 else values
    turbo = _line(transport, "/sys/devices/system/cpu/intel_pstate/no_turbo")
    if turbo is not None:
        found["turbo"] = turbo == "0"
    return found


def _load_average(transport: Transport) -> float | None:
    text = _line(transport, "/proc/loadavg")
    return numerals.number(text.split(" ")[0]) if text else None


def _frequencies(transport: Transport) -> list[Reading]:
    readings = []
    for folder in transport.glob(_CPUFREQ):
        value = _line(transport, f"{folder}/scaling_cur_freq")
        if (khz := numerals.count(value)) is not None:
            readings.append(FREQUENCY.of(PurePosixPath(folder).parent.name, khz / 1000))
    return readings


def _temperatures(transport: Transport) -> list[Reading]:
    readings = []
    for zone in transport.glob("/sys/class/thermal/thermal_zone*"):
        kind, value = _line(transport, f"{zone}/type"), _line(transport, f"{zone}/temp")
        if kind and (millidegrees := numerals.integer(value)) is not None:
            readings.append(TEMPERATURE.of(f"{PurePosixPath(zone).name} {kind}", millidegrees / 1000))
    return readings


def _load(transport: Transport) -> list[Reading]:
    load = _load_average(transport)
    available = _memory_bytes(transport, "MemAvailable")
    readings = [] if load is None else [LOAD_AVERAGE.of("system", load)]
    if available is not None:
        readings.append(MEMORY_AVAILABLE.of("system", available))
    return readings


def _cpu_times(transport: Transport) -> list[Reading]:
    """Seconds of CPU time since boot, all cores together: busy with anything, and stolen by the hypervisor."""
    # user, nice, system, idle, iowait, irq, softirq, steal; older kernels print fewer.
    found = re.match(r"cpu +([0-9]+(?: [0-9]+){3,})(?:\n|$)", transport.read_text("/proc/stat") or "")
    if not found:
        return []
    words = [numerals.count(word) for word in found.group(1).split()]
    if None in words:
        return []
    ticks = [word for word in words if word is not None] + [0] * 8
    # The unit is USER_HZ, which Linux fixes at 100 for everything it tells user space (man 5 proc).
    busy_s = sum(ticks[index] for index in (0, 1, 2, 5, 6)) / 100
    return [CPU_TIME_BUSY.of("cpu", busy_s), CPU_TIME_STEAL.of("cpu", ticks[7] / 100)]
