"""A phone on loopback that is the real adbd, and in which everything that a phone says of itself can be set.

The daemon and its commands see folders of the test in the place of /sys/devices/system/cpu, /sys/class and /proc/stat
(in a mount namespace of their own), and stand-ins for Android's programs in front of PATH. What is set holds at once,
also in the middle of a round.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from debian_adbd import android_programs

PRIME = 7
CORES = {
    **dict.fromkeys((0, 1, 2, 3), (1785600, 325)),
    **dict.fromkeys((4, 5, 6), (2496000, 828)),
    PRIME: (2995200, 1024),
}
"""Highest clock in kHz and capacity, as a Snapdragon 8 Gen 1 has them."""
ZONES = {"cpu-0-0": 31000, "cpu-1-6": 33500, "gpuss-0": 30000, "battery": 29100, "socd": 15}
GOOD = {
    "status": 0,
    "status_forced": False,
    "battery_forced": False,
    "percent": 87,
    "battery_tenths": 291,
    "charging": False,
    "saver": False,
    "awake": False,
    "sdk": 33,
    "serial": "R5CT1234567",
}
"""What a phone says that is ready."""


class LoopbackPhone:
    """`programs` come first in the daemon's PATH; `system` holds what is mounted."""

    def __init__(self, programs: Path, system: Path) -> None:
        self.programs = programs
        self._cpu, self._class, self._stat = system / "cpu", system / "class", system / "stat"
        self._said: dict[str, int | bool | str] = dict(GOOD)
        for number, (highest_khz, capacity) in CORES.items():
            folder = self._cpu / f"cpu{number}"
            (folder / "cpufreq").mkdir(parents=True)
            (folder / "cpu_capacity").write_text(f"{capacity}\n")
            for name in ("cpuinfo_max_freq", "scaling_max_freq", "scaling_cur_freq"):
                (folder / "cpufreq" / name).write_text(f"{highest_khz}\n")
            (folder / "cpufreq" / "scaling_min_freq").write_text("307200\n")
            (folder / "cpufreq" / "scaling_governor").write_text("walt\n")
        self.set_online("0-7")
        for index, (name, milli) in enumerate(ZONES.items()):
            folder = self._class / "thermal" / f"thermal_zone{index}"
            folder.mkdir(parents=True)
            (folder / "type").write_text(f"{name}\n")
            (folder / "temp").write_text(f"{milli}\n")
        self.set_busy_cores(0)
        # The machine has other cores than the phone says; which of the phone's were asked for is noted.
        self._program("taskset", f'echo "$1" >> {programs}/masks; shift; exec "$@"')
        self._program("cmd", f'echo "$*" >> {programs}/log; [ "$2" = help ] && echo set-fixed-performance-mode-enabled')
        self.set()

    @property
    def mounts(self) -> dict[str, Path]:
        return {"/sys/devices/system/cpu": self._cpu, "/sys/class": self._class, "/proc/stat": self._stat}

    def set(self, **changes: int | bool | str) -> None:
        """Change what Android's services say; the names are those of GOOD."""
        self._said |= changes
        said = self._said
        stopped = "  (UPDATES STOPPED -- use 'reset' to restart)\n" if said["battery_forced"] else ""
        battery = (
            f"Current Battery Service state:\n{stopped}  AC powered: false\n"
            f"  USB powered: {str(bool(said['charging'])).lower()}\n  status: {2 if said['charging'] else 3}\n"
            f"  level: {said['percent']}\n  temperature: {said['battery_tenths']}\n"
        )
        thermal = f"IsStatusOverride: {str(bool(said['status_forced'])).lower()}\nThermal Status: {said['status']}\n"
        power = f"  mWakefulness={'Awake' if said['awake'] else 'Asleep'}\n"
        for name, text in (("thermalservice", thermal), ("battery", battery), ("power", power)):
            (self.programs / f"{name}.txt").write_text(text)
        self._program("dumpsys", f"exec cat {self.programs}/$1.txt")
        self._program("settings", f"echo {int(bool(said['saver']))}")
        properties = {
            "ro.soc.manufacturer": "QTI",
            "ro.soc.model": "SM8450",
            "ro.product.model": "Stand-in 12",
            "ro.serialno": said["serial"],
            "ro.build.version.release": "13",
            "ro.build.version.sdk": said["sdk"],
        }
        (self.programs / "properties.txt").write_text("".join(f"[{key}]: [{v}]\r\n" for key, v in properties.items()))
        one = "".join(f"{key}) echo {value} ;; " for key, value in properties.items())
        self._program("getprop", f"case $1 in {one} '') cat {self.programs}/properties.txt ;; esac")

    def set_right(self) -> None:
        """All as it was at first."""
        self.set(**GOOD)
        self.set_online("0-7")

    def set_online(self, cores: str) -> None:
        (self._cpu / "online").write_text(f"{cores}\n")

    def set_clock(self, core: int, khz: int) -> None:
        (self._cpu / f"cpu{core}" / "cpufreq" / "scaling_cur_freq").write_text(f"{khz}\n")

    def set_temperature(self, zone: str, celsius: float) -> None:
        index = list(ZONES).index(zone)
        (self._class / "thermal" / f"thermal_zone{index}" / "temp").write_text(f"{celsius * 1000:.0f}\n")

    def set_busy_cores(self, ticks: int) -> None:
        """Jiffies of user time so far; a daemon that sees a still file sees an idle phone."""
        self._stat.write_text(f"cpu  {ticks} 0 0 1000 0 0 0 0 0 0\n")

    def without(self, *missing: str) -> Path:
        """A folder with all programs of a phone but those, as an older Android's."""
        return android_programs(self.programs.parent / "older-bin", *missing)

    def _program(self, name: str, text: str) -> None:
        """Replaced as a whole: a command may be about to run it."""
        new = self.programs / f".{name}"
        new.write_text(f"#!/bin/sh\n{text}\n")
        new.chmod(0o755)
        new.rename(self.programs / name)
