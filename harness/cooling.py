"""Wait until a device is cool before it is measured, so that no model pays for the heat of the one before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from latency_bench.devices.device_session import DeviceSession
from latency_bench.harness.protocol import CoolDown

_POLL_S = 2.0


@dataclass(frozen=True)
class Cooled:
    """How a wait ended. `reached` is None where the device tells no temperature, or where neither the protocol nor the
    device says what counts as cool: then nothing was waited for."""

    reached: bool | None
    waited_s: float
    temperature_c: float | None
    """The hottest sensor at the end."""
    below_c: float | None = None
    """What was waited for."""


def cool_down(
    session: DeviceSession,
    wanted: CoolDown | None,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Cooled | None:
    """Wait until the hottest sensor is at or below the threshold, or the cap is over; None if nothing is asked for.

    A fixed pause does not do: it is too long on a cool day and too short on a hot one.
    """
    if wanted is None:
        return None
    below_c = session.cool_c if wanted.below_c is None else wanted.below_c
    began_s = clock()
    said = False
    while True:
        hottest_c = max(session.heat_c(), default=None)
        waited_s = clock() - began_s
        if hottest_c is None or below_c is None:
            return Cooled(None, waited_s, hottest_c, below_c)
        if hottest_c <= below_c:
            return Cooled(True, waited_s, hottest_c, below_c)
        if waited_s >= wanted.max_s:
            return Cooled(False, waited_s, hottest_c, below_c)
        if not said:
            say(f"cooling down from {hottest_c:.0f} to {below_c:.0f} C, at most {wanted.max_s:.0f} s")
            said = True
        sleep(min(_POLL_S, wanted.max_s - waited_s))
