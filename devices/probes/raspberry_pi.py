"""A Raspberry Pi: its firmware lowers the clock by itself, and `vcgencmd get_throttled` says when and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from latency_bench.devices.checks import Check, guarded
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.base import Probe, Reading
from latency_bench.devices.probes.conditions import Conditions
from latency_bench.devices.probes.observed import ObservedRun, ThrottleEvidence
from latency_bench.devices.probes.readings import PI_THROTTLED
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.base import attempt
from latency_bench.devices.tuning.setting import SettingValue

REASONS = {0x1: "under_voltage", 0x2: "frequency_capped", 0x4: "throttled", 0x8: "soft_temperature_limit"}
"""What holds now, by bit (Raspberry Pi documentation, `vcgencmd`)."""
SINCE_BOOT = 16
"""The same bits, so many places higher, stay set once it has happened."""
SOURCE = "pi"
_THROTTLED = re.compile(r"throttled=0x([0-9a-fA-F]{1,8})\b")
_REMEDY = "a power supply that suits the board, and cooling; `vcgencmd get_throttled` tells when it is over"


class RaspberryPiProbe(Probe):
    name = "raspberry_pi"

    def fingerprint(self, transport: Transport) -> dict[str, Any]:
        model, version = transport.read_text("/proc/device-tree/model"), attempt(transport, ["vcgencmd", "version"])
        facts = {
            "model": model.strip("\0\n ") if model else None,
            "firmware": " ".join(version.stdout.split()) or None if version and version.returncode == 0 else None,
            "throttled": _throttled(transport),
        }
        return {name: value for name, value in facts.items() if value is not None}

    def read(self, transport: Transport) -> list[Reading]:
        bits = _throttled(transport)
        if bits is None:
            raise DeviceError("vcgencmd does not say whether the board is throttled", "log in as a member of `video`")
        return [PI_THROTTLED.of(SOURCE, bits)]

    def checks(self, transport: Transport, settings: Mapping[str, SettingValue]) -> Iterator[Check]:
        yield from guarded("throttling", _check(transport))

    @classmethod
    def conditions(cls, facts: Any, tuned: Mapping[str, Any]) -> Conditions:
        known = facts if isinstance(facts, dict) else {}
        return Conditions.of(device={"board": known.get("model")}, system={"board firmware": known.get("firmware")})

    @classmethod
    def throttling(cls, run: ObservedRun) -> ThrottleEvidence:
        """What held at each reading, and what came and went between one and the one before it."""
        bits = [int(moment[PI_THROTTLED.name]) for moment in run.moments(SOURCE) if PI_THROTTLED.name in moment]
        happened = [(after & ~before) >> SINCE_BOOT for before, after in pairwise(bits)]
        reasons = [_names(now | new) for now, new in zip(bits, [0, *happened], strict=True)] if bits else None
        return ThrottleEvidence(reasons=reasons)


def _throttled(transport: Transport) -> int | None:
    completed = attempt(transport, ["vcgencmd", "get_throttled"])
    found = _THROTTLED.search(completed.stdout) if completed else None
    return int(found[1], 16) if found else None


def _names(bits: int) -> frozenset[str]:
    return frozenset(name for bit, name in REASONS.items() if bits & bit)


def _check(transport: Transport) -> Iterator[Check]:
    bits = _throttled(transport)
    if bits is None:
        yield Check("throttling", "failed", "vcgencmd gave no usable output", "log in as a member of `video`")
        return
    now, before = sorted(_names(bits)), sorted(_names(bits >> SINCE_BOOT))
    if now:
        yield Check("throttling", "failed", f"now: {', '.join(now)}", _REMEDY)
    elif before:
        yield Check("throttling", "warning", f"since the boot: {', '.join(before)}", _REMEDY)
    else:
        yield Check("throttling", "ok", "none since the boot")
