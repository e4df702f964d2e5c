"""Other measurements on the same host: two devices of one machine may be measured at once, and the records say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latency_bench.devices.locking import others_measuring
from latency_bench.harness.store.outcome import Flag

if TYPE_CHECKING:
    from latency_bench.devices.device import Device
    from latency_bench.harness.run_data import Round


def others_on(device: Device) -> tuple[str, ...]:
    """Who else measures from this host right now; only asked where the device is this host itself."""
    if device.transport != "local":
        return ()
    return tuple(holder.words() for holder in others_measuring(device.name))


def shared_host(rounds: Sequence[Round]) -> tuple[Flag, ...]:
    """The flag of a run beside which another was measured on the same host."""
    beside = [one for one in rounds if one.others]
    if not beside:
        return ()
    who = sorted({other for one in beside for other in one.others})
    more = f" and {len(who) - 1} more" if len(who) > 1 else ""
    return (
        Flag(
            name="shared_host",
            severity="warning",
            text=f"another measurement ran on this host during {len(beside)} of {len(rounds)} rounds: {who[0]}{more}",
            remedy="measure again alone where small differences matter",
        ),
    )
