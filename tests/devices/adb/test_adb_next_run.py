"""A device that is lost, at every stage before measuring (test_adb_run.py has that one): a reason and exit code 1,
nothing half-stored, and the next run on the same device works."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

STOPPED = pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)
"""A daemon that is there and silent takes ten seconds to be told from one that is busy."""


def _slow_program(folder: Path, name: str, when: str) -> Path:
    """A phone's program that takes long where `when` holds of its arguments ($*), and makes a file to say so."""
    reached = folder / f"{name}-reached"
    program = folder / name
    old = program.read_text() if program.exists() else f'exec /usr/bin/{name} "$@"'
    lines = ["#!/bin/sh", f'case "$*" in {when}) touch {reached}; sleep 30 ;; esac', old.removeprefix("#!/bin/sh\n")]
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)
    return reached


def _when(reached: Callable[[], bool], then: Callable[[], object]) -> threading.Thread:
    def wait() -> None:
        deadline_s = time.monotonic() + 120
        while not reached() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        then()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
def test_after_a_tool_that_hangs(write_devices, make_tool, run_phone, next_run_works):
    """The patience is a minute and the tool's own limit."""
    write_devices(make_tool("hang"), benchmark_model={"max_process_s": 0.5})
    done = run_phone()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "said nothing for" in done.stdout + done.stderr
    next_run_works(before=1)


@pytest.mark.parametrize("fault", [signal.SIGKILL, STOPPED])
@pytest.mark.parametrize(
    ("program", "when", "stored"),
    [
        # Before anything is known of the device, nothing is stored.
        pytest.param("mkdir", "*session-*", 0, marks=pytest.mark.slow),
        pytest.param("getprop", "*", 1, marks=pytest.mark.slow),
        ("sha256sum", "*", 1),
    ],
    ids=["connecting", "looking at the device", "deploying"],
)
def test_after_a_daemon_that_is_lost_at_this_stage(
    phone, daemon, write_devices, run_phone, make_tool, next_run_works, program, when, stored, fault
):
    write_devices(make_tool("replay"))
    before = (phone / program).read_text() if (phone / program).exists() else None
    reached = _slow_program(phone, program, when)
    losing = _when(reached.exists, lambda: daemon.signal(fault))
    done = run_phone()
    losing.join()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "went away" in done.stdout + done.stderr
    daemon.signal(signal.SIGCONT)
    if fault == signal.SIGKILL:
        daemon.kill()
        daemon.start()
    (phone / program).unlink() if before is None else (phone / program).write_text(before)
    next_run_works(before=stored)


def test_after_a_daemon_that_was_not_there(daemon, write_devices, run_phone, make_tool, next_run_works):
    """Switched off, or unplugged."""
    write_devices(make_tool("replay"))
    daemon.kill()
    done = run_phone()
    assert done.returncode == 1, done.stdout + done.stderr
    daemon.start()
    next_run_works(before=0)


@pytest.mark.parametrize(
    ("asks", "said"),
    [
        pytest.param(True, "accept the dialog", id="locked"),
        pytest.param(False, "", id="offline", marks=pytest.mark.slow),
    ],
)
def test_after_a_device_that_is_locked_or_offline(
    fake, write_devices, run_phone, make_tool, next_run_works, asks, said
):
    write_devices(make_tool("replay"), adb={"port": fake(asks)})
    done = run_phone()
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    next_run_works(before=0)
