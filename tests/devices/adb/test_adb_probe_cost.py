"""What reading clocks and sensors beside a measurement costs the phone, in processes, which do not depend on noise.

The cost in time is for a quiet machine: benchmarks/adb_overhead.py.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from latency_bench.devices.probes.android import AndroidProbe
from latency_bench.devices.probes.base import Reading
from latency_bench.devices.transports.adb_script import guarded, new_mark
from latency_bench.devices.transports.local import LocalTransport

# A namespace counts its processes from 1 and gives numbers in order, so two of them tell how many came between.
_COUNTED = 'sh -c "echo \\$\\$"; "$@" >/dev/null 2>&1; sh -c "echo \\$\\$"'


def _processes_of(*command: str) -> int:
    if os.geteuid() != 0:
        pytest.skip("a namespace of processes needs root")
    # Standard input stays open meanwhile, as it does under the daemon.
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", _COUNTED, "sh", *command],
        stdin=(read_end := os.pipe())[0],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    for end in read_end:
        os.close(end)
    if done.returncode != 0 and "unshare" in done.stderr:
        pytest.skip(f"a namespace of processes cannot be made here: {done.stderr.strip()}")
    first, last = (int(line) for line in done.stdout.split())
    return last - first - 1


class _Recorded(LocalTransport):
    """Keeps the commands that the probe sends."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[list[str]] = []

    def run(self, argv, **options):
        self.commands.append(list(argv))
        return super().run(argv, **options)


@pytest.fixture
def reading() -> tuple[list[str], list[Reading]]:
    """The command that is sent once a second, and what came of it."""
    transport = _Recorded()
    probe = AndroidProbe()
    probe.read(transport)
    transport.commands.clear()
    readings = probe.read(transport)
    (command,) = transport.commands
    transport.close()
    return command, readings


def test_a_reading_is_one_process_for_all_files_together(reading):
    command, readings = reading
    assert len(readings) >= 2
    assert _processes_of(*command) == 1, "a core or a sensor costs a process"
    assert _processes_of("sh", "-c", "true; cat /proc/meminfo; true") == 2, "and one more would be seen"


def test_what_surrounds_it_is_a_fixed_handful(reading, tmp_path):
    """Shell, watcher, sign of life and its sleep, setsid: whatever the command is."""
    for words in (reading[0], ["true"]):
        assert _processes_of("sh", "-c", guarded(words, str(tmp_path), {}, 60, new_mark())) <= 6


def test_the_phones_services_are_asked_before_and_after_only(
    tmp_path: Path, phone: Path, write_devices, run_phone, make_tool
):
    """They are Java, and wake up the cores that are being measured."""
    log = tmp_path / "calls"
    for name in ("dumpsys", "settings", "getprop", "cmd", "taskset"):
        program = phone / name
        old = program.read_text().removeprefix("#!/bin/sh\n") if program.exists() else f'exec /usr/bin/{name} "$@"\n'
        told = f'case "{name} $*" in taskset*--num_runs=4*) echo tool ;; taskset*) ;; *) echo {name} ;; esac >>{log}'
        program.write_text(f"#!/bin/sh\n{told}\n{old}")
        program.chmod(0o755)
    write_devices(make_tool("replay"))
    assert run_phone().returncode == 0
    calls = log.read_text().split()
    first, last = calls.index("tool"), len(calls) - calls[::-1].index("tool")
    assert set(calls[first:last]) == {"tool"}
    assert len(calls[first:last]) >= 7
    assert {"dumpsys", "getprop"} <= set(calls[:first])
    assert "dumpsys" in calls[last:]
