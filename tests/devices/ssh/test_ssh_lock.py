"""The lock of a device over SSH: held by the agent on the device, for all hosts that share it."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.locking import DeviceBusyError, Holder, lock_machine_here
from latency_bench.devices.transports.ssh import SshTransport

HOLD = """
import sys
from pathlib import Path
from latency_bench.devices.locking import Holder
from latency_bench.devices.transports.ssh import SshTransport
from latency_bench.devices.transports.ssh_options import SshOptions
transport = SshTransport(SshOptions.model_validate_json(sys.argv[1]))
transport.lock(Holder.here("bench sweep of another host"))
print("held", flush=True)
sys.stdin.read()
"""


def lock_as_soon_as_possible(transport, holder, timeout_s=120):
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            transport.lock(holder)
            return
        except DeviceBusyError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)


def test_another_session_is_told_who_has_the_device_and_gets_it_afterwards(server):
    first, second = SshTransport(server.options()), SshTransport(server.options())
    first.lock(Holder.here("bench run --model b1-seg"))
    first.check_lock()
    with pytest.raises(DeviceBusyError, match="bench run --model b1-seg"):
        second.lock(Holder.here("other"))
    with pytest.raises(DeviceError):
        second.check_lock()
    first.close()
    second.lock(Holder.here("other"))
    second.check_lock()
    second.close()
    server.wait_until_tidy()


def test_what_measures_on_the_device_itself_is_kept_out_too(server, monkeypatch):
    monkeypatch.setenv("BENCH_LOCKS", str(server.locks))
    transport = SshTransport(server.options())
    ours = lock_machine_here(Holder.here("on the device itself"))
    with pytest.raises(DeviceBusyError, match="on the device itself"):
        transport.lock(Holder.here("from afar"))
    ours.release()
    transport.lock(Holder.here("from afar"))
    with pytest.raises(DeviceBusyError, match="from afar"):
        lock_machine_here(Holder.here("on the device itself"))
    transport.close()


def test_a_host_that_is_killed_gives_the_device_back(server):
    host = subprocess.Popen(
        [sys.executable, "-c", HOLD, server.options().model_dump_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert host.stdout is not None
    assert host.stdout.readline() == "held\n"
    with SshSession(server) as transport:
        with pytest.raises(DeviceBusyError, match="bench sweep of another host"):
            transport.lock(Holder.here("ours"))
        host.kill()
        host.wait()
        lock_as_soon_as_possible(transport, Holder.here("ours"))


def test_a_link_that_is_cut_gives_the_device_back(server):
    cut = SshTransport(server.options())
    cut.lock(Holder.here("cut off"))
    server.cut()
    with SshSession(server) as transport:
        lock_as_soon_as_possible(transport, Holder.here("ours"))
    with pytest.raises(DeviceError):
        cut.check_lock()
    cut.close()


def test_settings_are_put_back_before_the_next_one_gets_the_device(server, tmp_path):
    order = tmp_path / "order"
    first, second = SshTransport(server.options()), SshTransport(server.options())
    first.lock(Holder.here("first"))
    first.at_end(["sh", "-c", f"sleep 0.5; echo restored >>{order}"])
    first.close()
    lock_as_soon_as_possible(second, Holder.here("second"))
    assert order.read_text() == "restored\n"
    second.close()


class SshSession:
    def __init__(self, server):
        self.transport = SshTransport(server.options())

    def __enter__(self):
        return self.transport

    def __exit__(self, *_):
        self.transport.close()
