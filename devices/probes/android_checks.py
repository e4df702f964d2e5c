"""What makes a phone's numbers good or bad before a run: one line each, with the command that mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from latency_bench.devices.checks import Check

LEAST_BATTERY_PERCENT = 30
"""Below, makers limit what the processor may draw."""
MOST_BATTERY_C = 38.0
"""A battery this warm is charging fast, in the sun, or has just been worked hard; phones begin to slow down near 40."""

LEAST_SDK = 26
"""Android 8: its shell is the first with sha256sum, setsid and exit codes."""
MOST_BUSY_CORES = 0.5
"""Two looks at a phone at rest with the screen off show a tenth of a core."""


def condition_checks(condition: Mapping[str, Any]) -> Iterator[Check]:
    """Checks of what `android_condition.read_condition` found. What the phone does not tell is left out."""
    yield from _thermal(condition)
    yield from _battery(condition)
    if (saver := condition.get("battery_saver")) is not None:
        remedy = "switch it off: adb shell settings put global low_power 0" if saver else ""
        yield Check("battery saver", "warning" if saver else "ok", "on" if saver else "off", remedy)
    if (screen := condition.get("screen")) is not None:
        remedy = "switch it off before a run: adb shell input keyevent 26" if screen == "on" else ""
        yield Check("screen", "warning" if screen == "on" else "ok", str(screen), remedy)


def _thermal(condition: Mapping[str, Any]) -> Iterator[Check]:
    if condition.get("thermal_status_overridden"):
        yield Check(
            "thermal status", "warning", "set by a tool, not measured", "reset it: adb shell cmd thermalservice reset"
        )
    elif isinstance(status := condition.get("thermal_status"), int):
        found = f"{condition.get('thermal_word', 'unknown')} ({status})"
        yield Check("thermal status", "warning" if status else "ok", found, "let the phone cool down" if status else "")


def _battery(condition: Mapping[str, Any]) -> Iterator[Check]:
    if condition.get("battery_overridden"):
        yield Check("battery", "warning", "set by a tool, not measured", "reset it: adb shell dumpsys battery reset")
        return
    percent, celsius = condition.get("battery_percent"), condition.get("battery_c")
    if isinstance(percent, int):
        low = percent < LEAST_BATTERY_PERCENT
        remedy = f"charge it to {LEAST_BATTERY_PERCENT} % or more, then unplug it" if low else ""
        yield Check("battery", "warning" if low else "ok", f"{percent} %", remedy)
    if isinstance(celsius, float):
        warm = celsius > MOST_BATTERY_C
        remedy = "let the phone cool down" if warm else ""
        yield Check("battery temperature", "warning" if warm else "ok", f"{celsius:.1f} C", remedy)
    if (status := condition.get("battery_status")) is not None:
        charging = status == "charging"
        remedy = "charging heats the phone: use wireless debugging, or a port that does not charge" if charging else ""
        yield Check("charging", "warning" if charging else "ok", str(status), remedy)


def system_checks(sdk: int | None, android: str | None, *, fixed_performance: bool, game_mode: bool) -> Iterator[Check]:
    """Checks of the Android itself: is it new enough, and which modes does it have."""
    if sdk is not None:
        old = sdk < LEAST_SDK
        remedy = f"bench needs Android 8 (API {LEAST_SDK}) or newer" if old else ""
        yield Check("Android", "failed" if old else "ok", f"{android or 'unknown version'} (API {sdk})", remedy)
    modes = [
        *(["fixed performance (`benchmark_model: {fixed_performance: true}`)"] if fixed_performance else []),
        *(["game mode, for apps only: it does not reach the tool"] if game_mode else []),
    ]
    yield Check("performance modes", "ok", "; ".join(modes) or "none (fixed performance needs Android 11)")


def busy_checks(busy_cores: float | None) -> Iterator[Check]:
    """A check of what else the phone computes: cores busy on average while nothing was measured."""
    if busy_cores is not None:
        busy = busy_cores > MOST_BUSY_CORES
        remedy = "close apps and wait for updates and syncing to end (`adb shell top -b -n 1`)" if busy else ""
        yield Check("background load", "warning" if busy else "ok", f"{busy_cores:.1f} cores busy", remedy)


def core_checks(offline: tuple[int, ...], clusters: tuple[tuple[int, ...], ...], governors: Any) -> Iterator[Check]:
    """Checks of the cores: which are online, in which clusters (slowest first), and who sets their clocks."""
    groups = "; ".join(", ".join(map(str, group)) for group in clusters)
    if offline:
        yield Check(
            "cores",
            "warning",
            f"core {', '.join(map(str, offline))} offline; online, slowest first: {groups}",
            "wake the phone and leave power saving modes, so that it brings all cores online",
        )
    else:
        yield Check("cores", "ok", f"all online; clusters, slowest first: {groups}")
    if governors:
        names = governors if isinstance(governors, str) else ", ".join(sorted({str(name) for name in governors}))
        yield Check("governor", "ok", names)
