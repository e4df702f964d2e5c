"""The lock of an Android device: held by a shell on it, for every host that shares it."""

from __future__ import annotations

import time

import pytest

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.locking import DeviceBusyError, Holder
from latency_bench.devices.transports.adb import AdbTransport, open_link


def test_another_session_is_told_who_has_the_phone_and_gets_it_afterwards(options):
    first = AdbTransport(open_link(options), options.folder)
    second = AdbTransport(open_link(options), options.folder)
    assert first.locks_there
    try:
        first.lock(Holder.here("it's $(bench) run --model b1-seg"))
        first.check_lock()
        assert first.run(["echo", "measured"]).stdout == "measured\n"
        with pytest.raises(DeviceBusyError, match=r"it's \$\(bench\) run --model b1-seg"):
            second.lock(Holder.here("other"))
        first.check_lock()
        first.close()
        _lock_soon(second)
        second.check_lock()
    finally:
        first.close()
        second.close()


def test_a_link_that_is_lost_gives_the_phone_back_and_is_noticed(options, daemon):
    lost = AdbTransport(open_link(options), options.folder)
    lost.lock(Holder.here("lost"))
    daemon.kill()
    daemon.start()
    deadline_s = time.monotonic() + 120
    while True:
        try:
            lost.check_lock()
        except DeviceError:
            break
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    again = AdbTransport(open_link(options), options.folder)
    _lock_soon(again)
    again.close()
    lost.close()


def _lock_soon(transport: AdbTransport) -> None:
    deadline_s = time.monotonic() + 120
    while True:
        try:
            transport.lock(Holder.here("next"))
            return
        except DeviceBusyError:
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
