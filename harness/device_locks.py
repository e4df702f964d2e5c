"""Every device of a measurement is locked before anything is done to it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from latency_bench.devices.locking import DeviceBusyError
from latency_bench.harness.store.redaction import command_without_secrets

if TYPE_CHECKING:
    from latency_bench.harness.case import Case

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0


class Lockable(Protocol):
    """A measurement that can have its device alone."""

    @property
    def case(self) -> Case: ...

    def lock_device(self, what: str) -> None: ...


def hold_devices(runs: Sequence[Lockable], command: Sequence[str], wait: bool, on_stage: Callable[[str], None]) -> None:
    """Lock the device of every run until the runs are left. `wait`: for as long as others measure there.

    Raises DeviceBusyError, which says who does, where we shall not wait; DeviceError where there can be no lock.
    """
    # Lock files and "busy" messages are read by everybody on the machine, and on a device that is measured from afar.
    what = shlex.join(command_without_secrets(command))
    first_of: dict[str, Lockable] = {}
    for run in runs:
        first_of.setdefault(run.case.device.name, run)
    # In the order of their names, so that two that want the same devices do not wait for each other.
    for name in sorted(first_of):
        hold_device(partial(first_of[name].lock_device, what), name, wait, on_stage)


def hold_device(lock: Callable[[], None], name: str, wait: bool, on_stage: Callable[[str], None]) -> None:
    """Call `lock` until it has the device of this name. Raises as `hold_devices`."""
    pause_s, told = _FIRST_PAUSE_S, ""
    while True:
        try:
            lock()
            return
        except DeviceBusyError as error:
            if not wait:
                raise
            who = error.holder.words() if error.holder else "somebody else"
            if who != told:
                on_stage(f"waiting for {name}, measured by {who}")
                told = who
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
