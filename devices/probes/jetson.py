"""A Jetson: which board, which JetPack, its power mode and clocks; and, while it measures, how it feels."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from latency_bench.devices import numerals
from latency_bench.devices.checks import Check, guarded
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.base import Probe, Reading
from latency_bench.devices.probes.conditions import Conditions
from latency_bench.devices.probes.jetson_boards import board_of, summed_rails
from latency_bench.devices.probes.jetson_rails import read_rails, with_total
from latency_bench.devices.probes.jetson_tegrastats import parse_tegrastats
from latency_bench.devices.probes.observed import Answer, ObservedRun
from latency_bench.devices.probes.readings import FREQUENCY, POWER
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.base import Operation, attempt
from latency_bench.devices.tuning.jetson import LockedClocks, PowerMode, clocks, gpu_folders, power_mode
from latency_bench.devices.tuning.setting import Setting, SettingValue

_RELEASE = re.compile(r"# R(\d+) \(release\), REVISION: ([\d.]+)")
_PACKAGES = (
    *("nvidia-jetpack", "nvidia-l4t-core", "tensorrt", "libnvinfer*"),
    *("python3-libnvinfer", "cuda-toolkit-*", "libcudnn*"),
)
_INTERVAL_MS = 500
_END_S = 5.0
STALE_S = 5.0
"""A tegrastats that has been silent for this long hangs: its last line says nothing of now."""


class _EndedError(Exception):
    """The session is over."""


class JetsonProbe(Probe):
    """Readings come from one tegrastats that runs beside the measurement, or from sysfs where there is none."""

    name = "jetson"
    settings = (
        Setting("power_mode", "text", "Power mode by its name, e.g. MAXN (`nvpmodel`)."),
        Setting("lock_clocks", "flag", "Lock the clocks at their greatest (`jetson_clocks`)."),
    )

    def __init__(self) -> None:
        self._latest: list[Reading] | None = None
        self._latest_s = 0.0
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._first = threading.Event()

    def fingerprint(self, transport: Transport) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "model": _line(transport, "/proc/device-tree/model"),
            "l4t": _release(transport),
            "packages": _packages(transport),
        }
        mode = power_mode(transport)
        if mode:
            facts["power_mode"] = mode[0]
        facts["clocks"] = clocks(transport)
        if facts["clocks"]:
            facts["clocks_locked"] = "yes" if facts["clocks"] == "locked" else "no"
        rails = sorted({one.source for one in self.read(transport) if one.quantity == "power"})
        if rails:
            facts["power"] = {"rails": rails, "summed": summed_rails(rails), "source": self._source()}
            if board := board_of(rails):
                facts["power"]["board"] = board.module
        return {name: value for name, value in facts.items() if value not in (None, {}, [])}

    def read(self, transport: Transport) -> list[Reading]:
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, args=(transport,), name="tegrastats", daemon=True)
            self._thread.start()
            # The first line, or the end of a tegrastats that is not there.
            self._first.wait(timeout=_END_S)
        latest = self._latest
        fresh = time.monotonic() - self._latest_s <= STALE_S
        return latest if latest is not None and fresh else _by_sysfs(transport)

    def tuning(self, settings: Mapping[str, SettingValue]) -> list[Operation]:
        # The mode first: it decides which clocks there are to be locked.
        operations: list[Operation] = [PowerMode(str(settings["power_mode"]))] if "power_mode" in settings else []
        return [*operations, LockedClocks()] if "lock_clocks" in settings else operations

    def checks(self, transport: Transport, settings: Mapping[str, SettingValue]) -> Iterator[Check]:
        yield from guarded("power mode", _power_mode(transport, settings))
        yield from guarded("clocks", _clocks(transport, settings))
        yield from guarded("power rails", _rails(self.read(transport)))

    @classmethod
    def conditions(cls, facts: Any, tuned: Mapping[str, Any]) -> Conditions:
        # What was tuned is read back into the facts: a mode is the same whoever set it.
        known = facts if isinstance(facts, dict) else {}
        return Conditions.of(
            device={"module": known.get("model")},
            system={"L4T": known.get("l4t"), "power mode": known.get("power_mode"), "clocks": known.get("clocks")},
        )

    @classmethod
    def measured_gpu(cls, run: ObservedRun) -> str | None:
        """A Jetson has one."""
        return "gpu0" if run.on_gpu else None

    @classmethod
    def clocks_locked(cls, run: ObservedRun) -> Answer:
        """As its own limits tell, unless the GPU's clock moved all the same."""
        told = run.facts.get("clocks_locked") if isinstance(run.facts, dict) else None
        if told == "no" or (run.on_gpu and run.clock_moved()):
            return "no"
        return "yes" if told == "yes" else "unknown"

    def close(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=_END_S)

    def _source(self) -> str:
        return "sysfs" if self._latest is None else "tegrastats"

    def _follow(self, transport: Transport) -> None:
        try:
            transport.run(["tegrastats", "--interval", str(_INTERVAL_MS)], on_stdout=self._line)
        except (_EndedError, DeviceError):
            # Without it there is sysfs; a link that is lost is seen by everybody else too.
            pass
        finally:
            self._latest = None
            self._first.set()

    def _line(self, line: str) -> None:
        if self._ended.is_set():
            raise _EndedError
        if readings := parse_tegrastats(line):
            self._latest, self._latest_s = readings, time.monotonic()
            self._first.set()


