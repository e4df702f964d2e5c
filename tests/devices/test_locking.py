"""One measurement at a time: locks of this computer, and those of devices that a shell holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.devices.device import Device
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.locking import (
    HOLDER_BYTES,
    DeviceBusyError,
    Holder,
    lock_device_here,
    lock_machine_here,
    locks_folder,
    others_measuring,
)
from latency_bench.devices.opening import open_device
from latency_bench.devices.transports.lock_script import LEASE_PATIENCE_S, LOCK_FUNCTIONS

HERE = Holder.here("bench run --model b1-seg")
RACE = """
import sys
from latency_bench.devices.locking import DeviceBusyError, Holder, lock_device_here
sys.stdin.readline()
try:
    lock_device_here("orin", Holder.here("race"), shared=False)
    print("held", flush=True)
except DeviceBusyError:
    print("busy", flush=True)
sys.stdin.readline()
"""


def python(script: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_of_several_processes_that_race_for_a_device_one_gets_it_and_a_killed_one_gives_it_back():
    racers = [python(RACE) for _ in range(4)]
    for racer in racers:
        say(racer)
    answers = [heard(racer) for racer in racers]
    assert sorted(answers) == ["busy", "busy", "busy", "held"]
    holder = racers[answers.index("held")]
    with pytest.raises(DeviceBusyError, match=f"process {holder.pid}.*: race"):
        lock_device_here("orin", HERE, shared=False)
    holder.kill()
    holder.wait()
    lock_device_here("orin", HERE, shared=False).release()
    for racer in racers:
        racer.kill()
        racer.wait()


def test_a_session_holds_its_device_until_its_end():
    device = Device(name="desk", probes=())
    with open_device(device) as session:
        session.lock("bench run")
        session.check_lock()
        with open_device(device) as other, pytest.raises(DeviceBusyError, match=r"desk is measured by .*: bench run"):
            other.lock("bench sweep")
        with open_device(Device(name="gpu", probes=())) as beside:
            beside.lock("bench sweep")
            assert [one.what for one in others_measuring("desk")] == ["bench sweep"]
    assert others_measuring("") == []
    with open_device(device) as session:
        session.lock("again")


def test_a_host_from_afar_and_the_machines_own_devices_keep_each_other_out(lock_shell):
    afar = lock_shell()
    assert afar() == "held"
    with pytest.raises(DeviceBusyError, match="from afar"):
        lock_machine_here(HERE)
    assert lock_shell()() == "busy"
    afar.end()
    ours = [lock_machine_here(HERE), lock_machine_here(HERE)]
    other = lock_shell()
    assert other() == "busy"
    assert "b1-seg" in other.holder
    for lock in ours:
        lock.release()
    assert lock_shell()() == "held"


def test_links_and_strange_files_are_not_used(locks, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = locks_folder()
    (folder / "device-link.lock").symlink_to(victim)
    (folder / "device-folder.lock").mkdir()
    os.mkfifo(folder / "device-pipe.lock")
    for name in ("link", "folder", "pipe"):
        with pytest.raises(DeviceError, match="cannot be used"):
            lock_device_here(name, HERE, shared=False)
    assert victim.read_text() == "precious"
    assert others_measuring("x") == []


def test_every_user_of_the_machine_may_use_the_locks(locks):
    lock = lock_device_here("orin", HERE, shared=False)
    assert locks.stat().st_mode & 0o7777 == 0o1777
    assert lock.path.stat().st_mode & 0o777 == 0o666
    lock.release()


@given(st.text(max_size=2000), st.text(max_size=300))
def test_what_a_lock_file_says_is_only_ever_shown(what, user):
    holder = HERE.model_copy(update={"what": what[:300], "user": user[:100]})
    line = holder.line()
    assert len(line) < HOLDER_BYTES
    assert "\n" not in line
    parsed = Holder.parse(line)
    assert parsed is not None
    assert parsed.words().isprintable()
    assert parsed.words().isascii()
    Holder.parse(what)


class LockShell:
    """A shell that takes the device's lock and keeps it until its input ends."""

    def __init__(self, shell: str, functions: str, word: str, path: str | None) -> None:
        script = (
            f"{functions}\n"
            'lock_device /nonexistent "$1" "$2"\n'
            '[ "$lock" = busy ] && read -r line <"$lockfile" && printf "%s\\n" "$line"\n'
            'echo "$lock"\n'
            'while read -r line; do beat_lease; echo "$lock"; done\n'
            "free_lease\n"
        )
        holder = HERE.model_copy(update={"what": f'it\'s "$(from)" afar, from afar, {word}'})
        self.process = subprocess.Popen(
            [shell, "-c", script, "lock", holder.line(), word],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **({"PATH": path} if path else {})},
        )
        self.holder = ""

    def __call__(self) -> str:
        answer = heard(self.process)
        while answer not in ("held", "busy", "unusable", "lost"):
            self.holder += answer
            answer = heard(self.process)
        return answer

    def beat(self) -> str:
        say(self.process)
        return heard(self.process)

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=120)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


StartShell = Callable[..., LockShell]


@pytest.fixture(params=[shell for shell in ("dash", "bash", "mksh") if shutil.which(shell)])
def lock_shell(request: pytest.FixtureRequest) -> Iterator[StartShell]:
    started: list[LockShell] = []

    def start(functions: str = LOCK_FUNCTIONS, path: str | None = None) -> LockShell:
        shell = shutil.which(request.param)
        assert shell is not None
        started.append(LockShell(shell, functions, f"w{len(started)}", path))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def test_a_shell_that_is_killed_gives_the_device_back(lock_shell):
    first = lock_shell()
    assert first() == "held"
    assert lock_shell()() == "busy"
    first.kill()
    assert lock_shell()() == "held"


@pytest.fixture
def without_flock(tmp_path: Path) -> str:
    """A PATH that has what the lease needs, and no flock."""
    folder = tmp_path / "bin"
    folder.mkdir()
    # printf is a program for mksh, which is Android's shell.
    for name in ("mkdir", "sleep", "cat", "mv", "rm", "dd", "printf"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return str(folder)


def test_without_flock_a_lease_is_kept_by_beats_and_taken_over_when_they_end(lock_shell, without_flock, locks):
    quick = LOCK_FUNCTIONS.replace(f"sleep {LEASE_PATIENCE_S}", "sleep 0.7")
    assert quick != LOCK_FUNCTIONS
    first = lock_shell(quick, without_flock)
    assert first() == "held"
    second = lock_shell(quick, without_flock)
    # A beat while the second looks on, early or late: either way its number has changed.
    for _ in range(8):
        assert first.beat() == "held"
        time.sleep(0.05)
    assert second() == "busy"
    first.kill()
    third = lock_shell(quick, without_flock)
    assert third() == "held"
    third.end()
    assert not list(locks.glob("*.lease*")), "a holder that ends gives its lease back"


def test_a_holder_that_was_held_for_dead_notices(lock_shell, without_flock):
    quick = LOCK_FUNCTIONS.replace(f"sleep {LEASE_PATIENCE_S}", "sleep 0.2")
    first = lock_shell(quick, without_flock)
    assert first() == "held"
    second = lock_shell(quick, without_flock)
    assert second() == "held", "the first said nothing for too long"
    assert first.beat() == "lost"
    assert second.beat() == "held"
    first.end()
    assert second.beat() == "held", "and took nothing with it"
