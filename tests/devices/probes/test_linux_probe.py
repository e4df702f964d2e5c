"""The Linux probe on recorded machines, and on this one."""

from __future__ import annotations

import fnmatch
import os

import pytest

from latency_bench.devices.probes.linux import LinuxProbe
from latency_bench.devices.probes.observed import ObservedRun
from latency_bench.devices.transports.local import LocalTransport


class RecordedFiles:
    """Stands where a transport does, with the files of a machine that somebody recorded."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def read_text(self, path: str) -> str | None:
        return self._files.get(path)

    def glob(self, pattern: str) -> list[str]:
        parts = pattern.split("/")
        found = {"/".join(path.split("/")[: len(parts)]) for path in self._files}
        return sorted(path for path in found if fnmatch.fnmatchcase(path, pattern))


LAPTOP = {
    "/proc/cpuinfo": "\n\n".join(
        f"processor\t: {index}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 142\n"
        f"model name\t: Intel(R) Core(TM) i7-8565U CPU @ 1.80GHz\nstepping\t: 12\nmicrocode\t: 0xf6\n"
        f"physical id\t: 0\ncore id\t\t: {index % 2}\nflags\t\t: fpu sse4_2 avx avx2 fma"
        for index in range(4)
    ),
    "/proc/meminfo": "MemTotal:  16000000 kB\nMemFree:  1 kB\nMemAvailable:  8000000 kB\nSwapTotal:  2000000 kB\n",
    "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
    "/proc/loadavg": "0.52 0.58 0.59 1/467 12345\n",
    "/proc/stat": "cpu  100 0 50 1000 7 3 2 40 0 0\ncpu0 1 2 3\n",
    "/etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "/sys/devices/system/cpu/intel_pstate/no_turbo": "0\n",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
    "/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave\n",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000\n",
    "/sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "4600000\n",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq": "4600000\n",
    "/sys/devices/system/cpu/cpu1/cpufreq/scaling_max_freq": "2000000\n",
    "/sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
    "/sys/class/thermal/thermal_zone0/temp": "61000\n",
    "/sys/class/thermal/thermal_zone1/type": "broken\n",
    "/sys/class/thermal/thermal_zone1/temp": "\n",
}


def test_a_laptop_is_described():
    facts = LinuxProbe().fingerprint(RecordedFiles(LAPTOP))
    assert facts["cpu"]["model"] == "Intel(R) Core(TM) i7-8565U CPU @ 1.80GHz"
    assert facts["cpu"]["logical_cpus"] == 4
    assert facts["cpu"]["physical_cores"] == 2
    assert facts["cpu"]["vector_extensions"] == ["sse4_2", "avx", "avx2", "fma"]
    assert facts["cpu"]["family_model_stepping"] == "6-142-12"
    assert facts["memory_total_bytes"] == 16_000_000 * 1024
    assert facts["virtualised"] == "no"
    assert facts["os"] == "Debian GNU/Linux 12 (bookworm)"
    assert facts["frequency"] == {"governor": "powersave", "max_khz": ["4600000", "2000000"], "turbo": True}
    assert facts["transparent_hugepages"] == "madvise"
    assert facts["load_average_1min"] == 0.52


def test_arm_processors_without_a_name_are_told_apart():
    """Graviton 2 and 3 differ in nothing else that /proc/cpuinfo prints."""

    def conditions(part: str) -> dict[str, object]:
        core = f"CPU implementer\t: 0x41\nCPU variant\t: 0x3\nCPU part\t: {part}\nCPU revision\t: 1\n"
        text = "\n\n".join(f"processor\t: {index}\nFeatures\t: fp asimd\n{core}" for index in range(2))
        facts = LinuxProbe().fingerprint(RecordedFiles({"/proc/cpuinfo": text}))
        return dict(LinuxProbe.conditions(facts, {}).device)

    assert conditions("0xd0c")["cpu part"] == "0x41-0xd0c-0x3-1"
    assert conditions("0xd0c") != conditions("0xd40")


def test_a_laptop_is_felt():
    readings = {(one.source, one.quantity): (one.value, one.unit) for one in LinuxProbe().read(RecordedFiles(LAPTOP))}
    assert readings == {
        ("cpu0", "frequency"): (1800.0, "MHz"),
        ("cpu1", "frequency"): (4600.0, "MHz"),
        ("thermal_zone0 x86_pkg_temp", "temperature"): (61.0, "C"),
        ("system", "load_average_1min"): (0.52, "processes"),
        ("system", "memory_available"): (8_000_000 * 1024.0, "bytes"),
        ("cpu", "cpu_time_busy"): (1.55, "s"),
        ("cpu", "cpu_time_steal"): (0.4, "s"),
    }


@pytest.mark.parametrize(
    ("flags", "vendor", "expected"),
    [
        ("fpu hypervisor", "QEMU\n", "virtual machine (QEMU)"),
        ("fpu hypervisor", None, "virtual machine"),
        ("fpu", "Dell", "no"),
    ],
)
def test_virtual_machines_are_told_from_real_ones(flags, vendor, expected):
    files = {"/proc/cpuinfo": f"processor : 0\nflags : {flags}\n"}
    if vendor:
        files["/sys/class/dmi/id/sys_vendor"] = vendor
    assert LinuxProbe().fingerprint(RecordedFiles(files))["virtualised"] == expected


@pytest.mark.parametrize(("implementer", "flags"), [("0x41", []), ("0x00", ["emulated_processor"])])
def test_an_emulated_processor_is_said_beside_every_number(implementer, flags):
    text = f"processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: {implementer}\n"
    facts = LinuxProbe().fingerprint(RecordedFiles({"/proc/cpuinfo": text}))
    raised = LinuxProbe.flags(ObservedRun([], facts))
    assert [flag.name for flag in raised if flag.severity == "error"] == flags


def test_what_cannot_be_read_is_absent():
    assert LinuxProbe().fingerprint(RecordedFiles({})) == {}
    assert LinuxProbe().read(RecordedFiles({})) == []


def test_this_machine():
    transport = LocalTransport()
    try:
        facts = LinuxProbe().fingerprint(transport)
        quantities = {one.quantity for one in LinuxProbe().read(transport)}
    finally:
        transport.close()
    assert facts["cpu"]["logical_cpus"] == os.cpu_count()
    assert facts["kernel"] == os.uname().release
    assert {"cpu_time_busy", "load_average_1min", "memory_available"} <= quantities