def _power_mode(transport: Transport, settings: Mapping[str, SettingValue]) -> Iterator[Check]:
    mode = power_mode(transport)
    if mode is None:
        remedy = "is this a Jetson? Else take `jetson` off its probes"
        yield Check("power mode", "failed", "nvpmodel gave no usable output", remedy)
        return
    asked = settings.get("power_mode", mode[0])
    # Anything but the greatest mode is a choice, and the record says it.
    yield Check("power mode", "ok", mode[0] if asked == mode[0] else f"{mode[0]}; runs set {asked} and put it back")


def _clocks(transport: Transport, settings: Mapping[str, SettingValue]) -> Iterator[Check]:
    now = clocks(transport)
    if now is None:
        yield Check("clocks", "warning", "cannot be read", "log in as root, or allow `sudo -n jetson_clocks --show`")
    elif now == "free" and "lock_clocks" not in settings:
        yield Check("clocks", "warning", "not locked: they follow the load", "--lock-clocks, or `lock_clocks: true`")
    else:
        yield Check("clocks", "ok", now if now == "locked" else "not locked; runs lock them and put them back")


def _rails(readings: Sequence[Reading]) -> Iterator[Check]:
    rails = sorted(reading.source for reading in readings if reading.quantity == POWER.name)
    if not rails:
        yield Check("power rails", "warning", "none can be read, so energy is not recorded", "log in as root")
        return
    summed, board = summed_rails(rails), board_of(rails)
    found = f"{' + '.join(summed)}{f', as on {board.module}' if board else ''}"
    if not summed:
        found = f"{', '.join(rails)}: this board is not known to bench, so the rails are recorded but not added up"
    yield Check(
        "power rails",
        "ok" if summed else "warning",
        found,
        "" if summed else "runs have no energy; please report these names",
    )


def _line(transport: Transport, path: str) -> str | None:
    text = transport.read_text(path)
    return text.strip("\0\n ") if text else None


def _release(transport: Transport) -> str | None:
    """`35.4.1` of `# R35 (release), REVISION: 4.1, ...`."""
    text = _line(transport, "/etc/nv_tegra_release") or ""
    found = _RELEASE.match(text)
    return f"{found[1]}.{found[2]}" if found else text or None


def _packages(transport: Transport) -> dict[str, str]:
    command = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n", *_PACKAGES]
    completed = attempt(transport, command)
    lines = [line.split() for line in completed.stdout.splitlines()] if completed else []
    return {words[1]: words[2] for words in lines if len(words) == 3 and words[0] == "installed"}


def _by_sysfs(transport: Transport) -> list[Reading]:
    readings = []
    for folder in gpu_folders(transport)[:1]:
        text = (transport.read_text(f"{folder}/cur_freq") or "").strip()
        if (hertz := numerals.count(text)) is not None:
            readings.append(FREQUENCY.of("gpu0", hertz / 1e6))
    return readings + with_total(read_rails(transport))
