"""Settings are put back whatever happens: on this computer too, and after kill -9."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.transports.local import LocalTransport
from latency_bench.devices.tuning.base import Operation, apply_all


class File(Operation):
    """A setting that is a file's content."""

    def __init__(self, name: str, path: Path, works: bool = True) -> None:
        self.name, self._path, self._works = name, path, works

    def available(self, transport: Transport) -> str | None:
        return None if self._path.exists() else "there is no such file"

    def show(self, transport: Transport) -> str | None:
        return self._path.read_text()

    def apply(self, transport: Transport) -> None:
        self._path.write_text("changed")
        if not self._works:
            raise DeviceError("half way")

    def restore(self, transport: Transport) -> Sequence[str]:
        return ["sh", "-c", 'printf %s "$1" >"$2"', "x", self._path.read_text(), str(self._path)]


@pytest.fixture
def setting(tmp_path: Path) -> Path:
    path = tmp_path / "setting"
    path.write_text("as it was")
    return path


def test_what_was_and_what_is_are_told_and_the_end_puts_it_back(setting):
    transport = LocalTransport()
    facts = apply_all(transport, [File("one", setting)])
    assert facts == {"one": {"before": "as it was", "while_measuring": "changed"}}
    transport.close()
    assert setting.read_text() == "as it was"


def test_a_change_that_fails_half_way_is_put_back(setting):
    transport = LocalTransport()
    with pytest.raises(DeviceError, match="half way"):
        apply_all(transport, [File("one", setting, works=False)])
    assert setting.read_text() == "changed"
    transport.close()
    assert setting.read_text() == "as it was"


def test_what_cannot_be_set_says_why(tmp_path):
    transport = LocalTransport()
    with pytest.raises(DeviceError, match="one cannot be set: there is no such file"):
        apply_all(transport, [File("one", tmp_path / "none")])
    transport.close()


def test_a_host_that_is_killed_puts_it_back(setting):
    program = (
        "import sys, time; from latency_bench.devices.transports.local import LocalTransport; t = LocalTransport(); "
        "t.at_end(['sh', '-c', 'printf restored >\"$1\"', 'x', sys.argv[1]]); "
        "print('ready', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(setting)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    deadline_s = time.monotonic() + 120
    while setting.read_text() != "restored":
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
